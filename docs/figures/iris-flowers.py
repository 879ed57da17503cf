"""Three Iris flowers seen from above, drawn to scale from the mean petals and sepals of each species."""

from __future__ import annotations

from math import cos, radians, sin

from bookbuild.drawings.draw import Drawing
from gptbook.data.tables import iris

UNITS_PER_CM = 10.4
CENTRES = (61, 184, 314)
"""Where the flowers stand (units): their sepals need 9, 11 and 12 cm."""


def turned(cx: float, cy: float, along: float, across: float, degrees: float) -> str:
    """Return the point `along` and `across` a leaf that starts at (cx, cy) and points to `degrees`."""
    c, s = cos(radians(degrees)), sin(radians(degrees))
    return f"{cx + along * c - across * s:.2f} {cy - along * s - across * c:.2f}"


def leaf(cx: float, cy: float, length: float, width: float, degrees: float) -> str:
    """Return the outline of a leaf (units), `width` wide at most."""
    # A cubic's middle reaches 3/4 of its control points' height, so that much more makes the width true.
    half = width / 2 / 0.75
    near, far = 0.32 * length, 0.88 * length
    points = [
        (0.0, 0.0),
        (near, half),
        (far, half),
        (length, 0.0),
        (far, -half),
        (near, -half),
        (0.0, 0.0),
    ]
    at = [turned(cx, cy, along, across, degrees) for along, across in points]
    return f"M{at[0]}C{at[1]} {at[2]} {at[3]}C{at[4]} {at[5]} {at[6]}Z"


def figure() -> str:
    """Return the three flowers as SVG; their lengths and widths are computed from the table."""
    means = iris().groupby("species", sort=False).mean()
    d = Drawing(
        380,
        216,
        "Setosa, versicolor and virginica from above, to scale: three large sepals outside, three petals between. "
        "Setosa's petals are tiny, virginica's the largest.",
    )
    cx, cy = 0, 82
    for cx, (species, mean) in zip(CENTRES, means.iterrows()):
        sepal = mean["sepal_length"] * UNITS_PER_CM, mean["sepal_width"] * UNITS_PER_CM
        petal = mean["petal_length"] * UNITS_PER_CM, mean["petal_width"] * UNITS_PER_CM
        for degrees in (90, 210, 330):
            d.path(leaf(cx, cy, *sepal, degrees), "gray", fill=0.12, stroke=1)
            vein = turned(cx, cy, 0.82 * sepal[0], 0, degrees)
            d.path(f"M{cx:.2f} {cy:.2f}L{vein}", "gray", stroke=0.6)
        for degrees in (30, 150, 270):
            d.path(leaf(cx, cy, *petal, degrees), "violet", fill=0.4, stroke=1.25)
            vein = turned(cx, cy, 0.82 * petal[0], 0, degrees)
            d.path(f"M{cx:.2f} {cy:.2f}L{vein}", "violet", stroke=0.6)
        d.circle(cx, cy, 2.5, "ink")
        d.text(cx, 170, str(species), 14, anchor="middle", weight=600)
        size = f"petal {mean['petal_length']:.1f} × {mean['petal_width']:.1f} cm"
        d.text(cx, 188, size, 12, "violet", "middle")
    d.text(cx - 22, 26, "sepal", 13, "muted", "end")
    d.text(cx + 27, 36, "petal", 13, "violet")
    d.line(8, 207, 8 + 2 * UNITS_PER_CM, 207, "ink")
    d.text(13 + 2 * UNITS_PER_CM, 211, "2 cm", 12)
    return d.svg()
