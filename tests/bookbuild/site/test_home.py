"""The home page's list of chapters."""

import pytest
from bs4 import BeautifulSoup

from bookbuild.site.home import ChapterCard, asked, home_chapters, part_heading


def card(number: int, part: str, title: str = "A title", question: str = "Why?", url: str = "a/b/") -> ChapterCard:
    return ChapterCard(
        number=number, part=part, title=title, question=question, url=url, skim_minutes=2, read_minutes=8
    )


def test_chapters_stand_under_their_part_in_their_order() -> None:
    page = BeautifulSoup(home_chapters([card(1, "One"), card(2, "One"), card(3, "Two")]), "html.parser")
    sections = page.find_all("section")
    assert [section.h3.get_text() for section in sections] == ["Part 1 · One", "Part 2 · Two"]
    assert [len(section.find_all("li")) for section in sections] == [2, 1]
    numbers = [span.get_text() for span in page.select(".chapter-card > .chapter-number")]
    assert numbers == ["1", "2", "3"]


def test_a_section_is_named_by_its_heading() -> None:
    section = BeautifulSoup(home_chapters([card(1, "One")]), "html.parser").section
    assert section is not None
    assert section["aria-labelledby"] == section.h3["id"]


def test_a_card_is_one_link_with_title_question_and_minutes() -> None:
    page = BeautifulSoup(home_chapters([card(4, "One", "Letters", "What next?", "part/letters/")]), "html.parser")
    (link,) = page.find_all("a")
    assert link["href"] == "part/letters/"
    assert link.get_text() == "4 Letters What next? Skim 2 min · Read 8 min"


def test_what_authors_write_is_escaped() -> None:
    text = home_chapters([card(1, "Q & A", "<b>", 'a "quoted" & <i>', 'x/?a="b"&c')])
    page = BeautifulSoup(text, "html.parser")
    assert page.find("b") is None
    assert page.find("i") is None
    assert page.h3.get_text() == "Part 1 · Q & A"
    assert page.select_one(".chapter-title").get_text() == "<b>"
    assert page.a["href"] == 'x/?a="b"&c'


def test_a_card_shows_the_question_and_not_what_follows_it() -> None:
    assert asked("Who writes the rules? A person does. Does one?") == "Who writes the rules?"
    assert asked("No question here.") == "No question here."


@pytest.mark.parametrize("title", ["Language", "Part 3 · Language", "Part 3. Language", "Part 3: Language"])
def test_a_part_is_counted_once(title: str) -> None:
    assert part_heading(title, 3) == "Part 3 · Language"


def test_a_part_that_begins_with_the_word_part_keeps_it() -> None:
    assert part_heading("Parting words", 2) == "Part 2 · Parting words"


def test_a_book_without_chapters_has_no_list() -> None:
    assert home_chapters([]) == ""
