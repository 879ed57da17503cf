"""What several test files share: the project, its chapters, and the built site behind a local server."""

import os

# One test a core: threads that wait for one another make the small models of the tests ten times slower. It comes
# before all other imports, since torch reads it when it is loaded.
os.environ.setdefault("OMP_NUM_THREADS", "1")

import functools
import gzip
import http.server
import re
import shutil
import signal
import socketserver
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import hypothesis
import pytest
from tqdm import tqdm

from bookbuild.__main__ import navigation
from bookbuild.chapters.book import Book, chapter_names, make_book
from bookbuild.project import Project, this_project
from gptbook.tasks.recipes import GPTRecipe, NgramRecipe

if TYPE_CHECKING:
    from live_pages import OpenLive, OpenPiece, PagePool
    from playwright.sync_api import Browser, Locator

# A job in the background ignores Ctrl-C, and hands that on: tests press it all the same.
signal.signal(signal.SIGINT, signal.default_int_handler)

# Forks of this process share tqdm's lock between processes: one that is killed while it draws its bar would keep it for
# ever, and all others would wait. A lock between threads each has for itself; nor does a thread hold it at a fork.
tqdm.set_lock(threading.RLock())
tqdm.monitor_interval = 0

# A slow machine, or a busy one, is no counterexample.
hypothesis.settings.register_profile(
    "any machine", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("any machine")

COUNT_SHIFTS = """
window.shift = 0;
new PerformanceObserver((list) => { for (const e of list.getEntries()) window.shift += e.value; })
  .observe({ type: "layout-shift", buffered: true });
"""
"""Run before a page's own scripts: `window.shift` sums up how far things moved by themselves."""
SECONDS_TO_BUILD = 1800
HANG = 1200
"""Seconds after which a process is taken for stuck: no machine is so slow. Tests wait for events, and only so long."""
SLOW = 60_000
"""Milliseconds after which a page is taken for stuck."""
# A full Chromium makes the popups of its address bar, pages of their own, for every context: a second of work each.
# The rest are Playwright's own, since the last list given is the only one that counts.
UNUSED_FEATURES = (
    "AimEnabled,AvoidCorsURLLoaderRestartOnRedirect,AvoidUnnecessaryBeforeUnloadCheckSync,DestroyProfileOnBrowserClose,"
    "HttpsFirstBalancedModeAutoEnable,HttpsUpgrades,LensOverlay,MediaRouter,NetworkTimeServiceQuerying,"
    "OptimizationHints,PaintHolding,PreconnectToSearch,ThirdPartyStoragePartitioning,Translate,"
    "WebUIOmniboxPopup,WebUIOmniboxFullPopup,WebUIOmniboxAimPopup"
)
CHROMIUM_FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    f"--disable-features={UNUSED_FEATURES}",
]

CHAPTER_NAMES = [name for _, name in chapter_names(navigation())]
"""`part/slug.py` of every chapter, in the order of the navigation."""


@pytest.fixture(scope="session")
def project() -> Project:
    return this_project()


@pytest.fixture(scope="session")
def book(project: Project) -> Book:
    """As the build made it: what it executed is remembered, and executed here only where nothing was built."""
    return make_book(navigation(), project, "http://127.0.0.1:8000/", progress=lambda line: None)


@pytest.fixture(scope="session")
def transformers() -> Any:
    """Hugging Face's library, silent. It takes seconds to load, so only a process whose tests ask for it does."""
    import transformers

    transformers.utils.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()
    return transformers


@pytest.fixture
def short(tmp_path: Path) -> NgramRecipe:
    """A recipe over 40 short names that takes batches (there are more contexts than fit in one)."""
    path = tmp_path / "towns.csv"
    names = [first + last for first in ("am", "bo", "ca", "de", "el") for last in "abcdefgh"]
    path.write_text("town\n" + "\n".join(names) + "\n")
    return NgramRecipe(
        name="towns",
        context_length=2,
        embedding_dim=4,
        hidden_dim=8,
        batch_size=16,
        num_steps=30,
        names_file=str(path),
        column="town",
    )


def around_the_piece(page: str) -> str:
    """The page with nothing in its article but the heading and its live pieces: a tenth of the work for a browser."""
    start, article, rest = re.split(r"(<article\b[^>]*>)", page, maxsplit=1)
    inner, end, footer = rest.partition("</article>")
    heading = re.search(r"<h1\b.*?</h1>", inner, re.DOTALL)
    pieces = re.findall(r"<figure [^>]*data-widget=.*?</figure>", inner, re.DOTALL)
    return "".join([start, article, heading[0] if heading else "", *pieces, end, footer])


@functools.lru_cache(maxsize=100)
def compressed(body: bytes) -> bytes:
    """As sent: scripts and styles are the same on every visit."""
    return gzip.compress(body, mtime=0)


class SiteHandler(http.server.SimpleHTTPRequestHandler):
    """Serves the site as a web host does: text compressed, and the 404 page for what is not there."""

    server: "QuietServer"

    def __init__(self, *arguments: Any, pieces_only: bool = False, **options: Any) -> None:
        self.pieces_only = pieces_only
        super().__init__(*arguments, **options)

    def do_GET(self) -> None:
        path = Path(self.translate_path(self.path))
        status = 200
        if path.is_dir():
            path /= "index.html"
        if not path.is_file():
            status, path = 404, Path(str(self.directory)) / "404.html"
        body = path.read_bytes()
        if self.pieces_only and b"data-widget=" in body and path.suffix == ".html":
            body = around_the_piece(body.decode()).encode()
        kind = self.guess_type(str(path))
        compress = kind.startswith(("text/", "application/j", "image/svg", "application/x")) and "gzip" in str(
            self.headers.get("Accept-Encoding")
        )
        if compress:
            body = compressed(body)
        self.send_response(status)
        self.send_header("Content-Type", f"{kind}; charset=utf-8" if kind.startswith("text/") else kind)
        self.send_header("Content-Length", str(len(body)))
        if compress:
            self.send_header("Content-Encoding", "gzip")
        if path.suffix in {".js", ".css"}:
            self.send_header("Cache-Control", "max-age=600")
        self.end_headers()
        self.wfile.write(body)
        self.server.sent[self.path] = self.server.sent.get(self.path, 0) + len(body)

    def log_message(self, *arguments: object) -> None:
        pass


