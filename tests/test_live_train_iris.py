"""Chapter 3's live piece: the Iris net trained in the page, as torch trains it."""

import json
import math
import re
from functools import cache
from itertools import pairwise
from typing import Any

import pytest
import torch
from conftest import Site
from live_pages import OpenLive, pass_time
from playwright.sync_api import Locator, Page, expect
from torch import Tensor

from gptbook.models.classifier import SPECIES, IrisNet, accuracy, iris_tensors, train_classifier

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


def net_of(piece: Locator) -> IrisNet:
    """The page's net as torch's, in double precision."""
    net = IrisNet().double()
    numbers = torch.tensor(piece.evaluate("piece => piece.numbers"), dtype=torch.float64)
    torch.nn.utils.vector_to_parameters(numbers, net.parameters())
    return net.requires_grad_(False)


def average_sepals() -> list[float]:
    """Length and width (cm), in one digit."""
    training, _ = training_and_held_out()
    return [round(cm, 1) for cm in FEATURES[training][:, :2].double().mean(dim=0).tolist()]


def on_the_plane(petals: Tensor) -> Tensor:
    """Flowers with these petals, (B, 2), and average sepals: (B, 4)."""
    sepals = torch.tensor(average_sepals(), dtype=torch.float64).expand(len(petals), 2)
    return torch.cat([sepals, petals.double()], dim=1)


def counts_of_units(net: IrisNet) -> Tensor:
    """For how many training flowers of each species every unit is on, (16, 3)."""
    training, _ = training_and_held_out()
    on = net.hidden(FEATURES[training].double()) > 0  # (120, 16)
    return torch.stack([on[LABELS[training] == species].sum(dim=0) for species in range(3)], dim=1)


def numbers_in(text: str) -> list[float]:
    return [float(number) for number in re.findall(r"-?\d+(?:\.\d+)?", text.replace("\N{MINUS SIGN}", "-"))]


def test_it_starts_from_the_chapters_131_numbers(site: Site) -> None:
    torch.manual_seed(0)
    path = site.folder / "live" / "loss-and-training" / "opening.json"
    start = torch.tensor(json.loads(path.read_text(encoding="utf-8"))["start"])
    assert len(start) == 131
    # The last digit follows the processor that drew it.
    torch.testing.assert_close(start, torch.nn.utils.parameters_to_vector(IrisNet().parameters()))


STATES = ["?steps=0", "?steps=30", "?steps=200", "?steps=200&rate=0.5"]


@pytest.mark.parametrize("query", STATES)
def test_a_region_is_where_torch_gives_its_species_the_highest_score(open_live: OpenLive, query: str) -> None:
    _, piece = open_live(query)
    net = net_of(piece)
    petals = torch.rand(400, 2, generator=torch.Generator().manual_seed(1)) * torch.tensor([6.4, 2.6])
    petals += torch.tensor([0.7, 0.05])  # as far as the picture goes
    drawn = piece.evaluate(
        """(piece, petals) => {
          const { plane, regions } = piece.picture;
          // A tick's place says where a length is drawn.
          const ticks = [...plane.querySelectorAll("text")];
          const place = (words, axis) => Number(ticks.find((tick) => tick.textContent === words).getAttribute(axis));
          const [two, six] = ["2", "6"].map((words) => place(words, "x"));
          const [zero, one] = ["0", "1"].map((words) => place(words, "y") - 4.5);
          const spot = ([length, width]) =>
            new DOMPoint(two + ((six - two) / 4) * (length - 2), zero + (one - zero) * width);
          return petals.map((petal) => regions.map((region) => region.isPointInFill(spot(petal))));
        }""",
        petals.tolist(),
    )
    called_at = net(on_the_plane(petals)).argmax(dim=1)
    clear = torch.ones(len(petals), dtype=torch.bool)  # not at a border, which is drawn to a tenth of a pixel
    for nudge in ([0.02, 0.0], [-0.02, 0.0], [0.0, 0.02], [0.0, -0.02]):
        clear &= net(on_the_plane(petals + torch.tensor(nudge))).argmax(dim=1) == called_at
    assert clear.sum() > 300
    for regions, called, is_clear in zip(drawn, called_at.tolist(), clear.tolist(), strict=True):
        if is_clear:
            assert regions == [kind == called for kind in range(3)]


@pytest.mark.parametrize("query", STATES)
def test_a_small_picture_is_torchs_answer_of_its_unit(open_live: OpenLive, query: str) -> None:
    _, piece = open_live(query)
    net = net_of(piece)
    corners = torch.tensor([[length, width] for length in (0.6, 7.2) for width in (0.0, 2.7)])
    answers = net.hidden(on_the_plane(corners))  # (4, 16), before what is below 0 is cut off
    # The tint grows from the gradient's start, where the unit turns on, to its end, at an answer of 6.
    drawn = piece.evaluate(
        """(piece) => piece.picture.tints.map(({ tint, ground }) => {
          const [x, y, width, height] = ["x", "y", "width", "height"].map((name) => Number(ground.getAttribute(name)));
          const [x1, y1, x2, y2] = ["x1", "y1", "x2", "y2"].map((name) => Number(tint.getAttribute(name)));
          const corners = [[x, y + height], [x, y], [x + width, y + height], [x + width, y]];
          const long = (x2 - x1) ** 2 + (y2 - y1) ** 2;
          const parts = corners.map((at) => ((at[0] - x1) * (x2 - x1) + (at[1] - y1) * (y2 - y1)) / long);
          return [ground.getAttribute("visibility") === "visible", parts];
        })"""
    )
    for unit, (visible, parts) in enumerate(drawn):
        answer = answers[:, unit]
        assert visible == bool((answer > 0).any())
        assert parts == pytest.approx((answer / 6).tolist(), abs=1e-3)


