"""Texts become a corpus: in tokens that are chosen for them, or in those of a model."""

import tempfile
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from itertools import chain
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from tqdm import tqdm

from gptbook.data.bpe import END_OF_TEXT, BytePairTokenizer
from gptbook.data.corpus import TOKEN_TYPE, Corpus, write_corpus
from gptbook.data.hub import load_gpt2_tokenizer
from gptbook.data.merging import learn_merges, split_words, utf8
from gptbook.data.quick_pieces import QuickTokenizer
from gptbook.data.tokenizer import CharacterTokenizer
from gptbook.data.tokenizer_files import (
    TextTokenizer,
    end_token,
    save_tokenizer_file,
    token_bytes,
    tokenizer_path,
)
from gptbook.files.nearest_word import quoted
from gptbook.files.whole_files import file_sha256

SHOWN_STRANGERS = 5
LETTERS_AT_ONCE = 2**20
GIVEN = "tokenizer_sha256"  # in the settings of a text in a model's own tokens


class Texts(Protocol):
    """Texts that can be counted, and read as often as need be."""

    def __len__(self) -> int:
        """How many."""
        ...

    def __iter__(self) -> Iterator[str]:
        """One after another."""
        ...


def given_settings(given: TextTokenizer | None) -> dict[str, str]:
    """What the settings of a text say of a tokenizer that is given; nothing of none."""
    if given is None:
        return {}
    return {"tokenizer": "given", GIVEN: tokenizer_sha256(given)}


def tokenizer_sha256(tokenizer: TextTokenizer) -> str:
    """The sha256 of the file that keeps a tokenizer."""
    with tempfile.TemporaryDirectory() as folder:
        save_tokenizer_file(Path(folder), tokenizer)
        return file_sha256(tokenizer_path(Path(folder)))


def write_texts(
    folder: Path,
    name: str,
    settings: Mapping[str, Any],
    training: Texts,
    held_out: Texts,
    spelling: str = "as it came",
    given: TextTokenizer | None = None,
    alphabet: Collection[str] = (),
) -> Corpus:
    """Choose the tokens and write both parts in them; of several texts, each marked.

    spelling is how the texts write accents; corpora from before do not say it. given is
    the tokenizer of a model, alphabet the different characters of all texts, which are
    read once more where it is not known. Raises ValueError for a letter that the given
    tokenizer does not know.
    """
    tokenizer: TextTokenizer
    are_many = "documents" in settings or len(training) > 1
    if isinstance(given, CharacterTokenizer) or settings["tokenizer"] == "characters":
        alphabet = alphabet or letters_of(chain(training, held_out))
    if given is not None:
        check_letters(given, alphabet, name)
        tokenizer = given
    elif settings["tokenizer"] == "characters":
        tokenizer = CharacterTokenizer(sorted(alphabet))
    elif settings["tokenizer"] == "gpt2":
        tokenizer = load_gpt2_tokenizer()
    else:
        is_marked = are_many or any(END_OF_TEXT in text for text in training)
        tokenizer = learn_pieces(training, settings["vocab_size"], is_marked)
    end = 0 if isinstance(tokenizer, CharacterTokenizer) else end_token(tokenizer)
    mark = [end] if are_many and end is not None else []
    # Two bytes a token: of a large text a tenth is large, too.
    measured = [np.asarray(p, TOKEN_TYPE) for p in encoded(tokenizer, held_out, mark)]
    held = np.array(token_bytes(tokenizer))
    num_bytes = sum(int(held[piece].sum()) for piece in measured)
    facts = {
        "name": name,
        "bytes_per_token": num_bytes / sum(map(len, measured)),
        "spelling": spelling,
        "settings": dict(settings),
    }
    pieces = encoded(tokenizer, training, mark)
    return write_corpus(folder, tokenizer, pieces, measured, facts)


def letters_of(texts: Iterable[str]) -> set[str]:
    """The different characters of texts, of which one at a time is in memory."""
    letters: set[str] = set()
    for text in texts:
        letters.update(text)
    return letters


def check_letters(given: TextTokenizer, letters: Iterable[str], name: str) -> None:
    """Raise ValueError if some letters of a text are none that a model knows.

    To byte pairs none is unknown.
    """
    if not isinstance(given, CharacterTokenizer):
        return
    strange = sorted(set(letters) - given.ids.keys())
    if strange:
        shown = ", ".join(map(quoted, strange[:SHOWN_STRANGERS]))
        dots = ", ..." * (len(strange) > SHOWN_STRANGERS)
        raise ValueError(
            f"{name} has characters that the model does not know, {len(strange)} of "
            f"them ({shown}{dots}): replace them, or go on with another model"
        )


def learn_pieces(
    texts: Iterable[str], vocab_size: int, end_of_text: bool
) -> BytePairTokenizer:
    """Byte pairs learned on the texts: as many as asked for, or as there are."""
    words: Counter[str] = Counter()
    for text in texts:
        utf8(text)  # refused before it is cut
        words.update(split_words(text))
    num_merges = vocab_size - 256 - end_of_text
    with tqdm(total=num_merges, unit=" merges", disable=None) as bar:
        merges = learn_merges(words, num_merges, lambda piece, times: bar.update())
    return BytePairTokenizer(merges, end_of_text=end_of_text)


def encoded(
    tokenizer: TextTokenizer, texts: Iterable[str], mark: list[int]
) -> Iterator[list[int]]:
    """The tokens of the texts, each with the mark in front, a part at a time."""
    if isinstance(tokenizer, BytePairTokenizer):
        tokenizer = QuickTokenizer(tokenizer)
    for text in texts:
        yield mark
        if isinstance(tokenizer, CharacterTokenizer):
            for start in range(0, len(text), LETTERS_AT_ONCE):
                yield tokenizer.encode(text[start : start + LETTERS_AT_ONCE])
        else:
            yield tokenizer.encode(text)
