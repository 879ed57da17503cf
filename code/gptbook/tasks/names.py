"""What the command line trains: a net that spells names, and one that names flowers."""

import hashlib
import math
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from gptbook.data.tables import city_names, read_names, split_names
from gptbook.data.tokenizer import CharacterTokenizer
from gptbook.machine.device import available_memory
from gptbook.models.ngram import (
    NgramNet,
    context_keys,
    context_windows,
    unique_contexts,
)
from gptbook.tasks.recipes import NamesRecipe, NgramRecipe
from gptbook.training.loops import draw_rows
from gptbook.training.loss import conditional_entropy, count_loss
from gptbook.training.measure import mean_surprise
from gptbook.training.run import Run
from gptbook.training.seeds import seeded

FEWEST_NAMES = 20


class SpellingRun(Run):
    """An n-gram net on its way to spelling names."""

    recipe: NgramRecipe
    model: NgramNet

    def __init__(self, recipe: NgramRecipe) -> None:
        """Read and split the names, start the net. Raises ValueError for too few."""
        super().__init__()
        self.recipe = recipe
        self.names = names_for(recipe)
        self.training, self.held_out = split_names(self.names, recipe.held_out)
        self.tokenizer = CharacterTokenizer.from_texts(self.names)
        windows = context_windows(self.training, self.tokenizer, recipe.context_length)
        check_memory(windows[0], self.tokenizer.vocab_size)
        self.contexts, self.counts = unique_contexts(
            *windows, self.tokenizer.vocab_size
        )
        self.occurrences = self.counts.sum(dim=1, dtype=torch.float64)
        with seeded(recipe.seed):
            self.model = net_for(recipe, self.tokenizer)
        self.optimizer = torch.optim.Adam(self.model.parameters())

    def loss_at(self, step: int) -> Tensor:
        """All contexts at once where they are few; else a batch of them."""
        if len(self.contexts) <= self.recipe.batch_size:
            return count_loss(self.model(self.contexts), self.counts)
        rows = draw_rows(self.occurrences, self.recipe.batch_size)
        shares = self.counts[rows] / self.counts[rows].sum(dim=1, keepdim=True)
        return count_loss(self.model(self.contexts[rows]), shares)

    def rate_at(self, step: int) -> float:
        """Half a cosine, from the recipe's rate down to zero."""
        fading = (1 + math.cos(math.pi * step / self.recipe.num_steps)) / 2
        return self.recipe.learning_rate * fading

    def data_facts(self) -> dict[str, Any]:
        """Alphabet and longest name, for sampling; a fingerprint of the names."""
        return names_facts(self.names, self.tokenizer)

    def surprise_at(self, names: list[str]) -> float:
        """The mean surprise at names, in nats per position.

        Raises ValueError for a letter that is not in the alphabet.
        """
        windows = context_windows(names, self.tokenizer, self.recipe.context_length)
        return mean_surprise(self.model, *windows)

    def measure(self) -> dict[str, float]:
        """Losses in nats per position.

        The floor is the least training loss that any model of this context can have.
        """
        return {
            "held-out loss": self.surprise_at(self.held_out),
            "training loss": self.surprise_at(self.training),
            "floor": conditional_entropy(self.counts),
            "uniform guess": math.log(self.tokenizer.vocab_size),
        }

    def describe(self) -> Iterator[str]:
        """The net, and how many names it learns from."""
        letters = self.recipe.context_length
        window = "1 letter" if letters == 1 else f"{letters} letters"
        yield f"{self.recipe.name}: a net that reads {window} and predicts the next one"
        yield (
            f"  learns from {len(self.training):,} names; "
            f"{len(self.held_out):,} others are kept to measure with"
        )

    def report(self) -> Iterator[str]:
        """The losses, and what to compare them with."""
        found = self.measure()
        yield (
            f"  held-out loss  {found['held-out loss']:.3f} nats per position, "
            f"on {len(self.held_out):,} names that it never saw "
            f"(uniform guess: {found['uniform guess']:.3f})"
        )
        yield (
            f"  training loss  {found['training loss']:.3f}; "
            f"no model with this context can be below {found['floor']:.3f}"
        )


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


def names_facts(names: list[str], tokenizer: CharacterTokenizer) -> dict[str, Any]:
    """Alphabet and longest name, for sampling; a fingerprint of the names."""
    text = "\n".join(sorted(names))
    return {
        "alphabet": tokenizer.characters,
        "num_names": len(names),
        "longest_name": max(map(len, names)),
        "names_sha256": hashlib.sha256(text.encode()).hexdigest(),
    }


def net_for(recipe: NgramRecipe, tokenizer: CharacterTokenizer) -> NgramNet:
    """A new net of the recipe's sizes."""
    return NgramNet(
        tokenizer.vocab_size,
        recipe.context_length,
        recipe.embedding_dim,
        recipe.hidden_dim,
        recipe.dropout,
    )
