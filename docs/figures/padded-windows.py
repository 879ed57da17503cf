"""Every model answers the same questions: marks fill the places where no letter has been written yet."""

from __future__ import annotations

from bookbuild.drawings.draw import Drawing

NAME = "ulm"
WIDTHS = (1, 3)
CELL = 26


def figure() -> str:
    """Return the drawing as SVG: one row a position, the narrow windows left of the answer, the wide ones right of it."""
    d = Drawing(
        380,
        50 + 36 * (len(NAME) + 1),
        f"The name {NAME} is {len(NAME) + 1} questions for a window of one letter and for a window of three alike; "
        "marks fill the left of windows that reach back before the name.",
    )
    text = "." * max(WIDTHS) + NAME + "."
    narrow, target, wide = 30, 104, 172
    edge = wide + 3 * CELL + 8
    d.text(narrow + CELL / 2, 18, "1 letter", 13, "muted", "middle")
    d.text(target + CELL / 2, 18, "next", 13, "muted", "middle")
    d.text(wide + 1.5 * CELL, 18, "3 letters", 13, "muted", "middle")
    for row in range(len(NAME) + 1):
        y, place = 30 + 36 * row, max(WIDTHS) + row
        for width, x in zip(WIDTHS, (narrow, wide)):
            for index, token in enumerate(text[place - width : place]):
                kind = "muted" if token == "." else "data"
                d.cells(
                    x + CELL * index,
                    y,
                    [token],
                    CELL,
                    28,
                    kind,
                    text_size=16,
                    mono=True,
                )
        d.arrow(narrow + CELL + 4, y + 14, target - 4, y + 14)
        d.arrow(wide - 4, y + 14, target + CELL + 4, y + 14)
        d.cells(target, y, [text[place]], CELL, 28, "output", text_size=16, mono=True)
    d.path(f"M{edge} 30H{edge + 6}V{22 + 36 * len(NAME)}H{edge}", "gray", stroke=1.25)
    d.text(
        edge + 14,
        16 + 18 * len(NAME),
        "without marks,\n3 letters would\nskip these",
        13,
        "muted",
    )
    return d.svg()
