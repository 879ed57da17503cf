"""The experiment of later parts: what is compared is comparable, and its rows are what they say."""

import json
import math
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest

from gptbook.data.tables import data_file, read_record
from gptbook.experiments.record import run_parts
from gptbook.experiments.since_experiment import SINCE_SETTINGS, SinceExperiment, expert_shares
from gptbook.models.variants import used_parameters

TRAINING = {"num_steps": 2, "batch_size": 8, "matrix_rate": 0.02, "other_rate": 0.02, "warmup_steps": 1}
SETTINGS: dict[str, Any] = {
    "library": "tqdm",
    "config": {"context_length": 8, "num_layers": 1, "num_heads": 2, "model_dim": 8, "mlp_dim": 8},
    "training": TRAINING,
    "models": {
        "gpt-2": [{}, {}],
        "rotary": [{}, {"rotary": True}],
        "mixture": [{"mlp_dim": 4}, {"num_experts": 4, "num_chosen": 2}],
    },
    "longer": {
        "context_length": 16,
        "num_windows": 40,
        "bucket": 8,
        "ways": {"unchanged": [10_000.0, 1.0]},
        "training": {**TRAINING, "batch_size": 4},
    },
    "lengths": {"small": [{"model_dim": 4}, [0.5]]},
    "clock": {"num_rounds": 2, "num_steps": 1},
    "seeds": [0, 1],
}


@pytest.fixture(scope="module")
def experiment() -> SinceExperiment:
    return SinceExperiment(SETTINGS, Path("unused"))


@pytest.fixture(scope="module")
def real() -> SinceExperiment:
    return SinceExperiment(SINCE_SETTINGS, Path("unused"))


def sizes(experiment: SinceExperiment, name: str) -> tuple[int, int]:
    """All parameters of a model, and those that a token meets."""
    model = experiment.model(*experiment.settings["models"][name], seed=0)
    return sum(p.numel() for p in model.parameters()), used_parameters(model)


def test_the_mixture_does_the_work_of_gpt_2_and_has_the_parameters_of_the_wide_one(real: SinceExperiment) -> None:
    """Within 3 %: a router is small, and eight experts have eight rows of output biases."""
    assert sizes(real, "mixture")[1] == pytest.approx(sizes(real, "gpt-2")[1], rel=0.03)
    assert sizes(real, "mixture")[0] == pytest.approx(sizes(real, "wide")[0], rel=0.03)
    assert sizes(real, "unbalanced") == sizes(real, "mixture")
    assert sizes(real, "mixture")[0] > 2 * sizes(real, "gpt-2")[0]


def test_there_is_text_enough_for_every_length(real: SinceExperiment) -> None:
    batch_size = SINCE_SETTINGS["training"]["batch_size"]
    for num_steps, _ in real.parts().values():
        assert num_steps * batch_size <= len(real.training)


def test_steps_and_tokens_of_a_length_belong_together(experiment: SinceExperiment) -> None:
    row = experiment.train_for("small", 20, 0, lambda step, loss: None)
    assert row["tokens"] == pytest.approx(20 * row["parameters"], abs=8 * 8)
    assert row["training_flops"] == 3 * row["flops_of_use"] * row["tokens"]


def test_the_shares_of_the_experts_sum_to_1(experiment: SinceExperiment) -> None:
    model = experiment.model(*SETTINGS["models"]["mixture"], seed=0)
    (shares,) = expert_shares(model, experiment.held_out)
    assert len(shares) == 4
    assert sum(shares) == pytest.approx(1)
    assert expert_shares(experiment.model({}, {}, seed=0), experiment.held_out) == []


def test_a_stopped_record_goes_on_to_the_same_rows(experiment: SinceExperiment, tmp_path: Path) -> None:
    def results() -> Any:
        found = experiment.results(run_parts(experiment.parts(), tmp_path, progress=False))
        found.pop("clock")
        return json.loads(json.dumps(found))

    whole = results()
    assert [(row["model"], row["seed"]) for row in whole["rows"]] == [
        (name, seed) for seed in (0, 1) for name in SETTINGS["models"]
    ]
    assert [(row["way"], row["more_steps"]) for row in whole["longer"] if row["seed"] == 0] == [
        ("learned", 0),
        ("unchanged", 0),
        ("unchanged", 2),
        ("from the start", 0),
    ]
    assert [len(row["losses"]) for row in whole["longer"][:2]] == [1, 2], "learned positions end"
    for name in ("rotary-0", "small-0.5-1", "clock-0"):
        (tmp_path / f"{name}.json").unlink()
    assert results() == whole


def test_the_clock_times_every_model(experiment: SinceExperiment) -> None:
    told: list[int] = []
    clock = experiment.clock(0, lambda step, loss: told.append(step))["clock"]
    assert list(clock["seconds_per_step"]) == list(SETTINGS["models"])
    assert min(clock["seconds_per_step"].values()) > 0
    num_steps, _ = experiment.parts()["clock-0"]
    assert len(told) == num_steps


def test_the_record_is_of_the_text_that_is_installed() -> None:
    if not (data_file("cities.csv").parent / "runs" / "since.json").is_file():
        pytest.skip("not recorded yet")
    record = read_record("since")
    if version("numpy") != record["library_version"]:
        pytest.skip("another NumPy has other docstrings")
    found = SinceExperiment(record["settings"], Path("unused")).results({})
    assert found["text_sha256"] == record["text_sha256"]
    assert record["uniform_loss"] == pytest.approx(math.log(121), abs=1e-5)
