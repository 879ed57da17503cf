"""More steps for a finished run: the rates rise once more, it says so, and a stop changes no bit."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from runs import EXACT, finished, new_run
from small import NAMES, TEXT, TINY

from gptbook.data.corpus import Corpus
from gptbook.data.prepare import prepare_corpus
from gptbook.tasks.base_model import base_of
from gptbook.tasks.continued import ContinuedText
from gptbook.tasks.continued_recipes import ContinuedRecipe, LoRATextRecipe
from gptbook.tasks.going_on import continued_text_recipe
from gptbook.tasks.more_steps import with_more_steps
from gptbook.tasks.open_run import open_run, run_of, task_for
from gptbook.tasks.recipes import ClubsRecipe, GPTRecipe, NgramRecipe
from gptbook.tasks.text import TextTask
from gptbook.training.engine import Run
from gptbook.training.recipe import Recipe
from gptbook.training.task import Task


@pytest.fixture
def corpus(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Corpus:
    monkeypatch.setenv("GPTBOOK_CACHE", str(tmp_path / "cache"))
    (tmp_path / "own.txt").write_text(TEXT)
    return prepare_corpus(str(tmp_path / "own.txt"))


@pytest.fixture
def towns(tmp_path: Path) -> dict[str, Any]:
    (tmp_path / "towns.csv").write_text("town\n" + "\n".join(NAMES) + "\n")
    return {"names_file": str(tmp_path / "towns.csv"), "column": "town"}


def run_for(recipe: Recipe, corpus: Corpus) -> Run:
    if recipe.name == "laptop":
        return Run(TextTask(recipe, corpus), EXACT)  # type: ignore[arg-type]
    return new_run(recipe)


def longer(task: Task, run_dir: Path) -> Run:
    """The run in a folder, as a task with more steps goes on with it."""
    task, saved = with_more_steps(task, open_run(run_dir))
    run = Run(task, EXACT)
    run.resume(saved)
    return run


def recipe_of(kind: str, towns: dict[str, Any]) -> Recipe:
    if kind == "text":
        return TINY
    if kind == "net":
        return NgramRecipe(name="net", num_steps=6, context_length=2, embedding_dim=4, hidden_dim=6, **towns)
    sizes: dict[str, Any] = {"num_layers": 1, "num_heads": 2, "model_dim": 8, "mlp_dim": 12, "context_length": 8}
    return GPTRecipe(name="gpt", num_steps=6, warmup_steps=2, batch_size=8, **sizes, **towns)


@pytest.mark.parametrize("kind", ["text", "net", "gpt"])
def test_a_finished_run_goes_on_and_a_stop_in_between_changes_no_bit(
    kind: str, corpus: Corpus, towns: dict[str, Any], tmp_path: Path
) -> None:
    recipe = recipe_of(kind, towns)
    first = finished(run_for(recipe, corpus))
    first.save(tmp_path / "run")
    more = replace(recipe, num_steps=10)
    whole = longer(run_for(more, corpus).task, tmp_path / "run")
    assert (whole.step, whole.losses) == (6, first.losses)
    assert isinstance(whole.recipe, ContinuedRecipe)
    assert (whole.recipe.restarts, whole.recipe.num_steps) == ((6,), 10)
    scales = [whole.task.rate_scale(step) for step in range(10)]
    assert scales[:6] == [first.task.rate_scale(step) for step in range(6)], "what is done stays as it was"
    assert max(scales[6:]) > scales[5], "the rates rise again"
    assert scales[9] < max(scales[6:]), "and fall again"
    whole.training_step()
    whole.save(tmp_path / "stopped")
    finished(whole)
    resumed = finished(longer(run_for(more, corpus).task, tmp_path / "stopped"))
    assert resumed.losses == whole.losses
    for name, tensor in whole.model.state_dict().items():
        assert torch.equal(resumed.model.state_dict()[name], tensor)
    resumed.save(tmp_path / "run")
    third = finished(longer(run_for(replace(recipe, num_steps=12), corpus).task, tmp_path / "run"))
    assert isinstance(third.recipe, ContinuedRecipe)
    assert third.recipe.restarts == (6, 10)
    third.save(tmp_path / "run")
    assert run_of(open_run(tmp_path / "run")).is_finished


def test_a_run_that_is_not_finished_stays_as_it_is(corpus: Corpus, tmp_path: Path) -> None:
    run = run_for(TINY, corpus)
    run.training_step()
    run.save(tmp_path / "run")
    saved, task = open_run(tmp_path / "run"), run_for(replace(TINY, num_steps=9), corpus).task
    assert with_more_steps(task, saved) == (task, saved)
    with pytest.raises(ValueError, match="num_steps is 6 there, 9 here"):
        longer(task, tmp_path / "run")


def test_a_recipe_that_has_grown_since_is_no_wish_for_more(corpus: Corpus, tmp_path: Path) -> None:
    finished(run_for(TINY, corpus)).save(tmp_path / "run")
    saved, task = open_run(tmp_path / "run"), run_for(replace(TINY, num_steps=9), corpus).task
    assert with_more_steps(task, saved, asked=False) == (task, saved)


def test_fewer_steps_than_it_has_by_now_are_refused(corpus: Corpus, tmp_path: Path) -> None:
    finished(run_for(TINY, corpus)).save(tmp_path / "run")
    finished(longer(run_for(replace(TINY, num_steps=9), corpus).task, tmp_path / "run")).save(tmp_path / "run")
    for num_steps in (5, 6, 8):
        with pytest.raises(ValueError, match="has had more steps, it has 9 now: give --steps 9"):
            longer(run_for(replace(TINY, num_steps=num_steps), corpus).task, tmp_path / "run")


def test_a_run_of_another_seed_or_kind_is_refused_as_before(
    corpus: Corpus, towns: dict[str, Any], tmp_path: Path
) -> None:
    finished(run_for(TINY, corpus)).save(tmp_path / "run")
    with pytest.raises(ValueError, match="seed is 0 there, 1 here"):
        longer(run_for(replace(TINY, num_steps=9, seed=1), corpus).task, tmp_path / "run")
    with pytest.raises(ValueError, match="holds a run of laptop, not of net"):
        longer(run_for(replace(recipe_of("net", towns), num_steps=9), corpus).task, tmp_path / "run")


def test_sentences_of_clubs_have_no_more_steps(tmp_path: Path) -> None:
    clubs = ClubsRecipe(name="clubs", num_sentences=40, model_dim=8, batch_size=8, num_steps=2, warmup_steps=1)
    finished(new_run(clubs)).save(tmp_path / "run")
    with pytest.raises(ValueError, match="num_steps is 2 there, 3 here"):
        longer(task_for(replace(clubs, num_steps=3)), tmp_path / "run")


def test_a_run_from_a_model_goes_on_from_the_same_in_the_same_way(corpus: Corpus, tmp_path: Path) -> None:
    run = finished(run_for(TINY, corpus))
    assert isinstance(run.task, TextTask)
    base = base_of("runs/base", run.task.model, corpus.tokenizer)

    def task(num_steps: int, rank: int | None) -> ContinuedText:
        recipe = continued_text_recipe(replace(TINY, num_steps=num_steps), base, lora_rank=rank)
        return ContinuedText(recipe, corpus, base.weights)

    finished(Run(task(4, 2), EXACT)).save(tmp_path / "run")
    with pytest.raises(ValueError, match="went on from runs/base: give --from runs/base, or another --run-dir"):
        longer(run_for(TINY, corpus).task, tmp_path / "run")
    with pytest.raises(ValueError, match="holds a run with --lora-rank 2, and this one is without --lora-rank"):
        longer(task(4, None), tmp_path / "run")
    with pytest.raises(ValueError, match="lora_rank is 2 there, 3 here"):
        longer(task(4, 3), tmp_path / "run")
    more = longer(task(8, 2), tmp_path / "run")
    assert isinstance(more.recipe, LoRATextRecipe)
    assert more.recipe.restarts == (4,)
    assert finished(more).losses[:4] == open_run(tmp_path / "run").facts["losses"]
