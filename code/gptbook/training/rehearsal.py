"""How long a run will take here, judged by a few steps on a copy of its model."""

import copy
import math
import statistics
from functools import partial

from gptbook.machine.device import timed
from gptbook.training.engine import Run
from gptbook.training.seeds import seeded

LONG_ENOUGH = 2.0  # seconds of steps
FEWEST_STEPS, MOST_STEPS = 3, 50


def rehearse(run: Run) -> tuple[float, float]:
    """How long a step and a measurement take here, in seconds; the run stays as it is.

    A measurement only goes forward, which is a third of a step's operations.
    """
    trial = copy.copy(run)
    trial.task = copy.copy(run.task)
    trial.task.model = copy.deepcopy(run.model).train()
    trial.optimizer = trial.task.new_optimizer()
    trial.wrapped = None
    one_part = partial(trial.forward_backward_part, 0)
    parts: list[float] = []
    moves: list[float] = []
    with seeded(0):
        one_part()  # the first also pays for setting up
        while len(parts) < FEWEST_STEPS or (
            sum(parts) + sum(moves) < LONG_ENOUGH and len(parts) < MOST_STEPS
        ):
            parts.append(timed(one_part, run.machine))
            moves.append(timed(trial.optimizer_step, run.machine))
    part, move = statistics.median(parts), statistics.median(moves)
    batches = run.task.num_held_out / getattr(run.recipe, "batch_size", 1)
    return part * run.num_parts + move, part * run.num_parts / 3 * batches


def seconds_left(run: Run) -> float:
    """How long the rest will take here; -1 on a GPU, where no copy has room."""
    if run.machine.kind == "cuda" or run.team.size > 1:
        return -1.0
    step, measurement = rehearse(run)
    rest, every = run.recipe.num_steps - run.step, run.task.evaluate_every
    return rest * step + (math.ceil(rest / every) * measurement if every else 0.0)
