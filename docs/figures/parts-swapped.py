"""Two towers side by side: GPT-2, and a model of today, in which four parts are others."""

from __future__ import annotations

from bookbuild.drawings.draw import Drawing

LEFT, RIGHT = 4, 196
WIDE = 180
CELL = 16


def rows_of(d: Drawing, x: float, y: float, letters: str, kind: str) -> None:
    """Small cells in a row, centred on x."""
    left = x - CELL * len(letters) / 2
    for place, letter in enumerate(letters):
        if letter != " ":
            d.rect(left + CELL * place, y, CELL - 2, 18, kind, 2, 0.3, 1)
            d.centred(left + CELL * place + (CELL - 2) / 2, y + 9.5, letter, 12)


def tower(d: Drawing, left: float, today: bool) -> None:
    """One tower, from the tokens at its foot to the table at its top."""
    line, box = left + 22, left + 46
    wide = WIDE - 52
    changed = "accent" if today else "plain"
    d.text(
        left + WIDE / 2,
        18,
        "today" if today else "GPT-2, 2019",
        15,
        anchor="middle",
        weight=600,
    )
    d.arrow(line, 62, line, 34)
    d.box(
        left + 6, 64, WIDE - 12, 28, "token table, again", "plain", weight=400, size=13
    )
    d.rect(left, 104, WIDE, 232, "gray", 8, stroke=1, dashed=True)
    d.arrow(line, 354, line, 94)
    for y, high in ((112, 74), (226, 74)):
        tap = y + high + 22
        d.line(line, tap, box + 30, tap)
        d.arrow(box + 30, tap, box + 30, y + high + 1)
        d.box(
            box + 40,
            tap - 12,
            wide - 44,
            24,
            "RMS norm" if today else "layer norm",
            changed,
            weight=400,
            size=13,
        )
        d.arrow(box, y + high / 2, line + 9, y + high / 2)
        d.circle(line, y + high / 2, 8, "paper")
        d.circle(line, y + high / 2, 8, "ink", fill=0, stroke=1.5)
        d.line(line - 4, y + high / 2, line + 4, y + high / 2)
        d.line(line, y + high / 2 - 4, line, y + high / 2 + 4)
    middle = box + wide / 2
    d.rect(box, 112, wide, 74, changed, 6, 0.12, 1.5)
    d.text(
        middle,
        130,
        "2 of 8 experts" if today else "MLP",
        13,
        anchor="middle",
        weight=600,
    )
    if today:
        for place in range(8):
            works = place in (2, 6)
            d.rect(
                box + 8 + 14.2 * place,
                144,
                12,
                30,
                "c1" if works else "gray",
                2,
                0.6 if works else 0,
                1,
            )
    else:
        d.rect(middle - 40, 144, 80, 30, "c1", 2, 0.6, 1)
    d.rect(box, 226, wide, 74, changed, 6, 0.12, 1.5)
    d.text(middle, 243, "attention", 13, anchor="middle", weight=600)
    rows_of(d, middle - (16 if today else 0), 250, "qqqq", "data")
    rows_of(
        d, middle - (16 if today else 0), 275, "k k " if today else "kkkk", "learned"
    )
    if today:
        x, y = box + wide - 24, 272
        d.circle(x, y, 15, "gray", 0, 1.2)
        d.line(x, y, x, y - 11, "c0", stroke=2)
        d.line(x, y, x + 9, y + 6, "c1", stroke=2)
    if today:
        d.box(left + 6, 356, WIDE - 12, 30, "token table", "plain", weight=400, size=13)
    else:
        d.box(left + 6, 356, 84, 30, "token table", "plain", weight=400, size=13)
        d.text(left + 97, 376, "+", 15, anchor="middle")
        d.box(left + 104, 356, 70, 30, "positions", "plain", weight=400, size=13)
    d.arrow(left + 48, 408, left + 48, 388)
    d.text(left + 48, 422, "tokens", 13, "muted", "middle")


def figure() -> str:
    """Return the drawing as SVG; what has changed has the accent's colour."""
    d = Drawing(
        380,
        428,
        "Two towers, read upwards. GPT-2: token table plus positions; in each block a layer norm, attention with four "
        "queries and four keys, a layer norm and one MLP; then the token table again. Today: no positions are added; "
        "RMS norm; attention with a clock, four queries and two keys; eight experts, of which two work.",
    )
    tower(d, LEFT, today=False)
    tower(d, RIGHT, today=True)
    return d.svg()
