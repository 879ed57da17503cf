"""What each command does: say what will happen, do it, say what to type next."""

import argparse
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from gptbook.cli.continuation import continue_text, open_pretrained
from gptbook.cli.data_commands import ladder_command, list_data, prepare_data
from gptbook.cli.forms import check_form
from gptbook.cli.progress import train_with_bar
from gptbook.cli.reports import (
    estimate_command,
    export_command,
    receipt_command,
    sample_text,
    sampling_form,
)
from gptbook.cli.train import train_text
from gptbook.data.merging import utf8
from gptbook.data.tables import check_own_tables, read_names
from gptbook.files.lock import locked
from gptbook.files.shell import shell_words
from gptbook.files.text_files import nfc, regular
from gptbook.tasks.byte_pairs import (
    holds_tokenizer,
    load_tokenizer,
    shown_pieces,
    train_tokenizer,
)
from gptbook.tasks.catalogue import (
    load_run,
    new_run,
    split_at_words,
    surprise_at_names,
    write_samples,
)
from gptbook.tasks.names import SpellingRun
from gptbook.tasks.recipe_words import recipe
from gptbook.tasks.recipes import NamesRecipe, TextRecipe, TokenizerRecipe
from gptbook.tasks.saved_run import recipe_in
from gptbook.tasks.sentences import ClubRun, NameRun
from gptbook.training.checkpoint import FACTS_FILE, load_checkpoint
from gptbook.training.recipe import Recipe
from gptbook.training.run import check_trained
from gptbook.training.run_folder import clear_leftovers, is_begun


def run_command(options: argparse.Namespace, words: Sequence[str]) -> int:
    """Do what the parsed words say, and return the exit code."""
    check_own_tables()
    match options.command:
        case "train":
            return train_command(options, words)
        case "estimate":
            estimate_command(options)
        case "receipt":
            receipt_command(options)
        case "export":
            export_command(options)
        case "sample":
            sample_command(options)
        case "complete":
            complete_command(options)
        case "evaluate":
            evaluate_command(options)
        case "tokens":
            tokens_command(options)
        case "data":
            if options.action == "list":
                list_data()
            else:
                prepare_data(options)
        case "ladder":
            return ladder_command(options)
    return 0


def recipe_from(options: argparse.Namespace) -> Recipe:
    """The named recipe, changed as the options say.

    Raises ValueError if they do not go together.
    """
    chosen = recipe(options.recipe)
    check_form(options, "train", training_form(chosen), chosen.name)
    if options.seed is not None:
        chosen = replace(chosen, seed=options.seed)
    if options.steps is not None:
        chosen = replace(chosen, num_steps=options.steps)
    if options.text is not None:
        assert isinstance(chosen, TokenizerRecipe)
        chosen = replace(chosen, text_file=regular(options.text))
    if wants_own_names(options):
        assert isinstance(chosen, NamesRecipe)
        file = regular(options.names)
        chosen = replace(chosen, names_file=file, column=options.column)
    return chosen


def training_form(chosen: Recipe) -> str:
    """Which form of `gptbook train` a recipe is for."""
    match chosen:
        case NamesRecipe():
            return "names"
        case TokenizerRecipe():
            return "tokenizer"
        case TextRecipe():
            return "text"
    return "other"


def wants_own_names(options: argparse.Namespace) -> bool:
    """Whether --names and --column are given. Raises ValueError if only one is."""
    if options.column is not None and options.names is None:
        raise ValueError("--column needs --names: give the CSV file with that column")
    if options.names is not None and options.column is None:
        raise ValueError("--names needs --column: say which column holds the names")
    return options.names is not None


def train_command(options: argparse.Namespace, words: Sequence[str]) -> int:
    """Train, or go on with a run; exit code 130 if Ctrl-C stopped it."""
    chosen = recipe_from(options)
    if isinstance(chosen, TextRecipe):
        return train_text(options, chosen, words)
    own = options.names or options.text
    own_list = f"-{own.stem}" if own else ""
    run_dir: Path = options.run_dir or Path("runs") / f"{chosen.name}{own_list}"
    if run_dir.exists() and not run_dir.is_dir():
        raise ValueError(f"{run_dir} is a file, not a folder: give another --run-dir")
    with locked(run_dir):
        return train_here(chosen, run_dir, words)


