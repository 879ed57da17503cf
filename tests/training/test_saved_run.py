"""A saved run: whether its training has failed, and whether it is the one that goes on."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from runs import new_run

from gptbook.tasks.open_run import open_run
from gptbook.tasks.recipe_words import iris_net
from gptbook.tasks.recipes import NgramRecipe
from gptbook.training.saved_run import SavedRun


@pytest.fixture
def saved(short: NgramRecipe, tmp_path: Path) -> SavedRun:
    new_run(short).save(tmp_path / "run")
    return open_run(tmp_path / "run")


def test_the_same_recipe_and_data_go_on_wherever_the_list_lies(saved: SavedRun) -> None:
    moved = replace(saved.recipe, names_file="elsewhere.csv")  # type: ignore[call-arg]
    saved.check_same(moved, saved.facts["data"], "advice")


def test_each_difference_is_told_with_what_to_do(saved: SavedRun) -> None:
    other = replace(saved.recipe, seed=3, num_steps=7)
    with pytest.raises(ValueError, match=r"\(num_steps is 30 there, 7 here; seed is 0 there, 3 here\): do so$"):
        saved.check_same(other, saved.facts["data"], "do so")


def test_data_that_differ_by_a_checksum_alone_have_changed(saved: SavedRun) -> None:
    data = {**saved.facts["data"], "names_sha256": "0" * 64}
    with pytest.raises(ValueError, match=r"holds another run \(its data have changed\): do so"):
        saved.check_same(saved.recipe, data, "do so")


def test_a_run_of_another_kind_is_named(saved: SavedRun) -> None:
    with pytest.raises(ValueError, match=r"holds a run of towns, not of iris: give another --run-dir$"):
        saved.check_same(iris_net(), {}, "advice")


@pytest.mark.parametrize("number", [float("nan"), float("inf")])
def test_a_number_that_is_none_is_named(number: float, saved: SavedRun) -> None:
    saved.check_trained()
    failed = replace(saved, tensors={"model.output.bias": torch.tensor([0.0, number])})
    with pytest.raises(ValueError, match=r"has failed, output\.bias is not finite: train anew in another folder"):
        failed.check_trained()
