"""The experiment of the record mistakes.json: the curve of every planted mistake."""

import math
import statistics
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from gptbook.data.sequences import NO_TARGET, padded
from gptbook.data.tables import city_names, split_names
from gptbook.data.tokenizer import CharacterTokenizer
from gptbook.experiments.mistakes import mistakes
from gptbook.experiments.planting import PlantedPackage
from gptbook.experiments.small_task import SMALL_SETTINGS
from gptbook.models.ngram import NgramCounts, context_windows
from gptbook.training.loss import next_token_loss
from gptbook.training.measure import mean_surprise


def mistake_settings() -> dict[str, Any]:
    """A small GPT of city names, whole with three seeds, and with each mistake."""
    return {
        "run": SMALL_SETTINGS,
        "seeds": [0, 1, 2],
        "measure_every": 16,
        "num_fresh": 500,
        "num_samples": 60,
        "planted": {
            slug: [list(change) for change in mistake.changes]
            for slug, mistake in mistakes().items()
        },
    }


@torch.no_grad()
def prefix_loss(model: nn.Module, inputs: Tensor, targets: Tensor) -> float:
    """The loss of a model that is shown what came before, and nothing else.

    Each position is asked as the last one, as in writing, so a model that has learned
    to look ahead finds nothing there. In nats per position.
    Shapes: inputs and targets (P, T), as `padded` makes them.
    """
    model.eval()
    total, asked = 0.0, 0
    for place in range(inputs.shape[1]):
        rows = targets[:, place] != NO_TARGET
        logits = model(inputs[rows, : place + 1])[:, -1]  # (rows, V)
        total += next_token_loss(logits, targets[rows, place]).item() * int(rows.sum())
        asked += int(rows.sum())
    return total / asked


class MistakeExperiment:
    """A small GPT of city names: right, and with each mistake planted."""

    def __init__(self, settings: dict[str, Any], folder: Path) -> None:
        """The settings are like `mistake_settings()`; parts are short, none is kept."""
        self.settings = settings
        names = city_names()
        training, held_out = split_names(names)
        self.tokenizer = CharacterTokenizer.from_texts(names)
        one_in = settings["run"]["one_in"]
        # Held out, and not even measured while a run goes on: no mistake reaches them.
        fresh = [name for place, name in enumerate(held_out) if place % one_in]
        self.fresh = padded(
            [self.tokenizer.encode(name) for name in fresh[: settings["num_fresh"]]]
        )
        windows = context_windows(training, self.tokenizer, 3)
        self.judge = NgramCounts(3, self.tokenizer.vocab_size).fit(*windows)

    def parts(self) -> dict[str, tuple[int, Callable[..., dict[str, Any]]]]:
        """The right run with each seed, then each mistake."""
        num_steps = self.settings["run"]["num_steps"]
        runs = [("", seed) for seed in self.settings["seeds"]]
        runs += [(slug, 0) for slug in self.settings["planted"]]
        return {
            f"{slug or 'right'}-{seed}": (num_steps, partial(self.train, slug, seed))
            for slug, seed in runs
        }

    def train(
        self, slug: str, seed: int, on_step: Callable[[int, float], None]
    ) -> dict[str, Any]:
        """A run with a mistake, or the right one: a row of the record.

        Half-way it stops and goes on from its checkpoint. A loss that is no number, or
        is infinite, is None.
        """
        package = PlantedPackage(self.settings["planted"].get(slug, []))
        small, settings = package.small_task, self.settings["run"]
        run = small.small_run(settings, seed)
        num_steps, every = settings["num_steps"], self.settings["measure_every"]
        steps, held_out_losses = [0], [run.task.held_out_loss()[0]]
        losses: list[float] = []
        for step in range(1, num_steps + 1):
            losses.append(run.training_step())
            on_step(step, losses[-1])
            if step % every == 0:
                steps.append(step)
                held_out_losses.append(run.task.held_out_loss()[0])
            if step == num_steps // 2:
                run = small.stopped_and_resumed(run, settings)
        since = [losses[:1], *(losses[step - every : step] for step in steps[1:])]
        run.model.train()  # as it is when a run writes while it trains
        samples = self.write(run, use_cache=False)
        return {
            "mistake": slug,
            "seed": seed,
            "steps": steps,
            "training_losses": list(map(finite, map(statistics.fmean, since))),
            "held_out_losses": list(map(finite, held_out_losses)),
            "fresh_loss": finite(prefix_loss(run.model, *self.fresh)),
            "cached_loss": finite(run.task.cached_loss(100)),
            "samples_surprise": self.surprise_at(samples),
            "samples": " ".join(samples[:12]),
            "cached_samples": " ".join(self.write(run, use_cache=True)[:12]),
        }

    def write(self, run: Any, use_cache: bool) -> list[str]:
        """Names that a run writes; none if its weights are no numbers any more."""
        if not all(weight.isfinite().all() for weight in run.model.parameters()):
            return []  # asked, not caught: no error takes part in a record
        generator = torch.Generator().manual_seed(run.recipe.seed)
        names = run.task.write("", self.settings["num_samples"], generator, use_cache)
        return [str(name) for name in names]

    def surprise_at(self, names: list[str]) -> float | None:
        """How odd names look, in nats per position, to counts of three letters back."""
        if not names:
            return None
        windows = context_windows(names, self.tokenizer, 3)
        return mean_surprise(self.judge, *windows)

    def results(self, done: dict[str, dict[str, Any]]) -> dict[str, Any]:
        """What the record holds besides how it was made."""
        return {
            "uniform_loss": math.log(self.tokenizer.vocab_size),
            "rows": list(done.values()),
        }


def finite(loss: float) -> float | None:
    """The loss, or None if it is no number or infinite: JSON has no word for those."""
    return loss if math.isfinite(loss) else None
