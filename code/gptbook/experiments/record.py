"""Records of experiments too long for a page: numbers, and how they were made."""

import datetime
import hashlib
import json
import platform
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import torch
from tqdm import tqdm

from gptbook.data.tables import data_file
from gptbook.experiments.closure import SourceTree, source_tree
from gptbook.files.lock import locked
from gptbook.files.whole_files import write_whole
from gptbook.machine.device import processor_name

RECORD_CACHE = Path(".cache/records")
# Named by code that experiments reach, and yet no part of what decides their numbers.
BEYOND = frozenset(
    {
        # Saving and going on: a run that was stopped ends in the same bits; see
        # tests/training/test_session.py.
        "Run.resume",
        "Run.save",
        "open_run",
        "save_timed",
        "stop_on_interrupt",
        # Whatever the machine is called and has, a recorded run computes on its
        # processor in float32, alone, not compiled; and no clock moves a weight.
        "Ledger",
        "Team.any",
        "Team.shared",
        "Team.total",
        "this_machine",
        "try_to_compile",
        "data_file",  # finds a table, whose content counts
        "read_names",  # of a reader's own file; no recorded recipe has one
    }
)


class Experiment(Protocol):
    """An experiment in parts, each of which is kept when it is done."""

    def parts(self) -> dict[str, tuple[int, Callable[..., dict[str, Any]]]]:
        """By name: the steps that a part trains, and what runs it, given `on_step`."""
        ...

    def results(self, done: dict[str, dict[str, Any]]) -> dict[str, Any]:
        """What the record says, out of what each part returned."""
        ...


@dataclass(frozen=True, kw_only=True)
class Recording:
    """How a record is made. What decides its numbers is computed: see `sources_of`."""

    name: str
    """The record is `runs/<name>.json` beside the tables."""
    about: str
    """What it holds, in a phrase."""
    duration: str
    """How long it takes, for the reader to decide."""
    settings: dict[str, Any]
    """Sizes, steps and seeds."""
    start: Callable[[dict[str, Any], Path], Experiment]
    """Makes the experiment out of the settings and a folder for its runs."""


def make_record(
    recording: Recording,
    progress: bool = True,
    resume: bool = True,
    path: Path | None = None,
) -> Path:
    """Run an experiment, and record it.

    Every part is kept when it is done: after a stop, the same call goes on from there,
    unless resume is false. Returns the path of the record.
    Raises ValueError if another process makes the same record now.
    """
    name = recording.name
    path = path or data_file("cities.csv").parent / "runs" / f"{name}.json"
    sources = sources_of(recording)
    decisive = json.dumps([sources, recording.settings], sort_keys=True).encode()
    kept = RECORD_CACHE / f"{name}-{hashlib.sha256(decisive).hexdigest()[:12]}"
    if not resume:
        shutil.rmtree(kept, ignore_errors=True)
    with locked(kept):
        experiment = recording.start(recording.settings, kept)
        done = run_parts(experiment.parts(), kept, progress)
    record = {
        "about": recording.about,
        **provenance("gptbook ladder"),
        "settings": recording.settings,
        "sources": sources,
        **experiment.results(done),
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, (json.dumps(rounded(record), indent=1) + "\n").encode())
    return path


def run_parts(
    parts: dict[str, tuple[int, Callable[..., dict[str, Any]]]],
    kept: Path,
    progress: bool,
) -> dict[str, dict[str, Any]]:
    """Run the parts that are not in the folder `kept`, and keep each one there."""
    kept.mkdir(parents=True, exist_ok=True)
    files = {name: kept / f"{name}.json" for name in parts}
    done = {
        name: json.loads(file.read_text(encoding="utf-8"))
        for name, file in files.items()
        if file.is_file()
    }
    total = sum(num_steps for num_steps, _ in parts.values())
    already = sum(num_steps for name, (num_steps, _) in parts.items() if name in done)
    with tqdm(total=total, initial=already, unit="step", disable=not progress) as bar:

        def advance(step: int, loss: float) -> None:
            bar.set_postfix_str(f"loss {loss:.2f}", refresh=False)
            bar.update()

        for name, (_, run_part) in parts.items():
            if name not in done:
                bar.set_description(name)
                done[name] = run_part(advance)
                write_whole(files[name], json.dumps(done[name]).encode())
    return {name: done[name] for name in parts}


def provenance(command: str) -> dict[str, Any]:
    """Where, when and with what a record was made."""
    git = ["git", "-C", str(data_file("cities.csv").parent), "rev-parse", "HEAD"]
    try:
        found = subprocess.run(git, capture_output=True, text=True, check=False)
        commit = found.stdout.strip() if found.returncode == 0 else ""
    except OSError:  # no git here
        commit = ""
    return {
        "command": command,
        "date": datetime.date.today().isoformat(),
        "commit": commit,
        "processor": processor_name(),
        "threads": torch.get_num_threads(),
        "python": platform.python_version(),
        "torch": torch.__version__,
    }


def sources_of(recording: Recording, tree: SourceTree | None = None) -> dict[str, str]:
    """Fingerprints of all that decides the numbers: tables, definitions, constants."""
    tree = tree or source_tree()
    roots = [recording.start.__name__, rounded.__name__]
    reached = tree.closure(
        roots, asked=tree.methods[Experiment.__name__], beyond=BEYOND
    )
    return tree.fingerprints(reached)


def what_changed(record: dict[str, Any], recording: Recording) -> list[str]:
    """What has changed since the record was made, in phrases; none if it is fresh.

    They are such as "context_windows changed", "discounts is new", "cities.csv is gone"
    and "the setting training.num_steps changed".
    """
    phrases = []
    for kind, now, then in (
        ("", sources_of(recording), flat(record.get("sources"))),
        ("the setting ", flat(recording.settings), flat(record.get("settings"))),
    ):
        for name in {**now, **then}:
            if name not in then:
                phrases.append(f"{kind}{name} is new")
            elif name not in now:
                phrases.append(f"{kind}{name} is gone")
            elif now[name] != then[name]:
                phrases.append(f"{kind}{name} changed")
    return phrases


def flat(value: Any, path: str = "") -> dict[str, Any]:
    """The values in a dictionary of dictionaries, each by its path: "training.seed"."""
    if not isinstance(value, dict):
        return {path: value} if path else {}
    found: dict[str, Any] = {}
    for key, inner in value.items():
        found |= flat(inner, f"{path}.{key}" if path else str(key))
    return found


def rounded(value: Any) -> Any:
    """The same, with six decimals; the ones after that differ between machines."""
    if isinstance(value, dict):
        return {key: rounded(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [rounded(inner) for inner in value]
    return round(value, 6) if isinstance(value, float) else value
