"""More steps for a run that had done all of its own."""

from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from gptbook.tasks.assistant import AssistantTask
from gptbook.tasks.assistant_recipes import AssistantRecipe
from gptbook.tasks.base_model import kind_of
from gptbook.tasks.continued import (
    ContinuedGPTNames,
    ContinuedNgramNames,
    ContinuedText,
)
from gptbook.tasks.continued_recipes import (
    ContinuedGPTRecipe,
    ContinuedNgramRecipe,
    ContinuedRecipe,
    ContinuedTextRecipe,
)
from gptbook.tasks.names import NamesTask
from gptbook.tasks.recipes import GPTRecipe, NgramRecipe, TextRecipe
from gptbook.tasks.text import TextTask
from gptbook.training.recipe import Recipe
from gptbook.training.saved_run import SavedRun
from gptbook.training.task import Task

LONGER = {
    TextRecipe: ContinuedTextRecipe,
    GPTRecipe: ContinuedGPTRecipe,
    NgramRecipe: ContinuedNgramRecipe,
}


def with_more_steps(
    task: Task, saved: SavedRun, *, asked: bool = True
) -> tuple[Task, SavedRun]:
    """The task and the saved run as they fit, if it was finished and is to go on.

    The rates had fallen to zero: they rise and fall once more, over the new steps. So
    it is another run than one that had as many steps from the start, and its recipe
    says so. asked is whether the reader gave the number of steps: a recipe may have
    grown since. Any other two stay as they are. Raises ValueError if the run went on
    from a model which is not named now, or has more steps already.
    """
    before, wanted, run_dir = saved.recipe, task.recipe, saved.run_dir
    check_way(before, wanted, run_dir)
    restarts: tuple[int, ...] = getattr(before, "restarts", ())
    is_more = asked and saved.facts["step"] == before.num_steps < wanted.num_steps
    if is_more:
        restarts += (before.num_steps,)
    is_same_kind = kind_of(before) is kind_of(wanted)
    if not restarts or not is_same_kind or not can_have_more(wanted):
        return task, saved
    if wanted.num_steps < before.num_steps:
        raise ValueError(
            f"{run_dir} has had more steps, it has {before.num_steps:,} now: give "
            f"--steps {before.num_steps}, or more, or another --run-dir"
        )
    if is_more:
        saved = replace(saved, recipe=restarted(before, restarts, wanted.num_steps))
    return task_with(task, restarted(wanted, restarts)), saved


def can_have_more(recipe: Recipe) -> bool:
    """Whether a finished run of a recipe can have more steps."""
    return kind_of(recipe) in LONGER


def check_way(before: Recipe, wanted: Recipe, run_dir: Path) -> None:
    """Raise ValueError if a run began from a model that is not named now, or learned
    in adapters and now is not to, or the other way round.
    """
    starts_from = getattr(before, "starts_from", "")
    if starts_from and not getattr(wanted, "starts_from", ""):
        raise ValueError(
            f"{run_dir} holds a run that went on from {starts_from}: give --from "
            f"{starts_from}, or another --run-dir"
        )
    ranks = [getattr(recipe, "lora_rank", 0) for recipe in (before, wanted)]
    if starts_from and bool(ranks[0]) != bool(ranks[1]):
        there, here = (
            f"with --lora-rank {rank}" if rank else "without --lora-rank"
            for rank in ranks
        )
        raise ValueError(
            f"{run_dir} holds a run {there}, and this one is {here}: give the same, or "
            "another --run-dir"
        )


def restarted(
    recipe: Recipe, restarts: tuple[int, ...], num_steps: int | None = None
) -> Recipe:
    """The recipe with these restarts, and perhaps more steps."""
    changes: dict[str, Any] = {
        "restarts": restarts,
        "num_steps": num_steps or recipe.num_steps,
    }
    if isinstance(recipe, ContinuedRecipe):
        return replace(recipe, **changes)
    if isinstance(recipe, TextRecipe):
        changes["model_context_length"] = recipe.context_length
    return LONGER[kind_of(recipe)](**{**asdict(recipe), **changes})


def task_with(task: Task, recipe: Recipe) -> Task:
    """The task with that recipe, of the same data; its model waits for its weights."""
    if isinstance(task, AssistantTask):
        assert isinstance(recipe, AssistantRecipe)
        return AssistantTask(recipe, task.conversations)
    if isinstance(task, TextTask):
        assert isinstance(recipe, ContinuedTextRecipe)
        return ContinuedText(recipe, task.corpus)
    assert isinstance(task, NamesTask)
    names: NamesTask
    if isinstance(recipe, ContinuedGPTRecipe):
        names = ContinuedGPTNames(recipe, task.tokenizer)
    else:
        assert isinstance(recipe, ContinuedNgramRecipe)
        names = ContinuedNgramNames(recipe, task.tokenizer)
    names.evaluate_every = task.evaluate_every
    return names
