"""`serve`: a port that is free, and no process that outlives the one that was started."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from bookbuild.chapters.chapter import BuildError
from bookbuild.site.serving import free_port, port_number

HELD = """
import os, sys
from bookbuild.site.serving import become, run_child
child = [sys.executable, "-c", '''
import signal, os
from bookbuild.site.serving import end_as_by_ctrl_c
end_as_by_ctrl_c()
try:
    os.write(1, f"{os.getpid()}\\\\n".encode())
    signal.pause()
except KeyboardInterrupt:
    os.write(1, b"tidy\\\\n")
''']
try:
    HOW(child, ".", os.environ)
except KeyboardInterrupt:
    sys.exit(130)
"""


@contextmanager
def listening() -> Iterator[int]:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        yield taken.getsockname()[1]


def can_listen(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


def suggested(error: BuildError) -> int:
    assert "\n" not in str(error)
    return int(str(error).rsplit("PORT=", 1)[1])


def test_a_port_in_use_is_answered_with_one_that_is_free() -> None:
    with listening() as port, pytest.raises(BuildError, match=f"port {port}") as refused:
        port_number(str(port))
    assert can_listen(suggested(refused.value))


def test_the_next_ports_may_be_in_use_too(monkeypatch: pytest.MonkeyPatch) -> None:
    with listening() as first, listening() as second:
        taken = {first, second}
        found = free_port(min(taken))
        assert found not in taken
        assert can_listen(found)


@pytest.mark.parametrize("text", ["-1", "70000", "65536", "99999999999999999999", "eight", "", "8000.5", "0x50"])
def test_what_is_no_port_is_said_with_one_that_is(text: str) -> None:
    with pytest.raises(BuildError, match="port") as refused:
        port_number(text)
    assert can_listen(suggested(refused.value))


def test_port_0_is_a_real_one() -> None:
    port = port_number("0")
    assert port > 0
    assert can_listen(port)


@pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
@pytest.mark.parametrize("how", ["become", "run_child"])
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_whatever_ends_it_leaves_no_process_behind(how: str, number: signal.Signals, tmp_path: Path) -> None:
    """The pipe closes when the last process that holds it has ended: that is the event."""
    program = HELD.replace("HOW", how)
    command = [sys.executable, "-c", program]
    with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=tmp_path, start_new_session=True) as started:
        assert started.stdout is not None
        child = int(started.stdout.readline())
        assert (child == started.pid) == (how == "become")
        started.send_signal(number)
        assert started.stdout.read() == b"tidy\n"
    with pytest.raises(ProcessLookupError):
        os.kill(child, 0)


@pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
def test_serve_becomes_one_process_that_leaves_its_port() -> None:
    """It is ended while it builds: the output closes when nothing of it is left."""
    command = [sys.executable, "-m", "bookbuild", "serve", "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as started:
        assert started.stdout is not None
        port = int(started.stdout.readline().split("127.0.0.1:")[1].split("/")[0])
        assert port > 0
        assert started.stdout.readline(), "MkDocs speaks: it has become MkDocs"
        started.send_signal(signal.SIGTERM)
        started.stdout.read()
    assert can_listen(port)
