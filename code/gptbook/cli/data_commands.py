"""What the commands do with tables, texts and records."""

import argparse
from dataclasses import replace

from gptbook.cli.forms import check_form
from gptbook.cli.own_data import texts_of_paths
from gptbook.data.prepare import BY_TOKENS, prepare_corpus
from gptbook.data.tables import data_file, read_record, read_table
from gptbook.data.text_sources import TEXT_SOURCES, token_count
from gptbook.experiments.record import Recording, make_record, what_changed
from gptbook.experiments.recordings import recordings
from gptbook.files.nearest_word import find_word
from gptbook.files.shell import shell_words

DATA_SETS = {
    "iris": ("iris.csv", "150 iris flowers: four lengths in cm and the species"),
    "cities": ("cities.csv", "names of cities of the world in a-z, with their country"),
    "models": ("models.csv", "parameter counts of language models, dated and sourced"),
    "teams": ("teams.csv", "football clubs and their home stadiums, one each"),
}


def list_data() -> None:
    """Print the tables."""
    for name, (file, text) in DATA_SETS.items():
        print(f"{name:15}{text} ({file})")
    for name, text in TEXT_SOURCES.items():
        print(f"{name:15}{text}")


def prepare_data(options: argparse.Namespace) -> None:
    """Check a table, or prepare a text, and say where it lies.

    Raises ValueError if it cannot be had.
    """
    texts = texts_of_paths(options.name, options)
    # The nearest word is named even where several are given.
    name = texts.named((*DATA_SETS, *TEXT_SOURCES)) or texts.name
    check_form(options, "data prepare", preparing_form(name, options.tokenizer), name)
    if name in DATA_SETS:
        path = data_file(DATA_SETS[name][0])
        table = read_table(path)
        columns = ", ".join(table.columns)
        print(f"{name} is ready: {len(table):,} rows with {columns} in {path}")
        return
    corpus = prepare_corpus(
        replace(texts, sources=(name,)) if name in TEXT_SOURCES else texts,
        options.out,
        tokenizer=options.tokenizer or "auto",
        vocab_size=options.vocab_size,
        num_tokens=None if options.tokens is None else token_count(options.tokens),
    )
    print(
        f"{len(corpus.training):,} tokens to learn from, {len(corpus.held_out):,} held "
        f"out, {corpus.bytes_per_token:.2f} bytes per token"
    )
    following = ["gptbook", "train", "laptop", "--data", str(corpus.folder)]
    print(f"Next: {shell_words(following)}")


def preparing_form(name: str, tokenizer: str | None) -> str:
    """Which form of `gptbook data prepare` a name and a choice of tokens are for."""
    if name in DATA_SETS:
        return "table"
    if name in BY_TOKENS:
        return "web"
    return "fixed" if tokenizer in ("characters", "gpt2") else "text"


def ladder_command(options: argparse.Namespace) -> int:
    """Make the records of the book that are absent or stale; or only say which are.

    Returns the exit code: 1 if it was only to check, and a record is stale.
    Raises ValueError for a name that is no record.
    """
    every = recordings()
    asked = [find_word(name, every, "record") for name in options.records]
    names = list(dict.fromkeys(asked)) or list(every)
    stale = {name: changes for name in names if (changes := staleness(every[name]))}
    if options.check:
        for name, changes in stale.items():
            print(f"{name}.json is stale: {'; '.join(changes)}.")
        if stale:
            print(f"To make {'it' if len(stale) == 1 else 'them'} anew: gptbook ladder")
            return 1
        print(
            "Fresh, made by the code, tables and settings of today: "
            + f"{', '.join(names)}."
        )
        return 0
    for name in names:
        if name not in stale and not options.again:
            print(f"The record {name}.json is up to date; --again makes it anew.")
            continue
        reason = "; ".join(stale.get(name, ["you asked for it"]))
        print(f"Recording {name}.json anew: {reason}.")
        print(f"It holds {every[name].about};")
        print(f"that takes {every[name].duration}.", flush=True)
        if not options.again:
            print("Ctrl-C stops it; the same command goes on.", flush=True)
        print(f"Saved in {make_record(every[name], resume=not options.again)}.")
    return 0


def staleness(recording: Recording) -> list[str]:
    """Why a record must be made anew, in phrases; none if it is fresh."""
    try:
        record = read_record(recording.name)
    except ValueError:
        return ["there is no record yet"]
    return what_changed(record, recording)
