"""What the tests of live pieces share: a page with its piece in place, and what it asked for on the way."""

from collections.abc import Callable
from typing import Any

from conftest import Site
from playwright.sync_api import Browser, Locator, Page

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

OpenLive = Callable[..., tuple[Any, Locator]]
"""`open_live(query, **options)`: the page, which knows what it `asked` for and its `complaints`, and its live piece."""


def open_piece(
    browser: Browser, site: Site, page_name: str, widget: str, query: str = "", **options: Any
) -> tuple[Page, Locator]:
    """The page, scrolled to its live piece, and the piece. `page.asked` and `page.complaints` note what happened."""
    options.setdefault("viewport", {"width": 390, "height": 844})
    page = browser.new_context(**options).new_page()
    asked: list[str] = []
    complaints: list[str] = []
    page.asked, page.complaints = asked, complaints  # type: ignore[attr-defined]
    page.on("request", lambda request: asked.append(request.url))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", lambda m: complaints.append(m.text) if m.type in {"error", "warning", "info"} else None)
    page.goto(site.page(page_name) + query, wait_until="load")
    figure = page.locator(f"#{widget}")
    figure.scroll_into_view_if_needed()
    piece = page.locator(f"live-{widget}")
    try:
        piece.wait_for(state="visible", timeout=10_000)
    except Exception as error:
        raise AssertionError(f"the piece {widget} did not come: {complaints}") from error
    return page, piece
