"""What the tests of live pieces share: a page with its piece in place, what it asked for, and when it has done all."""

import json
import math
import re
from collections.abc import Callable, Sequence
from typing import Any

from axe_playwright_python.base import AXE_SCRIPT
from conftest import SLOW, Site
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
    "attention-by-hand": "language/attention.py",
    "look-back": "language/attention.py",
    "through-the-gpt": "language/gpt.py",
    "city-gpt": "language/gpt.py",
    "choose": "your-own-gpt/generating.py",
    "cost": "your-own-gpt/five-dollars.py",
    "scale": "your-own-gpt/scaling.py",
    "answers-and-rewards": "since-then/learning-from-outcomes.py",
    "ladder": "",
}
"""Every live piece and its page."""

# What is far from the window keeps the colours of the scheme before, until it comes near: axe would mix the two.
SHOW_ALL = """() => {
  const sheet = new CSSStyleSheet();
  sheet.replaceSync("* { content-visibility: visible !important; }");
  document.adoptedStyleSheets.push(sheet);
}"""
LOOK_ONCE = """() => {
  const seen = new Set();
  const alike = [];
  const look = (element, around) => {
    const { color, backgroundColor, backgroundImage, fontSize, fontWeight, opacity, position } =
      getComputedStyle(element);
    const visible = element.checkVisibility({ visibilityProperty: true });
    const own = [color, backgroundColor, backgroundImage, fontSize, fontWeight, opacity, position, visible];
    const word = element.matches(".highlight span:not([id])") && !element.childElementCount;
    const whole = `${around} > ${element.localName} ${word ? element.className : ""} ${own.join()}`;
    element.toggleAttribute("data-alike", seen.has(whole));
    if (seen.has(whole) && word) alike.push(element);
    else if ([...element.childNodes].some((node) => node.nodeType === Node.TEXT_NODE && node.data.trim()))
      seen.add(whole);
    for (const child of element.children) look(child, whole);
  };
  // A shape without a word, a role or a link says nothing, and has no contrast.
  const says = (shape) => shape.childElementCount || shape.textContent.trim()
    || shape.getAttributeNames().some((name) => /^(role|tabindex|aria-.*)$/.test(name)) || shape.closest("a");
  for (const shape of [...document.querySelectorAll("svg *")].reverse()) if (!says(shape)) shape.remove();
  look(document.body, "");
  for (const word of alike) word.replaceWith(...word.childNodes);
  document.body.normalize();
  axe.configure({ rules: [{ id: "color-contrast", selector: ":not([data-alike])" }] });
}"""
"""Contrast takes axe more than half of its time, and is the same for all that look the same on the same ground: it sees
one of each. The other coloured words of code, three quarters of a chapter's elements, become plain text: of one class,
so that they look the same in any scheme. A drawing keeps its words, and loses its bare shapes."""

WATCH_WORK = """
(() => {
  // What the page has still to do: timers, frames, answers on their way.
  const open = new Set();
  const { setTimeout: later, clearTimeout: forget, setInterval: often, clearInterval: rest } = window;
  const { requestAnimationFrame: draw, cancelAnimationFrame: skip, fetch: ask } = window;
  const begin = (kind, id) => (open.add(`${kind} ${id}`), id);
  const end = (kind, id) => open.delete(`${kind} ${id}`);
  window.setTimeout = (work, ...more) => {
    const id = later((...given) => { end("timer", id); work(...given); }, ...more);
    return begin("timer", id);
  };
  window.clearTimeout = (id) => { end("timer", id); forget(id); };
  window.setInterval = (...given) => begin("interval", often(...given));
  window.clearInterval = (id) => { end("interval", id); rest(id); };
  window.requestAnimationFrame = (work) => {
    const id = draw((now) => { end("frame", id); work(now); });
    return begin("frame", id);
  };
  window.cancelAnimationFrame = (id) => { end("frame", id); skip(id); };
  let answers = 0;
  window.fetch = (...given) => {
    const id = begin("answer", ++answers);
    const answer = ask(...given);
    answer.then((whole) => whole.clone().arrayBuffer()).catch(() => {}).then(() => end("answer", id));
    return answer;
  };
  window.busy = open;
  // Three frames in a row: what watches the screen is told in one, and asks for the next.
  window.idle = async () => {
    for (let quiet = 0; quiet < 3; quiet = open.size ? 0 : quiet + 1) await new Promise(draw);
  };
})();
"""
"""Run before a page's own scripts: `await idle()` comes back when nothing is going on that could change the page."""

FEW_FRAMES = 100
"""Milliseconds of a stopped clock that pass between two looks: each costs a page as much as ten frames of its own."""

OpenPiece = Callable[..., tuple[Any, Locator]]
"""`open_a_piece(widget, query, **options)`: the page, with what it `asked` for and its `complaints`, and the piece."""
OpenLive = Callable[..., tuple[Any, Locator]]
"""The same without the widget: that of the test's module."""


