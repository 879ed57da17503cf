"""What readers, browsers and networks do to live pieces: odd texts and numbers, no storage, no network, two at once."""

import json
import re
import unicodedata
from pathlib import Path

import pytest
from conftest import Site
from live_pages import PIECES, OpenPiece
from playwright.sync_api import Browser, Locator, Route, expect

from gptbook.data.bpe import BytePairTokenizer
from gptbook.data.merging import in_symbols

pytestmark = pytest.mark.browser

WIDGETS = Path(__file__).parents[1] / "docs" / "widgets"
WITH_TEXT = ["next-letter", "window", "tokenizer", "city-gpt", "choose", "ladder"]
"""The pieces that a reader can type into."""
FETCHING = [*WITH_TEXT, "look-back"]
"""Those that fetch what they compute with when they are first asked for something of their own."""
LONGEST_ADDRESS = 2_200

every_piece = pytest.mark.parametrize("widget", list(PIECES))
with_text = pytest.mark.parametrize("widget", WITH_TEXT)

TEXTS = {
    "emoji": "👨‍👩‍👧‍👦🇩🇪👍🏽",
    "halves of characters": "a\ud83db\udc00",
    "right to left": "שלום مرحبا",
    "a switch of direction": "a\u202eb\u2066c",
    "long": "strawberry " * 9_000,
    "long, no letter": "京" * 100_000,
    "every sign once": "".join(chr(code) for code in range(0x4E00, 0x7E00)),
    "only blanks": "  \t \u00a0\u3000",
    "lines": "\n\r\n\n",
    "nothing of width": "\0\u200b\ufeff\x7f",
    "an accent alone": "\u0301",
    "markup": "<img src=x onerror=alert(1)>&amp;",
    "an end of text": "<|endoftext|>",
    "dotted": "İıſK",
}
TYPE = """async (piece, text) => {
  const field = piece.querySelector("input[type=text], textarea");
  field.value = text;
  field.dispatchEvent(new InputEvent("input", { bubbles: true }));
  await piece.set({ ...piece.state });
  return piece.querySelector(".live-field .live-error").textContent;
}"""
NUMBERS = ["NaN", "Infinity", "-Infinity", "", " ", "-5", "-0", "1e99", "1e-99", "0.5", "0x10", "1_000", "٣", "9" * 400]
REPAIRED = """(piece, numbers) => {
  const wrong = [];
  for (const [key, value] of Object.entries(piece.defaults)) {
    if (typeof value !== "number") continue;
    for (const text of numbers) {
      const given = Number.isFinite(Number(text)) && text.trim() ? Number(text) : value;
      const state = piece.check({ ...piece.defaults, [key]: given });
      const again = piece.check({ ...state });
      if (!Number.isFinite(state[key]) && state[key] !== value) wrong.push([key, text, String(state[key])]);
      if (Math.abs(state[key]) > 1e9 && state[key] !== value) wrong.push([key, text, "large"]);
      if (JSON.stringify(again) !== JSON.stringify(state)) wrong.push([key, text, "not settled"]);
    }
  }
  return wrong;
}"""


def settled(piece: Locator) -> None:
    piece.evaluate("async (piece) => { await piece.set({ ...piece.state }); }")


def shown(piece: Locator) -> list[str]:
    """All that stands in the piece, but for what is told once."""
    settled(piece)
    bars = piece.locator("[role=img]").evaluate_all("all => all.map((one) => one.getAttribute('aria-label') ?? '')")
    parts = piece.locator("> :not(.live-status)").evaluate_all(
        "all => all.map((one) => one.innerText ?? '')"
    )  # SVG has none
    return [*parts, *bars]


