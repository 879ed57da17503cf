"""MkDocs' events: chapters in, pages and downloads out. What is not about MkDocs lives in the other modules."""

import html
import json
import logging
import posixpath
import re
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import nbformat
from mkdocs.commands.build import _populate_page
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.exceptions import PluginError
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page
from mkdocs.utils import CountHandler, get_relative_url
from mkdocs_jupyter.plugin import NotebookFile

from bookbuild.chapters.book import Book, BookChapter, make_book
from bookbuild.chapters.chapter import BuildError
from bookbuild.chapters.fragments import Fragment, cell_fragments, code_cells, fragments_key, page_notebook
from bookbuild.project import this_project
from bookbuild.remember import is_remembered, make_beforehand, remember
from bookbuild.site.formulas import with_mathml
from bookbuild.site.home import ChapterCard, home_chapters
from bookbuild.site.home_opening import home_figure, remembered_opening
from bookbuild.site.mend import mend, with_marked_contents, without_code_in_search
from bookbuild.site.pages import fill_places, headings_of_read, inline_markdown, page_markdown, with_drawings
from bookbuild.site.policy import with_policy
from bookbuild.site.reference import documents_a_module, is_reference_remembered, remember_reference
from bookbuild.site.scripts import serve_without_comments
from bookbuild.site.searching import remember_search
from bookbuild.site.serving import end_as_by_ctrl_c
from bookbuild.site.symptoms import with_picker
from bookbuild.site.through_opening import CHAPTER, OPENING, remembered_through, through_figure

log = logging.getLogger("mkdocs.hooks.book")

CHAPTERS_PLACE = "<!--chapters-->"
LADDER_PLACE = "<!--live ladder-->"
THROUGH_PLACE = "<!--live through-the-gpt-->"
DOWNLOADS = "downloads"
LIVE = "live"
SYMPTOMS_SCRIPT = "assets/symptoms.js"
WIDGETS = "widgets"
NOTEBOOK_BRANCH = "notebooks"
SOURCE_LINK = re.compile(r'href="(?P<path>[^":#]+\.(?:md|py))(?P<anchor>#[^"]*)?"')

# MkDocs calls functions of this module one after another; what one has made the next needs. One build at a time.
current: dict[str, Book] = {}
live_files: dict[str, dict[str, bytes]] = {}
"""Page -> name of a file of its live piece -> content."""
serving = False
"""Whether the pages are for `make serve`, which slips a script of its own into them: a policy would forbid it."""


def on_startup(command: str, dirty: bool) -> None:
    global serving
    serving = command == "serve"
    end_as_by_ctrl_c()


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Put each chapter's executed notebook in the place of its source, and each drawing beside them."""
    try:
        book = make_book(config.nav or [], this_project(), config.site_url or "", progress=log.info)
    except BuildError as error:
        raise PluginError(str(error)) from None
    current["book"] = book
    live_files.clear()
    live_files.update({chapter.slug: dict(chapter.live) for chapter in book.chapters.values() if chapter.live})
    if more := remembered_through(live_files, this_project()):
        live_files[CHAPTER].update(more)
    for name, chapter in book.chapters.items():
        source = files.get_file_from_path(name)
        if source is None:
            raise PluginError(f"mkdocs.yml: {name} is excluded from the site")
        files.remove(source)
        notebook = NotebookFile(source, **config)
        notebook.abs_src_path = str(_write_page_notebook(chapter))
        files.append(notebook)
    for file in list(files):
        if file.src_uri.startswith("figures/") or file.src_uri.endswith(".toml"):
            files.remove(file)
    for slug, drawing in book.drawings.items():
        files.append(File.generated(config, f"figures/{slug}.svg", content=drawing))
    return files


