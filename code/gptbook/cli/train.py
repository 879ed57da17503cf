"""`gptbook train`: whatever is trained, alone or in a team, from the start or on."""

import argparse
import os
from collections.abc import Sequence
from contextlib import ExitStack, redirect_stdout, suppress
from dataclasses import replace
from pathlib import Path

import torch

from gptbook.cli.forms import check_form
from gptbook.cli.from_model import continued_task, folder_for, model_named, with_base
from gptbook.cli.guards import locked_for, memory_in_mind, watched
from gptbook.cli.own_data import place_of_texts, readers_texts
from gptbook.cli.progress import train_with_bar
from gptbook.cli.size_options import with_sizes
from gptbook.cli.weights import best_lines, ending
from gptbook.data.chosen_text import changes_since, corpus_for
from gptbook.data.documents import ReadersTexts
from gptbook.data.text_sources import check_text_length
from gptbook.files.lock import locked
from gptbook.files.shell import shell_words
from gptbook.files.text_files import regular
from gptbook.machine.device import check_device, this_machine
from gptbook.machine.ledger import RECEIPT_FILE, Ledger, process_began, read_sessions
from gptbook.machine.team import Team, team_here, together
from gptbook.tasks.assistant import AssistantTask
from gptbook.tasks.assistant_recipes import AssistantRecipe
from gptbook.tasks.byte_pairs import train_tokenizer
from gptbook.tasks.epochs import (
    default_patience,
    measure_as_before,
    measure_own_names_often,
    measured_often,
)
from gptbook.tasks.more_steps import can_have_more, with_more_steps
from gptbook.tasks.names import NamesTask
from gptbook.tasks.open_run import open_run, task_for
from gptbook.tasks.recipe_costs import check_fits_here
from gptbook.tasks.recipe_words import recipe
from gptbook.tasks.recipes import (
    ClubsRecipe,
    NamesRecipe,
    NgramRecipe,
    TextRecipe,
    TokenizerRecipe,
)
from gptbook.tasks.sentences import ClubSentences, split_at_words
from gptbook.tasks.text import NUM_WRITTEN, TextTask
from gptbook.training.checkpoint import FACTS_FILE
from gptbook.training.early_stopping import EarlyStoppingRun
from gptbook.training.engine import Run, rows_for_each
from gptbook.training.recipe import Recipe
from gptbook.training.run_folder import clear_leftovers, is_begun
from gptbook.training.saved_run import SavedRun
from gptbook.training.task import Task


def recipe_from(options: argparse.Namespace) -> Recipe:
    """The named recipe, changed as the options say.

    Raises ValueError if they do not go together.
    """
    chosen = recipe(options.recipe)
    check_form(options, "train", training_form(chosen), chosen.name)
    chosen = with_base(options, chosen)
    if options.seed is not None:
        chosen = replace(chosen, seed=options.seed)
    if options.steps is not None:
        chosen = replace(chosen, num_steps=options.steps)
    if options.text is not None:
        assert isinstance(chosen, TokenizerRecipe)
        chosen = replace(
            chosen,
            text_file=place_of_texts(options.text),
            globs="\n".join(options.glob or ()),
            field=options.field or "",
        )
    if wants_own_names(options):
        assert isinstance(chosen, NamesRecipe)
        file = regular(options.names)
        chosen = replace(chosen, names_file=file, column=options.column)
    if options.rate_scale is not None:
        assert isinstance(chosen, TextRecipe)
        rate = chosen.learning_rate * options.rate_scale
        other = chosen.other_rate * options.rate_scale
        chosen = replace(chosen, learning_rate=rate, other_rate=other)
    sized = with_sizes(options, chosen)
    if sized is not chosen:
        check_fits_here(sized)
    return sized


def training_form(chosen: Recipe) -> str:
    """Which form of `gptbook train` a recipe is for."""
    match chosen:
        case NgramRecipe():
            return "ngrams"
        case NamesRecipe():
            return "names"
        case TokenizerRecipe():
            return "tokenizer"
        case AssistantRecipe():
            return "assistant"
        case TextRecipe():
            return "text"
        case ClubsRecipe():
            return "window" if chosen.window else "clubs"
    return "flowers"


