"""One attention head on four words, with every number: tables, queries, keys, values, scores, shares, outputs."""

from __future__ import annotations

import torch

from bookbuild.drawings.draw import Drawing
from gptbook.models.attention import attention_weights

WORDS = ("Chelsea", "fans", "go", "to")
X = torch.tensor([[2.0, 0, 1], [1, 0, 0], [0, 1, 0], [0, 2, 0]])
TABLES = {
    "q": torch.tensor([[0.0, 0], [1, 0], [0, 0]]),
    "k": torch.tensor([[1.0, 0], [0, 1], [0, 0]]),
    "v": torch.tensor([[3.0, 0], [0, 0], [0, 6]]),
}
ROLES = {"q": "looks for", "k": "offers", "v": "gives"}
# Made up, as X and the tables are: the rows that the output is compared with.
GUESSES = {"Stamford Bridge": [1.0, 1], "Emirates Stadium": [1, -1], "the": [-1, 0]}
LEFT, CELL, ROW = 84, 30, 27


def written(number: float, places: int = 2) -> str:
    """A number, short: whole ones without decimals."""
    return f"{number:.0f}" if number == round(number) else f"{number:.{places}f}"


def grid(
    d: Drawing, x: float, y: float, rows: torch.Tensor, width: float, kind: str
) -> None:
    """Rows of cells."""
    for index, row in enumerate(rows.tolist()):
        d.cells(
            x,
            y + ROW * index,
            [written(v) for v in row],
            width,
            ROW,
            kind,
            text_size=14,
        )


def row_names(d: Drawing, y: float) -> None:
    """The words, numbered, left of four rows."""
    for index, word in enumerate(WORDS):
        d.text(4, y + ROW * index + 18, f"{index + 1} {word}", 14)


def figure() -> str:
    """Return the drawing as SVG: three steps from the embeddings to the outputs."""
    d = Drawing(
        380,
        762,
        "One attention head worked out on the four words Chelsea, fans, go, to.",
    )
    q, k, v = (X @ table for table in TABLES.values())
    scores = q @ k.T
    shares = attention_weights(q[None, None], k[None, None])[0, 0]
    outputs = shares @ v

    d.text(4, 16, "1  Each word makes three rows", 14, weight=600)
    columns = [LEFT, 184, 251, 318]
    top = 152
    d.centred(columns[0] + 1.5 * CELL, top - 12, "x", 15, weight=600)
    grid(d, columns[0], top, X, CELL, "data")
    row_names(d, top)
    for x, (name, table) in zip(columns[1:], TABLES.items()):
        grid(d, x, 48, table, CELL, "learned")
        d.centred(x + CELL, top - 12, name, 15, weight=600)
        d.centred(x + CELL, 38, f"W{name}", 13, "learned")
        grid(d, x, top, X @ table, CELL, "plain")
        d.centred(x + CELL, top + 4 * ROW + 14, ROLES[name], 13, "muted")
    d.text(4, 82, "three learned tables", 13, "learned")
    d.text(4, 99, "(all numbers made up)", 13, "muted")

    top = 354
    d.text(4, 304, "2  Compare, then share out", 14, weight=600)
    row_names(d, top)
    left, right, width = LEFT, 232, 35
    for start, name in ((left, "scores q kᵀ"), (right, "shares a")):
        d.text(start, top - 22, name, 13, weight=600)
        for column in range(4):
            d.text(
                start + width * (column + 0.5),
                top - 6,
                column + 1,
                12,
                "muted",
                "middle",
            )
    for row in range(4):
        for column in range(4):
            place = (width * column, top + ROW * row)
            if column > row:
                for start in (left, right):
                    d.cells(
                        start + place[0],
                        place[1],
                        ["–"],
                        width,
                        ROW,
                        "muted",
                        [0.12],
                        text_size=14,
                    )
                continue
            d.cells(
                left + place[0],
                place[1],
                [written(scores[row, column].item())],
                width,
                ROW,
                "plain",
            )
            share = shares[row, column].item()
            text = written(share).replace("0.", ".")
            d.cells(right + place[0], place[1], [text], width, ROW, "accent", [share])
    d.text(left, top + 4 * ROW + 18, "÷ √2, then softmax, row by row  →", 13, "muted")
    d.text(left, top + 4 * ROW + 35, "– : comes later, so it is masked", 13, "muted")

    top = 546
    d.text(4, top - 10, "3  Average the values", 14, weight=600)
    d.text(286, top - 10, "o = a v", 13, weight=600)
    terms = [
        f"{share:.2f} × ({written(a)}, {written(b)})"
        for share, (a, b) in zip(shares[3].tolist(), v.tolist())
    ]
    d.text(4, top + 18, f"row 4:  {terms[0]} + {terms[1]}", 13)
    d.text(46, top + 38, f"+ {terms[2]} + {terms[3]}", 13)
    a, b = outputs[3].tolist()
    d.text(46, top + 62, f"= ({a:.2f}, {b:.2f})", 14, weight=600)
    for index, row in enumerate(outputs.tolist()):
        d.cells(
            286,
            top + 21 * index,
            [f"{v:.2f}" for v in row],
            43,
            21,
            "output",
            text_size=13,
        )
        d.text(280, top + 21 * index + 15, index + 1, 12, "muted", "end")

    top = 670
    d.text(4, top - 10, "4  Compare with the rows of what may come", 14, weight=600)
    for index, (name, numbers) in enumerate(GUESSES.items()):
        y = top + ROW * index
        score = a * numbers[0] + b * numbers[1]
        d.text(150, y + 18, name, 14, anchor="end", weight=400 if index else 600)
        d.cells(160, y, numbers, CELL, ROW, "learned", text_size=14)
        d.arrow(226, y + ROW / 2, 262, y + ROW / 2)
        said = f"{score:.2f}".replace("-", "−")
        d.text(316, y + 18, said, 14, anchor="end", weight=400 if index else 600)
    return d.svg()
