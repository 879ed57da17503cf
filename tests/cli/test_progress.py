"""What is shown while a run trains."""

import io
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from runs import new_run

from gptbook.cli.progress import train_with_bar
from gptbook.tasks.recipes import NgramRecipe
from gptbook.training.engine import Run


class Terminal(io.StringIO):
    """A screen: the bar is drawn there only."""

    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def no_rehearsal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gptbook.cli.progress.seconds_left", lambda run: 20.0)


def drawn(run: Run, run_dir: Path, patch: pytest.MonkeyPatch, after_step: Callable[[Run], None] | None = None) -> str:
    """Train; what was drawn on the screen."""
    screen = Terminal()
    patch.setattr(sys, "stderr", screen)
    train_with_bar(run, run_dir, after_step)
    return screen.getvalue()


def test_the_bar_shows_loss_speed_and_time_left(
    short: NgramRecipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = new_run(short)
    screen = drawn(run, tmp_path / "run", monkeypatch)
    last = screen.split("\r")[-1]
    assert "30/30" in last
    assert f"loss {run.losses[-1]:.3f}" in last
    assert "steps/s" in last
    assert "<00:00" in last
    assert "tokens/s" not in screen


def test_with_the_tokens_of_a_step_the_bar_shows_how_many_it_learns_from(
    short: NgramRecipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seconds = iter(range(0, 1000, 2))
    monkeypatch.setattr("gptbook.cli.progress.time.monotonic", lambda: float(next(seconds)))
    monkeypatch.setattr("gptbook.cli.progress.train_run", few_steps)
    run = new_run(short)
    run.task.tokens_per_step = 6_000
    screen = drawn(run, tmp_path / "run", monkeypatch)
    assert "loss 0.500, 3,000 tokens/s" in screen.split("\r")[-1]


def few_steps(run: Run, run_dir: Path, after_step: Callable[[Run], None]) -> None:
    """25 steps that take no time."""
    for _ in range(25):
        run.step += 1
        run.losses.append(0.5)
        after_step(run)


def test_each_step_is_handed_on(short: NgramRecipe, tmp_path: Path) -> None:
    seen: list[int] = []
    train_with_bar(new_run(short), tmp_path / "run", after_step=lambda run: seen.append(run.step))
    assert seen == list(range(1, 31))


def test_before_the_first_step_it_says_what_will_be_done_and_where(
    short: NgramRecipe, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = new_run(short)
    run.training_step()
    train_with_bar(run, tmp_path / "run")
    said = capsys.readouterr().out
    assert said.startswith("towns: ")
    assert f"  parameters  {run.num_parameters:,}\n" in said
    assert "  steps       30, of which 1 are done: about 20 seconds on this machine\n" in said
    assert f"  saved in    {tmp_path}/run (Ctrl-C saves and stops)\n" in said
    assert (tmp_path / "run" / "checkpoint.json").is_file()


def test_a_run_on_names_shows_its_held_out_loss_as_it_goes_and_moves_nothing_by_it(
    short: NgramRecipe, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shown, silent = new_run(short), new_run(short)
    train_with_bar(shown, tmp_path / "shown")
    lines = [line for line in capsys.readouterr().out.splitlines() if "held-out loss" in line]
    assert [int(line.split()[1]) for line in lines] == list(range(3, 31, 3))
    silent.task.evaluate_every = 0
    train_with_bar(silent, tmp_path / "silent")
    assert "held-out loss" not in capsys.readouterr().out
    assert shown.losses == silent.losses
    for left, right in zip(shown.model.state_dict().values(), silent.model.state_dict().values()):
        assert torch.equal(left, right)


def test_the_held_out_loss_is_shown_on_a_screen_too(
    short: NgramRecipe, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    screen = drawn(new_run(short), tmp_path / "run", monkeypatch)
    assert "30/30" in screen
    assert "held-out loss" in capsys.readouterr().out


def test_without_a_screen_there_is_a_line_each_minute(
    short: NgramRecipe, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    seconds = iter(range(0, 10_000, 7))
    monkeypatch.setattr("gptbook.cli.progress.time.monotonic", lambda: float(next(seconds)))
    monkeypatch.setattr("gptbook.cli.progress.train_run", few_steps)
    train_with_bar(new_run(short), tmp_path / "run")
    lines = [line for line in capsys.readouterr().out.splitlines() if line.startswith("  step ")]
    assert 1 < len(lines) < 10
    assert all("of 30: loss 0.500" in line for line in lines)


def test_a_log_that_cannot_be_written_ends_no_training(
    short: NgramRecipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(line: str) -> None:
        raise BrokenPipeError

    monkeypatch.setattr("gptbook.cli.progress.tqdm.write", broken)
    run = new_run(short)
    train_with_bar(run, tmp_path / "run")
    assert run.is_finished


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0.1, ": a second or two on"),
        (20, ": about 20 seconds on"),
        (150, ": about 2 minutes on"),
        (-1, "steps       30\n"),
    ],
)
def test_how_long_it_takes_is_said_as_one_says_it(
    seconds: float,
    said: str,
    short: NgramRecipe,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("gptbook.cli.progress.seconds_left", lambda run: seconds)
    train_with_bar(new_run(short), tmp_path / "run")
    assert said in capsys.readouterr().out
