"""What stands around a training: the lock of its folder, its memory, TensorBoard."""

import argparse
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from gptbook.files.lock import locked
from gptbook.machine.team import Team
from gptbook.training.engine import Run


@contextmanager
def locked_for(team: Team, run_dir: Path) -> Iterator[None]:
    """Keep a run folder for a team: the leader locks it, and all are refused as one.

    Raises ValueError if another process works there.
    """
    refusal: ValueError | None = None
    with ExitStack() as stack:
        if team.leads:
            try:
                stack.enter_context(locked(run_dir))
            except ValueError as error:
                refusal = error
        if team.any(refusal is not None):
            raise refusal or ValueError(f"{run_dir} is not for this team: see above")
        yield


@contextmanager
def memory_in_mind(run: Run) -> Iterator[None]:
    """Say what to halve where the memory is full. Raises ValueError then."""
    try:
        yield
    except (RuntimeError, MemoryError) as error:
        signs = ("out of memory", "allocate memory")
        if not isinstance(error, MemoryError) and not any(
            sign in str(error) for sign in signs
        ):
            raise
        rows = run.rows_at_once
        fewer = 1 if rows % 2 else rows // 2  # both divide the batch as rows does
        advice = (
            f"give --rows-at-once {fewer} (it was {rows})"
            if rows > 1
            else "take a smaller recipe, or a machine that has more of it"
        )
        raise ValueError(
            f"the memory of {run.machine.device} is full: {advice}; the step stays the "
            "same, and what was saved is kept"
        ) from None


@contextmanager
def watched(
    options: argparse.Namespace, run: Run, run_dir: Path
) -> Iterator[Callable[[Run], None] | None]:
    """Write every step for TensorBoard, if that is asked for.

    Raises ValueError if TensorBoard is not installed.
    """
    if not options.tensorboard or not run.team.leads:
        yield None
        return
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:
        raise ValueError(
            "--tensorboard needs a library that is not here: pip install tensorboard"
        ) from None
    folder = str(run_dir / "tensorboard")
    with SummaryWriter(folder, purge_step=run.step + 1) as writer:

        def write(now: Run) -> None:
            writer.add_scalar("loss/training", run.losses[-1], run.step)
            if (held_out := run.new_held_out_loss) is not None:
                writer.add_scalar("loss/held_out", held_out, run.step)

        yield write
