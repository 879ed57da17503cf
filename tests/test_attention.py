"""Causal attention: looks back, never ahead, and averages."""

import pytest
import torch
import torch.nn.functional as F

from gptbook.attention import MultiHeadAttention, causal_attention


def test_attention_equals_pytorchs_own() -> None:
    q, k, v = torch.randn(3, 2, 4, 9, 5, dtype=torch.float64)
    expected = F.scaled_dot_product_attention(q, k, v, is_causal=True)
    torch.testing.assert_close(causal_attention(q, k, v), expected)


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
