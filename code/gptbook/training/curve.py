"""What lies in the folder of a run on a text, beside the checkpoint: curve, receipt."""

import csv
import io
from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd

from gptbook.files.whole_files import write_whole
from gptbook.tasks.recipes import TextRecipe
from gptbook.training.optim import warmup_then_decay

CURVE_FILE = "curve.csv"
CURVE_COLUMNS = ("step", "tokens", "rate", "training_loss", "held_out_loss")


def write_curve(
    run_dir: Path,
    recipe: TextRecipe,
    losses: Sequence[float],
    evaluations: Sequence[Mapping[str, float]],
) -> None:
    """Write a row for each step that is done, in place of the file from before.

    Losses are in nats per token: of the step's own batch before it moved the model, and
    of held-out text after it, at the steps where that was measured. The rate is the
    share of the recipe's rates. It is written whole: after a stop the steps that were
    not saved are done again, and would stand there twice.
    """
    measured = {int(each["step"]): each["held_out_loss"] for each in evaluations}
    table = io.StringIO()
    rows = csv.writer(table, lineterminator="\n")
    rows.writerow(CURVE_COLUMNS)
    for step, loss in enumerate(losses, start=1):
        share = warmup_then_decay(step - 1, recipe.num_steps, recipe.warmup_steps)
        tokens = step * recipe.batch_tokens
        rows.writerow([step, tokens, share, loss, measured.get(step, "")])
    write_whole(run_dir / CURVE_FILE, table.getvalue().encode())


def read_curve(run_dir: Path) -> pd.DataFrame:
    """The curve of a run, one row for each step; see `write_curve`.

    Raises ValueError if the folder holds none.
    """
    path = run_dir / CURVE_FILE
    if not path.is_file():
        raise ValueError(
            f"{run_dir} holds no {CURVE_FILE}: give the folder of a run on a text"
        )
    return pd.read_csv(path)
