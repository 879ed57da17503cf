"""Recipes of runs that go on: from another model, or after their own last step."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import pairwise

from gptbook.tasks.recipes import GPTRecipe, NgramRecipe, TextRecipe
from gptbook.training.recipe import Recipe


@dataclass(frozen=True, kw_only=True)
class ContinuedRecipe(Recipe):
    """Learning that begins with a trained model, not with numbers drawn by chance."""

    starts_from: str = ""
    """What the model was called, or where it lay; empty for a run's own last step."""
    base_sha256: str = ""
    """The sha256 of its weights, by which it is known wherever it lies."""
    restarts: tuple[int, ...] = ()
    """After which steps the rates, which had fallen to zero, began to rise again."""

    def __post_init__(self) -> None:
        """Raises ValueError, which names the field, for a value that cannot be."""
        super().__post_init__()
        restarts = tuple(self.restarts)  # JSON has lists only
        object.__setattr__(self, "restarts", restarts)
        if any(
            here >= later for here, later in pairwise((0, *restarts, self.num_steps))
        ):
            raise ValueError(
                f"restarts are {restarts}: give steps that grow, below "
                f"num_steps ({self.num_steps})"
            )

    def leg(self, step: int) -> tuple[int, int]:
        """From where to where the schedule of the rates goes that a step belongs to."""
        ends = [*self.restarts, self.num_steps]
        last = next(end for end in ends if step < end or end == self.num_steps)
        return max((0, *(start for start in self.restarts if start < last))), last


@dataclass(frozen=True, kw_only=True)
class ContinuedTextRecipe(TextRecipe, ContinuedRecipe):
    """A GPT that was trained before, and learns to go on with a text."""

    model_context_length: int
    """How many tokens the model can see; `context_length` is of the windows here."""


@dataclass(frozen=True, kw_only=True)
class LoRATextRecipe(ContinuedTextRecipe):
    """The same, where the weights stay and small adapters beside them learn.

    A run saves both: it is whole without the model that it went on from, and saving
    takes a fiftieth of the time at most, however large the weights are.
    """

    lora_rank: int
    """How thin the two matrices of an adapter are."""
    lora_alpha: float
    """By alpha / rank what they add is multiplied."""


@dataclass(frozen=True, kw_only=True)
class ContinuedGPTRecipe(GPTRecipe, ContinuedRecipe):
    """A GPT that has learned to spell names, and goes on with others."""


@dataclass(frozen=True, kw_only=True)
class ContinuedNgramRecipe(NgramRecipe, ContinuedRecipe):
    """An n-gram net that has learned to spell names, and goes on with others."""


def origin(recipe: Recipe) -> Iterator[str]:
    """From what a run went on, line by line; nothing if it began from chance."""
    if not isinstance(recipe, ContinuedRecipe):
        return
    if recipe.starts_from:
        yield f"went on from {recipe.starts_from} (weights {recipe.base_sha256[:12]})"
    if isinstance(recipe, LoRATextRecipe):
        yield f"LoRA of rank {recipe.lora_rank}, alpha {recipe.lora_alpha:g}"
    for restart in recipe.restarts:
        yield f"finished at step {restart:,}; then the rates rose and fell once more"


def with_whole_context(recipe: TextRecipe) -> TextRecipe:
    """The recipe with the context of its model, which its windows may not fill."""
    if not isinstance(recipe, ContinuedTextRecipe):
        return recipe
    return replace(recipe, context_length=recipe.model_context_length)
