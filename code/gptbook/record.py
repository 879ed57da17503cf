"""Records of experiments too long for a page: numbers, and how they were made."""

import ast
import datetime
import hashlib
import importlib
import inspect
import io
import json
import platform
import shutil
import subprocess
import textwrap
import tokenize
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import torch
from tqdm import tqdm

from gptbook.checkpoint import write_whole
from gptbook.datasets import data_file

RECORD_CACHE = Path(".cache/records")


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
    """How a record is made, and what decides the numbers in it."""

    name: str
    """The record is `runs/<name>.json` beside the tables."""
    about: str
    """What it holds, in a phrase."""
    duration: str
    """How long it takes, for the reader to decide."""
    settings: dict[str, Any]
    """Sizes, steps and seeds."""
    sources: tuple[str, ...]
    """Tables and definitions: if one of these changes, the record is old."""
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
    """
    name = recording.name
    path = path or data_file("cities.csv").parent / "runs" / f"{name}.json"
    sources = {source: fingerprint(source) for source in recording.sources}
    decisive = json.dumps([sources, recording.settings], sort_keys=True).encode()
    kept = RECORD_CACHE / f"{name}-{hashlib.sha256(decisive).hexdigest()[:12]}"
    if not resume:
        shutil.rmtree(kept, ignore_errors=True)
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


def processor_name() -> str:
    """What the processor is called, as far as the system says."""
    about = Path("/proc/cpuinfo")
    if about.is_file():
        for line in about.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def fingerprint(source: str) -> str:
    """A hash of what a source does: of a table, "cities.csv", or code, "module:name".

    Comments, docstrings and line breaks do nothing, and what raises an error had no
    part in a record that was made; so they do not count.
    """
    module, _, name = source.partition(":")
    if not name:
        return hashlib.sha256(data_file(source).read_bytes()).hexdigest()
    definition = getattr(importlib.import_module(module), name)
    code = textwrap.dedent(inspect.getsource(definition))
    idle_lines = {
        number
        for node in ast.walk(ast.parse(code))
        if isinstance(node, ast.Raise)
        or (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant))
        for number in range(node.lineno, (node.end_lineno or node.lineno) + 1)
    }
    written = {tokenize.INDENT: "{", tokenize.DEDENT: "}", tokenize.COMMENT: ""}
    pieces = [
        written.get(token.type, token.string)
        for token in tokenize.generate_tokens(io.StringIO(code).readline)
        if token.start[0] not in idle_lines
    ]
    text = "".join("".join(pieces).split())
    for (
        bracket
    ) in ")]}":  # a comma at the end of a list comes and goes with line breaks
        text = text.replace(f",{bracket}", bracket)
    return hashlib.sha256(text.encode()).hexdigest()


def is_stale(record: dict[str, Any], recording: Recording) -> str:
    """What has changed since the record was made, as a sentence; "" if nothing has."""
    now = {source: fingerprint(source) for source in recording.sources}
    then = record["sources"]
    changed = [name for name in {**now, **then} if now.get(name) != then.get(name)]
    if record["settings"] != recording.settings:
        changed.append("the settings")
    if not changed:
        return ""
    return (
        f"the record of {record['date']} is out of date, because {', '.join(changed)} "
        f"changed: run {record['command']}"
    )


def rounded(value: Any) -> Any:
    """The same, with six decimals; the ones after that differ between machines."""
    if isinstance(value, dict):
        return {key: rounded(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [rounded(inner) for inner in value]
    return round(value, 6) if isinstance(value, float) else value
