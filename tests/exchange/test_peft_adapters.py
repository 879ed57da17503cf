"""Adapters that PEFT saved: merged they score as PEFT does, and those of another model are refused."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from tiny_models import PIECES, stirred

from gptbook.exchange.export import save_for_huggingface
from gptbook.exchange.open_model import open_pretrained
from gptbook.exchange.peft_adapters import ADAPTER_CONFIG, ADAPTER_WEIGHTS, holds_adapters, merge_peft_adapters
from gptbook.models.gpt import GPT, GPTConfig

TOKENS = torch.arange(1, 13)[None]
pytestmark = pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing` is deprecated:FutureWarning")


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, torch.Tensor]:
    """A folder with a GPT-2 and one with adapters for it, which have learned something; PEFT's scores."""
    from peft import LoraConfig, get_peft_model
    from transformers import GPT2LMHeadModel

    place = tmp_path_factory.mktemp("peft")
    save_for_huggingface(stirred("gpt-2", PIECES.vocab_size), PIECES, place / "base")
    model = GPT2LMHeadModel.from_pretrained(place / "base")
    config = LoraConfig(
        r=3, lora_alpha=5, target_modules=["c_attn", "c_fc"], fan_in_fan_out=True, task_type="CAUSAL_LM"
    )
    adapted = get_peft_model(model, config).eval()
    torch.manual_seed(0)
    with torch.no_grad():
        for name, parameter in adapted.named_parameters():
            if "lora_B" in name:
                parameter.normal_(std=0.2)
        scores = adapted(TOKENS).logits
    adapted.save_pretrained(place / "adapters")
    return place / "adapters", scores


@pytest.fixture
def adapters(saved: tuple[Path, torch.Tensor], tmp_path: Path) -> Path:
    """A copy of the folder, to change."""
    for path in saved[0].iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    return tmp_path


def changed(folder: Path, change: Callable[[dict[str, Any]], object]) -> Path:
    """The folder with other settings."""
    path = folder / ADAPTER_CONFIG
    settings = json.loads(path.read_text())
    change(settings)
    path.write_text(json.dumps(settings))
    return folder


def test_they_are_merged_into_the_model_that_they_name(saved: tuple[Path, torch.Tensor]) -> None:
    folder, scores = saved
    assert holds_adapters(folder)
    assert not holds_adapters(folder.parent / "base")
    model, tokenizer = open_pretrained(str(folder))
    torch.testing.assert_close(model(TOKENS), scores, rtol=1e-5, atol=1e-5)
    assert tokenizer.vocab_size == PIECES.vocab_size
    before, _ = open_pretrained(str(folder.parent / "base"))
    assert not torch.allclose(before(TOKENS), scores, atol=0.01)


def test_adapters_for_another_model_change_nothing(adapters: Path) -> None:
    for sizes in ({"model_dim": 32, "mlp_dim": 24}, {"num_layers": 1}):
        config = {"vocab_size": 30, "context_length": 16, "num_layers": 2, "num_heads": 2, "model_dim": 16}
        model = GPT(GPTConfig(**{**config, "mlp_dim": 24, **sizes}))
        before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
        with pytest.raises(ValueError, match=r"the adapters in .* are for another model: they have \(.*\) for h\."):
            merge_peft_adapters(model, adapters)
        assert all(torch.equal(before[name], tensor) for name, tensor in model.state_dict().items())


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda s: s.update(use_dora=True), "says use_dora = True, and plain LoRA has False: merge such adapters"),
        (lambda s: s.update(peft_type="IA3"), "says peft_type = 'IA3'"),
        (lambda s: s.update(rank_pattern={"c_fc": 9}), "says rank_pattern"),
        (lambda s: s.pop("r"), "states no r and lora_alpha"),
        (lambda s: s.update(r=4), "are for another model"),
        (lambda s: s.update(base_model_name_or_path=None), "does not say for which model the adapters are"),
        (lambda s: s.update(base_model_name_or_path="me/mine"), 'are for the model "me/mine", which is not here'),
    ],
)
def test_what_plain_lora_is_not_is_refused_in_a_sentence(
    adapters: Path, change: Callable[[dict[str, Any]], object], sentence: str
) -> None:
    with pytest.raises(ValueError, match=sentence):
        open_pretrained(str(changed(adapters, change)))


def test_adapters_that_name_themselves_are_refused(adapters: Path) -> None:
    folder = changed(adapters, lambda s: s.update(base_model_name_or_path=str(adapters)))
    with pytest.raises(ValueError, match="which is not here"):
        open_pretrained(str(folder))


def test_a_cut_or_missing_file_is_refused(adapters: Path) -> None:
    path = adapters / ADAPTER_WEIGHTS
    tensors = load_file(path)
    halves = {name: tensor for name, tensor in tensors.items() if "lora_A" in name}
    for content, sentence in ((halves, "has not both matrices"), ({}, "has not both matrices")):
        save_file(content, path)
        with pytest.raises(ValueError, match=sentence):
            open_pretrained(str(adapters))
    name = next(iter(tensors))
    save_file({**tensors, name: torch.full_like(tensors[name], torch.nan)}, path)
    with pytest.raises(ValueError, match="holds NaN or infinity"):
        open_pretrained(str(adapters))
    path.unlink()
    with pytest.raises(ValueError, match="there is no file"):
        open_pretrained(str(adapters))


def test_adapters_of_a_modern_model_are_refused(adapters: Path) -> None:
    save_for_huggingface(stirred("modern", PIECES.vocab_size), PIECES, adapters / "modern")
    folder = changed(adapters, lambda s: s.update(base_model_name_or_path=str(adapters / "modern")))
    with pytest.raises(ValueError, match="which is no GPT-2"):
        open_pretrained(str(folder))
