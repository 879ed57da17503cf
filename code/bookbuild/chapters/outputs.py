"""What a kernel returned for a cell: without what differs from run to run, in one piece, and checked."""

import json
import re
from typing import Any

from bookbuild.chapters.chapter import BuildError, Chapter
from bookbuild.chapters.source import FlatCell

ADDRESS = re.compile(r"\bat 0x[0-9a-f]{6,}")
STYLER_ID = re.compile(r"\bT_[0-9a-f]{5}\b")


def steady(output: Any) -> dict[str, Any]:
    """The output without what differs from run to run."""
    steady = json.loads(STYLER_ID.sub("T_table", ADDRESS.sub("at 0x…", json.dumps(output))))
    steady.pop("execution_count", None)
    data = steady.get("data", {})
    if "image/svg+xml" in data:
        data.pop("text/plain", None)
    return dict(steady)


def joined(outputs: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Printed text in one piece: a kernel sends it in as many as its clock happens to cut."""
    pieces: list[dict[str, Any]] = []
    for output in outputs:
        before = pieces[-1] if pieces else {}
        if output["output_type"] == "stream" and before.get("name") == output["name"]:
            before["text"] += output["text"]
        else:
            pieces.append(output)
    return pieces


def check_outputs(cell: FlatCell, outputs: list[dict[str, Any]], chapter: Chapter) -> None:
    where = chapter.at(cell.cell.line)
    for output in outputs:
        if output["output_type"] == "stream" and output["name"] == "stderr":
            raise BuildError(f"{where}: the cell wrote to stderr: {output['text'].strip().splitlines()[0]}")
        if "image/png" in output.get("data", {}):
            raise BuildError(f"{where}: the cell made a PNG; figures of the book are SVG")
    figures = sum("image/svg+xml" in output.get("data", {}) for output in outputs)
    if figures > 1:
        raise BuildError(f"{where}: one figure a cell, so that each has its own caption; this one has {figures}")
    widget = "widget" in cell.cell.options
    if (widget and not figures) or (cell.cell.has("live") and outputs and not widget):
        raise BuildError(
            f"{where}: a cell with a `#| widget:` ends with one figure, which stands there where no script runs; "
            "a live cell without one shows nothing"
        )
    if figures and set(cell.cell.options) - {"widget"} != {"alt", "caption"}:
        raise BuildError(f"{where}: a figure needs `#| alt: ...` and `#| caption: ...` as the first lines of its cell")
