"""Web text by the billion: streamed, tokenised in parallel, stopped and gone on with.

FineWeb and FineWeb-Edu are texts of the web, cleaned by Hugging Face (Penedo et al.
2024). What is streamed is the sample of some ten billion tokens, in its own order.
"""

import json
import os
import shutil
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
from huggingface_hub import HfApi
from tqdm import tqdm

from gptbook.data.batches import Tokens
from gptbook.data.bpe import BytePairTokenizer
from gptbook.data.corpus import (
    TOKEN_FILES,
    TOKEN_TYPE,
    Corpus,
    describe_corpus,
    open_corpus,
)
from gptbook.data.tokenizer_files import PIECES_FILE, token_bytes
from gptbook.files.json_files import Fields, Whole, facts_sha256, read_json
from gptbook.files.whole_files import write_whole

WEB_TEXTS = {  # a name: its repository of data sets
    "fineweb": "HuggingFaceFW/fineweb",
    "fineweb-edu": "HuggingFaceFW/fineweb-edu",
}
SAMPLE_FOLDER = "sample/10BT"
PROGRESS_FILE = "progress.json"
PROGRESS_SHAPE = Fields(
    required={
        "settings": Fields({}, is_open=True),
        "tokens": Fields({part: Whole() for part in TOKEN_FILES}),
    },
    is_open=True,
)
SHARD_TOKENS = 10_000_000  # between two saves: 20 MB, some seconds
DOCUMENTS_AT_ONCE = 1_000  # tokenised together, on all cores


def hub_files(
    repository: str, revision: str | None = None, endpoint: str | None = None
) -> tuple[list[str], str]:
    """The addresses of a sample's parquet files, in order, and the commit they are at.

    Without a revision it is the newest. Raises ValueError if the hub does not answer.
    """
    try:
        hub = HfApi(endpoint=endpoint)
        commit = revision or hub.dataset_info(repository, expand=["sha"]).sha
        entries = hub.list_repo_tree(
            repository, SAMPLE_FOLDER, revision=commit, repo_type="dataset"
        )
        names = sorted(each.path for each in entries if each.path.endswith(".parquet"))
        if not names or not commit:
            raise FileNotFoundError(SAMPLE_FOLDER)
    except Exception as error:  # of several libraries, with no class in common
        raise ValueError(
            f"{repository} streams in over the network, and the hub did not answer "
            f"({type(error).__name__}): go online, and give the same command again"
        ) from error
    prefix = f"hf://datasets/{repository}@{commit}"
    return [f"{prefix}/{name}" for name in names], commit


def streamed_texts(
    files: Sequence[str], state: Mapping[str, Any] | None = None
) -> Generator[tuple[list[str], dict[str, Any]]]:
    """The texts of parquet files in order, many at a time, each time with a state.

    From that state it goes on behind them. Raises ValueError if the library is absent.
    """
    try:
        from datasets import load_dataset
    except ImportError:
        raise ValueError(
            'this needs the library datasets: python -m pip install "gptbook[fineweb]"'
        ) from None
    rows = load_dataset(
        "parquet",
        data_files=list(files),
        columns=["text"],
        split="train",
        streaming=True,
    )
    if state is not None:
        rows.load_state_dict(dict(state))
    texts: list[str] = []
    with closing(iter(rows)) as stream:  # or threads of its own outlive it
        for row in stream:
            texts.append(row["text"])
            if len(texts) == DOCUMENTS_AT_ONCE:
                yield texts, rows.state_dict()
                texts = []
        if texts:
            yield texts, rows.state_dict()


class DocumentEncoder:
    """GPT-2's tokenizer on all cores, by the library tokenizers; the same numbers.

    "<|endoftext|>" stands before each document. Where one holds these letters itself,
    they are letters: a text about GPT-2 does not end in its middle.
    """

    def __init__(self, tokenizer_file: Path) -> None:
        """Read a `tokenizer.json`. Raises ValueError if the library is absent."""
        try:
            from tokenizers import Tokenizer
        except ImportError:
            raise ValueError(
                "this needs the library tokenizers: "
                'python -m pip install "gptbook[fineweb]"'
            ) from None
        self.fast = Tokenizer.from_file(str(tokenizer_file))
        self.fast.encode_special_tokens = True  # as if they were letters
        self.end_of_text = self.fast.get_vocab_size() - 1

    def __call__(self, texts: Sequence[str]) -> Iterator[Tokens]:
        """The tokens of each text, with the mark of a new one in front."""
        for encoding in self.fast.encode_batch_fast(texts, add_special_tokens=False):
            yield np.array([self.end_of_text, *encoding.ids], dtype=TOKEN_TYPE)


