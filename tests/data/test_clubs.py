"""The grammar of fans: what it may write, how probable that is, and the dial for the gap."""

import doctest
import math
import random
from collections import Counter
from functools import cache

import pytest
import torch

import gptbook.data.clubs
from gptbook.data.clubs import PRONOUNS, ClubGrammar, pick
from gptbook.data.tables import data_file, read_table
from gptbook.data.tokenizer import WordTokenizer
from gptbook.models.ngram import NgramCounts, context_windows


@pytest.fixture(scope="module")
def grammar() -> ClubGrammar:
    return ClubGrammar()


def every_sentence(grammar: ClubGrammar, relative: str, club: str, longest: int) -> list[list[str]]:
    """All sentences about them of at most so many words, written out one by one."""
    own = {"RELATIVE": relative, "CLUB": club, "PRONOUN": PRONOUNS[relative], "STADIUM": grammar.stadiums[club]}
    finished, begun = [], [["my"]]
    while begun:
        places = begun.pop()
        for after in grammar.follows[places[-1]]:
            if not after:
                finished.append([own.get(place, place) for place in places])
            elif len(places) < longest:
                begun.append([*places, after])
    return finished


def test_the_worked_example_is_true() -> None:
    assert doctest.testmod(gptbook.data.clubs) == (0, 2)


def test_every_word_is_reached_and_every_row_sums_to_1(grammar: ClubGrammar) -> None:
    for word, chances in grammar.follows.items():
        assert math.isclose(sum(chances.values()), 1), word
        assert set(chances) <= set(grammar.follows)
    states, often = grammar.visits()
    assert states[0] == ""
    assert bool((often > 0).all())
    assert grammar.words == sorted(set(grammar.words))
    assert 60 <= len(grammar.words) <= 90
    written = {word for sentence in grammar.sentences(5000, seed=0) for word in sentence}
    assert written == set(grammar.words)


def test_the_pronoun_follows_from_the_relative_and_the_stadium_from_the_club(grammar: ClubGrammar) -> None:
    table = read_table(data_file("teams.csv"))
    assert grammar.stadiums == dict(zip(table["club"], table["stadium"]))
    clubs = Counter()
    for sentence in grammar.sentences(4000, seed=1):
        relative, club, stadium = sentence[1], sentence[4], sentence[-1]
        assert sentence[:1] + sentence[2:4] + sentence[5:6] == ["my", "is", "a", "fan"]
        assert {"he", "she"} & set(sentence) == {PRONOUNS[relative]}
        assert stadium == grammar.stadiums[club]
        assert grammar.stadium_position(sentence) == len(sentence) - 1
        clubs[club] += 1
    assert set(clubs) == set(grammar.stadiums)
    deviation = math.sqrt(4000 * 0.05 * 0.95)
    assert all(abs(count - 200) < 4 * deviation for count in clubs.values()), "each club is as probable"


def test_the_probabilities_of_all_sentences_sum_to_1(grammar: ClubGrammar) -> None:
    longest = 16
    total = sum(math.exp(grammar.log_probability(s)) for s in every_sentence(grammar, "aunt", "Fulham", longest))
    # A sentence with gap g has g + 6 words; all 160 pairs of relative and club are alike.
    assert total * 160 == pytest.approx(sum(grammar.gap_probability(gap) for gap in range(longest - 5)), abs=1e-12)
    assert sum(grammar.gap_probability(gap) for gap in range(300)) == pytest.approx(1, abs=1e-12)


def test_every_gap_from_4_on_can_be_dialled(grammar: ClubGrammar) -> None:
    for gap in [*range(4, 42), 60, 100]:
        for sentence in grammar.sentences(20, seed=gap, gap=gap):
            assert grammar.stadium_position(sentence) - sentence.index(sentence[4]) - 1 == gap
            assert math.isfinite(grammar.log_probability(sentence))
    for gap in (-1, 0, 3):
        assert grammar.gap_probability(gap) == 0
        with pytest.raises(ValueError, match=f"gap of {gap}: give 4 or more"):
            grammar.sentences(1, seed=0, gap=gap)


def test_a_dialled_gap_draws_each_sentence_as_often_as_it_should(grammar: ClubGrammar) -> None:
    gap, count = 10, 40_000
    small = ClubGrammar({"Fulham": "Craven Cottage"})
    drawn = Counter(tuple(sentence[5:-1]) for sentence in small.sentences(count, seed=3, gap=gap))
    chances: Counter[tuple[str, ...]] = Counter()
    for relative in PRONOUNS:
        for sentence in every_sentence(small, relative, "Fulham", gap + 6):
            if len(sentence) == gap + 6:
                chances[tuple(sentence[5:-1])] += math.exp(small.log_probability(sentence))
    assert sum(chances.values()) == pytest.approx(small.gap_probability(gap), abs=1e-12)
    assert set(drawn) <= set(chances)
    squares = 0.0
    for words, chance in chances.items():
        expected = count * chance / small.gap_probability(gap)
        squares += (drawn[words] - expected) ** 2 / expected
    freedom = len(chances) - 1  # of chi-squared: its mean, and half its variance
    assert abs(squares - freedom) < 4 * math.sqrt(2 * freedom)


