"""A team of processes: two that share a batch do what one does, and one goes on alone."""

import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, replace
from pathlib import Path

import pytest
import torch
import torch.distributed as dist
from forked import run_as_team
from runs import go_on, text_run
from torch import nn

from gptbook.cli.parser import main
from gptbook.data.corpus import write_corpus
from gptbook.data.tokenizer import CharacterTokenizer
from gptbook.machine.device import Machine
from gptbook.machine.team import Team, in_turn, team_here, together
from gptbook.tasks import recipe_words
from gptbook.tasks.recipes import TextRecipe
from gptbook.tasks.text import TextTask
from gptbook.training.checkpoint import load_checkpoint
from gptbook.training.seeds import seeded

EXACT = Machine(device="cpu", precision="float32", name="", memory_bytes=2**33, num_threads=1)
TRAINS = """
import json, sys
from pathlib import Path
from gptbook.machine.team import team_here, together
from gptbook.machine.device import Machine
from gptbook.tasks.recipes import TextRecipe
from gptbook.tasks.text import TextTask
from gptbook.training.engine import Run

recipe, run_dir, team = TextRecipe(**json.loads(sys.argv[1])), Path(sys.argv[2]), team_here()
machine = Machine(device="cpu", precision="float32", name="", memory_bytes=2**33, num_threads=1)
with together(team, lambda: None):
    run = Run(TextTask(recipe), machine, team, rows_at_once=2)
    while run.step < int(sys.argv[3]):
        run.training_step()
    run.save(run_dir)
    assert team.any(team.leads) and not team.any(False) and team.mean(team.rank) == 0.5
"""


@pytest.fixture
def recipe(tmp_path: Path) -> TextRecipe:
    letters = CharacterTokenizer("abcdefghij")
    with seeded(0):
        text = torch.randint(1, 11, (2000,)).cumsum(0) % 10 + 1
    facts = {"name": "letters", "bytes_per_token": 1.0}
    corpus = write_corpus(tmp_path / "text", letters, [text[:1500].tolist()], [text[1500:].tolist()], facts)
    return TextRecipe(
        name="laptop",
        data=str(corpus.folder),
        num_steps=8,
        num_layers=2,
        num_heads=2,
        model_dim=16,
        mlp_dim=32,
        context_length=16,
        batch_size=8,
        learning_rate=0.01,
        other_rate=0.003,
        warmup_steps=2,
        evaluate_every=4,
        num_windows=9,
    )


PREPARES = """
import os, sys
from datetime import timedelta
from pathlib import Path
import torch.distributed as dist
from gptbook.machine.team import in_turn, team_here, together

folder, team, patience = Path(sys.argv[1]), team_here(), timedelta(seconds=1)

def prepare():
    assert not dist.is_initialized()  # nobody waits in a collective
    for rank in range(team.size):  # who came before is done, and nobody is at it now
        assert (folder / f"done-{rank}").exists() == (rank < team.rank)
    with (folder / "text.part").open("x") as growing:
        growing.write("a text")
    if team.leads:  # longer than anybody may wait in a collective, by the clock of one who waits so
        alone = dist.TCPStore("localhost", 0, 1, True, timeout=patience)
        try:
            alone.wait(["what nobody sends"], 2 * patience)
        except dist.DistStoreError:
            pass
    if team.rank == int(sys.argv[2]):
        raise ValueError("there is no text")
    (folder / "text.part").unlink()
    (folder / f"done-{team.rank}").touch()
    return team.rank

try:
    with together(team, prepare, patience) as prepared:
        assert prepared == team.rank
        assert team.total(1) == team.size
        (folder / f"together-{team.rank}").touch()
except ValueError as error:
    (folder / f"refused-{team.rank}").write_text(str(error))
"""


def trained_by_two(recipe: TextRecipe, folder: Path, num_steps: int) -> None:
    run_as_team(TRAINS, json.dumps(asdict(recipe)), str(folder), str(num_steps))


