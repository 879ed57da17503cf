"""Four ways to choose from the same guess: greedy, a low temperature, top-k, top-p."""

from __future__ import annotations

from math import exp

from bookbuild.drawings.draw import Drawing

LETTERS = "teroa"
SCORES = (2.0, 1.5, 0.8, 0.1, -1.0)  # made up
BAR, STEP, HIGH = (
    20,
    30,
    88,
)  # width of a bar, from one to the next, height of a probability of 1
ORDER = ("as it is", "temperature 0.5", "top-k, k = 2", "top-p, p = 0.9")


def probabilities(temperature: float = 1.0) -> list[float]:
    """Softmax of the scores."""
    powers = [exp(score / temperature) for score in SCORES]
    return [power / sum(powers) for power in powers]


def panels() -> list[tuple[str, list[float]]]:
    """Each way with its probabilities; what is not kept has 0."""
    plain = probabilities()
    nucleus = next(n for n in range(1, 6) if sum(plain[:n]) >= 0.9)
    found = [plain, probabilities(0.5)]
    for kept in (2, nucleus):
        share = sum(plain[:kept])
        found.append([p / share if i < kept else 0 for i, p in enumerate(plain)])
    return list(zip(ORDER, found))


def figure() -> str:
    """Return the drawing as SVG: bars of probability in four panels; what cannot be drawn is an empty outline."""
    d = Drawing(
        380,
        318,
        "One guess, five letters. As it is, the probabilities fall slowly. A temperature of 0.5 makes the likely "
        "likelier. Top-k leaves the two likeliest. Top-p leaves the fewest that have 90% together.",
    )
    plain = probabilities()
    for index, (title, found) in enumerate(panels()):
        left, top = 16 + 194 * (index % 2), 8 + 158 * (index // 2)
        base = top + 120
        d.text(left, top + 14, title, 15, weight=600)
        for place, (letter, p, before) in enumerate(zip(LETTERS, found, plain)):
            x = left + STEP * place
            if p:
                d.rect(x, base - HIGH * p, BAR, HIGH * p, "data", 0, 0.8, 0)
                d.text(
                    x + BAR / 2,
                    base - HIGH * p - 5,
                    f"{100 * p:.0f}",
                    12,
                    anchor="middle",
                )
            else:
                d.rect(
                    x,
                    base - HIGH * before,
                    BAR,
                    HIGH * before,
                    "gray",
                    0,
                    0,
                    1,
                    dashed=True,
                )
            d.text(
                x + BAR / 2,
                base + 16,
                letter,
                14,
                "ink" if p else "muted",
                "middle",
                mono=True,
            )
        d.line(left - 4, base, left + STEP * 4 + BAR + 4, base, "gray", stroke=1)
    return d.svg()
