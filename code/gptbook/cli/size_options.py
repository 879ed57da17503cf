"""Sizes on the command line: which recipe has which, and what cannot be."""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from gptbook.cli.arguments import real_number, whole_number
from gptbook.tasks.recipes import (
    ClubsRecipe,
    GPTRecipe,
    NgramRecipe,
    TextRecipe,
)
from gptbook.training.recipe import Recipe

MOST_LAYERS = 1_000
WIDEST = 100_000
LONGEST_CONTEXT = 2**20
LARGEST_BATCH = 2**20


@dataclass(frozen=True)
class Size:
    """An option that changes a field of recipes."""

    help: str
    """What it is, for the reader."""
    type: Any
    """What argparse makes of its word."""


SIZES = {
    "context_length": Size(
        "how many tokens the model sees; of names, letters",
        whole_number(1, LONGEST_CONTEXT),
    ),
    "layers": Size(
        "how many blocks stand on one another", whole_number(1, MOST_LAYERS)
    ),
    "heads": Size(
        "attention heads of a block, which share its width",
        whole_number(1, MOST_LAYERS),
    ),
    "width": Size(
        "numbers that describe a token between blocks, and the MLP grows with it; "
        "of an n-gram net, units of a hidden layer",
        whole_number(1, WIDEST),
    ),
    "batch_size": Size(
        "windows, names or sentences that a step learns from",
        whole_number(1, LARGEST_BATCH),
    ),
    "dropout": Size(
        "share of the hidden numbers that a step leaves out, such as 0.1",
        real_number(0, 0.999, "0 or more, below 1, such as 0.1"),
    ),
    "learning_rate": Size(
        "how far a step goes, at its height; of two rates the other keeps its ratio",
        real_number(1e-9, 100, "a number above 0, such as 0.003"),
    ),
}
# Fields of recipes that are called otherwise than their options.
FIELD_NAMES = {"layers": "num_layers", "heads": "num_heads", "width": "model_dim"}
FIELDS: dict[type[Recipe], dict[str, str]] = {
    NgramRecipe: {"width": "hidden_dim"},
    ClubsRecipe: {"context_length": "window"},
}


def add_sizes(
    parser: argparse.ArgumentParser, names: Sequence[str] = tuple(SIZES)
) -> None:
    """Add the options of some sizes, as a group of their own."""
    group = parser.add_argument_group("sizes (default: the recipe's, see recipes)")
    for name in names:
        metavar = "X" if name in ("dropout", "learning_rate") else "N"
        group.add_argument(
            f"--{name.replace('_', '-')}",
            type=SIZES[name].type,
            metavar=metavar,
            help=SIZES[name].help,
        )


def field_of(recipe: Recipe, name: str) -> str:
    """What the field of a recipe is called that an option changes."""
    return FIELDS.get(type(recipe), {}).get(name, FIELD_NAMES.get(name, name))


def with_sizes(options: argparse.Namespace, chosen: Recipe) -> Recipe:
    """The recipe with the sizes that the options give; `forms` knows which it has.

    The MLP keeps its ratio to the width, and the rate of other parameters its ratio to
    the learning rate. Raises ValueError for sizes that cannot be.
    """
    given = {
        field_of(chosen, name): value
        for name in SIZES
        if (value := getattr(options, name, None)) is not None
    }
    if not given:
        return chosen
    if isinstance(chosen, GPTRecipe | TextRecipe) and "model_dim" in given:
        given["mlp_dim"] = chosen.mlp_dim * given["model_dim"] // chosen.model_dim
    if isinstance(chosen, GPTRecipe | TextRecipe) and "learning_rate" in given:
        times = given["learning_rate"] / chosen.learning_rate
        given["other_rate"] = chosen.other_rate * times
    check_sizes_together(options, chosen, given)
    return replace(chosen, **given)


def check_sizes_together(
    options: argparse.Namespace, chosen: Recipe, given: dict[str, Any]
) -> None:
    """Raise ValueError, with what to give, for options that do not go together."""
    if getattr(options, "from", None):
        fixed = {"layers", "heads", "width"}
        if not isinstance(chosen, TextRecipe):
            fixed.add("context_length")
        for name in sorted(fixed):
            if getattr(options, name) is not None:
                raise ValueError(
                    f"--{name.replace('_', '-')} is decided by the model that --from "
                    "names: leave it out"
                )
    if getattr(options, "rate_scale", None) and options.learning_rate is not None:
        raise ValueError(
            "--learning-rate and --rate-scale both change the rates: give one of them"
        )
    if given.get("dropout") and getattr(chosen, "form", "") == "gpt-2":
        raise ValueError(
            f"{chosen.name} takes no --dropout, as GPT-2's form has none here: leave "
            "it out, or train gpt2-124m-modern"
        )
    if not {"model_dim", "num_heads"} & given.keys() or not hasattr(
        chosen, "num_heads"
    ):
        return
    width = given.get("model_dim", getattr(chosen, "model_dim", 0))
    heads = given.get("num_heads", chosen.num_heads)
    # In newer forms the numbers of a head are turned in pairs.
    is_paired = not isinstance(chosen, ClubsRecipe)
    if isinstance(chosen, TextRecipe):
        is_paired = chosen.form != "gpt-2"
    if getattr(chosen, "window", 0):
        return  # a net without heads
    unit = heads * (2 if is_paired else 1)
    if width % unit:
        below, above = width // unit * unit, (width // unit + 1) * unit
        near = f"{below} or {above}" if below else f"{above}"
        each = "an even number each" if is_paired else "the same number each"
        raise ValueError(
            f"{heads} heads cannot share a width of {width}, {each}: "
            f"give --width {near}, or another --heads"
        )
