"""What every command prints to, and how it answers what goes wrong."""

import codecs
import io
import os
import re
import sys
import traceback

from gptbook.files.nearest_word import quoted

TRACEBACK_VARIABLE = "GPTBOOK_TRACEBACK"
LONGEST_MESSAGE = 1_000  # letters; what a reader typed may be quoted in it
SIGNS_OF_MEMORY = (
    "out of memory",
    "allocate memory",
    "not enough memory",
    "bad_alloc",
)


class MissingCharacters:
    """What a stream writes for a character that its encoding lacks: its number."""

    def __init__(self, encoding: str, keeps_bytes: bool) -> None:
        """keeps_bytes: letters that stand for bytes are written as these bytes."""
        self.encoding = encoding
        self.keeps_bytes = keeps_bytes
        self.were_met = False

    def __call__(self, error: UnicodeError) -> tuple[str | bytes, int]:
        """The replacement, and where to go on, as `codecs.register_error` wants it."""
        if not isinstance(error, UnicodeEncodeError):
            raise error
        found = error.object[error.start : error.end]
        if self.keeps_bytes and re.fullmatch("[\udc80-\udcff]+", found):
            return found.encode("ascii", "surrogateescape"), error.end
        self.were_met = True
        return found.encode("ascii", "backslashreplace").decode(), error.end


def open_streams() -> MissingCharacters:
    """Make stdout and stderr such that any text can be printed, whatever they are.

    A character that the encoding lacks is written as its number, and noted in the
    result, so that `main` can say so. A closed stream swallows everything; its number
    is taken, or the next file that is opened would get what is printed.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest free number: this one
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            nowhere = io.TextIOWrapper(io.BytesIO(), "utf-8", "backslashreplace")
            setattr(sys, name, nowhere)
    encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
    # In the C locale Python itself writes the bytes of such paths as they are.
    keeps_bytes = getattr(sys.stdout, "errors", None) == "surrogateescape"
    missing = MissingCharacters(encoding, keeps_bytes)
    codecs.register_error("gptbook", missing)
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="gptbook")
    if isinstance(sys.stderr, io.TextIOWrapper):
        sys.stderr.reconfigure(errors="backslashreplace")
    return missing


def complain(text: str) -> None:
    """Print a sentence on stderr, if that can be written."""
    try:
        print(f"gptbook: {text}", file=sys.stderr, flush=True)
    except OSError:
        give_up("stderr")


def give_up(name: str) -> None:
    """Let what a stream still holds go nowhere, so that Python can end in peace."""
    stream = getattr(sys, name)
    try:
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
    except (OSError, ValueError):  # it has no number: it is none of the system's
        setattr(sys, name, io.StringIO())


def answer(error: BaseException) -> int:
    """Say in one sentence what went wrong, and return the exit code.

    2 is a mistake that the reader can put right, 1 a bug of ours, 130 Ctrl-C, and 141
    a pipe whose reader has seen enough. With GPTBOOK_TRACEBACK=1 in the environment
    the place in the code comes first, whatever it was.
    """
    if isinstance(error, KeyboardInterrupt):
        complain("stopped")
        return 130
    if isinstance(error, BrokenPipeError):  # gptbook sample RUN | head -1
        give_up("stdout")
        return 141
    if os.environ.get(TRACEBACK_VARIABLE):
        complain("".join(traceback.format_exception(error)).strip())
    if isinstance(error, OSError) and stdout_is_broken():
        give_up("stdout")
        complain(f"what is printed cannot be written ({error.strerror}): make room")
        return 2
    memory = memory_asked_for(error)
    if memory is not None:
        complain(
            f"there is not enough memory here{memory}: end other programs, give less "
            "data, or take a smaller recipe"
        )
    elif isinstance(error, RecursionError):
        complain("a file is nested too deeply to be read: it is none of gptbook's")
    elif isinstance(error, ValueError | OSError):
        complain(one_sentence(error))
    else:
        complain(
            f"this is a bug of gptbook, or a file was changed by hand ({kind(error)}): "
            f"{TRACEBACK_VARIABLE}=1 before the command shows where"
        )
        return 1
    return 2


def stdout_is_broken() -> bool:
    """Whether what was printed cannot be written."""
    try:
        sys.stdout.flush()
    except OSError:
        return True
    return False


def memory_asked_for(error: BaseException) -> str | None:
    """How much memory was lacking, in brackets if it is known; None if that was not it.

    >>> memory_asked_for(RuntimeError("can't allocate memory: 4660000000 bytes"))
    ' (4.7 GB more were asked for)'
    """
    text = str(error)
    is_torch = isinstance(error, RuntimeError)
    is_told = is_torch and any(sign in text for sign in SIGNS_OF_MEMORY)
    if not isinstance(error, MemoryError) and not is_told:
        return None
    if found := re.search(r"(\d+) bytes", text):
        return f" ({int(found[1]) / 1e9:.1f} GB more were asked for)"
    found = re.search(r"allocate (\d[\d.]* [KMGT]i?B)", text)
    return f" ({found[1]} more were asked for)" if found else ""


def one_sentence(error: BaseException) -> str:
    """What went wrong, on one line."""
    text = str(error)
    if isinstance(error, UnicodeEncodeError) and "surrogates" in error.reason:
        near = quoted(str(error.object), error.start)
        text = f"what was given is no UTF-8, near {near}: rename or save it as UTF-8"
    elif isinstance(error, OSError) and error.strerror:
        where = f"{error.filename}: " if error.filename else ""
        text = where + error.strerror
    text = " ".join(text.split())
    return text if len(text) <= LONGEST_MESSAGE else f"{text[:500]} ... {text[-300:]}"


def kind(error: BaseException) -> str:
    """An error's class, and what it says, short enough for a sentence."""
    text = one_sentence(error)
    return f"{type(error).__name__}: {text[:80]}" if text else type(error).__name__
