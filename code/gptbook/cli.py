"""The command line: its words, its help, and how it answers a mistake."""

import argparse
import os
import sys
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any, NoReturn

from gptbook.recipe_list import all_recipes


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
        "--text", type=Path, metavar="FILE.txt", help="merge pieces of your own text"
    )
    add_text_options(train)

    text = "say what a training will take, before you pay for it"
    example = "estimate gpt2-124m --gpu h100 --gpus 8"
    estimate = command(commands, "estimate", text, example)
    estimate.add_argument("recipe", help="laptop, gpt2-124m or gpt2-124m-2019")
    estimate.add_argument(
        "--gpu", help="such as h100 or rtx-4090 (default: this machine, measured)"
    )
    estimate.add_argument("--gpus", type=int, default=1, help="how many (default: 1)")
    estimate.add_argument("--data", help="the text, as gptbook train takes it")
    estimate.add_argument("--steps", type=int, help="steps (default: the recipe's)")
    estimate.add_argument("--price", type=float, help="dollars an hour of this machine")
    add_machine_options(estimate)

    text = "let a trained model write"
    example = "sample runs/city-bigram --start ca --count 10 --seed 1"
    sample = command(commands, "sample", text, example)
    sample.add_argument("run_dir", type=Path, metavar="RUN", help="folder of a run")
    sample.add_argument(
        "--start", "--prompt", default="", help="what each one begins with"
    )
    sample.add_argument(
        "--count", type=int, help="how many (default: 10 names, or 1 text)"
    )
    sample.add_argument("--seed", type=int, default=0, help="draws them (default: 0)")
    sample.add_argument("--tokens", type=int, help="length of a text (default: 300)")
    add_choice_options(sample)

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
    add_choice_options(complete)
    complete.add_argument("--seed", type=int, default=0, help="draws (default: 0)")

    text = "measure a trained model on what it has not seen"
    evaluate = command(commands, "evaluate", text, "evaluate runs/city-bigram")
    evaluate.add_argument("run_dir", type=Path, metavar="RUN", help="folder of a run")
    add_names_options(evaluate, "measure on these names instead")

    text = "print what a run took, and where its time went"
    example = "receipt runs/laptop-shakespeare --gpu h100"
    receipt = command(commands, "receipt", text, example)
    receipt.add_argument("run_dir", type=Path, metavar="RUN", help="folder of a run")
    receipt.add_argument("--gpu", help="what it ran on, for price and share of peak")
    receipt.add_argument("--price", type=float, help="dollars an hour for each device")

    text = "write a trained model for elsewhere"
    example = "export runs/laptop-shakespeare --to huggingface"
    export = command(commands, "export", text, example)
    export.add_argument("run_dir", type=Path, metavar="RUN", help="folder of a run")
    export.add_argument("--to", required=True, choices=("huggingface", "web"))
    export.add_argument("--out", type=Path, help="folder (default: in the run's)")
    export.add_argument(
        "--precision",
        choices=("float16", "float32"),
        default="float16",
        help="of a file for the web (default: float16, half the download)",
    )

    text = "split a text into pieces with a trained tokenizer"
    example = "tokens runs/docstrings-bpe How GPTs work"
    tokens = command(commands, "tokens", text, example)
    tokens.add_argument("run_dir", type=Path, metavar="RUN", help="folder of a run")
    tokens.add_argument("text", nargs="+", metavar="TEXT", help="what to split")

    text = "the tables that the models learn from"
    data = command(commands, "data", text, "data list")
    actions = data.add_subparsers(dest="action", required=True, metavar="ACTION")
    command(actions, "list", "list the tables", "data list")
    text = "turn a text into tokens, once; or check a table"
    example = "data prepare my.txt"
    prepare = command(actions, "prepare", text, example)
    prepare.add_argument(
        "name", help="a text file, or a name that gptbook data list shows"
    )
    prepare.add_argument("--out", type=Path, help="folder (default: in the cache)")
    prepare.add_argument(
        "--tokenizer",
        choices=("auto", "characters", "byte-pairs", "gpt2"),
        default="auto",
        help="how text becomes tokens (default: by what the text holds)",
    )
    prepare.add_argument("--vocab-size", type=int, help="of byte-pairs, at most")
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


def add_text_options(parser: argparse.ArgumentParser) -> None:
    """Add what only a run on a text takes."""
    parser.add_argument(
        "--data", help="a text file, a prepared folder, or a word such as shakespeare"
    )
    add_machine_options(parser)
    parser.add_argument(
        "--rows-at-once", type=int, help="windows at a time (default: all that fit)"
    )
    parser.add_argument("--rate-scale", type=float, help="times the rates, such as 0.5")
    parser.add_argument(
        "--compile",
        action=argparse.BooleanOptionalAction,
        help="let PyTorch compile the model (default: on GPUs)",
    )
    parser.add_argument(
        "--tensorboard", action="store_true", help="write the curve for TensorBoard too"
    )


def add_machine_options(parser: argparse.ArgumentParser) -> None:
    """Add --device and --precision."""
    parser.add_argument("--device", help="cpu, cuda:0 or mps (default: the fastest)")
    parser.add_argument(
        "--precision", help="float32 or bfloat16 (default: which is faster, measured)"
    )


def add_choice_options(parser: argparse.ArgumentParser) -> None:
    """Add what decides how the next token is chosen."""
    parser.add_argument(
        "--temperature",
        type=float,
        help="below 1 prefers the likely, 0 takes the likeliest (default: 1)",
    )
    parser.add_argument("--top-k", type=int, help="choose among the K likeliest only")
    parser.add_argument(
        "--top-p", type=float, help="among the likeliest that hold this share (0 to 1)"
    )


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
