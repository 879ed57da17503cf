"""A folder for one process at a time."""

import errno
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

LOCK_FILE = "gptbook.lock"
NOT_LOCKABLE = {
    errno.EACCES,
    errno.EPERM,
    errno.EROFS,
    errno.ENOSPC,
    getattr(errno, "EDQUOT", errno.ENOSPC),  # Windows knows none
    errno.ENOLCK,
    errno.ENOSYS,
    errno.ENOTSUP,
    errno.EOPNOTSUPP,
    errno.EINVAL,
    errno.EISDIR,
    errno.EIO,
}


@contextmanager
def locked(
    folder: Path, option: str = "--run-dir", *, waits: bool = False
) -> Iterator[bool]:
    """Keep a folder for this process while the block runs, and make it if need be.

    option is the one that another folder could be given by. With waits, another process
    that works there is waited for, and the block is told whether there was one.

    The system lets go if the process dies. A folder that was made here and is still
    empty at the end is removed. Where nothing can be locked, on read-only media and
    some network file systems, a warning is given and the work goes on.
    Raises ValueError if another process works there; reading needs no lock.
    """
    if folder.exists() and not folder.is_dir():
        raise ValueError(f"{folder} is a file, not a folder: give another {option}")
    made = [at for at in (folder, *folder.parents) if not at.exists()]
    try:
        lock, has_waited = take_lock(folder, waits=waits)
        try:
            yield has_waited
        finally:
            if lock is not None:
                give_back(lock, folder / LOCK_FILE)
    finally:
        for at in made:
            with suppress(OSError):  # it holds something, or is gone
                at.rmdir()


def take_lock(folder: Path, *, waits: bool) -> tuple[int | None, bool]:
    """An open file that is locked, and whether another process had it before.

    Nothing in place of the file where files cannot be locked.
    Raises ValueError if another process has it and is not to be waited for.
    """
    path = folder / LOCK_FILE
    has_waited = False
    for _ in range(1_000):
        try:
            folder.mkdir(parents=True, exist_ok=True)
            lock = open_lock(path)
        except FileNotFoundError:  # another process has just removed its empty folder
            continue
        except OSError as error:
            warn(folder, error)
            return None, has_waited
        try:
            is_ours = try_lock(lock)
            if waits and not is_ours:
                if not has_waited:
                    about = "  waits for another process, which works there now"
                    print(about, flush=True)
                has_waited = is_ours = True
                wait_for_lock(lock)
        except OSError as error:
            os.close(lock)
            with suppress(OSError):
                path.unlink()
            warn(folder, error)
            return None, has_waited
        if not is_ours:
            os.close(lock)
            raise ValueError(
                f"another process works in {folder}: wait until it is done, end it, or "
                "choose another folder"
            )
        # Who was here before may have removed the file between the two lines above.
        if path.exists() and os.path.samestat(os.fstat(lock), path.stat()):
            return lock, has_waited
        os.close(lock)
    raise ValueError(f"{folder} comes and goes: choose another folder")


def open_lock(path: Path) -> int:
    """Open or make a file to lock; another user's can be locked without writing."""
    flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0)
    try:
        return os.open(path, flags, 0o666)
    except PermissionError:
        if not path.exists():
            raise
        return os.open(path, os.O_RDONLY)


def try_lock(descriptor: int) -> bool:
    """Lock an open file if it is free. Raises OSError where files cannot be locked."""
    if sys.platform == "win32":
        import msvcrt

        try:
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        except PermissionError:
            return False
        return True
    import fcntl

    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def wait_for_lock(descriptor: int) -> None:
    """Lock an open file as soon as it is free. Raises OSError as `try_lock` does."""
    if sys.platform == "win32":
        import msvcrt

        while True:
            try:
                msvcrt.locking(descriptor, msvcrt.LK_LOCK, 1)
            except OSError as error:  # after ten seconds it gives up
                if error.errno not in (errno.EACCES, errno.EDEADLK):
                    raise
            else:
                return
    import fcntl

    fcntl.flock(descriptor, fcntl.LOCK_EX)


def give_back(lock: int, path: Path) -> None:
    """Remove the file and let go of it, in the order that the system allows."""
    with suppress(OSError):  # Windows removes no open file
        path.unlink()
    os.close(lock)
    if sys.platform == "win32":
        with suppress(OSError):
            path.unlink()


def warn(folder: Path, error: OSError) -> None:
    """Say that a folder is not locked, and why. Raises other errors than those."""
    if error.errno not in NOT_LOCKABLE:
        raise error
    print(
        f"gptbook: {folder} cannot be locked ({error.strerror or error}): "
        "let no other process work in it",
        file=sys.stderr,
    )
