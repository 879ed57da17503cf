"""The commands `python -m bookbuild ...`."""

import os
import subprocess
import sys
from pathlib import Path
from typing import IO

import pytest

from bookbuild.__main__ import build_environment, main, navigation
from bookbuild.site.serving import run_child


@pytest.mark.parametrize("command", [[], ["build"], ["serve"], ["clean"]])
def test_every_command_has_help_with_an_example(command: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main([*command, "--help"])
    assert stopped.value.code == 0
    assert "example: python -m bookbuild" in capsys.readouterr().out


@pytest.mark.parametrize("port", ["99999", "-1", "text"])
def test_a_port_that_is_none_is_said_in_a_sentence(port: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["serve", f"--port={port}"]) == 2
    said = capsys.readouterr().err
    assert port in said
    assert "make serve PORT=" in said
    assert said.count("\n") == 1


def test_a_folder_with_other_things_is_refused_before_anything_is_built(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "notes.md").write_text("x")
    for given in (tmp_path, tmp_path / "notes.md"):
        assert main(["build", "--site-dir", str(given)]) == 2
        assert capsys.readouterr().err.count("\n") == 1
    assert (tmp_path / "notes.md").read_text() == "x"


@pytest.mark.parametrize("url", ["", "example.org", "ftp://example.org/", "https://", "https://[", "https://x/?y#z"])
def test_an_address_that_is_none_is_said_in_a_sentence(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["build", "--site-url", url]) == 2
    assert capsys.readouterr().err.count("\n") == 1


@pytest.mark.parametrize("environment", [{"PYTHONIOENCODING": "cp1252"}, {"LC_ALL": "C", "PYTHONUTF8": "0"}])
def test_what_a_terminal_has_no_letter_for_is_spelled_out(environment: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "Łódź→").mkdir()
    (tmp_path / "Łódź→" / "x").write_text("x")
    command = [sys.executable, "-m", "bookbuild", "build", "--site-dir", "Łódź→"]
    done = subprocess.run(command, env={**os.environ, **environment}, cwd=tmp_path, capture_output=True, check=False)
    assert done.returncode == 2
    assert done.stderr.startswith(b"bookbuild: ")
    assert done.stderr.count(b"\n") == 1


def test_a_reader_who_has_seen_enough_is_no_error() -> None:
    command = [sys.executable, "-m", "bookbuild", "serve", "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as started:
        assert started.stdout is not None
        assert started.stderr is not None
        started.stdout.close()
        assert started.stderr.read() == b""
    assert started.returncode == 141


def test_the_clock_of_a_build_is_that_of_the_last_commit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SOURCE_DATE_EPOCH", raising=False)
    assert build_environment()["SOURCE_DATE_EPOCH"].isdigit()
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "7")
    assert build_environment()["SOURCE_DATE_EPOCH"] == "7"


def test_the_navigation_is_read_without_mkdocs() -> None:
    assert navigation()[0] == {"Home": "index.md"}
    program = "import sys, bookbuild.__main__; sys.exit('mkdocs' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


def test_a_quiet_build_counts_warnings_and_shows_them_when_it_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """MkDocs with its own --quiet hides warnings from its own --strict."""
    asked: list[list[str]] = []

    def warned(command: list[str], folder: Path, environment: object, said: IO[bytes] | None) -> int:
        asked.append(command)
        assert said is not None
        said.write(b"a page has a link to nothing")
        return 1

    monkeypatch.setattr("bookbuild.__main__.run_child", warned)
    assert main(["build", "--quiet", "--site-dir", str(tmp_path / "site")]) == 2
    assert "link to nothing" in capfd.readouterr().err
    assert "--strict" in asked[0]
    assert "--quiet" not in asked[0]


def test_what_a_program_says_goes_where_it_was_sent(tmp_path: Path) -> None:
    with (tmp_path / "said").open("w+b") as said:
        code = run_child([sys.executable, "-c", "print('here'); raise SystemExit(3)"], tmp_path, os.environ, said)
        said.seek(0)
        assert (code, said.read().strip()) == (3, b"here")
