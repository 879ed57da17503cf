"""From five dollars to tokens, in three exchanges; every number is computed from the tables."""

from __future__ import annotations

from bookbuild.drawings.draw import Drawing
from gptbook.machine.cost import PUBLISHED_SHARE, SETUP_HOURS, find_gpu
from gptbook.models.sizes import flops_per_token
from gptbook.data.tables import data_file, read_table
from gptbook.models.gpt import GPTConfig
from gptbook.tasks.recipe_words import gpt2_124m

DOLLARS = 5
PITCH, HEIGHT, WIDTH = 86, 48, 164


def figure() -> str:
    """Return the drawing as SVG: three exchanges, then what two recipes need, as bars beside what was bought."""
    gpu = find_gpu("h100")
    assert gpu.price_per_hour_usd
    hours = DOLLARS / gpu.price_per_hour_usd - SETUP_HOURS
    peak = gpu.bf16_tflops * 1e12
    flops = 3600 * hours * PUBLISHED_SHARE * peak
    per_token = flops_per_token(GPTConfig())
    bought = flops / per_token / 1e9
    steps = (
        (f"${DOLLARS}", ""),
        (
            f"{60 * hours:.0f} minutes",
            f"${gpu.price_per_hour_usd:.2f} an hour for one\nH100, {60 * SETUP_HOURS:.0f} minutes of setup first",
        ),
        (
            f"{flops / 1e18:.1f} billion billion\noperations",
            f"{peak / 1e12:.0f} trillion operations a\nsecond, {PUBLISHED_SHARE:.0%} of them used",
        ),
        (
            f"{bought:.1f} billion\ntokens",
            f"{per_token / 1e6:.0f} million\noperations a token",
        ),
    )
    runs = read_table(data_file("speedruns.csv")).set_index("record")
    needed = {
        "AdamW, 2024": int(runs.loc["1", "tokens"]) / 1e9,
        "this book": gpt2_124m().num_tokens / 1e9,
    }
    chain = "; then ".join(
        f"{have}, at {rate}" if rate else have for have, rate in steps
    )
    compared = ", ".join(
        f"{name} {tokens:.1f} billion" for name, tokens in needed.items()
    )
    bars_top = PITCH * 3 + HEIGHT + 30
    d = Drawing(
        380,
        bars_top + 90,
        f"Five dollars become tokens: {chain}; {compared}.".replace("\n", " "),
    )
    for row, (have, rate) in enumerate(steps):
        y = 6 + PITCH * row
        if row:
            d.arrow(6 + WIDTH / 2, y - (PITCH - HEIGHT), 6 + WIDTH / 2, y)
            d.text(6 + WIDTH / 2 + 16, y - (PITCH - HEIGHT) / 2 - 3, rate, 13, "muted")
        d.rect(6, y, WIDTH, HEIGHT, "data", 0, 0.1, 1.25)
        d.centred(6 + WIDTH / 2, y + HEIGHT / 2, have, 15, weight=600)
    left, unit = 142, (380 - 142 - 40) / max(needed.values())
    for row, (name, tokens) in enumerate({"bought": bought, **needed}.items()):
        y = bars_top + 28 * row
        d.text(
            left - 8, y + 14, name, 13, anchor="end", weight=600 if row == 0 else 400
        )
        d.rect(
            left,
            y,
            tokens * unit,
            20,
            "data" if row == 0 else "gray",
            0,
            0.8 if row == 0 else 0.35,
            0,
        )
        d.text(
            left + tokens * unit + 6,
            y + 14,
            f"{tokens:.1f}",
            13,
            weight=600 if row == 0 else 400,
        )
    return d.svg()
