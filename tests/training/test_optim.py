"""The optimizer of the modern GPT: each half against PyTorch's own, and what only it does."""

import math
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from gptbook.models.attention import AttentionModel
from gptbook.models.gpt import GPTConfig
from gptbook.models.modern import ModernGPT
from gptbook.training.checkpoint import restore_training, training_tensors
from gptbook.training.loss import next_token_loss
from gptbook.training.optim import (
    LEAST_MOMENTUM,
    FusedMuonAdamW,
    MuonAdamW,
    WarmedMuonAdamW,
    half_cosine,
    muon_groups,
    orthogonalize,
    trapezoid,
    warmup_then_decay,
)
from gptbook.training.seeds import seeded

SMALL = GPTConfig(vocab_size=7, context_length=6, num_layers=2, num_heads=2, model_dim=8, mlp_dim=12)


@pytest.fixture(autouse=True)
def same_luck() -> None:
    torch.manual_seed(0)


def matrix(singular_values: list[float], rows: int, columns: int) -> Tensor:
    """A random matrix with these singular values, of shape (1, rows, columns)."""
    left, _ = torch.linalg.qr(torch.randn(rows, len(singular_values)))
    right, _ = torch.linalg.qr(torch.randn(columns, len(singular_values)))
    return (left * torch.tensor(singular_values) @ right.T)[None]


def slopes(shapes: list[tuple[int, ...]], num_steps: int) -> list[list[Tensor]]:
    """Gradients for each step and each parameter, as two optimizers get them."""
    return [[torch.randn(shape) for shape in shapes] for _ in range(num_steps)]


@pytest.mark.parametrize("shape", [(8, 8), (6, 20), (20, 6)])
def test_singular_values_come_near_1(shape: tuple[int, int]) -> None:
    given = matrix([100.0, 30.0, 10.0, 5.0, 3.0, 1.0], *shape)
    found = torch.linalg.svdvals(orthogonalize(given))[0, :6]
    assert 0.65 < found.min() <= found.max() < 1.25


def test_directions_stay_as_they_are() -> None:
    given = matrix([4.0, 2.0, 1.0, 0.5], 4, 9)
    left, _, right = torch.linalg.svd(given, full_matrices=False)
    inside = left.mT @ orthogonalize(given) @ right.mT  # diagonal, if they do
    values = inside[0].diagonal()
    torch.testing.assert_close(inside[0], torch.diag(values), atol=1e-4, rtol=0)
    assert bool((values > 0.65).all())


def test_matrices_whose_result_is_known() -> None:
    identity = orthogonalize(torch.eye(3)[None])[0]
    torch.testing.assert_close(identity, identity[0, 0] * torch.eye(3))
    assert 0.65 < identity[0, 0] < 1.25
    flipped = orthogonalize(torch.diag(torch.tensor([5.0, -2.0]))[None])[0]
    assert flipped[0, 0] > 0.65
    assert flipped[1, 1] < -0.65
    assert flipped[0, 1] == flipped[1, 0] == 0
    assert not orthogonalize(torch.zeros(1, 3, 4)).any(), "nothing to learn moves nothing"


def test_a_step_of_the_iteration_is_its_polynomial_of_the_singular_values() -> None:
    given = torch.diag(torch.tensor([3.0, 4.0]))[None]  # its norm is 5
    by_hand = [3.4445 * x - 4.7750 * x**3 + 2.0315 * x**5 for x in (0.6, 0.8)]
    found = orthogonalize(given, num_steps=1)[0].diagonal()
    torch.testing.assert_close(found, torch.tensor(by_hand), atol=1e-5, rtol=0)


def test_its_size_does_not_matter_and_several_go_together_as_one_by_one() -> None:
    given = torch.randn(3, 5, 8)
    torch.testing.assert_close(orthogonalize(1000 * given), orthogonalize(given), atol=1e-4, rtol=0)
    for number in range(3):
        alone = orthogonalize(given[number : number + 1])
        torch.testing.assert_close(orthogonalize(given)[number : number + 1], alone, atol=1e-5, rtol=0)


