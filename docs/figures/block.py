"""A transformer block as a running sum with two branches, and the numbers of one position on their way through it."""

from __future__ import annotations

import torch

from bookbuild.drawings.draw import Drawing
from gptbook.models.gpt import Block, GPTConfig

SUM_X = 77  # the running sum: one line up, as in the tower of all blocks
CELL = 36
# Three positions in four numbers each; the drawing follows the last.
X = torch.tensor([[[1.2, 0.3, -0.5, 0.4], [0.5, -1.0, 0.8, 0.9], [0.1, 0.7, 0.9, 1.5]]])


def passage() -> list[list[float]]:
    """The last position's numbers on each station, to one decimal: the sum and the branches in turn."""
    torch.manual_seed(167)
    block = Block(GPTConfig(model_dim=4, num_heads=2, mlp_dim=16))
    stations, total = [X], X
    with torch.no_grad():
        for norm, part in (
            (block.attention_norm, block.attention),
            (block.mlp_norm, block.mlp),
        ):
            read = norm(total)
            added = part(read)
            total = total + added
            stations += [read, added, total]
    rows = [
        [round(value, 1) for value in station[0, -1].tolist()] for station in stations
    ]
    for before, added, after in (
        (rows[0], rows[2], rows[3]),
        (rows[3], rows[5], rows[6]),
    ):
        assert [round(a + b, 1) for a, b in zip(before, added)] == after, (
            "the rounded numbers no longer add up"
        )
    return rows


def figure() -> str:
    """Return the drawing as SVG, from the numbers that come in, at the bottom, to those that go on."""
    d = Drawing(
        380,
        424,
        "A transformer block, from the bottom up. A line, the running sum, leads up on the left. Twice a branch reads "
        "it through a norm and adds its result: attention, which looks around, and above it the MLP, which thinks. "
        "Four numbers of one position are followed all the way.",
    )
    rows = passage()

    def row(x: float, y: float, values: list[float], kind: str) -> None:
        d.rect(x, y, 4 * CELL, 24, "paper", 0, 1, 0)
        d.cells(
            x,
            y,
            [f"{value:.1f}".replace("-", "\N{MINUS SIGN}") for value in values],
            CELL,
            24,
            kind,
            text_size=12,
        )

    left = SUM_X - 2 * CELL
    d.rect(1, 44, 378, 332, "gray", 10)
    d.arrow(SUM_X, 398, SUM_X, 28)
    branches = (
        (62, "MLP", "think", rows[4], rows[5]),
        (226, "attention", "look around", rows[1], rows[2]),
    )
    for y, name, task, read, added in branches:
        middle, tap = y + 31, y + 104
        d.text(228, y + 12, task, 14, "muted")
        d.box(132, y + 14, 86, 34, name, "accent")
        row(228, y + 19, added, "plain")
        d.arrow(175, tap - 14, 175, y + 50)
        d.text(228, tap - 18, "keep in range", 14, "muted")
        d.box(132, tap - 14, 86, 28, "norm", weight=400)
        row(228, tap - 12, read, "plain")
        d.arrow(SUM_X, tap, 130, tap)
        d.arrow(130, middle, SUM_X + 10, middle)
        d.circle(SUM_X, middle, 9, "paper")
        d.circle(SUM_X, middle, 9, "ink", fill=0, stroke=1.5)
        d.line(SUM_X - 5, middle, SUM_X + 5, middle)
        d.line(SUM_X, middle - 5, SUM_X, middle + 5)
    d.text(370, 367, "one block", 13, "muted", "end")
    row(left, 2, rows[6], "data")
    row(left, 197, rows[3], "data")
    row(left, 398, rows[0], "data")
    d.text(158, 19, "to the next block", 14, "muted")
    d.text(158, 214, "the running sum", 14, "muted")
    d.text(158, 415, "one position: token + place", 14, "muted")
    return d.svg()
