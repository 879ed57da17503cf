"""Lighthouse (mobile, throttled) on every chapter, against the least that the book accepts.

It needs Node and Chromium: npm install --global lighthouse@12

example: python tests/bench_pages.py loss-and-training
"""

import argparse
import functools
import json
import os
import shutil
import statistics
import subprocess
import sys
import threading
from pathlib import Path

from conftest import CHAPTER_NAMES, QuietServer, SiteHandler, build_site
from fair import same_threads, verdict, watched_load

from bookbuild.project import this_project

# A tuned Material page of 1,650 words reached this on a quiet machine; Crafting Interpreters stands at 93/77/96/82.
LEAST = {"performance": 98, "accessibility": 100, "best-practices": 100, "seo": 100}
FLAGS = "--headless=new --no-sandbox --disable-gpu --disable-background-networking --disable-component-update"


def scores(command: str, chromium: str, url: str) -> tuple[dict[str, int], float, float]:
    """The four scores (0 to 100), the kilobytes moved, and the seconds to the largest paint."""
    flags = ["--output=json", "--quiet", f"--chrome-flags={FLAGS}", f"--only-categories={','.join(LEAST)}"]
    done = subprocess.run(
        [command, url, *flags], capture_output=True, text=True, check=False, env=dict(os.environ, CHROME_PATH=chromium)
    )
    if done.returncode:
        raise RuntimeError(f"lighthouse failed on {url}: {done.stderr.strip().splitlines()[-1]}")
    report = json.loads(done.stdout)
    audits = report["audits"]
    found = {name: round(100 * report["categories"][name]["score"]) for name in LEAST}
    return (
        found,
        audits["total-byte-weight"]["numericValue"] / 1024,
        audits["largest-contentful-paint"]["numericValue"] / 1000,
    )


def is_wanted(name: str, parts: list[str]) -> bool:
    """Whether a page's path contains one of the parts, or there are none."""
    return not parts or any(part in (name or "index") for part in parts)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("only", nargs="*", help="measure pages whose path contains one of these (default: all)")
    parser.add_argument("--rounds", type=int, default=3, help="medians over so many rounds (default: 3)")
    options = parser.parse_args()
    lighthouse, chromium = shutil.which("lighthouse"), shutil.which("chromium") or shutil.which("google-chrome")
    if not lighthouse or not chromium:
        print("bench_pages: needs lighthouse and chromium: npm install --global lighthouse@12", file=sys.stderr)
        return 2
    same_threads(1)
    site = this_project().root / ".cache" / "bench-site"
    handler = functools.partial(SiteHandler, directory=str(site))
    good = True
    with QuietServer(("127.0.0.1", 0), handler) as server:
        url = f"http://127.0.0.1:{server.server_address[1]}/"
        build_site(site)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        print(f"{'page':<26}{' '.join(f'{name:>14}' for name in LEAST)}{'KB':>8}{'paint s':>9}")
        chosen = [name for name in ["", *CHAPTER_NAMES] if is_wanted(name, options.only)]
        with watched_load() as load:
            for name in chosen:
                page = url + (name.removesuffix(".py") + "/" if name else "")
                rounds = [scores(lighthouse, chromium, page) for _ in range(options.rounds)]
                median = {key: statistics.median(found[key] for found, _, _ in rounds) for key in LEAST}
                kilobytes, paint = (statistics.median(result[i] for result in rounds) for i in (1, 2))
                good &= all(median[key] >= LEAST[key] for key in LEAST)
                values = " ".join(f"{median[key]:>14.0f}" for key in LEAST)
                print(f"{Path(name).stem or 'index':<26}{values}{kilobytes:>8.0f}{paint:>9.1f}", flush=True)
    return verdict(f"At least {'/'.join(map(str, LEAST.values()))}", good, load)


if __name__ == "__main__":
    sys.exit(main())
