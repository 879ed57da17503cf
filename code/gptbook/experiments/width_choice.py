"""Choosing a width on validation names, and how sure a difference of losses is."""

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence


def table_by_name(of_positions: Tensor, names: Sequence[str]) -> Tensor:
    """What belongs to the positions, with a row for each name; NaN beyond its end.

    Shapes: of_positions (P,), in the order of `context_windows`; the result (names, the
    positions of the longest one).
    """
    rows = of_positions.split([len(name) + 1 for name in names])
    return pad_sequence(rows, batch_first=True, padding_value=math.nan)


def mean_by_width(parts: Sequence[dict[str, Any]], column: str) -> dict[int, Tensor]:
    """A column's mean over the seeds, by letters of context, the narrowest first."""
    widths = sorted({part["context_length"] for part in parts})
    return {
        width: torch.tensor(
            [part[column] for part in parts if part["context_length"] == width],
            dtype=torch.float64,
        ).mean(dim=0)
        for width in widths
    }


def chosen_width(parts: Sequence[dict[str, Any]]) -> int:
    """The letters of context with the least validation loss, averaged over seeds."""
    losses = mean_by_width(parts, "validation_loss")
    return min(losses, key=lambda width: losses[width].item())


def compared_with(
    width: int, parts: Sequence[dict[str, Any]], names: Sequence[str]
) -> dict[int, tuple[float, float]]:
    """How much higher the loss of each width is than that of one, and its error.

    Both are in nats per position; the error is `paired_difference`'s, over the names.
    """
    lengths = torch.tensor([len(name) + 1 for name in names], dtype=torch.float64)
    by_width = mean_by_width(parts, "name_surprises")
    return {
        other: paired_difference(totals, by_width[width], lengths)
        for other, totals in by_width.items()
    }


def paired_difference(
    one: Tensor, other: Tensor, lengths: Tensor
) -> tuple[float, float]:
    """How much higher the loss `one` is than `other`, and its standard error.

    Both models were asked at the same names, so what makes a name hard for both cancels
    out. The error tells how far the difference would scatter with other names; it knows
    nothing of other seeds. Both results are in nats per position.
    Shapes, all (names,): the surprise at each name, in nats, and its positions.
    Source: Cochran, Sampling Techniques, 1977, chapter 6 (the error of a ratio).
    """
    differences = one - other
    higher = differences.sum() / lengths.sum()
    left = differences - higher * lengths
    scatter = (left.square().sum() * len(left) / (len(left) - 1)).sqrt()
    return higher.item(), (scatter / lengths.sum()).item()
