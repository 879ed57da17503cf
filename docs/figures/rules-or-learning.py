"""Software takes a rule from a person; machine learning takes answers and gives the rule."""

from __future__ import annotations

from bookbuild.drawings.draw import Drawing


def figure() -> str:
    """Return the drawing of the two ways, one above the other, as SVG."""
    d = Drawing(
        380,
        282,
        "Software: a flower's measurement and a person's rule go in, an answer comes out. "
        "Machine learning: measurements and their answers go in, the rule comes out.",
    )
    d.text(8, 20, "Software", 15, weight=700)
    d.text(8, 48, "example", 13, "muted")
    d.cells(8, 54, ["1.4 cm"], 74, 32)
    d.text(8, 110, "rule, from a person", 13, "muted")
    d.cells(8, 116, ["below 2 cm: setosa"], 138, 32, kind="output", text_size=13)
    d.arrow(84, 70, 182, 84)
    d.arrow(148, 132, 182, 118)
    d.box(186, 66, 92, 70, "program")
    d.arrow(280, 101, 306, 101)
    d.text(310, 90, "answer", 13, "muted")
    d.cells(308, 96, ["setosa"], 64, 32, kind="output")

    d.line(8, 162, 372, 162, "line", stroke=1)

    d.text(8, 188, "Machine learning", 15, weight=700)
    d.text(8, 212, "examples", 13, "muted")
    d.text(76, 212, "their answers", 13, "muted")
    for row, (length, name) in enumerate(
        (("1.4 cm", "setosa"), ("4.7 cm", "versicolor"))
    ):
        d.cells(8, 218 + 28 * row, [length], 64, 28)
        d.cells(72, 218 + 28 * row, [name], 82, 28, kind="output")
    d.arrow(156, 246, 182, 246)
    d.box(186, 214, 84, 64, "learning")
    d.arrow(272, 246, 290, 246, kind="accent")
    d.text(294, 224, "rule", 13, "accent")
    d.cells(293, 230, ["below\n2.45 cm:\nsetosa"], 79, 50, kind="learned", text_size=12)
    return d.svg()
