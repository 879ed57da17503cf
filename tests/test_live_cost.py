"""The cost calculator: it counts as the package does, to the last digit, and keyboard or touch alone can use it."""

import random
import re

import pytest
from live_pages import OpenLive
from playwright.sync_api import Page, expect

from gptbook.experiments.budget import book_dollars, book_estimate
from gptbook.machine.cost import (
    PUBLISHED_SHARE,
    SETUP_HOURS,
    Estimate,
    Job,
    duration,
    estimate,
    find_gpu,
    known_gpus,
)
from gptbook.models.gpt import GPTConfig
from gptbook.models.sizes import parameter_count
from gptbook.tasks.recipe_words import gpt2_124m

pytestmark = pytest.mark.browser

NAME = "cost"
DEFAULTS = {
    "layers": 12,
    "width": 768,
    "steps": gpt2_124m().num_steps,
    "gpu": "h100",
    "gpus": 1,
    "share": round(100 * PUBLISHED_SHARE),
}
BILL = """() => Object.fromEntries([...document.querySelectorAll("live-cost .live-lines > div")]
    .map((line) => [line.children[0].textContent, line.children[1].textContent]))"""


def job(state: dict) -> Job:
    config = GPTConfig(
        num_layers=state["layers"],
        model_dim=state["width"],
        mlp_dim=4 * state["width"],
        num_heads=state["width"] // 128,
    )
    return Job(
        config=config, form="speedrun", optimizer="muon", batch_size=gpt2_124m().batch_size, num_steps=state["steps"]
    )


def setup(wanted: Estimate, price: float) -> float:
    return wanted.total(price) - wanted.dollars(price)


def bill(page: Page) -> dict[str, str]:
    return page.evaluate(BILL)


def settings(number: int) -> list[dict]:
    chance = random.Random(0)
    return [
        {
            "layers": chance.randint(1, 48),
            "width": 128 * chance.randint(1, 20),
            "steps": round(10 ** chance.uniform(2, 6)),
            "gpu": chance.choice(list(known_gpus())),
            "gpus": chance.choice((1, 2, 4, 8)),
            "share": chance.randrange(5, 101),
        }
        for _ in range(number)
    ]


def test_counts_as_the_package_does_to_the_last_digit(open_live: OpenLive) -> None:
    page, _ = open_live()
    asked = [DEFAULTS, *settings(400)]
    answers = page.evaluate(
        """async ([script, opening, asked]) => {
            const { estimate, duration } = await import(script);
            const answer = await (await fetch(opening)).json();
            return asked.map((state) => {
                const e = estimate(answer, state);
                return { ...e, told: duration(e.seconds) };
            });
        }""",
        ["/widgets/cost.js", "/live/five-dollars/opening.json", asked],
    )
    too_small = 0
    for state, answer in zip(asked, answers, strict=True):
        gpu = find_gpu(state["gpu"])
        assert answer["parameters"] == parameter_count(job(state).config, "speedrun"), state
        assert answer["tokens"] == job(state).num_tokens, state
        try:
            wanted = estimate(job(state), gpu, state["gpus"], state["share"] / 100)
        except ValueError:
            assert answer["sequences"] == 0, state
            too_small += 1
            continue
        assert (answer["sequences"], answer["memory"]) == (wanted.sequences, wanted.memory_bytes), state
        assert answer["seconds"] == wanted.seconds, state
        assert answer["told"].replace(",", "") == duration(wanted.seconds), state
        if gpu.price_per_hour_usd is None:
            assert answer["dollars"] is None
            continue
        for key, price in (
            ("dollars", gpu.price_per_hour_usd),
            ("low", gpu.price_low_usd),
            ("high", gpu.price_high_usd),
        ):
            assert price is not None
            assert answer[key] == wanted.dollars(price), (state, key)
        assert answer["withSetup"] == wanted.dollars(gpu.price_per_hour_usd, SETUP_HOURS), state
        median = gpu.price_per_hour_usd
        bought = max(0, 5 - setup(wanted, median)) / wanted.dollars(median) * wanted.job.num_tokens
        assert answer["bought"] == pytest.approx(bought, rel=1e-9), state
    assert 10 < too_small < 300, "some of the settings do not fit, and most do"


