"""Whole sequences, names or sentences, as a model with attention learns from them."""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

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


def laid_together(
    first: tuple[Tensor, Tensor], second: tuple[Tensor, Tensor]
) -> tuple[Tensor, Tensor]:
    """Inputs and targets of both, filled up on the right to the same width.

    Shapes: inputs and targets (P, T) and (Q, U), both results (P + Q, max(T, U)).
    """
    width = max(first[0].shape[1], second[0].shape[1])
    inputs, targets = (
        torch.cat(
            [F.pad(rows, (0, width - rows.shape[1]), value=fill) for rows in both]
        )
        for fill, both in zip((0, NO_TARGET), zip(first, second))
    )
    return inputs, targets


def rows_with_ends(
    rows: Sequence[tuple[Sequence[int], Sequence[int]]],
) -> tuple[Tensor, Tensor]:
    """Beginnings and ends of rows as inputs and targets; only the ends are asked.

    Shapes: both results (P, T), T one less than the longest row has tokens.
    """
    width = max(len(begun) + len(end) for begun, end in rows) - 1
    inputs = torch.zeros(len(rows), width, dtype=torch.long)
    targets = torch.full((len(rows), width), NO_TARGET)
    for place, (begun, end) in enumerate(rows):
        whole = torch.tensor([*begun, *end])
        inputs[place, : len(whole) - 1] = whole[:-1]
        targets[place, len(begun) - 1 : len(whole) - 1] = whole[len(begun) :]
    return inputs, targets
