"""Texts longer than those that a model was trained with: how far does it reach?"""

import copy
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from gptbook.models.rotary import RotaryAttention
from gptbook.models.variants import VariantGPT
from gptbook.training.loops import train_in_one_pass


@torch.no_grad()
def position_losses(model: nn.Module, windows: Tensor) -> Tensor:
    """The mean surprise at each position of windows, in nats.

    Shapes: windows (W, C + 1), the result (C,).
    """
    model.eval()
    total = torch.zeros(windows.shape[1] - 1)
    for batch in windows.split(64):  # in pieces, to spare memory
        logits = model(batch[:, :-1])  # (B, C, V)
        total += F.cross_entropy(logits.mT, batch[:, 1:], reduction="none").sum(dim=0)
    return total / len(windows)


def reach(model: nn.Module, windows: Tensor, bucket: int) -> list[float]:
    """How the surprise goes on with the position: a mean for each `bucket` of them.

    Shape: windows (W, C + 1), where C is a multiple of bucket.
    """
    losses = position_losses(model, windows)
    return losses.unflatten(0, (-1, bucket)).mean(dim=1).tolist()


def with_hands(model: VariantGPT, base: float, stretch: float) -> VariantGPT:
    """A copy of a model with rotary positions whose clock hands turn otherwise."""
    other = copy.deepcopy(model)
    for module in other.modules():
        if isinstance(module, RotaryAttention):
            module.base, module.stretch = base, stretch
    return other


def longer_rows(
    model: VariantGPT,
    settings: dict[str, Any],
    training: Tensor,
    held_out: Tensor,
    seed: int,
) -> list[dict[str, Any]]:
    """A model with rotary positions on longer texts: each way, and with more training.

    settings are those of `SINCE_SETTINGS["longer"]`. Shapes: training and held_out
    (W, C + 1), of the longer texts.
    """
    rows = []
    for way, (base, stretch) in settings["ways"].items():
        other = with_hands(model, base, stretch)
        for more in (False, True):
            if more:
                train_in_one_pass(other, training, **settings["training"], seed=seed)
            rows.append(
                {
                    "way": way,
                    "seed": seed,
                    "more_steps": settings["training"]["num_steps"] if more else 0,
                    "losses": reach(other, held_out, settings["bucket"]),
                }
            )
    return rows
