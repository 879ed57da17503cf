"""The best weights are kept beside the last, whatever stops a run, and a run stops where they are long ago."""

import json
import os
import random
import shutil
import signal
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path

import pytest
import torch
from command_line import content, same_but_receipt
from forked import ended_well, run_as_team
from runs import new_run, quiet

from gptbook.data.corpus import write_corpus
from gptbook.data.tokenizer import CharacterTokenizer
from gptbook.tasks.open_run import open_best, open_run, task_for
from gptbook.tasks.recipes import NgramRecipe, TextRecipe
from gptbook.tasks.text import TextTask
from gptbook.training.checkpoint import load_checkpoint, save_checkpoint
from gptbook.training.curve import CURVE_FILE, lowest
from gptbook.training.early_stopping import EarlyStoppingRun, with_best
from gptbook.training.engine import Run
from gptbook.training.session import train_run

BEST = 9  # of steps 3, 6, 9, ... at which the runs here are measured


class Overfitting(EarlyStoppingRun):
    """Its held-out loss falls until step 9, and rises from then on."""

    def evaluate(self) -> float:
        return 1.0 + abs(self.step - BEST)


def overfitting(recipe: NgramRecipe, patience: int = 0, run_dir: Path | None = None) -> Overfitting:
    """A run at its beginning, or where a folder has it."""
    run = Overfitting(task_for(recipe))
    run.patience = patience
    if run_dir is not None:
        run.resume(open_run(run_dir))
    return run


def trained(run: Run, run_dir: Path) -> Path:
    """The folder of a run that was trained to its end."""
    train_run(run, run_dir, quiet)
    return run_dir


@pytest.mark.parametrize(("patience", "last"), [(1, 12), (3, 18), (7, 30), (8, 30), (0, 30)])
def test_a_run_ends_after_so_many_measurements_without_a_new_best(
    patience: int, last: int, short: NgramRecipe, tmp_path: Path
) -> None:
    run = overfitting(short, patience)
    trained(run, tmp_path / "run")
    assert (run.step, run.best_step) == (last, BEST)
    assert run.is_stopped_early == (0 < patience <= 7)


def test_the_best_weights_are_those_of_the_step_where_the_loss_was_lowest(short: NgramRecipe, tmp_path: Path) -> None:
    plain = new_run(short)
    for _ in range(BEST):
        plain.training_step()
    run_dir = trained(overfitting(short, 3), tmp_path / "run")
    best, last = open_best(run_dir), open_run(run_dir)
    for name, tensor in plain.model.state_dict().items():
        assert torch.equal(best.tensors[f"model.{name}"], tensor)
    assert any(not torch.equal(tensor, last.tensors[name]) for name, tensor in best.tensors.items())
    assert (best.facts["step"], len(best.facts["losses"]), last.facts["step"]) == (BEST, BEST, 18)
    assert [each["step"] for each in best.facts["evaluations"]] == [3, 6, 9]


def test_while_the_last_weights_are_the_best_there_is_one_file(short: NgramRecipe, tmp_path: Path) -> None:
    run_dir = trained(overfitting(replace(short, num_steps=BEST)), tmp_path / "run")
    assert len(list(run_dir.glob("weights-*"))) == 1
    assert "best" not in open_run(run_dir).facts
    assert with_best(open_run(run_dir)).facts["step"] == BEST


def test_the_report_is_of_the_best_weights_and_measures_nothing_anew(short: NgramRecipe, tmp_path: Path) -> None:
    run = overfitting(short, 3)
    trained(run, tmp_path / "run")
    run.take_best()
    (held_out, *_) = run.report()
    assert "held-out loss  1.000" in held_out
    best = open_best(tmp_path / "run").tensors
    assert all(torch.equal(best[f"model.{name}"], tensor) for name, tensor in run.model.state_dict().items())


@pytest.mark.parametrize("stop", [1, 8, 9, 10, 12, 17])
def test_a_run_that_was_stopped_ends_in_the_same_bits_best_and_last(
    stop: int, short: NgramRecipe, tmp_path: Path
) -> None:
    whole = trained(overfitting(short, 3), tmp_path / "whole")

    def press_ctrl_c(run: Run) -> None:
        if run.step == stop:
            signal.raise_signal(signal.SIGINT)

    train_run(overfitting(short, 3), tmp_path / "stopped", press_ctrl_c)
    assert open_run(tmp_path / "stopped").facts["step"] == stop
    stopped = trained(overfitting(short, 3, tmp_path / "stopped"), tmp_path / "stopped")
    assert same_but_receipt(whole, stopped)


