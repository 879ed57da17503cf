"""A chapter as it is published: its cells with the run's numbers in the prose and the run's outputs under the code."""

from dataclasses import dataclass
from typing import Any

from bookbuild.chapters.chapter import EXERCISE_TAGS, BuildError, Cell, Chapter
from bookbuild.chapters.execute import fill
from bookbuild.chapters.guess import Guess, GuessError, find_guess
from bookbuild.chapters.kernel import Execution
from bookbuild.chapters.source import Origin, flatten

EXERCISES_HEADING = "## Exercises"


@dataclass(frozen=True, kw_only=True)
class PublishedCell:
    kind: str
    source: str
    tags: frozenset[str]
    group: int
    """Cells that come from one cell of the chapter share this number."""
    in_exercises: bool = False
    folded: bool = False
    origin: Origin | None = None
    alt: str = ""
    caption: str = ""
    widget: str = ""
    """The live piece that takes the place of the figure."""
    guess: Guess | None = None
    """What the reader is asked before the page answers it."""
    outputs: tuple[dict[str, Any], ...] = ()
    execution_count: int | None = None


def notebook_outputs(cell: PublishedCell) -> list[dict[str, Any]]:
    """The outputs as the notebook format wants them: a result repeats the count of its cell."""
    return [
        {**output, "execution_count": cell.execution_count} if output["output_type"] == "execute_result" else output
        for output in cell.outputs
    ]


def publish(chapter: Chapter, execution: Execution) -> list[PublishedCell]:
    """Merge the chapter's text, as it is now, with what its code gave.

    The check of an exercise has no output here: it failed, since nobody has answered yet.
    Raises BuildError for a question whose answer is no answer any more, now that its numbers are filled in.
    """
    published: list[PublishedCell] = []
    outputs = iter(zip(execution.outputs, execution.counts))
    in_exercises = False
    groups = {id(cell): number for number, cell in enumerate(chapter.cells)}
    for flat in flatten(chapter):
        cell = flat.cell
        if cell.kind == "markdown" and cell.source.startswith("## "):
            in_exercises = cell.source.startswith(EXERCISES_HEADING)
        common = {
            "kind": cell.kind,
            "tags": cell.tags,
            "group": groups[id(cell)],
            "in_exercises": in_exercises or cell.has(*EXERCISE_TAGS),
        }
        if cell.kind == "markdown":
            text = fill(cell.source, execution.values)
            published.append(PublishedCell(source=text, guess=_guess(chapter, cell, text), **common))  # type: ignore[arg-type]
            continue
        results, count = next(outputs)
        # The figure belongs to the cell's own code, not to the definitions that came in with it.
        drawn = any("image/svg+xml" in result.get("data", {}) for result in results)
        published.append(
            PublishedCell(
                source=flat.source,
                folded=flat.folded,
                origin=flat.origin,
                alt=fill(cell.options.get("alt", ""), execution.values) if drawn else "",
                caption=fill(cell.options.get("caption", ""), execution.values) if drawn else "",
                widget=cell.options.get("widget", ""),
                outputs=() if cell.has("check") else tuple(results),
                execution_count=count,
                **common,  # type: ignore[arg-type]
            )
        )
    return published


def _guess(chapter: Chapter, cell: Cell, text: str) -> Guess | None:
    if not cell.has("guess", "exercise"):
        return None
    try:
        return find_guess(text)
    except GuessError as error:
        raise BuildError(f"{chapter.at(cell.line + error.line)}: {error}") from None
