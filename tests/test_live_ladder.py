"""The home page's live piece: five models of the book go on with the reader's city."""

import json
import math

import pytest
from conftest import Site
from live_pages import OpenLive
from playwright.sync_api import Locator, Page, expect

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
    assert piece.locator(".ladder-about span").all_inner_texts() == [f"{math.exp(loss):.1f} letters" for loss in losses]


def test_by_keyboard_alone_every_rung_goes_on_as_the_package_does(opened: tuple[Page, Locator], site: Site) -> None:
    page, piece = opened
    piece.get_by_label("A city begins with").focus()
    page.keyboard.press("Control+A")
    page.keyboard.type("mon")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    wanted = expected(site, "mon", SEED + 1)
    expect(piece.locator(".live-text").last).to_have_text(wanted[-1])
    assert names(piece) == wanted
    expect(piece.get_by_role("status")).to_contain_text(wanted[-1])


def test_by_touch_alone_luck_changes_and_comes_back(open_live: OpenLive, site: Site) -> None:
    _, piece = open_live(has_touch=True)
    at_first = names(piece)
    piece.get_by_role("button", name="Draw again").tap()
    expect(piece.locator(".live-text").last).to_have_text(expected(site, START, SEED + 1)[-1])
    piece.get_by_role("button", name="Start again").tap()
    expect(piece.locator(".live-text").last).to_have_text(at_first[-1])
    assert names(piece) == at_first


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
