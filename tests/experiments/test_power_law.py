"""The law of size: what the fit finds, what it refuses, and what it says about the record."""

import statistics
from itertools import groupby

import pytest

from gptbook.data.tables import read_record
from gptbook.experiments.power_law import PowerLaw, fit_power_law, single_run_laws

SIZES = [6_144.0, 24_576.0, 55_296.0, 153_600.0, 393_216.0]
LAW = PowerLaw(floor=1.1, scale=4_600.0, exponent=0.39)


def losses(law: PowerLaw) -> list[float]:
    return [law.loss(size) for size in SIZES]


@pytest.mark.parametrize(
    "law",
    [LAW, PowerLaw(floor=0.2, scale=1e5, exponent=0.1), PowerLaw(floor=2.0, scale=500.0, exponent=1.0)],
)
def test_the_fit_recovers_the_law_that_made_the_losses(law: PowerLaw) -> None:
    found = fit_power_law(SIZES, losses(law))
    assert found.floor == pytest.approx(law.floor, rel=1e-5)
    assert found.scale == pytest.approx(law.scale, rel=1e-3)
    assert found.exponent == pytest.approx(law.exponent, rel=1e-5)
    assert found.loss(1e7) == pytest.approx(law.loss(1e7), rel=1e-6)


def test_a_law_without_a_floor_is_recovered_with_and_without_one() -> None:
    law = PowerLaw(floor=0.0, scale=2e9, exponent=0.07)
    for with_floor in (True, False):
        found = fit_power_law(SIZES, losses(law), with_floor)
        assert found.loss(1e7) == pytest.approx(law.loss(1e7), rel=1e-5)
    assert found.floor == 0.0


def test_ten_times_the_size_divides_what_is_left_by_the_same_number() -> None:
    left = [LAW.loss(size) - LAW.floor for size in (1e4, 1e5, 1e6)]
    assert left[0] / left[1] == pytest.approx(10**LAW.exponent)
    assert left[1] / left[2] == pytest.approx(10**LAW.exponent)
    assert LAW.loss(LAW.scale) == pytest.approx(LAW.floor + 1)


def test_the_order_of_the_sizes_does_not_matter() -> None:
    backwards = fit_power_law(SIZES[::-1], losses(LAW)[::-1])
    assert backwards.loss(1e6) == pytest.approx(LAW.loss(1e6), rel=1e-6)


def test_without_noise_every_choice_of_runs_gives_the_same_law() -> None:
    laws = single_run_laws(SIZES, [[loss, loss] for loss in losses(LAW)])
    assert len(laws) == 2 ** len(SIZES)
    assert [law.loss(1e6) for law in laws] == pytest.approx([LAW.loss(1e6)] * len(laws), rel=1e-5)


def test_noise_spreads_the_laws_on_both_sides() -> None:
    noisy = [[0.99 * loss, 1.01 * loss] for loss in losses(LAW)[:3]]
    far = [law.loss(1e6) for law in single_run_laws(SIZES[:3], noisy)]
    assert min(far) < LAW.loss(1e6) < max(far)


def test_without_a_floor_two_sizes_are_a_ruler() -> None:
    (ruler,) = single_run_laws(SIZES[:2], [[loss] for loss in losses(LAW)[:2]], with_floor=False)
    assert ruler.floor == 0
    assert [ruler.loss(size) for size in SIZES[:2]] == pytest.approx(losses(LAW)[:2], rel=1e-6)
    assert ruler.loss(SIZES[4]) < LAW.loss(SIZES[4])


def test_a_loss_without_its_size_is_refused() -> None:
    with pytest.raises(ValueError, match="5 sizes and 4 losses: give one loss for each size"):
        fit_power_law(SIZES, losses(LAW)[:-1])


def test_too_few_sizes_are_refused() -> None:
    with pytest.raises(ValueError, match="2 different sizes, and a law of 3 numbers needs 3: train more"):
        fit_power_law([1e3, 1e4, 1e4], [2.0, 1.5, 1.5])
    fit_power_law([1e3, 1e4], [2.0, 1.5], with_floor=False)


@pytest.mark.parametrize("bad", [0.0, -1.0, float("nan"), float("inf")])
def test_a_loss_or_size_that_cannot_be_is_refused(bad: float) -> None:
    with pytest.raises(ValueError, match="a loss is not above 0"):
        fit_power_law(SIZES, [*losses(LAW)[:-1], bad])
    with pytest.raises(ValueError, match="a size is not above 0"):
        fit_power_law([bad, *SIZES[1:]], losses(LAW))


def test_losses_that_do_not_fall_are_refused() -> None:
    with pytest.raises(ValueError, match="no better than the smallest: there is no fall to fit"):
        fit_power_law(SIZES, losses(LAW)[::-1])


def test_the_sixth_size_of_the_record_is_predicted_within_two_percent() -> None:
    rows = read_record("scaling")["rows"]
    means = {
        size: statistics.fmean(row["held_out_loss"] for row in group)
        for size, group in groupby(rows, key=lambda row: row["block_parameters"])
    }
    *five, sixth = sorted(means)
    assert len(five) == 5
    predicted = fit_power_law(five, [means[size] for size in five]).loss(sixth)
    assert abs(predicted / means[sixth] - 1) < 0.02
