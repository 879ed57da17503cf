"""A club, 160 words, and its stadium: who still knows which, by the record of clubs."""

from __future__ import annotations

from bookbuild.drawings.draw import Drawing
from gptbook.data.tables import read_record

GAP, WIDTH = 160, 8
BEGINNING, END = ("my", "aunt", "is", "a", "Chelsea", "fan"), ("she", "was", "at")
TALL, BARS, LONGEST = 30, 236, 220


def words(d: Drawing, x: float, y: float, row: tuple[str, ...]) -> list[float]:
    """Draw words in their cells; the middle of each."""
    middles = []
    for word in row:
        strong = word in ("Chelsea", "?")
        wide = max((8.8 if strong else 8) * len(word) + 14, 30)
        d.rect(
            x,
            y,
            wide,
            TALL,
            "accent" if strong else "muted",
            0,
            0.14 if strong else 0,
            2 if strong else 1,
        )
        d.centred(x + wide / 2, y + TALL / 2, word, 15, weight=700 if strong else 400)
        middles.append(x + wide / 2)
        x += wide + 4
    return middles


def figure() -> str:
    """Return the drawing as SVG: the sentence, its middle left out, an arc from the club to the gap, and two bars."""
    record = read_record("clubs")
    place = record["settings"]["gaps"].index(GAP)
    by_attention = [
        row["accuracy"][place] for row in record["rows"] if row["model"] == "attention"
    ]
    (by_table,) = (
        row["accuracy"][place] for row in record["rows"] if row.get("width") == WIDTH
    )
    shares = {
        "attention": sum(by_attention) / len(by_attention),
        f"a table of the last {WIDTH} words": by_table,
    }
    said = ", ".join(f"{name} in {share:.0%}" for name, share in shares.items())
    left_out = GAP - 1 - len(END)
    d = Drawing(
        380,
        BARS + 112,
        f"{' '.join(BEGINNING)}, then {left_out} more words, {' '.join(END)}, and a question mark. An arc leads from "
        f"Chelsea over the words between to the question mark. The right stadium is named by {said} of the sentences.",
    )
    first = words(d, 4, 16, BEGINNING)
    for row in range(4):  # the words between, too small to read
        x, y = 8.0, 74 + 18 * row
        for step in range(14):
            wide = 10 + (7 * row + 11 * step) % 23
            if x + wide > (376 if row < 3 else 140):
                break
            d.rect(x, y, wide, 8, "line", 2, 0.8, 0)
            x += wide + 5
    d.text(8, 178, f"{left_out} more", 13, "muted")
    d.text(8, 194, "words", 13, "muted")
    last = words(d, 128, 158, (*END, "?"))
    club, asks = first[BEGINNING.index("Chelsea")], last[-1]
    d.path(f"M{club} 46C{club} 96 {asks} 84 {asks} 146", "accent", stroke=5)
    d.path(f"M{asks} 157l-8 -14h16z", "accent", fill=True, stroke=0)
    d.text(4, BARS - 14, "Who names the right stadium?", 15, weight=600)
    for index, (name, share) in enumerate(shares.items()):
        y = BARS + 52 * index
        d.text(4, y + 14, name, 14)
        d.rect(4, y + 20, LONGEST + 80, 16, "light", 0, 0.45, 0)
        d.rect(
            4,
            y + 20,
            (LONGEST + 80) * share,
            16,
            "data" if index else "accent",
            0,
            0.9,
            0,
        )
        d.text(376, y + 35, f"{share:.0%}", 20, anchor="end", weight=700)
    return d.svg()
