"""Many documents in two parts that share none, without all of them in memory."""

import hashlib
import json
from array import array
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gptbook.data.documents import ReadersTexts, Sighting
from gptbook.files.json_files import Fields, Listing, Words, check_facts, read_json
from gptbook.files.whole_files import write_whole

FILES_FILE = "files.json"  # beside a prepared text: of which files it was made
HELD_OUT_SHARE = 0.1
HELD_OUT_AT_LEAST = 0.095  # enough to stop looking for a document that still fits
SHOWN_FILES = 3
FILES_SHAPE = Fields({"files": Listing(Listing(Words(), least=2))})


@dataclass
class Survey:
    """What a first reading of a reader's documents found; the text, if there is one."""

    texts: ReadersTexts
    seen: Sighting = field(default_factory=Sighting)
    whole: str | None = None
    """The text of the only document; None if there are several."""
    sha256: str = ""
    """Of the text of one document; of several, of each with its length in front."""
    num_characters: int = 0
    alphabet: set[str] = field(default_factory=set)
    keys: "array[int]" = field(default_factory=lambda: array("Q"))
    """The first 8 bytes of the sha256 of each document, as a number."""
    lengths: "array[int]" = field(default_factory=lambda: array("Q"))
    """The characters of each document."""
    files: dict[str, str] = field(default_factory=dict)
    """The sha256 of each file's documents, by its name inside what was given."""

    @classmethod
    def of(cls, texts: ReadersTexts) -> "Survey":
        """Read all documents once. Raises ValueError as `ReadersTexts.documents`."""
        survey = cls(texts)
        alone = hashlib.sha256()
        together = hashlib.sha256()
        files: dict[str, Any] = {}
        for name, text in texts.documents(survey.seen):
            content = text.encode()
            survey.whole = None if survey.keys else text
            survey.keys.append(document_key(content))
            survey.lengths.append(len(text))
            survey.num_characters += len(text)
            survey.alphabet.update(text)
            if len(survey.keys) == 1:
                alone.update(content)
            for digest in (together, files.setdefault(name, hashlib.sha256())):
                add_document(digest, content)
        is_one = len(survey.keys) == 1
        survey.sha256 = (alone if is_one else together).hexdigest()
        survey.files = {name: digest.hexdigest() for name, digest in files.items()}
        return survey

    def held_out_keys(self) -> set[int]:
        """Which documents are held out: about a tenth of the characters, at least one.

        A document that alone has more than a tenth is learned from, and the tenth is
        one of the others, lest most of those go. They are taken in the order of their
        sha256, so that neither names nor places decide; of equal ones all or none.
        Where none is small enough, it is the smallest.
        """
        sizes: dict[int, int] = {}
        for key, length in zip(self.keys, self.lengths):
            sizes[key] = sizes.get(key, 0) + length
        largest = HELD_OUT_SHARE * self.num_characters
        num_open = sum(size for size in sizes.values() if size <= largest)
        chosen: set[int] = set()
        num_held_out = 0
        for key in sorted(sizes):
            if num_held_out + sizes[key] <= HELD_OUT_SHARE * num_open:
                chosen.add(key)
                num_held_out += sizes[key]
                if num_held_out >= HELD_OUT_AT_LEAST * num_open:
                    break
        return chosen or {min(sizes, key=lambda key: (sizes[key], key))}


class Part:
    """The documents of a survey that are held out, or the others, read anew each time.

    Raises ValueError if they have changed since the survey.
    """

    def __init__(
        self, survey: Survey, held_out: set[int], *, is_held_out: bool
    ) -> None:
        """held_out has the keys of the documents that are; see `held_out_keys`."""
        self.survey, self.held_out, self.is_held_out = survey, held_out, is_held_out
        self.mine = [(key in held_out) == is_held_out for key in survey.keys]

    def __len__(self) -> int:
        """How many documents."""
        return sum(self.mine)

    @property
    def num_characters(self) -> int:
        """How many characters they have together."""
        return sum(
            length for length, mine in zip(self.survey.lengths, self.mine) if mine
        )

    def __iter__(self) -> Iterator[str]:
        """Each document's text."""
        files: dict[str, Any] = {}
        for name, text in self.survey.texts.documents(Sighting()):
            content = text.encode()
            add_document(files.setdefault(name, hashlib.sha256()), content)
            if (document_key(content) in self.held_out) == self.is_held_out:
                yield text
        now = {name: digest.hexdigest() for name, digest in files.items()}
        if changes := file_changes(self.survey.files, now):
            raise ValueError(
                f"{self.survey.texts.name} changes while it is read ({changes}): give "
                "it again when nothing writes there"
            )


def add_document(digest: Any, content: bytes) -> None:
    """Add a document to a hash so that no other cut of the same letters gives it."""
    digest.update(b"%d\n" % len(content))
    digest.update(content)


def document_key(content: bytes) -> int:
    """A number for a document, which equal ones share and others hardly ever do."""
    return int.from_bytes(hashlib.sha256(content).digest()[:8], "big")


def two_parts(survey: Survey) -> tuple[Part, Part]:
    """The documents to learn from, and those held out; no text is in both.

    Raises ValueError if all documents are the same one.
    """
    held_out = survey.held_out_keys()
    parts = [Part(survey, held_out, is_held_out=each) for each in (False, True)]
    training, kept = parts
    if len(training) == 0:
        raise ValueError(
            f"the {len(kept):,} texts of {survey.texts.name} are all the same: give a "
            "second one, so that one can be held out"
        )
    return training, kept


def write_files_list(folder: Path, files: dict[str, str]) -> None:
    """Note of which files a text is made, so that a change can be named later."""
    content = {"files": [[name, digest] for name, digest in files.items()]}
    write_whole(folder / FILES_FILE, (json.dumps(content, indent=0) + "\n").encode())


def changed_files(before: Path, now: Path) -> str:
    """Which files differ between two prepared texts; "" if that is not known.

    Two that have no file of one name are two texts, not a text that has changed.
    """
    try:
        lists = []
        for folder in (before, now):
            content = read_json(folder / FILES_FILE)
            check_facts(content, FILES_SHAPE, folder, "prepare the text again")
            lists.append(dict(content["files"]))
    except ValueError:
        return ""
    old, new = lists
    return file_changes(old, new) if old.keys() & new.keys() else ""


def file_changes(old: dict[str, str], new: dict[str, str]) -> str:
    """Which files are gone, new or changed, the first few of them; "" if none is."""
    told = [f"{name} is gone" for name in old if name not in new]
    told += [f"{name} is new" for name in new if name not in old]
    told += [
        f"{name} was changed" for name in old if new.get(name, old[name]) != old[name]
    ]
    more = len(told) - SHOWN_FILES
    return ", ".join(told[:SHOWN_FILES]) + (f", and {more:,} more" if more > 0 else "")
