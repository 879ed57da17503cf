"""A text in the tokens of a model that is there already: the same tokens, or a sentence why not."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from gptbook.data.bpe import BytePairTokenizer
from gptbook.data.chosen_text import corpus_for
from gptbook.data.corpus_writing import GIVEN, given_settings, tokenizer_sha256, write_texts
from gptbook.data.prepare import prepare_corpus
from gptbook.data.tokenizer import CharacterTokenizer

TEXT = "the cat sat on the mat; the dog sat on the log.\n" * 20
PIECES = BytePairTokenizer.learn([TEXT], 270, end_of_text=True)
LETTERS = CharacterTokenizer.from_texts([TEXT, "xyz"])


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GPTBOOK_CACHE", str(tmp_path / "cache"))
    (tmp_path / "own.txt").write_text(TEXT)
    return tmp_path


@pytest.mark.parametrize("tokenizer", [PIECES, LETTERS], ids=["pieces", "letters"])
def test_a_text_is_prepared_in_the_tokens_of_a_model(tokenizer: BytePairTokenizer | CharacterTokenizer) -> None:
    corpus = corpus_for("own.txt", tokenizer)
    tokens = np.concatenate([corpus.training, corpus.held_out]).tolist()
    assert tokenizer.decode(tokens) == TEXT
    assert corpus.vocab_size == tokenizer.vocab_size
    assert corpus.facts[GIVEN] == tokenizer_sha256(tokenizer)
    assert corpus.facts["bytes_per_token"] > 0


def test_the_cache_knows_in_whose_tokens_a_text_is() -> None:
    folders = {corpus_for("own.txt", given).folder for given in (None, PIECES, LETTERS)}
    assert len(folders) == 3
    assert {corpus_for("own.txt", given).folder for given in (None, PIECES, LETTERS)} == folders
    again = BytePairTokenizer.learn([TEXT], 270, end_of_text=True)
    assert given_settings(again) == given_settings(PIECES) != given_settings(LETTERS)
    assert given_settings(None) == {}


def test_several_texts_are_marked_in_the_tokens_of_a_model_that_has_a_mark(folder: Path) -> None:
    texts = (["the cat.", "the log."], ["the mat.", "the dog."])
    without = BytePairTokenizer.learn([TEXT], 270)
    for number, (given, mark) in enumerate([(PIECES, "<|endoftext|>"), (LETTERS, ""), (without, "")]):
        corpus = write_texts(folder / str(number), "own", given_settings(given), *texts, given=given)
        assert given.decode(corpus.training.tolist()) == f"{mark}the cat.{mark}the log."
    assert corpus.facts["bytes_per_token"] * len(corpus.held_out) == pytest.approx(16)


def test_a_letter_that_the_model_does_not_know_is_named_and_nothing_stays(folder: Path) -> None:
    (folder / "own.txt").write_text(TEXT + "é")
    with pytest.raises(
        ValueError, match=r'own has characters that the model does not know, 1 of them \("é"\): replace'
    ):
        corpus_for("own.txt", LETTERS)
    assert not list((folder / "cache").glob("*/*"))


def test_a_folder_in_other_tokens_is_refused_and_one_in_the_same_is_taken() -> None:
    ours = prepare_corpus("own.txt", Path("ours"), given=PIECES)
    assert corpus_for("ours", PIECES).facts == ours.facts
    prepare_corpus("own.txt", Path("theirs"))
    with pytest.raises(ValueError, match=r"theirs was prepared in .* another tokenizer, .*: give the text itself"):
        corpus_for("theirs", PIECES)


class Counted:
    """Texts of which one at a time exists."""

    def __init__(self, count: int) -> None:
        self.count = count

    def __len__(self) -> int:
        return self.count

    def __iter__(self) -> Iterator[str]:
        for number in range(self.count):
            yield f"Text {number} says little, in few words. "


@pytest.mark.parametrize("tokenizer", ["characters", "byte-pairs"])
def test_each_of_several_texts_has_the_mark_in_front(tmp_path: Path, tokenizer: str) -> None:
    settings = {"tokenizer": tokenizer, "vocab_size": 300, "documents": 34}
    corpus = write_texts(tmp_path / "out", "some", settings, Counted(30), Counted(4))
    mark = 0 if tokenizer == "characters" else corpus.vocab_size - 1
    for tokens, texts in ((corpus.training, Counted(30)), (corpus.held_out, Counted(4))):
        assert tokens[0] == mark
        assert tokens.tolist().count(mark) == len(texts)
        assert corpus.tokenizer.decode([token for token in tokens.tolist() if token != mark]) == "".join(texts)
    num_bytes = sum(len(text.encode()) for text in Counted(4))
    assert corpus.bytes_per_token == num_bytes / len(corpus.held_out)


@pytest.mark.parametrize(("more", "is_marked"), [({}, False), ({"documents": 2}, True)])
def test_one_text_in_two_parts_has_no_mark_and_two_texts_have(
    tmp_path: Path, more: dict[str, int], is_marked: bool
) -> None:
    settings = {"tokenizer": "byte-pairs", "vocab_size": 260, **more}
    corpus = write_texts(tmp_path / "out", "some", settings, ["first words"], ["second words"])
    assert isinstance(corpus.tokenizer, BytePairTokenizer)
    assert corpus.tokenizer.end_of_text is is_marked
    assert (corpus.training[0] == corpus.vocab_size - 1) == is_marked
