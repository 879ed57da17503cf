"""Small faults of Material's HTML, mended in the finished page; each with the rule that it broke."""

import re

MENDS: tuple[tuple[re.Pattern[str], str], ...] = (
    # HTML: `autocomplete` is not for checkboxes.
    (re.compile(r'(<input class="md-toggle"[^>]*?) autocomplete="off"'), r"\1"),
    # WCAG 4.1.2: a dialog has a name.
    (
        re.compile(r'<div class="md-search" data-md-component="search" role="dialog">'),
        '<div class="md-search" data-md-component="search" role="dialog" aria-label="Search">',
    ),
    # Two kilobytes of colours that assets/book.css sets all over again.
    (re.compile(r'\s*<link rel="stylesheet" href="[^"]*assets/stylesheets/palette\.[^"]*">'), ""),
    # mkdocstrings' own stylesheet comes with every page; book.css dresses the package's pages.
    (re.compile(r'\s*<link rel="stylesheet" href="[^"]*_mkdocstrings\.css">'), ""),
    # WCAG 1.1.1: the logo's link already has a name; its picture must not add a second.
    (re.compile(r'(<a [^>]*class="md-header__button md-logo"[^>]*?) title="[^"]*"'), r"\1"),
)


def mend(html: str) -> str:
    """The page with the faults mended; a page without them comes back as it was."""
    for pattern, better in MENDS:
        html = pattern.sub(better, html)
    return html
