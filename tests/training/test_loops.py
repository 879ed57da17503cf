"""Training: what it reaches, that only the seed decides, and that a slow reference agrees."""

import math
from collections.abc import Callable
from dataclasses import replace
from inspect import signature
from typing import Any

import pytest
import torch
from runs import finished
from torch import Tensor, nn

from gptbook.data.sequences import padded
from gptbook.data.tables import city_names, split_names
from gptbook.data.tokenizer import CharacterTokenizer
from gptbook.experiments.scaling_experiment import (
    gpt_of_width,
)
from gptbook.models.attention import AttentionModel
from gptbook.models.ngram import NgramCounts, NgramNet, context_windows, unique_contexts
from gptbook.tasks.names import GPTNames, names_model
from gptbook.tasks.recipes import GPTRecipe
from gptbook.training.engine import Run
from gptbook.training.loops import (
    draw_rows,
    train_in_one_pass,
    train_on_batches,
    train_on_counts,
    train_on_sequences,
)
from gptbook.training.loss import (
    conditional_entropy,
    count_loss,
    next_token_loss,
)
from gptbook.training.measure import mean_surprise, sequence_loss
from gptbook.training.seeds import seeded

SHAPE = {"context_length": 8, "num_layers": 2, "head_dim": 4}


ONE_PASS = {"num_steps": 4, "batch_size": 8, "matrix_rate": 0.04, "other_rate": 0.04, "warmup_steps": 2}


NAMES = city_names()
TRAINING, HELD_OUT = split_names(NAMES)
TOKENIZER = CharacterTokenizer.from_texts(NAMES)
FEW = TRAINING[::100]
Windows = tuple[Tensor, Tensor]


@pytest.fixture(scope="module")
def bigrams() -> dict[str, Windows]:
    """One letter of context, over all names."""
    training = context_windows(TRAINING, TOKENIZER, 1)
    return {
        "training": training,
        "held_out": context_windows(HELD_OUT, TOKENIZER, 1),
        "unique": unique_contexts(*training, TOKENIZER.vocab_size),
    }


@pytest.fixture(scope="module")
def by_counting(bigrams: dict[str, Windows]) -> float:
    """What smoothed counts are surprised by held-out names."""
    return mean_surprise(NgramCounts(1, 27).fit(*bigrams["training"]), *bigrams["held_out"])


def surprise_in_training(net: NgramNet, bigrams: dict[str, Windows]) -> float:
    """The mean over all positions, from 27 rows: a net says the same wherever it reads the same."""
    contexts, counts = bigrams["unique"]
    with torch.no_grad():
        return count_loss(net(contexts).double(), counts.double()).item()


def small_net(seed: int = 0, width: int = 1, dropout: float = 0.0) -> NgramNet:
    """A net that trains in no time."""
    torch.manual_seed(seed)
    return NgramNet(27, width, embedding_dim=8, hidden_dim=16, dropout=dropout)


def same_weights(one: nn.Module, two: nn.Module) -> bool:
    """Equal bit for bit."""
    pairs = zip(one.state_dict().values(), two.state_dict().values())
    return all(torch.equal(a, b) for a, b in pairs)


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_a_bigram_net_meets_the_floor_in_training_and_smoothed_counts_held_out(
    bigrams: dict[str, Windows], by_counting: float, seed: int
) -> None:
    floor = conditional_entropy(bigrams["unique"][1])
    torch.manual_seed(seed)
    net = NgramNet(27, 1)
    losses = train_on_counts(net, *bigrams["unique"], num_steps=200, seed=seed)
    assert losses[0] == pytest.approx(math.log(27), abs=0.1), "before it has learned anything"
    assert floor <= surprise_in_training(net, bigrams) < floor + 0.005
    assert abs(mean_surprise(net, *bigrams["held_out"]) - by_counting) < 0.005


def test_the_plain_recipe_learns_too_and_stays_above_the_floor(bigrams: dict[str, Windows]) -> None:
    torch.manual_seed(0)
    net = NgramNet(27, 1, embedding_dim=32, hidden_dim=64)
    losses = train_on_batches(net, *bigrams["training"], num_steps=1000)
    assert len(losses) == 1000
    assert losses[0] == pytest.approx(math.log(27), abs=0.1)
    floor = conditional_entropy(bigrams["unique"][1])
    assert floor + 0.005 < surprise_in_training(net, bigrams) < floor + 0.1