def on_nav(nav: Any, config: MkDocsConfig, files: Files) -> None:
    """Have the pages that are not remembered rendered by two processes, before MkDocs goes through all in one."""
    if serving:
        return  # its pages come one by one, as they are saved
    pages = [file.page for file in files.documentation_pages() if file.page]
    project = this_project()
    reference = [
        page for page in pages if documents_a_module(page) and not is_reference_remembered(page, config, files, project)
    ]
    chapters = [
        page
        for page in pages
        if (chapter := current["book"].chapters.get(page.file.src_uri)) and not is_remembered(*_fragments_at(chapter))
    ]

    def render(*pages: Page) -> None:
        complaints = CountHandler()
        complaints.setLevel(logging.WARNING)
        logging.getLogger("mkdocs").addHandler(complaints)
        for page in pages:
            _populate_page(page, config, files)
        if complaints.get_counts():
            raise PluginError("what the lines above say")

    # All pages of the package are one piece of work: whoever renders the first has read the package for all.
    work = [partial(render, *reference)] if reference else []
    if not make_beforehand([*work, *(partial(render, page) for page in chapters)]):
        log.warning("a page was not rendered as it should be; lines above, or below, say which")


def on_pre_page(page: Page, config: MkDocsConfig, files: Files) -> Page:
    """Let a chapter's page be rendered by Markdown (its prose) and mkdocs-jupyter (its cells)."""
    chapter = current["book"].chapters.get(page.file.src_uri)
    if chapter is None:
        remember_reference(page, this_project())
        return page
    render_cells = page.render
    inline = _inline(page, config, files)
    cells = code_cells(chapter.cells)

    def fragments_now() -> list[Fragment]:
        render_cells(config, files)
        return cell_fragments(page.content or "", cells)

    def render(config: MkDocsConfig, files: Files) -> None:
        page.meta.update(_page_meta(chapter, page, config))
        try:
            fragments = remember(*_fragments_at(chapter), fragments_now)
            page.markdown = page_markdown(chapter.cells)
            Page.render(page, config, files)
            page.meta["headings_of_read"] = headings_of_read(page.content or "")
            page.content = fill_places(
                page.content or "",
                chapter.cells,
                fragments,
                lambda *origin: _reference_url(page, *origin),
                inline,
                _live_url(page),
            )
        except ValueError as error:
            raise PluginError(f"docs/{chapter.name}: {error}") from error

    page.render = render  # type: ignore[method-assign]
    return page


