"""The experiment of the record windows.json: what more letters of context are worth."""

import time
from collections.abc import Callable, Sequence
from functools import partial
from itertools import product
from typing import Any

import torch
from torch import Tensor

from gptbook.data.tables import split_names
from gptbook.data.tokenizer import CharacterTokenizer
from gptbook.experiments.width_choice import table_by_name
from gptbook.generation.generate import generate_name, share_new
from gptbook.models.ngram import (
    NextTokenModel,
    NgramCounts,
    NgramNet,
    context_windows,
    unique_contexts,
)
from gptbook.training.loops import train_on_counts
from gptbook.training.loss import conditional_entropy, count_loss
from gptbook.training.measure import mean_surprise, surprises
from gptbook.training.seeds import seeded

# The sizes and the rate were chosen on a tenth of the *training* names, held out for
# that, as the widths and the step to stop at are; the held-out names had no part in it.
WINDOW_SETTINGS: dict[str, Any] = {
    "widest": 8,
    "seeds": [0, 1, 2],
    # The share of the training names that only choices are made on, what draws it, and
    # with which seeds the nets are trained that are compared on it.
    "validation": {"share": 0.1, "seed": 0, "net_seeds": [0]},
    "net": {"embedding_dim": 32, "hidden_dim": 256, "dropout": 0.3},
    "training": {"num_steps": 2000, "batch_size": 1024, "learning_rate": 4e-3},
    "num_samples": 1000,
    "num_places": 8,
    "curve": {"context_length": 4, "num_steps": 4000, "dropouts": [0.0, 0.3]},
}


