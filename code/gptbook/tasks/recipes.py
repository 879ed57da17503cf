"""Recipes: all that decides how a training run turns out, in one value."""

import math
from dataclasses import dataclass

from gptbook.training.recipe import Recipe

FORMS = ("modern", "speedrun", "gpt-2")
OPTIMIZERS = ("muon", "adamw")


@dataclass(frozen=True, kw_only=True)
class NamesRecipe(Recipe):
    """Learning to spell names, letter by letter."""

    names_file: str = ""
    """A CSV file with names to learn from; empty for the book's own city names."""
    column: str = ""
    """The column of that file which holds the names."""
    held_out: float = 0.1
    """The share of the different names that training never sees, to measure with."""
    dropout: float = 0.0
    """The share of hidden numbers that each step leaves out, by chance."""

    def __post_init__(self) -> None:
        """Raises ValueError, which names the field, for a value that cannot be."""
        super().__post_init__()
        check_share(self.held_out)
        if not 0 <= self.dropout < 1:
            raise ValueError(f"dropout is {self.dropout}: give 0 or more, below 1")
        if bool(self.names_file) != bool(self.column):
            raise ValueError(
                "names_file and column belong together: give both or neither"
            )


@dataclass(frozen=True, kw_only=True)
class NgramRecipe(NamesRecipe):
    """An n-gram net that learns to spell names."""

    context_length: int
    """How many letters the net looks back: 1 for a bigram, 2 for a trigram."""
    embedding_dim: int = 128
    """How many numbers describe a letter."""
    hidden_dim: int = 256
    """How wide each of the two hidden layers is."""
    num_steps: int = 400
    """How many times the net is moved downhill."""
    learning_rate: float = 3e-3
    """How far the first step goes; then the rate falls to zero along half a cosine."""
    batch_size: int = 2048
    """How many contexts a step learns from, where there are more of them than that."""


@dataclass(frozen=True, kw_only=True)
class GPTRecipe(NamesRecipe):
    """A GPT, in its modern form, that learns to spell names."""

    num_layers: int
    """How many blocks stand on one another."""
    num_heads: int = 4
    """How many attention heads work side by side in a block."""
    model_dim: int = 96
    """How many numbers describe a letter between blocks."""
    mlp_dim: int = 384
    """How many hidden units the MLP of a block has."""
    context_length: int = 64
    """How many letters the model can see; no name may be longer than that, less one."""
    batch_size: int = 256
    """How many names a step learns from, on average."""
    learning_rate: float = 0.02
    """How far a step moves the matrices in the blocks (Muon), at its height."""
    other_rate: float = 4e-3
    """The same for all other parameters (AdamW)."""
    warmup_steps: int = 50
    """Over how many steps the rates grow to their height; then they fall to zero."""


@dataclass(frozen=True, kw_only=True)
class ClubsRecipe(Recipe):
    """A model that learns the sentences of clubs and stadiums."""

    window: int = 0
    """How many words a net sees; 0 for attention, which sees all."""
    num_sentences: int = 20_000
    """How many sentences the grammar writes to learn from."""
    model_dim: int = 64
    """How many numbers describe a word."""
    num_heads: int = 2
    """How many attention heads work side by side."""
    batch_size: int = 64
    """How many sentences a step learns from, on average."""
    num_steps: int = 1500
    """How many times the model is moved downhill."""
    learning_rate: float = 4e-3
    """How far a step goes, at its height."""
    warmup_steps: int = 50
    """Over how many steps the rate grows to its height; then it falls to zero."""


@dataclass(frozen=True, kw_only=True)
class TokenizerRecipe(Recipe):
    """Merges for a byte-pair tokenizer, learned from docstrings or a text."""

    text_file: str = ""
    """Your own text: a file, a folder or an archive; empty for docstrings."""
    globs: str = ""
    """Which files of the folder or archive: patterns, one a line; empty for all."""
    field: str = ""
    """Which field of each JSON line is the text."""
    held_out: float = 0.1
    """The share of the texts that learning never sees, to measure with."""

    def __post_init__(self) -> None:
        """Raises ValueError, which names the field, for a value that cannot be."""
        super().__post_init__()
        check_share(self.held_out)


