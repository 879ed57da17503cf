"""A folder has one owner at a time, and a lock that cannot be taken is said."""

import errno
import os
import signal
from pathlib import Path

import pytest

from gptbook.files import lock
from gptbook.files.lock import LOCK_FILE, locked


def test_a_folder_that_is_worked_in_is_refused_at_once_and_free_afterwards(tmp_path: Path) -> None:
    with locked(tmp_path / "run"):
        with pytest.raises(ValueError, match="another process works in"), locked(tmp_path / "run"):
            pass
        with locked(tmp_path / "other"):
            pass
    with locked(tmp_path / "run"):
        pass
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_the_lock_of_a_process_that_was_killed_is_free(tmp_path: Path) -> None:
    is_read, is_written = os.pipe()
    other = os.fork()
    if other == 0:
        try:
            with locked(tmp_path / "run"):
                os.write(is_written, b"has it")
                signal.pause()
        finally:
            os._exit(1)  # pytest is not run to its end a second time
    os.close(is_written)
    assert os.read(is_read, 6) == b"has it"
    with pytest.raises(ValueError, match="another process"), locked(tmp_path / "run"):
        pass
    os.kill(other, signal.SIGKILL)
    os.waitpid(other, 0)
    os.close(is_read)
    assert (tmp_path / "run" / LOCK_FILE).exists()
    with locked(tmp_path / "run"):
        pass
    assert not (tmp_path / "run" / LOCK_FILE).exists()


@pytest.mark.parametrize("number", [errno.EROFS, errno.EACCES, errno.ENOSPC])
def test_where_no_file_can_be_made_a_warning_is_given_and_the_work_goes_on(
    number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse(*_: object) -> int:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(lock, "open_lock", refuse)
    with locked(tmp_path):
        pass
    assert "cannot be locked" in capsys.readouterr().err


def test_where_the_file_system_has_no_locks_a_warning_is_given_and_the_work_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse(_: int) -> bool:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(lock, "try_lock", refuse)
    with locked(tmp_path):
        assert list(tmp_path.iterdir()) == []
    assert "No locks available" in capsys.readouterr().err
