"""What lies in the folder of a run on a text, beside the checkpoint: curve, receipt."""

import csv
import io
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from gptbook.checkpoint import write_whole
from gptbook.facts import Fields, Listing, Real, Words, check_facts, read_facts
from gptbook.ledger import PHASES, Ledger
from gptbook.optim import warmup_then_decay
from gptbook.text_recipes import TextRecipe

CURVE_FILE = "curve.csv"
RECEIPT_FILE = "receipt.json"
RECEIPT_FORMAT = "gptbook receipt 1"
LONGEST_SESSION = 1e10  # seconds: three centuries
RECEIPT_SHAPE = Fields(
    {
        "format": Words((RECEIPT_FORMAT,)),
        "sessions": Listing(
            Fields(
                {
                    "began": Words(least=1, most=40),
                    "machine": Words(),
                    "seconds": Fields(
                        {phase: Real(0, LONGEST_SESSION) for phase in PHASES}
                    ),
                }
            ),
            least=1,
        ),
    }
)
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


def save_sessions(run_dir: Path, ledger: Ledger) -> None:
    """Write where the time went, up to now. Raises OSError if that fails."""
    content = {"format": RECEIPT_FORMAT, "sessions": ledger.sessions}
    write_whole(run_dir / RECEIPT_FILE, (json.dumps(content, indent=1) + "\n").encode())


def read_sessions(run_dir: Path) -> list[dict[str, Any]]:
    """The sessions of a run, one for each process that worked on it.

    Raises ValueError, in one sentence, if the folder holds none that can be read.
    """
    path = run_dir / RECEIPT_FILE
    if not path.is_file():
        raise ValueError(
            f"{run_dir} holds no {RECEIPT_FILE}: give the folder of a run on a text"
        )
    advice = "copy it again, or delete it, and the run begins a new one"
    content = read_facts(path, Fields({"format": Words()}, is_open=True), advice)
    if content["format"] != RECEIPT_FORMAT:
        raise ValueError(f'{path} is not of this version ("{RECEIPT_FORMAT}")')
    check_facts(content, RECEIPT_SHAPE, path, advice)
    sessions: list[dict[str, Any]] = content["sessions"]
    return sessions
