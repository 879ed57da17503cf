"""The instruct set: one right answer each, nothing held out in the training, a loss on answers alone."""

import random
from collections.abc import Callable

import pytest
import torch
from small_dialogues import DIALOGUES

from gptbook.data.dialogues import (
    ASSISTANT,
    FACTS,
    USER,
    WORDINGS,
    Dialogue,
    InstructSet,
    dialogue_batch,
    dialogue_tokens,
    prompt_tokens,
    text_windows,
)
from gptbook.data.sequences import NO_TARGET
from gptbook.data.tokenizer import CharacterTokenizer
from gptbook.training.loss import next_token_loss

INSTRUCTIONS = InstructSet()
TOKENIZER = INSTRUCTIONS.tokenizer


def about(dialogue: Dialogue) -> str:
    """What a question asks about: its words without those of the task."""
    for wording in WORDINGS[dialogue.task]:
        before, after = wording.split("{}")[0], wording.split("{}")[-1]
        if dialogue.question.startswith(before) and dialogue.question.endswith(after):
            return dialogue.question[len(before) : len(dialogue.question) - len(after)]
    raise AssertionError(dialogue)


@pytest.mark.parametrize("task", WORDINGS)
def test_no_held_out_question_is_in_the_training(task: str) -> None:
    training = {dialogue.question for dialogue in INSTRUCTIONS.training(task, 4000, seed=0)}
    held_out = {dialogue.question for dialogue in INSTRUCTIONS.held_out(task, 200, seed=0)}
    assert not training & held_out


@pytest.mark.parametrize("task", [task for task in WORDINGS if task != "stadium"])
def test_what_a_held_out_question_is_about_is_in_no_question_of_the_training(task: str) -> None:
    training = {about(dialogue) for dialogue in INSTRUCTIONS.training(task, 4000, seed=0)}
    held_out = {about(dialogue) for dialogue in INSTRUCTIONS.held_out(task, 200, seed=0)}
    assert not training & held_out


def test_each_club_is_asked_for_in_every_way_and_one_of_them_is_held_out() -> None:
    training = {d.question for d in INSTRUCTIONS.training("stadium", 4000, seed=0)}
    held_out = [d.question for d in INSTRUCTIONS.held_out("stadium", 200, seed=0)]
    for club in INSTRUCTIONS.clubs:
        ways = {wording.format(club) for wording in WORDINGS["stadium"]}
        assert len(ways & training) == len(WORDINGS["stadium"]) - 1
        assert len(ways & set(held_out)) == 1
    assert len(held_out) == len(set(held_out)) == len(INSTRUCTIONS.clubs)


def test_a_club_that_is_not_asked_for_is_in_plain_text_and_in_no_question() -> None:
    asked = [*INSTRUCTIONS.training("stadium", 2000, seed=0), *INSTRUCTIONS.held_out("stadium", 200, seed=0)]
    assert not {about(dialogue) for dialogue in asked} & set(INSTRUCTIONS.unasked_clubs)
    texts = INSTRUCTIONS.texts(4000, seed=0)
    for club in INSTRUCTIONS.unasked_clubs:
        assert {fact.format(club, INSTRUCTIONS.stadiums[club]) for fact in FACTS} <= set(texts)
        assert not [text for text in texts for wording in WORDINGS["stadium"] if wording.format(club) in text]
    assert len(INSTRUCTIONS.unasked()) == len(INSTRUCTIONS.unasked_clubs) * len(WORDINGS["stadium"])


def test_plain_text_holds_no_mark_no_held_out_question_and_no_held_out_name() -> None:
    texts = INSTRUCTIONS.texts(3000, seed=0)
    assert not {USER, ASSISTANT} & set("".join(texts))
    whole = "\n".join(texts)
    for task in WORDINGS:
        for dialogue in INSTRUCTIONS.held_out(task, 100, seed=0):
            # a sheet of questions may hold the end of one: "baden backwards?", "aden backwards?"
            assert f"\n{dialogue.question}" not in whole
            assert f"? {dialogue.question}" not in whole
    named = {name for text in texts if ", " in text for name in text.split(", ")}
    assert not named & set(INSTRUCTIONS.names[1]) - set(INSTRUCTIONS.stadiums)


