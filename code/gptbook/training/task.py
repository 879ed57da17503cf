"""What a run trains: data, a model, and the loss that says how the two fit."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from gptbook.training.recipe import Recipe


class Task(ABC):
    """Data and a model that learns from them; `Run` takes the steps.

    A loss depends on the recipe, on the number of the step and on the weights, never on
    what this process did before: so a run that was stopped and one that was not end in
    the same bits.
    """

    recipe: Recipe
    model: nn.Module
    device = "cpu"
    """Where the model is, as PyTorch calls it."""
    num_rows = 1
    """How many rows the batch of a step has that may be cut into parts."""
    tokens_per_step = 0
    """How many tokens a step learns from, where each learns from as many; else 0."""
    warmup_steps = 0
    """Over how many steps the rates grow to their height."""
    max_gradient_norm: float | None = None
    """How long the gradient of a step may be; None for as long as it is."""
    evaluate_every = 0
    """After how many steps the held-out loss is measured; 0 for never."""
    num_held_out = 0
    """How many rows such a measurement takes."""
    uniform_loss: float | None = None
    """What a model has that knows nothing, in nats; None if no one is to watch."""

    @abstractmethod
    def new_optimizer(self) -> torch.optim.Optimizer:
        """The optimizer; each of its groups has its own "rate", which a step scales."""

    @abstractmethod
    def loss(self, model: nn.Module, step: int, rows: slice) -> Tensor:
        """The loss (nats) at some rows of a step's batch, as a tensor of shape ().

        model is the task's own, or a wrapper around it. Chance in the loss comes from
        PyTorch's global generator, which the run has seeded.
        """

    @abstractmethod
    def rate_scale(self, step: int) -> float:
        """By what the rates are multiplied at a step."""

    @abstractmethod
    def data_facts(self) -> dict[str, Any]:
        """What the data are, as JSON can hold it: other data differ here."""

    @abstractmethod
    def describe(self) -> Iterator[str]:
        """What is trained on what, line by line, for the reader."""

    @abstractmethod
    def report(self, held_out_loss: float, losses: Sequence[float]) -> Iterator[str]:
        """How good the model is now, line by line, for the reader.

        held_out_loss was measured just now, losses are those of all steps.
        """

    def held_out_loss(
        self, rows_at_once: int, rank: int = 0, size: int = 1
    ) -> tuple[float, int]:
        """The surprise at what training never sees: a sum (nats), and of how many.

        Of a team, each process measures its share: the one of this rank out of size.
        """
        raise ValueError(f"{self.recipe.name} holds nothing out: there is no such loss")

    def write(self, start: str, count: int, generator: torch.Generator) -> list[str]:
        """What the model writes, beginning with `start`; nothing if it does not."""
        return []

    def rows_that_fit(self, share: int, memory_bytes: int, precision: str) -> int:
        """How many of `share` rows a device works on at a time; it divides the share.

        Raises ValueError if not even one fits.
        """
        return share

    def example(self, num_rows: int) -> Tensor:
        """Inputs of that many rows, by which the model can be compiled."""
        raise ValueError(f"{self.recipe.name} is not compiled: leave out --compile")

    def place(self, device: str) -> None:
        """Put the model on a device, and its batches from now on."""
        self.model.to(device)
        self.device = device

    def save_beside(self, run_dir: Path) -> None:
        """Write into a run's folder what its model needs besides the weights."""
        return  # most need nothing
