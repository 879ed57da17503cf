import io
import xml.etree.ElementTree as ET

import pytest

from bookbuild.chapters.kernel import matplotlibrc
from bookbuild.drawings.svg import PALETTE, XLINK, themed_plot

HREF = f"{{{XLINK}}}href"


def plot(color: str = "C1") -> str:
    import matplotlib as mpl  # here: otherwise each process that collects tests would load it
    from matplotlib.figure import Figure

    with mpl.rc_context(fname=str(matplotlibrc())):
        figure = Figure()
        axes = figure.subplots()
        axes.plot([1, 2, 3], [3, 1, 2], "o-", color=color)
        axes.set_title("Less < more & up")
        buffer = io.StringIO()
        figure.savefig(buffer, format="svg")
    return buffer.getvalue()


def test_a_plot_follows_the_page_into_the_dark() -> None:
    svg = themed_plot(plot(), "f1", 'A "line".')
    assert 'class="c1-stroke"' in svg
    assert "style=" not in svg
    assert "#000000" not in svg
    assert 'aria-label="A &quot;line&quot;."' in svg
    assert "Less &lt; more &amp; up" in svg
    assert len(svg) < len(plot()) * 0.7
    ET.fromstring(svg)


def test_a_plot_keeps_its_width_and_no_height() -> None:
    root = ET.fromstring(themed_plot(plot(), "f1", ""))
    points = float(root.attrib["viewBox"].split()[2])
    assert root.attrib["width"].endswith("rem")
    # A rem of the site is 20 pixels, a point 4/3 of one.
    assert float(root.attrib["width"].removesuffix("rem")) * 20 == pytest.approx(points * 4 / 3, rel=1e-3)
    assert "height" not in root.attrib


def test_two_plots_on_a_page_share_no_id() -> None:
    def ids(prefix: str) -> set[str]:
        root = ET.fromstring(themed_plot(plot(), prefix, ""))
        found = {element.attrib["id"] for element in root.iter() if "id" in element.attrib}
        uses = {element.attrib[HREF].removeprefix("#") for element in root.iter() if HREF in element.attrib}
        assert uses
        assert uses <= found
        return found

    assert ids("a").isdisjoint(ids("b"))


def test_the_palette_is_the_one_that_plots_are_drawn_in() -> None:
    import matplotlib as mpl

    with mpl.rc_context(fname=str(matplotlibrc())):
        cycle = [f"#{color}".replace("##", "#") for color in mpl.rcParams["axes.prop_cycle"].by_key()["color"]]
    assert cycle == list(PALETTE)[: len(cycle)]


def test_a_colour_that_cannot_follow_is_refused() -> None:
    with pytest.raises(ValueError, match="#ff00ff is not in the book's palette"):
        themed_plot(plot("#ff00ff"), "f1", "")
