"""Training that goes on: from another model's weights, or after a run's own last step.

The data, the losses and the steps are those of any other run. What differs is where the
numbers come from that the first step moves, and that the rates may rise again.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

import torch
from torch import Tensor, nn

from gptbook.data.corpus import Corpus
from gptbook.data.sequences import padded
from gptbook.data.tokenizer import CharacterTokenizer
from gptbook.files.nearest_word import quoted
from gptbook.models.gpt import GPT
from gptbook.models.lora import add_adapters
from gptbook.models.modern import ModernGPT
from gptbook.models.ngram import context_windows, unique_contexts
from gptbook.models.sizes import TrainingMemory, sequences_at_once, training_memory
from gptbook.tasks.continued_recipes import (
    ContinuedGPTRecipe,
    ContinuedNgramRecipe,
    ContinuedTextRecipe,
    LoRATextRecipe,
    origin,
    with_whole_context,
)
from gptbook.tasks.names import GPTNames, NamesTask, NgramNames, gpt_config, names_model
from gptbook.tasks.text import TextTask, text_model, text_optimizer
from gptbook.training.optim import half_cosine, trapezoid, warmup_then_decay
from gptbook.training.recipe import Recipe
from gptbook.training.seeds import seeded

Weights = Mapping[str, Tensor]


class ContinuedText(TextTask):
    """A GPT that was trained before, whole or with adapters, on a text."""

    recipe: ContinuedTextRecipe

    def __init__(
        self,
        recipe: ContinuedTextRecipe,
        corpus: Corpus | None = None,
        weights: Weights | None = None,
    ) -> None:
        """Open the text, put the weights into the model.

        Without weights it waits for those of a saved run. Raises ValueError if the text
        is too short for a window.
        """
        with torch.device("meta"):  # that model is replaced: no numbers are drawn
            super().__init__(recipe, corpus)
        with seeded(recipe.seed):
            self.model = continued_model(recipe, self.corpus.vocab_size)
        put_in(self.model, weights)

    def new_optimizer(self) -> torch.optim.Optimizer:
        """As for any text; of adapters, AdamW for them alone."""
        return continued_optimizer(self.recipe, self.model)

    def rate_scale(self, step: int) -> float:
        """Up in a line, level, then down to zero; after a restart once more."""
        return continued_rate_scale(self.recipe, step)

    def rows_that_fit(self, share: int, memory_bytes: int, precision: str) -> int:
        """How many windows at a time; what is frozen needs no gradient and no memory.

        Raises ValueError if not even one fits.
        """
        vocab_size = self.corpus.vocab_size
        memory = continued_memory(self.recipe, self.model, vocab_size, precision)
        return sequences_at_once(memory, share, memory_bytes)

    def describe(self) -> Iterator[str]:
        """The model and the text, and from where it goes on."""
        recipe = self.recipe
        yield from with_origin(super().describe(), recipe)
        if recipe.model_context_length > recipe.context_length:
            yield (
                f"  learns in windows of {recipe.context_length:,} tokens; when it "
                f"writes, it sees {recipe.model_context_length:,}"
            )
        yield from adapters_told(recipe, self.model)

    def report(self, held_out_loss: float, losses: Sequence[float]) -> Iterator[str]:
        """The losses, and what to compare them with."""
        yield from super().report(held_out_loss, losses)
        if self.recipe.starts_from and losses:
            yield f"  first batch    {losses[0]:.3f}, before the first step"


class ContinuedGPTNames(GPTNames):
    """A GPT that has learned to spell names, and goes on with others."""

    recipe: ContinuedGPTRecipe

    def __init__(
        self,
        recipe: ContinuedGPTRecipe,
        letters: CharacterTokenizer,
        weights: Weights | None = None,
    ) -> None:
        """Read the names, in the letters of the model that it goes on with.

        Raises ValueError as `GPTNames` does, or for a letter that is none of those.
        """
        super().__init__(recipe)
        know_letters(self, letters)
        self.inputs, self.targets = padded(
            [self.tokenizer.encode(name) for name in self.training]
        )
        put_in(self.model, weights)

    def rate_scale(self, step: int) -> float:
        """Up in a line, then down to zero; after a restart once more."""
        start, end = self.recipe.leg(step)
        return warmup_then_decay(step - start, end - start, self.recipe.warmup_steps)

    def describe(self) -> Iterator[str]:
        """What reads the letters, and from where it goes on."""
        return with_origin(super().describe(), self.recipe)


class ContinuedNgramNames(NgramNames):
    """An n-gram net that has learned to spell names, and goes on with others."""

    recipe: ContinuedNgramRecipe

    def __init__(
        self,
        recipe: ContinuedNgramRecipe,
        letters: CharacterTokenizer,
        weights: Weights | None = None,
    ) -> None:
        """Count contexts, in the letters of the net that it goes on with.

        Raises ValueError as `NgramNames` does, or for a letter that is none of those.
        """
        super().__init__(recipe)
        know_letters(self, letters)
        windows = context_windows(self.training, self.tokenizer, recipe.context_length)
        self.contexts, self.counts = unique_contexts(*windows, letters.vocab_size)
        self.occurrences = self.counts.sum(dim=1, dtype=torch.float64)
        put_in(self.model, weights)

    def rate_scale(self, step: int) -> float:
        """Half a cosine, from one down to zero; after a restart once more."""
        start, end = self.recipe.leg(step)
        return half_cosine(step - start, end - start)

    def describe(self) -> Iterator[str]:
        """What reads the letters, and from where it goes on."""
        return with_origin(super().describe(), self.recipe)


def with_origin(lines: Iterator[str], recipe: Recipe) -> Iterator[str]:
    """The description of a task, and from where it goes on."""
    yield from lines
    for line in origin(recipe):
        yield f"  {line}"


def know_letters(task: NamesTask, letters: CharacterTokenizer) -> None:
    """Let a task spell in these letters, which may be more than its names have.

    Raises ValueError, which names it, for a letter of its names that is none of them.
    """
    recipe = task.recipe
    for name in task.names:
        if strange := set(name) - set(letters.characters):
            raise ValueError(
                f'"{name}" in {recipe.names_file} has {quoted(min(strange))}, which '
                "is no letter of the model to go on with: leave such names out, or "
                "train from the start, without --from"
            )
    task.tokenizer = letters
    task.uniform_loss = math.log(letters.vocab_size)
    with seeded(recipe.seed):
        task.model = names_model(recipe, letters.vocab_size)


def continued_model(recipe: ContinuedTextRecipe, vocab_size: int) -> GPT | ModernGPT:
    """A new model of the recipe's form and sizes, with adapters if it has some."""
    model = text_model(with_whole_context(recipe), vocab_size)
    if isinstance(recipe, LoRATextRecipe):
        add_adapters(model, recipe.lora_rank, recipe.lora_alpha)
    return model