@with_text
def test_whatever_is_typed_the_piece_stands_and_says_shortly_what_is_wrong(
    open_a_piece: OpenPiece, widget: str
) -> None:
    page, piece = open_a_piece(widget)
    for name, text in TEXTS.items():
        said = piece.evaluate(TYPE, text)
        assert len(said) < 120, name
        assert "\n" not in said, name
        assert not re.search(r"undefined|null|NaN|\[object|Error", said), name
        if said:
            assert re.search(r"[.!?]$", said), name
            assert not re.search(r"[\0-\x1f\u200b\u202e]", said), "what cannot be seen is spelled out"
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), name
        assert piece.locator("img").count() == 0
        assert len(piece.evaluate("piece => piece.address()")) < LONGEST_ADDRESS, name
    assert piece.evaluate(TYPE, "ma") == "", "and goes on"
    assert "NaN" not in "".join(shown(piece))


@with_text
def test_an_accent_typed_in_parts_is_the_same_text(open_a_piece: OpenPiece, widget: str) -> None:
    _, piece = open_a_piece(widget)
    found = []
    for form in ("NFC", "NFD"):
        piece.evaluate(TYPE, unicodedata.normalize(form, "Zürich Đặng ガ 각"))
        state = piece.evaluate("piece => JSON.stringify(piece.state)")
        assert state == unicodedata.normalize("NFC", state)
        found.append((state, piece.evaluate("piece => piece.address()"), shown(piece)))
    assert found[0] == found[1]
    typed = piece.locator("input[type=text], textarea").first.input_value()
    assert typed == unicodedata.normalize("NFD", typed), "what stands in a field while one types is left alone"
    _, other = open_a_piece(widget, "?text=Zu%CC%88rich")
    assert other.evaluate("piece => piece.state.text") == "Zürich"


SPELLED = {"SHARP S": "ss", "AE": "ae", "OE": "oe", "IJ": "ij", "ETH": "d", "THORN": "th", "ENG": "n", "KRA": "q"}
SPELLED |= {"LONG S": "s", "DOTLESS I": "i", "N PRECEDED BY APOSTROPHE": "n"}
"""Latin letters whose names in Unicode do not begin with the letter of a to z that is written for them."""
CITIES = ["Zürich", "São", "Łódź", "Tromsø", "Gießen", "Skælskør", "Đakovo", "Diyarbakır", "İzmir", "Þórshöfn", "Nœux"]
CITIES += ["Nẵng", "Iași", "Şanlıurfa", "Xagħra", "Miðvágur", "Kōbe", "Qeładizê", "Žilina", "Győr", "Ærø", "ŒUVRE"]


def named(letter: str) -> str:
    """A letter as a to z, by its name in Unicode: LATIN SMALL LETTER U WITH DIAERESIS is u."""
    name = unicodedata.name(letter).replace("LIGATURE", "LETTER")
    base = name.partition("LETTER ")[2].partition(" WITH ")[0]
    return SPELLED.get(base, base.lower())


def test_letters_with_accents_are_read_as_the_letters_of_their_names(open_a_piece: OpenPiece) -> None:
    page, _ = open_a_piece("ladder")
    blocks = [*range(0xC0, 0x180), *range(0x1E00, 0x1E96), *range(0x1EA0, 0x1EFA)]  # Latin-1, Extended-A, Vietnam's
    letters = [chr(code) for code in blocks if chr(code) not in "×÷"]
    read = """async (texts) => {
      const { readLetters } = await import("/widgets/alphabet.js");
      return texts.map((text) => readLetters(text));
    }"""
    for letter, found in zip(letters, page.evaluate(read, letters), strict=True):
        assert found["letters"] == named(letter), letter
        assert found["folded"], letter
        assert not found["unknown"], letter
    for form in ("NFC", "NFD"):
        typed = [unicodedata.normalize(form, city) for city in CITIES]
        for city, found in zip(CITIES, page.evaluate(read, typed), strict=True):
            assert found["letters"] == "".join(
                letter.lower() if letter.isascii() else named(letter) for letter in city
            ), city
    for sign in ("京", "ʻ", "1", "½", " ", "\u0301", "Ж", "'"):
        (found,) = page.evaluate(read, [f"a{sign}b" if sign != "\u0301" else sign])
        assert found["unknown"], sign
        assert not found["folded"], sign