def test_opens_on_the_bill_of_the_page(open_live: OpenLive) -> None:
    page, piece = open_live()
    wanted, price = estimate(job(DEFAULTS), find_gpu("h100")), find_gpu("h100").price_per_hour_usd or 0
    assert wanted == book_estimate()
    lines = bill(page)
    assert lines["= time, projected"] == duration(wanted.seconds)
    assert lines["= training, projected"] == f"${wanted.dollars(price):.2f}"
    assert lines["+ setup, assumed"] == f"${setup(wanted, price):.2f}"
    assert lines["= cost, projected"] == f"${book_dollars():.2f}"
    assert lines["Fits in GPU memory"] == f"{wanted.sequences} texts at once"
    assert (5 - setup(wanted, price)) / wanted.dollars(price) >= 1, "the headline says so"
    assert "Five dollars buy it once." in piece.inner_text()
    assert "October 24, 2026: the median of 16 offers, $2.58 to $6.16" in piece.inner_text()
    piece.locator("summary").click()
    assert "renshuBTC" in piece.inner_text()


def test_by_keyboard_alone(open_live: OpenLive) -> None:
    page, piece = open_live(viewport={"width": 1280, "height": 900})
    piece.get_by_label("GPU", exact=True).focus()
    page.keyboard.type("A100 80")
    page.keyboard.press("Tab")
    page.keyboard.press("ArrowRight")  # two of them
    for name, key in (("Blocks", "ArrowLeft"), ("Width", "ArrowRight"), ("Tokens", "Home"), ("Share of peak", "End")):
        page.keyboard.press("Tab")
        assert name in page.evaluate("document.activeElement.labels[0].textContent")
        page.keyboard.press(key)
    state = {"layers": 11, "width": 896, "steps": 100, "gpu": "a100-80", "gpus": 2, "share": 100}
    wanted = estimate(job(state), find_gpu("a100-80"), 2, 1.0)
    assert bill(page)["= time, projected"] == duration(wanted.seconds)
    expect(page).to_have_url(re.compile("(?=.*width=896)(?=.*gpus=2)"))
    expect(piece.locator(".live-status")).to_contain_text("Projected: ")
    page.keyboard.press("Tab")  # the sources
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")  # start again
    assert bill(page)["= time, projected"] == duration(estimate(job(DEFAULTS), find_gpu("h100")).seconds)


def test_by_touch_alone(open_live: OpenLive) -> None:
    page, piece = open_live(has_touch=True, is_mobile=True)
    before = bill(page)
    piece.get_by_role("radio", name="8").tap()
    tokens = piece.get_by_role("slider", name="Tokens")
    box = tokens.bounding_box()
    assert box
    assert box["height"] >= 44
    page.touchscreen.tap(box["x"] + box["width"] - 8, box["y"] + box["height"] / 2)
    after = bill(page)
    assert after["÷ GPUs"] == "8"
    assert before["× tokens"] == f"{gpt2_124m().num_tokens / 1e9:.3g} billion"
    most = 700_000 * gpt2_124m().batch_tokens  # the right end of the slider
    assert after["× tokens"] == f"{most / 1e9:.3g} billion"
    piece.get_by_text("Start again").tap()
    assert bill(page) == before


def test_an_address_that_cannot_be_is_repaired(open_live: OpenLive) -> None:
    query = "?layers=999&width=abc&steps=-5&gpu=banana&gpus=3&share=1e9"
    page, piece = open_live(query)
    values = piece.locator("output").all_inner_texts()
    fewest = f"{100 * gpt2_124m().batch_tokens / 1e6:.2g} million"
    assert values == ["48", "768", fewest, "100%"]
    assert piece.get_by_label("GPU", exact=True).input_value() == "h100"
    assert bill(page)["÷ GPUs"] in {"2", "4"}


def test_what_has_no_price_and_what_does_not_fit_are_said(open_live: OpenLive) -> None:
    page, piece = open_live("?gpu=rtx-4060&layers=40&width=2048")
    lines = bill(page)
    assert lines["= cost, projected"] == "unknown"
    assert lines["Fits in GPU memory"].startswith("no: needs ")
    assert "no price in the table" in piece.inner_text()
