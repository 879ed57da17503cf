"""Chapter 4's live piece: the page's own table and net, letter by letter."""

import json
import re

import pytest
import torch
from conftest import Site
from live_pages import OpenLive, likeliest
from playwright.sync_api import Locator, Page, expect
from safetensors.torch import load_file

from bookbuild.live import Chance
from gptbook.models.ngram import NgramNet

pytestmark = pytest.mark.browser

NAME = "next-letter"
LETTERS = " abcdefghijklmnopqrstuvwxyz"


def tables(site: Site) -> dict[str, torch.Tensor]:
    """Both models as probabilities (27, 27), computed by the package from the published files."""
    folder = site.folder / "live" / "one-letter-at-a-time"
    net = NgramNet(vocab_size=27, context_length=1)
    net.load_state_dict({name: tensor.float() for name, tensor in load_file(folder / "net.safetensors").items()})
    with torch.no_grad():
        learned = net(torch.arange(27)[:, None]).softmax(dim=-1)
    return {"counts": load_file(folder / "counts.safetensors")["probabilities"], "net": learned}


def written(table: torch.Tensor, text: str, seed: int) -> str:
    """What the piece must write: chance hangs on the seed and the place."""
    while True:
        token = Chance(seed * 1009 + len(text)).draw(table[LETTERS.index(text[-1]) if text else 0])
        if token == 0:
            return text
        text += LETTERS[token]


def told(table: torch.Tensor, letter: str) -> re.Pattern[str]:
    """What the bars say after this letter."""
    return re.compile(likeliest(["end", *LETTERS[1:]], table[LETTERS.index(letter)].tolist()))


@pytest.mark.parametrize("by", ["counts", "net"])
def test_it_asks_the_models_that_this_page_trained(opened: tuple[Page, Locator], site: Site, by: str) -> None:
    page, _ = opened
    table = tables(site)[by]
    opening = json.loads((site.folder / "live" / "one-letter-at-a-time" / "opening.json").read_text(encoding="utf-8"))
    assert torch.tensor(opening[by]) == pytest.approx(table[LETTERS.index("r")], abs=1e-2)
    computed = page.evaluate(
        """async ([by, letters]) => {
          const { openModel } = await import(new URL("../../widgets/engine.js", document.baseURI));
          const piece = document.querySelector("live-next-letter");
          const model = await openModel(new URL(`${by}.safetensors`, piece.folder));
          const found = [];
          for (const letter of letters) found.push(Array.from((await model.next(model.start(letter))).logits));
          return found;
        }""",
        [by, list(LETTERS.strip())],
    )
    mine = torch.tensor([[-1e4 if score is None else score for score in row] for row in computed]).softmax(dim=-1)
    assert (mine - table[1:]).abs().max() < 1e-4


def test_by_keyboard_alone_a_name_is_written_that_the_seed_decides(opened: tuple[Page, Locator], site: Site) -> None:
    page, piece = opened
    expect(piece.locator(".live-bars")).to_have_attribute("aria-label", told(tables(site)["counts"], "r"))
    piece.get_by_label("Letters so far").focus()
    page.keyboard.press("Control+A")
    page.keyboard.type("ber")
    page.keyboard.press("Tab")
    page.keyboard.press("ArrowRight")  # to the net
    for _ in range(3):  # past "Draw" and "Take back"
        page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    finished = written(tables(site)["net"], "ber", seed=1)
    expect(piece.locator(".next-letter-seen")).to_have_text(f"{finished} finished")
    assert piece.evaluate("piece => piece.state.by") == "net"
    expect(piece.get_by_role("status")).to_contain_text(finished)


def test_by_touch_alone_letters_are_drawn_and_taken_back(open_live: OpenLive, site: Site) -> None:
    _, piece = open_live(has_touch=True)
    table = tables(site)["counts"]
    whole = written(table, "par", seed=1)
    assert len(whole) > 3, "choose a seed whose first draw is a letter"
    piece.get_by_role("button", name="Draw a letter").tap()
    expect(piece.locator(".next-letter-seen")).to_have_text(f"{whole[:4]} → ?")
    piece.get_by_role("button", name="Take back").tap()
    expect(piece.locator(".next-letter-seen")).to_have_text("par → ?")
    piece.get_by_role("button", name="To the end").tap()
    expect(piece.locator(".next-letter-seen")).to_have_text(f"{whole} finished")
    piece.get_by_role("button", name="New name").tap()
    expect(piece.locator(".next-letter-seen")).to_have_text("start → ?")


def test_what_the_alphabet_lacks_is_left_out_with_a_sentence(opened: tuple[Page, Locator], site: Site) -> None:
    _, piece = opened
    field = piece.get_by_label("Letters so far")
    field.fill("Zürich")
    expect(piece.locator(".live-field small")).to_contain_text("zurich")
    expect(piece.get_by_role("alert")).to_have_text("")
    expect(piece.locator(".next-letter-seen")).to_have_text("zurich → ?")
    field.fill("zü!")
    expect(piece.get_by_role("alert")).to_contain_text("“!” is left out")
    expect(piece.locator(".next-letter-seen")).to_have_text("zu → ?")
    field.fill("a" * 10_000)
    expect(piece.get_by_role("alert")).to_contain_text("at most 40 letters")
    field.fill("q")
    expect(piece.get_by_role("alert")).to_have_text("")
    expect(piece.locator(".live-bars")).to_have_attribute("aria-label", told(tables(site)["counts"], "q"))


def test_without_a_connection_it_says_so_and_goes_on_later(opened: tuple[Page, Locator]) -> None:
    page, piece = opened
    page.context.set_offline(True)
    piece.get_by_label("Letters so far").fill("q")
    expect(piece.get_by_role("alert")).not_to_have_text("")
    page.context.set_offline(False)
    page.complaints.clear()
    piece.get_by_label("Letters so far").fill("xq")
    expect(piece.locator(".next-letter-seen")).to_have_text("xq → ?")
    expect(piece.get_by_role("alert")).to_have_text("")
