"""Reading the book here while it is written: a port that is free, and no process that outlives its terminal."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from types import FrameType
from typing import IO

from bookbuild.chapters.chapter import BuildError

HOST = "127.0.0.1"
HIGHEST_PORT = 65535
TRIES = 100


def port_number(text: str) -> int:
    """The port that somebody asked for; 0 is any. Raises BuildError for what is none, naming one that is free."""
    try:
        port = int(text)
    except ValueError:
        raise BuildError(f"port {text!r} is no number; try: make serve PORT={free_port()}") from None
    if not 0 <= port <= HIGHEST_PORT:
        raise BuildError(f"port {port} cannot be used (ports go to {HIGHEST_PORT}); try: make serve PORT={free_port()}")
    if error := _cannot_listen(port):
        raise BuildError(f"port {port} cannot be used ({error}); try another: make serve PORT={free_port(port + 1)}")
    return port or free_port(0)


def free_port(first: int = 8000) -> int:
    """A port that nobody uses now: `first` or one of the next, else whichever the system gives."""
    for port in range(first, min(first + TRIES, HIGHEST_PORT + 1)):
        if port >= 1024 and not _cannot_listen(port):
            return port
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def _cannot_listen(port: int) -> str:
    """Why nobody can listen there; empty if one can."""
    with socket.socket() as probe:
        if os.name != "nt":  # there the option means the opposite: listen although another does
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
            probe.listen()
        except OSError as error:
            return error.strerror or str(error)
    return ""


def become(command: list[str], folder: Path, environment: Mapping[str, str]) -> int:
    """Go on as another program: one process, so that whatever ends it leaves nothing behind.

    It does not return, except on Windows, which has no such thing: there the program runs as a child, ended with us.
    """
    if os.name != "nt":
        sys.stdout.flush()
        sys.stderr.flush()
        os.chdir(folder)
        os.execve(command[0], command, dict(environment))
    return run_child(command, folder, environment)


def run_child(command: list[str], folder: Path, environment: Mapping[str, str], said: IO[bytes] | None = None) -> int:
    """Run a program and return its code; what ends this process (TERM, a closed terminal) ends that one first.

    With `said`, what it prints goes there.
    """
    child = subprocess.Popen(command, cwd=folder, env=dict(environment), stdout=said, stderr=said)

    def end(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = {number: signal.signal(number, end) for number in ending_signals()}
    try:
        return child.wait()
    except BaseException:
        # Ctrl-C has reached it already, as all of a terminal's group; being asked twice does it no harm.
        child.terminate()
        child.wait()
        raise
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def ending_signals() -> list[signal.Signals]:
    """What asks a process to end, apart from Ctrl-C."""
    return [getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]


def end_as_by_ctrl_c() -> None:
    """Let TERM and a closed terminal end this process the way Ctrl-C does: tidily, with all that it has begun."""

    def end(number: int, frame: FrameType | None) -> None:
        for other in ending_signals():
            signal.signal(other, signal.SIG_IGN)  # it is ending: whoever asks once more must not disturb that
        raise KeyboardInterrupt

    for number in (signal.SIGINT, *ending_signals()):
        signal.signal(number, end)
