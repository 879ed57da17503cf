"""A trained model for elsewhere: the same scores and the same tokens there."""

import json
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from tokenizers import Tokenizer
from transformers import AutoModelForCausalLM
from transformers.utils import logging

from gptbook.bpe import BytePairTokenizer
from gptbook.corpus import TextTokenizer
from gptbook.export import WEB_FORMAT, save_for_huggingface, save_for_web
from gptbook.gpt import GPT, GPTConfig
from gptbook.merging import in_symbols
from gptbook.modern import ModernGPT
from gptbook.tokenizer import CharacterTokenizer

logging.set_verbosity_error()
logging.disable_progress_bar()

TEXT = 'To be, or not:\n\n"to be" — é ß 京\t  that is\r\nthe question.\n'
CHARACTERS = CharacterTokenizer.from_texts([TEXT])
PIECES = BytePairTokenizer.learn([TEXT], 280, end_of_text=True)
FORMS = {"gpt-2": GPT, "modern": ModernGPT}
both_forms = pytest.mark.parametrize("form", FORMS)
both_tokenizers = pytest.mark.parametrize("tokenizer", [CHARACTERS, PIECES], ids=["characters", "pieces"])


def stirred(form: str, vocab_size: int) -> GPT | ModernGPT:
    """A small model with random numbers everywhere."""
    torch.manual_seed(0)
    config = GPTConfig(vocab_size=vocab_size, context_length=16, num_layers=2, num_heads=2, model_dim=16, mlp_dim=24)
    model: GPT | ModernGPT = FORMS[form](config)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.1 * torch.randn(parameter.shape))
    return model.eval()


@both_forms
@both_tokenizers
@torch.no_grad()
def test_transformers_opens_the_folder_and_gives_the_same_logits(
    form: str, tokenizer: TextTokenizer, tmp_path: Path
) -> None:
    model = stirred(form, tokenizer.vocab_size)
    save_for_huggingface(model, tokenizer, tmp_path)
    other = AutoModelForCausalLM.from_pretrained(tmp_path)
    tokens = torch.tensor([tokenizer.encode(TEXT)[:16]])
    torch.testing.assert_close(model(tokens), other(tokens).logits, rtol=0, atol=1e-5)
    assert model(tokens).std() > 0.05


@both_tokenizers
def test_the_library_tokenizers_splits_as_we_do_and_puts_together_again(
    tokenizer: TextTokenizer, tmp_path: Path
) -> None:
    save_for_huggingface(stirred("modern", tokenizer.vocab_size), tokenizer, tmp_path)
    theirs = Tokenizer.from_file(str(tmp_path / "tokenizer.json"))
    assert theirs.get_vocab_size() == tokenizer.vocab_size
    for text in (TEXT, "", "\n", "\n\n\n", " ", "to be\nthat"):
        ids = tokenizer.encode(text)
        assert theirs.encode(text).ids == ids
        assert theirs.decode(ids) == text


def test_a_letter_that_the_model_does_not_know_is_the_mark_there(tmp_path: Path) -> None:
    save_for_huggingface(stirred("modern", CHARACTERS.vocab_size), CHARACTERS, tmp_path)
    assert Tokenizer.from_file(str(tmp_path / "tokenizer.json")).encode("bZ").ids[1] == 0


def test_another_export_into_the_same_folder_replaces_the_tokenizer(tmp_path: Path) -> None:
    for tokenizer in (CHARACTERS, PIECES, CHARACTERS):
        save_for_huggingface(stirred("modern", tokenizer.vocab_size), tokenizer, tmp_path)
        theirs = Tokenizer.from_file(str(tmp_path / "tokenizer.json"))
        assert theirs.encode(TEXT).ids == tokenizer.encode(TEXT)


@both_forms
@both_tokenizers
@pytest.mark.parametrize("half", [True, False])
def test_the_file_for_the_web_holds_all_that_a_page_needs(
    form: str, tokenizer: TextTokenizer, half: bool, tmp_path: Path
) -> None:
    model = stirred(form, tokenizer.vocab_size)
    path = save_for_web(model, tokenizer, tmp_path / "new" / "folder", half)
    with safe_open(path, "pt") as file:
        about = file.metadata()
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    assert about["format"] == WEB_FORMAT
    assert about["form"] == form
    assert GPTConfig(**json.loads(about["config"])) == model.config
    assert tensors.keys() == model.state_dict().keys()
    for name, tensor in model.state_dict().items():
        assert tensors[name].dtype == (torch.float16 if half else torch.float32)
        assert torch.equal(tensors[name], tensor.half() if half else tensor)
    described = json.loads(about["tokenizer"])
    if isinstance(tokenizer, BytePairTokenizer):
        assert described["kind"] == "pieces"
        assert described["end_of_text"] is True
        assert [tuple(pair) for pair in described["merges"]] == [
            (in_symbols(left), in_symbols(right)) for left, right in tokenizer.merges
        ]
    else:
        assert described == {"kind": "characters", "characters": tokenizer.characters}


def test_half_the_precision_is_half_the_file(tmp_path: Path) -> None:
    model = stirred("modern", CHARACTERS.vocab_size)
    sizes = [save_for_web(model, CHARACTERS, tmp_path / str(half), half).stat().st_size for half in (True, False)]
    numbers = sum(parameter.numel() for parameter in model.parameters())
    assert sizes[1] - sizes[0] == pytest.approx(2 * numbers, abs=100)


@pytest.mark.parametrize("half", [True, False])
def test_a_number_too_large_for_float16_is_refused_only_there(half: bool, tmp_path: Path) -> None:
    model = stirred("modern", CHARACTERS.vocab_size)
    with torch.no_grad():
        model.prediction.weight[0, 0] = 70_000.0
    if half:
        with pytest.raises(ValueError, match=r"prediction\.weight holds numbers too large for float16: give --prec"):
            save_for_web(model, CHARACTERS, tmp_path, half)
        assert list(tmp_path.iterdir()) == []
    else:
        assert save_for_web(model, CHARACTERS, tmp_path, half).is_file()


@pytest.mark.parametrize("to", ["web", "huggingface"])
@both_forms
def test_a_model_that_has_failed_is_not_written(form: str, to: str, tmp_path: Path) -> None:
    model = stirred(form, CHARACTERS.vocab_size)
    with torch.no_grad():
        model.token_embedding.weight[1, 1] = float("inf")
    with pytest.raises(ValueError, match=r"(token_embedding|wte)\.weight in the model holds"):
        (save_for_web if to == "web" else save_for_huggingface)(model, CHARACTERS, tmp_path)
    assert list(tmp_path.iterdir()) == []
