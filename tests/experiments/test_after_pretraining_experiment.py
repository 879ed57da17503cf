"""The experiment behind chapter 16: its parts, its rows, and what the committed record shows."""

import copy
import json
import math
from pathlib import Path
from statistics import mean
from typing import Any

import pytest

from gptbook.data.dialogues import WORDINGS
from gptbook.data.tables import read_record
from gptbook.experiments.after_pretraining_experiment import AFTER_PRETRAINING_SETTINGS, AfterPretrainingExperiment
from gptbook.experiments.club_assistant import club_dialogues
from gptbook.experiments.record import run_parts


@pytest.fixture(scope="module")
def settings() -> dict[str, Any]:
    """The same experiment, with models and trainings that need no time."""
    tiny = copy.deepcopy(AFTER_PRETRAINING_SETTINGS)
    for word in ("clubs", "chats", "code books"):
        tiny[word]["config"] |= {"num_layers": 1, "num_heads": 2, "model_dim": 8, "mlp_dim": 12}
        tiny[word]["num_questions"] = 4
    clubs = tiny["clubs"]
    for word in ("pre_training", "fine_tuning", "refusing", "half_polite"):
        clubs[word] |= {"num_steps": 2, "batch_size": 3}
    for how in clubs["preferring"].values():
        how["num_steps"] = 2
    clubs |= {"num_texts": 60, "num_dialogues": 10, "num_old_windows": 5, "num_refusals": 5, "num_polite": 5}
    clubs["num_strangers"] = 4
    tiny["chats"] |= {"num_chats": 10, "training": {"num_steps": 2, "batch_size": 3}}
    tiny["code books"]["training"] |= {"num_steps": 2, "batch_size": 3, "warmup_steps": 1}
    return tiny | {"seeds": [0, 1]}


