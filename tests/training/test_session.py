"""Runs: what a step depends on, stopping and going on, and what a run folder may hold."""

import signal
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from command_line import content
from runs import go_on, load_run, new_run, quiet

from gptbook.tasks.recipe_words import iris_net
from gptbook.tasks.recipes import ClubsRecipe, GPTRecipe, NgramRecipe
from gptbook.training.checkpoint import load_checkpoint, save_checkpoint
from gptbook.training.engine import Run
from gptbook.training.rehearsal import seconds_left
from gptbook.training.session import stop_on_interrupt, train_run


@pytest.fixture
def short(short: NgramRecipe) -> NgramRecipe:
    """With dropout, so that a step depends on chance."""
    return replace(short, dropout=0.2)


CLUBS = ClubsRecipe(name="clubs", num_sentences=60, model_dim=8, batch_size=8, num_steps=6, warmup_steps=2)


@pytest.mark.parametrize("kind", ["net", "gpt", "clubs", "iris"])
def test_a_run_that_was_stopped_ends_in_the_same_bits(
    kind: str, short: NgramRecipe, tiny: GPTRecipe, tmp_path: Path
) -> None:
    recipe = {"net": short, "gpt": tiny, "clubs": CLUBS, "iris": replace(iris_net(), num_steps=6)}[kind]
    middle = recipe.num_steps // 2
    whole = new_run(recipe)
    train_run(whole, tmp_path / "whole", quiet)

    def press_ctrl_c(run: Run) -> None:
        if run.step == middle:
            signal.raise_signal(signal.SIGINT)

    first = new_run(recipe)
    train_run(first, tmp_path / "stopped", press_ctrl_c)
    assert first.step == middle
    assert not first.is_finished
    second = load_run(tmp_path / "stopped")
    train_run(second, tmp_path / "stopped", quiet)
    assert second.is_finished
    assert second.losses == whole.losses
    assert second.evaluations == whole.evaluations
    left, right = (content(tmp_path / name) for name in ("whole", "stopped"))
    assert left.pop("receipt.json") != right.pop("receipt.json"), "where the time went is another matter"
    assert left == right


def test_a_run_that_crashed_goes_on_from_its_last_save(
    short: NgramRecipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gptbook.training.session.SAVE_EVERY_SECONDS", -1.0)
    monkeypatch.setattr("gptbook.training.session.PAUSE_PER_SAVE", 0.0)
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
        plain.training_step()
        watched.training_step()
        list(watched.report())
        assert seconds_left(watched) > 0
    assert watched.step == 3
    assert plain.losses == watched.losses
    for left, right in zip(plain.model.state_dict().values(), watched.model.state_dict().values()):
        assert torch.equal(left, right)


def test_a_list_that_changed_or_moved_is_noticed_by_its_names_alone(short: NgramRecipe, tmp_path: Path) -> None:
    new_run(short).save(tmp_path / "run")
    moved = tmp_path / "moved.csv"
    moved.write_bytes(Path(short.names_file).read_bytes())
    go_on(new_run(replace(short, names_file=str(moved))), tmp_path / "run")
    moved.write_text(moved.read_text().replace("ama", "amm"))
    with pytest.raises(ValueError, match="its data have changed"):
        go_on(new_run(replace(short, names_file=str(moved))), tmp_path / "run")


def test_another_recipe_is_refused_with_each_difference(short: NgramRecipe, tmp_path: Path) -> None:
    new_run(short).save(tmp_path / "run")
    other = new_run(replace(short, seed=1, hidden_dim=9))
    with pytest.raises(ValueError, match=r"seed is 0 there, 1 here; hidden_dim is 8 there, 9 here"):
        go_on(other, tmp_path / "run")


def test_a_run_of_another_kind_is_refused_in_a_short_sentence(short: NgramRecipe, tmp_path: Path) -> None:
    new_run(iris_net()).save(tmp_path / "flowers")
    with pytest.raises(ValueError, match=r"holds a run of iris, not of .*: give another --run-dir$") as refusal:
        go_on(new_run(short), tmp_path / "flowers")
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
