"""A folder with a tokenizer: learned from docstrings, measured, saved, found again."""

import json
from collections.abc import Callable
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Any

from tqdm import tqdm

from gptbook.data.bpe import BytePairTokenizer, bytes_per_token
from gptbook.data.docstrings import LIBRARIES, docstrings
from gptbook.data.documents import ReadersTexts, Sighting
from gptbook.data.parted_documents import Survey
from gptbook.data.tables import split_names
from gptbook.files.json_files import (
    MOST_WHOLE,
    Fields,
    Real,
    Whole,
    Words,
    brief,
    read_json,
)
from gptbook.files.shell import shell_words
from gptbook.files.whole_files import file_sha256, write_whole
from gptbook.tasks.recipes import TokenizerRecipe
from gptbook.training.run_folder import is_begun

TOKENIZER_FILE = "tokenizer.json"
TOKENIZER_FACTS_FILE = "training.json"
TOKENIZER_FORMAT = "gptbook tokenizer 1"
MEASURED_SHAPE = Fields(
    {
        "num_training": Whole(1),
        "num_held_out": Whole(1),
        "bytes_per_token": Real(1e-9, 1e9),
        "sentence": Words(most=MOST_WHOLE),
    }
)


def split_texts(recipe: TokenizerRecipe) -> tuple[list[str], list[str]]:
    """Texts to learn from, and others to measure with; the seed draws which.

    They are docstrings, or the documents of the recipe's own text; where that is a
    single one, its paragraphs. Raises ValueError if that cannot be read, or has only
    one paragraph.
    """
    if not recipe.text_file:
        return split_names(docstrings(LIBRARIES), recipe.held_out, recipe.seed)
    seen = Sighting()
    texts = [text for _, text in own_documents(recipe).documents(seen)]
    for line in seen.lines():
        print(f"  {line}")
    if len(texts) == 1:
        texts = [part for part in texts[0].split("\n\n") if part]
    if len(set(texts)) < 2:
        raise ValueError(
            f"{recipe.text_file} has fewer than two paragraphs: part some with an "
            "empty line, so that one can be held out"
        )
    return split_names(texts, recipe.held_out, recipe.seed)


def own_documents(recipe: TokenizerRecipe) -> ReadersTexts:
    """The text of the recipe's own."""
    globs = tuple(recipe.globs.split("\n")) if recipe.globs else ()
    return ReadersTexts((recipe.text_file,), globs, recipe.field)


def learn_tokenizer(
    recipe: TokenizerRecipe,
    training: list[str],
    on_merge: Callable[[bytes, int], None] | None = None,
) -> BytePairTokenizer:
    """As many merges as the recipe has steps. on_merge gets each new piece, its count.

    Raises ValueError if the texts do not have that many.
    """
    learned = 0

    def count(piece: bytes, times: int) -> None:
        nonlocal learned
        learned += 1
        if on_merge:
            on_merge(piece, times)

    try:
        return BytePairTokenizer.learn(training, 256 + recipe.num_steps, on_merge=count)
    except ValueError as error:
        if learned == 0:
            raise
        raise ValueError(
            f"{recipe.num_steps:,} merges are more than these texts have in them: "
            f"give --steps {learned} or fewer"
        ) from error


def measure_tokenizer(
    tokenizer: BytePairTokenizer, training: list[str], held_out: list[str]
) -> dict[str, Any]:
    """How well it does on texts that it never saw, and one sentence of theirs.

    The sentence is a first line that looks like one; else any first line.
    """
    lines = [text.partition("\n")[0] for text in held_out]
    handy = [
        line
        for line in lines
        if 30 <= len(line) <= 60 and line[0].isupper() and line.endswith(".")
    ]
    return {
        "num_training": len(training),
        "num_held_out": len(held_out),
        "bytes_per_token": bytes_per_token(tokenizer, held_out),
        "sentence": (handy or lines)[0],
    }


def tokenizer_facts(recipe: TokenizerRecipe) -> dict[str, Any]:
    """All that decides a tokenizer: the recipe, and which texts are read."""
    facts = asdict(recipe)
    for later in ("globs", "field"):  # which tokenizers from before do not have
        if not facts[later]:
            del facts[later]
    if recipe.text_file:
        path = Path(recipe.text_file)
        is_one = path.is_file()
        texts = own_documents(recipe)
        digest = file_sha256(path) if is_one else Survey.of(texts).sha256
        return {**facts, "text_sha256": digest}
    versions = {f"version of {library}": version(library) for library in LIBRARIES}
    return {**facts, **versions}


