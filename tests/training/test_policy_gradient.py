"""Learning from outcomes: the slope is that of the expected reward, and what a baseline may and may not change."""

from collections.abc import Callable
from itertools import product
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from gptbook.data.arithmetic import after_prompts, arithmetic_tokenizer, as_written, draw_rows_of_digits, row_prompts
from gptbook.data.sequences import NO_TARGET
from gptbook.generation.answers import greedy_answers
from gptbook.models.attention import KVCache
from gptbook.models.gpt import GPTConfig
from gptbook.models.modern import ModernGPT
from gptbook.training.loss import answer_log_probabilities
from gptbook.training.policy_gradient import (
    ADVANTAGE_FORMS,
    advantages_of,
    learn_from_outcomes,
    policy_gradient_loss,
    sample_answers,
)

TINY = GPTConfig(vocab_size=3, context_length=6, num_layers=1, num_heads=1, model_dim=4, mlp_dim=4)
PROMPT = torch.tensor([[0, 2]])


def tiny_model(seed: int = 0, config: GPTConfig = TINY) -> ModernGPT:
    """A policy in double precision that already prefers something."""
    torch.manual_seed(seed)
    model = ModernGPT(config).double()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.copy_(torch.randn_like(parameter) * 0.5)
    return model


def every_answer(length: int = 2) -> Tensor:
    """All answers of at most that many tokens: over after the end mark. Shape (answers, length)."""
    found = []
    for tokens in product(range(3), repeat=length):
        ended = tokens.index(0) + 1 if 0 in tokens else length
        found.append((*tokens[:ended], *[NO_TARGET] * (length - ended)))
    return torch.tensor(sorted(set(found)))


def log_probabilities(model: ModernGPT, answers: Tensor) -> Tensor:
    return answer_log_probabilities(model, *after_prompts(PROMPT.expand(len(answers), -1), answers))


def rewards_of(answers: Tensor) -> Tensor:
    """One reward for each answer, none like another."""
    return torch.linspace(-1, 2, len(answers), dtype=torch.float64) ** 2


def slope(model: ModernGPT, loss: Tensor) -> Tensor:
    return torch.cat([g.flatten() for g in torch.autograd.grad(loss, list(model.parameters()))])


def finite_differences(model: ModernGPT, value: Callable[[], Tensor], size: float = 1e-6) -> Tensor:
    """How fast a value grows with each number of a model, measured from both sides."""
    found = []
    with torch.no_grad():
        for parameter in model.parameters():
            flat = parameter.view(-1)
            for place in range(len(flat)):
                was = flat[place].item()
                flat[place] = was + size
                above = value().item()
                flat[place] = was - size
                below = value().item()
                flat[place] = was
                found.append((above - below) / (2 * size))
    return torch.tensor(found, dtype=torch.float64)


def expected_reward(model: ModernGPT) -> Tensor:
    """Exact: every answer, times its probability."""
    answers = every_answer()
    return (log_probabilities(model, answers).exp() * rewards_of(answers)).sum()


def expected_slope(model: ModernGPT, advantages: Tensor) -> Tensor:
    """The slope of the loss on average over what may be drawn, exact: each answer by its probability."""
    answers = every_answer()
    probabilities = log_probabilities(model, answers).exp().detach()
    slopes = [
        slope(model, policy_gradient_loss(log_probabilities(model, answers[[row]]), advantages[[row]]))
        for row in range(len(answers))
    ]
    return (probabilities[:, None] * torch.stack(slopes)).sum(dim=0)


def test_all_answers_together_have_probability_1() -> None:
    answers = every_answer()
    assert len(answers) == 1 + 2 * 3  # the end at once, or a token and then anything
    assert log_probabilities(tiny_model(), answers).exp().sum().item() == pytest.approx(1)


def test_going_down_the_loss_is_going_up_the_expected_reward() -> None:
    """On average over the draws the slope is that of the expected reward, found by finite differences."""
    model = tiny_model()
    measured = finite_differences(model, lambda: expected_reward(model))
    assert measured.abs().max() > 1e-2, "there is something to learn"
    assert torch.allclose(-expected_slope(model, rewards_of(every_answer())), measured, atol=1e-7)


