"""A file is whole at every moment, and known by its checksum."""

import hashlib
from pathlib import Path

import pytest

from gptbook.files.whole_files import file_sha256, write_whole


def test_a_file_takes_the_place_of_the_one_before_and_nothing_lies_beside_it(tmp_path: Path) -> None:
    path = tmp_path / "facts.json"
    for content in (b"before", b"after", b""):
        write_whole(path, content)
        assert path.read_bytes() == content
    assert list(tmp_path.iterdir()) == [path]


def test_if_it_cannot_be_written_the_one_before_stays_and_nothing_lies_beside_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "facts.json"
    write_whole(path, b"before")

    def full(descriptor: int) -> None:
        assert path.read_bytes() == b"before", "it is changed only when the new one is whole"
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="No space left"):
        write_whole(path, b"after")
    assert path.read_bytes() == b"before"
    assert list(tmp_path.iterdir()) == [path]


def test_a_checksum_is_the_one_that_other_tools_give(tmp_path: Path) -> None:
    path = tmp_path / "weights"
    path.write_bytes(bytes(range(256)) * 5000)
    assert file_sha256(path) == hashlib.sha256(path.read_bytes()).hexdigest()
