"""Windows over names, counting, smoothing (against a slow version written out), and the n-gram net."""

import math
from collections import Counter, defaultdict

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from gptbook.data.sequences import padded
from gptbook.data.tables import city_names, split_names
from gptbook.data.tokenizer import CharacterTokenizer
from gptbook.models.ngram import (
    NgramCounts,
    NgramNet,
    WindowModel,
    context_windows,
    count_pairs,
    discounts,
    unique_contexts,
)
from gptbook.training.loss import conditional_entropy
from gptbook.training.measure import mean_surprise

AB = CharacterTokenizer("ab")
NAMES = st.lists(st.text("abc", min_size=1, max_size=6), min_size=1, max_size=12)
ABC = CharacterTokenizer("abc")


def every_context(length: int, vocab_size: int) -> Tensor:
    """All contexts of a length. Shape: (V^C, C)."""
    if length == 0:
        return torch.zeros(1, 0, dtype=torch.long)
    return torch.cartesian_prod(*[torch.arange(vocab_size)] * length).reshape(-1, length)


def slow_discounts(counts: list[int]) -> dict[int, float]:
    """The discount for each count, after Chen and Goodman, for counts of one length."""
    n = Counter(counts)
    y = n[1] / (n[1] + 2 * n[2]) if n[1] and n[2] else 0.5
    if n[1] and n[2] and n[3] and n[4]:
        three = [k - (k + 1) * y * n[k + 1] / n[k] for k in (1, 2, 3)]
        if all(0 < d < k for k, d in zip((1, 2, 3), three)):
            return {count: three[min(count, 3) - 1] for count in counts}
    return dict.fromkeys(counts, y)


class SlowKneserNey:
    """Interpolated modified Kneser-Ney as a person would write it down: dictionaries, one question at a time."""

    def __init__(self, names: list[str], length: int, letters: str) -> None:
        self.length, self.letters = length, letters
        whole: Counter[str] = Counter()  # grams of full length, "." is the mark
        for name in names:
            text = "." * length + name + "."
            whole.update(text[i - length : i + 1] for i in range(length, len(text)))
        self.levels = [whole]
        while len(self.levels) <= length:
            longer = self.levels[-1]
            shorter: Counter[str] = Counter()
            for gram, times in longer.items():
                # Contexts that reach the start of a name keep their frequency: only marks stand before them.
                shorter[gram[1:]] += times if len(gram) > 2 and gram[1] == "." else 1
            self.levels.append(shorter)
        self.levels.reverse()  # self.levels[n]: grams with n letters of context
        self.followers: list[dict[str, dict[str, int]]] = []
        self.discount: list[dict[int, float]] = []
        for grams in self.levels:
            counted = {gram: times for gram, times in grams.items() if gram[:-1][:2] != ".."}
            self.discount.append(slow_discounts(list(counted.values())))
            table: dict[str, dict[str, int]] = defaultdict(dict)
            for gram, times in counted.items():
                table[gram[:-1]][gram[-1]] = times
            self.followers.append(table)

    def probability(self, context: str, letter: str) -> float:
        """How probable the letter is after the context."""
        n = len(context)
        shorter = self.probability(context[1:], letter) if n else 1 / len(self.letters)
        seen = self.followers[n].get(context)
        if not seen:
            return shorter
        total = sum(seen.values())
        freed = sum(self.discount[n][times] for times in seen.values())
        kept = max(seen.get(letter, 0) - self.discount[n].get(seen.get(letter, 0), 0.0), 0.0)
        return (kept + freed * shorter) / total


def test_every_position_of_a_name_is_asked_its_end_included() -> None:
    contexts, targets = context_windows(["ab", "b"], AB, context_length=3)
    assert contexts.tolist() == [[0, 0, 0], [0, 0, 1], [0, 1, 2], [0, 0, 0], [0, 0, 2]]
    assert targets.tolist() == [1, 2, 0, 2, 0]


