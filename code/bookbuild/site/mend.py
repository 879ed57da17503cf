"""Small faults of Material's HTML, mended in the finished page, each with the rule it broke; and what search skips."""

import re

MENDS: tuple[tuple[re.Pattern[str], str], ...] = (
    # It has done its work when the page is finished.
    (re.compile(r" data-search-exclude"), ""),
    # HTML: `autocomplete` is not for checkboxes.
    (re.compile(r'(<input class="md-toggle"[^>]*?) autocomplete="off"'), r"\1"),
    # HTML: `autocorrect` is Safari's own, and a tabindex is a number.
    (re.compile(r' autocorrect="off"| tabindex=""'), ""),
    # ARIA: a `nav` is neither open nor closed.
    (re.compile(r'(<nav [^>]*?) aria-expanded="[a-z]*"'), r"\1"),
    # WCAG 2.1.1: what scrolls can be reached from the keyboard (the chapters' own cells can already).
    (re.compile(r"<pre>(?=(?:<span></span>)?<code)"), '<pre tabindex="0">'),
    # WCAG 4.1.2: a dialog has a name.
    (
        re.compile(r'<div class="md-search" data-md-component="search" role="dialog">'),
        '<div class="md-search" data-md-component="search" role="dialog" aria-label="Search">',
    ),
    # Two kilobytes of colours that assets/book.css sets all over again.
    (re.compile(r'\s*<link rel="stylesheet" href="[^"]*assets/stylesheets/palette\.[^"]*">'), ""),
    # mkdocstrings' own stylesheet comes with every page; book.css dresses the package's pages.
    (re.compile(r'\s*<link rel="stylesheet" href="[^"]*_mkdocstrings\.css">'), ""),
    # The policy of a page allows no style in its tags, and left is where a cell's text stands anyway.
    (re.compile(r' style="text-align: left;"'), ""),
    # Firefox fetches the next page ahead of its reader, which the page's policy forbids, and complains on every page.
    (re.compile(r'\s*<link rel="(?:prev|next)" href="[^"]*">'), ""),
    # WCAG 1.1.1: the logo's link already has a name; its picture must not add a second.
    (re.compile(r'(<a [^>]*class="md-header__button md-logo"[^>]*?) title="[^"]*"'), r"\1"),
)

# Search is for prose. Material leaves out an element with this attribute up to the first end of *any* element of its
# name, so only what holds no second of its kind can carry it: not the <div> of a cell, but the <pre> in it.
NOT_PROSE = re.compile(
    r'<(?:(?:pre|svg|math|form)\b|div class="table"|p class="cell-(?:where|label)"|summary class="of-code")'
)


def without_code_in_search(html: str) -> str:
    """The page's content, with code, its output, drawings and formulas marked as not to be found."""
    return NOT_PROSE.sub(r"\g<0> data-search-exclude", html.replace(" data-search-exclude", ""))


def with_marked_contents(page: str, hidden: list[str]) -> str:
    """The page, with the entries of its table of contents that lead to these headings marked as Read's only."""
    for heading in hidden:
        entry = re.compile(rf'<li class="md-nav__item(?=">\s*<a href="#{re.escape(heading)}")')
        page = entry.sub(r"\g<0> only-read", page)
    return page


def mend(html: str) -> str:
    """The page with the faults mended; a page without them comes back as it was."""
    for pattern, better in MENDS:
        html = pattern.sub(better, html)
    return html