@pytest.mark.parametrize("widget", ["next-letter", "window", "city-gpt", "choose", "ladder"])
@pytest.mark.parametrize("width", [320, 390, 1280])
def test_the_sentence_about_how_a_text_is_read_moves_nothing(open_a_piece: OpenPiece, widget: str, width: int) -> None:
    _, piece = open_a_piece(widget, viewport={"width": width, "height": 844})
    height = piece.evaluate("piece => piece.offsetHeight")
    for text, says in (
        ("Thessaloníki", "thessaloniki"),
        ("São Paulo", "left out"),
        ("Saint-Étienne-du-Bois", "left out"),
    ):
        assert piece.evaluate(TYPE, text) == "" or says == "left out"
        expect(piece.locator(".live-field").first).to_contain_text(says)
        assert piece.evaluate("piece => piece.offsetHeight") == height


def test_an_alphabet_of_its_own_keeps_its_accents_and_lends_its_letters_to_others(open_a_piece: OpenPiece) -> None:
    page, _ = open_a_piece("ladder")
    texts = ["Zürich", "zurich", "Zü京"]
    alphabets = ["zürich", "zurich", "Züurich", ["z", "u", "\u0308", "r", "i", "c", "h"]]
    found = page.evaluate(
        """async ([alphabets, texts]) => {
          const { makeTokenizer } = await import("/widgets/tokenizers.js");
          return alphabets.map((characters) => {
            const { sift } = makeTokenizer({ kind: "characters", characters });
            return texts.map((text) => {
              const { known, folded, problem } = sift(text);
              return [known.normalize(), folded, problem?.unknown ?? ""];
            });
          });
        }""",
        [alphabets, texts],
    )
    assert found == [
        [["zürich", True, ""], ["zrich", False, "u"], ["zü", True, "京"]],
        [["zurich", True, ""], ["zurich", False, ""], ["zu", True, "京"]],
        [["Zürich", False, ""], ["urich", False, "z"], ["Zü", False, "京"]],
        [["zürich", True, ""], ["zurich", False, ""], ["zü", True, "京"]],
    ]


def test_pieces_of_a_text_in_parts_are_those_that_tokenizers_gives_for_it_composed(
    open_a_piece: OpenPiece, site: Site
) -> None:
    spec = json.loads((site.folder / "live" / "tokens" / "merges.json").read_text(encoding="utf-8"))
    _, piece = open_a_piece("tokenizer")
    text = "naïve Zürich, Đặng"
    piece.evaluate(TYPE, unicodedata.normalize("NFD", text))
    drawn = [int(chip) for chip in piece.locator(".tokenizer-chip small").all_inner_texts()]
    symbols = {symbol: bytes([byte]) for byte, symbol in byte_symbols().items()}
    merges = [tuple(b"".join(symbols[sign] for sign in part) for part in pair) for pair in spec["merges"]]
    assert drawn == BytePairTokenizer(merges).encode(text)  # type: ignore[arg-type]


def byte_symbols() -> dict[int, str]:
    return {byte: in_symbols(bytes([byte])) for byte in range(256)}


@every_piece
def test_numbers_that_cannot_be_are_repaired_and_sliders_go_by_keyboard(open_a_piece: OpenPiece, widget: str) -> None:
    _, piece = open_a_piece(widget)
    assert piece.evaluate(REPAIRED, NUMBERS) == []
    for slider in piece.get_by_role("slider").all():
        if slider.is_disabled():
            continue
        for key in ("Home", "ArrowLeft", "ArrowRight", "End", "ArrowRight", "PageDown"):
            slider.press(key)
            settled(piece)
            words = slider.get_attribute("aria-valuetext") or ""
            assert words
            assert not re.search(r"NaN|undefined|Infinity|null", words + "".join(shown(piece)))
        least, most, now = slider.evaluate("s => [+s.min, +s.max, s.valueAsNumber]")
        assert least <= now <= most


