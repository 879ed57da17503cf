"""A team of processes: two that share a batch do what one does, and one goes on alone."""

import json
import subprocess
import sys
from dataclasses import asdict, replace
from pathlib import Path

import pytest
import torch

from gptbook.checkpoint import load_checkpoint
from gptbook.corpus import write_corpus
from gptbook.distributed import Team, team_here, together
from gptbook.machine import Machine
from gptbook.text_recipes import TextRecipe
from gptbook.text_run import TextRun
from gptbook.tokenizer import CharacterTokenizer
from gptbook.train import seeded

EXACT = Machine(device="cpu", precision="float32", name="", memory_bytes=2**33, num_threads=1)
TRAINS = """
import json, sys
from pathlib import Path
from gptbook.distributed import team_here, together
from gptbook.machine import Machine
from gptbook.text_recipes import TextRecipe
from gptbook.text_run import TextRun

recipe, run_dir, team = TextRecipe(**json.loads(sys.argv[1])), Path(sys.argv[2]), team_here()
machine = Machine(device="cpu", precision="float32", name="", memory_bytes=2**33, num_threads=1)
with together(team):
    run = TextRun(recipe, machine=machine, team=team, rows_at_once=2)
    while run.step < int(sys.argv[3]):
        run.advance()
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


def trained_by_two(recipe: TextRecipe, folder: Path, num_steps: int) -> None:
    script = folder.parent / "train.py"
    script.write_text(TRAINS)
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    command = [*torchrun, str(script), json.dumps(asdict(recipe)), str(folder), str(num_steps)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]


def test_two_processes_equal_one_with_twice_the_parts_and_one_goes_on_alone(recipe: TextRecipe, tmp_path: Path) -> None:
    trained_by_two(recipe, tmp_path / "two", num_steps=4)
    tensors, facts = load_checkpoint(tmp_path / "two")
    assert facts["machine"]["processes"] == 2
    alone = TextRun(recipe, machine=EXACT, rows_at_once=2)
    assert alone.num_parts == 4  # two parts for each of two processes
    for _ in range(4):
        alone.advance()
    assert facts["losses"] == pytest.approx(alone.losses, abs=1e-6)
    assert facts["evaluations"][0]["held_out_loss"] == pytest.approx(alone.held_out_loss(), abs=1e-6)
    for name, tensor in alone.model.state_dict().items():
        torch.testing.assert_close(tensors[f"model.{name}"], tensor, rtol=0, atol=1e-6)

    after = TextRun(recipe, machine=EXACT, rows_at_once=2)
    after.go_on_from(tmp_path / "two")
    assert after.step == 4
    for run in (after, alone):
        while not run.is_finished:
            run.advance()
    assert after.losses == pytest.approx(alone.losses, abs=1e-5)


def test_without_torchrun_a_process_is_a_team_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RANK", raising=False)
    team = team_here()
    assert (team.rank, team.size, team.leads) == (0, 1, True)
    with together(team):
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
        TextRun(replace(recipe, batch_size=7), machine=EXACT, team=Team(size=2))