@dataclass(frozen=True, kw_only=True)
class ClassifierRecipe(Recipe):
    """The Iris net, which tells three species apart by four lengths."""

    num_steps: int = 200
    """How many times the net is moved downhill, each time looking at every flower."""
    learning_rate: float = 0.02
    """How far one step goes."""


def check_share(held_out: float) -> None:
    """Raise ValueError if a share to hold out leaves nothing on one side."""
    if not 0 < held_out < 1:
        raise ValueError(f"held_out is {held_out}: give a share between 0 and 1")


@dataclass(frozen=True, kw_only=True)
class TextRecipe(Recipe):
    """A GPT that learns to go on with a text."""

    data: str = ""
    """The folder of the prepared text."""
    form: str = "modern"
    """What the model is built like: modern, speedrun (with shortcuts), or gpt-2."""
    optimizer: str = "muon"
    """muon (for the matrices in blocks; AdamW for the rest), or adamw for all."""
    num_layers: int
    """How many blocks stand on one another."""
    num_heads: int
    """How many attention heads work side by side in a block."""
    model_dim: int
    """How many numbers describe a token between blocks."""
    mlp_dim: int
    """How many hidden units the MLP of a block has."""
    context_length: int
    """How many tokens the model can see."""
    batch_size: int
    """How many windows of that length a step learns from, over all devices."""
    learning_rate: float
    """How far a step moves the matrices in the blocks, at its height."""
    other_rate: float
    """The same for all other parameters; shortcuts go as far as matrices."""
    embedding_scale: float = 1.0
    """How many times as far a step moves the table that reads; needs muon."""
    warmup_steps: int
    """Over how many steps the rates grow to their height."""
    decay_share: float = 1.0
    """The share of all steps, the last ones, on which the rates fall to zero."""
    momentum_steps: int = 1
    """Over how many steps the momentum of Muon grows to its height."""
    weight_decay: float = 0.0
    """The share of each matrix that AdamW takes off, times the rate."""
    max_gradient_norm: float = 1.0
    """A longer gradient is shortened to this, so that one odd batch cannot throw it."""
    dropout: float = 0.0
    """The share of hidden numbers that each step leaves out, by chance."""
    evaluate_every: int
    """After how many steps the held-out loss is measured."""
    num_windows: int = 100
    """On how many held-out windows it is measured, always the same ones."""

    def __post_init__(self) -> None:
        """Raises ValueError, which names the field, for a value that cannot be."""
        super().__post_init__()
        for field, known in (("form", FORMS), ("optimizer", OPTIMIZERS)):
            if getattr(self, field) not in known:
                raise ValueError(
                    f"{field} is {getattr(self, field)}: give {' or '.join(known)}"
                )
        if not 0 <= self.dropout < 1:
            raise ValueError(f"dropout is {self.dropout}: give 0 or more, below 1")
        if self.form == "gpt-2" and self.dropout:
            raise ValueError("the form gpt-2 has no dropout here: leave it at 0")
        if not 0 < self.embedding_scale < math.inf:
            raise ValueError(
                f"embedding_scale is {self.embedding_scale}: give a number above 0"
            )
        if self.optimizer == "adamw" and self.embedding_scale != 1:
            raise ValueError("adamw has one rate for all: leave embedding_scale at 1")
        if not 0 < self.decay_share <= 1:
            raise ValueError(
                f"decay_share is {self.decay_share}: give more than 0, up to 1"
            )
        if not 0 <= self.weight_decay < 1:
            raise ValueError(f"weight_decay is {self.weight_decay}: give 0 to 1")
        if not self.max_gradient_norm > 0:
            raise ValueError(
                f"max_gradient_norm is {self.max_gradient_norm}: give more than 0"
            )
        if self.model_dim % self.num_heads:
            raise ValueError(
                f"model_dim ({self.model_dim}) is not a multiple of num_heads "
                f"({self.num_heads}): give all heads the same share"
            )

    @property
    def batch_tokens(self) -> int:
        """How many tokens a step learns from."""
        return self.batch_size * self.context_length

    @property
    def num_tokens(self) -> int:
        """How many tokens all steps learn from, together."""
        return self.num_steps * self.batch_tokens
