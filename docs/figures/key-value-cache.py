"""A name is written twice: with every position computed anew for each letter, and with the cache, only the newest."""

from __future__ import annotations

from bookbuild.drawings.draw import Drawing

NAME = "paris"
CELL = 26
PITCH = 36  # from one row of cells to the next
TOP = 52
PANELS = (8, 216)  # where each way begins


def figure() -> str:
    """Return the drawing as SVG: two staircases of cells, one all computed, one remembered but for its last step."""
    rows = len(NAME) + 1
    total = rows * (rows + 1) // 2
    d = Drawing(
        380,
        TOP + PITCH * rows + 34,
        f"To write {NAME} and its end mark takes {rows} guesses. Without the cache {total} positions are computed, "
        f"with it {rows}: the others are remembered.",
    )
    for left, title, under in (
        (PANELS[0], "without a cache", f"{total} positions computed"),
        (PANELS[1], "with the cache", f"{rows} computed, not {total}"),
    ):
        middle = left + CELL * rows / 2
        d.text(middle, 18, title, 15, anchor="middle", weight=600)
        d.text(left, 40, "read", 13, "muted")
        for row in range(rows):
            y = TOP + PITCH * row
            for place, letter in enumerate("." + NAME[:row]):
                x = left + CELL * place
                remembered = left == PANELS[1] and place < row
                if remembered:
                    d.rect(
                        x + 1.5,
                        y + 1.5,
                        CELL - 3,
                        CELL - 3,
                        "gray",
                        0,
                        0,
                        1,
                        dashed=True,
                    )
                    d.centred(
                        x + CELL / 2, y + CELL / 2, letter, 15, "muted", mono=True
                    )
                else:
                    d.rect(x, y, CELL, CELL, "data", 0, 0.3, 1.5)
                    d.centred(
                        x + CELL / 2, y + CELL / 2, letter, 15, weight=600, mono=True
                    )
        d.text(middle, TOP + PITCH * rows + 18, under, 14, anchor="middle")
    return d.svg()
