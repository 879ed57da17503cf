"""What a chapter publishes for its live piece: files that open again with the same numbers, when they are asked for."""

import json
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file
from torch import nn

from bookbuild.live import FOLDER_VARIABLE, FORMAT, FORMS, Chance, publish, publish_model
from gptbook.data.tokenizer import CharacterTokenizer, WordTokenizer
from gptbook.exchange.export import WEB_FORMAT
from gptbook.models.attention import AttentionModel
from gptbook.models.classifier import IrisNet
from gptbook.models.gpt import GPT, GPTConfig
from gptbook.models.modern import ModernGPT
from gptbook.models.ngram import NgramNet

CONFIG = GPTConfig(vocab_size=4, context_length=6, num_layers=1, num_heads=2, model_dim=8, mlp_dim=8)
LETTERS = CharacterTokenizer("abc")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv(FOLDER_VARIABLE, str(tmp_path))
    return tmp_path


def metadata(path: Path) -> dict[str, str]:
    with safe_open(path, "pt") as file:
        return dict(file.metadata())


@pytest.mark.parametrize(
    ("model", "form"),
    [
        (GPT(CONFIG), "gpt-2"),
        (ModernGPT(CONFIG), "modern"),
        (NgramNet(4, 2, 8, 8), "ngram-net"),
        (AttentionModel(4, 8, 2), "attention"),
        (IrisNet(), "iris"),
    ],
)
def test_a_published_model_opens_with_the_same_numbers(folder: Path, model: nn.Module, form: str) -> None:
    publish_model("it", model, LETTERS)
    tensors = load_file(folder / "it.safetensors")
    assert tensors.keys() == model.state_dict().keys()
    assert all(torch.equal(tensors[name], tensor) for name, tensor in model.state_dict().items())
    about = metadata(folder / "it.safetensors")
    assert (about["format"], about["form"]) == (FORMAT, form)
    assert json.loads(about["tokenizer"]) == {"kind": "characters", "characters": "abc"}
    assert form in FORMS.values()


def test_it_is_the_format_that_the_command_line_exports() -> None:
    assert FORMAT == WEB_FORMAT


def test_half_the_bytes_unless_that_would_show(folder: Path) -> None:
    torch.manual_seed(0)
    model = GPT(CONFIG)
    publish_model("whole", model, LETTERS)
    publish_model("half", model, LETTERS, half=True)
    whole, half = ((folder / f"{name}.safetensors").stat().st_size for name in ("whole", "half"))
    assert half < 0.75 * whole
    with torch.no_grad():
        model.token_embedding.weight.mul_(1000)  # scores in the hundreds: the third digit counts
    with pytest.raises(ValueError, match="half precision changes a score by"):
        publish_model("wild", model, LETTERS, half=True)
    assert not (folder / "wild.safetensors").exists()


def test_tables_words_and_values(folder: Path) -> None:
    publish_model("table", torch.eye(3), WordTokenizer(["my", "cat"]))
    assert load_file(folder / "table.safetensors")["probabilities"].tolist() == torch.eye(3).tolist()
    assert json.loads(metadata(folder / "table.safetensors")["tokenizer"]) == {"kind": "words", "words": ["my", "cat"]}
    publish("opening", {"é": [1, 0.5]})
    assert (folder / "opening.json").read_text(encoding="utf-8") == '{"é":[1,0.5]}'
    with pytest.raises(ValueError, match="JSON compliant"):
        publish("broken", float("nan"))
    with pytest.raises(ValueError, match="no page can run a Linear"):
        publish_model("linear", nn.Linear(2, 2))


def test_a_chapter_run_as_a_script_writes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(FOLDER_VARIABLE, raising=False)
    monkeypatch.chdir(tmp_path)
    publish("opening", 1)
    publish_model("net", NgramNet(4, 2, 8, 8), LETTERS)
    assert list(tmp_path.iterdir()) == []


def test_chance_is_even_and_draws_each_place_as_often_as_it_is_likely() -> None:
    chance = Chance(7)
    numbers = torch.tensor([chance.random() for _ in range(20_000)])
    assert numbers.min() >= 0
    assert numbers.max() < 1
    assert abs(numbers.mean().item() - 0.5) < 0.01
    assert Chance(7).random() == pytest.approx(numbers[0].item())
    assert Chance(8).random() != pytest.approx(numbers[0].item())
    shares = torch.tensor([0.5, 0.0, 0.2, 0.3])
    drawn = torch.bincount(torch.tensor([chance.draw(shares) for _ in range(20_000)]), minlength=4) / 20_000
    assert drawn[1] == 0
    assert (drawn - shares).abs().max() < 0.015
