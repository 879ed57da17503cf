"""Learning from outcomes: draw answers, check them, and make the good ones likelier."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from gptbook.data.arithmetic import after_prompts, as_written, row_prompts
from gptbook.data.sequences import NO_TARGET
from gptbook.data.tokenizer import CharacterTokenizer
from gptbook.models.attention import KVCache
from gptbook.models.gpt import GPT
from gptbook.models.modern import ModernGPT
from gptbook.training.loss import answer_log_probabilities
from gptbook.training.seeds import seeded

# How a reward becomes an advantage; see `advantages_of`.
ADVANTAGE_FORMS = ("reward", "baseline", "group", "scaled group")


def policy_gradient_loss(log_probabilities: Tensor, advantages: Tensor) -> Tensor:
    """A loss whose slope makes answers likelier by their advantage.

    Going downhill on it is, on average, going uphill on the reward to be expected.
    Shapes: ln of the probability of each answer drawn (B,), advantages (B,), the
    result (). Its slope counts, not its value. Source: Williams 1992 (REINFORCE).
    """
    return -(advantages * log_probabilities).mean()


def advantages_of(rewards: Tensor, form: str) -> Tensor:
    """How much better each answer did than was to be expected.

    "reward" expects nothing, "baseline" the mean of the whole batch, "group" the mean
    of the G answers to the same question; "scaled group" also divides by the group's
    standard deviation, so that rare successes weigh more. A mean that holds the
    answer's own reward shortens the slope by one part in G, and leaves its direction.
    Shapes: rewards (P, G), the result too. Raises ValueError for another form.
    Sources: Williams 1992 (baseline); Shao et al. 2024 (GRPO, scaled group); Liu et al.
    2025 (Dr. GRPO, group).
    """
    if form not in ADVANTAGE_FORMS:
        forms = ", ".join(ADVANTAGE_FORMS)
        raise ValueError(f'there is no form "{form}": choose one of {forms}')
    if form == "reward":
        return rewards
    if form == "baseline":
        return rewards - rewards.mean()
    centred = rewards - rewards.mean(dim=1, keepdim=True)
    if form == "group":
        return centred
    return centred / (rewards.std(dim=1, keepdim=True) + 1e-4)


@torch.no_grad()
def sample_answers(
    model: GPT | ModernGPT,
    prompts: Tensor,
    num_new: int,
    generator: torch.Generator | None = None,
) -> Tensor:
    """Draw an answer to each prompt, with the model's own probabilities.

    An answer ends with the end mark, token 0, or after num_new tokens. All chance comes
    from the generator, or from PyTorch's global one.
    Shapes: prompts (B, T), the result (B, A), A at most num_new, with `NO_TARGET` after
    the end mark.
    """
    cache = KVCache(model.config.num_layers, model.config.context_length)
    seen = prompts
    written: list[Tensor] = []
    ended = torch.zeros(len(prompts), 1, dtype=torch.bool)
    while len(written) < num_new and not ended.all():
        probabilities = model(seen, cache)[:, -1].softmax(dim=-1)  # (B, V)
        seen = torch.multinomial(probabilities, 1, generator=generator)  # (B, 1)
        written.append(seen.masked_fill(ended, NO_TARGET))
        ended |= seen == 0
    return torch.cat(written, dim=1)


def learn_from_outcomes(
    model: GPT | ModernGPT,
    rows: Sequence[str],
    tokenizer: CharacterTokenizer,
    check: Callable[[str, str], bool],
    num_steps: int,
    form: str = "group",
    num_rows: int = 32,
    group_size: int = 8,
    num_new: int = 12,
    learning_rate: float = 1e-3,
    seed: int = 0,
    on_step: Callable[[int, list[str], list[str], Tensor], None] | None = None,
) -> list[float]:
    """Reinforcement learning: nobody shows an answer, only whether it was right.

    Each step draws P rows and G answers to each, asks the check for every answer, and
    takes one step downhill on `policy_gradient_loss`. Changes the model, and returns
    the mean reward of every step, 0 to 1. on_step is told the number of the step, the
    rows asked, the answers written, and the rewards (P, G), before the model changes.
    """
    prompts = row_prompts(rows, tokenizer)
    optimizer = torch.optim.Adam(model.parameters(), lr=learning_rate)
    mean_rewards = []
    with seeded(seed):
        for step in range(num_steps):
            drawn = torch.randint(len(rows), (num_rows,)).repeat_interleave(group_size)
            answers = sample_answers(model, prompts[drawn], num_new)
            asked = [rows[row] for row in drawn.tolist()]
            written = as_written(answers, tokenizer)
            right = [float(check(row, text)) for row, text in zip(asked, written)]
            rewards = torch.tensor(right).reshape(num_rows, group_size)  # (P, G)
            if on_step:
                on_step(step, asked, written, rewards)
            inputs, targets = after_prompts(prompts[drawn], answers)
            likely = answer_log_probabilities(model, inputs, targets)  # (P * G,)
            loss = policy_gradient_loss(likely, advantages_of(rewards, form).flatten())
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            mean_rewards.append(rewards.mean().item())
    return mean_rewards
