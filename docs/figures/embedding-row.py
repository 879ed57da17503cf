"""A token's number picks a row of the embedding table, and only that row goes on into the model."""

from __future__ import annotations

from bookbuild.drawings.draw import Drawing

ROWS = ((".", (0.2, 0.1)), ("a", (0.9, -0.4)), ("b", (-0.7, 0.5)), ("c", (-0.8, 0.6)))
PICKED = 3
TOP, TALL, WIDE = 34, 32, 48  # of the table; the height and width of its cells
LETTER, TOKEN, TABLE, MODEL = 8, 76, 172, 304
CELL = 32


def figure() -> str:
    """Return the drawing as SVG: the letter c is token 3, and row 3 goes into the model."""
    d = Drawing(
        380,
        194,
        "The letter c is token 3; the token picks row 3 of a table of learned numbers, and that row goes into the model",
    )
    middle = TOP + (PICKED + 0.5) * TALL
    right = TABLE + 2 * WIDE
    d.text(TABLE + WIDE, 20, "a row for each token", 13, "learned", "middle")
    for row, (_, numbers) in enumerate(ROWS):
        y, picked = TOP + row * TALL, row == PICKED
        strength = 0.7 if picked else 0.08
        d.cells(TABLE, y, list(numbers), WIDE, TALL, "learned", fill_by=[strength] * 2)
        d.text(
            TABLE - 10,
            y + TALL / 2 + 5,
            row,
            14,
            "ink" if picked else "muted",
            "end",
            700 if picked else 400,
        )
    d.rect(TABLE, TOP + PICKED * TALL, 2 * WIDE, TALL, "learned", stroke=2.5)
    d.cells(LETTER, middle - CELL / 2, [ROWS[PICKED][0]], CELL, text_size=16, mono=True)
    d.arrow(LETTER + CELL + 4, middle, TOKEN - 4, middle)
    d.cells(TOKEN, middle - CELL / 2, [PICKED], CELL, text_size=16)
    d.arrow(TOKEN + CELL + 4, middle, TABLE - 24, middle)
    d.arrow(right + 4, middle, MODEL - 4, middle)
    d.box(MODEL, middle - 26, 70, 52, "model")
    below = TOP + len(ROWS) * TALL + 24
    d.text(LETTER + CELL / 2, below, "letter", 13, "muted", "middle")
    d.text(TOKEN + CELL / 2, below, "token", 13, "muted", "middle")
    d.text(TABLE + WIDE, below, "its embedding", 13, "muted", "middle")
    return d.svg()
