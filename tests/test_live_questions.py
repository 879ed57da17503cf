"""Questions to guess at, and links to what Skim hides, in a browser."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from conftest import CHAPTER_NAMES, COUNT_SHIFTS, Site
from live_pages import PagePool, axe_finds, settle

from bookbuild.chapters.chapter import read_chapter
from bookbuild.chapters.guess import is_predict
from bookbuild.project import Project

pytestmark = pytest.mark.browser
NUMBERS, CHOICES = ".guess:has(.guess-form)", ".guess:has(.guess-choices)"


@pytest.fixture
def visit(pages: PagePool, site: Site) -> Iterator[Callable[..., Any]]:
    taken: list[Any] = []

    def open_one(name: str, more: str = "", script: str = "", **options: Any) -> Any:
        page = pages.take(script, **options)
        taken.append(page)
        page.goto(site.page(name) + more, wait_until="load")
        if options.get("java_script_enabled", True):
            settle(page)
        return page

    yield open_one
    complaints = [page.complaints for page in taken]
    for page in taken:
        pages.give_back(page)
    assert not any(complaints), complaints


@pytest.fixture(scope="module")
def asked(pages: PagePool, site: Site) -> Iterator[Any]:
    """A question that takes one guess after another."""
    page = pages.take()
    page.goto(site.page(some_page(site, NUMBERS)), wait_until="load")
    settle(page)
    yield page.locator(NUMBERS).first
    complaints = list(page.complaints)
    pages.give_back(page)
    assert not complaints


def guess(box: Any, text: str) -> str:
    """Type a guess, press Enter, and return what is said of it."""
    box.locator("input").fill(text)
    box.locator("input").press("Enter")
    said: str = box.get_by_role("status").inner_text()
    return said


def some_page(site: Site, kind: str) -> str:
    """A chapter that asks this way."""
    mark = {NUMBERS: 'class="guess-form"', CHOICES: 'class="guess-choices"'}[kind]
    for name in CHAPTER_NAMES:
        page = (site.folder / name.removesuffix(".py") / "index.html").read_text(encoding="utf-8")
        if mark in page.partition('class="exercise-part"')[0]:
            return name
    raise AssertionError(f"no chapter has {mark}")


# ---- a number


def test_a_number_is_guessed_by_keyboard_and_its_answer_opens(visit: Callable[..., Any], site: Site) -> None:
    page = visit(some_page(site, NUMBERS))
    box = page.locator(NUMBERS).first
    answer = box.locator(".guess-answer")
    assert answer.get_attribute("open") is None
    assert not answer.locator("p").last.is_visible()
    stated = box.locator("form").get_attribute("data-said")
    assert guess(box, "-98765") == f"You said -98765; it is {stated}."
    assert answer.locator("p").last.is_visible()
    assert page.evaluate("document.activeElement.matches('.guess-form input')"), "the focus stays where it was"
    assert guess(box, str(box.locator("form").get_attribute("data-answer"))) == f"Yes: {stated}."
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert axe_finds(page, ".guess") == []
    assert "?" not in page.url.removeprefix(site.url), "a guess is nobody else's business"


def test_who_does_not_want_to_guess_opens_the_answer(visit: Callable[..., Any], site: Site) -> None:
    page = visit(some_page(site, NUMBERS))
    box = page.locator(NUMBERS).first
    box.locator("summary").focus()
    page.keyboard.press("Enter")
    assert box.locator(".guess-stated").is_visible()
    assert box.get_by_role("status").inner_text() == ""


@pytest.mark.parametrize(
    ("answer", "within", "typed", "said"),
    [
        ("6", "5", "6", "Yes"),
        ("6", "5", " 6 mistakes", "Yes"),
        ("6", "5", "6.0", "Yes"),
        ("6", "5", "6.2", "Close"),
        ("6", "5", "11", "Close"),
        ("6", "5", "1", "Close"),
        ("6", "5", "12", "You said 12;"),
        ("6", "0", "7", "You said 7;"),
        ("0.47", "0.02", "0,47", "Yes"),
        ("0.47", "0.02", ".47", "Yes"),
        ("0.47", "0.02", "0.474", "Yes"),
        ("0.47", "0.02", "0,49", "Close"),
        ("0.47", "0.02", "0.496", "You said 0.496;"),
        ("7087872", "0", "7,087,872", "Yes"),
        ("7087872", "0", "7 087 872", "Yes"),
        ("7087872", "0", "7.087.872", "Yes"),
        ("1234", "0", "1,234", "Yes"),
        ("1234", "0", "1.234,0", "Yes"),
        ("1.234", "0", "1,234", "Yes"),
        ("-0.5", "0", "−0.5", "Yes"),
        ("100", "0", "100%", "Yes"),
        ("1000000", "0", "1e6", "Yes"),
        ("6", "5", "", "Type a number"),
        ("6", "5", "six", "Type a number"),
        ("6", "5", "1.2.3", "Type a number"),
    ],
)
def test_a_guess_is_read_as_people_write_numbers(asked: Any, answer: str, within: str, typed: str, said: str) -> None:
    asked.locator(".guess-answer").evaluate("answer => { answer.open = false; }")
    asked.locator("form").evaluate(
        "(form, data) => Object.assign(form.dataset, data)", {"answer": answer, "within": within}
    )
    assert guess(asked, typed).startswith(said)
    is_number = not said.startswith("Type")
    assert (asked.locator(".guess-answer").get_attribute("open") is not None) == is_number
    assert asked.locator("input").get_attribute("aria-invalid") == str(not is_number).lower()


# ---- a choice


def test_a_choice_is_made_by_keyboard_and_the_right_one_is_marked(visit: Callable[..., Any], site: Site) -> None:
    page = visit(some_page(site, CHOICES))
    box = page.locator(CHOICES).first
    buttons = box.locator(".guess-choices button")
    right = int(box.locator(".guess-choices").get_attribute("data-right"))
    wrong = (right + 1) % buttons.count()
    buttons.nth(wrong).focus()
    page.keyboard.press("Enter")
    said = box.get_by_role("status").inner_text()
    assert said.startswith("You said")
    assert said.index(buttons.nth(wrong).inner_text()) < said.index(buttons.nth(right).inner_text())
    assert box.locator(".guess-answer").get_attribute("open") is not None
    assert buttons.nth(wrong).get_attribute("aria-pressed") == "true"
    marks = buttons.evaluate_all("all => all.map((button) => getComputedStyle(button, '::after').content !== 'none')")
    assert [place for place, marked in enumerate(marks) if marked] == [right], "not by its colour alone"
    buttons.nth(right).click()
    assert box.get_by_role("status").inner_text().startswith("Yes")
    pressed = buttons.evaluate_all("all => all.map((button) => button.ariaPressed)")
    assert [place for place, state in enumerate(pressed) if state == "true"] == [right]
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert axe_finds(page, ".guess") == []


def test_buttons_come_into_places_that_waited_for_them(visit: Callable[..., Any], site: Site) -> None:
    """On a slow line the page is painted before its script has come."""
    name = some_page(site, CHOICES)
    heights = []
    for script in (True, False):
        page = visit(name)
        if not script:
            page.route("**/book.js*", lambda route: route.abort())
            page.reload(wait_until="load")
            page.complaints.clear()
        heights.append(page.locator(CHOICES).first.evaluate("box => box.getBoundingClientRect().height"))
        assert page.locator(CHOICES).first.locator("button").count() == 0 or script
    assert abs(heights[0] - heights[1]) < 0.5


@pytest.mark.parametrize("kind", [NUMBERS, CHOICES])
def test_without_script_there_is_a_question_and_a_folded_answer(
    visit: Callable[..., Any], site: Site, kind: str
) -> None:
    page = visit(some_page(site, kind), java_script_enabled=False)
    box = page.locator(kind).first
    assert box.locator("input:visible, button:visible").count() == 0
    assert box.locator("p").nth(1).is_visible()
    box.locator("summary").click()
    assert box.locator(".guess-stated").is_visible()


# ---- exercises


@pytest.mark.parametrize("name", CHAPTER_NAMES)
def test_predict_is_answered_on_the_page(visit: Callable[..., Any], name: str, project: Project) -> None:
    chapter = read_chapter(project.docs_dir / name, project.docs_dir)
    [task] = [cell for cell in chapter.cells if cell.has("exercise") and is_predict(cell.source)]
    page = visit(name)
    exercise = page.locator("section.exercise[data-kind=predict]")
    if "answer:" not in task.source and "- [x]" not in task.source:
        assert name not in CHAPTER_NAMES
        assert exercise.locator(".cell").count() == 3
        return
    assert exercise.locator(".cell, .solution").count() == 0
    asked = exercise.locator("input, .guess-choices button")
    if exercise.locator("form").count():
        said = guess(exercise, str(exercise.locator("form").get_attribute("data-answer")))
    else:
        asked.nth(int(exercise.locator(".guess-choices").get_attribute("data-right"))).click()
        said = exercise.get_by_role("status").inner_text()
    assert said.startswith("Yes")
    assert exercise.locator(".guess-answer").get_attribute("open") is not None
    assert exercise.locator(".hint").get_attribute("open") is None


def test_no_page_greets_its_reader_with_a_failed_check(site: Site) -> None:
    for name in CHAPTER_NAMES:
        page = (site.folder / name.removesuffix(".py") / "index.html").read_text(encoding="utf-8")
        failed = re.compile(r"✗ (Predict|Change|Build)")
        assert not failed.search(page), name
        notebook = (site.folder / "downloads" / f"{Path(name).stem}.ipynb").read_text(encoding="utf-8")
        assert not failed.search(notebook), name


# ---- what Skim hides


@pytest.mark.parametrize("name", CHAPTER_NAMES)
def test_skim_shows_questions_and_further_reading(visit: Callable[..., Any], name: str) -> None:
    if name not in CHAPTER_NAMES:
        pytest.skip("not yet rewritten")
    page = visit(name, "?mode=skim", viewport={"width": 1280, "height": 900})
    assert page.locator("#further-reading").is_visible()
    assert page.locator("#further-reading ~ ul li").last.is_visible()
    assert page.locator(".guess:not(:visible)").count() == 0
    entries = page.locator(".md-nav--secondary a.md-nav__link:visible")
    hidden = entries.evaluate_all("""all => all.map((link) => link.hash.slice(1)).filter(
        (id) => !document.getElementById(id).getClientRects().length)""")
    assert hidden == [], "the contents name what is not there"
    assert entries.count() >= 3


def switched(page: Any) -> str:
    state: str = page.get_by_role("switch").get_attribute("aria-checked")
    return state


def in_view(page: Any, target: str) -> bool:
    found: bool = page.locator(target).evaluate("""async (element) => {
      const [seen] = await new Promise((tell) => new IntersectionObserver(tell).observe(element));
      return seen.isIntersecting;
    }""")
    return found


HIDDEN = "#exercises"


def test_a_link_from_elsewhere_to_what_skim_hides_reads_and_lands_on_it(visit: Callable[..., Any]) -> None:
    page = visit(CHAPTER_NAMES[-1], f"?mode=skim{HIDDEN}")
    assert switched(page) == "false"
    assert in_view(page, HIDDEN)
    assert "mode=skim" not in page.url
    assert page.url.endswith(HIDDEN)


def test_a_link_within_the_page_to_what_skim_hides_reads_and_lands_on_it(visit: Callable[..., Any], site: Site) -> None:
    name = CHAPTER_NAMES[-1]
    page = visit(name)
    page.get_by_role("switch").click()
    page.locator("h1").evaluate(
        f"heading => heading.insertAdjacentHTML('afterend', '<a id=go href=\"{HIDDEN}\">go</a>')"
    )
    for _ in range(2):  # the second time the address has that hash already
        assert switched(page) == "true"
        page.locator("#go").click()
        assert switched(page) == "false"
        assert page.locator(".cell-source").first.is_visible()
        settle(page)
        assert in_view(page, HIDDEN)
        page.get_by_role("switch").click()
        page.evaluate("scrollTo(0, 0)")
    page.goto(site.page(CHAPTER_NAMES[0]))
    assert switched(page) == "true", "the next page is skimmed: the reader has chosen so"


def test_a_link_to_what_skim_shows_changes_nothing(visit: Callable[..., Any]) -> None:
    page = visit(CHAPTER_NAMES[-1], "?mode=skim#further-reading")
    assert switched(page) == "true"
    assert in_view(page, "#further-reading")
    for odd in ("#", "#%E0%A4", "#no-such-place"):
        page.evaluate("hash => { location.hash = hash }", odd)
        settle(page)
        assert switched(page) == "true"


def test_going_back_to_what_skim_hides_reads_it(visit: Callable[..., Any]) -> None:
    page = visit(CHAPTER_NAMES[-1], HIDDEN)
    page.evaluate("location.hash = 'further-reading'")
    page.get_by_role("switch").click()
    page.go_back(wait_until="commit")
    page.locator("html:not(.skim)").wait_for(state="attached")
    assert in_view(page, HIDDEN)


def test_questions_stand_still_while_their_page_loads(visit: Callable[..., Any], site: Site) -> None:
    page = visit(some_page(site, CHOICES), script=COUNT_SHIFTS)
    page.locator(CHOICES).first.scroll_into_view_if_needed()
    settle(page)
    assert page.evaluate("window.shift") < 0.01


def test_a_question_of_the_source_is_the_question_of_the_page(site: Site, project: Project) -> None:
    for name in CHAPTER_NAMES:
        chapter = read_chapter(project.docs_dir / name, project.docs_dir)
        asked = [cell for cell in chapter.cells if cell.has("guess")]
        page = (site.folder / name.removesuffix(".py") / "index.html").read_text(encoding="utf-8")
        assert page.count('class="guess"') == len(asked) > 0, name
