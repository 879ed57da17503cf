"""Chats of several turns: all that a model may use stands in one row of tokens.

    .#capitals<i live in oslo>OK, OSLO.<where do i live?>OSLO.
    .<47+85?>[sum 47+85].=132>132.

"#" is the mark of the system, "<" of the user, ">" of the assistant, "=" of a tool. The
assistant ends each of its turns with token 0, here drawn as a dot. A turn of its in
square brackets is a call: the program around the model runs it, and writes the tool's
turn. Source: the cities and their countries are GeoNames', see `data/build_cities.py`.
"""

import random
import re
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from string import ascii_lowercase, ascii_uppercase, digits

import torch
from torch import Tensor

from gptbook.data.dialogues import ASSISTANT, USER, any_of
from gptbook.data.sequences import NO_TARGET
from gptbook.data.tables import data_file, read_table, split_names
from gptbook.data.tokenizer import MARK, around

SYSTEM = "#"
TOOL = "="
ROLES = (SYSTEM, USER, ASSISTANT, TOOL)
CALL = "["
CALL_END = "]"
# What a system prompt can ask for: answers in capitals, or no calls.
IN_CAPITALS = "capitals"
BY_HEART = "by heart"
# What a user can tell, and how to ask for it afterwards.
TOLD = {"i live in": "where do i live?", "i was born in": "where was i born?"}
# What a chat is about, each with the same probability.
TOPICS = (("self",), ("self",), ("sum", "where"), ("self", "sum", "where"))
NAME_LETTERS = 4
NO_LINE = "no line"  # what the look-up finds of a name that is not in the table
NO_IDEA = "no idea"  # what the assistant then says
# What is one token: what is said often. All else is spelled, letter by letter.
CHAT_PIECES = (
    *(*ROLES, IN_CAPITALS, BY_HEART, NO_IDEA, NO_LINE),
    *("ok, ", "OK, ", "[sum ", "[find ", CALL_END, "where is "),
    *(f"{fact} " for fact in TOLD),
    *TOLD.values(),
)
LETTERS = ascii_lowercase + ascii_uppercase + digits + " ?+,["


class PieceTokenizer:
    """Numbers for pieces of text: 1, 2, 3, ... Token 0 is the mark, which is no piece.

    A text is cut from the left, each time at the longest piece that fits.

    >>> tokenizer = PieceTokenizer(["where is ", *"abcdefghijklmnopqrstuvwxyz?"])
    >>> numbers = tokenizer.encode("where is oslo?")
    >>> "|".join(tokenizer.labels[number] for number in numbers)
    'where is |o|s|l|o|?'
    """

    def __init__(self, pieces: Sequence[str]) -> None:
        """Number the pieces. Raises ValueError if one is empty or comes twice."""
        if not all(pieces) or len(set(pieces)) < len(pieces):
            raise ValueError("a piece is empty or comes twice: give each once")
        self.labels = [MARK, *pieces]
        self.ids = {piece: number for number, piece in enumerate(pieces, start=1)}
        longest_first = sorted(map(re.escape, pieces), key=len, reverse=True)
        self.any_piece = re.compile("|".join(longest_first))

    @property
    def vocab_size(self) -> int:
        """How many tokens there are: the pieces, and the mark."""
        return len(self.labels)

    def encode(self, text: str) -> list[int]:
        """The numbers of the pieces, without marks.

        Raises ValueError, which says where, for a letter that no piece begins with.
        """
        tokens, place = [], 0
        while place < len(text):
            piece = self.any_piece.match(text, place)
            if piece is None:
                raise ValueError(
                    f'"{text[place]}", character {place + 1} of '
                    f'"{around(text, place + 1)}", has no token: leave it out'
                )
            tokens.append(self.ids[piece[0]])
            place = piece.end()
        return tokens

    def decode(self, tokens: Iterable[int]) -> str:
        """The text of the pieces; marks are dropped."""
        return "".join(self.labels[token] for token in tokens if token)


