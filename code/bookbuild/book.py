"""The whole book: chapters in the order of mkdocs.yml, executed, with their drawings, minutes and downloads."""

import base64
import hashlib
import importlib.util
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bookbuild import source
from bookbuild.chapter import BuildError, Chapter, read_chapter
from bookbuild.downloads import ZIP_NAME, Download, chapter_downloads, zip_of
from bookbuild.execute import execute_all
from bookbuild.project import Project
from bookbuild.published import PublishedCell, publish
from bookbuild.words import read_minutes, skim_minutes


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
    published = {}
    for number, (part, chapter) in enumerate(chapters, 1):
        cells = publish(chapter, executions[chapter.name])
        page_url = f"{site_url.rstrip('/')}/{chapter.name.removesuffix('.py')}/"
        published[chapter.name] = BookChapter(
            number=number,
            part=part,
            name=chapter.name,
            title=chapter.title,
            question=_first_paragraph(cells[0].source),
            cells=cells,
            downloads=chapter_downloads(cells, chapter.slug, page_url, drawings, project),
            live={name: base64.b64decode(text) for name, text in executions[chapter.name].live.items()},
        )
    return Book(chapters=published, drawings=drawings)


def draw_all(project: Project) -> dict[str, str]:
    """Slug -> SVG of every drawing in docs/figures."""
    sources = [*Path(source.__file__).parent.glob("*.py"), *(project.root / "code" / "gptbook").glob("*.py")]
    tables = [path for path in project.data_dir.rglob("*") if path.is_file()]
    digest = hashlib.sha256()
    for path in sorted([*sources, *tables]):
        digest.update(path.read_bytes())
    drawings = {}
    for path in sorted((project.docs_dir / "figures").glob("*.py")):
        # Remembered by all that a drawing may read: some import torch for one number.
        key = hashlib.sha256(digest.digest() + path.read_bytes()).hexdigest()[:20]
        remembered = project.cache_dir / "drawings" / f"{path.stem}-{key}.svg"
        if not remembered.exists():
            remembered.parent.mkdir(parents=True, exist_ok=True)
            for old in remembered.parent.glob(f"{path.stem}-{'?' * len(key)}.svg"):
                old.unlink()
            remembered.write_text(draw(path), encoding="utf-8")
        drawings[path.stem] = remembered.read_text(encoding="utf-8")
    return drawings


def draw(path: Path) -> str:
    """The SVG that `figure()` of this file returns."""
    spec = importlib.util.spec_from_file_location(f"figure_{path.stem.replace('-', '_')}", path)
    if spec is None or spec.loader is None:
        raise BuildError(f"docs/figures/{path.name}:1: cannot be loaded")
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
        return str(module.figure())
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
