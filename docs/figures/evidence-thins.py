"""The longer the context, the surer the answer, and the fewer times it has been seen."""

from __future__ import annotations

from math import log10

from bookbuild.drawings.draw import Drawing
from gptbook.data.tables import city_names, split_names

NAME = "plymouth"
CELL = 24
WIDTHS = range(1, 7)


def seen(training: list[str], context: str) -> tuple[int, int]:
    """How often the context occurs in the names, and how often the last letter of NAME follows it."""
    total = right = 0
    for name in training:
        text = name + "."
        for place in range(len(context), len(text)):
            if text[place - len(context) : place] == context:
                total += 1
                right += text[place] == NAME[-1]
    return total, right


def figure() -> str:
    """Return the drawing as SVG; its numbers are counted in the training names."""
    training, held_out = split_names(city_names())
    if NAME not in held_out:
        raise ValueError(f"{NAME} is not held out: choose another name for this figure")
    rows = [
        (NAME[-1 - width : -1], *seen(training, NAME[-1 - width : -1]))
        for width in WIDTHS
    ]
    said = "; ".join(
        f"{context}: seen {total:,} times, then {NAME[-1]} in {right / total:.0%}"
        if total
        else f"{context}: never seen"
        for context, total, right in rows
    )
    d = Drawing(380, 96 + 36 * len(rows), f"What comes after {NAME[:-1]}? {said}.")
    edge = 8 + CELL * (
        len(NAME) - 1
    )  # the text ends here, where the next letter is wanted
    bars = edge + CELL + 12
    d.cells(8, 6, list(NAME[:-1]), CELL, 28, "muted", text_size=16, mono=True)
    d.cells(edge, 6, ["?"], CELL, 28, "output", text_size=16, mono=True)
    d.text(edge, 58, "context", 13, "muted", "end")
    d.text(bars, 58, "times seen", 13, "muted")
    d.text(372, 58, f"then {NAME[-1]}", 13, "muted", "end")
    longest = log10(rows[0][1])
    for row, (context, total, right) in enumerate(rows):
        y = 68 + 36 * row
        d.cells(
            edge - CELL * len(context),
            y,
            list(context),
            CELL,
            28,
            text_size=16,
            mono=True,
        )
        if total:
            bar = 4 + 58 * log10(total) / longest
            d.rect(bars, y + 5, bar, 18, "data", 0, 0.8, 0)
            d.text(bars + 6 + bar, y + 19, f"{total:,}", 14)
            d.text(372, y + 19, f"{right / total:.0%}", 14, anchor="end", weight=600)
        else:
            d.text(bars, y + 19, "never", 14, weight=600)
            d.text(372, y + 19, "?", 14, anchor="end", weight=600)
    d.text(bars, 84 + 36 * len(rows), "bars: logarithmic scale", 12, "muted")
    return d.svg()
