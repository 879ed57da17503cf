"""What a command said and left behind."""

import shlex
from pathlib import Path

import pytest

from gptbook.cli.parser import main


def content(run_dir: Path) -> dict[str, bytes]:
    """Every file of a folder."""
    return {path.name: path.read_bytes() for path in run_dir.iterdir() if path.is_file()}


def refused(words: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    """Run a command that must fail with one sentence, and return the sentence."""
    capsys.readouterr()
    assert main(words) == 2
    captured = capsys.readouterr()
    assert captured.err.startswith("gptbook: ")
    assert captured.err.count("\n") == 1
    assert "Traceback" not in captured.err
    return captured.err


def next_command(said: str) -> list[str]:
    """What the last line tells the reader to type, after `gptbook`."""
    last = said.rstrip().splitlines()[-1]
    assert last.startswith("Next: gptbook ")
    return shlex.split(last)[2:]


def same_but_receipt(one: Path, other: Path) -> bool:
    """Whether two runs end in the same bytes; where the time went is another matter."""
    left, right = content(one), content(other)
    return left.pop("receipt.json") != right.pop("receipt.json") and left == right


def written(words: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    """What a command that must work prints."""
    capsys.readouterr()
    assert main(words) == 0
    return capsys.readouterr().out