def test_batches_and_counts_are_trained_with_the_same_rates(monkeypatch: pytest.MonkeyPatch) -> None:
    """What one way reaches, and the other does not, must not come from the schedule."""
    used: list[float] = []

    class Watching(torch.optim.Adam):
        def step(self, *args: Any, **kwargs: Any) -> None:  # type: ignore[override]
            used.append(self.param_groups[0]["lr"])
            super().step(*args, **kwargs)

    monkeypatch.setattr("torch.optim.Adam", Watching)
    rates = []
    for train in (train_in_batches, train_on_all_rows, train_on_drawn_rows):
        train(small_net(width=2), 0)
        rates.append(used.copy())
        used.clear()
    assert rates[0] == rates[1] == rates[2]
    assert rates[0][0] > rates[0][10] > rates[0][-1] > 0


def test_the_whole_data_is_seen_in_every_step_if_contexts_are_few() -> None:
    """The gradient from 27 rows is the gradient from all positions."""
    contexts, targets = context_windows(FEW, TOKENIZER, 1)
    by_rows, by_positions = small_net(), small_net()
    nn.init.normal_(by_rows.output.weight)
    by_positions.load_state_dict(by_rows.state_dict())
    losses = train_on_counts(by_rows, *unique_contexts(contexts, targets, 27), num_steps=3, learning_rate=0.01)
    optimizer = torch.optim.Adam(by_positions.parameters())
    for step in range(3):
        optimizer.param_groups[0]["lr"] = 0.01 * (1 + math.cos(math.pi * step / 3)) / 2
        loss = next_token_loss(by_positions(contexts), targets)
        assert losses[step] == pytest.approx(loss.item(), abs=1e-5)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    for one, two in zip(by_rows.parameters(), by_positions.parameters()):
        torch.testing.assert_close(one, two, atol=1e-3, rtol=0)


def test_drawn_rows_come_as_often_as_they_occur() -> None:
    occurrences = torch.tensor([0, 50, 0, 1, 149, 0])
    with seeded(0):
        drawn = draw_rows(occurrences, 200_000)
    shares = drawn.bincount(minlength=6) / 200_000
    torch.testing.assert_close(shares, occurrences / 200, atol=1e-5, rtol=0)
    with seeded(0):
        few = torch.cat([draw_rows(occurrences, 4) for _ in range(5000)])
    torch.testing.assert_close(few.bincount(minlength=6) / 20_000, occurrences / 200, atol=0.01, rtol=0)


def train_in_batches(net: NgramNet, seed: int) -> list[float]:
    return train_on_batches(net, *context_windows(FEW, TOKENIZER, 2), num_steps=20, seed=seed)


def train_on_all_rows(net: NgramNet, seed: int) -> list[float]:
    rows = unique_contexts(*context_windows(FEW, TOKENIZER, 2), 27)
    return train_on_counts(net, *rows, num_steps=20, seed=seed)


def train_on_drawn_rows(net: NgramNet, seed: int) -> list[float]:
    rows = unique_contexts(*context_windows(FEW, TOKENIZER, 2), 27)
    return train_on_counts(net, *rows, num_steps=20, batch_size=16, seed=seed)


@pytest.mark.parametrize("train", [train_in_batches, train_on_all_rows, train_on_drawn_rows])
@pytest.mark.parametrize("dropout", [0.0, 0.3])
def test_the_same_seed_gives_the_same_weights_bit_for_bit(
    train: Callable[[NgramNet, int], list[float]], dropout: float
) -> None:
    one, two = small_net(width=2, dropout=dropout), small_net(width=2, dropout=dropout)
    losses = train(one, 7)
    torch.rand(13)  # chance elsewhere in the program must not matter
    assert train(two, 7) == losses
    assert same_weights(one, two)
    if train is not train_on_all_rows or dropout:
        other = small_net(width=2, dropout=dropout)
        assert train(other, 8) != losses
        assert not same_weights(one, other)


@pytest.mark.parametrize("train", [train_in_batches, train_on_drawn_rows])
def test_training_leaves_chance_elsewhere_as_it_was(train: Callable[[NgramNet, int], list[float]]) -> None:
    net = small_net(width=2, dropout=0.3)
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    train(net, 0)
    assert torch.equal(torch.rand(3), expected)


