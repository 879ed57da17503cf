"""The small training loop as a whole; tests/test_mistakes.py looks at each of its lines."""

import copy

import pytest
import torch
from runs import finished

from gptbook.experiments.small_task import (
    SMALL_SETTINGS,
    SmallGPT,
    SmallNames,
    decaying_groups,
    small_run,
    stopped_and_resumed,
)
from gptbook.models.gpt import GPT, GPTConfig
from gptbook.training.engine import Run

SETTINGS = {**SMALL_SETTINGS, "num_steps": 12, "warmup_steps": 3, "one_in": 64, "part_size": 8}


@pytest.fixture(scope="module")
def run() -> Run:
    return finished(small_run(SETTINGS))


@pytest.fixture(scope="module")
def task(run: Run) -> SmallNames:
    assert isinstance(run.task, SmallNames)
    return run.task


def test_a_dozen_steps_in_two_parts_learn_something(run: Run, task: SmallNames) -> None:
    assert run.num_parts == 2
    assert task.held_out_loss()[0] < SmallNames(SETTINGS).held_out_loss()[0] - 0.1


def test_through_the_cache_the_loss_is_the_same(task: SmallNames) -> None:
    some = copy.copy(task)
    some.held_out = task.held_out[0][:5], task.held_out[1][:5]
    assert some.cached_loss(5) == pytest.approx(some.held_out_loss()[0], abs=1e-5)


def test_it_writes_the_same_with_the_cache_and_without(task: SmallNames) -> None:
    with_cache, without = (
        task.write("", 3, torch.Generator().manual_seed(0), use_cache=use_cache) for use_cache in (True, False)
    )
    assert with_cache == without


def test_stopped_and_resumed_it_goes_on_from_the_same_bits(run: Run) -> None:
    again = stopped_and_resumed(run, SETTINGS)
    assert again.step == run.step == 12
    for left, right in zip(run.model.parameters(), again.model.parameters()):
        assert torch.equal(left, right)


def test_the_small_gpt_is_a_gpt_with_dropout() -> None:
    config = GPTConfig(vocab_size=5, context_length=4, num_layers=1, num_heads=2, model_dim=4, mlp_dim=8)
    small, plain = SmallGPT(config, 0.5), GPT(config)
    plain.load_state_dict(small.state_dict())
    tokens = torch.tensor([[1, 2, 3]])
    torch.testing.assert_close(small.eval()(tokens), plain(tokens))
    assert not torch.allclose(small.train()(tokens), plain(tokens))


def test_decay_pulls_at_tables_and_matrices_only() -> None:
    pulled, free = decaying_groups(torch.nn.Linear(3, 2), 0.1)
    assert [p.ndim for p in pulled["params"]] == [2]
    assert [p.ndim for p in free["params"]] == [1]
    assert (pulled["weight_decay"], free["weight_decay"]) == (0.1, 0.0)
