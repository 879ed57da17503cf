"""The drawings of what changed: their numbers are the package's, and a listener is told what they show."""

import re
import xml.etree.ElementTree as ET
from collections.abc import Callable

import pytest
import torch

from bookbuild.drawings.since import (
    CHOSEN,
    GROUPS,
    PLACES,
    SCORES,
    SMALL,
    apart,
    clock_hands,
    grouped_queries,
    hands,
    mixture_of_experts,
)
from gptbook.models.grouped import cache_bytes_per_token

SVG = "{http://www.w3.org/2000/svg}"


def texts(svg: str) -> list[str]:
    return [text.text or "" for text in ET.fromstring(svg).findall(f"{SVG}text")]


def test_the_same_gap_is_drawn_as_the_same_angle_and_the_same_product() -> None:
    by_gap: dict[int, list[tuple[float, float]]] = {}
    for places in PLACES:
        if places:
            pointing, product = hands(places)
            by_gap.setdefault(places[0] - places[1], []).append((apart(pointing), product))
    first, second = by_gap[2]
    assert first == pytest.approx(second, abs=1e-4)
    (other,) = by_gap[5]
    assert abs(other[0] - first[0]) > 10
    drawn = texts(clock_hands())
    assert sum(f"{first[0]:.1f}°" in text for text in drawn) == 2
    assert sum(f"{first[1]:.2f}" in text for text in drawn) == 2


def test_a_product_is_the_cosine_of_the_angle_as_it_is_written() -> None:
    """So that a reader finds it with a calculator."""
    for places in PLACES:
        pointing, product = hands(places)
        said = torch.tensor(round(apart(pointing), 1)).deg2rad().cos().item()
        assert f"{said:.2f}" == f"{product:.2f}"


def test_a_query_meets_the_keys_of_its_group() -> None:
    drawn = texts(grouped_queries())
    assert drawn.count("q") == SMALL.num_heads * len(GROUPS)
    assert drawn.count("k") == drawn.count("v") == sum(GROUPS)
    for groups in GROUPS:
        assert f"{2 * groups} rows kept" in drawn
        assert f"{cache_bytes_per_token(SMALL, groups)} bytes" in drawn


def test_the_experts_with_the_highest_scores_work_and_their_shares_sum_to_1() -> None:
    svg = mixture_of_experts()
    highest = sorted(range(len(SCORES)), key=SCORES.__getitem__)[-CHOSEN:]
    title = ET.fromstring(svg).findtext(f"{SVG}title") or ""
    shares = torch.tensor([SCORES[index] for index in highest]).softmax(0)
    for index, share in zip(highest, shares):
        assert f"{index + 1} ({share:.0%})" in title
    assert sum(int(text[:-1]) for text in texts(svg) if text.endswith("%")) == 100


@pytest.mark.parametrize("draw", [clock_hands, grouped_queries, mixture_of_experts])
def test_a_drawing_stays_inside_its_frame_at_every_width_of_its_letters(draw: Callable[[], str]) -> None:
    svg = draw()
    assert svg == draw()
    root = ET.fromstring(svg)
    width, height = (float(root.get(side, "0")) for side in ("width", "height"))
    assert width <= 380
    for text in root.findall(f"{SVG}text"):
        size, x = float(text.get("font-size", "0")), float(text.get("x", "0"))
        wide = 0.56 * size * len(text.text or "")
        left = {"middle": x - wide / 2, "end": x - wide}.get(text.get("text-anchor", ""), x)
        assert left >= -2, text.text
        assert left + wide <= width + 2, text.text
        assert size < float(text.get("y", "0")) + 4 < height + 4
    assert not re.search(r"black|#000", svg)
