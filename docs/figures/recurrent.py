"""A recurrent net: one row of numbers is handed from word to word, and each word changes it."""

from __future__ import annotations

from bookbuild.drawings.draw import Drawing

WORDS = ("Chelsea", "fan", "cooks", "soup", "at")
# How much of each cell still speaks of the club, after each word: a picture, nothing measured.
OF_CLUB = (
    (1.0, 0.9, 0.8, 1.0),
    (0.8, 0.5, 0.7, 0.8),
    (0.5, 0.2, 0.6, 0.4),
    (0.3, 0.1, 0.4, 0.2),
    (0.2, 0.0, 0.2, 0.1),
)
STEP, CELL, TOP, LEFT = 68, 18, 96, 14


def figure() -> str:
    """Return the drawing as SVG: words above, the net below them five times, its state between."""
    d = Drawing(
        380,
        232,
        "The words Chelsea, fan, cooks, soup, at go one after the other into the same net. It hands a column of four "
        "numbers, the state, from word to word. The colour that stands for the club is strong after Chelsea and "
        "faint after at, where the stadium is to be guessed.",
    )
    d.text(4, 16, "one word after the other", 13, "muted")
    for place, word in enumerate(WORDS):
        x = LEFT + STEP * place
        d.centred(x + 22, 44, word, 13, weight=600 if place == 0 else 400)
        d.arrow(x + 22, 56, x + 22, TOP + 8)
        d.box(x, TOP + 10, 44, 4 * CELL - 20, "net", "accent", 13)
        d.cells(
            x + 50,
            TOP,
            [""] * 4,
            CELL,
            CELL,
            "data",
            fill_by=OF_CLUB[place],
            vertical=True,
        )
    for place in range(len(WORDS) - 1):
        d.line(
            LEFT + STEP * place + 44,
            TOP + 2 * CELL,
            LEFT + STEP * place + 50,
            TOP + 2 * CELL,
        )
    last = LEFT + STEP * (len(WORDS) - 1) + 59
    d.line(last - 15, TOP + 2 * CELL, last - 9, TOP + 2 * CELL)
    d.arrow(last, TOP + 4 * CELL + 2, last, TOP + 4 * CELL + 28)
    d.text(374, TOP + 4 * CELL + 46, "which stadium?", 13, weight=600, anchor="end")
    d.text(4, TOP + 4 * CELL + 22, "the state: all that it remembers", 13, "data")
    return d.svg()