def test_with_more_patience_it_goes_on_as_if_it_had_never_ended(short: NgramRecipe, tmp_path: Path) -> None:
    whole = trained(overfitting(short), tmp_path / "whole")
    ended = trained(overfitting(short, 1), tmp_path / "ended")
    assert overfitting(short, 1, ended).is_finished
    assert not overfitting(short, 3, ended).is_finished
    assert same_but_receipt(whole, trained(overfitting(short, 0, ended), ended))


def die_at_a_file(number: int, is_moved: bool) -> None:
    """From now on this process is killed when it moves its so many-th file into place: before that, or after it."""
    really_replace, left = Path.replace, [number]

    def replace_or_die(path: Path, target: Path) -> Path:
        left[0] -= 1
        if left[0] == 0 and not is_moved:
            os.kill(os.getpid(), signal.SIGKILL)
        moved = really_replace(path, target)
        if left[0] == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return moved

    Path.replace = replace_or_die  # type: ignore[method-assign]


def test_killed_between_any_two_files_of_a_save_best_and_last_still_belong_together(
    short: NgramRecipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gptbook.training.session.SAVE_EVERY_SECONDS", -1.0)  # after each step
    monkeypatch.setattr("gptbook.training.session.PAUSE_PER_SAVE", 0.0)
    recipe = replace(short, num_steps=15)
    whole = trained(overfitting(recipe), tmp_path / "whole")
    run_dir, draw, kills = tmp_path / "killed", random.Random(0), 0
    while True:
        number, is_moved, goes_on = draw.randrange(6, 30), draw.random() < 0.5, run_dir.exists()
        child = os.fork()
        if child == 0:
            code = 1
            try:
                die_at_a_file(number, is_moved)
                trained(overfitting(recipe, 0, run_dir if goes_on else None), run_dir)
                code = 0
            finally:
                os._exit(code)
        if ended_well(child):
            break
        kills += 1
        saved, best = open_run(run_dir), open_best(run_dir)
        assert best.facts["step"] == (lowest(saved.facts["evaluations"])["step"] or saved.facts["step"])
    assert kills >= 3
    assert same_but_receipt(whole, run_dir)


def test_a_damaged_or_missing_best_is_refused_and_the_last_is_still_there(short: NgramRecipe, tmp_path: Path) -> None:
    run_dir = trained(overfitting(short, 3), tmp_path / "run")
    path = run_dir / open_run(run_dir).facts["best"]["weights"]
    whole = path.read_bytes()
    path.write_bytes(whole[:-1] + b"!")
    with pytest.raises(ValueError, match="is cut short or was changed"):
        open_best(run_dir)
    path.unlink()
    with pytest.raises(ValueError, match="is missing: copy the run folder again, or take the last weights"):
        open_best(run_dir)
    assert open_run(run_dir).facts["step"] == 18


@pytest.mark.parametrize(
    "change", [{"step": 6}, {"step": 10}, {"weights": "weights-000000000000.safetensors"}, {"weights": "../other"}]
)
def test_what_a_checkpoint_says_of_its_best_is_checked(
    change: dict[str, object], short: NgramRecipe, tmp_path: Path
) -> None:
    run_dir = trained(overfitting(short, 3), tmp_path / "run")
    tensors, facts = load_checkpoint(run_dir)
    save_checkpoint(run_dir, tensors=tensors, facts={**facts, "best": {**facts["best"], **change}})
    with pytest.raises(ValueError, match="cut short or was changed"):
        open_run(run_dir)


def test_a_run_from_before_goes_on_without_the_best_that_nobody_kept(short: NgramRecipe, tmp_path: Path) -> None:
    run = overfitting(short)
    while run.step < 13:
        run.training_step()
    run.best = None  # as it was
    run.save(tmp_path / "old")
    again = overfitting(short, 3, tmp_path / "old")
    assert again.best is None
    trained(again, tmp_path / "old")
    assert (again.step, again.best_step, again.is_best_kept) == (18, BEST, False)
    assert open_best(tmp_path / "old").facts["step"] == 18


def test_a_full_disk_leaves_the_best_and_the_last_of_before(
    short: NgramRecipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = overfitting(short)
    while run.step < 11:
        run.training_step()
    run.save(tmp_path / "run")
    before = content(tmp_path / "run")

    def full(path: Path, what: bytes) -> None:
        raise OSError(28, "No space left on device")

    run.training_step()
    run.best = run.weights_now()  # another best, never written
    run.training_step()
    monkeypatch.setattr("gptbook.training.early_stopping.write_whole", full)
    with pytest.raises(OSError, match="what was saved before is intact"):
        run.save(tmp_path / "run")
    assert content(tmp_path / "run") == before


def test_the_curve_says_where_it_was_best(short: NgramRecipe, tmp_path: Path) -> None:
    run_dir = trained(overfitting(short, 3), tmp_path / "run")
    rows = [line.split(",") for line in (run_dir / CURVE_FILE).read_text().splitlines()]
    assert [row[0] for row in rows if row[-1] == "1"] == [str(BEST)]


TEAM = """
import json, sys
from pathlib import Path
from gptbook.machine.device import Machine
from gptbook.machine.team import team_here, together
from gptbook.tasks.recipes import TextRecipe
from gptbook.tasks.text import TextTask
from gptbook.training.early_stopping import EarlyStoppingRun
from gptbook.training.session import train_run

recipe, folder, team = TextRecipe(**json.loads(sys.argv[1])), Path(sys.argv[2]), team_here()
machine = Machine(device="cpu", precision="float32", name="", memory_bytes=2**33, num_threads=1)

class Overfitting(EarlyStoppingRun):
    def evaluate(self):
        return super().evaluate() + 10 * abs(self.step - 4)  # the team measures, and is best after step 4

with together(team, lambda: None):
    run = Overfitting(TextTask(recipe), machine, team, rows_at_once=2)
    run.patience = 2
    train_run(run, folder / "run", lambda run: None)
    run.take_best()
    (folder / f"{team.size}-{team.rank}.txt").write_text(f"{run.step} {run.best_step} {len(list(run.report()))}")
"""


def squares(folder: Path) -> TextRecipe:
    """A tiny GPT for a text of squares, which is prepared in that folder."""
    letters = CharacterTokenizer("abcdefgh")
    text = [1 + n * n % 8 for n in range(400)]
    corpus = write_corpus(
        folder / "text", letters, [text[:376]], [text[376:]], {"name": "squares", "bytes_per_token": 1.0}
    )
    return TextRecipe(
        name="laptop",
        data=str(corpus.folder),
        num_steps=20,
        num_layers=1,
        num_heads=2,
        model_dim=8,
        mlp_dim=16,
        context_length=16,  # one window is held out: the second process has none
        batch_size=4,
        learning_rate=0.01,
        other_rate=0.01,
        warmup_steps=1,
        evaluate_every=2,
    )


def test_all_of_a_team_end_at_one_step_and_keep_what_one_process_keeps(tmp_path: Path) -> None:
    recipe = squares(tmp_path)
    folders = []
    for size in (1, 2):
        run_as_team(TEAM, json.dumps(asdict(recipe)), str(tmp_path), size=size)
        folders.append(shutil.move(tmp_path / "run", tmp_path / f"run of {size}"))
    said = {path.read_text() for path in tmp_path.glob("*-*.txt")}
    assert said == {"8 4 2"}, "after step 4 come two measurements that are worse"
    alone, together = (open_best(Path(folder)) for folder in folders)
    assert alone.facts["step"] == together.facts["step"] == 4
    for name, tensor in alone.tensors.items():
        torch.testing.assert_close(together.tensors[name], tensor)


def test_a_model_that_pytorch_compiled_learns_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # PyTorch's own wrapper, which answers bool() with an error, without a C++ compiler
    monkeypatch.setattr(torch, "compile", partial(torch.compile, backend="eager"))
    recipe = replace(squares(tmp_path), num_steps=3)
    plain, compiled = (EarlyStoppingRun(TextTask(recipe), compiles=compiles) for compiles in (False, True))
    for run in (plain, compiled):
        while not run.is_finished:
            run.training_step()
    assert isinstance(compiled.wrapped, torch.nn.Sequential)
    assert compiled.note == ""
    assert compiled.losses == pytest.approx(plain.losses)
