"""Facts out of a JSON file, checked at the border: what reads them may trust them.

Say once, as a shape, what a file holds, and read the file through it:

    SHAPE = Fields(required={"step": Whole(0, 1_000), "names": Listing(Words())})
    facts = read_facts(path, SHAPE, advice="copy the folder again")
"""

import hashlib
import json
import math
import reprlib
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from gptbook.files.text_files import brief_text, read_text

MOST_WHOLE = 2**53  # whole numbers up to here are the same in every JSON program


class Shape(Protocol):
    """What a value may be."""

    def problem(self, value: Any) -> str:
        """Where the value is wrong and what it should be; "" if it is right."""
        ...


@dataclass(frozen=True)
class Whole:
    """A whole number in a range."""

    least: int = 0
    most: int = MOST_WHOLE

    def problem(self, value: Any) -> str:
        """True and 3.0 are none."""
        if type(value) is int and self.least <= value <= self.most:
            return ""
        return is_not(value, f"a whole number from {self.least} to {self.most}")


@dataclass(frozen=True)
class Real:
    """A number in a range; what is not finite only where that is said."""

    least: float = -math.inf
    most: float = math.inf
    any_float: bool = False

    def problem(self, value: Any) -> str:
        """Whole numbers are numbers, too."""
        if type(value) is float or (type(value) is int and abs(value) <= MOST_WHOLE):
            if self.any_float and not math.isfinite(value):
                return ""
            if math.isfinite(value) and self.least <= value <= self.most:
                return ""
        ends = f"from {self.least:g} to {self.most:g}"
        return is_not(value, f"a number {'' if self.least == -math.inf else ends}")


@dataclass(frozen=True)
class Words:
    """A text; one of some, or of some length, where that is said."""

    choices: tuple[str, ...] = ()
    least: int = 0
    most: int = 10_000

    def problem(self, value: Any) -> str:
        """Half of a surrogate pair is no text: it could not be written again."""
        if not isinstance(value, str):
            return is_not(value, "a text")
        if self.choices and value not in self.choices:
            return is_not(value, " or ".join(self.choices))
        if not self.least <= len(value) <= self.most:
            return is_not(value, f"a text of {self.least} to {self.most} characters")
        is_whole = not any("\ud800" <= letter <= "\udfff" for letter in value)
        return "" if is_whole else is_not(value, "a text that can be written")


@dataclass(frozen=True)
class Digest:
    """A sha256, in hexadecimal digits."""

    def problem(self, value: Any) -> str:
        """As `hashlib` writes it."""
        is_one = isinstance(value, str) and len(value) == 64
        if is_one and set(value) <= set("0123456789abcdef"):
            return ""
        return is_not(value, "a sha256 in 64 hexadecimal digits")


@dataclass(frozen=True)
class Listing:
    """A list, every item of one shape; each at most once where that is said."""

    item: Shape
    least: int = 0
    most: int = MOST_WHOLE
    different: bool = False

    def problem(self, value: Any) -> str:
        """The first item that is wrong is named."""
        if not isinstance(value, list) or not self.least <= len(value) <= self.most:
            return is_not(value, f"a list of {self.least} items or more")
        for place, item in enumerate(value):
            if found := self.item.problem(item):
                return f"[{place}]{found}"
        if self.different and len(set(value)) < len(value):
            return is_not(value, "a list without repetitions")
        return ""


@dataclass(frozen=True)
class Fields:
    """An object: keys that it must have, others that it may have, and no more."""

    required: Mapping[str, Shape]
    optional: Mapping[str, Shape] = field(default_factory=dict)
    is_open: bool = False
    """Whether it may have any other keys besides."""

    def problem(self, value: Any) -> str:
        """The first key that is wrong is named."""
        if not isinstance(value, dict):
            return is_not(value, "an object with keys")
        for key in self.required:
            if key not in value:
                return f" has no {key}"
        for key, inner in value.items():
            shape = self.required.get(key) or self.optional.get(key)
            if shape is None and not self.is_open:
                return f" has {reprlib.repr(key)}, which is unknown"
            if shape is not None and (found := shape.problem(inner)):
                return f".{key}{found}"
        return ""


