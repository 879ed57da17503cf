"""The picker by symptom is made of the page's table, and says what the table says."""

import markdown
import pytest
from bs4 import BeautifulSoup

from bookbuild.project import this_project
from bookbuild.site.symptoms import ICONS, with_picker

EXTENSIONS = ["tables", "attr_list", "md_in_html"]


def rendered(rows: list[str]) -> str:
    text = '<div class="columns symptoms" markdown>\n\n| see | suspects |\n|:--|:--|\n' + "\n".join(rows) + "\n\n</div>"
    return markdown.markdown(text, extensions=EXTENSIONS)


def rows(words: list[str]) -> list[str]:
    return [f"| **It is *{word}***{{ #see-{word} }} | [a](#a), if so<br>[b](#b) |" for word in words]


@pytest.fixture(scope="module")
def page() -> BeautifulSoup:
    path = this_project().docs_dir / "when-training-goes-wrong.md"
    html = markdown.markdown(path.read_text(encoding="utf-8"), extensions=EXTENSIONS)
    return BeautifulSoup(with_picker(html, "../it.js"), "html.parser")


def test_each_row_of_the_table_is_a_choice_with_its_suspects_in_order(page: BeautifulSoup) -> None:
    form, table = page.select_one("form.picker"), page.select_one("details .symptoms table")
    assert form is not None
    assert table is not None, "it stays, folded"
    table_rows = table.select("tbody tr")
    labels, answers = form.select("label"), form.select(".suspects")
    assert len(table_rows) == len(labels) == len(answers) == len(ICONS)
    for row, label, answer in zip(table_rows, labels, answers):
        seen, suspects = row.select("td")
        assert label.span.get_text(strip=True) == seen.get_text(strip=True)  # type: ignore[union-attr]
        wanted = [link["href"] for link in suspects.select("a")]
        assert [link["href"] for link in answer.select("ol a")] == wanted
        assert "".join(answer.ol.get_text().split()) == "".join(suspects.get_text().split())  # type: ignore[union-attr]


def test_one_can_be_chosen_without_script_and_each_choice_is_described_by_its_suspects(page: BeautifulSoup) -> None:
    radios = page.select(".picker input")
    assert {(radio["type"], radio["name"]) for radio in radios} == {("radio", "see")}
    assert [radio["value"] for radio in radios] == list(ICONS)
    assert [radio.has_attr("checked") for radio in radios].count(True) == 1
    for radio in radios:
        described = page.find(id=radio["aria-describedby"])
        assert described is radio.find_parent("label").find_next_sibling()  # type: ignore[union-attr]
    assert all(icon.get("aria-hidden") == "true" for icon in page.select(".picker svg"))


def test_its_script_is_there_before_it_comes(page: BeautifulSoup) -> None:
    script = page.select_one("script:has(+ form.picker)")
    assert script is not None
    assert script["src"] == "../it.js"
    assert (this_project().docs_dir / "assets" / "symptoms.js").is_file()


def test_each_symptom_has_a_shape_of_its_own() -> None:
    assert len(set(ICONS.values())) == len(ICONS)


def test_a_page_without_symptoms_stays_as_it_is() -> None:
    html = '<div class="columns"><table><tr><td>one</td><td>two</td></tr></table></div>'
    assert with_picker(html, "it.js") == html


def test_a_row_that_cannot_be_picked_is_refused() -> None:
    words = list(ICONS)
    assert with_picker(rendered(rows(words)), "it.js").count("<li>") == 2 * len(words)
    with pytest.raises(ValueError, match="no word of its own"):
        with_picker(rendered(["| It is odd | [a](#a) |", *rows(words[1:])]), "it.js")
    with pytest.raises(ValueError, match="in this order"):
        with_picker(rendered(rows(words[::-1])), "it.js")
    with pytest.raises(ValueError, match="icon"):
        with_picker(rendered(rows([*words, "new"])), "it.js")
