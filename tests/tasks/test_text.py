"""A run on a text: what a step is, that no stop changes it, and that a team is one."""

import json
import math
import signal
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import torch
from apple_gpu import apple_gpu, no_float64
from forked import ended_well, start
from runs import EXACT, finished, go_on, text_run
from small import TINY
from torch import nn

from gptbook.data.corpus import Corpus, write_corpus
from gptbook.data.tokenizer import CharacterTokenizer
from gptbook.generation.sampling import continue_text
from gptbook.machine.ledger import PHASES, Ledger, read_sessions
from gptbook.machine.team import Team
from gptbook.models.gpt import GPT
from gptbook.models.modern import ModernGPT
from gptbook.models.sizes import training_memory
from gptbook.models.speedrun import SpeedrunGPT
from gptbook.tasks.names import gpt_config
from gptbook.tasks.open_run import load_text_model
from gptbook.tasks.recipes import TextRecipe
from gptbook.tasks.text import text_model, text_optimizer
from gptbook.training.checkpoint import load_checkpoint
from gptbook.training.curve import CURVE_FILE
from gptbook.training.engine import Run
from gptbook.training.loss import next_token_loss
from gptbook.training.optim import FusedMuonAdamW, MuonAdamW, WarmedMuonAdamW, muon_groups, warmup_then_decay
from gptbook.training.seeds import seeded
from gptbook.training.session import train_run


@pytest.fixture
def corpus(tmp_path: Path) -> Corpus:
    """A text with something to learn: the alphabet, again and again, with a slip now and then."""
    letters = CharacterTokenizer("abcdefghijklmnopqrst")
    with seeded(0):
        steps = 1 + (torch.rand(3000) < 0.1).long()
    text = (steps.cumsum(0) % 20 + 1).tolist()
    facts = {"name": "alphabet", "bytes_per_token": 1.0}
    return write_corpus(tmp_path / "text", letters, [text[:2500]], [text[2500:]], facts)


@pytest.fixture
def recipe(corpus: Corpus) -> TextRecipe:
    return TextRecipe(
        name="laptop",
        data=str(corpus.folder),
        num_steps=12,
        num_layers=1,
        num_heads=2,
        model_dim=16,
        mlp_dim=32,
        context_length=16,
        batch_size=8,
        learning_rate=0.02,
        other_rate=0.01,
        warmup_steps=3,
        evaluate_every=5,
        num_windows=10,
    )


def weights(run: Run) -> dict[str, torch.Tensor]:
    return {name: tensor.clone() for name, tensor in run.model.state_dict().items()}


def test_the_loss_before_the_first_step_is_that_of_a_uniform_guess(recipe: TextRecipe) -> None:
    run = text_run(recipe)
    assert run.training_step() == pytest.approx(math.log(21), abs=1e-5)


