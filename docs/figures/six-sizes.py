"""Six models side by side, as large as they are; the losses of the three largest are the question."""

from __future__ import annotations

import statistics

from bookbuild.drawings.draw import Drawing
from gptbook.data.tables import read_record

SLOTS = (42, 43, 44, 48, 63, 98)  # for each model, so that no label touches the next
LEFT, FOOT = 40, 98
SCALE = 0.41  # units for each number of a model's width


def short(parameters: int) -> str:
    """A count with at most three digits: 6k, 393k, 1.0M."""
    return (
        f"{parameters / 1e6:.1f}M" if parameters >= 1e6 else f"{parameters / 1e3:.0f}k"
    )


def figure() -> str:
    """Return the drawing as SVG; its numbers are those of the record."""
    rows = read_record("scaling")["rows"]
    widths = sorted({row["model_dim"] for row in rows})
    sizes = {row["model_dim"]: short(row["block_parameters"]) for row in rows}
    losses = {
        width: statistics.fmean(
            row["held_out_loss"] for row in rows if row["model_dim"] == width
        )
        for width in widths
    }
    known, asked = widths[:3], widths[3:]
    said = "; ".join(
        [f"{sizes[width]}: loss {losses[width]:.2f}" for width in known]
        + [f"{sizes[width]}: loss unknown" for width in asked]
    )
    d = Drawing(380, 152, f"Six models. {said}.")
    d.text(4, FOOT + 22, "size", 13, "muted")
    d.text(4, FOOT + 48, "loss", 13, "muted")
    left = float(LEFT)
    for width, slot in zip(widths, SLOTS, strict=True):
        side, middle = SCALE * width, left + slot / 2
        kind = "ghost" if width in asked else "model"
        d.box(middle - side / 2, FOOT - side, side, side, "", kind)
        d.centred(middle, FOOT + 18, sizes[width], 13)
        if width in asked:
            d.centred(middle, FOOT + 43, "?", 20, weight=600)
        else:
            d.centred(middle, FOOT + 44, f"{losses[width]:.2f}", 13, weight=600)
        left += slot
    return d.svg()
