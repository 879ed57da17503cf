"""Whole sequences, names or sentences, as a model with attention learns from them."""

from collections.abc import Callable, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from gptbook.loss import next_token_loss
from gptbook.ngram import NgramNet
from gptbook.optim import MuonAdamW, muon_groups, warmup_then_decay
from gptbook.train import seeded

NO_TARGET = -100  # PyTorch's sign for a place that no loss looks at


def padded(sequences: Sequence[Sequence[int]]) -> tuple[Tensor, Tensor]:
    """Sequences of tokens as inputs and targets, each with a mark at both ends.

    The mark, token 0, comes before the first token and after the last. Short sequences
    are filled up on the right, where no earlier position can see it.
    Shapes: both results (B, T); T is one more than the longest sequence. Targets are
    `NO_TARGET` where nothing is asked. Raises ValueError if there is no sequence.
    """
    if not sequences:
        raise ValueError("there are no sequences: give at least one")
    width = 1 + max(map(len, sequences))
    inputs = torch.zeros(len(sequences), width, dtype=torch.long)
    targets = torch.full((len(sequences), width), NO_TARGET)
    for row, tokens in enumerate(sequences):
        inputs[row, 1 : len(tokens) + 1] = torch.tensor(tokens, dtype=torch.long)
        targets[row, : len(tokens) + 1] = torch.tensor([*tokens, 0])
    return inputs, targets


def trimmed(inputs: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
    """The same rows without columns at the end in which nothing is asked."""
    width = int((targets != NO_TARGET).sum(dim=1).max())
    return inputs[:, :width], targets[:, :width]


def sequence_batch(
    inputs: Tensor, targets: Tensor, step: int, batch_size: int, seed: int
) -> tuple[Tensor, Tensor]:
    """The batch of a step: sequences alike in length, so that little is filled up.

    Sequences for four steps are drawn together, sorted by length, and cut into four
    parts with as many positions each; the step gets one part. It depends on seed and
    step alone, so a run that goes on needs no memory of what it has drawn.
    Shapes: inputs and targets (P, T), the results (B, T), B about the batch_size.
    """
    draw, part = divmod(step, 4)
    generator = torch.Generator().manual_seed(seed * 1_000_003 + draw)
    rows = torch.randint(len(inputs), (4 * batch_size,), generator=generator)
    lengths = (targets[rows] != NO_TARGET).sum(dim=1)
    lengths, order = lengths.sort(stable=True)
    ends = lengths.cumsum(dim=0)
    parts = (ends - 1) * 4 // ends[-1]
    turn = torch.randperm(4, generator=generator)[part]
    chosen = rows[order[parts == turn]]
    if len(chosen) == 0:  # a few sequences of very different length
        chosen = rows[part::4]
    return trimmed(inputs[chosen], targets[chosen])


class WindowModel(nn.Module):
    """A net of windows, asked at every position of a sequence."""

    def __init__(self, net: NgramNet) -> None:
        """The net decides how wide the window is."""
        super().__init__()
        self.net = net

    def forward(self, tokens: Tensor) -> Tensor:
        """Score the next token. Shapes: tokens (B, T), the result (B, T, V)."""
        width = self.net.context_length
        filled = F.pad(
            tokens, (width - 1, 0)
        )  # marks in front, as in `context_windows`
        windows = filled.unfold(1, width, 1)  # (B, T, C)
        logits = self.net(windows.flatten(end_dim=1))  # (B * T, V)
        return logits.unflatten(0, tokens.shape)


@torch.no_grad()
def sequence_loss(model: nn.Module, inputs: Tensor, targets: Tensor) -> float:
    """The model's average surprise over all positions, in nats per position.

    Shapes: inputs and targets (P, T), as `padded` makes them.
    """
    model.eval()
    order = (targets != NO_TARGET).sum(dim=1).argsort()  # alike in length: less filling
    total, asked = 0.0, 0
    for rows in order.split(512):  # in pieces, to spare memory
        seen, wanted = trimmed(inputs[rows], targets[rows])
        num_asked = int((wanted != NO_TARGET).sum())
        total += next_token_loss(model(seen), wanted).item() * num_asked
        asked += num_asked
    return total / asked


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
    """Draw whole sequences, measure the surprise at every position, step downhill.

    Shapes: inputs and targets (P, T), as `padded` makes them. Changes the model, and
    returns the loss of every step, in nats per position. on_step is told the number of
    the step and its loss.
    """
    optimizer = MuonAdamW(muon_groups(model, matrix_rate, other_rate))
    losses = []
    model.train()
    with seeded(seed):  # dropout draws too
        for step in range(num_steps):
            batch, wanted = sequence_batch(inputs, targets, step, batch_size, seed)
            loss = next_token_loss(model(batch), wanted)  # forward
            share = warmup_then_decay(step, num_steps, warmup_steps)
            for group in optimizer.param_groups:
                group["lr"] = group["rate"] * share
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
            if on_step:
                on_step(step, losses[-1])
    model.eval()
    return losses
