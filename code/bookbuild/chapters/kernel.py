"""One chapter in a kernel of its own: its cells, what its prose asks for, and a sentence for all that can go wrong."""

import ast
import base64
import contextlib
import os
import re
import signal
import sys
import tempfile
import textwrap
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import nbformat
from jupyter_client.kernelspec import KernelSpec
from jupyter_client.manager import AsyncKernelManager
from jupyter_client.provisioning.local_provisioner import LocalProvisioner
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError

from bookbuild.chapters import packing, warm
from bookbuild.chapters.chapter import BuildError, Cell, Chapter
from bookbuild.chapters.guess import GuessError, answering_code, find_guess
from bookbuild.chapters.outputs import check_outputs, joined, steady
from bookbuild.chapters.source import FlatCell
from bookbuild.project import LIVE_DIR_VARIABLE, Project
from gptbook.files.json_files import with_sorted_metadata

SECONDS_PER_CELL = 900
"""A guard against a cell that hangs; a busy machine takes ten times as long as a quiet one."""
SECONDS_TO_START = 600
"""For what no chapter can help: a kernel that starts, and imports PyTorch, on a slow or busy machine."""
MOST_LIVE_BYTES = 1024**2
"""All files of a live piece together."""
EXPRESSION = re.compile(r"\{\{(?P<code>.+?)\}\}", re.DOTALL)
IN_CELL = re.compile(r"Cell In\[\d+\], line (\d+)")
ANSI = re.compile(r"\x1b\[[0-9;]*m")
SOLVED, UNSOLVED = "✓", "✗"
"""How `gptbook.exercise` begins what it says of an answer."""
PARSING = threading.Lock()
"""Python 3.11 now and then fails in `ast.parse` when two threads parse at once (cpython issue 106905)."""

# Run before the first cell and never shown. The package is off the path: an import that flattening missed fails.
STARTUP = """
import os, sys
sys.path[:] = [p for p in sys.path if not os.path.isdir(os.path.join(p, "gptbook"))]
from matplotlib_inline.backend_inline import set_matplotlib_formats
set_matplotlib_formats("svg", metadata={"Date": None, "Creator": None}, bbox_inches=None)
del os, sys, set_matplotlib_formats
"""
# Before that, where there is a live piece: what it calls lies beside the package. It imports PyTorch.
STARTUP_OF_A_LIVE_PIECE = "import bookbuild.live\ndel bookbuild"

running: set[int] = set()
"""The kernels of this process that run now, by their process id."""


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


def code_of(flat: list[FlatCell]) -> str:
    return "\n".join(cell.source for cell in flat if cell.cell.kind == "code")


def run(chapter: Chapter, flat: list[FlatCell], project: Project) -> Execution:
    """Run the cells in an empty folder. Raises BuildError, with file and line, for whatever stops them."""
    code_cells = [cell for cell in flat if cell.cell.kind == "code"]
    notebook = nbformat.v4.new_notebook()
    notebook.cells = [nbformat.v4.new_code_cell(cell.source) for cell in code_cells]
    with (
        tempfile.TemporaryDirectory(prefix="chapter-", ignore_cleanup_errors=True) as folder,
        tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as live_dir,
        tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as sockets,
    ):
        packing.unpack_into(Path(folder), packing.files_named(code_of(flat), project.data_dir), project.data_dir)
        client = NotebookClient(
            notebook,
            km=_kernel_manager(Path(sockets)),
            startup_timeout=SECONDS_TO_START,
            resources={"metadata": {"path": folder}},
            store_widget_state=False,
            record_timing=False,
        )
        client.log.disabled = True  # it says in its own words what is raised as well
        values: dict[str, str] = {}
        environment = kernel_environment() | {LIVE_DIR_VARIABLE: live_dir}
        with _started(client, chapter, env=environment, cwd=folder, cleanup_kc=True):
            startup = STARTUP_OF_A_LIVE_PIECE + STARTUP if any(cell.has("live") for cell in chapter.cells) else STARTUP
            _execute_hidden(client, startup, chapter, line=1, seconds=SECONDS_TO_START)
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
            _check_exercises(client, notebook.cells, code_cells, chapter, values)
        live = _live_files(Path(live_dir), chapter)
    outputs = [joined([steady(output) for output in raw.get("outputs", [])]) for raw in notebook.cells]
    for cell, results in zip(code_cells, outputs):
        check_outputs(cell, results, chapter)
    return Execution(outputs, [raw.get("execution_count") for raw in notebook.cells], values, live)


