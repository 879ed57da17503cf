"""Learning from pairs of answers: what moves, what stays, and what is asked for."""

import copy
import math

import pytest
import torch
from small_dialogues import DIALOGUES, TOKENIZER, asked, opinionated

from gptbook.data.dialogues import dialogue_tokens
from gptbook.models.modern import ModernGPT
from gptbook.training.loss import answer_log_probabilities, preference_loss
from gptbook.training.preferences import train_on_preferences

CHOSEN = dialogue_tokens([asked(d.question, d.answer + " sir") for d in DIALOGUES], TOKENIZER)
REJECTED = dialogue_tokens(DIALOGUES, TOKENIZER)


def test_the_chosen_answers_gain_on_the_rejected_ones() -> None:
    model = opinionated(ModernGPT)
    start = copy.deepcopy(model)
    losses = train_on_preferences(model, CHOSEN, REJECTED, 12, batch_size=4, learning_rate=3e-3)
    assert losses[0] == pytest.approx(math.log(2)), "nothing has moved yet"
    assert losses[-1] < losses[0]
    gains = [
        answer_log_probabilities(model, *rows) - answer_log_probabilities(start, *rows) for rows in (CHOSEN, REJECTED)
    ]
    assert (gains[0] > gains[1]).all()
    assert not model.training


def test_gains_are_measured_from_the_model_at_the_start_and_not_from_the_step_before() -> None:
    """The loss that the second step reports is that of the numbers after the first one."""
    model, start = opinionated(ModernGPT), opinionated(ModernGPT)
    losses = train_on_preferences(model, CHOSEN, REJECTED, 1, batch_size=64)
    again = opinionated(ModernGPT)
    losses = train_on_preferences(again, CHOSEN, REJECTED, 2, batch_size=64)
    generator = torch.Generator().manual_seed(0)
    pairs = [torch.randint(len(DIALOGUES), (64,), generator=generator) for _ in "12"][1]
    with torch.no_grad():
        now, before = (
            [answer_log_probabilities(net, *rows)[pairs] for rows in (CHOSEN, REJECTED)] for net in (model, start)
        )
        wanted = preference_loss(*now, *before).item()
    assert losses[1] == pytest.approx(wanted, rel=1e-4)


def test_the_seed_decides_which_pairs_are_drawn() -> None:
    runs = [train_on_preferences(opinionated(ModernGPT), CHOSEN, REJECTED, 4, 2, seed=seed) for seed in (0, 0, 1)]
    assert runs[0] == runs[1] != runs[2]


def test_every_step_is_told() -> None:
    told: list[tuple[int, float]] = []
    losses = train_on_preferences(
        opinionated(ModernGPT), CHOSEN, REJECTED, 3, on_step=lambda step, loss: told.append((step, loss))
    )
    assert told == list(enumerate(losses))


def test_answers_that_are_no_pairs_are_refused() -> None:
    with pytest.raises(ValueError, match="give pairs"):
        train_on_preferences(opinionated(ModernGPT), CHOSEN, (REJECTED[0][:2], REJECTED[1][:2]), 1)
