"""Readers' files are found in folders, archives and gz, in one order; what is damaged or a trap is one sentence."""

import gzip
import os
import unicodedata
import zipfile
from collections.abc import Sequence
from pathlib import Path

import pytest

from gptbook.files import found_files as module
from gptbook.files.found_files import HIDDEN, NO_FILE, OWN_FOLDER, TWICE_PACKED, found_files, matches, printable


def found(source: Path, *globs: str, left_out: list[tuple[str, str]] | None = None) -> dict[str, bytes]:
    """What is found, and its bytes."""
    told = [] if left_out is None else left_out
    return {file.name: file.content() for file in found_files(source, globs, lambda *what: told.append(what))}


def tree(folder: Path, names: Sequence[str]) -> Path:
    """A folder of small files, each with its name in it."""
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(name, encoding="utf-8")
    return folder


def zipped(path: Path, content: dict[str, bytes]) -> Path:
    """A zip archive."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, each in content.items():
            archive.writestr(name, each)
    return path


def test_a_folder_is_its_files_at_any_depth_in_the_order_of_their_names(tmp_path: Path) -> None:
    folder = tree(tmp_path / "notes", ["z.md", "a/late.md", "a/b/deep.txt", "Über.md", ".git/config", "a/.DS_Store"])
    left_out: list[tuple[str, str]] = []
    assert list(found(folder, left_out=left_out)) == ["a/b/deep.txt", "a/late.md", "z.md", "Über.md"]
    assert [reason for reason, _ in left_out] == [HIDDEN, HIDDEN]
    moved = folder.rename(tmp_path / "elsewhere")
    assert list(found(moved)) == ["a/b/deep.txt", "a/late.md", "z.md", "Über.md"]


def test_names_are_ordered_alike_however_their_accents_are_written(tmp_path: Path) -> None:
    names = ["zebra.md", "Ärger.md", "apfel.md"]
    orders = []
    for form in ("NFC", "NFD"):
        spelled = [unicodedata.normalize(form, name) for name in names]
        orders.append(list(found(tree(tmp_path / form, spelled))))
    assert orders[0] == orders[1]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no pipes in folders")
def test_links_in_a_circle_pipes_and_links_to_nothing_are_left_out(tmp_path: Path) -> None:
    folder = tree(tmp_path / "notes", ["a.md", "sub/b.md"])
    (folder / "sub" / "circle").symlink_to(folder, target_is_directory=True)
    (folder / "nowhere").symlink_to("gone")
    (folder / "itself").symlink_to("itself")
    (folder / "linked.md").symlink_to("a.md")
    os.mkfifo(folder / "pipe")
    left_out: list[tuple[str, str]] = []
    assert list(found(folder, left_out=left_out)) == ["a.md", "linked.md", "sub/b.md"]
    assert [reason for reason, _ in left_out] == [NO_FILE] * 4


def test_what_gptbook_made_in_the_folder_is_no_text_of_the_reader(tmp_path: Path) -> None:
    folder = tree(tmp_path / "notes", ["a.md", "runs/one/checkpoint.json", "runs/one/curve.csv", "ready/corpus.json"])
    left_out: list[tuple[str, str]] = []
    assert list(found(folder, left_out=left_out)) == ["a.md"]
    assert [reason for reason, _ in left_out] == [OWN_FOLDER] * 2


def test_an_archive_is_its_files_and_is_never_unpacked_onto_the_disk(tmp_path: Path) -> None:
    content = {
        "b.md": b"b",
        "a/a.md": b"a",
        "../outside.md": b"up",
        "/etc/passwd.md": b"root",
        ".hidden/x": b"",
        "__MACOSX/a.md": b"",
        "inner.zip": b"PK",
        "log.gz": b"",
    }
    path = zipped(tmp_path / "notes.zip", content)
    left_out: list[tuple[str, str]] = []
    there = found(path, left_out=left_out)
    assert there == {name: content[name] for name in ("../outside.md", "/etc/passwd.md", "a/a.md", "b.md")}
    assert [reason for reason, _ in left_out] == [HIDDEN, HIDDEN, TWICE_PACKED, TWICE_PACKED]
    assert list(tmp_path.iterdir()) == [path]


def test_patterns_choose_in_folders_and_in_archives_alike(tmp_path: Path) -> None:
    folder = tree(tmp_path / "notes", ["a.md", "b.txt", "sub/C.MD", "sub/d.py"])
    zipped(folder / "more.zip", {"e.md": b"e", "f.txt": b"f"})
    (folder / "g.md.gz").write_bytes(gzip.compress(b"g"))
    assert list(found(folder, "*.md")) == ["a.md", "g.md", "more.zip/e.md", "sub/C.MD"]
    assert list(found(folder, "*.txt", "*.py")) == ["b.txt", "more.zip/f.txt", "sub/d.py"]
    assert list(found(folder, "sub/*")) == ["sub/C.MD", "sub/d.py"]
    assert list(found(folder, "*.zip")) == ["more.zip/e.md", "more.zip/f.txt"]
    assert list(found(folder / "more.zip", "*.md")) == ["e.md"]
    assert list(found(folder / "a.md", "*.txt")) == ["a.md"], "a file that is named is wanted"


@pytest.mark.parametrize(
    ("name", "pattern", "is_one"),
    [("a/b.md", "*.md", True), ("b.md", "**/*.md", True), ("a/b.md", "b.*", True), ("a/b.md", "a/b.txt", False)],
)
def test_a_pattern_without_a_slash_is_about_the_last_name(name: str, pattern: str, is_one: bool) -> None:
    assert matches(name, [pattern]) is is_one


def broken_zip(path: Path) -> None:
    zipped(path, {"a.md": b"some words " * 100})
    content = bytearray(path.read_bytes())
    content[40] ^= 0xFF
    path.write_bytes(content)


def locked_zip(path: Path) -> None:
    zipped(path, {"a.md": b"some words"})
    content = bytearray(path.read_bytes())
    content[6] |= 1  # of the file's own header
    content[content.index(b"PK\x01\x02") + 8] |= 1  # and of the list at the end
    path.write_bytes(content)


def strange_zip(path: Path) -> None:
    zipped(path, {"a.md": b"some words"})
    content = bytearray(path.read_bytes())
    content[8] = content[content.index(b"PK\x01\x02") + 10] = 9  # a method that Python lacks
    path.write_bytes(content)


@pytest.mark.parametrize(
    ("name", "make", "sentence"),
    [
        ("cut.gz", lambda path: path.write_bytes(gzip.compress(b"word " * 999)[:-9]), r"cut\.gz is cut short: get it"),
        ("no.gz", lambda path: path.write_bytes(b"plain words"), r"no\.gz is damaged, or not what its name says"),
        ("no.zip", lambda path: path.write_bytes(b"plain words"), r"no\.zip is damaged, or not what its name says"),
        ("empty.zip", lambda path: path.touch(), r"empty\.zip is empty: give a file with text"),
        ("broken.zip", broken_zip, r"a\.md in .*broken\.zip is damaged, or not what its name says"),
        ("locked.zip", locked_zip, r"a\.md in .*locked\.zip is locked with a password: unpack it yourself"),
        ("strange.zip", strange_zip, r"a\.md in .*strange\.zip is packed in a way that is unknown here"),
        ("packed.txt", lambda path: path.write_bytes(gzip.compress(b"words")), r"packed\.txt is packed \(gzip\), not"),
    ],
)
def test_what_is_damaged_is_one_sentence_that_names_it(tmp_path: Path, name: str, make, sentence: str) -> None:  # type: ignore[no-untyped-def]
    make(tmp_path / name)
    with pytest.raises(ValueError, match=sentence) as refusal:
        found(tmp_path / name)
    assert "\n" not in str(refusal.value)


def test_a_trap_that_unpacks_without_end_is_refused_before_it_fills_the_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "NEVER_TOO_LARGE", 100_000)
    zeros = b"0" * 10_000_000
    (tmp_path / "trap.txt.gz").write_bytes(gzip.compress(zeros))
    zipped(tmp_path / "trap.zip", {"zeros.txt": zeros})
    for name in ("trap.txt.gz", "trap.zip"):
        with pytest.raises(ValueError, match=r"becomes too large when it is unpacked"):
            found(tmp_path / name)
    (tmp_path / "fine.txt.gz").write_bytes(gzip.compress(b"1" * 100_000))
    assert len(found(tmp_path / "fine.txt.gz")["fine.txt"]) == 100_000


def test_a_name_cannot_write_on_the_terminal() -> None:
    assert printable("a\x1b[31m\nb\u202e.md") == "a\\x1b[31m\\nb\\u202e.md"


def test_of_a_film_in_a_folder_only_the_beginning_is_read(tmp_path: Path) -> None:
    folder = tree(tmp_path / "notes", ["a.md"])
    with (folder / "film.mp4").open("wb") as film:
        film.truncate(2**40)  # a terabyte, of which the disk holds nothing
    there = {file.name: file.text_content() for file in found_files(folder, (), lambda *what: None)}
    assert there == {"a.md": b"a.md", "film.mp4": None}
