"""The net of the irises: the chapter's, and measured on flowers that it has not seen."""

import math
from dataclasses import replace

import pytest
import torch
from runs import finished, new_run

from gptbook.models.classifier import iris_tensors, train_classifier
from gptbook.tasks.flowers import IrisFlowers
from gptbook.tasks.recipe_words import iris_net


def test_the_command_line_trains_the_iris_net_of_the_chapter_bit_for_bit() -> None:
    run = finished(new_run(iris_net()))
    model, losses = train_classifier(*iris_tensors())
    assert run.losses == losses
    for name, weights in model.state_dict().items():
        assert torch.equal(weights, run.model.state_dict()[name])


def test_accuracy_is_reported_with_its_interval_and_apart_from_flowers_seen() -> None:
    run = new_run(replace(iris_net(), num_steps=3))
    assert isinstance(run.task, IrisFlowers)
    found = run.task.measure()
    assert 0 <= found["low"] < found["unseen"] < found["high"] <= 1
    assert f"{found['unseen']:.1%} on flowers not seen in training (95% interval" in "".join(run.report())


def test_nothing_is_held_out_so_there_is_no_such_loss() -> None:
    run = finished(new_run(replace(iris_net(), num_steps=3)))
    assert run.evaluations == []
    assert math.isnan(run.evaluate())
    with pytest.raises(ValueError, match="iris holds nothing out"):
        run.task.held_out_loss(1)
