"""The GPT with swapped parts: nothing swapped is GPT-2; each swap is what it says; the cache stays right."""

from typing import Any

import pytest
import torch
from torch import nn

from gptbook.generation.generate import generate_tokens
from gptbook.models.attention import KVCache
from gptbook.models.gpt import GPT, GPTConfig
from gptbook.models.mixture import Mixture
from gptbook.models.variants import Variant, VariantGPT, used_parameters
from gptbook.training.loss import next_token_loss

SMALL = GPTConfig(vocab_size=11, context_length=12, num_layers=2, num_heads=4, model_dim=16, mlp_dim=12)
EVERY = {
    "gpt-2": Variant(),
    "rms norm": Variant(rms_norm=True),
    "rotary": Variant(rotary=True),
    "grouped": Variant(num_groups=2),
    "rotary and grouped": Variant(rotary=True, num_groups=1),
    "mixture": Variant(num_experts=4, num_chosen=2),
    "all": Variant(rms_norm=True, rotary=True, num_groups=2, num_experts=4, num_chosen=2),
}
each_variant = pytest.mark.parametrize("variant", EVERY.values(), ids=EVERY)


def lively(variant: Variant) -> VariantGPT:
    """A model with large numbers everywhere, so that each part shows in the scores."""
    torch.manual_seed(0)
    model = VariantGPT(SMALL, variant)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.3 * torch.randn_like(parameter))
    return model.eval()


def test_nothing_swapped_is_gpt_2() -> None:
    model, gpt = lively(Variant()), GPT(SMALL)
    gpt.load_state_dict(model.state_dict())
    tokens = torch.randint(11, (2, 12))
    assert torch.equal(model(tokens), gpt(tokens))


@each_variant
def test_a_cache_gives_the_same_logits_step_by_step(variant: Variant) -> None:
    model, cache = lively(variant), KVCache(2, 12)
    tokens = torch.randint(11, (2, 12))
    with torch.no_grad():
        steps = [model(tokens[:, start:end], cache) for start, end in ((0, 4), (4, 5), (5, 6), (6, 12))]
        torch.testing.assert_close(torch.cat(steps, dim=1), model(tokens), atol=1e-5, rtol=0)


@each_variant
def test_a_later_token_never_changes_an_earlier_score(variant: Variant) -> None:
    model = lively(variant)
    tokens = torch.randint(11, (2, 12))
    changed = tokens.clone()
    changed[:, 6:] = (changed[:, 6:] + 1) % 11
    before, after = model(tokens), model(changed)
    torch.testing.assert_close(after[:, :6], before[:, :6], atol=1e-6, rtol=0)
    assert not torch.allclose(after[:, 6:], before[:, 6:])


@each_variant
def test_it_starts_near_the_uniform_guess_and_learns_by_every_part(variant: Variant) -> None:
    torch.manual_seed(0)
    model = VariantGPT(SMALL, variant)
    assert {module.weight.std().item() > 0.1 for module in model.modules() if isinstance(module, nn.Linear)} == {False}
    tokens, targets = torch.randint(11, (2, 60, 12))
    loss = next_token_loss(model(tokens), targets)
    assert loss.item() == pytest.approx(torch.tensor(11.0).log().item(), abs=0.1)
    loss.backward()
    assert [name for name, p in model.named_parameters() if p.grad is None] == []


@each_variant
def test_it_writes(variant: Variant) -> None:
    model = lively(variant)
    written = generate_tokens(model, [3, 1], 8, temperature=0)
    assert written == generate_tokens(model, [3, 1], 8, temperature=0, use_cache=False)


def test_the_norm_is_llamas(transformers: Any) -> None:
    from transformers.models.llama.modeling_llama import LlamaRMSNorm

    model = lively(EVERY["rms norm"])
    ours = [module for module in model.modules() if isinstance(module, nn.RMSNorm)]
    assert len(ours) == 2 * SMALL.num_layers + 1
    assert not [module for module in model.modules() if isinstance(module, nn.LayerNorm)]
    theirs = LlamaRMSNorm(16, eps=1e-5)
    theirs.load_state_dict(ours[0].state_dict())
    x = 3 * torch.randn(2, 5, 16)
    torch.testing.assert_close(ours[0](x), theirs(x))


def test_all_parts_together_are_llama(transformers: Any) -> None:
    """A Llama of the same sizes, whose gate is always 1 and whose bend is ours, gives the same scores."""
    model = lively(Variant(rms_norm=True, rotary=True, num_groups=2))
    config = transformers.LlamaConfig(
        vocab_size=11,
        hidden_size=16,
        intermediate_size=12,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        attention_bias=True,
        mlp_bias=True,
        hidden_act="gelu_new",
        rms_norm_eps=1e-5,
        tie_word_embeddings=True,
    )
    theirs = transformers.LlamaForCausalLM(config).eval()
    ours = model.state_dict()
    with torch.no_grad():
        theirs.model.embed_tokens.weight.copy_(ours["token_embedding.weight"])
        theirs.model.norm.weight.copy_(ours["final_norm.weight"])
        for index, layer in enumerate(theirs.model.layers):
            own = {name.removeprefix(f"blocks.{index}."): tensor for name, tensor in ours.items()}
            layer.input_layernorm.weight.copy_(own["attention_norm.weight"])
            layer.post_attention_layernorm.weight.copy_(own["mlp_norm.weight"])
            for side in ("weight", "bias"):
                q, k, v = own[f"attention.query_key_value.{side}"].split([16, 8, 8])
                for name, part in (("q_proj", q), ("k_proj", k), ("v_proj", v)):
                    getattr(layer.self_attn.get_submodule(name), side).copy_(part)
                getattr(layer.self_attn.o_proj, side).copy_(own[f"attention.output.{side}"])
                getattr(layer.mlp.gate_proj, side).copy_(own[f"mlp.hidden.{side}"])
                getattr(layer.mlp.down_proj, side).copy_(own[f"mlp.output.{side}"])
            layer.mlp.up_proj.weight.zero_()
            layer.mlp.up_proj.bias.fill_(1.0)
        tokens = torch.randint(11, (2, 12))
        torch.testing.assert_close(model(tokens), theirs(tokens).logits, atol=1e-4, rtol=1e-4)


def test_learned_positions_end_and_rotary_ones_go_on() -> None:
    tokens = torch.randint(11, (1, 13))
    with pytest.raises(ValueError, match="13 tokens do not fit into a context of 12"):
        lively(EVERY["gpt-2"])(tokens)
    model = lively(EVERY["rotary"])
    assert "position_embedding.weight" not in model.state_dict()
    assert model(tokens).shape == (1, 13, 11)


def test_of_the_experts_a_token_meets_only_those_that_are_chosen() -> None:
    plain = VariantGPT(SMALL, Variant())
    assert used_parameters(plain) == sum(p.numel() for p in plain.parameters())
    mixture = VariantGPT(SMALL, Variant(num_experts=4, num_chosen=2))
    one = next(module for module in mixture.modules() if isinstance(module, Mixture)).experts[0]
    one_size = sum(p.numel() for p in one.parameters())
    router = 2 * (16 + 1) * 4
    assert sum(p.numel() for p in mixture.parameters()) == used_parameters(plain) + 2 * 3 * one_size + router
    assert used_parameters(mixture) == used_parameters(plain) + 2 * one_size + router
