"""Where the time of a run went: each second belongs to one phase."""

import datetime
import json
import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil

from gptbook.files.json_files import (
    Fields,
    Listing,
    Real,
    Words,
    check_facts,
    read_facts,
)
from gptbook.files.whole_files import write_whole

PHASES = ("starting", "compiling", "training", "evaluating", "saving", "other")

RECEIPT_FILE = "receipt.json"
RECEIPT_FORMAT = "gptbook receipt 1"
LONGEST_SESSION = 1e10  # seconds: three centuries
RECEIPT_SHAPE = Fields(
    {
        "format": Words((RECEIPT_FORMAT,)),
        "sessions": Listing(
            Fields(
                {
                    "began": Words(least=1, most=40),
                    "machine": Words(),
                    "seconds": Fields(
                        {phase: Real(0, LONGEST_SESSION) for phase in PHASES}
                    ),
                }
            ),
            least=1,
        ),
    }
)


class Ledger:
    """Books the time of this process, and remembers that of earlier ones.

    There is one clock, and whenever a phase begins or ends, what passed since the last
    time is booked on the phase that it was in. So nothing is booked twice, nothing is
    left out, and the seconds add up to the time that passed.
    """

    def __init__(
        self,
        began: float | None = None,
        *,
        earlier: Sequence[dict[str, Any]] = (),
        machine: str = "",
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Begin in the phase "starting"; the first other phase ends it.

        began is when the process began, on the clock (seconds); now, if it is left out.
        earlier are the sessions before this one, machine is what this one runs on.
        """
        self.clock = clock
        self.began = clock() if began is None else began
        self.earlier = [dict(session) for session in earlier]
        self.machine = machine
        self.seconds = dict.fromkeys(PHASES, 0.0)
        self.phase_now = "starting"
        self.booked_until = self.began
        age = datetime.timedelta(seconds=clock() - self.began)
        when = datetime.datetime.now(datetime.UTC) - age
        self.when = when.isoformat(timespec="seconds")

    @classmethod
    def from_facts(
        cls,
        sessions: Sequence[dict[str, Any]],
        began: float | None = None,
        *,
        machine: str = "",
        clock: Callable[[], float] = time.monotonic,
    ) -> "Ledger":
        """Go on where saved sessions ended.

        Raises ValueError if they are no sessions.
        """
        for session in sessions:
            seconds = session.get("seconds") if isinstance(session, dict) else None
            if not isinstance(seconds, dict) or set(seconds) != set(PHASES):
                raise ValueError(
                    "the sessions of this run cannot be read: "
                    "a newer version may have written them"
                )
        return cls(began, earlier=sessions, machine=machine, clock=clock)

    def book(self, phase: str) -> None:
        """Book the time until now, and be in another phase from now on."""
        now = self.clock()
        self.seconds[self.phase_now] += now - self.booked_until
        self.phase_now, self.booked_until = phase, now

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        """Book the time in the block on a phase; after it, go on with the one before.

        After "starting" comes "other": to start is over when something else began.
        Raises ValueError for a phase that is unknown.
        """
        if name not in PHASES:
            raise ValueError(f'"{name}" is no phase: give one of {", ".join(PHASES)}')
        before = "other" if self.phase_now == "starting" else self.phase_now
        self.book(name)
        try:
            yield
        finally:
            self.book(before)

    @property
    def sessions(self) -> list[dict[str, Any]]:
        """All sessions as JSON can hold them; the last is this one, until now."""
        self.book(self.phase_now)
        this = {
            "began": self.when,
            "machine": self.machine,
            "seconds": dict(self.seconds),
        }
        return [*self.earlier, this]


def seconds_by_phase(sessions: Sequence[dict[str, Any]]) -> dict[str, float]:
    """The seconds of all sessions, phase by phase."""
    return {
        phase: sum(session["seconds"][phase] for session in sessions)
        for phase in PHASES
    }


def process_began() -> float:
    """When this process began, on the clock of `time.monotonic` (seconds).

    Linux says when to a hundredth of a second; psutil, elsewhere, by the wall clock.
    """
    now = time.monotonic()
    about = Path("/proc/self/stat")
    if not about.is_file():
        return now - max(time.time() - psutil.Process().create_time(), 0.0)
    # The 22nd field: ticks from the start of the machine to that of the process. The
    # name, in brackets, may hold spaces; count from behind it.
    fields = about.read_text(encoding="utf-8", errors="replace").rpartition(")")[2]
    ticks = int(fields.split()[19])
    age = time.clock_gettime(time.CLOCK_BOOTTIME) - ticks / os.sysconf("SC_CLK_TCK")
    return now - max(age, 0.0)


def save_sessions(run_dir: Path, ledger: Ledger) -> None:
    """Write where the time went, up to now. Raises OSError if that fails."""
    content = {"format": RECEIPT_FORMAT, "sessions": ledger.sessions}
    write_whole(run_dir / RECEIPT_FILE, (json.dumps(content, indent=1) + "\n").encode())


def read_sessions(run_dir: Path) -> list[dict[str, Any]]:
    """The sessions of a run, one for each process that worked on it.

    Raises ValueError, in one sentence, if the folder holds none that can be read.
    """
    path = run_dir / RECEIPT_FILE
    if not path.is_file():
        raise ValueError(
            f"{run_dir} holds no {RECEIPT_FILE}: give the folder of a run on a text"
        )
    advice = "copy it again, or delete it, and the run begins a new one"
    content = read_facts(path, Fields({"format": Words()}, is_open=True), advice)
    if content["format"] != RECEIPT_FORMAT:
        raise ValueError(f'{path} is not of this version ("{RECEIPT_FORMAT}")')
    check_facts(content, RECEIPT_SHAPE, path, advice)
    sessions: list[dict[str, Any]] = content["sessions"]
    return sessions
