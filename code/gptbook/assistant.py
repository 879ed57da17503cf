"""From a GPT to an assistant: fine-tuning on dialogues, and what it answers."""

from collections import defaultdict
from collections.abc import Callable, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from gptbook.attention import KVCache
from gptbook.dialogues import Dialogue, prompt_tokens
from gptbook.generate import CachedModel, generate_tokens
from gptbook.loss import next_token_loss
from gptbook.optim import MuonAdamW, muon_groups, warmup_then_decay
from gptbook.sequences import NO_TARGET
from gptbook.tokenizer import CharacterTokenizer


def dialogue_batch(
    inputs: Tensor, targets: Tensor, step: int, batch_size: int, seed: int
) -> tuple[Tensor, Tensor]:
    """The batch of a step: dialogues by chance, without the columns that none fills.

    It depends on seed and step alone. Shapes: inputs and targets (P, T), as
    `dialogue_tokens` makes them, the results (B, T).
    """
    generator = torch.Generator().manual_seed(seed * 1_000_003 + step)
    rows = torch.randint(len(inputs), (batch_size,), generator=generator)
    asked = (targets[rows] != NO_TARGET).any(dim=0)
    width = int(asked.nonzero().max()) + 1
    return inputs[rows, :width], targets[rows, :width]


def fine_tune(
    model: nn.Module,
    inputs: Tensor,
    targets: Tensor,
    num_steps: int,
    batch_size: int = 64,
    matrix_rate: float = 0.02,
    other_rate: float = 4e-3,
    warmup_steps: int = 20,
    seed: int = 0,
    on_step: Callable[[int, float], None] | None = None,
) -> list[float]:
    """Go on training a model, with dialogues; the same loop, with other targets.

    Shapes: inputs and targets (P, T), as `dialogue_tokens` makes them. Changes the
    model, and returns the loss of every step, in nats per token of an answer. on_step
    is told the number of the step and its loss.
    """
    optimizer = MuonAdamW(muon_groups(model, matrix_rate, other_rate))
    losses = []
    model.train()
    for step in range(num_steps):
        seen, wanted = dialogue_batch(inputs, targets, step, batch_size, seed)
        loss = next_token_loss(model(seen), wanted)  # where nothing is asked: nothing
        share = warmup_then_decay(step, num_steps, warmup_steps)
        for group in optimizer.param_groups:
            group["lr"] = group["rate"] * share
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
        if on_step:
            on_step(step, losses[-1])
    model.eval()
    return losses


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


def answer_log_probabilities(
    model: nn.Module, inputs: Tensor, targets: Tensor
) -> Tensor:
    """ln of the probability that the model gives to each answer, its end included.

    Shapes: inputs and targets (B, T), as `dialogue_tokens` makes them, the result (B,).
    """
    log_probabilities = model(inputs).log_softmax(dim=-1)  # (B, T, V)
    asked = targets != NO_TARGET
    given = log_probabilities.gather(2, targets.where(asked, 0)[..., None])[..., 0]
    return given.where(asked, 0.0).sum(dim=1)


def preference_loss(
    chosen: Tensor,
    rejected: Tensor,
    chosen_before: Tensor,
    rejected_before: Tensor,
    strictness: float = 0.1,
) -> Tensor:
    """The loss of direct preference optimization: the surprise at what people chose.

    All four are ln of an answer's probability; "before" are those of the model that the
    training began with, which stay. The more the chosen answer has gained on the
    rejected one since then, the lower the loss. A large strictness (beta in the paper)
    is content with a small gain, and so keeps the model near where it began.
    Shapes: all (B,), the result (), in nats per pair; ln 2 as long as nothing moved.
    Source: Rafailov et al. 2023, eq. 7.
    """
    gain = (chosen - chosen_before) - (rejected - rejected_before)
    return -F.logsigmoid(strictness * gain).mean()
