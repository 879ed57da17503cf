"""A mixture of experts: Mixtral's, number for number; one expert is the plain MLP; head starts spread the work."""

from typing import Any

import pytest
import torch
from torch import Tensor

from gptbook.models.gpt import MLP
from gptbook.models.mixture import Mixture


@pytest.fixture(autouse=True)
def same_chance() -> None:
    torch.manual_seed(0)


def experts_of(mixture: Mixture) -> list[MLP]:
    return [expert for expert in mixture.experts if isinstance(expert, MLP)]


def test_one_expert_is_the_plain_mlp() -> None:
    mixture = Mixture(8, 12, 1, 1)
    x = torch.randn(2, 5, 8)
    torch.testing.assert_close(mixture(x), mixture.experts[0](x))


def test_it_is_mixtrals_block_with_the_same_weights(transformers: Any) -> None:
    """Mixtral's experts have a gate; one that is always 1 leaves two layers with a bend."""
    from transformers.models.mixtral.modeling_mixtral import MixtralSparseMoeBlock

    config = transformers.MixtralConfig(
        hidden_size=8, intermediate_size=12, num_local_experts=6, num_experts_per_tok=2, hidden_act="gelu_new"
    )
    theirs = MixtralSparseMoeBlock(config).eval()
    ours = Mixture(8, 12, 6, 2).eval()
    x = torch.randn(3, 7, 8)
    x[..., 0] = 1.0  # the number that the gate's other half reads, so that it is 1
    with torch.no_grad():
        ours.router.bias.zero_()
        theirs.gate.weight.copy_(ours.router.weight)
        for number, expert in enumerate(experts_of(ours)):
            expert.hidden.bias.zero_()
            expert.output.bias.zero_()
            ones = torch.zeros(12, 8)
            ones[:, 0] = 1.0
            theirs.experts.gate_up_proj[number].copy_(torch.cat([expert.hidden.weight, ones]))
            theirs.experts.down_proj[number].copy_(expert.output.weight)
        expected = theirs(x)
        expected = expected[0] if isinstance(expected, tuple) else expected
    torch.testing.assert_close(ours(x), expected, atol=1e-5, rtol=1e-4)


def every_expert(mixture: Mixture, x: Tensor) -> Tensor:
    """The same written out: all experts work on all positions, and the shares of most are 0."""
    scores = mixture.router(x)
    picked = (scores + mixture.head_starts).topk(mixture.num_chosen).indices
    left_out = torch.ones_like(scores, dtype=torch.bool).scatter(-1, picked, False)
    shares = scores.masked_fill(left_out, -torch.inf).softmax(dim=-1)
    return sum((shares[..., i, None] * e(x) for i, e in enumerate(mixture.experts)), torch.zeros_like(x))


@pytest.mark.parametrize(("num_experts", "num_chosen"), [(8, 2), (4, 4), (5, 3)])
def test_only_those_that_are_chosen_count_with_slopes_as_if_all_had_worked(num_experts: int, num_chosen: int) -> None:
    mixture = Mixture(8, 12, num_experts, num_chosen)
    mixture.eval()
    with torch.no_grad():
        mixture.head_starts += torch.randn(num_experts)
    x = torch.randn(2, 9, 8)
    slopes = []
    for way in (mixture, lambda x: every_expert(mixture, x)):
        mixture.zero_grad()
        way(x).square().sum().backward()
        slopes.append([parameter.grad for parameter in mixture.parameters()])
    torch.testing.assert_close(mixture(x), every_expert(mixture, x))
    torch.testing.assert_close(*slopes)


def test_an_expert_that_nobody_picks_does_no_work(monkeypatch: pytest.MonkeyPatch) -> None:
    mixture = Mixture(8, 12, 4, 2).eval()
    mixture.head_starts[3] = -100.0
    worked: dict[int, int] = {}
    for number, expert in enumerate(mixture.experts):
        expert.register_forward_hook(
            lambda _, inputs, __, number=number: worked.update({number: inputs[0].shape[0]})  # type: ignore[misc]
        )
    mixture(torch.randn(2, 9, 8))
    assert worked[3] == 0
    assert sum(worked.values()) == 2 * 9 * 2, "each position is worked on twice"


def test_the_shares_of_a_position_sum_to_1_and_a_head_start_is_not_in_them() -> None:
    mixture = Mixture(8, 12, 4, 4)
    x = torch.randn(2, 9, 8)
    chosen, shares = mixture.route(x)
    torch.testing.assert_close(shares.sum(dim=-1), torch.ones(2, 9))
    mixture.head_starts[2] += 50
    again, later = mixture.route(x)
    assert bool((again[..., 0] == 2).all())
    torch.testing.assert_close(later.gather(-1, again.argsort(dim=-1)), shares.gather(-1, chosen.argsort(dim=-1)))


def test_head_starts_spread_the_work_in_training_and_stay_afterwards() -> None:
    mixture = Mixture(8, 12, 4, 2)
    with torch.no_grad():
        mixture.router.bias.copy_(torch.tensor([0.5, 0.4, 0.0, 0.0]))
    x = 0.1 * torch.randn(4, 50, 8)

    def work() -> Tensor:
        return mixture.route(x)[0].flatten().bincount(minlength=4)

    before = work()
    assert before[:2].sum() > 0.9 * before.sum(), "a router with favourites"
    for _ in range(100):
        mixture(x)
    assert work().min() > 0.5 * work().max()
    mixture.eval()
    kept = mixture.head_starts.clone()
    mixture(x)
    assert torch.equal(mixture.head_starts, kept)


@pytest.mark.parametrize(("num_experts", "num_chosen", "reason"), [
    (4, 0, "cannot be chosen"), (4, 5, "cannot be chosen"), (4, 1, "learns nothing")])  # fmt: skip
def test_a_choice_that_cannot_be_is_refused(num_experts: int, num_chosen: int, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        Mixture(8, 12, num_experts, num_chosen)