def test_the_answers_are_right() -> None:
    rules: dict[str, Callable[[str], str]] = {
        "first letter": lambda name: name[0],
        "second letter": lambda name: name[1],
        "last letter": lambda name: name[-1],
        "capitals": lambda name: name.upper(),
        "backwards": lambda name: "".join(reversed(name)),
        "letters": lambda name: str(len(name)),
        "stadium": lambda club: INSTRUCTIONS.stadiums[club],
    }
    assert set(rules) == set(WORDINGS)
    for task, rule in rules.items():
        for dialogue in (*INSTRUCTIONS.training(task, 50, seed=1), *INSTRUCTIONS.held_out(task, 50, seed=1)):
            assert dialogue.answer == rule(about(dialogue))
    assert INSTRUCTIONS.stadiums["chelsea"] == "stamford bridge"


def test_no_way_to_tell_a_fact_is_a_way_to_ask() -> None:
    beginnings = {fact.split("{}")[0] for fact in FACTS} - {""}
    assert not any(question.startswith(tuple(beginnings)) for question in WORDINGS["stadium"])


def test_questions_and_texts_follow_from_their_seed() -> None:
    again = InstructSet()
    assert again.training("stadium", 20, seed=3) == INSTRUCTIONS.training("stadium", 20, seed=3)
    assert again.texts(20, seed=3) == INSTRUCTIONS.texts(20, seed=3)
    assert again.texts(20, seed=4) != INSTRUCTIONS.texts(20, seed=3)


def test_sheets_ask_only_for_the_tasks_that_are_named() -> None:
    sheets = [text for text in INSTRUCTIONS.texts(300, seed=0, tasks=("capitals",)) if "?" in text]
    assert sheets
    assert all(text.count("in capitals?") == 3 for text in sheets)


def test_an_unknown_task_is_named_beside_the_known_ones() -> None:
    with pytest.raises(ValueError, match='no task "rhyme": choose one of first letter'):
        INSTRUCTIONS.dialogue("rhyme", random.Random(0), held_out=False)


def test_names_and_clubs_of_the_readers_own_take_the_place_of_the_tables() -> None:
    own = InstructSet(
        names=["rome", "lima", "oslo", "x"], stadiums={"Reds": "Red Park", "Blues": "Blue Park", "Greens": "Green Park"}
    )
    assert sorted(own.names[0] + own.names[1]) == ["lima", "oslo", "rome"]
    assert own.training("stadium", 1, seed=0)[0].answer in {"red park", "blue park", "green park"}


# ---- the chat format, and the loss on answers only ----

PAIR = [
    Dialogue(task="backwards", question="oslo backwards?", answer="olso"),
    Dialogue(task="letters", question="how many letters in paris?", answer="5"),
]


def test_a_dialogue_is_a_mark_the_question_between_role_marks_the_answer_and_a_mark() -> None:
    inputs, targets = dialogue_tokens(PAIR[:1], TOKENIZER)
    assert inputs[0, 0] == 0
    assert TOKENIZER.decode(inputs[0].tolist()) == "<oslo backwards?>olso"
    asked = targets[0] != NO_TARGET
    assert TOKENIZER.decode(targets[0, asked].tolist()) == "olso"
    assert targets[0, -1] == 0, "the end of the answer is asked, too"
    assert prompt_tokens(TOKENIZER, PAIR[0].question) == inputs[0, : (~asked).sum() + 1].tolist()


