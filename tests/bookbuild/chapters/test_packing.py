from pathlib import Path

import pytest

from bookbuild.chapters.packing import files_named, packed_cell


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    folder = tmp_path / "tables"
    (folder / "runs").mkdir(parents=True)
    (folder / "iris.csv").write_bytes(b"a,b\r\n1,\xc3\xa9\n")
    (folder / "cities.csv").write_bytes(b"name\n")
    (folder / "runs" / "windows.json").write_bytes(b"{}")
    return folder


def test_a_table_is_packed_where_the_code_names_it(data_dir: Path) -> None:
    assert files_named('x = data_file("iris.csv")', data_dir) == ["iris.csv"]
    assert files_named('record = read_record("windows")', data_dir) == ["runs/windows.json"]
    assert files_named("x = 1", data_dir) == []
    assert packed_cell([], data_dir) == ""


def test_the_packed_cell_writes_the_same_bytes_and_keeps_what_is_there(
    data_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    work = tmp_path / "work"
    (work / "data").mkdir(parents=True)
    (work / "data" / "cities.csv").write_text("mine", encoding="utf-8")
    monkeypatch.chdir(work)
    exec(packed_cell(["iris.csv", "cities.csv", "runs/windows.json"], data_dir), {})
    assert (work / "data" / "iris.csv").read_bytes() == (data_dir / "iris.csv").read_bytes()
    assert (work / "data" / "runs" / "windows.json").read_bytes() == b"{}"
    assert (work / "data" / "cities.csv").read_text(encoding="utf-8") == "mine"
