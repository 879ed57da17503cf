"""At the border: readers' files that cannot be read, and one spelling for each text."""

import io
import stat
import unicodedata
from collections.abc import Iterable
from pathlib import Path

import pandas as pd

LARGEST_FILE = 2**34  # bytes; more is no list and no text that fits into a memory
PACKED = {  # how such a file begins
    b"\x1f\x8b": "gzip",
    b"BZh": "bzip2",
    b"\xfd7zXZ\0": "xz",
    b"\x28\xb5\x2f\xfd": "zstd",
    b"PK\x03\x04": "zip",  # so do the workbooks of spreadsheets
    b"7z\xbc\xaf\x27\x1c": "7z",
    b"Rar!": "rar",
}
PACKED_ENDINGS = (".gz", ".bz2", ".xz", ".zst", ".zip", ".tar")
OTHER_SEPARATORS = {";": "semicolons", "\t": "tabs", "|": "bars"}
SHOWN_COLUMNS = 10
SHOWN_LETTERS = 40


def nfc(text: str) -> str:
    """The text with each letter and its accents in one character, where there is one.

    "ü" can be written as one character or as "u" with two dots after it, and both look
    the same: Unicode's normalization form C makes them equal. Names, texts and prompts
    of readers pass through here; what others have tokenised, or published, does not.
    """
    return unicodedata.normalize("NFC", text)


def in_alphabet(text: str, alphabet: Iterable[object]) -> str:
    """A prompt in the spelling that a model's alphabet has: NFC, or else NFD.

    NFD, accents apart, is for models that learned before texts were normalised.
    """
    known = set(alphabet)
    spelled = nfc(text)
    apart = unicodedata.normalize("NFD", text)
    return apart if known >= set(apart) and set(spelled) - known else spelled


def brief_text(text: str, most: int = SHOWN_LETTERS) -> str:
    """The beginning of a text, for a message that must stay one sentence."""
    return text if len(text) <= most else text[: most - 3] + "..."


def file_fault(path: Path | str) -> str:
    """What keeps a reader's file from being read; "" if nothing does.

    A pipe or a device may never end, and can be read only once: neither is opened.
    """
    try:
        about = Path(path).stat()
        if not (stat.S_ISREG(about.st_mode) or stat.S_ISDIR(about.st_mode)):
            return "is a pipe or a device: save what it holds in a file, and give that"
        if about.st_size > LARGEST_FILE:
            return (
                f"has {about.st_size / 2**30:,.0f} GB, and {LARGEST_FILE >> 30} fit: "
                "give a part of it"
            )
        if stat.S_ISREG(about.st_mode) and about.st_size == 0:
            return "is empty: give a file with text in it"  # as all of /proc says
        with Path(path).open("rb") as file:
            start = file.read(512)
    except ValueError:
        return "is no path: it has a zero byte"
    except OSError as error:
        return f"cannot be read ({error.strerror or error}): check the path"
    for magic, kind in PACKED.items():
        if start.startswith(magic):
            return f"is packed ({kind}), not text: unpack it, or save it as text"
    if start[257:262] == b"ustar":
        return "is packed (tar), not text: unpack it, or save it as text"
    return ""


def regular(path: Path) -> str:
    """The whole path of a reader's file, by which it is found again.

    Raises ValueError for a pipe or a device, which has no such path, and for a file
    that cannot be read.
    """
    if fault := file_fault(path):
        raise ValueError(f"{path} {fault}")
    return str(path.resolve())


def text_fault(path: Path | str) -> str:
    """What makes a readable file no text in UTF-8; "" if it is text."""
    if fault := file_fault(path):
        return fault
    try:
        content = Path(path).read_bytes()
        content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        return f"is not text in UTF-8 (byte {error.start + 1}): save it again as UTF-8"
    except OSError as error:
        return f"cannot be read ({error.strerror or error}): check the path"
    if b"\0" in content:
        place = content.index(b"\0") + 1
        return f"is not text, it has zero bytes (byte {place}): save it as UTF-8"
    return ""


def table_fault(path: Path | str) -> str:
    """What pandas would take for something else in a CSV file, or not read at all.

    Its first line names the columns, so no line may have more cells: pandas would take
    the first cells for names of rows, and every other cell for its neighbour.
    """
    if fault := text_fault(path):
        return fault
    if str(path).lower().endswith(PACKED_ENDINGS):
        return 'is called like a packed file: give it a name that ends in ".csv"'
    text = Path(path).read_bytes().decode("utf-8-sig")
    try:
        table = pd.read_csv(
            io.StringIO(text), header=None, dtype=str, keep_default_na=False
        )
    except pd.errors.EmptyDataError:
        return "is empty: give it a first line that names its columns"
    except pd.errors.ParserError as error:
        reason = str(error).strip().removeprefix("Error tokenizing data. C error: ")
        if "EOF inside string" in reason:
            line = int(reason.rsplit(maxsplit=1)[-1]) + 1
            return f"is not a table (line {line} opens a quote): close the quote"
        advice = other_separator(text) or "put cells that hold commas in quotes"
        return f"is not a table ({reason}): {advice}"
    if '"' not in text:
        return ""
    cells = table.fillna("")
    broken = cells.apply(lambda column: column.str.contains(r"[\r\n]"))
    quoted = cells.apply(lambda column: column.str.contains('"', regex=False))
    suspect = broken.any(axis=1) & quoted.any(axis=1)
    if suspect.any():
        cell = cells[suspect].iloc[0][broken[suspect].iloc[0]].iloc[0]
        return (
            "is not a table (a cell goes over lines and holds a quote, "
            f"{brief_text(cell)!r}): close each quote, and double one inside a cell"
        )
    return ""


def other_separator(text: str) -> str:
    """What to do about a table whose first line is parted by another sign than commas.

    "" if it is not.
    """
    header = text.lstrip().splitlines()[0] if text.strip() else ""
    for sign, name in OTHER_SEPARATORS.items():
        if sign in header and "," not in header:
            return f"its cells are parted by {name}: save it with commas"
    return ""


def tidy(text: str) -> str:
    """A cell without spaces at its ends or runs of them, in one spelling."""
    return nfc(" ".join(text.split()))


def column_fault(path: Path | str, *columns: str) -> str:
    """What keeps a table from having these columns, once each; "" if it has them.

    Spaces around a name, and how its accents are written, do not count.
    """
    if fault := table_fault(path):
        return fault
    text = Path(path).read_bytes().decode("utf-8-sig")
    first = pd.read_csv(
        io.StringIO(text), header=None, dtype=str, keep_default_na=False, nrows=1
    )
    there = [tidy(cell) for cell in first.iloc[0]]
    for column in columns:
        if there.count(tidy(column)) > 1:
            return f'has the column "{column}" twice: give each a name of its own'
        if tidy(column) not in there or not tidy(column):
            shown = ", ".join(f'"{brief_text(n)}"' for n in there[:SHOWN_COLUMNS])
            more = ", ..." if len(there) > SHOWN_COLUMNS else ""
            advice = other_separator(text) or (
                f"choose one of {shown}{more}, or name the columns in its first line"
            )
            return f'has no column "{brief_text(column)}": {advice}'
    return ""
