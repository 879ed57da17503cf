"""The file beside a text that says how it became tokens."""

from pathlib import Path

import pytest

from gptbook.data.bpe import BytePairTokenizer
from gptbook.data.corpus import Corpus, open_corpus, write_corpus
from gptbook.data.tokenizer import CharacterTokenizer

FACTS = {"name": "a little text", "bytes_per_token": 1.0}


@pytest.fixture
def letters() -> CharacterTokenizer:
    return CharacterTokenizer("abcde")


@pytest.fixture
def corpus(letters: CharacterTokenizer, tmp_path: Path) -> Corpus:
    return write_corpus(tmp_path / "text", letters, [[1, 2, 3], [4] * 40], [[5] * 20], FACTS)


def test_pieces_of_bytes_are_kept_too(tmp_path: Path) -> None:
    pieces = BytePairTokenizer([(b"a", b"n"), (b"an", b"an")], end_of_text=True)
    corpus = write_corpus(tmp_path, pieces, [pieces.encode("banana")], [[0, 1]], FACTS)
    assert open_corpus(tmp_path).tokenizer.decode(corpus.training.tolist()) == "banana"


def test_another_tokenizer_takes_the_place_of_the_first(corpus: Corpus) -> None:
    pieces = BytePairTokenizer([])
    write_corpus(corpus.folder, pieces, [[1, 2]], [[3]], FACTS)
    assert open_corpus(corpus.folder).vocab_size == 256


def test_a_tokenizer_that_is_none_is_refused(corpus: Corpus) -> None:
    (corpus.folder / "characters.json").write_text("[]")
    with pytest.raises(ValueError, match=r"characters\.json"):
        open_corpus(corpus.folder)