@settings(deadline=None, max_examples=30)
@given(NAMES)
def test_every_width_is_scored_on_the_same_positions(names: list[str]) -> None:
    widths = [context_windows(names, ABC, width) for width in range(5)]
    for width, (contexts, targets) in enumerate(widths):
        assert contexts.shape == (sum(len(name) + 1 for name in names), width)
        assert torch.equal(targets, widths[0][1])
        assert torch.equal(contexts[:, width - min(width, 1) :], widths[min(width, 1)][0]), "the last letter agrees"


def test_windows_of_nothing_are_empty_and_a_negative_width_is_refused() -> None:
    contexts, targets = context_windows([], AB, 2)
    assert contexts.shape == (0, 2)
    assert targets.shape == (0,)
    with pytest.raises(ValueError, match="context_length is -1"):
        context_windows(["ab"], AB, -1)
    with pytest.raises(ValueError, match='"c", character 2 of "bc"'):
        context_windows(["ab", "bc"], AB, 1)
    with pytest.raises(ValueError, match='"c", character 1 of "c"'):
        count_pairs(["c"], AB)


def test_pairs_are_counted_with_the_mark_at_both_ends() -> None:
    assert count_pairs(["ab", "b"], AB).tolist() == [[0, 1, 1], [0, 0, 1], [2, 0, 0]]


@settings(deadline=None, max_examples=30)
@given(NAMES)
def test_unique_contexts_with_one_letter_are_the_rows_of_the_pair_table(names: list[str]) -> None:
    contexts, counts = unique_contexts(*context_windows(names, ABC, 1), ABC.vocab_size)
    pairs = count_pairs(names, ABC)
    used = pairs.sum(dim=1).nonzero()[:, 0]
    assert torch.equal(contexts[:, 0], used)
    assert torch.equal(counts, pairs[used].float())


@settings(deadline=None, max_examples=30)
@given(NAMES, st.integers(0, 5))
def test_unique_contexts_hold_every_position_once(names: list[str], width: int) -> None:
    contexts, targets = context_windows(names, ABC, width)
    unique, counts = unique_contexts(contexts, targets, ABC.vocab_size)
    wanted = Counter(zip(map(tuple, contexts.tolist()), targets.tolist()))
    found = {(tuple(unique[u].tolist()), v): int(counts[u, v]) for u, v in counts.nonzero().tolist()}
    assert found == wanted
    assert unique.tolist() == sorted(unique.tolist())
    assert len({tuple(row) for row in unique.tolist()}) == len(unique)


def test_a_context_too_long_for_a_number_is_refused() -> None:
    for width in (13, 40):
        with pytest.raises(ValueError, match="use a shorter context"):
            unique_contexts(torch.zeros(1, width, dtype=torch.long), torch.zeros(1, dtype=torch.long), 30)


def test_a_tiny_example_comes_out_as_worked_by_hand() -> None:
    """Names "ab" and "b". Discounts: 3 pairs came once and 1 twice, so 3/5; of the letters, 2 and 1, so 2/4."""
    model = NgramCounts(1, 3).fit(*context_windows(["ab", "b"], AB, 1))
    by_hand = [
        [0.15, 0.35, 0.50],  # first letter: half of a and b each, a share of 0.6 goes as the letters go
        [0.15, 0.15, 0.70],  # after a: b once
        [0.775, 0.075, 0.15],  # after b: the end, twice
    ]
    torch.testing.assert_close(
        model.probabilities(torch.tensor([[0], [1], [2]])), torch.tensor(by_hand, dtype=torch.float64)
    )
    letters = NgramCounts(0, 3).fit(*context_windows(["ab", "b"], AB, 0))
    # Raw counts now: end 2, a 1, b 2; one count of 1 and two of 2, so each loses 1/5; (2 - 0.2) / 5 + 0.6 / 5 / 3
    torch.testing.assert_close(
        letters.probabilities(torch.zeros(1, 0, dtype=torch.long)),
        torch.tensor([[0.4, 0.2, 0.4]], dtype=torch.float64),
    )


