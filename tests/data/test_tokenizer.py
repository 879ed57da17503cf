"""Letters and words to numbers and back, and what is said about those without a number."""

import doctest

import pytest
from hypothesis import given
from hypothesis import strategies as st

import gptbook.data.tokenizer
from gptbook.data.tokenizer import MARK, CharacterTokenizer, WordTokenizer


def test_token_0_is_the_mark_and_letters_follow_in_order() -> None:
    tokenizer = CharacterTokenizer("abc")
    assert tokenizer.encode("cab") == [3, 1, 2]
    assert tokenizer.vocab_size == 4
    assert tokenizer.labels == [MARK, "a", "b", "c"]
    assert tokenizer.labels[0] == "."
    assert tokenizer.encode("") == []


def test_the_worked_examples_are_true() -> None:
    assert doctest.testmod(gptbook.data.tokenizer) == (0, 6)


@given(st.lists(st.text(), min_size=1).filter(any))
def test_decoding_undoes_encoding_and_drops_marks(texts: list[str]) -> None:
    tokenizer = CharacterTokenizer.from_texts(texts)
    assert tokenizer.characters == sorted(set("".join(texts)))
    for text in texts:
        assert tokenizer.decode(tokenizer.encode(text)) == text
        assert tokenizer.decode([0, *tokenizer.encode(text), 0]) == text


def test_a_dot_in_a_name_is_a_letter_and_not_the_mark() -> None:
    tokenizer = CharacterTokenizer.from_texts(["st. ives"])
    assert 0 not in tokenizer.encode("st. ives")


def test_an_unknown_letter_is_named_with_its_place_and_the_alphabet() -> None:
    with pytest.raises(ValueError, match='"é", character 4 of "café", is not in the alphabet "acf"') as caught:
        CharacterTokenizer("acf").encode("café")
    assert "\n" not in str(caught.value)


def test_an_unknown_letter_in_a_long_text_is_shown_with_some_letters_around_it() -> None:
    for place in (0, 1, 49_999, 99_999):
        text = "a" * place + "é" + "b" * (99_999 - place)
        with pytest.raises(ValueError, match=f'"é", character {place + 1} of ') as caught:
            CharacterTokenizer([*"ab", *map(chr, range(0x4E00, 0x9000))]).encode(text)
        assert "é" in str(caught.value).partition(" of ")[2].partition(", is")[0]
        assert len(str(caught.value)) < 400


@pytest.mark.parametrize(
    ("characters", "says"),
    [("", "alphabet is empty"), ("aba", '"a" is in the alphabet twice'), (["a", "bc"], "not one character")],
)
def test_an_alphabet_that_cannot_be_is_refused(characters: str, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        CharacterTokenizer(characters)


def test_no_texts_make_no_tokenizer() -> None:
    with pytest.raises(ValueError, match="alphabet is empty"):
        CharacterTokenizer.from_texts([])


@pytest.mark.parametrize("number", [-1, 4])
def test_a_number_that_stands_for_nothing_is_refused(number: int) -> None:
    with pytest.raises(ValueError, match="tokens are 0 to 3"):
        CharacterTokenizer("abc").decode([1, number])


@given(st.lists(st.text(min_size=1), min_size=1, unique=True))
def test_words_are_numbered_in_order_after_the_mark(words: list[str]) -> None:
    tokenizer = WordTokenizer(words)
    assert tokenizer.encode(words) == list(range(1, len(words) + 1))
    assert tokenizer.vocab_size == len(words) + 1
    assert tokenizer.labels == [MARK, *words]
    assert tokenizer.decode([0, *tokenizer.encode(words), 0]) == " ".join(words)
    assert tokenizer.encode([]) == []


def test_an_unknown_word_is_named_with_the_nearest_known_one() -> None:
    tokenizer = WordTokenizer(iter(["father", "mother", "fan"]))
    with pytest.raises(ValueError, match='"farther", word 2, is not among the 3 known words') as caught:
        tokenizer.encode(["fan", "farther"])
    assert '"father"' in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_text_is_not_taken_for_a_list_of_its_letters() -> None:
    with pytest.raises(ValueError, match="split it into a list of words"):
        WordTokenizer(["a", "b"]).encode("ab")


@pytest.mark.parametrize(
    ("words", "says"),
    [([], "list of words is empty"), (["a", "b", "a"], '"a" is among the words twice'), (["a", ""], "word 2 is empty")],
)
def test_a_list_of_words_that_cannot_be_is_refused(words: list[str], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        WordTokenizer(words)


@pytest.mark.parametrize("number", [-1, 3])
def test_a_number_that_stands_for_no_word_is_refused(number: int) -> None:
    with pytest.raises(ValueError, match="tokens are 0 to 2"):
        WordTokenizer(["a", "b"]).decode([1, number])
