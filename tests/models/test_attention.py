"""Causal attention: looks back, never ahead, and averages; and remembers, in a cache."""

import math

import pytest
import torch
import torch.nn.functional as F

from gptbook.models.attention import (
    AttentionModel,
    KVCache,
    LayerCache,
    MultiHeadAttention,
    attention_weights,
    causal_attention,
    fused_attention,
)
from gptbook.training.loss import next_token_loss


@pytest.fixture(autouse=True)
def same_luck() -> None:
    torch.manual_seed(0)


def test_attention_written_out_equals_pytorchs_own() -> None:
    q, k, v = torch.randn(3, 2, 4, 9, 5)
    expected = F.scaled_dot_product_attention(q, k, v, is_causal=True)
    torch.testing.assert_close(causal_attention(q, k, v), expected, atol=1e-6, rtol=0)


def test_each_row_of_weights_sums_to_1_and_is_0_after_the_diagonal() -> None:
    q, k = torch.randn(2, 2, 3, 7, 5)
    weights = attention_weights(q, k)
    assert weights.shape == (2, 3, 7, 7)
    torch.testing.assert_close(weights.sum(dim=-1), torch.ones(2, 3, 7))
    assert not weights.triu(diagonal=1).any()
    assert bool((weights.tril().diagonal(dim1=-2, dim2=-1) > 0).all())


def test_each_head_looks_by_itself() -> None:
    q, k, v = torch.randn(3, 1, 3, 6, 4)
    together = causal_attention(q, k, v)
    for head in range(3):
        alone = causal_attention(*(side[:, head : head + 1] for side in (q, k, v)))
        torch.testing.assert_close(together[:, head : head + 1], alone)


def test_a_score_is_the_product_over_the_root_of_the_head_dim() -> None:
    q, k = torch.randn(2, 1, 1, 2, 16)
    scores = (k[0, 0] @ q[0, 0, 1]) / 4
    torch.testing.assert_close(attention_weights(q, k)[0, 0, 1], scores.softmax(dim=0))


def test_fused_attention_equals_the_one_written_out() -> None:
    q, k, v = torch.randn(3, 2, 4, 9, 5)
    torch.testing.assert_close(fused_attention(q, k, v), causal_attention(q, k, v), atol=1e-6, rtol=0)


@pytest.mark.parametrize("num_queries", [1, 3, 8])
def test_the_last_queries_alone_get_what_they_get_among_all(num_queries: int) -> None:
    q, k, v = torch.randn(3, 2, 4, 9, 5)
    late = fused_attention(q[:, :, -num_queries:], k, v)
    torch.testing.assert_close(late, causal_attention(q, k, v)[:, :, -num_queries:], atol=1e-6, rtol=0)


def test_no_position_sees_what_comes_later() -> None:
    q, k, v = torch.randn(3, 1, 2, 6, 4)
    before = causal_attention(q, k, v)
    k[:, :, 4:], v[:, :, 4:] = 100.0, -100.0
    after = causal_attention(q, k, v)
    assert torch.equal(before[:, :, :4], after[:, :, :4])
    assert not torch.equal(before[:, :, 4:], after[:, :, 4:])


def test_the_first_position_gets_its_own_value_and_equal_scores_a_plain_average() -> None:
    v = torch.randn(1, 1, 3, 2)
    result = causal_attention(torch.zeros(1, 1, 3, 2), torch.randn(1, 1, 3, 2), v)
    torch.testing.assert_close(result[0, 0, 0], v[0, 0, 0])
    torch.testing.assert_close(result[0, 0, 2], v[0, 0].mean(dim=0))


def test_each_query_needs_a_key() -> None:
    with pytest.raises(ValueError, match="3 queries but 4 keys"):
        causal_attention(torch.ones(1, 1, 3, 2), torch.ones(1, 1, 4, 2), torch.ones(1, 1, 4, 2))


def test_several_heads_equal_pytorchs_own() -> None:
    ours = MultiHeadAttention(model_dim=12, num_heads=3)
    theirs = torch.nn.MultiheadAttention(12, 3, batch_first=True)
    with torch.no_grad():
        theirs.in_proj_weight.copy_(ours.query_key_value.weight)
        theirs.in_proj_bias.copy_(ours.query_key_value.bias)
        theirs.out_proj.load_state_dict(ours.output.state_dict())
    x = torch.randn(2, 7, 12)
    mask = torch.nn.Transformer.generate_square_subsequent_mask(7)
    expected, _ = theirs(x, x, x, attn_mask=mask, is_causal=True, need_weights=False)
    torch.testing.assert_close(ours(x), expected)


