"""At the border: files of readers that are no text or no table, each refused in one sentence; one spelling a text."""

import bz2
import gzip
import io
import lzma
import os
import tarfile
import unicodedata
import zipfile
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gptbook.data.tables import check_own_tables, read_names, readers_table, table_fault, tidy
from gptbook.files.json_files import read_json
from gptbook.files.text_files import LARGEST_FILE, in_alphabet, nfc, read_text, readers_text, regular

NAMES = ["Berea", "Zürich", "São Paulo", "Łódź", "N'Djamena", "Saint-Denis"]


def written(folder: Path, content: str | bytes, name: str = "list.csv") -> Path:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def sentence(call: Callable[[], object], path: Path) -> str:
    """What is said against a file: one short sentence that names it."""
    with pytest.raises(ValueError, match=":") as caught:
        call()
    message = str(caught.value)
    assert str(path) in message
    assert "\n" not in message
    assert len(message) < 700
    return message


WIDER = [
    ("city,country\nBerea,United States,\n", 2),
    ("name\nBerea, United States\n", 2),
    ("city\nBerea\nParis, France\n", 3),
    ("city,n\nBerea,1,2\nParis,1,2\n", 2),
    ("city,n\nBerea,1\nParis,1,2,3\n", 3),
    ("city,n\nBerea,1,,,,\n", 2),
    ('city,n\n"Berea, Ohio",1,x\n', 2),
    ("city,n\r\nBerea,1,2\r\n", 2),
    ("city,n\rBerea,1,2\r", 2),
    ("city\n" + "Berea\n" * 5000 + "a,b\n", 5002),
    ("\ufeffcity,n\na,b,c\n", 2),
    ("city,n\n,,\n", 2),
    ("city,n,m\na\nb,c\nd,e,f,g\n", 4),
    ('"city","n"\n"a","b","c"\n', 2),
    ("city, n\na, b, c\n", 2),
    ("city,n\na,b\n\nc,d,e\n", 4),
]


@pytest.mark.parametrize(("content", "line"), WIDER)
def test_a_line_with_more_cells_than_the_first_is_refused_with_its_number(
    content: str, line: int, tmp_path: Path
) -> None:
    path = written(tmp_path, content)
    said = sentence(lambda: read_names(path, "city"), path)
    assert f"line {line}," in said
    assert "quotes" in said
    assert sentence(lambda: readers_table(path), path) == said


