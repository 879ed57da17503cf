"""Talking to an assistant: the row is written anew at each turn, and read from it."""

from collections.abc import Generator, Iterable, Iterator, Sequence
from typing import Any

from gptbook.data.bpe import END_OF_TEXT
from gptbook.data.chat_template import (
    ANSWERS,
    SPEAKERS,
    Message,
    conversation_tokens,
)
from gptbook.data.tokenizer_files import MARK_NAME, TextTokenizer, end_mark
from gptbook.generation.generate import CachedModel
from gptbook.generation.sampling import stream_text, stream_tokens

ANSWER_TOKENS = 300  # of an answer at most, if nothing else is asked for
TURN_ENDS = (*(f"\n{mark}" for mark in SPEAKERS.values()), END_OF_TEXT, MARK_NAME)


class Chat:
    """A conversation with an assistant, of which the context holds the last part.

    The model remembers nothing: at each turn all that was said stands in its row. When
    that gets longer than the context, the oldest messages are left out.
    """

    def __init__(
        self,
        model: CachedModel,
        tokenizer: TextTokenizer,
        system: str = "",
        max_tokens: int = ANSWER_TOKENS,
        **choice: Any,
    ) -> None:
        """With what the assistant is told before all else, and how it chooses tokens.

        An answer has max_tokens at most, and a quarter of the context is kept for it.
        choice goes to `stream_tokens`. Raises ValueError if system cannot be said, or
        has no room.
        """
        self.model, self.tokenizer, self.choice = model, tokenizer, choice
        context = model.config.context_length
        self.max_tokens = max_tokens
        self.prompt_room = context - min(max_tokens, max(1, context // 4))
        self.system = [Message(role="system", content=system)] if system else []
        self.said: list[Message] = []
        self.num_forgotten = 0
        room = len(self.tokens([]))
        if room >= self.prompt_room:
            raise ValueError(
                f"the system prompt has {room:,} tokens, and a context of {context:,} "
                f"holds {self.prompt_room:,} beside an answer: give a shorter one"
            )

    def tokens(self, said: Sequence[Message]) -> list[int]:
        """The row in which it is the assistant's turn after these messages."""
        return conversation_tokens([*self.system, *said], self.tokenizer, asks=True)[0]

    def reset(self) -> None:
        """Forget all that was said, except the system prompt."""
        self.said, self.num_forgotten = [], 0

    def answer(self, content: str) -> Generator[str]:
        """What the assistant answers, as it comes; question and answer are kept.

        Where the reader stops it, what has come so far is the answer. Raises ValueError
        if the content cannot be said, or is longer than the context.
        """
        asked = Message(role="user", content=content)
        said, prompt = [*self.said, asked], self.tokens([*self.said, asked])
        while len(prompt) > self.prompt_room and len(said) > 1:
            said = said[1:]
            while said[0].role == ANSWERS:
                said = said[1:]
            prompt = self.tokens(said)
        if len(prompt) > self.prompt_room:
            raise ValueError(
                f"that has {len(prompt):,} tokens with the marks, and a context of "
                f"{self.model.config.context_length:,} holds {self.prompt_room:,} "
                "beside an answer: say it shorter"
            )
        stop, _ = end_mark(self.tokenizer)
        how = self.choice | {"stop_token": stop}
        room = min(self.max_tokens, self.model.config.context_length - len(prompt))
        new = stream_tokens(self.model, prompt, room, **how)
        answer = ""
        try:
            for piece in one_turn(stream_text(self.tokenizer, new)):
                shown = piece if answer else piece.lstrip()
                answer += shown
                if shown:
                    yield shown
        finally:
            if answer:
                self.num_forgotten += len(self.said) + 1 - len(said)
                self.said = [*said, Message(role=ANSWERS, content=answer)]


def one_turn(pieces: Iterable[str]) -> Iterator[str]:
    """A text as it comes, up to where another turn would begin.

    A model that has not learned well where an answer ends goes on with the next turn.
    """
    waiting = ""
    for piece in pieces:
        waiting += piece
        places = [place for end in TURN_ENDS if (place := waiting.find(end)) >= 0]
        if places:
            yield waiting[: min(places)]
            return
        ready = len(waiting) - begun_end(waiting)
        yield waiting[:ready]
        waiting = waiting[ready:]
    yield waiting


def begun_end(text: str) -> int:
    """How many letters at the end of a text may be the beginning of a turn's end.

    >>> begun_end("Hello.\nAss"), begun_end("Hello.")
    (4, 0)
    """
    most = min(len(text), max(map(len, TURN_ENDS)))
    for length in range(most, 0, -1):
        if any(end.startswith(text[-length:]) for end in TURN_ENDS):
            return length
    return 0
