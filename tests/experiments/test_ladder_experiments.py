"""The experiments behind the records: their parts, stopping and going on, and what a row says."""

import json
import math
import signal
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
import torch
from runs import finished, new_run

from gptbook.data.clubs import ClubGrammar
from gptbook.experiments.ladder_experiments import ClubExperiment, NameExperiment, PartExperiment, train_part
from gptbook.experiments.record import Experiment, run_parts
from gptbook.models.ablation import GPT_PARTS
from gptbook.tasks.names import GPTNames
from gptbook.tasks.recipes import ClubsRecipe, GPTRecipe, NgramRecipe
from gptbook.training.engine import Run

CLUBS = {
    "recipe": {
        "name": "clubs",
        "num_sentences": 60,
        "model_dim": 8,
        "batch_size": 8,
        "num_steps": 4,
        "warmup_steps": 2,
    },
    "widths": [2, 5],
    "gaps": [4, 7],
    "num_sentences": 40,
    "seeds": [0, 1],
}
PARTS = {
    "config": {"context_length": 25, "num_layers": 1, "num_heads": 2, "model_dim": 8, "mlp_dim": 12},
    "training": {"num_steps": 2, "batch_size": 8},
    "seeds": [0],
}


@pytest.fixture
def names(short: NgramRecipe) -> dict[str, Any]:
    """Settings with two models over 40 short names."""
    sizes = {"num_heads": 2, "model_dim": 8, "mlp_dim": 12, "context_length": 8, "batch_size": 8, "warmup_steps": 2}
    recipes = {}
    for word, num_layers in (("attention", 1), ("gpt", 2)):
        own = {"name": word, "num_layers": num_layers, "num_steps": 3, "dropout": 0.1}
        recipe = GPTRecipe(**own, **sizes, names_file=short.names_file, column=short.column)
        recipes[word] = {key: value for key, value in asdict(recipe).items() if key != "seed"}
    return {"recipes": recipes, "num_samples": 3, "seeds": [0, 1]}


def recorded(experiment: Experiment, folder: Path) -> dict[str, Any]:
    """What the record says, as JSON can hold it; without times, which differ."""
    found = experiment.results(run_parts(experiment.parts(), folder, progress=False))
    for row in found["rows"]:
        row.pop("seconds", None)
    result: dict[str, Any] = json.loads(json.dumps(found))
    return result


def nothing(step: int, loss: float) -> None:
    """Nothing to show."""


def press_ctrl_c(step: int, loss: float) -> None:
    if step == 2:
        signal.raise_signal(signal.SIGINT)


def test_each_model_is_trained_with_each_seed(names: dict[str, Any], tmp_path: Path) -> None:
    parts = NameExperiment(names, tmp_path).parts()
    assert list(parts) == ["attention-0", "attention-1", "gpt-0", "gpt-1"]
    assert [num_steps for num_steps, _ in parts.values()] == [3] * 4


def test_a_row_of_names_says_what_the_command_line_would_measure(names: dict[str, Any], tmp_path: Path) -> None:
    found = recorded(NameExperiment(names, tmp_path), tmp_path)
    assert [(row["model"], row["seed"]) for row in found["rows"]] == [
        ("attention", 0),
        ("attention", 1),
        ("gpt", 0),
        ("gpt", 1),
    ]
    task = GPTNames(GPTRecipe(**names["recipes"]["gpt"], seed=1))
    run = finished(Run(task))
    row = found["rows"][-1]
    assert row["held_out_loss"] == task.surprise_at(task.held_out)
    assert row["training_loss"] == task.surprise_at(task.training)
    assert row["parameters"] == run.num_parameters
    assert 0 <= row["memorised"] <= 1 - row["new"] <= 1
    assert len(row["samples"].split()) <= 20


def test_a_part_of_names_that_was_stopped_in_the_middle_goes_on_to_the_same_row(
    names: dict[str, Any], tmp_path: Path
) -> None:
    whole = recorded(NameExperiment(names, tmp_path / "whole"), tmp_path / "whole")
    experiment = NameExperiment(names, tmp_path / "stopped")
    with pytest.raises(KeyboardInterrupt):
        experiment.parts()["attention-0"][1](press_ctrl_c)
    assert json.loads((tmp_path / "stopped" / "attention-0" / "checkpoint.json").read_text())["facts"]["step"] == 2
    assert recorded(experiment, tmp_path / "stopped") == whole


