"""TeX in prose becomes MathML when the book is built: no script, no font, and it reads aloud."""

import re
from html import unescape

from latex2mathml.converter import convert

INLINE = re.compile(r'<span class="arithmatex">\\\((.*?)\\\)</span>', re.DOTALL)
BLOCK = re.compile(r'<div class="arithmatex">\s*\\\[(.*?)\\\]\s*</div>', re.DOTALL)

# A line may break after a formula, but never between a formula and the comma behind it.
BEFORE_MARK = re.compile(r'(<math display="inline">(?:(?!</math>).)*</math>[.,;:!?)]+)', re.DOTALL)
BRACE = re.compile(r"\\[{}]")


def with_mathml(html: str) -> str:
    """Replace what pymdownx.arithmatex marked. Raises ValueError for TeX that cannot be converted."""
    html = BLOCK.sub(lambda match: _scroller(_mathml(match[1], "block")), html)
    html = INLINE.sub(lambda match: _mathml(match[1], "inline"), html)
    return BEFORE_MARK.sub(r'<span class="together">\1</span>', html)


def _scroller(mathml: str) -> str:
    """A formula wider than a phone scrolls in its own box, by keyboard too."""
    return f'<div class="formula" tabindex="0" role="group" aria-label="Formula">{mathml}</div>'


def _mathml(escaped: str, display: str) -> str:
    tex = unescape(escaped).strip()
    if BRACE.sub("", tex).count("{") != BRACE.sub("", tex).count("}"):
        raise ValueError(f"the formula {tex!r} opens and closes different numbers of braces")
    try:
        mathml = convert(tex, display=display)
    except Exception as error:
        raise ValueError(f"the formula {tex!r} cannot become MathML: {type(error).__name__} {error}") from error
    if "\\" in re.sub(r"<[^>]*>", "", mathml):
        raise ValueError(f"the formula {tex!r} has a command that latex2mathml does not know")
    return str(mathml).replace(' xmlns="http://www.w3.org/1998/Math/MathML"', "")
