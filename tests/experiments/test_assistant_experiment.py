"""The experiment behind the last chapter: its parts, and what a row says."""

import copy
import json
from pathlib import Path
from typing import Any

import pytest

from gptbook.data.dialogues import FACTS, WORDINGS
from gptbook.experiments.assistant_experiment import ASSISTANT_SETTINGS, AssistantExperiment
from gptbook.experiments.record import run_parts


@pytest.fixture(scope="module")
def settings() -> dict[str, Any]:
    """The same experiment, with a model and a training that need no time."""
    tiny = copy.deepcopy(ASSISTANT_SETTINGS)
    tiny["config"] |= {"num_layers": 1, "num_heads": 2, "model_dim": 8, "mlp_dim": 12}
    tiny |= {
        "num_texts": 60,
        "num_dialogues": dict.fromkeys(WORDINGS, 10),
        "num_questions": 4,
        "examine_every": 2,
        "seeds": [0, 1],
    }
    tiny["pre_training"] = {"num_steps": 2, "batch_size": 2}
    tiny["fine_tuning"] = {"num_steps": 4, "batch_size": 2}
    return tiny


@pytest.fixture(scope="module")
def found(settings: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    experiment = AssistantExperiment(settings, tmp_path_factory.mktemp("runs"))
    parts = experiment.parts()
    assert {name: num_steps for name, (num_steps, _) in parts.items()} == {"assistant-0": 6, "assistant-1": 6}
    done = run_parts(parts, tmp_path_factory.mktemp("kept"), progress=False)
    result: dict[str, Any] = json.loads(json.dumps(experiment.results(done)))
    return result


def test_a_row_has_a_share_for_each_task_before_and_after(found: dict[str, Any]) -> None:
    assert [row["seed"] for row in found["rows"]] == [0, 1]
    for row in found["rows"]:
        for when in ("before", "before_plain", "after"):
            assert list(row[when]) == [*WORDINGS, "all"]
            assert all(0 <= share <= 1 for share in row[when].values())
            right = sum(row[when][task] * count for task, count in found["num_questions"].items())
            assert row[when]["all"] == pytest.approx(right / sum(found["num_questions"].values()))
        assert 0 <= row["unasked"] <= 1
        assert 0 <= row["invented_probability"] <= 1
        assert set(row["told_before"]) == set(row["told_after"]) == {"asked", "unasked"}


def test_the_curve_leads_from_before_to_after(found: dict[str, Any]) -> None:
    for row in found["rows"]:
        assert [point["step"] for point in row["curve"]] == [0, 2, 4]
        assert row["curve"][0] == {"step": 0, **row["before"]}
        assert row["curve"][-1] == {"step": 4, **row["after"]}


def test_a_seed_decides_its_row(settings: dict[str, Any], found: dict[str, Any], tmp_path: Path) -> None:
    told: list[int] = []
    experiment = AssistantExperiment(settings, tmp_path)
    again = experiment.train(1, lambda step, loss: told.append(step))
    assert again | {"seconds": 0} == found["rows"][1] | {"seconds": 0}
    assert again["training_loss"] != found["rows"][0]["training_loss"]
    assert told == [0, 1, 0, 1, 2, 3]


def test_the_settings_hold_the_words_of_the_questions() -> None:
    assert ASSISTANT_SETTINGS["wordings"] == {task: list(asked) for task, asked in WORDINGS.items()}
    assert ASSISTANT_SETTINGS["facts"] == list(FACTS)
    assert json.loads(json.dumps(ASSISTANT_SETTINGS)) == ASSISTANT_SETTINGS


def test_the_model_of_the_record_is_small() -> None:
    sizes = ASSISTANT_SETTINGS["config"]
    inside = sizes["num_layers"] * (4 * sizes["model_dim"] ** 2 + 2 * sizes["model_dim"] * sizes["mlp_dim"])
    assert inside < 500_000
