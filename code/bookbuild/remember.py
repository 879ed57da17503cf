"""What the build has made once it remembers, by a hash of all that it was made from: prose is cheap, and never stale.

Whoever remembers names every input. Those that all share are here: this package as it was loaded (a process that serves
goes on with the code that it began with, whatever the files say by now), the locked and the installed versions, Python.
"""

import contextlib
import hashlib
import json
import os
import signal
import sys
import tempfile
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any, TypeVar

T = TypeVar("T")
KEY_LENGTH = 20
MAKERS = 2
"""Processes that make at once what a build remembers: one a core of a small machine."""


def key_of(*parts: bytes | str) -> str:
    """A hash of the parts, one by one: moving a letter from one to the next changes it."""
    digest = hashlib.sha256()
    for part in parts:
        content = part.encode() if isinstance(part, str) else part
        digest.update(f"{len(content)}\n".encode() + content)
    return digest.hexdigest()[:KEY_LENGTH]


def key_of_files(paths: Iterable[Path], root: Path) -> str:
    """A hash of the files' names below `root` and their contents."""
    return key_of(*(part for path in sorted(paths) for part in (str(path.relative_to(root)), path.read_bytes())))


def _installed() -> str:
    """Every distribution with its version, as the folders of this environment name them."""
    folders = [Path(entry) for entry in sys.path if entry.endswith("site-packages")]
    return "\n".join(sorted(found.name for folder in folders for found in folder.glob("*.dist-info")))


def _loaded() -> str:
    package = Path(__file__).parent
    return key_of_files([*package.rglob("*.py"), package / "chapters" / "matplotlibrc"], package)


BUILD = key_of(_loaded(), _installed(), sys.version)
"""This package, the versions beside it, and Python, as they were when the process began."""


def package_key(root: Path) -> str:
    """A hash of the package's source as it is now, in the project at `root`."""
    package = root / "code" / "gptbook"
    return key_of_files((path for path in package.rglob("*") if path.suffix in {".py", ".toml"}), package)


def remember(folder: Path, name: str, key: str, make: Callable[[], T]) -> T:
    """What `make` gave for this name and key, which JSON can hold; the first time, what it gives now.

    One value a name is kept. Half a file, or one that is no JSON, counts as none.
    """
    if (before := recalled(folder, name, key)) is not None:
        return before
    path = folder / f"{name}-{key}.json"
    text = json.dumps(make())
    path.parent.mkdir(parents=True, exist_ok=True)
    for old in remembered(folder, name):
        old.unlink(missing_ok=True)
    _write_whole(path, text)
    return json.loads(text)


def recalled(folder: Path, name: str, key: str) -> Any:
    """What is kept for this name and key; None if nothing is."""
    with contextlib.suppress(OSError, ValueError):
        return json.loads((folder / f"{name}-{key}.json").read_text(encoding="utf-8"))
    return None


def is_remembered(folder: Path, name: str, key: str) -> bool:
    """Whether something is kept for this name and key; what, a look inside tells."""
    return (folder / f"{name}-{key}.json").is_file()


def remembered(folder: Path, name: str) -> list[Path]:
    """The files kept for this name: not those of a name that begins alike."""
    parent, stem = (folder / name).parent, Path(name).name
    return [
        path
        for path in parent.glob("*.json")
        if path.stem[:-KEY_LENGTH] == f"{stem}-" and set(path.stem[-KEY_LENGTH:]) <= set("0123456789abcdef")
    ]


def _write_whole(path: Path, text: str) -> None:
    """Two builds may write at once: each into a file of its own, and the last name stands."""
    descriptor, partial = tempfile.mkstemp(prefix=".", suffix=".part", dir=path.parent)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
        Path(partial).replace(path)
    except BaseException:
        Path(partial).unlink(missing_ok=True)
        raise


def in_fresh_process(function: Callable[..., T], *arguments: object) -> T:
    """What a function gives in a process that has imported nothing yet.

    A process that serves holds the package as it was; and PyTorch takes seconds, which a build without news can spare.
    """
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(function, *arguments).result()


def make_beforehand(jobs: Sequence[Callable[[], object]]) -> bool:
    """Do jobs that remember what they make, at most 256, in forks of this process: who needs it later finds it made.

    What else a job changes is gone with its fork. False if one failed: who needs it will make it, and hear why.
    Elsewhere than on Linux nothing is done, and everything is made by whoever needs it.
    """
    if sys.platform != "linux" or len(jobs) < 2:
        return True
    numbers, end = os.pipe()  # each takes its next job from there
    os.write(end, bytes(range(len(jobs))))
    os.close(end)
    parent = os.getpid()
    makers = []
    try:
        for _ in range(MAKERS):
            maker = os.fork()
            if maker == 0:
                code = 1
                try:
                    while os.getppid() == parent and (number := os.read(numbers, 1)):
                        jobs[number[0]]()
                    code = 0
                finally:
                    os._exit(code)
            makers.append(maker)
        return [os.waitpid(maker, 0)[1] for maker in makers] == [0] * MAKERS
    except BaseException:
        for maker in makers:
            with contextlib.suppress(OSError):
                os.kill(maker, signal.SIGTERM)
        raise
    finally:
        os.close(numbers)
