"""Chapter 7's live piece: the learned letters as a map that a finger, a mouse or the arrow keys walk over."""

import json
import math
import re
from typing import Any

import pytest
from conftest import Site
from live_pages import OpenLive
from playwright.sync_api import Locator, Page, expect

pytestmark = pytest.mark.browser

NAME = "letter-map"


@pytest.fixture(scope="module")
def opening(site: Site) -> dict[str, Any]:
    return dict(json.loads((site.folder / "live" / "embeddings" / "opening.json").read_text(encoding="utf-8")))


def told(opening: dict[str, Any], letter: str, stage: int) -> str:
    """The sentence about a letter, from the chapter's own numbers."""
    places = dict(zip(opening["letters"], opening["stages"][stage]["places"], strict=True))
    away = {other: math.dist(place, places[letter]) for other, place in places.items() if other != letter}
    near = sorted(away, key=lambda other: away[other])[:3]
    return f"Nearest to {letter}: {', '.join(f'{other} {away[other]:.2f}' for other in near)}."


def test_every_letter_has_the_neighbours_that_its_numbers_say(
    opened: tuple[Page, Locator], opening: dict[str, Any]
) -> None:
    _, piece = opened
    for stage, name in enumerate(("before", "after")):
        for letter in opening["letters"]:
            piece.evaluate("(piece, state) => piece.set(state)", {"letter": letter, "training": name})
            assert piece.locator(".letter-map-told").inner_text() == told(opening, letter, stage)
    assert [stage["wrong"] for stage in opening["stages"]][1] == 0
    vowels = piece.get_by_role("radio", name="vowel")
    expect(vowels).to_have_count(5)


def test_arrow_keys_reach_every_letter(opened: tuple[Page, Locator], opening: dict[str, Any]) -> None:
    page, _ = opened
    reached = page.evaluate(
        """async () => {
          const { neighbour } = await import(new URL("../../widgets/letter-map.js", location.href.split("?")[0]));
          const { stages } = document.querySelector("live-letter-map");
          return Object.values(stages).map(({ spots }) => {
            const found = new Set([4]);
            for (const from of found) {
              for (const way of [[1, 0], [-1, 0], [0, 1], [0, -1]]) {
                const next = neighbour(spots, from, way);
                if (next >= 0) found.add(next);
              }
            }
            return found.size;
          });
        }"""
    )
    assert reached == [26, 26]


def test_by_keyboard_alone(opened: tuple[Page, Locator], opening: dict[str, Any]) -> None:
    page, piece = opened
    piece.get_by_role("radio", name="after training").focus()
    page.keyboard.press("Tab")
    chosen = piece.get_by_role("radio", name="e, a vowel")
    expect(chosen).to_be_focused()
    page.keyboard.press("ArrowRight")
    expect(chosen).to_have_attribute("aria-checked", "false")
    letter = piece.evaluate("piece => piece.state.letter")
    expect(piece.locator(".letter-map-told")).to_have_text(told(opening, letter, 1))
    expect(piece.get_by_role("status")).to_contain_text(told(opening, letter, 1))
    page.keyboard.press("q")
    expect(piece.get_by_role("radio", name="q", exact=True)).to_be_focused()
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("ArrowLeft")
    expect(piece.locator(".letter-map-told")).to_have_text(told(opening, "q", 0))
    expect(piece.get_by_text(f"{opening['stages'][0]['wrong']} of 25 on the wrong side")).to_be_visible()
    expect(piece.locator(".letter-map")).not_to_have_class(re.compile("moving"))


def test_by_touch_alone(open_live: OpenLive, opening: dict[str, Any]) -> None:
    _, piece = open_live(has_touch=True, reduced_motion="reduce")
    piece.get_by_role("radio", name="s", exact=True).tap(force=True)
    expect(piece.locator(".letter-map-told")).to_have_text(told(opening, "s", 1))
    piece.get_by_role("radio", name="before training").tap()
    assert "moving" not in str(piece.locator(".letter-map").get_attribute("class")), "at once"
    expect(piece.locator(".letter-map-told")).to_have_text(told(opening, "s", 0))
    piece.get_by_role("button", name="Start again").tap()
    expect(piece.locator(".letter-map-told")).to_have_text(told(opening, "e", 1))


def test_a_mouse_that_passes_over_a_letter_changes_nothing_for_good(
    opened: tuple[Page, Locator], opening: dict[str, Any]
) -> None:
    page, piece = opened
    piece.get_by_role("radio", name="s", exact=True).hover(force=True)
    expect(piece.locator(".letter-map-told")).to_have_text(told(opening, "s", 1))
    piece.locator(".live-title").hover()
    expect(piece.locator(".letter-map-told")).to_have_text(told(opening, "e", 1))
    assert "letter=" not in page.url


@pytest.mark.parametrize("query", ["?letter=%C3%A9", "?letter=ef&training=during", "?letter=&training="])
def test_an_address_that_cannot_be_is_repaired(open_live: OpenLive, query: str) -> None:
    _, piece = open_live(query)
    expect(piece.locator(".letter-map-told")).to_contain_text("Nearest to e:")
