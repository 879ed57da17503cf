"""Options that several commands share: what each takes, and what it refuses."""

import argparse
from collections.abc import Callable

import pytest

from gptbook.cli.arguments import SentenceParser
from gptbook.cli.options import (
    add_choice_options,
    add_machine_options,
    add_names_options,
    add_price,
    add_seed,
    add_steps,
    add_text_options,
    add_tokens,
)

EACH: list[tuple[Callable[[argparse.ArgumentParser], None], str, str, str]] = [
    (lambda parser: add_seed(parser, "draws"), "--seed", "0", "-1"),
    (add_steps, "--steps", "1", "0"),
    (lambda parser: add_tokens(parser, "length"), "--tokens", "1", "1.5"),
    (lambda parser: add_price(parser, "dollars"), "--price", "0", "-0.1"),
    (add_machine_options, "--precision", "BFLOAT16", "float8"),
    (add_choice_options, "--temperature", "0", "nan"),
    (add_choice_options, "--top-p", "1", "1.1"),
    (add_text_options, "--rows-at-once", "1", "0"),
    (add_text_options, "--rate-scale", "0.5", "0"),
]


@pytest.mark.parametrize(("add", "option", "good", "bad"), EACH, ids=[each[1] for each in EACH])
def test_an_option_takes_its_range_and_refuses_what_is_beside_it(
    add: Callable[[argparse.ArgumentParser], None],
    option: str,
    good: str,
    bad: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    parser = SentenceParser(prog="gptbook")
    add(parser)
    assert vars(parser.parse_args([]))[option[2:].replace("-", "_")] is None, "it can be told whether it was given"
    parser.parse_args([option, good])
    with pytest.raises(SystemExit):
        parser.parse_args([option, bad])
    assert f'{option} is "{bad}": ' in capsys.readouterr().err


def test_own_names_are_a_file_and_a_column() -> None:
    parser = SentenceParser(prog="gptbook")
    add_names_options(parser, "learn from them")
    options = parser.parse_args(["--names", "towns.csv", "--column", "town"])
    assert (str(options.names), options.column) == ("towns.csv", "town")
