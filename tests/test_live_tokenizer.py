"""Chapter 6's live piece: the chapter's merges cut whatever the reader writes, as the package does."""

import json
import random
import re

import pytest
from conftest import Site
from live_pages import OpenLive
from playwright.sync_api import Locator, Page, expect

from gptbook.data.bpe import BytePairTokenizer
from gptbook.data.merging import byte_symbols

pytestmark = pytest.mark.browser

NAME = "tokenizer"
TEXTS = [
    "",
    "x",
    " untokenizable  strawberries",
    "The cat sat on the mat, then the cat ate.\n\n    return x  \n",
    "สวัสดี ไทย 日本語 Ελληνικά עברית العربية",
    "😀👩‍👩‍👧 é e\u0301 \u00a0\u2003\ufeff\u200b",
    "it's we'll I'VE 2019, 2020 x² ½ ٣",
    "<|endoftext|> __init__ ---- ==== \t\t\r\n\x1c\x00",
]
CHIPS = """
piece => [...piece.querySelectorAll(".tokenizer-chip")].map(chip => [...chip.childNodes].map(part => part.textContent))
"""


@pytest.fixture(scope="module")
def merges(site: Site) -> list[tuple[bytes, bytes]]:
    spec = json.loads((site.folder / "live" / "tokens" / "merges.json").read_text(encoding="utf-8"))
    byte = {symbol: single for single, symbol in byte_symbols().items()}
    return [(b"".join(map(byte.get, left)), b"".join(map(byte.get, right))) for left, right in spec["merges"]]  # type: ignore[arg-type]


def shown(piece: Locator) -> list[list[str]]:
    """Label and id of every chip."""
    return list(piece.evaluate(CHIPS))


def cut(merges: list[tuple[bytes, bytes]], text: str) -> list[list[str]]:
    tokenizer = BytePairTokenizer(merges)
    return [[tokenizer.labels[token], str(token)] for token in tokenizer.encode(text)]


def test_its_tokens_are_those_of_the_package_with_all_merges_and_with_fewer(
    opened: tuple[Page, Locator], merges: list[tuple[bytes, bytes]]
) -> None:
    page, piece = opened
    assert shown(piece) == cut(merges, "strawberries without 😀")
    assert not [url for url in page.asked if url.endswith("merges.json")], "before anybody asked"
    chance = random.Random(0)
    signs = "etaoinshrdlu    ETA019.,_-'\n\t()éß漢😀"
    texts = [*TEXTS, *("".join(chance.choices(signs, k=80)) for _ in range(30))]
    asked = [(text, allowed) for text in texts for allowed in (0, 1, 77, 1520, len(merges))]
    found = page.evaluate(
        """async (asked) => {
          const chips = CHIPS;
          const piece = document.querySelector("live-tokenizer");
          const found = [];
          for (const [text, merges] of asked) {
            await piece.set({ text, merges, token: 0 });
            found.push(chips(piece));
          }
          return found;
        }""".replace("CHIPS", CHIPS),
        asked,
    )
    tokenizers = {allowed: BytePairTokenizer(merges[:allowed]) for _, allowed in asked}
    labels = {allowed: tokenizer.labels for allowed, tokenizer in tokenizers.items()}
    for (text, allowed), chips in zip(asked, found, strict=True):
        wanted = [[labels[allowed][token], str(token)] for token in tokenizers[allowed].encode(text)]
        assert chips == wanted[:400], (text, allowed)


def test_by_keyboard_alone_a_word_grows_merge_by_merge(
    opened: tuple[Page, Locator], merges: list[tuple[bytes, bytes]]
) -> None:
    page, piece = opened
    piece.get_by_label("Text").focus()
    page.keyboard.press("Control+A")
    page.keyboard.type(" without")
    expect(piece.locator(".tokenizer-chip")).to_have_count(1)
    page.keyboard.press("Tab")
    page.keyboard.press("Home")
    expect(piece.locator(".tokenizer-chip")).to_have_count(8)
    expect(piece.locator("output")).to_have_text(f"0 of {len(merges):,}")
    for _ in range(6):
        page.keyboard.press("ArrowRight")
    assert [label for label, _ in shown(piece)] == ["␣with", "out"]
    expect(piece.locator(".tokenizer-chip.new")).to_have_count(1)
    expect(piece.get_by_role("status")).to_contain_text("2 tokens, 8 bytes: 4.0 bytes a token. The last of them: ")
    page.keyboard.press("Tab")
    page.keyboard.press("ArrowRight")
    expect(piece.locator(".tokenizer-chip").nth(1)).to_be_focused()
    expect(piece.locator(".tokenizer-about")).to_contain_text("111 117 116")
    expect(piece.locator(".tokenizer-about")).to_contain_text("6f 75 74")
    page.keyboard.press("Home")
    expect(piece.locator(".tokenizer-about")).to_contain_text("20 77 69 74 68")


def test_by_touch_alone(open_live: OpenLive) -> None:
    page, piece = open_live(has_touch=True)
    emoji = piece.get_by_role("button", name=re.compile(r"^\\xf0"))
    emoji.tap()
    expect(emoji).to_have_attribute("aria-pressed", "true")
    expect(piece.locator(".tokenizer-about")).to_contain_text("none: a single byte")
    slider = piece.get_by_role("slider")
    box = slider.bounding_box()
    assert box
    page.touchscreen.tap(box["x"] + 8, box["y"] + box["height"] / 2)
    expect(piece.locator(".tokenizer-chip")).to_have_count(25)
    piece.get_by_role("button", name="Start again").tap()
    expect(piece.locator(".tokenizer-chip")).to_have_count(11)


def test_far_too_much_text_and_half_a_character(opened: tuple[Page, Locator]) -> None:
    _, piece = opened
    height = piece.evaluate("piece => piece.offsetHeight")
    field, error = piece.get_by_label("Text"), piece.get_by_role("alert")
    field.fill("Never again! 😀 " * 2000)
    expect(error).to_have_text("Too long: the first 10,000 characters count.")
    expect(piece.locator(".tokenizer-chip")).to_have_count(400)
    expect(piece.locator(".tokenizer-chips .live-note")).to_have_text(re.compile(r"^… [\d,]+ more$"))
    piece.evaluate("piece => piece.set({ merges: 100 })")
    expect(piece.locator(".tokenizer-chip")).to_have_count(400)
    typed = "input => { input.value = 'a\\ud83d b'; input.dispatchEvent(new Event('input')); }"
    field.evaluate(typed)  # half of an emoji
    expect(piece.locator(".tokenizer-chip")).to_have_count(2)
    field.fill("")
    expect(piece.locator(".tokenizer-count")).to_have_text("0 tokens, 0 bytes.")
    expect(piece.get_by_role("slider")).to_be_disabled()
    field.fill("fine")
    expect(error).to_have_text("")
    assert piece.evaluate("piece => piece.offsetHeight") == height


@pytest.mark.parametrize("query", ["?merges=-5&token=-1", "?merges=all&token=1e9", "?merges=99999999", "?merges=0.5"])
def test_an_address_that_cannot_be_is_repaired(open_live: OpenLive, query: str) -> None:
    _, piece = open_live(query)
    expect(piece.locator("output")).to_have_text(re.compile("^all "))
    expect(piece.locator(".tokenizer-chip")).to_have_count(11)
    expect(piece.locator(".tokenizer-chip[tabindex='0']")).to_have_count(1)
