"""A text: a GPT that learns to go on with it, in any form and of any size."""

import math
import statistics
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from gptbook.data.batches import check_long_enough
from gptbook.data.corpus import Corpus, open_corpus
from gptbook.data.tokenizer_files import save_tokenizer_file
from gptbook.generation.sampling import continue_text
from gptbook.models.gpt import GPT
from gptbook.models.modern import ModernGPT
from gptbook.models.sizes import sequences_at_once, training_memory
from gptbook.models.speedrun import SpeedrunGPT
from gptbook.tasks.names import gpt_config
from gptbook.tasks.recipes import TextRecipe
from gptbook.training.loss import bits_per_byte, next_token_loss
from gptbook.training.optim import (
    FusedMuonAdamW,
    WarmedMuonAdamW,
    muon_groups,
    trapezoid,
)
from gptbook.training.seeds import seeded
from gptbook.training.task import Task

NUM_WRITTEN = 300  # tokens of a sample
TEXT_FORMS = {"modern": ModernGPT, "speedrun": SpeedrunGPT}


class TextTask(Task):
    """A GPT that learns to go on with a text."""

    recipe: TextRecipe
    model: GPT | ModernGPT

    def __init__(self, recipe: TextRecipe, corpus: Corpus | None = None) -> None:
        """Open the text, start the model.

        Raises ValueError if the text is too short for the context.
        """
        self.recipe = recipe
        self.corpus = corpus or open_corpus(Path(recipe.data))
        check_long_enough(len(self.corpus.training), recipe.context_length)
        check_long_enough(len(self.corpus.held_out), recipe.context_length)
        self.num_rows = recipe.batch_size
        self.tokens_per_step = recipe.batch_tokens
        self.warmup_steps = recipe.warmup_steps
        self.max_gradient_norm = recipe.max_gradient_norm
        self.evaluate_every = recipe.evaluate_every
        fitting = (len(self.corpus.held_out) - 1) // recipe.context_length
        self.num_held_out = min(recipe.num_windows, fitting)
        self.uniform_loss = math.log(self.corpus.vocab_size)
        with seeded(recipe.seed):
            self.model = text_model(recipe, self.corpus.vocab_size)

    def new_optimizer(self) -> torch.optim.Optimizer:
        """Muon and AdamW, or AdamW for all, as the recipe says."""
        return text_optimizer(self.recipe, self.model)

    def loss(self, model: nn.Module, step: int, rows: slice) -> Tensor:
        """The surprise at what comes next, at every position of some windows."""
        inputs, targets = self.batch(step, rows)
        return next_token_loss(model(inputs).float(), targets)

    def batch(self, step: int, rows: slice) -> tuple[Tensor, Tensor]:
        """Inputs and targets on the device. Shapes: (B, T)."""
        sizes = (self.recipe.context_length, self.recipe.batch_size)
        batch = self.corpus.batch(*sizes, step, self.recipe.seed, rows)
        return batch[0].to(self.device), batch[1].to(self.device)

    def example(self, num_rows: int) -> Tensor:
        """Inputs of that many windows. Shape: (B, T)."""
        return self.batch(0, slice(0, num_rows))[0]

    def rate_scale(self, step: int) -> float:
        """Up in a line, level, then down to zero."""
        recipe = self.recipe
        shape = (recipe.num_steps, recipe.warmup_steps, recipe.decay_share)
        return trapezoid(step, *shape)

    @torch.no_grad()
    def held_out_loss(
        self, rows_at_once: int, rank: int = 0, size: int = 1
    ) -> tuple[float, int]:
        """The surprise at windows of held-out text, always the same ones."""
        self.model.eval()
        sizes = (self.recipe.context_length, self.recipe.num_windows)
        inputs, targets = self.corpus.held_out_windows(*sizes)
        mine = torch.arange(len(inputs))[rank::size]
        total = 0.0
        # Of no windows, `split` would make one part, whose mean is no number.
        for rows in mine.split(rows_at_once) if len(mine) else ():
            logits = self.model(inputs[rows].to(self.device))
            asked = targets[rows].to(self.device)
            total += next_token_loss(logits.float(), asked).item() * len(rows)
        return total, len(mine)

    def rows_that_fit(self, share: int, memory_bytes: int, precision: str) -> int:
        """How many windows a device works on at a time; it divides the share.

        Raises ValueError if not even one fits.
        """
        config = gpt_config(self.recipe, self.corpus.vocab_size)
        kind = (self.recipe.form, self.recipe.optimizer, precision)
        memory = training_memory(config, *kind)
        return sequences_at_once(memory, share, memory_bytes)

    def data_facts(self) -> dict[str, Any]:
        """Which text it is, by what it holds, not by where it lies."""
        names = ("name", "vocab_size", "training_tokens", "bytes_per_token")
        digests = ("training_sha256", "held_out_sha256", "tokenizer_sha256")
        return {key: self.corpus.facts[key] for key in (*names, *digests)}

    def save_beside(self, run_dir: Path) -> None:
        """Write the tokenizer."""
        save_tokenizer_file(run_dir, self.corpus.tokenizer)

    def write(self, start: str, count: int, generator: torch.Generator) -> list[str]:
        """What follows the text. Raises ValueError for what is in no text it knows."""
        how = (self.model.eval(), self.corpus.tokenizer, start, NUM_WRITTEN)
        return ["".join(continue_text(*how, generator=generator)) for _ in range(count)]

    def describe(self) -> Iterator[str]:
        """The model and the text."""
        recipe, corpus = self.recipe, self.corpus
        yield (
            f"{recipe.name}: a GPT in the {recipe.form} form, {recipe.num_layers} "
            f"blocks of {recipe.model_dim}, that sees {recipe.context_length:,} tokens"
        )
        yield (
            f"  learns from {len(corpus.training):,} tokens of {corpus.facts['name']}, "
            f"{recipe.num_tokens / len(corpus.training):.1f} times; "
            f"{len(corpus.held_out):,} others are kept to measure with"
        )

    def report(self, held_out_loss: float, losses: Sequence[float]) -> Iterator[str]:
        """The losses, and what to compare them with."""
        bits = bits_per_byte(held_out_loss, self.corpus.bytes_per_token)
        yield (
            f"  held-out loss  {held_out_loss:.3f} nats per token, {bits:.3f} bits per "
            "byte, on text that it never saw "
            f"(uniform guess: {self.uniform_loss:.3f} nats)"
        )
        if last := losses[-50:]:
            mean = statistics.fmean(last)
            yield f"  training loss  {mean:.3f} over the last {len(last)} steps"


