"""From letters to numbers and back."""

from collections.abc import Iterable, Sequence

MARK = "."  # how plots draw token 0: "a name starts here" before the first letter, "it ends here" after the last


class CharacterTokenizer:
    """Numbers for letters: 1, 2, 3, ... in the given order. 0 is the mark, which is no letter.

    >>> tokenizer = CharacterTokenizer("abc")
    >>> tokenizer.encode("cab")
    [3, 1, 2]
    >>> tokenizer.decode([3, 1, 2, 0])
    'cab'
    """

    def __init__(self, characters: Sequence[str]) -> None:
        """Raises ValueError if characters holds none, a repeated one, or more than one in an entry."""
        if not characters:
            raise ValueError("the alphabet is empty: give at least one character")
        for character in characters:
            if len(character) != 1:
                raise ValueError(f"{character!r} is not one character: give the alphabet letter by letter")
        if len(set(characters)) != len(characters):
            repeated = next(c for c in characters if list(characters).count(c) > 1)
            raise ValueError(f'"{repeated}" is in the alphabet twice: give each character once')
        self.characters = list(characters)
        self._ids = {character: number for number, character in enumerate(characters, start=1)}

    @classmethod
    def from_texts(cls, texts: Iterable[str]) -> "CharacterTokenizer":
        """The tokenizer whose alphabet is every character of the texts, sorted."""
        return cls(sorted(set().union(*texts)))

    @property
    def vocab_size(self) -> int:
        """How many tokens there are: the characters and the mark."""
        return len(self.characters) + 1

    @property
    def labels(self) -> list[str]:
        """What to draw for each token; the first is the mark."""
        return [MARK, *self.characters]

    def encode(self, text: str) -> list[int]:
        """The letters' numbers, without marks. Raises ValueError, which says where, for a character without one."""
        for place, character in enumerate(text, start=1):
            if character not in self._ids:
                alphabet = "".join(self.characters)
                raise ValueError(
                    f'"{character}" (character {place} of "{text}") is not in the alphabet "{alphabet}": '
                    "use these characters only, or train on names that have it"
                )
        return [self._ids[character] for character in text]

    def decode(self, ids: Iterable[int]) -> str:
        """The text of the numbers; marks are dropped. Raises ValueError for a number that stands for nothing."""
        letters = []
        for number in ids:
            if not 0 <= number < self.vocab_size:
                raise ValueError(f"{number} is no token: tokens are 0 to {self.vocab_size - 1}")
            letters.append("" if number == 0 else self.characters[number - 1])
        return "".join(letters)