def test_a_preparation_may_take_longer_than_anybody_waits_in_a_collective(tmp_path: Path) -> None:
    run_as_team(PREPARES, str(tmp_path), "-1")
    assert len(list(tmp_path.glob("together-*"))) == 2


def test_where_one_cannot_prepare_nobody_waits_for_ever(tmp_path: Path) -> None:
    run_as_team(PREPARES, str(tmp_path), "0")
    assert (tmp_path / "refused-0").read_text() == "there is no text"
    assert "another process" in (tmp_path / "refused-1").read_text()


@pytest.mark.parametrize("local_sizes", [[1], [3], [1, 1], [2, 2], [1, 3, 2]])
def test_machines_that_may_share_a_disk_prepare_one_after_another(local_sizes: list[int]) -> None:
    """Each process is a thread here, and the machines are numbers."""
    store, size = dist.HashStore(), sum(local_sizes)
    places = [(sum(local_sizes[:machine]), local) for machine, n in enumerate(local_sizes) for local in range(n)]
    team = [Team(rank=first + local, local_rank=local, size=size) for first, local in places]
    at_work: list[int] = []
    order: list[int] = []

    def work(rank: int) -> int:
        at_work.append(rank)
        if team[rank].local_rank == 0:
            assert at_work == [rank]  # nobody beside it, on this machine or another
        order.append(rank)
        at_work.remove(rank)
        return rank

    with ThreadPoolExecutor(size) as threads:
        done = list(threads.map(lambda one: in_turn(one, store, lambda: work(one.rank)), reversed(team)))
    assert done == list(reversed(range(size)))
    leaders = [one.rank for one in team if one.local_rank == 0]
    assert [rank for rank in order if rank in leaders] == leaders
    for one in team:
        assert order.index(one.rank - one.local_rank) <= order.index(one.rank)


@pytest.mark.parametrize("size", [1, 2, 4, 8])
@pytest.mark.parametrize("num_windows", [1, 2, 3, 7, 9])
def test_the_held_out_loss_is_that_of_one_process_also_where_some_have_no_window(
    recipe: TextRecipe, num_windows: int, size: int
) -> None:
    recipe = replace(recipe, num_windows=num_windows)
    alone = text_run(recipe)
    shares = [alone.task.held_out_loss(1, rank, size) for rank in range(size)]
    assert sum(number for _, number in shares) == num_windows
    assert sum(total for total, _ in shares) / num_windows == pytest.approx(alone.evaluate(), abs=1e-6)


@pytest.mark.parametrize("size", [1, 2, 4, 8])
def test_each_window_of_a_step_is_learned_from_once_whoever_takes_it(recipe: TextRecipe, size: int) -> None:
    whole, _ = TextTask(recipe).batch(3, slice(None))
    for rows_at_once in (1, 2, 4, 8):
        if recipe.batch_size % (size * rows_at_once):
            continue
        seen = []
        for rank in range(size):
            run = text_run(recipe, team=Team(rank=rank, size=size), rows_at_once=rows_at_once)
            run.step, run.wrapped = 3, Remembering(run.model)
            for part in range(run.num_parts):
                run.forward_backward_part(part)
            seen += run.wrapped.rows
        assert sorted(seen) == sorted(whole.tolist())


class Remembering(nn.Module):
    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model, self.rows = model, list[list[int]]()

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        self.rows += tokens.tolist()
        return self.model(tokens)


# Read by Python when it starts: the recipe of `gptbook train laptop` with a small model.
SMALL_LAPTOP = """
from dataclasses import replace
from gptbook.tasks import recipe_words

whole = recipe_words.laptop
recipe_words.laptop = lambda: replace(whole(), num_layers=2, num_heads=2, model_dim=16, mlp_dim=32)
"""


