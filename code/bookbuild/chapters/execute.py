"""Run chapters, each in its own kernel and in an empty folder, and remember what they gave.

A chapter runs in its flattened form, without the package: what the page shows is what the reader's download does.
The memory (`.cache/book/executed`) is keyed on everything that can change a result and on nothing else: prose is free.
"""

import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from jupyter_core.utils import ensure_event_loop

from bookbuild.chapters import kernel, packing
from bookbuild.chapters.chapter import BuildError, Chapter
from bookbuild.chapters.guess import answer_lines
from bookbuild.chapters.kernel import EXPRESSION, PARSING, Execution, code_of, expressions, matplotlibrc
from bookbuild.chapters.source import FlatCell, flatten
from bookbuild.project import Project
from bookbuild.remember import key_of, remember

RUNNERS = 2
MODULES = ("chapter", "kernel", "outputs", "packing", "source", "warm")
"""What decides a result, of this package; read once, since a process that serves goes on with the code it loaded."""
LOADED = [Path(__file__).with_name(f"{name}.py").read_bytes() for name in MODULES]


def fill(text: str, values: dict[str, str]) -> str:
    """Put the values of the run in place of `{{ ... }}`."""
    return EXPRESSION.sub(lambda match: values[match["code"].strip()], text)


def execute_all(
    chapters: list[Chapter], project: Project, progress: Callable[[str], None] = print
) -> dict[str, Execution]:
    """Execute what is not remembered, two chapters at a time; all errors are gathered before any is raised.

    Whoever interrupts it waits for none of them: their kernels are ended.
    """
    results: dict[str, Execution] = {}
    errors: list[str] = []
    pool = ThreadPoolExecutor(RUNNERS)
    try:
        futures = {chapter.name: pool.submit(execute, chapter, project, progress) for chapter in chapters}
        for name, future in futures.items():
            try:
                results[name] = future.result()
            except BuildError as error:
                errors.append(str(error))
    except BaseException:
        pool.shutdown(wait=False, cancel_futures=True)
        kernel.stop_all()
        raise
    finally:
        pool.shutdown()
    if errors:
        raise BuildError("\n".join(errors))
    return results


def execute(chapter: Chapter, project: Project, progress: Callable[[str], None] = print) -> Execution:
    """Run one chapter, or return what its last run with the same key gave."""
    with PARSING:
        flat = flatten(chapter)

    def run() -> dict[str, Any]:
        progress(f"executing {chapter.name}")
        try:
            return kernel.run(chapter, flat, project).__dict__
        finally:
            ensure_event_loop().close()  # Jupyter makes one a thread, and leaves it open

    name = chapter.name.removesuffix(".py")
    return Execution(**remember(project.cache_dir / "executed", name, execution_key(chapter, flat, project), run))


def execution_key(chapter: Chapter, flat: list[FlatCell], project: Project) -> str:
    """A hash of all that can change a result: code, tags, data, locked versions, Python, and this executor itself."""
    cells = [f"{sorted(cell.cell.tags)}\n{cell.source}" for cell in flat if cell.cell.kind == "code"]
    # With them each answer that the page gives is tried in the run.
    answers = [answer_lines(cell.cell.source) for cell in flat if cell.cell.has("exercise")]
    asked = [expression.code for expression in expressions(chapter)]
    tables = packing.files_named(code_of(flat), project.data_dir)
    return key_of(
        key_of(*cells),
        key_of(*asked),
        key_of(*answers),
        key_of(*(part for name in tables for part in (name, (project.data_dir / name).read_bytes()))),
        project.lock.read_bytes(),
        sys.version,
        *LOADED,
        (Path(__file__).parents[1] / "live.py").read_bytes(),  # the kernels read it afresh
        matplotlibrc().read_bytes(),
    )
