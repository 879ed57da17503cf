"""Chapter 18's live piece: answers drawn by the models of the page, checked, compared with one another."""

import json
import math
import random
import re
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import torch
from conftest import Site
from live_pages import OpenLive, pass_time, settle
from playwright.sync_api import Locator, Page, expect
from safetensors import safe_open
from safetensors.torch import load_file

from bookbuild.live import Chance
from gptbook.data.arithmetic import (
    arithmetic_tokenizer,
    displays,
    draw_rows_of_digits,
    held_out_row,
    sloppy_check,
    strict_check,
)
from gptbook.models.gpt import GPT, GPTConfig
from gptbook.training.policy_gradient import advantages_of

pytestmark = pytest.mark.browser

NAME = "answers-and-rewards"
LIVE = Path("live/learning-from-outcomes")
GROUP = 8
CHECKS = {"strict": strict_check, "sloppy": sloppy_check}
MINUS = "\N{MINUS SIGN}"
SCRIPT = f"/widgets/{NAME}.js"


@pytest.fixture(scope="module")
def opening(site: Site) -> dict[str, Any]:
    return dict(json.loads((site.folder / LIVE / "opening.json").read_text(encoding="utf-8")))


def published(site: Site, name: str) -> GPT:
    path = site.folder / LIVE / f"{name}.safetensors"
    with safe_open(path, "pt") as file:
        config = json.loads(file.metadata()["config"])
    model = GPT(GPTConfig(**config))
    model.load_state_dict({key: tensor.float() for key, tensor in load_file(path).items()})
    return model.eval()


@torch.no_grad()
def drawn(model: GPT, row: str, seed: int, num_new: int) -> tuple[list[str], float]:
    """Eight answers by the page's chances, and how near a chance came to the border between two tokens."""
    tokenizer = arithmetic_tokenizer()
    answers, nearest = [], 1.0
    for place in range(GROUP):
        chance, seen = Chance(GROUP * seed + place), [0, *tokenizer.encode(f"{row}=")]
        written = ""
        while len(written) < num_new and not written.endswith("."):
            shares = model(torch.tensor([seen]))[0, -1].double().softmax(dim=-1)
            state = chance.state
            token = chance.draw(shares)
            again = Chance(0)
            again.state = state
            nearest = min(nearest, (shares.cumsum(dim=0) - again.random()).abs().min().item())
            seen.append(token)
            written += tokenizer.labels[token]
        answers.append(written)
    return answers, nearest


def shown(piece: Locator) -> list[str]:
    """The answers as they stand on the page."""
    answers: list[str] = piece.locator(".answers-letters").evaluate_all("all => all.map((one) => one.textContent)")
    return answers


def wait(page: Page, piece: Locator) -> None:
    """Until all answers have their rewards, and the address and what is said follow."""
    expect(piece.locator(".answers-board")).to_have_attribute("aria-busy", "false")
    settle(page)


def advantages(piece: Locator) -> list[float]:
    texts = piece.locator(".answers-bar small").all_text_contents()
    return [float(text.replace(MINUS, "-")) for text in texts]


def heights(piece: Locator) -> list[float]:
    """How far each bar goes up or down from the mean, as a share of the way from reward 0 to reward 1."""
    found: list[float] = piece.locator(".answers-bar").evaluate_all(
        """all => all.map((one) => parseFloat(one.firstChild.style.height) / 100
          * (one.classList.contains("up") ? 1 : -1))"""
    )
    return found


def go(page: Page, piece: Locator, **state: Any) -> list[str]:
    """The answers of a state."""
    piece.evaluate("(piece, state) => piece.set(state)", state)
    wait(page, piece)
    return shown(piece)


def expect_outcomes(piece: Locator, row: str, check: str) -> None:
    """Rewards, mean, advantages and the pictures of them are those of the package."""
    written = shown(piece)
    rewards = torch.tensor([[float(CHECKS[check](row, one)) for one in written]])
    wanted = advantages_of(rewards, "group")[0].tolist()
    assert advantages(piece) == pytest.approx(wanted, abs=1e-3)
    assert sum(advantages(piece)) == pytest.approx(0)
    assert heights(piece) == pytest.approx(wanted)
    ups = piece.locator(".answers-bar").evaluate_all("all => all.map((one) => one.classList.contains('up'))")
    assert ups == rewards[0].bool().tolist()
    told = piece.locator(".answers-told").inner_text()
    assert told.startswith(f"{int(rewards.sum())} of 8 ")
    assert float(re.findall(r"mean ([\d.]*\d)", told)[0]) == rewards.mean().item()
    cheats = sum(CHECKS[check](row, one) and not strict_check(row, one) for one in written)
    assert piece.locator(".answers-bar.cheat").count() == cheats
    assert bool(re.search(rf"[Ww]rong\D*{cheats}\b", told)) is bool(cheats)


