"""Draw the book's diagrams as SVG in one visual language.

A model is a rounded box, data are plain rows of cells, learned numbers have the accent colour, and an
arrow means "goes into". Colours are CSS classes (`c0-fill`, `gray-stroke`, ...: light and dark in the site's
stylesheet) over presentation attributes, which serve the downloads, where no stylesheet is. The same calls
give the same bytes: no ids, no clocks, rounded numbers.

    d = Drawing(380, 120, "A name goes into a model, which gives a guess")
    d.cells(10, 40, ["p", "a", "r"])
    d.arrow(124, 58, 160, 58)
    d.box(164, 30, 90, 56, "model")
    text = d.svg()
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from math import hypot
from pathlib import Path

# Class name and the colour for a place without the stylesheet. Ink is currentColor: never black.
COLOURS: dict[str, tuple[str, str]] = {
    "c0": ("c0", "#1f5fa8"),
    "c1": ("c1", "#b8400e"),
    "c2": ("c2", "#0f766e"),
    "c3": ("c3", "#6d3fc0"),
    "c4": ("c4", "#a8326f"),
    "c5": ("c5", "#8a6100"),
    "gray": ("gray", "#5f6368"),
    "light": ("light", "#d9d5cc"),
    "paper": ("paper", "#fffefb"),
    "ink": ("", "currentColor"),
}
ALIASES = {
    "data": "c0", "blue": "c0", "accent": "c1", "learned": "c1", "teal": "c2", "violet": "c3",
    "magenta": "c4", "ochre": "c5", "muted": "gray", "line": "light", "output": "ink", "plain": "gray",
}  # fmt: skip
PHONE_WIDTH = 350  # px: the text column of a small phone
LEAST_PHONE_TEXT = 10.9  # px, there
MOST_INK = 0.5  # strength of the fullest cell: its text still has contrast, in light and in dark
SANS = "system-ui, 'Segoe UI', 'Helvetica Neue', Arial, sans-serif"
MONO = "ui-monospace, Menlo, Consolas, monospace"


def number(value: float) -> str:
    """Return at most two decimals, without a trailing zero or a negative zero."""
    text = f"{value:.2f}".rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


def label(value: object) -> str:
    """Return a cell's text: numbers short and with a true minus sign."""
    if isinstance(value, float):
        return number(value).replace("-", "\N{MINUS SIGN}")
    return str(value).replace("-", "\N{MINUS SIGN}") if isinstance(value, int) else str(value)


def paint(kind: str, fill: float = 0.0, stroke: float = 0.0, dashed: bool = False) -> str:
    """Return the attributes that paint a shape: fill of strength 0 to 1, stroke of that width (0 is none).

    Raises ValueError for a kind that is no colour and no alias of one.
    """
    name = ALIASES.get(kind, kind)
    if name not in COLOURS:
        raise ValueError(f"no kind {kind!r}: take one of {', '.join(sorted({*COLOURS, *ALIASES}))}")
    css, colour = COLOURS[name]
    look = f' fill="{colour if fill else "none"}"'
    look += f' fill-opacity="{number(fill)}"' if 0 < fill < 1 else ""
    look += f' stroke="{colour}" stroke-width="{number(stroke)}"' if stroke else ""
    look += ' stroke-dasharray="5 4"' if stroke and dashed else ""
    classes = [f"{css}-{role}" for role, used in (("fill", fill), ("stroke", stroke)) if used and css]
    return look + (f' class="{" ".join(classes)}"' if classes else "")


