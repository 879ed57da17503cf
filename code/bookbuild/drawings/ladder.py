"""The ladder: one number, the surprise on held-out names, falls from model to model; a chapter lights its own rungs."""

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass
from math import exp

from bookbuild.drawings.draw import Drawing
from gptbook.data.tables import read_record

WIDTH, MARGIN, PITCH, BAR = 380, 6, 40, 10
LONGEST = WIDTH - 2 * MARGIN - 48  # room for the numbers
WHICH_NAME = 1  # of those that a record keeps: the second, for every model
WORDS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight")


@dataclass(frozen=True)
class Rung:
    name: str
    does: str
    kind: str
    loss: float
    """Nats per position of the held-out names."""
    name_written: str = ""
    """A name that the model wrote; every model drew it with the same random numbers."""


def rungs() -> tuple[list[Rung], float]:
    """The rungs from the top down, out of the record of windows, and the widest spread between seeds (nats)."""
    record = read_record("windows")
    found: defaultdict[tuple[str, int], list[float]] = defaultdict(list)
    written: dict[str | tuple[str, int], str] = {}
    for row in record["rows"]:
        found[row["model"], row["context_length"]].append(row["held_out_loss"])
        written.setdefault((row["model"], row["context_length"]), row["samples"].split()[WHICH_NAME])
    means = {key: sum(losses) / len(losses) for key, losses in found.items()}
    # Chosen on validation names: the least held-out loss of many would flatter.
    counts_width, net_width = (record["chosen"][model]["context_length"] for model in ("counts", "net"))
    counts_loss, net_loss = means["counts", counts_width], means["net", net_width]
    deep = defaultdict(list)
    for row in read_record("names")["rows"]:
        deep[row["model"]].append(row["held_out_loss"])
        written.setdefault(row["model"], row["samples"].split()[WHICH_NAME])
    learned = (found["net", 1], found["net", net_width], deep["attention"], deep["gpt"])
    attention_loss, gpt_loss = (sum(deep[model]) / len(deep[model]) for model in ("attention", "gpt"))
    spread = max(max(losses) - min(losses) for losses in learned)
    return [
        Rung("Uniform guess", "all 27 symbols equally likely", "muted", record["uniform_loss"]),
        Rung("Letter frequencies", "no letter back, counted", "data", means["letters", 0], written["letters", 0]),
        Rung("Bigram table", "one letter back, counted", "data", means["counts", 1], written["counts", 1]),
        Rung("Bigram net", "one letter back, learned", "learned", means["net", 1], written["net", 1]),
        Rung(
            "Wide table",
            f"{WORDS[counts_width]} letters back, counted",
            "data",
            counts_loss,
            written["counts", counts_width],
        ),
        Rung("Wide net", f"{WORDS[net_width]} letters back, learned", "learned", net_loss, written["net", net_width]),
        Rung("Attention", "all letters back, one block", "learned", attention_loss, written["attention"]),
        Rung("GPT", "all letters back, four blocks", "learned", gpt_loss, written["gpt"]),
    ], spread


def draw_rung(d: Drawing, y: float, rung: Rung, share: float, said: str, stands_out: bool = True) -> None:
    """One rung from y down: what it is, a bar as long as its share of the longest, and its number."""
    ink, strength, weight = ("ink", 0.9, 600) if stands_out else ("muted", 0.35, 400)
    d.text(MARGIN, y + 14, rung.name, 14, ink, weight=weight)
    d.text(MARGIN + LONGEST, y + 14, rung.does, 13, "muted", "end")
    d.rect(MARGIN, y + 20, LONGEST, BAR, "light", 0, 0.45, 0)  # how far it has come down
    d.rect(MARGIN, y + 20, LONGEST * share, BAR, rung.kind, 0, strength, 0)
    d.text(WIDTH - MARGIN, y + 30, said, 16, ink, "end", weight=weight)


def ladder(lit: Collection[str] = ()) -> str:
    """The drawing as SVG. `lit` names the rungs that stand out; without any, all do.

    Raises ValueError for a rung that does not exist.
    """
    steps, spread = rungs()
    if unknown := set(lit) - {rung.name for rung in steps}:
        raise ValueError(f"the ladder has no rung {', '.join(sorted(unknown))}")
    said = ", ".join(f"{rung.name.lower()} {rung.loss:.2f}" for rung in steps)
    title = f"Average surprise at the next letter, in nats: {said}."
    d = Drawing(WIDTH, 44 + PITCH * len(steps), title)
    d.text(MARGIN, 15, "Surprise at the next letter", 13, "muted")
    d.text(WIDTH - MARGIN, 15, "nats", 13, "muted", "end")
    for index, rung in enumerate(steps):
        y = 26 + PITCH * index
        stands_out = not lit or rung.name in lit
        draw_rung(d, y, rung, rung.loss / steps[0].loss, f"{rung.loss:.2f}", stands_out)
    d.text(MARGIN, d.height - 5, f"Nets: mean of three seeds, at most {spread:.3f} apart", 12, "muted")
    return d.svg()


def ladder_of_letters() -> str:
    """The ladder as SVG for who has not read of nats: among how many letters each model hesitates, and a name of it."""
    steps, spread = rungs()
    said = ", ".join(f"{rung.name.lower()} {exp(rung.loss):.1f}" for rung in steps)
    pitch = PITCH + 14
    d = Drawing(WIDTH, 26 + pitch * len(steps), f"Among how many letters each model hesitates: {said}.")
    most = exp(steps[0].loss)
    for index, rung in enumerate(steps):
        y = pitch * index
        draw_rung(d, y, rung, exp(rung.loss) / most, f"{exp(rung.loss):.1f}")
        if rung.name_written:
            d.text(MARGIN, y + 45, rung.name_written, 13, "muted", mono=True)
    widest = max(exp(rung.loss) * spread for rung in steps if rung.kind == "learned")
    d.text(MARGIN, d.height - 5, f"Nets: mean of three seeds, at most {widest:.2f} apart", 12, "muted")
    return d.svg()
