"""At the border: readers' files that cannot be read, and one spelling for each text."""

import codecs
import stat
import unicodedata
from collections.abc import Iterable
from pathlib import Path

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
BYTE_ORDER_MARKS = {  # UTF-32's first: it begins like UTF-16's
    codecs.BOM_UTF8: "utf-8",
    codecs.BOM_UTF32_LE: "utf-32-le",
    codecs.BOM_UTF32_BE: "utf-32-be",
    codecs.BOM_UTF16_LE: "utf-16-le",
    codecs.BOM_UTF16_BE: "utf-16-be",
}
CONTROL_BYTES = bytes({*range(32)} - {*b"\b\t\n\v\f\r\x1b"})  # in no encoding of a text
PACKED_ENDINGS = (".gz", ".bz2", ".xz", ".zst", ".zip", ".tar")
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


def read_text(path: Path | str) -> str:
    """The text of a file, with every line ended as "\\n", whoever wrote it.

    It comes as it is written, see `readers_text` for what a reader hands in.
    Raises ValueError, in one sentence, if it cannot be read or is not UTF-8.
    """
    if Path(path).is_fifo() or Path(path).is_char_device():
        raise ValueError(f"{path} is a pipe or a device: give a file instead")
    try:
        return Path(path).read_text(encoding="utf-8-sig")  # as `read_table` does
    except UnicodeDecodeError as error:
        problem = (
            f"is not text in UTF-8 (byte {error.start + 1}): save it again as UTF-8"
        )
    except OSError as error:
        problem = f"cannot be read ({error.strerror or error}): check the path"
    except ValueError:
        problem = "is no path: it has a zero byte"
    raise ValueError(f"{path} {problem}")


def decoded_text(content: bytes, where: Path | str) -> str:
    """The text that bytes hold, in NFC, with every line ended as "\\n".

    They are UTF-8, or UTF-16 or UTF-32 where a mark at their beginning says so. Raises
    ValueError, in one sentence that names the byte, for any other encoding.
    """
    mark = next((each for each in BYTE_ORDER_MARKS if content.startswith(each)), b"")
    encoding = BYTE_ORDER_MARKS.get(mark, "utf-8")
    try:
        text = content[len(mark) :].decode(encoding)
    except UnicodeDecodeError as error:
        place = len(mark) + error.start + 1
        raise ValueError(
            f"{where} is not text in {encoding.upper()} (byte {place}): save it again "
            "as UTF-8"
        ) from None
    if "\0" in text:
        place = len(mark) + len(text[: text.index("\0")].encode(encoding)) + 1
        raise ValueError(
            f"{where} is not text, it has zero bytes (byte {place}): save it as UTF-8"
        )
    return nfc(text.replace("\r\n", "\n").replace("\r", "\n"))


def is_binary(content: bytes, *, is_whole: bool = True) -> bool:
    """Whether bytes are no text in any encoding: a picture, a program, a packed file.

    What is text in an encoding that is not known here is none of these. Of what is not
    the whole, only what is surely binary counts.
    """
    if content.startswith(tuple(BYTE_ORDER_MARKS)):
        return False
    if content.startswith((*PACKED, b"%PDF-")) or b"\0" in content:
        return True
    if not is_whole:
        return False
    try:
        content.decode()
    except UnicodeDecodeError:
        return len(content.translate(None, CONTROL_BYTES)) < len(content)
    return False


def readers_text(path: Path | str) -> str:
    """The text of a reader's file, in NFC.

    Raises ValueError, in one sentence, if it is packed, piped, empty or no text.
    """
    if fault := file_fault(path):
        raise ValueError(f"{path} {fault}")
    try:
        content = Path(path).read_bytes()
    except OSError as error:
        reason = error.strerror or error
        raise ValueError(f"{path} cannot be read ({reason}): check the path") from None
    return decoded_text(content, path)
