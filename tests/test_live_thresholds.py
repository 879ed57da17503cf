"""Chapter 1's live piece: two thresholds, moved by hand or learned by trying every pair."""

import re

import pytest
from conftest import Site
from live_pages import OpenLive, pass_time
from playwright.sync_api import Locator, Page, expect

from gptbook.models.classifier import best_thresholds, classify_by_thresholds, count_mistakes, iris_tensors

pytestmark = pytest.mark.browser

NAME = "thresholds"
FEATURES, LABELS = iris_tensors()
LENGTHS = FEATURES[:, 2]
LOW, HIGH, FEWEST = best_thresholds(LENGTHS, LABELS)


def mistakes(low: float, high: float) -> int:
    return count_mistakes(classify_by_thresholds(LENGTHS, low, high), LABELS)


def expect_pair(piece: Locator, low: float, high: float) -> None:
    expect(piece.locator("output").nth(0)).to_have_text(f"{low:.2f} cm")
    expect(piece.locator("output").nth(1)).to_have_text(f"{high:.2f} cm")
    expect(piece.locator(".thresholds-count")).to_have_text(f"{mistakes(low, high)} of 150 flowers misnamed")
    ringed = piece.locator(".thresholds-ring").get_attribute("d") or ""
    assert ringed.count("M") == mistakes(low, high)


def expect_learned(piece: Locator) -> None:
    pairs = len(LENGTHS.unique()) * (len(LENGTHS.unique()) - 1) // 2
    told = piece.locator(".thresholds-told")
    expect(told).to_have_text(f"All {pairs} pairs tried: none has fewer than {FEWEST} wrong.")
    expect_pair(piece, LOW, HIGH)
    expect(piece.get_by_role("status")).to_contain_text(f"{FEWEST} wrong")


def test_any_pair_makes_the_mistakes_that_the_package_counts(opened: tuple[Page, Locator], site: Site) -> None:
    page, piece = opened
    expect_pair(piece, 3.5, 5.5)
    still = (site.folder / "learning-from-examples" / "rules-or-examples" / "index.html").read_text(encoding="utf-8")
    assert f"3.5 and 5.5 cm; rings mark the {mistakes(3.5, 5.5)} flowers" in still, "the still picture is this state"
    assert mistakes(3.5, 5.5) > 3 * FEWEST, "there is something to do"
    pairs = [(low / 20, high / 20) for low in range(20, 141, 5) for high in range(low, 141, 5)]
    counted = page.evaluate(
        """async (pairs) => {
          const { misnamed } = await import(new URL("../../widgets/thresholds.js", location.href.split("?")[0]));
          const { flowers } = document.querySelector("live-thresholds").opening;
          return pairs.map(([low, high]) => misnamed(flowers, low, high).length);
        }""",
        pairs,
    )
    assert counted == [mistakes(low, high) for low, high in pairs]


def test_by_keyboard_alone_from_a_bad_pair_to_the_learned_one(opened: tuple[Page, Locator]) -> None:
    page, piece = opened
    first = piece.get_by_role("slider", name="First threshold")
    first.focus()
    page.keyboard.press("ArrowRight")
    expect_pair(piece, 3.55, 5.5)
    page.keyboard.press("Home")
    expect_pair(piece, 1, 5.5)
    page.keyboard.press("End")
    expect_pair(piece, 7, 7)  # it takes the other one along
    page.keyboard.press("Tab")
    page.keyboard.press("Home")
    expect_pair(piece, 1, 1)
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Learn it"
    page.keyboard.press("Enter")
    expect_learned(piece)
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect_pair(piece, 3.5, 5.5)


def test_by_touch_alone(open_live: OpenLive) -> None:
    _, piece = open_live(has_touch=True)
    slider = piece.get_by_role("slider", name="Second threshold")
    slider.tap()  # in its middle
    expect_pair(piece, 3.5, 4)
    piece.get_by_role("button", name="Learn it").tap()
    expect_learned(piece)
    piece.get_by_role("button", name="Start again").tap()
    expect_pair(piece, 3.5, 5.5)


def test_a_line_can_be_dragged(opened: tuple[Page, Locator]) -> None:
    page, piece = opened
    line = piece.locator(".thresholds-line rect").nth(1)
    line.scroll_into_view_if_needed()
    box = line.bounding_box()
    assert box is not None
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x - 15, y)
    page.mouse.up()
    expect(piece.locator("output").nth(1)).to_have_text(re.compile(r"^5\.[12]\d cm$"))
    page.mouse.move(x - 60, y)
    expect(piece.locator("output").nth(1)).to_have_text(re.compile(r"^5\.[12]\d cm$"))


def test_the_search_can_be_watched_and_stopped(open_live: OpenLive) -> None:
    page, piece = open_live(stopped_clock=True)
    piece.get_by_role("button", name="Learn it").click()
    pass_time(page, piece.locator(".thresholds-told"), r"^\d+ of 903 pairs tried\.")
    piece.get_by_role("slider", name="First threshold").fill("2")
    low = piece.locator("output").nth(0)
    expect(low).to_have_text("2.00 cm")
    page.clock.run_for(10_000)
    expect(low).to_have_text("2.00 cm")


def test_without_motion_the_answer_is_there_at_once(open_live: OpenLive) -> None:
    _, piece = open_live(reduced_motion="reduce")
    piece.get_by_role("button", name="Learn it").click()
    assert "All 903 pairs" in piece.locator(".thresholds-told").inner_text()
    expect_learned(piece)


@pytest.mark.parametrize(
    ("query", "low", "high"),
    [
        ("?low=2.45&high=4.75", 2.45, 4.75),
        ("?low=abc&high=", 3.5, 5.5),
        ("?low=-3&high=1e9", 1, 7),
        ("?low=5&high=2", 5, 5),
        ("?low=NaN&high=Infinity", 3.5, 5.5),
        ("?low=2.4567", 2.45, 5.5),
    ],
)
def test_an_address_is_a_state_and_a_bad_one_is_repaired(
    open_live: OpenLive, query: str, low: float, high: float
) -> None:
    _, piece = open_live(query)
    expect_pair(piece, low, high)
