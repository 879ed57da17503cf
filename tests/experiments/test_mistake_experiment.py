import math
from pathlib import Path
from typing import Any

import pytest
import torch

from gptbook.data.sequences import padded
from gptbook.experiments.mistake_experiment import MistakeExperiment, finite, mistake_settings, prefix_loss
from gptbook.experiments.mistakes import mistakes
from gptbook.experiments.small_task import SmallNames
from gptbook.training.measure import sequence_loss


@pytest.fixture(scope="module")
def settings() -> dict[str, Any]:
    every = mistake_settings()
    run = {**every["run"], "num_steps": 4, "warmup_steps": 2, "part_size": 4, "one_in": 256}
    planted = {slug: every["planted"][slug] for slug in ("mask-missing", "mask-hides-all")}
    return {
        **every,
        "run": run,
        "planted": planted,
        "seeds": [0],
        "num_fresh": 20,
        "num_samples": 2,
        "measure_every": 2,
    }


@pytest.fixture(scope="module")
def rows(settings: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    experiment = MistakeExperiment(settings, tmp_path_factory.mktemp("runs"))
    done = {name: run(lambda step, loss: None) for name, (_, run) in experiment.parts().items()}
    assert experiment.results(done)["rows"] == list(done.values())
    return done


def test_every_mistake_is_recorded_and_the_right_run_with_three_seeds() -> None:
    settings = mistake_settings()
    assert list(settings["planted"]) == list(mistakes())
    assert settings["seeds"] == [0, 1, 2]


def test_a_row_has_the_curve_from_before_the_first_step_to_the_end(rows: dict[str, dict[str, Any]]) -> None:
    row = rows["right-0"]
    assert row["steps"] == [0, 2, 4]
    assert len(row["held_out_losses"]) == len(row["training_losses"]) == 3
    assert row["held_out_losses"][0] == pytest.approx(math.log(27), abs=0.1)


def test_a_mistake_changes_the_curve(rows: dict[str, dict[str, Any]]) -> None:
    assert rows["mask-missing-0"]["held_out_losses"] != rows["right-0"]["held_out_losses"]


def test_what_is_no_number_is_none(rows: dict[str, dict[str, Any]]) -> None:
    row = rows["mask-hides-all-0"]
    assert row["held_out_losses"] == row["training_losses"] == [None] * 3
    assert row["samples"] == ""
    assert row["samples_surprise"] is None
    assert (finite(math.inf), finite(math.nan), finite(1.5)) == (None, None, 1.5)


def test_fresh_names_are_trained_on_and_measured_by_nobody(settings: dict[str, Any], tmp_path: Path) -> None:
    experiment = MistakeExperiment(settings, tmp_path)
    task = SmallNames(settings["run"])
    known = {task.tokenizer.decode(row) for side in (task.training, task.held_out) for row in side[0].tolist()}
    fresh = {experiment.tokenizer.decode(row) for row in experiment.fresh[0].tolist()}
    assert len(fresh) == settings["num_fresh"]
    assert not fresh & known


def test_a_model_that_sees_no_later_token_has_the_same_loss_by_prefixes() -> None:
    torch.manual_seed(0)
    task = SmallNames({**mistake_settings()["run"], "one_in": 512})
    some = padded([[3, 1, 2], [5, 4], [6, 7, 8, 9]])
    assert prefix_loss(task.model, *some) == pytest.approx(sequence_loss(task.model, *some), abs=1e-5)