def stop_all() -> None:
    """End every kernel of this process at once: their chapters fail, and nothing of them stays behind."""
    for process in list(running):
        with contextlib.suppress(OSError):
            os.kill(process, getattr(signal, "SIGKILL", signal.SIGTERM))


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


@contextlib.contextmanager
def _started(client: NotebookClient, chapter: Chapter, **options: Any) -> Iterator[None]:
    kernel = client.setup_kernel(**options)
    try:
        kernel.__enter__()
    except Exception as error:  # whatever the machine lacks: memory, processes, room for a socket
        message = f"{chapter.at(1)}: no kernel starts: {type(error).__name__}: {error}"
        raise BuildError(message) from error
    manager: Any = client.km
    process: int = manager.provisioner.pid
    running.add(process)
    try:
        yield
    except BaseException:
        # It may still be busy, with what ran too long: nobody waits for it.
        with contextlib.suppress(OSError):
            os.kill(process, getattr(signal, "SIGKILL", signal.SIGTERM))
        raise
    finally:
        running.discard(process)
        kernel.__exit__(None, None, None)


def _live_files(folder: Path, chapter: Chapter) -> dict[str, str]:
    files = {path.name: path.read_bytes() for path in sorted(folder.iterdir())}
    for name in files:
        if name.endswith(".safetensors"):
            files[name] = with_sorted_metadata(files[name])
    if (size := sum(map(len, files.values()))) > MOST_LIVE_BYTES:
        line = next((cell.line for cell in chapter.cells if cell.has("live")), 1)
        message = f"its live piece has {size:,} bytes, {MOST_LIVE_BYTES:,} may be"
        raise BuildError(f"{chapter.at(line)}: {message}")
    return {name: base64.b64encode(content).decode("ascii") for name, content in files.items()}


class WarmProvisioner(LocalProvisioner):
    """Where the kernel comes from, for Jupyter: a fork that has imported already."""

    process: Any
    pid: Any
    pgid: Any

    async def launch_kernel(self, cmd: list[str], **options: Any) -> Any:
        arguments = cmd[cmd.index("ipykernel_launcher") + 1 :]
        self.process = warm.imported_in(kernel_environment()).fork(arguments, options["cwd"], options["env"])
        self.pid = self.pgid = self.process.pid
        self.cwd = options["cwd"]
        return self.connection_info


def _kernel_manager(sockets: Path) -> AsyncKernelManager:
    # This Python, not whichever `python3` a machine has registered; ipc has no port to collide on and no warning.
    transport = "tcp" if os.name == "nt" else "ipc"
    manager = AsyncKernelManager(transport=transport, connection_file=str(sockets / "kernel.json"))
    manager._kernel_spec = KernelSpec(
        argv=[sys.executable, "-Xfrozen_modules=off", "-m", "ipykernel_launcher", "-f", "{connection_file}"],
        display_name="Python 3",
        language="python",
    )
    if warm.possible:
        manager.provisioner = WarmProvisioner(kernel_spec=manager._kernel_spec, parent=manager)
    return manager


def _execute_cell(client: NotebookClient, raw: Any, index: int, cell: FlatCell, chapter: Chapter) -> None:
    what = f"code cell {index + 1}: "
    client.timeout = SECONDS_PER_CELL
    try:
        client.execute_cell(raw, index, store_history=not cell.cell.has("live"))
    except CellExecutionError as error:
        if cell.cell.has("raises"):
            return
        line = cell.cell.line
        if cell.origin is None and (found := IN_CELL.findall(ANSI.sub("", error.traceback))):
            line += int(found[0]) - 1
        raise BuildError(f"{chapter.at(line)}: {what}{_said(error)}") from None
    except Exception as error:
        raise BuildError(f"{chapter.at(cell.cell.line)}: {what}{_stopped(error, SECONDS_PER_CELL)}") from None
    if cell.cell.has("raises"):
        raise BuildError(f"{chapter.at(cell.cell.line)}: {what}is tagged `raises` and raised nothing")


