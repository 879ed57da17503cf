"""A name is written letter by letter: the model guesses one, the guess is appended, and the model guesses again."""

from __future__ import annotations

from bookbuild.drawings.draw import Drawing

NAME = "paris"
CELL = 30
PITCH = 50  # from one row of cells to the next
LEFT, MODEL, GUESS = 8, 222, 318  # where the text, the model and its guess begin


def figure() -> str:
    """Return the drawing as SVG: one row a letter, and each guess carried down into the next row."""
    height = PITCH * len(NAME) + 84
    d = Drawing(
        380,
        height,
        f"The mark goes into a model, which guesses {NAME[0]}. The guess is appended and goes in next, "
        f"and so on to {NAME}; then the model guesses the mark, and the name is finished.",
    )
    d.text(LEFT, 16, "text so far", 13, "muted")
    d.text(GUESS + CELL / 2, 16, "guess", 13, "muted", "middle")
    for row in range(len(NAME) + 1):
        y = 26 + PITCH * row
        middle = y + CELL / 2
        text = "." + NAME[:row]
        last = row == len(NAME)
        d.cells(LEFT, y, list(text), CELL, text_size=17, mono=True)
        d.arrow(LEFT + CELL * len(text) + 3, middle, MODEL - 3, middle)
        d.box(MODEL, y, 62, CELL, "model", size=14)
        d.arrow(MODEL + 64, middle, GUESS - 3, middle)
        d.cells(
            GUESS,
            y,
            ["." if last else NAME[row]],
            CELL,
            kind="output",
            text_size=17,
            mono=True,
        )
        if last:
            d.text(GUESS + CELL, y + CELL + 19, "the mark: stop", 13, "muted", "end")
            continue
        # The guess goes down between the rows and into its place at the end of the next one.
        right, gap, place = (
            GUESS + CELL / 2,
            y + CELL + 8,
            LEFT + CELL * len(text) + CELL / 2,
        )
        d.path(f"M{right} {y + CELL}V{gap}H{place}V{gap + 5}", "gray", stroke=1.25)
        d.path(
            f"M{place} {gap + 11}L{place - 4} {gap + 4}L{place + 4} {gap + 4}Z",
            "gray",
            fill=True,
            stroke=0,
        )
    d.text(LEFT + CELL + 8, 26 + CELL / 2 - 5, "the mark: start", 13, "muted")
    return d.svg()
