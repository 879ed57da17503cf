"""An assistant of clubs: what its rows ask for, and what its exams count."""

import pytest
import torch

from gptbook.data.dialogues import Dialogue, dialogue_tokens
from gptbook.data.sequences import NO_TARGET
from gptbook.data.tokenizer import CharacterTokenizer
from gptbook.experiments.after_pretraining_experiment import AFTER_PRETRAINING_SETTINGS
from gptbook.experiments.club_assistant import (
    POLITE,
    club_dialogues,
    laid_together,
    politely,
    rows_with_ends,
)

TOKENIZER = CharacterTokenizer("abc, sirx<>?")


def test_rows_with_ends_ask_for_the_ends_only() -> None:
    inputs, targets = rows_with_ends([([0, 1, 2], [3, 0]), ([0, 5], [6])])
    assert inputs.tolist() == [[0, 1, 2, 3], [0, 5, 0, 0]]
    assert targets.tolist() == [[NO_TARGET, NO_TARGET, 3, 0], [NO_TARGET, 6, NO_TARGET, NO_TARGET]]


def test_a_row_with_its_end_is_what_a_dialogue_asks() -> None:
    asked = Dialogue(task="", question="abc?", answer="a")
    inputs, targets = dialogue_tokens([asked], TOKENIZER)
    begun, end = [0, *TOKENIZER.encode("<abc?>")], [*TOKENIZER.encode("a"), 0]
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


def test_a_polite_answer_is_the_same_one_with_a_word_more() -> None:
    (polite,) = politely([Dialogue(task="t", question="a?", answer="a")])
    assert polite == Dialogue(task="t", question="a?", answer="a" + POLITE)


def test_quiet_clubs_are_in_plain_text_and_in_no_dialogue() -> None:
    settings = AFTER_PRETRAINING_SETTINGS["clubs"]
    instructions = club_dialogues(settings)
    asked = {d.question for d in instructions.training("stadium", 300, seed=0)}
    for club in settings["quiet"]:
        assert not any(club in question for question in asked)
        assert any(f"{club} " in text for text in instructions.texts(600, seed=0))
        assert any(club in dialogue.question for dialogue in instructions.unasked())
