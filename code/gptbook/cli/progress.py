"""What is shown while a run trains: what it does, how long it takes, how it goes."""

import sys
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from tqdm import tqdm

from gptbook.machine.cost import duration
from gptbook.tasks.epochs import epoch_lines
from gptbook.tasks.recipe_costs import cost_lines
from gptbook.training.early_stopping import EarlyStoppingRun
from gptbook.training.engine import Run
from gptbook.training.rehearsal import seconds_left
from gptbook.training.session import train_run

SHOWN_STEPS = 20  # over which the speed is averaged
LINE_EVERY_SECONDS = 60.0  # where there is no screen for a bar


def train_with_bar(
    run: Run,
    run_dir: Path,
    after_step: Callable[[Run], None] | None = None,
) -> None:
    """Say what will be done and how long it takes; do it, and show how it goes.

    Of a text, the bar also shows how many tokens a second the run learns from. Each
    measurement of the held-out loss is a line; without a screen, each minute, too.
    """
    for line in run.describe():
        print(line)
    if isinstance(run, EarlyStoppingRun):
        for line in epoch_lines(run):
            print(line)
    steps = f"{run.recipe.num_steps:,}"
    if run.step:
        steps += f", of which {run.step:,} are done"
    for line in cost_lines(run):
        print(line)
    seconds = seconds_left(run)
    how_long = ""
    if seconds >= 0:
        about = f"about {duration(seconds)}" if seconds >= 2 else "a second or two"
        how_long = f": {about} on this machine"
    print(f"  steps       {steps}{how_long}")
    print(f"  saved in    {run_dir} (Ctrl-C saves and stops)", flush=True)
    moments: deque[float] = deque([time.monotonic()], maxlen=SHOWN_STEPS + 1)
    spoken = [time.monotonic()]  # when the last line came
    total, unit = run.recipe.num_steps, " steps"
    with tqdm(total=total, initial=run.step, unit=unit, disable=None) as bar:

        def show(run: Run) -> None:
            shown = f"loss {run.losses[-1]:.3f}"
            if tokens_per_step := run.task.tokens_per_step:
                moments.append(time.monotonic())
                passed = max(moments[-1] - moments[0], 1e-9)
                speed = (len(moments) - 1) * tokens_per_step / passed
                shown += f", {speed:,.0f} tokens/s"
            bar.set_postfix_str(shown, refresh=False)
            bar.update()
            held_out = run.new_held_out_loss
            is_due = bar.disable and time.monotonic() - spoken[0] > LINE_EVERY_SECONDS
            if held_out is not None or is_due:
                spoken[0] = time.monotonic()
                say(f"  step {run.step:,} of {total:,}: {shown}", held_out)
            if after_step:
                after_step(run)

        train_run(run, run_dir, show)


def say(line: str, held_out: float | None) -> None:
    """Print a line above the bar, or into a log. One that nobody reads ends no run."""
    if held_out is not None:
        line += f", held-out loss {held_out:.3f}"
    with suppress(OSError):
        tqdm.write(line)
        sys.stdout.flush()
