"""A window of eight words on a sentence of the grammar: the club, which decides the stadium, stands before it."""

from __future__ import annotations

from bookbuild.drawings.draw import Drawing

LINES = (
    ("my", "father", "is", "a", "Manchester United", "fan"),
    ("who", "likes", "old", "films", "and", "cooks", "soup"),
    (";", "he", "saw", "them", "at", "?"),
)
CLUB, WINDOW = "Manchester United", 8
HEIGHT, STEP, TOP = 28, 44, 30


def figure() -> str:
    """Return the drawing as SVG: the words that the window holds lie in a frame; all before are gray."""
    words = [word for line in LINES for word in line]
    d = Drawing(
        380,
        TOP + STEP * len(LINES) + 26,
        f"{' '.join(words)} A frame around the last {WINDOW} words before the question mark "
        f"holds neither {CLUB} nor father.",
    )
    place, first_seen = 0, len(words) - 1 - WINDOW
    for number, line in enumerate(LINES):
        left_edge = 18.0
        x, y = left_edge, TOP + STEP * number
        frame = []
        for word in line:
            strong = word in (CLUB, "?")
            width = max((8.4 if strong else 7.6) * len(word) + 11, 24)
            is_seen = first_seen <= place < len(words) - 1
            if place in (first_seen, len(words) - 1) and x > left_edge:
                x += 8  # room for the frame's side
            kind = "data" if is_seen else "ink" if word == "?" else "muted"
            d.rect(
                x,
                y,
                width,
                HEIGHT,
                kind,
                0,
                0.1 if is_seen else 0,
                1.5 if strong else 1,
                dashed=word == CLUB,
            )
            colour = "ink" if is_seen or strong else "muted"
            d.centred(
                x + width / 2, y + HEIGHT / 2, word, 14, colour, 600 if strong else 400
            )
            if word == CLUB:
                d.text(x + width / 2, y - 9, "out of sight", 13, "muted", "middle")
            if is_seen:
                frame += [x, x + width]
            x += width + 3
            place += 1
        if frame:  # open where the window goes on in another line
            left, right = min(frame) - 5, max(frame) + 5
            top, bottom = y - 5, y + HEIGHT + 5
            if number == len(LINES) - 1:
                d.path(f"M{left} {top}H{right}V{bottom}H{left}", "data", stroke=2)
                d.text(
                    left,
                    bottom + 18,
                    f"a window of {WINDOW} words",
                    13,
                    "data",
                    weight=600,
                )
            else:
                d.path(f"M{right} {top}H{left}V{bottom}H{right}", "data", stroke=2)
    return d.svg()
