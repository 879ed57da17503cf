"""The command line: says what it will do, does it, and says what to type next."""

import argparse
import os
import shlex
import sys
from collections.abc import Sequence
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from gptbook.recipes import NgramRecipe, Recipe, all_recipes, recipe

if TYPE_CHECKING:
    from gptbook.runs import Run

# Commands import what is slow to import (PyTorch, pandas) when they need it, so that --help comes at once.

DATA_SETS = {
    "iris": ("iris.csv", "150 iris flowers: four lengths in cm and the species"),
    "cities": ("cities.csv", "names of cities of the world in a-z, with their country"),
}


class SentenceParser(argparse.ArgumentParser):
    """A parser whose errors are one sentence."""

    def error(self, message: str) -> NoReturn:
        """Say what is wrong and where to read on; exit code 2."""
        self.exit(2, f"gptbook: {message}; {self.prog} --help explains\n")


def build_parser() -> argparse.ArgumentParser:
    """All commands and their options."""
    parser = SentenceParser(
        prog="gptbook",
        description="Train, try and measure the models of the book How GPTs Work.",
        epilog="example: gptbook train city-bigram",
    )
    parser.add_argument(
        "--version", action="version", version=f"gptbook {version('gptbook')}"
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    def command(
        name: str, text: str, example: str, group: Any = commands
    ) -> argparse.ArgumentParser:
        added: argparse.ArgumentParser = group.add_parser(
            name,
            help=text,
            description=f"{text[0].upper()}{text[1:]}.",
            epilog=f"example: {example}",
        )
        return added

    train = command(
        "train",
        "train a model, or go on with a run",
        "gptbook train city-4gram --seed 1",
    )
    train.add_argument("recipe", help=f"what to train: {', '.join(all_recipes())}")
    train.add_argument(
        "--run-dir", type=Path, help="folder of the run (default: runs/RECIPE)"
    )
    train.add_argument(
        "--seed",
        type=int,
        help="draws the starting numbers and the batches (default: 0)",
    )
    train.add_argument(
        "--steps", type=int, help="how many steps to train (default: the recipe's)"
    )
    train.add_argument(
        "--names",
        type=Path,
        metavar="FILE.csv",
        help="learn from your own list of names",
    )
    train.add_argument("--column", help="the column of that file which holds the names")
    train.set_defaults(run=train_command)

    sample = command(
        "sample",
        "let a trained model write names",
        "gptbook sample runs/city-bigram --start ca",
    )
    sample.add_argument("run_dir", type=Path, metavar="RUN", help="folder of a run")
    sample.add_argument(
        "--start", default="", help="letters that every name begins with"
    )
    sample.add_argument(
        "--count", type=int, default=10, help="how many names (default: 10)"
    )
    sample.add_argument(
        "--seed", type=int, default=0, help="draws the letters (default: 0)"
    )
    sample.set_defaults(run=sample_command)

    evaluate = command(
        "evaluate", "measure a trained model", "gptbook evaluate runs/city-bigram"
    )
    evaluate.add_argument("run_dir", type=Path, metavar="RUN", help="folder of a run")
    evaluate.add_argument(
        "--names", type=Path, metavar="FILE.csv", help="measure on these names instead"
    )
    evaluate.add_argument(
        "--column", help="the column of that file which holds the names"
    )
    evaluate.set_defaults(run=evaluate_command)

    data = command("data", "the tables that the models learn from", "gptbook data list")
    actions = data.add_subparsers(dest="action", required=True, metavar="ACTION")
    data_list = command("list", "list the tables", "gptbook data list", actions)
    data_list.set_defaults(run=data_list_command)
    prepare = command(
        "prepare",
        "check that a table is there and whole",
        "gptbook data prepare cities",
        actions,
    )
    prepare.add_argument("name", help=f"which table: {', '.join(DATA_SETS)}")
    prepare.set_defaults(run=data_prepare_command)

    return parser


def recipe_from(options: argparse.Namespace) -> Recipe:
    """The named recipe with what the options change. Raises ValueError if they do not go together."""
    chosen = recipe(options.recipe)
    if options.seed is not None:
        chosen = replace(chosen, seed=options.seed)
    if options.steps is not None:
        chosen = replace(chosen, num_steps=options.steps)
    if options.names is None and options.column is None:
        return chosen
    if not isinstance(chosen, NgramRecipe):
        raise ValueError(
            f"{chosen.name} does not learn from names: leave out --names and --column"
        )
    check_names_options(options)
    return replace(
        chosen, names_file=str(options.names.resolve()), column=options.column
    )


def check_names_options(options: argparse.Namespace) -> None:
    """Raise ValueError unless --names and --column come together."""
    if options.names is None:
        raise ValueError(
            "--column needs --names: give the CSV file that has this column"
        )
    if options.column is None:
        raise ValueError(
            "--names needs --column: say which column of the file holds the names"
        )


def train_command(options: argparse.Namespace) -> int:
    """Train, or go on with a run."""
    chosen = recipe_from(options)
    own_list = f"-{options.names.stem}" if options.names else ""
    run_dir = options.run_dir or Path("runs") / f"{chosen.name}{own_list}"
    check_run_dir(run_dir)

    from tqdm import tqdm

    from gptbook.checkpoint import FACTS_FILE
    from gptbook.runs import NamesRun, Run, new_run, train_run

    run = new_run(chosen)
    if (run_dir / FACTS_FILE).exists():
        run.go_on_from(run_dir)
    if run.is_finished:
        print(f"{run_dir} is finished: all {chosen.num_steps:,} steps are done.")
    else:
        print(describe(run))
        print(f"  parameters  {run.num_parameters:,}")
        begun = f", {run.step:,} of them done already" if run.step else ""
        print(
            f"  steps       {chosen.num_steps:,}{begun}: {spoken_time(run.seconds_left())} on this machine"
        )
        print(f"  saved in    {run_dir} (Ctrl-C saves and stops)", flush=True)
        with tqdm(
            total=chosen.num_steps, initial=run.step, unit=" steps", disable=None
        ) as bar:

            def show(run: Run) -> None:
                bar.set_postfix_str(f"loss {run.losses[-1]:.3f}", refresh=False)
                bar.update()

            train_run(run, run_dir, show)
        if not run.is_finished:
            print(
                f"Stopped after {run.step:,} of {chosen.num_steps:,} steps; everything is saved in {run_dir}."
            )
            print(f"To go on: {shlex.join(['gptbook', *options.words])}")
            return 130
    report(run)
    if isinstance(run, NamesRun):
        samples = write_names(run_dir, start="", count=3, seed=0)
        print(f"  it writes      {', '.join(samples)}")
        start = shlex.quote(run.training[0][:2])
        print(
            f"Next: gptbook sample {shlex.quote(str(run_dir))} --start {start} --count 10 --seed 1"
        )
    else:
        print("Next: gptbook train city-bigram")
    return 0


def describe(run: "Run") -> str:
    """What will be trained, on what."""
    from gptbook.runs import NamesRun

    if isinstance(run, NamesRun):
        letters = (
            "1 letter"
            if run.recipe.context_length == 1
            else f"{run.recipe.context_length} letters"
        )
        return (
            f"{run.recipe.name}: a net that reads {letters} and predicts the next one\n"
            f"  learns from {len(run.training):,} names ({run.num_positions:,} positions); "
            f"{len(run.held_out):,} others are kept to measure with"
        )
    return f"{run.recipe.name}: a net that tells three species of iris apart\n  learns from 150 flowers"


def report(run: "Run") -> None:
    """Print how good the model is, on what it has not seen."""
    from gptbook.runs import NamesRun

    if isinstance(run, NamesRun):
        found = run.measure()
        print(
            f"  held-out loss  {found['held-out loss']:.3f} nats per position, on {len(run.held_out):,} "
            f"names that it never saw (uniform guess: {found['uniform guess']:.3f})\n"
            f"  training loss  {found['training loss']:.3f}; "
            f"no model with this context can be below {found['floor']:.3f}",
            flush=True,
        )
    else:
        print(
            "  training 50 more nets, each without the fifth of the flowers that tests it ...",
            flush=True,
        )
        found = run.measure()
        print(
            f"  accuracy       {found['accuracy']:.1%} on flowers that a net has not seen "
            f"(95% interval {found['low']:.1%} to {found['high']:.1%}; 5 folds, 10 times)\n"
            f"                 {found['seen accuracy']:.1%} on the flowers that this one has seen",
            flush=True,
        )


def check_run_dir(run_dir: Path) -> None:
    """Raise ValueError if a run must not be saved here, because something else is here already."""
    from gptbook.checkpoint import FACTS_FILE

    if run_dir.exists() and not run_dir.is_dir():
        raise ValueError(f"{run_dir} is a file, not a folder: give another --run-dir")
    if (
        run_dir.is_dir()
        and any(run_dir.iterdir())
        and not (run_dir / FACTS_FILE).exists()
    ):
        raise ValueError(
            f"{run_dir} holds something else than a run: give another --run-dir, nothing was changed"
        )


def spoken_time(seconds: float) -> str:
    """A duration as one says it."""
    for unit, size in (("h", 3600), ("min", 60), ("s", 1)):
        if seconds >= 2 * size:
            return f"about {seconds / size:.0f} {unit}"
    return "a second or two"


def write_names(run_dir: Path, start: str, count: int, seed: int) -> list[str]:
    """Let the run in a folder write names. Raises ValueError for a count below 1 or an unknown letter."""
    if count < 1:
        raise ValueError(f"--count is {count}: ask for 1 name or more")
    if seed < 0:
        raise ValueError(f"--seed is {seed}: give 0 or more")

    import torch

    from gptbook.generate import generate_name
    from gptbook.runs import load_speller

    net, tokenizer, used, longest_name = load_speller(run_dir)
    generator = torch.Generator().manual_seed(seed)
    return [
        generate_name(
            net,
            tokenizer,
            used.context_length,
            generator,
            start,
            max_letters=2 * longest_name,
        )
        for _ in range(count)
    ]


def sample_command(options: argparse.Namespace) -> int:
    """Print names, one a line."""
    for name in write_names(
        options.run_dir, options.start, options.count, options.seed
    ):
        print(name)
    return 0


def evaluate_command(options: argparse.Namespace) -> int:
    """Print how good a run's model is."""
    if options.names is not None or options.column is not None:
        check_names_options(options)

    from gptbook.datasets import read_names
    from gptbook.runs import NamesRun, load_run

    run = load_run(options.run_dir)
    print(
        f"{options.run_dir}: {run.recipe.name} after {run.step:,} of {run.recipe.num_steps:,} steps"
    )
    if options.names is None:
        report(run)
        return 0
    if not isinstance(run, NamesRun):
        raise ValueError(
            f"{options.run_dir} holds a run of {run.recipe.name}, which reads no names: leave out --names"
        )
    names = read_names(options.names, options.column)
    loss = run.surprise_at(names)
    print(
        f"  loss on the {len(names):,} names of {options.names}: {loss:.3f} nats per position"
    )
    return 0


def data_list_command(options: argparse.Namespace) -> int:
    """Print the tables."""
    for name, (file, text) in DATA_SETS.items():
        print(f"{name:8}{text} ({file})")
    return 0


def data_prepare_command(options: argparse.Namespace) -> int:
    """Read a table whole and say where it lies."""
    if options.name not in DATA_SETS:
        raise ValueError(
            f'there is no table "{options.name}": choose one of {", ".join(DATA_SETS)}'
        )

    from gptbook.datasets import data_file, read_table

    path = data_file(DATA_SETS[options.name][0])
    table = read_table(path)
    print(
        f"{options.name} is ready: {len(table):,} rows with {', '.join(table.columns)} in {path}"
    )
    return 0


def main(words: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code: 0 done, 2 a mistake to correct, 130 stopped by Ctrl-C.

    What the reader can put right comes as one sentence; a bug of ours keeps its traceback.
    """
    words = list(sys.argv[1:] if words is None else words)
    try:
        options = build_parser().parse_args(words)
        options.words = words
        code: int = options.run(options)
        sys.stdout.flush()
    except (
        SystemExit
    ) as stop:  # argparse: --help, --version, or a word it does not know
        return int(stop.code or 0)
    except (
        BrokenPipeError
    ):  # `gptbook sample RUN | head -1`: the reader of our output has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    except KeyboardInterrupt:
        print("gptbook: stopped", file=sys.stderr)
        return 130
    except (ValueError, OSError) as error:
        print(f"gptbook: {one_sentence(error)}", file=sys.stderr)
        return 2
    return code


def one_sentence(error: Exception) -> str:
    """What went wrong, on one line."""
    text = str(error)
    if isinstance(error, OSError) and error.strerror:
        text = (
            f"{error.filename}: {error.strerror}" if error.filename else error.strerror
        )
    return " ".join(text.split())
