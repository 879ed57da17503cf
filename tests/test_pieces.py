"""What holds for every live piece: weight, manners, addresses, and that it can be used at all."""

import gzip
import json
import re
from pathlib import Path
from typing import Any

import pytest
from conftest import COUNT_SHIFTS, Site
from live_pages import PIECES, OpenPiece, PagePool, axe_finds, settle
from playwright.sync_api import Locator, Page

pytestmark = pytest.mark.browser

KILOBYTE = 1024
OWN_SCRIPT_KB, PAGE_SCRIPT_KB, PAGE_WEIGHTS_KB = 12, 40, 1024
LARGE = "through-the-gpt"  # has a budget of its own: test_live_through_the_gpt.py

every_piece = pytest.mark.parametrize("widget", list(PIECES))

STATE = "piece => JSON.stringify(piece.state)"


def loaded_by(folder: Path, name: str, found: set[str] | None = None) -> set[str]:
    """The module and all that it loads."""
    found = {name} if found is None else found | {name}
    text = (folder / name).read_text(encoding="utf-8")
    for other in re.findall(r'(?:from |import |URL\()"(?:\./)?([\w.-]+\.(?:js|css))"', text):
        if other not in found:
            found = loaded_by(folder, other, found)
    return found


def use_everything(page: Page, piece: Locator) -> None:
    """Type into each field, move each slider, choose each choice, press each button, one after another."""
    piece.evaluate(
        """async (piece) => {
          const done = () => new Promise((seen) => requestAnimationFrame(() => requestAnimationFrame(seen)));
          const usable = (control) => control.checkVisibility() && !control.disabled;
          const controls = (kind) => [...piece.querySelectorAll(kind)].filter(usable);
          const tell = (control) => ["input", "change"].forEach((name) =>
            control.dispatchEvent(new Event(name, { bubbles: true })));
          for (const field of controls("input[type=text], textarea")) {
            field.focus();
            field.value = "ma";
            tell(field);
            await done();
          }
          for (const slider of controls("input[type=range]")) {
            slider.value === slider.max ? slider.stepDown() : slider.stepUp();
            tell(slider);
            await done();
          }
          for (const select of controls("select")) {
            select.selectedIndex = (select.selectedIndex + 1) % select.length;
            tell(select);
            await done();
          }
          // What is chosen already comes first, so that another one is the last.
          const radios = controls("input[type=radio], [role=radio]").slice(0, 12);
          for (const radio of radios.sort((a, b) => Boolean(b.checked) - Boolean(a.checked))) {
            radio.focus();
            radio.dispatchEvent(new MouseEvent("click", { bubbles: true }));
            await done();
          }
          for (const button of controls("button").slice(0, 12)) {
            if (/^(Start again|Copy link)$/.test(button.textContent)) continue;
            if (!button.isConnected || button.disabled) continue;
            button.focus();
            button.click();
            await done();
          }
        }"""
    )
    settle(page)


def check_room(page: Page, widget: str) -> None:
    """The stylesheet keeps as much room for a piece as it takes: with the fonts of a bare Debian, which are CI's."""
    reserved, taken = page.locator(f"#{widget}").evaluate(
        """figure => {
          const one = parseFloat(getComputedStyle(document.documentElement).fontSize);
          const reserved = parseFloat(getComputedStyle(figure).minHeight) / one;
          figure.dataset.state = "still";
          const taken = figure.offsetHeight / one;
          figure.dataset.state = "live";
          return [reserved, taken];
        }"""
    )
    assert abs(reserved - taken) <= 0.2, "docs/assets/book.css: the room of this piece, in rem"


@every_piece
def test_a_piece_opens_quietly_without_weights_and_moves_nothing(pages: PagePool, site: Site, widget: str) -> None:
    page = pages.take(COUNT_SHIFTS)
    page.goto(site.page(PIECES[widget]))
    figure = page.locator(f"#{widget}")
    for _ in range(60):  # as a reader comes to it; far cells find their heights on the way
        if (top := figure.evaluate("figure => figure.getBoundingClientRect().top")) < 100:
            break
        page.mouse.wheel(0, min(500, top))
        settle(page)
    piece = page.locator(f"live-{widget}")
    piece.wait_for(state="visible")
    settle(page)
    assert page.complaints == []
    assert page.evaluate("window.shift") < 0.02
    assert not [url for url in page.asked if url.endswith(".safetensors")]
    assert piece.get_attribute("role") == "group"
    assert page.locator(f"#{widget} > figcaption").inner_text()
    assert page.locator(f"#{widget} > svg").count() == 0
    check_room(page, widget)
    assert page.evaluate("[...busy]") == [], "an idle page waits for no frame and no time"
    pages.give_back(page)


