"""Readers' files wherever they lie: named, in a folder, in a zip archive, in a gz."""

import gzip
import io
import os
import stat
import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath
from typing import IO

from gptbook.files.lock import LOCK_FILE
from gptbook.files.text_files import (
    LARGEST_FILE,
    PACKED_ENDINGS,
    file_fault,
    is_binary,
    nfc,
)

MOST_TIMES_LARGER = 200  # than packed: text is 3 to 20 times, and a trap a thousand
NEVER_TOO_LARGE = 2**27  # bytes; a small file may unpack to so many in any case
HIDDEN = "hidden"  # why something was left out
NO_FILE = "links to folders, pipes and links to nothing"
TWICE_PACKED = "packed inside a packed file"
OWN_FOLDER = "runs and prepared texts of gptbook"
MADE_HERE = {"checkpoint.json", "corpus.json", LOCK_FILE}  # what shows such a folder
LeaveOut = Callable[[str, str], None]  # is told why, and what


@dataclass(frozen=True)
class FoundFile:
    """A file with its name, which can be opened as long as the next was not found."""

    where: str
    """What messages call it."""
    name: str
    """Its path inside what was given; the same wherever that lies."""
    is_named: bool
    """Whether the reader gave this file itself, not a folder or an archive of many."""
    open: Callable[[], io.BufferedReader]
    """Its bytes, unpacked. Raises ValueError if they cannot be had."""

    def content(self) -> bytes:
        """All of its bytes."""
        with self.open() as file, told(self.where):
            return file.read()

    def text_content(self) -> bytes | None:
        """All of its bytes; None if they are binary, and nobody gave this file itself.

        Of a film or a program that lies in a folder only the beginning is read.
        """
        if self.is_named:
            return self.content()
        with self.open() as file, told(self.where):
            if is_binary(file.peek(1), is_whole=False):
                return None
            content = file.read()
        return None if is_binary(content) else content


class Unpacked(io.RawIOBase):
    """The bytes of a packed file as they come; too many, or damaged ones, are refused.

    A trap of a few kilobytes would fill the memory otherwise.
    """

    def __init__(self, packed: IO[bytes], num_packed: int, where: str) -> None:
        """num_packed is how many bytes it takes on the disk."""
        self.packed, self.where = packed, where
        self.left = max(NEVER_TOO_LARGE, MOST_TIMES_LARGER * num_packed)
        self.left = min(self.left, LARGEST_FILE)

    def readable(self) -> bool:
        """It is there to be read."""
        return True

    def readinto(self, buffer: "memoryview") -> int:  # type: ignore[override]
        """Put the next bytes into the buffer. Raises ValueError as the class says."""
        with told(self.where):
            piece = self.packed.read(len(buffer))
        self.left -= len(piece)
        if self.left < 0:
            raise ValueError(
                f"{self.where} becomes too large when it is unpacked, larger than any "
                "text would: unpack it yourself, and give what you need of it"
            )
        buffer[: len(piece)] = piece
        return len(piece)

    def close(self) -> None:
        """Close what is packed, too."""
        self.packed.close()
        super().close()


@contextmanager
def told(where: str) -> Iterator[None]:
    """What goes wrong with a file in the block becomes one sentence, a ValueError."""
    try:
        yield
    except (zipfile.BadZipFile, gzip.BadGzipFile, zlib.error) as error:
        problem = f"is damaged, or not what its name says ({error}): get it again"
    except EOFError:
        problem = "is cut short: get it again"
    except NotImplementedError:
        problem = "is packed in a way that is unknown here: unpack it yourself"
    except OSError as error:
        problem = f"cannot be read ({error.strerror or error}): check the path"
    except RuntimeError as error:
        if "encrypted" not in str(error):
            raise
        problem = "is locked with a password: unpack it yourself"
    else:
        return
    raise ValueError(f"{where} {problem}")


def found_files(
    source: Path, globs: Sequence[str], leave_out: LeaveOut
) -> Iterator[FoundFile]:
    """The files of what a reader gave, in the order of their names.

    A file stands for itself; a folder for all that lies in it, at any depth; a zip
    archive likewise, without being unpacked onto the disk; a gz for the file in it.
    Links to folders are not followed, so that no circle is. globs, such as "*.md",
    choose among what lies in folders and archives. leave_out is told of the rest.
    Raises ValueError, in one sentence, for what cannot be read.
    """
    if source.is_dir():
        for path in folder_files(source, globs, leave_out):
            name = nfc(path.relative_to(source).as_posix())
            yield from opened_file(path, name, globs, leave_out, is_named=False)
        return
    if not source.name.lower().endswith((".zip", ".gz")) or not source.is_file():
        if fault := file_fault(source):
            raise ValueError(f"{source} {fault}")
    elif source.stat().st_size == 0:
        raise ValueError(f"{source} is empty: give a file with text in it")
    yield from opened_file(source, nfc(source.name), globs, leave_out, is_named=True)


