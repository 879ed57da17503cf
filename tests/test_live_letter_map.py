"""Chapter 7's live piece: the learned letters as a map to walk over, and to move through their training."""

import json
import math
import re
from typing import Any

import pytest
from conftest import Site
from live_pages import OpenLive, pass_frames, pass_time
from playwright.sync_api import Locator, Page, expect

pytestmark = pytest.mark.browser

NAME = "letter-map"
LAST = -1


@pytest.fixture(scope="module")
def opening(site: Site) -> dict[str, Any]:
    return dict(json.loads((site.folder / "live" / "embeddings" / "opening.json").read_text(encoding="utf-8")))


def told(opening: dict[str, Any], letter: str, moment: int) -> re.Pattern[str]:
    """The beginning of what is said about a letter, from the chapter's own numbers."""
    places = dict(zip(opening["letters"], opening["stages"][moment]["places"], strict=True))
    away = {other: math.dist(place, places[letter]) for other, place in places.items() if other != letter}
    near = sorted(away, key=lambda other: away[other])[:3]
    listed = ", ".join(f"{other} {away[other]:.2f}" for other in near)
    return re.compile(f"^Nearest to {letter}: {re.escape(listed)}\\.")


def expect_moment(piece: Locator, opening: dict[str, Any], moment: int) -> None:
    """The sentence speaks of this moment: its step, its loss, its best line."""
    stage = opening["stages"][moment]
    about = piece.locator(".letter-map-about")
    expect(about).to_contain_text(f"After {stage['step']} steps" if stage["step"] else "Before training")
    expect(about).to_contain_text(f"{stage['loss']:.2f} nats")
    expect(about).to_contain_text(f"{stage['wrong']} of 25")


def letters_at(piece: Locator) -> list[list[float]]:
    """Where each letter stands in the picture."""
    moved = piece.locator(".letter-map-point").evaluate_all("all => all.map((one) => one.getAttribute('transform'))")
    return [[float(number) for number in re.findall(r"-?[\d.]+(?:e-?\d+)?", one)] for one in moved]


def test_the_chapter_publishes_the_whole_way_and_it_leads_down(opening: dict[str, Any]) -> None:
    stages = opening["stages"]
    steps = [stage["step"] for stage in stages]
    assert 12 <= len(steps) <= 24
    assert steps == sorted(set(steps))
    assert steps[0] == 0
    assert all(len(stage["places"]) == 26 for stage in stages)
    assert stages[LAST]["loss"] < stages[0]["loss"]
    assert stages[LAST]["wrong"] < stages[0]["wrong"]


