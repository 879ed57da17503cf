"""The command line: its words, its help, and how it answers a mistake."""

import argparse
import sys
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

from gptbook.cli.arguments import SentenceParser, one_of, typed_text, whole_number
from gptbook.cli.console import answer, complain, open_streams
from gptbook.cli.forms import COSTLY
from gptbook.cli.options import (
    TEXT_HELP,
    add_base,
    add_base_options,
    add_choice_options,
    add_data,
    add_last,
    add_machine_options,
    add_names_options,
    add_patience,
    add_price,
    add_seed,
    add_steps,
    add_text_choice,
    add_text_options,
    add_tokens,
)
from gptbook.cli.size_options import add_sizes
from gptbook.tasks.recipe_words import all_recipes
from gptbook.training.recipe import LARGEST_NUMBER

MOST_SAMPLES = 1_000_000  # they are held in memory until all are written
# By `parameter_count` of models.sizes, which needs PyTorch: --help answers without.
PARAMETERS = {"gpt2-124m": 162_129_450, "gpt2-124m-2019": 124_439_808}
GPU_HELP = "such as h100 or rtx-4090"


def build_parser() -> argparse.ArgumentParser:
    """All commands and their options."""
    parser = SentenceParser(
        prog="gptbook",
        description="Train, try and measure the models of the book How GPTs Work.",
        epilog="example: gptbook train city-bigram",
    )
    parser.add_argument(
        "--version", action="version", version=f"gptbook {version('gptbook')}"
    )

    def command(
        group: Any, word: str, text: str, example: str
    ) -> argparse.ArgumentParser:
        added: argparse.ArgumentParser = group.add_parser(
            word,
            help=text,
            description=f"{text[0].upper()}{text[1:]}.",
            epilog=f"example: gptbook {example}",
        )
        return added

    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    text = "train a model, or go on where a run was stopped"
    train = command(commands, "train", text, "train city-4gram --seed 1")
    names = ", ".join(map(with_size, all_recipes()))
    train.add_argument("recipe", help=f"what to train: {names}")
    train.add_argument("--run-dir", type=Path, help="its folder (default: runs/RECIPE)")
    add_seed(train, "draws start and batches (default: 0)")
    add_steps(train)
    add_patience(train)
    add_sizes(train)
    add_names_options(train, "learn from your own list of names")
    train.add_argument(
        "--text", type=Path, metavar="PATH", help="merge pieces of your own text"
    )
    add_text_options(train)
    add_base_options(train)

    text = "list what can be trained, with sizes, parameters and times; or show one"
    recipes = command(commands, "recipes", text, "recipes laptop")
    recipes.add_argument("recipe", nargs="?", help="one of them (default: all)")

    text = "say what a training will take, before you pay for it"
    example = "estimate gpt2-124m --gpu h100 --gpus 8"
    estimate = command(commands, "estimate", text, example)
    names = ", ".join(map(with_size, ("laptop", *PARAMETERS, "gpt2-124m-modern")))
    estimate.add_argument("recipe", help=names)
    estimate.add_argument("--gpu", help=f"{GPU_HELP} (default: this machine, measured)")
    gpus = whole_number(1, LARGEST_NUMBER)
    estimate.add_argument("--gpus", type=gpus, help="how many (default: 1)")
    add_data(estimate, "the text, as gptbook train takes it")
    add_base(estimate, "a trained model to go on with, as gptbook train takes it")
    add_steps(estimate)
    add_sizes(estimate, COSTLY)
    add_price(estimate, "dollars an hour for each device")
    add_machine_options(estimate)

    text = "let a trained model write"
    example = "sample runs/city-bigram --start ca --count 10 --seed 1"
    sample = command(commands, "sample", text, example)
    sample.add_argument("run_dir", type=Path, metavar="RUN", help="folder of a run")
    sample.add_argument(
        "--start", "--prompt", type=typed_text, help="what each one begins with"
    )
    sample.add_argument(
        "--count",
        type=whole_number(1, MOST_SAMPLES),
        help="how many (default: 10 names, or 1 text)",
    )
    add_seed(sample, "draws them (default: 0)")
    add_tokens(sample, "length of a text (default: 300)")
    add_last(sample)
    add_choice_options(sample)

    text = "talk to an assistant that was trained"
    chat = command(commands, "chat", text, "chat runs/assistant-dialogues-from-gpt2")
    chat.add_argument("run_dir", type=Path, metavar="RUN", help="folder of a run")
    chat.add_argument("--system", type=typed_text, help="what it is told before all")
    add_tokens(chat, "of an answer, at most (default: 300)")
    add_choice_options(chat)
    add_seed(chat, "draws (default: 0)")
    add_last(chat)

    text = "let GPT-2, or a model of its kind, go on from a text"
    example = 'complete gpt2 --start "Once upon a time" --tokens 40'
    complete = command(commands, "complete", text, example)
    complete.add_argument(
        "weights",
        help="gpt2, gpt2-medium, gpt2-large, gpt2-xl, or a folder or file of weights",
    )
    complete.add_argument("--start", type=typed_text, help="the text to go on from")
    add_tokens(complete, "how many to write (default: 50)")
    add_choice_options(complete)
    add_seed(complete, "draws (default: 0)")

    text = "measure a trained model on what it has not seen"
    evaluate = command(commands, "evaluate", text, "evaluate runs/city-bigram")
    evaluate.add_argument("run_dir", type=Path, metavar="RUN", help="folder of a run")
    add_names_options(evaluate, "measure on these names instead")
    add_data(evaluate, "where the run's text is now, as gptbook train takes it")
    add_last(evaluate)

    text = "print what a run took, and where its time went"
    example = "receipt runs/laptop-shakespeare --gpu h100"
    receipt = command(commands, "receipt", text, example)
    receipt.add_argument("run_dir", type=Path, metavar="RUN", help="folder of a run")
    receipt.add_argument("--gpu", help="what it ran on, for price and share of peak")
    add_price(receipt, "dollars an hour for each device")

    text = "write a trained model for elsewhere"
    example = "export runs/laptop-shakespeare --to huggingface"
    export = command(commands, "export", text, example)
    export.add_argument("run_dir", type=Path, metavar="RUN", help="folder of a run")
    targets = ("huggingface", "gguf", "web")
    text = "huggingface, gguf (a GPT-2 for llama.cpp) or web"
    export.add_argument("--to", required=True, type=one_of(targets), help=text)
    export.add_argument("--out", type=Path, help="folder (default: in the run's)")
    add_last(export)
    export.add_argument(
        "--precision",
        type=one_of(("float16", "float32")),
        help="of a gguf or web file: float16 (default, half as large) or float32",
    )

    text = "split a text into pieces with a trained tokenizer"
    example = "tokens runs/docstrings-bpe How GPTs work"
    tokens = command(commands, "tokens", text, example)
    tokens.add_argument("run_dir", type=Path, metavar="RUN", help="folder of a run")
    tokens.add_argument(
        "text", nargs="+", type=typed_text, metavar="TEXT", help="what to split"
    )

    text = "the tables that the models learn from"
    data = command(commands, "data", text, "data list")
    actions = data.add_subparsers(dest="action", required=True, metavar="ACTION")
    command(actions, "list", "list the tables", "data list")
    text = "turn a text into tokens, once; or check a table"
    example = 'data prepare notes --glob "*.md"'
    prepare = command(actions, "prepare", text, example)
    prepare.add_argument(
        "name", nargs="+", help=f"{TEXT_HELP}; or a name that gptbook data list shows"
    )
    add_text_choice(prepare)
    prepare.add_argument("--out", type=Path, help="folder (default: in the cache)")
    kinds = ("auto", "characters", "byte-pairs", "gpt2")
    prepare.add_argument(
        "--tokenizer",
        type=one_of(kinds),
        help=f"{', '.join(kinds)} (default: auto, by what the text holds)",
    )
    prepare.add_argument(
        "--vocab-size", type=whole_number(257, 2**16), help="of byte-pairs, at most"
    )
    prepare.add_argument("--tokens", help="how much web text, such as 300M or 2.5B")

    text = (
        "make the records again that the book's numbers come from, where they are old"
    )
    ladder = command(commands, "ladder", text, "ladder clubs")
    ladder.add_argument(
        "records", nargs="*", metavar="RECORD", help="which (default: all that are old)"
    )
    choice = ladder.add_mutually_exclusive_group()
    choice.add_argument(
        "--again", action="store_true", help="even if a record is up to date"
    )
    choice.add_argument(
        "--check",
        action="store_true",
        help="make none; print the stale ones and why; exit code 1 if there are any",
    )
    return parser


