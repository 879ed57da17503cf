"""Which options each form of a command takes; every other one is refused by name."""

import argparse
from dataclasses import dataclass


@dataclass(frozen=True)
class Form:
    """What a command does with one kind of thing."""

    about: str
    """The kind, as a sentence names it."""
    options: tuple[str, ...]
    """The options that have an effect then."""


TRAINING = ("run_dir", "seed", "steps")
OF_NAMES = ("patience", "names", "column", "from")
BLOCKS = ("layers", "heads", "width")
BATCHES = ("batch_size", "learning_rate")
COSTLY = ("context_length", *BLOCKS, "batch_size")  # dropout and rates cost nothing
TEXTS = ("data", "glob", "field")
PREPARING = ("out", "tokenizer", "glob", "field")
BASES = ("from", "lora_rank", "lora_alpha")
COMPUTING = (
    "device",
    "precision",
    "rows_at_once",
    "rate_scale",
    "compile",
    "tensorboard",
)
CHOICE = ("temperature", "top_k", "top_p")
COMMAND_FORMS: dict[str, dict[str, Form]] = {
    "train": {
        "ngrams": Form(
            "city-bigram, city-trigram and city-4gram",
            (*TRAINING, *OF_NAMES, "context_length", "width", *BATCHES, "dropout"),
        ),
        "names": Form(
            "city-attention and city-gpt",
            (*TRAINING, *OF_NAMES, "context_length", *BLOCKS, *BATCHES, "dropout"),
        ),
        "tokenizer": Form("docstrings-bpe", (*TRAINING, "text", "glob", "field")),
        "text": Form(
            "laptop and the recipes of gpt2-124m",
            (
                *TRAINING,
                "patience",
                *TEXTS,
                "context_length",
                *BLOCKS,
                *BATCHES,
                "dropout",
                *COMPUTING,
                *BASES,
            ),
        ),
        "assistant": Form(
            "assistant",
            (
                *TRAINING,
                "patience",
                "data",
                "learning_rate",
                *COMPUTING,
                *BASES,
            ),
        ),
        "clubs": Form("clubs-attention", (*TRAINING, "heads", "width", *BATCHES)),
        "window": Form("clubs-8gram", (*TRAINING, "context_length", "width", *BATCHES)),
        "flowers": Form("iris", (*TRAINING, "learning_rate")),
    },
    "estimate": {
        "gpu": Form(
            "an estimate with --gpu",
            ("steps", *TEXTS, "from", *COSTLY, "price", "gpu", "gpus"),
        ),
        "here": Form(
            "an estimate for this machine",
            ("steps", *TEXTS, "from", *COSTLY, "price", "device", "precision"),
        ),
    },
    "sample": {
        "text": Form(
            "runs on a text", ("start", "count", "seed", "tokens", "last", *CHOICE)
        ),
        "likeliest": Form(
            "the likeliest text (temperature 0)",
            ("start", "count", "tokens", "last", "temperature"),
        ),
        "names": Form("runs on names or clubs", ("start", "count", "seed", "last")),
    },
    "chat": {
        "text": Form(
            "an answer drawn by chance", ("system", "tokens", "seed", "last", *CHOICE)
        ),
        "likeliest": Form(
            "the likeliest answer (temperature 0)",
            ("system", "tokens", "last", "temperature"),
        ),
    },
    "complete": {
        "text": Form("a text drawn by chance", ("start", "tokens", "seed", *CHOICE)),
        "likeliest": Form(
            "the likeliest text (temperature 0)", ("start", "tokens", "temperature")
        ),
    },
    "evaluate": {
        "names": Form("runs on names", ("names", "column", "last")),
        "text": Form("runs on a text", (*TEXTS, "last")),
        "other": Form("other runs", ()),
    },
    "export": {
        "huggingface": Form("--to huggingface", ("out", "last")),
        "gguf": Form("--to gguf", ("out", "precision", "last")),
        "web": Form("--to web", ("out", "precision", "last")),
    },
    "data prepare": {
        "table": Form("a table of the book", ()),
        "web": Form("web text", ("out", "tokens")),
        "text": Form("a text in byte pairs", ("vocab_size", *PREPARING)),
        "fixed": Form("a text in characters or GPT-2's tokens", PREPARING),
    },
}


def check_form(
    options: argparse.Namespace, command: str, form: str, what: str = ""
) -> None:
    """Refuse each option that has no effect in this form of the command.

    what names the thing at hand, such as a run; without it, the form does.
    Raises ValueError, which names the option and what it is for.
    """
    forms = COMMAND_FORMS[command]
    for name in given_options(options, command):
        if name not in forms[form].options:
            others = [each.about for each in forms.values() if name in each.options]
            between = " and for " if len(others) < 3 else "; for "
            raise ValueError(
                f"{what or forms[form].about} takes no --{name.replace('_', '-')}, "
                f"which is for {between.join(others)}: leave it out"
            )


def given_options(options: argparse.Namespace, command: str) -> list[str]:
    """The options that were given, of those that not every form takes or may take."""
    known = {name for form in COMMAND_FORMS[command].values() for name in form.options}
    return [
        name
        for name, value in vars(options).items()
        if name in known and value is not None
    ]
