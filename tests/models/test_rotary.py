"""Rotary positions: clock hands that turn, and an attention that knows distances from them, as Llama's does."""

import math
from typing import Any

import pytest
import torch

from gptbook.models.attention import LayerCache, MultiHeadAttention, attention_weights
from gptbook.models.modern import rotate
from gptbook.models.rotary import RotaryAttention, clock_angles, turn


@pytest.fixture(autouse=True)
def same_chance() -> None:
    torch.manual_seed(0)


def turned(x: torch.Tensor, first: int = 0, base: float = 10_000.0, stretch: float = 1.0) -> torch.Tensor:
    positions = torch.arange(first, first + x.shape[-2])
    return turn(x, clock_angles(positions, x.shape[-1], base, stretch))


def test_turned_hands_are_those_of_the_modern_gpt() -> None:
    x = torch.randn(2, 3, 9, 8)
    torch.testing.assert_close(turned(x, first=5), rotate(x, torch.arange(5, 14)))


@pytest.mark.parametrize("base", [10_000.0, 500_000.0])
def test_turned_hands_are_those_of_llama(transformers: Any, base: float) -> None:
    from transformers.models.llama.modeling_llama import LlamaRotaryEmbedding, apply_rotary_pos_emb

    config = transformers.LlamaConfig(hidden_size=24, num_attention_heads=3, rope_parameters={
        "rope_type": "default", "rope_theta": base})  # fmt: skip
    q, k = torch.randn(2, 2, 3, 40, 8)
    cos, sin = LlamaRotaryEmbedding(config)(q, torch.arange(40)[None])
    theirs_q, theirs_k = apply_rotary_pos_emb(q, k, cos, sin)
    torch.testing.assert_close(turned(q, base=base), theirs_q, atol=1e-5, rtol=0)
    torch.testing.assert_close(turned(k, base=base), theirs_k, atol=1e-5, rtol=0)


def test_stretched_hands_are_those_of_llama_with_interpolated_positions(transformers: Any) -> None:
    from transformers.models.llama.modeling_llama import LlamaRotaryEmbedding, apply_rotary_pos_emb

    config = transformers.LlamaConfig(hidden_size=24, num_attention_heads=3, rope_parameters={
        "rope_type": "linear", "factor": 4.0, "rope_theta": 10_000.0})  # fmt: skip
    q = torch.randn(2, 3, 40, 8)
    theirs, _ = apply_rotary_pos_emb(q, q, *LlamaRotaryEmbedding(config)(q, torch.arange(40)[None]))
    torch.testing.assert_close(turned(q, stretch=4.0), theirs, atol=1e-5, rtol=0)


def test_a_stretch_of_4_lets_position_256_stand_where_64_stood() -> None:
    near = clock_angles(torch.tensor([64]), 16)
    torch.testing.assert_close(clock_angles(torch.tensor([256]), 16, stretch=4.0), near)


def test_a_larger_base_leaves_the_fastest_hand_and_slows_down_the_others() -> None:
    usual, raised = (clock_angles(torch.tensor([1]), 16, base)[0] for base in (1e4, 5e5))
    assert usual[0] == raised[0] == 1
    assert bool((raised[1:] < usual[1:]).all())
    assert bool((usual.diff() < 0).all())


def test_a_turn_changes_no_length_and_a_whole_one_changes_nothing() -> None:
    x = torch.randn(1, 2, 5, 8, dtype=torch.float64)
    torch.testing.assert_close(turned(x).norm(dim=-1), x.norm(dim=-1))
    torch.testing.assert_close(turn(x, torch.full((5, 4), 2 * math.pi, dtype=torch.float64)), x)


def test_the_same_gap_is_the_same_angle_and_the_same_product() -> None:
    q, k = torch.randn(2, 1, 1, 1, 8, dtype=torch.float64)

    def product(asking: int, asked: int) -> float:
        return float((turned(q, first=asking) * turned(k, first=asked)).sum())

    for shift in (1, 10, 1000):
        assert product(5 + shift, 2 + shift) == pytest.approx(product(5, 2), abs=1e-4)
    assert abs(product(5, 2) - product(5, 3)) > 0.01


def test_the_attention_is_llamas(transformers: Any) -> None:
    from transformers.models.llama.modeling_llama import LlamaAttention, LlamaRotaryEmbedding

    ours = RotaryAttention(24, 3)
    config = transformers.LlamaConfig(
        hidden_size=24, num_attention_heads=3, attention_bias=True, attn_implementation="eager"
    )
    theirs = LlamaAttention(config, layer_idx=0)
    with torch.no_grad():
        names = ("q_proj", "k_proj", "v_proj")
        for side in ("weight", "bias"):
            for name, part in zip(names, getattr(ours.query_key_value, side).chunk(3)):
                getattr(theirs.get_submodule(name), side).copy_(part)
            getattr(theirs.o_proj, side).copy_(getattr(ours.output, side))
    x = torch.randn(2, 20, 24)
    places = LlamaRotaryEmbedding(config)(x, torch.arange(20)[None])
    later = torch.full((20, 20), -torch.inf).triu(1)[None, None]
    expected, _ = theirs(x, position_embeddings=places, attention_mask=later)
    torch.testing.assert_close(ours(x), expected, atol=1e-5, rtol=0)


def test_with_hands_that_stand_still_it_is_the_attention_of_before() -> None:
    plain, rotary = MultiHeadAttention(16, 2), RotaryAttention(16, 2)
    rotary.load_state_dict(plain.state_dict())
    x = torch.randn(2, 7, 16)
    assert not torch.allclose(rotary(x), plain(x), atol=1e-3)
    rotary.stretch = 1e9
    torch.testing.assert_close(rotary(x), plain(x), atol=1e-5, rtol=0)


def test_the_weights_that_it_shows_are_those_that_it_uses() -> None:
    attention = RotaryAttention(16, 2)
    x = torch.randn(2, 7, 16)
    q, k, v = attention.heads(x)
    torch.testing.assert_close(attention.weights(x), attention_weights(q, k))
    expected = attention.output((attention.weights(x) @ v).transpose(1, 2).flatten(start_dim=2))
    torch.testing.assert_close(attention(x), expected, atol=1e-6, rtol=0)


def test_a_cache_gives_the_same_step_by_step() -> None:
    attention, cache = RotaryAttention(16, 2), LayerCache(12)
    x = torch.randn(2, 12, 16)
    steps = [attention(x[:, start:end], cache) for start, end in ((0, 4), (4, 5), (5, 6), (6, 12))]
    torch.testing.assert_close(torch.cat(steps, dim=1), attention(x), atol=1e-5, rtol=0)
