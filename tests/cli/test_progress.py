"""What is shown while a run trains."""

import io
import math
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from gptbook.cli.progress import spoken_time, train_with_bar
from gptbook.tasks.catalogue import new_run
from gptbook.tasks.recipes import NgramRecipe
from gptbook.training.run import Run


class Terminal(io.StringIO):
    """A screen: the bar is drawn there only."""

    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def no_rehearsal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Run, "seconds_left", lambda run: 20.0)


def drawn(
    run: Run, run_dir: Path, patch: pytest.MonkeyPatch, after_step: Callable[[Run], None] | None = None, tokens: int = 0
) -> str:
    """Train; what was drawn on the screen."""
    screen = Terminal()
    patch.setattr(sys, "stderr", screen)
    train_with_bar(run, run_dir, tokens, after_step)
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
    monkeypatch.setattr("gptbook.cli.progress.held_out_loss_at", lambda run: None)
    screen = drawn(new_run(short), tmp_path / "run", monkeypatch, tokens=6_000)
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
    run.advance()
    train_with_bar(run, tmp_path / "run")
    said = capsys.readouterr().out
    assert said.startswith("towns: ")
    assert f"  parameters  {run.num_parameters:,}\n" in said
    assert "  steps       30, of which 1 are done: about 20 s on this machine\n" in said
    assert f"  saved in    {tmp_path}/run (Ctrl-C saves and stops)\n" in said
    assert (tmp_path / "run" / "checkpoint.json").is_file()


def test_a_time_that_is_not_known_is_not_said(
    short: NgramRecipe, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Run, "seconds_left", lambda run: -1.0)
    train_with_bar(new_run(short), tmp_path / "run")
    assert "  steps       30\n" in capsys.readouterr().out


def test_a_run_on_names_shows_its_held_out_loss_as_it_goes_and_moves_nothing_by_it(
    short: NgramRecipe, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    train_with_bar(new_run(short), tmp_path / "shown")
    lines = [line for line in capsys.readouterr().out.splitlines() if "held-out loss" in line]
    assert [int(line.split()[1]) for line in lines] == list(range(3, 30, 3))
    monkeypatch.setattr("gptbook.cli.progress.held_out_loss_at", lambda run: None)
    train_with_bar(new_run(short), tmp_path / "silent")
    assert "held-out loss" not in capsys.readouterr().out
    files = [{path.name: path.read_bytes() for path in (tmp_path / name).iterdir()} for name in ("shown", "silent")]
    assert files[0] == files[1]


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
    monkeypatch.setattr("gptbook.cli.progress.held_out_loss_at", lambda run: None)
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
        (0.1, "a second or two"),
        (20, "about 20 s"),
        (119, "about 119 s"),
        (150, "about 2 min"),
        (3 * 3600, "about 3 h"),
        (math.inf, "for ever"),
    ],
)
def test_times_are_said_as_one_says_them(seconds: float, said: str) -> None:
    assert spoken_time(seconds) == said