def test_a_baseline_leaves_the_expected_slope_as_it_is() -> None:
    model = tiny_model()
    rewards = rewards_of(every_answer())
    plain = expected_slope(model, rewards)
    for baseline in (0.7, -3.0):
        assert torch.allclose(expected_slope(model, rewards - baseline), plain, atol=1e-12)


def test_a_baseline_lessens_the_scatter_of_the_slope() -> None:
    """Rewards of 10 and 11: all answers look good without one."""
    model = tiny_model()
    answers = every_answer()
    probabilities = log_probabilities(model, answers).exp().detach()
    rewards = 10 + rewards_of(answers)

    def scatter(advantages: Tensor) -> float:
        mean = expected_slope(model, advantages)
        squares = [
            (slope(model, policy_gradient_loss(log_probabilities(model, answers[[row]]), advantages[[row]])) - mean)
            .square()
            .sum()
            for row in range(len(answers))
        ]
        return float((probabilities * torch.stack(squares)).sum())

    assert scatter(rewards - (probabilities * rewards).sum()) < scatter(rewards) / 10


def test_a_mean_with_ones_own_reward_shortens_the_expected_slope_and_does_not_turn_it() -> None:
    """Exact, over all pairs of answers to one question: half of the slope is left with two in a group."""
    model = tiny_model()
    answers, rewards = every_answer(), rewards_of(every_answer())
    probabilities = log_probabilities(model, answers).exp().detach()
    for form in ("group", "baseline"):
        total = torch.zeros(sum(p.numel() for p in model.parameters()), dtype=torch.float64)
        for first, second in product(range(len(answers)), repeat=2):
            pair = [first, second]
            advantages = advantages_of(rewards[pair][None], form).flatten()
            loss = policy_gradient_loss(log_probabilities(model, answers[pair]), advantages)
            total += probabilities[first] * probabilities[second] * slope(model, loss)
        assert torch.allclose(total, expected_slope(model, rewards) / 2, atol=1e-10), form


# ---- advantages ----

REWARDS = torch.tensor([[1.0, 0.0, 0.0, 0.0], [1.0, 1.0, 1.0, 0.0], [0.0, 0.0, 0.0, 0.0]])


def test_the_advantages_of_a_group_sum_to_zero() -> None:
    for form in ("group", "scaled group"):
        assert torch.allclose(advantages_of(REWARDS, form).sum(dim=1), torch.zeros(3), atol=1e-5), form
    baseline = advantages_of(REWARDS, "baseline")
    assert baseline.sum().item() == pytest.approx(0, abs=1e-5)
    assert baseline[0].sum().abs() > 0.1, "one mean for all: a hard question is below it"
    assert torch.equal(advantages_of(REWARDS, "reward"), REWARDS)


def test_a_question_that_all_answers_fail_or_pass_teaches_a_group_nothing() -> None:
    for form in ("group", "scaled group"):
        assert torch.equal(advantages_of(torch.ones(2, 4), form), torch.zeros(2, 4))
        assert torch.equal(advantages_of(torch.zeros(2, 4), form), torch.zeros(2, 4))


def test_scaled_a_rare_success_weighs_more() -> None:
    plain, scaled = advantages_of(REWARDS, "group"), advantages_of(REWARDS, "scaled group")
    assert plain[0, 0].item() == pytest.approx(3 / 4)
    assert plain[1, 0].item() == pytest.approx(1 / 4)
    assert torch.allclose(scaled[:2].std(dim=1), torch.ones(2), atol=1e-3)
    rare = [1.0, *[0.0] * 7], [1.0] * 4 + [0.0] * 4
    first, second = advantages_of(torch.tensor(rare), "scaled group")[:, 0]
    assert first > second


def test_an_unknown_form_is_named_beside_the_known_ones() -> None:
    with pytest.raises(ValueError, match=r'"greedy".*scaled group'):
        advantages_of(REWARDS, "greedy")


# ---- drawing ----


class Written(nn.Module):
    """Whatever was said before, it says the same: one fixed row of scores."""

    def __init__(self, scores: list[float]) -> None:
        super().__init__()
        self.config = TINY
        self.scores = nn.Parameter(torch.tensor(scores))

    def forward(self, tokens: Tensor, cache: KVCache | None = None) -> Tensor:
        return self.scores.expand(*tokens.shape, -1)


