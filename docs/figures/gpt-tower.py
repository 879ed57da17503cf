"""A GPT as a tower over its sources of text: from books, web and code up to a guess at the next token."""

from __future__ import annotations

from bookbuild.drawings.draw import Drawing

SUM_X = 64  # the running sum: one line up through the tower


def figure() -> str:
    """Return the tower as SVG; it stands on text and ends in the next token."""
    d = Drawing(
        380,
        636,
        "A GPT as a tower. It stands on text: books, web pages, code. A piece of text is cut into the tokens the, cat, "
        "sat, on, the. The token table and the positions turn them into vectors. A line, the running sum, leads up "
        "through a stack of blocks; in each, attention and MLP read the sum through a norm and add to it. Above the "
        "blocks a norm and the token table again give a bar for each possible next token; mat has the longest.",
    )
    d.rect(24, 24, 332, 88, "gray", stroke=1)
    d.text(190, 16, "what comes next?", 14, "muted", "middle")
    names = ["mat", "floor", "sofa", "of"]
    d.bars(84, 30, 260, 76, [1.0, 0.62, 0.4, 0.1], "gray", names, horizontal=True)
    d.arrow(SUM_X, 136, SUM_X, 114)
    d.box(24, 138, 332, 32, "token table, again", "accent")
    d.arrow(SUM_X, 188, SUM_X, 172)
    d.box(24, 190, 80, 28, "norm", weight=400)

    for back in (12, 6, 0):  # the blocks behind the one that is open
        d.rect(10 + back, 246 - back, 356, 168, "paper", 10, 1, 0)
        d.rect(10 + back, 246 - back, 356, 168, "gray", 10)
    d.arrow(SUM_X, 438, SUM_X, 220)
    for y, name, task in ((258, "MLP", "think"), (338, "attention", "look around")):
        d.box(120, y, 116, 34, name, "accent")
        d.text(248, y + 22, task, 14, "muted")
        d.box(120, y + 38, 116, 26, "norm", weight=400)
        d.line(SUM_X, y + 51, 80, y + 51)
        d.arrow(SUM_X, y + 51, 118, y + 51)
        d.arrow(118, y + 17, SUM_X + 10, y + 17)
        d.circle(SUM_X, y + 17, 9, "paper")
        d.circle(SUM_X, y + 17, 9, "ink", fill=0, stroke=1.5)
        d.line(SUM_X - 5, y + 17, SUM_X + 5, y + 17)
        d.line(SUM_X, y + 12, SUM_X, y + 22)
    d.text(356, 406, "one of L blocks", 13, "muted", "end")

    d.box(24, 438, 200, 34, "token table", "accent")
    d.centred(235, 455, "+", 16)
    d.box(246, 438, 110, 34, "positions", "accent")
    d.arrow(124, 496, 124, 474)
    d.arrow(301, 496, 301, 474)
    d.cells(24, 498, ["the", "cat", "sat", "on", "the"], 40, 28)
    d.centred(301, 512, "0, 1, 2, 3, 4", 14, "muted")

    d.arrow(124, 560, 124, 530, "cut into tokens", kind="gray")
    d.line(10, 632, 370, 632, "gray")
    for x, name in ((36, "books"), (152, "web"), (268, "code")):
        d.rect(x, 564, 76, 44, "data", 2, 0.1)
        d.centred(x + 38, 620, name, 14)
    for left in (46, 80):  # two pages
        for y in (576, 586, 596):
            d.line(left, y, left + 22, y, "data")
    d.line(74, 564, 74, 608, "data")
    d.line(152, 575, 228, 575, "data")  # a window
    d.circle(159, 569.5, 2, "data")
    d.circle(166, 569.5, 2, "data")
    for y, width in ((584, 56), (592, 48), (600, 30)):
        d.line(162, y, 162 + width, y, "data")
    d.centred(306, 586, "</>", 20, "data", mono=True)
    return d.svg()
