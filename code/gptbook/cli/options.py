"""Options that several commands share, each added by one function."""

import argparse
import sys
from pathlib import Path

from gptbook.cli.arguments import (
    add_switch,
    one_of,
    real_number,
    typed_text,
    whole_number,
)
from gptbook.training.recipe import LARGEST_NUMBER

TEXT_HELP = (
    "your text: files, folders, .zip or .gz, .jsonl, or chats exported from WhatsApp, "
    "Telegram or ChatGPT"
)
STAYS_HERE = "Nothing of it leaves this machine"
HIGHEST_PRICE = 1_000_000.0  # dollars an hour


def add_text_options(parser: argparse.ArgumentParser) -> None:
    """Add what only a run on a text takes."""
    kinds = "a prepared folder, or a word such as shakespeare"
    add_data(parser, f"{TEXT_HELP}; {kinds}. {STAYS_HERE}")
    add_machine_options(parser)
    parser.add_argument(
        "--rows-at-once",
        type=whole_number(1, LARGEST_NUMBER),
        help="windows at a time (default: all that fit)",
    )
    parser.add_argument(
        "--rate-scale",
        type=real_number(1e-6, 100, "a number above 0, to 100, such as 0.5"),
        help="times the rates, such as 0.5",
    )
    parser.add_argument(
        "--compile",
        action=argparse.BooleanOptionalAction,
        help="let PyTorch compile the model (default: on GPUs)",
    )
    add_switch(parser, "--tensorboard", "write the curve for TensorBoard too")


def add_data(parser: argparse.ArgumentParser, text: str) -> None:
    """Add --data, of one text or of several, and what chooses among them."""
    parser.add_argument("--data", action="extend", nargs="+", metavar="PATH", help=text)
    add_text_choice(parser)


def add_text_choice(parser: argparse.ArgumentParser) -> None:
    """Add --glob and --field."""
    parser.add_argument(
        "--glob",
        action="append",
        metavar="PATTERN",
        help='which files of a folder or zip, such as "*.md" (default: all with text)',
    )
    parser.add_argument(
        "--field",
        metavar="NAME",
        help="which field of each JSON line is the text, such as body",
    )


def add_base(parser: argparse.ArgumentParser, text: str) -> None:
    """Add --from."""
    parser.add_argument("--from", metavar="MODEL", help=text)


def add_base_options(parser: argparse.ArgumentParser) -> None:
    """Add what says which trained model to go on with, and how."""
    add_base(
        parser,
        "go on with a trained model, in its tokens: gpt2, a folder or file of weights "
        "or of PEFT's adapters, or a run; default: a fifth of the steps and a third of "
        "the rates, of a GPT-2 AdamW at 6e-5",
    )
    parser.add_argument(
        "--lora-rank",
        type=whole_number(1, LARGEST_NUMBER),
        help="with --from: only adapters of this rank learn (8 is usual), of a "
        "GPT-2 at 6e-4",
    )
    parser.add_argument(
        "--lora-alpha",
        type=real_number(1e-3, 1e6, "a number above 0, such as 16"),
        help="times alpha / rank what they add counts (default: twice the rank)",
    )


def add_seed(parser: argparse.ArgumentParser, text: str) -> None:
    """Add --seed, as large as PyTorch's generators take it."""
    parser.add_argument("--seed", type=whole_number(0, LARGEST_NUMBER), help=text)


def add_steps(parser: argparse.ArgumentParser) -> None:
    """Add --steps."""
    text = "steps (default: the recipe's)"
    parser.add_argument("--steps", type=whole_number(1, LARGEST_NUMBER), help=text)


def add_patience(parser: argparse.ArgumentParser) -> None:
    """Add --patience."""
    text = (
        "stop after so many measurements without a better held-out loss; 0: never "
        "(default: 10 where a text is read more than 4 times, else 0)"
    )
    parser.add_argument("--patience", type=whole_number(0, LARGEST_NUMBER), help=text)


def add_last(parser: argparse.ArgumentParser) -> None:
    """Add --last."""
    add_switch(parser, "--last", "take the last weights, not the best")


def add_tokens(parser: argparse.ArgumentParser, text: str) -> None:
    """Add --tokens, of a text that is written."""
    parser.add_argument("--tokens", type=whole_number(1, LARGEST_NUMBER), help=text)


def add_price(parser: argparse.ArgumentParser, text: str) -> None:
    """Add --price."""
    price = real_number(0, HIGHEST_PRICE, "dollars an hour, such as 2.5")
    parser.add_argument("--price", type=price, help=text)


def add_machine_options(parser: argparse.ArgumentParser) -> None:
    """Add --device and --precision."""
    parser.add_argument("--device", help="cpu, cuda:0 or mps (default: the fastest)")
    parser.add_argument(
        "--precision",
        type=one_of(("float32", "bfloat16")),
        help="float32 or bfloat16 (default: which is faster, measured)",
    )


def add_choice_options(parser: argparse.ArgumentParser) -> None:
    """Add what decides how the next token is chosen."""
    parser.add_argument(
        "--temperature",
        type=real_number(0, sys.float_info.max, "0 or more"),
        help="below 1 prefers the likely, 0 takes the likeliest (default: 1)",
    )
    text = "choose among the K likeliest only"
    parser.add_argument("--top-k", type=whole_number(1, LARGEST_NUMBER), help=text)
    parser.add_argument(
        "--top-p",
        type=real_number(0, 1, "a share, 0 to 1"),
        help="among the likeliest that hold this share (0 to 1)",
    )


def add_names_options(parser: argparse.ArgumentParser, text: str) -> None:
    """Add --names and --column, which say where the reader's own names are."""
    parser.add_argument("--names", type=Path, metavar="FILE.csv", help=text)
    text = "the column of that file with the names"
    parser.add_argument("--column", type=typed_text, help=text)
