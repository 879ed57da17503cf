"""The finished site, checked as a browser would walk it: every link, anchor and image leads somewhere."""

import posixpath
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

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
UNFETCHED_RELATIONS = {"canonical", "preconnect", "dns-prefetch"}


class _Page(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.ids: list[str] = []
        self.links: list[tuple[str, str, int]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = dict(attrs)
        if identifier := attributes.get("id"):
            self.ids.append(identifier)
        name = LINKING.get(tag)
        target = attributes.get(name) if name else None
        if target and not (tag == "link" and attributes.get("rel") in UNFETCHED_RELATIONS):
            self.links.append((tag, target, self.getpos()[0]))


def check_site(site_dir: Path, base_path: str = "/") -> list[str]:
    """Every fault as one line, `page:line: what`; an empty list for a sound site.

    `base_path` is the path of the site's address: only the 404 page links by it.
    """
    pages = {path: _read(path) for path in sorted(site_dir.rglob("*.html"))}
    faults: list[str] = []
    for path, page in pages.items():
        where = path.relative_to(site_dir).as_posix()
        doubled = sorted({identifier for identifier in page.ids if page.ids.count(identifier) > 1})
        faults.extend(f"{where}: the id {identifier!r} occurs more than once" for identifier in doubled)
        for tag, target, line in page.links:
            if fault := _fault(tag, target, path, site_dir, base_path, pages):
                faults.append(f"{where}:{line}: {fault}")
    return faults


def _read(path: Path) -> _Page:
    page = _Page()
    page.feed(path.read_text(encoding="utf-8"))
    return page


def _fault(tag: str, target: str, path: Path, site_dir: Path, base_path: str, pages: dict[Path, _Page]) -> str | None:
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
