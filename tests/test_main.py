"""The commands `python -m bookbuild ...`."""

import subprocess
import sys

import pytest

from bookbuild.__main__ import build_environment, main, navigation


@pytest.mark.parametrize("command", [[], ["build"], ["serve"], ["clean"]])
def test_every_command_has_help_with_an_example(command: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main([*command, "--help"])
    assert stopped.value.code == 0
    assert "example: python -m bookbuild" in capsys.readouterr().out


def test_a_port_that_is_none_is_said_in_a_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["serve", "--port", "99999"]) == 2
    said = capsys.readouterr().err
    assert "port 99999 cannot be used" in said
    assert "make serve PORT=8001" in said


def test_the_clock_of_a_build_is_that_of_the_last_commit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SOURCE_DATE_EPOCH", raising=False)
    assert build_environment()["SOURCE_DATE_EPOCH"].isdigit()
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "7")
    assert build_environment()["SOURCE_DATE_EPOCH"] == "7"


def test_the_navigation_is_read_without_mkdocs() -> None:
    assert navigation()[0] == {"Home": "index.md"}
    program = "import sys, bookbuild.__main__; sys.exit('mkdocs' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
