"""The modern GPT: what it keeps of GPT-2, and what each of its changes is for."""

import math

import pytest
import torch
from torch import nn

from gptbook.models.attention import KVCache
from gptbook.models.gpt import GPTConfig
from gptbook.models.modern import ModernAttention, ModernGPT, ModernMLP, rms_norm, rotate
from gptbook.training.loss import next_token_loss

SMALL = GPTConfig(vocab_size=27, context_length=12, num_layers=3, num_heads=2, model_dim=16, mlp_dim=40)


@pytest.fixture(autouse=True)
def same_luck() -> None:
    torch.manual_seed(0)


def lively() -> ModernGPT:
    """A model whose projections have left zero, as after some training; no dropout."""
    model = ModernGPT(SMALL)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
    return model


def test_rms_norm_makes_the_mean_of_the_squares_1() -> None:
    x = 7 * torch.randn(2, 3, 16)
    torch.testing.assert_close(rms_norm(x).square().mean(dim=-1), torch.ones(2, 3))
    torch.testing.assert_close(rms_norm(x), x / x.square().mean(dim=-1, keepdim=True).sqrt())


def test_a_rotation_changes_no_length_and_leaves_position_0_as_it_is() -> None:
    x = torch.randn(2, 3, 5, 8)
    turned = rotate(x, torch.arange(5))
    torch.testing.assert_close(turned.norm(dim=-1), x.norm(dim=-1))
    assert torch.equal(turned[:, :, 0], x[:, :, 0])
    assert not torch.allclose(turned[:, :, 1:], x[:, :, 1:])


def test_a_pair_turns_by_one_radian_a_position_and_later_pairs_more_slowly() -> None:
    x = torch.zeros(1, 1, 1, 4)
    x[..., 0] = x[..., 1] = 1.0
    turned = rotate(x, torch.tensor([3]))[0, 0, 0]
    slow = 3 / 100  # 10,000 to the power of -1/2
    expected = torch.tensor([math.cos(3), math.cos(slow), math.sin(3), math.sin(slow)])
    torch.testing.assert_close(turned, expected)


def test_the_product_of_turned_vectors_depends_on_their_distance_alone() -> None:
    q, k = torch.randn(2, 1, 1, 1, 8, dtype=torch.float64)

    def score(asking: int, asked: int) -> float:
        return float((rotate(q, torch.tensor([asking])) * rotate(k, torch.tensor([asked]))).sum())

    for shift in (1, 10, 1000):
        assert score(5 + shift, 2 + shift) == pytest.approx(score(5, 2), abs=1e-4)
    assert abs(score(5, 2) - score(5, 3)) > 0.01


def test_no_score_exceeds_the_root_of_the_head_dim_however_large_the_weights() -> None:
    attention = ModernAttention(model_dim=16, num_heads=2)
    with torch.no_grad():
        attention.query.weight.mul_(1000)
        attention.key.weight.mul_(1000)
    q, k = attention.queries_and_keys(100 * torch.randn(3, 9, 16), torch.arange(9))
    scores = q @ k.mT / 8**0.5
    assert scores.abs().max() <= 8**0.5 + 1e-4
    torch.testing.assert_close(q.norm(dim=-1), torch.full((3, 2, 9), 8**0.5))


def test_the_weights_that_it_shows_are_those_that_it_uses() -> None:
    attention = ModernAttention(model_dim=16, num_heads=2)
    x = torch.randn(2, 7, 16)
    looked_up = attention.weights(x) @ attention.split(attention.value(x))
    expected = attention.output(looked_up.transpose(1, 2).flatten(start_dim=2))
    torch.testing.assert_close(attention(x, torch.arange(7)), expected, atol=1e-6, rtol=0)


def test_what_is_negative_in_the_mlp_becomes_0_and_the_rest_is_squared() -> None:
    mlp = ModernMLP(2, 2)
    with torch.no_grad():
        mlp.hidden.weight.copy_(torch.eye(2))
        mlp.output.weight.copy_(torch.eye(2))
    assert mlp(torch.tensor([[3.0, -3.0]])).tolist() == [[9.0, 0.0]]


def test_a_later_token_never_changes_an_earlier_score() -> None:
    model = lively()
    tokens = torch.randint(27, (2, 12))
    before = model(tokens)
    assert before.shape == (2, 12, 27)
    for place in range(1, 12):
        changed = tokens.clone()
        changed[:, place:] = (changed[:, place:] + 1) % 27
        after = model(changed)
        torch.testing.assert_close(after[:, :place], before[:, :place], atol=1e-6, rtol=0)
        assert not torch.allclose(after[:, place:], before[:, place:])


def test_it_knows_the_order_of_earlier_tokens() -> None:
    model = lively()
    forth, back = model(torch.tensor([[3, 1, 4, 9], [4, 1, 3, 9]]))[:, -1]
    assert not torch.allclose(forth, back)


def test_the_loss_starts_at_ln_v() -> None:
    tokens, targets = torch.randint(27, (2, 5, 12))
    loss = next_token_loss(ModernGPT(SMALL)(tokens), targets)
    assert loss.item() == pytest.approx(math.log(27), abs=1e-6)


def test_each_block_starts_out_adding_nothing() -> None:
    model = ModernGPT(SMALL)
    x = torch.randn(2, 5, 16)
    for block in model.blocks:
        assert torch.equal(block(x, torch.arange(5)), x)


def test_every_parameter_learns_after_its_zeros_have_moved() -> None:
    model = ModernGPT(SMALL)
    tokens, targets = torch.randint(27, (2, 5, 12))
    optimizer = torch.optim.SGD(model.parameters(), lr=1.0)
    for _ in range(3):  # the prediction, then the blocks' output, then what is before it
        optimizer.zero_grad()
        next_token_loss(model(tokens), targets).backward()
        optimizer.step()
    assert [name for name, p in model.named_parameters() if p.grad is None or not p.grad.any()] == []
    assert not any(name.endswith("bias") for name, _ in model.named_parameters())


def test_a_cache_gives_the_same_logits_step_by_step() -> None:
    model, cache = lively(), KVCache(3, 12)
    tokens = torch.randint(27, (2, 12))
    with torch.no_grad():
        steps = [model(tokens[:, start:end], cache) for start, end in ((0, 4), (4, 5), (5, 6), (6, 12))]
        torch.testing.assert_close(torch.cat(steps, dim=1), model(tokens), atol=1e-5, rtol=0)
        with pytest.raises(ValueError, match="13 tokens do not fit into a context of 12"):
            model(tokens[:, :1], cache)


def test_more_tokens_than_the_context_holds_are_refused() -> None:
    with pytest.raises(ValueError, match="13 tokens do not fit into a context of 12"):
        ModernGPT(SMALL)(torch.zeros(1, 13, dtype=torch.long))


def test_a_head_with_an_odd_number_of_numbers_is_refused() -> None:
    config = GPTConfig(vocab_size=27, context_length=8, num_layers=1, num_heads=4, model_dim=12, mlp_dim=8)
    with pytest.raises(ValueError, match="a head has 3 numbers, which cannot be turned in pairs: make"):
        ModernGPT(config)


def test_dropout_leaves_out_in_training_only() -> None:
    model = ModernGPT(SMALL, dropout=0.5)
    for parameter in model.parameters():
        nn.init.normal_(parameter, std=0.2)
    tokens = torch.randint(27, (2, 12))
    model.eval()
    assert torch.equal(model(tokens), model(tokens))
    model.train()
    assert not torch.equal(model(tokens), model(tokens))