def save_tokenizer(
    run_dir: Path,
    recipe: TokenizerRecipe,
    tokenizer: BytePairTokenizer,
    measured: dict[str, Any],
) -> None:
    """Write `tokenizer.json`, then how it was made: a folder with both is finished.

    Raises OSError if that fails.
    """
    run_dir.mkdir(parents=True, exist_ok=True)
    tokenizer.save(run_dir / TOKENIZER_FILE)
    record = {
        "format": TOKENIZER_FORMAT,
        "facts": tokenizer_facts(recipe),
        "measured": measured,
        "tokenizer_sha256": file_sha256(run_dir / TOKENIZER_FILE),
    }
    text = json.dumps(record, indent=1, ensure_ascii=False) + "\n"
    write_whole(run_dir / TOKENIZER_FACTS_FILE, text.encode())


def holds_tokenizer(run_dir: Path) -> bool:
    """Whether a folder holds a tokenizer that was trained here."""
    return (run_dir / TOKENIZER_FACTS_FILE).is_file()


def finished_tokenizer(run_dir: Path, recipe: TokenizerRecipe) -> dict[str, Any]:
    """What was measured of the tokenizer in a folder; nothing, if it is still to learn.

    Raises ValueError, with the differences, if the folder holds another tokenizer, or
    anything else.
    """
    if not is_begun(run_dir, TOKENIZER_FACTS_FILE, "a tokenizer"):
        return {}
    record = read_json(run_dir / TOKENIZER_FACTS_FILE)
    try:
        there, measured = dict(record["facts"]), dict(record["measured"])
        digest = record["tokenizer_sha256"]
        is_known = record["format"] == TOKENIZER_FORMAT
        is_known = is_known and not MEASURED_SHAPE.problem(measured)
    except (KeyError, TypeError, ValueError):
        is_known = False
    if not is_known:
        raise ValueError(
            f"{run_dir / TOKENIZER_FACTS_FILE} was changed, or is not of this version "
            f'("{TOKENIZER_FORMAT}"): give another --run-dir'
        )
    here = tokenizer_facts(recipe)
    changed = [name for name in {**there, **here} if there.get(name) != here.get(name)]
    if changed:
        shown = "; ".join(
            f"{name} is {brief(there, name)} there, {brief(here, name)} here"
            for name in changed
        )
        raise ValueError(
            f"{run_dir} holds another tokenizer ({shown}): give another --run-dir"
        )
    path = run_dir / TOKENIZER_FILE
    if not path.is_file() or file_sha256(path) != digest:
        raise ValueError(
            f"{path} is missing or was changed: give another --run-dir, and train anew"
        )
    return measured


def load_tokenizer(run_dir: Path) -> BytePairTokenizer:
    """The tokenizer in a folder. Raises ValueError if there is none."""
    path = run_dir / TOKENIZER_FILE
    if not path.is_file():
        raise ValueError(
            f"{run_dir} holds no {TOKENIZER_FILE}: give the folder of a tokenizer, "
            "which gptbook train docstrings-bpe makes"
        )
    return BytePairTokenizer.load(path)


def shown_pieces(tokenizer: BytePairTokenizer, text: str) -> str:
    """The pieces of a text, with a line between two; a space is drawn as ␣.

    Raises ValueError, which says where, for half of a surrogate pair.
    """
    labels = tokenizer.labels
    return " | ".join(labels[number] for number in tokenizer.encode(text))


def train_tokenizer(recipe: TokenizerRecipe, run_dir: Path) -> None:
    """Learn merges, save them, and say what they are worth; or find them done.

    Raises ValueError as `finished_tokenizer` and `learn_tokenizer` do.
    """
    measured = finished_tokenizer(run_dir, recipe)
    if measured:
        print(f"{run_dir} is finished: all {recipe.num_steps:,} merges are learned")
        tokenizer = load_tokenizer(run_dir)
    else:
        print(f"{recipe.name}: pieces for a text, merged from bytes")
        texts = recipe.text_file or f"the docstrings of {', '.join(LIBRARIES)}"
        print(f"  reads {texts} ...", flush=True)
        training, held_out = split_texts(recipe)
        print(
            f"  learns from {len(training):,} texts; "
            f"{len(held_out):,} others are kept to measure with"
        )
        print(f"  merges      {recipe.num_steps:,}, each with the commonest pair")
        print(f"  saved in    {run_dir} at the end (Ctrl-C stops)", flush=True)
        with tqdm(total=recipe.num_steps, unit=" merges", disable=None) as bar:

            def show(piece: bytes, times: int) -> None:
                bar.set_postfix_str(f"{piece!r} {times:,} times", refresh=False)
                bar.update()

            tokenizer = learn_tokenizer(recipe, training, show)
        measured = measure_tokenizer(tokenizer, training, held_out)
        save_tokenizer(run_dir, recipe, tokenizer, measured)
    sentence = measured["sentence"]
    print(
        f"  held-out texts {measured['bytes_per_token']:.2f} bytes per token, "
        f"on {measured['num_held_out']:,} that it never saw (single bytes: 1)"
    )
    print(f"  it splits      {sentence}")
    print(f"  into           {shown_pieces(tokenizer, sentence)}")
    following = ["gptbook", "tokens", str(run_dir), "Returns the mean of a name."]
    print(f"Next: {shell_words(following)}")
