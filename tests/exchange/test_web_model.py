"""A file for a page of the book opens again as the model it was made of."""

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from tiny_models import CHARACTERS, PIECES, TEXT, both_forms, both_tokenizers, stirred

from gptbook.data.tokenizer_files import TextTokenizer
from gptbook.exchange.export import WEB_FILE, WEB_FORMAT, save_for_web
from gptbook.exchange.open_model import open_pretrained
from gptbook.exchange.web_model import load_web_model, web_facts


@both_forms
@both_tokenizers
def test_it_has_the_same_scores_and_tokens(form: str, tokenizer: TextTokenizer, tmp_path: Path) -> None:
    model = stirred(form, tokenizer.vocab_size)
    path = save_for_web(model, tokenizer, tmp_path, half=False)
    opened, letters = load_web_model(path)
    tokens = torch.arange(1, 13)[None]
    assert torch.equal(opened.eval()(tokens), model(tokens))
    assert letters.encode(TEXT) == tokenizer.encode(TEXT)
    assert letters.vocab_size == tokenizer.vocab_size


@both_forms
def test_file_or_folder_is_opened_and_float16_becomes_float32(form: str, tmp_path: Path) -> None:
    model = stirred(form, PIECES.vocab_size)
    path = save_for_web(model, PIECES, tmp_path / "web")
    for source in (path, tmp_path / "web"):
        opened, _ = open_pretrained(str(source))
        for name, tensor in opened.state_dict().items():
            assert torch.equal(tensor, model.state_dict()[name].half().float())


def test_any_other_file_says_nothing_of_itself(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("no tensors")
    save_file({"x": torch.zeros(1)}, tmp_path / "plain")
    assert [web_facts(tmp_path / name) for name in ("text", "plain", "none")] == [{}, {}, {}]


@pytest.mark.parametrize("change", ["form", "tokenizer", "config", "tensors", "letters"])
def test_what_is_no_gpt_or_was_changed_is_refused_in_a_sentence(change: str, tmp_path: Path) -> None:
    path = save_for_web(stirred("gpt-2", CHARACTERS.vocab_size), CHARACTERS, tmp_path)
    assert path.name == WEB_FILE
    about, tensors = dict(web_facts(path)), load_file(path)
    assert about["format"] == WEB_FORMAT
    match change:
        case "form":
            about["form"] = "ngram-net"
        case "tokenizer":
            del about["tokenizer"]
        case "config":
            about["config"] = json.dumps(json.loads(about["config"]) | {"model_dim": 18})
        case "tensors":
            del tensors["final_norm.bias"]
        case "letters":
            about["tokenizer"] = json.dumps({"kind": "characters", "characters": ["a"]})
    save_file(tensors, path, about)
    with pytest.raises(ValueError, match=r"holds no GPT with its tokenizer|was changed or damaged: export the run"):
        load_web_model(path)