def with_size(recipe: str) -> str:
    """A recipe's name, and what it does not say: how large its model is."""
    count = PARAMETERS.get(recipe)
    return f"{recipe} ({count:,} parameters)" if count else recipe


def main(words: Sequence[str] | None = None) -> int:
    """Run a command; exit code 0: done, 2: a mistake to correct, 130: Ctrl-C.

    Whatever goes wrong comes as one sentence, a bug of ours included: see `answer`.
    """
    words = list(sys.argv[1:] if words is None else words)
    missing = open_streams()
    try:
        code = command_code(words)
        sys.stdout.flush()
    except (Exception, KeyboardInterrupt) as error:
        code = answer(error)
    if missing.were_met:
        complain(
            f"the output, in {missing.encoding}, lacks some characters: each stands as "
            r"its number there, such as \u2423; PYTHONIOENCODING=utf-8 writes them all"
        )
    return code


def command_code(words: Sequence[str]) -> int:
    """Do what the words say, and return the exit code."""
    try:
        options = build_parser().parse_args(words)
    except SystemExit as stop:  # argparse: --help, --version, or an unknown word
        return int(stop.code or 0)
    # Only now: it imports PyTorch and pandas; --help need not wait for them.
    from gptbook.cli.commands import run_command

    return run_command(options, words)
