"""The experiment on letters of context, in small."""

import math
from typing import Any

import pytest

from gptbook.data.tables import city_names
from gptbook.experiments.window_experiment import WINDOW_SETTINGS, WindowExperiment

TINY: dict[str, Any] = {
    "widest": 3,
    "seeds": [0, 1],
    "net": {"embedding_dim": 4, "hidden_dim": 8, "dropout": 0.1},
    "training": {"num_steps": 5, "batch_size": 16, "learning_rate": 4e-3},
    "num_samples": 5,
    "curve": {"context_length": 2, "num_steps": 7, "dropouts": [0.0, 0.5]},
}
NAMES = city_names()[::400]


def ignore(step: int, loss: float) -> None:
    """Nobody wants to know."""


@pytest.fixture(scope="module")
def done() -> dict[str, dict[str, Any]]:
    return {name: run(ignore) for name, (_, run) in WindowExperiment(NAMES, TINY).parts().items()}


def test_there_is_a_part_for_every_width_seed_and_curve(done: dict[str, dict[str, Any]]) -> None:
    counts = [f"counts-{width}" for width in range(4)]
    nets = [f"net-{width}-{seed}" for seed in (0, 1) for width in (1, 2, 3)]
    assert list(done) == [*counts, *nets, "curve-0.0", "curve-0.5"]
    assert {done[name]["model"] for name in nets} == {"net"}
    assert [done[name]["model"] for name in counts] == ["letters", "counts", "counts", "counts"]


def test_a_part_says_how_many_steps_it_takes_and_reports_each() -> None:
    for name, (num_steps, run) in WindowExperiment(NAMES, TINY).parts().items():
        told: list[int] = []
        run(lambda step, loss, told=told: told.append(step))
        assert told == list(range(num_steps)), name


def test_a_row_holds_what_the_chapters_read(done: dict[str, dict[str, Any]]) -> None:
    for name, part in done.items():
        if name.startswith("curve"):
            continue
        assert part["training_loss"] > 0
        assert part["held_out_loss"] > 0
        assert 0 <= part["new"] <= 1
        assert 0 <= part["new"] + part["memorised"] <= 1 + 1e-9
        assert part["parameters"] > 0
        assert part["seconds"] > 0
        assert isinstance(part["samples"], str)
        assert (part["seed"] is None) == (part["model"] != "net")
        if part["model"] == "net":
            assert part["untrained_loss"] == pytest.approx(math.log(1 + len(set("".join(NAMES)))), abs=0.1)
        else:
            assert part["floor"] <= part["training_loss"] + 1e-9
            assert 0 <= part["unseen_contexts"] <= 1


def test_wider_contexts_have_lower_floors_and_more_that_is_new(done: dict[str, dict[str, Any]]) -> None:
    rows = [done[f"counts-{width}"] for width in range(4)]
    floors = [row["floor"] for row in rows]
    assert floors == sorted(floors, reverse=True)
    new = [row["unseen_contexts"] for row in rows]
    assert new == sorted(new)
    assert new[0] == 0


def test_a_curve_goes_from_the_first_step_to_the_last(done: dict[str, dict[str, Any]]) -> None:
    for dropout in (0.0, 0.5):
        curve = done[f"curve-{dropout}"]
        assert curve["dropout"] == dropout
        assert curve["steps"][0] == 1
        assert curve["steps"][-1] == 7
        assert len(curve["steps"]) == len(curve["training_losses"]) == len(curve["held_out_losses"])


def test_the_same_seed_gives_the_same_row(done: dict[str, dict[str, Any]]) -> None:
    again = {name: run(ignore) for name, (_, run) in WindowExperiment(NAMES, TINY).parts().items()}
    for name, part in again.items():
        assert {**part, "seconds": 0} == {**done[name], "seconds": 0}, name
    assert done["net-2-0"]["held_out_loss"] != done["net-2-1"]["held_out_loss"]


def test_the_real_settings_have_the_form_of_the_tiny_ones() -> None:
    def form(settings: dict[str, Any]) -> dict[str, Any]:
        return {name: form(value) if isinstance(value, dict) else type(value) for name, value in settings.items()}

    assert form(WINDOW_SETTINGS) == form(TINY)
