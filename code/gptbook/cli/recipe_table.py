"""`gptbook recipes`: what can be trained, how large it is, and how long it takes."""

import argparse
import inspect
import shutil
import textwrap
from collections.abc import Iterator
from dataclasses import fields

from gptbook.cli.forms import COMMAND_FORMS
from gptbook.cli.size_options import SIZES, field_of
from gptbook.cli.train import training_form
from gptbook.experiments.budget import job_of
from gptbook.files.nearest_word import find_word
from gptbook.machine.cost import duration, estimate, find_gpu
from gptbook.tasks.recipe_costs import (
    count_parameters,
    shown_bytes,
    training_bytes,
    usual_facts,
)
from gptbook.tasks.recipe_words import all_recipes
from gptbook.tasks.recipes import TextRecipe, TokenizerRecipe
from gptbook.training.recipe import Recipe

# What they learn from, and the words of those that do.
DATA = {
    "150 iris flowers, four lengths each": ("iris",),
    "city names, or your own names (--names with --column)": (
        "city-bigram",
        "city-trigram",
        "city-4gram",
        "city-attention",
        "city-gpt",
    ),
    "sentences of clubs and stadiums, which a grammar writes": (
        "clubs-8gram",
        "clubs-attention",
    ),
    "docstrings of the libraries here, or your own text (--text)": ("docstrings-bpe",),
    "your text (--data), or one that gptbook data list shows": (
        "laptop",
        "gpt2-124m",
        "gpt2-124m-modern",
        "gpt2-124m-2019",
    ),
    "conversations (--data), and GPT-2 or another GPT (--from)": ("assistant",),
}
# Roughly, on one core of a server's processor: data/runs has those of the GPTs of names
# and of the clubs.
TIMES = {
    "iris": "seconds",
    "city-bigram": "seconds",
    "city-trigram": "seconds",
    "city-4gram": "1 min",
    "docstrings-bpe": "seconds",
    "clubs-8gram": "1 min",
    "clubs-attention": "1 min",
    "city-attention": "6 min",
    "city-gpt": "25 min",
    "laptop": "5 min",
    "assistant": "minutes",
}
COLUMNS = ("layers", "heads", "width", "context_length", "batch_size")
HEADS = ("layers", "heads", "width", "context", "batch")
TABLE_WIDTH = 80
NARROW = 50  # columns; below them no text stands beside the names of options
NOTE = (
    "Times are rough: on one core of a server's processor, or, with a *, projected for "
    "one H100. Before its first step each run says how long it takes here. Parameters "
    "of models for text are those with 100 different characters, or with GPT-2's "
    "50,257 tokens. To see one, and change its sizes: gptbook recipes laptop"
)


def recipes_command(options: argparse.Namespace) -> None:
    """Print all recipes, or all of one. Raises ValueError for a word that is none."""
    width = shutil.get_terminal_size().columns
    if options.recipe is None:
        lines = table_lines() if width >= TABLE_WIDTH else block_lines(width)
        for line in lines:
            print(line)
        return
    known = all_recipes()
    word = find_word(options.recipe, known, "recipe")
    about = inspect.getdoc(known[word]) or ""
    for line in detail_lines(known[word](), about, width):
        print(line)


def table_lines() -> Iterator[str]:
    """A row for each recipe, under what it learns from."""
    sizes = " ".join(f"{head:>{len(head)}}" for head in HEADS)
    yield f"{'':18}{'parameters':>11} {sizes} {'steps':>6} time"
    for data, words in DATA.items():
        yield data
        for word in words:
            chosen = all_recipes()[word]()
            shown = " ".join(
                f"{value:>{len(head)}}" for head, value in zip(HEADS, sizes_of(chosen))
            )
            count = f"{shown_parameters(chosen):>11}"
            steps = f"{chosen.num_steps:>6,}"
            yield f" {word:<17}{count} {shown} {steps} {time_of(chosen)}"
    yield ""
    yield from textwrap.wrap(NOTE, TABLE_WIDTH)


def block_lines(width: int) -> Iterator[str]:
    """The same for a narrow screen: a few lines for each recipe."""
    for data, words in DATA.items():
        yield from indented(data, width, 2)
        for word in words:
            chosen = all_recipes()[word]()
            named = [
                f"{head} {value}"
                for head, value in zip(HEADS, sizes_of(chosen))
                if value != "-"
            ]
            facts = [
                f"{shown_parameters(chosen)} parameters",
                *named,
                f"{chosen.num_steps:,} steps",
                time_of(chosen),
            ]
            yield from indented(f"  {word}: {', '.join(facts)}", width, 4)
    yield from indented(NOTE, width, 0)


def detail_lines(chosen: Recipe, about: str, width: int) -> Iterator[str]:
    """All of one recipe: what it is, what it takes, and what can be changed."""
    yield from indented(f"{chosen.name}: {' '.join(about.split())}", width, 0)
    data = next(data for data, words in DATA.items() if chosen.name in words)
    rows = [("learns from", data), ("time", f"{time_of(chosen)}, roughly")]
    if not isinstance(chosen, TokenizerRecipe):
        rows += [
            ("parameters", shown_parameters(chosen)),
            ("memory", f"{memory_of(chosen)}, about"),
        ]
    taken = COMMAND_FORMS["train"][training_form(chosen)].options
    rows.append(("--steps", f"{chosen.num_steps:,}"))
    for name in (name for name in SIZES if name in taken):
        value = getattr(chosen, field_of(chosen, name))
        rows.append((f"--{name.replace('_', '-')}", f"{value:,}: {SIZES[name].help}"))
    shown = {"name", "num_steps", *(field_of(chosen, name) for name in SIZES)}
    others = [
        f"{field.name} {value}"
        for field in fields(chosen)
        if field.name not in shown and (value := getattr(chosen, field.name)) != ""
    ]
    rows.append(("besides", ", ".join(others)))
    is_narrow = width < NARROW
    for name, text in rows:
        shown_name = f"  {name}  " if is_narrow else f"  {name:<17}"
        yield from indented(f"{shown_name}{text}", width, 4 if is_narrow else 19)


def indented(text: str, width: int, indent: int) -> list[str]:
    """A text in lines of a width; all but the first are indented."""
    return textwrap.wrap(text, max(width, 20), subsequent_indent=" " * indent)


def sizes_of(chosen: Recipe) -> list[str]:
    """The sizes of a recipe, in the order of the columns; - where it has none."""
    taken = COMMAND_FORMS["train"][training_form(chosen)].options
    return [
        f"{getattr(chosen, field_of(chosen, name))}" if name in taken else "-"
        for name in COLUMNS
    ]


def shown_parameters(chosen: Recipe) -> str:
    """How many numbers a recipe's model learns; a tokenizer has none."""
    if isinstance(chosen, TokenizerRecipe):
        return "-"
    return f"{count_parameters(chosen, usual_facts(chosen)):,}"


def memory_of(chosen: Recipe) -> str:
    """The memory that training takes; a step on a text is cut into what fits."""
    facts = usual_facts(chosen)
    whole = shown_bytes(training_bytes(chosen, facts))
    if not isinstance(chosen, TextRecipe):
        return whole
    least = shown_bytes(training_bytes(chosen, facts, 1))
    return f"{least} with a window at a time, {whole} with all of a step"


def time_of(chosen: Recipe) -> str:
    """About how long a recipe takes; of the large ones, on one H100."""
    if isinstance(chosen, TextRecipe) and chosen.name not in TIMES:
        projected = estimate(job_of(chosen), find_gpu("h100"))
        return f"{duration(projected.seconds).replace('minutes', 'min')}*"
    return TIMES[chosen.name]
