"""A folder that `gptbook export` writes into: never one that holds somebody else's."""

import json
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from gptbook.files.lock import LOCK_FILE
from gptbook.files.whole_files import file_sha256, write_whole

EXPORT_FACTS_FILE = "gptbook-export.json"
EXPORT_FORMAT = "gptbook export 1"


@contextmanager
def export_folder(folder: Path, to: str) -> Iterator[None]:
    """Let an export write into a folder, and note there which files are its own.

    A note without checksums comes first: what a crash leaves is known as ours. Raises
    ValueError, before anything is written, if the folder holds anything that an export
    of this kind did not put there, or that was changed since.
    """
    check_export_folder(folder, to)
    is_new, note = not folder.exists(), folder / EXPORT_FACTS_FILE
    was_noted = note.exists()
    folder.mkdir(parents=True, exist_ok=True)
    if not was_noted:
        write_note(note, to, {})
    try:
        yield
    except BaseException:
        if not was_noted and not exported_files(folder):
            note.unlink()
            if is_new:
                with suppress(OSError):  # another's lock may lie there
                    folder.rmdir()
        raise
    files = {path.name: file_sha256(path) for path in exported_files(folder)}
    write_note(note, to, files)


def check_export_folder(folder: Path, to: str) -> None:
    """Raise ValueError if a folder is neither new, nor empty, nor such an export's."""
    if folder.exists() and not folder.is_dir():
        raise ValueError(f"{folder} is a file, not a folder: give another --out")
    there = exported_files(folder) if folder.is_dir() else []
    facts = read_note(folder / EXPORT_FACTS_FILE)
    known = facts.get("sha256") if facts.get("to") == to else None
    if known == {}:  # begun and never finished: all in it is ours
        return
    for path in there:
        expected = known.get(path.name) if isinstance(known, dict) else None
        if not path.is_file() or expected != file_sha256(path):
            raise ValueError(
                f"{folder} holds what no gptbook export --to {to} has put there, "
                f"{path.name} for one, which stays as it is: give another --out"
            )


def exported_files(folder: Path) -> list[Path]:
    """What lies in a folder, but for the note, what a crash left, and hidden files."""
    return sorted(
        path
        for path in folder.iterdir()
        if path.name not in (EXPORT_FACTS_FILE, LOCK_FILE)
        and path.suffix != ".part"
        and not path.name.startswith(".")  # a desktop's own, such as .DS_Store
    )


def read_note(path: Path) -> dict[str, Any]:
    """What an export noted in its folder; nothing if there is no such note."""
    try:
        facts = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        return {}
    is_ours = isinstance(facts, dict) and facts.get("format") == EXPORT_FORMAT
    return facts if is_ours else {}


def write_note(path: Path, to: str, files: dict[str, str]) -> None:
    """Note which kind of export a folder is, and the checksums of its files."""
    facts = {"format": EXPORT_FORMAT, "to": to, "sha256": files}
    write_whole(path, (json.dumps(facts, indent=1) + "\n").encode())
