"""Loss over positions, over counts, and the least that counts allow."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from small_dialogues import CONFIG, DIALOGUES, TOKENIZER, asked, opinionated
from torch import nn

from gptbook.data.dialogues import (
    dialogue_tokens,
    prompt_tokens,
)
from gptbook.data.tokenizer import CharacterTokenizer
from gptbook.models.gpt import GPT
from gptbook.models.modern import ModernGPT
from gptbook.models.ngram import context_windows, count_pairs, unique_contexts
from gptbook.training.loss import (
    answer_log_probabilities,
    bits_per_byte,
    conditional_entropy,
    count_loss,
    next_token_loss,
    preference_loss,
)
from gptbook.training.seeds import seeded


@pytest.fixture(params=[GPT, ModernGPT])
def model(request: pytest.FixtureRequest) -> nn.Module:
    """A model with random numbers, large enough that its answers differ."""
    return opinionated(request.param)


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


def test_the_probability_of_an_answer_is_the_product_over_its_letters_and_its_end(model: nn.Module) -> None:
    inputs, targets = dialogue_tokens(DIALOGUES, TOKENIZER)
    with torch.no_grad():
        found = answer_log_probabilities(model, inputs, targets)
        for row, dialogue in enumerate(DIALOGUES):
            prompt = prompt_tokens(TOKENIZER, dialogue.question)
            tokens = [*prompt, *TOKENIZER.encode(dialogue.answer), 0]
            by_hand = 1.0
            for place in range(len(prompt), len(tokens)):
                chances = model(torch.tensor([tokens[:place]]))[0, -1].softmax(dim=-1)
                by_hand *= chances[tokens[place]].item()
            assert found[row].exp().item() == pytest.approx(by_hand, rel=1e-4)


def test_the_preference_loss_is_ln_2_as_long_as_nothing_moved() -> None:
    chosen, rejected = torch.tensor([-3.0, -50.0]), torch.tensor([-1.0, -2.0])
    assert preference_loss(chosen, rejected, chosen, rejected).item() == pytest.approx(math.log(2))


def test_the_preference_loss_is_the_formula_of_the_paper() -> None:
    chosen, rejected, chosen_before, rejected_before = torch.tensor([-2.0, -6.0, -3.0, -5.0])[:, None]
    beta = 0.3
    ratio_chosen = math.exp(-2.0) / math.exp(-3.0)
    ratio_rejected = math.exp(-6.0) / math.exp(-5.0)
    preferred = 1 / (1 + math.exp(-(beta * math.log(ratio_chosen) - beta * math.log(ratio_rejected))))
    found = preference_loss(chosen, rejected, chosen_before, rejected_before, beta)
    assert found.item() == pytest.approx(-math.log(preferred))


def test_a_step_down_the_preference_loss_favours_what_was_chosen() -> None:
    with seeded(0):
        model = GPT(CONFIG)
    chosen, rejected = (dialogue_tokens([asked("oslo?", answer)], TOKENIZER) for answer in ("no idea", "a park"))
    with torch.no_grad():
        before = [answer_log_probabilities(model, *pair) for pair in (chosen, rejected)]
    now = [answer_log_probabilities(model, *pair) for pair in (chosen, rejected)]
    preference_loss(now[0], now[1], before[0], before[1]).backward()
    with torch.no_grad():
        for parameter in model.parameters():
            assert parameter.grad is not None
            parameter.sub_(0.1 * parameter.grad)
        after = [answer_log_probabilities(model, *pair) for pair in (chosen, rejected)]
    assert after[0] - after[1] > before[0] - before[1]
    assert preference_loss(after[0], after[1], before[0], before[1]) < math.log(2)
