"""Chapter 9's first live piece: four words worked out by hand, step by step, with numbers that a reader may change."""

import json
import random
import re
from typing import Any

import pytest
import torch
from conftest import Site
from live_pages import OpenLive, pass_time, settle
from playwright.sync_api import Locator, Page, expect
from torch import Tensor

from gptbook.models.attention import attention_weights

pytestmark = pytest.mark.browser

NAME = "attention-by-hand"
SET = "(piece, state) => piece.set(state)"
STEPS = ["embeddings", "queries", "keys", "scores", "shares", "values", "output", "guess"]


def published(site: Site) -> dict[str, Any]:
    content = (site.folder / "live" / "attention" / "by-hand.json").read_text(encoding="utf-8")
    return dict(json.loads(content))


def by_torch(site: Site, x: Tensor) -> dict[str, Tensor]:
    """What the package's attention makes of these embeddings (4, 3), with the chapter's tables."""
    given = published(site)
    q, k, v = (x @ torch.tensor(given["tables"][name]) for name in ("query", "key", "value"))
    shares = attention_weights(q[None, None], k[None, None])[0, 0]
    output = shares @ v
    fits = output @ torch.tensor([guess["row"] for guess in given["guesses"]], dtype=torch.float32).T
    return {"queries": q, "keys": k, "values": v, "scores": q @ k.T, "shares": shares, "output": output, "guess": fits}


def title(piece: Locator) -> Locator:
    return piece.locator(".through-title")


def last_grid(piece: Locator) -> list[float]:
    """The numbers that this step makes."""
    return list(piece.evaluate("piece => [...piece.now.grids.at(-1).values]"))


def test_each_step_is_torchs_for_each_word_and_for_changed_embeddings(opened: tuple[Page, Locator], site: Site) -> None:
    _, piece = opened
    chance = random.Random(0)
    first = torch.tensor(published(site)["x"])
    for trial in range(6):
        x = first if not trial else torch.tensor([[chance.randrange(-8, 9) / 2 for _ in range(3)] for _ in range(4)])
        expected = by_torch(site, x)
        text = "" if not trial else ",".join(str(number) for number in x.flatten().tolist())
        for word in range(4):
            for step, name in enumerate(STEPS[1:], 1):
                piece.evaluate(SET, {"x": text, "word": word, "step": step, "cell": -1})
                whole = expected[name]
                row = whole.flatten() if name in ("queries", "keys", "values") else whole[word]
                row = row[: word + 1] if name in ("scores", "shares") else row
                assert last_grid(piece) == pytest.approx(row.tolist(), abs=1e-4), (name, word, text)


def test_each_number_is_what_its_sum_says(opened: tuple[Page, Locator]) -> None:
    _, piece = opened
    for word in range(4):
        for step in range(len(STEPS)):
            piece.evaluate(SET, {"word": word, "step": step})
            for cell in range(len(last_grid(piece))):
                piece.evaluate(SET, {"cell": cell})
                said = piece.locator(".through-how").inner_text().split("\n")[0].replace("−", "-")
                right = re.search(r"(-?[\d.]+)$", said)
                assert right, said
                assert float(right[1]) == pytest.approx(last_grid(piece)[cell], abs=0.0051), said
                left = said.rsplit(" = ", 1)[0].replace("·", "*")
                if re.fullmatch(r"[-+*/(). \d]+", left):
                    assert eval(left) == pytest.approx(float(right[1]), abs=0.08), said


def test_an_arsenal_fan_goes_to_another_stadium(opened: tuple[Page, Locator], site: Site) -> None:
    page, piece = opened
    guess = piece.locator(".by-hand-guess")
    stadiums = [guess["word"] for guess in published(site)["guesses"]]
    expect(guess).to_contain_text(stadiums[0])
    assert [url for url in page.asked if url.endswith("safetensors")] == []
    slider = piece.get_by_role("slider")
    assert "which club" in (piece.locator(".live-slider").inner_text())
    slider.fill("-1")
    expect(guess).to_contain_text(stadiums[1])
    expect(piece.get_by_role("status")).to_contain_text(stadiums[1])
    page.wait_for_url("**x=2%2C0%2C-1**")
    slider.fill("1")
    assert piece.evaluate("piece => piece.state.x") == ""


