"""A reader's conversations: a file with one a line, held out in part, as rows.

    {"messages": [{"role": "user", "content": "2 and 3?"},
                  {"role": "assistant", "content": "5."}]}

Each conversation is one such object on one line (JSON Lines), the form in which most
collections come. A row is asked for what the assistant says and for nothing else.
"""

import hashlib
import json
from array import array
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from gptbook.data.chat_template import (
    Conversation,
    Message,
    check_conversation,
    conversation_text,
    conversation_tokens,
)
from gptbook.data.corpus_writing import tokenizer_sha256
from gptbook.data.sequences import NO_TARGET
from gptbook.data.tokenizer_files import TextTokenizer, token_bytes
from gptbook.files.nearest_word import quoted
from gptbook.files.text_files import nfc, readers_text

ONE_IN = 10  # of different conversations is held out, one at least
Numbered = Mapping[int, Conversation]  # by the line of the file that each stands on


@dataclass(frozen=True, kw_only=True)
class AnswerRow:
    """A conversation as tokens, and for each whether the assistant chose it."""

    tokens: Sequence[int]
    chosen: Sequence[int]

    @property
    def num_chosen(self) -> int:
        """How many tokens of it are learned."""
        return sum(self.chosen)


def read_conversations(path: Path | str) -> dict[int, Conversation]:
    """The conversations of a file, by their line; empty lines are passed over.

    Raises ValueError, in one sentence with the line, for a line that is none, or if
    there are fewer than two different ones: one is kept to measure with.
    """
    found: dict[int, Conversation] = {}
    for number, line in enumerate(readers_text(path).split("\n"), start=1):
        if not line.strip():
            continue
        try:
            found[number] = conversation_in(line)
        except ValueError as error:
            raise ValueError(f"{path}, line {number}: {error}") from None
    if len(set(map(known_by, found.values()))) < 2:
        raise ValueError(
            f"{path} has fewer than two different conversations, and one is kept to "
            "measure with: give more, one on each line"
        )
    return found


def conversation_in(line: str) -> Conversation:
    """The conversation that a line states. Raises ValueError if it states none."""
    try:
        stated = json.loads(line)
    except (ValueError, RecursionError):
        raise ValueError(
            f"{quoted(line)} is not JSON: write one object on each line"
        ) from None
    messages = stated.get("messages") if isinstance(stated, dict) else None
    if not isinstance(messages, list) or not messages:
        raise ValueError(
            'it has no list "messages": write {"messages": [{"role": "user", '
            '"content": "..."}, {"role": "assistant", "content": "..."}]}'
        )
    said = []
    for place, message in enumerate(messages, start=1):
        stated = message if isinstance(message, dict) else {}
        role, content = stated.get("role"), stated.get("content")
        if not isinstance(role, str) or not isinstance(content, str):
            raise ValueError(
                f"message {place} has no role and content, both text: add them"
            )
        try:
            said.append(Message(role=role, content=nfc(content)))
        except ValueError as error:
            raise ValueError(f"message {place}: {error}") from None
    check_conversation(said)
    return said


def known_by(messages: Conversation) -> str:
    """A conversation as a text, by which it is known."""
    return conversation_text(messages, "\0")


