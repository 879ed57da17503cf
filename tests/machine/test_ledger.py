"""Where the time went: every second of a process is in exactly one phase."""

import json
import subprocess
import sys
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gptbook.machine.ledger import PHASES, Ledger, process_began, seconds_by_phase


class Clock:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_each_second_belongs_to_the_innermost_phase() -> None:
    clock = Clock()
    ledger = Ledger(90.0, clock=clock)  # ten seconds before anybody looked
    clock.now += 2
    with ledger.phase("training"):
        clock.now += 5
        with ledger.phase("saving"):
            clock.now += 3
        clock.now += 7
    clock.now += 1
    with ledger.phase("evaluating"):
        clock.now += 4
    expected = {"starting": 12, "training": 12, "saving": 3, "other": 1, "evaluating": 4, "compiling": 0}
    assert ledger.sessions[0]["seconds"] == expected


walks = st.lists(st.tuples(st.sampled_from(["in", "out", "look"]), st.sampled_from(PHASES), st.floats(0, 1e5)))


@given(walks)
def test_the_seconds_add_up_to_the_time_that_passed(walk: list[tuple[str, str, float]]) -> None:
    clock = Clock()
    ledger = Ledger(clock=clock)
    inside = []
    for move, name, seconds in walk:
        clock.now += seconds
        if move == "in":
            inside.append(ledger.phase(name))
            inside[-1].__enter__()
        elif move == "out" and inside:
            inside.pop().__exit__(None, None, None)
        else:
            sessions = ledger.sessions  # to look changes nothing
            assert sum(sessions[0]["seconds"].values()) == pytest.approx(clock.now - 100, abs=1e-6)
    assert sum(ledger.sessions[0]["seconds"].values()) == pytest.approx(clock.now - 100, abs=1e-6)


def test_an_error_ends_its_phase() -> None:
    clock = Clock()
    ledger = Ledger(clock=clock)

    def save() -> None:
        with ledger.phase("saving"):
            clock.now += 2
            raise OSError("disk")

    with pytest.raises(OSError, match="disk"):
        save()
    clock.now += 3
    seconds = ledger.sessions[0]["seconds"]
    assert (seconds["saving"], seconds["other"]) == (2, 3)


def test_a_run_goes_on_in_a_second_session_and_json_holds_both() -> None:
    clock = Clock()
    first = Ledger(clock=clock, machine="a laptop")
    with first.phase("training"):
        clock.now += 5
    text = json.dumps(first.sessions)
    saved = json.loads(text)

    clock.now = 3.0  # another process, another start of the clock
    second = Ledger.from_facts(saved, 1.0, machine="a GPU", clock=clock)
    with second.phase("training"):
        clock.now += 4
    assert [session["machine"] for session in second.sessions] == ["a laptop", "a GPU"]
    booked = seconds_by_phase(second.sessions)
    assert booked["training"] == 9
    assert booked["starting"] == 2
    assert sum(booked.values()) == 11
    assert json.dumps(saved) == text, "what was saved is not changed"


def test_unknown_phases_and_sessions_are_refused() -> None:
    with pytest.raises(ValueError, match='"resting" is no phase: give one of starting'), Ledger().phase("resting"):
        pass
    for damaged in ([{"began": "today"}], [3], [{"seconds": {"training": 1}}]):
        with pytest.raises(ValueError, match="sessions of this run cannot be read"):
            Ledger.from_facts(damaged)  # type: ignore[arg-type]


def test_where_there_is_no_proc_the_start_is_known_too(monkeypatch: pytest.MonkeyPatch) -> None:
    by_linux = process_began()
    monkeypatch.setattr("pathlib.Path.is_file", lambda path: False)
    assert process_began() == pytest.approx(by_linux, abs=2)  # psutil counts from a whole second
    assert process_began() < time.monotonic()


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells it to a hundredth of a second")
def test_the_time_to_start_python_counts_too() -> None:
    program = (
        "import time; loaded = time.monotonic()\n"
        "while time.monotonic() < loaded + 0.1: pass\n"
        "from gptbook.machine.ledger import process_began\n"
        "began = process_began(); print(loaded - began, time.monotonic() - began)"
    )
    started = time.monotonic()
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    before_loading, age = map(float, result.stdout.split())
    assert -0.02 <= before_loading < age
    assert 0.08 <= age <= time.monotonic() - started + 0.02  # its start is known to a hundredth
    assert process_began() < started