def on_page_content(html: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Drawings, formulas, and the home page's list of chapters."""
    book = current["book"]
    if CHAPTERS_PLACE in html:
        html = html.replace(CHAPTERS_PLACE, home_chapters([_card(chapter) for chapter in book.chapters.values()]))
    if LADDER_PLACE in html:
        opening = remembered_opening(live_files, this_project())
        live_files[Path(page.file.src_uri).stem] = {"opening.json": json.dumps(opening, separators=(",", ":")).encode()}
        html = html.replace(LADDER_PLACE, home_figure(opening, _live_url(page)))
    if THROUGH_PLACE in html:
        folder = get_relative_url(f"{LIVE}/{CHAPTER}/", page.url)
        chapter = next(c.name for c in book.chapters.values() if c.slug == CHAPTER)
        whole = "" if page.file.src_uri == chapter else get_relative_url(files.src_uris[chapter].url, page.url)
        html = html.replace(THROUGH_PLACE, through_figure(live_files[CHAPTER][OPENING], folder, whole))
    try:
        drawn = with_drawings(html, book.drawings, _inline(page, config, files), _live_url(page))
        drawn = with_picker(drawn, get_relative_url(SYMPTOMS_SCRIPT, page.url))
        return without_code_in_search(with_mathml(drawn))
    except (ValueError, KeyError) as error:
        raise PluginError(f"docs/{page.file.src_uri}: {error}") from error


def on_env(env: Any, config: MkDocsConfig, files: Files) -> None:
    remember_search(config.plugins["material/search"].search_index, this_project())  # type: ignore[attr-defined]


def on_post_page(output: str, page: Page, config: MkDocsConfig) -> str:
    return _finished(with_marked_contents(output, page.meta.get("headings_of_read", [])))


def on_post_template(output_content: str, template_name: str, config: MkDocsConfig) -> str:
    return _finished(output_content) if template_name.endswith(".html") else output_content


def _finished(page: str) -> str:
    return mend(page) if serving else with_policy(mend(page))


def on_post_build(config: MkDocsConfig) -> None:
    if not serving:
        serve_without_comments(Path(config.site_dir) / WIDGETS)
    folder = Path(config.site_dir) / DOWNLOADS
    folder.mkdir(parents=True, exist_ok=True)
    for download in current["book"].downloads():
        (folder / download.name).write_bytes(download.content)
    for page_name, files in live_files.items():
        folder = Path(config.site_dir) / LIVE / page_name
        folder.mkdir(parents=True, exist_ok=True)
        for name, content in files.items():
            (folder / name).write_bytes(content)


def _write_page_notebook(chapter: BookChapter) -> Path:
    path = this_project().cache_dir / "pages" / chapter.name.replace(".py", ".ipynb")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(nbformat.writes(page_notebook(chapter.cells)), encoding="utf-8")
    return path


def _inline(page: Page, config: MkDocsConfig, files: Files) -> Callable[[str], str]:
    """Render a caption: a line of Markdown whose links name source files, as in the prose."""
    # Captions know no blocks, so the extensions that make blocks or collect footnotes stay out.
    wanted = ["pymdownx.arithmatex", "pymdownx.inlinehilite", "attr_list", "smarty"]
    names = [name for name in config.markdown_extensions if name in wanted]
    render = inline_markdown(names, {name: config.mdx_configs.get(name, {}) for name in names})

    def link(match: re.Match[str]) -> str:
        path = posixpath.normpath(posixpath.join(posixpath.dirname(page.file.src_uri), match["path"]))
        target = files.get_file_from_path(path)
        # An unknown file stays as it is, and the check of the finished site names it.
        return match[0] if target is None else f'href="{get_relative_url(target.url, page.url)}{match["anchor"] or ""}"'

    return lambda caption: SOURCE_LINK.sub(link, render(caption))


def _fragments_at(chapter: BookChapter) -> tuple[Path, str, str]:
    """Folder, name and key by which the chapter's fragments are remembered."""
    name = chapter.name.removesuffix(".py")
    return this_project().cache_dir / "fragments", name, fragments_key(code_cells(chapter.cells))


def _live_url(page: Page) -> str:
    """Where what this page's live piece loads lies, seen from the page."""
    return get_relative_url(f"{LIVE}/{Path(page.file.src_uri).stem}/", page.url)


def _reference_url(page: Page, module: str, name: str) -> str:
    wing = module.split(".")[1]
    return get_relative_url(f"reference/{wing}/", page.url) + f"#{module}.{name}"


def _page_meta(chapter: BookChapter, page: Page, config: MkDocsConfig) -> dict[str, Any]:
    downloads = [
        {
            "label": download.label,
            "detail": download.detail,
            "href": get_relative_url(f"{DOWNLOADS}/{download.name}", page.url),
        }
        for download in chapter.downloads
    ]
    repository = config.extra.get("repository")
    colab = f"https://colab.research.google.com/github/{repository}/blob/{NOTEBOOK_BRANCH}/{chapter.slug}.ipynb"
    return {
        "number": chapter.number,
        "part": chapter.part,
        "skim_minutes": chapter.skim_minutes,
        "read_minutes": chapter.read_minutes,
        "downloads": downloads,
        "colab": colab if repository else "",
        "description": html.escape(_plain(chapter.question)),  # Material does not
    }


def _card(chapter: BookChapter) -> ChapterCard:
    return ChapterCard(
        number=chapter.number,
        part=chapter.part,
        title=chapter.title,
        question=_plain(chapter.question),
        url=chapter.url,
        skim_minutes=chapter.skim_minutes,
        read_minutes=chapter.read_minutes,
    )


def _plain(text: str) -> str:
    """Markdown of one paragraph without its marks."""
    text = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", text)
    return html.unescape(re.sub(r"[*_`]", "", text))
