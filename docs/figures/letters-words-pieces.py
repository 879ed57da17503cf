"""One sentence cut into letters, words and pieces: what is short, and what is unknown."""

from __future__ import annotations

from bookbuild.drawings.draw import Drawing

TEXT = "my tiny quokka"
# GPT-2's tokens of the text; tests/test_bpe.py reads them from its own files.
PIECES = {"my": 1820, " tiny": 7009, " qu": 627, "ok": 482, "ka": 4914}
UNKNOWN = "quokka"
CELL = 26
TALL = 32
PITCH = 82  # from one way of cutting to the next


def figure() -> str:
    """Return the drawing as SVG: three rows over the same letters."""
    words = TEXT.split()
    said = ", ".join(piece.strip() for piece in PIECES)
    d = Drawing(
        380,
        2 * PITCH + 112,
        f"The text {TEXT} in {len(TEXT)} letters; in {len(words)} words, of which {UNKNOWN} is unknown; "
        f"and in {len(PIECES)} pieces: {said}. Under each piece is its number.",
    )
    rows = [
        ("letters", list(TEXT), f"{len(TEXT)} tokens: long, but never unknown"),
        ("words", words, f"{len(words)} tokens: short, but one is unknown"),
        ("pieces", list(PIECES), f"{len(PIECES)} tokens: short, never unknown"),
    ]
    for row, (name, parts, verdict) in enumerate(rows):
        y = 24 + PITCH * row
        d.text(8, y - 8, name, 14, weight=600)
        d.text(372, y - 8, verdict, 13, "muted", "end")
        place = 0
        for part in parts:
            place = TEXT.index(part, place)
            x, wide = 8 + CELL * place, CELL * len(part)
            middle = x + wide / 2
            shown = part.replace(" ", "␣")
            if part == UNKNOWN:
                d.rect(x, y, wide, TALL, "muted", 0, 0, 1.5, dashed=True)
                d.centred(middle, y + TALL / 2, "?", 17, weight=600)
            else:
                d.cells(x, y, [shown], wide, TALL, text_size=16, mono=True)
            if name == "pieces":
                d.arrow(middle, y + TALL + 3, middle, y + TALL + 23, kind="gray")
                d.text(middle, y + TALL + 39, str(PIECES[part]), 14, anchor="middle")
            place += len(part)
    return d.svg()