@pytest.mark.parametrize("weight_decay", [0.0, 0.1])
def test_without_muon_it_is_adamw(weight_decay: float) -> None:
    shapes: list[tuple[int, ...]] = [(4, 6), (5,), (2, 3, 4)]
    start = [torch.randn(shape) for shape in shapes]
    ours, theirs = ([nn.Parameter(each.clone()) for each in start] for _ in range(2))
    own = MuonAdamW([{"params": ours, "lr": 3e-3}], weight_decay=weight_decay)
    other = torch.optim.AdamW(theirs, lr=3e-3, betas=(0.9, 0.95), weight_decay=weight_decay)
    for gradients in slopes(shapes, 50):
        for p, q, gradient in zip(ours, theirs, gradients):
            p.grad, q.grad = gradient.clone(), gradient.clone()
        own.step()
        other.step()
    for p, q, begun in zip(ours, theirs, start):
        torch.testing.assert_close(p, q, atol=1e-6, rtol=0)
        assert not torch.allclose(p, begun)


@pytest.mark.parametrize("shape", [(8, 8), (12, 4), (4, 12)])
def test_with_muon_it_moves_as_pytorchs_own(shape: tuple[int, int]) -> None:
    """PyTorch evens a step out in 16 bits, so the two agree to a few percent of the way."""
    start = torch.randn(shape)
    ours, theirs = nn.Parameter(start.clone()), nn.Parameter(start.clone())
    own = MuonAdamW([{"params": [ours], "muon": True, "lr": 0.02}], weight_decay=0.1)
    other = torch.optim.Muon([theirs], lr=0.02, momentum=0.95, weight_decay=0.1)
    for (gradient,) in slopes([shape], 10):
        ours.grad, theirs.grad = gradient.clone(), gradient.clone()
        own.step()
        other.step()
    way, apart = (theirs - start).norm(), (theirs - ours).norm()
    assert apart < 0.05 * way


def test_muon_averages_over_time_and_looks_one_step_ahead() -> None:
    first, second = torch.randn(2, 4, 4)
    parameter = nn.Parameter(torch.zeros(4, 4))
    optimizer = MuonAdamW([{"params": [parameter], "muon": True, "lr": 1.0}])
    average = torch.zeros(4, 4)
    for gradient in (first, second):
        before = parameter.detach().clone()
        parameter.grad = gradient
        optimizer.step()
        average = 0.95 * average + 0.05 * gradient
        ahead = 0.95 * average + 0.05 * gradient
        torch.testing.assert_close(before - parameter, orthogonalize(ahead[None])[0], atol=1e-5, rtol=0)


def test_matrices_of_one_shape_step_together_as_they_would_alone() -> None:
    together, alone = ([nn.Parameter(torch.zeros(6, 4)) for _ in range(3)] for _ in range(2))
    optimizers = [MuonAdamW([{"params": together, "muon": True, "lr": 0.1}])]
    optimizers += [MuonAdamW([{"params": [each], "muon": True, "lr": 0.1}]) for each in alone]
    for gradients in slopes([(6, 4)] * 3, 4):
        for p, q, gradient in zip(together, alone, gradients):
            p.grad, q.grad = gradient.clone(), gradient.clone()
        for optimizer in optimizers:
            optimizer.step()
    for p, q in zip(together, alone):
        torch.testing.assert_close(p, q, atol=1e-5, rtol=0)


def test_what_has_no_gradient_stays_where_it_is() -> None:
    moved, left = nn.Parameter(torch.ones(3, 3)), nn.Parameter(torch.ones(3, 3))
    for muon in (True, False):
        optimizer = MuonAdamW([{"params": [moved, left], "muon": muon}], weight_decay=0.1)
        moved.grad = torch.randn(3, 3)
        optimizer.step()
        assert torch.equal(left, torch.ones(3, 3))
        assert not torch.equal(moved, torch.ones(3, 3))


