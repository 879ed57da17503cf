"""Every option of every form of every command: it has an effect, or is refused by its name."""

import argparse
from pathlib import Path

import pytest
from command_line import refused
from small import EXACT, NAMES, text_commands
from tiny_models import small_gpt2

from gptbook.cli.forms import COMMAND_FORMS, check_form
from gptbook.cli.parser import build_parser, main

VALUES = {
    "patience": ["2"],
    "context_length": ["12"],
    "layers": ["2"],
    "heads": ["1"],
    "width": ["8"],
    "batch_size": ["2"],
    "dropout": ["0.5"],
    "learning_rate": ["0.01"],
    "last": [],
    "run_dir": ["elsewhere"],
    "seed": ["7"],
    "steps": ["3"],
    "names": ["towns.csv"],
    "column": ["town"],
    "text": ["own.txt"],
    "data": ["own.txt"],
    "device": ["cpu"],
    "precision": ["float32"],
    "rows_at_once": ["2"],
    "rate_scale": ["0.5"],
    "compile": [],
    "tensorboard": [],
    "price": ["99"],
    "gpu": ["h100"],
    "gpus": ["2"],
    "start": ["a"],
    "count": ["3"],
    "tokens": ["9"],
    "temperature": ["0.5"],
    "top_k": ["2"],
    "top_p": ["0.5"],
    "out": ["elsewhere"],
    "tokenizer": ["characters"],
    "vocab_size": ["270"],
    "glob": ["*.md"],
    "field": ["text"],
    "from": ["model"],
    "lora_rank": ["2"],
    "lora_alpha": ["4"],
    "system": ["Be brief."],
}
PAIRS = [
    (command, form, option)
    for command, forms in COMMAND_FORMS.items()
    for form in forms
    for option in sorted({name for each in forms.values() for name in each.options})
]


def given(option: str) -> list[str]:
    """An option as it is typed, with a value that is not the usual one."""
    return [f"--{option.replace('_', '-')}", *VALUES[option]]


def parser_of(command: str) -> argparse.ArgumentParser:
    """The parser of a command, or of one of its actions."""
    parser: argparse.ArgumentParser = build_parser()
    for word in command.split():
        (commands,) = (a for a in parser._actions if isinstance(a.choices, dict))
        parser = dict(commands.choices or {})[word]
    return parser


@pytest.mark.parametrize("command", COMMAND_FORMS)
def test_the_table_has_every_option_of_the_command_and_no_other(command: str) -> None:
    optional = {
        action.dest: action.default
        for action in parser_of(command)._actions
        if action.option_strings and action.dest != "help" and not action.required
    }
    assert set(optional) == {name for form in COMMAND_FORMS[command].values() for name in form.options}
    assert set(optional.values()) == {None}, "or nobody could tell whether it was given"


@pytest.mark.parametrize(("command", "form", "option"), PAIRS)
def test_an_option_is_taken_or_refused_by_its_name(command: str, form: str, option: str) -> None:
    options = argparse.Namespace(**{option: 0})  # what counts as nothing elsewhere
    if option in COMMAND_FORMS[command][form].options:
        check_form(options, command, form)
        return
    with pytest.raises(ValueError, match=f"takes no --{option.replace('_', '-')}, which is for .*: leave it out"):
        check_form(options, command, form, "this")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Path:
    """A folder with a list of names, a text, a run on each, and a small GPT-2."""
    text_commands(tmp_path, monkeypatch)
    Path("towns.csv").write_text("town,people\n" + "".join(f"{name},7\n" for name in NAMES))
    small_gpt2(tmp_path / "model")
    names = ["--names", "towns.csv", "--column", "town"]
    assert main(["train", "city-bigram", *names, "--steps", "5", "--run-dir", "names"]) == 0
    assert main(["train", "laptop", "--data", "own.txt", *EXACT, "--run-dir", "text"]) == 0
    assert main(["train", "iris", "--steps", "2", "--run-dir", "flowers"]) == 0
    capsys.readouterr()
    return tmp_path


