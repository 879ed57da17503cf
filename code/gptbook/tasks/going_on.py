"""What a recipe becomes that goes on with a trained model."""

from dataclasses import asdict, replace
from typing import Any

from gptbook.data.tokenizer import CharacterTokenizer
from gptbook.tasks.base_model import Base
from gptbook.tasks.continued import ContinuedGPTNames, ContinuedNgramNames
from gptbook.tasks.continued_recipes import (
    ContinuedGPTRecipe,
    ContinuedNgramRecipe,
    ContinuedTextRecipe,
    LoRATextRecipe,
)
from gptbook.tasks.recipes import GPTRecipe, NamesRecipe, NgramRecipe, TextRecipe
from gptbook.training.recipe import Recipe

FEWER = 5  # times fewer steps: most of what it needs it has learned before
LOWER = 3.0  # times lower rates: large steps would undo what it knows
GPT2_RATE = 6e-5  # of AdamW: a tenth of what GPT-2 small is trained with
LORA_RATE = 6e-4  # the same of its adapters, which start at nothing
USUAL_ALPHA = 2.0  # times the rank


def gentler(chosen: Recipe) -> Recipe:
    """The recipe with the steps and rates for a model that is trained already."""
    changes: dict[str, Any] = {"num_steps": max(1, chosen.num_steps // FEWER)}
    for name in ("learning_rate", "other_rate"):
        if hasattr(chosen, name):
            changes[name] = getattr(chosen, name) / LOWER
    if isinstance(chosen, TextRecipe):
        changes["evaluate_every"] = max(1, chosen.evaluate_every // FEWER)
    return replace(chosen, **changes)


def continued_text_recipe(
    chosen: TextRecipe,
    base: Base,
    *,
    windows: int | None = None,
    rate_scale: float = 1.0,
    learning_rate: float | None = None,
    lora_rank: int | None = None,
    lora_alpha: float | None = None,
) -> ContinuedTextRecipe:
    """A recipe for a text, of a model's form and sizes, that goes on with the model.

    Its windows are no longer than the model can see, unless `windows` asks for longer
    ones: a newer form, which has no table of positions, learns to see as far.
    A GPT-2 and adapters learn by AdamW, with learning_rate where it is given; adapters
    of a newer form at the rate that the recipe has for what is no matrix. rate_scale
    the recipe has taken in already. Raises ValueError if a GPT-2 is to see further, or
    to have dropout.
    """
    sizes, context = dict(base.sizes), base.sizes["model_context_length"]
    changes = asdict(chosen) | sizes | {"starts_from": base.name}
    changes |= {"base_sha256": base.sha256}
    changes["context_length"] = min(chosen.context_length, context)
    is_gpt2, rate = sizes["form"] == "gpt-2", GPT2_RATE * rate_scale
    if windows is not None and windows > context:
        if is_gpt2:
            raise ValueError(
                f"--context-length is {windows:,}, and {base.name} has positions for "
                f"{context:,} tokens, no more: give {context:,} or fewer"
            )
        changes |= {"context_length": windows, "model_context_length": windows}
    if is_gpt2 and chosen.dropout:
        raise ValueError("GPT-2's form has no dropout here: leave out --dropout")
    if lora_rank is not None:
        rate = LORA_RATE * rate_scale if is_gpt2 else chosen.other_rate
        changes["lora_rank"] = lora_rank
        changes["lora_alpha"] = lora_alpha or USUAL_ALPHA * lora_rank
    if is_gpt2 or lora_rank is not None:
        rates = dict.fromkeys(("learning_rate", "other_rate"), learning_rate or rate)
        plain = {"embedding_scale": 1.0, "momentum_steps": 1}
        changes |= {"optimizer": "adamw", **plain, **rates}
    kind = ContinuedTextRecipe if lora_rank is None else LoRATextRecipe
    return kind(**changes)


def continued_names(
    chosen: NamesRecipe, base: Base
) -> ContinuedGPTNames | ContinuedNgramNames:
    """Names, in the letters and for a model of the sizes of one that goes on.

    Raises ValueError if the names cannot be read, or have other letters.
    """
    changes = asdict(chosen) | dict(base.sizes) | {"starts_from": base.name}
    changes |= {"base_sha256": base.sha256}
    letters = base.tokenizer
    assert isinstance(letters, CharacterTokenizer)
    if isinstance(chosen, GPTRecipe):
        recipe = ContinuedGPTRecipe(**changes)
        return ContinuedGPTNames(recipe, letters, base.weights)
    assert isinstance(chosen, NgramRecipe)
    net = ContinuedNgramRecipe(**changes)
    return ContinuedNgramNames(net, letters, base.weights)
