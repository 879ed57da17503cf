"""The watch: what counts as a failed training, and what does not."""

import math
import random

import pytest

from gptbook.training.watch import SPAN, LossWatch


def falling(step: int) -> float:
    return 1.5 + 2.5 * math.exp(-step / 50)


def test_a_loss_that_falls_and_wobbles_is_no_problem() -> None:
    watch, draw = LossWatch(4.0, 20), random.Random(0)
    problems = [watch.problem_after(falling(step) + draw.gauss(0, 0.2)) for step in range(500)]
    assert not any(problems)
    assert watch.is_sound


@pytest.mark.parametrize("loss", [math.nan, math.inf])
def test_a_loss_that_is_no_number_is_a_problem_at_once(loss: float) -> None:
    watch = LossWatch(4.0, 20)
    assert watch.problem_after(3.9) == ""
    assert watch.is_sound
    assert watch.problem_after(loss) == f"the loss is {loss}"
    assert not watch.is_sound


def test_a_single_odd_batch_is_no_problem() -> None:
    watch = LossWatch(4.0, 20)
    for step in range(200):
        assert watch.problem_after(9.0 if step == 150 else falling(step)) == ""
    assert watch.is_sound


def test_a_loss_that_climbs_is_a_problem_and_is_not_saved_on_the_way() -> None:
    watch = LossWatch(4.0, 20)
    for step in range(200):
        watch.problem_after(falling(step))
    sound, problem = True, ""
    for step in range(200):
        problem = watch.problem_after(1.6 + 0.02 * step)
        if problem:
            break
        sound = watch.is_sound
    assert problem.startswith("the loss has climbed to 2.")
    assert not sound  # before it is called a problem, it is no longer saved


def test_a_loss_that_stays_above_a_uniform_guess_is_a_problem_after_the_warm_up() -> None:
    watch = LossWatch(4.0, 20)
    problems = [watch.problem_after(4.8) for _ in range(100)]
    first = next(step for step, problem in enumerate(problems) if problem)
    assert first == 2 * 20 + SPAN
    assert problems[first] == "the loss is 4.80, and a uniform guess has 4.00"


def test_a_watch_that_has_seen_nothing_lets_the_start_be_saved() -> None:
    assert LossWatch(4.0, 20).is_sound