@settings(deadline=None, max_examples=40)
@given(NAMES, st.integers(0, 4))
def test_counts_agree_with_a_slow_version_written_out(names: list[str], width: int) -> None:
    model = NgramCounts(width, 4).fit(*context_windows(names, ABC, width))
    slow = SlowKneserNey(names, width, ".abc")
    contexts = every_context(width, 4)
    # A mark stands before letters only; contexts such as "a." cannot be asked for.
    possible = [row for row in contexts.tolist() if row == sorted(row, key=bool)]
    asked = torch.tensor(possible, dtype=torch.long).reshape(len(possible), width)
    for row, found in zip(possible, model.probabilities(asked).tolist()):
        context = "".join(".abc"[token] for token in row)
        assert found == pytest.approx([slow.probability(context, letter) for letter in ".abc"], abs=1e-12)


def test_bigrams_of_all_cities_agree_with_the_slow_version() -> None:
    names = city_names()[::10]
    tokenizer = CharacterTokenizer.from_texts(names)
    model = NgramCounts(1, 27).fit(*context_windows(names, tokenizer, 1))
    slow = SlowKneserNey(names, 1, "".join(tokenizer.labels))
    found = model.probabilities(torch.arange(27)[:, None])
    wanted = [[slow.probability(a, b) for b in tokenizer.labels] for a in tokenizer.labels]
    torch.testing.assert_close(found, torch.tensor(wanted, dtype=torch.float64))


@settings(deadline=None, max_examples=40)
@given(NAMES, st.integers(0, 5))
def test_every_row_sums_to_one_and_nothing_is_impossible(names: list[str], width: int) -> None:
    model = NgramCounts(width, 4).fit(*context_windows(names, ABC, width))
    rows = model.probabilities(every_context(width, 4))
    torch.testing.assert_close(rows.sum(dim=1), torch.ones(len(rows), dtype=torch.float64))
    assert rows.min() > 0


@pytest.mark.parametrize("names", [["ulm", "bonn", "köln"], ["aaa", "aaa", "aaa"], ["a", "b", "c"], ["o"]])
@pytest.mark.parametrize("width", [0, 1, 3, 8])
def test_a_list_of_a_few_names_can_be_counted(names: list[str], width: int) -> None:
    tokenizer = CharacterTokenizer.from_texts(names)
    contexts, targets = context_windows(names, tokenizer, width)
    model = NgramCounts(width, tokenizer.vocab_size).fit(contexts, targets)
    assert mean_surprise(model, contexts, targets) < math.log(tokenizer.vocab_size) + 1e-9
    start = model.probabilities(torch.zeros(1, width, dtype=torch.long))
    assert start.min() > 0


def test_smoothing_costs_next_to_nothing_where_there_is_plenty_to_count() -> None:
    training, _ = split_names(city_names())
    contexts, targets = context_windows(training, CharacterTokenizer.from_texts(training), 1)
    floor = conditional_entropy(unique_contexts(contexts, targets, 27)[1])
    loss = mean_surprise(NgramCounts(1, 27).fit(contexts, targets), contexts, targets)
    assert floor < loss < floor + 0.001


def test_discounts_follow_the_formula_and_fall_back_for_short_lists() -> None:
    counts = torch.tensor([1] * 40 + [2] * 20 + [3] * 10 + [4] * 6 + [9] * 3)
    y = 40 / 80
    assert discounts(counts).tolist() == pytest.approx([1 - 2 * y * 0.5, 2 - 3 * y * 0.5, 3 - 4 * y * 0.6])
    assert discounts(torch.tensor([1, 1, 2])).tolist() == pytest.approx([0.5] * 3)
    assert discounts(torch.tensor([7, 8])).tolist() == [0.5] * 3
    assert discounts(torch.tensor([1, 2, 3, 4, 4, 4, 4, 4])).tolist() == pytest.approx([1 / 3] * 3), "out of bounds"
    assert discounts(torch.tensor([], dtype=torch.long)).tolist() == [0.5] * 3


