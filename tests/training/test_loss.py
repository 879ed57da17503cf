"""Loss over positions, over counts, and the least that counts allow."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from gptbook.data.tokenizer import CharacterTokenizer
from gptbook.models.ngram import context_windows, count_pairs, unique_contexts
from gptbook.training.loss import bits_per_byte, conditional_entropy, count_loss, next_token_loss

ABC = CharacterTokenizer("abc")
NAMES = st.lists(st.text("abc", min_size=1, max_size=6), min_size=1, max_size=12)


def test_equal_logits_cost_ln_v_at_every_position() -> None:
    for shape in ((5,), (2, 5), ()):
        loss = next_token_loss(torch.zeros(*shape, 27), torch.zeros(shape, dtype=torch.long))
        assert loss.item() == pytest.approx(math.log(27), abs=1e-6)
        assert loss.shape == ()


def test_the_loss_is_the_mean_surprise_at_what_came() -> None:
    probabilities = torch.tensor([[0.5, 0.25, 0.25], [0.1, 0.1, 0.8]])
    loss = next_token_loss(probabilities.log(), torch.tensor([1, 2]))
    assert loss.item() == pytest.approx((math.log(4) - math.log(0.8)) / 2, abs=1e-6)


def test_a_fair_guess_among_256_bytes_is_8_bits_per_byte() -> None:
    assert bits_per_byte(math.log(256), 1.0) == pytest.approx(8)
    assert bits_per_byte(math.log(65_536), 2.0) == pytest.approx(8), "two bytes at once, and twice the surprise"


@pytest.mark.parametrize("bytes_per_token", [0.0, -1.0, float("nan")])
def test_tokens_without_bytes_have_no_bits_per_byte(bytes_per_token: float) -> None:
    with pytest.raises(ValueError, match=f"bytes_per_token is {bytes_per_token}: give more than 0"):
        bits_per_byte(1.0, bytes_per_token)


@settings(deadline=None, max_examples=50)
@given(NAMES, st.integers(0, 3), st.integers(0, 99))
def test_one_row_for_each_context_gives_the_loss_over_all_positions(names: list[str], width: int, seed: int) -> None:
    contexts, targets = context_windows(names, ABC, width)
    unique, counts = unique_contexts(contexts, targets, ABC.vocab_size)
    logits_of_row = torch.randn(len(unique), 4, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    row = {tuple(context): i for i, context in enumerate(unique.tolist())}
    logits = logits_of_row[[row[tuple(context)] for context in contexts.tolist()]]
    torch.testing.assert_close(count_loss(logits_of_row, counts.double()), next_token_loss(logits, targets))


@settings(deadline=None, max_examples=50)
@given(NAMES, st.integers(0, 99))
def test_no_model_of_the_row_gets_below_the_floor_and_the_shares_reach_it(names: list[str], seed: int) -> None:
    counts = count_pairs(names, ABC).double()
    counts = counts[counts.sum(dim=1) > 0]
    floor = conditional_entropy(counts)
    shares = counts / counts.sum(dim=1, keepdim=True)
    assert count_loss((shares + 1e-300).log(), counts).item() == pytest.approx(floor, abs=1e-9)
    other = torch.randn(counts.shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    assert count_loss(other, counts).item() >= floor - 1e-9


def test_the_floor_is_worked_out_by_hand() -> None:
    """Row 1: two equally likely, ln 2, three times as frequent as row 2, which is certain; row 3 never occurs."""
    assert conditional_entropy(torch.tensor([[3, 3, 0], [0, 0, 2], [0, 0, 0]])) == pytest.approx(0.75 * math.log(2))
    assert conditional_entropy(torch.tensor([[0.3, 0.3]])) == pytest.approx(math.log(2)), "counts may be weights"
    assert conditional_entropy(torch.ones(1, 27)) == pytest.approx(math.log(27))


@pytest.mark.parametrize(
    ("counts", "says"),
    [
        ([[1.0, 2.0], [0.0, -3.0]], r"counts\[1, 1\] is -3: a count is a number, 0 or more"),
        ([[1.0, float("nan")]], r"counts\[0, 1\] is nan"),
        ([[float("inf"), 1.0]], r"counts\[0, 0\] is inf"),
        ([[0.0, 0.0]], "there are no counts"),
    ],
)
def test_counts_that_cannot_be_are_refused(counts: list[list[float]], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        conditional_entropy(torch.tensor(counts))
