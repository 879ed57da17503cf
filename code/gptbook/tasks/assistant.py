"""An assistant: a GPT that was trained on a text, and learns to answer.

In each row stands a conversation, and the loss looks at the answers only.
"""

import math
import statistics
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from gptbook.data.chat_template import CHAT_TEMPLATE, TEMPLATE_FILE
from gptbook.data.conversations import (
    AnswerRow,
    ConversationSet,
    inputs_and_targets,
    places_of_step,
)
from gptbook.data.sequences import NO_TARGET
from gptbook.data.tokenizer_files import save_tokenizer_file
from gptbook.files.whole_files import write_whole
from gptbook.models.gpt import GPT
from gptbook.models.modern import ModernGPT
from gptbook.models.sizes import sequences_at_once
from gptbook.tasks.assistant_recipes import AssistantRecipe
from gptbook.tasks.continued import (
    Weights,
    adapters_told,
    continued_memory,
    continued_model,
    continued_optimizer,
    continued_rate_scale,
    put_in,
)
from gptbook.tasks.continued_recipes import origin
from gptbook.training.loss import bits_per_byte
from gptbook.training.seeds import seeded
from gptbook.training.task import Task


class AssistantTask(Task):
    """A GPT that learns to answer, as conversations show it."""

    recipe: AssistantRecipe
    model: GPT | ModernGPT

    def __init__(
        self,
        recipe: AssistantRecipe,
        conversations: ConversationSet,
        weights: Weights | None = None,
    ) -> None:
        """Put the weights into a model; without them it waits for a saved run's."""
        self.recipe, self.conversations = recipe, conversations
        self.num_rows = recipe.batch_size
        self.warmup_steps = recipe.warmup_steps
        self.max_gradient_norm = recipe.max_gradient_norm
        self.evaluate_every = recipe.evaluate_every
        self.num_held_out = len(conversations.held_out)
        vocab_size = conversations.tokenizer.vocab_size
        self.uniform_loss = math.log(vocab_size)
        with seeded(recipe.seed):
            self.model = continued_model(recipe, vocab_size)
        put_in(self.model, weights)

    def new_optimizer(self) -> torch.optim.Optimizer:
        """As for a text that goes on."""
        return continued_optimizer(self.recipe, self.model)

    def rate_scale(self, step: int) -> float:
        """Up in a line, level, then down to zero; after a restart once more."""
        return continued_rate_scale(self.recipe, step)

    def loss(self, model: nn.Module, step: int, rows: slice) -> Tensor:
        """The mean surprise at the answers' tokens and ends, over the whole batch.

        Parts of a batch have more and fewer of them: what a part adds up is divided by
        the mean of all parts, so that the parts' mean is the mean over the batch.
        """
        places, training = self.places(step), self.conversations.training
        asked = sum(training[place].num_chosen for place in places)
        mine = [training[place] for place in places[rows]]
        total = summed_surprise(model, *self.on_device(mine))
        return total * (len(places) / len(mine)) / asked

    def places(self, step: int) -> list[int]:
        """Which conversations a step learns from."""
        num_rows = len(self.conversations.training)
        batch_size, seed = self.recipe.batch_size, self.recipe.seed
        return places_of_step(num_rows, batch_size, step, seed)

    def on_device(self, rows: Sequence[AnswerRow]) -> tuple[Tensor, Tensor]:
        """Inputs and targets of rows on the device. Shapes: (B, T)."""
        inputs, targets = inputs_and_targets(rows)
        return inputs.to(self.device), targets.to(self.device)

    def example(self, num_rows: int) -> Tensor:
        """Inputs of that many rows. Shape: (B, T)."""
        training = self.conversations.training
        return self.on_device([training[each] for each in self.places(0)[:num_rows]])[0]

    @torch.no_grad()
    def held_out_loss(
        self, rows_at_once: int, rank: int = 0, size: int = 1
    ) -> tuple[float, int]:
        """The surprise at the answers of conversations that are held out."""
        self.model.eval()
        mine = self.conversations.held_out[rank::size]
        total = 0.0
        for first in range(0, len(mine), rows_at_once):
            some = mine[first : first + rows_at_once]
            total += summed_surprise(self.model, *self.on_device(some)).item()
        return total, sum(row.num_chosen for row in mine)

    def rows_that_fit(self, share: int, memory_bytes: int, precision: str) -> int:
        """How many rows a device works on at a time; it divides the share.

        Raises ValueError if not even one fits.
        """
        vocab_size = self.conversations.tokenizer.vocab_size
        memory = continued_memory(self.recipe, self.model, vocab_size, precision)
        return sequences_at_once(memory, share, memory_bytes)

    def data_facts(self) -> dict[str, Any]:
        """Which conversations they are, by what they hold, not by where they lie."""
        return dict(self.conversations.facts)

    def save_beside(self, run_dir: Path) -> None:
        """Write the tokenizer, and the template that a program writes its rows by."""
        save_tokenizer_file(run_dir, self.conversations.tokenizer)
        write_whole(run_dir / TEMPLATE_FILE, CHAT_TEMPLATE.encode())

    def describe(self) -> Iterator[str]:
        """The model, the conversations, and from where it goes on."""
        recipe, facts = self.recipe, self.conversations.facts
        yield (
            f"{recipe.name}: a GPT in the {recipe.form} form, {recipe.num_layers} "
            f"blocks of {recipe.model_dim}, that sees {recipe.model_context_length:,} "
            "tokens"
        )
        rounds = recipe.num_steps * recipe.batch_size / facts["conversations"]
        yield (
            f"  learns from {facts['conversations']:,} conversations of "
            f"{facts['name']}, {rounds:.1f} times: the answers in them have "
            f"{facts['training_answer_tokens']:,} of {facts['training_tokens']:,} "
            f"tokens; {self.num_held_out:,} others are kept to measure with"
        )
        if left_out := self.conversations.num_left_out:
            yield (
                f"  {left_out:,} more are left out: no answer of theirs begins within "
                "the context"
            )
        for line in origin(recipe):
            yield f"  {line}"
        yield from adapters_told(recipe, self.model)

    def report(self, held_out_loss: float, losses: Sequence[float]) -> Iterator[str]:
        """The losses, and what to compare them with."""
        bits = bits_per_byte(held_out_loss, self.conversations.facts["bytes_per_token"])
        yield (
            f"  held-out loss  {held_out_loss:.3f} nats per token of the answers, "
            f"{bits:.3f} bits per byte, in conversations that it never saw "
            f"(uniform guess: {self.uniform_loss:.3f} nats)"
        )
        if losses:
            last = losses[-50:]
            yield f"  first batch    {losses[0]:.3f}, before the first step"
            yield (
                f"  training loss  {statistics.fmean(last):.3f} over the last "
                f"{len(last)} steps"
            )


def summed_surprise(model: nn.Module, inputs: Tensor, targets: Tensor) -> Tensor:
    """The surprise at all that is asked, added up, in nats.

    Shapes: inputs and targets (B, T), the result ().
    """
    logits = model(inputs).float()  # (B, T, V)
    return F.cross_entropy(
        logits.flatten(0, 1), targets.flatten(), reduction="sum", ignore_index=NO_TARGET
    )
