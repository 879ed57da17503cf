"""Models whose answers stand in the prompt: chats with tools, and code books."""

import random
import statistics
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch

from gptbook.data.chats import (
    BY_HEART,
    IN_CAPITALS,
    NO_IDEA,
    SYSTEM,
    ChatSet,
    Turn,
    chat_prompt,
    chat_rows,
    draw_sum,
    sum_turns,
    where_turns,
)
from gptbook.data.code_books import best_possible, code_exam, code_rows, draw_code_books
from gptbook.data.dialogues import ASSISTANT, USER
from gptbook.generation.tools import (
    Tool,
    calculator,
    city_finder,
    last_answer,
    write_with_tools,
)
from gptbook.models.modern import ModernGPT
from gptbook.training.loops import fine_tune, train_in_steps


@dataclass(frozen=True, kw_only=True)
class ChatExam:
    """Chats that wait for an answer, the right ones, and the tools that are there."""

    chats: list[list[Turn]]
    answers: list[str]
    tools: Mapping[str, Tool]


def trained_on_chats(
    model: ModernGPT,
    chats: ChatSet,
    settings: Mapping[str, Any],
    seed: int,
    on_step: Callable[[int, float], None],
) -> None:
    """Learn what the assistant chooses in many chats."""
    some = chats.chats(settings["num_chats"], seed, room=settings["room"])
    rows = chat_rows(some, chats.tokenizer)
    fine_tune(model, *rows, **settings["training"], seed=seed, on_step=on_step)


def chat_exams(chats: ChatSet, count: int) -> dict[str, ChatExam]:
    """Every exam by its name; its names and sums are in no chat of the training.

    "cut" is a chat whose first exchange has left the row, "wrong tool" one with a
    calculator that is wrong by one, whose result is the answer that is waited for.
    """
    names, countries = chats.names[1][:count], chats.countries
    tools = {"sum": calculator, "find": city_finder(countries)}
    loud = Turn(role=SYSTEM, text=IN_CAPITALS)
    heart = Turn(role=SYSTEM, text=BY_HEART)
    told = [told_twice(home, other) for home, other in zip(names, reversed(names))]
    draw = random.Random(1)
    sums = list(dict.fromkeys(draw_sum(draw, held_out=True) for _ in range(2 * count)))
    sums = sums[:count]
    asked = [sum_turns(text, by_heart=True)[:1] for text in sums]
    results = [calculator(text) for text in sums]
    where = [where_turns(name, None, by_heart=True)[:1] for name in names]
    lands = [countries[name] for name in names]
    backwards = [name[::-1] for name in names if name[::-1] not in countries]
    nowhere = [where_turns(name, None, by_heart=True)[:1] for name in backwards]
    no_ideas = [NO_IDEA for _ in backwards]

    def with_system(system: Turn, some: list[list[Turn]]) -> list[list[Turn]]:
        return [[system, *chat] for chat in some]

    found = {
        "told": (told, names),
        "cut": ([chat[2:] for chat in told], names),
        "capitals": (
            with_system(loud, [loudly(chat) for chat in told]),
            [name.upper() for name in names],
        ),
        "sum": (asked, results),
        "sum by heart": (with_system(heart, asked), results),
        "country": (where, lands),
        "country by heart": (with_system(heart, where), lands),
        "no city": (nowhere, no_ideas),
        "no city by heart": (with_system(heart, nowhere), no_ideas),
    }
    exams = {
        word: ChatExam(chats=some, answers=answers, tools=tools)
        for word, (some, answers) in found.items()
    }
    wrong = {**tools, "sum": wrong_by_one}
    return exams | {
        "wrong tool": ChatExam(
            chats=asked, answers=[wrong_by_one(text) for text in sums], tools=wrong
        )
    }


def told_twice(home: str, birthplace: str) -> list[Turn]:
    """A home is told, then a birthplace; then the home is asked."""
    return [
        Turn(role=USER, text=f"i live in {home}"),
        Turn(role=ASSISTANT, text=f"ok, {home}"),
        Turn(role=USER, text=f"i was born in {birthplace}"),
        Turn(role=ASSISTANT, text=f"ok, {birthplace}"),
        Turn(role=USER, text="where do i live?"),
    ]


def loudly(chat: list[Turn]) -> list[Turn]:
    """The same chat; what the assistant says is in capitals."""
    return [
        Turn(role=turn.role, text=turn.text.upper()) if turn.role == ASSISTANT else turn
        for turn in chat
    ]


def wrong_by_one(sum_text: str) -> str:
    """A calculator that is broken.

    >>> wrong_by_one("47+85")
    '133'
    """
    result = calculator(sum_text)
    return str(int(result) + 1) if result.isdecimal() else result


def chat_scores(model: ModernGPT, chats: ChatSet, count: int) -> dict[str, float]:
    """The share of right answers, 0 to 1, in each exam."""
    return {
        word: statistics.fmean(
            said == right
            for said, right in zip(chat_answers(model, chats, exam), exam.answers)
        )
        for word, exam in chat_exams(chats, count).items()
    }


def chat_answers(model: ModernGPT, chats: ChatSet, exam: ChatExam) -> list[str]:
    """What the assistant says last in each chat."""
    prompts = [chat_prompt(chat, chats.tokenizer) for chat in exam.chats]
    rows = write_with_tools(model, chats.tokenizer, prompts, exam.tools)
    return [last_answer(row, chats.tokenizer) for row in rows]


def trained_on_code_books(
    model: ModernGPT,
    settings: Mapping[str, Any],
    seed: int,
    on_step: Callable[[int, float], None],
) -> None:
    """Read rows of examples; each has a code book of its own, and none comes again."""
    training = dict(settings["training"])
    batch_size = training.pop("batch_size")
    generator = torch.Generator().manual_seed(seed)

    def batch_of(step: int) -> tuple[torch.Tensor, torch.Tensor]:
        books = draw_code_books(batch_size, generator)
        return code_rows(books, settings["num_pairs"], generator)

    train_in_steps(model, batch_of, **training, seed=seed, on_step=on_step)


@torch.no_grad()
def example_scores(model: ModernGPT, settings: Mapping[str, Any]) -> dict[str, Any]:
    """Shares of right digits, 0 to 1, after more and more examples; new code books."""
    generator = torch.Generator().manual_seed(1_000)
    right = []
    for shown in settings["num_examples"]:
        books = draw_code_books(settings["num_questions"], generator)
        prompts, answers = code_exam(books, shown, generator)
        said = model(prompts)[:, -1].argmax(dim=-1)
        right.append((said == answers).float().mean().item())
    return {
        "right": right,
        "best": [best_possible(shown) for shown in settings["num_examples"]],
    }
