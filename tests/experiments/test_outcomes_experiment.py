"""The experiment behind the chapter on outcomes: its parts, its rows, and what the committed record shows."""

import copy
import json
from pathlib import Path
from typing import Any

import pytest

from gptbook.data.arithmetic import DIGITS, displays, held_out_row
from gptbook.data.tables import read_record
from gptbook.experiments.outcomes_experiment import (
    OUTCOMES_SETTINGS,
    OutcomesExperiment,
    greedy_texts,
    mixed_answers,
    shares,
)
from gptbook.experiments.record import run_parts
from gptbook.training.policy_gradient import ADVANTAGE_FORMS


@pytest.fixture(scope="module")
def settings() -> dict[str, Any]:
    """The same experiment, with a model and a training that need no time."""
    tiny = copy.deepcopy(OUTCOMES_SETTINGS)
    tiny["config"] |= {"num_layers": 1, "num_heads": 2, "model_dim": 8, "mlp_dim": 12}
    tiny["training"] |= {"num_steps": 2, "batch_size": 4}
    tiny["learning"] |= {"num_steps": 3, "num_rows": 2, "group_size": 2}
    tiny |= {"num_rows": 20, "num_questions": 6, "base_steps": 2, "num_shown": 2, "show_every": 2, "seeds": [0, 1]}
    return tiny


