"""From letters to numbers and back."""

import difflib
from collections.abc import Iterable, Sequence

MARK = "."  # how token 0 is drawn: in front of a name it means start, after it, end


def around(text: str, place: int = 1, most: int = 100) -> str:
    """Some letters on both sides of a place, counted from 1, for a message."""
    first = max(0, place - most // 2)
    before, after = "..." * (first > 0), "..." * (first + most < len(text))
    return f"{before}{text[first : first + most]}{after}"


class CharacterTokenizer:
    """Numbers for letters: 1, 2, 3, ... Token 0 is the mark, which is no letter.

    >>> tokenizer = CharacterTokenizer("abc")
    >>> tokenizer.encode("cab")
    [3, 1, 2]
    >>> tokenizer.decode([3, 1, 2, 0])
    'cab'
    """

    def __init__(self, characters: Sequence[str]) -> None:
        """Number the characters in order. Raises ValueError if one comes twice."""
        if not characters:
            raise ValueError("the alphabet is empty: give at least one character")
        self.characters = list(characters)
        self.ids: dict[str, int] = {}
        for number, character in enumerate(characters, start=1):
            if len(character) != 1:
                raise ValueError(
                    f'"{character}" is not one character: give them one by one'
                )
            if character in self.ids:
                raise ValueError(
                    f'"{character}" is in the alphabet twice: give it once'
                )
            self.ids[character] = number

    @classmethod
    def from_texts(cls, texts: Iterable[str]) -> "CharacterTokenizer":
        """The tokenizer of all characters that occur in the texts, sorted."""
        return cls(sorted(set().union(*texts)))

    @property
    def vocab_size(self) -> int:
        """How many tokens there are: the characters, and the mark."""
        return len(self.characters) + 1

    @property
    def labels(self) -> list[str]:
        """What to draw for each token."""
        return [MARK, *self.characters]

    def encode(self, text: str) -> list[int]:
        """The numbers of the letters, without marks.

        Raises ValueError, which says where, for a character that has no number.
        """
        for place, character in enumerate(text, start=1):
            if character not in self.ids:
                raise ValueError(
                    f'"{character}", character {place} of "{around(text, place)}", is '
                    f'not in the alphabet "{around("".join(self.characters))}": leave '
                    "it out or replace it"
                )
        return [self.ids[character] for character in text]

    def decode(self, ids: Iterable[int]) -> str:
        """The text that the numbers stand for; marks are dropped.

        Raises ValueError for a number that stands for nothing.
        """
        letters = []
        for number in ids:
            if not 0 <= number < self.vocab_size:
                raise ValueError(
                    f"{number} is no token: tokens are 0 to {self.vocab_size - 1}"
                )
            if number > 0:
                letters.append(self.characters[number - 1])
        return "".join(letters)


class WordTokenizer:
    """Numbers for words: 1, 2, 3, ... Token 0 is the mark, which is no word.

    >>> tokenizer = WordTokenizer(["my", "cat", "sat"])
    >>> tokenizer.encode(["my", "cat"])
    [1, 2]
    >>> tokenizer.decode([0, 1, 2, 3, 0])
    'my cat sat'
    """

    def __init__(self, words: Iterable[str]) -> None:
        """Number the words in order. Raises ValueError for an empty or a second one."""
        self.words = list(words)
        if not self.words:
            raise ValueError("the list of words is empty: give at least one")
        self.ids: dict[str, int] = {}
        for number, word in enumerate(self.words, start=1):
            if not word:
                raise ValueError(f"word {number} is empty: leave it out")
            if word in self.ids:
                raise ValueError(f'"{word}" is among the words twice: give it once')
            self.ids[word] = number

    @property
    def vocab_size(self) -> int:
        """How many tokens there are: the words, and the mark."""
        return len(self.words) + 1

    @property
    def labels(self) -> list[str]:
        """What to draw for each token."""
        return [MARK, *self.words]

    def encode(self, words: Sequence[str]) -> list[int]:
        """The numbers of the words, without marks.

        Raises ValueError for a word that has no number, and names one that looks like
        it; and for a text that was not split into words.
        """
        if isinstance(words, str):
            raise ValueError(f'"{words}" is a text: split it into a list of words')
        for place, word in enumerate(words, start=1):
            if word not in self.ids:
                nearest = difflib.get_close_matches(word, self.words, 1, cutoff=0.0)
                raise ValueError(
                    f'"{word}", word {place}, is not among the {self.vocab_size - 1} '
                    f'known words: replace it, by "{nearest[0]}" perhaps'
                )
        return [self.ids[word] for word in words]

    def decode(self, ids: Iterable[int]) -> str:
        """The words that the numbers stand for, with spaces; marks are dropped.

        Raises ValueError for a number that stands for nothing.
        """
        words = []
        for number in ids:
            if not 0 <= number < self.vocab_size:
                raise ValueError(
                    f"{number} is no token: tokens are 0 to {self.vocab_size - 1}"
                )
            if number > 0:
                words.append(self.words[number - 1])
        return " ".join(words)