@pytest.mark.parametrize("query", STATES)
def test_its_sentence_counts_what_torch_counts(open_live: OpenLive, query: str) -> None:
    _, piece = open_live(query)
    net = net_of(piece)
    training, _ = training_and_held_out()
    own = int((net(on_the_plane(FEATURES[training][:, 2:])).argmax(dim=1) == LABELS[training]).sum())
    alive = int(counts_of_units(net).any(dim=1).sum())
    told = numbers_in(piece.locator(".train-iris-told").inner_text())
    assert abs(told[0] - own) < 1.5, "a flower at the border may change sides"
    assert told[1:] == [120, 16, alive, 16 - alive]
    drawn = piece.evaluate("({ picture }) => picture.dots.map((path) => path.getAttribute('d').split('M').length - 1)")
    assert sum(drawn) == 120
    assert sum(drawn[3:]) == 120 - int(told[0])
    expect(piece.locator(".iris-unit.dead")).to_have_count(16 - alive)
    about = numbers_in(piece.locator(".train-iris-pictures .live-note").first.inner_text())
    assert about == average_sepals()


def test_a_unit_says_its_numbers_and_whom_it_answers_and_draws_its_border(open_live: OpenLive) -> None:
    page, piece = open_live("?steps=60")
    net = net_of(piece)
    counts = counts_of_units(net)
    sides = net.hidden(on_the_plane(torch.tensor([[0.6, 0.0], [0.6, 2.7], [7.2, 0.0], [7.2, 2.7]]))) > 0  # (4, 16)
    sentence = piece.locator(".train-iris-unit")
    for unit in range(16):
        piece.locator(".iris-unit").nth(unit).click()
        said = numbers_in(sentence.inner_text())
        weights = [*net.hidden.weight[unit].tolist(), -net.hidden.bias[unit].item()]
        signed = [abs(number) for number in said[1:6]], [abs(number) for number in weights]
        assert signed[0] == pytest.approx(signed[1], abs=0.0051)
        # A minus stands apart from its number, but for the first and the last.
        text = sentence.inner_text().replace("\N{MINUS SIGN} ", "-").replace("\N{MINUS SIGN}", "-")
        assert numbers_in(text)[1:6] == pytest.approx(weights, abs=0.0051)
        if counts[unit].any():
            assert said[6:] == counts[unit].tolist()
            assert all(name in text for name in SPECIES)
        else:
            assert "none" in text
        is_drawn = bool(piece.locator(".iris-front").get_attribute("d"))
        assert is_drawn == bool(sides[:, unit].any() and not sides[:, unit].all())
        assert ("picture" in text) != is_drawn
    expect(page).to_have_url(re.compile("unit=16"))


@pytest.mark.parametrize(("width", "columns"), [(390, 8), (1280, 4)])
def test_arrow_keys_walk_the_units(open_live: OpenLive, width: int, columns: int) -> None:
    page, piece = open_live(viewport={"width": width, "height": 900})
    piece.get_by_role("button", name="One step").focus()
    page.keyboard.press("Tab")
    at = 1
    for key, step in (("", 0), ("ArrowRight", 1), ("ArrowDown", columns), ("ArrowLeft", -1), ("ArrowUp", -columns)):
        if key:
            page.keyboard.press(key)
        at += step
        chosen = piece.get_by_role("radio", checked=True)
        expect(chosen).to_have_count(1)
        expect(chosen).to_be_focused()
        assert piece.evaluate("piece => piece.state.unit") == at
        expect(piece.locator(".train-iris-unit")).to_contain_text(f"Unit {at} ")
    page.keyboard.press("End")
    assert piece.evaluate("piece => piece.state.unit") == 16
    page.keyboard.press("ArrowRight")  # there is none: nothing happens
    assert piece.evaluate("piece => piece.state.unit") == 16
    expect(piece.get_by_role("status")).to_contain_text("Unit 16 ")
    page.keyboard.press("Escape")
    assert piece.evaluate("piece => piece.state.unit") == 0
    expect(piece.get_by_role("radio", checked=True)).to_have_count(0)
    expect(piece.locator(".iris-front")).to_have_attribute("d", "")


def test_regions_and_units_change_while_it_trains(open_live: OpenLive) -> None:
    page, piece = open_live("?unit=6", stopped_clock=True)
    drawn = "piece => [...piece.picture.plane.querySelectorAll('.iris-regions path')].map((p) => p.getAttribute('d'))"
    tints = "piece => piece.picture.tints.map(({ tint }) => tint.getAttribute('x1'))"
    seen = []
    piece.get_by_role("button", name="Train").click()
    for steps in (r"^[1-9]$", r"^[3-9]\d$", r"^1\d\d$", "^200$"):
        pass_time(page, cell(piece, 0), steps)
        seen.append(json.dumps([piece.evaluate(drawn), piece.evaluate(tints)]))
    assert len(set(seen)) == 4
    assert all(json.loads(one)[0] != json.loads(other)[0] for one, other in pairwise(seen))


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