@given(
    rows=st.lists(st.lists(st.sampled_from(["a", "b c", '"d, e"', "", "é"]), min_size=1, max_size=4), max_size=5),
    width=st.integers(1, 3),
    end=st.sampled_from(["\n", "\r\n", "\r"]),
)
@settings(max_examples=60, deadline=None)
def test_no_cell_ever_lands_in_another_column(
    rows: list[list[str]], width: int, end: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    header = ["one", "two", "three"][:width]
    path = written(tmp_path_factory.mktemp("t"), end.join(",".join(row) for row in [header, *rows]) + end)
    # pandas drops the first cell of such a row, if it is empty, where an empty line comes before it.
    is_dropped = end == "\r" and any(a == [""] and b[0] == "" and len(b) > 1 for a, b in pairwise(rows))
    if is_dropped or any(len(row) > width for row in rows):
        assert table_fault(path)
        return
    table = readers_table(path).fillna("")
    kept = [row for row in rows if row != [""]]
    assert list(table["one"]) == [row[0].strip('"') for row in kept]


READ = [
    ("city,n\nBerea,1\nParis,2\n", ["Berea", "Paris"]),
    ("\ufeffcity,n\nBerea,1\n", ["Berea"]),
    ("city\rBerea\rParis\r", ["Berea", "Paris"]),
    ("city\r\nBerea\r\nParis", ["Berea", "Paris"]),
    ("\n\ncity\nBerea\n\n\n", ["Berea"]),
    (" city ,n\nBerea,1\n", ["Berea"]),
    ("n, city\n1, Berea\n", ["Berea"]),
    (",city\n0,Berea\n1,Paris\n", ["Berea", "Paris"]),
    ("city,\nBerea,\n", ["Berea"]),
    ("city,,\nBerea,,\n", ["Berea"]),
    ('"city"\n"Berea, Ohio"\n', ["Berea, Ohio"]),
    ('city\n"the ""Big"" one"\n', ['the "Big" one']),
    ('city\nO"Hara\n', ['O"Hara']),
    ("city,n\nBerea\nParis,1\n", ["Berea", "Paris"]),
    ("city\nnan\nNA\nNone\n-\n1\n", ["nan", "NA", "None", "-", "1"]),
    ("city\n東京\nمراكش\n😀\n", ["東京", "مراكش", "😀"]),
    ("city\nBerea\nBerea \n Berea\n", ["Berea"]),
    ("city\nSaint   Denis\n", ["Saint Denis"]),
    ("city\tx\nBerea\n", None),
    ("city\n" + "x" * 300_000 + "\n", ["x" * 300_000]),
    ('city\n"two\nlines"\n', ["two lines"]),
    ("city,city2\na,b\n", ["a"]),
]


@pytest.mark.parametrize(("content", "names"), READ)
def test_a_list_that_is_a_little_odd_is_read(content: str, names: list[str] | None, tmp_path: Path) -> None:
    path = written(tmp_path, content)
    if names is None:
        assert "tabs" in sentence(lambda: read_names(path, "city"), path)
    else:
        assert read_names(path, "city") == names


REFUSED: list[tuple[str | bytes, str]] = [
    ("city;n\nBerea;1\n", "semicolons"),
    ("city;n\nBerea;1,5\n", "semicolons"),
    ("city\tn\nBerea\t1\n", "tabs"),
    ("city|n\nBerea|1\n", "bars"),
    ("1,2,3\n4,5,6\n", "no column"),
    ("Berea\nParis\n", "first line"),
    ("city,city\na,b\n", "twice"),
    ("city, city\na,b\n", "twice"),
    ("City\nBerea\n", "no column"),
    ("x" * 200_000, "no column"),
    (",".join(f"c{n}" for n in range(5000)) + "\n", "no column"),
    ('city\n"Berea\n', "quote"),
    ('city\nParis\n"Berea\nRome\n', "line 3"),
    ('city,n\n"Berea,1\nParis,2\n', "quote"),
    ('city\n"Berea\nParis\n"Rome"\nOslo\n', "quote"),
    ('city,n\n"Berea,1\nParis,2\n"Saint Denis, Nord",3\n', "quote"),
    ("", "empty"),
    ("\ufeff", "empty"),
    ("\n\n", "empty"),
    ("\n \n", "empty"),
    ("city\n", "no names"),
    ("city\n\n\n", "no names"),
    ("city,n\n,1\n ,2\n", "no names"),
    (b"city\nBer\0ea\n", "zero bytes"),
    (b"\0" * 1000, "zero bytes"),
    ("city\nBerea\n".encode("utf-16"), "UTF-8"),
    ("city\nBerea\n".encode("utf-16-le"), "zero bytes"),
    ("city\nBerea\n".encode("utf-32"), "UTF-8"),
    ("city\nMünchen\n".encode("cp1252"), "UTF-8"),
    ("city\nŁódź\n".encode("iso8859-2"), "UTF-8"),
    ("city\n東京\n".encode("shift-jis"), "UTF-8"),
    ("city\n東京\n".encode("gb18030"), "UTF-8"),
    (b"city\nBer\xed\xa0\x80ea\n", "UTF-8"),
    (b"\x89PNG\r\n\x1a\n" + bytes(50), "UTF-8"),
    (b"%PDF-1.7\n\xe2\xe3\xcf\xd3\n", "UTF-8"),
    (b"7z\xbc\xaf\x27\x1c" + bytes(10), "7z"),
    (b"Rar!\x1a\x07", "rar"),
]


@pytest.mark.parametrize(("content", "says"), REFUSED, ids=range(len(REFUSED)))
def test_what_is_no_list_is_refused_in_one_sentence(content: str | bytes, says: str, tmp_path: Path) -> None:
    path = written(tmp_path, content)
    assert says in sentence(lambda: read_names(path, "city"), path)


def packed(kind: str) -> bytes:
    """The list, packed."""
    plain = ("city\n" + "\n".join(NAMES) + "\n").encode()
    store = io.BytesIO()
    match kind:
        case "gz":
            return gzip.compress(plain)
        case "bz2":
            return bz2.compress(plain)
        case "xz":
            return lzma.compress(plain)
        case "zip" | "xlsx":
            with zipfile.ZipFile(store, "w") as archive:
                archive.writestr("list.csv", plain)
        case "tar":
            with tarfile.open(fileobj=store, mode="w") as archive:
                about = tarfile.TarInfo("list.csv")
                about.size = len(plain)
                archive.addfile(about, io.BytesIO(plain))
        case _:
            return b"\x28\xb5\x2f\xfd" + plain
    return store.getvalue()


@pytest.mark.parametrize("kind", ["gz", "bz2", "xz", "zip", "xlsx", "tar", "zst"])
@pytest.mark.parametrize("length", [None, 30, 7, 1, 0])
@pytest.mark.parametrize("name", ["list.csv.{}", "list.csv"])
def test_a_packed_list_is_refused_whole_or_cut(kind: str, length: int | None, name: str, tmp_path: Path) -> None:
    path = written(tmp_path, packed(kind)[:length], name.format(kind))
    sentence(lambda: read_names(path, "city"), path)
    if length is None:
        assert "unpack" in sentence(lambda: readers_text(path), path)


def test_a_list_that_is_only_called_like_a_packed_one_is_refused_too(tmp_path: Path) -> None:
    for ending in ("gz", "bz2", "xz", "zip", "tar", "zst", "tar.gz", "GZ"):
        path = written(tmp_path, "city\nBerea\n", f"list.{ending}")
        assert ".csv" in sentence(lambda path=path: read_names(path, "city"), path)


READERS = [lambda path: read_names(path, "city"), readers_table, readers_text]


@pytest.mark.parametrize("read", READERS, ids=["names", "table", "text"])
def test_what_is_no_regular_file_is_never_opened(read: Callable[[Path], object], tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reading, writing = os.pipe()
    for path in (pipe, Path(f"/dev/fd/{reading}"), Path("/dev/zero"), Path("/dev/null"), Path("/dev/urandom")):
        assert "pipe or a device" in sentence(lambda path=path: read(path), path)
    os.close(reading)
    os.close(writing)
    (tmp_path / "loop").symlink_to("loop")
    for path in (tmp_path, tmp_path / "absent", tmp_path / "loop", tmp_path / "absent/in", Path("x" * 300)):
        assert "cannot be read" in sentence(lambda path=path: read(path), path)
    for path in map(Path, ("/proc/self/environ", "/proc/cpuinfo", "/proc/kmsg")):
        if path.exists():
            sentence(lambda path=path: read(path), path)
    huge = written(tmp_path, "", "huge")
    os.truncate(huge, LARGEST_FILE + 1)
    assert "GB" in sentence(lambda: read(huge), huge)


def test_a_text_is_read_whoever_typed_its_accents(tmp_path: Path) -> None:
    for form in ("NFC", "NFD"):
        path = written(tmp_path, unicodedata.normalize(form, "Zürich, Łódź, 한국\n"))
        assert readers_text(path) == "Zürich, Łódź, 한국\n"
        table = written(tmp_path, unicodedata.normalize(form, "städte\nZürich\nŁódź\nZürich\n"), "t.csv")
        for asked in ("NFC", "NFD"):
            assert read_names(table, unicodedata.normalize(asked, "städte")) == ["Zürich", "Łódź"]
    both = written(tmp_path, "city\nZürich\nZu\u0308rich\n")
    assert read_names(both, "city") == ["Zürich"], "one name, however it is typed"
    raw = written(tmp_path, "u\u0308")
    assert read_text(raw) == "u\u0308", "files of others stay as they are"


@given(st.text())
def test_one_spelling_for_each_text(text: str) -> None:
    assert nfc(unicodedata.normalize("NFD", text)) == nfc(text) == nfc(nfc(text))
    assert tidy(tidy(text)) == tidy(text)


def test_a_prompt_is_spelled_as_the_alphabet_is() -> None:
    for typed in ("Zürich", "Zu\u0308rich"):
        assert in_alphabet(typed, set("Zürich")) == "Zürich"
        assert in_alphabet(typed, {*"Zurich", "\u0308"}) == "Zu\u0308rich", "a model from before"
        assert in_alphabet(typed, set("abc")) == "Zürich", "unknown either way"


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("[" * 200_000, "deeply"),
        ('{"a":' * 200_000, "deeply"),
        ('{"a": 1, "a": 2}', "twice"),
        ('{"b": {"a": 1, "a": 1}}', "twice"),
        ("{" + ",".join(['"x": 1'] * 50_000) + "}", "twice"),
        ("NaN", "NaN"),
        ("[Infinity]", "Infinity"),
        ('{"a": -Infinity}', "Infinity"),
        ("", "not JSON"),
        ("{", "not JSON"),
        ("{'a': 1}", "not JSON"),
        ("[1, 2,]", "not JSON"),
        ("9" * 10_000, "not JSON"),
        ("\x00", "not JSON"),
        ("null null", "not JSON"),
        ('"\x01"', "not JSON"),
    ],
    ids=range(16),
)
def test_what_is_no_json_is_refused_in_one_sentence(content: str, says: str, tmp_path: Path) -> None:
    path = written(tmp_path, content, "a.json")
    assert says in sentence(lambda: read_json(path), path)