def test_an_answer_ends_with_the_mark_and_nothing_stands_after_it() -> None:
    model: Any = Written([0.0, 0.0, 0.0])
    answers = sample_answers(model, PROMPT.expand(200, -1), 4, torch.Generator().manual_seed(0))
    assert answers.shape == (200, 4)
    for row in answers.tolist():
        real = [token for token in row if token != NO_TARGET]
        assert row == real + [NO_TARGET] * (4 - len(real))
        assert 0 not in real[:-1]
        assert len(real) == 4 or real[-1] == 0
    assert (answers[:, 0] == 0).any()
    assert (answers[:, 3] > 0).any()


def test_it_stops_when_every_answer_is_over() -> None:
    model: Any = Written([50.0, 0.0, 0.0])
    assert sample_answers(model, PROMPT.expand(3, -1), 4).tolist() == [[0], [0], [0]]


def test_answers_are_drawn_with_the_models_own_probabilities() -> None:
    model = tiny_model().float()
    answers = sample_answers(model, PROMPT.expand(20_000, -1), 2, torch.Generator().manual_seed(0))
    with torch.no_grad():
        wanted = log_probabilities(model, every_answer()).exp()
    for answer, probability in zip(every_answer(), wanted, strict=True):
        share = (answers == answer).all(dim=1).float().mean()
        # five standard errors
        assert abs(share - probability) < 5 * (probability * (1 - probability) / 20_000) ** 0.5


def test_a_sure_model_draws_what_greedy_answers_write() -> None:
    tokenizer = arithmetic_tokenizer()
    config = GPTConfig(
        vocab_size=tokenizer.vocab_size, context_length=24, num_layers=1, num_heads=1, model_dim=8, mlp_dim=8
    )
    model = tiny_model(config=config).float()
    with torch.no_grad():
        model.prediction.weight *= 1000
    prompts = row_prompts(draw_rows_of_digits(5, 4, seed=0), tokenizer)
    drawn = as_written(sample_answers(model, prompts, 6), tokenizer)
    greedy = [tokenizer.decode(tokens) for tokens in greedy_answers(model, prompts.tolist(), 6)]
    assert [text.rstrip(".") for text in drawn] == greedy


# ---- the loop ----


def small_run(
    check: Callable[[str, str], bool], num_steps: int = 12, form: str = "group"
) -> tuple[list[float], list[str]]:
    """Learn from a check alone; the rewards, and all texts of the last step."""
    tokenizer = arithmetic_tokenizer()
    config = GPTConfig(
        vocab_size=tokenizer.vocab_size, context_length=24, num_layers=1, num_heads=1, model_dim=16, mlp_dim=16
    )
    torch.manual_seed(0)
    model = ModernGPT(config)
    last: list[str] = []

    def note(step: int, asked: list[str], written: list[str], rewards: Tensor) -> None:
        assert rewards.shape == (8, 4)
        assert len(asked) == len(written) == 32
        assert all(len(set(asked[row : row + 4])) == 1 for row in range(0, 32, 4)), "a group has one question"
        expected = [float(check(row, text)) for row, text in zip(asked, written, strict=True)]
        assert rewards.flatten().tolist() == expected
        last[:] = written

    rows = draw_rows_of_digits(20, 3, seed=0)
    rewards = learn_from_outcomes(
        model,
        rows,
        tokenizer,
        check,
        num_steps,
        form,
        num_rows=8,
        group_size=4,
        num_new=4,
        learning_rate=0.02,
        on_step=note,
    )
    return rewards, last


@pytest.mark.parametrize("form", ADVANTAGE_FORMS)
def test_it_learns_to_do_what_is_rewarded_and_was_never_shown(form: str) -> None:
    rewards, last = small_run(lambda row, text: text.startswith("7"), 40, form)
    assert len(rewards) == 40
    assert sum(rewards[-5:]) > 4 > 5 * 4 * rewards[0]
    assert sum(text.startswith("7") for text in last) > 24


def test_what_is_always_rewarded_changes_nothing_in_a_group() -> None:
    rewards, last = small_run(lambda row, text: True, 3)
    again, same = small_run(lambda row, text: True, 3)
    assert rewards == again == [1.0, 1.0, 1.0]
    assert last == same
