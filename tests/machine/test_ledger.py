"""Where the time went: every second of a process is in exactly one phase."""

import json
import random
import subprocess
import sys
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mutants import mutate

from gptbook.machine.ledger import PHASES, Ledger, process_began, read_sessions, save_sessions, seconds_by_phase
from gptbook.machine.receipt import receipt_lines


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


def test_sessions_come_back_as_they_were_and_one_follows_another(tmp_path: Path) -> None:
    now = [0.0]
    ledger = Ledger(0.0, machine="a processor", clock=lambda: now[0])
    with ledger.phase("training"):
        now[0] = 3.0
    save_sessions(tmp_path, ledger)
    (first,) = read_sessions(tmp_path)
    assert first["machine"] == "a processor"
    assert first["seconds"] == {**dict.fromkeys(PHASES, 0.0), "training": 3.0}
    save_sessions(tmp_path, Ledger.from_facts([first], 3.0, clock=lambda: now[0]))
    assert read_sessions(tmp_path)[0] == first
    assert len(read_sessions(tmp_path)) == 2


@pytest.mark.parametrize("seed", range(200))
def test_no_mutant_of_a_receipt_is_more_than_a_sentence(seed: int, tmp_path: Path) -> None:
    """What is read can be shown; all else is one sentence that names the file and what to do."""
    ledger = Ledger(0.0, machine="a processor", clock=lambda: 3.0)
    save_sessions(tmp_path, ledger)
    path = tmp_path / "receipt.json"
    path.write_bytes(mutate(json.loads(path.read_bytes()), random.Random(seed)))
    said = ""
    try:
        sessions = read_sessions(tmp_path)
        shown = "\n".join(receipt_lines(sessions, num_steps=1, num_tokens=1, flops=1.0))
        assert "nan" not in shown
        assert Ledger.from_facts(sessions).sessions[:-1] == sessions
    except ValueError as refusal:
        said = str(refusal)
    if said:
        assert str(path) in said
        assert "\n" not in said
        assert len(said) < 300 + len(str(path))


def test_a_folder_without_a_receipt_is_named(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"holds no receipt\.json: give the folder of a run on a text"):
        read_sessions(tmp_path)


@pytest.mark.parametrize("content", [{"format": "gptbook receipt 2", "sessions": []}, {"sessions": 3}, [], 7])
def test_a_receipt_that_is_none_of_ours_is_named(content: object, tmp_path: Path) -> None:
    (tmp_path / "receipt.json").write_text(json.dumps(content))
    with pytest.raises(ValueError, match=r"receipt\.json( is not of this version|: .*: copy it again, or delete it)"):
        read_sessions(tmp_path)


def test_a_receipt_that_was_cut_short_is_named(tmp_path: Path) -> None:
    (tmp_path / "receipt.json").write_text('{"format": "gptb')
    with pytest.raises(ValueError, match=r"receipt\.json"):
        read_sessions(tmp_path)
