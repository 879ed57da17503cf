"""What is shown while a run trains: what it does, how long it takes, how it goes."""

import math
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path

from tqdm import tqdm

from gptbook.runs import Run, train_run

SHOWN_STEPS = 20  # over which the speed is averaged


def train_with_bar(
    run: Run,
    run_dir: Path,
    tokens_per_step: int = 0,
    after_step: Callable[[Run], None] | None = None,
) -> None:
    """Say what will be done and how long it takes; do it, and show how it goes.

    With tokens_per_step, the bar also shows how many tokens a second it learns from.
    """
    for line in run.describe():
        print(line)
    steps = f"{run.recipe.num_steps:,}"
    if run.step:
        steps += f", of which {run.step:,} are done"
    print(f"  parameters  {run.num_parameters:,}")
    seconds = run.seconds_left()
    how_long = f": {spoken_time(seconds)} on this machine" if seconds >= 0 else ""
    print(f"  steps       {steps}{how_long}")
    print(f"  saved in    {run_dir} (Ctrl-C saves and stops)", flush=True)
    moments: deque[float] = deque([time.monotonic()], maxlen=SHOWN_STEPS + 1)
    total, unit = run.recipe.num_steps, " steps"
    with tqdm(total=total, initial=run.step, unit=unit, disable=None) as bar:

        def show(run: Run) -> None:
            shown = f"loss {run.losses[-1]:.3f}"
            if tokens_per_step:
                moments.append(time.monotonic())
                passed = max(moments[-1] - moments[0], 1e-9)
                speed = (len(moments) - 1) * tokens_per_step / passed
                shown += f", {speed:,.0f} tokens/s"
            bar.set_postfix_str(shown, refresh=False)
            bar.update()
            if after_step:
                after_step(run)

        train_run(run, run_dir, show)


def spoken_time(seconds: float) -> str:
    """A duration as one says it."""
    if math.isinf(seconds):
        return "for ever"
    for unit, size in (("h", 3600), ("min", 60), ("s", 1)):
        if seconds >= 2 * size:
            return f"about {seconds / size:.0f} {unit}"
    return "a second or two"