def opened_file(
    path: Path, name: str, globs: Sequence[str], leave_out: LeaveOut, is_named: bool
) -> Iterator[FoundFile]:
    """A file as it is, the one inside a gz, or those inside a zip archive."""
    where, is_chosen = printable(str(path)), is_named or matches(name, globs)
    ending = path.suffix.lower()
    if ending == ".zip":
        inside = () if is_chosen and not is_named else globs
        yield from zip_files(path, "" if is_named else f"{name}/", inside, leave_out)
        return
    if ending == ".gz":
        name = name[: -len(ending)]
        is_chosen = is_chosen or matches(name, globs)

    def open_it() -> io.BufferedReader:
        with told(where):
            if ending != ".gz":
                return path.open("rb")
            size = path.stat().st_size
            return io.BufferedReader(Unpacked(gzip.open(path), size, where))  # type: ignore[arg-type]

    if is_chosen:
        yield FoundFile(where, name, is_named, open_it)


def zip_files(
    path: Path, prefix: str, globs: Sequence[str], leave_out: LeaveOut
) -> Iterator[FoundFile]:
    """The files in a zip archive, whatever their names: none is written anywhere."""
    with told(printable(str(path))):
        archive = zipfile.ZipFile(path)
    with archive:
        for info in sorted(archive.infolist(), key=lambda each: nfc(each.filename)):
            name = nfc(info.filename)
            where = f"{printable(name)} in {printable(str(path))}"
            parts = PurePosixPath(name).parts
            if info.is_dir() or not matches(name, globs):
                continue
            if any(is_hidden(part) for part in parts) or "__MACOSX" in parts:
                leave_out(HIDDEN, where)
            elif name.lower().endswith(PACKED_ENDINGS):
                leave_out(TWICE_PACKED, where)
            else:

                def open_it(
                    info: zipfile.ZipInfo = info, where: str = where
                ) -> io.BufferedReader:
                    with told(where):
                        packed = archive.open(info)
                    return io.BufferedReader(
                        Unpacked(packed, info.compress_size, where)
                    )

                yield FoundFile(where, prefix + name, False, open_it)


def folder_files(folder: Path, globs: Sequence[str], leave_out: LeaveOut) -> list[Path]:
    """The files in a folder, at any depth, in the order of their names in NFC."""

    def skip(reason: str, path: Path) -> None:
        if matches(path.relative_to(folder).as_posix(), globs):
            leave_out(reason, printable(str(path)))

    def refuse(error: OSError) -> None:
        raise ValueError(
            f"{error.filename} cannot be read ({error.strerror}): check the path"
        )

    found: list[Path] = []
    for at, folders, names in os.walk(folder, onerror=refuse):
        here = Path(at)
        if here != folder and not MADE_HERE.isdisjoint(names):
            skip(OWN_FOLDER, here)
            folders.clear()
            continue
        for name in [*folders, *names]:
            if is_hidden(name):
                skip(HIDDEN, here / name)
            elif name in folders and (here / name).is_symlink():
                skip(NO_FILE, here / name)
        folders[:] = [name for name in folders if not is_hidden(name)]
        for name in names:
            if is_hidden(name):
                continue
            try:
                is_file = stat.S_ISREG((here / name).stat().st_mode)
            except OSError:  # a link to nothing, or to itself
                is_file = False
            if is_file:
                found.append(here / name)
            else:
                skip(NO_FILE, here / name)
    return sorted(found, key=lambda path: nfc(path.relative_to(folder).as_posix()))


def is_hidden(name: str) -> bool:
    """Whether a file or folder of this name is not shown as a rule."""
    return name.startswith(".") and name not in (".", "..")


def matches(name: str, globs: Sequence[str]) -> bool:
    """Whether a path is among those that the patterns mean; without any, it is.

    A pattern with a slash is about the whole path, any other about the last name.
    """
    path = name.lower()
    last = path.rpartition("/")[2]
    plain = [nfc(pattern).lower().removeprefix("**/") for pattern in globs]
    return not globs or any(
        fnmatchcase(path if "/" in pattern else last, pattern) for pattern in plain
    )


def printable(text: str) -> str:
    """A name as it can be printed: what would move a terminal's cursor, escaped."""
    return "".join(
        letter if letter.isprintable() else letter.encode("unicode_escape").decode()
        for letter in text
    )
