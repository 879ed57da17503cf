"""Chapter 3's live piece: the Iris net trained in the page, as torch trains it."""

import re
from typing import Any

import pytest
import torch
from conftest import Site
from live_pages import OpenLive
from playwright.sync_api import Locator, Page, expect
from safetensors.torch import load_file
from sklearn.model_selection import train_test_split

from gptbook.classifier import IrisNet, accuracy, iris_tensors, train_classifier

pytestmark = pytest.mark.browser

NAME = "train-iris"
FEATURES, LABELS = iris_tensors()
TRAINING, HELD_OUT = train_test_split(torch.arange(150), test_size=30, stratify=LABELS, random_state=0)


def torch_run(rate: float) -> tuple[IrisNet, list[float]]:
    return train_classifier(FEATURES[TRAINING], LABELS[TRAINING], learning_rate=rate)


def losses(piece: Locator) -> Any:
    return piece.evaluate("piece => piece.losses")


def cell(piece: Locator, place: int) -> Locator:
    """Step, loss, right among the seen, right among the unseen."""
    return piece.locator(".train-iris-cells strong").nth(place)


def expect_step(piece: Locator, step: int) -> None:
    expect(cell(piece, 0)).to_have_text(str(step), timeout=15_000)


@pytest.mark.parametrize("rate", [0.001, 0.02])
def test_200_steps_follow_torchs_losses(open_live: OpenLive, rate: float) -> None:
    _, piece = open_live(f"?rate={rate}&steps=200")
    expect_step(piece, 200)
    net, expected = torch_run(rate)
    gaps = [abs(mine - theirs) for mine, theirs in zip(losses(piece), expected, strict=True)]
    assert max(gaps) < 1e-4
    expect(cell(piece, 1)).to_have_text(f"{expected[-1]:.2f}")
    for place, rows in ((2, TRAINING), (3, HELD_OUT)):
        right = round(accuracy(net, FEATURES[rows], LABELS[rows]) * len(rows))
        expect(cell(piece, place)).to_have_text(f"{right} of {len(rows)}")


def test_it_starts_from_the_chapters_131_numbers(site: Site) -> None:
    torch.manual_seed(0)
    start = load_file(site.folder / "live" / "loss-and-training" / "start.safetensors")
    assert sum(tensor.numel() for tensor in start.values()) == 131
    assert all(torch.equal(start[name], tensor) for name, tensor in IrisNet().state_dict().items())


def test_too_large_a_rate_breaks_it_and_says_so(open_live: OpenLive) -> None:
    _, piece = open_live("?rate=0.5&steps=200")
    expect(piece.locator(".train-iris-verdict")).to_have_text(
        "It broke: a leap to 13.3 nats at step 3, worse than an even guess at 1.10."
    )
    assert losses(piece)[:5] == pytest.approx(torch_run(0.5)[1][:5], abs=1e-3)
    expect(cell(piece, 1)).to_have_text("1.10")
    expect(cell(piece, 3)).to_have_text("10 of 30")
    piece.get_by_role("slider", name="Learning rate").fill("0")  # its power of ten: the rate 1
    expect(piece.locator(".train-iris-verdict")).to_contain_text("It broke: a leap to 59.0 nats")


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
    right = round(accuracy(net, FEATURES[HELD_OUT], LABELS[HELD_OUT]) * 30)
    expect(cell(piece, 3)).to_have_text(f"{right} of 30")
    expect(cell(piece, 1)).to_have_text(f"{torch_run(0.02)[1][0]:.2f}")
    assert piece.locator(".train-iris-recorded").count() == 3
    piece.get_by_role("slider", name="Learning rate").fill("-2")
    expect(piece.locator("output")).to_have_text("0.01")
    assert not any(url.endswith(".safetensors") for url in page.asked)


def test_by_keyboard_alone_it_trains_pauses_and_ends_by_itself(opened: tuple[Page, Locator]) -> None:
    page, piece = opened
    piece.get_by_role("slider", name="Learning rate").focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowLeft")
    expect(piece.locator("output")).to_have_text("0.02")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    train = piece.locator(".primary")
    expect(train).to_have_text("Pause")
    expect(cell(piece, 0)).to_have_text(re.compile(r"^[1-9]\d+$"))
    page.keyboard.press("Enter")
    expect(train).to_have_text("Train")
    paused = int(cell(piece, 0).inner_text())
    assert 0 < paused < 200
    page.wait_for_timeout(150)
    expect_step(piece, paused)
    page.keyboard.press("Tab")
    page.keyboard.press("Space")
    expect_step(piece, paused + 1)
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Enter")
    expect_step(piece, 200)
    expect(train).to_have_text("Train again")
    expect(piece.locator(".train-iris-verdict")).to_have_text(re.compile("the chapter’s curve"))
    expect(piece.get_by_role("status")).to_contain_text("Step 200: loss 0.06 nats, 30 of 30 unseen flowers right.")
    assert losses(piece) == pytest.approx(torch_run(0.02)[1], abs=1e-4)
    frames = piece.evaluate(
        """async () => {
          let asked = 0;
          const real = window.requestAnimationFrame;
          window.requestAnimationFrame = (callback) => (asked++, real(callback));
          await new Promise((resolve) => setTimeout(resolve, 300));
          window.requestAnimationFrame = real;
          return asked;
        }"""
    )
    assert frames == 0


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


def test_start_again_ends_a_training(opened: tuple[Page, Locator]) -> None:
    page, piece = opened
    piece.get_by_role("button", name="Train").click()
    expect(cell(piece, 0)).to_have_text(re.compile(r"^[1-9]\d+$"))
    piece.get_by_role("button", name="Start again").click()
    page.wait_for_timeout(150)
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