@every_piece
def test_scripts_and_weights_stay_in_their_budget(site: Site, widget: str) -> None:
    folder = site.folder / "widgets"
    sizes = {path.name: len(gzip.compress(path.read_bytes(), mtime=0)) for path in folder.iterdir()}
    if widget == LARGE:
        return
    assert sizes[f"{widget}.js"] <= OWN_SCRIPT_KB * KILOBYTE
    loaded = loaded_by(folder, f"{widget}.js")
    assert {"piece.js", "piece.css"} <= loaded
    assert sum(sizes[name] for name in loaded) <= PAGE_SCRIPT_KB * KILOBYTE
    slug = Path(PIECES[widget] or "index.md").stem
    weights = [path.stat().st_size for path in (site.folder / "live" / slug).glob("*.safetensors")]
    if not PIECES[widget]:  # the home page asks the chapters for its models
        opening = json.loads((site.folder / "live" / slug / "opening.json").read_text(encoding="utf-8"))
        weights = [(site.folder / "live" / rung["model"]).stat().st_size for rung in opening["rungs"]]
    assert sum(weights) <= PAGE_WEIGHTS_KB * KILOBYTE


@every_piece
def test_used_on_a_small_phone_it_fits_keeps_its_height_and_axe_is_silent(open_a_piece: OpenPiece, widget: str) -> None:
    page, piece = open_a_piece(widget, viewport={"width": 320, "height": 640})
    assert axe_finds(page, f"#{widget}") == []
    height = piece.evaluate("piece => piece.offsetHeight")
    use_everything(page, piece)
    assert axe_finds(page, f"#{widget}") == []
    assert page.evaluate("document.documentElement.scrollWidth") <= 320
    assert abs(piece.evaluate("piece => piece.offsetHeight") - height) <= 1, "what stands below must not jump"
    small = piece.evaluate(
        """piece => [...piece.querySelectorAll("button, input, select, summary")]
          .filter((e) => e.getClientRects().length && e.type !== "file")
          .filter((e) => { const r = e.getBoundingClientRect(); return r.width < 24 || r.height < 24; })
          .map((e) => e.outerHTML.slice(0, 80))"""
    )
    assert small == [], "too small for a finger"


@every_piece
def test_in_the_dark_and_without_motion_a_state_has_an_address(open_a_piece: OpenPiece, widget: str) -> None:
    dark: dict[str, Any] = {
        "viewport": {"width": 1280, "height": 900},
        "color_scheme": "dark",
        "reduced_motion": "reduce",
    }
    page, piece = open_a_piece(widget, **dark)
    check_room(page, widget)
    height = piece.evaluate("piece => piece.offsetHeight")
    use_everything(page, piece)
    assert axe_finds(page, f"#{widget}") == []
    assert abs(piece.evaluate("piece => piece.offsetHeight") - height) <= 1, "what stands below must not jump"
    state = piece.evaluate(STATE)
    assert state != piece.evaluate("piece => JSON.stringify(piece.defaults)"), "using it changes nothing"
    query = page.evaluate("location.search")
    page, piece = open_a_piece(widget, query, **dark)
    assert piece.evaluate(STATE) == state
    piece.get_by_role("button", name="Start again").click()
    settle(page)
    assert piece.evaluate(STATE) == piece.evaluate("piece => JSON.stringify(piece.defaults)")
    assert page.evaluate("location.search") == ""


@every_piece
def test_nonsense_in_an_address_and_in_a_field_does_no_harm(open_a_piece: OpenPiece, site: Site, widget: str) -> None:
    script = (site.folder / "widgets" / f"{widget}.js").read_text(encoding="utf-8")
    names = re.findall(r"(\w+): ", script.partition("static state = {")[2].partition("}")[0])
    assert names
    query = "?" + "&".join(f"{name}=-1e9%3Cb%3E%F0%9F%99%82" for name in names)
    page, piece = open_a_piece(widget, query)
    settle(page)
    for field in piece.locator("input[type=text], textarea").all():
        field.fill("é🙂 " * 3_400)
        settle(page)
        field.fill("ma")
        settle(page)


@every_piece
def test_without_script_the_still_picture_stands_with_its_caption(pages: PagePool, site: Site, widget: str) -> None:
    page = pages.take(java_script_enabled=False)
    page.goto(site.page(PIECES[widget]))
    picture = page.locator(f"#{widget} > svg")
    assert picture.is_visible()
    assert len(picture.get_attribute("aria-label") or picture.locator("title").text_content() or "") > 40
    assert page.locator(f"#{widget} > figcaption").is_visible()
    pages.give_back(page)


def test_every_figure_that_names_a_widget_is_in_the_list_of_pieces(site: Site) -> None:
    """So that all these tests see it."""
    named = {}
    for path in site.folder.rglob("index.html"):
        for widget in re.findall(r'data-widget="([^"]+)"', path.read_text(encoding="utf-8")):
            named[widget] = path.parent.name
    assert named == {widget: Path(name).stem if name else site.folder.name for widget, name in PIECES.items()}