class WindowExperiment:
    """How well counts and nets predict with 0, 1, 2, ... letters of context.

    All models learn from the same names, and are scored on the same positions. First
    each width learns from a part of the training names, and is scored on the rest of
    them, the validation names: that chooses a width. Then each learns from all training
    names, and the held-out names say how good it is.
    """

    def __init__(self, names: Sequence[str], settings: dict[str, Any]) -> None:
        """Split the names. The settings are like `WINDOW_SETTINGS`."""
        self.settings = settings
        self.names = names
        self.training, self.held_out = split_names(names)
        validation = settings["validation"]
        self.fitting, self.validation = split_names(
            self.training, validation["share"], validation["seed"]
        )
        self.tokenizer = CharacterTokenizer.from_texts(names)

    def parts(self) -> dict[str, tuple[int, Callable[..., dict[str, Any]]]]:
        """The experiment in parts: by name, the steps it trains, and what runs it."""
        widths = range(self.settings["widest"] + 1)
        num_steps = self.settings["training"]["num_steps"]
        seeds = self.settings["validation"]["net_seeds"]
        curve = self.settings["curve"]
        parts: dict[str, tuple[int, Callable[..., dict[str, Any]]]] = {}
        for width in widths[1:]:
            run = partial(self.validate, "counts", width, None)
            parts[f"validation-counts-{width}"] = 0, run
        for seed, width in product(seeds, widths[1:]):
            run = partial(self.validate, "net", width, seed)
            parts[f"validation-net-{width}-{seed}"] = num_steps, run
        for width in widths:
            parts[f"counts-{width}"] = 0, partial(self.count, width)
        for seed, width in product(self.settings["seeds"], widths[1:]):
            parts[f"net-{width}-{seed}"] = num_steps, partial(self.train, width, seed)
        for dropout in curve["dropouts"]:
            run = partial(self.curve, dropout)
            parts[f"curve-{dropout}"] = curve["num_steps"], run
        return parts

    def validate(
        self,
        kind: str,
        width: int,
        seed: int | None,
        on_step: Callable[[int, float], None],
    ) -> dict[str, Any]:
        """Fit to a part of the training names, and score on the rest of them."""
        windows = context_windows(self.fitting, self.tokenizer, width)
        model: NextTokenModel
        if seed is None:
            model = NgramCounts(width, self.tokenizer.vocab_size).fit(*windows)
        else:
            model = self.untrained_net(width, seed)
            self.train_net(model, windows, seed, on_step)
        asked = context_windows(self.validation, self.tokenizer, width)
        by_name = table_by_name(surprises(model, *asked), self.validation)
        return {
            "model": kind,
            "context_length": width,
            "seed": seed,
            "training_loss": mean_surprise(model, *windows),
            "validation_loss": by_name.nanmean().item(),
            "name_surprises": by_name.nansum(dim=1).tolist(),
        }

    def untrained_net(self, width: int, seed: int) -> NgramNet:
        """A net of the settings' sizes, which follows from the seed."""
        with seeded(seed):
            return NgramNet(self.tokenizer.vocab_size, width, **self.settings["net"])

    def train_net(
        self,
        net: NgramNet,
        windows: tuple[Tensor, Tensor],
        seed: int,
        on_step: Callable[[int, float], None],
    ) -> None:
        """Train a net as the settings say. Shapes: windows (P, C) and (P,)."""
        train_on_counts(
            net,
            *unique_contexts(*windows, self.tokenizer.vocab_size),
            **self.settings["training"],
            seed=seed,
            on_step=on_step,
        )

    def count(
        self, width: int, on_step: Callable[[int, float], None]
    ) -> dict[str, Any]:
        """Count with this many letters of context: a row of the record."""
        contexts, targets = context_windows(self.training, self.tokenizer, width)
        began = time.perf_counter()
        model = NgramCounts(width, self.tokenizer.vocab_size).fit(contexts, targets)
        seconds = time.perf_counter() - began
        unique, counts = unique_contexts(contexts, targets, self.tokenizer.vocab_size)
        seen = set(map(tuple, unique.tolist()))
        asked = context_windows(self.held_out, self.tokenizer, width)[0].tolist()
        return {
            "model": "counts" if width else "letters",
            "context_length": width,
            "seed": None,
            "parameters": int((counts > 0).sum()),
            "seconds": seconds,
            **self.scores(model, width, seed=0),
            "contexts": len(unique),
            "unseen_contexts": sum(tuple(c) not in seen for c in asked) / len(asked),
            "floor": conditional_entropy(counts),
        }

    def train(
        self, width: int, seed: int, on_step: Callable[[int, float], None]
    ) -> dict[str, Any]:
        """Train a net with this many letters of context: a row of the record."""
        net = self.untrained_net(width, seed)
        windows = context_windows(self.training, self.tokenizer, width)
        untrained_loss = mean_surprise(net, *windows)
        began = time.perf_counter()
        self.train_net(net, windows, seed, on_step)
        return {
            "model": "net",
            "context_length": width,
            "seed": seed,
            "parameters": sum(parameter.numel() for parameter in net.parameters()),
            "seconds": time.perf_counter() - began,
            **self.scores(net, width, seed),
            "untrained_loss": untrained_loss,
        }

    def scores(self, model: NextTokenModel, width: int, seed: int) -> dict[str, Any]:
        """What is measured of every model, whether it counts or learns."""
        training = context_windows(self.training, self.tokenizer, width)
        held_out = context_windows(self.held_out, self.tokenizer, width)
        by_name = table_by_name(surprises(model, *held_out), self.held_out)
        by_place = by_name[:, : self.settings["num_places"]].nanmean(dim=0)
        generator = torch.Generator().manual_seed(seed)
        samples = [
            generate_name(model, self.tokenizer, width, generator)
            for _ in range(self.settings["num_samples"])
        ]
        return {
            "training_loss": mean_surprise(model, *training),
            "held_out_loss": by_name.nanmean().item(),
            "held_out_by_place": by_place.tolist(),
            "name_surprises": by_name.nansum(dim=1).tolist(),
            "new": share_new(samples, self.names),
            "memorised": 1 - share_new(samples, self.training),
            "samples": " ".join(samples[:20]),
        }

    def curve(
        self, dropout: float, on_step: Callable[[int, float], None]
    ) -> dict[str, Any]:
        """Losses while a net trains on a part of the names, at ever rarer steps.

        The validation loss chooses the step to stop at; the held-out loss is only told.
        """
        width, num_steps = (
            self.settings["curve"][name] for name in ("context_length", "num_steps")
        )
        vocab_size = self.tokenizer.vocab_size
        measured = [
            unique_contexts(*context_windows(names, self.tokenizer, width), vocab_size)
            for names in (self.fitting, self.validation, self.held_out)
        ]
        with seeded(0):
            net = NgramNet(vocab_size, width, dropout=dropout)
        steps: list[int] = []
        losses: list[list[float]] = []

        def measure(step: int, loss: float) -> None:
            on_step(step, loss)
            if step + 1 == num_steps or step + 1 >= (steps[-1] if steps else 0) * 1.3:
                net.eval()
                with torch.no_grad():
                    losses.append([count_loss(net(c), n).item() for c, n in measured])
                steps.append(step + 1)
                net.train()

        train_on_counts(net, *measured[0], num_steps=num_steps, on_step=measure)
        training, validation, held_out = map(list, zip(*losses))
        return {
            "context_length": width,
            "dropout": dropout,
            "parameters": sum(parameter.numel() for parameter in net.parameters()),
            "steps": steps,
            "training_losses": training,
            "validation_losses": validation,
            "held_out_losses": held_out,
            "chosen_step": steps[validation.index(min(validation))],
        }
