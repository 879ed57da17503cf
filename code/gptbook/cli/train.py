"""What `gptbook train` does with a text: alone or in a team, from the start or on."""

import argparse
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, redirect_stdout, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from gptbook.cli.progress import train_with_bar
from gptbook.data.chosen_text import corpus_for
from gptbook.data.corpus import Corpus
from gptbook.data.text_sources import check_text_length
from gptbook.data.tokenizer_files import save_tokenizer_file
from gptbook.files.lock import locked
from gptbook.files.shell import shell_words
from gptbook.machine.device import Machine, check_device, this_machine
from gptbook.machine.ledger import (
    RECEIPT_FILE,
    Ledger,
    process_began,
    read_sessions,
    save_sessions,
)
from gptbook.machine.team import Team, team_here, together
from gptbook.tasks.recipes import TextRecipe
from gptbook.tasks.saved_run import recipe_in
from gptbook.tasks.text import TextRun
from gptbook.tasks.text_model import fitting_rows
from gptbook.training.checkpoint import FACTS_FILE, load_checkpoint
from gptbook.training.curve import write_curve
from gptbook.training.run import Run, check_trained
from gptbook.training.run_folder import clear_leftovers, is_begun


def text_recipe_from(options: argparse.Namespace, chosen: TextRecipe) -> TextRecipe:
    """The recipe, changed as the options say."""
    if options.rate_scale is not None:
        chosen = replace(
            chosen,
            learning_rate=chosen.learning_rate * options.rate_scale,
            other_rate=chosen.other_rate * options.rate_scale,
        )
    return chosen


def train_text(
    options: argparse.Namespace, chosen: TextRecipe, words: Sequence[str]
) -> int:
    """Train a GPT on a text, or go on with it; exit code 130 if it was stopped."""
    team = team_here()
    with ExitStack() as stack:
        if not team.leads:  # one of a team speaks
            nowhere = Path(os.devnull)
            silence = stack.enter_context(nowhere.open("w", encoding="utf-8"))
            stack.enter_context(redirect_stdout(silence))
        check_machine_options(options, chosen, team)

        def prepare() -> Corpus:
            if options.run_dir and team.leads:  # refused before it does work
                stack.enter_context(locked(options.run_dir))
            return corpus_for(options.data)

        corpus = stack.enter_context(together(team, prepare))
        check_text_length(corpus, chosen.context_length)
        chosen = replace(
            text_recipe_from(options, chosen), data=str(corpus.folder.resolve())
        )
        usual = Path("runs") / f"{chosen.name}-{corpus.facts['name']}"
        run_dir = options.run_dir or usual
        if not options.run_dir:
            stack.enter_context(locked_for(team, run_dir))
        run = text_run_for(options, chosen, corpus, run_dir, team)
        team.any(False)  # no one saves before all have looked into the folder
        was_finished = run.is_finished
        if was_finished:
            print(f"{run_dir} is finished: all {chosen.num_steps:,} steps are done")
            with suppress(OSError):  # a kill may have come before them
                write_beside(run, run_dir)
        else:
            with memory_in_mind(run), watched(options, run, run_dir) as after_step:
                train_with_bar(run, run_dir, chosen.batch_tokens, after_step)
        if run.note:
            print(f"  It was not compiled, which would be faster: {run.note}")
        if not run.is_finished:
            done = f"{run.step:,} of {chosen.num_steps:,} steps"
            print(f"Stopped after {done}; everything is saved in {run_dir}.")
            print(f"To go on: {shell_words(['gptbook', *words])}")
            return 130
        with run.ledger.phase("evaluating"):
            for line in run.report():
                print(line, flush=True)
        if team.leads and not was_finished:
            save_sessions(run_dir, run.ledger)
        following = ["gptbook", "sample", str(run_dir), "--tokens", "300"]
        print(f"Next: {shell_words(following)}")
    return 0


def check_machine_options(
    options: argparse.Namespace, chosen: TextRecipe, team: Team
) -> None:
    """Raise ValueError for options that cannot be, before any text is prepared."""
    if options.device:
        check_device(options.device)
    any_machine = Machine(
        device="cpu", precision="float32", name="", memory_bytes=0, num_threads=1
    )
    fitting_rows(chosen, 1, any_machine, team, options.rows_at_once or 1)


