"""The tower of the small GPT with its own numbers, as `docs/widgets/tower.js` draws it, for where no script runs."""

from typing import Any

from bookbuild.drawings.draw import Drawing, number

WIDTH, LEFT, RIGHT = 340, 91, 60
LEVEL = {"look": 50, "letter": 24, "top": 44}
SUM = 34  # the height of the other levels
SHADES = 5
GAP, OUT = 3, 7  # from a line to the cells beside it, and to those of an MLP
TALL = 1.3  # a cell is higher than wide


def tower(state: dict[str, Any]) -> str:
    """The tower as SVG: a column for each letter, its running sums and hidden units as cells of colour.

    `state` is the opening state of the piece (`bookbuild.site.through_live`).
    """
    blocks = state["config"]["num_layers"]
    symbols = ["start", *state["text"]]
    levels = [("letter", "letter", ""), ("start", "sum", "start")]
    for block in range(1, blocks + 1):
        levels += [("look", "attention", f"b{block}share"), ("looked", "+ sum", f"b{block}looked")]
        levels += [("think", "MLP", f"b{block}bent"), ("thought", "+ sum", f"b{block}thought")]
    levels.append(("top", "guess", "scores"))
    height = sum(LEVEL.get(kind, SUM) for kind, _, _ in levels)
    room = WIDTH - LEFT - RIGHT - OUT
    pitch = min(room / len(symbols), 56)
    cell = min(5.4, max(pitch - GAP - OUT - 2, 0.7 * pitch) / 8)
    xs = [LEFT + (room - pitch * len(symbols)) / 2 + pitch * i + GAP for i in range(len(symbols))]
    labels = ["end", *"abcdefghijklmnopqrstuvwxyz"]
    best = [labels[max(range(len(row)), key=row.__getitem__)] for row in state["numbers"]["scores"]]
    d = Drawing(
        WIDTH,
        height,
        f"A GPT as a tower with a line for each of {', '.join(symbols)}. Each line begins with a grid of small cells, "
        f"which changes in each of {blocks} blocks, by attention and by an MLP. At the top of the last line stands its "
        f"guess at the next letter: {best[-1]}.",
    )
    y = float(height)
    middles: dict[str, float] = {}
    for kind, _, key in levels:
        tall = LEVEL.get(kind, SUM)
        y -= tall
        middles[key or kind] = y + tall / 2
    for block in range(1, blocks + 1):
        top = middles[f"b{block}thought"] - SUM / 2 + 1
        bottom = middles[f"b{block}share"] + LEVEL["look"] / 2 - 1
        d.rect(LEFT - 4, top, room + 8, bottom - top, "light", 8, stroke=1)
        d.text(WIDTH, middles[f"b{block}bent"] + 5, f"block {block}", 13, "ink", "end", 700)
    for x in xs:
        d.line(x, middles["letter"] - 10, x, middles["scores"] + 8, "gray", stroke=2)
    for kind, word, key in levels:
        middle = middles[key or kind]
        if word != "letter":
            d.text(17, middle + 5, word, 13, "ink" if kind in ("look", "think") else "gray")
        if kind == "look":
            _flows(d, state["numbers"][key][-1], state["heads"][int(key[1]) - 1] - 1, xs, middle)
        elif key and kind != "top":
            rows = state["numbers"][key]
            most = 0.8 * max(abs(value) for row in rows for value in row)
            shift, columns = (OUT, 16) if kind == "think" else (GAP, 8)
            for x, row in zip(xs, rows):
                _heat(d, row, columns, x + shift, middle, 8 * cell / columns, most)
    for x, symbol, guess in zip(xs, symbols, best):
        last = x == xs[-1]
        center = x + 4 * cell
        d.text(center, middles["letter"] + 6, symbol, 15, "ink" if last else "gray", "middle", 700 if last else 400)
        d.text(center, middles["scores"], guess, 15, "ink" if last else "gray", "middle", 700 if last else 400)
    for key, guesses in state["lens"].items():
        label, share = guesses[0]
        d.text(WIDTH, middles[key] + 5, f"{label} {share:.0%}", 13, "gray", "end")
    return d.svg()


def _heat(d: Drawing, values: list[float], columns: int, x: float, y: float, cell: float, most: float) -> None:
    """The numbers of one place, right of x: blue above zero, orange below, stronger where they are larger."""
    rows, tall = len(values) // columns, cell * TALL
    top = y - rows * tall / 2
    d.rect(x - 1, top - 1, columns * cell + 2, rows * tall + 2, "paper", 0, 1, 0)
    d.rect(x - 1, top - 1, columns * cell + 2, rows * tall + 2, "light", 0, 0, 0.8)
    shades: dict[tuple[str, int], str] = {}
    for i, value in enumerate(values):
        if shade := min(round(SHADES * abs(value) / most), SHADES):
            w, h = number(cell * 0.93), number(tall * 0.93)
            place = f"M{number(x + i % columns * cell)} {number(top + i // columns * tall)}"
            key = ("c0" if value > 0 else "c1", shade)
            shades[key] = shades.get(key, "") + f"{place}h{w}v{h}h-{w}z"
    for (kind, shade), path in sorted(shades.items()):
        d.path(path, kind, shade / SHADES, 0)


def _flows(d: Drawing, shares: list[list[float]], head: int, xs: list[float], y: float) -> None:
    """What the last letter takes from each letter, by one head: the wider, the more."""
    low, high, to = y + LEVEL["look"] / 2 - 3, y - LEVEL["look"] / 2 + 3, xs[-1]
    middle = (low + high) / 2
    for x, share in zip(xs, shares[head]):
        if share < 0.01:
            continue
        ends = [number(value) for value in (x, low, x, middle, to, middle + 6, to, high)]
        if x == to:  # what it takes from itself leaves the line for a moment, to be seen
            ends = [number(value) for value in (to, low, to + 18, low - 6, to + 18, high + 6, to, high)]
        d.path(f"M{ends[0]} {ends[1]}C{' '.join(ends[2:])}", "c2", stroke=1 + 8 * share)
