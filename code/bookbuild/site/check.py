"""The finished site, checked as a browser would walk it: every link, anchor and image leads somewhere."""

import posixpath
from collections import Counter
from dataclasses import dataclass
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from bookbuild.remember import BUILD, key_of, remember

LINKING = {
    "a": "href",
    "link": "href",
    "img": "src",
    "script": "src",
    "source": "src",
    "iframe": "src",
    "use": "href",
}
# Names a page gives to a place in another: they may point off the site and are not fetched.
UNFETCHED_RELATIONS = {"canonical"}
# What some browser fetches by itself as soon as it sees it (Firefox also the next page), and no source of the page's
# policy allows: each would be an error in the reader's console.
FETCHED_AHEAD = {"next", "prefetch", "prerender", "preconnect", "dns-prefetch", "manifest"}
ALLOWED_AHEAD = {"script", "style", "image", "worker"}
"""What `preload` may name: the policy has sources for it."""


@dataclass(frozen=True)
class PageFacts:
    """What the check wants to know of one page."""

    ids: list[str]
    links: list[tuple[str, str, int]]
    """Tag, target, line."""
    faults: list[tuple[int, str]]
    """Line, what: those that the page alone shows."""


class _Page(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.ids: list[str] = []
        self.links: list[tuple[str, str, int]] = []
        self.faults: list[tuple[int, str]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = dict(attrs)
        if identifier := attributes.get("id"):
            self.ids.append(identifier)
        name = LINKING.get(tag)
        target = attributes.get(name) if name else None
        relations = set((attributes.get("rel") or "").lower().split()) if tag == "link" else set()
        ahead = relations & FETCHED_AHEAD
        if "preload" in relations and attributes.get("as") not in ALLOWED_AHEAD:
            ahead.add("preload")
        if tag == "script" and (attributes.get("type") or "").lower() == "speculationrules":
            ahead.add("speculationrules")
        for relation in sorted(ahead):
            fault = f"<{tag}> of the kind {relation!r} makes browsers fetch what the page's policy forbids"
            self.faults.append((self.getpos()[0], fault))
        if target and not relations & UNFETCHED_RELATIONS:
            self.links.append((tag, target, self.getpos()[0]))


def check_site(site_dir: Path, base_path: str = "/", cache_dir: Path | None = None) -> list[str]:
    """Every fault as one line, `page:line: what`; an empty list for a sound site.

    `base_path` is the path of the site's address: only the 404 page links by it. What was read of a page is remembered
    in `cache_dir`, by the page's content.
    """
    pages = {path: _read(path, site_dir, cache_dir) for path in sorted(site_dir.rglob("*.html"))}
    faults: list[str] = []
    for path, page in pages.items():
        where = path.relative_to(site_dir).as_posix()
        counts = Counter(page.ids)
        doubled = sorted(identifier for identifier, count in counts.items() if count > 1)
        faults.extend(f"{where}: the id {identifier!r} occurs more than once" for identifier in doubled)
        faults.extend(f"{where}:{line}: {fault}" for line, fault in page.faults)
        for tag, target, line in page.links:
            if fault := _fault(tag, target, path, site_dir, base_path, pages):
                faults.append(f"{where}:{line}: {fault}")
    return faults


def _read(path: Path, site_dir: Path, cache_dir: Path | None) -> PageFacts:
    content = path.read_bytes()

    def read() -> dict[str, Any]:
        page = _Page()
        page.feed(content.decode("utf-8"))
        page.close()
        return {"ids": page.ids, "links": page.links, "faults": page.faults}

    if cache_dir is None:
        return PageFacts(**read())
    name = path.relative_to(site_dir).with_suffix("").as_posix()
    return PageFacts(**remember(cache_dir / "checked", name, key_of(BUILD, content), read))


def _fault(
    tag: str, target: str, path: Path, site_dir: Path, base_path: str, pages: dict[Path, PageFacts]
) -> str | None:
    parts = urlsplit(target)
    if parts.scheme in {"http", "https"} or target.startswith("//"):
        # A link may leave the site; what a page loads may not.
        return None if tag == "a" else f"<{tag}> loads {target} from another host"
    if parts.scheme:
        return None
    if parts.path.startswith("/"):
        relative = unquote(parts.path).removeprefix(base_path).lstrip("/")
        found = site_dir / relative
    else:
        folder = path.parent.relative_to(site_dir).as_posix()
        found = site_dir / posixpath.normpath(posixpath.join(folder, unquote(parts.path))) if parts.path else path
    if found.is_dir():
        found = found / "index.html"
    if not found.is_file():
        return f"<{tag}> leads to {target}, which does not exist"
    if parts.fragment and found in pages and unquote(parts.fragment) not in pages[found].ids:
        # Without an id of that name a browser still knows the top of the page.
        return None if parts.fragment in {"top", "__top"} else f"<{tag}> leads to {target}, which has no such anchor"
    return None
