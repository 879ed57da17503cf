"""A chat: the row that the model reads, the answer as it comes, and what is forgotten."""

from collections.abc import Iterator
from contextlib import closing

import pytest
import torch
from tiny_models import PIECES
from torch import Tensor

from gptbook.data.chat_template import Message, conversation_tokens
from gptbook.generation.chatting import Chat, one_turn
from gptbook.models.attention import KVCache
from gptbook.models.gpt import GPTConfig

END = PIECES.vocab_size - 1


class Scripted:
    """A model that writes what it is told to, and keeps what it reads first."""

    def __init__(self, *answers: str, context_length: int = 128, ends: bool = True) -> None:
        sizes = {"num_layers": 1, "num_heads": 1, "model_dim": 2, "mlp_dim": 2}
        self.config = GPTConfig(vocab_size=PIECES.vocab_size, context_length=context_length, **sizes)
        self.answers = [[*PIECES.encode(answer), *([END] if ends else [])] for answer in answers]
        self.next: Iterator[int] = iter(())
        self.read: list[list[int]] = []

    def __call__(self, tokens: Tensor, cache: KVCache | None = None) -> Tensor:
        (row,) = tokens.tolist()
        if row[0] == END and row[-len(ASSISTANT) :] == ASSISTANT:
            self.read.append(row)
            self.next = iter(self.answers[len(self.read) - 1])
        scores = torch.zeros(1, len(row), PIECES.vocab_size)
        scores[0, -1, next(self.next)] = 9.0
        return scores


ASSISTANT = PIECES.encode("Assistant:")


def chat_with(model: Scripted, system: str = "", max_tokens: int = 300) -> Chat:
    return Chat(model, PIECES, system, max_tokens, temperature=0)


def said(*contents: str) -> list[Message]:
    return [
        Message(role=role, content=content)
        for role, content in zip(["user", "assistant"] * len(contents), contents, strict=False)
    ]


def test_all_that_was_said_stands_in_the_row() -> None:
    model = Scripted(" to be", " or not — é")
    chat = chat_with(model, "be")
    assert "".join(chat.answer("that?")) == "to be"
    assert "".join(chat.answer("the question")) == "or not — é"
    system = Message(role="system", content="be")
    row, _ = conversation_tokens([system, *said("that?", "to be", "the question")], PIECES, asks=True)
    assert model.read[1] == row
    assert chat.said == said("that?", "to be", "the question", "or not — é")


def test_an_answer_comes_in_pieces_of_whole_letters() -> None:
    chat = chat_with(Scripted(" to 京 é"))
    pieces = list(chat.answer("that?"))
    assert len(pieces) > 2
    assert "".join(pieces) == "to 京 é"
    assert "\ufffd" not in "".join(pieces)


def test_what_was_stopped_is_what_was_answered() -> None:
    chat = chat_with(Scripted(" to be or not", " that"))
    with closing(chat.answer("that?")) as pieces:
        assert next(pieces) == "to"
    assert chat.said == said("that?", "to")
    with closing(chat.answer("is")):
        pass  # stopped before it began: nothing was asked
    assert chat.said == said("that?", "to")


def test_no_answer_is_not_kept_and_a_reset_forgets() -> None:
    chat = chat_with(Scripted("", " \n", " that", " is"), "be")
    assert list(chat.answer("that?")) == list(chat.answer("the?")) == []
    assert chat.said == []
    assert "".join(chat.answer("that?")) == "that"
    chat.reset()
    assert chat.said == []
    assert "".join(chat.answer("is?")) == "is"
    assert len(chat.model.read[3]) == len(chat.model.read[0]) - len(PIECES.encode("that?")) + len(PIECES.encode("is?"))


def test_what_a_full_context_does_not_hold_is_forgotten_from_the_oldest_on() -> None:
    model = Scripted(*[" to be"] * 8, context_length=100)
    chat = chat_with(model, "be", max_tokens=20)
    for number in range(8):
        assert "".join(chat.answer(f"{number} the question")) == "to be"
    assert chat.num_forgotten > 0
    assert chat.num_forgotten % 2 == 0, "a question goes with its answer"
    assert chat.said[0].role == "user"
    assert len(chat.said) + chat.num_forgotten == 16
    assert all(len(row) <= 80 for row in model.read)
    begun = conversation_tokens([Message(role="system", content="be")], PIECES)[0]
    assert all(row[: len(begun)] == begun for row in model.read), "the system prompt stays"
    chat.reset()
    assert chat.num_forgotten == 0


def test_what_has_no_room_is_refused_and_what_was_said_stays() -> None:
    chat = chat_with(Scripted(" to be", context_length=64))
    assert "".join(chat.answer("that?")) == "to be"
    with pytest.raises(ValueError, match=r"a context of 64 holds 48 beside an answer: say it shorter"):
        list(chat.answer("to be or not " * 9))
    with pytest.raises(ValueError, match=r"holds <\|endoftext\|>"):
        list(chat.answer("<|endoftext|>"))
    assert chat.said == said("that?", "to be")
    with pytest.raises(ValueError, match=r"^the system prompt has \d+ tokens.* give a shorter one$"):
        chat_with(Scripted(context_length=64), "to be or not " * 9)


def test_an_answer_has_at_most_so_many_tokens() -> None:
    answer = " to be or not to be that is the question"
    asked = len(conversation_tokens(said("a"), PIECES, asks=True)[0])
    for most, context, length in ((5, 128, 5), (300, 40, 40 - asked)):
        chat = chat_with(Scripted(answer * 3, context_length=context), max_tokens=most)
        assert PIECES.encode(" " + "".join(chat.answer("a"))) == PIECES.encode(answer * 3)[:length]


def test_an_answer_ends_where_the_model_begins_another_turn() -> None:
    chat = chat_with(Scripted(" to be\nUser: that?\nAssistant: is", ends=False))
    assert "".join(chat.answer("that?")) == "to be"
    for text, turn in {
        "a\nUsers b": "a\nUsers b",
        "a\nSystem: b": "a",
        "a\nAssis": "a\nAssis",
        "<|endoftext|>b": "",
    }.items():
        assert "".join(one_turn(text)) == "".join(one_turn([text])) == turn


def test_the_seed_decides_the_answer() -> None:
    class Undecided(Scripted):
        def __call__(self, tokens: Tensor, cache: KVCache | None = None) -> Tensor:
            return torch.zeros(1, tokens.shape[1], PIECES.vocab_size)

    answers = [
        "".join(Chat(Undecided(), PIECES, "", 9, generator=torch.Generator().manual_seed(seed)).answer("a"))
        for seed in (0, 0, 1)
    ]
    assert answers[0] == answers[1] != answers[2]
