"""The experiment on letters of context, in small."""

import math
from typing import Any

import pytest
import torch

from gptbook.data.tables import city_names
from gptbook.experiments.window_experiment import WINDOW_SETTINGS, WindowExperiment
from gptbook.models.ngram import NgramCounts, context_windows

TINY: dict[str, Any] = {
    "widest": 3,
    "seeds": [0, 1],
    "validation": {"share": 0.1, "seed": 0, "net_seeds": [0, 2]},
    "net": {"embedding_dim": 4, "hidden_dim": 8, "dropout": 0.1},
    "training": {"num_steps": 5, "batch_size": 16, "learning_rate": 4e-3},
    "num_samples": 5,
    "num_places": 40,
    "curve": {"context_length": 2, "num_steps": 7, "dropouts": [0.0, 0.5]},
}
NAMES = city_names()[::400]


def ignore(step: int, loss: float) -> None:
    """Nobody wants to know."""


@pytest.fixture(scope="module")
def experiment() -> WindowExperiment:
    return WindowExperiment(NAMES, TINY)


@pytest.fixture(scope="module")
def done(experiment: WindowExperiment) -> dict[str, dict[str, Any]]:
    return {name: run(ignore) for name, (_, run) in experiment.parts().items()}


def rows(done: dict[str, dict[str, Any]]) -> list[dict[str, Any]]:
    """The parts that learned from all training names, and were asked at the held-out ones."""
    return [part for part in done.values() if "held_out_loss" in part]


def test_there_is_a_part_for_every_width_seed_and_curve(done: dict[str, dict[str, Any]]) -> None:
    counts = [f"counts-{width}" for width in range(4)]
    nets = [f"net-{width}-{seed}" for seed in (0, 1) for width in (1, 2, 3)]
    validated = [f"net-{width}-{seed}" for seed in (0, 2) for width in (1, 2, 3)]
    validation = [f"validation-{name}" for name in (*counts[1:], *validated)]
    assert list(done) == [*validation, *counts, *nets, "curve-0.0", "curve-0.5"]
    assert {done[name]["model"] for name in nets} == {"net"}
    assert [done[name]["model"] for name in counts] == ["letters", "counts", "counts", "counts"]
    for name in validation:
        assert done[name]["model"] == ("net" if "net" in name else "counts")


def test_names_are_fitted_validated_or_held_out_and_none_is_two_of_them(experiment: WindowExperiment) -> None:
    parts = (experiment.fitting, experiment.validation, experiment.held_out)
    assert sorted(name for part in parts for name in part) == sorted(NAMES)
    assert sorted([*experiment.fitting, *experiment.validation]) == experiment.training
    assert len(experiment.validation) == round(0.1 * len(experiment.training))
    other = {**TINY, "validation": {**TINY["validation"], "seed": 1}}
    assert WindowExperiment(NAMES, other).validation != experiment.validation
    assert WindowExperiment(NAMES, other).held_out == experiment.held_out


def test_no_held_out_name_has_a_part_in_a_choice(done: dict[str, dict[str, Any]], experiment: WindowExperiment) -> None:
    """With other held-out names, as many of them, all that choices are made on stays as it was."""
    other = WindowExperiment(NAMES, TINY)
    other.held_out = [name[::-1] for name in experiment.held_out]
    for name, (_, run) in other.parts().items():
        if name.startswith("validation"):
            assert run(ignore) == done[name], name
        elif name.startswith("curve"):
            curve = run(ignore)
            for key in ("training_losses", "validation_losses", "chosen_step"):
                assert curve[key] == done[name][key], name
            assert curve["held_out_losses"] != done[name]["held_out_losses"]


def test_a_validation_name_is_never_trained_on_before_the_choice(experiment: WindowExperiment) -> None:
    other = WindowExperiment(NAMES, TINY)
    other.validation = [name[::-1] for name in experiment.validation]
    for name in ("validation-counts-2", "validation-net-2-0"):
        one, two = experiment.parts()[name][1](ignore), other.parts()[name][1](ignore)
        assert one["training_loss"] == two["training_loss"], name
        assert one["validation_loss"] != two["validation_loss"], name


def test_a_part_says_how_many_steps_it_takes_and_reports_each() -> None:
    for name, (num_steps, run) in WindowExperiment(NAMES, TINY).parts().items():
        told: list[int] = []
        run(lambda step, loss, told=told: told.append(step))
        assert told == list(range(num_steps)), name


def test_a_row_holds_what_the_chapters_read(done: dict[str, dict[str, Any]]) -> None:
    for part in rows(done):
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
    counts = [done[f"counts-{width}"] for width in range(4)]
    floors = [row["floor"] for row in counts]
    assert floors == sorted(floors, reverse=True)
    new = [row["unseen_contexts"] for row in counts]
    assert new == sorted(new)
    assert new[0] == 0


def test_a_curve_goes_from_the_first_step_to_the_last(done: dict[str, dict[str, Any]]) -> None:
    for dropout in (0.0, 0.5):
        curve = done[f"curve-{dropout}"]
        assert curve["dropout"] == dropout
        assert curve["steps"][0] == 1
        assert curve["steps"][-1] == 7
        for part in ("training", "validation", "held_out"):
            assert len(curve[f"{part}_losses"]) == len(curve["steps"])
        least = curve["validation_losses"].index(min(curve["validation_losses"]))
        assert curve["chosen_step"] == curve["steps"][least]


def test_the_loss_is_told_name_by_name_and_place_by_place(
    done: dict[str, dict[str, Any]], experiment: WindowExperiment
) -> None:
    """In the mean over positions, all three are the same number."""
    names = experiment.held_out
    num_positions = sum(len(name) + 1 for name in names)
    for part in rows(done):
        assert len(part["name_surprises"]) == len(names)
        assert sum(part["name_surprises"]) / num_positions == pytest.approx(part["held_out_loss"])
        asked = [sum(len(name) >= place for name in names) for place in range(len(part["held_out_by_place"]))]
        assert sum(asked) == num_positions
        total = sum(loss * number for loss, number in zip(part["held_out_by_place"], asked))
        assert total / num_positions == pytest.approx(part["held_out_loss"])
    two = WindowExperiment(NAMES, {**TINY, "num_places": 2}).count(1, ignore)
    assert two["held_out_by_place"] == done["counts-1"]["held_out_by_place"][:2]
    first = experiment.tokenizer.encode("".join(name[0] for name in names))
    model = NgramCounts(1, experiment.tokenizer.vocab_size)
    model.fit(*context_windows(experiment.training, experiment.tokenizer, 1))
    shares = model.probabilities(torch.zeros(len(first), 1, dtype=torch.long))
    mean = -shares[range(len(first)), first].log().mean().item()
    assert done["counts-1"]["held_out_by_place"][0] == pytest.approx(mean), "the first letter, after the mark"


def test_the_same_seed_gives_the_same_row(done: dict[str, dict[str, Any]]) -> None:
    again = {name: run(ignore) for name, (_, run) in WindowExperiment(NAMES, TINY).parts().items()}
    for name, part in again.items():
        assert {**part, "seconds": 0} == {**done[name], "seconds": 0}, name
    assert done["net-2-0"]["held_out_loss"] != done["net-2-1"]["held_out_loss"]


def test_the_real_settings_have_the_form_of_the_tiny_ones() -> None:
    def form(settings: dict[str, Any]) -> dict[str, Any]:
        return {name: form(value) if isinstance(value, dict) else type(value) for name, value in settings.items()}

    assert form(WINDOW_SETTINGS) == form(TINY)
