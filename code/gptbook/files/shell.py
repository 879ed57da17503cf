"""Commands as a reader can paste them: quoted for the shell at hand."""

import os
import re
import shlex
import sys
from collections.abc import Iterable


def shell_words(words: Iterable[str], system: str = os.name) -> str:
    """The words of a command on one line, quoted for a POSIX shell, or for PowerShell.

    On Windows (system "nt") spaces are kept by double quotes, which cmd knows, too;
    what those would not protect, by PowerShell's single ones.

    >>> shell_words(["gptbook", "sample", "my runs/a"], "posix")
    "gptbook sample 'my runs/a'"
    >>> shell_words(["gptbook", "sample", r"my runs\\a"], "nt")
    'gptbook sample "my runs\\\\a"'
    """
    quote = for_powershell if system == "nt" else for_posix
    return " ".join(map(quote, words))


def for_posix(word: str) -> str:
    """A word for sh. What a terminal might not show or paste is named by its bytes."""
    encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
    try:
        word.encode(encoding)
    except UnicodeEncodeError:
        is_shown = False
    else:
        is_shown = word.isprintable()
    if is_shown:
        return shlex.quote(word)
    letters = "".join(
        chr(byte) if 0x20 <= byte < 0x7F and byte not in b"'\\" else f"\\{byte:03o}"
        for byte in word.encode("utf-8", "surrogateescape")
    )
    return f"$'{letters}'"


def for_powershell(word: str) -> str:
    """A word for PowerShell, and where quotes of cmd will do, for both."""
    if re.fullmatch(r"[\w.:/\\=+-]+", word):
        return word
    if not re.search(r'["$`%]', word):
        # A program takes \" for a quote inside: a path that ends in \ has it twice.
        ending = "\\" if word.endswith("\\") else ""
        return f'"{word}{ending}"'
    return "'" + word.replace("'", "''") + "'"
