"""Choosing on validation names, and the error of a difference, against a resampling of the names."""

import math
from typing import Any

import pytest
import torch

from gptbook.experiments.width_choice import (
    chosen_width,
    compared_with,
    mean_by_width,
    paired_difference,
    table_by_name,
)

NAMES = ["ab", "c", "abcd"]


def part(width: int, seed: int, loss: float, totals: list[float]) -> dict[str, Any]:
    return {"context_length": width, "seed": seed, "validation_loss": loss, "name_surprises": totals}


PARTS = [
    part(1, 0, 2.0, [3.0, 2.0, 5.0]),
    part(2, 0, 1.0, [2.0, 2.0, 4.0]),
    part(3, 0, 1.1, [2.0, 2.5, 4.0]),
    part(1, 1, 2.2, [3.0, 3.0, 5.0]),
    part(2, 1, 1.4, [4.0, 2.0, 4.0]),
    part(3, 1, 1.2, [2.0, 1.5, 4.0]),
]


def test_positions_become_a_row_for_each_name() -> None:
    table = table_by_name(torch.arange(10.0), NAMES)
    assert table.shape == (3, 5)
    assert [row[~row.isnan()].tolist() for row in table] == [[0, 1, 2], [3, 4], [5, 6, 7, 8, 9]]
    with pytest.raises(RuntimeError):
        table_by_name(torch.arange(9.0), NAMES)


def test_the_mean_over_the_seeds_chooses_and_not_the_luckiest_seed() -> None:
    means = {width: loss.item() for width, loss in mean_by_width(PARTS, "validation_loss").items()}
    assert means == pytest.approx({1: 2.1, 2: 1.2, 3: 1.15})
    assert chosen_width(PARTS) == 3
    assert chosen_width([each for each in PARTS if each["seed"] == 0]) == 2


def test_every_width_is_compared_with_one_over_the_mean_of_its_seeds() -> None:
    found = compared_with(3, PARTS, NAMES)
    assert list(found) == [1, 2, 3]
    assert found[3] == (0, 0)
    assert found[1][0] == pytest.approx((1.0 + 0.5 + 1.0) / 10)
    assert found[2][0] == pytest.approx((1.0 + 0.0 + 0.0) / 10)
    assert found[1][1] > 0


def test_the_error_is_how_far_the_difference_scatters_with_other_names() -> None:
    generator = torch.Generator().manual_seed(0)
    lengths = torch.randint(2, 12, (800,), generator=generator).double()
    hard = torch.rand(800, dtype=torch.float64, generator=generator) * 3 * lengths  # for both alike
    one = hard + torch.randn(800, dtype=torch.float64, generator=generator) + 0.1 * lengths
    other = hard + torch.randn(800, dtype=torch.float64, generator=generator)
    higher, error = paired_difference(one, other, lengths)
    drawn = torch.randint(800, (4000, 800), generator=generator)
    again = (one - other)[drawn].sum(dim=1) / lengths[drawn].sum(dim=1)
    assert error == pytest.approx(again.std().item(), rel=0.1)
    assert higher == pytest.approx(((one - other).sum() / lengths.sum()).item())
    assert abs(higher - 0.1) < 4 * error
    apart = (one / lengths).std().item() / math.sqrt(800)
    assert error < apart, "what makes a name hard for both cancels out"
    assert paired_difference(other, one, lengths) == pytest.approx((-higher, error))
