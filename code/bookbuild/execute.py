"""Run chapters, each in its own kernel and in an empty folder, and remember what they gave.

A chapter runs in its flattened form, without the package: what the page shows is what the reader's download does.
The memory (`.cache/book/executed`) is keyed on everything that can change a result and on nothing else: prose is free.
"""

import ast
import base64
import hashlib
import json
import os
import re
import sys
import tempfile
import textwrap
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import nbformat
from jupyter_client.kernelspec import KernelSpec
from jupyter_client.manager import AsyncKernelManager
from jupyter_core.utils import ensure_event_loop
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError

from bookbuild import chapter as chapter_module
from bookbuild import live as live_module
from bookbuild import outputs as outputs_module
from bookbuild import packing
from bookbuild import source as source_module
from bookbuild.chapter import BuildError, Chapter
from bookbuild.outputs import check_outputs, joined, steady
from bookbuild.project import Project
from bookbuild.source import FlatCell, flatten

SECONDS_PER_CELL = 120
MOST_LIVE_BYTES = 1024**2
"""All files of a live piece together."""
EXPRESSION = re.compile(r"\{\{(?P<code>.+?)\}\}", re.DOTALL)
IN_CELL = re.compile(r"Cell In\[\d+\], line (\d+)")
ANSI = re.compile(r"\x1b\[[0-9;]*m")
RUNNERS = 2
PARSING = threading.Lock()
"""Python 3.11 now and then fails in `ast.parse` when two threads parse at once (cpython issue 106905)."""

# Run before the first cell and never shown. The package is off the path: an import that flattening missed fails.
# What a live cell calls is there already.
STARTUP = """
import os, sys
import bookbuild.live
sys.path[:] = [p for p in sys.path if not os.path.isdir(os.path.join(p, "gptbook"))]
from matplotlib_inline.backend_inline import set_matplotlib_formats
set_matplotlib_formats("svg", metadata={"Date": None, "Creator": None}, bbox_inches=None)
import torch
torch.set_num_threads(1)
del os, sys, set_matplotlib_formats, torch, bookbuild
"""


@dataclass(frozen=True)
class Execution:
    """What a chapter's run gave: outputs by position among its flat code cells, and the values of its prose."""

    outputs: list[list[dict[str, Any]]]
    counts: list[int | None]
    values: dict[str, str]
    live: dict[str, str] = field(default_factory=dict)
    """The files of the chapter's live piece: name -> content in base64."""


@dataclass(frozen=True)
class Expression:
    code: str
    line: int


def expressions(chapter: Chapter) -> list[Expression]:
    """Every `{{ ... }}` in the prose, captions and alternative texts, each once, with the line it stands on."""
    found: dict[str, Expression] = {}
    for cell in chapter.cells:
        texts = [cell.source] if cell.kind == "markdown" else list(cell.options.values())
        for text in texts:
            for match in EXPRESSION.finditer(text):
                line = cell.line + text[: match.start()].count("\n") if cell.kind == "markdown" else cell.line
                found.setdefault(match["code"].strip(), Expression(match["code"].strip(), line))
    return list(found.values())


def fill(text: str, values: dict[str, str]) -> str:
    """Put the values of the run in place of `{{ ... }}`."""
    return EXPRESSION.sub(lambda match: values[match["code"].strip()], text)


def execute_all(
    chapters: list[Chapter], project: Project, progress: Callable[[str], None] = print
) -> dict[str, Execution]:
    """Execute what is not remembered, two chapters at a time; all errors are gathered before any is raised."""
    results: dict[str, Execution] = {}
    errors: list[str] = []
    with ThreadPoolExecutor(RUNNERS) as pool:
        futures = {chapter.name: pool.submit(execute, chapter, project, progress) for chapter in chapters}
        for name, future in futures.items():
            try:
                results[name] = future.result()
            except BuildError as error:
                errors.append(str(error))
    if errors:
        raise BuildError("\n".join(errors))
    return results


