"""The engine: one step of whatever is trained, whatever it is cut into."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from runs import finished, new_run
from torch import nn

from gptbook.experiments.small_task import SMALL_SETTINGS, SmallNames
from gptbook.machine.team import Team
from gptbook.tasks.open_run import task_for
from gptbook.tasks.recipe_words import iris_net
from gptbook.tasks.recipes import ClubsRecipe, GPTRecipe, NgramRecipe
from gptbook.training.checkpoint import load_checkpoint
from gptbook.training.engine import Run, rows_for_each
from gptbook.training.seeds import seeded

CLUBS = ClubsRecipe(name="clubs", num_sentences=60, model_dim=8, batch_size=8, num_steps=4, warmup_steps=2)
SMALL = {**SMALL_SETTINGS, "num_steps": 6, "warmup_steps": 2, "one_in": 64, "part_size": 8, "dropout": 0.0}


@pytest.mark.parametrize("kind", ["net", "gpt", "clubs", "iris"])
def test_a_step_is_the_one_that_is_written_out_here(kind: str, short: NgramRecipe, tiny: GPTRecipe) -> None:
    recipe = {
        "net": replace(short, dropout=0.2),
        "gpt": tiny,
        "clubs": CLUBS,
        "iris": replace(iris_net(), num_steps=5),
    }[kind]
    run = finished(new_run(recipe))
    task = task_for(recipe)
    optimizer, losses = task.new_optimizer(), []
    for step in range(recipe.num_steps):
        task.model.train()
        with seeded(recipe.seed * 1_000_003 + step):
            loss = task.loss(task.model, step, slice(0, 1))
        optimizer.zero_grad()
        loss.backward()
        for group in optimizer.param_groups:
            group["lr"] = group["rate"] * task.rate_scale(step)
        optimizer.step()
        losses.append(loss.item())
    assert run.losses == losses
    for left, right in zip(run.model.parameters(), task.model.parameters()):
        assert torch.equal(left, right)


def test_parts_add_up_to_the_step_of_the_whole_batch() -> None:
    whole = finished(Run(SmallNames(SMALL), rows_at_once=16))
    parts = finished(Run(SmallNames(SMALL), rows_at_once=4))
    assert (whole.num_parts, parts.num_parts) == (1, 4)
    # names differ in length: the mean of parts weighs positions otherwise than the whole does
    assert parts.losses == pytest.approx(whole.losses, abs=0.05)


def test_a_gradient_is_cut_to_the_length_that_is_allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    run = Run(SmallNames({**SMALL, "max_gradient_norm": 0.01}))
    move, lengths = run.optimizer.step, []

    def measured() -> None:
        lengths.append(nn.utils.get_total_norm([p.grad for p in run.model.parameters() if p.grad is not None]).item())
        move()

    monkeypatch.setattr(run.optimizer, "step", measured)
    finished(run)
    assert max(lengths) <= 0.0101


def test_each_process_of_a_team_draws_its_own_and_one_alone_as_ever(short: NgramRecipe) -> None:
    run = new_run(replace(short, seed=3))
    assert run.seed == 3 * 1_000_003
    run.team = Team(rank=1, size=2)
    assert run.seed != 3 * 1_000_003
    assert run.seed < 2**63, "what PyTorch takes for a seed"


def test_measurements_come_at_their_steps_and_move_nothing(tiny: GPTRecipe) -> None:
    run, silent = new_run(replace(tiny, num_steps=8)), new_run(replace(tiny, num_steps=8))
    run.task.evaluate_every, silent.task.evaluate_every = 3, 0
    finished(run)
    finished(silent)
    assert [each["step"] for each in run.evaluations] == [3, 6, 8]
    assert run.evaluations[-1]["held_out_loss"] == run.evaluate()
    assert run.losses == silent.losses


def test_a_training_that_fails_is_noticed_whatever_is_trained(short: NgramRecipe) -> None:
    run = new_run(short)
    with torch.no_grad():
        next(run.model.parameters()).fill_(torch.nan)
    with pytest.raises(ValueError, match=r"step 1: the loss is nan; the last good checkpoint is kept"):
        run.training_step()


def test_what_is_saved_says_on_what_machine_it_was_trained(short: NgramRecipe, tmp_path: Path) -> None:
    run = new_run(short)
    run.training_step()
    run.save(tmp_path / "run")
    _, facts = load_checkpoint(tmp_path / "run")
    assert facts["machine"] == {"name": run.machine.name, "precision": "float32", "processes": 1, "rows_at_once": 1}
    assert {path.name for path in (tmp_path / "run").iterdir()} >= {"checkpoint.json", "curve.csv", "receipt.json"}


def test_only_the_leader_of_a_team_saves(short: NgramRecipe, tmp_path: Path) -> None:
    run = new_run(short)
    run.team = Team(rank=1, size=2)
    run.save(tmp_path / "run")
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("num_rows", "size", "at_once", "share"), [(8, 1, 0, 8), (8, 2, 0, 4), (8, 2, 2, 4), (1, 1, 1, 1)]
)
def test_each_process_takes_its_share(num_rows: int, size: int, at_once: int, share: int) -> None:
    assert rows_for_each(num_rows, size, at_once) == share


@pytest.mark.parametrize(
    ("num_rows", "size", "at_once", "problem"),
    [
        (8, 3, 0, "a batch of 8 rows cannot be shared evenly by 3 processes"),
        (8, 1, 3, "--rows-at-once is 3, and 8 rows for each process cannot be cut into parts of 3"),
        (8, 2, -1, "--rows-at-once is -1"),
        (1, 2, 0, "this recipe is for one process: start it without torchrun"),
    ],
)
def test_a_batch_that_cannot_be_shared_out_is_refused(num_rows: int, size: int, at_once: int, problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        rows_for_each(num_rows, size, at_once)