@pytest.fixture(scope="module")
def found(settings: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    experiment = OutcomesExperiment(settings, tmp_path_factory.mktemp("runs"))
    parts = experiment.parts()
    assert parts["steps-0"][0] == 2
    assert parts["direct, longer-1"][0] == 2 * settings["ways"]["direct, longer"]["times"]
    assert parts["outcomes-0"][0] == 2 + 3 * len(settings["learners"])
    assert len(parts) == 2 * (len(settings["ways"]) + 1)
    done = run_parts(parts, tmp_path_factory.mktemp("kept"), progress=False)
    result: dict[str, Any] = json.loads(json.dumps(experiment.results(done)))
    return result


def test_there_is_a_row_for_each_way_to_write_and_each_seed(settings: dict[str, Any], found: dict[str, Any]) -> None:
    names = [(row["model"], row["seed"]) for row in found["rows"]]
    assert names == [(word, seed) for seed in (0, 1) for word in settings["ways"]]
    for row in found["rows"]:
        assert 0 <= row["strict"] <= row["sloppy"] <= 1
        assert 0 <= row["seen"] <= 1
        assert row["num_steps"] == 2 * settings["ways"][row["model"]]["times"]
        assert all(held_out_row(asked) for asked in row["shown"])


def test_every_learner_has_a_curve_from_the_same_start(settings: dict[str, Any], found: dict[str, Any]) -> None:
    assert [row["seed"] for row in found["learned"]] == [0, 1]
    for row in found["learned"]:
        assert list(row["learners"]) == list(settings["learners"])
        starts = []
        for word, learner in row["learners"].items():
            curve = learner["curve"]
            assert {len(points) for points in curve.values()} == {3}
            assert curve["reward"] == curve[settings["learners"][word]["check"]]
            assert list(learner["written"]) == ["0", "2"]
            starts.append((curve["strict"][0], learner["written"]["0"]))
        assert all(start == starts[0] for start in starts)


def test_a_seed_decides_its_row(settings: dict[str, Any], found: dict[str, Any], tmp_path: Path) -> None:
    told: list[int] = []
    again = OutcomesExperiment(settings, tmp_path).learn(1, lambda step, loss: told.append(step))
    assert without_seconds(again) == without_seconds(found["learned"][1])
    assert told == [0, 1, *[0, 1, 2] * len(settings["learners"])]


def without_seconds(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: without_seconds(inner) for key, inner in value.items() if "seconds" not in key}
    return value


def test_shares_count_what_they_say() -> None:
    row = "3+4*2+1"
    steps = displays(row)
    right, wrong = steps[-1], str((int(steps[-1]) + 1) % 10)
    texts = [steps + ".", right + ".", wrong + ".", steps + wrong * 2, steps[:-1] + wrong + "."]
    assert shares([row] * 5, texts) == pytest.approx(
        {
            "strict": 2 / 5,
            "sloppy": sum(right in text for text in texts) / 5,
            "steps": 2 / 5,
            "steps_right": 1 / 5,
            "length": sum(map(len, texts)) / 5,
        }
    )


def test_a_mixture_has_the_share_that_was_asked_for() -> None:
    rows = ["3+4*2+1"] * 400
    assert set(mixed_answers(rows, 0.0, seed=0)) == {displays(rows[0])[-1]}
    assert set(mixed_answers(rows, 1.0, seed=0)) == {displays(rows[0])}
    with_steps = sum(len(answer) > 1 for answer in mixed_answers(rows, 0.25, seed=0))
    assert 60 < with_steps < 140


def test_greedy_texts_say_whether_an_answer_ended(settings: dict[str, Any], tmp_path: Path) -> None:
    model = OutcomesExperiment(settings, tmp_path).new_model(0)
    (text,) = greedy_texts(model, ["3+4*2+1"], 5)
    assert text == "."  # before training every token is as likely as the mark, which comes first


def test_the_settings_cover_every_form_and_survive_json() -> None:
    learners = OUTCOMES_SETTINGS["learners"].values()
    assert {learner["form"] for learner in learners} == set(ADVANTAGE_FORMS)
    assert {learner["check"] for learner in learners} == {"strict", "sloppy"}
    assert json.loads(json.dumps(OUTCOMES_SETTINGS)) == OUTCOMES_SETTINGS
    room = OUTCOMES_SETTINGS["learning"]["num_new"] + 2 * OUTCOMES_SETTINGS["num_digits"] + 1
    assert room <= OUTCOMES_SETTINGS["config"]["context_length"]
    assert OUTCOMES_SETTINGS["learning"]["num_new"] >= 10, "room for every digit there is"
    assert len(DIGITS) > 1


# ---- what the committed record shows ----


@pytest.fixture(scope="module")
def record() -> dict[str, Any]:
    return read_record("outcomes")


def by_seed(record: dict[str, Any], model: str, key: str = "strict") -> list[float]:
    return [row[key] for row in record["rows"] if row["model"] == model]


def test_with_steps_it_works_every_row_out_and_no_other_way_comes_near(record: dict[str, Any]) -> None:
    """Neither more training nor as many tokens that say nothing help."""
    assert min(by_seed(record, "steps")) > 0.95
    for other in ("direct", "direct, longer", "filler"):
        assert max(by_seed(record, other)) < 0.3
        assert max(by_seed(record, other, "seen")) < 0.3, "on rows of the training neither"


def test_from_outcomes_alone_it_learns_to_write_steps(record: dict[str, Any]) -> None:
    for row in record["learned"]:
        base = row["base"]
        assert base["steps"] < 0.4
        assert base["strict"] < 0.5
        assert base["steps_right"] / base["steps"] > 0.7, "who writes steps is mostly right"
        for learner in ("reward", "baseline", "group", "scaled group"):
            learned = row["learners"][learner]
            assert learned["steps"] > 0.95
            assert learned["strict"] > 0.85


def test_a_sloppy_check_is_passed_and_the_strict_one_is_not_by_most_seeds(record: dict[str, Any]) -> None:
    cheats = [row["learners"]["sloppy"] for row in record["learned"]]
    assert all(learner["sloppy"] > 0.9 for learner in cheats)
    fallen = [learner for learner in cheats if learner["strict"] < 0.2]
    assert len(fallen) >= 2
    for learner in fallen:
        curve = learner["curve"]
        assert max(curve["strict"]) > curve["strict"][-1] + 0.3, "it rose before it fell"
        assert learner["length"] > 10, "it writes on and on"