COMMANDS = {
    ("train", "ngrams"): ["train", "city-bigram", "--steps", "2"],
    ("train", "names"): ["train", "city-gpt", "--steps", "2"],
    ("train", "tokenizer"): ["train", "docstrings-bpe"],
    ("train", "text"): ["train", "laptop", "--data", "own.txt"],
    ("train", "assistant"): ["train", "assistant", "--data", "own.txt"],
    ("train", "flowers"): ["train", "iris", "--steps", "2"],
    ("train", "clubs"): ["train", "clubs-attention", "--steps", "2"],
    ("train", "window"): ["train", "clubs-8gram", "--steps", "2"],
    ("estimate", "gpu"): ["estimate", "laptop", "--gpu", "t4"],
    ("estimate", "here"): ["estimate", "laptop"],
    ("sample", "text"): ["sample", "text", "--tokens", "40"],
    ("sample", "likeliest"): ["sample", "text", "--temperature", "0"],
    ("sample", "names"): ["sample", "names"],
    ("chat", "text"): ["chat", "text"],
    ("chat", "likeliest"): ["chat", "text", "--temperature", "0"],
    ("complete", "text"): ["complete", "model", "--start", "the"],
    ("complete", "likeliest"): ["complete", "model", "--start", "the", "--temperature", "0"],
    ("evaluate", "names"): ["evaluate", "names"],
    ("evaluate", "text"): ["evaluate", "text"],
    ("evaluate", "other"): ["evaluate", "flowers"],
    ("export", "huggingface"): ["export", "text", "--to", "huggingface"],
    ("export", "gguf"): ["export", "text", "--to", "gguf"],
    ("export", "web"): ["export", "text", "--to", "web"],
    ("data prepare", "table"): ["data", "prepare", "iris"],
    ("data prepare", "web"): ["data", "prepare", "fineweb"],
    ("data prepare", "text"): ["data", "prepare", "own.txt"],
    ("data prepare", "fixed"): ["data", "prepare", "own.txt", "--tokenizer", "characters"],
}


def test_every_form_refuses_each_other_option_before_it_does_anything(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert set(COMMANDS) == {(command, form) for command, form, _ in PAIRS}
    before = {path: path.is_dir() or path.read_bytes() for path in folder.rglob("*")}
    for command, form, option in PAIRS:
        words = COMMANDS[command, form]
        if option not in COMMAND_FORMS[command][form].options and (form, option) != ("here", "gpu"):
            said = refused([*words, *given(option)], capsys)
            assert f"takes no --{option.replace('_', '-')}" in said, (words, option)
    assert {path: path.is_dir() or path.read_bytes() for path in folder.rglob("*")} == before


EFFECTS = [("sample", "text"), ("sample", "names"), ("sample", "likeliest"), ("estimate", "gpu"), ("complete", "text")]


@pytest.mark.usefixtures("folder")
def test_each_option_that_writes_or_reckons_changes_what_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    for command, form in EFFECTS:
        words = COMMANDS[command, form]
        assert main(words) == 0
        usual = capsys.readouterr().out
        for option in COMMAND_FORMS[command][form].options:
            if option in ("glob", "field", "last", "heads"):
                continue  # of folders, of JSON Lines, of a best that is not the last, of widths: tested with those
            if (command, option) == ("estimate", "gpus") or given(option)[0] not in words:
                assert main([*words, *given(option)]) == 0
                assert capsys.readouterr().out != usual, (words, option)


@pytest.mark.usefixtures("folder")
def test_each_option_of_a_text_run_changes_what_is_printed_or_saved(capsys: pytest.CaptureFixture[str]) -> None:
    words = ["train", "laptop", "--data", "own.txt"]
    assert main([*words, *EXACT, "--run-dir", "usual"]) == 0
    for option in ("seed", "steps", "rate_scale", "precision", "rows_at_once", "tensorboard"):
        changed_by = ["--precision", "bfloat16"] if option == "precision" else [*EXACT, *given(option)]
        assert main([*words, *changed_by, "--run-dir", option]) == 0
        usual, changed = content_of(Path("usual")), content_of(Path(option))
        assert changed != usual, option


def content_of(run_dir: Path) -> dict[str, bytes]:
    """The files of a run, without the times that it took."""
    files = {path.name.partition("-")[0]: b"" for path in run_dir.iterdir()}
    return files | {name: (run_dir / name).read_bytes() for name in ("checkpoint.json", "curve.csv")}
