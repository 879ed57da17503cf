"""What lies beside a checkpoint: the curve, whole at every step, and where the time went."""

import json
import random
from pathlib import Path

import numpy as np
import pytest
from mutants import mutate
from small import TINY

from gptbook.machine.ledger import PHASES, Ledger, read_sessions, save_sessions
from gptbook.machine.receipt import receipt_lines
from gptbook.training.curve import CURVE_COLUMNS, read_curve, write_curve
from gptbook.training.optim import warmup_then_decay

LOSSES = [2.5, 2.25, 1 / 3]


def test_the_curve_has_a_row_for_each_step(tmp_path: Path) -> None:
    write_curve(tmp_path, TINY, LOSSES, [{"step": 2, "held_out_loss": 2.4}])
    curve = read_curve(tmp_path)
    assert tuple(curve.columns) == CURVE_COLUMNS
    assert list(curve["step"]) == [1, 2, 3]
    assert list(curve["tokens"]) == [64, 128, 192]
    assert list(curve["training_loss"]) == LOSSES, "not one bit is lost"
    assert list(curve["rate"]) == [warmup_then_decay(step, 6, 2) for step in range(3)]
    np.testing.assert_array_equal(curve["held_out_loss"], [np.nan, 2.4, np.nan])


def test_a_curve_that_is_written_again_holds_no_step_twice(tmp_path: Path) -> None:
    write_curve(tmp_path, TINY, LOSSES, [])
    write_curve(tmp_path, TINY, LOSSES[:2], [])
    assert list(read_curve(tmp_path)["step"]) == [1, 2]
    assert [path.name for path in tmp_path.iterdir()] == ["curve.csv"]


def test_a_run_that_has_not_begun_has_an_empty_curve(tmp_path: Path) -> None:
    write_curve(tmp_path, TINY, [], [])
    assert len(read_curve(tmp_path)) == 0


def test_sessions_come_back_as_they_were_and_one_follows_another(tmp_path: Path) -> None:
    now = [0.0]
    ledger = Ledger(0.0, machine="a processor", clock=lambda: now[0])
    with ledger.phase("training"):
        now[0] = 3.0
    save_sessions(tmp_path, ledger)
    (first,) = read_sessions(tmp_path)
    assert first["machine"] == "a processor"
    assert first["seconds"] == {**dict.fromkeys(PHASES, 0.0), "training": 3.0}
    save_sessions(tmp_path, Ledger.from_facts([first], 3.0, clock=lambda: now[0]))
    assert read_sessions(tmp_path)[0] == first
    assert len(read_sessions(tmp_path)) == 2


@pytest.mark.parametrize("seed", range(200))
def test_no_mutant_of_a_receipt_is_more_than_a_sentence(seed: int, tmp_path: Path) -> None:
    """What is read can be shown; all else is one sentence that names the file and what to do."""
    ledger = Ledger(0.0, machine="a processor", clock=lambda: 3.0)
    save_sessions(tmp_path, ledger)
    path = tmp_path / "receipt.json"
    path.write_bytes(mutate(json.loads(path.read_bytes()), random.Random(seed)))
    said = ""
    try:
        sessions = read_sessions(tmp_path)
        shown = "\n".join(receipt_lines(sessions, num_steps=1, num_tokens=1, flops=1.0))
        assert "nan" not in shown
        assert Ledger.from_facts(sessions).sessions[:-1] == sessions
    except ValueError as refusal:
        said = str(refusal)
    if said:
        assert str(path) in said
        assert "\n" not in said
        assert len(said) < 300 + len(str(path))


def test_a_folder_without_them_is_named(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"holds no curve\.csv: give the folder of a run on a text"):
        read_curve(tmp_path)
    with pytest.raises(ValueError, match=r"holds no receipt\.json: give the folder of a run on a text"):
        read_sessions(tmp_path)


@pytest.mark.parametrize("content", [{"format": "gptbook receipt 2", "sessions": []}, {"sessions": 3}, [], 7])
def test_a_receipt_that_is_none_of_ours_is_named(content: object, tmp_path: Path) -> None:
    (tmp_path / "receipt.json").write_text(json.dumps(content))
    with pytest.raises(ValueError, match=r"receipt\.json( is not of this version|: .*: copy it again, or delete it)"):
        read_sessions(tmp_path)


def test_a_receipt_that_was_cut_short_is_named(tmp_path: Path) -> None:
    (tmp_path / "receipt.json").write_text('{"format": "gptb')
    with pytest.raises(ValueError, match=r"receipt\.json"):
        read_sessions(tmp_path)
