"""How surprised a model is by what it has not seen."""

import torch
from torch import Tensor, nn

from gptbook.data.sequences import NO_TARGET, trimmed
from gptbook.models.ngram import NextTokenModel
from gptbook.training.loss import next_token_loss


@torch.no_grad()
def sequence_loss(model: nn.Module, inputs: Tensor, targets: Tensor) -> float:
    """The model's average surprise over all positions, in nats per position.

    Shapes: inputs and targets (P, T), as `padded` makes them.
    """
    model.eval()
    order = (targets != NO_TARGET).sum(dim=1).argsort()  # alike in length: less filling
    total, asked = 0.0, 0
    for rows in order.split(512):  # in pieces, to spare memory
        seen, wanted = trimmed(inputs[rows], targets[rows])
        num_asked = int((wanted != NO_TARGET).sum())
        total += next_token_loss(model(seen), wanted).item() * num_asked
        asked += num_asked
    return total / asked


def mean_surprise(model: NextTokenModel, contexts: Tensor, targets: Tensor) -> float:
    """The model's average surprise at what came, in nats per position.

    It asks for probabilities only, so that counts and nets are measured alike.
    Shapes: contexts (P, C), targets (P,). Raises ValueError if there is no position.
    """
    if len(targets) == 0:
        raise ValueError("there is no position to score: give at least one name")
    total = 0.0
    for rows in torch.arange(len(targets)).split(16384):  # in pieces, to spare memory
        given = model.probabilities(contexts[rows]).gather(1, targets[rows, None])
        total -= given.log().sum().item()
    return total / len(targets)


def surprises(model: NextTokenModel, contexts: Tensor, targets: Tensor) -> Tensor:
    """The model's surprise at what came, in nats, at each position on its own.

    Shapes: contexts (P, C), targets (P,), the result (P,).
    """
    found = [torch.zeros(0, dtype=torch.float64)]
    for rows in torch.arange(len(targets)).split(16384):  # in pieces, to spare memory
        given = model.probabilities(contexts[rows]).gather(1, targets[rows, None])
        found.append(-given[:, 0].log())
    return torch.cat(found)
