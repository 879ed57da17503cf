"""What the options of a command say together about a reader's own texts and names."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from gptbook.data.documents import ReadersTexts
from gptbook.files.text_files import regular


def readers_texts(options: argparse.Namespace) -> ReadersTexts | None:
    """What --data, --glob and --field mean together; None without --data.

    Raises ValueError for --glob or --field alone.
    """
    if options.data:
        return texts_of_paths(options.data, options)
    for name in ("glob", "field"):
        if getattr(options, name) is not None:
            raise ValueError(
                f"--{name} is about a text of your own: give that with --data"
            )
    return None


def texts_of_paths(paths: Sequence[str], options: argparse.Namespace) -> ReadersTexts:
    """The texts at some paths, chosen and read as --glob and --field say."""
    return ReadersTexts(tuple(paths), tuple(options.glob or ()), options.field or "")


def place_of_texts(path: Path) -> str:
    """The whole path of a reader's file, folder or archive, by which it is found again.

    Raises ValueError for a file that cannot be read.
    """
    if path.is_dir() or path.suffix.lower() in (".zip", ".gz"):
        return str(path.resolve())
    return regular(path)
