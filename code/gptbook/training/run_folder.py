"""What a run folder holds before its first checkpoint, and what a kill left there."""

import re
import tempfile
from contextlib import suppress
from pathlib import Path

from gptbook.data.bpe import BytePairTokenizer
from gptbook.files.lock import LOCK_FILE
from gptbook.training.checkpoint import remove_other_weights

UNFINISHED = re.compile(
    r"weights-[0-9a-f]{12}\.safetensors(\.part)?"
    r"|(checkpoint|training|tokenizer|characters|receipt)\.json\.part|curve\.csv\.part"
    r"|chat_template\.jinja\.part"
)
EVENT_FILES = "events.out.tfevents."  # what TensorBoard's are called


def is_begun(folder: Path, facts_file: str, what: str) -> bool:
    """Whether a folder holds work to go on with: the file that is written last.

    What a killed process left before that is removed; call it with the folder locked.
    Raises ValueError if the folder holds anything else, and leaves it as it is.
    """
    if (folder / facts_file).is_file():
        return True
    found = list(folder.iterdir()) if folder.is_dir() else []
    if not all(map(is_unfinished, found)):
        raise ValueError(
            f"{folder} holds something else than {what}: give another --run-dir"
        )
    for path in found:
        if path.is_file() and path.name != LOCK_FILE:
            path.unlink()
    return False


def clear_leftovers(run_dir: Path) -> None:
    """Remove what a kill left beside a checkpoint, which was just loaded whole."""
    with suppress(OSError):  # where nothing can be removed, it does no harm
        remove_other_weights(run_dir)
        for path in run_dir.glob("*.part"):
            if UNFINISHED.fullmatch(path.name):
                path.unlink()


def is_unfinished(path: Path) -> bool:
    """Whether this is what a process leaves if it is killed in its first save."""
    if path.is_symlink():
        return False
    if path.is_dir():
        return path.name == "tensorboard" and all(
            each.name.startswith(EVENT_FILES) for each in path.iterdir()
        )
    if path.name == "tokenizer.json":  # ours, if we would write the same again
        return is_own_tokenizer(path)
    is_lock = path.name == LOCK_FILE and path.stat().st_size == 0
    return is_lock or UNFINISHED.fullmatch(path.name) is not None


def is_own_tokenizer(path: Path) -> bool:
    """Whether a file of a tokenizer is, byte for byte, as this package writes it."""
    with tempfile.TemporaryDirectory() as beside:
        again = Path(beside) / path.name
        try:
            BytePairTokenizer.load(path).save(again)
            return again.read_bytes() == path.read_bytes()
        except (ValueError, OSError):
            return False
