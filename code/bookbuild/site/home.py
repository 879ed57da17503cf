"""The home page's list of chapters, grouped by part, with their questions and reading times."""

import re
from dataclasses import dataclass
from html import escape
from itertools import groupby


@dataclass(frozen=True, kw_only=True)
class ChapterCard:
    """What the home page says about one chapter."""

    number: int
    part: str
    """The part's title as the navigation has it; empty for a chapter outside any part."""
    title: str
    question: str
    """Plain text, no Markdown: the chapter's first paragraph. A card shows it up to its first question mark."""
    url: str
    """Relative to the home page."""
    skim_minutes: int
    read_minutes: int


def home_chapters(chapters: list[ChapterCard]) -> str:
    """One section for each part, in the order of the chapters; the empty string without chapters."""
    sections = []
    parts = groupby(chapters, key=lambda card: card.part)
    for number, (part, cards) in enumerate(parts, 1):
        heading = part_heading(part, number)
        items = "\n".join(_item(card) for card in cards)
        sections.append(
            f'<section class="part" aria-labelledby="part-{number}">\n'
            f'<h3 id="part-{number}">{escape(heading)}</h3>\n'
            f'<ol class="chapter-cards">\n{items}\n</ol>\n</section>'
        )
    return "\n".join(sections)


def part_heading(part: str, number: int) -> str:
    """`Part 1 · Learning from examples`, whether or not the navigation's title counts the parts itself."""
    title = re.sub(r"^Part\s+\d+\s*[.:·–-]?\s*", "", part).strip()
    return f"Part {number} · {title}" if title else f"Part {number}"


def asked(question: str) -> str:
    """The text up to its first question mark; all of it if it has none."""
    before, mark, _ = question.partition("?")
    return before + mark


def _item(card: ChapterCard) -> str:
    # One link around all of it: a card is one target for a finger, and one stop for the Tab key.
    return (
        f'<li><a class="chapter-card" href="{escape(card.url)}">'
        f'<span class="chapter-number">{card.number}</span> '
        f'<span class="chapter-title">{escape(card.title)}</span> '
        f'<span class="chapter-question">{escape(asked(card.question))}</span> '
        f'<span class="chapter-minutes">Skim {card.skim_minutes} min · Read {card.read_minutes} min</span>'
        f"</a></li>"
    )
