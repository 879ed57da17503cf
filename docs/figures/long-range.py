"""Two words far back decide two words, and a third, far on; what stands between decides nothing."""

from __future__ import annotations

from bookbuild.drawings.draw import Drawing

LINES = (
    ("My", "father", "is", "a", "Manchester United", "fan"),
    ("who", "likes", "old", "films", ",", "cooks", "soup"),
    ("with", "friends", "and", "reads", "long", "novels", "."),
    ("He", "saw", "their", "home", "game", "at", "Old Trafford"),
)
KINDS = {
    "father": "violet",
    "He": "violet",
    "Manchester United": "data",
    "their": "data",
    "Old Trafford": "data",
}
TOPS = (8, 82, 116, 190)
HEIGHT, LEFT, RIGHT = 28, 4, 372  # the arrows go down at the sides


def places() -> dict[str, tuple[float, float]]:
    """Where each word's cell begins, and how wide it is; the lines are centred."""
    found = {}
    for number, words in enumerate(LINES):
        widths = [(8.4 if word in KINDS else 7.6) * len(word) + 11 for word in words]
        x = (380 - sum(widths) - 3 * (len(words) - 1)) / 2
        for word, width in zip(words, widths):
            found[f"{number} {word}"] = (x, width)
            x += width + 3
    return found


def figure() -> str:
    """Return the drawing as SVG: four lines of words, with arrows around the two in the middle."""
    d = Drawing(
        380,
        226,
        " ".join(" ".join(line) for line in LINES).replace(" ,", ",").replace(" .", ".")
        + " Arrows lead from father to He, and from Manchester United to their and to Old Trafford.",
    )
    found = places()
    for number, (words, y) in enumerate(zip(LINES, TOPS)):
        for word in words:
            x, width = found[f"{number} {word}"]
            kind = KINDS.get(word)
            d.rect(
                x,
                y,
                width,
                HEIGHT,
                kind or "line",
                0,
                0.12 if kind else 0,
                1.5 if kind else 1,
            )
            d.centred(
                x + width / 2,
                y + HEIGHT / 2,
                word,
                14,
                "ink" if kind or number in (0, 3) else "muted",
                600 if kind else 400,
            )
    for source, target, side, level, kind in (
        ("0 father", "3 He", LEFT, 20, "violet"),
        ("0 Manchester United", "3 Old Trafford", RIGHT, 16, "data"),
        ("0 Manchester United", "3 their", RIGHT - 8, 28, "data"),
    ):
        begin = found[source][0] + found[source][1] / 2 + (8 if level == 16 else 0)
        end = found[target][0] + found[target][1] / 2
        out, back = TOPS[0] + HEIGHT + level, TOPS[3] - level
        turn = 8 if side > begin else -8
        home = 8 if end > side else -8
        d.path(
            f"M{begin:.1f} {TOPS[0] + HEIGHT}V{out - 8}q0 8 {turn} 8H{side - turn}q{turn} 0 {turn} 8"
            f"V{back - 8}q0 8 {home} 8H{end - home:.1f}q{home} 0 {home} 8",
            kind,
        )
        d.arrow(end, back + 7, end, TOPS[3] - 1, kind=kind)
    return d.svg()
