"""Names, spelled letter by letter: by a net that sees a few letters, or by a GPT."""

import hashlib
import math
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from gptbook.data.sequences import padded, sequence_batch
from gptbook.data.tables import city_names, read_names, split_names
from gptbook.data.tokenizer import CharacterTokenizer
from gptbook.files.text_files import in_alphabet
from gptbook.generation.generate import generate_name, generate_tokens
from gptbook.machine.device import available_memory
from gptbook.models.gpt import GPTConfig
from gptbook.models.modern import ModernGPT
from gptbook.models.ngram import (
    NgramNet,
    context_keys,
    context_windows,
    unique_contexts,
)
from gptbook.tasks.recipes import GPTRecipe, NamesRecipe, NgramRecipe, TextRecipe
from gptbook.training.loops import draw_rows
from gptbook.training.loss import conditional_entropy, count_loss, next_token_loss
from gptbook.training.measure import mean_surprise, sequence_loss
from gptbook.training.optim import MuonAdamW, muon_groups, warmup_then_decay
from gptbook.training.seeds import seeded
from gptbook.training.task import Task

FEWEST_NAMES = 20
NAME_MEASUREMENTS = 10  # of the held-out loss, in a run on names


class NamesTask(Task):
    """Names to learn from, and others that training never sees."""

    recipe: NamesRecipe
    model: NgramNet | ModernGPT

    def __init__(self, recipe: NamesRecipe) -> None:
        """Read and split the names, start the model.

        Raises ValueError for too few names, or one longer than the model's context.
        """
        self.recipe = recipe
        self.names = names_for(recipe)
        if isinstance(recipe, GPTRecipe):
            check_lengths(self.names, recipe.context_length)
        self.training, self.held_out = split_names(self.names, recipe.held_out)
        self.tokenizer = CharacterTokenizer.from_texts(self.names)
        self.uniform_loss = math.log(self.tokenizer.vocab_size)
        self.evaluate_every = max(1, recipe.num_steps // NAME_MEASUREMENTS)
        self.num_held_out = len(self.held_out)
        with seeded(recipe.seed):
            self.model = names_model(recipe, self.tokenizer.vocab_size)

    def data_facts(self) -> dict[str, Any]:
        """Alphabet and longest name, for sampling; a fingerprint of the names."""
        text = "\n".join(sorted(self.names))
        return {
            "alphabet": self.tokenizer.characters,
            "num_names": len(self.names),
            "longest_name": max(map(len, self.names)),
            "names_sha256": hashlib.sha256(text.encode()).hexdigest(),
        }

    def surprise_at(self, names: list[str]) -> float:
        """The model's mean surprise at names, in nats per position.

        Raises ValueError for a letter that is not in the alphabet, or a name longer
        than the model's context.
        """
        return surprise_at(self.model, self.tokenizer, names)

    def held_out_loss(
        self, rows_at_once: int, rank: int = 0, size: int = 1
    ) -> tuple[float, int]:
        """The mean surprise at all names that are held out; no team shares them."""
        return self.surprise_at(self.held_out), 1

    def write(self, start: str, count: int, generator: torch.Generator) -> list[str]:
        """Names that begin so. Raises ValueError for a letter that it does not know."""
        longest = max(map(len, self.names))
        how = (self.tokenizer, longest, start, count, generator)
        return write_names(self.model, *how)

    def describe(self) -> Iterator[str]:
        """What reads the letters, and how many names it learns from."""
        recipe = self.recipe
        if isinstance(recipe, GPTRecipe):
            blocks = recipe.num_layers
            stack = "1 block" if blocks == 1 else f"{blocks} blocks"
            yield f"{recipe.name}: a GPT of {stack} that reads all letters so far"
        elif isinstance(recipe, NgramRecipe):
            letters = recipe.context_length
            window = "1 letter" if letters == 1 else f"{letters} letters"
            yield f"{recipe.name}: a net that reads {window} and predicts the next one"
        yield (
            f"  learns from {len(self.training):,} names; "
            f"{len(self.held_out):,} others are kept to measure with"
        )

    def report(self, held_out_loss: float, losses: Sequence[float]) -> Iterator[str]:
        """The losses, and what to compare them with."""
        yield (
            f"  held-out loss  {held_out_loss:.3f} nats per position, on "
            f"{len(self.held_out):,} names that it never saw "
            f"(uniform guess: {self.uniform_loss:.3f})"
        )
        yield f"  training loss  {self.surprise_at(self.training):.3f}{self.beside()}"

    def beside(self) -> str:
        """What the training loss cannot go below, where that is known."""
        return ""


class NgramNames(NamesTask):
    """An n-gram net that learns to spell names, from all contexts and their counts."""

    recipe: NgramRecipe
    model: NgramNet

    def __init__(self, recipe: NgramRecipe) -> None:
        """Count what follows each context. Raises ValueError as `NamesTask` does."""
        super().__init__(recipe)
        windows = context_windows(self.training, self.tokenizer, recipe.context_length)
        check_memory(windows[0], self.tokenizer.vocab_size)
        self.contexts, self.counts = unique_contexts(
            *windows, self.tokenizer.vocab_size
        )
        self.occurrences = self.counts.sum(dim=1, dtype=torch.float64)

    def new_optimizer(self) -> torch.optim.Optimizer:
        """Adam for all parameters."""
        rate = self.recipe.learning_rate
        return torch.optim.Adam([{"params": self.model.parameters(), "rate": rate}])

    def loss(self, model: nn.Module, step: int, rows: slice) -> Tensor:
        """All contexts at once where they are few; else a batch of them."""
        if len(self.contexts) <= self.recipe.batch_size:
            return count_loss(model(self.contexts), self.counts)
        drawn = draw_rows(self.occurrences, self.recipe.batch_size)
        shares = self.counts[drawn] / self.counts[drawn].sum(dim=1, keepdim=True)
        return count_loss(model(self.contexts[drawn]), shares)

    def rate_scale(self, step: int) -> float:
        """Half a cosine, from one down to zero."""
        return (1 + math.cos(math.pi * step / self.recipe.num_steps)) / 2

    def beside(self) -> str:
        """The floor of the training loss: the entropy of what follows the contexts."""
        floor = conditional_entropy(self.counts)
        return f"; no model with this context can be below {floor:.3f}"


class GPTNames(NamesTask):
    """A GPT that learns to spell names, every position of each at once."""

    recipe: GPTRecipe
    model: ModernGPT

    def __init__(self, recipe: GPTRecipe) -> None:
        """Names as sequences of tokens. Raises ValueError as `NamesTask` does."""
        super().__init__(recipe)
        self.warmup_steps = recipe.warmup_steps
        self.inputs, self.targets = padded(
            [self.tokenizer.encode(name) for name in self.training]
        )

    def new_optimizer(self) -> torch.optim.Optimizer:
        """Muon for the matrices in blocks, AdamW for all else."""
        rates = (self.recipe.learning_rate, self.recipe.other_rate)
        return MuonAdamW(muon_groups(self.model, *rates))

    def loss(self, model: nn.Module, step: int, rows: slice) -> Tensor:
        """A batch of names, every position of each."""
        of_step = (step, self.recipe.batch_size, self.recipe.seed)
        batch, wanted = sequence_batch(self.inputs, self.targets, *of_step)
        return next_token_loss(model(batch), wanted)

    def rate_scale(self, step: int) -> float:
        """Up in a line, then down to zero."""
        return warmup_then_decay(step, self.recipe.num_steps, self.recipe.warmup_steps)


def names_for(recipe: NamesRecipe) -> list[str]:
    """The names that a recipe learns from. Raises ValueError if they are too few."""
    if not recipe.names_file:
        return city_names()
    names = read_names(recipe.names_file, recipe.column)
    if len(names) < FEWEST_NAMES:
        raise ValueError(
            f'column "{recipe.column}" of {recipe.names_file} has '
            f"{len(names)} different names: give at least {FEWEST_NAMES}, "
            f"better {FEWEST_NAMES * 25} or more"
        )
    return names


def check_memory(contexts: Tensor, vocab_size: int) -> None:
    """Raise ValueError if a table of contexts times symbols does not fit into memory.

    Shape: contexts (P, C). A table of counts, its copy in a batch, and the scores.
    """
    num_contexts = len(context_keys(contexts, vocab_size).unique())
    num_bytes = 3 * 4 * num_contexts * vocab_size
    if num_bytes > available_memory():
        raise ValueError(
            f"these names have {vocab_size:,} different letters in {num_contexts:,} "
            f"contexts, and counting takes {num_bytes / 2**30:,.1f} GB of memory: give "
            "fewer names, or names in one script"
        )


def check_lengths(names: Iterable[str], context_length: int) -> None:
    """Raise ValueError if a name and its mark do not fit into a GPT's context."""
    longest = max(names, key=len)
    if len(longest) >= context_length:
        raise ValueError(
            f'"{longest}" has {len(longest)} letters, and a context of '
            f"{context_length} has room for {context_length - 1}: "
            "leave it out or make it shorter"
        )


def gpt_config(recipe: GPTRecipe | TextRecipe, vocab_size: int) -> GPTConfig:
    """The sizes of a recipe's GPT, for that many different tokens."""
    return GPTConfig(
        vocab_size=vocab_size,
        context_length=recipe.context_length,
        num_layers=recipe.num_layers,
        num_heads=recipe.num_heads,
        model_dim=recipe.model_dim,
        mlp_dim=recipe.mlp_dim,
    )


def names_model(recipe: NamesRecipe, vocab_size: int) -> NgramNet | ModernGPT:
    """A new model of the recipe's kind and sizes."""
    if isinstance(recipe, GPTRecipe):
        return ModernGPT(gpt_config(recipe, vocab_size), recipe.dropout)
    assert isinstance(recipe, NgramRecipe)
    return NgramNet(
        vocab_size,
        recipe.context_length,
        recipe.embedding_dim,
        recipe.hidden_dim,
        recipe.dropout,
    )


def surprise_at(
    model: NgramNet | ModernGPT, letters: CharacterTokenizer, names: list[str]
) -> float:
    """The mean surprise of a model at names, in nats per position.

    Raises ValueError for a letter that is not in the alphabet, or a name longer than a
    GPT's context.
    """
    model.eval()
    if isinstance(model, NgramNet):
        windows = context_windows(names, letters, model.context_length)
        return mean_surprise(model, *windows)
    check_lengths(names, model.config.context_length)
    return sequence_loss(model, *padded([letters.encode(name) for name in names]))


def write_names(
    model: NgramNet | ModernGPT,
    letters: CharacterTokenizer,
    longest_name: int,
    start: str,
    count: int,
    generator: torch.Generator,
) -> list[str]:
    """Names that begin with `start`, as the model writes them.

    Raises ValueError for a letter that the model does not know, or a start that does
    not fit into its context.
    """
    model.eval()
    start = in_alphabet(start, letters.characters)
    # Twice the longest name it learned from: what rambles must end somewhere.
    longest = max(2 * longest_name, len(start))
    if isinstance(model, NgramNet):
        how = (letters, model.context_length, generator, start, longest)
        return [generate_name(model, *how) for _ in range(count)]
    check_lengths([start], model.config.context_length)
    begun, room = [0, *letters.encode(start)], max(1, longest - len(start))
    names = []
    for _ in range(count):
        new = generate_tokens(model, begun, room, generator=generator, stop_token=0)
        names.append(letters.decode(begun + new))
    return names
