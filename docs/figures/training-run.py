"""A training run: six things that happen at every step, and what happens over all steps."""

from __future__ import annotations

from bookbuild.drawings.draw import Drawing
from gptbook.training.optim import warmup_then_decay

LEFT, RIGHT, BASE, HIGH = 14, 366, 262, 62  # of the rate's curve


def disk(d: Drawing, x: float, y: float) -> None:
    """A saved checkpoint, with its middle at (x, y)."""
    d.rect(x - 10, y - 10, 20, 20, "data", 3, 0.15, 1.5)
    d.rect(x - 5, y - 10, 10, 6, "data", 0, 0.7, 0)
    d.rect(x - 6, y + 1, 12, 9, "data", 0, 0, 1)


def figure() -> str:
    """Return the drawing as SVG; the curve is the package's own schedule."""
    d = Drawing(
        380,
        336,
        "Every step: a batch goes forward to a loss, a watch looks at the loss, slopes go backward, are clipped, "
        "and the optimizer steps. Over all steps the rate climbs, then falls to zero; checkpoints are saved on the way.",
    )
    d.text(LEFT, 20, "Every step", 15, weight=700)
    width, high, gap = 98, 36, 29
    columns = [LEFT + (width + gap) * place for place in range(3)]
    top, low = 34, 110
    d.cells(columns[0], top, ["batch"], width, high, kind="data")
    d.box(columns[1], top, width, high, "forward")
    d.cells(columns[2], top, ["loss"], width, high, kind="output")
    d.box(columns[2], low, width, high, "backward")
    d.box(columns[1], low, width, high, "clip", kind="accent")
    d.box(columns[0], low, width, high, "step")
    for place in (0, 1):
        left = columns[place] + width
        d.arrow(left + 3, top + high / 2, left + gap - 3, top + high / 2)
        d.arrow(left + gap - 3, low + high / 2, left + 3, low + high / 2)
    middle = columns[2] + width / 2
    d.arrow(middle, top + high + 3, middle, low - 3)
    d.arrow(columns[0] + width / 2, low - 3, columns[0] + width / 2, top + high + 3)
    d.text(columns[0] + width / 2 + 9, 95, "next batch", 13, "muted")
    d.text(middle - 9, 95, "watch it", 13, "accent", "end", weight=600)
    d.text(LEFT, 180, "All steps", 15, weight=700)
    num_steps, warmup_steps = 100, 14

    def place_of(step: int) -> tuple[float, float]:
        share = warmup_then_decay(step, num_steps, warmup_steps)
        x = LEFT + (RIGHT - LEFT) * step / num_steps
        return x, BASE - HIGH * share

    points = [place_of(step) for step in range(num_steps + 1)]
    line = "L".join(f"{x:.1f} {y:.1f}" for x, y in points)
    d.line(LEFT, BASE, RIGHT, BASE, "gray", stroke=1)
    d.path(f"M{line}", "learned", stroke=2.5)
    d.text(92, 205, "rate: warm up, then decay to zero", 13, "accent", weight=600)
    disks = [LEFT + (RIGHT - LEFT) * part for part in (0.25, 0.5, 0.75)] + [RIGHT - 10]
    d.line(LEFT, 288, RIGHT - 20, 288, "gray", stroke=1)
    for x in disks:
        d.rect(x - 13, 276, 26, 24, "paper", 0, 1, 0)
        disk(d, x, 288)
    d.text(LEFT, 322, "checkpoints: a stop costs what came after the last", 13, "data")
    return d.svg()