class PagePool:
    """Pages to visit one after another: a new one costs a browser a second of work, another visit half of that."""

    def __init__(self, browser: Browser) -> None:
        self.browser = browser
        self.free: dict[str, list[Any]] = {}

    def take(self, script: str = "", **options: Any) -> Any:
        """A page of a context with these options, a phone's if there are none; `script` runs before its own.

        `page.asked` and `page.complaints` note what happens from now on.
        """
        options.setdefault("viewport", {"width": 390, "height": 844})
        key = json.dumps([script, options], sort_keys=True)
        if self.free.get(key):
            page = self.free[key].pop()
            page.asked.clear()
            page.complaints.clear()
            return page
        page = self.browser.new_context(**options).new_page()
        page.set_default_timeout(SLOW)
        page.add_init_script(WATCH_WORK + script)
        asked: list[str] = []
        complaints: list[str] = []
        page.key, page.asked, page.complaints = key, asked, complaints  # type: ignore[attr-defined]
        page.on("request", lambda request: asked.append(request.url))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("console", lambda m: complaints.append(m.text) if m.type in {"error", "warning", "info"} else None)
        return page

    def give_back(self, page: Any) -> None:
        if not page.key:
            page.context.close()
            return
        page.context.set_offline(False)
        page.unroute_all()
        page.emulate_media(media="screen", color_scheme=json.loads(page.key)[1].get("color_scheme", "light"))
        page.mouse.move(0, 0)  # or it points at something of the next page
        page.evaluate("localStorage.clear()")
        self.free.setdefault(page.key, []).append(page)


def open_piece(
    pages: PagePool, site: Site, widget: str, query: str = "", stopped_clock: bool = False, **options: Any
) -> tuple[Any, Locator]:
    """The page of a live piece, scrolled to it, and the piece; with `stopped_clock`, the test moves its time on."""
    page = pages.take(**options)
    if stopped_clock:
        page.clock.install()
        page.key = ""  # nobody else's page any more
    page.goto(site.page(PIECES[widget]) + query, wait_until="load")
    figure = page.locator(f"#{widget}")
    figure.scroll_into_view_if_needed()
    piece = page.locator(f"live-{widget}")
    try:
        piece.wait_for(state="visible")
    except Exception as error:
        raise AssertionError(f"the piece {widget} did not come: {page.complaints}") from error
    if stopped_clock:
        page.clock.pause_at(page.evaluate("Date.now()") + 60_000)
    return page, piece


def pass_frames(page: Page, milliseconds: int = FEW_FRAMES) -> None:
    """On a page with a stopped clock: let so much time go by, frame by frame, and tell those that watch the screen."""
    for _ in range(0, milliseconds, FEW_FRAMES):
        page.clock.run_for(FEW_FRAMES)
        page.evaluate("() => new Promise((seen) => new IntersectionObserver(seen).observe(document.body))")


def pass_time(page: Page, locator: Locator, pattern: str) -> None:
    """On a page with a stopped clock: a few frames at a time, until the text is like the pattern."""
    for _ in range(10_000):
        if re.search(pattern, locator.inner_text()):
            return
        pass_frames(page)
    raise AssertionError(f"{locator.inner_text()!r} did not become {pattern}")


def settle(page: Page) -> None:
    """Wait until the page has done all that it was about to do: drawn, written its address, said what changed."""
    page.evaluate("idle()")


def axe_finds(page: Page, within: str | None = None) -> list[Any]:
    """What axe has against the page, or against what the selector names: rule and places."""
    if page.evaluate("!window.axe"):
        page.evaluate(AXE_SCRIPT)
    if not within:
        page.evaluate(SHOW_ALL)
        settle(page)
        page.evaluate(LOOK_ONCE)
    # Of what passes, no list; that takes a fifth of its time. Nor are styles fetched again, for a rule that is off.
    violations = page.evaluate(
        """async (context) => (await axe.run(context, { resultTypes: ["violations"], preload: false })).violations""",
        {"include": [within]} if within else {"exclude": []},
    )
    return [(violation["id"], [node["target"] for node in violation["nodes"]][:3]) for violation in violations]


def percent(share: float) -> str:
    """A share as the pieces write it (letterbars.js): halves go up."""
    return "<1%" if 0 < share < 0.005 else f"{math.floor(100 * share + 0.5)}%"


def about_percent(share: float) -> str:
    """A pattern for a share that was computed here: the page's own differs by millionths, and may round apart."""
    return f"({percent(share - 1e-4)}|{percent(share + 1e-4)})"


def likeliest(labels: Sequence[str], shares: Sequence[float]) -> str:
    """A pattern for what bars begin to say of these shares."""
    best = max(range(len(shares)), key=lambda place: shares[place])
    return rf"^The likeliest: {labels[best]} {about_percent(shares[best])}"
