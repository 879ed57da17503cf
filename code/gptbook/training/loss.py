"""Loss: the average surprise, in nats, at what comes next."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from gptbook.data.sequences import NO_TARGET


def next_token_loss(logits: Tensor, targets: Tensor) -> Tensor:
    """Mean surprise at the tokens that came, in nats per position.

    The surprise is -ln of the probability that the token was given.
    Shapes: logits (..., V), targets (...), the result ().
    """
    return F.cross_entropy(logits.reshape(-1, logits.shape[-1]), targets.reshape(-1))


def bits_per_byte(nats_per_token: float, bytes_per_token: float) -> float:
    """The same surprise for each byte of text, in bits: it compares across tokenizers.

    A longer token surprises more, and there are fewer of them; a byte is a byte. Bytes
    are those of the text in UTF-8: the mark between two texts has none.
    Raises ValueError if a token has no bytes.
    """
    if not bytes_per_token > 0:
        raise ValueError(f"bytes_per_token is {bytes_per_token}: give more than 0")
    return nats_per_token / math.log(2) / bytes_per_token


def count_loss(logits: Tensor, counts: Tensor) -> Tensor:
    """The same mean, if token v came after row u counts[u, v] times; nats per position.

    One row stands for all positions with the same context, and is computed once.
    Shapes: logits and counts (U, V), the result ().
    """
    surprise = -torch.log_softmax(logits, dim=-1)  # (U, V): nats, if v came
    return (counts * surprise).sum() / counts.sum()


def conditional_entropy(counts: Tensor) -> float:
    """The least loss, in nats per position, of any model that sees only the row.

    The shares in a row are the best guess there is, and they leave this much surprise.
    Shape: counts (U, V). Raises ValueError for counts that cannot be.
    Source: Shannon 1948, section 6.
    """
    check_counts(counts)
    counts = counts.double()  # thousands of small terms are added up
    totals = counts.sum(dim=-1, keepdim=True)  # (U, 1)
    shares = counts / torch.where(
        totals > 0, totals, 1.0
    )  # an empty row weighs nothing
    surprise = -torch.xlogy(counts, shares)  # (U, V); xlogy, because 0 ln 0 is 0
    return float(surprise.sum() / totals.sum())


def check_counts(counts: Tensor) -> None:
    """Raise ValueError if a count is no count, which says where, or there are none."""
    wrong = (
        ~(counts >= 0) | counts.isinf()
    ).nonzero()  # not (>= 0): also what is no number
    if len(wrong):
        place = tuple(wrong[0].tolist())
        raise ValueError(
            f"counts{list(place)} is {counts[place].item():g}: a count is a number, "
            "0 or more; count again"
        )
    if not bool((counts > 0).any()):
        raise ValueError("there are no counts: count at least one name")


def answer_log_probabilities(
    model: nn.Module, inputs: Tensor, targets: Tensor
) -> Tensor:
    """ln of the probability that the model gives to each answer, its end included.

    Shapes: inputs and targets (B, T), as `dialogue_tokens` makes them, the result (B,).
    """
    log_probabilities = model(inputs).log_softmax(dim=-1)  # (B, T, V)
    asked = targets != NO_TARGET
    given = log_probabilities.gather(2, targets.where(asked, 0)[..., None])[..., 0]
    return given.where(asked, 0.0).sum(dim=1)


def preference_loss(
    chosen: Tensor,
    rejected: Tensor,
    chosen_before: Tensor,
    rejected_before: Tensor,
    strictness: float = 0.1,
) -> Tensor:
    """The loss of direct preference optimization: the surprise at what people chose.

    All four are ln of an answer's probability; "before" are those of the model that the
    training began with, which stay. The more the chosen answer has gained on the
    rejected one since then, the lower the loss. A large strictness (beta in the paper)
    is content with a small gain, and so keeps the model near where it began.
    Shapes: all (B,), the result (), in nats per pair; ln 2 as long as nothing moved.
    Source: Rafailov et al. 2023, eq. 7.
    """
    gain = (chosen - chosen_before) - (rejected - rejected_before)
    return -F.logsigmoid(strictness * gain).mean()
