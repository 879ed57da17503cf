"""Kernels that have imported already what chapters import: a process that has done so forks into each of them.

PyTorch and most of Matplotlib take longer to import than many a chapter runs, and are the same for all. Imports start
none of PyTorch's threads, and chance is drawn afresh, so that a fork begins as a new Python would. Only Linux can watch
a process that is not one's child; elsewhere each kernel is a new Python and imports for itself.

Run as a script, this file is that process. It imports nothing of the book: a chapter must not find it.
"""

import atexit
import importlib
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

IMPORTED = (
    "ipykernel.kernelapp",
    "matplotlib.figure",
    "matplotlib.backends.backend_svg",
    "numpy",
    "torch",
    "torch._dynamo",  # the first optimizer of a process imports it, and it takes as long as all of torch
)
"""Nothing that asks, when it is imported, whether a notebook does so: pandas sets how wide its tables are by that, and
Matplotlib's pyplot how it shows figures."""
SAME_IMPORTS = ("-Xfrozen_modules=off", "-P")
"""Options of Python: as in any kernel, and without this file's folder among those that modules are found in."""

possible = sys.platform == "linux" and hasattr(os, "pidfd_open") and hasattr(signal, "pidfd_send_signal")


@dataclass
class Forked:
    """A kernel, with as much of a `subprocess.Popen` as Jupyter asks for: it is another process's child."""

    pid: int
    handle: int
    stdin = stdout = stderr = None

    def poll(self) -> int | None:
        """None as long as it runs; how it ended only its parent is told."""
        try:
            signal.pidfd_send_signal(self.handle, 0)
        except ProcessLookupError:
            return 0
        return None

    def wait(self) -> int:
        while self.poll() is None:
            time.sleep(0.01)
        os.close(self.handle)
        return 0

    def send_signal(self, number: int) -> None:
        signal.pidfd_send_signal(self.handle, number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)


class Imported:
    """The process that has imported, as those see it who want a kernel."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self.socket, theirs = socket.socketpair()
        self.asking = threading.Lock()
        with theirs:
            # Its end of the pair is its standard input; it ends with ours.
            self.process = subprocess.Popen(
                [sys.executable, *SAME_IMPORTS, __file__],
                stdin=theirs.fileno(),
                env=dict(environment),
                start_new_session=True,
            )

    def fork(self, arguments: list[str], folder: str, environment: Mapping[str, str]) -> Forked:
        """A kernel with these arguments, in this folder. Raises OSError if the process could not fork, or is gone."""
        request = json.dumps([arguments, folder, dict(environment)]).encode() + b"\n"
        with self.asking:
            self.socket.sendall(request)
            answer, handles, _, _ = socket.recv_fds(self.socket, 100, 1)
        if not handles:
            raise OSError(answer.decode() or "the process that imports for all kernels ended")
        return Forked(int(answer), handles[0])

    def end(self) -> None:
        """With it end its kernels, which watch it."""
        self.process.kill()
        self.process.wait()
        self.socket.close()


_started: dict[str, Imported] = {}
_starting = threading.Lock()


def imported_in(environment: Mapping[str, str]) -> Imported:
    """The process that imported in this environment, which may decide what an import does; started where none runs.

    What differs from the environment of this process tells one from another.
    """
    kind = json.dumps(sorted(item for item in environment.items() if os.environ.get(item[0]) != item[1]))
    with _starting:
        if kind not in _started or _started[kind].process.poll() is not None:
            _started[kind] = Imported(environment)
            atexit.register(_started[kind].end)
        return _started[kind]


def main() -> None:
    """Import, then fork for each line that arrives, until nobody is left who could ask."""
    server = socket.socket(fileno=os.dup(sys.stdin.fileno()))
    for name in IMPORTED:
        importlib.import_module(name)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody here asks how a kernel ended: it is gone at once
    for line in sys.stdin.buffer:
        try:
            child = os.fork()
        except OSError as error:
            server.sendall(str(error).encode())
            continue
        if child == 0:
            server.close()
            become_kernel(*json.loads(line))
            return
        handle = os.pidfd_open(child)
        socket.send_fds(server, [str(child).encode()], [handle])
        os.close(handle)


def become_kernel(arguments: list[str], folder: str, environment: dict[str, str]) -> None:
    """In the fork: what a new Python would find around it."""
    os.setsid()
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, sys.stdin.fileno())
    os.close(nothing)
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(folder)
    # Python's own chance the fork has renewed. A chapter that forgets its seed differs from run to run, and is found.
    torch: Any = importlib.import_module("torch")
    torch.seed()
    numpy_chance: Any = importlib.import_module("numpy.random")
    numpy_chance.seed()
    kernelapp: Any = importlib.import_module("ipykernel.kernelapp")
    # It ends when this process does, as it would with the one that builds.
    kernelapp.launch_new_instance([*arguments, f"--IPKernelApp.parent_handle={os.getppid()}"])


if __name__ == "__main__":
    main()
