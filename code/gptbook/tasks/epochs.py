"""How often a run reads what it learns from, and what follows from that.

A model that reads a short text again and again ends up knowing it by heart, and becomes
worse at any other: so it is measured more often, and stops.
"""

import math
from collections.abc import Iterator
from dataclasses import replace

from gptbook.data.corpus import Corpus
from gptbook.tasks.assistant import AssistantTask
from gptbook.tasks.names import GPTNames, NamesTask, NgramNames
from gptbook.tasks.recipes import TextRecipe
from gptbook.tasks.text import TextTask
from gptbook.training.early_stopping import EarlyStoppingRun
from gptbook.training.recipe import Recipe
from gptbook.training.task import Task

# "Training with up to 4 epochs of repeated data yields negligible changes to loss
# compared to having unique data", with up to 9 billion parameters, on web text:
# Muennighoff et al. 2023, arXiv 2305.16264.
FEW_EPOCHS = 4
MOST_MEASUREMENTS = 100  # of a run: each may cost a copy of the weights
DEFAULT_PATIENCE = 10  # measurements; an epoch each, as a rule


def num_epochs(task: Task) -> float:
    """How many times all steps together read what there is to learn from.

    0 where that is not known: those tasks measure nothing while they train.
    """
    steps = task.recipe.num_steps
    if isinstance(task, TextTask):
        return task.recipe.num_tokens / len(task.corpus.training)
    if isinstance(task, AssistantTask):
        return steps * task.recipe.batch_size / len(task.conversations.training)
    if isinstance(task, GPTNames):
        return steps * task.recipe.batch_size / len(task.training)
    if isinstance(task, NgramNames):
        if len(task.contexts) <= task.recipe.batch_size:
            return float(steps)
        return steps * task.recipe.batch_size / float(task.occurrences.sum())
    return 0.0


def measured_often(recipe: TextRecipe, corpus: Corpus) -> TextRecipe:
    """The recipe, with the held-out loss measured once an epoch of a short text.

    Of a long one as often as the recipe says.
    """
    epochs = recipe.num_tokens / len(corpus.training)
    every = interval(recipe.num_steps, epochs, recipe.evaluate_every)
    return replace(recipe, evaluate_every=every)


def measure_own_names_often(task: NamesTask) -> None:
    """The same for a reader's own names; the book's are measured as they were."""
    if task.recipe.names_file:
        sizes = (task.recipe.num_steps, num_epochs(task), task.evaluate_every)
        task.evaluate_every = interval(*sizes)


def measure_as_before(task: Task, recipe: Recipe) -> None:
    """Let a run that goes on be measured as often as it was, which it has saved."""
    if isinstance(task, TextTask) and isinstance(recipe, TextRecipe):
        task.evaluate_every = recipe.evaluate_every
        task.recipe = replace(task.recipe, evaluate_every=recipe.evaluate_every)


def interval(num_steps: int, epochs: float, longest: int) -> int:
    """How many steps an epoch has, within what a run can do with: 1 to `longest`."""
    shortest = math.ceil(num_steps / MOST_MEASUREMENTS)
    return min(longest, max(shortest, math.ceil(num_steps / epochs)))


def default_patience(task: Task) -> int:
    """When a run on a short text, or on a reader's own names, stops; 0 for never."""
    is_own = not isinstance(task, NamesTask) or bool(task.recipe.names_file)
    return DEFAULT_PATIENCE if is_own and num_epochs(task) > FEW_EPOCHS else 0


def epoch_lines(run: EarlyStoppingRun) -> Iterator[str]:
    """What it means that a run reads its text so often, line by line, for the reader.

    Nothing where it reads it a few times, or where nothing is measured.
    """
    epochs, task = num_epochs(run.task), run.task
    if epochs <= FEW_EPOCHS or not (run.patience or isinstance(task, TextTask)):
        return
    if isinstance(task, TextTask):
        yield (
            f"  In others' runs text read up to {FEW_EPOCHS} times was worth almost as "
            "much as new text;"
        )
        yield (
            "  what is read far more often teaches nothing more (Muennighoff et al. "
            "2023)."
        )
    else:
        yield f"  It reads each of them about {epochs:,.0f} times."
    every = task.evaluate_every
    measured = "each step" if every == 1 else f"every {every:,} steps"
    yield (
        f"  So the held-out loss is measured {measured} and the best weights are kept;"
    )
    if run.patience:
        yield (
            f"  training stops after {run.patience:,} measurements without a better "
            "one (--patience)."
        )
    else:
        yield "  training goes on to its last step all the same (--patience 0)."
