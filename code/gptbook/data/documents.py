"""A reader's texts, document by document: files, folders, archives, chats."""

import json
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gptbook.data.chat_exports import (
    CHAT_NAME,
    OTHER_COPIES,
    ChatTally,
    json_chats,
    told_exports,
    whatsapp_chat,
)
from gptbook.files.found_files import (
    FoundFile,
    found_files,
    printable,
    told,
)
from gptbook.files.nearest_word import find_text, quoted
from gptbook.files.text_files import BYTE_ORDER_MARKS, decoded_text, nfc

LINES_ENDINGS = (".jsonl", ".ndjson", ".jsonlines")
NO_TEXT_FILE = "binary"
OTHER_JSON = "JSON in another shape than Telegram's and ChatGPT's"
OTHER_COPY = "other copies of a chat, or cards of addresses"
WITHOUT_TEXT = "without text"


@dataclass
class Sighting:
    """What was seen in a reading, and what was left out of it."""

    chats: ChatTally = field(default_factory=ChatTally)
    left_out: dict[str, tuple[int, str]] = field(default_factory=dict)
    """Why, how much, and the first of it."""
    has_fields: bool = False
    """Whether a --field had anything to choose from."""

    def leave_out(self, reason: str, what: str) -> None:
        """Note that something is no part of the text, and why."""
        number, first = self.left_out.get(reason, (0, what))
        self.left_out[reason] = number + 1, first

    def lines(self) -> Iterator[str]:
        """Sentences for the reader."""
        yield from told_exports(self.chats)
        parts = [
            f"{number:,} {reason} (such as {first})"
            for reason, (number, first) in sorted(self.left_out.items())
        ]
        if parts:
            yield f"left out: {'; '.join(parts)}"


@dataclass(frozen=True)
class ReadersTexts:
    """What a reader gives as a text: paths, and how to choose and read what is there.

    Read again each time, a document at a time, so that no more than one is in memory.
    """

    sources: tuple[str, ...]
    """Files, folders, zip archives, gz files; or one word or prepared folder."""
    globs: tuple[str, ...] = ()
    """Which files of folders and archives: names such as "*.md"; empty for all."""
    field: str = ""
    """Which field of each JSON line is the text."""

    @property
    def name(self) -> str:
        """What the text is called: by its file or folder, by the first of several."""
        first = self.paths[0]
        name = first.resolve().name if first.is_dir() else first.stem
        if first.suffix.lower() == ".gz":
            name = Path(name).stem
        more = len(self.paths) - 1
        return without_halves(name or "text") + (f"-and-{more}-more" if more else "")

    @property
    def shown(self) -> str:
        """What a sentence calls it: the paths, if they are few."""
        paths = [printable(str(path)) for path in self.paths]
        return self.name if len(paths) > 2 else " and ".join(paths)

    @property
    def title(self) -> str:
        """The name, with the ending of one file, as a corpus has it in its facts."""
        first = self.paths[0]
        is_one = not first.is_dir() and len(self.paths) == 1
        return without_halves(first.name) if is_one else self.name

    @property
    def paths(self) -> list[Path]:
        """The paths, each once, in the order of their names."""
        once = {Path(source).resolve(): Path(source) for source in self.sources}
        return sorted(once.values(), key=lambda path: (nfc(path.name), nfc(str(path))))

    def named(self, known: Collection[str]) -> str:
        """The one word or path that this is, as it is known; "" for several paths.

        Raises ValueError for a path that is not there, or a known word among others.
        """
        if len(self.sources) == 1:
            return find_text(self.sources[0], known)
        for source in self.sources:
            if find_text(source, known) in known:
                raise ValueError(
                    f"{quoted(source)} is a text that gptbook knows by this word, and "
                    f"stands alone: leave out the others, or give ./{source} for a "
                    "file or folder here"
                )
        return ""

    def check_unchosen(self) -> None:
        """Raise ValueError if there is a choice in what leaves none."""
        if self.globs or self.field:
            raise ValueError(
                f"{self.sources[0]} is chosen and read already: leave out --glob and "
                "--field"
            )

    def check_wishes(self, seen: Sighting) -> None:
        """Raise ValueError for a wish that had nothing to choose from."""
        kinds = {path.suffix.lower() if path.is_file() else "" for path in self.paths}
        if self.globs and not kinds & {"", ".zip"}:
            raise ValueError(
                "--glob chooses among the files of folders and zip archives, and "
                f"{self.name} is none: leave it out"
            )
        if self.field and not seen.has_fields:
            raise ValueError(
                f"--field is for JSON Lines, and {self.name} holds none: leave it out"
            )

    def documents(self, seen: Sighting) -> Iterator[tuple[str, str]]:
        """Each document, in NFC and with "\\n" at its lines' ends, and its file's name.

        In the order of the files' names. seen is told what is there. Raises ValueError,
        in one sentence, for a file that cannot be read or has another shape than its
        name says.
        """
        paths = self.paths
        for path in paths:
            inside = f"{nfc(path.name)}/" if len(paths) > 1 and path.is_dir() else ""
            for file in found_files(path, self.globs, seen.leave_out):
                for text in self.texts_of(file, seen):
                    if text.strip():
                        yield inside + file.name, text
                    else:
                        seen.leave_out(WITHOUT_TEXT, file.where)

    def texts_of(self, file: FoundFile, seen: Sighting) -> Iterator[str]:
        """The documents of one file."""
        name = file.name.lower()
        if not file.is_named and OTHER_COPIES.fullmatch(name):
            seen.leave_out(OTHER_COPY, file.where)
            return
        if name.endswith(LINES_ENDINGS):
            seen.has_fields = True
            yield from json_lines(file, self.field)
            return
        content = file.text_content()
        if content is None:
            seen.leave_out(NO_TEXT_FILE, file.where)
            return
        if file.is_named and not content:
            raise ValueError(f"{file.where} is empty: give a file with text in it")
        text = decoded_text(content, file.where)
        if name.endswith(".json"):
            yield from self.texts_of_json(text, file, seen)
            return
        chat = whatsapp_chat(text, seen.chats) if name.endswith(".txt") else None
        if chat is None and CHAT_NAME.match(name.rpartition("/")[2]):
            raise ValueError(
                f"{file.where} is called like a WhatsApp export, and its lines do not "
                "begin with date, time and name as in one: export it again, or call "
                "it otherwise to learn it as it stands"
            )
        yield text if chat is None else chat

    def texts_of_json(
        self, text: str, file: FoundFile, seen: Sighting
    ) -> Iterator[str]:
        """The chats in a JSON file, or the field of each item of a list in it."""
        try:
            content = json.loads(text)
        except (ValueError, RecursionError) as error:
            if not file.is_named:
                seen.leave_out(OTHER_JSON, file.where)
                return
            raise ValueError(
                f"{file.where} is not JSON ({reason_of(error)}): get it again, or call "
                "it .txt to learn it as it stands"
            ) from None
        chats = json_chats(content, file.where, seen.chats)
        if chats is not None:
            yield from map(mended, chats)
        elif self.field and isinstance(content, list):
            seen.has_fields = True
            for number, item in enumerate(content, start=1):
                yield text_field(item, self.field, f"item {number} of {file.where}")
        elif file.is_named:
            raise ValueError(
                f"{file.where} is JSON, and {shape_of(content)} is neither an export "
                "of Telegram nor of ChatGPT: of a list, say with --field which field "
                "is the text; call the file .txt to learn it as it stands"
            )
        else:
            seen.leave_out(OTHER_JSON, file.where)


