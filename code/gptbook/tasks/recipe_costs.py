"""What a recipe's model takes, before it is made: parameters, memory, disk."""

import string
from collections.abc import Iterator
from typing import Any

import torch

from gptbook.data.clubs import ClubGrammar
from gptbook.machine.device import available_memory
from gptbook.models.gpt import GPTConfig
from gptbook.models.sizes import training_memory
from gptbook.tasks.continued import num_learned, with_few_learned
from gptbook.tasks.continued_recipes import LoRATextRecipe
from gptbook.tasks.names import gpt_config, names_for
from gptbook.tasks.open_run import model_for
from gptbook.tasks.recipes import GPTRecipe, TextRecipe
from gptbook.training.engine import Run
from gptbook.training.recipe import Recipe

TEXT_SYMBOLS = 100  # in an English text, letters, digits and signs, about
LEARNING_BYTES = 16  # a parameter, its slope, and two numbers that Adam remembers


def usual_facts(recipe: Recipe) -> dict[str, Any]:
    """Facts of the book's own data, or of a usual text, as a run would save them."""
    return {
        "data": {
            "alphabet": list(string.ascii_lowercase),
            "words": ClubGrammar().words,
            "vocab_size": usual_vocab_size(recipe),
        }
    }


def usual_vocab_size(recipe: Recipe) -> int:
    """How many different tokens a text has, as a rule.

    One for the recipes of GPT-2 is cut into its tokens, as web text is.
    """
    begins_there = getattr(recipe, "starts_from", "") == "gpt2"
    is_gpt2 = isinstance(recipe, TextRecipe) and "gpt2" in recipe.name
    return GPTConfig().vocab_size if is_gpt2 or begins_there else TEXT_SYMBOLS


def count_parameters(recipe: Recipe, facts: dict[str, Any]) -> int:
    """How many numbers a recipe's model has; it is made without them."""
    with torch.device("meta"):
        model = model_for(recipe, facts)
    return sum(parameter.numel() for parameter in model.parameters())


def count_learned(recipe: Recipe, facts: dict[str, Any]) -> int:
    """How many of them training moves: all, but where adapters learn in their place."""
    with torch.device("meta"):
        return num_learned(model_for(recipe, facts))


def training_bytes(
    recipe: Recipe,
    facts: dict[str, Any],
    rows_at_once: int = 0,
    precision: str = "float32",
) -> int:
    """The memory that training takes, about, beside that of PyTorch itself.

    rows_at_once is how many rows of a batch are worked on together, 0 for all. Of what
    is no GPT, only the model is counted, its slopes and what the optimizer remembers:
    what else there is for a moment is small.
    """
    if not isinstance(recipe, GPTRecipe | TextRecipe):
        return LEARNING_BYTES * count_parameters(recipe, facts)
    form, optimizer = "modern", "muon"
    vocab_size = len(facts["data"].get("alphabet", [])) + 1
    if isinstance(recipe, TextRecipe):
        form, optimizer = recipe.form, recipe.optimizer
        vocab_size = facts["data"]["vocab_size"]
    config = gpt_config(recipe, vocab_size)
    memory = training_memory(config, form, optimizer, precision)
    if isinstance(recipe, LoRATextRecipe):
        memory = with_few_learned(memory, count_learned(recipe, facts))
    return memory.total(rows_at_once or recipe.batch_size)


def cost_lines(run: Run) -> Iterator[str]:
    """What a run takes, line by line: parameters, memory, disk."""
    count, facts = run.num_parameters, run.facts()
    how = (run.rows_at_once, run.machine.precision)
    memory = training_bytes(run.recipe, facts, *how)
    copies = 2 if run.task.evaluate_every else 1  # the best weights, too, or none
    files = 4 * copies * count + 8 * num_learned(run.model)
    yield f"  parameters  {count:,}"
    yield f"  memory      {shown_bytes(memory)}, about, beside PyTorch's own"
    yield f"  disk        up to {shown_bytes(files)}, twice that while it saves"


def shown_bytes(number: float) -> str:
    """A number of bytes in the unit that a reader would take."""
    for unit, size in (("GB", 1e9), ("MB", 1e6)):
        if number >= size:
            return f"{number / size:,.1f} {unit}"
    return f"{number / 1e3:,.0f} kB"


def check_fits_here(recipe: Recipe) -> None:
    """Raise ValueError if a name exceeds a recipe's context, or its step this memory.

    A step on a text is cut into parts that fit, so there one window must.
    """
    if isinstance(recipe, GPTRecipe):
        longest = max(map(len, names_for(recipe)))
        if longest >= recipe.context_length:
            raise ValueError(
                f"--context-length is {recipe.context_length}, and the longest name "
                f"has {longest} letters: give {longest + 1} or more"
            )
    facts = usual_facts(recipe)
    rows_at_once = 1 if isinstance(recipe, TextRecipe) else 0
    needed, there = training_bytes(recipe, facts, rows_at_once), available_memory()
    if needed > there:
        names = recipe.batch_size if isinstance(recipe, GPTRecipe) else 0
        rows = f", {names:,} names a step" if names else ""
        raise ValueError(
            f"these sizes ({count_parameters(recipe, facts):,} parameters{rows}) take "
            f"{shown_bytes(needed)} of memory to train, and this machine has "
            f"{shown_bytes(there)}: give smaller ones"
        )
