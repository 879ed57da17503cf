"""The whole book: chapters in the order of mkdocs.yml, executed, with their drawings, minutes and downloads."""

import base64
import importlib.util
import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from bookbuild.chapters import source
from bookbuild.chapters.chapter import BuildError, Chapter, read_chapter
from bookbuild.chapters.downloads import ZIP_NAME, Download, chapter_downloads, zip_of
from bookbuild.chapters.execute import execute_all
from bookbuild.chapters.published import PublishedCell, publish
from bookbuild.chapters.reading_time import read_minutes, skim_minutes
from bookbuild.project import Project
from bookbuild.remember import (
    BUILD,
    in_fresh_process,
    is_remembered,
    key_of,
    key_of_files,
    make_beforehand,
    package_key,
    recalled,
    remember,
)


@dataclass(frozen=True, kw_only=True)
class BookChapter:
    number: int
    part: str
    name: str
    """`part/slug.py`, as in mkdocs.yml."""
    title: str
    question: str
    """The first paragraph: what the chapter asks."""
    cells: list[PublishedCell]
    downloads: list[Download]
    live: dict[str, bytes]
    """The files of its live piece, by name."""

    @property
    def slug(self) -> str:
        return Path(self.name).stem

    @property
    def url(self) -> str:
        return self.name.removesuffix(".py") + "/"

    @property
    def skim_minutes(self) -> int:
        return skim_minutes(self.cells)

    @property
    def read_minutes(self) -> int:
        return read_minutes(self.cells)


@dataclass(frozen=True, kw_only=True)
class Book:
    chapters: dict[str, BookChapter]
    drawings: dict[str, str] = field(default_factory=dict)

    def downloads(self) -> list[Download]:
        """Every file of the downloads folder: the chapters' own and one zip of them."""
        files = [download for chapter in self.chapters.values() for download in chapter.downloads]
        return [*files, Download(ZIP_NAME, "Everything", ".zip", zip_of(files))]


def chapter_names(nav: list[Any], part: str = "") -> list[tuple[str, str]]:
    """(part, `part/slug.py`) of every chapter in the navigation, in its order."""
    found = []
    for entry in nav:
        title, value = next(iter(entry.items())) if isinstance(entry, dict) else ("", entry)
        if isinstance(value, list):
            found.extend(chapter_names(value, title))
        elif str(value).endswith(".py"):
            found.append((part, str(value)))
    return found


def read_chapters(nav: list[Any], project: Project) -> list[tuple[str, Chapter]]:
    names = chapter_names(nav)
    for _, name in names:
        if not (project.docs_dir / name).is_file():
            raise BuildError(f"mkdocs.yml: the navigation names {name}, and docs/{name} does not exist")
    return [(part, read_chapter(project.docs_dir / name, project.docs_dir)) for part, name in names]


def make_book(nav: list[Any], project: Project, site_url: str, progress: Callable[[str], None] = print) -> Book:
    """Execute what changed and publish every chapter. `site_url` is where the downloads' links lead."""
    source.read_module.cache_clear()
    chapters = read_chapters(nav, project)
    executions = execute_all([chapter for _, chapter in chapters], project, progress)
    drawings = draw_all(project)
    every = {chapter.name: publish(chapter, executions[chapter.name]) for _, chapter in chapters}
    downloads = _all_downloads(every, site_url, drawings, project)
    published = {}
    for number, (part, chapter) in enumerate(chapters, 1):
        cells = every[chapter.name]
        published[chapter.name] = BookChapter(
            number=number,
            part=part,
            name=chapter.name,
            title=chapter.title,
            question=_first_paragraph(cells[0].source),
            cells=cells,
            downloads=downloads[chapter.name],
            live={name: base64.b64decode(text) for name, text in executions[chapter.name].live.items()},
        )
    return Book(chapters=published, drawings=drawings)


def _all_downloads(
    every: dict[str, list[PublishedCell]], site_url: str, drawings: dict[str, str], project: Project
) -> dict[str, list[Download]]:
    """Each chapter's files, remembered by its cells, all drawings and all tables."""
    folder = project.cache_dir / "downloads"
    tables = key_of_files((p for p in project.data_dir.rglob("*") if p.suffix in {".csv", ".json"}), project.data_dir)

    def page_url(name: str) -> str:
        return f"{site_url.rstrip('/')}/{name.removesuffix('.py')}/"

    def key(name: str) -> str:
        about = [{**asdict(cell), "tags": sorted(cell.tags)} for cell in every[name]]
        return key_of(BUILD, json.dumps([about, page_url(name), drawings]), tables)

    def make(name: str) -> list[list[str]]:
        files = chapter_downloads(every[name], Path(name).stem, page_url(name), drawings, project)
        return [[file.name, file.label, file.detail, file.content.decode("utf-8")] for file in files]

    keys = {name: key(name) for name in every}

    def files_of(name: str) -> list[Download]:
        found = remember(folder, name.removesuffix(".py"), keys[name], partial(make, name))
        return [Download(name, label, detail, content.encode("utf-8")) for name, label, detail, content in found]

    missing = [name for name in every if not is_remembered(folder, name.removesuffix(".py"), keys[name])]
    make_beforehand([partial(files_of, name) for name in missing])
    return {name: files_of(name) for name in every}


def draw_all(project: Project) -> dict[str, str]:
    """Slug -> SVG of every drawing in docs/figures, remembered by all that it may read: the package and the tables.

    Raises BuildError for a slug that two files draw.
    """
    tables = (path for path in project.data_dir.rglob("*") if path.is_file())
    shared = key_of(BUILD, package_key(project.root), key_of_files(tables, project.data_dir))
    paths = sorted((project.docs_dir / "figures").glob("*.py"))
    folder = project.cache_dir / "drawings"
    keys = {path: key_of(shared, path.read_bytes()) for path in paths}
    missing = [path for path in paths if recalled(folder, path.stem, keys[path]) is None]
    drawn = dict(zip(missing, in_fresh_process(draw_each, missing))) if missing else {}
    drawings: dict[str, str] = {}
    for path in paths:
        found = remember(folder, path.stem, keys[path], partial(drawn.__getitem__, path))
        if doubled := sorted(drawings.keys() & found.keys()):
            raise BuildError(f"docs/figures/{path.name}: draws {doubled[0]}, which another file draws too")
        drawings |= found
    return drawings


def draw_each(paths: list[Path]) -> list[dict[str, str]]:
    return [draw(path) for path in paths]


def draw(path: Path) -> dict[str, str]:
    """Slug -> SVG: what `figures()` of this file returns, or `figure()` by the file's own name."""
    spec = importlib.util.spec_from_file_location(f"figure_{path.stem.replace('-', '_')}", path)
    if spec is None or spec.loader is None:
        raise BuildError(f"docs/figures/{path.name}:1: cannot be loaded")
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
        return dict(module.figures()) if hasattr(module, "figures") else {path.stem: str(module.figure())}
    except Exception as error:
        line = _line_in(error, path)
        raise BuildError(f"docs/figures/{path.name}:{line}: {type(error).__name__}: {error}") from error


def _line_in(error: BaseException, path: Path) -> int:
    line, trace = 1, error.__traceback__
    while trace:
        if trace.tb_frame.f_code.co_filename == str(path):
            line = trace.tb_lineno
        trace = trace.tb_next
    return line


def _first_paragraph(text: str) -> str:
    body = text.split("\n", 1)[1] if "\n" in text else ""
    return " ".join(body.strip().split("\n\n", 1)[0].split())
