"""A question, a call, its result and the answer: four turns that are one row of tokens."""

from __future__ import annotations

from bookbuild.drawings.draw import Drawing

TURNS = (
    ("user asks", ["<", "where is", *"kobe?"], False),
    ("model calls", ["[find", *"kobe", "]", "."], True),
    ("look-up finds", ["=", *"kobe,JP"], False),
    ("model answers", [*"JP", "."], True),
)
CELL, LETTER, HEIGHT, LEFT, TOP, STEP = 20, 8.6, 26, 122, 26, 42


def width_of(token: str) -> float:
    """A letter has a square; a longer piece as much as its letters need."""
    return CELL if len(token) == 1 else LETTER * len(token) + 8


def figure() -> str:
    """Return the drawing as SVG: a line for each turn; what the model chose is filled, the rest is given to it."""
    d = Drawing(
        380,
        208,
        "One row of tokens in four lines. The user asks where is kobe. The model writes the call: find kobe. "
        "The program adds what the look-up found: kobe, JP. The model reads it and answers JP.",
    )
    d.text(LEFT, TOP - 10, "all one row, read from left to right", 13, "muted")
    for line, (who, tokens, chosen) in enumerate(TURNS):
        kind = "learned" if chosen else "data"
        y = TOP + STEP * line
        d.text(LEFT - 12, y + HEIGHT / 2 + 5, who, 13, kind, "end", 600)
        shown = [">", *tokens] if chosen else tokens
        x = float(LEFT)
        for place, token in enumerate(shown):
            given = not chosen or place == 0
            wide = width_of(token)
            d.rect(
                x,
                y,
                wide,
                HEIGHT,
                "data" if given else "learned",
                fill=0.06 if given else 0.24,
            )
            weight = 700 if token in "<>=." else 400
            d.centred(x + wide / 2, y + HEIGHT / 2, token, 14, "ink", weight, mono=True)
            x += wide
    bottom = TOP + STEP * len(TURNS) + 8
    d.rect(LEFT, bottom - 11, 14, 14, "learned", fill=0.24)
    d.text(LEFT + 20, bottom, "chosen by the model", 13, "learned")
    return d.svg()
