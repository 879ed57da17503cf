"""The home page's live piece: five models of the book go on with the reader's city."""

import json
import math

import pytest
from bs4 import BeautifulSoup
from conftest import Site
from live_pages import OpenLive, settle
from playwright.sync_api import Locator, Page, expect

from bookbuild.drawings.ladder import rungs
from bookbuild.site.home_live import RUNGS, SEED, START, continued

pytestmark = pytest.mark.browser

NAME = "ladder"


def expected(site: Site, start: str, seed: int) -> list[str]:
    """The names by the package, from the files that the page loads."""
    folder = site.folder / "live"
    return [
        continued((folder / rung.chapter / f"{rung.model}.safetensors").read_bytes(), start, seed) for rung in RUNGS
    ]


def names(piece: Locator) -> list[str]:
    return piece.locator(".live-text").all_inner_texts()


def test_it_opens_on_what_the_models_write_with_its_losses(opened: tuple[Page, Locator], site: Site) -> None:
    _, piece = opened
    opening = json.loads((site.folder / "live" / "index" / "opening.json").read_text(encoding="utf-8"))
    assert piece.evaluate("piece => piece.state") == {"text": START, "seed": SEED}
    assert names(piece) == [rung["name"] for rung in opening["rungs"]] == expected(site, START, SEED)
    losses = [rung["loss"] for rung in opening["rungs"]]
    assert losses[0] > losses[1] > losses[3], "lower rungs are more surprised"
    losses.append(rungs()[0][-1].loss)  # the GPT of the drawn ladder
    assert piece.locator(".ladder-about span").all_inner_texts() == [f"{math.exp(loss):.1f} letters" for loss in losses]


def test_the_books_gpt_stands_last_as_the_drawing_has_it_and_is_not_taken_for_the_small_one(
    opened: tuple[Page, Locator], site: Site
) -> None:
    _, piece = opened
    recorded, rows = rungs()[0][-1], piece.locator(".ladder-rungs > li")
    for seed in (SEED, SEED + 1):
        if seed > SEED:
            piece.get_by_role("button", name="Draw again").click()
        expect(piece.locator(".live-text").last).to_have_text(expected(site, START, seed)[-1])
        expect(rows.last).to_contain_text(recorded.does)
        expect(rows.last).to_contain_text(recorded.name_written)
        expect(rows.last).to_contain_text(f"{math.exp(recorded.loss):.1f} letters")
        expect(rows.last.locator(".live-text")).to_have_count(0)
    labels = [text.partition("\n")[0] for text in rows.all_inner_texts()]
    assert len(set(labels)) == len(labels)
    home = BeautifulSoup((site.folder / "index.html").read_text(encoding="utf-8"), "html.parser")
    drawn = [text.text for text in home.select("figure:not(#ladder) svg text")]
    said = (recorded.name, recorded.does, f"{math.exp(recorded.loss):.1f}", recorded.name_written)
    assert set(said) <= set(drawn), "the drawing says the same"


def test_all_rungs_write_side_by_side_a_letter_at_a_time(open_live: OpenLive, site: Site) -> None:
    page, piece = open_live(stopped_clock=True)
    wanted = expected(site, START, SEED + 1)
    piece.get_by_role("button", name="Draw again").click()
    seen: list[list[str]] = []
    for _ in range(2000):
        if not seen or seen[-1] != names(piece):
            seen.append(names(piece))
        if seen[-1] == wanted:
            break
        page.clock.run_for(40)
        page.evaluate("() => new Promise((seen) => new IntersectionObserver(seen).observe(document.body))")
    longest = max(map(len, wanted))
    for end in range(len(START), longest + 1):
        assert [name[:end] for name in wanted] in seen


def test_for_readers_who_want_no_motion_all_names_stand_there_at_once(open_live: OpenLive, site: Site) -> None:
    page, piece = open_live(reduced_motion="reduce")
    before = names(piece)
    piece.evaluate(
        """piece => {
          piece.seen = [];
          const note = () => piece.seen.push([...piece.querySelectorAll(".live-text")].map((e) => e.textContent));
          new MutationObserver(note).observe(piece.querySelector("ol"), { childList: true, subtree: true });
        }"""
    )
    piece.get_by_role("button", name="Draw again").click()
    wanted = expected(site, START, SEED + 1)
    expect(piece.locator(".live-text").last).to_have_text(wanted[-1])
    settle(page)
    assert {tuple(one) for one in piece.evaluate("piece => piece.seen")} <= {tuple(before), tuple(wanted)}


def test_by_keyboard_alone_every_rung_goes_on_as_the_package_does(opened: tuple[Page, Locator], site: Site) -> None:
    page, piece = opened
    piece.get_by_label("A city begins with").focus()
    page.keyboard.press("Control+A")
    page.keyboard.type("mon")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    wanted = expected(site, "mon", SEED + 1)
    expect(piece.locator(".live-text")).to_have_text(wanted)
    expect(piece.get_by_role("status")).to_contain_text(wanted[-1])


def test_by_touch_alone_luck_changes_and_comes_back(open_live: OpenLive, site: Site) -> None:
    _, piece = open_live(has_touch=True)
    at_first = names(piece)
    piece.get_by_role("button", name="Draw again").tap()
    expect(piece.locator(".live-text").last).to_have_text(expected(site, START, SEED + 1)[-1])
    piece.get_by_role("button", name="Start again").tap()
    expect(piece.locator(".live-text")).to_have_text(at_first)


def test_strange_letters_and_endless_starts_get_a_sentence(opened: tuple[Page, Locator], site: Site) -> None:
    _, piece = opened
    field = piece.get_by_label("A city begins with")
    field.fill("São")
    expect(piece.locator(".live-field small")).to_contain_text("sao")
    expect(piece.locator(".live-text").last).to_have_text(expected(site, "sao", SEED)[-1])
    field.fill("São 1")
    expect(piece.get_by_role("alert")).to_contain_text("left out")
    field.fill("a" * 10_000)
    expect(piece.get_by_role("alert")).to_have_text("The first 20 letters are enough for a start.")
    field.fill("")
    expect(piece.locator(".live-text").last).to_have_text(expected(site, "", SEED)[-1])
    expect(piece.get_by_role("alert")).to_have_text("")