def test_each_target_is_the_token_that_comes_next() -> None:
    inputs, targets = dialogue_tokens(PAIR, TOKENIZER)
    for row in range(len(PAIR)):
        places = (targets[row] != NO_TARGET).nonzero().flatten().tolist()
        assert places == list(range(places[0], places[-1] + 1))
        assert inputs[row, places[0]] == TOKENIZER.ids[ASSISTANT]
        assert targets[row, places[:-1]].tolist() == inputs[row, [place + 1 for place in places[:-1]]].tolist()
        assert targets[row, places[-1]] == 0


def test_the_loss_touches_answer_tokens_only() -> None:
    """Whatever is predicted in a question or in the filling, the loss is the same bit for bit, and has no slope."""
    generator = torch.Generator().manual_seed(0)
    _, targets = dialogue_tokens(PAIR, TOKENIZER)
    logits = torch.randn(*targets.shape, TOKENIZER.vocab_size, generator=generator, requires_grad=True)
    loss = next_token_loss(logits, targets)
    loss.backward()
    assert logits.grad is not None
    touched = logits.grad.abs().sum(dim=-1) > 0
    expected = torch.zeros_like(touched)
    for row, dialogue in enumerate(PAIR):
        start = len(prompt_tokens(TOKENIZER, dialogue.question)) - 1
        expected[row, start : start + len(dialogue.answer) + 1] = True  # its letters, and its end
    assert torch.equal(touched, expected)
    other = torch.where(expected[..., None], logits, torch.randn(logits.shape, generator=generator))
    assert torch.equal(next_token_loss(other, targets), loss)


def test_another_answer_is_another_loss_and_another_question_is_not() -> None:
    logits = torch.randn(1, 22, TOKENIZER.vocab_size, generator=torch.Generator().manual_seed(0))
    losses = {}
    for question, answer in (("oslo backwards?", "olso"), ("oslo backwards?", "olsa"), ("lima backwards?", "olso")):
        _, targets = dialogue_tokens([Dialogue(task="", question=question, answer=answer)], TOKENIZER)
        losses[question, answer] = next_token_loss(logits, targets).item()
    same, new_answer, new_question = losses.values()
    assert new_answer != same
    assert new_question == same


def test_no_dialogue_and_an_unknown_character_are_refused() -> None:
    with pytest.raises(ValueError, match="there are no dialogues"):
        dialogue_tokens([], TOKENIZER)
    with pytest.raises(ValueError, match="is not in the alphabet"):
        dialogue_tokens([Dialogue(task="", question="5 € ?", answer="")], TOKENIZER)


def test_windows_of_plain_text_follow_one_another_and_ask_every_position() -> None:
    tokenizer = CharacterTokenizer("abc")
    inputs, targets = text_windows(["abc", "ab", "c"], tokenizer, context_length=4)
    assert inputs.tolist() == [[0, 1, 2, 3], [0, 1, 2, 0]]
    assert targets.tolist() == [[1, 2, 3, 0], [1, 2, 0, 3]]
    with pytest.raises(ValueError, match="5 tokens fill no window of 9"):
        text_windows(["abc"], tokenizer, context_length=9)


def test_a_batch_is_a_function_of_seed_and_step_and_keeps_every_answer() -> None:
    inputs, targets = dialogue_tokens(DIALOGUES, TOKENIZER)
    for step in range(20):
        seen, wanted = dialogue_batch(inputs, targets, step, 3, seed=1)
        again = dialogue_batch(inputs, targets, step, 3, seed=1)
        assert torch.equal(seen, again[0])
        assert torch.equal(wanted, again[1])
        assert seen.shape == wanted.shape
        assert bool((wanted[:, -1] != NO_TARGET).any()), "the last column is needed"
        for row, answer in zip(seen, wanted, strict=True):
            whole = [
                place
                for place in range(len(inputs))
                if torch.equal(inputs[place, : len(row)], row) and torch.equal(targets[place, : len(answer)], answer)
            ]
            assert whole
            assert int((answer != NO_TARGET).sum()) == int((targets[whole[0]] != NO_TARGET).sum())