@every_piece
def test_two_of_a_kind_on_one_page_do_not_meddle_with_each_other(open_a_piece: OpenPiece, widget: str) -> None:
    page, piece = open_a_piece(widget)
    piece = page.locator(f"#{widget} > live-{widget}")
    before = shown(piece)
    page.evaluate(
        """async (id) => {
          const { mount } = await import("/widgets/piece.js");
          const { widget, live, opening = "opening.json" } = document.getElementById(id).dataset;
          const second = document.createElement("figure");
          second.id = "second";
          Object.assign(second.dataset, { widget, live, opening });
          second.append(document.createElementNS("http://www.w3.org/2000/svg", "svg"));
          document.querySelector("article").append(second);
          await mount(second);
          const ids = [...document.querySelectorAll(`live-${widget} [id]`)].map((element) => element.id);
          if (new Set(ids).size < ids.length) throw new Error("an id twice: " + ids);
        }""",
        widget,
    )
    second = page.locator(f"#second > live-{widget}")
    expect(second).to_be_visible()
    second.evaluate(
        """async (piece) => {
          const text = "input[type=text], textarea";
          for (const kind of [text, "input[type=range]:enabled", "input[type=radio]:not(:checked)"]) {
            const control = piece.querySelector(kind);
            if (!control) continue;
            if (control.type === "range") control.value === control.max ? control.stepDown() : control.stepUp();
            else if (control.type === "radio") control.checked = true;
            else control.value = "lo";
            for (const name of ["input", "change"]) control.dispatchEvent(new Event(name, { bubbles: true }));
          }
          await piece.set({ ...piece.state });
        }"""
    )
    assert shown(piece) == before
    for group in piece.locator("[role=radiogroup], fieldset").all():
        radios = group.locator("input[type=radio]")
        if radios.count():
            assert radios.evaluate_all("all => all.filter((one) => one.checked).length") == 1


@pytest.mark.parametrize("widget", FETCHING)
def test_without_a_connection_nothing_is_claimed_and_with_one_it_goes_on(open_a_piece: OpenPiece, widget: str) -> None:
    page, piece = open_a_piece(widget)

    def ask(last: bool = False) -> None:
        if widget == "look-back":
            piece.evaluate("async (piece, gap) => { await piece.set({ gap }); }", 12 if last else 13)
        else:
            piece.evaluate(TYPE, "lo" if last else "lon")

    data = re.compile(r"\.safetensors|merges\.json")
    page.route(data, lambda route: route.abort())
    ask()
    errors = piece.locator(".live-error:not(.own-model *)")
    assert any("online" in text or "offline" in text for text in errors.all_inner_texts())
    expect(piece).not_to_have_text(re.compile(r"\d%"), use_inner_text=True)  # no guess of another text stands there
    for name in ("Draw a letter", "To the end", "Next letter", "Write a name", "Write names", "Write", "Draw again"):
        button = piece.get_by_role("button", name=name, exact=True)
        if button.count():
            button.click()
            settled(piece)
    assert "finished" not in piece.inner_text()
    page.unroute(data)
    ask(last=True)
    assert not any(errors.all_inner_texts())
    page.complaints[:] = [
        line for line in page.complaints if not line.startswith("Failed to load")
    ]  # the browser's own


def test_what_is_typed_while_a_model_loads_is_what_counts(open_a_piece: OpenPiece) -> None:
    page, piece = open_a_piece("next-letter")
    waiting: list[Route] = []
    page.route("**/*.safetensors", lambda route: waiting.append(route))
    field = piece.get_by_label("Letters so far")
    with page.expect_request("**/*.safetensors"):
        field.fill("m")
    piece.get_by_role("button", name="Draw a letter").click()
    piece.get_by_role("button", name="To the end").click()
    for text in ("ma", "mar", "lon"):
        field.fill(text)
    for route in waiting:
        route.continue_()
    page.unroute_all(behavior="wait")
    settled(piece)
    expect(field).to_have_value("lon")
    expect(piece.locator(".next-letter-seen")).to_have_text("lon → ?")


