"""The small training loop as a whole; tests/test_mistakes.py looks at each of its lines."""

import pytest
import torch

from gptbook.experiments.small_run import SMALL_SETTINGS, SmallGPT, SmallRun, decaying_groups
from gptbook.models.gpt import GPT, GPTConfig

SETTINGS = {**SMALL_SETTINGS, "num_steps": 12, "warmup_steps": 3, "one_in": 64, "part_size": 8}


@pytest.fixture(scope="module")
def run() -> SmallRun:
    run = SmallRun(SETTINGS)
    while run.step < 12:
        run.advance()
    return run


def test_a_dozen_steps_learn_something(run: SmallRun) -> None:
    assert run.held_out_loss() < SmallRun(SETTINGS).held_out_loss() - 0.1


def test_through_the_cache_the_loss_is_the_same(run: SmallRun) -> None:
    inputs, targets = run.held_out
    run.held_out = inputs[:5], targets[:5]
    assert run.cached_loss(5) == pytest.approx(run.held_out_loss(), abs=1e-5)


def test_it_writes_the_same_with_the_cache_and_without(run: SmallRun) -> None:
    assert run.write(3, use_cache=True) == run.write(3, use_cache=False)


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
