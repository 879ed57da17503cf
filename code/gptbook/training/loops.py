"""Plain loops: forward, backward, step; on batches, on counts, on whole sequences."""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from gptbook.data.dialogues import dialogue_batch
from gptbook.data.sequences import sequence_batch
from gptbook.training.loss import check_counts, count_loss, next_token_loss
from gptbook.training.optim import (
    MuonAdamW,
    half_cosine,
    muon_groups,
    warmup_then_decay,
)
from gptbook.training.seeds import seeded


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
    every step, in nats per position. The seed decides which positions are drawn. The
    steps shrink to nothing along half a cosine.
    """
    optimizer = torch.optim.Adam(model.parameters(), lr=learning_rate)
    losses = []
    model.train()
    with seeded(seed):
        for step in range(num_steps):
            rows = torch.randint(len(targets), (batch_size,))
            loss = next_token_loss(model(contexts[rows]), targets[rows])  # forward
            rate = learning_rate * half_cosine(step, num_steps)
            optimizer.param_groups[0]["lr"] = rate
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
    the whole data, free of chance. If there are more, a step draws batch_size of them,
    each as often as it occurs. The steps shrink to nothing along half a cosine.
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
            rate = learning_rate * half_cosine(step, num_steps)
            optimizer.param_groups[0]["lr"] = rate
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


def train_in_steps(
    model: nn.Module,
    batch_of: Callable[[int], tuple[Tensor, Tensor]],
    num_steps: int,
    matrix_rate: float,
    other_rate: float,
    warmup_steps: int,
    seed: int = 0,
    on_step: Callable[[int, float], None] | None = None,
) -> list[float]:
    """Ask for a step's batch, measure the surprise at every position, step downhill.

    batch_of gives inputs and targets of a step, each of shape (B, T). The rates grow to
    their height over warmup_steps, then fall to zero. Changes the model, and returns
    the loss of every step, in nats per position. on_step is told the number of the step
    and its loss.
    """
    optimizer = MuonAdamW(muon_groups(model, matrix_rate, other_rate))
    losses = []
    model.train()
    with seeded(seed):  # dropout draws too
        for step in range(num_steps):
            inputs, targets = batch_of(step)
            loss = next_token_loss(model(inputs), targets)  # forward
            rate_scale = warmup_then_decay(step, num_steps, warmup_steps)
            for group in optimizer.param_groups:
                group["lr"] = group["rate"] * rate_scale
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
            if on_step:
                on_step(step, losses[-1])
    model.eval()
    return losses


def train_on_sequences(
    model: nn.Module,
    inputs: Tensor,
    targets: Tensor,
    num_steps: int,
    batch_size: int = 256,
    matrix_rate: float = 0.02,
    other_rate: float = 4e-3,
    warmup_steps: int = 50,
    seed: int = 0,
    on_step: Callable[[int, float], None] | None = None,
) -> list[float]:
    """Learn from whole sequences, drawn from the seed; see `train_in_steps`.

    Shapes: inputs and targets (P, T), as `padded` makes them. Returns the losses.
    """

    def batch_of(step: int) -> tuple[Tensor, Tensor]:
        return sequence_batch(inputs, targets, step, batch_size, seed)

    rates = (matrix_rate, other_rate, warmup_steps)
    return train_in_steps(model, batch_of, num_steps, *rates, seed, on_step)


def fine_tune(
    model: nn.Module,
    inputs: Tensor,
    targets: Tensor,
    num_steps: int,
    batch_size: int = 64,
    matrix_rate: float = 0.02,
    other_rate: float = 4e-3,
    warmup_steps: int = 20,
    seed: int = 0,
    on_step: Callable[[int, float], None] | None = None,
) -> list[float]:
    """Go on training a model, with dialogues: the same loop, with other targets.

    Where nothing is asked, there is no loss. Shapes: inputs and targets (P, T), as
    `dialogue_tokens` makes them. Returns the losses, in nats per token of an answer.
    """

    def batch_of(step: int) -> tuple[Tensor, Tensor]:
        return dialogue_batch(inputs, targets, step, batch_size, seed)

    rates = (matrix_rate, other_rate, warmup_steps)
    return train_in_steps(model, batch_of, num_steps, *rates, seed, on_step)


def train_in_one_pass(
    model: nn.Module,
    windows: Tensor,
    num_steps: int,
    batch_size: int,
    matrix_rate: float,
    other_rate: float,
    warmup_steps: int,
    seed: int = 0,
    on_step: Callable[[int, float], None] | None = None,
) -> list[float]:
    """Train on windows in an order drawn from the seed; none comes a second time.

    Shape: windows (W, C + 1). Returns the losses; see `train_in_steps`.
    Raises ValueError if there are fewer windows than the steps take.
    """
    if num_steps * batch_size > len(windows):
        raise ValueError(
            f"{num_steps} steps of {batch_size} windows take "
            f"{num_steps * batch_size:,}, and there are {len(windows):,}: "
            "take fewer steps, or give more text"
        )
    generator = torch.Generator().manual_seed(seed)
    order = torch.randperm(len(windows), generator=generator)

    def batch_of(step: int) -> tuple[Tensor, Tensor]:
        batch = windows[order[step * batch_size : (step + 1) * batch_size]]
        return batch[:, :-1], batch[:, 1:]

    rates = (matrix_rate, other_rate, warmup_steps)
    return train_in_steps(model, batch_of, num_steps, *rates, seed, on_step)
