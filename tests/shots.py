"""Screenshots of every page, for the eye: phone and desktop, light and dark, into .cache/shots.

example: python tests/shots.py loss-and-training --width 390
"""

import argparse
import functools
import shutil
import sys
import threading
from pathlib import Path

from conftest import QuietServer, SiteHandler, build_site
from playwright.sync_api import sync_playwright
from test_site import CHROMIUM_FLAGS, PAGES

from bookbuild.project import this_project


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("only", nargs="*", help="take pages whose path contains one of these (default: all)")
    parser.add_argument("--width", type=int, nargs="*", default=[390, 1280], help="pixels (default: 390 1280)")
    parser.add_argument("--scheme", nargs="*", default=["light", "dark"], choices=["light", "dark"])
    parser.add_argument("--skim", action="store_true", help="in Skim mode")
    options = parser.parse_args()
    chromium = shutil.which("chromium")
    if not chromium:
        print("shots: there is no chromium on this machine: apt-get install chromium", file=sys.stderr)
        return 2
    folder = this_project().root / ".cache"
    site, shots = folder / "shot-site", folder / "shots"
    shots.mkdir(parents=True, exist_ok=True)
    handler = functools.partial(SiteHandler, directory=str(site))
    with QuietServer(("127.0.0.1", 0), handler) as server, sync_playwright() as playwright:
        url = f"http://127.0.0.1:{server.server_address[1]}/"
        build_site(site, url)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        browser = playwright.chromium.launch(executable_path=chromium, args=CHROMIUM_FLAGS)
        for name in PAGES:
            if options.only and not any(part in (name or "index") for part in options.only):
                continue
            for width in options.width:
                for scheme in options.scheme:
                    page = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
                    address = url + (name.rsplit(".", 1)[0] + "/" if name else "")
                    page.goto(address + ("?mode=skim" if options.skim else ""), wait_until="networkidle")
                    # Far cells are painted when a reader comes near; here all are wanted.
                    page.add_style_tag(content=".cell { content-visibility: visible !important }")
                    slug = Path(name).stem or "index"
                    target = shots / f"{slug}-{width}-{scheme}{'-skim' if options.skim else ''}.png"
                    page.screenshot(path=target, full_page=True)
                    page.close()
                    print(target)
        browser.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
