"""Rows of the Iris table go into a rule; the names of species come out."""

from __future__ import annotations

from bookbuild.drawings.draw import Drawing
from gptbook.data.tables import iris


def figure() -> str:
    """Return the drawing as SVG: the first flower of each species, straight from the table."""
    firsts = iris().groupby("species", sort=False).first()
    d = Drawing(
        380,
        172,
        "Three rows of four measurements in centimetres go into a rule; three species' names come out.",
    )
    for column, head in enumerate(
        ("sepal\nlength", "sepal\nwidth", "petal\nlength", "petal\nwidth")
    ):
        d.text(8 + 44 * column + 22, 20, head, 12, "muted", "middle")
    for row, (species, flower) in enumerate(firsts.iterrows()):
        y = 46 + 40 * row
        values = [
            f"{flower[name]:.1f}"
            for name in ("sepal_length", "sepal_width", "petal_length", "petal_width")
        ]
        d.cells(8, y, values, 44, 30)
        d.arrow(186, y + 15, 204, y + 15)
        d.arrow(272, y + 15, 290, y + 15)
        d.cells(292, y, [str(species)], 80, 30, kind="output")
    d.text(332, 28, "species", 12, "muted", "middle")
    d.box(206, 44, 64, 114, "rule\n?")
    return d.svg()
