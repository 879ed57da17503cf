"""Fine-tuning: the same loop, with dialogues."""

import math

import pytest
import torch
from small_dialogues import CONFIG, DIALOGUES, TOKENIZER

from gptbook.data.dialogues import (
    dialogue_tokens,
)
from gptbook.generation.answers import exact_match, reply
from gptbook.models.modern import ModernGPT
from gptbook.training.loops import (
    fine_tune,
)
from gptbook.training.seeds import seeded


def test_fine_tuning_lowers_the_loss_and_gives_the_answers() -> None:
    with seeded(0):
        model = ModernGPT(CONFIG)
    told: list[int] = []
    data = dialogue_tokens(DIALOGUES, TOKENIZER)
    assert exact_match(model, TOKENIZER, DIALOGUES) < 1
    losses = fine_tune(
        model, *data, num_steps=80, batch_size=8, other_rate=0.03, on_step=lambda step, _: told.append(step)
    )
    assert losses[0] == pytest.approx(math.log(CONFIG.vocab_size), abs=1e-4)
    assert losses[-1] < 0.1
    assert exact_match(model, TOKENIZER, DIALOGUES) == 1
    assert reply(model, TOKENIZER, "rome or bonn?") == "bonn"
    assert told == list(range(80))
    assert not model.training


def test_fine_tuning_is_the_same_again_and_leaves_other_chance_alone() -> None:
    data = dialogue_tokens(DIALOGUES, TOKENIZER)
    found = []
    torch.manual_seed(5)
    state = torch.get_rng_state()
    for _ in range(2):
        with seeded(0):
            model = ModernGPT(CONFIG)
        found.append(fine_tune(model, *data, num_steps=3, batch_size=4, seed=2))
    assert found[0] == found[1]
    assert torch.equal(torch.get_rng_state(), state)
