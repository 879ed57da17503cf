"""What keeps the tests steady on every machine: they wait for events, never for seconds, and type no trained share."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

TESTS = Path(__file__).parent
POLLING = {"build_once"}
"""Functions that look again and again for what another process does, up to a limit that no machine reaches."""
CLOCKS = {"time", "monotonic", "perf_counter", "process_time", "monotonic_ns", "perf_counter_ns", "now"}
BENCHES = ("bench", "shots")
FILES = sorted(path for path in TESTS.rglob("*.py") if not path.stem.startswith(BENCHES))


def called(node: ast.Call) -> str:
    """The name of what is called, without what it belongs to."""
    return node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")


def waits(tree: ast.AST, inside: str = "") -> Iterator[tuple[int, str]]:
    """Each place that waits a while: by `sleep` or Playwright's `wait_for_timeout`, in Python or as text for a page."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.FunctionDef) and not inside:
            yield from waits(node, node.name)
            continue
        if isinstance(node, ast.Call) and called(node) in ("sleep", "wait_for_timeout") and inside not in POLLING:
            yield node.lineno, called(node)
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            for_ever = node.value.startswith("# %%") or ("while True" in node.value and "break" not in node.value)
            for text in ("time.sleep(", "setTimeout(resolve"):
                if text in node.value and not for_ever:  # what hangs on purpose waits for nothing
                    yield node.lineno, text
        yield from waits(node, inside)


SHARE = re.compile(r"(?<![\d.%])(?!100%|[0.]+%)\d+(\.\d+)?%(?![0-9A-F]{2}|C3)")
"""A percentage that a page may show: not 0 or 100, which follow from a rule, and no %20 of an address."""


def typed_shares(tree: ast.AST) -> Iterator[int]:
    """Each text that expects a percentage; one that is put together from the run's numbers is none."""
    texts = [node for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str)]
    yield from (node.lineno for node in texts if "\n" not in node.value and SHARE.search(node.value))


def reads_a_clock(node: ast.AST) -> bool:
    return any(isinstance(part, ast.Call) and called(part) in CLOCKS for part in ast.walk(node))


def upper_limits(tree: ast.AST) -> Iterator[int]:
    """Each assertion that a time is below a number that stands there."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.Assert) or not isinstance(node.test, ast.Compare):
            continue
        sides = [node.test.left, *node.test.comparators]
        for left, sign, right in zip(sides, node.test.ops, sides[1:]):
            short, long = (left, right) if isinstance(sign, ast.Lt | ast.LtE) else (right, left)
            if reads_a_clock(short) and isinstance(long, ast.Constant):
                yield node.lineno


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_no_test_waits_for_seconds_or_limits_them(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    found = [f"{path.name}:{line}: {what}" for line, what in waits(tree)] if path.stem != Path(__file__).stem else []
    found += [f"{path.name}:{line}: a limit in seconds" for line in upper_limits(tree)]
    assert found == [], "wait for what happens: expect(...), wait_for_function, settle(page), page.clock"


PLANTED = {
    "import time\ndef test():\n    time.sleep(1)\n": [3],
    "from time import sleep\ndef test():\n    def f():\n        sleep(1)\n": [4],
    "def test(page):\n    page.wait_for_timeout(300)\n": [2],
    "def test(page):\n    page.evaluate('new Promise((resolve) => setTimeout(resolve, 9))')\n": [2],
    "import time\ndef build_once():\n    time.sleep(1)\n": [],
    "def test(page):\n    page.wait_for_function('window.ready')\n": [],
}


@pytest.mark.parametrize("code", PLANTED)
def test_a_wait_is_found_where_it_stands(code: str) -> None:
    assert [line for line, _ in waits(ast.parse(code))] == PLANTED[code]


def test_a_limit_in_seconds_is_found_and_a_comparison_of_times_is_none() -> None:
    limited = "import time\nbegan = time.time()\nassert time.time() - began < 3\n"
    compared = "import time\nassert took <= time.monotonic() - began\nassert 0.1 < time.monotonic() - began\n"
    assert list(upper_limits(ast.parse(limited))) == [3]
    assert list(upper_limits(ast.parse(compared))) == []


@pytest.mark.parametrize("path", sorted(TESTS.rglob("test_live_*.py")), ids=lambda path: path.stem)
def test_no_test_of_a_page_types_a_share_that_was_trained_or_counted(path: Path) -> None:
    found = list(typed_shares(ast.parse(path.read_text(encoding="utf-8"))))
    assert found == [], f"{path.name}: take it from what the page was given, as live_pages.percent does"


def test_a_typed_share_is_found_and_an_address_or_a_whole_is_none() -> None:
    typed = 'expect(bars).to_have_text("o 63%")\nassert "a 13.5%, u" in text\n'
    other = 'expect(bars).to_have_text(f"o {share}%")\nopen_live("?text=%00%C3%A9")\nassert "100%, 0.00%" in text\n'
    assert list(typed_shares(ast.parse(typed))) == [1, 2]
    assert list(typed_shares(ast.parse(other))) == []
