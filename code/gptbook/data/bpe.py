"""GPT-2's tokenizer: learned, applied, saved, and read from the files of others."""

import json
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from gptbook.data.merging import (
    byte_symbols,
    in_symbols,
    learn_merges,
    merge_in_order,
    single_bytes,
    split_words,
    utf8,
)
from gptbook.files.json_files import read_json
from gptbook.files.text_files import read_text
from gptbook.files.whole_files import write_whole

END_OF_TEXT = "<|endoftext|>"  # the token that stands between two texts
REMEMBERED_WORDS = 100_000  # some 20 MB
REMEMBERED_LETTERS = 100  # longer words hardly come twice
OTHER_OPTIONS = (  # of a tokenizer.json, which would cut a text in another way
    "dropout",
    "continuing_subword_prefix",
    "end_of_word_suffix",
    "byte_fallback",
    "ignore_merges",
)


class BytePairTokenizer:
    """GPT-2's tokenizer: a token for each byte, then one for each merge.

    No text is unknown to it: what was never merged stays in bytes.

    >>> tokenizer = BytePairTokenizer([(b"a", b"n"), (b"an", b"an")])
    >>> tokenizer.encode("banana")
    [65, 257, 64]
    >>> tokenizer.pieces("banana")
    [b'b', b'anan', b'a']
    """

    def __init__(
        self, merges: Iterable[tuple[bytes, bytes]], *, end_of_text: bool = False
    ) -> None:
        """Number the bytes, the merges in order, then the end of a text, if wanted.

        Raises ValueError for a merge of pieces that are not there yet, or a second way
        to the same token.
        """
        self.merges = list(merges)
        self.end_of_text = end_of_text
        self.tokens = list(byte_symbols())
        self.ids = {token: number for number, token in enumerate(self.tokens)}
        self.merged: dict[tuple[int, int], int] = {}  # two tokens, and what they make
        for left, right in self.merges:
            both = left + right
            if left not in self.ids or right not in self.ids or both in self.ids:
                raise ValueError(
                    f"{left!r} and {right!r} cannot be merge {len(self.merged) + 1}: "
                    "the two must be tokens by then, and what they make must be new"
                )
            self.merged[self.ids[left], self.ids[right]] = len(self.tokens)
            self.ids[both] = len(self.tokens)
            self.tokens.append(both)
        if end_of_text:
            self.tokens.append(END_OF_TEXT.encode())
        self._remembered: dict[str, list[int]] = {}

    @classmethod
    def learn(
        cls,
        texts: Iterable[str],
        vocab_size: int,
        *,
        end_of_text: bool = False,
        on_merge: Callable[[bytes, int], None] | None = None,
    ) -> "BytePairTokenizer":
        """The tokenizer of vocab_size tokens that the texts give; see `learn_merges`.

        Merges and ids are those of Hugging Face's byte-level `BpeTrainer`.
        Raises ValueError if the texts give too few merges, or vocab_size is too small.
        """
        if isinstance(texts, str):
            raise ValueError("texts is one text: put it into a list")
        least = 256 + end_of_text
        if vocab_size < least:
            raise ValueError(f"vocab_size is {vocab_size}: give {least} or more")
        words: Counter[str] = Counter()
        for text in texts:
            utf8(text)  # refused before it is cut
            words.update(split_words(text))
        merges = learn_merges(words, vocab_size - least, on_merge)
        if len(merges) < vocab_size - least:
            raise ValueError(
                f"the texts give {len(merges)} merges, and vocab_size {vocab_size} "
                f"needs {vocab_size - least}: give more texts, or a vocab_size up to "
                f"{least + len(merges)}"
            )
        return cls(merges, end_of_text=end_of_text)

    @property
    def vocab_size(self) -> int:
        """How many tokens there are."""
        return len(self.tokens)

    @property
    def labels(self) -> list[str]:
        """What to draw for each token: a space as ␣, what does not print, escaped."""
        labels = []
        for token in self.tokens:
            text = token.decode("utf-8", "backslashreplace").replace(" ", "␣")
            labels.append(
                "".join(c if c.isprintable() else f"{c!a}"[1:-1] for c in text)
            )
        return labels

    def encode(self, text: str) -> list[int]:
        """The numbers of the tokens that the text falls into.

        Where there is a token for the end of a text, "<|endoftext|>" stands for it.
        Raises ValueError, which says where, for half of a surrogate pair.
        """
        utf8(text)  # refused as a whole, so that the error counts from its beginning
        numbers: list[int] = []
        parts = text.split(END_OF_TEXT) if self.end_of_text else [text]
        for place, part in enumerate(parts):
            if place > 0:
                numbers.append(self.vocab_size - 1)
            for word in split_words(part):
                found = self._remembered.get(word)
                if found is None:
                    found = self.numbers(word)
                    if len(self._remembered) == REMEMBERED_WORDS:
                        self._remembered.clear()
                    if len(word) <= REMEMBERED_LETTERS:
                        self._remembered[word] = found
                numbers += found
        return numbers

    def numbers(self, word: str) -> list[int]:
        """The tokens of one word: its bytes, merged in the order of learning."""
        spelled = [self.ids[byte] for byte in single_bytes(word)]
        return merge_in_order(spelled, self.merged)

    def pieces(self, word: str) -> list[bytes]:
        """The tokens of one word, as bytes."""
        return [self.tokens[number] for number in self.numbers(word)]

    def decode(self, numbers: Iterable[int]) -> str:
        """The text that the numbers stand for; bytes that are no UTF-8 become U+FFFD.

        Raises ValueError for a number that stands for nothing.
        """
        tokens = []
        for number in numbers:
            if not 0 <= number < self.vocab_size:
                raise ValueError(
                    f"{number} is no token: tokens are 0 to {self.vocab_size - 1}"
                )
            tokens.append(self.tokens[number])
        return b"".join(tokens).decode("utf-8", "replace")

    @property
    def vocabulary(self) -> dict[str, int]:
        """The number of each token, spelled as in GPT-2's files."""
        spelled = {in_symbols(token): number for token, number in self.ids.items()}
        if self.end_of_text:
            spelled[END_OF_TEXT] = self.vocab_size - 1
        return spelled

    def save(self, path: Path | str) -> None:
        """Write `tokenizer.json`, which Hugging Face's `Tokenizer.from_file` opens.

        Raises OSError if the file cannot be written.
        """
        flags = dict.fromkeys(["single_word", "lstrip", "rstrip", "normalized"], False)
        special = {"id": self.vocab_size - 1, "content": END_OF_TEXT, "special": True}
        byte_level = {"type": "ByteLevel", "add_prefix_space": False}
        byte_level |= {"trim_offsets": True, "use_regex": True}
        content = {
            "version": "1.0",
            "truncation": None,
            "padding": None,
            "added_tokens": [special | flags] if self.end_of_text else [],
            "normalizer": None,
            "pre_tokenizer": byte_level,
            "post_processor": byte_level | {"trim_offsets": False},
            "decoder": byte_level,
            "model": {
                "type": "BPE",
                "dropout": None,
                "unk_token": None,
                "continuing_subword_prefix": None,
                "end_of_word_suffix": None,
                "fuse_unk": False,
                "byte_fallback": False,
                "ignore_merges": False,
                "vocab": self.vocabulary,
                "merges": [list(map(in_symbols, pair)) for pair in self.merges],
            },
        }
        text = json.dumps(content, indent=1, ensure_ascii=False) + "\n"
        write_whole(Path(path), text.encode())

    @classmethod
    def load(cls, path: Path | str) -> "BytePairTokenizer":
        """Read a `tokenizer.json` that was saved here, or is laid out like GPT-2's.

        Raises ValueError, in one sentence, if it is not that.
        """
        content = read_json(path)
        try:
            model, cut = content["model"], content["pre_tokenizer"]
            is_like_gpt2 = (
                (model.get("type", "BPE"), cut["type"]) == ("BPE", "ByteLevel")
                and not (content["normalizer"] or cut["add_prefix_space"])
                and cut.get("use_regex", True)
                and not any(model.get(option) for option in OTHER_OPTIONS)
            )
            vocabulary = dict(model["vocab"])
            vocabulary |= {
                each["content"]: each["id"] for each in content["added_tokens"]
            }
            merges = [
                each.split(" ") if isinstance(each, str) else each
                for each in model["merges"]
            ]
        except (KeyError, TypeError, ValueError, AttributeError):
            is_like_gpt2 = False
        if not is_like_gpt2:
            raise ValueError(
                f"{path} is not a byte-level tokenizer like GPT-2's: "
                "take one that was saved here, or that of a GPT-2"
            )
        return cls.from_symbols(vocabulary, merges, path)

    @classmethod
    def from_gpt2_files(
        cls, vocab_json: Path | str, merges_txt: Path | str
    ) -> "BytePairTokenizer":
        """Read OpenAI's own two files: the number of each token, and a merge a line.

        Raises ValueError, in one sentence, if they are not that, or disagree.
        """
        lines = read_text(merges_txt).splitlines()
        merges = [line.split(" ") for line in lines if not line.startswith("#version")]
        return cls.from_symbols(read_json(vocab_json), merges, merges_txt)

    @classmethod
    def from_symbols(
        cls, vocabulary: Mapping[str, int], merges: Iterable[Sequence[str]], source: Any
    ) -> "BytePairTokenizer":
        """The tokenizer of these merges, spelled as in GPT-2's files.

        Raises ValueError, which names the source, if it numbers its tokens otherwise.
        """
        to_byte = {symbol: byte for byte, symbol in byte_symbols().items()}
        try:
            given = dict(vocabulary)
            pairs = [
                (
                    b"".join(to_byte[c] for c in left),
                    b"".join(to_byte[c] for c in right),
                )
                for left, right in merges
            ]
            tokenizer = cls(pairs, end_of_text=END_OF_TEXT in given)
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError(
                f"{source} holds what is no merge ({error}): get the file again"
            ) from None
        own = tokenizer.vocabulary
        for token in own | given:
            if own.get(token) != given.get(token):
                raise ValueError(
                    f'{source}: "{token}" has the number {given.get(token)}, by the '
                    f"merges {own.get(token)}: take files that belong together"
                )
        return tokenizer


def bytes_per_token(tokenizer: BytePairTokenizer, texts: Iterable[str]) -> float:
    """How many bytes of the texts one token holds, on average; the end mark holds none.

    Raises ValueError if the texts hold no token.
    """
    num_bytes = num_tokens = 0
    for text in texts:
        marks = text.count(END_OF_TEXT) if tokenizer.end_of_text else 0
        num_bytes += len(utf8(text)) - marks * len(END_OF_TEXT)
        num_tokens += len(tokenizer.encode(text))
    if num_tokens == 0:
        raise ValueError("the texts hold no token: give some text")
    return num_bytes / num_tokens
