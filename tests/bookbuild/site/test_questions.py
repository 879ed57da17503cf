"""Questions on the page: their answer stays closed, and is there without script."""

import re

import pytest
from bs4 import BeautifulSoup, Tag
from markdown import markdown as rendered_markdown
from published_cells import CHOICES, NUMBER, markdown

from bookbuild.chapters.published import PublishedCell
from bookbuild.site.pages import fill_places, page_markdown
from bookbuild.site.questions import field_html


def box(cell: PublishedCell) -> Tag:
    cells = [markdown("# Title", 0), cell]
    soup = BeautifulSoup(fill_places(rendered_markdown(page_markdown(cells)), cells, [], str, str), "html.parser")
    assert "<!--" not in str(soup)
    found = soup.select_one(".guess")
    assert isinstance(found, Tag)
    return found


@pytest.mark.parametrize("cell", [NUMBER, CHOICES])
def test_the_answer_is_closed_and_stands_in_the_page(cell: PublishedCell) -> None:
    assert cell.guess
    found = box(cell)
    answer = found.select_one("details")
    assert answer is not None
    assert not answer.has_attr("open")
    assert cell.guess.stated in answer.get_text()
    assert "Because" in answer.get_text()
    assert found.get_text().count("Because") == 1
    assert found.select_one("[role=status]").get_text() == ""  # type: ignore[union-attr]


def test_a_number_is_asked_for_with_its_unit() -> None:
    found = box(NUMBER)
    form = found.form
    assert form is not None
    assert (form["data-answer"], form["data-within"], form["data-said"]) == ("1234", "5", "1,234 mistakes")
    assert form.label is not None
    assert form.label.get_text().split()[-1] == "mistakes"
    assert form.label.input is not None
    assert str(found.em) == "<em>many</em>"
    # Left out of the search index up to the first end of a form: there is one only.
    assert len(found.select("form")) == 1


def test_choices_are_a_list_until_a_script_makes_buttons_of_them() -> None:
    found = box(CHOICES)
    choices = found.select_one(".guess-choices")
    assert choices is not None
    assert [str(item) for item in choices.select("ul > li")] == ["<li><em>one</em></li>", "<li>the other</li>"]
    assert choices["data-right"] == "1"
    assert not found.select("button, form")


def test_what_authors_write_is_escaped() -> None:
    cell = markdown('Q?\n\nanswer: −2,000 "odd" & <b>\n\nE.', 1, "guess")
    form = BeautifulSoup(field_html(cell.guess), "html.parser").form
    assert form is not None
    assert form["data-answer"] == "-2000"
    assert form["data-said"] == '−2,000 "odd" & <b>'
    assert not re.search("<b>", str(form.label))


def test_a_field_without_a_question_is_an_error() -> None:
    with pytest.raises(ValueError, match="question"):
        field_html(None)
