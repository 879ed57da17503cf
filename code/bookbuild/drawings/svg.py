"""Matplotlib's SVG, made fit for a page: light and dark by the stylesheet, no id that collides, far fewer bytes."""

import re
import xml.etree.ElementTree as ET

SVG = "http://www.w3.org/2000/svg"
XLINK = "http://www.w3.org/1999/xlink"

# The colours of chapters/matplotlibrc, and those that a chapter may name -> the stylesheet's word for them.
PALETTE = {
    "#1f5fa8": "c0",
    "#b8400e": "c1",
    "#0f766e": "c2",
    "#6d3fc0": "c3",
    "#a8326f": "c4",
    "#8a6100": "c5",
    "#4b5563": "c6",
    "#2f7d32": "c7",
    "#808080": "gray",
    "#d3d3d3": "light",
    "#ffffff": "paper",
}
INK = "#000000"
POINTS_PER_REM = 15
"""Of the site: a rem is 20 pixels there, and a point 4/3 of one."""
NUMBER = re.compile(r"-?\d+\.\d{2,}")
SPACES = re.compile(r"\s+")
IDENTITY = re.compile(r"^rotate\(-?0 [\d.]+ [\d.]+\)$")
REFERENCE = re.compile(r"url\(#(.+?)\)|^#(.+)$")

ET.register_namespace("", SVG)
ET.register_namespace("xlink", XLINK)


def themed_plot(svg: str, prefix: str, alt: str) -> str:
    """The plot as an inline `<svg>`; `prefix` makes its ids its own, `alt` is what a screen reader says.

    Raises ValueError for a colour outside the palette: it could not follow the page into the dark.
    """
    root = ET.fromstring(svg)
    for parent in list(root.iter()):
        for child in list(parent):
            if child.tag in {f"{{{SVG}}}metadata", f"{{{SVG}}}style"}:
                parent.remove(child)
    used = _referenced(root)
    for element in root.iter():
        _style_to_attributes(element)
        _colours_to_classes(element)
        _shorten(element)
        _own_ids(element, used, prefix)
    _drop_empty(root)
    raster = root.find(f".//{{{SVG}}}image") is not None
    width = root.attrib.pop("width", "")
    if width.endswith("pt"):
        # Its natural size: wider, its letters would be larger than the text around it. In rem, since they grow with it.
        root.set("width", f"{float(width.removesuffix('pt')) / POINTS_PER_REM:.4g}rem")
    for name in ("height", "version"):
        root.attrib.pop(name, None)
    root.set("fill", "currentColor")
    root.set("stroke-linejoin", "round")
    root.set("role", "img")
    root.set("aria-label", alt)
    root.set("class", "plot-drawing raster" if raster else "plot-drawing")
    text = ET.tostring(root, encoding="unicode", short_empty_elements=True)
    return re.sub(r">\s+<", "><", text).replace(f' xmlns="{SVG}"', "")


def _referenced(root: ET.Element) -> set[str]:
    found = set()
    for element in root.iter():
        for value in element.attrib.values():
            if match := REFERENCE.search(value):
                found.add(match[1] or match[2])
    return found


def _style_to_attributes(element: ET.Element) -> None:
    """Every property matplotlib writes is a presentation attribute too, and those a stylesheet can override."""
    for declaration in element.attrib.pop("style", "").split(";"):
        name, _, value = declaration.partition(":")
        if value and name.strip() != "font-family":
            element.set(name.strip(), value.strip())


def _colours_to_classes(element: ET.Element) -> None:
    classes = []
    for role in ("fill", "stroke"):
        colour = element.get(role, "").lower()
        if colour == INK:
            element.set(role, "currentColor")
        elif colour in PALETTE:
            classes.append(f"{PALETTE[colour]}-{role}")
        elif colour not in {"", "none", "currentcolor"}:
            raise ValueError(
                f"colour {colour} is not in the book's palette; use C0 to C7, black, gray, lightgray, white"
            )
    if classes:
        element.set("class", " ".join(classes))


def _shorten(element: ET.Element) -> None:
    for name in ("d", "x", "y", "transform", "points", "width", "height"):
        if name in element.attrib:
            rounded = NUMBER.sub(lambda match: f"{float(match[0]):.1f}".removesuffix(".0"), element.attrib[name])
            element.set(name, SPACES.sub(" ", rounded).strip())
    if IDENTITY.match(element.get("transform", "")):
        del element.attrib["transform"]
    if element.get("stroke-opacity") == "1":
        del element.attrib["stroke-opacity"]


def _own_ids(element: ET.Element, used: set[str], prefix: str) -> None:
    if "id" in element.attrib:
        if element.attrib["id"] in used:
            element.set("id", f"{prefix}-{element.attrib['id']}")
        else:
            del element.attrib["id"]
    for name, value in list(element.attrib.items()):
        if name == f"{{{XLINK}}}href":
            # It stays an xlink: Material's instant navigation trips over a plain `href` on an SVG element.
            element.set(name, f"#{prefix}-{value[1:]}" if value.startswith("#") else SPACES.sub("", value))
        elif value.startswith("url(#"):
            element.set(name, f"url(#{prefix}-{value[5:-1]})")


def _drop_empty(root: ET.Element) -> None:
    """Remove what paints nothing: frames without fill and stroke, and paths without a point."""
    for parent in list(root.iter()):
        for child in list(parent):
            paints_nothing = child.get("fill") == "none" and "stroke" not in child.attrib
            paints_nothing |= not child.get("d")
            defined = "id" in child.attrib or "clip-path" in parent.attrib or parent.tag == f"{{{SVG}}}defs"
            if child.tag == f"{{{SVG}}}path" and paints_nothing and not defined:
                parent.remove(child)
