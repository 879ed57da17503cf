"""Printed commands can be pasted into the reader's shell."""

import io
import os
import shlex
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gptbook.files.shell import shell_words

ODD = ["two words", "it's", "$HOME", "`id`", "a\\b", 'say "hi"', "*", "~", "a;b", "line\nbreak", "caf\udce9", "é", ""]


@pytest.mark.skipif(os.name == "nt", reason="asks a POSIX shell")
def test_a_shell_reads_each_word_as_it_was() -> None:
    command = shell_words([sys.executable, "-c", "import os, sys; print([*map(os.fsencode, sys.argv[1:])])", *ODD])
    said = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=True).stdout
    assert said.strip() == str([os.fsencode(word) for word in ODD])
    assert "\n" not in command


def test_what_the_output_cannot_hold_is_named_by_its_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(io.BytesIO(), "ascii"))
    assert shell_words(["京", "plain"], "posix") == r"$'\344\272\254' plain"


@given(st.lists(st.text(st.characters(min_codepoint=32, max_codepoint=126))))
def test_plain_words_are_quoted_as_the_standard_library_does(words: list[str]) -> None:
    assert shlex.split(shell_words(words, "posix")) == words


@pytest.mark.parametrize(
    ("word", "quoted"),
    [
        (r"runs\city-bigram", r"runs\city-bigram"),
        (r"C:\my runs\a", r'"C:\my runs\a"'),
        ("C:\\my runs\\", r'"C:\my runs\\"'),
        ("it's here", '"it\'s here"'),
        ("a & b", '"a & b"'),
        ("cost $5", "'cost $5'"),
        ("it's $5", "'it''s $5'"),
        ("", '""'),
    ],
)
def test_on_windows_words_are_quoted_for_powershell(word: str, quoted: str) -> None:
    assert shell_words(["gptbook", word], "nt") == f"gptbook {quoted}"
