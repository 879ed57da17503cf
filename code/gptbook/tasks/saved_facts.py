"""What a run has saved about itself, checked before any of it is believed."""

import math
from collections.abc import Mapping
from dataclasses import MISSING, fields
from pathlib import Path
from typing import Any

from torch import Tensor

from gptbook.files.json_files import (
    Digest,
    Fields,
    Listing,
    Real,
    Shape,
    Whole,
    Words,
    check_facts,
)
from gptbook.machine.device import PRECISIONS
from gptbook.tasks.assistant_recipes import AssistantRecipe, LoRAAssistantRecipe
from gptbook.tasks.continued_recipes import (
    ContinuedGPTRecipe,
    ContinuedNgramRecipe,
    ContinuedTextRecipe,
    LoRATextRecipe,
)
from gptbook.tasks.recipes import (
    ClassifierRecipe,
    ClubsRecipe,
    GPTRecipe,
    NgramRecipe,
    TextRecipe,
)
from gptbook.training.checkpoint import DAMAGED, weights_name
from gptbook.training.curve import lowest
from gptbook.training.recipe import LARGEST_NUMBER, Recipe

RUN_RECIPES = {
    kind.__name__: kind
    for kind in (
        NgramRecipe,
        ClassifierRecipe,
        GPTRecipe,
        ClubsRecipe,
        TextRecipe,
        ContinuedNgramRecipe,
        ContinuedGPTRecipe,
        ContinuedTextRecipe,
        LoRATextRecipe,
        AssistantRecipe,
        LoRAAssistantRecipe,
    )
}
FIELD_SHAPES: dict[Any, Shape] = {
    int: Whole(),
    float: Real(),
    str: Words(),
    tuple[int, ...]: Listing(Whole(1, LARGEST_NUMBER)),
}
LOSSES = Listing(Real(any_float=True))
MOST_SENTENCES = 100_000  # that a run of clubs has; writing them takes seconds
LONGEST_NAME = 10**7  # letters; longer than any file of names that memory holds
NAMES_DATA = Fields(
    {
        "alphabet": Listing(Words(least=1, most=1), least=1, different=True),
        "num_names": Whole(2),
        "longest_name": Whole(1, LONGEST_NAME),
        "names_sha256": Digest(),
    }
)
TEXT_DATA = Fields(
    {
        "name": Words(),
        "vocab_size": Whole(2, 2**16),
        "training_tokens": Whole(1),
        "bytes_per_token": Real(1e-9, 1e9),
        "training_sha256": Digest(),
        "held_out_sha256": Digest(),
        "tokenizer_sha256": Digest(),
    },
    is_open=True,
)
CONVERSATIONS_DATA = Fields(
    {
        **TEXT_DATA.required,
        "training_answer_tokens": Whole(1),
        "conversations": Whole(1),
    },
    is_open=True,
)
RUN_DATA: dict[str, Fields] = {
    "NgramRecipe": NAMES_DATA,
    "GPTRecipe": NAMES_DATA,
    "ClubsRecipe": Fields({"words": Listing(Words(least=1), least=1, different=True)}),
    "ClassifierRecipe": Fields({"flowers_sha256": Digest()}),
    "TextRecipe": TEXT_DATA,
    "ContinuedNgramRecipe": NAMES_DATA,
    "ContinuedGPTRecipe": NAMES_DATA,
    "ContinuedTextRecipe": TEXT_DATA,
    "LoRATextRecipe": TEXT_DATA,
    "AssistantRecipe": CONVERSATIONS_DATA,
    "LoRAAssistantRecipe": CONVERSATIONS_DATA,
}
MEASUREMENT = Fields({"step": Whole(1), "held_out_loss": Real(0)})
EXTRAS: dict[str, Shape] = {
    "evaluations": Listing(MEASUREMENT),
    "machine": Fields(
        {
            "name": Words(),
            "precision": Words(choices=PRECISIONS),
            "processes": Whole(1, 10**6),
            "rows_at_once": Whole(1, LARGEST_NUMBER),
        },
        is_open=True,
    ),
}
BEST = Fields({"step": Whole(1), "weights": Words(), "weights_sha256": Digest()})
# Sizes that show in the weights: no tensor of a model is narrower than these say.
SHOWN_SIZES = ("model_dim", "mlp_dim", "embedding_dim", "hidden_dim", "window")


