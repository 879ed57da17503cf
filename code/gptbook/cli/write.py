"""What a model writes, and how a tokenizer cuts: sample, complete, tokens."""

import argparse
import sys
from pathlib import Path
from typing import Any

import torch

from gptbook.cli.forms import check_form
from gptbook.cli.weights import open_weights
from gptbook.data.merging import utf8
from gptbook.data.tokenizer_files import TextTokenizer
from gptbook.exchange.open_model import open_pretrained
from gptbook.files.shell import shell_words
from gptbook.files.text_files import in_alphabet, nfc
from gptbook.generation.sampling import continue_text
from gptbook.tasks.byte_pairs import holds_tokenizer, load_tokenizer, shown_pieces
from gptbook.tasks.open_run import text_model_in, write_samples
from gptbook.tasks.recipes import TextRecipe
from gptbook.tasks.text import NUM_WRITTEN


def sample_command(options: argparse.Namespace) -> None:
    """Print names, one a line, or a text. Raises ValueError if the run writes none."""
    run_dir = options.run_dir
    refuse_tokenizer(run_dir)
    saved = open_weights(options, sys.stderr)  # stdout is for what the model writes
    generator = torch.Generator().manual_seed(options.seed or 0)
    if isinstance(saved.recipe, TextRecipe):
        check_form(options, "sample", sampling_form(options))
        model, tokenizer = text_model_in(saved)
        start = in_alphabet(options.start or "", tokenizer.ids)
        for number in range(options.count or 1):
            if number:
                print("-" * 40)
            show_text(options, model, tokenizer, start, NUM_WRITTEN, generator)
        return
    what = f"{run_dir}, a run of {saved.recipe.name},"
    check_form(options, "sample", "names", what)
    start, count = options.start or "", options.count or 10
    for name in write_samples(saved, start, count, generator):
        print(name)


def complete_command(options: argparse.Namespace) -> None:
    """Print a text and what follows it, as it is written."""
    check_form(options, "complete", sampling_form(options))
    model, tokenizer = open_pretrained(options.weights)
    # as nearly all that it has read is spelled; encode itself stays GPT-2's
    start = nfc(options.start or "")
    generator = torch.Generator().manual_seed(options.seed or 0)
    show_text(options, model, tokenizer, start, 50, generator)


def show_text(
    options: argparse.Namespace,
    model: Any,
    tokenizer: TextTokenizer,
    start: str,
    num_tokens: int,
    generator: torch.Generator,
) -> None:
    """Print a text and what the model writes after it, as it is written.

    num_tokens is how many tokens that are, if the options do not say.
    """
    written = continue_text(
        model,
        tokenizer,
        start,
        options.tokens or num_tokens,
        temperature=1.0 if options.temperature is None else options.temperature,
        top_k=options.top_k,
        top_p=options.top_p,
        generator=generator,
    )
    first = next(written, "")  # what cannot be is said before anything is printed
    print(start, end=first, flush=True)
    for piece in written:
        print(piece, end="", flush=True)
    print()


def sampling_form(options: argparse.Namespace) -> str:
    """Whether chance has a part in what is written: at temperature 0 it has none."""
    return "likeliest" if options.temperature == 0 else "text"


def refuse_tokenizer(run_dir: Path) -> None:
    """Raise ValueError if a folder holds a tokenizer, which predicts nothing."""
    if holds_tokenizer(run_dir):
        raise ValueError(
            f"{run_dir} holds a tokenizer, which splits text and writes none: "
            f"try {shell_words(['gptbook', 'tokens', str(run_dir)])} TEXT"
        )


def tokens_command(options: argparse.Namespace) -> None:
    """Print the pieces of a text, and their numbers. Raises ValueError for none."""
    text = nfc(" ".join(options.text))
    if not text:
        raise ValueError("the text is empty: give at least one character")
    tokenizer = load_tokenizer(options.run_dir)
    pieces, numbers = shown_pieces(tokenizer, text), tokenizer.encode(text)
    num_bytes = len(utf8(text))
    print(pieces)
    print(*numbers)
    print(
        f"{num_bytes:,} bytes in {len(numbers):,} tokens: "
        f"{num_bytes / len(numbers):.2f} bytes per token"
    )
