"""Three Iris flowers seen from above, drawn to scale from the mean petals and sepals of each species."""

from __future__ import annotations

from math import cos, radians, sin

from bookbuild.draw import Drawing
from gptbook.datasets import iris

UNITS_PER_CM = 9.6


def leaf(cx: float, cy: float, length: float, width: float, degrees: float) -> str:
    """Return the path of a leaf (units) that starts at (cx, cy), points to `degrees`, and is `width` wide at most."""
    # A cubic's middle reaches 3/4 of its control points' height, so that much more makes the width true.
    half = width / 2 / 0.75
    outline = [(0.0, 0.0), (0.3 * length, half), (0.85 * length, half), (length, 0.0)]
    c, s = cos(radians(degrees)), sin(radians(degrees))

    def at(u: float, v: float) -> str:
        return f"{cx + u * c - v * s:.2f} {cy - u * s - v * c:.2f}"

    there = f"M{at(*outline[0])}C{at(*outline[1])} {at(*outline[2])} {at(*outline[3])}"
    back = f"C{at(0.85 * length, -half)} {at(0.3 * length, -half)} {at(0.0, 0.0)}Z"
    return there + back


def figure() -> str:
    """Return the three flowers as SVG; their lengths and widths are computed from the table."""
    means = iris().groupby("species", sort=False).mean()
    d = Drawing(
        380,
        214,
        "Setosa, versicolor and virginica from above, to scale: three large sepals outside, three petals between. "
        "Setosa's petals are tiny, virginica's the largest.",
    )
    for index, (species, mean) in enumerate(means.iterrows()):
        cx, cy = 56 + 130 * index + 4 * (index > 0), 88
        for degrees in (90, 210, 330):
            length, width = (
                mean["sepal_length"] * UNITS_PER_CM,
                mean["sepal_width"] * UNITS_PER_CM,
            )
            d.path(leaf(cx, cy, length, width, degrees), "gray", fill=0.12, stroke=1)
        for degrees in (30, 150, 270):
            length, width = (
                mean["petal_length"] * UNITS_PER_CM,
                mean["petal_width"] * UNITS_PER_CM,
            )
            d.path(
                leaf(cx, cy, length, width, degrees), "violet", fill=0.35, stroke=1.25
            )
        d.circle(cx, cy, 2.5, "ink")
        d.text(cx, 176, str(species), 14, anchor="middle", weight=600)
        size = f"petal {mean['petal_length']:.1f} × {mean['petal_width']:.1f} cm"
        d.text(cx, 194, size, 12, "violet", "middle")
    d.text(cx + 18, 30, "sepal", 13, "muted")
    d.text(377, 54, "petal", 13, "violet", "end")
    d.line(8, 208, 8 + 2 * UNITS_PER_CM, 208, "ink")
    d.text(12 + 2 * UNITS_PER_CM, 212, "2 cm", 12)
    return d.svg()
