"""A training run at work: until it is done or stopped, saved now and then."""

import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from gptbook.training.engine import Run

SAVE_EVERY_SECONDS = 60.0
PAUSE_PER_SAVE = 50.0  # times as long as saving takes


@contextmanager
def stop_on_interrupt() -> Iterator[threading.Event]:
    """Let Ctrl-C set the event, so that a step ends whole; a second one stops.

    A rented machine that is taken back sends SIGTERM, and a window that is closed
    SIGHUP, which do the same; `nohup` has SIGHUP ignored, and it stays so.
    """
    stop = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield stop  # Python hands signals to the main thread only
        return
    signals = [signal.SIGINT, signal.SIGTERM]
    hang_up = getattr(signal, "SIGHUP", None)  # Windows knows none
    if hang_up and signal.getsignal(hang_up) is not signal.SIG_IGN:
        signals.append(hang_up)
    before = {number: signal.getsignal(number) for number in signals}

    def put_back() -> None:
        for number, handler in before.items():
            signal.signal(number, handler)

    def on_interrupt(number: int, frame: object) -> None:
        stop.set()
        put_back()

    for number in signals:
        signal.signal(number, on_interrupt)
    try:
        yield stop
    finally:
        put_back()


def train_run(run: Run, run_dir: Path, after_step: Callable[[Run], None]) -> None:
    """Train to the end or to Ctrl-C; save at the start, now and then, and at the end.

    Saving before the first step finds a full disk before an hour of work, not after.
    Where after_step cannot show any more how it goes, as its window was closed, what
    was learned is saved before its OSError goes on.
    """
    unseen: OSError | None = None
    with stop_on_interrupt() as stop:
        pause = save_timed(run, run_dir)
        saved_at = time.monotonic()
        while not run.is_finished and not run.team.any(stop.is_set()):
            run.training_step()
            try:
                after_step(run)
            except OSError as error:
                unseen = error
                stop.set()
            if time.monotonic() - saved_at > pause and run.watch.is_sound:
                pause = save_timed(run, run_dir)
                saved_at = time.monotonic()
        run.model.eval()
        if run.watch.is_sound or run.is_finished:
            run.save(run_dir)
    if unseen is not None:
        raise unseen


def save_timed(run: Run, run_dir: Path) -> float:
    """Save a run, and say after how many seconds to do so again.

    A model that takes long to save is saved less often.
    """
    began = time.monotonic()
    run.save(run_dir)
    return max(SAVE_EVERY_SECONDS, PAUSE_PER_SAVE * (time.monotonic() - began))
