"""A dialogue as one row of tokens; only the answer, and its end, are asked."""

from __future__ import annotations

from bookbuild.drawings.draw import Drawing

QUESTION, ANSWER = "oslo backwards?", "olso"
CELL, HEIGHT, LEFT, TOP = 17, 26, 3, 34


def figure() -> str:
    """Return the drawing as SVG: read tokens above; below, under the assistant's mark and the answer, what must come."""
    tokens = f"<{QUESTION}>{ANSWER}."
    start = len(QUESTION) + 1  # where the assistant's mark stands
    d = Drawing(
        380,
        158,
        f"The tokens of a dialogue in one row: the user's mark, {QUESTION}, the assistant's mark, {ANSWER}, the end. "
        f"Below the assistant's mark and the answer stands what must come next: {', '.join(ANSWER)}, the end. "
        "Below the question stands nothing.",
    )

    def x(place: int) -> float:
        return LEFT + CELL * place

    d.text(LEFT, TOP - 10, "the user asks", 13, "data", weight=600)
    d.text(x(len(tokens)), TOP - 10, "the assistant", 13, "learned", "end", 600)
    for place, token in enumerate(tokens):
        is_mark = place in (0, start, len(tokens) - 1)
        kind = "learned" if place > start else "data"
        d.rect(x(place), TOP, CELL, HEIGHT, kind, fill=0.22 if is_mark else 0.05)
        d.centred(
            x(place) + CELL / 2,
            TOP + HEIGHT / 2,
            token,
            14,
            "ink",
            700 if is_mark else 400,
            mono=True,
        )
    below = TOP + HEIGHT + 30
    for place in range(start, len(tokens) - 1):
        middle = x(place) + CELL / 2
        d.arrow(middle, TOP + HEIGHT + 3, middle, below - 3)
        d.rect(x(place), below, CELL, HEIGHT, "learned", fill=0.22)
        d.centred(
            middle, below + HEIGHT / 2, tokens[place + 1], 14, "ink", 700, mono=True
        )
    d.rect(LEFT, below, CELL * start - 5, HEIGHT, "muted", stroke=1, dashed=True)
    d.centred(
        LEFT + (CELL * start - 5) / 2,
        below + HEIGHT / 2,
        "given: nothing to learn here",
        13,
        "muted",
    )
    d.text(
        LEFT,
        below + HEIGHT + 24,
        "< user, > assistant, . end",
        13,
        "muted",
    )
    d.text(
        x(len(tokens)) - 2,
        below + HEIGHT + 24,
        "the loss looks here",
        13,
        "learned",
        "end",
        600,
    )
    return d.svg()
