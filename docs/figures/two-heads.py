"""Two heads on one sentence: the last word asks two questions, and each finds its answer in another place."""

from __future__ import annotations

from math import exp, sqrt

from bookbuild.drawings.draw import Drawing

WORDS = ("yesterday", "the", "cats", "on", "the", "mat")
HEADS = (
    (0, "head 1 asks: when?", "accent"),
    (2, "head 2 asks: one or several?", "violet"),
)
FIT = 4  # the score of the word that answers; all others have 0
ANSWER = "were"
TOP, TALL = 112, 30


def figure() -> str:
    """Return the drawing as SVG: arcs of head 1 above the words, of head 2 below, as thick as their shares."""
    strong = exp(FIT / sqrt(2))
    share = strong / (strong + len(WORDS) - 1)
    rest = (1 - share) / (len(WORDS) - 1)
    d = Drawing(
        380,
        250,
        f"The words {' '.join(WORDS)}, and the guess {ANSWER}. The last word, mat, asks twice. Head 1 gives {share:.0%} "
        f"to yesterday, head 2 gives {share:.0%} to cats, and each gives {rest:.0%} to every other word.",
    )
    x, boxes = 4.0, []
    for place, word in enumerate(WORDS):
        wide = (8.3 if place in (0, 2) else 7.7) * len(word) + 12
        kind = {0: "accent", 2: "violet"}.get(place, "muted")
        d.rect(x, TOP, wide, TALL, kind, 0, 0.12 if place in (0, 2) else 0, 1.5)
        d.centred(
            x + wide / 2,
            TOP + TALL / 2,
            word,
            14,
            weight=600 if place in (0, 2) else 400,
        )
        boxes.append((x, wide))
        x += wide + 4
    middle = [left + wide / 2 for left, wide in boxes]
    d.arrow(x - 2, TOP + TALL / 2, x + 22, TOP + TALL / 2)
    d.text(x + 26, TOP + TALL / 2 + 5, ANSWER, 15, weight=700)
    for head, (found, asks, kind) in enumerate(HEADS):
        side = -1 if head == 0 else 1
        edge = TOP if head == 0 else TOP + TALL
        for place in range(len(WORDS)):
            part = share if place == found else rest
            if place == len(WORDS) - 1:  # to itself: a small loop
                a, b, high = middle[-1] - 7, middle[-1] + 7, 20
            else:
                a, b = middle[place], middle[-1] - 2 * (place - found)
                high = 14 + (b - a) * 0.27
            y = edge + side * high
            d.path(
                f"M{a:.1f} {edge}C{a:.1f} {y:.1f} {b:.1f} {y:.1f} {b:.1f} {edge}",
                kind,
                stroke=1 + 9 * part,
            )
        d.text(
            (62, 74)[head],
            edge + side * 8 + 12 * head,
            f"{share:.0%}",
            15,
            kind,
            weight=700,
        )
        d.text(4, 18 if head == 0 else 240, asks, 14, kind, weight=600)
        d.text(
            376,
            18 if head == 0 else 240,
            f"others: {rest:.0%} each",
            13,
            "muted",
            "end",
        )
    return d.svg()
