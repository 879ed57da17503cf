"""The file that rents a GPU: right by SkyPilot's own schema, offline, and cheap by its own limits."""

import importlib.util
import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from conftest import HANG

from gptbook.cli.parser import build_parser

REPOSITORY = Path(__file__).parents[1]
RENT = REPOSITORY / "docs" / "your-own-gpt" / "rent-a-gpu.yaml"
# SkyPilot needs an older click than the book's tools, so it lives in an environment of its own: `make sky`.
SKY_PYTHON = Path(os.environ.get("SKYPILOT_PYTHON", REPOSITORY / ".cache" / "sky" / "bin" / "python"))
CHECK = """
import sys
import yaml
import sky
from sky.utils import common_utils, schemas
task = yaml.safe_load(open(sys.argv[1], encoding="utf-8"))
common_utils.validate_schema(task, schemas.get_task_schema(), "task: ")
common_utils.validate_schema(task["resources"], schemas.get_resources_schema(), "resources: ")
parsed = sky.Task.from_yaml_config(task)
(resources,) = parsed.resources
stop = resources.autostop_config
print(resources.accelerators, resources.use_spot, stop.idle_minutes, stop.down)
"""


def check_with_skypilot(path: Path, home: Path) -> subprocess.CompletedProcess[str]:
    python = SKY_PYTHON if SKY_PYTHON.exists() else Path(sys.executable)
    if not SKY_PYTHON.exists() and importlib.util.find_spec("sky") is None:
        pytest.skip("needs SkyPilot, which cannot be installed beside our tools: `make sky`, or SKYPILOT_PYTHON")
    environment = {**os.environ, "HOME": str(home), "SKYPILOT_DISABLE_USAGE_COLLECTION": "1"}
    command = [str(python), "-c", CHECK, str(path)]
    return subprocess.run(command, capture_output=True, text=True, env=environment, check=False, timeout=HANG)


def test_skypilot_accepts_the_file(tmp_path: Path) -> None:
    result = check_with_skypilot(RENT, tmp_path)
    assert result.returncode == 0, result.stderr
    assert result.stdout.split("\n")[-2] == "{'H100': 1} False 30 True"


def test_skypilot_would_refuse_a_misspelt_field(tmp_path: Path) -> None:
    broken = tmp_path / "broken.yaml"
    broken.write_text(RENT.read_text(encoding="utf-8").replace("idle_minutes", "idle_minuets"), encoding="utf-8")
    result = check_with_skypilot(broken, tmp_path)
    assert result.returncode != 0
    assert "idle_minuets" in result.stderr


def test_the_file_bounds_what_it_can_cost() -> None:
    task = yaml.safe_load(RENT.read_text(encoding="utf-8"))
    resources = task["resources"]
    assert resources["autostop"]["down"] is True, "an idle GPU is given back, not only stopped"
    assert resources["autostop"]["idle_minutes"] <= 30
    assert resources["max_hourly_cost"] <= 5


def test_a_failed_line_ends_the_script() -> None:
    """Else a failed preparation would train on nothing, on a rented GPU."""
    task = yaml.safe_load(RENT.read_text(encoding="utf-8"))
    for part in ("setup", "run"):
        assert task[part].startswith("set -e\n")
        subprocess.run(["sh", "-n"], input=task[part], text=True, check=True)


def test_the_box_without_skypilot_needs_three_commands_and_they_parse() -> None:
    indented = [line[4:] for line in RENT.read_text(encoding="utf-8").split("\n") if line.startswith("#   ")]
    commands = [shlex.split(line) for line in indented if line.startswith(("python ", "gptbook ", "torchrun "))]
    assert [command[0] for command in commands] == ["python", "gptbook", "torchrun"]
    install, prepare, train = commands
    assert install[1:4] == ["-m", "pip", "install"]
    assert build_parser().parse_args(prepare[1:])
    assert build_parser().parse_args(train[train.index("gptbook") + 1 :])
