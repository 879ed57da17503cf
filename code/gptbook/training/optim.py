"""The optimizer of the modern GPT: Muon for its matrices, AdamW for the rest."""

import math
from collections import defaultdict
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim.adamw import adamw

# The Newton-Schulz step that makes small singular values grow fastest, and lets none
# leave 0.7 to 1.2; Jordan et al. 2024 searched for these three numbers.
ORTHOGONALIZING = (3.4445, -4.7750, 2.0315)
LEAST_MOMENTUM = 0.85  # of a memory that grows


def orthogonalize(matrices: Tensor, num_steps: int = 5) -> Tensor:
    """Keep the directions of matrices, and bring all their singular values near 1.

    A gradient points mostly along a few directions. Evened out, a step goes as far in
    the others; why that helps is not settled.
    Shapes: matrices and the result (M, rows, columns).
    Source: Jordan et al. 2024 (Muon).
    """
    a, b, c = ORTHOGONALIZING
    tall = matrices.shape[-2] > matrices.shape[-1]
    x = matrices.mT if tall else matrices
    x = x / (x.norm(dim=(-2, -1), keepdim=True) + 1e-7)  # no singular value above 1
    for _ in range(num_steps):
        square = x @ x.mT
        x = a * x + (b * square + c * square @ square) @ x
    return x.mT if tall else x


class MuonAdamW(torch.optim.Optimizer):
    """Two optimizers in one, so that a checkpoint has one memory to save.

    Groups with "muon": True hold matrices between hidden vectors; the others can hold
    anything. Every group has its own "lr"; AdamW's steps are of about that size for
    each number, Muon's for each row of a matrix.
    Sources: Jordan et al. 2024 (Muon); Loshchilov and Hutter 2019 (AdamW).
    """

    def __init__(
        self,
        groups: list[dict[str, Any]],
        momentum: float = 0.95,
        betas: tuple[float, float] = (0.9, 0.95),
        weight_decay: float = 0.0,
    ) -> None:
        """Raises ValueError if a group for Muon holds what is no matrix."""
        defaults = {
            "lr": 1e-3,
            "muon": False,
            "momentum": momentum,
            "betas": betas,
            "weight_decay": weight_decay,
        }
        super().__init__(groups, defaults)
        for group in self.param_groups:
            for parameter in group["params"]:
                if group["muon"] and parameter.ndim != 2:
                    raise ValueError(
                        f"Muon is for matrices, and this has shape "
                        f"{tuple(parameter.shape)}: put it into a group without muon"
                    )

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> None:  # type: ignore[override]
        """Move every parameter that has a gradient, once."""
        assert closure is None, "the loss is computed outside"
        for group in self.param_groups:
            moved = [p for p in group["params"] if p.grad is not None]
            for parameter in moved:  # pull towards 0, apart from the gradient
                parameter.mul_(1 - group["lr"] * group["weight_decay"])
            (self.muon_step if group["muon"] else self.adam_step)(moved, group)

    def muon_step(self, parameters: list[Tensor], group: dict[str, Any]) -> None:
        """Average the gradients over time, even them out, step."""
        by_shape: dict[tuple[int, ...], list[Tensor]] = defaultdict(list)
        for parameter in parameters:
            by_shape[tuple(parameter.shape)].append(parameter)
        for (rows, columns), alike in by_shape.items():
            directions = []
            for parameter in alike:
                gradient, memory = parameter.grad, self.state[parameter]
                assert gradient is not None
                if not memory:
                    memory["average"] = torch.zeros_like(parameter)
                average = memory["average"]
                average.lerp_(gradient, 1 - group["momentum"])
                # Nesterov: look one step ahead along the average.
                directions.append(gradient.lerp(average, group["momentum"]))
            # Matrices of one shape in one product: many small ones cost more.
            evened = orthogonalize(torch.stack(directions))
            # A tall matrix has fewer singular values than rows; make up for that.
            size = max(1.0, rows / columns) ** 0.5
            for parameter, direction in zip(alike, evened):
                parameter.add_(direction, alpha=-group["lr"] * size)

    def adam_step(self, parameters: list[Tensor], group: dict[str, Any]) -> None:
        """Average the gradients and their squares; step by their ratio."""
        (slow, slower), tiny = group["betas"], 1e-8
        for parameter in parameters:
            gradient, memory = parameter.grad, self.state[parameter]
            assert gradient is not None
            if not memory:
                memory["num_steps"] = torch.zeros((), dtype=torch.float32)
                memory["average"] = torch.zeros_like(parameter)
                memory["square"] = torch.zeros_like(parameter)
            memory["num_steps"] += 1
            memory["average"].lerp_(gradient, 1 - slow)
            memory["square"].lerp_(gradient.square(), 1 - slower)
            # Both began at 0, so early on they are too small by a known factor.
            num_steps = memory["num_steps"].item()
            average = memory["average"] / (1 - slow**num_steps)
            square = memory["square"] / (1 - slower**num_steps)
            parameter.sub_(group["lr"] * average / (square.sqrt() + tiny))


