"""A chapter is a plain Python file that runs as it stands."""

import ast
import importlib
import os
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import CHAPTER_NAMES, HANG

from bookbuild.project import Project


@pytest.mark.parametrize("name", CHAPTER_NAMES)
def test_what_a_chapter_imports_from_the_package_is_there(name: str, project: Project) -> None:
    tree = ast.parse((project.docs_dir / name).read_text(encoding="utf-8"))
    imported = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    own = [node for node in imported if str(node.module).startswith(("gptbook", "bookbuild"))]
    assert own
    for node in own:
        module = importlib.import_module(str(node.module))
        for alias in node.names:
            assert hasattr(module, alias.name), f"docs/{name}:{node.lineno}: {node.module} has no {alias.name}"


def test_a_chapter_runs_as_it_stands(project: Project, tmp_path: Path) -> None:
    """Every chapter runs in the build, flattened. That the package gives the same as its source, one can show."""
    name = CHAPTER_NAMES[0]
    command = [sys.executable, "-W", "error::UserWarning", str(project.docs_dir / name)]
    done = subprocess.run(
        command,
        cwd=tmp_path,
        env=dict(os.environ, MPLBACKEND="agg", OMP_NUM_THREADS="1", PYTHONDONTWRITEBYTECODE="1"),
        capture_output=True,
        text=True,
        timeout=HANG,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("not yet") == 3, "each starter must fail its check, and nothing else"