def test_counts_that_cannot_be_are_refused() -> None:
    contexts, targets = context_windows(["ab"], AB, 1)
    with pytest.raises(ValueError, match="context_length is -1"):
        NgramCounts(-1, 3)
    with pytest.raises(ValueError, match="nothing has been counted yet: call fit first"):
        NgramCounts(1, 3).probabilities(contexts)
    with pytest.raises(ValueError, match="nothing to count"):
        NgramCounts(1, 3).fit(contexts[:0], targets[:0])
    with pytest.raises(ValueError, match="1 tokens long: this model takes 2"):
        NgramCounts(2, 3).fit(contexts, targets)
    with pytest.raises(ValueError, match="use a shorter context"):
        NgramCounts(40, 3).fit(*context_windows(["ab"], AB, 40))


@pytest.mark.parametrize("seed", [0, 1, 2])
@pytest.mark.parametrize("width", [1, 4])
def test_an_untrained_net_is_as_surprised_as_a_uniform_guess(width: int, seed: int) -> None:
    torch.manual_seed(seed)
    net = NgramNet(27, width, dropout=0.5)
    contexts, targets = context_windows(["paris", "oslo"], CharacterTokenizer("abcdefghijklmnopqrstuvwxyz"), width)
    assert mean_surprise(net, contexts, targets) == pytest.approx(math.log(27), abs=0.1)


def test_only_the_first_layer_grows_with_the_context() -> None:
    def sizes(width: int) -> list[torch.Size]:
        return [parameter.shape for parameter in NgramNet(27, width, embedding_dim=8, hidden_dim=16).parameters()]

    one, three = sizes(1), sizes(3)
    assert [i for i in range(len(one)) if one[i] != three[i]] == [1]
    assert (one[1], three[1]) == ((16, 8), (16, 24))


def test_a_net_answers_with_probabilities() -> None:
    torch.manual_seed(0)
    net = NgramNet(5, 2, embedding_dim=4, hidden_dim=8)
    torch.nn.init.normal_(net.output.weight)
    contexts = every_context(2, 5)
    rows = net.probabilities(contexts)
    assert rows.shape == (25, 5)
    assert not rows.requires_grad
    torch.testing.assert_close(rows.sum(dim=1), torch.ones(25, dtype=torch.float64))
    torch.testing.assert_close(rows, net(contexts).double().softmax(dim=1))


def test_dropout_rests_while_a_net_predicts() -> None:
    torch.manual_seed(0)
    net = NgramNet(5, 1, dropout=0.5)
    torch.nn.init.normal_(net.output.weight)
    contexts = torch.arange(5)[:, None]
    assert torch.equal(net(contexts), net(contexts))
    net.train()
    assert not torch.equal(net(contexts), net(contexts))


def test_a_net_that_cannot_be_is_refused() -> None:
    for sizes in ((0, 1, 8, 8), (5, 0, 8, 8), (5, 1, 0, 8), (5, 1, 8, -3)):
        with pytest.raises(ValueError, match="give 1 or more"):
            NgramNet(*sizes)
    with pytest.raises(ValueError, match="2 tokens long: this model takes 3"):
        NgramNet(5, 3)(torch.zeros(1, 2, dtype=torch.long))


def test_a_net_of_windows_answers_every_position_as_if_asked_alone() -> None:
    torch.manual_seed(0)
    net = NgramNet(vocab_size=9, context_length=3, embedding_dim=4, hidden_dim=8)
    nn.init.normal_(net.output.weight)
    names = [[3, 1, 4, 1, 5], [2, 7]]
    inputs, _ = padded(names)
    logits = WindowModel(net)(inputs)
    assert logits.shape == (2, 6, 9)
    for row, name in enumerate(names):
        for place in range(len(name) + 1):
            window = [0, 0, 0, *name[:place]][-3:]
            torch.testing.assert_close(logits[row, place], net(torch.tensor([window]))[0])
