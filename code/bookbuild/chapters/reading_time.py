"""How long a chapter takes to read, in each of its two modes."""

import re
from math import ceil

from bookbuild.chapters.published import PublishedCell

WORDS_PER_MINUTE = 238
"""The mean pace of adults who read English non-fiction silently: Brysbaert 2019, over 190 studies."""
CODE_LINES_PER_MINUTE = 15
"""A line of new code takes about as long as a sentence; measured on nobody, so the making-of page calls it a guess."""

FENCE = re.compile(r"^```.*?^```", re.DOTALL | re.MULTILINE)
FOLDED = re.compile(r"^\?\?\?.*\n(?:(?:[ \t].*)?\n)*", re.MULTILINE)
OPENED = re.compile(r'^!!! *\w+ *"?(.*?)"?$', re.MULTILINE)
READING_LIST = re.compile(r"^(## Further reading)$.*?(?=^## |\Z)", re.DOTALL | re.MULTILINE)
"""Nobody reads a list of books and papers from its first to its last word."""
PICTURE = re.compile(r'!\[[^\]]*\]\([^)\s"]*(?:\s+"(?P<caption>[^"]*)")?\)(?:\{[^}]*\})?')
LINK = re.compile(r"\[([^\]]*)\]\([^)]*\)")
FORMULA = re.compile(r"\$\$.+?\$\$|\$[^$\n]+\$", re.DOTALL)
MARKUP = re.compile(r"<[^>]+>|\{[:#.][^}]*\}|[*_`#|>]|^[-:| ]+$", re.MULTILINE)
WORD = re.compile(r"\S*\w\S*")


def visible_words(markdown: str) -> int:
    """Words to read on the page when every folded box is closed: a formula counts as one, a reading list as none."""
    text = FENCE.sub(" ", markdown)
    text = FOLDED.sub("\n", text + "\n")
    text = OPENED.sub(r"\1", text)
    text = READING_LIST.sub(r"\1\n", text)
    text = PICTURE.sub(lambda match: match["caption"] or " ", text)
    text = LINK.sub(r"\1", text)
    text = FORMULA.sub(" formula ", text)
    return len(WORD.findall(MARKUP.sub(" ", text)))


def skim_words(cells: list[PublishedCell]) -> int:
    """What Skim shows: prose, questions to guess and captions; no code, output, exercise or folded box."""
    return _prose_words([cell for cell in cells if "read" not in cell.tags])


def read_words(cells: list[PublishedCell]) -> int:
    """The prose of Read, with what Skim shows of it; no code, output, note, exercise or folded box."""
    return _prose_words(cells)


def _prose_words(cells: list[PublishedCell]) -> int:
    total = 0
    for cell in cells:
        if cell.kind == "markdown" and not cell.in_exercises and "note" not in cell.tags:
            # The answer to a question is folded away.
            total += visible_words(cell.guess.asked if cell.guess else cell.source)
        total += visible_words(cell.caption)
    return total


def skim_minutes(cells: list[PublishedCell]) -> int:
    return max(1, round(skim_words(cells) / WORDS_PER_MINUTE))


def read_minutes(cells: list[PublishedCell]) -> int:
    """All prose and notes at reading speed and the visible code line by line; exercises have their own minutes."""
    notes = sum(visible_words(cell.source) for cell in cells if "note" in cell.tags)
    lines = sum(
        sum(bool(line.strip()) for line in cell.source.splitlines())
        for cell in cells
        if cell.kind == "code" and not cell.folded and not cell.in_exercises
    )
    return ceil((read_words(cells) + notes) / WORDS_PER_MINUTE + lines / CODE_LINES_PER_MINUTE)
