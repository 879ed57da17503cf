"""Runs as the tests make them: from a recipe, from a folder, and of a text on an exact machine."""

from pathlib import Path
from typing import Any

import torch

from gptbook.data.corpus import Corpus
from gptbook.machine.device import Machine
from gptbook.tasks import open_run as opening
from gptbook.tasks.open_run import open_run, run_of, task_for
from gptbook.tasks.recipes import TextRecipe
from gptbook.tasks.text import TextTask
from gptbook.training.engine import Run
from gptbook.training.recipe import Recipe

EXACT = Machine(device="cpu", precision="float32", name="a processor", memory_bytes=2**33, num_threads=1)


def new_run(recipe: Recipe) -> Run:
    """A run at its very beginning."""
    return Run(task_for(recipe))


def text_run(recipe: TextRecipe, corpus: Corpus | None = None, machine: Machine = EXACT, **more: Any) -> Run:
    """The same of a text."""
    return Run(TextTask(recipe, corpus), machine, **more)


def load_run(run_dir: Path, data: str | None = None) -> Run:
    """The run in a folder, with its data."""
    return run_of(open_run(run_dir), data)


def go_on(run: Run, run_dir: Path) -> Run:
    """The run, at the step that is saved in the folder."""
    run.resume(open_run(run_dir))
    return run


def finished(run: Run) -> Run:
    """The run after all its steps."""
    while not run.is_finished:
        run.training_step()
    return run


def write_samples(run_dir: Path, start: str, count: int, seed: int) -> list[str]:
    """What the model in a run folder writes."""
    return opening.write_samples(open_run(run_dir), start, count, torch.Generator().manual_seed(seed))


def quiet(run: Run) -> None:
    """Nothing to show after a step."""
