"""GPT-2 small as a tower: what stands in it, from the text at the bottom up, and how many numbers each part holds."""

from __future__ import annotations

from bookbuild.drawings.draw import Drawing
from gptbook.models.gpt import GPTConfig
from gptbook.models.sizes import parameter_terms


def figure() -> str:
    """Return the tower as SVG; every count comes from `parameter_terms`."""
    config = GPTConfig()
    counts = {term.name: term.count for term in parameter_terms(config)}
    attention = counts["queries, keys, values"] + counts["attention output"]
    mlp = counts["MLP, first layer"] + counts["MLP, second layer"]
    norm = counts["layer norm before attention"]
    d = Drawing(
        380,
        410,
        f"GPT-2 from the bottom up. Tokens go into a token table of {counts['token embedding']:,} numbers and a position "
        f"table of {counts['position embedding']:,}. Then {config.num_layers} blocks, each with two parts that add to a "
        f"running sum: attention, {attention:,} in all blocks, and MLP, {mlp:,}. Last a norm, and scores for "
        f"{config.vocab_size:,} tokens, read from the token table again.",
    )

    def count(y: float, value: int | str) -> None:
        text = f"{value:,}" if isinstance(value, int) else value
        d.text(370, y, text, 14, "accent", "end", 600)

    d.text(130, 16, f"{config.vocab_size:,} scores", 13, "muted", "middle")
    d.arrow(44, 38, 44, 12)
    d.box(16, 40, 220, 30, "token table, again")
    count(60, "0 new")
    d.arrow(44, 88, 44, 72)
    d.box(16, 90, 220, 30, "norm")
    count(110, counts["final layer norm"])

    d.rect(6, 138, 368, 178, "gray", stroke=1, dashed=True)
    d.text(370, 156, f"{config.num_layers} blocks", 13, "muted", "end")
    d.arrow(
        44, 334, 44, 122
    )  # the running sum: one line, from the tables to the last norm
    for y, name, numbers in ((162, "MLP", mlp), (240, "attention", attention)):
        d.box(104, y, 132, 34, name)
        d.box(104, y + 38, 132, 26, "norm", weight=400)
        count(y + 22, numbers)
        count(y + 56, norm)
        d.line(44, y + 51, 70, y + 51)
        d.arrow(44, y + 51, 102, y + 51)
        d.arrow(102, y + 17, 54, y + 17)
        d.circle(44, y + 17, 9, "paper", stroke=0)
        d.circle(44, y + 17, 9, "ink", fill=0, stroke=1.5)
        d.line(39, y + 17, 49, y + 17)
        d.line(44, y + 12, 44, y + 22)

    d.box(16, 334, 106, 34, "token table", size=13)
    d.text(129, 356, "+", 16, anchor="middle")
    d.box(136, 334, 100, 34, "positions", size=13)
    count(348, counts["token embedding"])
    count(366, counts["position embedding"])
    d.arrow(69, 392, 69, 370)
    d.arrow(186, 392, 186, 370)
    d.text(69, 406, "tokens", 13, "muted", "middle")
    d.text(186, 406, "0, 1, 2...", 13, "muted", "middle")
    return d.svg()