def execute(chapter: Chapter, project: Project, progress: Callable[[str], None] = print) -> Execution:
    """Run one chapter, or return what its last run with the same key gave."""
    with PARSING:
        flat = flatten(chapter)
    remembered = project.cache_dir / "executed" / f"{chapter.slug}-{execution_key(chapter, flat, project)}.json"
    if remembered.exists():
        return Execution(**json.loads(remembered.read_text(encoding="utf-8")))
    progress(f"executing {chapter.name}")
    try:
        execution = _run(chapter, flat, project)
    finally:
        ensure_event_loop().close()  # Jupyter makes one a thread, and leaves it open
    remembered.parent.mkdir(parents=True, exist_ok=True)
    for old in remembered.parent.glob(f"{chapter.slug}-*.json"):
        old.unlink()
    partial = remembered.with_suffix(".partial")
    partial.write_text(json.dumps(execution.__dict__), encoding="utf-8")
    partial.replace(remembered)
    return execution


def execution_key(chapter: Chapter, flat: list[FlatCell], project: Project) -> str:
    """A hash of all that can change a result: code, tags, data, locked versions, Python, and this executor itself."""
    digest = hashlib.sha256()
    for cell in flat:
        if cell.cell.kind == "code":
            digest.update(f"{sorted(cell.cell.tags)}\n{cell.source}\n\0".encode())
    for expression in expressions(chapter):
        digest.update(f"{expression.code}\0".encode())
    for name in packing.files_named(_code(flat), project.data_dir):
        digest.update(f"{name}\0".encode() + (project.data_dir / name).read_bytes())
    digest.update(project.lock.read_bytes())
    digest.update(sys.version.encode())
    modules = (source_module, chapter_module, packing, live_module, outputs_module)
    for module in (__file__, *(module.__file__ for module in modules)):
        digest.update(Path(str(module)).read_bytes())
    digest.update(matplotlibrc().read_bytes())
    return digest.hexdigest()[:20]


def matplotlibrc() -> Path:
    return Path(__file__).with_name("matplotlibrc")


