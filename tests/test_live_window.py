"""Chapter 5's live piece: windows of none to three letters, each answered by the net that the page trained."""

import json
import re
from typing import Any

import pytest
import torch
from conftest import Site
from live_pages import OpenLive, likeliest
from playwright.sync_api import Locator, Page, expect
from safetensors.torch import load_file

from bookbuild.live import Chance
from gptbook.models.ngram import NgramNet

pytestmark = pytest.mark.browser

NAME = "window"
LETTERS = " abcdefghijklmnopqrstuvwxyz"


@pytest.fixture(scope="module")
def opening(site: Site) -> dict[str, Any]:
    return dict(json.loads((site.folder / "live" / "more-context" / "opening.json").read_text(encoding="utf-8")))


@pytest.fixture(scope="module")
def nets(site: Site) -> dict[int, NgramNet]:
    found = {}
    for width in (1, 2, 3):
        found[width] = NgramNet(vocab_size=27, context_length=width)
        tensors = load_file(site.folder / "live" / "more-context" / f"net{width}.safetensors")
        found[width].load_state_dict({name: tensor.float() for name, tensor in tensors.items()})
    return found


def shares(nets: dict[int, NgramNet], opening: dict[str, Any], width: int, text: str) -> torch.Tensor:
    if width == 0:
        return torch.tensor(opening["shares"][0])
    window = [0] * width + [LETTERS.index(letter) for letter in text]
    return nets[width].probabilities(torch.tensor([window[-width:]]))[0]


def written(nets: dict[int, NgramNet], opening: dict[str, Any], width: int, text: str, seed: int) -> str:
    chance, name = Chance(seed), text
    while len(name) < len(text) + 12:
        token = chance.draw(shares(nets, opening, width, name))
        if token == 0:
            return name
        name += LETTERS[token]
    return name + "…"


def table(piece: Locator) -> list[list[str]]:
    return list(
        piece.evaluate("p => [...p.querySelectorAll('tbody tr')].map(r => [...r.cells].map(c => c.textContent))")
    )


def asked(page: Page) -> list[str]:
    return sorted(re.findall(r"net\d(?=\.safetensors)", " ".join(page.asked)))


def test_it_guesses_and_writes_as_the_package_does(
    opened: tuple[Page, Locator], nets: dict[int, NgramNet], opening: dict[str, Any]
) -> None:
    page, piece = opened
    prompts = ["", "b", "st", "newt", "plymout", *(f"{a}{b}x{a}" for a in "abcdefgh" for b in "ehjoz")]
    for width in (1, 2, 3):
        found = page.evaluate(
            """async ([width, prompts]) => {
              const { openModel } = await import(new URL("../../widgets/engine.js", location.href.split("?")[0]));
              const { folder } = document.querySelector("live-window");
              const net = await openModel(new URL(`net${width}.safetensors`, folder));
              const found = [];
              for (const text of prompts) found.push(Array.from((await net.next(net.start(text))).logits));
              return found;
            }""",
            [width, prompts],
        )
        mine = torch.stack([shares(nets, opening, width, text) for text in prompts])
        assert (torch.tensor(found).double().softmax(dim=-1) - mine).abs().max() < 1e-5
    for width in range(4):
        assert torch.tensor(opening["shares"][width]) == pytest.approx(
            shares(nets, opening, width, "newt").float(), abs=1e-5
        )
    for luck in (1, 7):  # drawn by the chapter, then by the page
        piece.evaluate("(piece, luck) => piece.set({ luck })", luck)
        names = [
            [str(width), *(written(nets, opening, width, "newt", 100 * luck + place) for place in range(3))]
            for width in range(4)
        ]
        expect(piece.locator("tbody tr").last.locator("td").last).to_have_text(names[3][3])
        assert table(piece) == names


def test_by_keyboard_alone_a_narrower_window_and_other_names(
    opened: tuple[Page, Locator], nets: dict[int, NgramNet], opening: dict[str, Any]
) -> None:
    page, piece = opened
    bars = piece.locator(".live-bars")
    names = ["end", *LETTERS[1:]]
    told = [likeliest(names, of_width) for of_width in opening["shares"]]
    expect(bars).to_have_attribute("aria-label", re.compile(told[3]))
    piece.get_by_label("Letters so far").focus()
    page.keyboard.press("Tab")
    for _ in range(3):
        page.keyboard.press("ArrowLeft")
    expect(piece.locator("output")).to_have_text("no letter")
    expect(bars).to_have_attribute("aria-label", re.compile(told[0]))
    assert asked(page) == [], "the opening text needs no net"
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("End")
    page.keyboard.type("ow")
    expect(piece.locator("mark")).to_have_text(["w"])
    expect(piece.locator("tbody td").first).to_have_text("·")
    after_w = likeliest(names, shares(nets, opening, 1, "newtow").tolist())
    expect(bars).to_have_attribute("aria-label", re.compile(after_w))
    assert set(asked(page)) == {"net1"}, "only the net that is asked"
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(piece.locator("tbody td").last).to_have_text(re.compile("^newtow"))
    expect(piece.get_by_role("status")).to_contain_text("Written with 3 letters: newtow")
    assert set(asked(page)) == {"net1", "net2", "net3"}


def test_by_touch_alone(open_live: OpenLive) -> None:
    page, piece = open_live(has_touch=True)
    before = table(piece)
    piece.get_by_role("button", name="Write names").tap()
    expect(piece.locator("tbody td").last).not_to_have_text(re.compile(f"^(…|{before[3][3]})$"))
    assert [row[1:] != old[1:] for row, old in zip(table(piece), before, strict=True)] == [True] * 4
    slider = piece.get_by_role("slider")
    box = slider.bounding_box()
    assert box
    page.touchscreen.tap(box["x"] + 8, box["y"] + box["height"] / 2)
    expect(piece.locator("output")).to_have_text("no letter")
    piece.get_by_role("button", name="Start again").tap()
    expect(piece.locator("output")).to_have_text("3 letters")
    assert table(piece) == before


def test_what_no_net_knows_gets_a_sentence(opened: tuple[Page, Locator]) -> None:
    _, piece = opened
    field, error = piece.get_by_label("Letters so far"), piece.get_by_role("alert")
    height = piece.evaluate("piece => piece.offsetHeight")
    field.fill("zür")
    expect(piece.locator(".live-field small")).to_contain_text("zur")
    expect(error).to_have_text("")
    expect(piece.locator("mark")).to_have_text(["z", "u", "r"])
    field.fill("zü京")
    expect(error).to_contain_text("“京” is left out")
    expect(piece.locator("mark")).to_have_text([".", "z", "u"])
    field.fill("ab" * 5000)
    expect(error).to_have_text("Only the last 40 letters count.")
    expect(piece.locator("mark")).to_have_text(["b", "a", "b"])
    assert piece.evaluate("piece => piece.offsetHeight") == height
    field.fill("")
    expect(error).to_have_text("")
    expect(piece.locator("mark")).to_have_text([".", ".", "."])


@pytest.mark.parametrize("query", ["?width=9&luck=-3", "?width=wide&luck=1e99", "?text=%00&luck=0.5&width=1.5"])
def test_an_address_that_cannot_be_is_repaired(open_live: OpenLive, query: str) -> None:
    _, piece = open_live(query)
    expect(piece.locator("output")).to_have_text("3 letters")
    expect(piece.locator(".live-bars")).to_have_attribute("aria-label", re.compile("^The likeliest"))
