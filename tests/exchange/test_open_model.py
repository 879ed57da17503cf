"""A small GPT-2 in a folder, as its makers lay it out, goes on from a text."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from tiny_models import CHARACTERS, PIECES, both_forms, both_tokenizers, small_gpt2, stirred

from gptbook.data.tokenizer_files import TextTokenizer
from gptbook.exchange.export import save_for_huggingface
from gptbook.exchange.open_model import open_pretrained
from gptbook.generation.generate import generate_tokens
from gptbook.generation.sampling import continue_text


def test_a_model_in_a_folder_goes_on_from_a_text_and_the_same_seed_writes_the_same(tmp_path: Path) -> None:
    model, tokenizer = open_pretrained(str(small_gpt2(tmp_path / "model")))
    first, second, other = (
        "".join(continue_text(model, tokenizer, "the cat", 12, generator=torch.Generator().manual_seed(seed)))
        for seed in (1, 1, 2)
    )
    assert first == second != other


def test_the_weights_file_alone_finds_what_lies_beside_it(tmp_path: Path) -> None:
    folder = small_gpt2(tmp_path / "model")
    by_file = open_pretrained(str(folder / "model.safetensors"))
    by_folder = open_pretrained(str(folder))
    said = ["".join(continue_text(*pair, "a dog", 5, temperature=0)) for pair in (by_file, by_folder)]
    assert said[0] == said[1]


def test_without_a_text_it_begins_one_or_a_line(tmp_path: Path) -> None:
    for end_of_text in (True, False):
        model, tokenizer = open_pretrained(str(small_gpt2(tmp_path / str(end_of_text), end_of_text=end_of_text)))
        end = tokenizer.vocab_size - 1 if end_of_text else None
        begun = tokenizer.encode("\n") if end is None else [end]
        wanted = tokenizer.decode(generate_tokens(model, begun, 5, temperature=0, stop_token=end))
        assert "".join(continue_text(model, tokenizer, "", 5, temperature=0)) == wanted


def test_a_tokenizer_of_another_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="tokenizer has 265 tokens and the model 300"):
        open_pretrained(str(small_gpt2(tmp_path / "model", vocab_size=300)))


def test_a_text_longer_than_the_context_is_gone_on_from_by_its_end(tmp_path: Path) -> None:
    model, tokenizer = open_pretrained(str(small_gpt2(tmp_path / "model")))
    long = "xyz " * 30
    begun = tokenizer.encode(long)[-model.config.context_length :]
    wanted = tokenizer.decode(generate_tokens(model, begun, 5, temperature=0))
    assert wanted.startswith("".join(continue_text(model, tokenizer, long, 5, temperature=0)))


def test_the_likeliest_alone_is_the_same_as_no_chance(tmp_path: Path) -> None:
    pair = open_pretrained(str(small_gpt2(tmp_path / "model")))
    best = "".join(continue_text(*pair, "a dog", 8, temperature=0))
    assert best == "".join(continue_text(*pair, "a dog", 8, top_k=1))
    assert best == "".join(continue_text(*pair, "a dog", 8, top_p=0.0))


WAYS: dict[str, Callable[[Any, Path], None]] = {
    "in one file": lambda model, folder: model.save_pretrained(folder),
    "in shards": lambda model, folder: model.save_pretrained(folder, max_shard_size="4KB"),
    "in float16": lambda model, folder: model.half().save_pretrained(folder),
    "in bfloat16": lambda model, folder: model.bfloat16().save_pretrained(folder),
}


@pytest.mark.parametrize("way", WAYS)
@both_forms
def test_what_transformers_writes_today_is_completed(form: str, way: str, tmp_path: Path, transformers: Any) -> None:
    """It writes tokenizer.json, and neither vocab.json nor merges.txt."""
    save_for_huggingface(stirred(form, PIECES.vocab_size), PIECES, tmp_path / "export")
    folder = tmp_path / "theirs"
    theirs = transformers.AutoModelForCausalLM.from_pretrained(tmp_path / "export")
    WAYS[way](theirs, folder)
    transformers.AutoTokenizer.from_pretrained(tmp_path / "export").save_pretrained(folder)
    names = {path.name for path in folder.iterdir()}
    assert names.isdisjoint({"vocab.json", "merges.txt"})
    assert (len([name for name in names if name.endswith(".safetensors")]) > 1) == (way == "in shards")
    model, tokenizer = open_pretrained(str(folder))
    assert "".join(continue_text(model, tokenizer, "to be", 5, temperature=0))
    for name, tensor in model.state_dict().items():
        assert tensor.dtype == torch.float32, name
    tokens = torch.tensor([tokenizer.encode("to be, or not")])
    with torch.no_grad():
        torch.testing.assert_close(model(tokens), theirs.float()(tokens).logits, rtol=0, atol=1e-4)


@both_forms
@both_tokenizers
def test_our_own_export_is_completed_as_the_model_itself_would(
    form: str, tokenizer: TextTokenizer, tmp_path: Path
) -> None:
    model = stirred(form, tokenizer.vocab_size)
    save_for_huggingface(model, tokenizer, tmp_path)
    text = "".join(continue_text(*open_pretrained(str(tmp_path)), "be", 8, temperature=0))
    begun = tokenizer.encode("be")
    stop = PIECES.vocab_size - 1 if tokenizer is PIECES else None
    wanted = generate_tokens(model, begun, 8, temperature=0, stop_token=stop)
    assert text == tokenizer.decode(wanted)


def change(path: Path, **changes: object) -> None:
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


SPOILED: dict[str, tuple[Callable[[Path], object], str]] = {
    "no tokenizer": (lambda folder: (folder / "tokenizer.json").unlink(), "has no tokenizer"),
    "no weights": (lambda folder: (folder / "model.safetensors").unlink(), "there is no file"),
    "another bend": (lambda folder: change(folder / "config.json", final_logit_softcapping=15.0), "softcapping"),
    "no size": (lambda folder: change(folder / "config.json", hidden_size=None), "hidden_size"),
    "other sizes": (lambda folder: change(folder / "config.json", intermediate_size=25), r"fc\d"),
    "more blocks": (lambda folder: change(folder / "config.json", num_hidden_layers=3), r"layers\.2"),
    "fewer blocks": (lambda folder: change(folder / "config.json", num_hidden_layers=1), r"layers\.1"),
    "other tokens": (lambda folder: PIECES.save(folder / "tokenizer.json"), "take the one it was trained with"),
    "another kind": (lambda folder: change(folder / "config.json", model_type="mamba"), "mamba"),
}


@pytest.mark.parametrize("spoiled", SPOILED)
def test_an_export_that_was_spoiled_is_refused_with_what_is_wrong(spoiled: str, tmp_path: Path) -> None:
    save_for_huggingface(stirred("modern", CHARACTERS.vocab_size), CHARACTERS, tmp_path)
    spoil, problem = SPOILED[spoiled]
    spoil(tmp_path)
    with pytest.raises(ValueError, match=problem) as caught:
        open_pretrained(str(tmp_path))
    assert "\n" not in str(caught.value)


def test_a_model_of_another_architecture_is_refused_by_its_name(tmp_path: Path, transformers: Any) -> None:
    sizes = {"hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}
    transformers.LlamaForCausalLM(transformers.LlamaConfig(vocab_size=30, **sizes)).save_pretrained(tmp_path)
    with pytest.raises(ValueError, match="llama"):
        open_pretrained(str(tmp_path))


def test_shards_of_which_one_is_missing_are_refused(tmp_path: Path, transformers: Any) -> None:
    save_for_huggingface(stirred("gpt-2", PIECES.vocab_size), PIECES, tmp_path / "export")
    transformers.AutoModelForCausalLM.from_pretrained(tmp_path / "export").save_pretrained(
        tmp_path / "new", max_shard_size="4KB"
    )
    lost = min((tmp_path / "new").glob("model-*"))
    lost.unlink()
    with pytest.raises(ValueError, match=lost.name):
        open_pretrained(str(tmp_path / "new"))
    (tmp_path / "new" / "model.safetensors.index.json").write_text('{"weight_map": {"a": "../../etc/passwd"}}')
    with pytest.raises(ValueError, match="does not say where"):
        open_pretrained(str(tmp_path / "new"))