def recipe_in(facts: dict[str, Any], run_dir: Path) -> Recipe:
    """The recipe in a checkpoint's facts, after all of them were checked.

    Raises ValueError, in one sentence, if they are of no run, or were changed.
    """
    kind, said = facts.get("kind"), facts.get("recipe")
    known = RUN_RECIPES.get(kind) if isinstance(kind, str) else None
    if known is None or not isinstance(said, dict) or "data" not in facts:
        raise no_run(run_dir)
    check_facts(facts, run_shape(known), run_dir, DAMAGED)
    try:
        used: Recipe = known(**said)
    except ValueError as error:
        raise ValueError(f"{run_dir}: {error}: {DAMAGED}") from None
    step, losses = facts["step"], facts["losses"]
    measured = [each["step"] for each in facts.get("evaluations", [])]
    rows_at_once = facts.get("machine", {}).get("rows_at_once", 1)
    best = facts.get("best")
    problem = ""
    if len(losses) != step or step > used.num_steps:
        problem = f"it says {step} of {used.num_steps} steps and {len(losses)} losses"
    elif measured != sorted(set(measured)) or any(at > step for at in measured):
        problem = f"it says that it was measured at other steps than up to {step}"
    elif rows_at_once > getattr(used, "batch_size", 1):
        problem = "it worked on more rows at once than a step has"
    elif best and best["step"] != lowest(facts.get("evaluations", []))["step"]:
        problem = f"its held-out loss was not lowest after step {best['step']}"
    elif best and best["weights"] != weights_name(best["weights_sha256"]):
        problem = "it says that its best weights are in another file than their own"
    if problem:
        raise ValueError(f"{run_dir}: {problem}: {DAMAGED}")
    if not all(map(math.isfinite, losses)):
        raise ValueError(
            f"the run in {run_dir} has failed, a loss is not finite: "
            "train anew in another folder"
        )
    return used


def no_run(run_dir: Path) -> ValueError:
    """That a checkpoint is of something else."""
    return ValueError(
        f"{run_dir} holds a checkpoint, but not of a training run: "
        "give a folder that gptbook train made"
    )


def run_shape(kind: type[Recipe]) -> Fields:
    """What the facts of a run with this kind of recipe hold."""
    is_needed = {each.name: each.default is MISSING for each in fields(kind)}
    shapes = {each.name: FIELD_SHAPES[each.type] for each in fields(kind)}
    if "num_sentences" in shapes:
        shapes["num_sentences"] = Whole(1, MOST_SENTENCES)
    recipe = Fields(
        {name: shape for name, shape in shapes.items() if is_needed[name]},
        {name: shape for name, shape in shapes.items() if not is_needed[name]},
    )
    return Fields(
        {
            "kind": Words(choices=(kind.__name__,)),
            "recipe": recipe,
            "data": RUN_DATA[kind.__name__],
            "step": Whole(0, LARGEST_NUMBER),
            "losses": LOSSES,
            **(EXTRAS if issubclass(kind, TextRecipe) else {}),
        },
        {**EXTRAS, "best": BEST},  # of other runs only since they go through one engine
    )


def vocab_size_in(facts: dict[str, Any]) -> int:
    """How many different tokens the data of a run have, by facts that are checked."""
    data = facts["data"]
    known = data.get("alphabet") or data.get("words") or []
    return int(data.get("vocab_size", len(known) + 1))


def check_sizes(
    recipe: Recipe, facts: dict[str, Any], tensors: Mapping[str, Tensor], run_dir: Path
) -> None:
    """Raise ValueError if the facts say sizes that the weights do not have.

    What is left is small enough to build the model without its numbers, and compare.
    """
    shapes = [
        tensor.shape for name, tensor in tensors.items() if name.startswith("model.")
    ]
    widest = max((size for shape in shapes for size in shape), default=0)
    said = {
        name: getattr(recipe, name) for name in SHOWN_SIZES if hasattr(recipe, name)
    }
    said["vocab_size"] = vocab_size_in(facts)
    if isinstance(recipe, NgramRecipe):
        said["context_length"] = recipe.context_length
    if isinstance(recipe, ClassifierRecipe):
        said = {}
    most = dict.fromkeys(said, widest)
    if hasattr(recipe, "num_layers"):
        said["num_layers"], most["num_layers"] = recipe.num_layers, len(shapes)
    for name, size in said.items():
        if size > most[name]:
            raise ValueError(
                f"{run_dir}: {name} is {size}, and its weights have {most[name]} at "
                f"most: {DAMAGED}"
            )
