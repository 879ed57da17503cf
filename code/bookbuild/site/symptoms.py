"""The picker of "When training goes wrong": choose what you see, and the suspects stand beside it.

It is made of the page's own table, which stays below it, folded. It needs no script: what is chosen is a radio button,
and the stylesheet shows what belongs to it. A small script only keeps the choice in the page's address.
"""

import re

TABLE = re.compile(r'<div class="[^"]*\bsymptoms\b[^"]*">\s*<table>.*?</table>\s*</div>', re.DOTALL)
ROW = re.compile(r"<tr>\s*<td[^>]*>(?P<seen>.*?)</td>\s*<td[^>]*>(?P<suspects>.*?)</td>\s*</tr>", re.DOTALL)
SEEN = re.compile(r'<strong id="see-(?P<word>[a-z-]+)">(?P<text>.*)</strong>', re.DOTALL)
BREAK = re.compile(r"<br\s*/?>\s*")

RIGHT = '<path class="gray-stroke" d="M3 5C10 22 22 25 53 26"/>'
ICONS = {
    "first": f'{RIGHT}<circle class="c1-fill" cx="6" cy="4" r="4"/>',
    "nan": '<path class="c1-stroke" d="M3 6C8 14 14 17 22 18M30 14l8 8m0-8l-8 8"/>',
    "flat": f'{RIGHT}<path class="c1-stroke" d="M3 5H53"/>',
    "high": f'{RIGHT}<path class="c1-stroke" d="M3 5C8 10 14 11 53 11"/>',
    "higher": f'{RIGHT}<path class="c1-stroke" d="M3 5C11 16 22 19 53 20"/>',
    "good": f'{RIGHT}<path class="c1-stroke" d="M3 5C7 28 10 30 53 30"/>',
    "rises": '<path class="c1-stroke" d="M3 5C12 30 20 20 53 5"/>'
    '<path class="c1-stroke" stroke-dasharray="5 4" d="M3 5C12 26 24 29 53 29"/>',
    "odd": f'{RIGHT}<path class="c1-stroke" d="M3 14L13 8 22 12 32 5 42 9 53 4"/>',
    "writes": '<path class="gray-stroke" d="M3 3C10 11 22 13 53 14"/>'
    '<text class="c1-fill" x="3" y="30" font-size="14" font-weight="700">xqjzzw</text>',
    "stopped": '<path class="gray-stroke" stroke-dasharray="3 3" d="M28 2V31"/>'
    '<path class="c1-stroke" d="M3 5C10 18 18 21 28 22L31 12C36 20 44 22 53 23"/>',
    "fine": f'{RIGHT}<path class="c1-stroke" d="M3 5C10 22 22 25 53 26"/>'
    '<text class="c1-fill" x="36" y="17" font-size="16" font-weight="700">?</text>',
    "slow": '<path class="c1-stroke" d="M28 4a12 12 0 1 0 .1 0M28 9v7l6 4"/>',
}
"""The shape of what one sees, by the word of its row: gray is the right run, colour the one that went wrong."""


def with_picker(page: str, script_url: str) -> str:
    """The page's content, with a picker over its table of symptoms; one without such a table stays as it is.

    Raises ValueError for a row that cannot be picked.
    """
    return TABLE.sub(lambda match: picker(match[0], script_url), page)


def picker(table: str, script_url: str) -> str:
    """The script that remembers the choice, the table of symptoms as a picker, and the table itself, folded."""
    rows = [_row(match["seen"], match["suspects"]) for match in ROW.finditer(table)]
    if [word for word, _, _ in rows] != list(ICONS):
        raise ValueError(f"the symptoms are not, in this order, those that have an icon: {', '.join(ICONS)}")
    choices = "".join(_choice(word, text, suspects, checked=not at) for at, (word, text, suspects) in enumerate(rows))
    return (
        f'<script src="{script_url}"></script>'
        '<form class="picker" autocomplete="off"><fieldset><legend>What do you see?</legend>'
        f"{choices}</fieldset></form>"
        f'<details class="all-symptoms"><summary>All symptoms in one table</summary>{table}</details>'
    )


def _row(seen: str, suspects: str) -> tuple[str, str, list[str]]:
    match = SEEN.fullmatch(seen.strip())
    if match is None:
        raise ValueError(f"the symptom {seen!r} has no word of its own: write it as **what one sees**{{ #see-word }}")
    return match["word"], match["text"], [part for part in BREAK.split(suspects.strip()) if part]


def _choice(word: str, text: str, suspects: list[str], *, checked: bool) -> str:
    items = "".join(f"<li>{suspect}</li>" for suspect in suspects)
    radio = f'<input type="radio" name="see" value="{word}" aria-describedby="suspects-{word}"'
    return (
        f"<label>{radio}{' checked' if checked else ''}>"
        f'<svg viewBox="0 0 56 32" width="56" height="32" aria-hidden="true">{ICONS[word]}</svg>'
        f"<span>{text}</span></label>"
        f'<div class="suspects" id="suspects-{word}"><p>Check in this order:</p><ol>{items}</ol></div>'
    )
