"""The token table at both ends of a model: a row goes in, and the row that comes out is compared with every row."""

from __future__ import annotations

from bookbuild.drawings.draw import Drawing

ROWS = ((".", (0.2, 0.1)), ("a", (0.9, -0.4)), ("b", (-0.7, 0.5)), ("c", (-0.8, 0.6)))
READ = 0  # the token that goes in: the mark
OUT = (-1.0, 0.5)  # the row that the model ends with
SUM_X, TALL, WIDE, TABLE = 64, 28, 46, 172


def figure() -> str:
    """Return the drawing as SVG, read upwards; the scores are computed here."""
    scores = [OUT[0] * row[0] + OUT[1] * row[1] for _, row in ROWS]
    best = scores.index(max(scores))
    said = ", ".join(
        f"{score:.2f} for {name}".replace("-", "−")
        for (name, _), score in zip(ROWS, scores, strict=True)
    )
    d = Drawing(
        380,
        424,
        f"The mark picks its row of the token table, which goes up into the model. The row that comes out, −1 and 0.5, "
        f"is multiplied with every row of the same table: {said}. The best score is that of {ROWS[best][0]}.",
    )

    def table(top: float, strong: int, text: str) -> None:
        d.text(TABLE + WIDE, top - 10, text, 13, "learned", "middle")
        for row, (name, numbers) in enumerate(ROWS):
            y = top + row * TALL
            d.cells(
                TABLE,
                y,
                list(numbers),
                WIDE,
                TALL,
                "learned",
                fill_by=[0.6 if row == strong else 0.08] * 2,
            )
            d.text(TABLE - 10, y + TALL / 2 + 5, name, 14, anchor="end", mono=True)
        d.rect(TABLE, top + strong * TALL, 2 * WIDE, TALL, "learned", stroke=2.5)

    top, bottom = 36, 292
    table(top, best, "the same table")
    d.text(324, top - 10, "scores", 13, "muted", "middle")
    for row, score in enumerate(scores):
        y, is_best = top + row * TALL, row == best
        d.arrow(TABLE + 2 * WIDE + 4, y + TALL / 2, 294, y + TALL / 2)
        d.text(
            346,
            y + TALL / 2 + 5,
            f"{score:.2f}".replace("-", "−"),
            14,
            anchor="end",
            weight=700 if is_best else 400,
        )
    out = top + 1.5 * TALL
    d.cells(SUM_X - WIDE, out, list(OUT), WIDE, TALL)
    d.arrow(SUM_X + WIDE + 4, out + TALL / 2, TABLE - 26, out + TALL / 2)
    d.text(SUM_X, out - 10, "what comes out", 13, "muted", "middle")

    d.box(12, 188, 130, 56, "the model", "ghost")
    d.text(160, 212, "the chapters to come", 13, "muted")
    d.text(160, 229, "work on this row", 13, "muted")
    d.arrow(SUM_X, 188, SUM_X, out + TALL + 4)
    table(bottom, READ, "token table")
    into = bottom + READ * TALL
    d.line(TABLE - 26, into + TALL / 2, SUM_X, into + TALL / 2)
    d.arrow(SUM_X, into + TALL / 2, SUM_X, 246)
    d.text(12, into + TALL + 14, "its row goes in", 13, "muted")
    return d.svg()
