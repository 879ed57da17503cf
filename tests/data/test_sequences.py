"""Whole sequences: filling up, batches, the loss at every position, and the loop that trains on them."""

import math
from collections import Counter
from dataclasses import replace
from inspect import signature

import pytest
import torch
from torch import Tensor, nn

from gptbook.data.sequences import NO_TARGET, padded, sequence_batch, trimmed
from gptbook.models.attention import AttentionModel
from gptbook.models.gpt import GPTConfig
from gptbook.models.modern import ModernGPT
from gptbook.models.ngram import NgramNet, WindowModel
from gptbook.tasks.recipes import GPTRecipe
from gptbook.tasks.sentences import NameRun, gpt_for
from gptbook.training.loops import train_on_sequences
from gptbook.training.loss import next_token_loss
from gptbook.training.measure import sequence_loss
from gptbook.training.seeds import seeded

WORDS = [[1, 2, 3], [4], [2, 2, 5, 1, 3, 4], [], [5, 5]]


@pytest.fixture(autouse=True)
def same_luck() -> None:
    torch.manual_seed(0)


def lively(context_length: int = 16) -> ModernGPT:
    """A model that has opinions: its projections have left zero."""
    sizes = {"num_layers": 2, "num_heads": 2, "model_dim": 8, "mlp_dim": 12}
    model = ModernGPT(GPTConfig(vocab_size=6, context_length=context_length, **sizes))
    for parameter in model.parameters():
        nn.init.normal_(parameter, std=0.5)
    return model.eval()


def many(count: int) -> tuple[Tensor, Tensor]:
    """Sequences of 1 to 30 tokens, short ones more often; the first token but one tells them apart."""
    lengths = torch.randint(1, 31, (count, 3)).amin(dim=1).tolist()
    return padded([[number + 1] * length for number, length in enumerate(lengths)])


def numbers(batch: Tensor) -> list[int]:
    """Which of `many` are in a batch."""
    return [int(row[1]) - 1 for row in batch]


def test_a_mark_stands_before_the_first_token_and_after_the_last_and_nothing_is_asked_after_it() -> None:
    inputs, targets = padded([[1, 2, 3], [4], []])
    none = NO_TARGET
    assert inputs.tolist() == [[0, 1, 2, 3], [0, 4, 0, 0], [0, 0, 0, 0]]
    assert targets.tolist() == [[1, 2, 3, 0], [4, 0, none, none], [0, none, none, none]]
    assert inputs.dtype == targets.dtype == torch.long


def test_no_sequence_is_refused() -> None:
    with pytest.raises(ValueError, match="there are no sequences: give at least one"):
        padded([])


def test_the_loss_skips_what_is_filled_up() -> None:
    _, targets = padded(WORDS)
    logits = torch.randn(*targets.shape, 6)
    asked = targets != NO_TARGET
    expected = next_token_loss(logits[asked], targets[asked])
    torch.testing.assert_close(next_token_loss(logits, targets), expected)


def test_filling_up_never_changes_the_scores_of_others() -> None:
    model = lively()
    inputs, _ = padded(WORDS)
    logits = model(inputs)
    for row, tokens in enumerate(WORDS):
        alone = model(torch.tensor([[0, *tokens]]))[0]
        torch.testing.assert_close(logits[row, : len(tokens) + 1], alone, atol=1e-5, rtol=0)


def test_columns_in_which_nothing_is_asked_are_cut_off() -> None:
    inputs, targets = padded(WORDS)
    short = trimmed(inputs[:2], targets[:2])
    assert [each.tolist() for each in short] == [each.tolist() for each in padded(WORDS[:2])]


def test_a_batch_depends_on_seed_and_step_alone() -> None:
    inputs, targets = many(200)
    for step in (0, 1, 2, 3, 4, 101):
        first = sequence_batch(inputs, targets, step, 16, seed=7)
        torch.randn(3)  # other chance in between
        second = sequence_batch(inputs, targets, step, 16, seed=7)
        assert all(torch.equal(left, right) for left, right in zip(first, second))
    before = torch.get_rng_state()
    sequence_batch(inputs, targets, 5, 16, seed=7)
    assert torch.equal(torch.get_rng_state(), before), "it leaves the chance of others alone"
    taken = [numbers(sequence_batch(inputs, targets, step, 16, seed=seed)[0]) for seed in (7, 8) for step in (0, 4)]
    assert len({tuple(each) for each in taken}) == 4


