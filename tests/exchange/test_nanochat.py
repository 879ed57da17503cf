"""The modern form for transformers: its NanoChat gives the same logits, and what others saved stays."""

from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from ties import agree_but_for_ties
from torch import nn

from gptbook.exchange.nanochat import nanochat_name, save_nanochat, turned_back
from gptbook.models.gpt import GPTConfig
from gptbook.models.modern import ModernGPT

SIZES = [
    GPTConfig(vocab_size=27, context_length=8, num_layers=1, num_heads=1, model_dim=8, mlp_dim=32),
    GPTConfig(vocab_size=11, context_length=6, num_layers=2, num_heads=4, model_dim=8, mlp_dim=5),
    GPTConfig(vocab_size=100, context_length=32, num_layers=3, num_heads=4, model_dim=48, mlp_dim=100),
    GPTConfig(vocab_size=300, context_length=64, num_layers=11, num_heads=2, model_dim=128, mlp_dim=512),
]
"""Heads of 8, 2, 12 and 64 numbers, and blocks with two digits."""


def stirred(config: GPTConfig) -> ModernGPT:
    """A model with random numbers everywhere: projections begin at 0, and what is 0 hides mistakes."""
    torch.manual_seed(0)
    model = ModernGPT(config)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.1 * torch.randn(parameter.shape))
    return model.eval()


@torch.no_grad()
def assert_same_logits(mine: ModernGPT, other: nn.Module) -> None:
    generator = torch.Generator().manual_seed(1)
    tokens = torch.randint(mine.config.vocab_size, (3, mine.config.context_length), generator=generator)
    logits = mine(tokens)
    assert logits.std() > 0.1
    torch.testing.assert_close(logits, other(tokens).logits, rtol=0, atol=1e-5)


@pytest.mark.parametrize("config", SIZES, ids=str)
def test_a_model_saved_here_gives_the_same_logits_in_transformers(
    config: GPTConfig, tmp_path: Path, transformers: Any
) -> None:
    model = stirred(config)
    save_nanochat(model, tmp_path / "mine")
    other, report = transformers.NanoChatForCausalLM.from_pretrained(tmp_path / "mine", output_loading_info=True)
    assert not any(report.values()), report
    assert_same_logits(model, other)
    assert sorted(path.name for path in (tmp_path / "mine").iterdir()) == ["config.json", "model.safetensors"]


def test_transformers_knows_by_itself_what_it_is(tmp_path: Path, transformers: Any) -> None:
    model = stirred(SIZES[1])
    save_nanochat(model, tmp_path)
    other = transformers.AutoModelForCausalLM.from_pretrained(tmp_path)
    assert isinstance(other, transformers.NanoChatForCausalLM)
    assert_same_logits(model, other)


@torch.no_grad()
def test_a_look_at_the_past_changes_nothing_there_either(tmp_path: Path, transformers: Any) -> None:
    """The likeliest tokens, one by one: transformers keeps keys and values, this model sees all each time."""
    model = stirred(SIZES[2])
    save_nanochat(model, tmp_path)
    other = transformers.NanoChatForCausalLM.from_pretrained(tmp_path)
    tokens = torch.tensor([[3, 1, 4]])
    theirs = other.generate(tokens, max_new_tokens=12, do_sample=False, attention_mask=torch.ones_like(tokens))
    for _ in range(12):
        tokens = torch.cat([tokens, model(tokens)[:, -1:].argmax(-1)], dim=1)
    assert agree_but_for_ties(model, [], tokens[0].tolist(), theirs[0].tolist())


def test_the_model_itself_stays_as_it_is(tmp_path: Path) -> None:
    model = stirred(SIZES[0])
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    save_nanochat(model, tmp_path)
    assert all(torch.equal(tensor, before[name]) for name, tensor in model.state_dict().items())


def test_the_other_way_of_turning_has_the_same_products() -> None:
    torch.manual_seed(0)
    query, key, x = torch.randn(8, 8), torch.randn(8, 8), torch.randn(8)
    for heads in (1, 2, 4):
        ours = (query @ x).unflatten(0, (heads, -1)) * (key @ x).unflatten(0, (heads, -1))
        turned = (turned_back(each, heads) @ x for each in (query, key))
        theirs = torch.stack([each.unflatten(0, (heads, -1)) for each in turned]).prod(0)
        torch.testing.assert_close(ours.sum(-1), theirs.sum(-1))
        assert torch.equal(turned_back(turned_back(query, heads), heads), query)


def test_every_tensor_has_a_name_of_its_own_there() -> None:
    names = [nanochat_name(name) for name in stirred(SIZES[3]).state_dict()]
    assert len(set(names)) == len(names)
    assert "model.layers.10.self_attn.q_proj.weight" in names


def test_saving_again_replaces_what_was_saved_here(tmp_path: Path, transformers: Any) -> None:
    save_nanochat(stirred(SIZES[1]), tmp_path)
    model = stirred(SIZES[0])
    save_nanochat(model, tmp_path)
    assert_same_logits(model, transformers.NanoChatForCausalLM.from_pretrained(tmp_path))


@pytest.mark.parametrize("content", ['{"model_type": "nanochat"}', ""])
def test_a_model_of_somebody_else_is_refused_and_kept(content: str, tmp_path: Path) -> None:
    (tmp_path / "model.safetensors").write_bytes(b"precious")
    if content:
        (tmp_path / "config.json").write_text(content)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    with pytest.raises(ValueError, match=r"holds a model that .* did not save, which stays as it is: choose another"):
        save_nanochat(stirred(SIZES[0]), tmp_path)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_a_weight_that_is_no_number_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    model = stirred(SIZES[0])
    with torch.no_grad():
        model.prediction.weight[0, 0] = float("nan")
    with pytest.raises(ValueError, match=r"prediction\.weight"):
        save_nanochat(model, tmp_path / "new")
    assert not (tmp_path / "new").exists()


def test_what_is_saved_is_float32_and_only_queries_and_keys_differ(tmp_path: Path) -> None:
    model = stirred(SIZES[2])
    save_nanochat(model, tmp_path)
    saved = load_file(tmp_path / "model.safetensors")
    for name, tensor in model.state_dict().items():
        there = saved[nanochat_name(name)]
        assert there.dtype == torch.float32
        is_changed = name.endswith(("query.weight", "key.weight"))
        assert torch.equal(there, tensor) is not is_changed
