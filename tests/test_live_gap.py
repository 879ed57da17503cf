"""Chapter 8's live piece: what the chapter's models take for the stadium, by gap, window and club."""

import json
import math
from typing import Any

import pytest
import torch
from conftest import Site
from live_pages import OpenLive, percent
from playwright.sync_api import Locator, Page, expect

from gptbook.data.clubs import ClubGrammar
from gptbook.data.tokenizer import WordTokenizer
from gptbook.models.ngram import NgramCounts, context_windows

pytestmark = pytest.mark.browser

NAME = "gap"
FIRST_GAP, DEFAULT_CLUB = 4, "Manchester United"


def opening(site: Site) -> dict[str, Any]:
    return dict(json.loads((site.folder / "live" / "long-range" / "opening.json").read_text(encoding="utf-8")))


def told(piece: Locator) -> str:
    return str(piece.locator(".gap-where").text_content())


def bars(piece: Locator) -> list[str]:
    return [text for text in piece.locator(".gap-bars > span").all_text_contents() if text]


@pytest.mark.parametrize("width", [2, 5, 8])
def test_its_guesses_are_those_of_the_chapters_tables(site: Site, width: int) -> None:
    published = opening(site)
    grammar = ClubGrammar()
    tokenizer = WordTokenizer(grammar.words)
    windows = context_windows(grammar.sentences(20_000, seed=0), tokenizer, width)  # type: ignore[arg-type]
    table = NgramCounts(width, tokenizer.vocab_size).fit(*windows)
    assert published["stadiums"] == grammar.stadiums
    stadiums = tokenizer.encode(list(grammar.stadiums.values()))
    for gap, sentence in enumerate(published["sentences"], start=FIRST_GAP):
        for place, club in enumerate(grammar.stadiums):
            words = [club if word == "-" else word for word in sentence.split(" ")]
            assert len(words) == 5 + gap
            context = torch.tensor([([0] * width + tokenizer.encode(words))[-width:]])
            answers = published["guesses"][str(width)][gap - FIRST_GAP]
            answer = answers[place if len(answers) > 1 else 0]
            assert torch.tensor(answer) / 1000 == pytest.approx(table.probabilities(context)[0, stadiums], abs=6e-4)


def test_the_net_finds_the_club_inside_its_window_and_nowhere_else(site: Site) -> None:
    published = opening(site)
    chance = 1 / len(published["stadiums"])
    noise = math.sqrt(chance / published["asked"])  # of a share that is counted in so many sentences
    both = zip(published["guesses"]["12"], published["right"]["12"], strict=True)
    for gap, (answers, right) in enumerate(both, start=FIRST_GAP):
        if gap < 12:
            first = [answer.index(max(answer)) for answer in answers]
            assert sum(club == choice for club, choice in enumerate(first)) > len(first) / 2
            assert right > 0.9, "in so many sentences; in this one it may err"
        else:
            assert len(answers) == 1, "the clubs look all the same from there"
            assert abs(right - chance) < 4 * noise


def test_by_keyboard_alone_the_club_comes_into_the_window(opened: tuple[Page, Locator], site: Site) -> None:
    page, piece = opened
    assert told(piece) == "The club is 1 word too far back: the table guesses."
    assert len(bars(piece)) == 10
    assert bars(piece)[-2] == "Old Trafford"
    assert "right" in bars(piece)[-1]
    assert piece.locator(".gap-word.seen").all_text_contents() == [
        "fan",
        *["who", "likes", "old", "films", ";", "he", "loves"],
    ]
    piece.get_by_role("slider", name="Gap").focus()
    page.keyboard.press("ArrowLeft")
    assert told(piece) == "The table sees the club."
    assert bars(piece)[0] == "Old Trafford"
    page.keyboard.press("Home")
    page.keyboard.press("Tab")
    page.keyboard.press("ArrowRight")  # 12 words: the net
    expect(piece.locator(".gap-bars .learned")).to_have_count(5)
    page.keyboard.press("Tab")
    page.keyboard.press("l")  # the first club that begins so: Leeds United
    expect(piece.locator(".gap-word.club")).to_have_text("Leeds United")
    stadiums = opening(site)["stadiums"]
    guesses = opening(site)["guesses"]["12"][0][list(stadiums).index("Leeds United")]  # with the smallest gap
    first = list(stadiums.values())[guesses.index(max(guesses))]
    assert bars(piece)[0] == first
    verdict = "right" if first == stadiums["Leeds United"] else "wrong"
    expect(piece.get_by_role("status")).to_contain_text(f"First choice: {first}, {verdict}.")
    for key in ("Tab", "Enter"):
        page.keyboard.press(key)
    assert told(piece) == "The club is 1 word too far back: the table guesses."


def test_by_touch_alone(open_live: OpenLive, site: Site) -> None:
    page, piece = open_live(has_touch=True)
    piece.locator("label", has_text="12").tap()
    assert told(piece) == "The net sees the club."
    box = piece.get_by_role("slider", name="Gap").bounding_box()
    assert box
    page.touchscreen.tap(box["x"] + box["width"] - 2, box["y"] + box["height"] / 2)
    assert told(piece) == "The club is 2 words too far back: the net guesses."
    piece.locator("select").select_option("Porto")
    right = percent(opening(site)["right"]["12"][-1])
    expect(piece.locator(".gap-often")).to_have_text(f"Of 2,000 such sentences, the net gets {right} right.")
    assert not [address for address in page.asked if address.endswith("safetensors")]


def test_an_address_with_other_things_in_it_opens_all_the_same(open_live: OpenLive) -> None:
    _, piece = open_live("?gap=99&width=7&club=constructor")
    assert piece.evaluate("piece => piece.state") == {"club": DEFAULT_CLUB, "gap": 13, "width": 8}
    _, piece = open_live("?gap=6.4&width=5&club=Wolves")
    assert piece.evaluate("piece => piece.state") == {"club": "Wolves", "gap": 6, "width": 5}
