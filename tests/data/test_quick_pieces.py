"""The quick way to byte pairs gives the tokens of the plain one, whatever the text."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gptbook.data.bpe import BytePairTokenizer
from gptbook.data.merging import GAP, merge_in_order
from gptbook.data.quick_pieces import SHIFT, QuickTokenizer, merge_by_turns

DRAW = random.Random(0)
DNA = "".join(DRAW.choice("ACGT") for _ in range(4_000))
TEXTS = [
    "the cat sat on the mat; that is the fact. ",
    "aaaa aaa aa banana ananas ",
    "Grüße an Łódź 😀😀 日本語日本 ",
    DNA,
]
PLAIN = BytePairTokenizer.learn(TEXTS, 700, end_of_text=True)
QUICK = QuickTokenizer(PLAIN)


@given(st.one_of(st.text("anb ", max_size=60), st.text(max_size=30), st.text("ACGT", max_size=200)))
def test_any_text_gets_the_tokens_of_the_plain_tokenizer(text: str) -> None:
    assert QUICK.encode(text) == PLAIN.encode(text)
    assert QUICK.decode(QUICK.encode(text)) == text


@pytest.mark.parametrize("text", [*TEXTS, "", "a", "a" * 1_001, DNA[::-1] * 3, "<|endoftext|>the<|endoftext|>"])
def test_long_words_repeated_letters_and_marks_too(text: str) -> None:
    assert QUICK.encode(text) == PLAIN.encode(text)
    assert QUICK.vocab_size == PLAIN.vocab_size


@given(st.lists(st.integers(0, 3), max_size=40), st.integers(1, 12))
def test_merges_of_any_shape_are_made_in_the_same_order(row: list[int], num_merges: int) -> None:
    """Of pieces that are no text: pairs of equal ones, of what was just made, of both ends."""
    draw = random.Random(num_merges)
    merged: dict[tuple[int, int], int] = {}
    for new in range(4, 4 + num_merges):
        pair = draw.randrange(new), draw.randrange(new)
        merged.setdefault(pair, new)
    joined = {left << SHIFT | right: new for (left, right), new in merged.items()}
    parts = {new: pair for pair, new in merged.items()}
    made = merge_by_turns(row, joined, parts)
    assert made == merge_in_order(row, merged)
    assert GAP not in made


def test_half_of_a_surrogate_pair_is_refused_as_before() -> None:
    with pytest.raises(ValueError, match="half of a surrogate pair"):
        QUICK.encode("ab\ud800")