@pytest.fixture(scope="module")
def found(settings: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    experiment = AfterPretrainingExperiment(settings, tmp_path_factory.mktemp("runs"))
    parts = experiment.parts()
    assert list(parts)[:3] == ["clubs-0", "chats-0", "code books-0"]
    told: list[int] = []
    num_steps, run = parts["clubs-1"]
    run(lambda step, loss: told.append(step))
    assert len(told) == num_steps
    done = run_parts(parts, tmp_path_factory.mktemp("kept"), progress=False)
    result: dict[str, Any] = json.loads(json.dumps(experiment.results(done)))
    return result


def test_there_is_a_row_for_each_kind_of_model_and_each_seed(found: dict[str, Any]) -> None:
    names = [(row["model"], row["seed"]) for row in found["rows"]]
    assert names == [(word, seed) for seed in (0, 1) for word in ("clubs", "chats", "code books")]


def of(rows: list[dict[str, Any]], model: str) -> list[dict[str, Any]]:
    return [row for row in rows if row["model"] == model]


def test_a_model_of_clubs_is_examined_before_and_after_each_way_of_going_on(found: dict[str, Any]) -> None:
    for row in of(found["rows"], "clubs"):
        assert list(row["scores"]) == list(row["strangers"]) == ["before", "dialogues", "mixed", "modest"]
        for scores in row["scores"].values():
            for key in ("question", "statement", "likeliest"):
                assert scores[key].keys() == {"asked", "quiet"}
                assert all(0 <= share <= 1 for share in scores[key].values())
        for told in row["strangers"].values():
            assert all(0 <= sure <= 1 for sure in told["sureness"])
            assert 0 <= told["real"] + told["no idea"] <= 1
        for how in ("careful", "careless"):
            losses = row["preferences"][how]["losses"]
            assert losses[0] == pytest.approx(math.log(2)), "at the start nothing has gained"
            assert len(losses) == 2


def test_a_seed_decides_its_row(settings: dict[str, Any], found: dict[str, Any], tmp_path: Path) -> None:
    experiment = AfterPretrainingExperiment(settings, tmp_path)
    for run, model in ((experiment.chatting, "chats"), (experiment.from_examples, "code books")):
        again = run(1, lambda step, loss: None)
        assert again | {"seconds": 0} == of(found["rows"], model)[1] | {"seconds": 0}
        assert again["parameters"] == of(found["rows"], model)[0]["parameters"]


def test_the_settings_survive_json_and_the_quiet_clubs_are_clubs() -> None:
    assert json.loads(json.dumps(AFTER_PRETRAINING_SETTINGS)) == AFTER_PRETRAINING_SETTINGS
    clubs = AFTER_PRETRAINING_SETTINGS["clubs"]
    instructions = club_dialogues(clubs)
    assert set(clubs["quiet"]) < set(instructions.stadiums)
    assert set(instructions.clubs).isdisjoint(clubs["quiet"])
    assert all(wording.format("x") for wording in WORDINGS["stadium"])


# ---- what the committed record shows ----


@pytest.fixture(scope="module")
def recorded() -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = read_record("after_pretraining")["rows"]
    assert len(rows) == 9
    return rows


def test_dialogues_alone_overwrite_the_statements_of_every_club_and_old_text_keeps_them(
    recorded: list[dict[str, Any]],
) -> None:
    for row in of(recorded, "clubs"):
        told = {way: scores["statement"] for way, scores in row["scores"].items()}
        for kind in ("asked", "quiet"):
            assert told["before"][kind] > 0.8
            assert told["dialogues"][kind] < 0.3
            assert told["mixed"][kind] > 0.5
        asked = {way: scores["question"] for way, scores in row["scores"].items()}
        for way in ("dialogues", "mixed"):
            assert asked[way]["asked"] >= 0.6, "it answers for the clubs of the dialogues"
            assert asked[way]["quiet"] < 0.2, "and for no other"
        ranked = {way: scores["likeliest"] for way, scores in row["scores"].items()}
        assert ranked["before"]["quiet"] > 0.8
        assert ranked["dialogues"]["quiet"] < ranked["dialogues"]["asked"]
    means = {
        way: mean(row["scores"][way]["first letter"] for row in of(recorded, "clubs")) for way in ("dialogues", "mixed")
    }
    assert means["mixed"] < means["dialogues"] - 0.05, "what keeping them costs"


def test_fine_tuning_makes_it_surer_of_what_it_makes_up_and_a_lesson_lets_it_say_so(
    recorded: list[dict[str, Any]],
) -> None:
    for row in of(recorded, "clubs"):
        before, after, modest = (row["strangers"][way] for way in ("before", "dialogues", "modest"))
        assert before["real"] > 0.25
        assert after["real"] > 0.25
        assert before["sure"] < after["sure"] < after["known sure"]
        assert after["no idea"] == 0
        assert modest["no idea"] > 0.7
        assert row["scores"]["modest"]["quiet refused"] > 0.5, "the lesson's price"
        assert row["scores"]["modest"]["asked refused"] < 0.3


def test_preferences_turn_the_answers_and_a_careless_training_breaks_them(recorded: list[dict[str, Any]]) -> None:
    for row in of(recorded, "clubs"):
        before, careful, careless = (row["preferences"][way] for way in ("before", "careful", "careless"))
        assert careful["polite likelier"] > 0.7 > before["polite likelier"]
        assert careful["says politely"] > before["says politely"] + 0.2
        assert careful["losses"][-1] < 0.4
        assert careless["losses"][-1] < careless["losses"][0] - 0.2
        assert careless["polite likelier"] > 0.9
        assert careless["polite"] < before["polite"] - 1, "the chosen answers have lost, too"
        assert careless["says politely"] < 0.3


def test_the_row_is_the_memory_and_a_tool_is_believed(recorded: list[dict[str, Any]]) -> None:
    for row in of(recorded, "chats"):
        assert row["told"] > 0.9 > 0.1 > row["cut"]
        assert row["capitals"] > 0.5
        assert row["sum"] > 0.9 > 0.1 > row["sum by heart"]
        assert row["country"] > 0.8 > 0.3 > row["country by heart"]
        assert row["no city"] > 0.8 > 0.1 > row["no city by heart"]
        assert row["wrong tool"] > 0.8


def test_examples_in_the_prompt_are_used_nearly_as_well_as_is_possible(recorded: list[dict[str, Any]]) -> None:
    for row in of(recorded, "code books"):
        assert row["right"] == pytest.approx(row["best"], abs=0.1)
