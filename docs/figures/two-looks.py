"""Two looks, one for each block: first every letter notes the one before it, then the question finds the right note."""

from __future__ import annotations

from bookbuild.drawings.draw import Drawing

ROW = "mcdskr"
ASKED = "d"
CELL, TALL, LEFT, TOP = 44, 34, 12, 66


def figure() -> str:
    """Return the drawing as SVG: letters with arrows to their neighbours, notes below, and an arrow from the question."""
    found = ROW.index(ASKED) + 1
    last = len(ROW)
    d = Drawing(
        380,
        262,
        f"The letters {', '.join(ROW)}, and then the question {ASKED}. Block 1: an arrow from each letter to the next, "
        f"which notes what stood before it. Block 2: from the question, an arrow back to {ROW[found]}, whose note says: "
        f"after {ASKED}. So the answer is {ROW[found]}.",
    )
    d.text(
        LEFT,
        18,
        "Block 1: each letter notes the one before it",
        14,
        "violet",
        weight=600,
    )
    note = TOP + TALL + 22
    for place, letter in enumerate([*ROW, ASKED, "?"]):
        x = LEFT + CELL * place
        middle = x + CELL / 2
        strong = place in (found, last)
        if letter == "?":
            d.rect(x, TOP, CELL, TALL, "ink", 0, 0, 1.5, dashed=True)
        else:
            d.rect(
                x,
                TOP,
                CELL,
                TALL,
                "accent" if strong else "data",
                0,
                0.25 if strong else 0.1,
                1.25,
            )
        d.centred(middle, TOP + TALL / 2, letter, 16, weight=600, mono=True)
        if 0 < place < len(ROW):
            d.arrow(
                middle - CELL + 3,
                TOP - 3,
                middle - 4,
                TOP - 3,
                bend=0.35,
                kind="violet",
            )
            d.centred(
                middle,
                note + 4,
                f"after\n{ROW[place - 1]}",
                13,
                "violet",
                weight=700 if place == found else 400,
            )
    question, answer = LEFT + CELL * (last + 0.5), LEFT + CELL * (found + 0.5)
    low = note + 62
    d.path(
        f"M{question} {TOP + TALL + 2}V{low - 10}q0 10 -10 10H{answer + 10}q-10 0 -10 -10V{note + 36}",
        "accent",
        stroke=2.5,
    )
    d.arrow(answer, note + 38, answer, note + 26, kind="accent", stroke=2.5)
    said = f"Block 2: {ASKED} looks for the note “after {ASKED}”,\nand copies the letter that carries it: {ROW[found]}"
    d.text(LEFT, low + 26, said, 14, "accent", weight=600)
    return d.svg()
