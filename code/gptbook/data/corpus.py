"""A text as numbers: flat files of tokens, which are read without being loaded."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor

from gptbook.data.batches import Tokens, check_size, fixed_windows, token_batch
from gptbook.data.tokenizer_files import (
    TextTokenizer,
    load_tokenizer_file,
    save_tokenizer_file,
    tokenizer_path,
)
from gptbook.files.json_files import (
    Digest,
    Fields,
    Real,
    Whole,
    Words,
    check_facts,
    facts_sha256,
    read_json,
)
from gptbook.files.whole_files import file_sha256, write_whole

CORPUS_FORMAT = "gptbook corpus 1"
CORPUS_FACTS_FILE = "corpus.json"
TOKEN_FILES = {"training": "training.bin", "held_out": "held_out.bin"}
TOKEN_TYPE = np.dtype("<u2")  # two bytes a token, the low one first: 65,536 tokens
CORPUS_SHAPE = Fields(
    required={
        "format": Words((CORPUS_FORMAT,)),
        "name": Words(),
        "bytes_per_token": Real(1e-9, 1e9),
        "vocab_size": Whole(1, 2**16),
        "tokenizer_sha256": Digest(),
        **{f"{part}_tokens": Whole(1) for part in TOKEN_FILES},
        **{f"{part}_sha256": Digest() for part in TOKEN_FILES},
    },
    optional={
        "settings": Fields({}, is_open=True),
        "spelling": Words(),
        "revision": Words(),
        "facts_sha256": Digest(),  # of all the others; corpora from before lack it
    },
)
ALWAYS_HASHED = 2**26  # bytes; a larger file is trusted if its length is right


@dataclass(frozen=True, kw_only=True)
class Corpus:
    """A text in tokens: a part to learn from, and a part that training never sees."""

    folder: Path
    tokenizer: TextTokenizer
    training: Tokens
    held_out: Tokens
    facts: dict[str, Any]

    @property
    def vocab_size(self) -> int:
        """How many different tokens there are."""
        return self.tokenizer.vocab_size

    @property
    def bytes_per_token(self) -> float:
        """How many bytes of the held-out text one token holds, on average."""
        return float(self.facts["bytes_per_token"])

    @property
    def num_bytes(self) -> int:
        """How many bytes the whole text has, about."""
        num_tokens = len(self.training) + len(self.held_out)
        return round(num_tokens * self.bytes_per_token)

    def batch(
        self,
        context_length: int,
        batch_size: int,
        step: int,
        seed: int,
        rows: slice = slice(None),
    ) -> tuple[Tensor, Tensor]:
        """The batch of a step, or some rows of it; see `token_batch`.

        Raises ValueError if the file of tokens has shrunk, or holds others' tokens.
        """
        path = self.folder / TOKEN_FILES["training"]
        check_size(path, self.training)
        inputs, targets = token_batch(
            self.training, context_length, batch_size, step, seed, rows
        )
        for tokens in (inputs, targets):
            check_vocabulary(tokens, self.vocab_size, path)
        return inputs, targets

    def held_out_windows(
        self, context_length: int, num_windows: int
    ) -> tuple[Tensor, Tensor]:
        """Windows of what training never sees, the same each time; see `fixed_windows`.

        Raises ValueError if the file of tokens has shrunk, or holds others' tokens.
        """
        path = self.folder / TOKEN_FILES["held_out"]
        check_size(path, self.held_out)
        inputs, targets = fixed_windows(self.held_out, context_length, num_windows)
        for tokens in (inputs, targets):
            check_vocabulary(tokens, self.vocab_size, path)
        return inputs, targets


def write_corpus(
    folder: Path,
    tokenizer: TextTokenizer,
    training: Iterable[Sequence[int] | Tokens],
    held_out: Iterable[Sequence[int] | Tokens],
    facts: Mapping[str, Any],
) -> Corpus:
    """Write the tokens of a text, piece by piece, and how they were made.

    `corpus.json` comes last: a folder that has it is whole. facts must hold "name" and
    "bytes_per_token". Raises ValueError if there are more than 65,536 tokens, or a
    part is empty; OSError if the disk is full.
    """
    assert {"name", "bytes_per_token"} <= facts.keys()
    if tokenizer.vocab_size > 2**16:
        raise ValueError(
            f"{tokenizer.vocab_size:,} different tokens do not fit into two bytes: "
            f"give a tokenizer of {2**16:,} or fewer"
        )
    folder.mkdir(parents=True, exist_ok=True)
    (folder / CORPUS_FACTS_FILE).unlink(missing_ok=True)
    # Tokens before the tokenizer: alone, that one could be the file of a model.
    for part, pieces in (("training", training), ("held_out", held_out)):
        write_tokens(folder / TOKEN_FILES[part], pieces)
    save_tokenizer_file(folder, tokenizer)
    describe_corpus(folder, tokenizer, facts)
    return open_corpus(folder)


def write_tokens(path: Path, pieces: Iterable[Sequence[int] | Tokens]) -> None:
    """Write pieces of tokens one after another, beside the place, then into it."""
    growing = path.with_name(path.name + ".part")
    try:
        with growing.open("wb") as file:
            for piece in pieces:
                file.write(np.asarray(piece, dtype=TOKEN_TYPE).tobytes())
        growing.replace(path)
    finally:
        growing.unlink(missing_ok=True)


def describe_corpus(
    folder: Path, tokenizer: TextTokenizer, facts: Mapping[str, Any]
) -> None:
    """Write `corpus.json` for the files of tokens that lie in the folder.

    Raises ValueError if one of them holds no token.
    """
    described: dict[str, Any] = {}
    for part, name in TOKEN_FILES.items():
        num_bytes = (folder / name).stat().st_size
        if num_bytes == 0:
            raise ValueError(f"the {part} part of the text is empty: give a longer one")
        described[f"{part}_tokens"] = num_bytes // TOKEN_TYPE.itemsize
        described[f"{part}_sha256"] = file_sha256(folder / name)
    content = {
        "format": CORPUS_FORMAT,
        **facts,
        "vocab_size": tokenizer.vocab_size,
        **described,
        "tokenizer_sha256": file_sha256(tokenizer_path(folder)),
        "facts_sha256": None,  # facts of another corpus may bring theirs
    }
    content = {key: value for key, value in content.items() if value is not None}
    content["facts_sha256"] = facts_sha256(content)
    text = json.dumps(content, indent=1, ensure_ascii=False) + "\n"
    write_whole(folder / CORPUS_FACTS_FILE, text.encode())


def open_corpus(folder: Path) -> Corpus:
    """The corpus in a folder; its tokens stay on the disk until they are asked for.

    Raises ValueError, in one sentence, if it is absent, damaged, or by a newer version.
    """
    path = folder / CORPUS_FACTS_FILE
    if not path.is_file():
        raise ValueError(
            f"{folder} holds no prepared text, it has no {CORPUS_FACTS_FILE}: "
            "make one with gptbook data prepare, or check the path"
        )
    facts = read_json(path)
    if not isinstance(facts, dict) or facts.get("format") != CORPUS_FORMAT:
        raise ValueError(
            f'{path} is not of this version ("{CORPUS_FORMAT}"): prepare the text again'
        )
    again = "prepare the text again"
    check_facts(facts, CORPUS_SHAPE, path, again)
    whole = {key: value for key, value in facts.items() if key != "facts_sha256"}
    if facts.get("facts_sha256", facts_sha256(whole)) != facts_sha256(whole):
        raise ValueError(f"{path} was changed: {again}")
    tokenizer = load_tokenizer_file(folder)
    if tokenizer.vocab_size != facts.get("vocab_size"):
        raise ValueError(
            f"{folder} was prepared with {facts.get('vocab_size')} different tokens, "
            f"and its tokenizer has {tokenizer.vocab_size}: prepare the text again"
        )
    if file_sha256(tokenizer_path(folder)) != facts["tokenizer_sha256"]:
        raise ValueError(f"{tokenizer_path(folder)} was changed: {again}")
    training, held_out = (
        map_tokens(folder / TOKEN_FILES[part], facts, part) for part in TOKEN_FILES
    )
    return Corpus(
        folder=folder,
        tokenizer=tokenizer,
        training=training,
        held_out=held_out,
        facts=facts,
    )


def map_tokens(path: Path, facts: dict[str, Any], part: str) -> Tokens:
    """The tokens in a file. Raises ValueError if it is not what was written there."""
    again = "prepare the text again"
    if not path.is_file():
        raise ValueError(f"{path} is missing: {again}")
    num_bytes = path.stat().st_size
    if num_bytes % TOKEN_TYPE.itemsize:
        raise ValueError(
            f"{path} has {num_bytes:,} bytes, and a token has {TOKEN_TYPE.itemsize}: "
            f"the last one is cut; {again}"
        )
    num_tokens = num_bytes // TOKEN_TYPE.itemsize
    if num_tokens != facts.get(f"{part}_tokens"):
        raise ValueError(
            f"{path} has {num_tokens:,} tokens, and {facts.get(f'{part}_tokens')} were "
            f"written: {again}"
        )
    if num_bytes <= ALWAYS_HASHED and file_sha256(path) != facts.get(f"{part}_sha256"):
        raise ValueError(f"{path} is not what was written there: {again}")
    return np.memmap(path, dtype=TOKEN_TYPE, mode="r")


def check_vocabulary(tokens: Tensor, vocab_size: int, path: Path) -> None:
    """Raise ValueError if a file holds a token that its tokenizer does not have."""
    largest = int(tokens.max())
    if largest >= vocab_size:
        raise ValueError(
            f"{path} holds token {largest}, and its tokenizer knows 0 to "
            f"{vocab_size - 1}: the file is of another vocabulary; prepare it again"
        )
