"""Flowers: the net that tells three species of iris apart."""

import hashlib
from collections.abc import Iterator, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from gptbook.models.classifier import (
    IrisNet,
    accuracy,
    corrected_interval,
    cross_validate,
    iris_tensors,
)
from gptbook.tasks.recipes import ClassifierRecipe
from gptbook.training.seeds import seeded
from gptbook.training.task import Task


class IrisFlowers(Task):
    """The Iris net, which learns from all flowers at once."""

    recipe: ClassifierRecipe
    model: IrisNet

    def __init__(self, recipe: ClassifierRecipe) -> None:
        self.recipe = recipe
        self.features, self.labels = iris_tensors()
        with seeded(recipe.seed):
            self.model = IrisNet()

    def new_optimizer(self) -> torch.optim.Optimizer:
        """Adam for all parameters."""
        rate = self.recipe.learning_rate
        return torch.optim.Adam([{"params": self.model.parameters(), "rate": rate}])

    def loss(self, model: nn.Module, step: int, rows: slice) -> Tensor:
        """All flowers at once."""
        return F.cross_entropy(model(self.features), self.labels)

    def rate_scale(self, step: int) -> float:
        """The same at every step."""
        return 1.0

    def data_facts(self) -> dict[str, Any]:
        """A fingerprint of the flowers."""
        numbers = self.features.numpy().tobytes() + self.labels.numpy().tobytes()
        return {"flowers_sha256": hashlib.sha256(numbers).hexdigest()}

    def measure(self) -> dict[str, float]:
        """Accuracy on flowers seen in training; cross-validated, with its interval."""
        accuracies = cross_validate(
            self.features,
            self.labels,
            seed=self.recipe.seed,
            num_steps=self.recipe.num_steps,
            learning_rate=self.recipe.learning_rate,
        )
        low, high = corrected_interval(accuracies)
        return {
            "seen": accuracy(self.model, self.features, self.labels),
            "unseen": accuracies.mean().item(),
            "low": low,
            "high": high,
        }

    def describe(self) -> Iterator[str]:
        """The net, and how many flowers it learns from."""
        yield f"{self.recipe.name}: a net that tells three species of iris apart"
        yield f"  learns from {len(self.labels)} flowers"

    def report(self, held_out_loss: float, losses: Sequence[float]) -> Iterator[str]:
        """The accuracy, on flowers that were not seen: one net cannot say it alone."""
        yield "  now trains 50 more nets, each tested on a fifth not seen ..."
        found = self.measure()
        yield (
            f"  accuracy       {found['unseen']:.1%} on flowers not seen in training "
            f"(95% interval {found['low']:.1%} to {found['high']:.1%})"
        )
        yield f"                 {found['seen']:.1%} on those that this net has seen"