def wants_own_names(options: argparse.Namespace) -> bool:
    """Whether --names and --column are given. Raises ValueError if only one is."""
    if options.column is not None and options.names is None:
        raise ValueError("--column needs --names: give the CSV file with that column")
    if options.names is not None and options.column is None:
        raise ValueError("--names needs --column: say which column holds the names")
    return options.names is not None


def train_command(options: argparse.Namespace, words: Sequence[str]) -> int:
    """Train, or go on with a run; exit code 130 if it was stopped."""
    chosen = recipe_from(options)
    run_dir: Path | None = options.run_dir
    if run_dir is None and model_named(options):
        run_dir = folder_for(options, chosen)
    if run_dir is None and not isinstance(chosen, TextRecipe):
        own = options.names.stem if options.names else ""
        if options.text:
            own = ReadersTexts((str(options.text),)).name
        run_dir = Path("runs") / "-".join(filter(None, [chosen.name, own]))
    if isinstance(chosen, TokenizerRecipe):
        assert run_dir is not None
        with locked(run_dir):
            train_tokenizer(chosen, run_dir)
        return 0
    team = team_here()
    with ExitStack() as stack:
        if not team.leads:  # one of a team speaks
            nowhere = Path(os.devnull)
            silence = stack.enter_context(nowhere.open("w", encoding="utf-8"))
            stack.enter_context(redirect_stdout(silence))
        if options.device:
            check_device(options.device)
        num_rows = chosen.batch_size if isinstance(chosen, TextRecipe) else 1
        rows_for_each(num_rows, team.size, options.rows_at_once or 0)

        def prepare() -> Task:
            if run_dir is not None and team.leads:  # refused before it does work
                stack.enter_context(locked(run_dir))
            if model_named(options):
                assert run_dir is not None
                return continued_task(options, chosen, run_dir)
            return task_with_data(chosen, readers_texts(options))

        task = stack.enter_context(together(team, prepare))
        if run_dir is None:
            run_dir = Path("runs") / f"{task.recipe.name}-{task.data_facts()['name']}"
            stack.enter_context(locked_for(team, run_dir))
        run = run_in(options, task, run_dir, team)
        team.any(False)  # no one saves before all have looked into the folder
        return train_here(options, run, run_dir, words)


def task_with_data(chosen: Recipe, data: ReadersTexts | None) -> Task:
    """What is trained; a text is prepared now if it has not been before.

    Raises ValueError if the data are not right.
    """
    if not isinstance(chosen, TextRecipe):
        task = task_for(chosen)
        if isinstance(task, NamesTask):
            measure_own_names_often(task)
        return task
    corpus = corpus_for(data)
    check_text_length(corpus, chosen.context_length)
    chosen = replace(chosen, data=str(corpus.folder.resolve()))
    return TextTask(measured_often(chosen, corpus), corpus)


def train_here(
    options: argparse.Namespace,
    run: EarlyStoppingRun,
    run_dir: Path,
    words: Sequence[str],
) -> int:
    """Train in a folder that is this process's own; say how good the model is."""
    num_steps, was_finished = run.recipe.num_steps, run.is_finished
    if was_finished:
        print(f"{run_dir} is finished: {ending(run)}")
        if can_have_more(run.recipe) and not run.is_stopped_early:
            print(f"  To go on from there, give --steps, more than {num_steps:,}.")
        with suppress(OSError):  # a kill may have come before them
            if run.team.leads:
                run.save_beside(run_dir)
    else:
        with memory_in_mind(run), watched(options, run, run_dir) as after_step:
            train_with_bar(run, run_dir, after_step)
    if run.note:
        print(f"  It was not compiled, which would be faster: {run.note}")
    if not run.is_finished:
        done = f"{run.step:,} of {num_steps:,} steps"
        print(f"Stopped after {done}; everything is saved in {run_dir}.")
        print(f"To go on: {shell_words(['gptbook', *words])}")
        return 130
    if run.is_stopped_early and not was_finished:
        print(f"Finished: {ending(run)}.")
    run.take_best()
    for line in (*best_lines(run), *run.report()):
        print(line, flush=True)
    if run.team.leads and not was_finished:
        run.save_receipt(run_dir)
    print(f"Next: {shell_words(['gptbook', *next_words(run, run_dir)])}")
    return 0


