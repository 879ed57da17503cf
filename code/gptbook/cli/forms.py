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
TEXTS = ("data", "glob", "field")
PREPARING = ("out", "tokenizer", "glob", "field")
CHOICE = ("temperature", "top_k", "top_p")
COMMAND_FORMS: dict[str, dict[str, Form]] = {
    "train": {
        "names": Form(
            "recipes for names", (*TRAINING, "patience", "names", "column", "from")
        ),
        "tokenizer": Form("docstrings-bpe", (*TRAINING, "text", "glob", "field")),
        "text": Form(
            "laptop and the recipes of gpt2-124m",
            (
                *TRAINING,
                "patience",
                *TEXTS,
                "device",
                "precision",
                "rows_at_once",
                "rate_scale",
                "compile",
                "tensorboard",
                "from",
                "lora_rank",
                "lora_alpha",
            ),
        ),
        "other": Form("iris and the clubs", TRAINING),
    },
    "estimate": {
        "gpu": Form(
            "an estimate with --gpu", ("steps", *TEXTS, "price", "gpu", "gpus")
        ),
        "here": Form(
            "an estimate for this machine",
            ("steps", *TEXTS, "price", "device", "precision"),
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
            raise ValueError(
                f"{what or forms[form].about} takes no --{name.replace('_', '-')}, "
                f"which is for {' and for '.join(others)}: leave it out"
            )


def given_options(options: argparse.Namespace, command: str) -> list[str]:
    """The options that were given, of those that not every form takes or may take."""
    known = {name for form in COMMAND_FORMS[command].values() for name in form.options}
    return [
        name
        for name, value in vars(options).items()
        if name in known and value is not None
    ]
