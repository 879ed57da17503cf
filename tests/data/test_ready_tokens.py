"""Tokens that are ready: what is fetched, what is written, and what is refused."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tiny_models import PIECES

from gptbook.data import hub, ready_tokens
from gptbook.data.corpus import open_corpus
from gptbook.data.ready_tokens import (
    FILES_FOR_TRAINING,
    from_hub,
    prepare_ready_tokens,
    training_pieces,
)

HELD_OUT = "fineweb_val_000000.bin"


def settings(num_tokens: int, num_held_out: int) -> dict[str, Any]:
    return {"source": "fineweb-ready", "tokenizer": "gpt2", "num_tokens": num_tokens, "num_held_out": num_held_out}


def write_file(path: Path, tokens: list[int], magic: int = 20240520, says: int | None = None) -> None:
    """A file as llm.c's data script writes it: 256 numbers of four bytes, then tokens of two."""
    header = np.zeros(256, dtype=np.int32)
    header[:3] = magic, 1, len(tokens) if says is None else says
    path.write_bytes(header.tobytes() + np.array(tokens, dtype=np.uint16).tobytes())


@pytest.fixture
def shelf(tmp_path: Path) -> tuple[Path, Callable[[str], Path], list[str]]:
    """A folder of three small files, what fetches from it, and what was fetched."""
    folder, asked = tmp_path / "shelf", []
    folder.mkdir()
    write_file(folder / HELD_OUT, [token % 7 for token in range(40)])
    for number in (1, 2):
        write_file(folder / f"fineweb_train_{number:06}.bin", [number] * 100)

    def fetch(name: str) -> Path:
        asked.append(name)
        if not (folder / name).is_file():
            raise ValueError(f"{name} is not on this machine")
        return folder / name

    return folder, fetch, asked


def test_the_first_tokens_are_taken_and_no_file_that_is_not_needed(
    shelf: tuple[Path, Callable[[str], Path], list[str]], tmp_path: Path
) -> None:
    _, fetch, asked = shelf
    corpus = prepare_ready_tokens(tmp_path / "text", lambda: PIECES, settings(130, 12), fetch)
    assert asked == [HELD_OUT, "fineweb_train_000001.bin", "fineweb_train_000002.bin"]
    assert corpus.training.tolist() == [1] * 100 + [2] * 30
    assert corpus.held_out.tolist() == [token % 7 for token in range(12)]
    assert open_corpus(tmp_path / "text").facts == corpus.facts
    assert corpus.facts["name"] == "fineweb-ready"
    assert corpus.facts["settings"] == settings(130, 12)
    asked.clear()
    assert len(prepare_ready_tokens(tmp_path / "less", lambda: PIECES, settings(100, 5), fetch).training) == 100
    assert asked == [HELD_OUT, "fineweb_train_000001.bin"]


def test_what_broke_off_is_no_corpus_and_the_same_call_makes_it(
    shelf: tuple[Path, Callable[[str], Path], list[str]], tmp_path: Path
) -> None:
    folder, fetch, _ = shelf
    with pytest.raises(ValueError, match="fineweb_train_000003"):
        prepare_ready_tokens(tmp_path / "text", lambda: PIECES, settings(250, 12), fetch)
    assert not (tmp_path / "text" / "corpus.json").exists()
    write_file(folder / "fineweb_train_000003.bin", [3] * 100)
    corpus = prepare_ready_tokens(tmp_path / "text", lambda: PIECES, settings(250, 12), fetch)
    assert corpus.training.tolist() == [1] * 100 + [2] * 100 + [3] * 50


def test_more_tokens_than_all_files_hold_are_refused(shelf: tuple[Path, Callable[[str], Path], list[str]]) -> None:
    folder, _, _ = shelf
    with pytest.raises(ValueError, match=f"have {100 * FILES_FOR_TRAINING:,} tokens .*: ask for fewer --tokens"):
        list(training_pieces(lambda name: folder / "fineweb_train_000001.bin", 10**6))


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"magic": 7}, "is no file of tokens"),
        ({"says": 41}, "80 bytes of tokens and says that it has 41 tokens"),
        ({"says": 0}, "says that it has 0"),
        ({"tokens": []}, "says that it has 0"),
    ],
)
def test_a_file_that_is_cut_short_or_something_else_is_refused_with_what_to_do(
    change: dict[str, Any], problem: str, shelf: tuple[Path, Callable[[str], Path], list[str]], tmp_path: Path
) -> None:
    folder, fetch, _ = shelf
    write_file(folder / HELD_OUT, **({"tokens": [1] * 40} | change))
    with pytest.raises(ValueError, match=f"{problem}.*: delete it and load it again"):
        prepare_ready_tokens(tmp_path / "text", lambda: PIECES, settings(130, 12), fetch)
    (folder / HELD_OUT).write_bytes(b"\0" * 9)
    with pytest.raises(ValueError, match="is no file of tokens"):
        prepare_ready_tokens(tmp_path / "text", lambda: PIECES, settings(130, 12), fetch)


def test_a_hub_that_does_not_answer_is_said_in_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise ConnectionError("no network")

    monkeypatch.setattr(ready_tokens.HfApi, "dataset_info", refuse)
    with pytest.raises(ValueError, match=r"the hub did not answer \(ConnectionError\): go online"):
        from_hub("somebody/tokens")


def test_files_come_from_a_repository_of_data_sets_at_the_newest_commit(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    commit, asked = "a" * 40, []

    class Info:
        sha = commit

    def download(repository: str, name: str, **more: Any) -> str:
        asked.append((repository, name, more["revision"], more["repo_type"]))
        write_file(tmp_path / name, [1, 2])
        return str(tmp_path / name)

    monkeypatch.setattr(ready_tokens.HfApi, "dataset_info", lambda *_, **__: Info())
    monkeypatch.setattr(hub, "try_to_load_from_cache", lambda *_, **__: None)
    monkeypatch.setattr(hub, "get_hf_file_metadata", lambda *_, **__: None)
    monkeypatch.setattr(hub, "hf_hub_download", download)
    fetch, found = from_hub("somebody/tokens")
    assert fetch(HELD_OUT) == tmp_path / HELD_OUT
    assert found == commit
    assert asked == [("somebody/tokens", HELD_OUT, commit, "dataset")]
