"""The command line: its words, its help, and how it answers a mistake."""

import argparse
import os
import sys
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any, NoReturn

from gptbook.recipes import all_recipes


class SentenceParser(argparse.ArgumentParser):
    """A parser whose errors are one sentence."""

    def error(self, message: str) -> NoReturn:
        """Say what is wrong and where to read on; exit code 2."""
        self.exit(2, f"gptbook: {message}; {self.prog} --help explains\n")


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
    train.add_argument("recipe", help=f"what to train: {', '.join(all_recipes())}")
    train.add_argument("--run-dir", type=Path, help="its folder (default: runs/RECIPE)")
    train.add_argument("--seed", type=int, help="draws start and batches (default: 0)")
    train.add_argument("--steps", type=int, help="steps (default: the recipe's)")
    add_names_options(train, "learn from your own list of names")
    train.add_argument(
        "--text", type=Path, metavar="FILE.txt", help="learn from your own text"
    )

    text = "let a trained model write"
    example = "sample runs/city-bigram --start ca --count 10 --seed 1"
    sample = command(commands, "sample", text, example)
    sample.add_argument("run_dir", type=Path, metavar="RUN", help="folder of a run")
    sample.add_argument(
        "--start", default="", help="letters or words that each one begins with"
    )
    sample.add_argument("--count", type=int, default=10, help="how many (default: 10)")
    sample.add_argument("--seed", type=int, default=0, help="draws them (default: 0)")

    text = "let GPT-2, or a model of its kind, go on from a text"
    example = 'complete gpt2 --start "Once upon a time" --tokens 40'
    complete = command(commands, "complete", text, example)
    complete.add_argument(
        "weights",
        help="gpt2, gpt2-medium, gpt2-large, gpt2-xl, or a folder or file of weights",
    )
    complete.add_argument("--start", default="", help="the text to go on from")
    complete.add_argument(
        "--tokens", type=int, default=50, help="how many to write (default: 50)"
    )
    complete.add_argument(
        "--temperature",
        type=float,
        default=1.0,
        help="below 1 prefers the likely, 0 takes the likeliest (default: 1)",
    )
    complete.add_argument("--seed", type=int, default=0, help="draws (default: 0)")

    text = "measure a trained model on what it has not seen"
    evaluate = command(commands, "evaluate", text, "evaluate runs/city-bigram")
    evaluate.add_argument("run_dir", type=Path, metavar="RUN", help="folder of a run")
    add_names_options(evaluate, "measure on these names instead")

    text = "split a text into pieces with a trained tokenizer"
    example = "tokens runs/docstrings-bpe How GPTs work"
    tokens = command(commands, "tokens", text, example)
    tokens.add_argument("run_dir", type=Path, metavar="RUN", help="folder of a run")
    tokens.add_argument("text", nargs="+", metavar="TEXT", help="what to split")

    text = "the tables that the models learn from"
    data = command(commands, "data", text, "data list")
    actions = data.add_subparsers(dest="action", required=True, metavar="ACTION")
    command(actions, "list", "list the tables", "data list")
    text = "check that a table is there and whole"
    prepare = command(actions, "prepare", text, "data prepare cities")
    prepare.add_argument(
        "name", help="which table: a name that gptbook data list shows"
    )

    text = (
        "make the records again that the book's numbers come from, where they are old"
    )
    ladder = command(commands, "ladder", text, "ladder clubs")
    ladder.add_argument(
        "records", nargs="*", metavar="RECORD", help="which (default: all that are old)"
    )
    ladder.add_argument(
        "--again", action="store_true", help="even if a record is up to date"
    )
    return parser


def add_names_options(parser: argparse.ArgumentParser, text: str) -> None:
    """Add --names and --column, which say where the reader's own names are."""
    parser.add_argument("--names", type=Path, metavar="FILE.csv", help=text)
    parser.add_argument("--column", help="the column of that file with the names")


def main(words: Sequence[str] | None = None) -> int:
    """Run a command; exit code 0: done, 2: a mistake to correct, 130: Ctrl-C.

    What the reader can put right comes as one sentence; a bug of ours is a traceback.
    """
    words = list(sys.argv[1:] if words is None else words)
    try:
        try:
            options = build_parser().parse_args(words)
        except SystemExit as stop:  # argparse: --help, --version, or an unknown word
            code = int(stop.code or 0)
        else:
            # Only now: it imports PyTorch and pandas; --help need not wait for them.
            from gptbook.commands import run_command

            code = run_command(options, words)
        sys.stdout.flush()
    except BrokenPipeError:  # `gptbook sample RUN | head -1` has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    except KeyboardInterrupt:
        print("gptbook: stopped", file=sys.stderr)
        return 130
    except (ValueError, OSError) as error:
        print(f"gptbook: {one_sentence(error)}", file=sys.stderr)
        return 2
    return code


def one_sentence(error: Exception) -> str:
    """What went wrong, on one line."""
    text = str(error)
    if isinstance(error, OSError) and error.strerror:
        where = f"{error.filename}: " if error.filename else ""
        text = where + error.strerror
    return " ".join(text.split())
