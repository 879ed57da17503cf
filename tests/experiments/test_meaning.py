"""What code does, apart from how it is written: what changes its fingerprint, and what must not."""

import ast
from itertools import combinations
from textwrap import dedent

import pytest

from gptbook.experiments.meaning import fingerprint, guard_name, meaning

PLAIN = '''
@cache
def share(x, parts=2):
    """Doc."""
    if x < 0:
        raise ValueError(f"x is {x}: give more")
    for name in ("a", "b"):
        total = x * 2
    return {"a": x + 1, "b": f"{x:>{parts}} parts"}
'''
PLAIN_CLASS = """
@dataclass(frozen=True)
class Recipe(Base):
    name: str
    steps: int = 3
"""
PLAIN_TRY = """
def read(path):
    try:
        return parse(path)
    except OSError:
        return 0
"""


def taken(text: str, guards: frozenset[str] = frozenset()) -> str:
    return fingerprint([part for node in ast.parse(dedent(text)).body for part in meaning(node, guards=guards)])


@pytest.mark.parametrize(
    ("right", "other"),
    [
        ('"""Doc."""', '"""Another\n\n    one.\n    """'),
        ('    """Doc."""\n', ""),
        ("    return", "    # why\n    return"),
        ("is {x}: give", "must not be {x}: give"),
        ('{"a": x + 1, "b": f"{x:>{parts}} parts"}', "{\n  'a': (x + 1),\n  'b': f'{x:>{parts}}' ' parts',\n }"),
        ("x * 2", "x * 0x2"),
        ("(x, parts=2)", "(x: float, parts: int = 2) -> dict[str, int]"),
        ("total = x", "total: float = x"),
        ("        total = x", "        total: float\n        total = x"),
        ("    if x < 0:", "    if parts == 0:\n        raise ValueError\n    if x < 0:"),
        ("    if x < 0:\n        raise ValueError(f\"x is {x}: give more\")\n", ""),
        ("    if x < 0:", "    if parts == 0:\n        a = 'no'\n        raise TypeError(a)\n    elif x < 0:"),
        ("    return", "    assert x, 'none'\n    return"),
        ("    return", "    from gptbook.training.loss import count_loss\n    return"),
        ("    return", "    pass\n    ...\n    return"),
        ("        total = x * 2", "        try:\n            total = x * 2\n        except E:\n            raise"),
        ("x * 2\n", "x * 2\n        check(x, parts)\n"),
        ("    return", "    match x:\n        case 1:\n            raise ValueError\n    return"),
    ],
)  # fmt: skip
def test_what_does_nothing_does_not_count(right: str, other: str) -> None:
    assert right in PLAIN
    assert taken(PLAIN.replace(right, other), guards=frozenset({"check"})) == taken(PLAIN)


@pytest.mark.parametrize(
    ("right", "other"),
    [
        ("x + 1", "x + 2"),
        ("x + 1", "x + 1.0"),
        ("x + 1", "x + True"),
        ("x + 1", "x - 1"),
        ('"a": x', '"c": x'),
        ("    return", "        return"),
        ("parts=2", "parts=3"),
        ("parts=2", "*, parts=2"),
        ("@cache", "@cached"),
        ("@cache\n", ""),
        ("{x:>{parts}}", "{x:<{parts}}"),
        ("{x:>{parts}}", "{x!r:>{parts}}"),
        (" parts\"", "  parts\""),
        ('("a", "b")', '("b", "a")'),
        ("    return", "    if x == 3:\n        x = 4\n    return"),
        ("    return", "    if x == 3:\n        return 0\n    return"),
        ("    if x < 0:", "    if (x := 3) < 0:"),
        ("ValueError(f\"x is {x}: give more\")", "StopIteration"),
        ("    return", "    try:\n        f(x)\n    except ValueError:\n        x = 0\n    return"),
        ("    return", "    import math\n    return"),
        ("    return", "    x.check(3)\n    return"),
        ("def share", "def part"),
        ("def share", "async def share"),
    ],
)  # fmt: skip
def test_what_code_does_counts(right: str, other: str) -> None:
    assert right in PLAIN
    assert taken(PLAIN.replace(right, other)) != taken(PLAIN)


def test_the_fields_of_a_dataclass_count_and_their_types_do_not() -> None:
    assert taken(PLAIN_CLASS.replace("name: str", "name: bytes")) == taken(PLAIN_CLASS)
    assert taken(PLAIN_CLASS.replace("int = 3", 'int = 3\n    """How many."""')) == taken(PLAIN_CLASS)
    others = [
        PLAIN_CLASS,
        PLAIN_CLASS.replace("    name: str\n", ""),
        PLAIN_CLASS.replace("name: str", "name: ClassVar[str]"),
        PLAIN_CLASS.replace("name: str", "name: dataclasses.InitVar[str]"),
        PLAIN_CLASS.replace("    name: str\n    steps: int = 3", "    steps: int = 3\n    name: str"),
        PLAIN_CLASS.replace("steps: int = 3", "steps = 3"),
        PLAIN_CLASS.replace("Base", "Other"),
        PLAIN_CLASS.replace("frozen=True", "frozen=False"),
    ]
    assert all(taken(one) != taken(two) for one, two in combinations(others, 2))
    plain = PLAIN_CLASS.replace("@dataclass(frozen=True)\n", "")
    assert taken(plain) == taken(plain.replace("    name: str\n", "")), "only a dataclass makes fields of them"


def test_how_an_error_is_put_together_at_the_end_does_not_count() -> None:
    told = PLAIN_TRY.replace(
        "return 0", "reason = 'gone'\n    problem = f'{path} {reason}'\n    raise ValueError(problem)"
    )
    assert taken(told) == taken(told.replace("gone", "lost")) == taken("def read(path):\n    return parse(path)")
    assert taken(PLAIN_TRY) != taken(told), "a handler that gives a value counts"
    assert taken(PLAIN_TRY.replace("return 0", "return 1")) != taken(PLAIN_TRY)
    assert taken(PLAIN_TRY.replace("OSError", "ValueError")) != taken(PLAIN_TRY)


def test_a_function_that_only_raises_is_a_guard() -> None:
    def name(text: str) -> str:
        return guard_name([part for node in ast.parse(text).body for part in meaning(node)])

    guard = "def check(x):\n    if x < 0:\n        raise ValueError\n"
    assert name(guard) == "check"
    assert name(guard + "    return x") == ""
    assert name(guard + "    draw(x)") == ""
    assert name("@timed\n" + guard) == ""


def test_a_fingerprint_is_the_same_in_every_version_of_python() -> None:
    """Python 3.11, 3.12 and 3.13 gave these; another would make every record stale."""
    assert taken(PLAIN) == "747e09810e5a574d"
    assert taken(PLAIN_CLASS) == "d4da70da0777547d"
    assert taken(PLAIN_TRY) == "e825255b410edc85"
