"""The recorded curve of one mistake, small enough to stand beside its heading: that mistake over the right runs."""

from itertools import pairwise
from typing import Any

from bookbuild.drawings.draw import Drawing, number
from gptbook.data.tables import read_record
from gptbook.experiments.mistakes import mistakes

WIDTH, LEFT, RIGHT = 350, 34, 226  # the plot; its labels follow on the right
TOP, TALL, NAMES = 12, 76, 40
SCALES = ((2.3, 2.7), (2.2, 3.4), (2, 5), (0, 4), (0, 8), (0, 12))
"""From and to, in nats, the finest first: curves with like ends have one scale, and can be compared."""
AT_THE_START = (2, 8)
NOTABLE = 0.048  # as a share of the loss: between what a run says of itself and what its model is worth
LEVEL = 0.05  # nats: less is no rise and no fall
LINE = 15
NAME_LETTERS, LETTERS_A_LINE = 22, 40

Row = dict[str, Any]
Losses = list[float | None]


def figures() -> dict[str, str]:
    """The drawing of each mistake as SVG, by `mistake-` and its slug."""
    rows = read_record("mistakes")["rows"]
    return {f"mistake-{slug}": curve(slug, rows) for slug in mistakes()}


def curve(slug: str, rows: list[Row]) -> str:
    """The drawing of one mistake as SVG, out of the rows of the record.

    Raises ValueError for a mistake that is not recorded.
    """
    right = [row for row in rows if not row["mistake"]]
    wrong = next((row for row in rows if row["mistake"] == slug), None)
    if wrong is None:
        raise ValueError(f"no curve is recorded for the mistake {slug!r}")
    symptom = mistakes()[slug].symptom
    names = NAMES if symptom == "writing" else 0
    d = Drawing(WIDTH, TOP + TALL + 19 + names, said(wrong, right))
    low, high = AT_THE_START if symptom == "start" else scale(wrong, right)
    steps = wrong["steps"]

    def line(losses: Losses) -> str:
        return path_within(steps, losses, low, high)

    d.rect(LEFT, TOP, RIGHT - LEFT, TALL, "light", stroke=1)
    d.text(LEFT - 5, TOP + 9, f"{high:g}", 12, "muted", "end")
    d.text(LEFT - 5, TOP + TALL / 2 + 4, "nats", 12, "muted", "end")
    d.text(LEFT - 5, TOP + TALL, f"{low:g}", 12, "muted", "end")
    d.text(RIGHT, TOP + TALL + 14, f"{steps[-1]} steps", 12, "muted", "end")
    if symptom == "going on":
        middle = (LEFT + RIGHT) / 2
        d.line(middle, TOP, middle, TOP + TALL, "muted", dashed=True, stroke=1)
        d.text(middle, TOP + TALL + 14, "stop", 12, "muted", "middle")
    if path := "".join(line(row["held_out_losses"]) for row in right):
        d.path(path, "muted", stroke=1.5)
    if path := line(wrong["training_losses"]):
        d.path(path, "accent", stroke=1.5, dashed=True)
    if path := line(wrong["held_out_losses"]):
        d.path(path, "accent", stroke=2.25)
    first = wrong["training_losses"][0]
    if symptom == "start" and first is not None:
        d.text(RIGHT - 6, TOP + 17, f"begins at {first:.2f}", 13, "accent", "end", 600)
    if first is None:
        d.text(RIGHT - 6, TOP + 17, "every loss is NaN", 13, "accent", "end", 600)
    label_ends(d, [*ends(wrong), ("right", right[0]["held_out_losses"][-1])], low, high)
    if names:
        for offset, kind, row in ((0, "muted", right[0]), (18, "accent", wrong)):
            d.text(LEFT, TOP + TALL + 32 + offset, listed(row, slug), 13, kind, mono=True)
    return d.svg()


def said(wrong: Row, right: list[Row]) -> str:
    """What the curve shows, for somebody who cannot see it."""
    held_out, training = wrong["held_out_losses"], wrong["training_losses"]
    known = [loss for loss in held_out if loss is not None]
    beside = sorted(row["held_out_losses"][-1] for row in right)
    ending = " to ".join(dict.fromkeys(f"{loss:.2f}" for loss in (beside[0], beside[-1])))
    if not known:
        return f"Every loss with this mistake is NaN; the right runs end at {ending}."
    first, last, lowest = known[0], known[-1], min(known)
    if abs(last - first) < LEVEL:
        way = f"stays near {last:.2f}"
    elif last > lowest + LEVEL and lowest < first - LEVEL:
        way = f"falls from {first:.2f} to {lowest:.2f} and rises to {last:.2f}"
    else:
        way = f"{'falls' if last < first else 'rises'} from {first:.2f} to {last:.2f}"
    spread = beside[-1] - beside[0]
    where = "above" if last > beside[-1] + spread else "below" if last < beside[0] - spread else "beside"
    told = [f"training loss {training[0]:.2f} to {training[-1]:.2f}"]
    named = {"really": "on names that it never met its model has", "by cache": "read through the cache it is"}
    told += [f"{named[name]} {loss:.2f}" for name, loss in ends(wrong) if name in named and loss is not None]
    slug = wrong["mistake"]
    if mistakes()[slug].symptom == "going on":
        stop = len(held_out) // 2
        told.append(f"around the stop {' '.join(f'{loss:.2f}' for loss in held_out[stop - 1 : stop + 3] if loss)}")
    if mistakes()[slug].symptom == "writing":
        told += [f"{who} writes {listed(row, slug)}" for who, row in (("the right run", right[0]), ("this one", wrong))]
    steps = f"Over {wrong['steps'][-1]} steps the held-out loss with this mistake"
    return f"{steps} {way}, {where} the right runs, which end at {ending}; {'; '.join(told)}."


