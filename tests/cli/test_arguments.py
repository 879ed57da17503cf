"""Numbers in their range, choices in any spelling, and the option that was meant."""

import os

import pytest

from gptbook.cli.arguments import SentenceParser, typed_text
from gptbook.cli.parser import build_parser, main

BAD_NUMBERS = ["nan", "inf", "1e999", "-1", "-inf", "many", "", "9" * 5000, "1.5e400", "0x10"]


def numeric_options() -> list[tuple[str, str]]:
    """Every (command, option) that takes a number, asked of the parser itself."""
    found = []
    (commands,) = (a for a in build_parser()._actions if isinstance(a.choices, dict))
    parsers = {**dict(commands.choices or {})}
    (actions,) = (a for a in parsers.pop("data")._actions if isinstance(a.choices, dict))
    parsers |= {f"data {word}": parser for word, parser in dict(actions.choices or {}).items()}
    for command, parser in parsers.items():
        for action in parser._actions:
            if getattr(action.type, "__name__", "") == "number":
                found.append((command, action.option_strings[0]))
    return found


def test_the_numeric_options_are_all_found() -> None:
    names = {option for _, option in numeric_options()}
    assert names >= {"--steps", "--seed", "--count", "--price", "--gpus", "--rows-at-once", "--rate-scale"}
    assert names >= {"--tokens", "--temperature", "--top-k", "--top-p", "--vocab-size"}


@pytest.mark.parametrize(("command", "option"), numeric_options())
def test_what_is_no_number_in_range_is_refused_by_the_options_name(
    command: str, option: str, capsys: pytest.CaptureFixture[str]
) -> None:
    for word in BAD_NUMBERS:
        assert main([*command.split(), "x", f"{option}={word}"]) == 2
        said = capsys.readouterr().err
        assert said.startswith(f"gptbook: {option} is ")
        assert said.endswith(f"gptbook {command} --help explains\n")
        assert said.count("\n") == 1
        assert len(said) < 250


@pytest.mark.parametrize(
    ("words", "meant", "help_of"),
    [
        (["trian"], '"train"', "gptbook"),
        (["data", "prepaer"], '"prepare"', "gptbook data"),
        (["train", "iris", "--sed", "1"], '"--seed"', "gptbook train"),
        (["train", "--sed", "1", "iris"], '"--seed"', "gptbook train"),
        (["sample", "run", "--temprature=1"], '"--temperature"', "gptbook sample"),
        (["data", "prepare", "x", "--vocabsize", "300"], '"--vocab-size"', "gptbook data prepare"),
        (["export", "run", "--to", "hugingface"], '"huggingface"', "gptbook export"),
        (["data", "prepare", "x", "--tokenizer", "charcters"], '"characters"', "gptbook data prepare"),
        (["train", "laptop", "--precision", "float23"], '"float32"', "gptbook train"),
        (["evaluate", "run", "two"], '"two" is one word too many', "gptbook evaluate"),
    ],
)
def test_a_typo_is_answered_with_the_nearest_word_and_the_commands_own_help(
    words: list[str], meant: str, help_of: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(words) == 2
    said = capsys.readouterr().err
    assert meant in said
    assert said.endswith(f"; {help_of} --help explains\n")
    assert said.count("\n") == 1


def test_choices_may_be_typed_in_capitals() -> None:
    parse = build_parser().parse_args
    assert parse(["export", "run", "--to", "Web"]).to == "web"
    assert parse(["data", "prepare", "x", "--tokenizer", "Byte_Pairs"]).tokenizer == "byte-pairs"
    assert parse(["train", "laptop", "--precision", "BFloat16"]).precision == "bfloat16"


def test_text_that_python_took_apart_is_put_together_again() -> None:
    assert typed_text("Z\udcc3\udcbcrich") == "Zürich"
    assert typed_text("caf\udce9") == "caf\udce9", "no UTF-8: whoever reads it says so"
    assert typed_text("京") == "京"
    assert os.fsencode(typed_text("a")) == b"a"


def test_minus_zero_dollars_are_none() -> None:
    assert str(build_parser().parse_args(["receipt", "run", "--price", "-0.0"]).price) == "0.0"


def test_a_word_that_an_option_took_is_asked_for_in_front_of_it(capsys: pytest.CaptureFixture[str]) -> None:
    parser = SentenceParser(prog="tool")
    parser.add_argument("recipe")
    parser.add_argument("--data", nargs="+")
    with pytest.raises(SystemExit):
        parser.parse_args(["--data", "my.txt", "laptop"])
    assert "required: recipe (in front of --data, which takes all after it); tool --help" in capsys.readouterr().err
