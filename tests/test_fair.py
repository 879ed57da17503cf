"""Benches: the same threads for whoever is compared, and no verdict while others compute."""

import subprocess
import sys
from pathlib import Path

import pytest
import torch
from fair import (
    BUSY,
    NO_VERDICT,
    THREAD_SETTINGS,
    Load,
    in_turn_seconds,
    own_seconds,
    same_threads,
    verdict,
    watched_load,
)

BENCHES = sorted(Path(__file__).parent.glob("bench*.py"))


@pytest.mark.parametrize("before", [None, "7"])
def test_a_process_that_is_started_has_the_same_threads_whatever_was_set(
    before: str | None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in THREAD_SETTINGS:  # as it was, afterwards
        monkeypatch.setenv(name, before or "")
        if before is None:
            monkeypatch.delenv(name)
    usual = torch.get_num_threads()
    try:
        for count in (1, 2):
            same_threads(count)
            assert torch.get_num_threads() == count
            asked = [sys.executable, "-c", "import os; print(sorted(os.environ.items()))"]
            told = subprocess.run(asked, capture_output=True, check=True, text=True).stdout
            for name in THREAD_SETTINGS:
                assert str((name, str(count))) in told
        if before:  # the last one: PyTorch takes seconds to load
            asked = [sys.executable, "-c", "import torch; print(torch.get_num_threads())"]
            assert int(subprocess.run(asked, capture_output=True, check=True).stdout) == 2
    finally:
        torch.set_num_threads(usual)
    assert "AMX" in capsys.readouterr().out


def test_what_a_bench_itself_computes_is_no_load_of_others(capsys: pytest.CaptureFixture[str]) -> None:
    busy, own = iter([100.0, 900.0]), iter([10.0, 810.0])
    with watched_load(lambda: next(busy), lambda: next(own)) as load:
        pass
    assert load.others == 0
    assert not load.is_busy
    busy, own = iter([100.0, 900.0]), iter([10.0, 20.0])
    with watched_load(lambda: next(busy), lambda: next(own)) as load:
        pass
    assert load.is_busy
    assert "others took" in capsys.readouterr().out


def test_the_seconds_of_a_child_count_as_own_when_it_is_done() -> None:
    before = own_seconds()
    burn = "import time\nwhile time.process_time() < 0.2: pass"
    subprocess.run([sys.executable, "-c", burn], check=True)
    assert own_seconds() - before >= 0.15


@pytest.mark.parametrize("holds", [True, False])
def test_a_busy_machine_gives_no_verdict(holds: bool, capsys: pytest.CaptureFixture[str]) -> None:
    assert verdict("ten times", holds, Load(others=2 * BUSY)) == NO_VERDICT
    assert "NO VERDICT" in capsys.readouterr().out
    assert verdict("ten times", holds, Load(others=BUSY / 2)) == (0 if holds else 1)
    assert ("yes" if holds else "NO") in capsys.readouterr().out


def test_the_ways_take_turns() -> None:
    order: list[str] = []
    clock = iter(range(100))
    ways = {"a": lambda: order.append("a"), "b": lambda: order.append("b")}
    assert in_turn_seconds(ways, 3, lambda: next(clock)) == {"a": [1, 1, 1], "b": [1, 1, 1]}
    assert "".join(order) == "ababab"


@pytest.mark.parametrize("bench", BENCHES, ids=lambda path: path.stem)
def test_every_bench_shares_out_threads_and_prints_the_load(bench: Path) -> None:
    source = bench.read_text(encoding="utf-8")
    for needed in ("same_threads(", "watched_load("):
        assert needed in source
    assert "set_num_threads(" not in source  # one place decides
