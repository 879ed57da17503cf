"""Cells of a chapter as they are published, and a drawing."""

from bookbuild.chapters.guess import find_guess
from bookbuild.chapters.published import PublishedCell
from bookbuild.chapters.source import Origin
from bookbuild.drawings.draw import Drawing

SHOWN = Origin(module="gptbook.training.loss", name="shown", first_line=3, last_line=4)
PLOT = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 9 9"><path d="M 0 0 L 1 1" style="stroke: #1f5fa8"/></svg>'


def markdown(source: str, group: int, *tags: str, in_exercises: bool = False) -> PublishedCell:
    return PublishedCell(
        kind="markdown",
        source=source,
        tags=frozenset(tags),
        group=group,
        in_exercises=in_exercises,
        guess=find_guess(source) if "guess" in tags or "exercise" in tags else None,
    )


def code(source: str, group: int, *tags: str, **more: object) -> PublishedCell:
    return PublishedCell(kind="code", source=source, tags=frozenset(tags), group=group, **more)  # type: ignore[arg-type]


def boxes() -> Drawing:
    drawing = Drawing(200, 100, "Two boxes")
    drawing.rect(10, 10, 80, 80, "c0", fill=1.0, stroke=0)
    drawing.box(110, 10, 80, 80, "$x$ & y")
    drawing.arrow(90, 50, 110, 50, bend=0.2)
    drawing.circle(150, 20, 5, "c1")
    drawing.line(0, 95, 200, 95, dashed=True)
    return drawing


CELLS = [
    markdown("# Title", 0),
    code(
        "def shown():\n    pass",
        1,
        "show",
        origin=Origin(module="gptbook.training.loss", name="shown", first_line=3, last_line=4),
    ),
    code("import os", 2, "fold", folded=True),
    code("x < 1", 2, "fold", folded=True, outputs=({"output_type": "stream", "name": "stdout", "text": "a < b\n"},)),
    code(
        "plot()",
        3,
        "fold",
        folded=True,
        alt='A "line".',
        caption="It *rises*.",
        outputs=({"output_type": "display_data", "metadata": {}, "data": {"image/svg+xml": PLOT}},),
    ),
    code("secret()", 4, "hide"),
    markdown("A note.", 5, "note"),
    markdown("## Exercises", 6, in_exercises=True),
    markdown("### Predict: it", 7, "exercise", in_exercises=True),
    code("guess = ...", 8, "starter", in_exercises=True),
    code("check()", 9, "check", in_exercises=True),
    markdown("Think.", 10, "hint", in_exercises=True),
    code("guess = 1", 11, "solution", in_exercises=True),
    markdown("## Further reading", 12),
]

NUMBER = markdown("How *many*?\n\nanswer: 1,234 mistakes, within 5\n\nBecause of $x$.", 1, "guess")
CHOICES = markdown("Which?\n\n- [ ] *one*\n- [x] the other\n\nBecause.", 2, "guess")
PREDICT = [
    markdown("## Exercises", 3, in_exercises=True),
    markdown("### Predict: it\n\nHow much?\n\nanswer: -0.5%\n\nBecause.", 4, "exercise", in_exercises=True),
    code("my_guess = ...", 5, "starter", in_exercises=True),
    code("check(my_guess)", 6, "check", in_exercises=True),
    markdown("Think.", 7, "hint", in_exercises=True),
    code("my_guess = -0.5", 8, "solution", in_exercises=True),
]
