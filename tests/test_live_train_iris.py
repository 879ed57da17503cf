"""Chapter 3's live piece: the Iris net trained in the page, as torch trains it."""

import math
import re
from functools import cache
from typing import Any

import pytest
import torch
from conftest import Site
from live_pages import OpenLive, pass_time
from playwright.sync_api import Locator, Page, expect
from safetensors.torch import load_file
from torch import Tensor

from gptbook.models.classifier import IrisNet, accuracy, iris_tensors, train_classifier

pytestmark = pytest.mark.browser

NAME = "train-iris"
FEATURES, LABELS = iris_tensors()


@cache
def training_and_held_out() -> list[Tensor]:
    """The places of the chapter's flowers."""
    from sklearn.model_selection import train_test_split  # here: or each process that collects tests would load it

    places: list[Tensor] = train_test_split(torch.arange(150), test_size=30, stratify=LABELS, random_state=0)
    return places


def torch_run(rate: float) -> tuple[IrisNet, list[float]]:
    training, _ = training_and_held_out()
    return train_classifier(FEATURES[training], LABELS[training], learning_rate=rate)


def losses(piece: Locator) -> Any:
    return piece.evaluate("piece => piece.losses")


def cell(piece: Locator, place: int) -> Locator:
    """Step, loss, right among the seen, right among the unseen."""
    return piece.locator(".train-iris-cells strong").nth(place)


def expect_step(piece: Locator, step: int) -> None:
    expect(cell(piece, 0)).to_have_text(str(step))


def right(piece: Locator, place: int) -> int:
    """How many flowers the piece names rightly."""
    return int(cell(piece, place).inner_text().split(" of ")[0])


@pytest.mark.parametrize("rate", [0.001, 0.02])
def test_200_steps_follow_torchs_losses(open_live: OpenLive, rate: float) -> None:
    _, piece = open_live(f"?rate={rate}&steps=200")
    expect_step(piece, 200)
    net, expected = torch_run(rate)
    # 16 digits here and 7 there: what is lost in a step is handed on to all later ones.
    assert losses(piece) == pytest.approx(expected, abs=1e-3)
    expect(cell(piece, 1)).to_have_text(f"{losses(piece)[-1]:.2f}")
    for place, rows in zip((2, 3), training_and_held_out()):
        named = accuracy(net, FEATURES[rows], LABELS[rows]) * len(rows)
        assert abs(right(piece, place) - named) < 1.5, "a flower at the border may change sides"


def test_it_starts_from_the_chapters_131_numbers(site: Site) -> None:
    torch.manual_seed(0)
    start = load_file(site.folder / "live" / "loss-and-training" / "start.safetensors")
    assert sum(tensor.numel() for tensor in start.values()) == 131
    for name, tensor in IrisNet().state_dict().items():  # the last digit follows the processor that drew it
        torch.testing.assert_close(start[name], tensor)


def test_too_large_a_rate_breaks_it_and_says_so(open_live: OpenLive) -> None:
    _, piece = open_live("?rate=0.5&steps=200")
    even = math.log(3)

    def verdict() -> str:
        highest = max(losses(piece))
        leap = f"{highest:.1f} nats at step {losses(piece).index(highest) + 1}"
        return f"It broke: a leap to {leap}, worse than an even guess at {even:.2f}."

    expect_step(piece, 200)
    expect(piece.locator(".train-iris-verdict")).to_have_text(verdict())
    assert losses(piece)[:5] == pytest.approx(torch_run(0.5)[1][:5], abs=1e-2)
    assert losses(piece)[-1] > even - 0.01
    expect(cell(piece, 1)).to_have_text(f"{losses(piece)[-1]:.2f}")
    piece.get_by_role("slider", name="Learning rate").fill("0")  # its power of ten: the rate 1
    expect(piece.locator("output")).to_have_text("1")
    expect(piece.locator(".train-iris-verdict")).to_have_text(verdict())


def test_numbers_that_run_away_are_no_numbers(opened: tuple[Page, Locator]) -> None:
    page, _ = opened
    last = page.evaluate(
        """async () => {
          const { Training } = await import(new URL("../../widgets/train-iris.js", location.href.split("?")[0]));
          const training = new Training(new Float32Array(131).fill(0.1), 1e300);
          const flowers = document.querySelector("live-train-iris").opening.training;
          for (let step = 0; step < 20; step++) training.step(flowers);
          return Number.isFinite(training.losses.at(-1));
        }"""
    )
    assert last is False


