"""The experiment of the cheaper recipe: each change on top of those before, on the same text, from the same seed."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from gptbook.experiments.cheaper_experiment import CHEAPER_SETTINGS, CheaperExperiment
from gptbook.tasks.recipe_words import gpt2_124m, gpt2_124m_modern

SETTINGS: dict[str, Any] = {
    "libraries": ["tqdm"],
    "recipe": {
        "num_layers": 2,
        "num_heads": 2,
        "model_dim": 8,
        "mlp_dim": 12,
        "context_length": 8,
        "batch_size": 4,
        "learning_rate": 0.02,
        "other_rate": 0.01,
        "warmup_steps": 1,
        "num_windows": 6,
    },
    "steps_before": [2, 3],
    "steps_after": 2,
    "changes": {"level": {"decay_share": 0.5}, "shortcuts": {"form": "speedrun"}, "half": {"batch_size": 2}},
    "seeds": [0, 1],
}


@pytest.fixture(scope="module")
def rows(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    experiment = CheaperExperiment(SETTINGS, tmp_path_factory.mktemp("cheaper"))
    told: list[int] = []
    done = {name: run(lambda step, loss: told.append(step)) for name, (_, run) in experiment.parts().items()}
    assert len(told) == sum(steps for steps, _ in experiment.parts().values())
    results = experiment.results(done)
    assert results["rows"] == list(done.values())
    assert results["characters"]["training"] > results["characters"]["held_out"] > 0
    return done


def test_every_recipe_runs_with_every_seed_and_says_its_loss(rows: dict[str, dict[str, Any]]) -> None:
    runs = [(row["change"], row["num_steps"]) for row in rows.values() if row["seed"] == 0]
    assert runs == [("before", 2), ("before", 3), ("level", 2), ("shortcuts", 2), ("half", 4)]
    assert len(rows) == 2 * len(runs)
    assert {row["num_tokens"] for row in rows.values() if row["change"] != "before"} == {2 * 4 * 8}
    assert all(0 < row["held_out_loss"] < 10 for row in rows.values())


def test_the_shortcuts_add_their_shares_and_no_matrix(rows: dict[str, dict[str, Any]]) -> None:
    sizes = {row["change"]: row["parameters"] for row in rows.values()}
    assert sizes["shortcuts"] - sizes["level"] == 3 * 2 + 1
    assert sizes["level"] == sizes["before"]


def test_a_part_alone_gives_the_same_again(rows: dict[str, dict[str, Any]], tmp_path: Path) -> None:
    experiment = CheaperExperiment(SETTINGS, tmp_path)
    _, run = experiment.parts()["shortcuts-2-1"]
    again = run(lambda step, loss: None)
    assert again["held_out_loss"] == rows["shortcuts-2-1"]["held_out_loss"]
    assert again["held_out_loss"] != rows["shortcuts-2-0"]["held_out_loss"]


def test_the_recorded_changes_are_those_of_the_books_recipe() -> None:
    """The same fields differ between the two recipes of the command line; sizes of the steps are for a small model."""
    before, after = asdict(gpt2_124m_modern()), asdict(gpt2_124m())
    differ = {name for name in before if before[name] != after[name]} - {"name", "num_steps"}
    changes = CHEAPER_SETTINGS["changes"].values()
    assert differ == {field for change in changes for field in change}
    merged = {field: value for change in changes for field, value in change.items()}
    for field in ("form", "warmup_steps", "decay_share"):
        assert merged[field] == after[field]
    assert after["batch_size"] * 2 == before["batch_size"]
    assert merged["batch_size"] * 2 == CHEAPER_SETTINGS["recipe"]["batch_size"]
