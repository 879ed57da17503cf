"""The curve of a run: a table of its losses, beside the checkpoint."""

import csv
import io
import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from gptbook.files.whole_files import write_whole

CURVE_FILE = "curve.csv"
CURVE_COLUMNS = ("step", "tokens", "rate", "training_loss", "held_out_loss", "best")


def write_curve(
    run_dir: Path,
    losses: Sequence[float],
    evaluations: Sequence[Mapping[str, float]],
    rate_scales: Iterable[float],
    tokens_per_step: int,
) -> None:
    """Write a row for each step that is done, in place of the file from before.

    Losses are in nats: of the step's own batch before it moved the model, and of what
    is held out after it, at the steps where that was measured; best is 1 where that was
    lowest, else empty. The rate is the step's scale of the recipe's rates; of
    tokens_per_step 0, no number is told. The file is
    written whole: after a stop the steps that were not saved are done again, and would
    stand there twice.
    """
    measured = {int(each["step"]): each["held_out_loss"] for each in evaluations}
    best = lowest(evaluations)["step"]
    table = io.StringIO()
    rows = csv.writer(table, lineterminator="\n")
    rows.writerow(CURVE_COLUMNS)
    for step, (loss, scale) in enumerate(zip(losses, rate_scales), start=1):
        tokens = step * tokens_per_step or ""
        is_best = 1 if step == best else ""
        rows.writerow([step, tokens, scale, loss, measured.get(step, ""), is_best])
    write_whole(run_dir / CURVE_FILE, table.getvalue().encode())


def lowest(evaluations: Iterable[Mapping[str, float]]) -> Mapping[str, float]:
    """The measurement with the lowest held-out loss, the first of equals.

    Where nothing was measured, that of step 0, which is infinite.
    """
    nothing = {"step": 0, "held_out_loss": math.inf}
    return min(evaluations, key=lambda each: each["held_out_loss"], default=nothing)
