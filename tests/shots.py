"""Screenshots of every page, or of every live piece, for the eye: phone and desktop, light and dark, into .cache/shots.

example: python tests/shots.py loss-and-training --width 390
example: python tests/shots.py --pieces next-letter
"""

import argparse
import sys
from pathlib import Path

from conftest import CHROMIUM_FLAGS, Site, build_site, find_chromium, served
from live_pages import PIECES, PagePool, open_piece
from playwright.sync_api import Browser, sync_playwright
from test_site import PAGES

from bookbuild.project import this_project


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("only", nargs="*", help="take pages whose path (pieces whose name) contains one of these")
    parser.add_argument("--pieces", action="store_true", help="take live pieces, as they open, in place of pages")
    parser.add_argument("--width", type=int, nargs="*", default=[390, 1280], help="pixels (default: 390 1280)")
    parser.add_argument("--scheme", nargs="*", default=["light", "dark"], choices=["light", "dark"])
    parser.add_argument("--skim", action="store_true", help="in Skim mode")
    parser.add_argument("--site", type=Path, metavar="DIR", help="a site that is built already (default: build it)")
    options = parser.parse_args()
    chromium = find_chromium()
    if not chromium:
        print("shots: there is no chromium on this machine: apt-get install chromium", file=sys.stderr)
        return 2
    folder = this_project().root / ".cache"
    site, shots = options.site or folder / "shot-site", folder / "shots"
    shots.mkdir(parents=True, exist_ok=True)
    if not options.site:
        build_site(site)
    with served(site) as here, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=CHROMIUM_FLAGS)
        for name in PIECES if options.pieces else PAGES:
            if options.only and not any(part in (name or "index") for part in options.only):
                continue
            for width in options.width:
                for scheme in options.scheme:
                    mode = "-skim" if options.skim else ""
                    target = shots / f"{Path(name).stem or 'index'}-{width}-{scheme}{mode}.png"
                    take = shoot_piece if options.pieces else shoot_page
                    take(browser, here, name, width, scheme, "?mode=skim" if options.skim else "", target)
                    print(target)
        browser.close()
    return 0


def shoot_page(browser: Browser, site: Site, name: str, width: int, scheme: str, query: str, target: Path) -> None:
    # A page's policy forbids the style that is added here.
    page = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme, bypass_csp=True)  # type: ignore[arg-type]
    page.goto(site.page(name) + query, wait_until="networkidle")
    # Far cells are painted when a reader comes near; here all are wanted.
    page.add_style_tag(content=".cell { content-visibility: visible !important }")
    page.screenshot(path=target, full_page=True)
    page.close()


def shoot_piece(browser: Browser, site: Site, name: str, width: int, scheme: str, query: str, target: Path) -> None:
    page, piece = open_piece(
        PagePool(browser), site, name, query, viewport={"width": width, "height": 1600}, color_scheme=scheme
    )
    piece.locator("xpath=..").screenshot(path=target)
    page.context.close()


if __name__ == "__main__":
    sys.exit(main())
