"""How code, results and figures stand on a phone: nothing cut without a cue, no letter too small to read, no holes."""

from typing import Any

import pytest
from conftest import CHAPTER_NAMES, Site
from live_pages import PagePool, settle
from test_site import PROSE_PAGES

pytestmark = pytest.mark.browser

PHONE = {"width": 390, "height": 844}
SMALLEST = 11
"""Pixels: no letter in a figure is smaller, on a phone."""
LARGEST = 16.5
"""Pixels: no letter in a plot is larger, on a desk: a title is as large as the text around it."""
LARGEST_GAP = 40
"""Pixels between the lowest ink of a figure and its caption."""

SCROLLERS = """(selector) => [...document.querySelectorAll(selector)]
  .filter((each) => each.checkVisibility({ contentVisibilityAuto: false }) && each.scrollWidth > each.clientWidth + 1)
  .map((each) => {
    const edge = each.closest(".edge, .highlight");
    const fade = edge && getComputedStyle(edge, "::after");
    each.scrollLeft = each.scrollWidth;
    const range = document.createRange();
    range.selectNodeContents(each.querySelector("code, table") ?? each);
    const inked = [...each.querySelectorAll("code span, td, th")].map((part) => {
      const inner = document.createRange();
      inner.selectNodeContents(part);
      return inner.getBoundingClientRect().right;
    });
    const right = Math.max(...(inked.length ? inked : [range.getBoundingClientRect().right]));
    return {
      text: each.textContent.trim().slice(0, 60),
      fades: Boolean(fade) && fade.backgroundImage.includes("gradient") && fade.pointerEvents === "none",
      covered: fade ? right - (edge.getBoundingClientRect().right - parseFloat(fade.width)) : 0,
    };
  })"""

FIGURES = """() => [...document.querySelectorAll("article figure > svg")].map((svg) => {
  const frame = svg.getBoundingClientRect();
  const texts = [...svg.querySelectorAll("text")].filter((text) => text.textContent.trim());
  const letters = texts.flatMap((text) => {
    const scale = Math.hypot(text.getScreenCTM().a, text.getScreenCTM().b);
    const parts = [...text.querySelectorAll("tspan")].filter((part) => part.textContent.trim());
    return (parts.length ? parts : [text]).map((part) => [
      parseFloat(getComputedStyle(part).fontSize) * scale,
      text.textContent.trim(),
    ]);
  });
  const ink = [...svg.querySelectorAll("path, rect, circle, line, text, use, image, polygon, polyline")]
    .filter((part) => !part.closest("defs, clipPath, marker"))
    .map((part) => part.getBoundingClientRect().bottom);
  const caption = svg.parentElement.querySelector("figcaption");
  return {
    title: (svg.getAttribute("aria-label") ?? "").slice(0, 60),
    isPlot: svg.parentElement.classList.contains("plot"),
    letters,
    gap: (caption ? caption.getBoundingClientRect().top : frame.bottom) - Math.max(...ink),
    outside: Math.max(...texts.map((text) => text.getBoundingClientRect().right)) - innerWidth,
  };
})"""


def opened(pages: PagePool, site: Site, name: str, query: str = "", **options: Any) -> Any:
    """The page as it is before a live piece comes: with the pictures in whose places they come."""
    page = pages.take(**options)
    page.route("**/widgets/*.js", lambda route: route.abort())
    page.goto(site.page(name) + query, wait_until="load")
    settle(page)
    return page


@pytest.mark.parametrize("name", CHAPTER_NAMES)
def test_what_skim_shows_wraps_or_fades_at_the_edge_of_a_phone(pages: PagePool, site: Site, name: str) -> None:
    skim = opened(pages, site, name, "?mode=skim", viewport=PHONE)
    assert skim.evaluate(SCROLLERS, ".cell-result pre") == [], "a printed result wraps"
    said = skim.locator(".cell-output:visible").all_inner_texts()
    assert not [text for text in said if "tensor(" in text]
    tables = skim.evaluate(SCROLLERS, ".cell-result .table")
    assert [table for table in tables if not table["fades"] or table["covered"] > 1] == []
    aligned = "cells => [...new Set(cells.map((cell) => getComputedStyle(cell).textAlign))]"
    assert skim.locator("td.number").evaluate_all(aligned) in ([], ["right"])
    skim.context.close()


@pytest.mark.parametrize("name", PROSE_PAGES)
def test_code_fades_at_the_edge_of_a_phone_and_letters_of_figures_can_be_read_there_and_do_not_shout_on_a_desk(
    pages: PagePool, site: Site, name: str
) -> None:
    page = opened(pages, site, name, viewport=PHONE)
    scrolling = page.evaluate(SCROLLERS, "article pre, article .table")
    assert scrolling or name not in CHAPTER_NAMES, "code is wider than a phone"
    assert [each for each in scrolling if not each["fades"] or each["covered"] > 1] == []
    figures = page.evaluate(FIGURES)
    small = [(f["title"], *letters) for f in figures for letters in f["letters"] if letters[0] < SMALLEST]
    assert small == []
    assert [f["title"] for f in figures if f["outside"] > 0] == [], "a text leaves the screen"
    assert [(f["title"], f["gap"]) for f in figures if f["gap"] > LARGEST_GAP] == []
    page.set_viewport_size({"width": 1280, "height": 900})
    plots = [figure for figure in page.evaluate(FIGURES) if figure["isPlot"]]
    assert [(f["title"], *letters) for f in plots for letters in f["letters"] if letters[0] > LARGEST] == []
    page.context.close()
