"""Loss: the average surprise, in nats, at what comes next."""

import torch
import torch.nn.functional as F
from torch import Tensor


def next_token_loss(logits: Tensor, targets: Tensor) -> Tensor:
    """Mean surprise at the tokens that came, in nats per position: -ln of the probability each was given.

    Shapes: logits (..., V), targets (...), the result ().
    """
    return F.cross_entropy(logits.reshape(-1, logits.shape[-1]), targets.reshape(-1))


def count_loss(logits: Tensor, counts: Tensor) -> Tensor:
    """The same mean, in nats per position, when row u was followed by token v counts[u, v] times.

    One row stands for all positions with the same context, so that it is computed once and not once per position.
    Shapes: logits and counts (U, V), the result ().
    """
    surprise = -torch.log_softmax(logits, dim=-1)  # (U, V): nats, if v came
    return (counts * surprise).sum() / counts.sum()


def conditional_entropy(counts: Tensor) -> float:
    """The least loss, in nats per position, that any model can have on these counts if it sees only the row.

    No model beats the shares themselves, and the shares still leave this much surprise.
    Shape: counts (U, V). Raises ValueError if a count is negative or none is positive.
    Source: Shannon 1948, section 6.
    """
    if bool((counts < 0).any()):
        row, column = (counts < 0).nonzero()[0].tolist()
        raise ValueError(f"counts[{row}, {column}] is {counts[row, column].item():g}: a count is 0 or more")
    totals = counts.double().sum(dim=-1, keepdim=True)  # (U, 1); double: thousands of small terms are added up
    if not bool((totals > 0).any()):
        raise ValueError("all counts are 0: there is nothing to measure; count at least one name")
    shares = counts.double() / torch.where(totals > 0, totals, 1.0)  # a row without counts weighs nothing
    surprise = -torch.xlogy(counts.double(), shares)  # xlogy: 0 ln 0 is 0
    return float(surprise.sum() / totals.sum())
