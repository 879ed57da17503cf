"""The model to go on with: a GPT-2, a file of the book's pages, or a run's."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors.torch import save
from torch import Tensor

from gptbook.data.hub import GPT2_REVISIONS
from gptbook.data.tokenizer import CharacterTokenizer
from gptbook.data.tokenizer_files import TextTokenizer
from gptbook.exchange.open_model import open_pretrained
from gptbook.files.nearest_word import hint, quoted
from gptbook.models.gpt import GPT
from gptbook.models.modern import ModernGPT
from gptbook.models.speedrun import SpeedrunGPT
from gptbook.tasks.byte_pairs import holds_tokenizer
from gptbook.tasks.continued_recipes import ContinuedRecipe, ContinuedTextRecipe
from gptbook.tasks.open_run import model_of, open_best, open_run, text_tokenizer
from gptbook.tasks.recipes import GPTRecipe, NamesRecipe, NgramRecipe, TextRecipe
from gptbook.training.checkpoint import FACTS_FILE
from gptbook.training.recipe import Recipe
from gptbook.training.saved_run import SavedRun

GPT_SIZES = ("num_layers", "num_heads", "model_dim", "mlp_dim")
NET_SIZES = ("context_length", "embedding_dim", "hidden_dim")


@dataclass(frozen=True, kw_only=True)
class Base:
    """A trained model to go on with."""

    name: str
    """What the reader calls it."""
    sha256: str
    """The sha256 of its weights, whichever file they came in."""
    sizes: Mapping[str, Any]
    """What a recipe must say to make a model of its form and sizes."""
    tokenizer: TextTokenizer
    """What turns text, or names, into its tokens."""
    weights: Mapping[str, Tensor] | None = None
    """Its numbers by the names of the model's parameters; None where a run has them."""


def open_base(source: str, chosen: TextRecipe | NamesRecipe) -> Base:
    """The model to go on with, for a recipe of its kind.

    source is the folder of a run, a folder or file of weights, or a name such as gpt2.
    Raises ValueError, in one sentence, if it cannot be had or is of another kind.
    """
    path = Path(source)
    if path.is_dir() and holds_tokenizer(path):
        raise ValueError(
            f"--from {source} holds a tokenizer, which is no model: give a run"
        )
    if (path / FACTS_FILE).is_file():
        return base_in_run(path, source, chosen)
    if isinstance(chosen, NamesRecipe):
        raise ValueError(
            f"--from {source} is no run of names: {chosen.name} goes on with the "
            "folder of a run such as runs/city-gpt"
        )
    if not path.exists() and source not in GPT2_REVISIONS:
        near = hint(source.lower(), GPT2_REVISIONS)
        raise ValueError(
            f"there is no file or folder {quoted(source)} to go on from: give a run, a "
            f"folder or file of weights, or a name; {near}"
        )
    model, tokenizer = open_pretrained(source)
    return base_of(source, model, tokenizer)


def base_in_run(path: Path, source: str, chosen: TextRecipe | NamesRecipe) -> Base:
    """The best weights of a run. Raises ValueError if it is of another kind."""
    saved = open_best(path)
    if kind_of(saved.recipe) is not kind_of(chosen):
        raise ValueError(
            f"--from {source} holds a run of {saved.recipe.name}, and {chosen.name} "
            "goes on with a model of its own kind only: give one of those"
        )
    model = model_of(saved)
    if isinstance(model, GPT | ModernGPT) and isinstance(saved.recipe, TextRecipe):
        return base_of(source, model, text_tokenizer(saved))
    return Base(
        name=source,
        sha256=weights_sha256(model.state_dict()),
        sizes=names_sizes(saved.recipe),
        tokenizer=CharacterTokenizer(saved.facts["data"]["alphabet"]),
        weights=model.state_dict(),
    )


def base_of(source: str, model: GPT | ModernGPT, tokenizer: TextTokenizer) -> Base:
    """A text model, with what a recipe must say of it."""
    form = "speedrun" if isinstance(model, SpeedrunGPT) else "modern"
    form = "gpt-2" if isinstance(model, GPT) else form
    config = model.config
    sizes = {"form": form, **{name: getattr(config, name) for name in GPT_SIZES}}
    return Base(
        name=source,
        sha256=weights_sha256(model.state_dict()),
        sizes=sizes | {"model_context_length": config.context_length},
        tokenizer=tokenizer,
        weights=model.state_dict(),
    )


def base_kept_in(saved: SavedRun) -> Base:
    """What a run went on from, by what it has kept: it has the weights itself."""
    recipe = saved.recipe
    assert isinstance(recipe, ContinuedRecipe)
    is_text = isinstance(recipe, ContinuedTextRecipe)
    names = ("form", *GPT_SIZES, "model_context_length")
    return Base(
        name=recipe.starts_from,
        sha256=recipe.base_sha256,
        sizes=(
            {name: getattr(recipe, name) for name in names}
            if is_text
            else names_sizes(recipe)
        ),
        tokenizer=(
            text_tokenizer(saved)
            if is_text
            else CharacterTokenizer(saved.facts["data"]["alphabet"])
        ),
    )


def base_for(source: str, chosen: TextRecipe | NamesRecipe, run_dir: Path) -> Base:
    """What to go on with in a folder: what the run there went on from, or the model.

    A run that is begun is whole: its base may have changed since, or be gone. Raises
    ValueError as `open_base` does, or if that run went on from something else.
    """
    if not (run_dir / FACTS_FILE).is_file():
        return open_base(source, chosen)
    saved = open_run(run_dir)
    before = getattr(saved.recipe, "starts_from", "")
    advice = "give another --run-dir"
    if kind_of(saved.recipe) is not kind_of(chosen):
        raise ValueError(f"{run_dir} holds a run of {saved.recipe.name}: {advice}")
    if not before:
        raise ValueError(
            f"{run_dir} holds a run that did not go on from {source}: {advice}, or "
            "leave out --from and give more --steps to go on with that run itself"
        )
    kept = base_kept_in(saved)
    if source != before and open_base(source, chosen).sha256 != kept.sha256:
        raise ValueError(
            f"{run_dir} holds a run that went on from {before}, not from {source}: "
            f"{advice}"
        )
    return kept


def kind_of(recipe: Recipe) -> type[Recipe]:
    """The kind of model that a recipe trains, whether it begins anew or goes on."""
    kinds = (TextRecipe, GPTRecipe, NgramRecipe)
    return next((kind for kind in kinds if isinstance(recipe, kind)), type(recipe))


def names_sizes(recipe: Recipe) -> dict[str, Any]:
    """What makes a model for names as large as another one."""
    is_gpt = isinstance(recipe, GPTRecipe)
    names = (*GPT_SIZES, "context_length") if is_gpt else NET_SIZES
    return {name: getattr(recipe, name) for name in names}


def weights_sha256(weights: Mapping[str, Tensor]) -> str:
    """The sha256 of a model's numbers and their names."""
    return hashlib.sha256(save(dict(weights))).hexdigest()