@pytest.mark.parametrize("train", [train_in_batches, train_on_drawn_rows])
def test_a_trained_net_is_ready_to_predict(train: Callable[[NgramNet, int], list[float]]) -> None:
    net = small_net(width=2, dropout=0.5)
    train(net, 0)
    assert not net.training


def test_every_step_is_reported() -> None:
    rows = unique_contexts(*context_windows(FEW, TOKENIZER, 1), 27)
    told: list[tuple[int, float]] = []
    losses = train_on_counts(small_net(), *rows, num_steps=5, on_step=lambda step, loss: told.append((step, loss)))
    assert told == list(enumerate(losses))
    assert losses[-1] < losses[0]


def test_counts_that_cannot_be_are_refused_before_training() -> None:
    contexts, counts = unique_contexts(*context_windows(FEW, TOKENIZER, 1), 27)
    net = small_net()
    before = small_net()
    counts[3, 4] = -1
    with pytest.raises(ValueError, match=r"counts\[3, 4\] is -1"):
        train_on_counts(net, contexts, counts)
    assert same_weights(net, before)


@pytest.fixture
def steady(tiny: GPTRecipe) -> GPTRecipe:
    """Without dropout, so that both ways of training see the same."""
    return replace(tiny, num_steps=12, dropout=0.0, seed=3)


def test_the_loop_of_the_chapters_trains_as_the_command_line_does_bit_for_bit(steady: GPTRecipe) -> None:
    task = GPTNames(steady)
    with seeded(steady.seed):
        model = names_model(steady, task.tokenizer.vocab_size)
    seen: list[tuple[int, float]] = []
    losses = train_on_sequences(
        model,
        *padded([task.tokenizer.encode(name) for name in task.training]),
        num_steps=steady.num_steps,
        batch_size=steady.batch_size,
        matrix_rate=steady.learning_rate,
        other_rate=steady.other_rate,
        warmup_steps=steady.warmup_steps,
        seed=steady.seed,
        on_step=lambda step, loss: seen.append((step, loss)),
    )
    run = finished(Run(task))
    assert losses == run.losses
    assert seen == list(enumerate(losses))
    for name, weights in model.state_dict().items():
        assert torch.equal(weights, run.model.state_dict()[name]), name
    assert not model.training


def test_the_loops_defaults_are_those_of_the_recipe() -> None:
    recipe = GPTRecipe(name="any", num_layers=1, num_steps=1)
    defaults = {name: each.default for name, each in signature(train_on_sequences).parameters.items()}
    for name in ("batch_size", "other_rate", "warmup_steps", "seed"):
        assert defaults[name] == getattr(recipe, name)
    assert defaults["matrix_rate"] == recipe.learning_rate


def test_training_on_a_few_sequences_learns_them() -> None:
    inputs, targets = padded([[1, 2, 3, 4], [2, 1, 4, 3], [5, 5, 5]])
    model = AttentionModel(vocab_size=6, model_dim=16, num_heads=2)
    assert sequence_loss(model, inputs, targets) == pytest.approx(math.log(6), abs=1e-5)
    losses = train_on_sequences(model, inputs, targets, num_steps=120, batch_size=8, other_rate=0.02, warmup_steps=5)
    assert losses[0] == pytest.approx(math.log(6), abs=1e-5)
    assert sequence_loss(model, inputs, targets) < 0.5
    torch.manual_seed(9)
    before = torch.get_rng_state()
    train_on_sequences(model, inputs, targets, num_steps=1)
    assert torch.equal(torch.get_rng_state(), before), "it leaves the chance of others alone"


def test_no_window_comes_twice() -> None:
    windows = torch.arange(40 * 9).view(40, 9)
    seen: list[int] = []

    class Watching(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.blocks = torch.nn.ModuleList()
            self.scores = torch.nn.Parameter(torch.zeros(400))

        def forward(self, tokens: torch.Tensor) -> torch.Tensor:
            seen.extend(tokens[:, 0].tolist())
            return self.scores.expand(*tokens.shape, -1)

    train_in_one_pass(Watching(), windows, **ONE_PASS)
    assert len(seen) == len(set(seen)) == 4 * 8


def test_more_steps_than_windows_are_refused() -> None:
    model = gpt_of_width(4, 4, **SHAPE)
    with pytest.raises(ValueError, match="4 steps of 8 windows take 32, and there are 31: take fewer steps"):
        train_in_one_pass(model, torch.zeros(31, 9, dtype=torch.long), **ONE_PASS)