def test_four_batches_are_a_fair_draw_of_all_sequences_cut_into_parts() -> None:
    """What makes batches alike in length must not make a sequence come more often than others."""
    inputs, targets = many(50)
    often: Counter[int] = Counter()
    for draw in range(60):
        four = [sequence_batch(inputs, targets, 4 * draw + part, 16, seed=0)[0] for part in range(4)]
        assert sum(map(len, four)) == 4 * 16, "each that was drawn is in one part"
        for batch in four:
            often.update(numbers(batch))
    assert len(often) == 50, "every sequence comes"
    assert sum(often.values()) == 60 * 64
    expected, spread = 60 * 64 / 50, math.sqrt(60 * 64 / 50)
    assert all(abs(times - expected) < 5 * spread for times in often.values())


def test_the_four_parts_have_nearly_as_many_positions_each_and_come_in_any_order() -> None:
    inputs, targets = many(200)
    shortest = []
    for draw in range(20):
        asked, widths = [], []
        for part in range(4):
            seen, wanted = sequence_batch(inputs, targets, 4 * draw + part, 32, seed=0)
            asked.append(int((wanted != NO_TARGET).sum()))
            widths.append(seen.shape[1])
        assert max(asked) - min(asked) <= 2 * 31, "at most a sequence at each end"
        shortest.append(widths.index(min(widths)))
    assert len(set(shortest)) == 4


def test_a_batch_has_less_than_half_the_filling_of_one_drawn_at_random() -> None:
    inputs, targets = many(500)
    filled, at_random = 0, 0
    for step in range(40):
        _, wanted = sequence_batch(inputs, targets, step, 64, seed=0)
        filled += int((wanted == NO_TARGET).sum())
        rows = torch.randint(500, (64,))
        at_random += int((trimmed(inputs[rows], targets[rows])[1] == NO_TARGET).sum())
    assert filled < at_random / 2


def test_no_batch_is_empty_however_few_or_unlike_the_sequences_are() -> None:
    for sequences in ([[1]], [[1], [2] * 40], [[]], [[1], [], [3] * 100]):
        inputs, targets = padded(sequences)
        for step in range(40):
            for batch_size in (1, 2, 5):
                seen, wanted = sequence_batch(inputs, targets, step, batch_size, seed=3)
                assert len(seen) > 0
                assert seen.shape == wanted.shape


def test_the_loss_of_many_is_that_of_each_position_one_by_one() -> None:
    model = lively()
    surprises = []
    for tokens in WORDS:
        logits = model(torch.tensor([[0, *tokens]]))[0]
        for place, target in enumerate([*tokens, 0]):
            surprises.append(-logits[place].log_softmax(dim=0)[target].item())
    assert len(surprises) == sum(len(tokens) + 1 for tokens in WORDS)
    assert sequence_loss(model, *padded(WORDS)) == pytest.approx(sum(surprises) / len(surprises), abs=1e-5)


def test_the_loss_is_measured_in_pieces_without_dropout_and_without_a_trace() -> None:
    model = lively()
    once = sequence_loss(model, *padded(WORDS))
    inputs, targets = padded(WORDS * 300)  # three pieces of 512
    assert sequence_loss(model, inputs, targets) == pytest.approx(once, abs=1e-5)
    dropping = ModernGPT(model.config, dropout=0.5)
    dropping.load_state_dict(model.state_dict())
    dropping.train()
    assert sequence_loss(dropping, *padded(WORDS)) == pytest.approx(once, abs=1e-6)
    assert all(parameter.grad is None for parameter in model.parameters())


@pytest.fixture
def steady(tiny: GPTRecipe) -> GPTRecipe:
    """Without dropout, so that both ways of training see the same."""
    return replace(tiny, num_steps=12, dropout=0.0, seed=3)


def test_the_loop_of_the_chapters_trains_as_the_command_line_does_bit_for_bit(steady: GPTRecipe) -> None:
    run = NameRun(steady)
    with seeded(steady.seed):
        model = gpt_for(steady, run.tokenizer)
    seen: list[tuple[int, float]] = []
    losses = train_on_sequences(
        model,
        *padded([run.tokenizer.encode(name) for name in run.training]),
        num_steps=steady.num_steps,
        batch_size=steady.batch_size,
        matrix_rate=steady.learning_rate,
        other_rate=steady.other_rate,
        warmup_steps=steady.warmup_steps,
        seed=steady.seed,
        on_step=lambda step, loss: seen.append((step, loss)),
    )
    while not run.is_finished:
        run.advance()
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
