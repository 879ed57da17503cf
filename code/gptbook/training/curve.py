"""The curve of a run: a table of its losses, beside the checkpoint."""

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from gptbook.files.whole_files import write_whole

CURVE_FILE = "curve.csv"
CURVE_COLUMNS = ("step", "tokens", "rate", "training_loss", "held_out_loss")


def write_curve(
    run_dir: Path,
    losses: Sequence[float],
    evaluations: Sequence[Mapping[str, float]],
    rate_scales: Iterable[float],
    tokens_per_step: int,
) -> None:
    """Write a row for each step that is done, in place of the file from before.

    Losses are in nats: of the step's own batch before it moved the model, and of what
    is held out after it, at the steps where that was measured. The rate is the step's
    scale of the recipe's rates; of tokens_per_step 0, no number is told. The file is
    written whole: after a stop the steps that were not saved are done again, and would
    stand there twice.
    """
    measured = {int(each["step"]): each["held_out_loss"] for each in evaluations}
    table = io.StringIO()
    rows = csv.writer(table, lineterminator="\n")
    rows.writerow(CURVE_COLUMNS)
    for step, (loss, scale) in enumerate(zip(losses, rate_scales), start=1):
        tokens = step * tokens_per_step or ""
        rows.writerow([step, tokens, scale, loss, measured.get(step, "")])
    write_whole(run_dir / CURVE_FILE, table.getvalue().encode())