@dataclass(frozen=True, kw_only=True)
class Turn:
    """What one of the four said: its role's mark, and its words.

    Raises ValueError for words that hold a mark: with it, a user or a tool could put
    words into another's mouth.
    """

    role: str
    text: str

    def __post_init__(self) -> None:
        if self.role not in ROLES:
            raise ValueError(
                f'"{self.role}" is no role: choose one of {" ".join(ROLES)}'
            )
        for mark in ROLES:
            if mark in self.text:
                raise ValueError(
                    f'"{mark}" in "{around(self.text)}" is a role mark: leave it out'
                )


def chat_tokens(
    chat: Sequence[Turn], tokenizer: PieceTokenizer
) -> tuple[list[int], list[bool]]:
    """A chat as one row, and for each token whether the assistant chose it.

    It chooses its words and the end of its turn. Its mark, the words of the others and
    the tool's results are put there by the program around it.
    """
    row, chosen = [0], [False]
    for turn in chat:
        words = tokenizer.encode(turn.text)
        own = turn.role == ASSISTANT
        row += [*tokenizer.encode(turn.role), *words]
        chosen += [False, *(own for _ in words)]
        if own:
            row.append(0)
            chosen.append(True)
    return row, chosen


def chat_prompt(chat: Sequence[Turn], tokenizer: PieceTokenizer) -> list[int]:
    """All that was said so far, and the assistant's mark: it is its turn."""
    return [*chat_tokens(chat, tokenizer)[0], *tokenizer.encode(ASSISTANT)]


def chat_rows(
    chats: Sequence[Sequence[Turn]], tokenizer: PieceTokenizer
) -> tuple[Tensor, Tensor]:
    """Chats as inputs and targets; only what the assistant chooses is asked.

    Shapes: both results (B, T), T one less than the longest row has tokens; shorter
    rows are filled up on the right. Raises ValueError if there is no chat.
    """
    if not chats:
        raise ValueError("there are no chats: give at least one")
    rows = [chat_tokens(chat, tokenizer) for chat in chats]
    width = max(len(row) for row, _ in rows) - 1
    inputs = torch.zeros(len(rows), width, dtype=torch.long)
    targets = torch.full((len(rows), width), NO_TARGET)
    for place, (row, chosen) in enumerate(rows):
        tokens = torch.tensor(row)
        inputs[place, : len(row) - 1] = tokens[:-1]
        asked = torch.tensor(chosen[1:])
        targets[place, : len(row) - 1] = tokens[1:].where(asked, NO_TARGET)
    return inputs, targets


def country_of_cities() -> dict[str, str]:
    """The country code of every city whose name no other country has, too."""
    table = read_table(data_file("cities.csv"))
    different = table[["name", "country"]].drop_duplicates()
    alone = different[~different["name"].duplicated(keep=False)]
    return dict(zip(alone["name"], alone["country"]))


