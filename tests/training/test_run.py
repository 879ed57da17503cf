"""Runs: what a step depends on, stopping and going on, and what a run folder may hold."""

import signal
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from gptbook.tasks.catalogue import load_run, new_run
from gptbook.tasks.recipe_words import iris_net
from gptbook.tasks.recipes import NgramRecipe
from gptbook.training.checkpoint import load_checkpoint, save_checkpoint
from gptbook.training.run import Run, stop_on_interrupt, train_run


@pytest.fixture
def short(short: NgramRecipe) -> NgramRecipe:
    """With dropout, so that a step depends on chance."""
    return replace(short, dropout=0.2)


def quiet(run: Run) -> None:
    """Nothing to show."""


def test_a_run_that_was_stopped_ends_in_the_same_bits(short: NgramRecipe, tmp_path: Path) -> None:
    whole = new_run(short)
    train_run(whole, tmp_path / "whole", quiet)

    def press_ctrl_c(run: Run) -> None:
        if run.step == 12:
            signal.raise_signal(signal.SIGINT)

    first = new_run(short)
    train_run(first, tmp_path / "stopped", press_ctrl_c)
    assert first.step == 12
    assert not first.is_finished
    second = load_run(tmp_path / "stopped")
    train_run(second, tmp_path / "stopped", quiet)
    assert second.is_finished
    assert second.losses == whole.losses
    left, right = (sorted((tmp_path / name).iterdir()) for name in ("whole", "stopped"))
    assert [path.name for path in left] == [path.name for path in right]
    assert [path.read_bytes() for path in left] == [path.read_bytes() for path in right]


def test_a_run_that_crashed_goes_on_from_its_last_save(
    short: NgramRecipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gptbook.training.run.SAVE_EVERY_SECONDS", -1.0)
    monkeypatch.setattr("gptbook.training.run.PAUSE_PER_SAVE", 0.0)
    whole = new_run(short)
    train_run(whole, tmp_path / "whole", quiet)

    def crash(run: Run) -> None:
        if run.step == 7:
            raise RuntimeError("power failure")

    with pytest.raises(RuntimeError):
        train_run(new_run(short), tmp_path / "crashed", crash)
    second = load_run(tmp_path / "crashed")
    assert second.step == 6
    train_run(second, tmp_path / "crashed", quiet)
    assert second.losses == whole.losses
    assert (tmp_path / "crashed" / "checkpoint.json").read_bytes() == (
        tmp_path / "whole" / "checkpoint.json"
    ).read_bytes()


def test_measuring_and_estimating_change_nothing(short: NgramRecipe) -> None:
    plain, watched = new_run(short), new_run(short)
    for _ in range(3):
        plain.advance()
        watched.advance()
        watched.measure()
        assert watched.seconds_left() > 0
    assert watched.step == 3
    assert plain.losses == watched.losses
    for left, right in zip(plain.model.state_dict().values(), watched.model.state_dict().values()):
        assert torch.equal(left, right)


def test_a_list_that_changed_or_moved_is_noticed_by_its_names_alone(short: NgramRecipe, tmp_path: Path) -> None:
    new_run(short).save(tmp_path / "run")
    moved = tmp_path / "moved.csv"
    moved.write_bytes(Path(short.names_file).read_bytes())
    new_run(replace(short, names_file=str(moved))).go_on_from(tmp_path / "run")
    moved.write_text(moved.read_text().replace("ama", "amm"))
    with pytest.raises(ValueError, match="its data have changed"):
        new_run(replace(short, names_file=str(moved))).go_on_from(tmp_path / "run")


def test_another_recipe_is_refused_with_each_difference(short: NgramRecipe, tmp_path: Path) -> None:
    new_run(short).save(tmp_path / "run")
    other = new_run(replace(short, seed=1, hidden_dim=9))
    with pytest.raises(ValueError, match=r"seed is 0 there, 1 here; hidden_dim is 8 there, 9 here"):
        other.go_on_from(tmp_path / "run")


def test_a_run_of_another_kind_is_refused_in_a_short_sentence(short: NgramRecipe, tmp_path: Path) -> None:
    new_run(iris_net()).save(tmp_path / "flowers")
    with pytest.raises(ValueError, match=r"holds a run of iris, not of .*: give another --run-dir$") as refusal:
        new_run(short).go_on_from(tmp_path / "flowers")
    assert len(str(refusal.value)) < len(str(tmp_path)) + 100


def test_a_checkpoint_that_is_no_run_is_named(short: NgramRecipe, tmp_path: Path) -> None:
    save_checkpoint(tmp_path / "other", tensors={}, facts={"step": 1})
    with pytest.raises(ValueError, match="not of a training run"):
        load_run(tmp_path / "other")
    new_run(short).save(tmp_path / "run")
    tensors, facts = load_checkpoint(tmp_path / "run")
    save_checkpoint(tmp_path / "run", tensors=tensors, facts={**facts, "recipe": {"colour": "red"}})
    with pytest.raises(ValueError, match="recipe has no"):
        load_run(tmp_path / "run")


def test_a_second_ctrl_c_interrupts_at_once() -> None:
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a process in the background ignores it
    with stop_on_interrupt() as stop:
        signal.raise_signal(signal.SIGINT)
        assert stop.is_set()
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


@pytest.mark.skipif(not hasattr(signal, "SIGHUP"), reason="this system has no SIGHUP")
def test_a_window_that_is_closed_saves_as_ctrl_c_does_and_nohup_goes_on(
    short: NgramRecipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def close_the_window(run: Run) -> None:
        if run.step == 5:
            signal.raise_signal(signal.SIGHUP)

    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)  # tests that nohup started have it ignored
    try:
        train_run(new_run(short), tmp_path / "closed", close_the_window)
        assert load_run(tmp_path / "closed").step == 5
        signal.signal(signal.SIGHUP, signal.SIG_IGN)  # as nohup does
        run = new_run(short)
        train_run(run, tmp_path / "nohup", close_the_window)
        assert run.is_finished
    finally:
        signal.signal(signal.SIGHUP, before)


def test_what_was_learned_is_saved_where_nothing_can_be_shown_any_more(short: NgramRecipe, tmp_path: Path) -> None:
    def show(run: Run) -> None:
        if run.step == 5:
            raise OSError(5, "Input/output error")  # its terminal is gone

    with pytest.raises(OSError, match="Input/output error"):
        train_run(new_run(short), tmp_path / "run", show)
    assert load_run(tmp_path / "run").step == 5
