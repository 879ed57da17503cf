"""The package's pages, rendered once: mkdocstrings takes as long for them as all the rest of a build.

What it made of a page is remembered by the whole package's source: a definition may show what another module says.
"""

from pathlib import Path
from types import MethodType
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import Files
from mkdocs.structure.pages import Page
from mkdocs.structure.toc import AnchorLink, TableOfContents

from bookbuild.project import Project
from bookbuild.remember import BUILD, is_remembered, key_of, package_key, remember

FOLDER = "reference"
DIRECTIVE = "::: gptbook."


def documents_a_module(page: Page) -> bool:
    return DIRECTIVE.encode() in _source(page)


def is_reference_remembered(page: Page, config: MkDocsConfig, files: Files, project: Project) -> bool:
    return is_remembered(project.cache_dir / FOLDER, page.file.name, _key(page, config, files, project))


def _source(page: Page) -> bytes:
    return Path(page.file.abs_src_path or "").read_bytes()


def _key(page: Page, config: MkDocsConfig, files: Files, project: Project) -> str:
    addresses = "\n".join(f"{file.src_uri} {file.url}" for file in files)
    settings = (project.root / "mkdocs.yml").read_bytes()
    return key_of(BUILD, _source(page), settings, addresses, str(config.site_url), package_key(project.root))


def remember_reference(page: Page, project: Project) -> None:
    """Let a page that documents a module be rendered only if what it is made from has changed."""
    if not documents_a_module(page):
        return

    def render(page: Page, config: MkDocsConfig, files: Files) -> None:
        key = _key(page, config, files, project)
        found = remember(project.cache_dir / FOLDER, page.file.name, key, lambda: _rendered(page, config, files))
        for arguments in found["registered"]:
            config.plugins["autorefs"].register_anchor(page, **arguments)  # type: ignore[attr-defined]
        page.content = found["content"]
        page.toc = TableOfContents([_anchor(entry) for entry in found["toc"]])
        page._title_from_render = found["title"]
        page.present_anchor_ids = set(found["anchors"])
        page.links_to_anchors = {
            target: links for name, links in found["links"].items() if (target := files.get_file_from_path(name))
        }

    page.render = MethodType(render, page)  # type: ignore[method-assign]


def _rendered(page: Page, config: MkDocsConfig, files: Files) -> dict[str, Any]:
    autorefs: Any = config.plugins["autorefs"]
    registered: list[dict[str, Any]] = []

    def listen(page: Page, identifier: str, anchor: str | None = None, **more: Any) -> None:
        registered.append({"identifier": identifier, "anchor": anchor, **more})

    # What a page says of its anchors it must say again when it is remembered: links of other pages lead there. Here
    # it is only written down, since whoever asks for the page says it.
    autorefs.register_anchor = listen
    try:
        Page.render(page, config, files)
    finally:
        del autorefs.register_anchor
    return {
        "content": page.content,
        "registered": registered,
        "toc": [_entry(anchor) for anchor in page.toc],
        "title": page._title_from_render,
        "anchors": sorted(page.present_anchor_ids or ()),
        "links": {file.src_uri: links for file, links in (page.links_to_anchors or {}).items()},
    }


def _entry(anchor: AnchorLink) -> list[Any]:
    return [anchor.title, anchor.id, anchor.level, [_entry(child) for child in anchor.children]]


def _anchor(entry: list[Any]) -> AnchorLink:
    title, identifier, level, children = entry
    anchor = AnchorLink(title, identifier, level)
    anchor.children = [_anchor(child) for child in children]
    return anchor