def test_training_a_part_goes_on_from_its_folder_and_tells_each_step(tmp_path: Path) -> None:
    recipe = ClubsRecipe(**CLUBS["recipe"])  # type: ignore[arg-type]
    told: list[tuple[int, float]] = []
    run = new_run(recipe)
    run.training_step()
    run.save(tmp_path / "run")
    again = new_run(recipe)
    assert train_part(again, tmp_path / "run", lambda step, loss: told.append((step, loss))) > 0
    assert again.is_finished
    assert [step for step, _ in told] == [2, 3, 4]
    assert [loss for _, loss in told] == again.losses[1:]
    assert train_part(new_run(recipe), tmp_path / "run", nothing) >= 0, "what is finished needs no step"


def test_clubs_are_counted_and_attended_to_at_every_gap(tmp_path: Path) -> None:
    experiment = ClubExperiment(CLUBS, tmp_path)
    assert {name: steps for name, (steps, _) in experiment.parts().items()} == {
        "counts-2": 0,
        "counts-5": 0,
        "attention-0": 4,
        "attention-1": 4,
    }
    found = recorded(experiment, tmp_path)
    assert [(row["model"], row["width"], row["seed"]) for row in found["rows"]] == [
        ("counts", 2, None),
        ("counts", 5, None),
        ("attention", None, 0),
        ("attention", None, 1),
    ]
    assert all(len(row["accuracy"]) == 2 and min(row["accuracy"]) >= 0 for row in found["rows"])
    assert found["chance"] == 1 / 20
    grammar = ClubGrammar()
    assert found["floor"] == grammar.floor()
    for row in found["rows"][2:]:
        assert row["held_out_loss"] == pytest.approx(math.log(len(grammar.words) + 1), abs=0.5)
        assert row["sentences_floor"] == pytest.approx(grammar.floor(), abs=0.02)


def test_counts_know_the_stadium_where_the_club_is_inside_their_window_and_guess_beyond() -> None:
    settings = {**CLUBS, "recipe": {**CLUBS["recipe"], "num_sentences": 4000}, "gaps": [4, 5], "num_sentences": 200}
    row = ClubExperiment(settings, Path("unused")).count(5, nothing)
    assert row["accuracy"][0] > 0.95, "4 words in between, and the club is the fifth back"
    assert row["accuracy"][1] < 0.3


def test_a_part_of_clubs_that_was_stopped_in_the_middle_goes_on_to_the_same_row(tmp_path: Path) -> None:
    settings = {**CLUBS, "widths": [], "seeds": [0]}
    whole = recorded(ClubExperiment(settings, tmp_path / "whole"), tmp_path / "whole")
    experiment = ClubExperiment(settings, tmp_path / "stopped")
    with pytest.raises(KeyboardInterrupt):
        experiment.parts()["attention-0"][1](press_ctrl_c)
    assert recorded(experiment, tmp_path / "stopped") == whole


def test_a_gpt_is_measured_whole_and_without_each_part(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    towns = [first + last for first in ("am", "bo", "ca", "de", "el") for last in "abcdefgh"]
    monkeypatch.setattr("gptbook.experiments.ladder_experiments.city_names", lambda: towns)
    experiment = PartExperiment(PARTS, tmp_path)
    assert list(experiment.parts()) == ["whole-0", *(f"{part}-0" for part in GPT_PARTS)]
    found = recorded(experiment, tmp_path / "first")
    rows = {row["without"]: row for row in found["rows"]}
    assert list(rows) == ["", *GPT_PARTS]
    for row in rows.values():
        assert row["first_loss"] == pytest.approx(math.log(experiment.tokenizer.vocab_size), abs=0.1)
        assert 0 < row["held_out_loss"] < row["first_loss"] + 0.2
    assert rows["attention"]["parameters"] < rows[""]["parameters"] == rows["running sum"]["parameters"]
    assert rows["positions"]["parameters"] == rows[""]["parameters"] - 25 * 8
    torch.manual_seed(7)
    assert recorded(experiment, tmp_path / "second") == found, "it depends on the settings alone"


def test_a_run_in_the_folder_with_other_settings_is_refused(tmp_path: Path) -> None:
    run = new_run(ClubsRecipe(**{**CLUBS["recipe"], "num_sentences": 50}))  # type: ignore[arg-type]
    run.save(tmp_path / "run")
    with pytest.raises(ValueError, match="num_sentences is 50 there, 60 here"):
        train_part(new_run(ClubsRecipe(**CLUBS["recipe"])), tmp_path / "run", nothing)  # type: ignore[arg-type]
