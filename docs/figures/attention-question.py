"""The last of four words looks back: how much it takes from each, by the numbers of the chapter's example."""

from __future__ import annotations

from bookbuild.drawings.draw import Drawing

WORDS = ("Chelsea", "fans", "go", "to")
EMBEDDINGS = ((2, 0), (1, 0), (0, 1), (0, 2))
CENTRES = (52, 132, 194, 244)


def shares() -> list[float]:
    """What the last word takes from each word: its query asks for the first number, twice; scores over sqrt(2)."""
    from math import exp

    query = EMBEDDINGS[-1][1]
    powers = [exp(query * club / 2**0.5) for club, _ in EMBEDDINGS]
    return [power / sum(powers) for power in powers]


def figure() -> str:
    """Return the drawing as SVG: arcs from each word to the last, as thick as its share; then the guess."""
    d = Drawing(
        380,
        176,
        f"The word to looks back over {', '.join(WORDS)}, and takes most from Chelsea.",
    )
    found, base = shares(), 104
    for x, share in zip(CENTRES, found):
        width = 1.5 + 13 * share
        if x == CENTRES[-1]:
            d.path(
                f"M{x - 9} {base - 22}C{x - 16} {base - 54} {x + 16} {base - 54} {x + 9} {base - 22}",
                "c1",
                stroke=width,
            )
            d.text(x + 20, base - 40, f"{share:.0%}", 14)
            continue
        top = base - 22 - 0.42 * (CENTRES[-1] - x) - 10
        d.path(
            f"M{x} {base - 22}C{x} {top} {CENTRES[-1] - 14} {top} {CENTRES[-1] - 6} {base - 22}",
            "c1",
            stroke=width,
        )
        d.text(
            x - 6,
            base - 34,
            f"{share:.0%}",
            16 if share > 0.5 else 14,
            anchor="end",
            weight=600 if share > 0.5 else 400,
        )
    for x, word in zip(CENTRES, WORDS):
        width = 26 + 8 * len(word)
        d.rect(x - width / 2, base - 16, width, 32, "data", 0, 0.1, 1.25)
        d.centred(x, base, word, 15)
    d.arrow(266, base, 290, base)
    d.text(296, base - 3, "Stamford", 14, weight=600)
    d.text(296, base + 14, "Bridge", 14, weight=600)
    d.text(CENTRES[-1], base + 42, "asks: which club?", 13, "muted", "middle")
    d.text(CENTRES[0] - 40, base + 42, "answers: a club", 13, "muted")
    d.line(CENTRES[-1], base + 18, CENTRES[-1], base + 28, "gray")
    d.line(CENTRES[0], base + 18, CENTRES[0], base + 28, "gray")
    return d.svg()
