"""Which weights of a run a command takes, the best or the last, and how it says so."""

import argparse
import sys
from collections.abc import Iterator
from typing import TextIO

from gptbook.tasks.open_run import best_of, open_run
from gptbook.training.early_stopping import EarlyStoppingRun
from gptbook.training.saved_run import SavedRun


def open_weights(options: argparse.Namespace, stream: TextIO | None = None) -> SavedRun:
    """The run that the options name, with its best weights, or with --last its last.

    Where they differ, a line on the stream, or on stdout, says which ones are taken.
    Raises ValueError as `open_run` does.
    """
    saved = open_run(options.run_dir)
    if "best" not in saved.facts:
        return saved
    best, last = saved.facts["best"]["step"], saved.facts["step"]
    line = (
        f"the last weights, after step {last:,}; the best are those after step {best:,}"
    )
    if not options.last:
        saved = best_of(saved)
        line = (
            f"the weights after step {saved.facts['step']:,}, where the held-out loss "
            "was lowest; --last takes the last"
        )
    print(f"Takes {line}.", file=stream or sys.stdout, flush=True)
    return saved


def ending(run: EarlyStoppingRun) -> str:
    """Why a finished run is finished."""
    if not run.is_stopped_early:
        return f"all {run.recipe.num_steps:,} steps are done"
    return (
        f"it stopped after step {run.step:,} of {run.recipe.num_steps:,}; the held-out "
        f"loss was lowest after step {run.best_step:,}, and none of the last "
        f"{run.patience:,} measurements was lower (a larger --patience goes on)"
    )


def best_lines(run: EarlyStoppingRun) -> Iterator[str]:
    """Where a finished run was best, if that was not at its end, line by line."""
    if run.best_step in (0, run.step):
        return
    if run.is_best_kept:
        yield (
            f"  best weights   after step {run.best_step:,}: sample, chat, "
            f"evaluate and export take them; --last takes those after step {run.step:,}"
        )
        return
    yield (
        f"  The held-out loss was lowest after step {run.best_step:,}, but those "
        "weights were not kept: an older gptbook took that step."
    )
