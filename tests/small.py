"""Small recipes and texts, with which a command trains in a second."""

from dataclasses import replace
from pathlib import Path

from gptbook.tasks.recipe_words import recipe
from gptbook.tasks.recipes import TextRecipe
from gptbook.training.recipe import Recipe

TINY = TextRecipe(
    name="laptop",
    num_steps=6,
    num_layers=1,
    num_heads=2,
    model_dim=16,
    mlp_dim=32,
    context_length=16,
    batch_size=4,
    learning_rate=0.02,
    other_rate=0.01,
    warmup_steps=2,
    evaluate_every=3,
    num_windows=4,
)
TEXT = "".join(f"{who} {what} the {whom}.\n" for who in "abcd" for what in ("sees", "hears") for whom in "efgh") * 2
EXACT = ["--precision", "float32"]
OWN = ["train", "laptop", "--data", "own.txt", *EXACT]
RUN = Path("runs/laptop-own")

NAMES = [first + middle + last for first in ("am", "bo", "ca", "d") for middle in "aeio" for last in ("n", "rk", "")]


def tiny_recipe(word: str) -> Recipe:
    """The recipes for text in small, all others as they are."""
    chosen = recipe(word)
    return replace(TINY, name=chosen.name) if isinstance(chosen, TextRecipe) else chosen
