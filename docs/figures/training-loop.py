"""Training is a loop: a flower goes forward to a loss, and slopes come back to the numbers."""

from __future__ import annotations

from bookbuild.drawings.draw import Drawing
from gptbook.data.tables import iris


def figure() -> str:
    """Return the drawing of the loop as SVG; the flower is the first row of the table."""
    d = Drawing(
        380,
        262,
        "A flower goes forward through a model to three guesses; the surprise at the right one is the loss; "
        "slopes go backward from the loss, and every number of the model takes a step.",
    )
    first = iris().iloc[0]
    names = ("sepal_length", "sepal_width", "petal_length", "petal_width")
    d.text(8, 20, "1  Forward", 14, weight=700)
    d.text(27, 44, "flower", 13, "muted", "middle")
    d.cells(6, 50, [f"{first[name]:.1f}" for name in names], 42, 26, vertical=True)
    d.arrow(52, 102, 74, 102)
    # The model: a rounded box around its learned numbers.
    d.box(78, 50, 122, 104)
    d.text(139, 70, "model", 14, anchor="middle", weight=600)
    for row in range(3):
        d.cells(92, 80 + 20 * row, [""] * 5, 19, 20, kind="learned")
    d.arrow(202, 102, 224, 102)
    # Three guesses, an example: together 1 (64 wide), the right one too low.
    d.text(230, 44, "guesses", 13, "muted")
    guesses = (("setosa", 11), ("versicolor", 34), ("virginica", 19))
    for row, (species, length) in enumerate(guesses):
        y = 64 + 32 * row
        right = species == "setosa"
        kind, strength = ("data", 0.8) if right else ("gray", 0.35)
        d.text(230, y, species, 13, weight=700 if right else 400)
        d.rect(308, y - 12, 64, 16, kind, 0, 0, 1)
        d.rect(308, y - 12, length, 16, kind, 0, strength, 0)
    d.text(230, 152, "right: setosa", 13, "data", weight=700)
    d.arrow(300, 160, 300, 192)
    d.cells(232, 196, ["loss = −ln p(setosa)"], 142, 32, kind="output", text_size=13)
    d.arrow(228, 212, 139, 160, kind="accent", bend=0.16)
    d.text(182, 234, "2  Backward", 14, "accent", "middle", weight=700)
    d.text(182, 252, "every number's slope", 13, "accent", "middle")
    d.text(8, 178, "3  Step", 14, "accent", weight=700)
    d.text(8, 196, "every number\nmoves a little\ndownhill", 13, "accent")
    return d.svg()