def write_beside(run: TextRun, run_dir: Path) -> None:
    """Write a finished run's tokenizer and curve again; only one of a team does."""
    if run.team.leads:
        save_tokenizer_file(run_dir, run.corpus.tokenizer)
        write_curve(run_dir, run.recipe, run.losses, run.evaluations)


def text_run_for(
    options: argparse.Namespace,
    chosen: TextRecipe,
    corpus: Corpus,
    run_dir: Path,
    team: Team,
) -> TextRun:
    """The run in a folder, at the step where it was saved, or a new one.

    What decides the bits, precision and parts, is taken from the saved run.
    Raises ValueError if the folder holds something else.
    """
    saved: dict[str, Any] = {}
    # The leader has removed what a kill left; the others look after it.
    goes_on = team.leads and is_begun(run_dir, FACTS_FILE, "a run")
    if team.any(goes_on):
        tensors, facts = load_checkpoint(run_dir)
        used = recipe_in(facts, run_dir)
        if not isinstance(used, TextRecipe):
            raise ValueError(
                f"{run_dir} holds a run of {used.name}, not of {chosen.name}: "
                "give another --run-dir"
            )
        saved = facts["machine"]
        has_receipt = (run_dir / RECEIPT_FILE).exists()  # a crash may have come before
        earlier = read_sessions(run_dir) if has_receipt else []
    machine = this_machine(
        options.device or "",
        options.precision or saved.get("precision", ""),
        team.local_rank,
    )
    if team.any(machine.precision == "float32"):  # each has measured for itself
        machine = replace(machine, precision="float32")
    same_team = saved.get("processes") == team.size
    rows = options.rows_at_once or (saved["rows_at_once"] if same_team else 0)
    began = process_began()
    run = TextRun(
        chosen,
        corpus,
        machine,
        team=team,
        rows_at_once=rows,
        compiles=machine.kind == "cuda" if options.compile is None else options.compile,
        ledger=(
            Ledger.from_facts(earlier, began, machine=machine.name)
            if saved
            else Ledger(began, machine=machine.name)
        ),
    )
    if saved:
        run.take_over(tensors, facts, run_dir)
        check_trained(run.model.state_dict(), run_dir)
        if team.leads:
            clear_leftovers(run_dir)
    return run


@contextmanager
def locked_for(team: Team, run_dir: Path) -> Iterator[None]:
    """Keep a run folder for a team: the leader locks it, and all are refused as one.

    Raises ValueError if another process works there.
    """
    refusal: ValueError | None = None
    with ExitStack() as stack:
        if team.leads:
            try:
                stack.enter_context(locked(run_dir))
            except ValueError as error:
                refusal = error
        if team.any(refusal is not None):
            raise refusal or ValueError(f"{run_dir} is not for this team: see above")
        yield


@contextmanager
def memory_in_mind(run: TextRun) -> Iterator[None]:
    """Say what to halve where the memory is full. Raises ValueError then."""
    try:
        yield
    except (RuntimeError, MemoryError) as error:
        signs = ("out of memory", "allocate memory")
        if not isinstance(error, MemoryError) and not any(
            sign in str(error) for sign in signs
        ):
            raise
        rows = run.rows_at_once
        fewer = 1 if rows % 2 else rows // 2  # both divide the batch as rows does
        advice = (
            f"give --rows-at-once {fewer} (it was {rows})"
            if rows > 1
            else "take a smaller recipe, or a machine that has more of it"
        )
        raise ValueError(
            f"the memory of {run.machine.device} is full: {advice}; the step stays the "
            "same, and what was saved is kept"
        ) from None


@contextmanager
def watched(
    options: argparse.Namespace, run: TextRun, run_dir: Path
) -> Iterator[Callable[[Run], None] | None]:
    """Write every step for TensorBoard, if that is asked for.

    Raises ValueError if TensorBoard is not installed.
    """
    if not options.tensorboard or not run.team.leads:
        yield None
        return
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:
        raise ValueError(
            "--tensorboard needs a library that is not here: pip install tensorboard"
        ) from None
    folder = str(run_dir / "tensorboard")
    with SummaryWriter(folder, purge_step=run.step + 1) as writer:

        def write(now: Run) -> None:
            writer.add_scalar("loss/training", run.losses[-1], run.step)
            if run.evaluations and run.evaluations[-1]["step"] == run.step:
                held_out = run.evaluations[-1]["held_out_loss"]
                writer.add_scalar("loss/held_out", held_out, run.step)

        yield write