class Drawing:
    """A drawing of width x height units, at most about 34 rem wide on a page and 350 px on a phone.

    `title` is its accessible name. Later shapes lie over earlier ones.
    """

    def __init__(self, width: float = 380, height: float = 200, title: str = "") -> None:
        if not title:
            raise ValueError("a drawing needs a title: what a listener is told that it shows")
        self.width, self.height, self.title = width, height, title
        self.parts: list[str] = []

    def text(
        self, x: float, y: float, text: object, size: float = 14, kind: str = "ink", anchor: str = "start",
        weight: int = 400, mono: bool = False, italic: bool = False,
    ) -> None:  # fmt: skip
        """Write text with its baseline at y; a line break starts a new line below."""
        if size * min(1.0, PHONE_WIDTH / self.width) < LEAST_PHONE_TEXT:
            least = LEAST_PHONE_TEXT * self.width / PHONE_WIDTH
            raise ValueError(f"text {text!r} of size {size} is too small on a phone: take {least:.1f} or more")
        style = f' text-anchor="{anchor}"' if anchor != "start" else ""
        style += f' font-weight="{weight}"' if weight != 400 else ""
        style += f' font-family="{MONO}"' if mono else ""
        style += ' font-style="italic"' if italic else ""
        for index, line in enumerate(label(text).split("\n")):
            place = f'<text x="{number(x)}" y="{number(y + index * size * 1.25)}" font-size="{number(size)}"'
            self.parts.append(f"{place}{paint(kind, fill=1)}{style}>{escape(line, quote=False)}</text>")

    def centred(
        self, x: float, y: float, text: object, size: float = 14, kind: str = "ink", weight: int = 400,
        mono: bool = False,
    ) -> None:  # fmt: skip
        """Write text, one line or several, with its middle at (x, y)."""
        num_lines = label(text).count("\n") + 1
        self.text(x, y + size * (0.35 - 0.625 * (num_lines - 1)), text, size, kind, "middle", weight, mono)

    def rect(
        self, x: float, y: float, w: float, h: float, kind: str = "ink", rx: float = 0, fill: float = 0.0,
        stroke: float = 1.25, dashed: bool = False,
    ) -> None:  # fmt: skip
        """Draw a rectangle: an outline `stroke` wide (0 is none), filled with strength `fill` of 0 to 1."""
        place = f'<rect x="{number(x)}" y="{number(y)}" width="{number(w)}" height="{number(h)}"'
        corner = f' rx="{number(rx)}"' if rx else ""
        self.parts.append(f"{place}{corner}{paint(kind, fill, stroke, dashed)}/>")

    def circle(self, cx: float, cy: float, r: float, kind: str = "ink", fill: float = 1.0, stroke: float = 0.0) -> None:
        """Draw a circle, filled unless `fill` says otherwise."""
        place = f'cx="{number(cx)}" cy="{number(cy)}" r="{number(r)}"'
        self.parts.append(f"<circle {place}{paint(kind, fill, stroke)}/>")

    def path(
        self, path_data: str, kind: str = "ink", fill: bool | float = False, stroke: float = 1.5,
        dashed: bool = False,
    ) -> None:  # fmt: skip
        """Draw an SVG path; `fill` is a strength of 0 to 1, and True is 1."""
        self.parts.append(f'<path d="{path_data}"{paint(kind, float(fill), stroke, dashed)}/>')

    def line(
        self, x1: float, y1: float, x2: float, y2: float, kind: str = "ink", dashed: bool = False,
        stroke: float = 1.5,
    ) -> None:  # fmt: skip
        """Draw a straight line; it means nothing: what goes into something is an arrow."""
        ends = f"M{number(x1)} {number(y1)}L{number(x2)} {number(y2)}"
        self.path(ends, kind, stroke=stroke, dashed=dashed)

    def arrow(
        self, x1: float, y1: float, x2: float, y2: float, text: str = "", bend: float = 0.0,
        kind: str = "ink", size: float = 13, stroke: float = 1.5, dashed: bool = False,
    ) -> None:  # fmt: skip
        """Draw "goes into" from (x1, y1) to (x2, y2), with `text` over its middle.

        `bend` bows it to its left by that part of its length (negative: to its right).
        """
        dx, dy = x2 - x1, y2 - y1
        length = hypot(dx, dy)
        if not length:
            raise ValueError("an arrow needs two different ends")
        # The control point of a quadratic curve lies twice as far out as the curve's middle.
        cx, cy = (x1 + x2) / 2 + 2 * bend * dy, (y1 + y2) / 2 - 2 * bend * dx
        tx, ty = (x2 - cx, y2 - cy) if bend else (dx, dy)
        tangent = hypot(tx, ty)
        ux, uy = tx / tangent, ty / tangent
        ex, ey = x2 - 5 * ux, y2 - 5 * uy  # the shaft ends inside the head
        shaft = f"M{number(x1)} {number(y1)}" + (f"Q{number(cx)} {number(cy)} " if bend else "L")
        self.path(f"{shaft}{number(ex)} {number(ey)}", kind, stroke=stroke, dashed=dashed)
        bx, by = x2 - 8 * ux, y2 - 8 * uy
        head = f"M{number(x2)} {number(y2)}L{number(bx - 3.6 * uy)} {number(by + 3.6 * ux)}"
        self.path(f"{head}L{number(bx + 3.6 * uy)} {number(by - 3.6 * ux)}Z", kind, fill=1.0, stroke=0)
        if text:
            mx, my = (x1 + x2) / 2 + bend * dy, (y1 + y2) / 2 - bend * dx
            if abs(dy) > abs(dx):
                self.text(mx + 8, my + size * 0.35, text, size, kind)
            else:
                self.text(mx, my - 7 - text.count("\n") * size * 1.25, text, size, kind, "middle")

    def box(
        self, x: float, y: float, w: float, h: float, text: object = "", kind: str = "model",
        size: float = 14, weight: int = 600, mono: bool = False,
    ) -> None:  # fmt: skip
        """Draw a box with its text in the middle.

        Kinds: "model" is rounded; "accent" is a model made of learned numbers; "plain" is a thin square
        container; "muted" is a model that stands back; "ghost" is a dashed one, still to come.
        """
        if kind == "plain":
            self.rect(x, y, w, h, "gray", stroke=1)
            weight = 400 if weight == 600 else weight
        elif kind in ("model", "accent", "muted", "ghost"):
            colour = {"model": "ink", "accent": "c1"}.get(kind, "gray")
            ghost = kind == "ghost"
            self.rect(x, y, w, h, colour, min(14, h / 3), 0 if ghost else 0.06, 1.75, dashed=ghost)
        else:
            raise ValueError(f"no box of kind {kind!r}: take model, accent, plain, muted or ghost")
        if label(text):
            ink = "gray" if kind in ("muted", "ghost") else "ink"
            self.centred(x + w / 2, y + h / 2, text, size, ink, weight, mono)

    def cells(
        self, x: float, y: float, values: Sequence[object], size: float = 36, height: float | None = None,
        kind: str = "data", fill_by: Sequence[float] | None = None, vertical: bool = False,
        text_size: float = 14, mono: bool = False,
    ) -> None:  # fmt: skip
        """Draw a row (or column) of cells, `size` wide and `height` (or `size`) high.

        Kinds: data, learned, output, muted, or a colour. `fill_by` holds a strength of 0 to 1 for each cell.
        """
        tall = size if height is None else height
        for index, value in enumerate(values):
            left, top = (x, y + index * tall) if vertical else (x + index * size, y)
            strength = 0.1 if fill_by is None else MOST_INK * max(0.0, min(1.0, fill_by[index]))
            self.rect(left, top, size, tall, kind, 0, strength, 1.25)
            if label(value):
                ink = "gray" if kind == "muted" else "ink"
                self.centred(left + size / 2, top + tall / 2, value, text_size, ink, mono=mono)

    def bars(
        self, x: float, y: float, w: float, h: float, values: Sequence[float], kind: str = "data",
        labels: Sequence[object] = (), largest: float | None = None, horizontal: bool = False,
        text_size: float = 13,
    ) -> None:  # fmt: skip
        """Draw bars that share the area w x h at (x, y), the longest `largest` (else the greatest value).

        Labels stand under upright bars, and to the left of lying ones (outside the area).
        """
        top = max(values) if largest is None else largest
        step = (h if horizontal else w) / len(values)
        for index, value in enumerate(values):
            part, start = max(0.0, value / top), (index + 0.14) * step
            if horizontal:
                self.rect(x, y + start, w * part, step * 0.72, kind, 0, 0.8, 0)
            else:
                self.rect(x + start, y + h * (1 - part), step * 0.72, h * part, kind, 0, 0.8, 0)
            middle = (index + 0.5) * step
            if labels and horizontal:
                self.text(x - 6, y + middle + text_size * 0.35, labels[index], text_size, anchor="end")
            elif labels:
                self.text(x + middle, y + h + text_size * 1.2, labels[index], text_size, anchor="middle")

    def svg(self) -> str:
        """Return the drawing as one SVG element that scales with its column."""
        w, h = number(self.width), number(self.height)
        head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {w} {h}" width="{w}" height="{h}"'
        title = f"<title>{escape(self.title, quote=False)}</title>"
        return "\n".join([f'{head} role="img" font-family="{SANS}">', title, *self.parts, "</svg>"]) + "\n"

    def save(self, path: str | Path) -> None:
        """Write the drawing to a file, to look at it while drawing."""
        Path(path).write_text(self.svg(), encoding="utf-8")
