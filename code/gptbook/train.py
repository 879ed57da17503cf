"""Training: forward, backward, step. First in the plain way, then in the fast one, then so that it can be interrupted."""

import math

import torch
from torch import Tensor, nn

from gptbook.loss import count_loss, next_token_loss
from gptbook.ngram import NextTokenModel


def train_on_batches(
    model: nn.Module,
    contexts: Tensor,
    targets: Tensor,
    num_steps: int = 4000,
    batch_size: int = 64,
    learning_rate: float = 3e-3,
    seed: int = 0,
) -> list[float]:
    """The plain recipe: draw a few positions, see how surprised the model is, step downhill. Repeat.

    Shapes: contexts (P, C), targets (P,). The result is the loss at every step, in nats per position.
    The model is changed in place. The seed decides which positions are drawn, and nothing else.
    """
    generator = torch.Generator().manual_seed(seed)
    optimizer = torch.optim.Adam(model.parameters(), lr=learning_rate)
    losses = []
    model.train()
    for _ in range(num_steps):
        rows = torch.randint(len(targets), (batch_size,), generator=generator)
        loss = next_token_loss(model(contexts[rows]), targets[rows])  # forward
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
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
    weight_decay: float = 0.0,
    seed: int = 0,
) -> list[float]:
    """TODO"""
    generator = torch.Generator().manual_seed(seed)
    optimizer = torch.optim.AdamW(model.parameters(), lr=learning_rate, weight_decay=weight_decay)
    totals = counts.sum(dim=1).double()
    edges = totals.cumsum(dim=0)
    shares = counts / totals[:, None].float()
    losses = []
    model.train()
    for step in range(num_steps):
        optimizer.param_groups[0]["lr"] = learning_rate * 0.5 * (1 + math.cos(math.pi * step / num_steps))
        if len(contexts) <= batch_size:
            loss = count_loss(model(contexts), counts)
        else:
            places = torch.arange(batch_size) + torch.rand(batch_size, generator=generator, dtype=torch.float64)
            rows = torch.searchsorted(edges, places * edges[-1] / batch_size)
            loss = count_loss(model(contexts[rows]), shares[rows])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    model.eval()
    return losses


def mean_surprise(model: NextTokenModel, contexts: Tensor, targets: Tensor) -> float:
    """The model's average surprise at what came, in nats per position, whether it counts or learns.

    Shapes: contexts (P, C), targets (P,). Raises ValueError if there is no position.
    """
    if len(targets) == 0:
        raise ValueError("there is no position to score: give at least one name")
    total = 0.0
    for context, target in zip(contexts.split(16384), targets.split(16384)):  # in pieces, to spare memory
        given = model.probabilities(context).gather(1, target[:, None])  # the probability of what came
        total -= given.log().sum().item()
    return total / len(targets)
