"""The ladder: one number, the surprise on held-out names, falls from model to model."""

from __future__ import annotations

from collections import defaultdict

from bookbuild.draw import Drawing
from gptbook.datasets import read_record

WIDTH, MARGIN, PITCH, BAR = 380, 6, 40, 10
TO_COME = (("Attention", "still to come"), ("GPT", "still to come"))
WORDS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight")


def rungs() -> tuple[list[tuple[str, str, str, float]], float]:
    """(name, what it does, kind, loss) from the top rung down, and the widest spread between seeds; nats."""
    record = read_record("windows")
    found = defaultdict(list)
    for row in record["rows"]:
        found[row["model"], row["context_length"]].append(row["held_out_loss"])
    means = {key: sum(losses) / len(losses) for key, losses in found.items()}
    best = {
        model: min(
            (loss, width) for (name, width), loss in means.items() if name == model
        )
        for model in ("counts", "net")
    }
    (counts_loss, counts_width), (net_loss, net_width) = best["counts"], best["net"]
    shown = [found["net", 1], found["net", net_width]]
    return [
        (
            "Uniform guess",
            "all 27 symbols equally likely",
            "muted",
            record["uniform_loss"],
        ),
        ("Letter frequencies", "no letter back, counted", "data", means["letters", 0]),
        ("Bigram table", "one letter back, counted", "data", means["counts", 1]),
        ("Bigram net", "one letter back, learned", "learned", means["net", 1]),
        (
            "Wide table",
            f"{WORDS[counts_width]} letters back, counted",
            "data",
            counts_loss,
        ),
        ("Wide net", f"{WORDS[net_width]} letters back, learned", "learned", net_loss),
    ], max(max(losses) - min(losses) for losses in shown)


def figure() -> str:
    """Return the drawing as SVG; its numbers come from the record of runs."""
    steps, spread = rungs()
    said = ", ".join(f"{name.lower()} {loss:.2f}" for name, _, _, loss in steps)
    title = f"Average surprise at the next letter, in nats: {said}. Attention and GPT are still to come."
    d = Drawing(WIDTH, 44 + PITCH * (len(steps) + len(TO_COME)), title)
    longest = WIDTH - 2 * MARGIN - 48  # room for the numbers
    d.text(MARGIN, 15, "Surprise at the next letter", 13, "muted")
    d.text(WIDTH - MARGIN, 15, "nats", 13, "muted", "end")
    for index, (name, does, kind, loss) in enumerate(steps):
        y = 26 + PITCH * index
        d.text(MARGIN, y + 14, name, 14, weight=600)
        d.text(MARGIN + longest, y + 14, does, 13, "muted", "end")
        bar = longest * loss / steps[0][3]
        d.rect(
            MARGIN, y + 20, longest, BAR, "light", 0, 0.45, 0
        )  # how far it has come down
        d.rect(MARGIN, y + 20, bar, BAR, kind, 0, 0.5 if kind == "muted" else 0.9, 0)
        d.text(WIDTH - MARGIN, y + 30, f"{loss:.2f}", 16, anchor="end", weight=600)
    for index, (name, does) in enumerate(TO_COME, len(steps)):
        y = 26 + PITCH * index
        d.text(MARGIN, y + 14, name, 14, "muted", weight=600)
        d.text(MARGIN + longest, y + 14, does, 13, "muted", "end")
        d.rect(MARGIN + 0.5, y + 20, longest - 1, BAR, "muted", 0, 0, 1, dashed=True)
    d.text(
        MARGIN,
        d.height - 5,
        f"Nets: mean of three seeds, at most {spread:.3f} apart",
        12,
        "muted",
    )
    return d.svg()