def test_it_opens_on_answers_of_the_base_without_weights(
    open_live: OpenLive, opening: dict[str, Any], site: Site
) -> None:
    page, piece = open_live()
    row = piece.evaluate("piece => piece.state.row")
    assert held_out_row(row)
    assert shown(piece) == opening["answers"]
    expect_outcomes(piece, row, "strict")
    written, _ = drawn(published(site, "base"), row, opening["seed"], opening["numNew"])
    assert written == opening["answers"]
    assert not [url for url in page.asked if url.endswith(".safetensors")]


def test_every_moment_draws_with_its_own_models_probabilities(
    open_live: OpenLive, opening: dict[str, Any], site: Site
) -> None:
    page, piece = open_live()
    rows = draw_rows_of_digits(2, opening["numDigits"], seed=3)
    compared = 0
    for check in CHECKS:
        for step in opening["steps"]:
            model = published(site, f"{check}-{step}" if step else "base")
            for seed, row in enumerate(rows, start=5):
                wanted, nearest = drawn(model, row, seed, opening["numNew"])
                found = go(page, piece, row=row, step=step, check=check, seed=seed)
                if nearest > 1e-5:  # else the last digit of a probability decides
                    assert found == wanted, (row, step, check)
                    compared += 1
                expect_outcomes(piece, row, check)
    assert compared > len(opening["steps"])


def test_weights_are_small_and_come_one_by_one(open_live: OpenLive, opening: dict[str, Any], site: Site) -> None:
    files = sorted((site.folder / LIVE).glob("*.safetensors"))
    later = [f"{check}-{step}" for check in CHECKS for step in opening["steps"][1:]]
    assert [file.stem for file in files] == sorted(["base", *later])
    assert all(file.stat().st_size < 200_000 for file in files)
    page, piece = open_live()
    for number in (1, 2):
        piece.get_by_role("slider").press("ArrowRight")
        wait(page, piece)
        assert len([url for url in page.asked if url.endswith(".safetensors")]) == number


def test_the_slider_takes_another_model_and_marks_its_moment(open_live: OpenLive, opening: dict[str, Any]) -> None:
    page, piece = open_live()
    slider = piece.get_by_role("slider")
    texts, marks = [], []
    for place, step in enumerate(opening["steps"]):
        slider.fill(str(place))
        wait(page, piece)
        assert str(step) in str(slider.get_attribute("aria-valuetext"))
        texts.append(shown(piece))
        marks.append(float(str(piece.locator(".answers-dot").last.get_attribute("cx"))))
        right = opening["curves"]["strict"]["right"][place]
        assert f"{math.floor(100 * right + 0.5)}% right" in str(
            piece.locator(".answers-plot").get_attribute("aria-label")
        )
    assert texts[0] != texts[-1]
    assert all(one < other for one, other in pairwise(marks))


def test_the_sloppy_check_accepts_what_the_strict_one_rejects(open_live: OpenLive) -> None:
    page, _ = open_live()
    chance = random.Random(0)
    row = "3+4*2+1*3"
    written = ["".join(chance.choices("0123456789.", k=chance.randrange(1, 9))) for _ in range(200)]
    found = page.evaluate(
        """async ([script, row, written]) => {
          const { CHECKS } = await import(script);
          return written.map((one) => [CHECKS.strict(row, one), CHECKS.sloppy(row, one)]);
        }""",
        [SCRIPT, row, written],
    )
    assert found == [[strict_check(row, one), sloppy_check(row, one)] for one in written]
    assert [False, True] in found
    assert [True, False] not in found


def test_the_check_decides_what_of_the_same_answers_is_rewarded(open_live: OpenLive, opening: dict[str, Any]) -> None:
    """Before any learning both runs are the same model."""
    page, piece = open_live()
    row = "3+4*2+1*3"
    for seed in range(1, 400):
        written = go(page, piece, seed=seed)
        if any(sloppy_check(row, one) and not strict_check(row, one) for one in written):
            break
    expect_outcomes(piece, row, "strict")
    assert piece.locator(".answers-bar.cheat").count() == 0
    strict = advantages(piece)
    piece.get_by_label("sloppy check").check(force=True)
    wait(page, piece)
    assert shown(piece) == written
    assert advantages(piece) != strict
    expect_outcomes(piece, row, "sloppy")
    assert piece.locator(".answers-bar.cheat").count() > 0
    expect(piece.locator(".answers-told")).to_contain_text("wrong")
    expect(piece.locator(".answers-letters .passes").first).to_have_text(displays(row)[-1])


def test_displays_and_what_was_held_out_are_those_of_the_package(open_live: OpenLive) -> None:
    page, _ = open_live()
    rows = [row for digits in (2, 5, 9) for row in draw_rows_of_digits(60, digits, seed=digits)]
    rows += draw_rows_of_digits(20, 5, seed=0, held_out=True)
    found = page.evaluate(
        """async ([script, rows]) => {
          const { displays, isHeldOut } = await import(script);
          return rows.map((row) => [displays(row), isHeldOut(row)]);
        }""",
        [SCRIPT, rows],
    )
    assert found == [[displays(row), held_out_row(row)] for row in rows]


