"""A chapter as it is published: its cells with the run's numbers in the prose and the run's outputs under the code."""

from dataclasses import dataclass
from typing import Any

from bookbuild.chapters.chapter import EXERCISE_TAGS, Chapter
from bookbuild.chapters.execute import fill
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
    outputs: tuple[dict[str, Any], ...] = ()
    execution_count: int | None = None


def notebook_outputs(cell: PublishedCell) -> list[dict[str, Any]]:
    """The outputs as the notebook format wants them: a result repeats the count of its cell."""
    return [
        {**output, "execution_count": cell.execution_count} if output["output_type"] == "execute_result" else output
        for output in cell.outputs
    ]


def publish(chapter: Chapter, execution: Execution) -> list[PublishedCell]:
    """Merge the chapter's text, as it is now, with what its code gave."""
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
            published.append(PublishedCell(source=fill(cell.source, execution.values), **common))  # type: ignore[arg-type]
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
                outputs=tuple(results),
                execution_count=count,
                **common,  # type: ignore[arg-type]
            )
        )
    return published
