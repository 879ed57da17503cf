"""The search index, page by page: Material parses each finished page anew, and here only those that have changed."""

from types import MethodType
from typing import Any

from mkdocs.structure.pages import Page

from bookbuild.project import Project
from bookbuild.remember import BUILD, key_of, remember


def remember_search(index: Any, project: Project) -> None:
    """Let Material's `SearchIndex` remember the entries of a page by all that it reads of the page."""
    read = index.add_entry_from_context

    def add(index: Any, page: Page) -> None:
        def entries() -> list[dict[str, Any]]:
            before = len(index.entries)
            read(page)
            found = index.entries[before:]
            del index.entries[before:]
            return list(found)

        anchors = [anchor for top in page.toc for anchor in _all(top)]
        about = {name: page.meta.get(name) for name in ("search", "title", "tags")}
        key = key_of(BUILD, page.content or "", repr(anchors), page.url, str(page.title), repr(about))
        index.entries.extend(remember(project.cache_dir / "search", page.url.rstrip("/") or "home", key, entries))

    index.add_entry_from_context = MethodType(add, index)


def _all(anchor: Any) -> list[tuple[str, str]]:
    found = [(anchor.id, anchor.url)]
    for child in anchor.children:
        found += _all(child)
    return found