def test_gaps_come_as_often_as_the_grammar_says(grammar: ClubGrammar) -> None:
    count = 20_000
    gaps = Counter(grammar.stadium_position(sentence) - 5 for sentence in grammar.sentences(count, seed=5))
    for gap in range(4, 45):
        share = grammar.gap_probability(gap)
        assert abs(gaps[gap] - count * share) < 4 * math.sqrt(count * share), gap
    mean = sum(gap * grammar.gap_probability(gap) for gap in range(400))
    assert 12 < mean < 15
    assert sum(number for gap, number in gaps.items() if gap > 40) > 100, "training reaches beyond 40"


def test_no_model_can_beat_the_floor_and_the_grammar_meets_it(grammar: ClubGrammar) -> None:
    sentences = grammar.sentences(20_000, seed=0)
    surprises = [-grammar.log_probability(sentence) for sentence in sentences]
    positions = [len(sentence) + 1 for sentence in sentences]
    floor = grammar.floor()
    # The average is a ratio of two sums: its error is that of what each sentence has too much.
    excess = [surprise - floor * length for surprise, length in zip(surprises, positions)]
    error = math.sqrt(sum(part**2 for part in excess)) / sum(positions)
    assert abs(sum(surprises) / sum(positions) - floor) < 2 * error
    assert error < 0.002
    _, often = grammar.visits()
    mean_length = sum((gap + 7) * grammar.gap_probability(gap) for gap in range(400))
    assert float(often.sum()) == pytest.approx(mean_length), "positions, end included"


def test_the_floor_falls_by_what_a_known_club_is_worth(grammar: ClubGrammar) -> None:
    one = ClubGrammar({"Fulham": "Craven Cottage"})
    _, often = grammar.visits()
    saved = (grammar.floor() - one.floor()) * float(often.sum())
    assert saved == pytest.approx(math.log(20))


def test_what_the_grammar_never_writes_has_probability_0(grammar: ClubGrammar) -> None:
    right = ["my", "aunt", "is", "a", "Fulham", "fan", ";", "she", "loves", "Craven Cottage"]
    assert grammar.log_probability(right) == pytest.approx(-math.log(8 * 20 * 10 * 3))
    for place, word in [(0, "our"), (1, "cat"), (4, "fan"), (4, "CLUB"), (7, "he"), (7, "PRONOUN"), (9, "Anfield")]:
        wrong = [*right[:place], word, *right[place + 1 :]]
        assert grammar.log_probability(wrong) == -math.inf, word
    for wrong in ([], right[:4], right[:-1], [*right, "at"], [*right, ""]):
        assert grammar.log_probability(wrong) == -math.inf


def test_sentences_follow_from_the_seed_alone(grammar: ClubGrammar) -> None:
    assert grammar.sentences(50, seed=1) == ClubGrammar().sentences(50, seed=1)
    assert grammar.sentences(50, seed=1) != grammar.sentences(50, seed=2)
    assert grammar.sentences(50, seed=1, gap=9) == ClubGrammar().sentences(50, seed=1, gap=9)
    assert grammar.sentences(5, seed=1) == grammar.sentences(50, seed=1)[:5]


def test_a_drawn_number_next_to_1_still_picks_a_word() -> None:
    class Last(random.Random):
        def random(self) -> float:
            return math.nextafter(1, 0)

    thirds = {"a": 0.1, "b": 0.7, "c": 0.2}
    assert pick(Last(), thirds) in thirds
    assert pick(Last(), dict.fromkeys(map(str, range(10)), 0.1)) in map(str, range(10))


@pytest.mark.parametrize(
    ("stadiums", "sentence"),
    [
        ({}, "there is no club"),
        ({"Fulham": "Fulham"}, '"Fulham" is there twice'),
        ({"A": "Dome", "B": "Dome"}, '"Dome" is there twice'),
        ({"tea": "Dome"}, '"tea" is there twice'),
        ({"STADIUM": "Dome"}, '"STADIUM" is there twice'),
    ],
)
def test_clubs_that_cannot_be_are_refused_in_one_sentence(stadiums: dict[str, str], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        ClubGrammar(stadiums)


def test_the_stadium_is_found_or_missed_in_one_sentence(grammar: ClubGrammar) -> None:
    with pytest.raises(ValueError, match="names 0 stadiums"):
        grammar.stadium_position(["my", "aunt"])
    with pytest.raises(ValueError, match="names 2 stadiums"):
        grammar.stadium_position(["Anfield", "and", "Ibrox"])


@cache
def training() -> list[list[str]]:
    """The sentences that each n-gram counts."""
    return ClubGrammar().sentences(10_000, seed=0)


@cache
def dialled(gap: int) -> list[list[str]]:
    """The sentences that each n-gram is asked about."""
    return ClubGrammar().sentences(3000, seed=gap, gap=gap)


@pytest.mark.parametrize("width", [1, 2, 3, 5, 8])
def test_beyond_its_window_an_n_gram_is_within_two_points_of_chance(grammar: ClubGrammar, width: int) -> None:
    tokenizer = WordTokenizer(grammar.words)
    windows = context_windows(training(), tokenizer, width)
    model = NgramCounts(width, tokenizer.vocab_size).fit(*windows)

    def accuracy(gap: int) -> float:
        rows = [[0] * width + tokenizer.encode(s) for s in dialled(gap)]
        choices = model.probabilities(torch.tensor([row[-1 - width : -1] for row in rows])).argmax(dim=1)
        return (choices == torch.tensor([row[-1] for row in rows])).double().mean().item()

    for gap in sorted({max(width, 4), max(width, 4) + 1, 12, 20, 40}):
        assert abs(accuracy(gap) - 1 / len(grammar.stadiums)) < 0.02, gap
    if width > 4:
        assert accuracy(4) > 0.99
