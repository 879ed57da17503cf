"""How an assistant begins: with which model, which mark for its ends, which steps."""

from dataclasses import asdict, replace
from pathlib import Path

import torch

from gptbook.data.bpe import BytePairTokenizer
from gptbook.data.conversations import ConversationSet
from gptbook.tasks.assistant import AssistantTask
from gptbook.tasks.assistant_recipes import AssistantRecipe, LoRAAssistantRecipe
from gptbook.tasks.base_model import Base
from gptbook.tasks.continued_recipes import LoRATextRecipe
from gptbook.tasks.going_on import continued_text_recipe

ROUNDS = 3  # through all conversations, the usual number
FEWEST_ASSISTANT_STEPS = 60  # where there are few of them
MEASURE_EVERY = 125  # steps at most


def new_assistant(
    chosen: AssistantRecipe,
    base: Base,
    path: str,
    *,
    num_steps: int | None = None,
    rate_scale: float = 1.0,
    learning_rate: float | None = None,
    lora_rank: int | None = None,
    lora_alpha: float | None = None,
) -> AssistantTask:
    """An assistant that begins with a model, and its conversations.

    Without num_steps it goes through all of them three times, in 60 steps at least.
    Raises ValueError, in one sentence, if the file is none of conversations.
    """
    base = with_end_mark(base)
    context = base.sizes["model_context_length"]
    conversations = ConversationSet(path, base.tokenizer, context)
    num_rows = len(conversations.training)
    rounds = -(-ROUNDS * num_rows // chosen.batch_size)
    recipe = continued_text_recipe(
        replace(
            chosen,
            num_steps=num_steps or max(FEWEST_ASSISTANT_STEPS, rounds),
            evaluate_every=min(MEASURE_EVERY, max(1, num_rows // chosen.batch_size)),
            context_length=conversations.longest_row,
            data=str(Path(path).resolve()),
        ),
        base,
        rate_scale=rate_scale,
        learning_rate=learning_rate,
        lora_rank=lora_rank,
        lora_alpha=lora_alpha,
    )
    is_lora = isinstance(recipe, LoRATextRecipe)
    kind = LoRAAssistantRecipe if is_lora else AssistantRecipe
    return AssistantTask(kind(**asdict(recipe)), conversations, base.weights)


def with_end_mark(base: Base) -> Base:
    """A base whose tokenizer has a token at which an answer can end.

    Where it had none, one more is added. It begins as the mean of all others, so that
    the model thinks of it, at first, as of any token.
    """
    tokenizer = base.tokenizer
    if not isinstance(tokenizer, BytePairTokenizer) or tokenizer.end_of_text:
        return base
    tables = ("token_embedding.weight", "prediction.weight")
    weights = dict(base.weights or {})
    for name in tables:
        if name in weights:
            mean = weights[name].mean(dim=0, keepdim=True)  # (1, D)
            weights[name] = torch.cat([weights[name], mean])  # (V + 1, D)
    marked = BytePairTokenizer(tokenizer.merges, end_of_text=True)
    return replace(base, tokenizer=marked, weights=weights)
