"""Whole sequences: filling up, batches, the loss at every position, and the loop that trains on them."""

import math
from collections import Counter

import pytest
import torch
from torch import Tensor, nn

from gptbook.data.dialogues import Dialogue, dialogue_tokens
from gptbook.data.sequences import NO_TARGET, laid_together, padded, rows_with_ends, sequence_batch, trimmed
from gptbook.data.tokenizer import CharacterTokenizer
from gptbook.models.gpt import GPTConfig
from gptbook.models.modern import ModernGPT
from gptbook.training.loss import next_token_loss

LETTERS = CharacterTokenizer("abc, sirx<>?")
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


def test_rows_with_ends_ask_for_the_ends_only() -> None:
    inputs, targets = rows_with_ends([([0, 1, 2], [3, 0]), ([0, 5], [6])])
    assert inputs.tolist() == [[0, 1, 2, 3], [0, 5, 0, 0]]
    assert targets.tolist() == [[NO_TARGET, NO_TARGET, 3, 0], [NO_TARGET, 6, NO_TARGET, NO_TARGET]]


def test_a_row_with_its_end_is_what_a_dialogue_asks() -> None:
    asked = Dialogue(task="", question="abc?", answer="a")
    inputs, targets = dialogue_tokens([asked], LETTERS)
    begun, end = [0, *LETTERS.encode("<abc?>")], [*LETTERS.encode("a"), 0]
    ours = rows_with_ends([(begun, end)])
    assert torch.equal(ours[0], inputs)
    assert torch.equal(ours[1], targets)


@pytest.mark.parametrize("widths", [(2, 5), (5, 2), (3, 3)])
def test_rows_of_two_widths_are_laid_together_and_nothing_more_is_asked(widths: tuple[int, int]) -> None:
    first, second = ((torch.ones(2, w, dtype=torch.long), torch.full((2, w), 7)) for w in widths)
    inputs, targets = laid_together(first, second)
    assert inputs.shape == targets.shape == (4, max(widths))
    assert int((targets != NO_TARGET).sum()) == 2 * sum(widths)
    assert int(inputs.sum()) == 2 * sum(widths)
