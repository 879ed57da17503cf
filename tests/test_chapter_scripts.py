"""A chapter is a plain Python file that runs as it stands. A file of its own: two cores share the time of chapters."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import CHAPTER_NAMES

from bookbuild.project import Project

SECONDS = 300


@pytest.mark.parametrize("name", CHAPTER_NAMES)
def test_a_chapter_runs_as_it_stands(name: str, project: Project, tmp_path: Path) -> None:
    command = [sys.executable, "-W", "error::UserWarning", str(project.docs_dir / name)]
    done = subprocess.run(
        command,
        cwd=tmp_path,
        env=dict(os.environ, MPLBACKEND="agg", OMP_NUM_THREADS="1", PYTHONDONTWRITEBYTECODE="1"),
        capture_output=True,
        text=True,
        timeout=SECONDS,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("not yet") == 3, "each starter must fail its check, and nothing else"