def kernel_environment() -> dict[str, str]:
    """The reader's machine, made the same everywhere: one thread, one clock, one locale, one hash."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("GPTBOOK_", "PYTHON"))}
    return kept | {
        "PYTHONHASHSEED": "0",
        "SOURCE_DATE_EPOCH": "0",
        "MATPLOTLIBRC": str(matplotlibrc()),
        "MPLBACKEND": "module://matplotlib_inline.backend_inline",
        "OMP_NUM_THREADS": "1",
        "TZ": "UTC",
        "LC_ALL": "C.UTF-8",
        "PYDEVD_DISABLE_FILE_VALIDATION": "1",
    }


def _code(flat: list[FlatCell]) -> str:
    return "\n".join(cell.source for cell in flat if cell.cell.kind == "code")


def _run(chapter: Chapter, flat: list[FlatCell], project: Project) -> Execution:
    code_cells = [cell for cell in flat if cell.cell.kind == "code"]
    notebook = nbformat.v4.new_notebook()
    notebook.cells = [nbformat.v4.new_code_cell(cell.source) for cell in code_cells]
    with (
        tempfile.TemporaryDirectory(prefix="chapter-") as folder,
        tempfile.TemporaryDirectory() as live_dir,
        tempfile.TemporaryDirectory() as sockets,
    ):
        packing.unpack_into(Path(folder), packing.files_named(_code(flat), project.data_dir), project.data_dir)
        client = NotebookClient(
            notebook,
            km=_kernel_manager(Path(sockets)),
            timeout=SECONDS_PER_CELL,
            resources={"metadata": {"path": folder}},
            store_widget_state=False,
            record_timing=False,
        )
        values: dict[str, str] = {}
        environment = kernel_environment() | {live_module.FOLDER_VARIABLE: live_dir}
        with client.setup_kernel(env=environment, cwd=folder, cleanup_kc=True):
            _execute_hidden(client, STARTUP, chapter, line=1)
            last_before_exercises = max(
                (i for i, cell in enumerate(code_cells) if not cell.cell.has("starter", "check", "solution")),
                default=-1,
            )
            if last_before_exercises < 0:
                values = _evaluate_prose(client, chapter)
            for index, cell in enumerate(code_cells):
                if not cell.cell.has("solution"):
                    _execute_cell(client, notebook.cells[index], index, cell, chapter)
                if index == last_before_exercises:
                    values = _evaluate_prose(client, chapter)
        live = _live_files(Path(live_dir), chapter)
    outputs = [joined([steady(output) for output in raw.get("outputs", [])]) for raw in notebook.cells]
    for cell, results in zip(code_cells, outputs):
        check_outputs(cell, results, chapter)
    return Execution(outputs, [raw.get("execution_count") for raw in notebook.cells], values, live)


def _live_files(folder: Path, chapter: Chapter) -> dict[str, str]:
    files = {path.name: path.read_bytes() for path in sorted(folder.iterdir())}
    if (size := sum(map(len, files.values()))) > MOST_LIVE_BYTES:
        raise BuildError(f"docs/{chapter.name}: its live piece has {size:,} bytes, {MOST_LIVE_BYTES:,} may be")
    return {name: base64.b64encode(content).decode("ascii") for name, content in files.items()}


def _kernel_manager(sockets: Path) -> AsyncKernelManager:
    # This Python, not whichever `python3` a machine has registered; ipc has no port to collide on and no warning.
    transport = "tcp" if os.name == "nt" else "ipc"
    manager = AsyncKernelManager(transport=transport, connection_file=str(sockets / "kernel.json"))
    manager._kernel_spec = KernelSpec(
        argv=[sys.executable, "-Xfrozen_modules=off", "-m", "ipykernel_launcher", "-f", "{connection_file}"],
        display_name="Python 3",
        language="python",
    )
    return manager


def _execute_cell(client: NotebookClient, raw: Any, index: int, cell: FlatCell, chapter: Chapter) -> None:
    where = f"{chapter.at(cell.cell.line)}: code cell {index + 1}"
    try:
        client.execute_cell(raw, index, store_history=not cell.cell.has("live"))
    except CellExecutionError as error:
        if cell.cell.has("raises"):
            return
        line = cell.cell.line
        if cell.origin is None and (found := IN_CELL.findall(ANSI.sub("", error.traceback))):
            line += int(found[0]) - 1
        message = f"{chapter.at(line)}: code cell {index + 1}: {error.ename}: {error.evalue}"
        raise BuildError(message) from None
    except CellTimeoutError:
        raise BuildError(f"{where}: ran longer than {SECONDS_PER_CELL} s; make it shorter or record it") from None
    except DeadKernelError:
        raise BuildError(f"{where}: the kernel died (out of memory?)") from None
    if cell.cell.has("raises"):
        raise BuildError(f"{where}: is tagged `raises` and raised nothing")


def _execute_hidden(client: NotebookClient, code: str, chapter: Chapter, line: int) -> str:
    """Run code that is no cell of the chapter and return what it printed."""
    raw = nbformat.v4.new_code_cell(textwrap.dedent(code))
    # nbclient wants the cell in its notebook; it goes in at the end and out again.
    client.nb.cells.append(raw)
    try:
        client.execute_cell(raw, len(client.nb.cells) - 1, store_history=False)
    except CellExecutionError as error:
        raise BuildError(f"{chapter.at(line)}: {error.ename}: {error.evalue}") from None
    finally:
        client.nb.cells.pop()
    return "".join(output.get("text", "") for output in raw.outputs if output.get("name") == "stdout")


def _evaluate_prose(client: NotebookClient, chapter: Chapter) -> dict[str, str]:
    values = {}
    for expression in expressions(chapter):
        try:
            with PARSING:
                ast.parse(expression.code, mode="eval")
        except SyntaxError as error:
            message = f"{chapter.at(expression.line)}: {{{{ {expression.code} }}}}: SyntaxError: {error.msg}"
            raise BuildError(message) from None
        printed = _execute_hidden(client, f"print({expression.code}, end='')", chapter, expression.line)
        values[expression.code] = printed
    return values
