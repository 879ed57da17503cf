"""The checkout itself: what is committed, what the commands say, and that the installed package is whole."""

import os
import re
import shlex
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement

from bookbuild.drawings.ladder import rungs
from bookbuild.project import Project
from gptbook.cli.parser import build_parser

OLD_RUNS = ("tests", "old_runs")  # as a version before wrote them: no script could make them again
MADE = {".ipynb", ".pyc", ".safetensors", ".png", ".zip", ".whl"}


def committed(project: Project) -> list[Path]:
    done = subprocess.run(["git", "ls-files", "-z"], cwd=project.root, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip("this checkout has no git history")
    return [Path(name) for name in done.stdout.split("\0") if name]


def test_only_sources_are_committed(project: Project) -> None:
    names = committed(project)
    assert [str(path) for path in names if path.suffix in MADE and path.parts[:2] != OLD_RUNS] == []
    assert [str(path) for path in names if path.suffix == ".html" and path.parts[:2] != ("docs", "theme")] == []
    assert [str(path) for path in names if path.parts[0] in {"site", "runs", ".cache"}] == []


def test_the_top_level_is_the_agreed_one(project: Project) -> None:
    agreed = {
        "docs", "code", "data", "tests", "mkdocs.yml", "README.md", "pyproject.toml", "requirements.lock", "Makefile",
        "LICENSE", "CITATION.cff", ".github", ".ci", ".gitignore",
    }  # fmt: skip
    assert {path.parts[0] for path in committed(project)} <= agreed


def test_every_make_command_explains_itself(project: Project) -> None:
    text = (project.root / "Makefile").read_text(encoding="utf-8")
    targets = set(re.search(r"^\.PHONY: (.*)$", text, re.MULTILINE)[1].split())  # type: ignore[index]
    command = ["make", "--no-print-directory", "help"]
    shown = subprocess.run(command, cwd=project.root, capture_output=True, text=True, check=True).stdout
    assert {"book", "serve", "test", "bench", "lint", "clean"} <= targets
    assert {line.split()[1] for line in shown.splitlines()} == targets
    assert all(len(line.split()) > 4 for line in shown.splitlines())


def test_every_command_that_the_readme_shows_is_one(project: Project) -> None:
    """Those of make are its targets, those of the package parse, and the book can be had without make."""
    text = (project.root / "README.md").read_text(encoding="utf-8")
    shown = "\n".join(re.findall(r"^```\w*\n(.*?)^```", text, re.MULTILINE | re.DOTALL))
    targets = re.search(r"^\.PHONY: (.*)$", (project.root / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    assert targets
    made = set(re.findall(r"^\s*make (\w+)", shown, re.MULTILINE))
    assert {"book", "test"} <= made <= set(targets[1].split())
    own = re.findall(r"^\s*gptbook ([^#|>&\n]+)", shown, re.MULTILINE)
    assert own
    for words in own:
        assert build_parser().parse_args(shlex.split(words)), words
    assert {"bookbuild", "pytest"} <= set(re.findall(r"python -m (\w+)", text))


def test_the_lock_pins_every_dependency(project: Project) -> None:
    lines = [line for line in project.lock.read_text(encoding="utf-8").splitlines() if not line.startswith("#")]
    assert all(re.fullmatch(r"[A-Za-z0-9._-]+==[A-Za-z0-9.]+", line) for line in lines), "one exact version a line"
    pinned = {line.split("==")[0].lower().replace("_", "-"): line.split("==")[1] for line in lines}
    declared = tomllib.loads((project.root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    wanted = declared["dependencies"] + [need for extra in declared["optional-dependencies"].values() for need in extra]
    for need in map(Requirement, wanted):
        assert need.specifier.contains(pinned[need.name.lower()]), need


def test_the_workflow_builds_tests_and_publishes(project: Project) -> None:
    workflow = yaml.safe_load((project.root / ".github" / "workflows" / "book.yml").read_text(encoding="utf-8"))
    triggers = workflow[True]  # YAML 1.1 reads the key `on` as true
    assert {"push", "pull_request", "schedule"} <= set(triggers)
    jobs = workflow["jobs"]
    (tested,) = [name for name, job in jobs.items() if any(step.get("run") == ".ci/run" for step in job["steps"])]
    publishing = {name: job for name, job in jobs.items() if name != tested}
    assert len(publishing) == 2, "the site, and the notebooks for Colab"
    for job in publishing.values():
        assert job["needs"] == tested, "nothing is published that was not tested"
        assert "main" in job["if"]
    ci = (project.root / ".ci" / "run").read_text(encoding="utf-8")
    assert set(re.findall(r"\bmake ([a-z]+)", ci)) == {"install", "book", "lint", "test"}


@pytest.mark.parametrize("fails", ["nothing", "install", "lint", "book", "test"])
def test_ci_ends_as_its_stages_do(fails: str, project: Project, tmp_path: Path) -> None:
    """With commands that do nothing in place of the real ones: its own code is what runs."""
    for name in ("make", "chromium", "java", "nice", "sudo", "apt-get", "python3"):
        command = tmp_path / name
        says = {"make": f'[ "$1" != {fails} ]', "nice": 'shift 2; exec "$@"'}.get(name, "true")
        command.write_text(f"#!/bin/sh\n{says}\n", encoding="utf-8")
        command.chmod(0o755)
    environment = os.environ | {"PATH": f"{tmp_path}:{os.environ['PATH']}", "TMPDIR": str(tmp_path)}
    script = [str(project.root / ".ci" / "run")]
    done = subprocess.run(script, env=environment, capture_output=True, text=True, check=False, timeout=60)
    said = done.stdout + done.stderr
    stage = {"nothing": None, "install": "environment", "test": "tests"}.get(fails, fails)
    assert (done.returncode == 0) == (stage is None), said
    assert re.findall(r"^ci: (.*) FAILED", said, re.MULTILINE) == ([] if stage is None else [stage])
    if stage is None:
        assert re.findall(r"^ci: (\w+) took", said, re.MULTILINE)[-3:] == ["book", "lint", "tests"]
    assert not list(tmp_path.glob("tmp.*")), "its folder of logs is gone"


def test_an_installed_package_carries_its_tables(project: Project, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(command, cwd=project.root, check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
        archive.extractall(tmp_path / "installed")
    assert {
        "gptbook/py.typed",
        "gptbook/tables/iris.csv",
        "gptbook/tables/cities.csv",
        "gptbook/cli/parser.py",
    } <= names
    assert not [name for name in names if name.startswith(("code", "tests", "docs"))]
    program = "import gptbook, gptbook.data.tables as d; print(gptbook.__file__, len(d.city_names()), len(d.iris()))"
    # Isolated from this checkout: -S switches off the editable install's .pth file.
    folders = [str(tmp_path / "installed"), *[path for path in sys.path if path.endswith("site-packages")]]
    done = subprocess.run(
        [sys.executable, "-S", "-c", f"import sys; sys.path[:0] = {folders!r}; {program}"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "installed" in done.stdout


def test_the_readmes_ladder_is_the_recorded_one(project: Project) -> None:
    steps, _ = rungs()
    lines = [f"{rung.name:20}{'█' * round(rung.loss * 12):40}{rung.loss:5.2f}  {rung.does}" for rung in steps]
    assert "\n".join(lines) in (project.root / "README.md").read_text(encoding="utf-8")
