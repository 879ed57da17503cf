"""Training: forward, backward, step; in the plain way, and in an exact and fast one."""

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from gptbook.loss import check_counts, count_loss, next_token_loss
from gptbook.ngram import NextTokenModel


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Let all of PyTorch's chance in the block follow from the seed.

    After it the processor's chance goes on as if the block had not been there. A GPU's
    generator is seeded, too, and is left where the block ends: what follows there has
    to seed its own.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        yield


def train_on_batches(
    model: nn.Module,
    contexts: Tensor,
    targets: Tensor,
    num_steps: int = 4000,
    batch_size: int = 64,
    learning_rate: float = 3e-3,
    seed: int = 0,
) -> list[float]:
    """The plain recipe: draw a few positions, measure the surprise, step downhill.

    Shapes: contexts (P, C), targets (P,). Changes the model, and returns the loss of
    every step, in nats per position. The seed decides which positions are drawn.
    """
    optimizer = torch.optim.Adam(model.parameters(), lr=learning_rate)
    losses = []
    model.train()
    with seeded(seed):
        for _ in range(num_steps):
            rows = torch.randint(len(targets), (batch_size,))
            loss = next_token_loss(model(contexts[rows]), targets[rows])  # forward
            optimizer.zero_grad()
            loss.backward()  # which way is uphill, for every parameter
            optimizer.step()  # the other way
            losses.append(loss.item())
    model.eval()
    return losses


def train_on_counts(
    model: nn.Module,
    contexts: Tensor,
    counts: Tensor,
    num_steps: int = 400,
    learning_rate: float = 3e-3,
    batch_size: int = 2048,
    seed: int = 0,
    on_step: Callable[[int, float], None] | None = None,
) -> list[float]:
    """The exact recipe: see each different context once, with all that followed it.

    Up to batch_size contexts, every step sees them all: its loss and slope are those of
    the whole data, with no luck in them. If there are more, a step draws batch_size of
    them, each as often as it occurs. The steps shrink to nothing along half a cosine.
    Shapes: contexts (U, C), counts (U, V), as `unique_contexts` makes them. Changes the
    model, and returns the loss of every step, in nats per position. on_step is told the
    number of the step and its loss. Raises ValueError for counts that cannot be.
    """
    check_counts(counts)
    optimizer = torch.optim.Adam(model.parameters(), lr=learning_rate)
    occurrences = counts.sum(dim=1, dtype=torch.float64)
    losses = []
    model.train()
    with seeded(seed):
        for step in range(num_steps):
            if len(contexts) <= batch_size:
                loss = count_loss(model(contexts), counts)
            else:
                rows = draw_rows(occurrences, batch_size)
                shares = counts[rows] / counts[rows].sum(dim=1, keepdim=True)
                loss = count_loss(model(contexts[rows]), shares)
            # From wherever large steps have led, small ones reach the bottom.
            fading = (1 + math.cos(math.pi * step / num_steps)) / 2
            optimizer.param_groups[0]["lr"] = learning_rate * fading
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
            if on_step:
                on_step(step, losses[-1])
    model.eval()
    return losses


def draw_rows(occurrences: Tensor, num_rows: int) -> Tensor:
    """Draw rows, each as often as it occurs; a row may be drawn twice.

    Lay the occurrences end to end, cut the line into num_rows equal pieces, and take a
    point at random in each: as fair as points anywhere on the line, and more even.
    Shapes: occurrences (U,), the result (num_rows,).
    """
    ends = occurrences.double().cumsum(dim=0)
    points = torch.arange(num_rows) + torch.rand(num_rows, dtype=torch.float64)
    return torch.searchsorted(ends, points / num_rows * ends[-1], right=True)


def mean_surprise(model: NextTokenModel, contexts: Tensor, targets: Tensor) -> float:
    """The model's average surprise at what came, in nats per position.

    It asks for probabilities only, so that counts and nets are measured alike.
    Shapes: contexts (P, C), targets (P,). Raises ValueError if there is no position.
    """
    if len(targets) == 0:
        raise ValueError("there is no position to score: give at least one name")
    total = 0.0
    for rows in torch.arange(len(targets)).split(16384):  # in pieces, to spare memory
        given = model.probabilities(contexts[rows]).gather(1, targets[rows, None])
        total -= given.log().sum().item()
    return total / len(targets)
