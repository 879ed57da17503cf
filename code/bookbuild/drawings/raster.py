"""A drawing as a PNG, for the places that show no SVG: what `bookbuild.drawings.draw` writes, painted by Matplotlib.

It knows the elements and attributes of those drawings and no others; what it does not know it refuses. The letters are
Matplotlib's own DejaVu on every machine, a little smaller than asked for, since they are wider than a browser's.
"""

import io
import re
import xml.etree.ElementTree as ET
from functools import cache
from typing import Any

from bookbuild.drawings.draw import COLOURS

INK = "#1f2328"
PAPER = COLOURS["paper"][1]
"""The ground: light, so that the ink can be read where a notebook is dark."""
PIXELS_PER_UNIT = 2
NARROWER = 0.9
NUM_COLOURS = 64
NUMBERS = {"M": 2, "L": 2, "H": 1, "V": 1, "Q": 4, "C": 6}
"""What a step of a path takes, by its letter."""
STEP = re.compile(r"([A-Za-z])([^A-Za-z]*)")
NUMBER = re.compile(r"-?\d*\.?\d+")
NAMESPACE = "{http://www.w3.org/2000/svg}"


@cache
def as_png(svg: str) -> bytes:
    """The picture, two pixels a unit, on light ground. Raises ValueError for what no drawing of the book has."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg  # here, since most builds paint nothing
    from matplotlib.figure import Figure
    from PIL import Image

    root = ET.fromstring(svg)
    width, height = (float(root.attrib[name]) for name in ("width", "height"))
    # A unit is a point, so that sizes of letters and lines are what the drawing says.
    figure = Figure(figsize=(width / 72, height / 72), dpi=72 * PIXELS_PER_UNIT, facecolor=PAPER)
    axes = figure.add_axes((0, 0, 1, 1), xlim=(0, width), ylim=(height, 0))
    axes.set_axis_off()
    for order, element in enumerate(root):
        _paint(axes, element, order)
    canvas: Any = FigureCanvasAgg(figure)
    canvas.draw()
    picture = Image.frombytes("RGBA", canvas.get_width_height(), bytes(canvas.buffer_rgba())).convert("RGB")
    stream = io.BytesIO()
    picture.quantize(NUM_COLOURS, dither=Image.Dither.NONE).save(stream, "PNG", optimize=True)
    return stream.getvalue()


def _paint(axes: Any, element: ET.Element, order: int) -> None:
    from matplotlib import patches

    kind, given = element.tag.removeprefix(NAMESPACE), element.attrib
    if kind == "title":
        return
    if "transform" in given or "style" in given:
        raise ValueError("a drawing with a transform or a style cannot become a picture: use `draw` alone")
    if kind == "text":
        _write(axes, element, order)
        return
    look = _look(given) | {"zorder": order}
    if kind == "rect":
        x, y, w, h = (float(given[name]) for name in ("x", "y", "width", "height"))
        round_by = float(given.get("rx", 0))
        style = patches.BoxStyle.Round(pad=0, rounding_size=round_by) if round_by else patches.BoxStyle.Square(pad=0)
        axes.add_patch(patches.FancyBboxPatch((x, y), w, h, boxstyle=style, **look))
    elif kind == "circle":
        axes.add_patch(patches.Circle((float(given["cx"]), float(given["cy"])), float(given["r"]), **look))
    elif kind == "path":
        axes.add_patch(patches.PathPatch(_path(given["d"]), capstyle="butt", **look))
    else:
        raise ValueError(f"a drawing with <{kind}> cannot become a picture: use `draw` alone")


def _look(given: dict[str, str]) -> dict[str, Any]:
    from matplotlib.colors import to_rgba

    fill = given.get("fill", "currentColor")
    look: dict[str, Any] = {"facecolor": "none", "edgecolor": "none", "linewidth": 0}
    if fill != "none":
        look["facecolor"] = to_rgba(_colour(fill), float(given.get("fill-opacity", 1)))
    if given.get("stroke", "none") != "none":
        width = float(given.get("stroke-width", 1))
        look |= {"edgecolor": _colour(given["stroke"]), "linewidth": width}
        if dashes := given.get("stroke-dasharray"):
            # Matplotlib counts dashes in widths of the line.
            look["linestyle"] = (0, tuple(float(length) / width for length in dashes.split()))
    return look


def _colour(name: str) -> str:
    return INK if name == "currentColor" else name


def _path(text: str) -> Any:
    from matplotlib.path import Path

    codes = {"M": Path.MOVETO, "L": Path.LINETO, "H": Path.LINETO, "V": Path.LINETO, "Q": Path.CURVE3, "C": Path.CURVE4}
    vertices: list[tuple[float, float]] = []
    kinds: list[Any] = []
    for letter, rest in STEP.findall(text):
        kind, numbers = letter.upper(), [float(number) for number in NUMBER.findall(rest)]
        if kind == "Z" and vertices:
            vertices.append(vertices[kinds[::-1].index(Path.MOVETO) * -1 - 1])
            kinds.append(Path.CLOSEPOLY)
            continue
        size = NUMBERS.get(kind, 0)
        if not numbers or not size or len(numbers) % size:
            raise ValueError(f"a path with {letter}{rest} cannot become a picture: take M, L, H, V, Q, C and Z")
        for step in range(0, len(numbers), size):
            given = numbers[step : step + size]
            x, y = vertices[-1] if vertices else (0.0, 0.0)
            right, down = (x, y) if letter.islower() else (0.0, 0.0)
            if kind == "H":
                points = [(right + given[0], y)]
            elif kind == "V":
                points = [(x, down + given[0])]
            else:
                points = [(right + u, down + v) for u, v in zip(given[::2], given[1::2])]
            vertices += points
            kinds += [Path.LINETO if kind == "M" and step else codes[kind]] * len(points)
    return Path(vertices, kinds)


def _write(axes: Any, element: ET.Element, order: int) -> None:
    given = element.attrib
    anchor = {"start": "left", "middle": "center", "end": "right"}[given.get("text-anchor", "start")]
    mono = "mono" in given.get("font-family", "")
    axes.text(
        float(given["x"]),
        float(given["y"]),
        "".join(element.itertext()),
        fontsize=float(given["font-size"]) * NARROWER,
        family="DejaVu Sans Mono" if mono else "DejaVu Sans",
        weight="bold" if int(given.get("font-weight", 400)) >= 600 else "normal",
        style=given.get("font-style", "normal"),
        color=_colour(given.get("fill", "currentColor")),
        ha=anchor,
        va="baseline",
        parse_math=False,
        zorder=order,
    )