@pytest.mark.parametrize("num_heads", [0, 5])
def test_heads_share_the_dimensions_evenly(num_heads: int) -> None:
    with pytest.raises(ValueError, match="multiple of num_heads"):
        MultiHeadAttention(model_dim=12, num_heads=num_heads)


def test_the_weights_of_the_module_are_those_that_its_result_is_made_with() -> None:
    attention = MultiHeadAttention(model_dim=12, num_heads=3)
    x = torch.randn(2, 7, 12)
    _, _, v = attention.heads(x)
    joined = (attention.weights(x) @ v).transpose(1, 2).flatten(start_dim=2)
    torch.testing.assert_close(attention(x), attention.output(joined), atol=1e-6, rtol=0)


def test_a_later_vector_never_changes_an_earlier_result() -> None:
    attention = MultiHeadAttention(model_dim=12, num_heads=3)
    x = torch.randn(1, 7, 12)
    before = attention(x)
    for place in range(1, 7):
        changed = x.clone()
        changed[:, place:] += 5.0
        after = attention(changed)
        assert torch.equal(after[:, :place], before[:, :place])
        assert not torch.allclose(after[:, place:], before[:, place:])


def test_a_cache_hands_back_all_that_came_in_the_order_in_which_it_came() -> None:
    cache = LayerCache(6)
    k, v = torch.randn(2, 2, 3, 6, 4)
    for start, end in ((0, 3), (3, 4), (4, 6)):
        keys, values = cache.extend(k[:, :, start:end], v[:, :, start:end])
        assert cache.length == end
        assert torch.equal(keys, k[:, :, :end])
        assert torch.equal(values, v[:, :, :end])


def test_a_full_cache_takes_no_more_and_keeps_what_it_has() -> None:
    cache = LayerCache(3)
    k, v = torch.randn(2, 1, 1, 3, 2)
    cache.extend(k[:, :, :2], v[:, :, :2])
    with pytest.raises(ValueError, match="4 positions do not fit into a cache of 3: begin a new one"):
        cache.extend(k[:, :, :2], v[:, :, :2])
    assert cache.length == 2
    assert torch.equal(cache.extend(k[:, :, 2:], v[:, :, 2:])[0], k)


def test_each_layer_has_its_own_memory_and_they_grow_together() -> None:
    cache = KVCache(num_layers=2, context_length=4)
    assert cache.length == 0
    for layer in cache.layers:
        layer.extend(torch.ones(1, 1, 3, 2), torch.ones(1, 1, 3, 2))
    assert cache.length == 3
    assert cache.layers[0] is not cache.layers[1]


def test_with_a_cache_the_module_gives_step_by_step_what_it_gives_at_once() -> None:
    attention = MultiHeadAttention(model_dim=12, num_heads=3)
    x = torch.randn(2, 7, 12)
    cache = LayerCache(7)
    with torch.no_grad():
        steps = [attention(x[:, start:end], cache) for start, end in ((0, 3), (3, 4), (4, 7))]
        torch.testing.assert_close(torch.cat(steps, dim=1), attention(x), atol=1e-6, rtol=0)


def test_attention_alone_does_not_know_the_order_of_earlier_tokens() -> None:
    model = AttentionModel(vocab_size=11, model_dim=8, num_heads=2)
    torch.nn.init.normal_(model.prediction.weight)
    logits = model(torch.tensor([[3, 1, 4, 9], [4, 3, 1, 9], [1, 4, 3, 9]]))[:, -1]
    torch.testing.assert_close(logits[1:], logits[:1].expand(2, -1))
    other = model(torch.tensor([[3, 1, 9, 4]]))[:, -1]
    assert not torch.allclose(other, logits[:1]), "the last token is known by its own vector"


def test_the_loss_of_attention_alone_starts_at_ln_v_and_every_parameter_can_learn() -> None:
    model = AttentionModel(vocab_size=11, model_dim=8, num_heads=2)
    tokens, targets = torch.randint(11, (2, 5, 6))
    loss = next_token_loss(model(tokens), targets)
    assert loss.item() == pytest.approx(math.log(11), abs=1e-6)
    optimizer = torch.optim.SGD(model.parameters(), lr=1.0)
    loss.backward()
    optimizer.step()  # from zeros, the prediction moves first
    optimizer.zero_grad()
    next_token_loss(model(tokens), targets).backward()
    still = [name for name, p in model.named_parameters() if p.grad is None or not p.grad.any()]
    assert still == []
