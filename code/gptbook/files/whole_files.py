"""Files that are whole after a crash, and known by their checksum."""

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def write_whole(path: Path, content: bytes) -> None:
    """Write a file so that after a crash it holds the old content or the new one.

    The new file grows beside the old one and takes its name when it is whole.
    """
    growing = path.with_name(path.name + ".part")
    try:
        with growing.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        growing.replace(path)
    finally:
        growing.unlink(missing_ok=True)


@contextmanager
def written_whole(path: Path) -> Iterator[Path]:
    """The same for a file that another library writes: where the block has to write it.

    It takes its name when the block ends; where that fails, the old file stays.
    """
    growing = path.with_name(path.name + ".part")
    try:
        yield growing
        with growing.open("rb+") as file:
            os.fsync(file.fileno())
        growing.replace(path)
    finally:
        growing.unlink(missing_ok=True)


def file_sha256(path: Path) -> str:
    """The sha256 of a file, in hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