def prepare_web_text(
    folder: Path,
    load_tokenizer: Callable[[], BytePairTokenizer],
    settings: Mapping[str, Any],
    files: Sequence[str] | None = None,
    shard_tokens: int = SHARD_TOKENS,
) -> Corpus:
    """Tokenise the first documents of a web text; go on where it was stopped.

    settings name the source and say how many tokens are for training (num_tokens) and
    held out (num_held_out): the first ones. The files of tokens grow shard by shard;
    `progress.json` says how far they are whole, and what lies behind that is cut off.
    files are local parquet files, for tests. Raises ValueError if texts cannot be
    read or are too few; what is saved stays. OSError if the disk is full.
    """
    progress = saved_progress(folder, settings)
    sizes = {"held_out": settings["num_held_out"], "training": settings["num_tokens"]}
    missing = sum(sizes.values()) - sum(progress["tokens"].values())
    if missing and files is None:
        repository = WEB_TEXTS[settings["source"]]
        files, progress["revision"] = hub_files(repository, progress["revision"])
    tokenizer = load_tokenizer()  # after the hub has answered: this waits for it long
    folder.mkdir(parents=True, exist_ok=True)
    cut_files(folder, progress["tokens"])
    tokenizer.save(folder / PIECES_FILE)  # alone, it could be the file of a model
    free, needed = shutil.disk_usage(folder).free, missing * TOKEN_TYPE.itemsize
    if needed > free:
        raise ValueError(
            f"{folder} has room for {free / 10**9:.1f} GB, and {needed / 10**9:.1f} GB "
            "are to come: make room, give another folder, or ask for fewer --tokens"
        )
    if files is not None and missing:
        encode = DocumentEncoder(folder / PIECES_FILE)
        with closing(streamed_texts(files, progress["reader"])) as batches:
            grow_files(folder, progress, sizes, batches, encode, shard_tokens)
    held_out = np.fromfile(folder / TOKEN_FILES["held_out"], dtype=TOKEN_TYPE)
    num_bytes = np.array(token_bytes(tokenizer))
    facts = {
        "name": settings["source"],
        "bytes_per_token": float(num_bytes[held_out].mean()),
        "settings": dict(settings),
        "revision": progress["revision"],  # of the repository that it came from
    }
    describe_corpus(folder, tokenizer, facts)
    (folder / PROGRESS_FILE).unlink(missing_ok=True)
    return open_corpus(folder)


def saved_progress(folder: Path, settings: Mapping[str, Any]) -> dict[str, Any]:
    """How far a folder is: its settings, its tokens, and the state of the stream.

    Raises ValueError if the file that says so was changed.
    """
    path = folder / PROGRESS_FILE
    if not path.is_file():
        tokens = dict.fromkeys(TOKEN_FILES, 0)
        start = {"revision": None, "tokens": tokens, "reader": None}
        return {"settings": dict(settings), **start}
    progress = read_json(path)
    is_right = not PROGRESS_SHAPE.problem(progress)
    digest = progress.pop("sha256", None) if is_right else ""
    is_right = is_right and digest in (None, facts_sha256(progress))
    is_right = is_right and isinstance(progress.get("revision", 0), str | None)
    if not is_right or "reader" not in progress:
        raise ValueError(f"{path} was changed: delete {folder} and begin anew")
    return dict(progress)


def cut_files(folder: Path, tokens: Mapping[str, int]) -> None:
    """Cut the files of tokens to what was saved. Raises ValueError if one has less."""
    for part, name in TOKEN_FILES.items():
        num_bytes = tokens[part] * TOKEN_TYPE.itemsize
        with (folder / name).open("ab") as file:
            if file.tell() < num_bytes:
                raise ValueError(
                    f"{folder / name} is shorter than what was saved there: "
                    f"delete {folder} and begin anew"
                )
            file.truncate(num_bytes)


def grow_files(
    folder: Path,
    progress: dict[str, Any],
    sizes: Mapping[str, int],
    batches: Iterator[tuple[list[str], dict[str, Any]]],
    encode: DocumentEncoder,
    shard_tokens: int,
) -> None:
    """Add tokens until the files have their sizes, and save how far after each shard.

    A part's last document is cut, and its rest is in no part. While one batch of texts
    is tokenised, the next is read. Raises ValueError as `prepare_web_text` does.
    """
    done = dict(progress["tokens"])
    total, saved = sum(sizes.values()), sum(done.values())
    waiting: dict[str, list[Tokens]] = {part: [] for part in sizes}
    with (
        ThreadPoolExecutor(1) as reader,
        tqdm(
            total=total, initial=saved, unit=" tokens", unit_scale=True, disable=None
        ) as bar,
    ):
        upcoming = reader.submit(next, batches, None)
        while sum(done.values()) < total:
            try:
                batch = upcoming.result()
            except ValueError:
                raise
            except Exception as error:  # of several libraries
                raise ValueError(
                    f"the stream broke off ({type(error).__name__}); {saved:,} tokens "
                    f"are saved in {folder}: the same command goes on"
                ) from error
            if batch is None:
                raise ValueError(
                    f"the texts have only {sum(done.values()):,} tokens: delete "
                    f"{folder}, and ask for fewer --tokens"
                )
            texts, state = batch
            upcoming = reader.submit(next, batches, None)
            for part, tokens in dealt(encode(texts), sizes, done):
                waiting[part].append(tokens)
                bar.update(len(tokens))
            whole = sum(done.values())
            if whole - saved >= shard_tokens or whole == total:
                for part, pieces in waiting.items():
                    append_tokens(folder / TOKEN_FILES[part], pieces)
                    pieces.clear()
                saved = whole
                progress |= {"tokens": dict(done), "reader": state}
                saved_facts = progress | {"sha256": facts_sha256(progress)}
                content = json.dumps(saved_facts, indent=1) + "\n"
                write_whole(folder / PROGRESS_FILE, content.encode())


def dealt(
    documents: Iterable[Tokens], sizes: Mapping[str, int], done: dict[str, int]
) -> Iterator[tuple[str, Tokens]]:
    """Which part each document goes to: the first that is not full. done counts on."""
    for document in documents:
        for part, size in sizes.items():
            if done[part] < size:
                tokens = document[: size - done[part]]
                done[part] += len(tokens)
                yield part, tokens
                break


def append_tokens(path: Path, pieces: Sequence[Tokens]) -> None:
    """Add tokens to a file, and wait until they are on the disk."""
    with path.open("ab") as file:
        for piece in pieces:
            file.write(piece.tobytes())
        file.flush()
        os.fsync(file.fileno())
