"""The page of mistakes in a real browser: a curve beside each heading, which one finds by what one sees."""

import re
from typing import Any

import pytest
from bs4 import BeautifulSoup
from conftest import COUNT_SHIFTS, Site
from live_pages import PagePool, settle
from playwright.sync_api import expect

from bookbuild.drawings.mistake_curves import figures
from bookbuild.site.symptoms import ICONS
from gptbook.experiments.mistakes import mistakes

pytestmark = pytest.mark.browser

PAGE = "when-training-goes-wrong.md"
PHONE = {"width": 390, "height": 844}
DESK = {"width": 1280, "height": 900}
ASKED = "rises"
BESIDE = """() => [...document.querySelectorAll("h3[id]")].map((heading) => {
  const text = document.createRange();
  text.selectNodeContents(heading.firstChild);
  const words = text.getBoundingClientRect();
  const curve = heading.nextElementSibling.getBoundingClientRect();
  return { slug: heading.id, right: curve.left >= words.right,
           level: curve.top - words.top, below: curve.top - words.bottom,
           inside: curve.right <= document.documentElement.clientWidth };
})"""
CLASHES = """() => {
  const boxes = [...document.querySelectorAll(".curve")].map((curve) => curve.getBoundingClientRect());
  const others = [...document.querySelectorAll("article > :is(p, h2, .highlight)")].map((other) => {
    const text = document.createRange();
    text.selectNodeContents(other);
    return (other.matches(".highlight") ? other : text).getBoundingClientRect();
  });
  return boxes.flatMap((a) => others.filter((b) =>
    a.left < b.right - 1 && b.left < a.right - 1 && a.top < b.bottom - 1 && b.top < a.bottom - 1)).length;
}"""


def test_each_heading_has_its_curve_and_the_curve_is_its_own_mistakes(site: Site) -> None:
    html = (site.folder / PAGE.removesuffix(".md") / "index.html").read_text(encoding="utf-8")
    soup, drawn = BeautifulSoup(html, "html.parser"), figures()
    headings = soup.select("article h3[id]")
    assert [heading["id"] for heading in headings] == list(mistakes())
    for heading in headings:
        figure = heading.find_next_sibling()
        assert figure is not None
        assert "curve" in figure["class"]
        own = BeautifulSoup(drawn[f"mistake-{heading['id']}"], "html.parser")
        assert [path["d"] for path in figure.select("path")] == [path["d"] for path in own.select("path")]
        assert figure.svg.title.get_text() == own.svg.title.get_text()  # type: ignore[union-attr]


@pytest.mark.parametrize("viewport", [PHONE, DESK, {"width": 1920, "height": 1080}], ids=["phone", "desk", "wide"])
def test_a_curve_stands_beside_its_heading_and_on_a_phone_under_it(
    pages: PagePool, site: Site, viewport: dict[str, int]
) -> None:
    page = pages.take(viewport=viewport)
    page.goto(site.page(PAGE), wait_until="load")
    for place in page.evaluate(BESIDE):
        assert place["inside"], place
        if viewport is PHONE:
            assert 0 <= place["below"] < 40, place
        else:
            assert place["right"], place
            assert abs(place["level"]) < 40, place
    assert page.evaluate(CLASHES) == 0, "a curve lies over something else"
    pages.give_back(page)


def shown(page: Any) -> list[str]:
    """The words of the symptoms whose suspects are to be seen."""
    return [
        each.removeprefix("suspects-")
        for each in page.locator(".suspects:visible").evaluate_all("all => all.map((each) => each.id)")
    ]


@pytest.mark.parametrize("script", [True, False], ids=["script", "no script"])
@pytest.mark.parametrize("viewport", [PHONE, DESK], ids=["phone", "desk"])
def test_what_one_sees_leads_to_its_suspects_and_they_to_their_curves(
    pages: PagePool, site: Site, viewport: dict[str, int], script: bool
) -> None:
    page = pages.take(viewport=viewport, java_script_enabled=script)
    page.goto(site.page(PAGE), wait_until="load")
    for word in ICONS:
        page.locator(f".picker label:has([value={word}])").click()
        assert page.locator(".suspects:visible").count() == 1
        expect(page.locator(f"#suspects-{word}")).to_be_visible()
        for link in page.locator(f"#suspects-{word} a").all():
            assert page.locator(str(link.get_attribute("href"))).count() == 1
    page.locator(".picker label:has([value=rises])").click()
    link = page.locator("#suspects-rises a").first
    target = str(link.get_attribute("href"))
    link.click()
    expect(page.locator(target)).to_be_in_viewport()
    pages.give_back(page)


def test_the_table_is_there_for_who_wants_it_whole(pages: PagePool, site: Site) -> None:
    page = pages.take(java_script_enabled=False)
    page.goto(site.page(PAGE), wait_until="load")
    table = page.locator(".all-symptoms table")
    expect(table).to_be_hidden()
    page.locator(".all-symptoms > summary").click()
    expect(table).to_be_visible()
    assert table.locator("tbody tr").count() == len(ICONS)
    pages.give_back(page)


def test_the_choice_is_made_from_the_keyboard_and_stays_in_the_address(pages: PagePool, site: Site) -> None:
    page = pages.take(viewport=PHONE)
    page.goto(site.page(PAGE) + "?mode=read", wait_until="load")
    settle(page)
    page.locator(".picker input:checked").focus()
    for _ in range(2):
        page.keyboard.press("ArrowDown")
    third = list(ICONS)[2]
    assert shown(page) == [third]
    assert "see=" + third in page.url
    assert "mode=read" in page.url, "what else is there stays"
    outline = page.locator(f".picker label:has([value={third}])").evaluate(
        "each => getComputedStyle(each).outlineStyle"
    )
    assert outline != "none", "one sees where one is"
    page.reload(wait_until="load")
    assert shown(page) == [third]
    described = page.get_by_role("radio", checked=True)
    suspects = page.locator(f"#suspects-{third}").inner_text().split()
    assert (
        re.sub(
            r"\s+",
            " ",
            str(described.evaluate("each => document.getElementById(each.getAttribute('aria-describedby')).innerText")),
        ).split()
        == suspects
    )
    pages.give_back(page)


@pytest.mark.parametrize("viewport", [PHONE, DESK], ids=["phone", "desk"])
def test_nothing_moves_while_a_page_with_a_choice_in_its_address_loads(
    pages: PagePool, site: Site, viewport: dict[str, int]
) -> None:
    page = pages.take(COUNT_SHIFTS, viewport=viewport)
    page.goto(f"{site.page(PAGE)}?see={ASKED}", wait_until="networkidle")
    settle(page)
    assert shown(page) == [ASKED]
    assert page.evaluate("window.shift") < 0.01
    page.goto(f"{site.page(PAGE)}?see=nothing-of-the-kind", wait_until="load")
    assert shown(page) == [next(iter(ICONS))], "what the page does not know changes nothing"
    assert page.complaints == []
    pages.give_back(page)
