"""Conversations as one row of tokens: who speaks, what is said, and where it ends.

    <|endoftext|>System: Be brief.
    User: What is 2 and 3?
    Assistant: 5.<|endoftext|>User: And 4?
    Assistant: 9.<|endoftext|>

The end mark begins a row and ends each answer, as in chapter 16; a word and a colon say
who speaks. GPT-2 has a token for the mark, and has read such dialogues: so no token is
new, and what it learned of them serves here.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from gptbook.data.bpe import END_OF_TEXT
from gptbook.data.tokenizer_files import MARK_NAME, TextTokenizer, end_mark
from gptbook.files.nearest_word import quoted

SPEAKERS = {"system": "System:", "user": "User:", "assistant": "Assistant:"}
ANSWERS = "assistant"
TEMPLATE_FILE = "chat_template.jinja"  # as transformers calls it
# What `conversation_text` does, in the language of transformers and of llama.cpp.
CHAT_TEMPLATE = (
    "{{ bos_token }}"
    "{% for message in messages %}"
    "{% if message['role'] == 'system' %}{{ 'System: ' }}"
    "{% elif message['role'] == 'user' %}{{ 'User: ' }}"
    "{% elif message['role'] == 'assistant' %}{{ 'Assistant: ' }}"
    "{% else %}{{ raise_exception('a role is system, user or assistant') }}"
    "{% endif %}"
    "{{ message['content'] | trim }}"
    "{% if message['role'] == 'assistant' %}{{ eos_token }}"
    "{% else %}{{ '\\n' }}"
    "{% endif %}"
    "{% endfor %}"
    "{% if add_generation_prompt %}{{ 'Assistant:' }}{% endif %}"
)


@dataclass(frozen=True, kw_only=True)
class Message:
    """What one of the three said; spaces at both ends are dropped.

    Raises ValueError for an unknown role, no words, or words that hold the end mark, or
    a role mark at the beginning of a line: with them, one could put words into
    another's mouth.
    """

    role: str
    content: str

    def __post_init__(self) -> None:
        if self.role not in SPEAKERS:
            raise ValueError(
                f"the role {quoted(self.role)} is unknown: give {', '.join(SPEAKERS)}"
            )
        object.__setattr__(self, "content", self.content.strip())
        if not self.content:
            raise ValueError(f"the content of {self.role} is empty: write something")
        for mark in (END_OF_TEXT, MARK_NAME):
            if mark in self.content:
                raise ValueError(
                    f"the content of {self.role} holds {mark}, which ends an answer: "
                    "leave it out"
                )
        for mark in SPEAKERS.values():
            if f"\n{mark}" in self.content:
                raise ValueError(
                    f"the content of {self.role} has a line that begins with {mark}, "
                    "which says who speaks: write it otherwise"
                )


Conversation = Sequence[Message]


def check_conversation(messages: Conversation) -> None:
    """Raise ValueError if a conversation has no answer, or system is not the first."""
    if any(message.role == "system" for message in messages[1:]):
        raise ValueError("the role system comes first or not at all: move it there")
    if not any(message.role == ANSWERS for message in messages):
        raise ValueError("the conversation has no answer: add one of assistant")


def conversation_text(messages: Conversation, mark: str, asks: bool = False) -> str:
    """A conversation as it is written out; `CHAT_TEMPLATE` makes the same of it.

    mark is how the end of an answer is written; asks adds where the assistant begins.
    """
    parts = [mark]
    for message in messages:
        end = mark if message.role == ANSWERS else "\n"
        parts.append(f"{SPEAKERS[message.role]} {message.content}{end}")
    return "".join([*parts, SPEAKERS[ANSWERS] if asks else ""])


def conversation_tokens(
    messages: Conversation, tokenizer: TextTokenizer, asks: bool = False
) -> tuple[list[int], list[bool]]:
    """A conversation as one row, and for each token whether the assistant chose it.

    It chooses its words and the end mark after them; all else is put there by the
    program around it. asks adds the assistant's mark: it is its turn. Raises ValueError
    for a letter that the tokenizer lacks.
    """
    end, _ = end_mark(tokenizer)
    row, chosen, given = [end], [False], ""

    def add(tokens: list[int], own: bool) -> None:
        row.extend(tokens)
        chosen.extend([own] * len(tokens))

    for message in messages:
        given += SPEAKERS[message.role]
        if message.role == ANSWERS:
            add(tokenizer.encode(given), False)
            # The space belongs to the first word, and no token reaches over a colon.
            add([*tokenizer.encode(f" {message.content}"), end], True)
            given = ""
        else:
            given += f" {message.content}\n"
    add(tokenizer.encode(given + (SPEAKERS[ANSWERS] if asks else "")), False)
    return row, chosen