def train_here(chosen: Recipe, run_dir: Path, words: Sequence[str]) -> int:
    """The same, in a folder that is this process's own."""
    if isinstance(chosen, TokenizerRecipe):
        train_tokenizer(chosen, run_dir)
        return 0
    goes_on = is_begun(run_dir, FACTS_FILE, "a run")
    run = new_run(chosen)
    if goes_on:
        run.go_on_from(run_dir)
        clear_leftovers(run_dir)
        check_trained(run.model.state_dict(), run_dir)
    if run.is_finished:
        print(f"{run_dir} is finished: all {chosen.num_steps:,} steps are done")
    else:
        train_with_bar(run, run_dir)
    if not run.is_finished:
        done = f"{run.step:,} of {chosen.num_steps:,} steps"
        print(f"Stopped after {done}; everything is saved in {run_dir}.")
        print(f"To go on: {shell_words(['gptbook', *words])}")
        return 130
    for line in run.report():
        print(line, flush=True)
    following = ["gptbook", "train", "city-bigram"]
    if isinstance(run, ClubRun):
        (sentence,) = write_samples(run_dir, start="", count=1, seed=0)
        print(f"  it writes      {sentence}")
        start = " ".join(split_at_words(sentence, run.tokenizer.words)[:2])
        following = ["gptbook", "sample", str(run_dir), "--start", start]
    if isinstance(run, SpellingRun | NameRun):
        samples = write_samples(run_dir, start="", count=3, seed=0)
        print(f"  it writes      {', '.join(samples)}")
        start = run.training[len(run.training) // 2][:2]
        following = ["gptbook", "sample", str(run_dir), "--start", start]
        following += ["--count", "10", "--seed", "1"]
    print(f"Next: {shell_words(following)}")
    return 0


def sample_command(options: argparse.Namespace) -> None:
    """Print names, one a line, or a text. Raises ValueError if the run writes none."""
    run_dir = options.run_dir
    refuse_tokenizer(run_dir)
    _, facts = load_checkpoint(run_dir)
    used = recipe_in(facts, run_dir)
    if isinstance(used, TextRecipe):
        sample_text(options)
        return
    check_form(options, "sample", "names", f"{run_dir}, a run of {used.name},")
    count, seed = options.count or 10, options.seed or 0
    for name in write_samples(run_dir, options.start or "", count, seed):
        print(name)


def complete_command(options: argparse.Namespace) -> None:
    """Print a text and what follows it, as it is written."""
    check_form(options, "complete", sampling_form(options))
    model, tokenizer = open_pretrained(options.weights)
    temperature = 1.0 if options.temperature is None else options.temperature
    # as nearly all that it has read is spelled; encode itself stays GPT-2's
    start = nfc(options.start or "")
    how = (options.tokens or 50, temperature, options.seed or 0)
    choice = (options.top_k, options.top_p)
    for piece in continue_text(model, tokenizer, start, *how, *choice):
        print(piece, end="", flush=True)
    print()


def evaluate_command(options: argparse.Namespace) -> None:
    """Print how good a run's model is."""
    refuse_tokenizer(options.run_dir)
    _, facts = load_checkpoint(options.run_dir)
    used = recipe_in(facts, options.run_dir)
    form = "names" if isinstance(used, NamesRecipe) else "other"
    form = "text" if isinstance(used, TextRecipe) else form
    what = f"{options.run_dir}, a run of {used.name},"
    check_form(options, "evaluate", form, what)
    if wants_own_names(options):
        names = read_names(options.names, options.column)
        loss = surprise_at_names(options.run_dir, names)
        print(f"  loss on your {len(names):,} names  {loss:.3f} nats per position")
        return
    run = load_run(options.run_dir, options.data)
    print(f"{run.recipe.name} after {run.step:,} of {run.recipe.num_steps:,} steps")
    for line in run.report():
        print(line, flush=True)


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
