"""What an assistant answers, and how many of its answers are right."""

from collections import defaultdict
from collections.abc import Sequence

import torch

from gptbook.data.dialogues import Dialogue, prompt_tokens
from gptbook.data.tokenizer import CharacterTokenizer
from gptbook.generation.generate import CachedModel, generate_tokens
from gptbook.models.attention import KVCache


def reply(
    model: CachedModel,
    tokenizer: CharacterTokenizer,
    question: str,
    max_letters: int = 40,
) -> str:
    """What the assistant answers: its likeliest letters, up to the end mark.

    Raises ValueError for a question that leaves no room for an answer in the context,
    or has a letter that the tokenizer lacks, or if max_letters is less than 1.
    """
    prompt = prompt_tokens(tokenizer, question)
    if max_letters < 1:
        raise ValueError(f"max_letters is {max_letters}: ask for 1 or more")
    room = min(max_letters, model.config.context_length - len(prompt))
    if room < 1:
        raise ValueError(
            f"the question has {len(question)} letters, and a context of "
            f"{model.config.context_length} holds {room + len(question) - 1} with an "
            "answer: ask a shorter one"
        )
    return tokenizer.decode(
        generate_tokens(model, prompt, room, temperature=0, stop_token=0)
    )


@torch.no_grad()
def greedy_answers(
    model: CachedModel, prompts: Sequence[Sequence[int]], num_new: int
) -> list[list[int]]:
    """What `generate_tokens` writes at temperature 0, for many prompts at once.

    Prompts of the same length share a batch and a cache. An answer ends before the end
    mark, token 0, or after num_new tokens, or where the context is full.
    """
    config = model.config
    answers: list[list[int]] = [[] for _ in prompts]
    alike: dict[int, list[int]] = defaultdict(list)
    for row, prompt in enumerate(prompts):
        alike[len(prompt)].append(row)
    for length, rows in alike.items():
        cache = KVCache(config.num_layers, config.context_length)
        seen = torch.tensor([list(prompts[row]) for row in rows])  # (B, T)
        written = []
        ended = torch.zeros(len(rows), dtype=torch.bool)
        for _ in range(min(num_new, config.context_length + 1 - length)):
            new = model(seen, cache)[:, -1].argmax(dim=-1)  # (B,)
            ended |= new == 0
            if ended.all():
                break
            written.append(new)
            seen = new[:, None]
        if not written:
            continue
        for row, tokens in zip(rows, torch.stack(written, dim=1).tolist()):
            answers[row] = tokens[: tokens.index(0)] if 0 in tokens else tokens
    return answers


def exact_match(
    model: CachedModel,
    tokenizer: CharacterTokenizer,
    dialogues: Sequence[Dialogue],
    plain: bool = False,
) -> float:
    """The share of questions, 0 to 1, answered letter for letter, end mark included.

    plain asks without the marks of the chat format, in the way of the plain text.
    Raises ValueError if there is no question.
    """
    if not dialogues:
        raise ValueError("there are no questions: give at least one")
    prompts = [
        [0, *tokenizer.encode(dialogue.question)]
        if plain
        else prompt_tokens(tokenizer, dialogue.question)
        for dialogue in dialogues
    ]
    num_new = 1 + max(len(dialogue.answer) for dialogue in dialogues)
    answers = greedy_answers(model, prompts, num_new)
    right = 0
    for answer, dialogue in zip(answers, dialogues):
        said = tokenizer.decode(answer)
        right += (said.strip() if plain else said) == dialogue.answer
    return right / len(dialogues)
