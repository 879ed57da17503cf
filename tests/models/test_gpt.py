"""GPT-2 to the letter: its parameters, its equation, its first guess."""

import math
from dataclasses import FrozenInstanceError

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from gptbook.models.attention import KVCache
from gptbook.models.gpt import GPT, GPTConfig, next_positions
from gptbook.models.sizes import parameter_terms

SMALL = GPTConfig(vocab_size=27, context_length=8, num_layers=3, num_heads=2, model_dim=16, mlp_dim=40)


def test_the_smallest_gpt2_is_the_default() -> None:
    assert sum(term.count for term in parameter_terms(GPTConfig())) == 124_439_808


def test_the_model_computes_the_equation_of_the_book() -> None:
    """Against PyTorch's own pre-norm layer, which was written by others, with the same weights."""
    torch.manual_seed(0)
    model = GPT(SMALL).double()
    with torch.no_grad():  # biases and gains that are not 0 and 1, or a forgotten one would not show
        for parameter in model.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
    tokens = torch.randint(27, (5, 8))
    x = model.token_embedding.weight[tokens] + model.position_embedding.weight
    mask = nn.Transformer.generate_square_subsequent_mask(8, dtype=torch.float64)
    for block in model.blocks:
        weights = block.state_dict()
        layer = nn.TransformerEncoderLayer(
            16,
            2,
            40,
            dropout=0.0,
            activation=lambda x: F.gelu(x, approximate="tanh"),
            batch_first=True,
            norm_first=True,
            dtype=torch.float64,
        )
        theirs = {
            "self_attn.in_proj_": "attention.query_key_value.",
            "self_attn.out_proj.": "attention.output.",
            "norm1.": "attention_norm.",
            "norm2.": "mlp_norm.",
            "linear1.": "mlp.hidden.",
            "linear2.": "mlp.output.",
        }
        layer.load_state_dict({t + kind: weights[o + kind] for t, o in theirs.items() for kind in ("weight", "bias")})
        x = layer(x, src_mask=mask, is_causal=True)
    x = F.layer_norm(x, (16,), model.final_norm.weight, model.final_norm.bias, eps=1e-5)
    torch.testing.assert_close(model(tokens), x @ model.token_embedding.weight.T)


def test_logits_have_a_score_for_each_token_at_each_position_and_never_look_ahead() -> None:
    model = GPT(SMALL)
    tokens = torch.randint(27, (2, 6))
    logits = model(tokens)
    assert logits.shape == (2, 6, 27)
    changed = tokens.clone()
    changed[:, 4:] = (changed[:, 4:] + 1) % 27
    torch.testing.assert_close(model(changed)[:, :4], logits[:, :4])


def test_before_training_the_model_guesses_evenly() -> None:
    torch.manual_seed(0)
    config = GPTConfig(vocab_size=1000, context_length=64, num_layers=2, num_heads=4, model_dim=64, mlp_dim=256)
    tokens, targets = torch.randint(1000, (2, 8, 64))
    loss = F.cross_entropy(GPT(config)(tokens).flatten(0, 1), targets.flatten())
    assert loss.item() == pytest.approx(math.log(1000), abs=0.1)


def test_the_starting_numbers_have_gpt2s_spread() -> None:
    torch.manual_seed(0)
    model = GPT(GPTConfig(vocab_size=500, context_length=400, num_layers=8, num_heads=2, model_dim=64, mlp_dim=256))
    block = model.blocks[3]
    spread = {
        model.token_embedding: 0.02,
        model.position_embedding: 0.01,
        block.attention.query_key_value: 0.02,
        block.attention.output: 0.005,  # 0.02 / sqrt(2 * 8)
        block.mlp.hidden: 0.02,
        block.mlp.output: 0.005,
    }
    for module, std in spread.items():
        assert module.weight.std().item() == pytest.approx(std, rel=0.05)
    assert not any(p.any() for name, p in model.named_parameters() if name.endswith("bias"))


def test_more_tokens_than_the_context_holds_are_refused() -> None:
    with pytest.raises(ValueError, match="9 tokens do not fit into a context of 8"):
        GPT(SMALL)(torch.zeros(1, 9, dtype=torch.long))


def test_a_cache_gives_the_same_logits_step_by_step() -> None:
    torch.manual_seed(0)
    model, cache = GPT(SMALL), KVCache(3, 8)
    tokens = torch.randint(27, (2, 8))
    with torch.no_grad():
        steps = [model(tokens[:, start:end], cache) for start, end in ((0, 3), (3, 4), (4, 5), (5, 8))]
        torch.testing.assert_close(torch.cat(steps, dim=1), model(tokens), atol=1e-5, rtol=0)
        with pytest.raises(ValueError, match="9 tokens do not fit into a context of 8"):
            model(tokens[:, :1], cache)
    assert cache.length == 8


def test_positions_go_on_where_the_cache_ends() -> None:
    cache = KVCache(1, 8)
    tokens = torch.zeros(2, 3, dtype=torch.long)
    assert next_positions(tokens, 8).tolist() == [0, 1, 2]
    cache.layers[0].extend(torch.ones(2, 1, 4, 2), torch.ones(2, 1, 4, 2))
    assert next_positions(tokens, 8, cache).tolist() == [4, 5, 6]


@pytest.mark.parametrize(
    ("sizes", "message"),
    [
        ({"num_layers": 0}, "num_layers is 0"),
        ({"vocab_size": -1}, "vocab_size is -1"),
        ({"model_dim": 10, "num_heads": 4}, "multiple of num_heads"),
    ],
)
def test_sizes_that_cannot_be_are_refused_when_the_configuration_is_made(sizes: dict[str, int], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        GPTConfig(**sizes)


def test_a_configuration_stays_as_it_is() -> None:
    with pytest.raises(FrozenInstanceError):
        GPTConfig().num_layers = 1  # type: ignore[misc]
