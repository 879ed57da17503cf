"""What a model writes from the command line, and how a tokenizer cuts."""

from pathlib import Path

import pytest
import torch
from command_line import refused, written
from small import TEXT, finished_pieces_run, finished_text_run, text_commands

from gptbook.data.tokenizer import CharacterTokenizer
from gptbook.data.tokenizer_files import end_token, first_token
from gptbook.generation.sampling import stream_tokens
from gptbook.tasks.open_run import load_text_model


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    return text_commands(tmp_path, monkeypatch)


@pytest.fixture
def run(folder: Path) -> Path:
    return finished_text_run()


@pytest.fixture
def pieces_run(folder: Path) -> Path:
    return finished_pieces_run()


def test_a_text_begins_with_the_prompt_and_has_as_many_tokens_as_asked_for(
    run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    said = written(["sample", str(run), "--prompt", "a sees", "--tokens", "40"], capsys)
    model, tokenizer = load_text_model(run)
    generator = torch.Generator().manual_seed(0)
    expected = list(stream_tokens(model, tokenizer.encode("a sees"), 40, generator=generator))
    assert said == "a sees" + tokenizer.decode(expected) + "\n"


def test_the_same_seed_writes_the_same_and_another_something_else(
    run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first, again, other = (written(["sample", str(run), "--seed", seed], capsys) for seed in "112")
    assert first == again != other


def test_without_a_prompt_it_writes_300_tokens_as_at_the_beginning_of_a_line(
    run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model, tokenizer = load_text_model(run)
    said = written(["sample", str(run), "--temperature", "0"], capsys)
    expected = list(stream_tokens(model, [first_token(tokenizer)], 300, temperature=0))
    assert tokenizer.decode([first_token(tokenizer)]) == "\n"
    assert said == tokenizer.decode(expected) + "\n"


def test_the_likeliest_alone_is_what_temperature_0_takes(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["sample", str(run), "--prompt", "b", "--tokens", "30"]
    likeliest = written([*words, "--temperature", "0"], capsys)
    assert likeliest == written([*words, "--top-k", "1"], capsys)
    assert likeliest == written([*words, "--top-p", "0.0001"], capsys)
    assert likeliest != written(words, capsys)


def test_several_texts_are_apart_and_the_first_is_the_one_that_comes_alone(
    run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["sample", str(run), "--prompt", "c", "--tokens", "12"]
    alone, three = written(words, capsys), written([*words, "--count", "3"], capsys)
    texts = three.split("-" * 40 + "\n")
    assert len(texts) == 3
    assert texts[0] == alone
    assert len(set(texts)) > 1


def test_a_prompt_longer_than_the_context_is_gone_on_from_by_its_end(
    run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["--temperature", "0", "--tokens", "8"]
    long, short = (
        written(["sample", str(run), "--prompt", start + TEXT[:16], *words], capsys) for start in (TEXT[:30], "")
    )
    assert long.removeprefix(TEXT[:30]) == short


def test_byte_pairs_write_whole_letters_only(pieces_run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model, tokenizer = load_text_model(pieces_run)
    said = written(["sample", str(pieces_run), "--prompt", "a", "--tokens", "200"], capsys)
    generator = torch.Generator().manual_seed(0)
    expected = list(stream_tokens(model, tokenizer.encode("a"), 200, generator=generator))
    assert said == "a" + tokenizer.decode(expected) + "\n"
    assert end_token(tokenizer) is None
    assert tokenizer.decode([first_token(tokenizer)]) == "\n"


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--prompt", "a Z"], '"Z", character 3 of "a Z", is not in the alphabet'),
        (["--tokens", "0"], '--tokens is "0": give a whole number, 1 to'),
        (["--temperature", "-1"], '--temperature is "-1": give 0 or more'),
        (["--top-k", "0"], '--top-k is "0": give'),
        (["--top-p", "1.5"], '--top-p is "1.5": give a share'),
        (["--count", "0"], '--count is "0": give a whole number, 1 to'),
        (["--seed", "-1"], '--seed is "-1": give a whole number, 0 to'),
    ],
)
def test_a_wish_for_writing_that_cannot_be_is_one_sentence(
    words: list[str], sentence: str, run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert sentence in refused(["sample", str(run), *words], capsys)


def test_a_text_without_lines_begins_with_its_first_letter() -> None:
    assert first_token(CharacterTokenizer("abc")) == 1
    assert first_token(CharacterTokenizer("\nabc")) == 1
    assert first_token(CharacterTokenizer("abc\n")) == 4
