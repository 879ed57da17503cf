"""Batches: which windows a step sees, and that nothing but seed and step decides it."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from gptbook.data.batches import fixed_windows, token_batch

TOKENS = np.arange(1000, dtype=np.uint16)


def test_the_target_of_a_position_is_the_token_after_it() -> None:
    inputs, targets = token_batch(TOKENS, 8, 4, step=3, seed=1)
    assert inputs.shape == targets.shape == (4, 8)
    assert inputs.dtype == torch.int64
    assert torch.equal(targets, inputs + 1)


def test_the_same_seed_and_step_give_the_same_batch_and_others_another() -> None:
    first, again = (token_batch(TOKENS, 8, 4, step=5, seed=1)[0] for _ in range(2))
    assert torch.equal(first, again)
    assert not torch.equal(first, token_batch(TOKENS, 8, 4, step=6, seed=1)[0])
    assert not torch.equal(first, token_batch(TOKENS, 8, 4, step=5, seed=2)[0])


@settings(max_examples=30, deadline=None)
@given(length=st.integers(20, 300), context_length=st.integers(1, 19), seed=st.integers(0, 9))
def test_each_round_sees_every_window_once(length: int, context_length: int, seed: int) -> None:
    tokens = np.arange(length, dtype=np.uint16)
    num_windows = max(1, (length - context_length) // context_length)
    rounds = 3
    starts = torch.cat(
        [token_batch(tokens, context_length, num_windows, step, seed)[0][:, 0] for step in range(rounds)]
    )
    for turn in starts.split(num_windows):
        ordered = turn.sort().values
        assert torch.equal(ordered.diff(), torch.full((num_windows - 1,), context_length))


def test_batches_that_cross_the_end_of_a_round_lose_no_window() -> None:
    tokens = np.arange(103, dtype=np.uint16)  # 9 windows of 10
    starts = torch.cat([token_batch(tokens, 10, 4, step, seed=0)[0][:, 0] for step in range(9)])
    for turn in starts.split(9):
        assert len(turn.unique()) == 9


def test_rows_are_those_of_the_whole_batch() -> None:
    whole, _ = token_batch(TOKENS, 8, 6, step=2, seed=0)
    parts = [token_batch(TOKENS, 8, 6, 2, 0, slice(first, first + 2))[0] for first in (0, 2, 4)]
    assert torch.equal(torch.cat(parts), whole)


def test_a_second_round_cuts_elsewhere() -> None:
    tokens = np.arange(1009, dtype=np.uint16)
    places = {int(token_batch(tokens, 100, 9, step, seed=0)[0][0, 0]) % 100 for step in range(8)}
    assert len(places) > 1


def test_fixed_windows_are_spread_over_the_whole_text_and_do_not_change() -> None:
    inputs, targets = fixed_windows(TOKENS, 10, 5)
    assert inputs[0, 0] == 0
    assert targets[-1, -1] == 999
    assert torch.equal(inputs, fixed_windows(TOKENS, 10, 5)[0])
    assert len(fixed_windows(TOKENS, 300, 100)[0]) == 3  # no two overlap


@pytest.mark.parametrize("length", [0, 1, 10])
def test_a_text_shorter_than_the_context_is_refused(length: int) -> None:
    tokens = np.zeros(length, dtype=np.uint16)
    with pytest.raises(ValueError, match="give a longer text"):
        token_batch(tokens, 10, 2, 0, 0)
    with pytest.raises(ValueError, match=f"has {length} tokens"):
        fixed_windows(tokens, 10, 2)


def test_a_text_of_one_window_is_enough() -> None:
    inputs, _ = token_batch(np.arange(11, dtype=np.uint16), 10, 3, step=0, seed=0)
    assert inputs[:, 0].tolist() == [0, 0, 0]
