"""The program around a model that calls tools: it reads a call, runs it, writes on."""

from collections.abc import Callable, Mapping, Sequence

from gptbook.data.chats import (
    CALL,
    CALL_END,
    NO_LINE,
    TOOL,
    PieceTokenizer,
    Turn,
    chat_prompt,
)
from gptbook.data.dialogues import ASSISTANT
from gptbook.generation.answers import greedy_answers
from gptbook.generation.generate import CachedModel, check_start

Tool = Callable[[str], str]  # from what the model asks for to what it will read
NO_SUM = "no sum"  # what the calculator says to what it cannot add
NO_TOOL = "no tool"  # what the model reads if it calls a tool that is not there
MOST_DIGITS = 12


def calculator(sum_text: str) -> str:
    """The sum of whole numbers with plus signs between them.

    >>> calculator("47+85"), calculator("__import__('os')")
    ('132', 'no sum')

    A model may write anything into a call, so nothing of it is run as code.
    """
    numbers = sum_text.split("+")
    if not all(number.isascii() and number.isdecimal() for number in numbers):
        return NO_SUM
    if max(map(len, numbers)) > MOST_DIGITS:
        return NO_SUM
    return str(sum(map(int, numbers)))


def city_finder(countries: Mapping[str, str]) -> Tool:
    """A tool that looks a city up, and gives its line of the table.

    >>> find = city_finder({"bonn": "DE"})
    >>> find("bonn"), find("atlantis")
    ('bonn,DE', 'no line')
    """

    def find(name: str) -> str:
        return f"{name},{countries[name]}" if name in countries else NO_LINE

    return find


def called_tool(text: str) -> tuple[str, str] | None:
    """The tool and the argument of a turn that is a call; None if it is none.

    >>> called_tool("[sum 47+85]"), called_tool("132")
    (('sum', '47+85'), None)
    """
    if not (text.startswith(CALL) and text.endswith(CALL_END)):
        return None
    name, _, argument = text[len(CALL) : -len(CALL_END)].partition(" ")
    return name, argument


def write_with_tools(
    model: CachedModel,
    tokenizer: PieceTokenizer,
    prompts: Sequence[Sequence[int]],
    tools: Mapping[str, Tool],
    max_new: int = 16,
    max_calls: int = 2,
) -> list[list[int]]:
    """Each prompt with all that is written after it, up to the end of an answer.

    A prompt ends with the assistant's mark. The model writes a turn, its likeliest
    tokens, max_new at most. If the turn is a call, the tool runs, its result joins the
    row behind the tool's mark, and the model reads the row again from its first token
    and goes on. It ends with a turn that is no call, after max_calls calls, or where
    the context has no room for a result.
    Raises ValueError for a prompt that does not fit into the context, or a result with
    a letter that has no token, or the mark of a role.
    """
    for prompt in prompts:
        check_start(prompt, model.config)
    rows = [list(prompt) for prompt in prompts]
    open_rows = list(range(len(rows)))
    for num_calls in range(max_calls + 1):
        turns = greedy_answers(model, [rows[place] for place in open_rows], max_new)
        called = []
        for place, turn in zip(open_rows, turns):
            rows[place] += [*turn, 0]
            call = called_tool(tokenizer.decode(turn))
            if call is None or num_calls == max_calls:
                continue
            name, argument = call
            result = tools[name](argument) if name in tools else NO_TOOL
            said = chat_prompt([Turn(role=TOOL, text=result)], tokenizer)[1:]
            if len(rows[place]) + len(said) <= model.config.context_length:
                rows[place] += said
                called.append(place)
        open_rows = called
    return rows


def last_answer(row: Sequence[int], tokenizer: PieceTokenizer) -> str:
    """What the assistant said last in a row, without its mark and the end mark."""
    return tokenizer.decode(row).rpartition(ASSISTANT)[2]