def test_muon_takes_nothing_but_matrices() -> None:
    with pytest.raises(ValueError, match=r"Muon is for matrices, and this has shape \(5,\): put it"):
        MuonAdamW([{"params": [nn.Parameter(torch.ones(5))], "muon": True}])


def test_the_matrices_inside_the_blocks_go_to_muon_and_all_else_to_adamw() -> None:
    model = ModernGPT(SMALL)
    matrices, others = muon_groups(model, 0.02, 4e-3)
    assert (matrices["muon"], matrices["rate"]) == (True, 0.02)
    assert (others["muon"], others["rate"]) == (False, 4e-3)
    assert len(matrices["params"]) == 2 * 6  # queries, keys, values, output; two of the MLP
    assert [p.shape for p in others["params"]] == [(7, 8), (7, 8)]
    held = {id(p) for group in (matrices, others) for p in group["params"]}
    assert held == {id(p) for p in model.parameters()}


def test_a_model_without_blocks_has_no_group_for_muon() -> None:
    groups = muon_groups(AttentionModel(vocab_size=7, model_dim=8, num_heads=2), 0.02, 4e-3)
    assert [group["muon"] for group in groups] == [False]


def steps(model: nn.Module, optimizer: MuonAdamW, numbers: range) -> None:
    """Steps whose gradients depend on their number alone."""
    for number in numbers:
        generator = torch.Generator().manual_seed(number)
        for group in optimizer.param_groups:
            group["lr"] = group["rate"] * warmup_then_decay(number, 20, 5)
        for parameter in model.parameters():
            parameter.grad = torch.randn(parameter.shape, generator=generator)
        optimizer.step()


def test_a_run_that_was_saved_goes_on_bit_for_bit() -> None:
    def begin() -> tuple[ModernGPT, MuonAdamW]:
        torch.manual_seed(1)
        model = ModernGPT(SMALL)
        return model, MuonAdamW(muon_groups(model, 0.02, 4e-3))

    whole, its_optimizer = begin()
    steps(whole, its_optimizer, range(12))
    first, first_optimizer = begin()
    steps(first, first_optimizer, range(5))
    saved = {name: tensor.clone() for name, tensor in training_tensors(first, first_optimizer).items()}
    second, second_optimizer = begin()
    restore_training(saved, second, second_optimizer)
    steps(second, second_optimizer, range(5, 12))
    expected, found = (
        training_tensors(model, optimizer) for model, optimizer in ((whole, its_optimizer), (second, second_optimizer))
    )
    assert expected.keys() == found.keys()
    for name, tensor in expected.items():
        assert torch.equal(tensor, found[name]), name
        assert tensor.dtype == found[name].dtype, name


def test_the_rate_goes_up_in_a_line_then_down_to_zero_in_a_line() -> None:
    shares: list[Any] = [warmup_then_decay(step, 100, 10) for step in range(100)]
    assert shares[:3] == pytest.approx([0.1, 0.2, 0.3])
    assert max(shares) == shares[9] == pytest.approx(0.91)
    assert shares[50] == 0.5
    assert shares[98:] == pytest.approx([0.02, 0.01])
    assert all(share > 0 for share in shares)


def test_a_run_shorter_than_its_warmup_has_rates_above_0_too() -> None:
    shares = [warmup_then_decay(step, 3, 50) for step in range(3)]
    assert shares == pytest.approx([1 / 50, 2 / 50, 3 / 50])
    assert math.isclose(warmup_then_decay(0, 1, 50), 1 / 50)


def test_half_a_cosine_falls_from_all_to_almost_nothing_and_is_at_half_in_the_middle() -> None:
    shares = [half_cosine(step, 100) for step in range(100)]
    assert shares == sorted(shares, reverse=True)
    assert (shares[0], shares[50]) == (1, pytest.approx(0.5))
    assert 0 < shares[-1] < 0.001
    assert shares[10] > 0.9, "slowly at first"
    assert half_cosine(0, 1) == 1


CONFIG = GPTConfig(vocab_size=11, context_length=8, num_layers=2, num_heads=2, model_dim=8, mlp_dim=16)


