"""What a task need not say: it holds nothing out, is one part, and writes nothing."""

from dataclasses import replace

import pytest
import torch
from runs import new_run

from gptbook.tasks.open_run import task_for
from gptbook.tasks.recipe_words import iris_net
from gptbook.tasks.recipes import GPTRecipe, NgramRecipe


def test_a_task_of_one_part_goes_at_once_whatever_the_memory() -> None:
    task = task_for(iris_net())
    assert task.num_rows == 1
    assert task.rows_that_fit(1, memory_bytes=0, precision="float32") == 1
    assert task.write("", 3, torch.Generator()) == []


def test_what_cannot_be_compiled_or_measured_says_so() -> None:
    task = task_for(iris_net())
    with pytest.raises(ValueError, match="iris is not compiled: leave out --compile"):
        task.example(1)
    with pytest.raises(ValueError, match="iris holds nothing out"):
        task.held_out_loss(1)


def test_every_group_of_an_optimizer_has_a_rate_of_its_own(short: NgramRecipe, tiny: GPTRecipe) -> None:
    for recipe in (short, tiny, replace(iris_net(), num_steps=2)):
        run = new_run(recipe)
        assert all(group["rate"] > 0 for group in run.optimizer.param_groups)
        moved = {id(p) for group in run.optimizer.param_groups for p in group["params"]}
        assert moved == {id(p) for p in run.model.parameters()}
