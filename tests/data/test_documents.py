"""A reader's text, document by document: each in NFC, in a fixed order, and what is none is named or counted."""

import gzip
import json
import unicodedata
import zipfile
from pathlib import Path

import pytest

from gptbook.data.documents import ReadersTexts, Sighting

WHATSAPP = "12/31/23, 9:15 PM - Ada: one\n12/31/23, 9:16 PM - Brook: two\n"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def documents(*sources: str, field: str = "", globs: tuple[str, ...] = (), seen: Sighting | None = None) -> list[str]:
    texts = ReadersTexts(sources, globs, field)
    return [text for _, text in texts.documents(seen or Sighting())]


def lines(path: str, *items: object) -> str:
    Path(path).write_text("".join(f"{json.dumps(item)}\n" for item in items), encoding="utf-8")
    return path


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
def test_a_text_is_the_same_in_every_encoding_that_says_itself(encoding: str) -> None:
    text = "Zürich und Łódź\nnaïve 😀\n"
    written = unicodedata.normalize("NFD", text).replace("\n", "\r\n")
    Path("my.txt").write_bytes(written.encode(encoding))
    assert documents("my.txt") == [text]
    Path("notes").mkdir()
    Path("my.txt").rename("notes/my.txt")
    assert documents("notes") == [text]


def test_another_encoding_is_refused_with_file_and_byte_in_a_folder_too() -> None:
    Path("notes").mkdir()
    Path("notes/good.md").write_text("good")
    Path("notes/old.txt").write_bytes("Grüße".encode("latin-1"))
    for source in ("notes", "notes/old.txt"):
        with pytest.raises(ValueError, match=r"notes/old\.txt is not text in UTF-8 \(byte 3\): save it again as UTF-8"):
            documents(source)
    Path("notes/old.txt").write_bytes(b"\xff\xfea\x00\x00\xd8")
    with pytest.raises(ValueError, match=r"old\.txt is not text in UTF-16-LE \(byte 5\)"):
        documents("notes")


def test_pictures_and_programs_in_a_folder_are_counted_and_named_once() -> None:
    Path("notes").mkdir()
    Path("notes/a.md").write_text("words")
    Path("notes/empty.md").touch()
    for name, content in (
        ("b.png", b"\x89PNG\r\n\x1a\n\0"),
        ("c.pdf", b"%PDF-1.7"),
        ("d.bin", b"\x01\xff\xfe"),
        ("e.bz2", b"BZh9"),
    ):
        (Path("notes") / name).write_bytes(content)
    seen = Sighting()
    assert documents("notes", seen=seen) == ["words"]
    assert list(seen.lines()) == ["left out: 4 binary (such as notes/b.png); 1 without text (such as notes/empty.md)"]


def test_each_json_line_is_a_document_by_its_field() -> None:
    path = lines(
        "posts.jsonl", {"text": "e\u0301"}, {"text": None}, {"text": "two\r\nlines", "id": 7}, {"text": "\ud83d"}
    )
    with Path(path).open("a") as file:
        file.write("\n")
    assert documents(path, field="text") == ["é", "two\nlines", "�"]
    Path("posts.jsonl.gz").write_bytes(gzip.compress(Path(path).read_bytes()))
    assert documents("posts.jsonl.gz", field="text") == ["é", "two\nlines", "�"]
    Path("items.json").write_text(json.dumps([{"text": "a"}, {"text": "b"}]))
    assert documents("items.json", field="text") == ["a", "b"]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_json_lines_may_be_in_every_encoding_that_says_itself(encoding: str) -> None:
    Path("posts.jsonl").write_text('{"text": "é\\u2028"}\n\n{"text": "b"}\n', encoding=encoding)
    assert documents("posts.jsonl", field="text") == ["é\u2028", "b"]


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("{", r"line 2 of posts\.jsonl is not JSON \(Expecting .*\): mend that line or remove it"),
        ('{"text": "a"} {}', r"line 2 of posts\.jsonl is not JSON \(Extra data"),
        ("[" * 100_000, r"line 2 of posts\.jsonl is not JSON \(it is nested too deeply\)"),
        ("9" * 5_000, r"line 2 of posts\.jsonl is not JSON \(Exceeds the limit"),
        ("[1]", r"line 2 of posts\.jsonl is a list of 1, not an object with fields"),
        ('{"body": "a", "id": 1}', r'line 2 of posts\.jsonl has no field "text": .* there is body, id'),
        ('{"text": 5}', r'the field "text" in line 2 of posts\.jsonl is a number, not a text'),
        ('{"text": {"a": 1}}', r'the field "text" in line 2 of posts\.jsonl is an object with a, not a text'),
    ],
    ids=lambda text: text[:20],
)
def test_a_json_line_that_is_none_is_named_by_its_number(line: str, sentence: str) -> None:
    Path("posts.jsonl").write_text(f'{{"text": "a"}}\n{line}\n')
    with pytest.raises(ValueError, match=sentence):
        documents("posts.jsonl", field="text")


