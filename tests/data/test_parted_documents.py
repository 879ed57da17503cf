"""Many documents in two parts: none is in both, neither names nor place decide, and what changed is named."""

from pathlib import Path

import pytest

from gptbook.data.documents import ReadersTexts
from gptbook.data.parted_documents import FILES_FILE, Part, Survey, changed_files, two_parts, write_files_list


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A hundred notes of about one length."""
    monkeypatch.chdir(tmp_path)
    Path("notes").mkdir()
    for number in range(100):
        Path(f"notes/{number:03}.md").write_text(f"Note {number:03} has words of its own.\n" * 5)
    return tmp_path


def parts_of(*sources: str) -> tuple[Part, Part]:
    return two_parts(Survey.of(ReadersTexts(sources)))


def test_about_a_tenth_is_held_out_whole_and_shared_with_nobody() -> None:
    training, held_out = parts_of("notes")
    texts, others = list(training), list(held_out)
    assert not set(texts) & set(others)
    assert len(texts) == len(training) == 90
    assert len(others) == len(held_out) == 10
    assert sum(map(len, others)) == held_out.num_characters
    assert set(texts + others) == {path.read_text() for path in Path("notes").iterdir()}


def test_copies_stand_on_one_side() -> None:
    for path in sorted(Path("notes").iterdir()):
        (path.parent / f"copy of {path.name}").write_text(path.read_text())
    training, held_out = map(list, parts_of("notes"))
    assert not set(training) & set(held_out)
    assert len(training) + len(held_out) == 200


def test_neither_names_nor_place_decide_what_is_held_out() -> None:
    before = sorted(parts_of("notes")[1])
    for path in list(Path("notes").iterdir()):
        path.rename(path.with_name(path.name[::-1]))
    Path("notes").rename("elsewhere")
    assert sorted(parts_of("elsewhere")[1]) == before


def test_the_same_folder_elsewhere_is_the_same_text_and_another_cut_is_another() -> None:
    survey = Survey.of(ReadersTexts(("notes",)))
    Path("notes").rename("elsewhere")
    assert Survey.of(ReadersTexts(("elsewhere",))).sha256 == survey.sha256
    first, second = Path("elsewhere/000.md"), Path("elsewhere/001.md")
    second.write_text(first.read_text()[-1] + second.read_text())
    first.write_text(first.read_text()[:-1])
    assert Survey.of(ReadersTexts(("elsewhere",))).sha256 != survey.sha256


def test_a_document_larger_than_a_tenth_is_learned_from_and_of_two_the_smaller_is_held_out() -> None:
    before = sorted(parts_of("notes")[1])
    Path("notes/large.md").write_text("A long story. " * 10_000)
    training, held_out = parts_of("notes")
    assert any(text.startswith("A long story") for text in training)
    assert sorted(held_out) == before, "a tenth of the others, not all of them"
    training, held_out = parts_of("notes/large.md", "notes/001.md")
    assert (len(training), len(held_out)) == (1, 1)
    assert next(iter(held_out)).startswith("Note 001")


def test_copies_of_one_text_cannot_be_parted() -> None:
    Path("a.txt").write_text("the same words")
    Path("b.txt").write_text("the same words")
    with pytest.raises(ValueError, match="the 2 texts of a-and-1-more are all the same"):
        parts_of("a.txt", "b.txt")


def test_a_file_that_changes_while_it_is_read_is_named() -> None:
    training, _ = parts_of("notes")
    Path("notes/007.md").write_text("Another note.")
    Path("notes/008.md").unlink()
    Path("notes/new.md").write_text("A new note.")
    with pytest.raises(
        ValueError, match=r"notes changes while it is read \(008\.md is gone, new\.md is new, 007\.md was"
    ):
        list(training)


def test_what_changed_between_two_prepared_texts_is_told_as_far_as_it_is_known(tmp_path: Path) -> None:
    folders = [tmp_path / name for name in ("before", "now", "unknown")]
    for each in folders:
        each.mkdir()
    write_files_list(folders[0], {f"{number}.md": "a" for number in range(9)})
    write_files_list(folders[1], {f"{number}.md": "b" for number in range(9)})
    assert changed_files(folders[0], folders[1]) == "0.md was changed, 1.md was changed, 2.md was changed, and 6 more"
    assert changed_files(folders[0], folders[0]) == ""
    assert changed_files(folders[0], folders[2]) == ""
    write_files_list(folders[2], {"other.md": "a"})
    assert changed_files(folders[0], folders[2]) == "", "that is another text altogether"
    (folders[2] / FILES_FILE).write_text('{"files": [["a"]]}')
    assert changed_files(folders[0], folders[2]) == ""
