"""LoRA: what an adapter adds, that the rest is frozen, and that PEFT computes the same with the same adapters."""

import copy
from pathlib import Path
from typing import Any

import pytest
import torch
from tiny_models import stirred
from torch import nn

from gptbook.exchange.pretrained import foreign_name, save_gpt2
from gptbook.models.gpt import GPT, GPTConfig
from gptbook.models.lora import LoRALinear, add_adapters, merge_adapters
from gptbook.models.modern import ModernGPT
from gptbook.models.speedrun import SpeedrunGPT
from gptbook.training.loss import next_token_loss

forms = pytest.mark.parametrize("form", ["gpt-2", "modern", "speedrun"])
CONFIG = GPTConfig(vocab_size=30, context_length=16, num_layers=2, num_heads=2, model_dim=16, mlp_dim=24)
TOKENS = torch.arange(24).reshape(2, 12)


def model_of_form(form: str) -> GPT | ModernGPT:
    if form != "speedrun":
        return stirred(form, 30)
    torch.manual_seed(0)
    model = SpeedrunGPT(CONFIG)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.1 * torch.randn(parameter.shape))
    return model.eval()


def adapters(model: nn.Module) -> dict[str, LoRALinear]:
    return {name: module for name, module in model.named_modules() if isinstance(module, LoRALinear)}


def learned(model: nn.Module) -> None:
    """Let the adapters of a model have learned something, whatever it is."""
    torch.manual_seed(1)
    with torch.no_grad():
        for adapter in adapters(model).values():
            adapter.up.normal_(std=0.2)


def test_an_adapter_adds_the_product_of_its_two_matrices_times_alpha_over_rank() -> None:
    torch.manual_seed(0)
    layer = nn.Linear(5, 7)
    adapter = LoRALinear(layer, rank=2, alpha=6.0)
    x = torch.randn(3, 5)
    assert torch.equal(adapter(x), layer(x)), "it starts as the layer"
    with torch.no_grad():
        adapter.up.normal_()
    wanted = (layer.weight + 6.0 / 2 * adapter.up @ adapter.down) @ x.T + layer.bias[:, None]
    torch.testing.assert_close(adapter(x), wanted.T)
    torch.testing.assert_close(adapter.merged()(x), wanted.T)


@forms
def test_every_matrix_in_the_blocks_has_an_adapter_and_nothing_else_learns(form: str) -> None:
    model = model_of_form(form)
    matrices = {name for name, m in model.named_modules() if isinstance(m, nn.Linear) and name.startswith("blocks.")}
    before = model(TOKENS)
    add_adapters(model, 3, 6.0)
    assert torch.equal(model(TOKENS), before)
    assert set(adapters(model)) == matrices
    moved = {name for name, parameter in model.named_parameters() if parameter.requires_grad}
    assert moved == {f"{name}.{part}" for name in matrices for part in ("down", "up")}


@forms
def test_merged_it_is_a_plain_model_with_the_same_scores(form: str) -> None:
    model = model_of_form(form)
    names = list(model.state_dict())
    before = model(TOKENS)
    add_adapters(model, 3, 6.0)
    learned(model)
    beside = model(TOKENS)
    assert not torch.allclose(beside, before, atol=0.01)
    merge_adapters(model)
    assert list(model.state_dict()) == names
    assert all(parameter.requires_grad for parameter in model.parameters())
    torch.testing.assert_close(model(TOKENS), beside, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("rank", [0, 16, 99])
def test_a_rank_that_saves_nothing_is_refused(rank: int) -> None:
    with pytest.raises(ValueError, match=f"the rank is {rank}: give 1 to 15"):
        add_adapters(stirred("gpt-2", 30), rank, 1.0)


def same_in_peft(ours: GPT, folder: Path, rank: int, alpha: float) -> Any:
    """The same model with the same adapters, as PEFT computes it."""
    from peft import LoraConfig, get_peft_model
    from transformers import GPT2LMHeadModel

    plain = copy.deepcopy(ours)
    merge_adapters(plain)  # its adapters have learned nothing yet
    save_gpt2(plain, folder)
    targets = ["c_attn", "c_proj", "c_fc"]
    config = LoraConfig(r=rank, lora_alpha=alpha, target_modules=targets, fan_in_fan_out=True, task_type="CAUSAL_LM")
    return get_peft_model(GPT2LMHeadModel.from_pretrained(folder), config).eval()


@pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing` is deprecated:FutureWarning")  # PEFT asks for it
def test_peft_has_the_same_scores_and_slopes_with_the_same_adapters(tmp_path: Path) -> None:
    ours = stirred("gpt-2", 30)
    assert isinstance(ours, GPT)
    add_adapters(ours, 4, 12.0)
    theirs = same_in_peft(ours, tmp_path, 4, 12)
    learned(ours)
    pairs = []
    for name, adapter in adapters(ours).items():
        place = foreign_name(f"{name}.weight").removesuffix(".weight")
        layer = theirs.get_submodule(f"base_model.model.transformer.{place}")
        pairs += [(adapter.down, layer.lora_A["default"].weight), (adapter.up, layer.lora_B["default"].weight)]
    with torch.no_grad():
        for mine, other in pairs:
            other.copy_(mine)
    torch.testing.assert_close(ours(TOKENS), theirs(TOKENS).logits, rtol=1e-5, atol=1e-5)
    targets = TOKENS.roll(-1, 1)
    next_token_loss(ours(TOKENS), targets).backward()
    next_token_loss(theirs(TOKENS).logits, targets).backward()
    for mine, other in pairs:
        torch.testing.assert_close(mine.grad, other.grad, rtol=1e-4, atol=1e-6)
    assert sum(p.numel() for p in ours.parameters() if p.requires_grad) == theirs.get_nb_trainable_parameters()[0]
    merge_adapters(ours)
    torch.testing.assert_close(ours(TOKENS), theirs.merge_and_unload()(TOKENS).logits, rtol=1e-5, atol=1e-5)