def text_model(recipe: TextRecipe, vocab_size: int) -> GPT | ModernGPT:
    """A new model of the recipe's form and sizes."""
    config = gpt_config(recipe, vocab_size)
    if recipe.form == "gpt-2":
        return GPT(config)
    return TEXT_FORMS[recipe.form](config, recipe.dropout)


def text_optimizer(recipe: TextRecipe, model: nn.Module) -> torch.optim.Optimizer:
    """The optimizer of a recipe; every group has its own "rate", for a schedule."""
    if recipe.optimizer == "muon":
        return muon_for_text(recipe, model)
    matrices = [p for p in model.parameters() if p.ndim >= 2]
    others = [p for p in model.parameters() if p.ndim < 2]
    groups = [  # norms and biases are not pulled towards zero
        {"params": matrices, "rate": recipe.learning_rate},
        {"params": others, "rate": recipe.other_rate, "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(
        [group for group in groups if group["params"]],
        betas=(0.9, 0.95),
        weight_decay=recipe.weight_decay,
        fused=True,
    )


def muon_for_text(recipe: TextRecipe, model: nn.Module) -> FusedMuonAdamW:
    """Muon for the matrices in blocks, AdamW for the rest, each at its own rate.

    The table that reads goes further than the one that predicts: it is brought to one
    length where it is read, so a short step would do little. Source: modded-nanogpt,
    records 8 (a rate apart) and 11 (what shares of a `SpeedrunGPT` get).
    """
    matrices, *rest = muon_groups(model, recipe.learning_rate, recipe.other_rate)
    reading = model.get_parameter("token_embedding.weight")
    by_rate: dict[float, list[nn.Parameter]] = defaultdict(list)
    for parameter in (each for group in rest for each in group["params"]):
        rate = recipe.other_rate
        if parameter is reading:
            rate *= recipe.embedding_scale
        elif parameter.ndim < 2 and isinstance(model, SpeedrunGPT):
            rate = recipe.learning_rate
        by_rate[rate].append(parameter)
    groups = [{"params": some, "rate": rate} for rate, some in by_rate.items()]
    if recipe.momentum_steps == 1:
        return FusedMuonAdamW([matrices, *groups])
    matrices["momentum_steps"] = recipe.momentum_steps
    return WarmedMuonAdamW([matrices, *groups])
