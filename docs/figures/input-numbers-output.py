"""Three models of growing size: each takes an input, holds numbers, and gives an output."""

from __future__ import annotations

from bookbuild.drawings.draw import Drawing
from gptbook.models.gpt import GPTConfig
from gptbook.models.sizes import parameter_terms


def figure() -> str:
    """Return the three models, one below the other, as SVG; GPT-2's count is computed from its sizes."""
    gpt_2 = sum(term.count for term in parameter_terms(GPTConfig()))
    d = Drawing(
        380,
        266,
        "A line takes one length and gives a width, with 2 numbers inside. A small net takes four lengths and gives "
        f"three scores, with 131. GPT-2 takes text and scores 50,257 continuations, with {gpt_2:,}.",
    )
    d.text(49, 18, "input", 13, "muted", "middle")
    d.text(190, 18, "numbers inside", 13, "accent", "middle")
    d.text(327, 18, "output", 13, "muted", "middle")

    d.cells(26, 42, ["4.7"], 46, 30)
    d.box(130, 28, 120, 58)
    d.text(190, 48, "line", 14, anchor="middle", weight=600)
    d.cells(166, 55, ["a", "b"], 24, 22, kind="learned", text_size=13)
    d.cells(304, 42, ["1.5"], 46, 30, kind="output")

    d.cells(8, 126, ["7.0", "3.2", "4.7", "1.4"], 20.5 * 1.25, 30, text_size=12)
    d.box(130, 104, 120, 74)
    d.text(190, 123, "small net", 14, anchor="middle", weight=600)
    for row in range(2):
        d.cells(136, 130 + 9 * row, [""] * 12, 9, 9, kind="learned")
    d.text(190, 168, "131", 14, "accent", "middle", 600)
    d.bars(296, 118, 62, 38, [0.25, 1, 0.35], kind="ink")
    d.text(327, 172, "3 scores", 13, anchor="middle")

    d.cells(8, 215, ["paris", "is"], 46, 30)
    d.box(130, 194, 120, 68)
    d.text(190, 213, "GPT-2", 14, anchor="middle", weight=600)
    for row in range(3):
        d.cells(136, 219 + 6 * row, [""] * 18, 6, 6, kind="learned")
    d.text(190, 255, f"{gpt_2:,}", 14, "accent", "middle", 600)
    d.bars(
        282, 208, 90, 34, [0.2, 0.5, 0.9, 0.3, 0.15, 0.6, 0.1, 0.25, 0.4], kind="ink"
    )
    d.text(327, 258, "50,257 scores", 12, anchor="middle")

    for y, left, right in ((57, 74, 302), (141, 112, 278), (230, 102, 278)):
        d.arrow(left, y, 127, y)
        d.arrow(252, y, right, y)
    return d.svg()
