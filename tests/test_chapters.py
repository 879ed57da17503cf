"""Every chapter's download needs no package of ours, prints what the page shows, and can be broken.

The build runs each chapter once, in its flattened form and without the package, and refuses it if a starter solves its
exercise or a solution does not (test_execute.py). So what can be read from the code is read here, of every chapter; a
few quick ones run once more, as their readers' downloads.
"""

import ast
import contextlib
import importlib
import importlib.metadata
import inspect
import io
import json
import os
import pickle
import re
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from types import CodeType
from typing import Any

import nbformat
import pytest
from conftest import CHAPTER_NAMES, HANG
from packaging.requirements import Requirement

from bookbuild.chapters.chapter import read_chapter
from bookbuild.chapters.downloads import DISTRIBUTIONS, requirements
from bookbuild.chapters.outputs import steady
from bookbuild.chapters.packing import files_named, packed_cell
from bookbuild.chapters.source import FlatCell, flatten
from bookbuild.project import Project

DEFINITIONS = ast.FunctionDef | ast.ClassDef
QUICK = ["rules-or-examples", "a-model-is-a-function", "five-dollars"]
"""Chapters that run in seconds, with all that chapters do: training, drawing, tables, text."""
QUICK_NAMES = [name for name in CHAPTER_NAMES if Path(name).stem in QUICK]

# Run before a download's code: an import from outside the listed libraries fails as on the reader's machine, also of
# what the tests themselves have imported.
FENCE = """
import json, os, sys
allowed = set(json.loads(os.environ["ALLOWED_IMPORTS"])) | set(sys.stdlib_module_names)
class Fence:
    # Absent, not forbidden: libraries ask find_spec whether others are there, and must hear "no", not an error.
    def __init__(self, finder):
        self.finder = finder
    def find_spec(self, name, path=None, target=None):
        top = name.partition(".")[0]
        known = top in allowed or top.startswith("_") or top == "sitecustomize"
        return self.finder.find_spec(name, path, target) if known else None
    def __getattr__(self, name):
        return getattr(self.finder, name)
sys.meta_path[:] = [Fence(finder) for finder in sys.meta_path]
sys.path[:] = [p for p in sys.path if not os.path.isdir(os.path.join(p, "gptbook"))]
for name in list(sys.modules):
    top = name.partition(".")[0]
    if top not in allowed and not top.startswith("_"):
        del sys.modules[name]
"""


def closure(distributions: list[str]) -> set[str]:
    """The importable names of these distributions and of all that they require."""
    seen: set[str] = set()
    waiting = list(distributions)
    while waiting:
        name = waiting.pop().lower().replace("_", "-")
        if name in seen:
            continue
        try:
            needs = importlib.metadata.requires(name) or []
        except importlib.metadata.PackageNotFoundError:
            continue  # for another platform
        seen.add(name)
        for text in needs:
            need = Requirement(text)
            if need.marker is None or need.marker.evaluate({"extra": ""}):
                waiting.append(need.name)
    packages = importlib.metadata.packages_distributions()
    return {top for top, owners in packages.items() if any(o.lower().replace("_", "-") in seen for o in owners)}


def environment(**more: str) -> dict[str, str]:
    return dict(os.environ, MPLBACKEND="agg", OMP_NUM_THREADS="1", PYTHONDONTWRITEBYTECODE="1", **more)


@pytest.mark.parametrize("name", CHAPTER_NAMES)
def test_the_notebooks_hold_the_same_code_as_the_script(name: str, book: Any, project: Project) -> None:
    executed, clean, script = book.chapters[name].downloads
    executed_nb = nbformat.reads(executed.content.decode(), as_version=4)
    clean_nb = nbformat.reads(clean.content.decode(), as_version=4)
    nbformat.validate(executed_nb)
    nbformat.validate(clean_nb)
    code = [cell.source for cell in executed_nb.cells if cell.cell_type == "code"]
    assert code == [cell.source for cell in clean_nb.cells if cell.cell_type == "code"]
    text = script.content.decode()
    assert all(source in text for source in code)
    if packed := packed_source(project, name):
        assert code[0] == packed
        del code[0]
    assert code == [cell.source for cell in download_cells(project, name) if not cell.cell.has("solution")]
    assert any(cell.get("outputs") for cell in executed_nb.cells)
    assert not any(cell.get("outputs") for cell in clean_nb.cells)
    prose = "".join(cell.source for cell in executed_nb.cells if cell.cell_type == "markdown")
    assert "{{" not in prose
    assert "](../" not in prose


