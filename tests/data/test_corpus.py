"""A prepared text: what is written is what is read, and damage is named."""

import json
import random
from pathlib import Path

import numpy as np
import pytest
import torch

from gptbook.data.bpe import BytePairTokenizer
from gptbook.data.corpus import Corpus, check_vocabulary, open_corpus, write_corpus
from gptbook.data.tokenizer import CharacterTokenizer

FACTS = {"name": "a little text", "bytes_per_token": 1.0}


@pytest.fixture
def letters() -> CharacterTokenizer:
    return CharacterTokenizer("abcde")


@pytest.fixture
def corpus(letters: CharacterTokenizer, tmp_path: Path) -> Corpus:
    return write_corpus(tmp_path / "text", letters, [[1, 2, 3], [4] * 40], [[5] * 20], FACTS)


def test_what_was_written_is_read_again(corpus: Corpus, letters: CharacterTokenizer) -> None:
    again = open_corpus(corpus.folder)
    assert again.training.tolist() == [1, 2, 3] + [4] * 40
    assert again.held_out.tolist() == [5] * 20
    assert isinstance(again.training, np.memmap)
    assert again.tokenizer.encode("cab") == letters.encode("cab")
    assert again.vocab_size == 6
    assert again.facts["name"] == "a little text"


def test_a_token_is_two_bytes_the_low_one_first(corpus: Corpus) -> None:
    assert (corpus.folder / "training.bin").read_bytes()[:6] == bytes([1, 0, 2, 0, 3, 0])


def test_the_facts_come_last_so_a_folder_without_them_is_not_taken(corpus: Corpus, letters: CharacterTokenizer) -> None:
    def breaks_off() -> list[list[int]]:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_corpus(corpus.folder, letters, (breaks_off() for _ in range(1)), [[1]], FACTS)
    with pytest.raises(ValueError, match="holds no prepared text"):
        open_corpus(corpus.folder)
    assert not list(corpus.folder.glob("*.part"))


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"\1\0\2", "the last one is cut"),
        (b"\1\0", "has 1 tokens, and 43 were written"),
        (b"\1\0" * 43, "is not what was written there"),
    ],
)
def test_a_damaged_file_of_tokens_is_named(corpus: Corpus, content: bytes, problem: str) -> None:
    (corpus.folder / "training.bin").write_bytes(content)
    with pytest.raises(ValueError, match=problem) as error:
        open_corpus(corpus.folder)
    assert "training.bin" in str(error.value)


def test_a_missing_file_of_tokens_is_named(corpus: Corpus) -> None:
    (corpus.folder / "held_out.bin").unlink()
    with pytest.raises(ValueError, match=r"held_out\.bin is missing"):
        open_corpus(corpus.folder)


def test_a_corpus_by_another_version_is_refused(corpus: Corpus) -> None:
    path = corpus.folder / "corpus.json"
    path.write_text(path.read_text().replace("corpus 1", "corpus 2"))
    with pytest.raises(ValueError, match="not of this version"):
        open_corpus(corpus.folder)


def test_a_tokenizer_of_another_size_is_refused(corpus: Corpus) -> None:
    (corpus.folder / "characters.json").write_text(json.dumps({"characters": ["a", "b"]}))
    with pytest.raises(ValueError, match="prepared with 6 different tokens, and its tokenizer has 3"):
        open_corpus(corpus.folder)


def test_a_file_that_shrinks_while_it_is_read_ends_in_a_sentence(corpus: Corpus) -> None:
    assert corpus.batch(8, 2, step=0, seed=0)[0].shape == (2, 8)
    with (corpus.folder / "training.bin").open("r+b") as file:
        file.truncate(20)
    with pytest.raises(ValueError, match="has changed its size"):
        corpus.batch(8, 2, step=1, seed=0)


def test_a_token_that_the_tokenizer_lacks_is_named(tmp_path: Path, letters: CharacterTokenizer) -> None:
    corpus = write_corpus(tmp_path, letters, [[1, 2, 9] * 20], [[1] * 20], FACTS)
    with pytest.raises(ValueError, match="holds token 9, and its tokenizer knows 0 to 5"):
        corpus.batch(8, 2, step=0, seed=0)
    check_vocabulary(torch.tensor([5]), 6, tmp_path)


def test_more_tokens_than_two_bytes_hold_are_refused(tmp_path: Path) -> None:
    many = CharacterTokenizer([chr(number) for number in range(0x20, 0x20 + 2**16)])
    with pytest.raises(ValueError, match="do not fit into two bytes"):
        write_corpus(tmp_path, many, [[1]], [[1]], FACTS)


def test_an_empty_part_is_refused(tmp_path: Path, letters: CharacterTokenizer) -> None:
    with pytest.raises(ValueError, match="the held_out part of the text is empty"):
        write_corpus(tmp_path, letters, [[1]], [], FACTS)


def mutated(content: bytes, draw: random.Random) -> bytes:
    """A file that a disk, an editor or somebody else has changed."""
    place = draw.randrange(len(content))
    match draw.randrange(5):
        case 0:
            return content[:place]
        case 1:
            return content[:place] + bytes([content[place] ^ 1 << draw.randrange(8)]) + content[place + 1 :]
        case 2:
            return (
                content[:place] + draw.choice([b"9", b"0", b"-", b'"', b"\xff", b"\0", b"[" * 5000]) + content[place:]
            )
        case 3:
            return content[:place] + content[place + draw.randrange(1, 30) :]
    facts = json.loads(content)
    odd = [None, True, -1, 0, 1.5, 1e308, 10**400, "", "x" * 9000, [], {}, [[]], "\ud800", float("nan")]
    facts[draw.choice([*facts, "new"])] = draw.choice(odd)
    return json.dumps(facts).encode()


@pytest.mark.parametrize("file", ["corpus.json", "characters.json", "tokenizer.json"])
def test_a_thousand_changed_files_are_refused_or_mean_the_same(file: str, tmp_path: Path) -> None:
    """Each ends in one sentence, or in the corpus as it was written: never in another one."""
    pieces = BytePairTokenizer([(b"a", b"n"), (b"an", b"an")], end_of_text=True)
    tokenizer = pieces if file == "tokenizer.json" else CharacterTokenizer("abé東")
    whole = write_corpus(tmp_path, tokenizer, [[1, 2, 3] * 9], [[2] * 20], FACTS)
    path, draw, refusals = tmp_path / file, random.Random(0), 0
    content = path.read_bytes()
    for _ in range(1000):
        path.write_bytes(mutated(content, draw))
        said = ""
        try:
            again = open_corpus(tmp_path)
        except ValueError as error:
            said = str(error)
        if said:
            refusals += 1
            assert "\n" not in said
            assert len(said) < 600, said
            continue
        assert again.facts == whole.facts or set(whole.facts) - set(again.facts) == {"facts_sha256"}
        assert {**again.facts, "facts_sha256": ""} == {**whole.facts, "facts_sha256": ""}
        assert again.training.tolist() == whole.training.tolist()
        assert again.tokenizer.decode([1, 2, 3]) == whole.tokenizer.decode([1, 2, 3])
        assert again.tokenizer.vocab_size == whole.tokenizer.vocab_size
    assert refusals > 900
