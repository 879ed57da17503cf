"""Facts of a run, changed in every way that a file can be."""

import copy
import json
import random
from collections.abc import Iterator
from typing import Any

from gptbook.files.json_files import facts_sha256

NUMBERS = [0, -1, 1, 2, 3, 7, 10**6, 10**12, 2**64, 10**30, 0.5, -0.5, 1e300, float("nan"), float("inf"), -float("inf")]
OTHERS = [None, True, False, "", "x", "../x", "\0", "\ud800", "é" * 999, [], [[]], {}, {"": {}}, [1, 2], ["a", "a"]]


def places(value: Any, at: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Where in nested facts something stands."""
    keys = list(value) if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else []
    for key in keys:
        yield (*at, key)
        yield from places(value[key], (*at, key))


def mutate(record: dict[str, Any], draw: random.Random) -> bytes:
    """The bytes of a checkpoint.json that was changed in one or two places, in one of many ways."""
    record = copy.deepcopy(record)
    for _ in range(draw.choice((1, 1, 2))):
        at = draw.choice(list(places(record)))
        owner = record
        for key in at[:-1]:
            owner = owner[key]
        match draw.randrange(7):
            case 0 if isinstance(owner, dict):
                del owner[at[-1]]
            case 1:
                owner[at[-1]] = draw.choice(NUMBERS)
            case 2:
                owner[at[-1]] = draw.choice(OTHERS)
            case 3:
                other = draw.choice(list(places(record)))
                value: Any = record
                for key in other:
                    value = value[key]
                owner[at[-1]] = copy.deepcopy(value)
            case 4 if isinstance(owner[at[-1]], int | float):
                owner[at[-1]] += draw.choice((1, -1, 0.5))
            case 5 if isinstance(owner[at[-1]], list) and owner[at[-1]]:
                owner[at[-1]].append(owner[at[-1]][-1])
            case _:
                owner[at[-1]] = [owner[at[-1]]]
    if record.get("sha256") == "again":  # whoever changes facts can write a checksum, too
        record["sha256"] = facts_sha256({key: value for key, value in record.items() if key != "sha256"})
    content = json.dumps(record).encode()
    match draw.randrange(14):
        case 0:
            content = content[: draw.randrange(len(content))]
        case 1:
            content = content.replace(b'"step":', b'"step": 1, "step":', 1)
        case 2:
            content = content.decode().encode(draw.choice(("utf-16", "utf-32", "utf-8-sig", "cp037")))
        case 3:
            content = content.replace(b'"recipe":', b'"deep": ' + b"[" * 50_000 + b"]" * 50_000 + b', "recipe":', 1)
        case 4:
            at_byte = draw.randrange(len(content))
            content = content[:at_byte] + bytes([content[at_byte] ^ 1 << draw.randrange(8)]) + content[at_byte + 1 :]
    return content
