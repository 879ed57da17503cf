"""From letters to numbers and back."""

from collections.abc import Iterable, Sequence

MARK = "."  # how token 0 is drawn: in front of a name it means start, after it, end


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
                    f'"{character}", character {place} of "{text}", is not in the '
                    f'alphabet "{"".join(self.characters)}": leave it out or replace it'
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
