"""What the tests of live pieces share: a page with its piece in place, and what it asked for on the way."""

import json
from collections.abc import Callable
from typing import Any

from conftest import Site
from playwright.sync_api import Browser, Locator

PIECES = {
    "thresholds": "learning-from-examples/rules-or-examples.py",
    "equation": "learning-from-examples/a-model-is-a-function.py",
    "train-iris": "learning-from-examples/loss-and-training.py",
    "next-letter": "predicting-what-comes-next/one-letter-at-a-time.py",
    "window": "predicting-what-comes-next/more-context.py",
    "tokenizer": "language/tokens.py",
    "letter-map": "language/embeddings.py",
    "gap": "language/long-range.py",
    "look-back": "language/attention.py",
    "city-gpt": "language/gpt.py",
    "choose": "your-own-gpt/generating.py",
    "cost": "your-own-gpt/five-dollars.py",
    "scale": "your-own-gpt/scaling.py",
    "ladder": "",
}
"""Every live piece and its page."""

ONLY_VIOLATIONS = {"resultTypes": ["violations"]}
"""For axe: of what passes, no list; that takes a fifth of its time."""

OpenPiece = Callable[..., tuple[Any, Locator]]
"""`open_a_piece(widget, query, **options)`: the page, with what it `asked` for and its `complaints`, and the piece."""
OpenLive = Callable[..., tuple[Any, Locator]]
"""The same without the widget: that of the test's module."""


class PagePool:
    """Pages to visit one after another: a new one costs a browser a second of work, another visit half of that."""

    def __init__(self, browser: Browser) -> None:
        self.browser = browser
        self.free: dict[str, list[Any]] = {}

    def take(self, **options: Any) -> Any:
        """A page of a context with these options, a phone's if there are none.

        `page.asked` and `page.complaints` note what happens from now on.
        """
        options.setdefault("viewport", {"width": 390, "height": 844})
        key = json.dumps(options, sort_keys=True)
        if self.free.get(key):
            page = self.free[key].pop()
            page.asked.clear()
            page.complaints.clear()
            return page
        page = self.browser.new_context(**options).new_page()
        asked: list[str] = []
        complaints: list[str] = []
        page.key, page.asked, page.complaints = key, asked, complaints  # type: ignore[attr-defined]
        page.on("request", lambda request: asked.append(request.url))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("console", lambda m: complaints.append(m.text) if m.type in {"error", "warning", "info"} else None)
        return page

    def give_back(self, page: Any) -> None:
        page.context.set_offline(False)
        page.unroute_all()
        page.mouse.move(0, 0)  # or it points at something of the next page
        page.evaluate("localStorage.clear()")
        self.free.setdefault(page.key, []).append(page)


def open_piece(pages: PagePool, site: Site, widget: str, query: str = "", **options: Any) -> tuple[Any, Locator]:
    """The page of a live piece, scrolled to it, and the piece."""
    page = pages.take(**options)
    page.goto(site.page(PIECES[widget]) + query, wait_until="load")
    figure = page.locator(f"#{widget}")
    figure.scroll_into_view_if_needed()
    piece = page.locator(f"live-{widget}")
    try:
        piece.wait_for(state="visible", timeout=10_000)
    except Exception as error:
        raise AssertionError(f"the piece {widget} did not come: {page.complaints}") from error
    return page, piece
