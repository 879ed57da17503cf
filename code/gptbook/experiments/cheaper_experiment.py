"""Fewer steps to the same loss: the changes of the five-dollar recipe, one by one."""

import hashlib
import importlib.metadata
import math
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from itertools import accumulate, product
from pathlib import Path
from typing import Any

from gptbook.data.corpus import Corpus, write_corpus
from gptbook.data.docstrings import docstrings
from gptbook.data.tables import split_names
from gptbook.data.tokenizer import CharacterTokenizer
from gptbook.tasks.recipes import TextRecipe
from gptbook.tasks.text import TextTask
from gptbook.training.engine import Run

# The rates are the best of four pairs for the recipe before, in 450 steps with seed 0.
CHEAPER_SETTINGS: dict[str, Any] = {
    "libraries": ["matplotlib", "numpy", "pandas"],
    "recipe": {
        "num_layers": 4,
        "num_heads": 2,
        "model_dim": 64,
        "mlp_dim": 256,
        "context_length": 64,
        "batch_size": 16,
        "learning_rate": 0.04,
        "other_rate": 0.02,
        "warmup_steps": 20,
        "num_windows": 512,
    },
    "steps_before": [300, 420, 600],
    "steps_after": 300,
    "changes": {
        "rates and momentum": {
            "warmup_steps": 1,
            "decay_share": 0.5,
            "momentum_steps": 50,
            "other_rate": 0.01,
            "embedding_scale": 10.0,
        },
        "shortcuts, capped scores": {"form": "speedrun"},
        "half the batch": {
            "batch_size": 8,
            "learning_rate": 0.028,
            "other_rate": 0.007,
        },
    },
    "seeds": [0, 1, 2],
}


class CheaperExperiment:
    """One text, one small GPT: the recipe before, and with one change more each time.

    The recipe before is trained for several numbers of steps, so that its loss at any
    number between can be told; each change adds to all the changes before it. After a
    change of the batch there are more steps, so that the tokens stay as many.
    """

    def __init__(self, settings: dict[str, Any], folder: Path) -> None:
        """The settings are like `CHEAPER_SETTINGS`. No run is kept half."""
        self.settings = settings
        training, held_out = split_names(docstrings(settings["libraries"]))
        self.texts = [*training, *held_out]
        letters = CharacterTokenizer.from_texts(self.texts)
        parts = [
            ([0, *letters.encode(text)] for text in part)
            for part in (training, held_out)
        ]
        about = {"name": "docstrings", "bytes_per_token": 1.0}
        self.corpus: Corpus = write_corpus(folder / "text", letters, *parts, about)  # type: ignore[call-arg,arg-type]

    def parts(self) -> dict[str, tuple[int, Callable[..., dict[str, Any]]]]:
        """Each recipe with each seed."""
        settings = self.settings
        first = TextRecipe(
            name="small", num_steps=1, evaluate_every=1, **settings["recipe"]
        )
        recipes = [("before", steps, first) for steps in settings["steps_before"]]
        changed = accumulate(
            settings["changes"].values(),
            lambda recipe, change: replace(recipe, **change),
            initial=first,
        )
        tokens = settings["steps_after"] * first.batch_tokens
        recipes += [
            (name, tokens // recipe.batch_tokens, recipe)
            for name, recipe in zip(settings["changes"], list(changed)[1:])
        ]
        return {
            f"{name}-{steps}-{seed}": (
                steps,
                partial(
                    self.train,
                    name,
                    replace(recipe, num_steps=steps, evaluate_every=steps, seed=seed),
                ),
            )
            for seed, (name, steps, recipe) in product(settings["seeds"], recipes)
        }

    def train(
        self, name: str, recipe: TextRecipe, on_step: Callable[[int, float], None]
    ) -> dict[str, Any]:
        """A recipe with a seed: a row of the record."""
        run = Run(TextTask(recipe, self.corpus), rows_at_once=recipe.batch_size)
        began = time.process_time()
        while not run.is_finished:
            on_step(run.step, run.training_step())
        return {
            "change": name,
            "num_steps": recipe.num_steps,
            "num_tokens": recipe.num_tokens,
            "seed": recipe.seed,
            "parameters": run.num_parameters,
            "processor_seconds": time.process_time() - began,
            "held_out_loss": run.evaluations[-1]["held_out_loss"],
        }

    def results(self, done: dict[str, dict[str, Any]]) -> dict[str, Any]:
        """What the record holds besides how it was made."""
        libraries = self.settings["libraries"]
        return {
            "versions": {name: importlib.metadata.version(name) for name in libraries},
            "text_sha256": hashlib.sha256("\0".join(self.texts).encode()).hexdigest(),
            "characters": {
                "training": len(self.corpus.training),
                "held_out": len(self.corpus.held_out),
            },
            "uniform_loss": math.log(self.corpus.vocab_size),
            "rows": list(done.values()),
        }
