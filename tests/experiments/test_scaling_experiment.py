"""The experiment of sizes: its text, its one pass, its rows, and going on after a stop."""

import json
import math
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest

from gptbook.data.tables import read_record
from gptbook.data.tokenizer import CharacterTokenizer
from gptbook.experiments.record import run_parts
from gptbook.experiments.scaling_experiment import (
    SCALING_SETTINGS,
    ScalingExperiment,
    cut_text,
    gpt_of_width,
    num_block_parameters,
    window_loss,
)
from gptbook.training.loops import train_in_one_pass
from gptbook.training.seeds import seeded

SHAPE = {"context_length": 8, "num_layers": 2, "head_dim": 4}
TRAINING = {"num_steps": 4, "batch_size": 8, "matrix_rate": 0.04, "other_rate": 0.04, "warmup_steps": 2}
SETTINGS: dict[str, Any] = {
    "library": "tqdm",
    "widths": [4, 8],
    "shape": SHAPE,
    "training": TRAINING,
    "seeds": [0, 1],
}
LETTERS = CharacterTokenizer("abc")


@pytest.fixture(scope="module")
def experiment() -> ScalingExperiment:
    return ScalingExperiment(SETTINGS, Path("unused"))


def test_each_window_ends_with_the_character_that_the_next_one_begins_with() -> None:
    windows = cut_text(["abc", "cba", "a"], LETTERS, 3)
    assert windows.tolist() == [[0, 1, 2, 3], [3, 0, 3, 2], [2, 1, 0, 1]]


def test_a_text_shorter_than_a_window_is_refused() -> None:
    with pytest.raises(ValueError, match="have 3 characters, and one window needs 4: give more text"):
        cut_text(["ab"], LETTERS, 3)


def test_the_blocks_hold_twelve_squares_of_the_width_each() -> None:
    for width in SCALING_SETTINGS["widths"]:
        model = gpt_of_width(width, 121, **SCALING_SETTINGS["shape"])
        assert num_block_parameters(model) == 2 * 12 * width**2


def test_the_loss_starts_at_the_log_of_the_vocabulary_and_falls(experiment: ScalingExperiment) -> None:
    with seeded(0):
        model = gpt_of_width(8, experiment.tokenizer.vocab_size, **SHAPE)
    told: list[float] = []
    assert window_loss(model, experiment.held_out) == pytest.approx(math.log(experiment.tokenizer.vocab_size), rel=1e-5)
    train_in_one_pass(
        model, experiment.training, **{**TRAINING, "num_steps": 40}, on_step=lambda _, loss: told.append(loss)
    )
    assert len(told) == 40
    assert window_loss(model, experiment.held_out) < told[0] - 0.5


def test_one_text_is_on_one_side_of_the_split(experiment: ScalingExperiment) -> None:
    assert len(experiment.texts) == len(set(experiment.texts))


def test_a_stopped_record_goes_on_to_the_same_rows(experiment: ScalingExperiment, tmp_path: Path) -> None:
    def rows(folder: Path) -> Any:
        found = experiment.results(run_parts(experiment.parts(), folder, progress=False))
        for row in found["rows"]:
            row.pop("seconds")
        return json.loads(json.dumps(found["rows"]))

    whole = rows(tmp_path / "whole")
    assert [(row["model_dim"], row["seed"]) for row in whole] == [(4, 0), (4, 1), (8, 0), (8, 1)]
    (tmp_path / "whole" / "8-0.json").unlink()
    assert rows(tmp_path / "whole") == whole


def test_the_record_is_of_the_text_that_is_installed() -> None:
    record = read_record("scaling")
    if version("numpy") != record["library_version"]:
        pytest.skip("another NumPy has other docstrings")
    experiment = ScalingExperiment(record["settings"], Path("unused"))
    found = experiment.results({})
    assert found["text_sha256"] == record["text_sha256"]
    assert found["characters"] == record["characters"]
    assert found["uniform_loss"] == pytest.approx(record["uniform_loss"], abs=1e-6)