BLOCKED = """for (const name of ["localStorage", "sessionStorage"]) {
  Object.defineProperty(window, name, { configurable: true, get() { throw new DOMException("no", "SecurityError"); } });
}
Object.defineProperty(Document.prototype, "cookie", { get() { throw new DOMException("no", "SecurityError"); } });"""


@pytest.mark.parametrize("widget", ["ladder", "city-gpt"])
def test_a_browser_that_forbids_storage_has_pieces_and_switches_all_the_same(
    browser: Browser, site: Site, widget: str
) -> None:
    page = browser.new_context(viewport={"width": 390, "height": 844}).new_page()
    thrown: list[str] = []
    page.on("pageerror", lambda error: thrown.append(str(error)))
    page.add_init_script(BLOCKED)
    page.goto(site.page(PIECES[widget]) + "#%E0%A4%A")  # and a name that no page has, nor can be decoded
    page.locator(f"#{widget}").scroll_into_view_if_needed()
    piece = page.locator(f"live-{widget}")
    piece.wait_for(state="visible")
    piece.evaluate(TYPE, "ma")
    page.locator("#mode").click()
    expect(page.locator("#mode")).to_have_attribute("aria-checked", "true")
    assert thrown == []
    page.context.close()


def test_a_text_too_long_for_an_address_is_left_out_of_it_and_said(open_a_piece: OpenPiece) -> None:
    page, piece = open_a_piece("tokenizer")
    piece.evaluate(TYPE, "京都" * 4_000)
    piece.evaluate("async (piece) => { await piece.set({ merges: 100 }); }")
    page.wait_for_url("**merges=100*")
    assert "text=" not in page.url
    piece.get_by_role("button", name="Copy link").click()
    expect(piece.get_by_role("status")).to_contain_text("link")
    page.reload()
    expect(page.locator("live-tokenizer")).to_be_visible()


def test_back_in_the_history_a_piece_works_and_has_its_state(open_a_piece: OpenPiece, site: Site) -> None:
    page, piece = open_a_piece("window")
    piece.evaluate(TYPE, "lon")
    page.wait_for_url("**text=lon*")
    page.goto(site.page("glossary.md"))
    page.go_back()
    page.locator("#window").scroll_into_view_if_needed()
    piece = page.locator("live-window")
    expect(piece.get_by_label("Letters so far")).to_have_value("lon")
    assert piece.evaluate(TYPE, "ma") == ""


@every_piece
def test_large_letters_and_paper_take_the_piece(open_a_piece: OpenPiece, widget: str) -> None:
    page, piece = open_a_piece(widget, viewport={"width": 640, "height": 512}, device_scale_factor=2)
    page.evaluate("document.documentElement.style.fontSize = '200%'")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), "at twice the size"
    page.emulate_media(media="print")
    assert piece.is_visible()
    page.emulate_media(media="screen")
    page.evaluate("document.documentElement.style.fontSize = ''")


NOT_EVERYWHERE = (
    r"scheduler\.|requestIdleCallback|deviceMemory|OffscreenCanvas|fromAsync|withResolvers|:has\(|Object\.groupBy|"
    r"\.to(Sorted|Reversed|Spliced|WellFormed)\(|isWellFormed|Float16Array|startViewTransition|checkVisibility|"
    r"showOpenFilePicker|Promise\.try|\bwith \{ type|navigation\.|\.union\(|Iterator\.|structuredClone\(.*transfer"
)


def test_no_script_of_ours_needs_what_one_browser_alone_has() -> None:
    """Firefox 115 and Safari 16.4 read all of it: no feature younger than module workers."""
    for path in [*WIDGETS.glob("*.js"), WIDGETS.parent / "assets" / "book.js"]:
        assert not re.findall(NOT_EVERYWHERE, path.read_text(encoding="utf-8")), path.name
