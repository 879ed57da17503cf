"""What tests of greedy writing share: two ways to compute the same scores differ in the last digit."""

from collections.abc import Sequence
from typing import Any

import torch


@torch.no_grad()
def agree_but_for_ties(model: Any, prompt: Sequence[int], one: Sequence[int], other: Sequence[int]) -> bool:
    """Whether both went on from the prompt alike; where they first part, the model must score both tokens equally.

    Equally means within 1e-4: a hundred times what float32 loses in such small models. After that each reads another
    text, and nothing can be compared.
    """
    assert len(one) == len(other)
    for place, (mine, theirs) in enumerate(zip(one, other)):
        if mine != theirs:
            read = [*prompt, *one[:place]][-model.config.context_length :]
            scores = model(torch.tensor([read]))[0, -1]
            return abs(float(scores[mine] - scores[theirs])) < 1e-4
    return True