def test_a_text_with_fewer_windows_than_processes_ends_as_with_one_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """2,000 letters hold one window to measure on; two processes, as README starts them, and this one alone."""
    (tmp_path / "start").mkdir()
    (tmp_path / "start" / "sitecustomize.py").write_text(SMALL_LAPTOP)
    path = os.pathsep.join([str(tmp_path / "start"), *filter(None, [os.environ.get("PYTHONPATH")])])
    text = "".join(f"{who} {what} {whom}\n" for who in "abcdefgh" for what in ("sees", "hears") for whom in "ijklmnop")
    (tmp_path / "own.txt").write_text((text * 3)[:2000])
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GPTBOOK_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(recipe_words, "laptop", recipe_words.laptop)  # and back, after what follows
    exec(SMALL_LAPTOP, {})
    words = ["train", "laptop", "--data", "own.txt", "--steps", "2", "--precision", "float32"]
    words += ["--rows-at-once", "4", "--run-dir"]
    assert main([*words, "one"]) == 0
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    command = [*torchrun, "-m", "gptbook", *words, "two"]
    done = subprocess.run(command, env={**os.environ, "PYTHONPATH": path}, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    found = []
    for name in ("one", "two"):
        saved = (tmp_path / name / "checkpoint.json").read_text()
        assert "NaN" not in saved
        found.append(json.loads(saved)["facts"])
    one, two = found
    assert one["recipe"]["model_dim"] == two["recipe"]["model_dim"] == 16
    assert (one["machine"]["processes"], two["machine"]["processes"]) == (1, 2)
    assert two["losses"] == pytest.approx(one["losses"], abs=1e-5)
    losses = [facts["evaluations"][-1]["held_out_loss"] for facts in found]
    assert losses[1] == pytest.approx(losses[0], abs=1e-5)


def test_two_processes_equal_one_with_twice_the_parts_and_one_goes_on_alone(recipe: TextRecipe, tmp_path: Path) -> None:
    trained_by_two(recipe, tmp_path / "two", num_steps=4)
    tensors, facts = load_checkpoint(tmp_path / "two")
    assert facts["machine"]["processes"] == 2
    alone = text_run(recipe, rows_at_once=2)
    assert alone.num_parts == 4  # two parts for each of two processes
    for _ in range(4):
        alone.training_step()
    # The sums come in another order: the last digits differ, and each processor has its own.
    assert facts["losses"] == pytest.approx(alone.losses, abs=1e-5)
    assert facts["evaluations"][0]["held_out_loss"] == pytest.approx(alone.evaluate(), abs=1e-5)
    for name, tensor in alone.model.state_dict().items():
        torch.testing.assert_close(tensors[f"model.{name}"], tensor, rtol=0, atol=1e-5)

    after = text_run(recipe, rows_at_once=2)
    go_on(after, tmp_path / "two")
    assert after.step == 4
    for run in (after, alone):
        while not run.is_finished:
            run.training_step()
    assert after.losses == pytest.approx(alone.losses, abs=1e-5)


def test_without_torchrun_a_process_is_a_team_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RANK", raising=False)
    team = team_here()
    assert (team.rank, team.size, team.leads) == (0, 1, True)
    with together(team, lambda: "a text") as prepared:
        assert prepared == "a text"
        assert team.mean(3.5) == 3.5
        assert team.any(True)
        assert not team.any(False)
    model = torch.nn.Linear(1, 1)
    assert team.shared(model, "cpu") is model


def test_torchrun_says_who_is_who(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"RANK": "5", "WORLD_SIZE": "8", "LOCAL_RANK": "1"}.items():
        monkeypatch.setenv(name, value)
    assert team_here() == Team(rank=5, size=8, local_rank=1)
    assert not team_here().leads


def test_what_torchrun_cannot_have_said_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"RANK": "first", "WORLD_SIZE": "8", "LOCAL_RANK": "1"}.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(ValueError, match="start with torchrun"):
        team_here()


def test_two_teams_of_one_do_not_share_a_batch(recipe: TextRecipe) -> None:
    with pytest.raises(ValueError, match="cannot be shared evenly by 2"):
        text_run(replace(recipe, batch_size=7), team=Team(size=2))
