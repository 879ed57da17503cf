"""An assistant of clubs: what its rows ask for, and what its exams count."""

from gptbook.data.dialogues import Dialogue
from gptbook.experiments.after_pretraining_experiment import AFTER_PRETRAINING_SETTINGS
from gptbook.experiments.club_assistant import (
    POLITE,
    club_dialogues,
    politely,
)


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
