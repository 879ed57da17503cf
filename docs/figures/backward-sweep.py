"""A net of three parameters: numbers go forward to the loss, slopes come back and meet at the first parameter."""

from __future__ import annotations

from math import exp, log

from bookbuild.drawings.draw import Drawing


def figure() -> str:
    """Return the net as SVG; every number is computed here, as the chapter computes it by hand."""
    given, first, second, third = 2.0, 0.5, 2.0, 1.0
    hidden = first * given
    scores = second * hidden, third * hidden
    right = exp(scores[0]) / (exp(scores[0]) + exp(scores[1]))
    slopes = right - 1, 1 - right
    to_second, to_third = slopes[0] * hidden, slopes[1] * hidden
    to_hidden = slopes[0] * second + slopes[1] * third
    to_first = to_hidden * given

    def slope(value: float) -> str:
        return f"{value:+.2f}".replace("-", "−")

    d = Drawing(
        380,
        306,
        "A net of three parameters. Forward: the input 2 times 0.5 is 1; times 2 and times 1 it gives the scores 2 and "
        "1, so the right answer has probability 0.73 and the loss is 0.31. Backward, the slopes: "
        f"{slope(slopes[0])} and {slope(slopes[1])} at the scores, {slope(to_hidden)} where the two paths meet, and "
        f"{slope(to_first)} at the first parameter.",
    )
    top, middle, bottom = 74, 146, 218
    d.text(6, 18, "Forward: numbers →", 14, weight=700)
    d.text(374, 18, "← Backward: slopes", 14, "accent", "end", weight=700)
    d.text(22, middle - 24, "input", 13, "muted", "middle")
    d.cells(6, middle - 16, [f"{given:g}"], 32, 32)
    d.arrow(40, middle, 116, middle)
    d.cells(60, middle - 44, [f"a = {first:g}"], 56, 26, kind="learned", text_size=13)
    d.text(88, middle - 52, slope(to_first), 15, "accent", "middle", weight=700)
    d.box(118, middle - 18, 40, 36)
    d.text(138, middle + 5, f"{hidden:g}", 14, anchor="middle", weight=600)
    d.text(138, middle + 38, slope(to_hidden), 15, "accent", "middle", weight=700)
    d.arrow(160, middle - 10, 242, top + 8)
    d.arrow(160, middle + 10, 242, bottom - 8)
    d.cells(160, top - 4, [f"b = {second:g}"], 50, 26, kind="learned", text_size=13)
    d.text(184, top - 12, slope(to_second), 15, "accent", "middle", weight=700)
    d.cells(160, bottom - 22, [f"c = {third:g}"], 50, 26, kind="learned", text_size=13)
    d.text(184, bottom + 24, slope(to_third), 15, "accent", "middle", weight=700)
    d.text(262, top - 26, "right score", 13, "muted", "middle")
    d.text(262, bottom + 57, "wrong score", 13, "muted", "middle")
    for y, score, value in (
        (top, scores[0], slopes[0]),
        (bottom, scores[1], slopes[1]),
    ):
        d.box(244, y - 18, 36, 36)
        d.text(262, y + 5, f"{score:g}", 14, anchor="middle", weight=600)
        d.text(262, y + 38, slope(value), 15, "accent", "middle", weight=700)
    d.arrow(282, top + 8, 326, middle - 16)
    d.arrow(282, bottom - 8, 326, middle + 16)
    d.text(346, middle - 26, "loss", 13, "muted", "middle")
    d.cells(322, middle - 18, [f"{-log(right):.2f}"], 50, 36, kind="output")
    joined = f"At the fork: {slopes[0]:.2f} · 2 + {slopes[1]:.2f} · 1 = {to_hidden:.2f}"
    d.text(6, 298, joined.replace("-", "−"), 13)
    return d.svg()
