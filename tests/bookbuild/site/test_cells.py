"""The HTML of a frame: what stands in front, what behind a fold, and what the folds say."""

import html

import pytest
from bs4 import BeautifulSoup
from published_cells import SHOWN, code

from bookbuild.chapters.fragments import Fragment
from bookbuild.chapters.published import PublishedCell
from bookbuild.site.cells import frame_html
from bookbuild.site.frames import Frame
from bookbuild.site.listing import LONGEST

GUARDED = '''import math
from collections.abc import (
    Sequence,
)


def shown(numbers: Sequence[float]) -> float:
    """The root of the sum."""
    if not numbers:
        raise ValueError
    return math.sqrt(sum(numbers))'''


def fragment(cell: PublishedCell, *outputs: dict[str, str]) -> Fragment:
    return {"source": html.escape(cell.source, quote=False), "outputs": list(outputs)}


def framed(frame: Frame, cells: list[PublishedCell], *outputs: dict[str, str]) -> BeautifulSoup:
    """The outputs are those of the first cell that the frame is there for."""
    fragments = [fragment(cell, *(outputs if number == frame.shown[0] else ())) for number, cell in enumerate(cells)]
    return BeautifulSoup(frame_html(frame, cells, fragments, lambda *origin: "/".join(origin), str), "html.parser")


def front(soup: BeautifulSoup) -> str:
    """The code that stands open."""
    return "".join(pre.get_text() for pre in soup.select("pre") if not pre.find_parent("details"))


def test_shown_source_is_cut_says_so_and_links_to_the_whole() -> None:
    soup = framed(Frame([0]), [code(GUARDED, 0, "show", origin=SHOWN)])
    assert front(soup) == "def shown(numbers: Sequence[float]) -> float:\n    return math.sqrt(sum(numbers))\n"
    where = soup.select_one(".cell-where")
    assert where is not None
    assert where.a is not None
    assert where.a["href"] == "gptbook.training.loss/shown"
    assert "without" in where.get_text()
    strip = soup.select_one(".framed > details.strip")
    assert strip is not None
    assert strip.pre is not None
    assert strip.pre.get_text() == "import math\nfrom collections.abc import (\n    Sequence,\n)\n"
    assert strip.summary is not None
    assert strip.summary.get_text() == "4 lines: imports"


def test_a_short_import_stands_in_front_unless_there_is_a_strip_already() -> None:
    cells = [
        code("a = 1", 0, "fold", folded=True),
        code("import os\n\n\ndef shown():\n    os", 1, "show", origin=SHOWN),
    ]
    assert front(framed(Frame([1]), cells)).startswith("import os\n")
    assert front(framed(Frame([1], before=[0]), cells)).startswith("def shown")
    where = framed(Frame([1]), cells).select_one(".cell-where")
    assert where is not None
    assert "without" not in where.get_text(), "nothing was left out"


def test_a_strip_names_first_what_the_code_below_it_uses() -> None:
    prepared = "import os\n\ndef one(): ...\ndef two(): ...\ndef three(): ...\ndef four(): ...\nfive = six = 5"
    cells = [code(prepared, 0, "fold", folded=True), code("two(five)", 1)]
    summary = framed(Frame([1], before=[0]), cells).select_one("summary")
    assert summary is not None
    assert summary.get_text() == "7 lines: imports, two, five, four and 2 more"
    plain = framed(Frame([1], before=[0]), [code("x = 1", 0, "fold", folded=True), code("print()", 1)])
    assert plain.select("summary")[0].get_text() == "1 line"


def test_of_a_long_cell_the_first_lines_stand_in_front_and_none_is_lost() -> None:
    source = "\n".join(f"x_{number} = {number}" for number in range(2 * LONGEST))
    soup = framed(Frame([0]), [code(source, 0)])
    rest = soup.select_one(".highlight > details.rest")
    assert rest is not None
    assert rest.summary is not None
    assert str(2 * LONGEST) in rest.summary.get_text()
    assert front(soup).count("\n") < LONGEST
    assert front(soup) + rest.select("pre")[0].get_text() == f"{source}\n"


def test_a_figures_code_is_one_row_below_it_and_printed_lines_stand_below_theirs() -> None:
    cells = [code("a = 1", 0, "fold", folded=True), code("draw(a)", 1, "fold", folded=True)]
    drawn = framed(Frame([1], before=[0]), cells, {"figure": "<svg></svg>"})
    assert [child["class"][0] for child in drawn.select(".cell > *")] == ["cell-output", "cell-source"]
    assert len(drawn.select("details")) == 1
    assert [pre.get_text() for pre in drawn.select("details pre")] == ["a = 1\n", "draw(a)\n"]
    printed = framed(Frame([1], before=[0]), cells, {"plain": "<pre>1\n</pre>"})
    assert [child["class"][0] for child in printed.select(".cell > *")] == ["cell-source", "cell-output"]


def test_what_nothing_follows_is_a_fold_below_the_outputs() -> None:
    cells = [code("print(1)", 0), code("a = 1", 1, "fold", folded=True)]
    soup = framed(Frame([0], after=[1]), cells, {"plain": "<pre>1\n</pre>"})
    assert front(soup) == "print(1)\n1\n"
    assert soup.select(".cell > :last-child details pre")[0].get_text() == "a = 1\n"


def test_a_change_in_the_coloured_source_is_noticed() -> None:
    with pytest.raises(ValueError, match="other lines"):
        frame_html(Frame([0]), [code("a = 1\nb = 2", 0)], [{"source": "a = 1", "outputs": []}], lambda *_: "", str)


def test_a_result_wraps_line_by_line_and_what_stands_in_columns_stays_there() -> None:
    receipt = "time       76 s in &lt;1 session\n           74 training\noperations 7e10 in all\nall in all\n"
    cell = code("print()", 0, "result")
    soup = framed(Frame([0]), [cell], {"plain": f'<pre tabindex="0">{receipt}</pre>'})
    lines = soup.select(".cell-result .edge > pre.lines > span")
    assert soup.select_one("pre.lines").get_text() == html.unescape(receipt)  # type: ignore[union-attr]
    assert [[part.get_text() for part in line.select("span")] for line in lines] == [
        ["time       ", "76 s in <1 session\n"],
        ["           ", "74 training\n"],
        ["operations ", "7e10 in all\n"],
        [],
    ]
    once = framed(Frame([0]), [cell], {"plain": '<pre tabindex="0">a  b\nc\n</pre>'})
    assert not once.select(".pair"), "one line alone is no column"


@pytest.mark.parametrize(
    "output", ['<pre tabindex="0"><span class="ansi">x</span></pre>', '<div class="table">x</div>']
)
def test_what_is_no_plain_text_stays_as_it_is_and_fades_at_its_edge(output: str) -> None:
    soup = framed(Frame([0]), [code("show()", 0, "result")], {"plain": output})
    assert soup.select_one(".edge").decode_contents() == output  # type: ignore[union-attr]


def test_what_only_read_shows_keeps_its_lines() -> None:
    soup = framed(Frame([0]), [code("print(1)", 0)], {"plain": '<pre tabindex="0">1\n</pre>'})
    assert soup.select_one(".edge").decode_contents() == '<pre tabindex="0">1\n</pre>'  # type: ignore[union-attr]
