"""Drag the size: the page predicts as the fitted power law does, tells what was measured, and needs no mouse."""

import re
import statistics

import numpy as np
import pytest
from live_pages import OpenLive
from playwright.sync_api import Locator, Page, expect

from gptbook.data.tables import read_record
from gptbook.experiments.power_law import PowerLaw, fit_power_law, single_run_laws

pytestmark = pytest.mark.browser

NAME = "scale"


def measured() -> dict[int, list[float]]:
    by_size: dict[int, list[float]] = {}
    for row in read_record("scaling")["rows"]:
        by_size.setdefault(row["block_parameters"], []).append(row["held_out_loss"])
    return dict(sorted(by_size.items()))


FITS = {"three": (0, 3, True), "ruler": (1, 3, False), "six": (0, 6, True)}
"""Of each fit: its first size, the one after its last, and whether it has a floor."""


def law(fit: str) -> PowerLaw:
    """The law through some sizes of the record."""
    first, end, with_floor = FITS[fit]
    by_size = measured()
    sizes = list(by_size)[first:end]
    return fit_power_law(sizes, [statistics.fmean(by_size[size]) for size in sizes], with_floor)


def by_seeds(size: int) -> str:
    return ", ".join(f"{loss:.3f}" for loss in measured()[size]) + " nats"


def lines(piece: Locator) -> dict[str, str]:
    texts = piece.locator(".live-lines > div").all()
    return {line.locator("dt").inner_text(): line.locator("dd").inner_text() for line in texts}


def predictions(page: Page, fit: str, sizes: list[float]) -> list[dict[str, float]]:
    answer = page.evaluate(
        """async ([script, opening, fit, sizes]) => {
            const { predict } = await import(script);
            const { fits } = await (await fetch(opening)).json();
            return sizes.map((size) => predict(fits[fit], size));
        }""",
        ["/widgets/scale.js", "/live/scaling/opening.json", fit, sizes],
    )
    return list(answer)


@pytest.mark.parametrize("fit", FITS)
def test_predicts_as_the_package_does(open_live: OpenLive, fit: str) -> None:
    by_size = measured()
    first, end, with_floor = FITS[fit]
    sizes = list(by_size)[first:end]
    laws = single_run_laws(sizes, [by_size[size] for size in sizes], with_floor)
    page, _ = open_live()
    asked = [*map(float, by_size), *np.geomspace(1e4, 1e9, 20).tolist()]
    for size, answer in zip(asked, predictions(page, fit, asked), strict=True):
        losses = [law.loss(size) for law in laws]
        assert answer["loss"] == pytest.approx(law(fit).loss(size), abs=1e-9)
        assert (answer["low"], answer["high"]) == pytest.approx((min(losses), max(losses)), abs=2e-3)


def test_opens_on_the_sixth_and_tells_what_was_measured(open_live: OpenLive) -> None:
    page, piece = open_live()
    told = lines(piece)
    by_size = measured()
    *_, sixth = by_size
    assert told["Predicted"].startswith(f"{law('three').loss(sixth):.3f} nats (")
    assert told["Measured"].startswith(f"{statistics.fmean(by_size[sixth]):.3f} nats")
    third = piece.get_by_role("button", name=re.compile("The third, of width 48, 55,296 parameters"))
    third.hover()
    assert by_seeds(list(by_size)[2]) in piece.locator(".scale-note").inner_text()
    third.click()
    assert lines(piece)["Times the third's computing"] == "1"
    assert "Fitted" in lines(piece)
    box = third.bounding_box()
    assert box
    assert min(box["width"], box["height"]) >= 24
    assert not [url for url in page.asked if "safetensors" in url]


def test_by_keyboard_alone(open_live: OpenLive) -> None:
    page, piece = open_live()
    piece.get_by_role("button", name=re.compile("The first")).focus()
    for ordinal in ("second", "third", "fourth", "fifth", "sixth"):
        page.keyboard.press("Tab")
        assert f"The {ordinal}" in piece.locator(".scale-note").inner_text()
    page.keyboard.press("Tab")
    assert "A dot" in piece.locator(".scale-note").inner_text()
    page.keyboard.press("End")
    told = lines(piece)
    assert told["Measured"] == "not here"
    assert told["Projected"].startswith(f"{law('three').loss(1e9):.3f} nats")
    expect(page).to_have_url(re.compile("size=1000000000"))
    page.keyboard.press("Tab")
    page.keyboard.press("ArrowRight")
    assert lines(piece)["Floor"].startswith("none")
    page.keyboard.press("ArrowRight")
    assert any(name.startswith(f"Above the floor of {law('six').floor:.3f}") for name in lines(piece))
    expect(piece.locator(".live-status")).to_contain_text("1 billion parameters. Projected")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")  # start again
    assert "Predicted" in lines(piece)


def test_by_touch_alone(open_live: OpenLive) -> None:
    page, piece = open_live(has_touch=True, is_mobile=True)
    piece.get_by_role("button", name=re.compile("The first")).tap()
    assert by_seeds(next(iter(measured()))) in piece.locator(".scale-note").inner_text()
    slider = piece.get_by_role("slider", name="Size")
    assert slider.get_attribute("aria-valuetext") == "6,144 parameters"
    box = slider.bounding_box()
    assert box
    page.touchscreen.tap(box["x"] + 0.75 * box["width"], box["y"] + box["height"] / 2)
    assert "Projected" in lines(piece)
    piece.get_by_role("radio", name="all six").tap()
    assert any(f"{law('six').floor:.3f}" in name for name in lines(piece))


@pytest.mark.parametrize(
    ("query", "size", "kind"),
    [
        ("?size=-5&fit=none", "6,144 parameters", "Fitted"),
        ("?size=1e99", "1 billion parameters", "Projected"),
        ("?size=huge", "1.04 million parameters", "Predicted"),
        ("?size=85000000", "85.1 million parameters", "Projected"),
    ],
)
def test_an_address_that_cannot_be_is_repaired(open_live: OpenLive, query: str, size: str, kind: str) -> None:
    _, piece = open_live(query)
    assert piece.locator("output").inner_text() == size
    assert kind in lines(piece)
