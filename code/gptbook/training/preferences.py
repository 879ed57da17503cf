"""Learning from pairs of answers of which people prefer one."""

import copy
from collections.abc import Callable

import torch
from torch import Tensor, nn

from gptbook.training.loss import answer_log_probabilities, preference_loss


def train_on_preferences(
    model: nn.Module,
    chosen: tuple[Tensor, Tensor],
    rejected: tuple[Tensor, Tensor],
    num_steps: int,
    batch_size: int = 16,
    learning_rate: float = 1e-3,
    strictness: float = 0.1,
    seed: int = 0,
    on_step: Callable[[int, float], None] | None = None,
) -> list[float]:
    """Direct preference optimization: answers gain or lose on what they were at first.

    Two models are needed: the one that learns, and the one that it began as, frozen. No
    model of what people like is: the pairs say it. Row i of chosen and of rejected are
    two answers to one question. Changes the model, and returns the loss of every step,
    in nats per pair; on_step is told the number of the step and its loss.
    Shapes: inputs and targets (P, T) each, as `dialogue_tokens` makes them.
    Raises ValueError if the numbers of rows differ.
    Source: Rafailov et al. 2023.
    """
    if len(chosen[0]) != len(rejected[0]):
        raise ValueError(
            f"there are {len(chosen[0])} chosen answers and {len(rejected[0])} "
            "rejected ones: give pairs"
        )
    frozen = copy.deepcopy(model).eval()
    with torch.no_grad():  # it never changes, so once is enough
        chosen_before = answer_log_probabilities(frozen, *chosen)
        rejected_before = answer_log_probabilities(frozen, *rejected)
    optimizer = torch.optim.AdamW(model.parameters(), lr=learning_rate)
    generator = torch.Generator().manual_seed(seed)
    losses = []
    model.train()
    for step in range(num_steps):
        pairs = torch.randint(len(chosen_before), (batch_size,), generator=generator)
        loss = preference_loss(
            answer_log_probabilities(model, chosen[0][pairs], chosen[1][pairs]),
            answer_log_probabilities(model, rejected[0][pairs], rejected[1][pairs]),
            chosen_before[pairs],
            rejected_before[pairs],
            strictness,
        )
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
        if on_step:
            on_step(step, losses[-1])
    model.eval()
    return losses
