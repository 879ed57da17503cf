"""Recipes: all that decides how a training run turns out, in one value."""

import math
from dataclasses import dataclass, fields, replace

LARGEST_NUMBER = 2**32 - 1  # of seeds and sizes; more would not fit where they go


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """What every training run needs to know."""

    name: str
    """The word for it on the command line, such as city-bigram."""
    num_steps: int
    """How many steps it has; in most, the model is moved downhill once."""
    seed: int = 0
    """Draws the numbers that the model starts from, and the batches."""

    def __post_init__(self) -> None:
        """Raises ValueError, which names the field, for a value that cannot be."""
        for field in fields(self):
            value = getattr(self, field.name)
            least = 0 if field.name in ("seed", "window") else 1
            if isinstance(value, int) and not least <= value <= LARGEST_NUMBER:
                raise ValueError(
                    f"{field.name} is {value}: give {least} to {LARGEST_NUMBER}"
                )
            if field.name.endswith("_rate") and not 0 < value < math.inf:
                raise ValueError(
                    f"{field.name} is {value}: give a number above 0, such as 0.003"
                )


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
    """A model that learns the sentences of clubs and grounds."""

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
    """A text file to learn from; empty for the docstrings of installed libraries."""
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


def city_bigram() -> NgramRecipe:
    """City names, one letter of context."""
    return NgramRecipe(name="city-bigram", context_length=1)


def city_trigram() -> NgramRecipe:
    """City names, two letters of context."""
    return replace(city_bigram(), name="city-trigram", context_length=2)


def city_4gram() -> NgramRecipe:
    """City names, three letters of context.

    There are thousands of contexts now, many of them rare: leaving a part of the net
    out at each step keeps it from learning them by heart, and needs more steps.
    """
    return replace(
        city_trigram(),
        name="city-4gram",
        context_length=3,
        embedding_dim=32,
        dropout=0.3,
        num_steps=2000,
        learning_rate=4e-3,
        batch_size=1024,
    )


def city_attention() -> GPTRecipe:
    """City names, one block: each letter looks back at all that came before."""
    return replace(city_gpt(), name="city-attention", num_layers=1, dropout=0.1)


def city_gpt() -> GPTRecipe:
    """City names, the whole model: the last rung of the book's ladder."""
    return GPTRecipe(
        name="city-gpt", num_layers=4, num_steps=3000, learning_rate=0.015, dropout=0.2
    )


def clubs_attention() -> ClubsRecipe:
    """Clubs and their grounds, however far apart: attention, and nothing else."""
    return ClubsRecipe(name="clubs-attention")


def clubs_8gram() -> ClubsRecipe:
    """The same sentences with a net that sees seven words, and fails beyond them."""
    return replace(clubs_attention(), name="clubs-8gram", window=7)


def docstrings_bpe() -> TokenizerRecipe:
    """A byte-pair tokenizer of the docstrings of the installed libraries."""
    return TokenizerRecipe(name="docstrings-bpe", num_steps=2000)


def iris_net() -> ClassifierRecipe:
    """The three species of iris, as the third chapter trains its net."""
    return ClassifierRecipe(name="iris")