def muon_groups(
    model: nn.Module, matrix_rate: float, other_rate: float
) -> list[dict[str, Any]]:
    """The matrices inside a model's blocks for Muon, all else for AdamW.

    "rate" is the rate of a group at its height; a schedule scales it.
    """
    matrices: list[nn.Parameter] = []
    others: list[nn.Parameter] = []
    for name, parameter in model.named_parameters():
        inside = name.startswith("blocks.") and parameter.ndim == 2
        (matrices if inside else others).append(parameter)
    groups = [
        {"params": matrices, "muon": True, "rate": matrix_rate},
        {"params": others, "muon": False, "rate": other_rate},
    ]
    return [group for group in groups if group["params"]]


def warmup_then_decay(step: int, num_steps: int, warmup_steps: int) -> float:
    """The share of the full rate at a step: up in a line, then down to zero in a line.

    Early gradients are wild, so begin with small steps; end with small ones, to settle.
    """
    return min(1.0, (step + 1) / warmup_steps, (num_steps - step) / num_steps)


def half_cosine(step: int, num_steps: int) -> float:
    """The share of the full rate at a step: from 1 to nothing along half a cosine.

    From wherever large steps have led, small ones reach the bottom.
    """
    return (1 + math.cos(math.pi * step / num_steps)) / 2


class FusedMuonAdamW(MuonAdamW):
    """Muon as written out, AdamW by PyTorch's kernel."""

    def adam_step(self, parameters: list[Tensor], group: dict[str, Any]) -> None:
        """Average the gradients and their squares; step by their ratio."""
        memories = [self.state[parameter] for parameter in parameters]
        for parameter, memory in zip(parameters, memories):
            if not memory:
                memory["num_steps"] = torch.zeros((), device=parameter.device)
                memory["average"] = torch.zeros_like(parameter)
                memory["square"] = torch.zeros_like(parameter)
        gradients = [p.grad for p in parameters if p.grad is not None]
        assert len(gradients) == len(parameters)
        slow, slower = group["betas"]
        adamw(
            parameters,
            gradients,
            [memory["average"] for memory in memories],
            [memory["square"] for memory in memories],
            [],
            [memory["num_steps"] for memory in memories],
            fused=True,
            amsgrad=False,
            beta1=slow,
            beta2=slower,
            lr=group["lr"],
            weight_decay=0.0,  # `step` has done it
            eps=1e-8,
            maximize=False,
        )


def trapezoid(
    step: int, num_steps: int, warmup_steps: int, decay_share: float
) -> float:
    """The share of the full rate at a step: up in a line, level, down to zero in one.

    decay_share is the part of all steps, the last ones, on which it falls; with 1 it is
    `warmup_then_decay`. Large steps get far, so take them for as long as they do good.
    Source: Haegele et al. 2024 (constant rate, then decay).
    """
    left = (num_steps - step) / (decay_share * num_steps)
    return min(1.0, (step + 1) / warmup_steps, left)


class WarmedMuonAdamW(FusedMuonAdamW):
    """The same, with a short memory at first: early gradients are soon out of date.

    The momentum of groups for Muon grows from LEAST_MOMENTUM to its own, over the first
    "momentum_steps". Source: modded-nanogpt, record 9 (6 November 2024).
    """

    def muon_step(self, parameters: list[Tensor], group: dict[str, Any]) -> None:
        """Average the gradients over time, even them out, step."""
        if not parameters:
            return
        taken = self.state[parameters[0]].get("num_steps", torch.zeros(()))
        share = min(1.0, taken.item() / group["momentum_steps"])
        momentum = LEAST_MOMENTUM + share * (group["momentum"] - LEAST_MOMENTUM)
        super().muon_step(parameters, {**group, "momentum": momentum})
        for parameter in parameters:  # a checkpoint keeps what is a tensor here
            self.state[parameter]["num_steps"] = taken + 1
