"""A chapter's source file, read into cells that know their line and their tags."""

import re
from dataclasses import dataclass
from pathlib import Path

import jupytext

from bookbuild.chapters.guess import GuessError, check_source, unfenced

MARKDOWN_TAGS = frozenset({"read", "note", "guess", "exercise", "hint"})
CODE_TAGS = frozenset({"show", "fold", "hide", "result", "read", "raises", "starter", "check", "solution", "live"})
EXERCISE_TAGS = ("exercise", "starter", "check", "hint", "solution")

CELL_MARKER = re.compile(r"^# %%")
SECTION = re.compile(r"^##? ")
OPTION = re.compile(r"^#\| *(?P<name>[a-z]+): *(?P<value>.*)$")


class BuildError(Exception):
    """Something the author must mend; the message says where (file:line) and what to do."""


@dataclass(frozen=True, kw_only=True)
class Cell:
    kind: str
    """`markdown` or `code`."""
    source: str
    """The text, without the `#| name: value` lines that open a code cell."""
    tags: frozenset[str]
    line: int
    """Line of the chapter file on which `source` begins, counted from 1."""
    options: dict[str, str]
    """What the `#|` lines said: `alt` and `caption` of a figure, `widget` of a live piece."""

    def has(self, *tags: str) -> bool:
        return not self.tags.isdisjoint(tags)


@dataclass(frozen=True, kw_only=True)
class Chapter:
    path: Path
    name: str
    """Path below `docs/`, as in mkdocs.yml: `part/slug.py`."""
    cells: tuple[Cell, ...]

    @property
    def slug(self) -> str:
        return self.path.stem

    @property
    def title(self) -> str:
        return self.cells[0].source.splitlines()[0].removeprefix("# ").strip()

    def at(self, line: int) -> str:
        """`docs/part/slug.py:LINE`, the way every error begins."""
        return f"docs/{self.name}:{line}"


def read_chapter(path: Path, docs_dir: Path) -> Chapter:
    """Read a percent-format chapter.

    Raises BuildError, with file and line, for an unknown tag, a cell without a marker, exercises out of order, a
    section that only Read would have, and a question whose answer is missing or malformed.
    """
    name = path.relative_to(docs_dir).as_posix()
    text = path.read_text(encoding="utf-8")
    marker_lines = [number for number, line in enumerate(text.splitlines(), 1) if CELL_MARKER.match(line)]
    notebook = jupytext.reads(text, fmt="py:percent")
    if len(marker_lines) != len(notebook.cells):
        raise BuildError(f"docs/{name}:1: text before the first `# %%` line; begin the file with a cell marker")
    cells = tuple(_read_cell(raw, line, name) for raw, line in zip(notebook.cells, marker_lines))
    if not cells or cells[0].kind != "markdown" or not cells[0].source.startswith("# "):
        raise BuildError(f"docs/{name}:1: the first cell must be Markdown and begin with `# Title`")
    _check_exercises(cells, name)
    for cell in cells:
        if cell.kind == "markdown":
            _check_prose(cell, name)
    return Chapter(path=path, name=name, cells=cells)


def _read_cell(raw: object, marker_line: int, name: str) -> Cell:
    kind, source = raw.cell_type, raw.source  # type: ignore[attr-defined]
    tags = frozenset(raw.metadata.get("tags", ()))  # type: ignore[attr-defined]
    where = f"docs/{name}:{marker_line}"
    if kind not in {"markdown", "code"}:
        raise BuildError(f"{where}: a {kind} cell; chapters hold Markdown and code")
    unknown = tags - (MARKDOWN_TAGS if kind == "markdown" else CODE_TAGS)
    if unknown:
        raise BuildError(f"{where}: unknown tag {', '.join(sorted(unknown))} on a {kind} cell")
    options: dict[str, str] = {}
    lines = source.splitlines()
    first = 0
    while kind == "code" and first < len(lines) and (match := OPTION.match(lines[first])):
        options[match["name"]] = match["value"].strip()
        first += 1
    if unknown := frozenset(options) - {"alt", "caption", "widget"}:
        raise BuildError(
            f"{where}: unknown option #| {', '.join(sorted(unknown))}: (there are alt, caption and widget)"
        )
    if "widget" in options and tags.isdisjoint({"live", "fold"}):
        raise BuildError(f"{where}: only a cell tagged `live` or `fold` has a #| widget:")
    return Cell(
        kind=kind,
        source="\n".join(lines[first:]),
        tags=tags,
        line=marker_line + 1 + first,
        options=options,
    )


def _check_prose(cell: Cell, name: str) -> None:
    if len(cell.tags) > 1:
        raise BuildError(
            f"docs/{name}:{cell.line}: a prose cell tagged {' and '.join(sorted(cell.tags))}; it has one tag at most"
        )
    for number, line in unfenced(cell.source) if cell.has("read") else ():
        if SECTION.match(line):
            raise BuildError(
                f"docs/{name}:{cell.line + number}: a cell tagged `read` holds no `##` heading: Skim would lose the "
                "section; begin the section in a cell without a tag"
            )
    try:
        check_source(cell.source, cell.tags)
    except GuessError as error:
        raise BuildError(f"docs/{name}:{cell.line + error.line}: {error}") from None


def _check_exercises(cells: tuple[Cell, ...], name: str) -> None:
    """An exercise is five cells in this order, so that the page can fold them and a test can solve them."""
    marked = [(cell, cell.tags & set(EXERCISE_TAGS)) for cell in cells if cell.has(*EXERCISE_TAGS)]
    for position, (cell, found) in enumerate(marked):
        expected = EXERCISE_TAGS[position % len(EXERCISE_TAGS)]
        if found != {expected}:
            raise BuildError(
                f"docs/{name}:{cell.line}: this exercise cell is {', '.join(sorted(found))}; next must come "
                f"{expected} (an exercise is {', '.join(EXERCISE_TAGS)}, in this order)"
            )
    if len(marked) % len(EXERCISE_TAGS):
        missing = EXERCISE_TAGS[len(marked) % len(EXERCISE_TAGS)]
        raise BuildError(f"docs/{name}:{marked[-1][0].line}: the last exercise has no {missing} cell")
