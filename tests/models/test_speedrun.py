"""The form with shortcuts: each against the modern form, or against the race's own formula."""

import math

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from gptbook.models.attention import KVCache
from gptbook.models.gpt import GPTConfig
from gptbook.models.modern import ModernBlock, ModernGPT
from gptbook.models.speedrun import SCORE_CAP, SpeedrunGPT, capped
from gptbook.training.loss import next_token_loss

SMALL = GPTConfig(vocab_size=27, context_length=12, num_layers=5, num_heads=2, model_dim=16, mlp_dim=40)
SHARES = ("first_value_share", "sum_share", "embedding_share", "opposite_share")


def lively(config: GPTConfig = SMALL) -> SpeedrunGPT:
    """A model whose projections and shares have left where they began."""
    torch.manual_seed(0)
    model = SpeedrunGPT(config)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
    return model.double()


def as_published(model: SpeedrunGPT, tokens: Tensor) -> Tensor:
    """The scores as record 11's script computes them, line by line, from the same weights.

    There pairs turn the other way round: the same model, with the sign of half of its queries and keys changed.
    """

    def norm(x: Tensor) -> Tensor:
        return x / (x.square().mean(-1, keepdim=True) + torch.finfo(x.dtype).eps).sqrt()

    def turned(x: Tensor) -> Tensor:  # (B, T, N, H)
        half = x.shape[-1] // 2
        speed = (1 / 10_000) ** (torch.arange(0, 2 * half, 2).double() / (2 * half))
        angles = torch.outer(torch.arange(x.shape[1]).double(), speed)[None, :, None]
        one, two = x[..., :half], x[..., half:]
        return torch.cat([one * angles.cos() - two * angles.sin(), two * angles.cos() + one * angles.sin()], dim=3)

    def block(index: int, x: Tensor, first: Tensor | None, start: Tensor) -> tuple[Tensor, Tensor]:
        layer = model.blocks[index]
        assert isinstance(layer, ModernBlock)
        x = model.sum_share[index] * x + model.embedding_share[index] * start
        attention, (rows, length, width) = layer.attention, x.shape
        q, k, v = (
            (norm(x) @ one.weight.T).view(rows, length, attention.num_heads, -1)
            for one in (attention.query, attention.key, attention.value)
        )
        first = v if first is None else first
        lamb = model.first_value_share[index]
        v = (1 - lamb) * v + lamb * first
        q, k = turned(norm(q)), turned(norm(k))
        scores = torch.einsum("btnh,bsnh->bnts", q, k) / math.sqrt(q.shape[-1])
        scores = scores.masked_fill(torch.ones(length, length).triu(1).bool(), -math.inf)
        found = torch.einsum("bnts,bsnh->btnh", scores.softmax(-1), v).reshape(rows, length, width)
        x = x + found @ attention.output.weight.T
        return x + F.relu(norm(x) @ layer.mlp.hidden.weight.T).square() @ layer.mlp.output.weight.T, first

    x = start = norm(model.token_embedding(tokens))
    first, skips = None, []
    lower = model.config.num_layers // 2
    for index in range(lower):
        x, first = block(index, x, first, start)
        skips.append(x)
    upper = model.config.num_layers - lower
    for number in range(upper):
        above = number - (upper - lower)  # with an odd number of blocks the middle one has no opposite
        if above >= 0:
            x = x + model.opposite_share[above] * skips.pop()
        x, first = block(lower + number, x, first, start)
    return 30 * torch.tanh(model.prediction(norm(x)) / 30)


@pytest.mark.parametrize("num_layers", [1, 2, 5, 6])
def test_it_computes_what_the_record_computes(num_layers: int) -> None:
    model = lively(GPTConfig(**{**vars(SMALL), "num_layers": num_layers}))
    tokens = torch.randint(27, (2, 12))
    scores = model(tokens)
    torch.testing.assert_close(scores, as_published(model, tokens), rtol=1e-6, atol=1e-8)
    assert scores.std() > 0.01


def test_without_its_shortcuts_it_is_the_modern_form_capped() -> None:
    model = lively()
    with torch.no_grad():
        model.first_value_share.zero_()
        model.embedding_share.zero_()
        model.opposite_share.zero_()
        model.sum_share.fill_(1.0)
    modern = ModernGPT(SMALL).double()
    modern.load_state_dict({name: x for name, x in model.state_dict().items() if name not in SHARES})
    tokens = torch.randint(27, (2, 12))
    torch.testing.assert_close(model(tokens), capped(modern(tokens)))


@pytest.mark.parametrize("share", SHARES)
def test_every_share_has_a_say_and_learns(share: str) -> None:
    model = lively()
    tokens = torch.randint(27, (2, 12))
    before = model(tokens)
    next_token_loss(before, tokens).backward()
    vector = model.get_parameter(share)
    assert vector.grad is not None
    first = 1 if share == "first_value_share" else 0  # the first block mixes its values with themselves
    assert (vector.grad[first:] != 0).all()
    with torch.no_grad():
        vector.add_(0.1)
    assert not torch.allclose(model(tokens), before)


def test_with_a_cache_it_scores_as_without() -> None:
    model = lively()
    tokens = torch.randint(27, (2, 12))
    cache = KVCache(SMALL.num_layers, SMALL.context_length)
    pieces = [model(part, cache) for part in (tokens[:, :5], tokens[:, 5:6], tokens[:, 6:])]
    torch.testing.assert_close(torch.cat(pieces, dim=1), model(tokens))


def test_no_later_token_changes_an_earlier_score() -> None:
    model = lively()
    tokens = torch.randint(27, (1, 12))
    changed = tokens.clone()
    changed[0, 7:] = (changed[0, 7:] + 1) % 27
    assert torch.equal(model(tokens)[:, :7], model(changed)[:, :7])


def test_scores_stay_inside_the_cap_and_small_ones_stay_what_they_are() -> None:
    scores = torch.tensor([-1e6, -3.0, 0.0, 0.1, 29.0, 1e6], dtype=torch.float64)
    bent = capped(scores)
    assert bent.abs().max() <= SCORE_CAP
    assert (bent.diff() > 0).all()
    torch.testing.assert_close(bent[3], scores[3], rtol=1e-4, atol=0)


def test_it_starts_at_the_loss_of_a_uniform_guess() -> None:
    tokens = torch.randint(27, (2, 12))
    assert next_token_loss(SpeedrunGPT(SMALL)(tokens), tokens).item() == pytest.approx(math.log(27), rel=1e-5)


def test_in_bfloat16_the_running_sum_is_short_and_the_loss_nearly_the_same() -> None:
    model = lively().float()
    tokens = torch.randint(27, (4, 12))
    kinds: list[torch.dtype] = []
    for block in model.blocks:
        assert isinstance(block, ModernBlock)
        block.mlp.register_forward_pre_hook(lambda _, inputs: kinds.append(inputs[0].dtype))
    exact = next_token_loss(model(tokens), tokens)
    with torch.autocast("cpu", torch.bfloat16):
        short = next_token_loss(model(tokens).float(), tokens)
    assert kinds == [torch.float32] * SMALL.num_layers + [torch.bfloat16] * SMALL.num_layers
    torch.testing.assert_close(short, exact, rtol=0.02, atol=0)
