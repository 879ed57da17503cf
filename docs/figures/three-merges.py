"""Three merges of byte-pair encoding on one line of text, every piece of it shown."""

from __future__ import annotations

from collections import Counter

from bookbuild.drawings.draw import Drawing
from gptbook.data.merging import learn_merges, merge_pair, single_bytes, split_words

TEXT = "the cat sat on the mat"
NUM_MERGES = 3
CELL, TALL, PITCH, LEFT, CUT = 16, 28, 74, 6, 3  # CUT: the gap between two words


def figure() -> str:
    """Return the drawing as SVG: the line in letters, then after each merge, with the new pieces marked."""
    words = split_words(TEXT)
    merges = learn_merges(Counter(words), NUM_MERGES)
    spelled = [single_bytes(word) for word in words]
    rows = [("", spelled)]
    for left, right in merges:
        spelled = [merge_pair(pieces, (left, right)) for pieces in spelled]
        rows.append(
            (f"{left.decode()} + {right.decode()} → {(left + right).decode()}", spelled)
        )
    lengths = [sum(map(len, row)) for _, row in rows]
    d = Drawing(
        380,
        PITCH * len(rows) - 16,
        f"{TEXT}, in {lengths[0]} letters; "
        + "; ".join(
            f"after {said}, {length} pieces"
            for (said, _), length in zip(rows[1:], lengths[1:], strict=True)
        ),
    )
    for row, (said, pieces) in enumerate(rows):
        y = 26 + PITCH * row
        new = said.rpartition(" ")[2]
        d.text(
            14,
            y - 9,
            f"merge {row}:  {said}" if said else "single letters",
            14,
            weight=600,
        )
        d.text(374, y - 9, f"{lengths[row]} pieces", 13, "muted", "end")
        x = LEFT
        for word in pieces:
            for piece in word:
                text = piece.decode()
                wide = CELL * len(text)
                kind = "learned" if len(text) > 1 else "data"
                d.rect(x, y, wide, TALL, kind, 0, 0.4 if text == new else 0.1, 1.25)
                d.centred(
                    x + wide / 2, y + TALL / 2, text.replace(" ", "␣"), 14, mono=True
                )
                x += wide
            x += CUT
    return d.svg()
