"""Words that a reader types: the known one that is meant, or the nearest to it."""

import difflib
from collections.abc import Iterable
from pathlib import Path

LONGEST_QUOTE = 40  # letters of what was typed, in a sentence about it


def find_word(word: str, known: Iterable[str], kind: str) -> str:
    """The known word that is meant; capitals count as small letters, _ and space as -.

    >>> find_word("RTX 4090", ["h100", "rtx-4090"], "GPU")
    'rtx-4090'

    Raises ValueError, which names the nearest one, or all if none is near.
    """
    words = list(known)
    if word in words:
        return word
    plain = word.strip().lower().replace("_", "-").replace(" ", "-")
    if plain in words:
        return plain
    raise ValueError(f"there is no {kind} {quoted(word)}: {hint(plain, words)}")


def find_text(source: str, known: Iterable[str]) -> str:
    """A path as it was given, or one of the known words, which may be in capitals.

    Raises ValueError, with the nearest word, for what is neither.
    """
    words = list(known)
    if source in words or Path(source).exists():
        return source
    if source.lower() in words:
        return source.lower()
    near = hint(source.lower(), words)
    raise ValueError(
        f"there is no file {quoted(source)}: give the path of a text; or {near}"
    )


def hint(word: str, known: Iterable[str]) -> str:
    """A question with the nearest of the known words, or all of them to choose from."""
    words = list(known)
    near = difflib.get_close_matches(word[:LONGEST_QUOTE], words, n=1)
    return f'did you mean "{near[0]}"?' if near else f"choose from {', '.join(words)}"


def quoted(text: str, place: int = 0) -> str:
    """A text between quotes, on one line; of a long one, the letters around a place.

    >>> quoted("to be, or not to be, that is the question: whether", place=30)
    '"...to be, or not to be, that is the question:..."'
    """
    first = max(0, min(place - LONGEST_QUOTE // 2, len(text) - LONGEST_QUOTE))
    last = first + LONGEST_QUOTE
    if len(text) <= LONGEST_QUOTE + 6:  # the dots would take as much
        first, last = 0, len(text)
    part = "".join(
        letter if letter.isprintable() else letter.encode("unicode_escape").decode()
        for letter in text[first:last]
    )
    return f'"{"..." * (first > 0)}{part}{"..." * (last < len(text))}"'