def download_cells(project: Project, name: str) -> list[FlatCell]:
    """The code of a chapter as its reader gets it."""
    chapter = read_chapter(project.docs_dir / name, project.docs_dir)
    return [cell for cell in flatten(chapter) if cell.cell.kind == "code" and not cell.cell.has("live")]


def packed_source(project: Project, name: str) -> str:
    code = "\n".join(cell.source for cell in download_cells(project, name))
    return packed_cell(files_named(code, project.data_dir), project.data_dir)


def printed_on_the_page(cells: list[Any]) -> list[str]:
    """What each cell of the download printed when the build ran it."""
    ran = [cell for cell in cells if cell.kind == "code" and not cell.tags & {"live", "solution"}]
    return ["".join(out["text"] for out in cell.outputs if out["output_type"] == "stream") for cell in ran]


def run_download(
    packed: str, cells: list[FlatCell], allowed: list[str], folder: Path, breaks: bool = True
) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [sys.executable, __file__],
        input=pickle.dumps((packed, cells, breaks)),
        cwd=folder,
        env=environment(PYTHONHASHSEED="1", ALLOWED_IMPORTS=json.dumps(allowed)),
        capture_output=True,
        timeout=HANG,
    )


def test_a_download_cannot_import_what_it_does_not_list(tmp_path: Path) -> None:
    others = ["gptbook", "bookbuild", "mkdocs", "nbformat", "pytest"]
    tries = f"""
import matplotlib, numpy, json
for name in {others}:
    try:
        __import__(name)
    except ModuleNotFoundError:
        continue
    raise SystemExit(name + " is there")
"""
    run = run_download(tries, [], sorted(closure(["matplotlib"])), tmp_path)
    assert run.returncode == 0, run.stderr.decode()


@pytest.mark.parametrize("name", CHAPTER_NAMES)
def test_each_shown_definition_is_used_further_on_and_can_be_broken(name: str, project: Project) -> None:
    """A later cell runs it under the name that its own cell gives it: an edited definition reaches that cell."""
    run = [cell for cell in download_cells(project, name) if not cell.cell.has("solution")]
    shown = [place for place, cell in enumerate(run) if cell.origin and not cell.folded]
    assert shown, "a chapter shows at least one definition of the package"
    for place in shown:
        origin = run[place].origin
        assert origin is not None
        if not any(isinstance(node, DEFINITIONS) for node in ast.parse(run[place].source).body):
            continue  # a constant
        assert first_use(run, place) < len(run), f"no later cell uses {origin.name}"
        again = [cell.cell.line for cell in run[place + 1 :] if origin.name in bound_in(cell.source)]
        assert not again, f"{origin.name} is given another meaning at line {again[0]}"


@pytest.mark.parametrize("name", CHAPTER_NAMES)
def test_nothing_in_a_chapter_is_drawn_without_a_seed(name: str, project: Project) -> None:
    """PyTorch begins with the same seed in every process; Python, NumPy and those who draw with them do not."""
    cells = download_cells(project, name)
    code = "\n".join(cell.source for cell in cells)
    assert unseeded(code) == []


@pytest.mark.parametrize(
    "code",
    [
        "import random\nx = random.random()",
        "from random import shuffle\nshuffle([1])",
        "import random\ngenerator = random.Random()",
        "import numpy as np\nx = np.random.rand(3)",
        "import numpy as np\ngenerator = np.random.default_rng()",
        "from numpy.random import default_rng\ngenerator = default_rng()",
        "from sklearn.model_selection import train_test_split\ntrain_test_split([1, 2])",
        "import pandas as pd\nx = pd.Series([1, 2]).sample(1)",
    ],
)
def test_what_is_drawn_without_a_seed_is_found(code: str) -> None:
    assert len(unseeded(code)) == 1


