"""Rows of learned numbers, one a token: what they learn from, and which are alike."""

from collections.abc import Iterable, Sequence

import torch
from torch import Tensor


def neighbour_counts(
    texts: Iterable[Sequence[int]], vocab_size: int, reach: int
) -> Tensor:
    """How often each token (column) stands up to `reach` places from each token (row).

    Both sides count, so the table is its own mirror image. Texts do not touch.
    Shape: (V, V). Raises ValueError for a reach below 1 or a token outside 0 to V - 1.
    """
    if reach < 1:
        raise ValueError(f"reach is {reach}: give 1 or more places")
    gap = [-1] * reach  # between two texts: as wide as anyone looks
    tokens: list[int] = []
    for text in texts:
        if strange := [token for token in text if not 0 <= token < vocab_size]:
            raise ValueError(
                f"token {strange[0]} is outside 0 to {vocab_size - 1}: give the "
                "vocab_size of the tokenizer that made the texts"
            )
        tokens += [*text, *gap]
    line = torch.tensor(tokens, dtype=torch.long)
    counts = torch.zeros(vocab_size * vocab_size, dtype=torch.long)
    for distance in range(1, reach + 1):
        before, after = line[:-distance], line[distance:]
        inside = (before >= 0) & (after >= 0)  # no gap
        pairs = before[inside] * vocab_size + after[inside]  # one number for each pair
        counts += pairs.bincount(minlength=len(counts))
    table = counts.view(vocab_size, vocab_size)
    return table + table.T


def cosine(rows: Tensor, row: Tensor) -> Tensor:
    """How far rows point the way of another: 1 the same way, 0 across, -1 the opposite.

    It is the cosine of the angle between them: how long they are does not count.
    Shapes: rows (..., D), row (D,), the result (...).
    Raises ValueError for a row of zeros, which points nowhere.
    """
    lengths = rows.norm(dim=-1) * row.norm()
    if not bool((lengths > 0).all()):
        raise ValueError("a row is all zeros and points nowhere: leave it out")
    return rows @ row / lengths


def nearest_rows(table: Tensor, token: int, count: int = 5) -> list[int]:
    """The tokens whose rows point most the way of this token's, the nearest first.

    Shape: table (V, D). Raises ValueError for a token or a count that the table lacks.
    """
    others = len(table) - 1
    if not 0 <= token <= others:
        raise ValueError(f"there is no row {token}: the rows are 0 to {others}")
    if not 1 <= count <= others:
        raise ValueError(f"count is {count}: the row has 1 to {others} others")
    likeness = cosine(table, table[token])  # (V,)
    likeness[token] = -2  # no row is its own neighbour, and no cosine is below -1
    return likeness.argsort(descending=True, stable=True)[:count].tolist()
