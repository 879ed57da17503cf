"""How surprised a model is: over whole sequences, without dropout, and by windows."""

import pytest
import torch
from torch import nn

from gptbook.data.sequences import padded
from gptbook.data.tables import city_names, split_names
from gptbook.data.tokenizer import CharacterTokenizer
from gptbook.models.gpt import GPTConfig
from gptbook.models.modern import ModernGPT
from gptbook.models.ngram import NgramCounts, NgramNet, context_windows
from gptbook.training.loss import (
    next_token_loss,
)
from gptbook.training.measure import mean_surprise, sequence_loss, surprises

NAMES = city_names()
TOKENIZER = CharacterTokenizer.from_texts(NAMES)
FEW = split_names(NAMES)[0][::100]


def small_net(seed: int = 0, width: int = 1, dropout: float = 0.0) -> NgramNet:
    """A net that trains in no time."""
    torch.manual_seed(seed)
    return NgramNet(27, width, embedding_dim=8, hidden_dim=16, dropout=dropout)


WORDS = [[1, 2, 3], [4], [2, 2, 5, 1, 3, 4], [], [5, 5]]


def lively(context_length: int = 16) -> ModernGPT:
    """A model that has opinions: its projections have left zero."""
    sizes = {"num_layers": 2, "num_heads": 2, "model_dim": 8, "mlp_dim": 12}
    model = ModernGPT(GPTConfig(vocab_size=6, context_length=context_length, **sizes))
    for parameter in model.parameters():
        nn.init.normal_(parameter, std=0.5)
    return model.eval()


def test_the_loss_of_many_is_that_of_each_position_one_by_one() -> None:
    model = lively()
    each = []
    for tokens in WORDS:
        logits = model(torch.tensor([[0, *tokens]]))[0]
        for place, target in enumerate([*tokens, 0]):
            each.append(-logits[place].log_softmax(dim=0)[target].item())
    assert len(each) == sum(len(tokens) + 1 for tokens in WORDS)
    assert sequence_loss(model, *padded(WORDS)) == pytest.approx(sum(each) / len(each), abs=1e-5)


def test_the_loss_is_measured_in_pieces_without_dropout_and_without_a_trace() -> None:
    model = lively()
    once = sequence_loss(model, *padded(WORDS))
    inputs, targets = padded(WORDS * 300)  # three pieces of 512
    assert sequence_loss(model, inputs, targets) == pytest.approx(once, abs=1e-5)
    dropping = ModernGPT(model.config, dropout=0.5)
    dropping.load_state_dict(model.state_dict())
    dropping.train()
    assert sequence_loss(dropping, *padded(WORDS)) == pytest.approx(once, abs=1e-6)
    assert all(parameter.grad is None for parameter in model.parameters())


def test_surprise_is_measured_alike_for_counts_and_nets() -> None:
    contexts, targets = context_windows(FEW, TOKENIZER, 1)
    net = small_net()
    nn.init.normal_(net.output.weight)
    assert mean_surprise(net, contexts, targets) == pytest.approx(
        next_token_loss(net(contexts).double(), targets).item(), abs=1e-9
    )
    counts = NgramCounts(1, 27).fit(contexts, targets)
    given = counts.probabilities(contexts)[torch.arange(len(targets)), targets]
    assert mean_surprise(counts, contexts, targets) == pytest.approx(-given.log().mean().item(), abs=1e-12)


def test_surprise_over_many_positions_is_the_mean_over_all_of_them() -> None:
    contexts, targets = (part.repeat_interleave(9, dim=0) for part in context_windows(FEW, TOKENIZER, 1))
    assert len(targets) > 16384, "more than one piece"
    counts = NgramCounts(1, 27).fit(contexts, targets)
    given = counts.probabilities(contexts)[torch.arange(len(targets)), targets]
    assert mean_surprise(counts, contexts, targets) == pytest.approx(-given.log().mean().item(), abs=1e-12)
    torch.testing.assert_close(surprises(counts, contexts, targets), -given.log())
    assert surprises(counts, contexts[:0], targets[:0]).shape == (0,)


def test_nothing_to_score_is_refused() -> None:
    with pytest.raises(ValueError, match="no position to score"):
        mean_surprise(small_net(), *context_windows([], TOKENIZER, 1))