def json_lines(file: FoundFile, wanted: str) -> Iterator[str]:
    """The wanted field of each line of a file in JSON Lines; a blank line is none.

    Raises ValueError, which says which line it is, if one is no JSON or lacks it.
    """
    with file.open() as opened, told(file.where):
        lines: Iterable[bytes] = opened
        if opened.peek(4).startswith(tuple(BYTE_ORDER_MARKS)):
            text = decoded_text(opened.read(), file.where)
            lines = (line.encode() for line in text.split("\n"))
        for number, line in enumerate(lines, start=1):
            where = f"line {number:,} of {file.where}"
            if not line.strip():
                continue
            try:
                item = json.loads(line.decode())
            except (ValueError, RecursionError) as error:
                raise ValueError(
                    f"{where} is not JSON ({reason_of(error)}): mend that line or "
                    "remove it"
                ) from None
            yield text_field(item, wanted, where)


def text_field(item: Any, wanted: str, where: str) -> str:
    """One field of an object, which is a text; "" if it is null.

    Raises ValueError, which names the fields that are there, if it is absent.
    """
    if not isinstance(item, dict):
        raise ValueError(
            f"{where} is {shape_of(item)}, not an object with fields: mend or remove it"
        )
    names = ", ".join(quoted(name)[1:-1] for name in list(item)[:10]) or "none"
    if not wanted:
        raise ValueError(
            f"{where} is JSON: say with --field which of its fields is the text; "
            f"there is {names}"
        )
    if wanted not in item:
        raise ValueError(
            f"{where} has no field {quoted(wanted)}: give --field with one that each "
            f"has; there is {names}"
        )
    text = item[wanted]
    if text is None:
        return ""
    if not isinstance(text, str):
        raise ValueError(
            f"the field {quoted(wanted)} in {where} is {shape_of(text)}, not a text: "
            "give --field with another"
        )
    return mended(text)


def mended(text: str) -> str:
    """A text out of JSON, in NFC and with "\\n" at its lines' ends."""
    return nfc(without_halves(text).replace("\r\n", "\n").replace("\r", "\n"))


def without_halves(text: str) -> str:
    """The text, with U+FFFD for half of a surrogate pair, which cannot be written."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def shape_of(value: Any) -> str:
    """What a value of JSON is, for a sentence."""
    if isinstance(value, dict):
        keys = ", ".join(quoted(name)[1:-1] for name in list(value)[:5])
        return f"an object with {keys or 'nothing in it'}"
    if isinstance(value, list):
        return f"a list of {len(value)}"
    kinds = {bool: "true or false", str: "a text", type(None): "null"}
    return kinds.get(type(value), "a number")


def reason_of(error: Exception) -> str:
    """Why something is no JSON, briefly."""
    if isinstance(error, RecursionError):
        return "it is nested too deeply"
    if isinstance(error, UnicodeDecodeError):
        return f"its byte {error.start + 1} is not UTF-8"
    if isinstance(error, json.JSONDecodeError):
        return f"{error.msg} at its character {error.pos + 1:,}"
    return str(error).partition("; use sys.")[0]