def test_what_is_drawn_with_a_seed_is_not_found() -> None:
    code = """
import random
from random import Random
import numpy as np
from sklearn.model_selection import train_test_split
import torch
random.Random(0).shuffle([1])
x = [np.random.default_rng(1), Random(2), train_test_split([1, 2], random_state=3), torch.randn(2)]
"""
    assert unseeded(code) == []


def unseeded(code: str) -> list[str]:
    """The calls that draw by chance and are given no seed."""
    tree = ast.parse(code)
    origin: dict[str, str] = {}  # a name in the code -> what it stands for
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            origin |= {alias.asname or alias.name: alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            origin |= {alias.asname or alias.name: f"{node.module}.{alias.name}" for alias in node.names}
    found = []
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        said = ast.unparse(node.func)
        first, dot, rest = said.partition(".")
        called = origin.get(first, first) + dot + rest
        keywords = {keyword.arg for keyword in node.keywords}
        is_given = bool(node.args or keywords)
        if called.startswith(("random.", "numpy.random.")):
            is_seeded = is_given and bool(re.search(r"\.(Random|default_rng|RandomState)(\(.+\)\.\w+)?$", called))
        elif called.startswith("sklearn."):
            given: Any = importlib.import_module(called.rpartition(".")[0])
            takes = inspect.signature(getattr(given, called.rpartition(".")[2])).parameters
            is_seeded = "random_state" not in takes or "random_state" in keywords
        else:
            is_seeded = not called.endswith(".sample") or "random_state" in keywords or first in {"self", "generator"}
        if not is_seeded:
            found.append(said)
    return found


def bound_in(source: str) -> set[str]:
    """The names that code gives a meaning, outside of functions and classes."""
    names: set[str] = set()
    for node in ast.parse(source).body:
        if isinstance(node, DEFINITIONS):
            names.add(node.name)
        elif isinstance(node, ast.Import | ast.ImportFrom):
            names |= {alias.asname or alias.name.partition(".")[0] for alias in node.names}
        else:
            stored = (part for part in ast.walk(node) if isinstance(part, ast.Name))
            names |= {part.id for part in stored if isinstance(part.ctx, ast.Store)}
    return names


@pytest.mark.parametrize("name", QUICK_NAMES)
def test_a_download_runs_with_the_listed_libraries_alone_and_can_be_broken_and_solved(
    name: str, book: Any, project: Project, tmp_path: Path
) -> None:
    """One run of the download's code in an empty folder, behind a fence.

    It prints what the page shows, to the last digit: results follow from the sources alone. Another processor rounds
    otherwise; if the page was made on one, two runs here must agree.
    At each definition a child process breaks it and must fail further on: an edited definition reaches later cells.
    """
    cells, packed = download_cells(project, name), packed_source(project, name)
    code = "\n".join([packed, *(cell.source for cell in cells)])
    allowed = closure(requirements(code))
    assert not {"gptbook", "bookbuild", "mkdocs"} & allowed
    run = run_download(packed, cells, sorted(allowed), tmp_path)
    assert run.returncode == 0, run.stderr.decode()
    report = json.loads(run.stdout.decode().splitlines()[-1])
    if report["printed"] != printed_on_the_page(book.chapters[name].cells):
        (tmp_path / "again").mkdir()
        again = run_download(packed, cells, sorted(allowed), tmp_path / "again", breaks=False)
        assert json.loads(again.stdout.decode().splitlines()[-1])["printed"] == report["printed"], again.stderr.decode()
    assert report["broken"], "a chapter shows at least one definition of the package"
    unnoticed = [definition for definition, noticed in report["broken"].items() if not noticed]
    assert not unnoticed, f"broken, and no later cell noticed: {', '.join(unnoticed)}"
    assert len(report["exercises"]) == 3
    for title, (before, after) in report["exercises"].items():
        assert "✗" in before, f"the starter of {title} passes its check"
        assert "✓" in after, f"the solution of {title} fails its check: {after}"


def test_every_distribution_name_is_known(book: Any) -> None:
    """`pip install` needs the name on the index, which is not always the name one imports."""
    for chapter in book.chapters.values():
        code = [cell.source for cell in chapter.cells if cell.kind == "code" and "live" not in cell.tags]
        names = requirements("\n".join(code))
        for name in names:
            importlib.metadata.version(name)
    assert all(importlib.metadata.version(name) for name in DISTRIBUTIONS.values())


# ---- what the child process does that runs a download: this file run as a script


class BrokenOnPurpose(BaseException):
    """Not an Exception, so that an exercise's check does not swallow it."""


def broken(*arguments: object, **named: object) -> None:
    raise BrokenOnPurpose


def compiled(cell: FlatCell) -> CodeType:
    return compile(ast.parse(cell.source), f"<cell at line {cell.cell.line}>", "exec")


def run_quietly(cell: FlatCell, namespace: dict[str, Any]) -> str:
    output = io.StringIO()
    with contextlib.redirect_stdout(output):
        exec(compiled(cell), namespace)
    return output.getvalue()


def notices(cells: list[FlatCell], namespace: dict[str, Any], name: str) -> bool:
    """In a child process: replace the definition by one that fails, and run the cells from here on."""
    child = os.fork()
    if child == 0:
        code = 1
        try:
            namespace[name] = broken
            for cell in cells:
                run_quietly(cell, namespace)
        except BrokenOnPurpose:
            code = 0
        except BaseException:
            code = 0  # it failed otherwise, because of the broken definition: `except` clauses and class bases do
        finally:
            os._exit(code)
    _, status = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(status) == 0


def named_in(node: ast.AST) -> set[str]:
    return {part.id for part in ast.walk(node) if isinstance(part, ast.Name)}


def first_use(cells: list[FlatCell], position: int) -> int:
    """The first cell after a definition that can run it: it names it, or a definition whose body does, and so on.

    The cells between cannot tell whether it is broken, so the child need not run them.
    """
    name = cells[position].origin.name
    bodies: dict[str, set[str]] = {}
    for cell in cells:
        for node in ast.parse(cell.source).body:
            if isinstance(node, ast.FunctionDef | ast.ClassDef):
                bodies.setdefault(node.name, set()).update(named_in(node))
    reaching, before = {name}, set[str]()
    while reaching != before:
        before = set(reaching)
        reaching |= {outer for outer, inner in bodies.items() if inner & reaching}
    for place in range(position + 1, len(cells)):
        for node in ast.parse(cells[place].source).body:
            if isinstance(node, ast.FunctionDef):  # to define it runs its decorators and defaults only
                ran = [*node.decorator_list, *node.args.defaults, *filter(None, node.args.kw_defaults)]
            else:
                ran = [node]
            if any(named_in(part) & reaching for part in ran):
                return place
    return len(cells)


def exercises(cells: list[FlatCell]) -> Iterator[tuple[FlatCell, FlatCell, FlatCell]]:
    tagged = {tag: [c for c in cells if c.cell.has(tag)] for tag in ("starter", "check", "solution")}
    yield from zip(tagged["starter"], tagged["check"], tagged["solution"])


def main() -> None:
    packed, cells, breaks = pickle.loads(sys.stdin.buffer.read())
    exec(FENCE, {})
    import matplotlib.pyplot as plt

    namespace: dict[str, Any] = {"__name__": "__main__"}
    exec(packed, namespace)
    report: dict[str, Any] = {"printed": [], "broken": {}, "exercises": {}}
    run = [cell for cell in cells if not cell.cell.has("solution")]
    waiting: dict[int, list[str]] = defaultdict(list)  # by the cell that uses them first
    for position, cell in enumerate(run):
        for name in waiting[position] if breaks else ():
            report["broken"][name] = notices(run[position:], namespace, name)
        said = steady({"text": run_quietly(cell, namespace)})["text"]
        report["printed"].append("" if cell.cell.has("check") else said)  # the page does not show it
        plt.close("all")
        if cell.origin and callable(namespace[cell.origin.name]) and not cell.folded:
            waiting[first_use(run, position)].append(cell.origin.name)
    report["broken"] |= dict.fromkeys(waiting[len(run)], False)  # nothing uses them
    for starter, check, solution in exercises(cells):
        run_quietly(starter, namespace)
        before = run_quietly(check, namespace)
        run_quietly(solution, namespace)
        after = run_quietly(check, namespace)
        title = before.split(":")[0].lstrip("✗✓ ").strip() or str(check.cell.line)
        report["exercises"][title] = (before, after)
    print(json.dumps(report))


if __name__ == "__main__":
    main()