def test_it_opens_with_the_chapters_curves_and_without_weights(opened: tuple[Page, Locator]) -> None:
    page, piece = opened
    expect_step(piece, 0)
    torch.manual_seed(0)
    net = IrisNet()
    _, held_out = training_and_held_out()
    named = accuracy(net, FEATURES[held_out], LABELS[held_out]) * 30
    assert abs(right(piece, 3) - named) < 1.5
    assert float(cell(piece, 1).inner_text()) == pytest.approx(torch_run(0.02)[1][0], abs=0.006)
    assert piece.locator(".train-iris-recorded").count() == 3
    piece.get_by_role("slider", name="Learning rate").fill("-2")
    expect(piece.locator("output")).to_have_text("0.01")
    assert not any(url.endswith(".safetensors") for url in page.asked)


def test_by_keyboard_alone_it_trains_pauses_and_ends_by_itself(open_live: OpenLive) -> None:
    page, piece = open_live(stopped_clock=True)
    piece.get_by_role("slider", name="Learning rate").focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowLeft")
    expect(piece.locator("output")).to_have_text("0.02")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    train = piece.locator(".primary")
    pass_time(page, cell(piece, 0), r"^[1-9]\d+$")
    expect(train).to_have_text("Pause")
    page.keyboard.press("Enter")
    expect(train).to_have_text("Train")
    paused = int(cell(piece, 0).inner_text())
    assert 0 < paused < 200
    page.clock.run_for(10_000)
    expect_step(piece, paused)
    page.keyboard.press("Tab")
    page.keyboard.press("Space")
    expect_step(piece, paused + 1)
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Enter")
    pass_time(page, cell(piece, 0), "^200$")
    expect(train).to_have_text("Train again")
    expect(piece.locator(".train-iris-verdict")).to_have_text(re.compile("the chapter’s curve"))
    page.clock.run_for(1_000)  # what is said to a screen reader comes a little later
    unseen = f"{right(piece, 3)} of 30 unseen flowers right."
    expect(piece.get_by_role("status")).to_contain_text(f"Step 200: loss {losses(piece)[-1]:.2f} nats, {unseen}")
    assert losses(piece) == pytest.approx(torch_run(0.02)[1], abs=1e-3)
    assert page.evaluate("[...busy].filter((work) => work.startsWith('frame'))") == []


def test_by_touch_alone(open_live: OpenLive) -> None:
    page, piece = open_live(has_touch=True, is_mobile=True)
    piece.get_by_role("button", name="One step").tap()
    expect_step(piece, 1)
    piece.get_by_role("button", name="Train").tap()
    expect_step(piece, 200)
    slider = piece.get_by_role("slider", name="Learning rate")
    box = slider.bounding_box()
    assert box is not None
    page.touchscreen.tap(box["x"] + box["width"] - 4, box["y"] + box["height"] / 2)
    expect(piece.locator("output")).to_have_text("1")
    expect(piece.locator(".train-iris-verdict")).to_contain_text("It broke")
    expect_step(piece, 200)  # the same steps at another rate
    piece.get_by_role("button", name="Start again").tap()
    expect_step(piece, 0)
    expect(piece.locator("output")).to_have_text("0.02")


def test_without_motion_all_steps_come_at_once(open_live: OpenLive) -> None:
    _, piece = open_live(reduced_motion="reduce")
    for _ in range(2):
        piece.get_by_role("button", name="Train").click()
        expect_step(piece, 200)
        expect(piece.locator(".primary")).to_have_text("Train again")


def test_start_again_ends_a_training(open_live: OpenLive) -> None:
    page, piece = open_live(stopped_clock=True)
    piece.get_by_role("button", name="Train").click()
    pass_time(page, cell(piece, 0), r"^[1-9]\d+$")
    piece.get_by_role("button", name="Start again").click()
    page.clock.run_for(10_000)
    expect_step(piece, 0)
    expect(piece.locator(".primary")).to_have_text("Train")


def test_where_the_start_does_not_come_it_says_so_and_can_try_again(open_live: OpenLive) -> None:
    page, piece = open_live()
    page.route("**/start.safetensors", lambda route: route.fulfill(status=503))
    piece.get_by_role("button", name="One step").click()
    expect(piece.locator(".train-iris-verdict")).to_contain_text("did not come")
    page.unroute("**/start.safetensors")
    page.complaints.clear()
    piece.get_by_role("button", name="One step").click()
    expect(cell(piece, 0)).not_to_have_text("0")


@pytest.mark.parametrize(
    ("query", "rate", "steps"),
    [
        ("?rate=0.1&steps=37", "0.1", 37),
        ("?rate=banana&steps=", "0.02", 0),
        ("?rate=-5&steps=1e9", "0.001", 200),
        ("?rate=77&steps=-3", "1", 0),
        ("?rate=0.0211&steps=2.4", "0.02", 2),
        ("?rate=0&steps=1", "0.001", 1),
    ],
)
def test_an_address_is_a_state_and_a_bad_one_is_repaired(
    open_live: OpenLive, query: str, rate: str, steps: int
) -> None:
    _, piece = open_live(query)
    expect_step(piece, steps)
    expect(piece.locator("output")).to_have_text(rate)
