"""Any text to any output, and one sentence for whatever goes wrong."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from gptbook.cli.console import answer, memory_asked_for, one_sentence

PRINTING = """
import sys
from gptbook.cli import parser
parser.command_code = lambda words: print(TEXT) or 0
sys.exit(parser.main([]))
""".replace("TEXT", "'before \\u2423 \\u4eac \\udce9 after'")
needs_posix = pytest.mark.skipif(os.name == "nt", reason="closes streams as a POSIX shell does")


def shell(redirection: str, script: str = PRINTING, **variables: str) -> subprocess.CompletedProcess[bytes]:
    """Run a program whose streams are set up by a shell."""
    return subprocess.run(
        ["bash", "-c", f'"$0" -c "$1" {redirection}', sys.executable, script],
        capture_output=True,
        env={**os.environ, **variables},
        check=False,
    )


@pytest.mark.parametrize("encoding", ["cp1252", "ascii", "latin-1", "utf-8", "utf-16", "cp437", "shift_jis"])
def test_every_encoding_gets_the_whole_text_and_a_word_about_what_it_lacks(encoding: str) -> None:
    done = shell("", PYTHONIOENCODING=encoding)
    assert done.returncode == 0
    said = done.stdout.decode(encoding)
    assert said.startswith("before ")
    assert said.rstrip().endswith(" after")
    assert ("京" in said) or ("\\u4eac" in said and b"PYTHONIOENCODING" in done.stderr)


def test_the_c_locale_of_old_systems_prints_too() -> None:
    done = shell("", LC_ALL="C", PYTHONUTF8="0", PYTHONIOENCODING="")
    assert done.returncode == 0
    assert done.stdout == b"before \\u2423 \\u4eac \xe9 after\n", "the bytes of a path are what they were"


@needs_posix
@pytest.mark.parametrize(
    ("redirection", "code"),
    [(">&-", 0), ("2>&-", 0), (">&- 2>&-", 0), ("<&- >&- 2>&-", 0), (">/dev/full", 2), (">/dev/full 2>/dev/full", 2)],
)
def test_streams_that_are_closed_or_full_are_no_traceback(redirection: str, code: int) -> None:
    done = shell(redirection)
    assert done.returncode == code
    assert b"Traceback" not in done.stderr
    assert b"Exception" not in done.stderr
    assert done.stderr.count(b"\n") <= 1


@needs_posix
def test_no_file_takes_the_number_of_a_closed_stream(tmp_path: Path) -> None:
    """What a library prints to number 2 would land in the reader's file."""
    script = (
        "from gptbook.cli import parser\n"
        "parser.command_code = lambda words: open(PATH, 'w').fileno()\nexit(parser.main([]))"
    )
    done = shell(">&- 2>&-", script.replace("PATH", repr(str(tmp_path / "mine.txt"))))
    assert done.returncode > 2


def test_an_error_of_the_system_is_one_line_without_its_number() -> None:
    assert one_sentence(FileNotFoundError(2, "No such file", "a.csv")) == "a.csv: No such file"
    assert one_sentence(OSError(28, "the disk is full:\nmake room")) == "the disk is full: make room"
    assert one_sentence(ValueError("give\n  a number")) == "give a number"
    with pytest.raises(UnicodeEncodeError) as caught:
        "caf\udce9".encode()
    assert "is no UTF-8" in one_sentence(caught.value)
    long = one_sentence(OSError(36, "File name too long", "x" * 100_000))
    assert long.endswith("File name too long")
    assert len(long) < 1_000


def test_a_full_memory_is_told_by_its_words_and_its_size() -> None:
    assert "4.7 GB" in str(
        memory_asked_for(RuntimeError("can't allocate memory: you tried to allocate 4660000000 bytes"))
    )
    assert "2.00 GiB" in str(memory_asked_for(RuntimeError("CUDA out of memory. Tried to allocate 2.00 GiB")))
    assert memory_asked_for(MemoryError()) == ""
    assert memory_asked_for(RuntimeError("shapes cannot be multiplied")) is None
    assert memory_asked_for(ValueError("out of memory")) is None


@pytest.mark.parametrize(
    ("error", "code", "word"),
    [
        (ValueError("give a number"), 2, "give a number"),
        (OSError(13, "Permission denied", "a.csv"), 2, "a.csv: Permission denied"),
        (MemoryError(), 2, "not enough memory"),
        (RecursionError("maximum recursion depth exceeded"), 2, "nested too deeply"),
        (KeyError("name"), 1, "GPTBOOK_TRACEBACK=1"),
        (TypeError("no"), 1, "bug of gptbook"),
        (KeyboardInterrupt(), 130, "stopped"),
    ],
)
def test_each_error_is_one_sentence_and_a_code(
    error: BaseException, code: int, word: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("GPTBOOK_TRACEBACK", raising=False)
    assert answer(error) == code
    said = capsys.readouterr().err
    assert word in said
    assert said.count("\n") == 1


def test_whoever_asks_gets_the_place_in_the_code(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GPTBOOK_TRACEBACK", "1")
    with pytest.raises(KeyError) as caught:
        raise KeyError("name")
    assert answer(caught.value) == 1
    said = capsys.readouterr().err
    assert "Traceback" in said
    assert "test_console.py" in said
