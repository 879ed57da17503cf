"""From published cells to a page: what goes where, and what is cleaned away."""

import re
from dataclasses import replace
from pathlib import Path

import nbformat
import pytest
from bs4 import BeautifulSoup
from published_cells import CELLS, PREDICT, code, markdown

from bookbuild.chapters.fragments import cell_fragments, code_cells, page_notebook
from bookbuild.chapters.published import PublishedCell
from bookbuild.site.pages import fill_places, headings_of_read, inline_markdown, page_markdown, with_drawings

NONE: frozenset[str] = frozenset()


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> BeautifulSoup:
    """The cells as mkdocs-jupyter renders them, around prose that Markdown left as it is."""
    return rendered(CELLS, tmp_path_factory.mktemp("notebook"))


def rendered(cells: list[PublishedCell], folder: Path) -> BeautifulSoup:
    path = folder / "page.ipynb"
    path.write_text(nbformat.writes(page_notebook(cells)), encoding="utf-8")
    from mkdocs_jupyter.nbconvert2 import nb2html  # here: otherwise each process that collects tests would load it

    fragments = cell_fragments(nb2html(str(path), allow_errors=False), code_cells(cells))
    inline = inline_markdown([], {})
    html = fill_places(
        page_markdown(cells), cells, fragments, lambda *origin: "/{}#{}".format(*origin), inline, "../live/"
    )
    return BeautifulSoup(html, "html.parser")


def test_shown_source_names_its_file_and_lines(page: BeautifulSoup) -> None:
    link = page.select_one(".cell-where a")
    assert link
    assert link["href"] == "/gptbook.training.loss#shown"
    assert link.get_text() == "gptbook/training/loss.py, lines 3–4"


def test_cells_of_one_chapter_cell_are_folded_together(page: BeautifulSoup) -> None:
    fold = page.select("details.fold")[0]
    assert "import os" in fold.get_text()
    assert "x < 1" in fold.get_text()
    assert page.select_one(".cell-output pre").get_text() == "a < b\n"  # type: ignore[union-attr]


def test_a_figure_has_its_alternative_text_and_caption(page: BeautifulSoup) -> None:
    figure = page.select_one(".cell-figure figure.plot")
    assert figure
    assert figure.svg["aria-label"] == 'A "line".'  # type: ignore[index]
    assert str(figure.figcaption) == "<figcaption>It <em>rises</em>.</figcaption>"


def test_a_hidden_cell_is_nowhere_and_a_solution_is_folded(page: BeautifulSoup) -> None:
    assert "secret" not in page.get_text()
    exercise = page.select_one(".exercise-part > section.exercise[data-kind=predict]")
    assert exercise
    assert exercise.select_one("details.solution .highlight").get_text().strip() == "guess = 1"  # type: ignore[union-attr]
    assert exercise.select_one("details.hint").get_text().split() == ["Hint", "Think."]  # type: ignore[union-attr]


def test_the_exercises_end_before_the_next_section(page: BeautifulSoup) -> None:
    assert "Further reading" not in page.select_one(".exercise-part").get_text()  # type: ignore[union-attr]
    assert "A note." in page.select_one(".note-beside").get_text()  # type: ignore[union-attr]
    assert not re.search(r"<!--", str(page))


def test_a_change_in_mkdocs_jupyters_markup_is_noticed() -> None:
    with pytest.raises(ValueError, match="rendered 0 code cells of 2"):
        cell_fragments("<div></div>", code_cells(CELLS)[:2])


def test_a_drawing_takes_the_pages_own_words() -> None:
    html = '<p><img alt="Two &quot;boxes&quot;" src="../figures/two.svg" title="One *or* two" /></p>'
    drawing = '<svg role="img" aria-label="old"><title>old</title><path/></svg>'
    result = with_drawings(html, {"two": drawing}, inline_markdown([], {}))
    assert 'aria-label="Two &quot;boxes&quot;"' in result
    assert "old" not in result
    assert "<figcaption>One <em>or</em> two</figcaption>" in result


def test_a_live_piece_is_a_figure_that_names_its_widget_and_where_its_files_lie(tmp_path: Path) -> None:
    figure = code("draw()", 1, "live", widget="it", alt="A line.", caption="It *rises*.", outputs=CELLS[4].outputs)
    cells = [markdown("# Title", 0), figure, code("publish()", 2, "live")]
    folded = [cells[0], replace(figure, tags=frozenset({"fold"}), folded=True), cells[2]]
    assert str(rendered(folded, tmp_path)) == str(rendered(cells, tmp_path)), "its code is not on the page either way"
    soup = rendered(cells, tmp_path)
    live = soup.select_one("figure.live")
    assert live is not None
    assert (live["id"], live["data-widget"], live["data-live"]) == ("it", "it", "../live/")
    assert [child.name for child in live.children] == ["svg", "figcaption"]
    assert "draw()" not in str(soup)
    assert "publish()" not in str(soup)
    assert not soup.select(".cell")


def test_a_drawing_can_be_the_still_picture_of_a_live_piece() -> None:
    html = '<p><img alt="Boxes" data-widget="it" src="../figures/two.svg" title="Two." /></p>'
    live = BeautifulSoup(with_drawings(html, {"two": "<svg></svg>"}, str, "live/slug/"), "html.parser").figure
    assert live is not None
    assert (live["class"], live["id"], live["data-live"]) == (["figure", "drawn", "live"], "it", "live/slug/")


def test_what_is_tagged_read_is_marked_with_its_figure_and_its_headings(tmp_path: Path) -> None:
    figure = {"alt": "A line.", "caption": "It.", "outputs": CELLS[4].outputs}
    cells = [
        markdown("# Title", 0),
        markdown('<h3 id="small">Small</h3>\n\nLong words.', 1, "read"),
        code("plot()", 2, "read", **figure),
        code("draw()", 3, "read", "live", widget="it", **figure),
        markdown('<h2 id="both">Both</h2>', 4),
        code("plot()", 5, **figure),
    ]
    soup = rendered(cells, tmp_path)
    read = soup.select(".read")
    assert [element.name for element in read] == ["div", "div", "figure"]
    assert "Long words." in read[0].get_text()
    assert len(soup.select(".cell")) == 2
    assert headings_of_read(page_markdown(cells)) == ["small"]


def test_headings_in_notes_and_exercises_are_those_of_read_too() -> None:
    cells = [
        markdown('<h2 id="one">One</h2>', 0),
        markdown('<h2 id="where">Where</h2>', 1, "note"),
        markdown('## Exercises\n\n<h2 id="exercises">Exercises</h2>', 2, in_exercises=True),
        markdown("### Change: it", 3, "exercise", in_exercises=True),
        markdown('## Further reading\n\n<h2 id="further">Further reading</h2>', 4),
    ]
    assert headings_of_read(page_markdown(cells)) == ["where", "exercises"]


def test_an_exercise_that_is_answered_on_the_page_has_no_code_there(tmp_path: Path) -> None:
    cells = [CELLS[0], *PREDICT, *[replace(cell, group=cell.group + 10) for cell in CELLS[7:]]]
    soup = rendered(cells, tmp_path)
    answered, other = soup.select("section.exercise")
    assert not answered.select(".cell, .solution")
    children = [" ".join(child.get("class", [child.name])) for child in answered.find_all(recursive=False)]
    assert children == ["guess-form", "guess-said", "hint", "guess-answer"]
    assert len(other.select(".cell")) == 3, "the others keep their starter, check and solution"
    assert not other.select(".guess-form, .guess-answer")
