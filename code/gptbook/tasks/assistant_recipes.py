"""Recipes of assistants: a GPT that goes on, with conversations and not with a text."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from gptbook.tasks.continued_recipes import ContinuedTextRecipe, LoRATextRecipe
from gptbook.tasks.recipes import TextRecipe


@dataclass(frozen=True, kw_only=True)
class AssistantRecipe(ContinuedTextRecipe):
    """A GPT that was trained before, and learns to answer.

    `data` is a file of conversations; context_length is that of their longest row.
    """


@dataclass(frozen=True, kw_only=True)
class LoRAAssistantRecipe(AssistantRecipe, LoRATextRecipe):
    """The same, where the weights stay and small adapters beside them learn."""


def tokens_each_step(recipe: TextRecipe, data: Mapping[str, Any]) -> int:
    """How many tokens a step learns from; of conversations, on average.

    data are the facts that a run has saved of them.
    """
    if not isinstance(recipe, AssistantRecipe):
        return recipe.batch_tokens
    return round(recipe.batch_size * data["training_tokens"] / data["conversations"])
