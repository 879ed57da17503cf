"""Web text whose tokens are ready: FineWeb in GPT-2's tokens, as others have made them.

To make a billion tokens takes many minutes of a machine; to fetch them, about one.
Source: kjj0/fineweb10B-gpt2, from which the race to GPT-2's loss is run. Its first file
is for measuring, and begins with the very tokens that all its records are measured on.
"""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from huggingface_hub import HfApi

from gptbook.data.batches import Tokens
from gptbook.data.bpe import BytePairTokenizer
from gptbook.data.corpus import TOKEN_TYPE, Corpus, write_corpus
from gptbook.data.hub import fetch_from_hub
from gptbook.data.tokenizer_files import token_bytes

READY_TEXTS = {"fineweb-ready": "kjj0/fineweb10B-gpt2"}
HEADER_NUMBERS = 256  # of four bytes each, before the tokens
MAGIC, VERSION = 20240520, 1  # the first two of them; the third counts the tokens
HELD_OUT_FILE = "fineweb_val_000000.bin"
FILES_FOR_TRAINING = 103


def prepare_ready_tokens(
    folder: Path,
    load_tokenizer: Callable[[], BytePairTokenizer],
    settings: Mapping[str, Any],
    fetch: Callable[[str], Path] | None = None,
) -> Corpus:
    """Fetch as many tokens as the settings say, and put them where training looks.

    settings name the source and say how many tokens are for training (num_tokens) and
    held out (num_held_out). fetch gives a file by its name; without it, it comes from
    the hub, which keeps what it has fetched: after a stop the same call fetches the
    rest. Raises ValueError if a file cannot be had or is another, or all of them have
    too few tokens; OSError if the disk is full.
    """
    tokenizer = load_tokenizer()
    revision = None
    if fetch is None:
        fetch, revision = from_hub(READY_TEXTS[settings["source"]])
    held_out = ready_tokens(fetch(HELD_OUT_FILE))[: settings["num_held_out"]]
    num_bytes = np.array(token_bytes(tokenizer))
    facts = {
        "name": settings["source"],
        "bytes_per_token": float(num_bytes[held_out].mean()),
        "settings": dict(settings),
        **({"revision": revision} if revision else {}),
    }
    training = training_pieces(fetch, settings["num_tokens"])
    return write_corpus(folder, tokenizer, training, [held_out], facts)


def from_hub(repository: str) -> tuple[Callable[[str], Path], str]:
    """What fetches a file of the newest commit of a repository, and that commit.

    Raises ValueError if the hub does not answer.
    """
    try:
        commit = HfApi().dataset_info(repository, expand=["sha"]).sha or ""
    except Exception as error:  # of several libraries, with no class in common
        raise ValueError(
            f"{repository} comes over the network, and the hub did not answer "
            f"({type(error).__name__}): go online, and give the same command again"
        ) from error

    def fetch(name: str) -> Path:
        return fetch_from_hub(repository, name, commit, repo_type="dataset")

    return fetch, commit


def training_pieces(fetch: Callable[[str], Path], num_tokens: int) -> Iterator[Tokens]:
    """The first tokens for training, file by file: each is fetched when it is due.

    Raises ValueError if all files have fewer.
    """
    missing = num_tokens
    for number in range(1, FILES_FOR_TRAINING + 1):
        piece = ready_tokens(fetch(f"fineweb_train_{number:06}.bin"))[:missing]
        yield piece
        missing -= len(piece)
        if not missing:
            return
    raise ValueError(
        f"the files have {num_tokens - missing:,} tokens for training, not "
        f"{num_tokens:,}: ask for fewer --tokens"
    )


def ready_tokens(path: Path) -> Tokens:
    """The tokens of a file, from the disk as they are needed. Shape: (P,).

    Raises ValueError, in one sentence, if it is no such file, or not all of one.
    """
    header = np.fromfile(path, dtype="<i4", count=HEADER_NUMBERS)
    start = 4 * HEADER_NUMBERS
    if len(header) < HEADER_NUMBERS or tuple(header[:2]) != (MAGIC, VERSION):
        raise ValueError(f"{path} is no file of tokens: delete it and load it again")
    count, num_bytes = int(header[2]), path.stat().st_size - start
    if count < 1 or num_bytes != count * TOKEN_TYPE.itemsize:
        raise ValueError(
            f"{path} has {num_bytes:,} bytes of tokens and says that it has {count:,} "
            "tokens of two bytes: delete it and load it again"
        )
    return np.memmap(path, dtype=TOKEN_TYPE, mode="r", offset=start, shape=(count,))