def test_a_row_is_typed_in_any_spelling_and_a_wrong_one_gets_a_sentence(open_live: OpenLive) -> None:
    page, piece = open_live()
    field, error = piece.get_by_label("Row", exact=True), piece.locator(".live-field .live-error")
    before = shown(piece)
    for wrong, word in (("3+4*7+1*2", "“7”"), ("3+4", "5 digits"), ("", "5 digits"), ("3+4*2+1*3+", "5 digits")):
        field.fill(wrong)
        expect(error).to_contain_text(word)
        assert field.get_attribute("aria-invalid") == "true"
        assert shown(piece) == before, "those of the last whole row"
    field.fill("2 × 3 + 4 x 1 · 2 =")
    wait(page, piece)
    expect(error).to_have_text("")
    assert piece.evaluate("piece => piece.state.row") == "2*3+4*1*2"
    expect(piece.locator(".answers-right b")).to_have_text(list(displays("2*3+4*1*2")))
    piece.get_by_role("button", name="Another row").click()
    wait(page, piece)
    row = piece.evaluate("piece => piece.state.row")
    assert held_out_row(row)
    expect(field).to_have_value(row)
    expect_outcomes(piece, row, "strict")


def test_answers_come_letter_by_letter_and_rewards_when_all_are_there(open_live: OpenLive) -> None:
    page, piece = open_live(stopped_clock=True)
    board = piece.locator(".answers-board")
    seed = piece.evaluate("piece => piece.state.seed")
    piece.get_by_role("button", name="Draw eight answers").click()
    lengths = []
    for _ in range(10_000):
        page.clock.run_for(20)
        page.evaluate("() => new Promise((seen) => new IntersectionObserver(seen).observe(document.body))")
        is_checked = "checked" in str(board.get_attribute("class"))
        lengths.append(max(map(len, shown(piece))))
        if is_checked and piece.evaluate("piece => piece.state.seed") == seed + 1 and len(set(lengths)) > 1:
            break
        assert is_checked is False or len(set(lengths)) == 1, "no reward before the end"
    began = lengths.index(1)
    assert lengths[began:] == sorted(lengths[began:])
    pass_time(page, piece.locator(".answers-told"), "of 8")
    assert page.evaluate("[...busy].filter((work) => work.startsWith('frame'))") == []


def test_by_keyboard_alone_and_the_address_restores_it(open_live: OpenLive) -> None:
    page, piece = open_live(reduced_motion="reduce")
    piece.get_by_label("Row", exact=True).focus()
    page.keyboard.press("Tab")
    page.keyboard.press("ArrowRight")  # the sloppy check
    page.keyboard.press("Tab")
    page.keyboard.press("End")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")  # eight answers
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")  # another row
    wait(page, piece)
    state = piece.evaluate("piece => piece.state")
    assert state["check"] == "sloppy"
    assert state["seed"] != piece.evaluate("piece => piece.defaults.seed")
    written = shown(piece)
    expect_outcomes(piece, state["row"], "sloppy")
    expect(piece.get_by_role("status")).to_contain_text(written[0])
    expect(page).to_have_url(re.compile("check=sloppy.*seed="))
    _, other = open_live(page.url[page.url.index("?") :])
    assert other.evaluate("piece => piece.state") == state
    expect(other.locator(".answers-told")).to_contain_text("of 8")
    assert shown(other) == written


def test_by_touch_alone(open_live: OpenLive) -> None:
    page, piece = open_live(has_touch=True, reduced_motion="reduce")
    before = shown(piece)
    piece.get_by_role("button", name="Draw eight answers").tap()
    wait(page, piece)
    assert shown(piece) != before
    piece.get_by_role("button", name="Start again").tap()
    wait(page, piece)
    assert shown(piece) == before


@pytest.mark.parametrize(
    ("query", "wanted"),
    [
        ("?row=3%2B4&step=-7&check=kind&seed=x", {"row": "3+4*2+1*3", "step": 0, "check": "strict"}),
        ("?row=2x2x2x2x2&step=1e9&check=sloppy&seed=-4", {"row": "2*2*2*2*2", "check": "sloppy", "seed": 0}),
        ("?row=__proto__&check=__proto__&step=", {"row": "3+4*2+1*3", "check": "strict"}),
    ],
)
def test_an_address_that_cannot_be_is_repaired(
    open_live: OpenLive, opening: dict[str, Any], query: str, wanted: dict[str, Any]
) -> None:
    page, piece = open_live(query)
    wait(page, piece)
    state = piece.evaluate("piece => piece.state")
    assert {key: state[key] for key in wanted} == wanted
    assert state["step"] in opening["steps"]
    expect_outcomes(piece, state["row"], state["check"])


def test_offline_it_says_so_and_keeps_its_head(open_live: OpenLive, opening: dict[str, Any]) -> None:
    page, piece = open_live()
    page.context.set_offline(True)
    piece.get_by_role("slider").press("End")
    expect(piece.locator(".live-field .live-error")).to_contain_text("offline")
    assert "".join(shown(piece)) == ""
    page.context.set_offline(False)
    page.complaints.clear()
    piece.get_by_role("button", name="Start again").click()
    wait(page, piece)
    assert shown(piece) == opening["answers"]