def is_not(value: Any, wanted: str) -> str:
    """What is wrong with a value, at most a line long."""
    shown = reprlib.repr(value)
    return f" is {shown[:60]}, not {wanted.strip()}"


def check_facts(value: Any, shape: Shape, where: Path | str, advice: str) -> None:
    """Raise ValueError, in one sentence, if a value does not have this shape."""
    if found := shape.problem(value):
        raise ValueError(f"{where}: {found.lstrip(' .')}: {advice}")


def parse_facts(content: bytes, where: Path | str, advice: str) -> Any:
    """What the bytes of a JSON file hold.

    Raises ValueError, in one sentence, if they are no JSON in UTF-8, nest too deeply,
    or give a key twice, of which other programs would take the one or the other.
    """

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) < len(pairs):
            raise ValueError("a key is given twice")
        return found

    try:
        return json.loads(content.decode("utf-8-sig"), object_pairs_hook=once)
    except UnicodeDecodeError as error:
        problem = f"byte {error.start + 1} is not UTF-8"
    except RecursionError:
        problem = "it nests too deeply"
    except ValueError as error:
        problem = str(error).partition("; use sys.")[0]
    raise ValueError(f"{where} is cut short or was changed ({problem}): {advice}")


def read_facts(path: Path, shape: Shape, advice: str) -> Any:
    """What a JSON file holds, which has the shape that is asked for.

    Raises ValueError, in one sentence that ends with the advice, if it is absent,
    cannot be read, or holds anything else.
    """
    if not path.is_file():
        raise ValueError(f"{path} is missing, or is no file: {advice}")
    try:
        content = path.read_bytes()
    except OSError as error:
        reason = error.strerror or error
        raise ValueError(f"{path} cannot be read ({reason}): {advice}") from None
    facts = parse_facts(content, path, advice)
    check_facts(facts, shape, path, advice)
    return facts


def with_sorted_metadata(content: bytes) -> bytes:
    """A safetensors file with its metadata in the order of their names.

    The library writes them in an order drawn by chance (safetensors 0.8, a HashMap):
    without this the same weights would be another file each time.
    """
    start, length = 8, int.from_bytes(content[:8], "little")
    header = json.loads(content[start : start + length])
    if "__metadata__" in header:
        header["__metadata__"] = dict(sorted(header["__metadata__"].items()))
    text = json.dumps(header, ensure_ascii=False, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)  # as the library does: the weights begin aligned
    return len(text).to_bytes(8, "little") + text + content[start + length :]


def facts_sha256(facts: Any) -> str:
    """The sha256 of facts, however their file is laid out: keys sorted, no spaces."""
    text = json.dumps(facts, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def facts_text(record: Mapping[str, Any]) -> str:
    """The facts as JSON. Raises ValueError if a number among them is not finite."""
    try:
        return json.dumps(record, indent=1, ensure_ascii=False, allow_nan=False) + "\n"
    except ValueError:
        raise ValueError(
            "a loss of this run is NaN or infinite, so it is not saved: what was saved "
            "before is intact; train again from there with a lower rate"
        ) from None


def read_json(path: Path | str) -> Any:
    """What a JSON file holds.

    Raises ValueError, in one sentence, if it is none, or has a name twice in one
    object, of which most readers would take the last, or a number that JSON lacks.
    """
    text = read_text(path)
    try:
        return json.loads(
            text, object_pairs_hook=once_each, parse_constant=refused_constant
        )
    except RecursionError:
        problem = "is nested too deeply"
    except ValueError as error:
        problem = f"is not JSON ({brief_text(str(error), 200)})"
    raise ValueError(f"{path} {problem}: get it again")


def once_each(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object of a JSON file. Raises ValueError for a name that comes twice."""
    content = dict(pairs)
    if len(content) < len(pairs):
        twice, _ = Counter(name for name, _ in pairs).most_common(1)[0]
        raise ValueError(f'"{brief_text(twice)}" is there twice')
    return content


def refused_constant(name: str) -> Any:
    """Raise ValueError for NaN or an infinity, which no JSON file holds."""
    raise ValueError(f"{name} is no number of JSON")


def brief(facts: dict[str, Any], name: str) -> str:
    """A fact, short enough for a sentence."""
    text = str(facts.get(name))
    return text if len(text) <= 40 else f"{text[:37]}..."