def test_by_keyboard_alone_it_goes_through_all_steps_and_any_word_asks(opened: tuple[Page, Locator]) -> None:
    page, piece = opened
    piece.get_by_role("radio", name="to", exact=True).focus()
    page.keyboard.press("ArrowLeft")
    assert piece.evaluate("piece => piece.state.word") == 2
    piece.get_by_role("button", name="Back").press("Enter")
    heard = [title(piece).inner_text()]
    for _ in STEPS[1:]:
        piece.get_by_role("button", name="Next").press("Enter")
        heard.append(title(piece).inner_text())
    assert [name in text for name, text in zip(STEPS, heard)] == [True] * len(STEPS)
    piece.evaluate(SET, {"step": 0, "cell": -1})
    piece.locator(".cells:visible [aria-selected=true]").focus()
    page.keyboard.press("Home")
    expect(piece.locator(".live-slider")).to_contain_text("smells of a club")


@pytest.mark.parametrize("motion", ["no-preference", "reduce"])
def test_it_plays_from_the_embeddings_to_the_guess_and_stops(open_live: OpenLive, motion: str) -> None:
    page, piece = open_live(stopped_clock=motion != "reduce", reduced_motion=motion)
    play = piece.locator(".primary")
    play.click()
    if motion == "reduce":  # a step with each press
        expect(title(piece)).to_contain_text(STEPS[1])
        play.click()
        expect(title(piece)).to_contain_text(STEPS[2])
        return
    for name in STEPS[1:]:
        pass_time(page, title(piece), re.escape(name))
    page.clock.run_for(4000)
    expect(play).to_have_text("Play")


def test_nonsense_in_its_address_is_repaired(open_live: OpenLive) -> None:
    _, piece = open_live("?x=1,2,boo&word=99&step=-4&cell=1e9")
    settle(piece.page)
    assert piece.evaluate("piece => [piece.state.x, piece.state.word, piece.state.step]") == ["", 3, 0]


WORDS = ".by-hand-said, .through-how, .by-hand-guess, .cells-label"


def test_what_it_says_holds_for_changed_embeddings_too(opened: tuple[Page, Locator]) -> None:
    _, piece = opened
    said = piece.locator(".by-hand-said")
    none, anything_but = ["0"] * 12, ["0"] * 11 + ["1"]
    anything_but[10] = "-3"
    piece.evaluate(SET, {"x": ",".join(none), "word": 3, "step": STEPS.index("guess")})
    assert "Several" in said.inner_text()
    expect(piece.locator(".by-hand-guess")).to_contain_text("several")
    piece.evaluate(SET, {"step": STEPS.index("queries")})
    assert "share evenly" in said.inner_text()
    piece.evaluate(SET, {"word": 0})
    assert "itself" in said.inner_text()
    piece.evaluate(SET, {"word": 3, "x": ",".join(anything_but)})
    assert "anything but a club" in said.inner_text()


def test_no_sentence_has_a_number_that_is_none(opened: tuple[Page, Locator]) -> None:
    _, piece = opened
    chance = random.Random(1)
    wild = [",".join(str(chance.choice([-4, 4, 0, 0.5])) for _ in range(12)) for _ in range(5)]
    sweep = """async (piece, [wanted, steps, words]) => {
      const bad = [];
      for (const x of wanted) {
        for (let word = 0; word < 4; word++) {
          for (let step = 0; step < steps; step++) {
            for (const cell of [-1, 1]) {
              await piece.set({ x, word, step, cell });
              const said = [...piece.querySelectorAll(words)].map((part) => part.textContent).join(" ");
              if (/NaN|undefined|null|Infinity|\\de[+-]?\\d|−−/.test(said)) bad.push(said);
            }
          }
        }
      }
      return bad;
    }"""
    assert piece.evaluate(sweep, [["", *wild], len(STEPS), WORDS]) == []