def test_the_fused_steps_are_those_that_are_written_out() -> None:
    models = []
    for kind in (MuonAdamW, FusedMuonAdamW):
        with seeded(0):
            model = ModernGPT(CONFIG)
        optimizer = kind(muon_groups(model, 0.02, 0.01), weight_decay=0.1)
        with seeded(1):
            for _ in range(10):
                tokens = torch.randint(11, (4, 8))
                optimizer.zero_grad()
                next_token_loss(model(tokens), tokens).backward()
                for group in optimizer.param_groups:
                    group["lr"] = group["rate"]
                optimizer.step()
        models.append(model)
    for left, right in zip(models[0].parameters(), models[1].parameters()):
        torch.testing.assert_close(left, right, rtol=1e-5, atol=1e-6)


def test_a_step_goes_on_from_a_saved_memory() -> None:
    model = torch.nn.Linear(3, 2)
    optimizer = FusedMuonAdamW([{"params": list(model.parameters())}])
    model(torch.ones(1, 3)).sum().backward()
    optimizer.step()
    saved = optimizer.state_dict()
    other = FusedMuonAdamW([{"params": list(model.parameters())}])
    other.load_state_dict(saved)
    assert other.state[model.weight]["num_steps"] == 1


def test_a_trapezoid_is_level_between_its_warm_up_and_its_decay() -> None:
    shares = [trapezoid(step, 100, 10, 0.3) for step in range(100)]
    assert shares[:11] == pytest.approx([0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0, 1.0])
    assert set(shares[9:71]) == {1.0}
    assert shares[70:] == pytest.approx([left / 30 for left in range(30, 0, -1)])
    assert trapezoid(0, 100, 1, 0.3) == 1.0, "no warm-up"


def test_a_trapezoid_that_decays_all_along_is_the_schedule_of_before_bit_for_bit() -> None:
    for num_steps, warmup_steps in ((1000, 20), (7, 3), (12, 100)):
        for step in range(num_steps):
            assert trapezoid(step, num_steps, warmup_steps, 1.0) == warmup_then_decay(step, num_steps, warmup_steps)


def test_the_momentum_grows_in_a_line_and_then_stays() -> None:
    """Each step against one of an optimizer that is told the momentum of that step."""
    warmed, told = (nn.Parameter(torch.ones(4, 6)) for _ in range(2))
    group = {"params": [warmed], "muon": True, "lr": 0.1, "momentum_steps": 4}
    growing = WarmedMuonAdamW([group])
    plain = MuonAdamW([{"params": [told], "muon": True, "lr": 0.1}])
    for step in range(7):
        momentum = LEAST_MOMENTUM + min(1.0, step / 4) * (0.95 - LEAST_MOMENTUM)
        plain.param_groups[0]["momentum"] = momentum
        warmed.grad = torch.randn(4, 6)
        told.grad = warmed.grad.clone()
        growing.step()
        plain.step()
        torch.testing.assert_close(warmed, told)
    assert growing.param_groups[0]["momentum"] == 0.95, "the group keeps its height"


def test_a_momentum_that_grows_goes_on_from_where_it_was_saved() -> None:
    def begin() -> tuple[nn.Linear, WarmedMuonAdamW]:
        torch.manual_seed(0)
        model = nn.Linear(6, 4, bias=False)
        groups = [{"params": list(model.parameters()), "muon": True, "lr": 0.1, "momentum_steps": 20}]
        return model, WarmedMuonAdamW(groups)

    def step(model: nn.Linear, optimizer: WarmedMuonAdamW, number: int) -> None:
        torch.manual_seed(number)
        model.weight.grad = torch.randn(4, 6)
        optimizer.step()

    whole, stopped, resumed = begin(), begin(), begin()
    for number in range(10):
        step(*whole, number)
    for number in range(5):
        step(*stopped, number)
    restore_training(training_tensors(*stopped), *resumed)
    for number in range(5, 10):
        step(*resumed, number)
    assert torch.equal(whole[0].weight, resumed[0].weight)