def next_words(run: Run, run_dir: Path) -> list[str]:
    """What to type next; names and sentences are also shown as the model writes them.

    The same samples as `gptbook sample` begins with, since the seed is its own.
    """
    task, generator = run.task, torch.Generator().manual_seed(0)
    sample = ["sample", str(run_dir)]
    if isinstance(task, AssistantTask):
        return ["chat", str(run_dir)]
    if isinstance(task, TextTask):
        return [*sample, "--tokens", str(NUM_WRITTEN)]
    if isinstance(task, ClubSentences):
        (sentence,) = task.write("", 1, generator)
        print(f"  it writes      {sentence}")
        start = " ".join(split_at_words(sentence, task.tokenizer.words)[:2])
        return [*sample, "--start", start]
    if isinstance(task, NamesTask):
        print(f"  it writes      {', '.join(task.write('', 3, generator))}")
        start = task.training[len(task.training) // 2][:2]
        return [*sample, "--start", start, "--count", "10", "--seed", "1"]
    return ["train", "city-bigram"]


def run_in(
    options: argparse.Namespace, task: Task, run_dir: Path, team: Team
) -> EarlyStoppingRun:
    """The run in a folder, at the step where it was saved, or a new one.

    What decides the bits, precision and parts, is taken from the saved run.
    Raises ValueError if the folder holds something else.
    """
    saved: SavedRun | None = None
    # The leader has removed what a kill left; the others look after it.
    goes_on = team.leads and is_begun(run_dir, FACTS_FILE, "a run")
    if team.any(goes_on):
        saved = open_run(run_dir)
        measure_as_before(task, saved.recipe)
        task, saved = with_more_steps(task, saved, asked=options.steps is not None)
    before = saved.facts.get("machine", {}) if saved else {}
    # A model that takes a minute or two on any machine is as fast in exact numbers.
    is_small = task.num_rows == 1
    machine = this_machine(
        options.device or ("cpu" if is_small else ""),
        options.precision or before.get("precision", "float32" if is_small else ""),
        team.local_rank,
    )
    if team.any(machine.precision == "float32"):  # each has measured for itself
        machine = replace(machine, precision="float32")
    same_team = before.get("processes") == team.size
    has_receipt = (run_dir / RECEIPT_FILE).exists()  # a crash may have come before
    earlier = read_sessions(run_dir) if saved and has_receipt else []
    run = EarlyStoppingRun(
        task,
        machine,
        team,
        Ledger.from_facts(earlier, process_began(), machine=machine.name),
        rows_at_once=options.rows_at_once
        or (before["rows_at_once"] if same_team else 0),
        compiles=machine.kind == "cuda" if options.compile is None else options.compile,
    )
    run.patience = options.patience
    if options.patience is None:
        run.patience = default_patience(task)
    run.patient_from = max(getattr(task.recipe, "restarts", ()), default=0)
    if saved:
        if isinstance(task, TextTask) and isinstance(saved.recipe, TextRecipe):
            refuse_changed_files(saved, saved.recipe.data, task)
        run.resume(saved)
        if team.leads:
            clear_leftovers(run_dir)
    return run


def refuse_changed_files(saved: SavedRun, said: str, task: TextTask) -> None:
    """Raise ValueError, which names them, if files of a run's text have changed.

    said is the folder of the prepared text that the run learned from.
    """
    if changes := changes_since(said, saved.facts["data"], task.corpus):
        raise ValueError(
            f"{saved.run_dir} learns from other texts ({changes}): give another "
            f"--run-dir, or put them back; {said} has them prepared as they were"
        )
