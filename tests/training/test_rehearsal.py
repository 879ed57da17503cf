"""How long a run will take: judged by a part of a step, on a copy."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from runs import new_run, text_run
from small import TINY

from gptbook.cli.reports import noise
from gptbook.machine.device import Machine
from gptbook.tasks.recipes import GPTRecipe, NgramRecipe
from gptbook.training.rehearsal import rehearse, seconds_left


def two_seconds(work: Callable[[], object], machine: Machine) -> float:
    """A clock by which all work takes as long."""
    work()
    return 2.0


def test_a_step_and_a_measurement_are_judged_by_a_part_of_their_windows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A large model would need many minutes for all held-out windows, before it says how long it needs."""
    monkeypatch.setattr("gptbook.training.rehearsal.timed", two_seconds)
    corpus = noise(tmp_path, 11, TINY)  # with 20 windows held out
    run = text_run(replace(TINY, num_windows=100), corpus, rows_at_once=2)
    before = run.model.state_dict()["prediction.weight"].clone()
    assert rehearse(run) == (2.0 * 2 + 2.0, pytest.approx(2.0 * 2 / 3 * 20 / 4))
    assert torch.equal(run.model.state_dict()["prediction.weight"], before)
    assert run.step == 0


def test_the_rest_is_its_steps_and_its_measurements(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gptbook.training.rehearsal.rehearse", lambda run: (2.0, 30.0))
    run = text_run(TINY, noise(tmp_path, 11, TINY))  # six steps, measured at every third
    assert seconds_left(run) == 6 * 2.0 + 2 * 30.0
    for _ in range(3):
        run.training_step()
    assert seconds_left(run) == 3 * 2.0 + 30.0


@pytest.mark.parametrize("kind", ["net", "gpt"])
def test_a_rehearsal_moves_nothing_and_draws_nothing(kind: str, short: NgramRecipe, tiny: GPTRecipe) -> None:
    recipe = replace(short, dropout=0.2) if kind == "net" else tiny
    plain, watched = new_run(recipe), new_run(recipe)
    for _ in range(3):
        plain.training_step()
        watched.training_step()
        torch.manual_seed(7)
        chance = torch.get_rng_state()
        assert seconds_left(watched) > 0
        assert torch.equal(torch.get_rng_state(), chance)
    assert plain.losses == watched.losses
