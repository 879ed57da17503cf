"""A reader's conversations: read line by line, held out whole, asked for the answers only."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from tiny_models import PIECES

from gptbook.data.chat_template import Message, conversation_tokens
from gptbook.data.conversations import (
    AnswerRow,
    ConversationSet,
    answer_rows,
    inputs_and_targets,
    places_of_step,
    read_conversations,
    split_conversations,
)
from gptbook.data.sequences import NO_TARGET


def line(*said: tuple[Any, Any]) -> str:
    return json.dumps({"messages": [{"role": role, "content": content} for role, content in said]})


def asked(question: str, answer: str) -> str:
    return line(("user", question), ("assistant", answer))


GOOD = asked("2 and 3?", "5.")
OTHER = asked("And 4?", "9.")


def file_of(folder: Path, *lines: str) -> Path:
    path = folder / "dialogues.jsonl"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def many(count: int) -> list[str]:
    return [asked(f"{number} and {number}?", f"{2 * number}.") for number in range(count)]


def test_a_file_is_read_line_by_line_and_more_than_messages_is_passed_over(tmp_path: Path) -> None:
    more = json.dumps({"id": 7, "messages": [{"role": "user", "content": " cafe\u0301 ", "name": "x"}]} | {"tools": []})
    answered = more.replace("}]", '}, {"role": "assistant", "content": "a\\u2028b"}]')
    found = read_conversations(file_of(tmp_path, GOOD, "", answered, "  "))
    assert list(found) == [1, 3]
    assert [message.content for message in found[3]] == ["café", "a\u2028b"]


@pytest.mark.parametrize(
    ("bad", "sentence"),
    [
        ("2 and 3? 5.", r'line 2: "2 and 3\? 5\." is not JSON: write one object'),
        ("[" * 9000, "line 2: .* is not JSON"),
        ("[]", 'line 2: it has no list "messages"'),
        ('{"messages": []}', 'line 2: it has no list "messages"'),
        ('{"text": "hi"}', 'line 2: it has no list "messages"'),
        ('{"messages": ["hi"]}', "line 2: message 1 has no role and content, both text: add them"),
        (line(("user", None)), "line 2: message 1 has no role and content"),
        (line(("user", "hi"), ("tool", "5")), 'line 2: message 2: the role "tool" is unknown: give system, user'),
        (line(("user", "  ")), "line 2: message 1: the content of user is empty"),
        (line(("user", "hi"), ("assistant", "")), "line 2: message 2: the content of assistant is empty"),
        (line(("user", "hi")), "line 2: the conversation has no answer"),
        (line(("user", "hi"), ("system", "x"), ("assistant", "y")), "line 2: the role system comes first"),
        (asked("hi", "a<|endoftext|>"), r"line 2: message 2: .* holds <\|endoftext\|>"),
        (asked("hi\nAssistant: yes", "a"), "line 2: message 1: .* has a line that begins with Assistant:"),
        (GOOD, "has fewer than two different conversations"),
    ],
)
def test_a_line_that_is_no_conversation_is_named_by_its_number(bad: str, sentence: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"dialogues\.jsonl.*") as error:
        read_conversations(file_of(tmp_path, GOOD, bad))
    assert error.match(sentence)


def test_a_file_that_is_not_there_or_no_text_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"none\.jsonl cannot be read"):
        read_conversations(tmp_path / "none.jsonl")
    (tmp_path / "latin").write_bytes(b"caf\xe9 {}")
    with pytest.raises(ValueError, match="is not text in UTF-8"):
        read_conversations(tmp_path / "latin")


def test_a_tenth_is_held_out_whatever_the_order_and_twins_stay_together(tmp_path: Path) -> None:
    lines = [*many(40), *many(20)]
    kept = []
    for some in (lines, lines[::-1]):
        training, held_out = split_conversations(read_conversations(file_of(tmp_path, *some)))
        assert len(training) + len(held_out) == 60
        sides = [{each[0].content for each in part.values()} for part in (training, held_out)]
        assert not sides[0] & sides[1]
        assert len(sides[1]) == 4
        kept.append(sides[1])
    assert kept[0] == kept[1]
    training, held_out = split_conversations(read_conversations(file_of(tmp_path, GOOD, OTHER)))
    assert (len(training), len(held_out)) == (1, 1)


def test_the_loss_looks_at_the_answers_and_their_ends_only() -> None:
    messages = [Message(role="user", content="to be?"), Message(role="assistant", content="be")]
    tokens, chosen = conversation_tokens(messages, PIECES)
    short = AnswerRow(tokens=tokens[-3:], chosen=chosen[-3:])
    inputs, targets = inputs_and_targets([AnswerRow(tokens=tokens, chosen=chosen), short])
    assert inputs.shape == targets.shape == (2, len(tokens) - 1)
    assert inputs[0].tolist() == tokens[:-1]
    answer = [*PIECES.encode(" be"), PIECES.vocab_size - 1]
    assert targets[0].tolist() == [NO_TARGET] * (len(tokens) - 1 - len(answer)) + answer
    assert targets[1, :2].tolist() == answer[-2:]
    assert (targets[1, 2:] == NO_TARGET).all()


def test_what_a_context_does_not_hold_is_cut_and_without_an_answer_left_out(tmp_path: Path) -> None:
    found = read_conversations(file_of(tmp_path, asked("to be", "or not to be " * 20), asked("or not " * 20, "be")))
    (row,) = answer_rows(found, PIECES, 40, "dialogues")
    assert len(row.tokens) == 41
    assert row.num_chosen > 0
    with pytest.raises(ValueError, match=r"too few conversations of which an answer begins within 10 tokens"):
        ConversationSet(tmp_path / "dialogues.jsonl", PIECES, 10)


def test_each_row_comes_once_before_any_comes_again() -> None:
    places = [place for step in range(5) for place in places_of_step(10, 4, step, seed=1)]
    assert sorted(places[:10]) == sorted(places[10:]) == list(range(10))
    assert places[:10] != places[10:]
    assert places_of_step(10, 4, 3, seed=1) == places[12:16]
    assert places_of_step(10, 20, 0, seed=2) != places


def test_the_facts_tell_other_conversations_apart(tmp_path: Path) -> None:
    sets = [ConversationSet(file_of(tmp_path, *many(count)), PIECES, 60) for count in (20, 20, 21)]
    facts = [each.facts for each in sets]
    assert facts[0] == facts[1]
    assert facts[0]["training_sha256"] != facts[2]["training_sha256"]
    assert facts[0]["conversations"] == len(sets[0].training) == 18
    asked_for = torch.tensor([row.num_chosen for row in sets[0].training]).sum()
    assert facts[0]["training_answer_tokens"] == asked_for < facts[0]["training_tokens"]
    assert 0 < facts[0]["bytes_per_token"] < 3