class QuietServer(socketserver.ThreadingMixIn, http.server.HTTPServer):
    daemon_threads = True

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.sent: dict[str, int] = {}
        """Bytes of each body sent, compressed as it went: workers and late requests count too."""

    def handle_error(self, request: object, client_address: object) -> None:
        pass  # a browser that closes a connection early is no fault of the site


@dataclass(frozen=True)
class Site:
    folder: Path
    url: str
    sent: dict[str, int]

    def page(self, name: str) -> str:
        """The address of a page: `part/slug.py`, `glossary.md`, or "" for the home page."""
        return self.url + (name.rsplit(".", 1)[0] + "/" if name else "")


@contextmanager
def served(folder: Path, pieces_only: bool = False) -> Iterator[Site]:
    """The folder behind a server of its own, as long as somebody reads; `pieces_only` of the pages that have one."""
    handler = functools.partial(SiteHandler, directory=str(folder), pieces_only=pieces_only)
    with QuietServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield Site(folder, f"http://127.0.0.1:{server.server_address[1]}/", server.sent)
        server.shutdown()


def find_chromium() -> str | None:
    """The one without windows where there is one: it opens a page in two thirds of the time."""
    known = map(shutil.which, ("chromium-headless-shell", "chromium", "google-chrome"))
    return os.environ.get("CHROMIUM") or next(filter(None, known), None)


def build_site(folder: Path) -> None:
    command = [sys.executable, "-m", "bookbuild", "build", "--quiet", "--site-dir", str(folder)]
    finished = subprocess.run(command, capture_output=True, text=True, check=False)
    assert finished.returncode == 0, finished.stdout + finished.stderr


def build_once(folder: Path) -> None:
    """Build the site, or wait until the process that came first has built it."""
    outcome = folder.with_name(f"{folder.name}-outcome")
    try:
        folder.mkdir()
    except FileExistsError:
        for _ in range(SECONDS_TO_BUILD):
            if outcome.exists():
                break
            time.sleep(1)
        assert outcome.read_text() == "built", "the other process could not build the site"
        return
    try:
        build_site(folder)
    except BaseException:
        outcome.write_text("failed")
        raise
    outcome.write_text("built")


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """The whole site behind a server: built once for all processes that test, or the one that BOOK_SITE names."""
    given = os.environ.get("BOOK_SITE")
    beside_others = "PYTEST_XDIST_WORKER" in os.environ
    base = tmp_path_factory.getbasetemp()
    folder = Path(given) if given else (base.parent if beside_others else base) / "site"
    if not given:
        build_once(folder)
    with served(folder) as site:
        yield site


@pytest.fixture(scope="session")
def pieces_site(site: Site) -> Iterator[Site]:
    """The same site, but a page with a live piece has nothing else in its article."""
    with served(site.folder, pieces_only=True) as short_pages:
        yield short_pages


@pytest.fixture(scope="session")
def chromium() -> str:
    path = find_chromium()
    if not path:
        pytest.skip("no Chromium on this machine: apt-get install chromium-headless-shell, or set CHROMIUM to its path")
    return path


@pytest.fixture(scope="session")
def browser(chromium: str) -> Iterator["Browser"]:
    """One for all tests of a process. From now on Playwright's loop runs in this thread: Jupyter needs another one."""
    from playwright.sync_api import expect, sync_playwright

    expect.set_options(timeout=SLOW)
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=chromium, args=CHROMIUM_FLAGS)
        yield opened
        opened.close()


@pytest.fixture(scope="session")
def pages(browser: "Browser") -> "PagePool":
    from live_pages import PagePool

    return PagePool(browser)


@pytest.fixture
def open_a_piece(pages: "PagePool", pieces_site: Site) -> Iterator["OpenPiece"]:
    """Opens a live piece, on its page without the prose around it; no page may have complained in the end."""
    from live_pages import open_piece

    taken: list[Any] = []

    def open_one(widget: str, query: str = "", **options: Any) -> "tuple[Any, Locator]":
        page, piece = open_piece(pages, pieces_site, widget, query, **options)
        taken.append(page)
        return page, piece

    yield open_one
    complaints = [list(page.complaints) for page in taken]
    for page in taken:
        pages.give_back(page)
    assert not any(complaints), complaints


@pytest.fixture
def open_live(open_a_piece: "OpenPiece", request: pytest.FixtureRequest) -> "OpenLive":
    """Opens the live piece that the test's module names (NAME)."""
    return functools.partial(open_a_piece, request.module.NAME)


@pytest.fixture
def opened(open_live: "OpenLive") -> "tuple[Any, Locator]":
    """The page and its live piece, as a reader on a phone finds them."""
    return open_live()


@pytest.fixture
def tiny(short: NgramRecipe) -> GPTRecipe:
    """A GPT over 40 short names, with dropout, so that a step depends on chance."""
    return GPTRecipe(
        name="towns",
        num_layers=1,
        num_heads=2,
        model_dim=8,
        mlp_dim=12,
        context_length=5,
        batch_size=8,
        num_steps=8,
        warmup_steps=4,
        dropout=0.2,
        names_file=short.names_file,
        column=short.column,
    )
