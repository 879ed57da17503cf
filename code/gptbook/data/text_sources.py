"""Texts to learn from: Tiny Shakespeare, docstrings, web text, and the reader's own."""

import hashlib
import os
import random
import re
from collections.abc import Iterable
from decimal import Decimal
from http.client import HTTPException
from pathlib import Path
from urllib.request import urlopen

from gptbook.data.bpe import BytePairTokenizer
from gptbook.data.corpus import CORPUS_FACTS_FILE, Corpus
from gptbook.data.docstrings import LIBRARIES
from gptbook.data.documents import ReadersTexts
from gptbook.data.parted_documents import Survey
from gptbook.data.tables import split_names
from gptbook.files.text_files import read_text
from gptbook.files.whole_files import write_whole

TEXT_SOURCES = {  # what can be prepared by name
    "shakespeare": "a million letters of Shakespeare's plays; comes over the network",
    "docstrings": f"what {', '.join(LIBRARIES)} say about themselves; no network",
    "fineweb": "web text, as many --tokens as you ask for; streams in",
    "fineweb-edu": "web text that teaches, likewise",
    "fineweb-ready": "fineweb in tokens that others have made: comes in a minute",
}
SHAKESPEARE_ADDRESS = (
    "https://raw.githubusercontent.com/karpathy/char-rnn/"
    "6f9487a6fe5b420b7ca9afb0d7c078e37c1d1b4e/data/tinyshakespeare/input.txt"
)
SHAKESPEARE_SHA256 = "86c4e6aa9db7c042ec79f339dcb96d42b0075e16b8fc2e86bf0ca57e2dc565ed"
PATIENCE_SECONDS = 30  # for a server that says nothing
FEWEST_CHARACTERS = 20
SHORTEST_CONTEXT = 128  # of the recipes for a text: laptop's
FEWEST_TOKENS = 1_000  # of web text
SAMPLE_TOKENS = 9_500_000_000  # both samples have a little more
COUNT_UNITS = {"": 1, "k": 10**3, "m": 10**6, "b": 10**9}


def cache_folder() -> Path:
    """Where downloads and prepared texts are: `GPTBOOK_CACHE`, or ~/.cache/gptbook.

    As with other tools, `XDG_CACHE_HOME` stands for ~/.cache where it is set.
    Raises ValueError for a user who has no home.
    """
    if os.environ.get("GPTBOOK_CACHE"):
        return Path(os.environ["GPTBOOK_CACHE"])
    home = os.environ.get("XDG_CACHE_HOME")
    try:
        return (Path(home) if home else Path.home() / ".cache") / "gptbook"
    except RuntimeError:
        raise ValueError(
            "this user has no home folder: set GPTBOOK_CACHE to a folder for texts"
        ) from None


def fewest_characters(context_length: int) -> int:
    """How many characters a text needs whose held-out tenth fills one window."""
    fewest = 10 * context_length
    while fewest - int(0.9 * fewest) <= context_length:
        fewest += 1
    return fewest


def check_text_length(corpus: Corpus, context_length: int) -> None:
    """Raise ValueError, which says how much is needed, for a text that is too short."""
    for part, tokens in (
        ("held-out tenth", corpus.held_out),
        ("training part", corpus.training),
    ):
        if len(tokens) <= context_length:
            wanted = fewest_characters(context_length)
            if isinstance(corpus.tokenizer, BytePairTokenizer):
                times = (context_length + 1) / len(tokens)
                wanted = int(1.05 * times * corpus.num_bytes) + 1  # about
            raise ValueError(
                f"the {part} of {corpus.facts['name']} has {len(tokens):,} tokens, "
                f"and a context of {context_length:,} needs {context_length + 1:,}: "
                f"give a text of some {wanted:,} characters or more, or a smaller "
                "--context-length"
            )


