"""Small recipes and texts, with which a command trains in a second."""

from dataclasses import replace
from pathlib import Path

import pytest

from gptbook.cli.parser import main
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
    return replace(TINY, name=chosen.name) if type(chosen) is TextRecipe else chosen


def text_commands(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Let every command run in an empty folder with a text, and train in small."""
    monkeypatch.chdir(folder)
    monkeypatch.setenv("GPTBOOK_CACHE", str(folder / "cache"))
    for module in ("train", "reports"):
        monkeypatch.setattr(f"gptbook.cli.{module}.recipe", tiny_recipe)
    monkeypatch.setattr(
        "gptbook.cli.progress.seconds_left", lambda run: 1.0
    )  # its rehearsal takes longer than the rest
    (folder / "own.txt").write_text(TEXT)
    return folder


def finished_text_run() -> Path:
    """A run that is finished, in characters."""
    assert main(OWN) == 0
    return RUN


def finished_pieces_run() -> Path:
    """A run that is finished, in byte pairs."""
    words = ["data", "prepare", "own.txt", "--out", "pairs", "--tokenizer", "byte-pairs", "--vocab-size", "270"]
    assert main(words) == 0
    assert main(["train", "laptop", "--data", "pairs", "--precision", "float32", "--steps", "3"]) == 0
    return RUN


def finished_gpt2_run(monkeypatch: pytest.MonkeyPatch) -> Path:
    """The same in the form gpt-2."""
    monkeypatch.setattr("gptbook.cli.train.recipe", lambda word: replace(TINY, form="gpt-2", optimizer="adamw"))
    return finished_pieces_run()
