"""Training that goes on: it begins as the model was, moves what it may, and no stop or team changes a bit."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from forked import run_as_team
from runs import EXACT, finished, go_on
from small import NAMES, TINY
from tiny_models import FORMS, stirred

from gptbook.data.corpus import Corpus, write_corpus
from gptbook.data.tokenizer import CharacterTokenizer
from gptbook.models.gpt import GPT
from gptbook.models.modern import ModernGPT
from gptbook.models.sizes import USABLE_SHARE, training_memory
from gptbook.tasks.base_model import base_of
from gptbook.tasks.continued import ContinuedGPTNames, ContinuedNgramNames, ContinuedText, num_learned
from gptbook.tasks.continued_recipes import (
    ContinuedGPTRecipe,
    ContinuedNgramRecipe,
    ContinuedTextRecipe,
    LoRATextRecipe,
)
from gptbook.tasks.going_on import continued_text_recipe
from gptbook.tasks.names import gpt_config, names_model
from gptbook.tasks.open_run import load_text_model, open_run, run_of
from gptbook.tasks.recipe_costs import cost_lines, count_learned, count_parameters, shown_bytes, training_bytes
from gptbook.training.checkpoint import load_checkpoint
from gptbook.training.engine import Run
from gptbook.training.seeds import seeded

LETTERS = CharacterTokenizer("abcdefghijklmnopqrst")
ways = pytest.mark.parametrize("rank", [None, 3], ids=["whole", "adapters"])
forms = pytest.mark.parametrize("form", FORMS)


@pytest.fixture
def corpus(tmp_path: Path) -> Corpus:
    with seeded(0):
        steps = 1 + (torch.rand(1500) < 0.1).long()
    text = (steps.cumsum(0) % 20 + 1).tolist()
    return write_corpus(
        tmp_path / "text", LETTERS, [text[:1200]], [text[1200:]], {"name": "alphabet", "bytes_per_token": 1.0}
    )


def model(form: str) -> GPT | ModernGPT:
    return stirred(form, LETTERS.vocab_size)


def task_from(form: str, corpus: Corpus, rank: int | None, **changes: Any) -> ContinuedText:
    """A task that goes on with a small model, in windows of half its context."""
    base = base_of("a model", model(form), LETTERS)
    chosen = replace(TINY, context_length=8, data=str(corpus.folder), num_windows=6, **changes)
    recipe = continued_text_recipe(chosen, base, rate_scale=30.0, lora_rank=rank)
    return ContinuedText(recipe, corpus, base.weights)


def run_from(form: str, corpus: Corpus, rank: int | None, **more: Any) -> Run:
    return Run(task_from(form, corpus, rank), EXACT, **more)


def weights(run: Run) -> dict[str, torch.Tensor]:
    return {name: tensor.clone() for name, tensor in run.model.state_dict().items()}


@ways
@forms
def test_it_begins_with_the_scores_of_the_model_that_it_goes_on_from(form: str, rank: int, corpus: Corpus) -> None:
    task = task_from(form, corpus, rank)
    tokens = torch.arange(1, 17)[None]
    with torch.no_grad():
        assert torch.equal(task.model.eval()(tokens), model(form)(tokens))
    assert task.model.config.context_length == 16, "it can still see as far as before"
    assert task.example(2).shape == (2, 8)


@ways
@forms
def test_the_held_out_loss_falls_and_only_what_may_has_moved(form: str, rank: int | None, corpus: Corpus) -> None:
    run = Run(task_from(form, corpus, rank, num_steps=60), EXACT)
    before, first = weights(run), run.evaluate()
    frozen = {name for name, parameter in run.model.named_parameters() if not parameter.requires_grad}
    finished(run)
    assert run.evaluate() < first - 0.1
    moved = {name for name, tensor in weights(run).items() if not torch.equal(tensor, before[name])}
    assert moved.isdisjoint(frozen)
    assert moved >= {name for name in before if name.endswith(".up")}
    assert bool(frozen) == (rank is not None)
    assert num_learned(run.model) == sum(before[name].numel() for name in before if name not in frozen)


@ways
@forms
def test_a_stopped_run_goes_on_with_the_same_bits_and_without_its_model(
    form: str, rank: int | None, corpus: Corpus, tmp_path: Path
) -> None:
    whole = finished(run_from(form, corpus, rank))
    stopped = run_from(form, corpus, rank)
    for _ in range(4):
        stopped.training_step()
    stopped.save(tmp_path / "run")
    without_base = Run(ContinuedText(stopped.task.recipe, corpus), EXACT)  # type: ignore[arg-type]
    resumed = finished(go_on(without_base, tmp_path / "run"))
    assert (resumed.losses, resumed.evaluations) == (whole.losses, whole.evaluations)
    assert all(torch.equal(weights(resumed)[name], tensor) for name, tensor in weights(whole).items())


@ways
@forms
def test_parts_add_up_to_the_step_of_the_whole_batch(form: str, rank: int | None, corpus: Corpus) -> None:
    whole, parts = finished(run_from(form, corpus, rank)), finished(run_from(form, corpus, rank, rows_at_once=2))
    assert parts.losses == pytest.approx(whole.losses, abs=1e-4)
    assert parts.num_parts == 2 * whole.num_parts


TRAINS = """
import sys
from pathlib import Path
import torch
from forked import run_as_team
from runs import EXACT, finished
from gptbook.machine.team import team_here, together
from gptbook.tasks.continued import ContinuedText
from gptbook.tasks.open_run import open_run
from gptbook.training.engine import Run