def _check_exercises(
    client: NotebookClient, ran: list[Any], code_cells: list[FlatCell], chapter: Chapter, values: dict[str, str]
) -> None:
    """Raises BuildError for a starter that solves its exercise, and for a solution, or an answer on the page, that does
    not."""
    tasks = [cell for cell in chapter.cells if cell.has("exercise")]
    starters = [cell for cell in code_cells if cell.cell.has("starter")]
    checks = [(cell, raw) for cell, raw in zip(code_cells, ran) if cell.cell.has("check")]
    solutions = [cell for cell in code_cells if cell.cell.has("solution")]
    for task, starter, (check, raw), solution in zip(tasks, starters, checks, solutions, strict=True):
        before = "".join(output.get("text", "") for output in raw.get("outputs", []))
        if not before.startswith(UNSOLVED):
            raise BuildError(f"{chapter.at(check.cell.line)}: the starter passes the check: it says {before.strip()!r}")

        def solves(code: str, line: int, what: str, check: FlatCell = check) -> tuple[bool, str]:
            said = _execute_hidden(client, f"{code}\n{check.source}", chapter, line, what).splitlines()
            solved = any(line.startswith(SOLVED) for line in said)
            return solved and not any(line.startswith(UNSOLVED) for line in said), " ".join(said)

        solved, said = solves(solution.source, solution.cell.line, "the solution: ")
        if not solved:
            raise BuildError(f"{chapter.at(solution.cell.line)}: the solution fails its check: {said}")
        for number, code in enumerate(_answers(task, starter, values, chapter)):
            solved, said = solves(code, task.line, "the answer: ")
            if solved != (number == 0):
                what = "a wrong choice passes" if number else "the answer fails"
                raise BuildError(f"{chapter.at(task.line)}: {what} the check: {' '.join(code.split())}: {said}")


def _answers(task: Cell, starter: FlatCell, values: dict[str, str], chapter: Chapter) -> list[str]:
    """The starter, filled in with each answer that the page offers, the right one first."""
    try:
        guess = find_guess(EXPRESSION.sub(lambda match: values[match["code"].strip()], task.source))
    except GuessError as error:
        raise BuildError(f"{chapter.at(task.line + error.line)}: {error}") from None
    return answering_code(guess, starter.source) if guess else []


def _execute_hidden(
    client: NotebookClient, code: str, chapter: Chapter, line: int, what: str = "", seconds: int | None = None
) -> str:
    """Run code that is no cell of the chapter and return what it printed."""
    limit = SECONDS_PER_CELL if seconds is None else seconds
    client.timeout = limit
    raw = nbformat.v4.new_code_cell(textwrap.dedent(code))
    # nbclient wants the cell in its notebook; it goes in at the end and out again.
    client.nb.cells.append(raw)
    try:
        client.execute_cell(raw, len(client.nb.cells) - 1, store_history=False)
    except CellExecutionError as error:
        raise BuildError(f"{chapter.at(line)}: {what}{_said(error)}") from None
    except Exception as error:
        raise BuildError(f"{chapter.at(line)}: {what}{_stopped(error, limit)}") from None
    finally:
        client.nb.cells.pop()
    return "".join(output.get("text", "") for output in raw.outputs if output.get("name") == "stdout")


def _said(error: CellExecutionError) -> str:
    """The kind of an error and its message, on one line: an assertion of NumPy has twenty."""
    return " ".join(f"{error.ename}: {error.evalue}".split()).removesuffix(":")


def _stopped(error: Exception, seconds: int) -> str:
    if isinstance(error, CellTimeoutError):
        return f"ran longer than {seconds} s; make it shorter or record it"
    if isinstance(error, DeadKernelError):
        return "the kernel died (out of memory, or the code ended the process)"
    return f"the kernel does not answer: {type(error).__name__}: {' '.join(str(error).split())}"


def _evaluate_prose(client: NotebookClient, chapter: Chapter) -> dict[str, str]:
    values = {}
    for expression in expressions(chapter):
        what = f"{{{{ {' '.join(expression.code.split())} }}}}: "
        try:
            with PARSING:
                ast.parse(expression.code, mode="eval")
        except (SyntaxError, ValueError) as error:
            said = error.msg if isinstance(error, SyntaxError) else str(error)
            raise BuildError(f"{chapter.at(expression.line)}: {what}{type(error).__name__}: {said}") from None
        # Lines of its own, so that a comment ends where the expression does.
        code = f"print((\n{expression.code}\n), end='')"
        values[expression.code] = _execute_hidden(client, code, chapter, expression.line, what)
    return values
