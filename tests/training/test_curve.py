"""The curve beside a checkpoint: a row for each step, written whole."""

from pathlib import Path

import numpy as np
import pandas as pd

from gptbook.training.curve import CURVE_COLUMNS, CURVE_FILE, write_curve

LOSSES = [2.5, 2.25, 1 / 3]
SCALES = [0.5, 1.0, 0.25]


def test_the_curve_has_a_row_for_each_step(tmp_path: Path) -> None:
    write_curve(tmp_path, LOSSES, [{"step": 2, "held_out_loss": 2.4}], SCALES, 64)
    curve = pd.read_csv(tmp_path / CURVE_FILE)
    assert tuple(curve.columns) == CURVE_COLUMNS
    assert list(curve["step"]) == [1, 2, 3]
    assert list(curve["tokens"]) == [64, 128, 192]
    assert list(curve["training_loss"]) == LOSSES, "not one bit is lost"
    assert list(curve["rate"]) == SCALES
    np.testing.assert_array_equal(curve["held_out_loss"], [np.nan, 2.4, np.nan])


def test_where_steps_differ_in_length_no_tokens_are_counted(tmp_path: Path) -> None:
    write_curve(tmp_path, LOSSES, [], SCALES, 0)
    assert pd.read_csv(tmp_path / CURVE_FILE)["tokens"].isna().all()


def test_a_curve_that_is_written_again_holds_no_step_twice(tmp_path: Path) -> None:
    write_curve(tmp_path, LOSSES, [], SCALES, 64)
    write_curve(tmp_path, LOSSES[:2], [], SCALES[:2], 64)
    assert list(pd.read_csv(tmp_path / CURVE_FILE)["step"]) == [1, 2]
    assert [path.name for path in tmp_path.iterdir()] == [CURVE_FILE]


def test_a_run_that_has_not_begun_has_an_empty_curve(tmp_path: Path) -> None:
    write_curve(tmp_path, [], [], [], 64)
    assert len(pd.read_csv(tmp_path / CURVE_FILE)) == 0