def test_json_lines_in_another_encoding_and_without_a_field_are_one_sentence() -> None:
    Path("posts.jsonl").write_bytes(b'{"text": "a"}\n{"text": "\xe9"}\n')
    with pytest.raises(ValueError, match=r"line 2 of posts\.jsonl is not JSON \(its byte 11 is not UTF-8\)"):
        documents("posts.jsonl", field="text")
    with pytest.raises(ValueError, match=r"line 1 of posts\.jsonl is JSON: say with --field .* there is text"):
        documents("posts.jsonl")


def test_chats_are_known_by_their_shape() -> None:
    Path("WhatsApp Chat with Ada.txt").write_text(WHATSAPP)
    message = {"type": "message", "from": "Cleo", "text": "three"}
    Path("result.json").write_text(json.dumps({"type": "personal_chat", "messages": [message]}))
    seen = Sighting()
    assert documents("result.json", "WhatsApp Chat with Ada.txt", seen=seen) == [
        "Ada: one\nBrook: two\n",
        "Cleo: three\n",
    ]
    told = " ".join(seen.lines())
    assert "a WhatsApp export: 2 people, 2 messages" in told
    assert "a Telegram export: 1 person, 1 message" in told


def test_json_of_another_shape_is_refused_by_name_and_left_out_of_a_folder() -> None:
    Path("notes").mkdir()
    Path("notes/discord.json").write_text('{"guild": {}, "channel": {}, "messages": []}')
    Path("notes/half.json").write_text('{"guild": ')
    Path("notes/a.md").write_text("words")
    with pytest.raises(
        ValueError, match=r"discord\.json is JSON, and an object with guild, channel, messages is neither"
    ):
        documents("notes/discord.json")
    with pytest.raises(ValueError, match=r"half\.json is not JSON \(.*\): get it again, or call it \.txt"):
        documents("notes/half.json")
    seen = Sighting()
    assert documents("notes", seen=seen) == ["words"]
    assert list(seen.lines()) == [
        "left out: 2 JSON in another shape than Telegram's and ChatGPT's (such as notes/discord.json)"
    ]


@pytest.mark.parametrize("name", ["_chat.txt", "WhatsApp Chat with Ada.txt", "WhatsApp-Chat mit Ada.txt"])
def test_what_is_called_like_a_chat_and_is_none_is_one_sentence(name: str) -> None:
    Path("notes").mkdir()
    Path("notes", name).write_text("Ada at nine: one\nBrook at ten: two\n")
    for source in ("notes", f"notes/{name}"):
        with pytest.raises(ValueError, match="is called like a WhatsApp export, and its lines do not begin with date"):
            documents(source)
    Path("notes", name).rename("notes/chats of whatsapp.txt")
    assert documents("notes") == ["Ada at nine: one\nBrook at ten: two\n"]


def test_beside_an_export_its_pages_and_cards_of_addresses_are_left_out() -> None:
    tree = {"mapping": {"a": {"parent": None, "message": None}}, "current_node": "a"}
    with zipfile.ZipFile("export.zip", "w") as archive:
        archive.writestr("conversations.json", json.dumps([tree]))
        archive.writestr("chat.html", "<p>the same</p>")
        archive.writestr("user.json", '{"email": "ada@example.org"}')
        archive.writestr("_chat.txt", WHATSAPP)
        archive.writestr("00000001-Ada.vcf", "BEGIN:VCARD")
    assert documents("export.zip") == ["Ada: one\nBrook: two\n"]


def test_several_paths_are_one_text_whatever_their_order_and_each_counts_once() -> None:
    for name in ("b.txt", "a.txt"):
        Path(name).write_text(name)
    Path("notes").mkdir()
    Path("notes/c.md").write_text("c")
    given = ("notes", "b.txt", "a.txt", "./b.txt")
    texts = ReadersTexts(given)
    assert list(texts.documents(Sighting())) == [
        ("a.txt", "a.txt"),
        ("b.txt", "b.txt"),
        ("notes/c.md", "c"),
    ]
    assert texts.name == ReadersTexts(given[::-1]).name == "a-and-2-more"


def test_a_text_is_called_by_its_file_or_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    Path("my notes").mkdir()
    for source, name in (("my notes/", "my notes"), ("x/my.txt", "my"), ("my.txt.gz", "my"), ("posts.jsonl", "posts")):
        assert ReadersTexts((source,)).name == name
    assert ReadersTexts(("odd\udcff.txt",)).name == "odd\ufffd"
    monkeypatch.chdir("my notes")
    assert ReadersTexts((".",)).name == "my notes"


def test_a_known_word_stands_alone_and_every_path_must_be_there() -> None:
    Path("a.txt").write_text("a")
    known = ("shakespeare", "docstrings")
    assert ReadersTexts(("Docstrings",)).named(known) == "docstrings"
    assert ReadersTexts(("a.txt", "./a.txt")).named(known) == ""
    with pytest.raises(ValueError, match=r'"docstrings" is a text that gptbook knows by this word, and stands alone'):
        ReadersTexts(("a.txt", "docstrings")).named(known)
    with pytest.raises(ValueError, match=r'there is no file "b\.txt"'):
        ReadersTexts(("a.txt", "b.txt")).named(known)