def own_texts(texts: ReadersTexts) -> Survey:
    """What a reader's texts hold, read once; says so, where that is not plain.

    Raises ValueError, in one sentence, if there is no text, or too little of it.
    """
    for path in texts.paths:
        if not path.exists():
            raise ValueError(
                f"there is no file {path}: give the path of a text, or one of "
                f"{', '.join(TEXT_SOURCES)}"
            )
        if (path / CORPUS_FACTS_FILE).is_file():
            raise ValueError(
                f"{path} holds a prepared text: give it alone to --data, which takes "
                "it as it is"
            )
    survey = Survey.of(texts)
    shown = texts.shown
    texts.check_wishes(survey.seen)
    num_texts = len(survey.keys)
    several = [f"{num_texts:,} texts"] if num_texts > 1 else []
    for line in [*several, *survey.seen.lines()]:
        print(f"{texts.name}: {line}", flush=True)
    if survey.num_characters < FEWEST_CHARACTERS:
        raise ValueError(
            f"{shown} is too short to learn from nine tenths and hold out one, it has "
            f"{survey.num_characters} characters: laptop needs "
            f"{fewest_characters(SHORTEST_CONTEXT):,}, better a million"
            if survey.keys
            else f"{shown} holds no text: give a file or folder with text in it"
            + (", or another --glob" if texts.globs else "")
        )
    if len(survey.alphabet) == 1:
        raise ValueError(
            f"{shown} has one character only, {survey.alphabet.pop()!r}: there is "
            "nothing to predict"
        )
    return survey


def tiny_shakespeare() -> str:
    """A million letters of Shakespeare, from the cache or the network, checked.

    Raises ValueError if they cannot be had, or are others.
    """
    path = cache_folder() / "tinyshakespeare.txt"
    if path.exists():
        check_shakespeare(path.read_bytes(), f"delete {path}, and give the same again")
        return read_text(path)
    try:
        with urlopen(SHAKESPEARE_ADDRESS, timeout=PATIENCE_SECONDS) as answer:
            content = answer.read()  # 1 MB: checked before any of it is on the disk
    except (OSError, HTTPException) as error:
        reason = getattr(error, "reason", error)
        raise ValueError(
            f"Tiny Shakespeare did not come over the network ({reason}): go online, or "
            f"put {SHAKESPEARE_ADDRESS} at {path}"
        ) from None
    check_shakespeare(content, f"try again, or put the right file at {path}")
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, content)
    return read_text(path)


def check_shakespeare(content: bytes, advice: str) -> None:
    """Raise ValueError if these are not the bytes that the book was made with."""
    digest = hashlib.sha256(content).hexdigest()
    if digest != SHAKESPEARE_SHA256:
        raise ValueError(
            f"this is not Tiny Shakespeare: the checksum is {digest[:12]}..., not "
            f"{SHAKESPEARE_SHA256[:12]}...: {advice}"
        )


def split_documents(texts: Iterable[str]) -> tuple[list[str], list[str]]:
    """Nine tenths and one tenth of the texts, drawn by chance, each in a drawn order.

    In the order of the alphabet, a text would stand beside those that begin like it.
    """
    draw = random.Random(0)
    training, held_out = split_names(texts)
    return (
        sorted(training, key=lambda _: draw.random()),
        sorted(held_out, key=lambda _: draw.random()),
    )


def token_count(text: str) -> int:
    """A number of tokens as one writes it: 2.5B, 300M, 50k or 50,000.

    Raises ValueError for what is no such number, or too small or large for the sample.
    """
    plain = re.sub(r"(?<=\d)[,_](?=\d{3}(?!\d))", "", text.strip().lower())
    found = re.fullmatch(r"(\d+(?:\.\d+)?)([kmb]?)", plain, re.ASCII)
    count = Decimal(found[1]) * COUNT_UNITS[found[2]] if found else Decimal("0.5")
    if count != int(count):
        raise ValueError(
            f'"{text}" is no number of tokens: write 2.5B, 300M, 50k or 50000'
        )
    if not FEWEST_TOKENS <= count <= SAMPLE_TOKENS:
        raise ValueError(
            f'"{text}" is {int(count):,} tokens: ask for {FEWEST_TOKENS:,} to '
            f"{SAMPLE_TOKENS / 10**9}B, which the sample has"
        )
    return int(count)