def prepare():  # as where a run goes on whose model is gone
    return ContinuedText(open_run(Path(sys.argv[1])).recipe)

with together(team_here(), prepare) as task:
    run = Run(task, EXACT, team_here(), rows_at_once=1)
    run.resume(open_run(Path(sys.argv[1])))
    finished(run)
    run.team.any(False)
    run.save(Path(sys.argv[2]))
"""


@ways
def test_two_processes_equal_one(rank: int | None, corpus: Corpus, tmp_path: Path) -> None:
    alone = run_from("gpt-2", corpus, rank)
    alone.training_step()
    alone.save(tmp_path / "begun")
    run_as_team(TRAINS, str(tmp_path / "begun"), str(tmp_path / "two"))
    tensors, facts = load_checkpoint(tmp_path / "two")
    assert facts["machine"]["processes"] == 2
    assert facts["losses"] == pytest.approx(finished(alone).losses, abs=1e-4)
    for name, tensor in alone.model.state_dict().items():
        torch.testing.assert_close(tensors[f"model.{name}"], tensor, rtol=1e-3, atol=1e-4)


@ways
@forms
def test_what_it_has_saved_is_opened_merged_and_measured_alike(
    form: str, rank: int | None, corpus: Corpus, tmp_path: Path
) -> None:
    run = finished(run_from(form, corpus, rank))
    run.save(tmp_path / "run")
    opened, tokenizer = load_text_model(tmp_path / "run")
    assert tokenizer.vocab_size == LETTERS.vocab_size
    assert list(opened.state_dict()) == list(model(form).state_dict()), "no adapter is left beside a matrix"
    tokens = torch.arange(1, 17)[None]
    with torch.no_grad():
        torch.testing.assert_close(opened(tokens), run.model.eval()(tokens), rtol=1e-4, atol=1e-4)
    assert run_of(open_run(tmp_path / "run")).evaluate() == pytest.approx(run.evaluate(), abs=0.01)


def test_adapters_need_less_memory_so_more_windows_fit(corpus: Corpus) -> None:
    whole, lora = (task_from("modern", corpus, rank) for rank in (None, 2))
    sizes = (whole.recipe.form, whole.recipe.optimizer, "float32")
    memory = training_memory(gpt_config(whole.recipe, LETTERS.vocab_size), *sizes)
    too_little = int((memory.total(4) - 1) / USABLE_SHARE)
    assert [task.rows_that_fit(4, too_little, "float32") for task in (whole, lora)] == [2, 4]


def test_what_adapters_take_is_said_before(corpus: Corpus) -> None:
    facts = {"data": {"vocab_size": LETTERS.vocab_size}}
    whole, lora = (
        task_from(
            "modern",
            corpus,
            rank,
        )
        for rank in (None, 2)
    )
    assert count_learned(lora.recipe, facts) == num_learned(lora.model)
    assert count_learned(whole.recipe, facts) == count_parameters(whole.recipe, facts)
    assert training_bytes(lora.recipe, facts, 1) < training_bytes(whole.recipe, facts, 1)
    numbers = Run(lora, EXACT).num_parameters
    (disk,) = (line for line in cost_lines(Run(lora, EXACT)) if "disk" in line)
    assert shown_bytes(8 * numbers + 8 * num_learned(lora.model)) in disk


def test_it_says_from_where_it_goes_on_and_how(corpus: Corpus) -> None:
    said = "\n".join(task_from("gpt-2", corpus, 3).describe())
    assert "that sees 8 tokens" in said
    assert "learns in windows of 8 tokens; when it writes, it sees 16" in said
    assert "went on from a model (weights " in said
    assert "LoRA of rank 3, alpha 6" in said
    assert "numbers learn, in adapters" in said


@pytest.fixture
def towns(tmp_path: Path) -> str:
    path = tmp_path / "towns.csv"
    path.write_text("town\n" + "\n".join(NAMES) + "\n")
    return str(path)


def names_task(kind: str, towns: str, letters: CharacterTokenizer) -> ContinuedGPTNames | ContinuedNgramNames:
    named: dict[str, Any] = {"name": "names", "names_file": towns, "column": "town", "num_steps": 6}
    if kind == "gpt":
        sizes = {"num_layers": 1, "num_heads": 2, "model_dim": 8, "mlp_dim": 12, "context_length": 8}
        gpt = ContinuedGPTRecipe(**named, **sizes, warmup_steps=1, batch_size=8)
        return ContinuedGPTNames(gpt, letters, names_model(gpt, letters.vocab_size).state_dict())
    net = ContinuedNgramRecipe(**named, context_length=2, embedding_dim=4, hidden_dim=6)
    return ContinuedNgramNames(net, letters, names_model(net, letters.vocab_size).state_dict())


@pytest.mark.parametrize("kind", ["gpt", "net"])
def test_names_are_spelled_in_the_letters_of_the_model(kind: str, towns: str, tmp_path: Path) -> None:
    letters = CharacterTokenizer(sorted(set("".join(NAMES)) | set("xyz")))
    task = names_task(kind, towns, letters)
    assert task.data_facts()["alphabet"] == letters.characters
    whole = Run(task)
    for _ in range(3):
        whole.training_step()
    whole.save(tmp_path / "run")
    finished(whole)
    again = finished(run_of(open_run(tmp_path / "run")))
    assert again.losses == whole.losses
    assert all(set(name) <= set(letters.characters) for name in task.write("", 5, torch.Generator().manual_seed(0)))


@pytest.mark.parametrize("kind", ["gpt", "net"])
def test_a_name_with_a_letter_that_the_model_does_not_know_is_named(kind: str, towns: str) -> None:
    letters = CharacterTokenizer(sorted(set("".join(NAMES)) - {"k"}))
    with pytest.raises(ValueError, match=r'"amark" in .*towns.csv has "k", which is no letter of the model'):
        names_task(kind, towns, letters)


def test_the_kinds_of_recipes_are_kept_apart(corpus: Corpus) -> None:
    assert type(task_from("gpt-2", corpus, None).recipe) is ContinuedTextRecipe
    assert type(task_from("gpt-2", corpus, 3).recipe) is LoRATextRecipe
