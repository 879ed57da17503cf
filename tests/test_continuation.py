"""A small GPT-2 in a folder, as its makers lay it out, goes on from a text."""

import json
from pathlib import Path

import pytest
import torch

from gptbook.bpe import BytePairTokenizer
from gptbook.continuation import continue_text, open_gpt2
from gptbook.gpt import GPT, GPTConfig
from gptbook.pretrained import save_gpt2

TEXTS = ["the cat sat on the mat", "the dog sat on the log", "a cat and a dog"] * 5


def small_gpt2(folder: Path, vocab_size: int | None = None, end_of_text: bool = True) -> Path:
    """A folder with random weights and a small tokenizer in GPT-2's two files."""
    tokenizer = BytePairTokenizer.learn(TEXTS, 256 + 8 + end_of_text, end_of_text=end_of_text)
    config = GPTConfig(
        vocab_size=vocab_size or tokenizer.vocab_size,
        context_length=32,
        num_layers=1,
        num_heads=2,
        model_dim=16,
        mlp_dim=64,
    )
    torch.manual_seed(0)
    save_gpt2(GPT(config), folder)
    tokenizer.save(folder / "tokenizer.json")
    saved = json.loads((folder / "tokenizer.json").read_text(encoding="utf-8"))["model"]
    (folder / "vocab.json").write_text(json.dumps(tokenizer.vocabulary), encoding="utf-8")
    merges = "\n".join(" ".join(pair) for pair in saved["merges"])
    (folder / "merges.txt").write_text(f"#version: 0.2\n{merges}\n", encoding="utf-8")
    return folder


def test_a_model_in_a_folder_goes_on_from_a_text_and_the_same_seed_writes_the_same(tmp_path: Path) -> None:
    model, tokenizer = open_gpt2(str(small_gpt2(tmp_path / "model")))
    text = "".join(continue_text(model, tokenizer, "the cat", 12, seed=1))
    assert text.startswith("the cat")
    assert len(text) > len("the cat")
    assert text == "".join(continue_text(model, tokenizer, "the cat", 12, seed=1))
    assert text != "".join(continue_text(model, tokenizer, "the cat", 12, seed=2))


def test_the_weights_file_alone_finds_what_lies_beside_it(tmp_path: Path) -> None:
    folder = small_gpt2(tmp_path / "model")
    by_file = open_gpt2(str(folder / "model.safetensors"))
    by_folder = open_gpt2(str(folder))
    said = ["".join(continue_text(*pair, "a dog", 5, temperature=0)) for pair in (by_file, by_folder)]
    assert said[0] == said[1]


def test_without_a_text_it_begins_one_where_there_is_a_token_for_that(tmp_path: Path) -> None:
    assert "".join(continue_text(*open_gpt2(str(small_gpt2(tmp_path / "model"))), "", 5))
    without = open_gpt2(str(small_gpt2(tmp_path / "other", end_of_text=False)))
    with pytest.raises(ValueError, match="no text to go on from"):
        list(continue_text(*without, "", 5))


def test_a_tokenizer_of_another_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="tokenizer has 265 tokens and the model 300"):
        open_gpt2(str(small_gpt2(tmp_path / "model", vocab_size=300)))


def test_a_text_longer_than_the_context_is_refused(tmp_path: Path) -> None:
    pair = open_gpt2(str(small_gpt2(tmp_path / "model")))
    with pytest.raises(ValueError, match="do not fit into a context of 32"):
        list(continue_text(*pair, "xyz " * 30, 5))


def test_the_likeliest_alone_is_the_same_as_no_chance(tmp_path: Path) -> None:
    pair = open_gpt2(str(small_gpt2(tmp_path / "model")))
    best = "".join(continue_text(*pair, "a dog", 8, temperature=0))
    assert best == "".join(continue_text(*pair, "a dog", 8, top_k=1, seed=3))
    assert best == "".join(continue_text(*pair, "a dog", 8, top_p=0.0, seed=4))
