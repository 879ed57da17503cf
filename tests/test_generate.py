"""Writing names: by the model's probabilities, from a seed, to the end mark."""

import pytest
import torch
from torch import Tensor

from gptbook.generate import generate_name, share_new
from gptbook.ngram import NgramCounts, NgramNet, context_windows
from gptbook.tokenizer import CharacterTokenizer

TOKENIZER = CharacterTokenizer("abc")


class Script:
    """A model that is certain: after each context it wants the token that its table says."""

    def __init__(self, table: dict[tuple[int, ...], int]) -> None:
        self.table = table
        self.asked: list[tuple[int, ...]] = []

    def probabilities(self, contexts: Tensor) -> Tensor:
        rows = [tuple(context) for context in contexts.tolist()]
        self.asked += rows
        return torch.nn.functional.one_hot(torch.tensor([self.table[row] for row in rows]), 4).double()


def seed(number: int) -> torch.Generator:
    return torch.Generator().manual_seed(number)


def test_the_model_reads_its_own_letters_until_the_mark() -> None:
    model = Script({(0, 0): 3, (0, 3): 1, (3, 1): 2, (1, 2): 0})
    assert generate_name(model, TOKENIZER, 2, seed(0)) == "cab"
    assert model.asked == [(0, 0), (0, 3), (3, 1), (1, 2)]


def test_a_start_is_kept_and_read() -> None:
    model = Script({(1, 1): 2, (1, 2): 0})
    assert generate_name(model, TOKENIZER, 2, seed(0), start="caa") == "caab"
    assert model.asked[0] == (1, 1)


def test_a_name_without_end_is_cut_at_max_letters() -> None:
    model = Script({(0,): 1, (1,): 1})
    assert generate_name(model, TOKENIZER, 1, seed(0), max_letters=7) == "a" * 7
    assert generate_name(model, TOKENIZER, 1, seed(0), start="b" * 9, max_letters=7) == "b" * 9


def test_a_model_without_context_can_write() -> None:
    names = ["abc", "cab", "bc"]
    model = NgramCounts(0, 4).fit(*context_windows(names, TOKENIZER, 0))
    assert set(generate_name(model, TOKENIZER, 0, seed(3))) <= set("abc")


def test_the_same_seed_writes_the_same_names_whatever_else_happens() -> None:
    torch.manual_seed(0)
    net = NgramNet(4, 2)

    def written() -> list[str]:
        generator = seed(1)
        return [generate_name(net, TOKENIZER, 2, generator) for _ in range(20)]

    first = written()
    torch.manual_seed(99)
    torch.rand(5)
    assert written() == first
    assert len(set(first)) > 5
    state = torch.random.get_rng_state()
    written()
    assert torch.equal(torch.random.get_rng_state(), state), "it draws from its own generator only"


def test_letters_are_drawn_as_often_as_they_are_probable() -> None:
    names = ["a"] * 6 + ["b"] * 3 + ["c"]
    model = NgramCounts(1, 4).fit(*context_windows(names, TOKENIZER, 1))
    generator = seed(0)
    first = [generate_name(model, TOKENIZER, 1, generator)[:1] for _ in range(4000)]
    shares = [first.count(letter) / 4000 for letter in ("", "a", "b", "c")]
    assert shares == pytest.approx(model.probabilities(torch.tensor([[0]]))[0].tolist(), abs=0.03)


def test_a_start_outside_the_alphabet_is_refused() -> None:
    with pytest.raises(ValueError, match='"ü", character 2 of "cü", is not in the alphabet "abc"'):
        generate_name(Script({}), TOKENIZER, 1, seed(0), start="cü")


def test_the_share_of_new_names_counts_samples() -> None:
    assert share_new(["ulm", "ulm", "bonn", "x"], ["ulm", "paris"]) == 0.5
    assert share_new(["ulm"], ["ulm"]) == 0
    assert share_new(["ulm"], []) == 1
    with pytest.raises(ValueError, match="no samples"):
        share_new([], ["ulm"])
