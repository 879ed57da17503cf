"""What a build remembers: the value of this very key, whole, and nobody else's."""

import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from bookbuild.remember import (
    in_fresh_process,
    is_remembered,
    key_of,
    key_of_files,
    make_beforehand,
    package_key,
    remember,
)


def test_a_value_is_made_once_a_key_and_the_first_answer_is_the_later_ones(tmp_path: Path) -> None:
    made: list[int] = []

    def make() -> dict[str, object]:
        made.append(1)
        return {"pair": (1, 2), "text": "é\ud800", "number": 0.1}

    first = remember(tmp_path, "part/slug", key_of("a"), make)
    assert first == {"pair": [1, 2], "text": "é\ud800", "number": 0.1}, "as it will be read, also the first time"
    assert remember(tmp_path, "part/slug", key_of("a"), make) == first
    assert len(made) == 1
    remember(tmp_path, "part/slug", key_of("b"), make)
    assert len(made) == 2
    assert len(list(tmp_path.rglob("*.json"))) == 1, "one value a name is kept"


def test_a_name_that_begins_alike_is_another(tmp_path: Path) -> None:
    for name in ("gpt-2", "gpt", "gpt[x]", "gpt-2-b"):
        remember(tmp_path, name, key_of(name), lambda name=name: name)
    remember(tmp_path, "gpt", key_of("anew"), lambda: "anew")
    for name in ("gpt-2", "gpt[x]", "gpt-2-b"):
        assert remember(tmp_path, name, key_of(name), lambda: "forgotten") == name


@pytest.mark.parametrize("content", [b"", b'{"half": [1,', b"\xff\xfe", b"\0" * 9])
def test_half_a_file_counts_as_none(tmp_path: Path, content: bytes) -> None:
    remember(tmp_path, "name", key_of("k"), lambda: "whole")
    [path] = tmp_path.rglob("*.json")
    path.write_bytes(content)
    assert remember(tmp_path, "name", key_of("k"), lambda: "whole") == "whole"


def test_what_fails_leaves_what_was_there_before(tmp_path: Path) -> None:
    remember(tmp_path, "name", key_of("old"), lambda: "old")

    def fail() -> str:
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        remember(tmp_path, "name", key_of("new"), fail)
    assert remember(tmp_path, "name", key_of("old"), lambda: "made again") == "old"
    assert [path.suffix for path in tmp_path.iterdir()] == [".json"]


def test_a_key_tells_parts_names_and_places_apart(tmp_path: Path) -> None:
    assert len({key_of("ab", "c"), key_of("a", "bc"), key_of("abc"), key_of("ab", "c", "")}) == 4
    (tmp_path / "a.py").write_text("x")
    one = key_of_files(tmp_path.rglob("*.py"), tmp_path)
    (tmp_path / "a.py").rename(tmp_path / "b.py")
    assert key_of_files(tmp_path.rglob("*.py"), tmp_path) != one


def test_the_packages_key_follows_its_folders_too(tmp_path: Path) -> None:
    wing = tmp_path / "code" / "gptbook" / "models"
    wing.mkdir(parents=True)
    (wing / "gpt.py").write_text("x = 1\n")
    before = package_key(tmp_path)
    (wing / "gpt.py").write_text("x = 2\n")
    assert package_key(tmp_path) != before


def loaded(name: str) -> bool:
    import sys

    return name in sys.modules


def test_a_fresh_process_has_imported_nothing_of_ours() -> None:
    assert loaded("bookbuild.remember")
    assert not in_fresh_process(loaded, "torch")


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere everything is made by whoever needs it")
def test_what_is_made_beforehand_is_made_once_in_other_processes_and_a_failure_is_told(tmp_path: Path) -> None:
    def job(name: str) -> Callable[[], object]:
        return lambda: remember(tmp_path, name, key_of("k"), os.getpid)

    def fail() -> None:
        raise ValueError("no")

    assert make_beforehand([job(name) for name in "abcdef"])
    assert all(is_remembered(tmp_path, name, key_of("k")) for name in "abcdef")
    assert os.getpid() not in {job(name)() for name in "abcdef"}
    assert not make_beforehand([fail, job("g")])
    assert is_remembered(tmp_path, "g", key_of("k")), "the other process goes on"