def test_a_step_is_the_one_that_is_written_out_here(recipe: TextRecipe, corpus: Corpus) -> None:
    run = finished(text_run(recipe, corpus))
    with seeded(recipe.seed):
        model = text_model(recipe, corpus.vocab_size)
    optimizer = MuonAdamW(muon_groups(model, recipe.learning_rate, recipe.other_rate))
    for step in range(recipe.num_steps):
        inputs, targets = corpus.batch(recipe.context_length, recipe.batch_size, step, recipe.seed)
        loss = next_token_loss(model(inputs), targets)
        assert run.losses[step] == pytest.approx(loss.item(), abs=1e-4)
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), recipe.max_gradient_norm)
        for group in optimizer.param_groups:
            group["lr"] = group["rate"] * warmup_then_decay(step, recipe.num_steps, recipe.warmup_steps)
        optimizer.step()
    for name, tensor in model.state_dict().items():
        torch.testing.assert_close(run.model.state_dict()[name], tensor, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("optimizer", ["muon", "adamw"])
@pytest.mark.parametrize("form", ["modern", "gpt-2"])
def test_an_apple_gpu_which_has_no_float64_can_train_and_measure(recipe: TextRecipe, form: str, optimizer: str) -> None:
    run = text_run(replace(recipe, form=form, optimizer=optimizer, num_steps=5))
    with no_float64():
        with pytest.raises(TypeError, match="float64"):
            torch.ones(1).double()
        finished(run)
    with apple_gpu() as device:
        measured = text_run(run.recipe, machine=replace(EXACT, device=device))
        measured.task.model = run.model.to(device)
        assert measured.evaluate() == pytest.approx(run.evaluations[-1]["held_out_loss"], abs=1e-4)


@pytest.mark.parametrize("form", ["modern", "speedrun", "gpt-2"])
def test_the_held_out_loss_falls_in_every_form(recipe: TextRecipe, form: str) -> None:
    optimizer = "adamw" if form == "gpt-2" else "muon"
    longer = replace(recipe, form=form, optimizer=optimizer, num_steps=60, evaluate_every=30)
    run = finished(text_run(longer))
    assert [each["step"] for each in run.evaluations] == [30, 60]
    assert run.evaluations[-1]["held_out_loss"] < math.log(21) - 0.5
    assert run.evaluations[-1]["held_out_loss"] == pytest.approx(run.evaluate(), abs=1e-6)


def test_parts_add_up_to_the_step_of_the_whole_batch(recipe: TextRecipe) -> None:
    whole = finished(text_run(recipe))
    parts = finished(text_run(recipe, rows_at_once=2))
    assert (whole.num_parts, parts.num_parts) == (1, 4)
    assert parts.losses == pytest.approx(whole.losses, abs=1e-5)
    for left, right in zip(weights(whole).values(), weights(parts).values()):
        torch.testing.assert_close(left, right, rtol=1e-3, atol=1e-5)


def test_bfloat16_goes_the_same_way_less_exactly(recipe: TextRecipe) -> None:
    exact = finished(text_run(recipe))
    short = finished(text_run(recipe, machine=replace(EXACT, precision="bfloat16")))
    assert short.losses == pytest.approx(exact.losses, abs=0.02)
    assert short.losses != exact.losses
    assert all(tensor.dtype == torch.float32 for tensor in weights(short).values())


def test_trying_out_a_compiled_model_leaves_no_trace(recipe: TextRecipe, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch, "compile", lambda model: model)
    plain = finished(text_run(recipe))
    compiled = finished(text_run(recipe, compiles=True))
    assert compiled.note == ""
    assert compiled.losses == plain.losses


def test_a_run_without_a_compiler_goes_on_without_it(recipe: TextRecipe, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(model: nn.Module) -> Any:
        def use(tokens: torch.Tensor) -> torch.Tensor:
            raise RuntimeError("no C++ compiler\nand a long story")

        return use

    monkeypatch.setattr(torch, "compile", broken)
    run = finished(text_run(recipe, compiles=True))
    assert run.note == "no C++ compiler"
    assert run.losses == finished(text_run(recipe)).losses


def test_a_saved_run_goes_on_with_the_same_bits_measurements_and_curve(recipe: TextRecipe, tmp_path: Path) -> None:
    whole = text_run(recipe)
    train_run(whole, tmp_path / "whole", lambda run: None)

    def press_ctrl_c(run: Run) -> None:
        if run.step == 7:
            signal.raise_signal(signal.SIGTERM)  # as a rented machine that is taken back

    folder = tmp_path / "stopped"
    first = text_run(recipe)
    train_run(first, folder, press_ctrl_c)
    assert first.step == 7
    second = text_run(recipe)
    go_on(second, folder)
    train_run(second, folder, lambda run: None)
    assert second.losses == whole.losses
    assert second.evaluations == whole.evaluations
    assert all(torch.equal(left, right) for left, right in zip(weights(whole).values(), weights(second).values()))
    curve = pd.read_csv(folder / CURVE_FILE)
    assert curve["step"].tolist() == list(range(1, 13))
    assert curve["held_out_loss"].notna().sum() == 3
    assert curve.equals(pd.read_csv(tmp_path / "whole" / CURVE_FILE))


def test_the_seconds_of_a_session_add_up_to_its_wall_clock(recipe: TextRecipe, tmp_path: Path) -> None:
    """By a clock of its own: each look at it takes a millisecond, and the reader's code ten seconds a step."""
    looks, own = [0], [0.0]

    def clock() -> float:
        looks[0] += 1
        return own[0] + looks[0] / 1000

    def take_time(run: Run) -> None:
        own[0] += 10

    run = text_run(recipe, ledger=Ledger(0.0, clock=clock))
    train_run(run, tmp_path / "run", take_time)
    (session,) = read_sessions(tmp_path / "run")
    assert set(session["seconds"]) == set(PHASES)
    assert sum(session["seconds"].values()) == pytest.approx(clock() - 0.001)
    assert session["seconds"]["other"] == pytest.approx(10 * recipe.num_steps, abs=looks[0] / 1000)


def test_a_training_that_fails_stops_and_keeps_the_last_good_checkpoint(recipe: TextRecipe, tmp_path: Path) -> None:
    run = text_run(replace(recipe, num_steps=300))
    folder = tmp_path / "run"

    def poison(run: Run) -> None:
        if run.step == 5:
            run.save(folder)
            with torch.no_grad():
                next(run.model.parameters()).fill_(torch.nan)

    with pytest.raises(ValueError, match=r"step 6: the loss is nan; the last good checkpoint is kept: .*--rate-scale"):
        train_run(run, folder, poison)
    tensors, facts = load_checkpoint(folder)
    assert facts["step"] == 5
    assert all(tensor.isfinite().all() for tensor in tensors.values())


def test_a_rate_far_too_high_is_noticed(recipe: TextRecipe) -> None:
    wild = replace(recipe, num_steps=400, learning_rate=50.0, other_rate=50.0, warmup_steps=1)
    with pytest.raises(ValueError, match=r"step .*: the loss"):
        finished(text_run(wild))


@pytest.mark.parametrize(
    ("change", "difference"),
    [
        ({"num_steps": 13}, "num_steps is 12 there, 13 here"),
        ({"learning_rate": 0.01}, "learning_rate is 0.02 there, 0.01 here"),
        ({"model_dim": 32}, "model_dim is 16 there, 32 here"),
    ],
)
def test_a_run_with_another_recipe_is_refused_with_the_difference(
    recipe: TextRecipe, tmp_path: Path, change: dict[str, Any], difference: str
) -> None:
    text_run(recipe).save(tmp_path / "run")
    with pytest.raises(ValueError, match=difference):
        go_on(text_run(replace(recipe, **change)), tmp_path / "run")


def test_a_run_goes_on_after_its_text_was_moved_and_not_with_another_text(
    recipe: TextRecipe, corpus: Corpus, tmp_path: Path
) -> None:
    text_run(recipe).save(tmp_path / "run")
    moved = corpus.folder.rename(tmp_path / "elsewhere")
    again = text_run(replace(recipe, data=str(moved)))
    go_on(again, tmp_path / "run")
    other = write_corpus(tmp_path / "other", corpus.tokenizer, [[1, 2, 3] * 100], [[1] * 50], corpus.facts)
    with pytest.raises(ValueError, match=r"training_tokens is 2500 there, 300 here"):
        go_on(text_run(replace(recipe, data=str(other.folder))), tmp_path / "run")


@pytest.mark.parametrize(
    ("team", "rows", "problem"),
    [
        (Team(size=3), 0, "cannot be shared evenly by 3 processes"),
        (Team(), 3, "8 rows for each process cannot be cut into parts of 3"),
        (Team(), -1, "--rows-at-once is -1"),
    ],
)
def test_a_batch_that_cannot_be_shared_out_is_refused(recipe: TextRecipe, team: Team, rows: int, problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        text_run(recipe, team=team, rows_at_once=rows)


def test_a_held_out_text_shorter_than_the_context_is_refused(recipe: TextRecipe, corpus: Corpus) -> None:
    with pytest.raises(ValueError, match="the text has 500 tokens, and a context of 600"):
        text_run(replace(recipe, context_length=600))


def test_the_model_has_the_sizes_and_the_form_of_the_recipe() -> None:
    config = gpt_config(TINY, 11)
    assert (config.vocab_size, config.num_layers, config.context_length) == (11, 1, 16)
    assert (config.num_heads, config.model_dim, config.mlp_dim) == (2, 16, 32)
    modern = text_model(replace(TINY, dropout=0.1), 11)
    assert isinstance(modern, ModernGPT)
    assert modern.config == config
    assert any(isinstance(module, torch.nn.Dropout) and module.p == 0.1 for module in modern.modules())
    assert isinstance(text_model(replace(TINY, form="gpt-2"), 11), GPT)


@pytest.mark.parametrize("form", ["gpt-2", "modern"])
def test_adamw_pulls_matrices_towards_zero_and_no_bias_or_norm(form: str) -> None:
    recipe = replace(TINY, form=form, optimizer="adamw", weight_decay=0.1)
    model = text_model(recipe, 11)
    optimizer = text_optimizer(recipe, model)
    assert isinstance(optimizer, torch.optim.AdamW)
    decays = {id(p): group["weight_decay"] for group in optimizer.param_groups for p in group["params"]}
    assert len(decays) == len(list(model.parameters()))
    for parameter in model.parameters():
        assert decays[id(parameter)] == (0.1 if parameter.ndim == 2 else 0.0)


def test_muon_moves_the_matrices_in_blocks_only() -> None:
    model = text_model(TINY, 11)
    optimizer = text_optimizer(TINY, model)
    assert isinstance(optimizer, FusedMuonAdamW)
    groups = {group["muon"]: group for group in optimizer.param_groups}
    assert (groups[True]["rate"], groups[False]["rate"]) == (TINY.learning_rate, TINY.other_rate)
    moved = {id(p) for p in groups[True]["params"]}
    assert moved == {id(p) for name, p in model.named_parameters() if name.startswith("blocks.")}


FAST = {
    "form": "speedrun",
    "embedding_scale": 5.0,
    "warmup_steps": 1,
    "decay_share": 0.5,
    "momentum_steps": 6,
}


def test_the_table_that_reads_and_the_shares_have_rates_of_their_own() -> None:
    recipe = replace(TINY, **FAST)  # type: ignore[arg-type]
    model = text_model(recipe, 11)
    assert isinstance(model, SpeedrunGPT)
    optimizer = text_optimizer(recipe, model)
    assert isinstance(optimizer, WarmedMuonAdamW)
    rates = {id(p): group["rate"] for group in optimizer.param_groups for p in group["params"]}
    by_muon = {id(p) for group in optimizer.param_groups if group["muon"] for p in group["params"]}
    assert len(rates) == len(list(model.parameters()))
    for name, parameter in model.named_parameters():
        if name == "token_embedding.weight":
            wanted = 5 * TINY.other_rate
        else:
            wanted = TINY.other_rate if name == "prediction.weight" else TINY.learning_rate
        assert rates[id(parameter)] == pytest.approx(wanted), name
        assert (id(parameter) in by_muon) == name.startswith("blocks."), name


def test_a_run_with_shortcuts_goes_on_with_the_same_bits_and_writes(recipe: TextRecipe, tmp_path: Path) -> None:
    fast = replace(recipe, **FAST)  # type: ignore[arg-type]
    whole = finished(text_run(fast))
    stopped = text_run(fast)
    for _ in range(5):
        stopped.training_step()
    stopped.save(tmp_path / "run")
    resumed = finished(go_on(text_run(fast), tmp_path / "run"))
    assert resumed.losses == whole.losses
    assert all(torch.equal(weights(resumed)[name], tensor) for name, tensor in weights(whole).items())
    resumed.save(tmp_path / "run")
    model, tokenizer = load_text_model(tmp_path / "run")
    assert isinstance(model, SpeedrunGPT)
    chance = torch.Generator().manual_seed(0)
    written = "".join(continue_text(model, tokenizer, "abc", 40, generator=chance))
    assert set(written) <= set("abcdefghijklmnopqrst")
    assert len(written) >= 20


@pytest.mark.parametrize(("size", "wanted", "rows"), [(1, 0, 8), (2, 0, 4), (4, 0, 2), (1, 2, 2), (2, 1, 1), (1, 8, 8)])
def test_as_many_windows_go_at_once_as_are_wanted_or_fit(size: int, wanted: int, rows: int, recipe: TextRecipe) -> None:
    assert text_run(recipe, team=Team(size=size), rows_at_once=wanted).rows_at_once == rows


def test_in_a_small_memory_fewer_windows_go_at_once(recipe: TextRecipe) -> None:
    needed = training_memory(gpt_config(recipe, 21), recipe.form, recipe.optimizer, "float32").total(8)
    machines = [replace(EXACT, memory_bytes=2 * size) for size in (needed, needed // 2)]
    assert [text_run(recipe, machine=machine).rows_at_once for machine in machines] == [8, 4]
    with pytest.raises(ValueError, match="one text at a time takes"):
        text_run(recipe, machine=replace(EXACT, memory_bytes=1000))


KILLS = """
import json, os, random, signal, sys
from pathlib import Path
import gptbook.training.session
from gptbook.training.checkpoint import load_checkpoint
from gptbook.training.engine import Run
from gptbook.tasks.open_run import open_run
from gptbook.tasks.text import TextTask
from gptbook.machine.device import Machine
from gptbook.tasks.recipes import TextRecipe

gptbook.training.session.SAVE_EVERY_SECONDS, gptbook.training.session.PAUSE_PER_SAVE = -1.0, 0.0  # save after each step
recipe, run_dir, draw = TextRecipe(**json.loads(sys.argv[1])), Path(sys.argv[2]), random.Random(0)
machine = Machine(device="cpu", precision="float32", name="", memory_bytes=2**33, num_threads=1)

def train():
    run = Run(TextTask(recipe), machine)
    if (run_dir / "checkpoint.json").exists():
        run.resume(open_run(run_dir))
    gptbook.training.session.train_run(run, run_dir, lambda run: None)

real_save = Run.save

def dies_after(num_calls):
    # From the second save on it counts calls, of C too, and dies at one: in a step, between two, or in a save.
    left, saves = num_calls, 0
    def count(frame, event, function):
        nonlocal left
        left -= 1
        if left <= 0:
            os.kill(os.getpid(), signal.SIGKILL)
    def save(run, folder):
        nonlocal saves
        real_save(run, folder)
        saves += 1
        if saves == 2:
            sys.setprofile(count)
    Run.save = save

def calls_of_a_step():
    run, calls = Run(TextTask(recipe), machine), 0
    def count(frame, event, function):
        nonlocal calls
        calls += 1
    run.training_step()  # what PyTorch loads when it is first used, once for all
    sys.setprofile(count)
    run.training_step()
    run.save(run_dir.with_name("counted"))
    sys.setprofile(None)
    return calls

calls, at = calls_of_a_step(), []
while True:
    child = os.fork()  # a process of its own, without the seconds of a new Python
    if child == 0:
        if len(at) < 10:
            dies_after(draw.randrange(1, 3 * calls))
        train()
        os._exit(0)
    draw.random()
    _, status = os.waitpid(child, 0)
    if len(at) == 10:
        break
    assert os.WTERMSIG(status) == signal.SIGKILL, status
    at.append(load_checkpoint(run_dir)[1]["step"])  # readable, whatever moment it was
Path(sys.argv[3]).write_text(" ".join(map(str, [os.waitstatus_to_exitcode(status), *at])))
"""


def test_kill_9_at_any_moment_changes_no_bit_of_the_result(recipe: TextRecipe, tmp_path: Path) -> None:
    recipe = replace(recipe, num_steps=100, model_dim=64, mlp_dim=256, evaluate_every=50)
    whole = finished(text_run(recipe))
    folder = tmp_path / "run"
    assert ended_well(start(KILLS, json.dumps(asdict(recipe)), str(folder), str(tmp_path / "killed-at")))
    code, *killed_at = map(int, (tmp_path / "killed-at").read_text().split())
    assert code == 0
    assert len(killed_at) == 10
    assert killed_at == sorted(set(killed_at))  # each went on where the one before was saved
    assert killed_at[-1] < recipe.num_steps
    run = text_run(recipe)
    go_on(run, folder)
    assert run.is_finished
    assert run.losses == whole.losses
    for left, right in zip(weights(whole).values(), weights(run).values()):
        assert torch.equal(left, right)
