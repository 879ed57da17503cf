"""Cutting and merging: equal to counting anew each time, and to Hugging Face's trainer."""

import doctest
import random
from collections import Counter
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import pre_tokenizers

import gptbook.data.merging
from gptbook.data.merging import (
    Chain,
    byte_symbols,
    in_symbols,
    learn_merges,
    merge_in_order,
    merge_pair,
    single_bytes,
    split_words,
    utf8,
)

TEXT = st.text(st.characters(codec="utf-8", exclude_categories=["Cn"]))  # Cn: not in everybody's tables yet


def slow_merges(words: dict[str, int], num_merges: int) -> list[tuple[bytes, bytes]]:
    """The definition: count all pairs anew, take the commonest, of equals the one with the smaller ids."""
    ids = {piece: number for number, piece in enumerate(byte_symbols())}
    spelled = [(single_bytes(word), count) for word, count in words.items()]
    merges = []
    while len(merges) < num_merges:
        counts: Counter[tuple[bytes, bytes]] = Counter()
        for pieces, count in spelled:
            for pair in pairwise(pieces):
                counts[pair] += count
        if not counts:
            break
        best = min(counts, key=lambda pair: (-counts[pair], ids[pair[0]], ids[pair[1]]))
        ids[best[0] + best[1]] = len(ids)
        merges.append(best)
        spelled = [(merge_pair(pieces, best), count) for pieces, count in spelled]
    return merges


def test_the_worked_example_is_true() -> None:
    assert doctest.testmod(gptbook.data.merging) == (0, 1)


@given(st.dictionaries(st.text("ab c", min_size=1, max_size=12), st.integers(1, 5), max_size=8), st.integers(0, 30))
def test_the_fast_learner_gives_what_counting_anew_gives(words: dict[str, int], num_merges: int) -> None:
    heard: list[tuple[bytes, int]] = []
    merges = learn_merges(words, num_merges, lambda piece, count: heard.append((piece, count)))
    assert merges == slow_merges(words, num_merges)
    assert [piece for piece, _ in heard] == [left + right for left, right in merges]
    assert [count for _, count in heard] == sorted((count for _, count in heard), reverse=True)


LONG = st.sampled_from(["a", "ab", "ACGT", "abcdefgh", "日本東京", "😀👩\u200d", "e\u0301é"]).flatmap(
    lambda letters: st.text(letters, min_size=1, max_size=120)
)


@given(st.dictionaries(LONG, st.integers(1, 4), max_size=4), st.sampled_from([1, 5, 400]))
@settings(deadline=None)
def test_the_fast_learner_gives_what_counting_anew_gives_on_long_words(words: dict[str, int], num_merges: int) -> None:
    assert learn_merges(words, num_merges) == slow_merges(words, num_merges)


@given(st.lists(LONG, min_size=1, max_size=3), LONG)
@settings(deadline=None)
def test_joining_by_a_queue_gives_what_joining_pair_after_pair_gives(texts: list[str], word: str) -> None:
    merges = learn_merges(dict.fromkeys(texts, 1), 200)
    numbers = {piece: number for number, piece in enumerate([*byte_symbols(), *(a + b for a, b in merges)])}
    merged = {(numbers[a], numbers[b]): numbers[a + b] for a, b in merges}
    for said in (word, *texts):
        slow = single_bytes(said)
        for pair in merges:
            slow = merge_pair(slow, pair)
        fast = merge_in_order([numbers[byte] for byte in single_bytes(said)], merged)
        assert fast == [numbers[piece] for piece in slow]


@pytest.mark.parametrize("letters", ["a", "ACGT", "abcdefghijklmnopqrstuvwxyz", "日本東京語学生"])
def test_a_word_of_twice_the_length_takes_hardly_more_than_twice_the_work(
    letters: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Looks at a place, not seconds: with a walk through the whole word for each merge it would be four times."""
    looks = 0
    holds = Chain.holds

    def counted(chain: Chain, place: int, pair: tuple[int, int]) -> bool:
        nonlocal looks
        looks += 1
        return holds(chain, place, pair)

    monkeypatch.setattr(Chain, "holds", counted)
    draw, works = random.Random(0), []
    for length in (4_000, 8_000):
        looks = 0
        word = "".join(draw.choice(letters) for _ in range(length))
        merges = learn_merges({word: 1}, length)
        works.append(looks)
        assert looks < 12 * len(word.encode()), "each place is looked at some times"
        looks = 0
        numbers = {piece: number for number, piece in enumerate([*byte_symbols(), *(a + b for a, b in merges)])}
        merged = {(numbers[a], numbers[b]): numbers[a + b] for a, b in merges}
        assert len(merge_in_order([numbers[byte] for byte in single_bytes(word)], merged)) >= 1
        assert looks < 12 * len(word.encode())
    assert works[1] < 3 * works[0]


def test_no_token_can_be_made_in_two_ways() -> None:
    """Runs of one letter overlap themselves; every length of run is there, in every order of frequency."""
    for step in (1, 3, 5, 7):
        words = {"a" * n + end: 1 + n * step % 11 for n in range(1, 30) for end in ("", "b", "ba")}
        merged = [left + right for left, right in learn_merges(words, 1000)]
        assert len(set(merged)) == len(merged) > 20


@given(TEXT)
def test_a_text_is_cut_where_gpt_2_cuts_it_and_nothing_is_lost(text: str) -> None:
    words = split_words(text)
    assert "".join(words) == text
    reference = pre_tokenizers.ByteLevel(add_prefix_space=False).pre_tokenize_str(text)
    assert [in_symbols(word.encode()) for word in words] == [symbols for symbols, _ in reference]


def test_a_space_goes_with_the_word_after_it() -> None:
    assert split_words("It's  2 o'clock!\n") == ["It", "'s", " ", " 2", " o", "'", "clock", "!", "\n"]


def test_the_symbols_are_gpt_2s_in_its_order() -> None:
    symbols = byte_symbols()
    assert sorted(symbols.values()) == sorted(pre_tokenizers.ByteLevel.alphabet())
    assert list(symbols.values()) == sorted(symbols.values())
    assert symbols[b"!"] == "!"
    assert in_symbols(b" a\n") == "ĠaĊ"


@pytest.mark.parametrize("text", ["ab\ud83d", "ab\udc00c"])
def test_half_of_a_surrogate_pair_is_refused_with_its_place(text: str) -> None:
    for function in (utf8, single_bytes):
        with pytest.raises(ValueError, match=r"character 3 of the text, '\\ud") as caught:
            function(text)
        assert "leave it out or replace it" in str(caught.value)
