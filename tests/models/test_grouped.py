"""Grouped queries: between one set of keys for all heads and one for each; what the cache keeps is counted."""

from typing import Any

import pytest
import torch

from gptbook.models.attention import LayerCache, MultiHeadAttention
from gptbook.models.gpt import GPTConfig
from gptbook.models.grouped import GroupedAttention, cache_bytes_per_token
from gptbook.models.rotary import RotaryAttention


@pytest.fixture(autouse=True)
def same_chance() -> None:
    torch.manual_seed(0)


@pytest.mark.parametrize("rotary", [False, True])
def test_a_group_for_each_head_is_the_attention_of_before(rotary: bool) -> None:
    plain = (RotaryAttention if rotary else MultiHeadAttention)(16, 4)
    grouped = GroupedAttention(16, 4, 4, rotary)
    grouped.load_state_dict(plain.state_dict())
    x = torch.randn(2, 7, 16)
    torch.testing.assert_close(grouped(x), plain(x), atol=1e-6, rtol=0)


@pytest.mark.parametrize("num_groups", [1, 2, 6])
def test_it_is_llamas_attention_with_as_many_heads_of_keys(transformers: Any, num_groups: int) -> None:
    from transformers.models.llama.modeling_llama import LlamaAttention, LlamaRotaryEmbedding

    ours = GroupedAttention(24, 6, num_groups, rotary=True)
    config = transformers.LlamaConfig(
        hidden_size=24,
        num_attention_heads=6,
        num_key_value_heads=num_groups,
        attention_bias=True,
        attn_implementation="eager",
    )
    theirs = LlamaAttention(config, layer_idx=0)
    with torch.no_grad():
        for side in ("weight", "bias"):
            parts = getattr(ours.query_key_value, side).split([24, 4 * num_groups, 4 * num_groups])
            for name, part in zip(("q_proj", "k_proj", "v_proj"), parts):
                getattr(theirs.get_submodule(name), side).copy_(part)
            getattr(theirs.o_proj, side).copy_(getattr(ours.output, side))
    x = torch.randn(2, 20, 24)
    places = LlamaRotaryEmbedding(config)(x, torch.arange(20)[None])
    later = torch.full((20, 20), -torch.inf).triu(1)[None, None]
    expected, _ = theirs(x, position_embeddings=places, attention_mask=later)
    torch.testing.assert_close(ours(x), expected, atol=1e-5, rtol=0)


def test_heads_of_a_group_share_their_keys_and_values_and_no_others() -> None:
    attention = GroupedAttention(16, 4, 2)
    grouped = MultiHeadAttention(16, 4)
    rows = {"q": torch.arange(16), "k": torch.arange(16, 24), "v": torch.arange(24, 32)}
    # Written out in full: heads 0 and 1 have the first group's 4 rows, heads 2 and 3 the second's.
    shared = [rows[kind][4 * group : 4 * group + 4] for kind in "kv" for group in (0, 0, 1, 1)]
    order = torch.cat([rows["q"], *shared])
    with torch.no_grad():
        grouped.query_key_value.weight.copy_(attention.query_key_value.weight[order])
        grouped.query_key_value.bias.copy_(attention.query_key_value.bias[order])
        grouped.output.load_state_dict(attention.output.state_dict())
    x = torch.randn(2, 7, 16)
    torch.testing.assert_close(attention(x), grouped(x), atol=1e-6, rtol=0)


@pytest.mark.parametrize("rotary", [False, True])
def test_a_cache_gives_the_same_step_by_step(rotary: bool) -> None:
    attention, cache = GroupedAttention(16, 4, 2, rotary), LayerCache(12)
    x = torch.randn(2, 12, 16)
    steps = [attention(x[:, start:end], cache) for start, end in ((0, 4), (4, 5), (5, 6), (6, 12))]
    torch.testing.assert_close(torch.cat(steps, dim=1), attention(x), atol=1e-5, rtol=0)


@pytest.mark.parametrize("num_groups", [1, 2, 4])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_the_cache_holds_as_many_bytes_as_are_counted(num_groups: int, dtype: torch.dtype) -> None:
    config = GPTConfig(vocab_size=5, context_length=12, num_layers=3, num_heads=4, model_dim=16, mlp_dim=8)
    attention, cache = GroupedAttention(16, 4, num_groups).to(dtype), LayerCache(12)
    attention(torch.randn(1, 12, 16, dtype=dtype), cache)
    assert cache.stored is not None
    held = sum(part.nbytes for part in cache.stored)
    counted = cache_bytes_per_token(config, num_groups, dtype.itemsize)
    assert config.num_layers * held == config.context_length * counted


def test_sizes_that_cannot_be_are_refused() -> None:
    with pytest.raises(ValueError, match=r"model_dim \(10\).*num_heads \(4\)"):
        GroupedAttention(10, 4, 2)
    for num_groups in (0, 3):
        with pytest.raises(ValueError, match=rf"num_heads \(4\).*num_groups \({num_groups}\)"):
            GroupedAttention(16, 4, num_groups)