def adapters_told(recipe: ContinuedTextRecipe, model: nn.Module) -> Iterator[str]:
    """How much learns, if that is adapters only."""
    if isinstance(recipe, LoRATextRecipe):
        yield (
            f"  {num_learned(model):,} numbers learn, in adapters; the weights beside "
            "them stay"
        )


def continued_optimizer(
    recipe: ContinuedTextRecipe, model: nn.Module
) -> torch.optim.Optimizer:
    """That of any text; of adapters, AdamW for them alone."""
    if not isinstance(recipe, LoRATextRecipe):
        return text_optimizer(recipe, model)
    learned = [p for p in model.parameters() if p.requires_grad]
    group = {"params": learned, "rate": recipe.learning_rate}
    return torch.optim.AdamW([group], betas=(0.9, 0.95), weight_decay=0.0, fused=True)


def continued_rate_scale(recipe: ContinuedTextRecipe, step: int) -> float:
    """Up in a line, level, then down to zero; after a restart once more."""
    start, end = recipe.leg(step)
    return trapezoid(step - start, end - start, recipe.warmup_steps, recipe.decay_share)


def continued_memory(
    recipe: ContinuedTextRecipe, model: nn.Module, vocab_size: int, precision: str
) -> TrainingMemory:
    """Where the memory goes; what is frozen needs no gradient and no memory."""
    kind = (recipe.form, recipe.optimizer, precision)
    memory = training_memory(gpt_config(recipe, vocab_size), *kind)
    if not isinstance(recipe, LoRATextRecipe):
        return memory
    return with_few_learned(memory, num_learned(model))


def put_in(model: nn.Module, weights: Weights | None) -> None:
    """Let a model have these weights; adapters, which they lack, stay as they began."""
    if weights is None:
        return
    missing, unexpected = model.load_state_dict(weights, strict=False)
    assert not unexpected, unexpected
    assert all(name.endswith((".down", ".up")) for name in missing), missing


def with_few_learned(memory: TrainingMemory, learned: int) -> TrainingMemory:
    """The memory for training by AdamW where only so many numbers learn."""
    return replace(memory, gradients=4 * learned, optimizer=8 * learned)


def num_learned(model: nn.Module) -> int:
    """How many numbers of a model training moves."""
    return sum(p.numel() for p in model.parameters() if p.requires_grad)
