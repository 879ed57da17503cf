"""Where things are in the checkout."""

from dataclasses import dataclass
from pathlib import Path

LIVE_DIR_VARIABLE = "BOOK_LIVE_DIR"
"""Where a kernel is told the folder for the files of its live piece (`bookbuild.live`)."""


@dataclass(frozen=True)
class Project:
    root: Path

    @property
    def docs_dir(self) -> Path:
        return self.root / "docs"

    @property
    def data_dir(self) -> Path:
        return self.root / "data"

    @property
    def cache_dir(self) -> Path:
        return self.root / ".cache" / "book"

    @property
    def lock(self) -> Path:
        return self.root / "requirements.lock"


def this_project() -> Project:
    return Project(Path(__file__).resolve().parents[2])