def split_conversations(conversations: Numbered) -> tuple[Numbered, Numbered]:
    """Those to learn from, and a tenth that is held out, whatever their order.

    What stands in the file twice is on one side.
    """
    digests = {
        number: hashlib.sha256(known_by(each).encode()).hexdigest()
        for number, each in conversations.items()
    }
    different = sorted(set(digests.values()))
    held = set(different[: max(1, len(different) // ONE_IN)])
    training, held_out = (
        {
            number: each
            for number, each in conversations.items()
            if (digests[number] in held) == is_held
        }
        for is_held in (False, True)
    )
    return training, held_out


def answer_rows(
    conversations: Numbered, tokenizer: TextTokenizer, context_length: int, where: str
) -> list[AnswerRow]:
    """The conversations as rows that a context holds; what is beyond is cut off.

    One whose answers all lie beyond is left out. Raises ValueError, which says where,
    for a letter that the tokenizer lacks.
    """
    rows = []
    for number, messages in conversations.items():
        try:
            tokens, chosen = conversation_tokens(messages, tokenizer)
        except ValueError as error:
            raise ValueError(f"{where}, line {number}: {error}") from None
        size = context_length + 1  # the last token is only asked for
        # Three bytes a token: as lists, a large collection would fill the memory.
        short, own = array("H", tokens[:size]), bytes(chosen[:size])
        row = AnswerRow(tokens=short, chosen=own)
        if row.num_chosen:
            rows.append(row)
    return rows


def inputs_and_targets(rows: Sequence[AnswerRow]) -> tuple[Tensor, Tensor]:
    """Rows as a batch; only what the assistant chose is asked.

    Shapes: both results (B, T), T one less than the longest row has tokens; shorter
    ones are filled up on the right.
    """
    width = max(len(row.tokens) for row in rows) - 1
    inputs = torch.zeros(len(rows), width, dtype=torch.long)
    targets = torch.full((len(rows), width), NO_TARGET)
    for place, row in enumerate(rows):
        tokens = torch.tensor(list(row.tokens))
        asked = torch.tensor(list(row.chosen[1:]), dtype=torch.bool)
        inputs[place, : len(tokens) - 1] = tokens[:-1]
        targets[place, : len(tokens) - 1] = tokens[1:].where(asked, NO_TARGET)
    return inputs, targets


def places_of_step(num_rows: int, batch_size: int, step: int, seed: int) -> list[int]:
    """Which rows a step learns from: each once before any comes again, in new order.

    A pure function of seed and step, as `token_batch` is.
    """
    numbers = range(step * batch_size, (step + 1) * batch_size)
    rounds = (divmod(number, num_rows) for number in numbers)
    return [order_of_round(num_rows, seed, each)[place] for each, place in rounds]


@lru_cache(maxsize=4)
def order_of_round(num_rows: int, seed: int, round_number: int) -> list[int]:
    """The order of the rows in one round through all of them."""
    generator = torch.Generator().manual_seed(seed * 1_000_003 + round_number)
    order: list[int] = torch.randperm(num_rows, generator=generator).tolist()
    return order


class ConversationSet:
    """Conversations as rows: those to learn from, and those to measure with."""

    def __init__(
        self, path: Path | str, tokenizer: TextTokenizer, context_length: int
    ) -> None:
        """Read the file, hold a part out, and turn both into tokens.

        Raises ValueError, in one sentence, if the file is none of conversations, or in
        one of the two parts no answer lies within the context.
        """
        self.path, self.tokenizer = Path(path), tokenizer
        parts = split_conversations(read_conversations(path))
        size = (tokenizer, context_length, str(path))
        self.training, self.held_out = (answer_rows(part, *size) for part in parts)
        if not self.training or not self.held_out:
            raise ValueError(
                f"{path} has too few conversations of which an answer begins within "
                f"{context_length:,} tokens: give shorter ones, or a model that sees "
                "more"
            )
        num_rows = len(self.training) + len(self.held_out)
        self.num_left_out = sum(map(len, parts)) - num_rows
        self.facts = self.all_facts()

    @property
    def longest_row(self) -> int:
        """How many tokens the longest row has that are read."""
        rows = (*self.training, *self.held_out)
        return max(len(row.tokens) for row in rows) - 1

    def all_facts(self) -> dict[str, Any]:
        """What the conversations are, as JSON can hold it, by what they hold."""
        held = token_bytes(self.tokenizer)
        answers = [
            held[token]
            for row in self.held_out
            for token, own in zip(row.tokens, row.chosen)
            if own
        ]
        return {
            "name": self.path.stem,
            "vocab_size": self.tokenizer.vocab_size,
            "training_tokens": sum(len(row.tokens) for row in self.training),
            "training_answer_tokens": sum(row.num_chosen for row in self.training),
            "conversations": len(self.training),
            "bytes_per_token": sum(answers) / len(answers),
            "training_sha256": rows_sha256(self.training),
            "held_out_sha256": rows_sha256(self.held_out),
            "tokenizer_sha256": tokenizer_sha256(self.tokenizer),
        }


def rows_sha256(rows: Iterable[AnswerRow]) -> str:
    """The sha256 of rows."""
    plain = [[list(row.tokens), list(map(int, row.chosen))] for row in rows]
    return hashlib.sha256(json.dumps(plain).encode()).hexdigest()
