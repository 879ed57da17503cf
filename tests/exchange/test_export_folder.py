"""An export writes into a new folder, an empty one, or its own; into nobody else's."""

from pathlib import Path

import pytest

from gptbook.exchange.export_folder import EXPORT_FACTS_FILE, export_folder


def write(folder: Path, to: str = "web", **files: str) -> None:
    """An export of files with these contents."""
    with export_folder(folder, to):
        for name, text in (files or {"model": "weights"}).items():
            (folder / name).write_text(text)


def holds(folder: Path) -> dict[str, str]:
    """The files of a folder, without the note."""
    return {path.name: path.read_text() for path in folder.iterdir() if path.name != EXPORT_FACTS_FILE}


def test_a_new_folder_an_empty_one_and_its_own_are_written_into(tmp_path: Path) -> None:
    write(tmp_path / "a" / "b")
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty" / ".DS_Store").write_text("a desktop's")
    write(tmp_path / "empty")
    write(tmp_path / "empty", model="others", config="more")
    write(tmp_path / "empty", model="again")
    assert holds(tmp_path / "empty") == {"model": "again", "config": "more", ".DS_Store": "a desktop's"}


@pytest.mark.parametrize("name", ["model", "config.json", "tokenizer.json", "README.md", EXPORT_FACTS_FILE])
def test_a_folder_of_somebody_else_is_refused_whatever_it_holds(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text('{"saved_by": "gptbook"}')
    if name == EXPORT_FACTS_FILE:
        (tmp_path / "model").write_text("theirs")
    before = {path: path.read_text() for path in tmp_path.iterdir()}
    with pytest.raises(ValueError, match="stays as it is: give another --out"):
        write(tmp_path)
    assert {path: path.read_text() for path in tmp_path.iterdir()} == before


def test_an_export_of_the_other_kind_is_somebody_elses(tmp_path: Path) -> None:
    write(tmp_path, "huggingface")
    with pytest.raises(ValueError, match="no gptbook export --to web has put there"):
        write(tmp_path, "web")


@pytest.mark.parametrize("change", ["replaced", "added", "a folder"])
def test_what_was_put_into_an_export_since_is_kept(change: str, tmp_path: Path) -> None:
    write(tmp_path)
    if change == "a folder":
        (tmp_path / "more").mkdir()
    else:
        (tmp_path / ("model" if change == "replaced" else "tokenizer.json")).write_text("theirs")
    with pytest.raises(ValueError, match="stays as it is"):
        write(tmp_path)


def test_an_export_that_was_stopped_is_begun_again(tmp_path: Path) -> None:
    def stopped() -> None:
        with export_folder(tmp_path, "web"):
            (tmp_path / "model").write_text("half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        stopped()
    write(tmp_path)
    assert holds(tmp_path) == {"model": "weights"}


def test_an_export_that_never_wrote_leaves_nothing(tmp_path: Path) -> None:
    for folder in (tmp_path / "new", tmp_path):
        with pytest.raises(ZeroDivisionError), export_folder(folder, "web"):
            raise ZeroDivisionError
    assert list(tmp_path.iterdir()) == []


def test_a_file_is_no_folder(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    with pytest.raises(ValueError, match="is a file, not a folder"):
        write(tmp_path / "file")
