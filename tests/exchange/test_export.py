"""A trained model for elsewhere: the same scores and the same tokens there."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors import safe_open
from tiny_models import CHARACTERS, PIECES, TEXT, both_forms, both_tokenizers, stirred
from tokenizers import Tokenizer

from gptbook.data.bpe import BytePairTokenizer
from gptbook.data.merging import in_symbols
from gptbook.data.tokenizer_files import TextTokenizer, end_mark, end_token
from gptbook.exchange.export import WEB_FORMAT, load_exported_tokenizer, save_for_huggingface, save_for_web
from gptbook.exchange.nanochat import save_nanochat
from gptbook.generation.generate import generate_tokens
from gptbook.models.gpt import GPT, GPTConfig
from gptbook.models.modern import ModernGPT
from gptbook.models.speedrun import SpeedrunGPT


@both_forms
@both_tokenizers
@torch.no_grad()
def test_transformers_opens_the_folder_and_gives_the_same_logits(
    form: str, tokenizer: TextTokenizer, tmp_path: Path, transformers: Any
) -> None:
    model = stirred(form, tokenizer.vocab_size)
    save_for_huggingface(model, tokenizer, tmp_path)
    other = transformers.AutoModelForCausalLM.from_pretrained(tmp_path)
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


def save_directly(model: ModernGPT, tokenizer: TextTokenizer, folder: Path) -> None:
    save_nanochat(model, folder, end_token(tokenizer))


@pytest.mark.parametrize("save", [save_for_web, save_for_huggingface, save_directly])
def test_what_nothing_else_computes_is_refused_in_one_sentence_and_leaves_no_file(
    save: Callable[[ModernGPT, TextTokenizer, Path], object], tmp_path: Path
) -> None:
    sizes = {"context_length": 32, "num_layers": 2, "num_heads": 2, "model_dim": 16, "mlp_dim": 24}
    model = SpeedrunGPT(GPTConfig(vocab_size=CHARACTERS.vocab_size, **sizes))
    with pytest.raises(ValueError, match=r"^the speedrun form cannot be exported, .*: .*gpt2-124m-modern$"):
        save(model, CHARACTERS, tmp_path / "new")
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize("to", ["web", "huggingface"])
@both_forms
def test_a_model_that_has_failed_is_not_written(form: str, to: str, tmp_path: Path) -> None:
    model = stirred(form, CHARACTERS.vocab_size)
    with torch.no_grad():
        model.token_embedding.weight[1, 1] = float("inf")
    with pytest.raises(ValueError, match=r"(token_embedding|wte)\.weight in the model holds"):
        (save_for_web if to == "web" else save_for_huggingface)(model, CHARACTERS, tmp_path)
    assert list(tmp_path.iterdir()) == []


def ending(model: GPT | ModernGPT, tokens: list[int], end: int) -> int:
    """Exchange the end of a text with a token that the model writes soon; returns how many it writes before."""
    written = generate_tokens(model, tokens, 10, temperature=0)
    place = next(place for place in range(2, 10) if written[place] not in [*written[:place], *tokens, end])
    both, swapped = [written[place], end], [end, written[place]]
    with torch.no_grad():
        for name in ("token_embedding", "prediction"):
            if table := getattr(model, name, None):
                table.weight[both] = table.weight[swapped]
    return place


@both_forms
@both_tokenizers
def test_generate_writes_the_same_text_and_stops_where_ours_does(
    form: str, tokenizer: TextTokenizer, tmp_path: Path, transformers: Any
) -> None:
    end = end_token(tokenizer)
    tokens, num_new = tokenizer.encode("be"), 10
    for number in range(100):  # until a model writes what it has not written before
        model = stirred(form, tokenizer.vocab_size, number)
        try:
            num_new = 10 if end is None else ending(model, tokens, end)
            break
        except StopIteration:
            continue
    ours = generate_tokens(model, tokens, 12, temperature=0, stop_token=end)
    assert len(ours) == (12 if end is None else num_new)
    save_for_huggingface(model, tokenizer, tmp_path)
    their_tokenizer = transformers.AutoTokenizer.from_pretrained(tmp_path)
    given = their_tokenizer("be", return_tensors="pt")
    assert given.input_ids[0].tolist() == tokens
    theirs = transformers.AutoModelForCausalLM.from_pretrained(tmp_path).generate(
        **given, do_sample=False, max_new_tokens=12
    )
    text = their_tokenizer.decode(theirs[0], skip_special_tokens=True)
    assert text == tokenizer.decode([*tokens, *ours])
    assert (theirs[0, -1] == end) == (end is not None)


@both_tokenizers
def test_an_export_without_an_end_of_text_takes_back_the_one_of_the_export_before(
    tokenizer: TextTokenizer, tmp_path: Path, transformers: Any
) -> None:
    save_for_huggingface(stirred("gpt-2", PIECES.vocab_size), PIECES, tmp_path)
    save_for_huggingface(stirred("gpt-2", tokenizer.vocab_size), tokenizer, tmp_path)
    assert transformers.AutoTokenizer.from_pretrained(tmp_path).eos_token_id == end_token(tokenizer)
    assert transformers.AutoModelForCausalLM.from_pretrained(tmp_path).generation_config.eos_token_id == end_token(
        tokenizer
    )


@both_tokenizers
def test_an_exported_tokenizer_is_read_back_also_as_transformers_saves_it(
    tokenizer: TextTokenizer, tmp_path: Path, transformers: Any
) -> None:
    save_for_huggingface(stirred("gpt-2", tokenizer.vocab_size), tokenizer, tmp_path)
    transformers.AutoTokenizer.from_pretrained(tmp_path).save_pretrained(tmp_path / "again")
    for folder in (tmp_path, tmp_path / "again"):
        read = load_exported_tokenizer(folder / "tokenizer.json")
        assert type(read) is type(tokenizer)
        assert read.encode(TEXT) == tokenizer.encode(TEXT)


def test_letters_with_other_numbers_are_refused(tmp_path: Path) -> None:
    save_for_huggingface(stirred("gpt-2", CHARACTERS.vocab_size), CHARACTERS, tmp_path)
    path = tmp_path / "tokenizer.json"
    content = json.loads(path.read_text(encoding="utf-8"))
    content["model"]["vocab"]["b"], content["model"]["vocab"]["e"] = 1, 2
    path.write_text(json.dumps(content))
    with pytest.raises(ValueError, match="export the run again"):
        load_exported_tokenizer(path)


@both_forms
@both_tokenizers
def test_transformers_has_the_chat_template_and_stops_at_the_end_of_an_answer(
    form: str, tokenizer: TextTokenizer, tmp_path: Path, transformers: Any
) -> None:
    model, (end, mark) = stirred(form, tokenizer.vocab_size), end_mark(tokenizer)
    save_for_huggingface(model, tokenizer, tmp_path, "{{ bos_token }}{{ messages[0]['content'] }}{{ eos_token }}")
    theirs = transformers.AutoTokenizer.from_pretrained(tmp_path)
    row = theirs.apply_chat_template([{"role": "user", "content": "to be"}])["input_ids"]
    assert row == [end, *tokenizer.encode("to be"), end]
    assert (theirs.eos_token, theirs.eos_token_id) == (mark, end)
    other = transformers.AutoModelForCausalLM.from_pretrained(tmp_path)
    assert other.generation_config.eos_token_id == end
    save_for_huggingface(model, tokenizer, tmp_path)
    assert transformers.AutoTokenizer.from_pretrained(tmp_path).chat_template is None
