"""What the pages would say on another processor: `make vary` executes the chapters as others would, and compares.

Processors round differently, and training adds that up. Here each chapter runs once as usual, and once for each way in
which another machine differs: fewer instructions (PyTorch's plain code in place of AVX2 or AVX-512), two threads, and
noise in the last bit of every parameter after every step, which stands for the processors that are not at hand. It
prints each value in the prose and each line of output that differs. A page may print what differs only if no sentence
leans on it: names that a model writes, but not "step 22".
"""

import argparse
import difflib
import os
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from unittest.mock import patch

from conftest import CHAPTER_NAMES

from bookbuild.chapters import execute, kernel
from bookbuild.chapters.chapter import BuildError, Chapter, read_chapter
from bookbuild.chapters.kernel import Execution
from bookbuild.project import Project, this_project

NOISE = """
import torch
from torch.optim.optimizer import register_optimizer_step_post_hook
def _install(torch=torch):
    def shake(optimizer, args, kwargs):
        chance = optimizer.__dict__.setdefault("chance", torch.Generator())  # equal loops get equal noise
        with torch.no_grad():
            for group in optimizer.param_groups:
                for parameter in group["params"]:
                    if parameter.dtype == torch.float32:  # one unit in the last place, up, down or not at all
                        parameter.mul_(1 + 2**-23 * (torch.randint(0, 3, parameter.shape, generator=chance) - 1))
    register_optimizer_step_post_hook(shake)
_install()
del _install, register_optimizer_step_post_hook, torch
"""


@dataclass(frozen=True)
class Way:
    """How another machine differs."""

    about: str
    environment: dict[str, str]
    startup: str = ""


WAYS = {
    "plain": Way(
        "no vector instructions beyond SSE",
        {"ATEN_CPU_CAPABILITY": "default", "DNNL_MAX_CPU_ISA": "SSE41", "MKL_CBWR": "COMPATIBLE"},
    ),
    "avx2": Way("AVX2 at most", {"ATEN_CPU_CAPABILITY": "avx2", "DNNL_MAX_CPU_ISA": "AVX2"}),
    "threads": Way("two threads", {"OMP_NUM_THREADS": "2"}, "import torch; torch.set_num_threads(2); del torch\n"),
    "noise": Way("noise in the last bit after each step", {}, NOISE),
}


@dataclass(frozen=True)
class OtherProject(Project):
    """The same checkout, with another memory of what its chapters gave."""

    memory: Path

    @property
    def cache_dir(self) -> Path:
        return self.memory


def run(chapter: Chapter, way: Way | None, memory: Path) -> Execution:
    """Execute a chapter as another machine would, or as this one does; what was run before is remembered."""
    way = way or Way("", {})
    usual = kernel.kernel_environment()
    with (
        patch.object(kernel, "kernel_environment", lambda: usual | way.environment),
        patch.object(kernel, "STARTUP", kernel.STARTUP + way.startup),
    ):
        return execute.execute(chapter, OtherProject(this_project().root, memory), lambda line: None)


def printed(execution: Execution) -> Iterator[str]:
    """What a reader sees of a run, line by line: text, tables, and the words in plots."""
    for outputs in execution.outputs:
        for output in outputs:
            data = output.get("data", {})
            yield from output.get("text", data.get("text/plain", "")).splitlines()
            yield from re.findall(r"<text[^>]*>([^<]*)<", data.get("image/svg+xml", ""))


def differences(usual: Execution, other: Execution) -> list[str]:
    """What the page would say otherwise."""
    values = [
        f"{{{{ {code} }}}}: {value} / {other.values.get(code)}"
        for code, value in usual.values.items()
        if value != other.values.get(code)
    ]
    lines = difflib.unified_diff(list(printed(usual)), list(printed(other)), lineterm="", n=0)
    return values + [line for line in lines if not line.startswith(("---", "+++", "@@"))]


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, epilog="example: python tests/other_processors.py --as noise training-a-gpt"
    )
    parser.add_argument("chapters", nargs="*", metavar="SLUG", help="which (default: all)")
    parser.add_argument("--as", dest="ways", action="append", choices=WAYS, help="as which machine (default: all)")
    options = parser.parse_args()
    known = {Path(name).stem: name for name in CHAPTER_NAMES}
    if unknown := [slug for slug in options.chapters if slug not in known]:
        parser.error(f"there is no chapter {unknown[0]}: choose among {', '.join(known)}")
    project = this_project()
    memory = project.cache_dir.parent / "other-processors"
    for slug in options.chapters or known:
        chapter = read_chapter(project.docs_dir / known[slug], project.docs_dir)
        try:
            usual = run(chapter, None, memory / "usual")
            for word in options.ways or WAYS:
                found = differences(usual, run(chapter, WAYS[word], memory / word))
                print(f"{slug}, {WAYS[word].about}: {len(found) or 'no'} differences", flush=True)
                print("".join(f"    {line}\n" for line in found), end="", flush=True)
        except BuildError as error:
            print(error, file=sys.stderr)
            return 1
    return 0


if __name__ == "__main__":
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    sys.exit(main())