class ChatSet:
    """Draws chats: what the user tells and asks again, sums, and where cities lie.

    Names have 4 letters: a small model learns to copy them in little time. A held-out
    chat has only names and sums that no chat of the training has.

    >>> some = ChatSet({"oslo": "NO", "lima": "PE", "bonn": "DE", "lyon": "FR"})
    >>> "".join(turn.role + turn.text for turn in some.chats(1, seed=3)[0])
    '<64+66?>[sum 64+66]=130>130<11+85?>[sum 11+85]=96>96'
    """

    def __init__(self, countries: Mapping[str, str] | None = None) -> None:
        """With a dictionary from city to country; without, the book's table."""
        known = country_of_cities() if countries is None else countries
        self.countries = {
            name: known[name] for name in known if len(name) == NAME_LETTERS
        }
        self.names = split_names(self.countries)
        self.tokenizer = PieceTokenizer([*CHAT_PIECES, *LETTERS])

    def chats(
        self, count: int, seed: int, held_out: bool = False, room: int = 50
    ) -> list[list[Turn]]:
        """Chats that follow from the seed, of as many exchanges as room tokens hold.

        The first one, of 30 tokens at most, is there whatever the room.
        """
        draw = random.Random(seed)
        return [self.chat(draw, held_out, room) for _ in range(count)]

    def chat(self, draw: random.Random, held_out: bool, room: int) -> list[Turn]:
        """A chat by chance; half of them begin with a system prompt."""
        system = any_of(("", "", IN_CAPITALS, BY_HEART), draw)
        topics = TOPICS[int(draw.random() * len(TOPICS))]
        begun = [Turn(role=SYSTEM, text=system)] if system else []
        told: dict[str, str] = {}

        def longer() -> list[Turn]:
            topic = any_of(topics, draw)
            return begun + self.exchange(topic, system, told, draw, held_out)

        chat = longer()
        while len(chat_tokens(chat, self.tokenizer)[0]) <= room:
            begun = chat
            chat = longer()
        return begun if len(begun) > 1 else chat

    def exchange(
        self,
        topic: str,
        system: str,
        told: dict[str, str],
        draw: random.Random,
        held_out: bool,
    ) -> list[Turn]:
        """What the user says next, and all up to the assistant's answer.

        told is what the user has told so far; a new fact joins it. Once all is told, it
        is asked.
        """
        by_heart = system == BY_HEART
        if topic == "sum":
            return sum_turns(draw_sum(draw, held_out), by_heart)
        name = any_of(self.names[held_out], draw)
        if topic == "where":
            if (
                not by_heart
                and draw.random() < 0.2
                and name[::-1] not in self.countries
            ):
                name = name[::-1]  # no city that it could find
            return where_turns(name, self.countries.get(name), by_heart)
        untold = [fact for fact in TOLD if fact not in told]
        fact = any_of(untold or list(told), draw)
        if untold:
            told[fact] = name
            said, answer = f"{fact} {name}", f"ok, {name}"
        else:
            said, answer = TOLD[fact], told[fact]
        answer = answer.upper() if system == IN_CAPITALS else answer
        return [Turn(role=USER, text=said), Turn(role=ASSISTANT, text=answer)]


def draw_sum(draw: random.Random, held_out: bool) -> str:
    """Two numbers of two digits with a plus between; one sum in ten is held out."""
    while True:
        first, second = (10 + int(90 * draw.random()) for _ in "12")
        text = f"{first}+{second}"
        if (zlib.crc32(text.encode()) % 10 == 0) == held_out:
            return text


def sum_turns(text: str, by_heart: bool) -> list[Turn]:
    """A sum is asked, and answered by way of the tool, or by heart.

    >>> "".join(turn.role + turn.text for turn in sum_turns("47+85", by_heart=False))
    '<47+85?>[sum 47+85]=132>132'
    """
    result = str(sum(int(number) for number in text.split("+")))
    return question_turns(f"{text}?", f"sum {text}", result, result, by_heart)


def where_turns(name: str, country: str | None, by_heart: bool) -> list[Turn]:
    """A city's country is asked; None is that of a name which is no city.

    >>> turns = where_turns("bonn", "DE", by_heart=False)
    >>> " ".join(turn.text for turn in turns)
    'where is bonn? [find bonn] bonn,DE DE'
    """
    line, answer = (
        (NO_LINE, NO_IDEA) if country is None else (f"{name},{country}", country)
    )
    return question_turns(f"where is {name}?", f"find {name}", line, answer, by_heart)


def question_turns(
    question: str, call: str, result: str, answer: str, by_heart: bool
) -> list[Turn]:
    """A question, the call and what the tool found unless by_heart, and the answer."""
    asked, said = Turn(role=USER, text=question), Turn(role=ASSISTANT, text=answer)
    if by_heart:
        return [asked, said]
    called = Turn(role=ASSISTANT, text=CALL + call + CALL_END)
    return [asked, called, Turn(role=TOOL, text=result), said]