def scale(wrong: Row, right: list[Row]) -> tuple[float, float]:
    """The finest scale that holds the last losses; what a model is really worth may lie above."""
    last = [loss for name, loss in ends(wrong) if loss is not None and (name != "really" or loss < SCALES[2][1])]
    last += [row["held_out_losses"][-1] for row in right]
    fitting = ((low, high) for low, high in SCALES if all(low <= loss <= high for loss in last))
    return next(fitting, SCALES[-1])


def ends(wrong: Row) -> list[tuple[str, float | None]]:
    """The last losses of a run by what they are called; how good its model really is, where that differs."""
    held_out, fresh = wrong["held_out_losses"][-1], wrong["fresh_loss"]
    told = [("held out", held_out), ("training", wrong["training_losses"][-1])]
    if held_out is not None and fresh is not None and abs(fresh - held_out) > NOTABLE * held_out:
        told.append(("really", fresh))
    if wrong["mistake"] == "cache-off-by-one":
        told.append(("by cache", wrong["cached_loss"]))
    return told


def height(loss: float, low: float, high: float) -> float:
    """Where a loss stands in the plot; one outside the scale at its edge."""
    share = (max(low, min(loss, high)) - low) / (high - low)
    return TOP + TALL * (1 - share)


def path_within(steps: list[int], losses: Losses, low: float, high: float) -> str:
    """The line through the losses as an SVG path, cut off exactly where it leaves the scale."""

    def place(step: float, loss: float) -> str:
        x = LEFT + (RIGHT - LEFT) * step / steps[-1]
        return f"{number(round(x, 1))} {number(round(height(loss, low, high), 1))}"

    path, at = "", ""
    points = [(step, loss) for step, loss in zip(steps, losses) if loss is not None]
    for (step, loss), (next_step, next_loss) in pairwise(points):
        inside = part_within(loss, next_loss, low, high)
        if inside is None:
            continue
        begin, end = (place(step + share * (next_step - step), loss + share * (next_loss - loss)) for share in inside)
        path += f"L{end}" if begin == at else f"M{begin}L{end}"
        at = end
    return path


def part_within(a: float, b: float, low: float, high: float) -> tuple[float, float] | None:
    """From which share to which of the way from a to b the loss is within the scale; None if it never is."""
    if a == b:
        return (0.0, 1.0) if low <= a <= high else None
    crossings = sorted(((low - a) / (b - a), (high - a) / (b - a)))
    begin, end = max(0.0, crossings[0]), min(1.0, crossings[1])
    return (begin, end) if begin < end else None


def label_ends(d: Drawing, told: list[tuple[str, float | None]], low: float, high: float) -> None:
    """Words and numbers beside the ends of the lines, pushed apart where they would overlap."""
    known = [(height(loss, low, high), name, loss) for name, loss in told if loss is not None]
    known.sort(key=lambda end: end[0])
    places: list[float] = []
    for wanted, _, _ in known:
        places.append(max(wanted, places[-1] + LINE) if places else wanted)
    overflow = max(0.0, places[-1] - (TOP + TALL))
    shift = min(overflow, max(0.0, places[0] - TOP) + 4)
    for (wanted, name, loss), at in zip(known, places):
        kind = {"right": "muted", "really": "ink", "by cache": "ink"}.get(name, "accent")
        if kind == "ink":
            d.circle(RIGHT + 1, wanted, 4, "ink")
        d.line(RIGHT + 4, wanted, RIGHT + 13, at - shift, "light", stroke=1)
        weight = 600 if name in ("held out", "really", "by cache") else 400
        d.text(RIGHT + 17, at - shift + 4, f"{name} {loss:.2f}", 13, kind, weight=weight)


def listed(row: Row, slug: str) -> str:
    """As many of the names that a run wrote as one line has room for; with the cache, if that is the mistake."""
    names: list[str] = []
    for name in row["cached_samples" if slug == "cache-off-by-one" else "samples"].split(" "):
        name = name if len(name) <= NAME_LETTERS else name[: NAME_LETTERS - 1] + "…"
        if sum(map(len, names)) + len(names) + len(name) <= LETTERS_A_LINE:
            names.append(name)
    return " ".join(names)
