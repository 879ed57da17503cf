"""The recorded curves of a group of mistakes, one strip each: held-out loss gone wrong over the right one."""

import math
from typing import Any

from bookbuild.drawings.draw import Drawing, number
from gptbook.data.tables import read_record
from gptbook.experiments.mistakes import mistakes

WIDTH, LEFT, RIGHT = 380, 34, 236  # the plot; its labels follow on the right
TOP, TALL, STRIP, NAMES = 24, 62, 104, 44
HIGHEST = {"worse": 3.0, "quiet": 2.7, "going on": 2.6}  # nats: a curve above is cut off, its number still told
NOTABLE = 0.048  # as a share of the loss: between what a run says of itself and what its model is worth
LINE = 15

Row = dict[str, Any]


def curves(symptom: str) -> str:
    """The drawing as SVG: each mistake of this symptom, in the order of the page.

    Raises ValueError for a symptom without mistakes.
    """
    slugs = [slug for slug, mistake in mistakes().items() if mistake.symptom == symptom]
    if not slugs:
        raise ValueError(f"no mistake has the symptom {symptom!r}")
    rows = read_record("mistakes")["rows"]
    right = [row for row in rows if not row["mistake"]]
    wrong = {row["mistake"]: row for row in rows if row["mistake"]}
    is_writing = symptom == "writing"
    strip = STRIP + (NAMES if is_writing else 0)
    said = "; ".join(f"{slug.replace('-', ' ')}: {summary(wrong[slug], right[0])}" for slug in slugs)
    d = Drawing(WIDTH, strip * len(slugs) + 20, f"Loss in nats over {right[0]['steps'][-1]} steps, {said}.")
    for place, slug in enumerate(slugs):
        y = place * strip
        d.text(6, y + 15, slug.replace("-", " ").capitalize(), 14, weight=600)
        draw_strip(d, y + TOP, wrong[slug], right, symptom)
        if is_writing:
            cached = slug == "cache-off-by-one"
            write_names(d, y + TOP + TALL + 20, wrong[slug], right[0], "cached_samples" if cached else "samples")
    d.text(LEFT, d.height - 5, f"{right[0]['steps'][-1]} steps from left to right; nats per position", 12, "muted")
    return d.svg()


def summary(wrong: Row, right: Row) -> str:
    """What a strip says, for somebody who cannot see it."""
    told = [f"{name} {last:.2f}" if last is not None else f"{name} no number" for name, last in ends(wrong)]
    return f"{', '.join(told)}, right {right['held_out_losses'][-1]:.2f}"


def ends(wrong: Row) -> list[tuple[str, float | None]]:
    """The last losses of a run by what they are called; how good its model really is, where that differs."""
    held_out, fresh = wrong["held_out_losses"][-1], wrong["fresh_loss"]
    told = [("held out", held_out), ("training", wrong["training_losses"][-1])]
    if held_out is not None and fresh is not None and abs(fresh - held_out) > NOTABLE * held_out:
        told.append(("really", fresh))
    if wrong["mistake"] == "cache-off-by-one":
        told.append(("by cache", wrong["cached_loss"]))
    return told


def draw_strip(d: Drawing, y: float, wrong: Row, right: list[Row], symptom: str) -> None:
    """The plot of one mistake, its top at y."""
    told = ends(wrong)
    every = [loss for row in (wrong, *right) for loss in row["held_out_losses"] + row["training_losses"]]
    every += [loss for _, loss in told]
    highest = HIGHEST.get(symptom, 8.0)
    known = [min(loss, highest) for loss in every if loss is not None]
    fine = 10 if symptom in HIGHEST else 2  # the marks of the axis are this part of a nat apart
    low, high = math.floor(fine * min(known)) / fine, math.ceil(fine * max(known)) / fine
    steps = wrong["steps"]

    def place(step: float, loss: float) -> tuple[float, float]:
        share = (min(loss, high) - low) / (high - low)
        return LEFT + (RIGHT - LEFT) * step / steps[-1], y + TALL * (1 - share)

    def line(losses: list[float | None], kind: str, dashed: bool = False, stroke: float = 1.75) -> None:
        points = [place(step, loss) for step, loss in zip(steps, losses) if loss is not None]
        if points:
            path = "L".join(f"{number(px)} {number(py)}" for px, py in points)
            d.path(f"M{path}", kind, stroke=stroke, dashed=dashed)

    d.rect(LEFT, y, RIGHT - LEFT, TALL, "light", stroke=1)
    d.text(LEFT - 5, y + 10, f"{high:g}", 12, "muted", "end")
    d.text(LEFT - 5, y + TALL, f"{low:g}", 12, "muted", "end")
    first = wrong["training_losses"][0]
    if symptom == "start" and first is not None:
        d.text(RIGHT - 6, y + 17, f"begins at {first:.2f}", 13, "accent", "end", 600)
    if symptom == "going on":
        middle = (LEFT + RIGHT) / 2
        d.line(middle, y, middle, y + TALL, "muted", dashed=True, stroke=1)
        d.text(middle - 5, y + TALL - 5, "stop", 12, "muted", "end")
    for row in right:
        line(row["held_out_losses"], "muted", stroke=1.5)
    line(wrong["training_losses"], "accent", dashed=True, stroke=1.5)
    line(wrong["held_out_losses"], "accent", stroke=2.25)
    label_ends(d, y, [*told, ("right", right[0]["held_out_losses"][-1])], lambda loss: place(steps[-1], loss)[1])


def label_ends(d: Drawing, y: float, told: list[tuple[str, float | None]], height: Any) -> None:
    """Words and numbers beside the ends of the lines, pushed apart where they would overlap."""
    known = sorted(((height(loss), name, loss) for name, loss in told if loss is not None), key=lambda end: end[0])
    places: list[float] = []
    for wanted, _, _ in known:
        places.append(max(wanted, places[-1] + LINE) if places else wanted)
    overflow = max(0.0, places[-1] - (y + TALL))
    spare = max(0.0, places[0] - y)  # what can be moved up
    shift = min(overflow, spare + 4)
    for (wanted, name, loss), at in zip(known, places):
        kind = {"right": "muted", "really": "ink", "by cache": "ink"}.get(name, "accent")
        if kind == "ink":
            d.circle(RIGHT + 1, wanted, 4, "ink")
        d.line(RIGHT + 4, wanted, RIGHT + 13, at - shift, "light", stroke=1)
        weight = 600 if name in ("held out", "really", "by cache") else 400
        d.text(RIGHT + 17, at - shift + 4, f"{name} {loss:.2f}", 13, kind, weight=weight)
    if any(loss is None for _, loss in told):
        d.text(RIGHT - 6, y + 17, "every loss is NaN", 13, "accent", "end", 600)


def write_names(d: Drawing, y: float, wrong: Row, right: Row, key: str) -> None:
    """What the model writes, right and wrong, under a strip."""
    for offset, kind, row in ((0, "muted", right), (18, "accent", wrong)):
        names: list[str] = []
        for name in row[key].split(" "):
            name = name if len(name) <= 22 else name[:21] + "…"
            if sum(map(len, names)) + len(names) + len(name) <= 40:
                names.append(name)
        d.text(LEFT, y + offset, " ".join(names), 13, kind, mono=True)