def test_an_own_table_that_stands_for_the_books_is_checked_before_a_command_begins(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GPTBOOK_DATA", str(tmp_path / "absent"))
    with pytest.raises(ValueError, match="no folder"):
        check_own_tables()
    monkeypatch.setenv("GPTBOOK_DATA", str(tmp_path))
    check_own_tables()
    cities = written(tmp_path, "town\nBerea\n", "cities.csv")
    assert '"name"' in sentence(check_own_tables, cities)
    written(tmp_path, "name\nBerea\n", "cities.csv")
    check_own_tables()


def test_a_pipe_is_no_text(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    sentence(lambda: read_text(tmp_path / "pipe"), tmp_path / "pipe")


def test_a_file_is_known_by_its_whole_path_and_a_pipe_by_what_was_typed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    written(tmp_path, "city\n")
    assert regular(Path("list.csv")) == str(tmp_path.resolve() / "list.csv")
    reading, writing = os.pipe()
    typed = Path(f"/dev/fd/{reading}")  # as a shell's <(...) gives it
    assert "pipe" in sentence(lambda: regular(typed), typed)
    os.close(reading)
    os.close(writing)


def test_a_text_is_read_whoever_ended_its_lines(tmp_path: Path) -> None:
    path = tmp_path / "text.txt"
    path.write_bytes("\ufeffKöln\r\nBonn\n".encode())
    assert read_text(path) == "Köln\nBonn\n"
    path.write_bytes(b"\n")
    assert read_text(path) == "\n"


def test_a_text_that_cannot_be_read_is_refused_in_one_sentence(tmp_path: Path) -> None:
    path = tmp_path / "text.txt"
    with pytest.raises(ValueError, match=r"text\.txt cannot be read \(No such file or directory\): check the path"):
        read_text(path)
    with pytest.raises(ValueError, match=r"cannot be read \(Is a directory\)"):
        read_text(tmp_path)
    for content in ("München".encode("latin-1"), "München".encode("utf-16"), b"P\x03\x04\xfe"):
        path.write_bytes(content)
        with pytest.raises(ValueError, match=r"text\.txt is not text in UTF-8 \(byte \d\): save") as caught:
            read_text(path)
        assert "\n" not in str(caught.value)