def test_every_letter_has_the_neighbours_that_its_numbers_say(
    opened: tuple[Page, Locator], opening: dict[str, Any]
) -> None:
    _, piece = opened
    for moment in (0, len(opening["stages"]) // 2, LAST):
        for letter in opening["letters"]:
            state = {"letter": letter, "step": opening["stages"][moment]["step"]}
            piece.evaluate("(piece, state) => piece.set(state)", state)
            assert told(opening, letter, moment).search(piece.locator(".letter-map-told").inner_text())
    expect(piece.get_by_role("radio", name="vowel")).to_have_count(5)


def test_the_slider_moves_the_letters_through_their_training(open_live: OpenLive, opening: dict[str, Any]) -> None:
    page, piece = open_live(reduced_motion="reduce")
    stages = opening["stages"]
    expect_moment(piece, opening, LAST)
    slider = piece.get_by_role("slider")
    drawn = {}
    for moment in range(len(stages)):
        slider.fill(str(moment))
        expect_moment(piece, opening, moment)
        drawn[moment] = letters_at(piece)
        said = str(slider.get_attribute("aria-valuetext"))
        assert not moment or str(stages[moment]["step"]) in said
    assert len({json.dumps(spots) for spots in drawn.values()}) == len(stages)
    # One scale for all: what lies twice as far apart in the numbers does so in the picture, at any moment.
    ratios = piece.evaluate(
        """({ moments }) => moments.map(({ places, spots }) => {
          const away = ([a, b]) => Math.hypot(a[0] - b[0], a[1] - b[1]);
          return away([spots[4], spots[18]]) / away([places[4], places[18]]);
        })"""
    )
    assert ratios == pytest.approx([ratios[0]] * len(stages))
    slider.fill("3")
    expect(page).to_have_url(re.compile(f"step={stages[3]['step']}\\b"))
    piece.get_by_role("button", name="Start again").click()
    expect_moment(piece, opening, LAST)


def test_at_no_moment_a_letter_covers_another(opened: tuple[Page, Locator], opening: dict[str, Any]) -> None:
    page, piece = opened
    width = piece.locator(".letter-map").evaluate("map => map.viewBox.baseVal.width")
    height = piece.locator(".letter-map").evaluate("map => map.viewBox.baseVal.height")
    for moment in piece.evaluate("piece => piece.moments.map(({ letters, spots }) => ({ letters, spots }))"):
        letters = moment["letters"]
        nearest = min(math.dist(one, other) for i, one in enumerate(letters) for other in letters[:i])
        assert nearest > 18, "a ring, and what is chosen, has a radius of 9.5"
        assert all(0 < x < width and 0 < y < height for x, y in letters)
        alone = [
            i
            for i, spot in enumerate(moment["spots"])
            if all(math.dist(spot, other) > 60 for j, other in enumerate(moment["spots"]) if j != i)
        ]
        assert all(math.dist(letters[i], moment["spots"][i]) < 0.01 for i in alone), "only who must goes aside"
    # Many letters in one place come apart, too.
    least = page.evaluate(
        """async () => {
          const { spread } = await import(new URL("../../widgets/letter-map.js", location.href.split("?")[0]));
          const spots = spread(Array.from({ length: 26 }, () => [100, 100]));
          return Math.min(...spots.flatMap((one, i) => spots.slice(0, i).map((other) =>
            Math.hypot(one[0] - other[0], one[1] - other[1]))));
        }"""
    )
    assert least > 18


def test_it_plays_from_the_beginning_to_the_end_and_can_be_paused(open_live: OpenLive, opening: dict[str, Any]) -> None:
    page, piece = open_live(stopped_clock=True)
    play = piece.locator(".primary")
    play.focus()
    page.keyboard.press("Enter")
    output = piece.locator("output")
    middle = opening["stages"][4]["step"]
    pass_time(page, output, rf"\b{middle}\b")
    expect(play).to_have_text("Pause")
    expect(piece.locator(".letter-map")).to_have_class(re.compile("moving"))
    page.keyboard.press("Enter")
    expect(play).to_have_text("Play")
    paused = piece.evaluate("piece => piece.state.step")
    page.clock.run_for(10_000)
    assert piece.evaluate("piece => piece.state.step") == paused
    page.keyboard.press("Enter")
    last = opening["stages"][LAST]["step"]
    pass_time(page, output, rf"\b{last}\b")
    pass_time(page, play, "^Play$")
    expect(piece.locator(".letter-map")).not_to_have_class(re.compile("moving"))
    expect_moment(piece, opening, LAST)
    assert page.evaluate("[...busy].filter((work) => work.startsWith('frame'))") == []


def test_start_again_ends_a_play(open_live: OpenLive, opening: dict[str, Any]) -> None:
    page, piece = open_live(stopped_clock=True)
    at_the_end = letters_at(piece)
    piece.get_by_role("button", name="Play").click()
    pass_time(page, piece.locator("output"), rf"\b{opening['stages'][2]['step']}\b")
    piece.get_by_role("button", name="Start again").click()
    expect(piece.locator(".primary")).to_have_text("Play")
    pass_frames(page, 2000)  # the way back to the end
    expect_moment(piece, opening, LAST)
    assert letters_at(piece) == at_the_end


def test_without_motion_play_goes_a_moment_further(open_live: OpenLive, opening: dict[str, Any]) -> None:
    _, piece = open_live(reduced_motion="reduce")
    play = piece.get_by_role("button", name="Play")
    for moment in (0, 1, 2):
        play.click()
        expect_moment(piece, opening, moment)
        expect(piece.locator(".letter-map")).not_to_have_class(re.compile("moving"))
        expect(piece.locator(".primary")).to_have_text("Play")


def test_arrow_keys_reach_every_letter(opened: tuple[Page, Locator]) -> None:
    page, _ = opened
    reached = page.evaluate(
        """async () => {
          const { neighbour } = await import(new URL("../../widgets/letter-map.js", location.href.split("?")[0]));
          const { moments } = document.querySelector("live-letter-map");
          return [moments[0], moments.at(-1)].map(({ letters }) => {
            const found = new Set([4]);
            for (const from of found) {
              for (const way of [[1, 0], [-1, 0], [0, 1], [0, -1]]) {
                const next = neighbour(letters, from, way);
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
    piece.get_by_role("button", name="Play").focus()
    page.keyboard.press("Tab")
    chosen = piece.get_by_role("radio", name="e, a vowel")
    expect(chosen).to_be_focused()
    page.keyboard.press("ArrowRight")
    expect(chosen).to_have_attribute("aria-checked", "false")
    letter = piece.evaluate("piece => piece.state.letter")
    expect(piece.locator(".letter-map-told")).to_have_text(told(opening, letter, LAST))
    expect(piece.get_by_role("status")).to_have_text(told(opening, letter, LAST))
    page.keyboard.press("q")
    expect(piece.get_by_role("radio", name="q", exact=True)).to_be_focused()
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Home")
    expect(piece.locator(".letter-map-told")).to_have_text(told(opening, "q", 0))
    expect_moment(piece, opening, 0)
    expect(piece.locator(".letter-map")).not_to_have_class(re.compile("moving"))


def test_a_click_of_a_screen_reader_which_has_no_place_chooses_its_letter(
    opened: tuple[Page, Locator], opening: dict[str, Any]
) -> None:
    _, piece = opened
    piece.get_by_role("radio", name="k", exact=True).dispatch_event("click")
    expect(piece.locator(".letter-map-told")).to_have_text(told(opening, "k", LAST))


def test_by_touch_alone(open_live: OpenLive, opening: dict[str, Any]) -> None:
    _, piece = open_live(has_touch=True, reduced_motion="reduce")
    piece.get_by_role("radio", name="s", exact=True).tap(force=True)
    expect(piece.locator(".letter-map-told")).to_have_text(told(opening, "s", LAST))
    piece.get_by_role("button", name="Play").tap()
    assert "moving" not in str(piece.locator(".letter-map").get_attribute("class")), "at once"
    expect(piece.locator(".letter-map-told")).to_have_text(told(opening, "s", 0))
    piece.get_by_role("button", name="Start again").tap()
    expect(piece.locator(".letter-map-told")).to_have_text(told(opening, "e", LAST))


def test_a_mouse_that_passes_over_a_letter_changes_nothing_for_good(
    opened: tuple[Page, Locator], opening: dict[str, Any]
) -> None:
    page, piece = opened
    piece.get_by_role("radio", name="s", exact=True).hover(force=True)
    expect(piece.locator(".letter-map-told")).to_have_text(told(opening, "s", LAST))
    piece.locator(".live-title").hover()
    expect(piece.locator(".letter-map-told")).to_have_text(told(opening, "e", LAST))
    assert "letter=" not in page.url


@pytest.mark.parametrize(
    ("query", "moment"),
    [("?letter=%C3%A9", LAST), ("?letter=ef&step=during", LAST), ("?letter=&step=", LAST), ("?step=-7", 0)],
)
def test_an_address_that_cannot_be_is_repaired(
    open_live: OpenLive, opening: dict[str, Any], query: str, moment: int
) -> None:
    _, piece = open_live(query)
    expect(piece.locator(".letter-map-told")).to_contain_text("Nearest to e:")
    expect_moment(piece, opening, moment)


def test_an_address_between_two_moments_is_the_nearer_one(open_live: OpenLive, opening: dict[str, Any]) -> None:
    _, piece = open_live(f"?step={opening['stages'][3]['step'] + 1}&letter=b")
    expect_moment(piece, opening, 3)
    expect(piece.locator(".letter-map-told")).to_have_text(told(opening, "b", 3))
