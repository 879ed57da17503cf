"""The command line: its words, its help, and how it answers a mistake."""

import os
import shlex
import subprocess
import sys

import pytest

from gptbook.cli.parser import PARAMETERS, build_parser, main
from gptbook.models.sizes import parameter_count
from gptbook.tasks.names import gpt_config
from gptbook.tasks.recipe_words import recipe
from gptbook.tasks.recipes import TextRecipe


@pytest.mark.parametrize(
    "words",
    [
        *([], ["train"], ["estimate"], ["sample"], ["complete"], ["evaluate"], ["receipt"], ["export"], ["tokens"]),
        *(["data"], ["data", "list"], ["data", "prepare"], ["ladder"], ["recipes"]),
    ],
    ids=" ".join,
)
def test_help_of_every_command_ends_with_an_example_that_parses(
    words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*words, "--help"]) == 0
    example = " ".join(capsys.readouterr().out.split("example: gptbook ")[1].split())
    assert build_parser().parse_args(shlex.split(example))


def test_the_version_is_the_packages(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out.startswith("gptbook 0.")


@pytest.mark.parametrize("words", [[], ["trian"], ["train"], ["sample"], ["data"], ["train", "iris", "--sed", "1"]])
def test_a_command_that_does_not_parse_is_answered_in_one_sentence(
    words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(words) == 2
    said = capsys.readouterr().err
    assert said.startswith("gptbook: ")
    assert said.endswith("--help explains\n")
    assert said.count("\n") == 1


def test_ctrl_c_outside_training_stops_without_a_traceback(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(name: str) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("gptbook.cli.train.recipe", interrupt)
    assert main(["train", "iris"]) == 130
    assert capsys.readouterr().err == "gptbook: stopped\n"


def test_a_reader_that_closes_the_pipe_is_no_error() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(
        [sys.executable, "-m", "gptbook", "--help"],
        stdout=writing,
        stderr=subprocess.PIPE,
        env={**os.environ, "PYTHONUNBUFFERED": ""},  # with it, argparse itself swallows the error
        check=False,
    )
    os.close(writing)
    assert done.stderr == b""
    assert done.returncode == 141


def test_help_comes_without_waiting_for_pytorch() -> None:
    script = "import sys; from gptbook.cli.parser import main; main(['--help']); sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", script], capture_output=True, check=False).returncode == 0


def test_help_says_how_large_a_model_is_whose_recipe_is_called_by_another_number(
    capsys: pytest.CaptureFixture[str],
) -> None:
    for command in ("train", "estimate"):
        assert main([command, "--help"]) == 0
        said = " ".join(capsys.readouterr().out.split()).replace("- ", "-")
        for name, count in PARAMETERS.items():
            chosen = recipe(name)
            assert isinstance(chosen, TextRecipe)
            assert parameter_count(gpt_config(chosen, 50_257), chosen.form) == count
            assert f"{name} ({count:,} parameters)" in said
