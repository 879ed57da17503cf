"""How long a live piece takes from a key to the screen, with the page's processor slowed down four times.

Measured is from the key's own time until the frame with what it changed is painted. The first keys, which fetch a
model, do not count.
"""

import argparse
import statistics
import sys
import tempfile
from pathlib import Path

from conftest import CHROMIUM_FLAGS, build_site, find_chromium, served
from fair import same_threads, spread, verdict, watched_load
from live_pages import PagePool, open_piece
from playwright.sync_api import Page, sync_playwright

WANTED_MS = 50
SLOWED = 4
FOR_THE_MODEL = 2
ARROWS, LETTERS = ("ArrowLeft", "ArrowRight"), tuple("aeiourstln")
KEYS = {
    "thresholds": ("input[type=range]", ARROWS, ".thresholds-ring"),
    "train-iris": ("input[type=range]", ARROWS, "output"),
    "next-letter": ("input[type=text]", LETTERS, ".live-bars"),
    "window": ("input[type=text]", LETTERS, ".live-bars"),
    "tokenizer": ("textarea", LETTERS, ".tokenizer-count"),
    "letter-map": ("input[type=range]", ARROWS, ".live-slider output"),
    "gap": ("input[type=range]", ARROWS, ".gap-where"),
    "look-back": ("input[type=radio]:checked", ARROWS, ".look-where"),
    "attention-by-hand": ("input[type=range]", ARROWS, ".live-slider output"),
    "through-the-gpt": ("input[type=text]", LETTERS, ".through-said"),
    "city-gpt": ("textarea", LETTERS, ".live-bars"),
    "choose": ("input[type=text]", LETTERS, ".choose-bars"),
    "answers-and-rewards": ("input[type=range]", ARROWS[::-1], ".answers-board"),  # it begins at its first step
    "cost": ("input[type=range]", ARROWS, ".live-lines"),
    "scale": ("input[type=range]", ARROWS, ".live-lines"),
    "ladder": ("input[type=text]", LETTERS, ".ladder-rungs"),
}
"""Piece: where its keys go, the keys one after another, and what they change."""

WATCH = """(piece, [selector]) => {
  let pressed = 0;
  piece.addEventListener("keydown", (event) => (pressed = event.timeStamp), true);
  piece.paints = [];
  const painted = () => {
    if (pressed) piece.paints.push(performance.now() - pressed);
    pressed = 0;
  };
  const after = new MessageChannel(); // its message, or the next frame, comes when this frame is painted
  after.port1.onmessage = painted;
  const frame = () => {
    after.port2.postMessage(0);
    requestAnimationFrame(painted);
  };
  new MutationObserver(() => requestAnimationFrame(frame)).observe(piece.querySelector(selector), {
    attributes: true, characterData: true, childList: true, subtree: true,
  });
}"""

ENOUGH = "([name, count]) => document.querySelector(name).paints.length >= count"


def measure(page: Page, widget: str, rounds: int) -> list[float]:
    """Milliseconds of each key."""
    where, keys, changed = KEYS[widget]
    piece = page.locator(f"live-{widget}")
    piece.evaluate(WATCH, [changed])
    piece.locator(where).first.focus()
    session = page.context.new_cdp_session(page)
    session.send("Emulation.setCPUThrottlingRate", {"rate": SLOWED})
    for number in range(FOR_THE_MODEL + rounds):
        page.keyboard.press(keys[number % len(keys)])
        page.wait_for_function(ENOUGH, arg=[f"live-{widget}", number + 1])
        page.wait_for_timeout(150)
    paints: list[float] = piece.evaluate("piece => piece.paints")
    session.detach()
    return paints[FOR_THE_MODEL:]


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="example: python tests/bench_keys.py city-gpt --rounds 8 --site site",
    )
    parser.add_argument("only", nargs="*", help="measure these pieces (default: all)")
    parser.add_argument("--rounds", type=int, default=8, help="medians over so many keys (default: 8)")
    parser.add_argument("--site", type=Path, help="a site that is built already (default: build it)")
    options = parser.parse_args()
    if unknown := sorted(set(options.only) - set(KEYS)):
        parser.error(f"there is no piece {', '.join(unknown)}; there are {', '.join(KEYS)}")
    if options.rounds < 1:
        parser.error("give 1 round or more")
    chromium = find_chromium()
    if not chromium:
        print("bench_keys: needs Chromium: apt-get install chromium", file=sys.stderr)
        return 2
    same_threads(1)
    slow = 0
    with tempfile.TemporaryDirectory() as temporary, sync_playwright() as playwright:
        folder = options.site or Path(temporary) / "site"
        if not options.site:
            build_site(folder)
        with served(folder) as site:
            browser = playwright.chromium.launch(executable_path=chromium, args=CHROMIUM_FLAGS)
            print(f"From key to paint, the page slowed {SLOWED} times; medians of {options.rounds} keys:")
            with watched_load() as load:
                for widget in options.only or KEYS:
                    page, _ = open_piece(PagePool(browser), site, widget)
                    found = measure(page, widget, options.rounds)
                    slow += statistics.median(found) > WANTED_MS
                    print(f"  {widget:<14}{spread(found, 0):>16} ms   wanted {WANTED_MS}", flush=True)
                    page.context.close()
            browser.close()
    return verdict(f"All within {WANTED_MS} ms", slow == 0, load)


if __name__ == "__main__":
    sys.exit(main())
