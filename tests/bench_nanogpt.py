"""Our loop beside nanoGPT's, on one machine in one run: tokens a second, and seconds to the same loss.

It needs a clone of nanoGPT (github.com/karpathy/nanoGPT) in .cache/nanogpt, and Tiny Shakespeare. nanoGPT is run as
its README says for "a macbook (or other cheap computer)": 4 blocks of 128, a context of 64 letters, batches of 12.
"""

import argparse
import pickle
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

from fair import same_threads, spread, verdict, watched_load
from runs import text_run

from gptbook.data.corpus import Corpus, open_corpus
from gptbook.data.prepare import prepare_corpus
from gptbook.machine.device import this_machine, timed
from gptbook.tasks.recipe_words import laptop
from gptbook.tasks.recipes import TextRecipe

THEIR_OPTIONS = [
    "config/train_shakespeare_char.py",
    "--device=cpu",
    "--compile=False",
    "--eval_iters=20",
    "--block_size=64",
    "--batch_size=12",
    "--n_layer=4",
    "--n_head=4",
    "--n_embd=128",
    "--lr_decay_iters=2000",
    "--dropout=0.0",
]
SAME_SHAPE = {"num_layers": 4, "num_heads": 4, "model_dim": 128, "mlp_dim": 512, "context_length": 64}
SHORT = 60  # steps for the speed
WANTED_SPEEDUP = 4.0


def their_copy(clone: Path, corpus: Corpus, folder: Path) -> Path:
    """nanoGPT in a folder of its own, with the text in its format: the same letters, numbered from 0."""
    copy = folder / "nanogpt"
    shutil.copytree(clone, copy, ignore=shutil.ignore_patterns(".git", "out*"))
    data = copy / "data" / "shakespeare_char"
    data.mkdir(parents=True, exist_ok=True)
    (corpus.training - 1).tofile(data / "train.bin")
    (corpus.held_out - 1).tofile(data / "val.bin")
    labels = corpus.tokenizer.labels[1:]
    numbers = {label: number for number, label in enumerate(labels)}
    facts = {"vocab_size": len(labels), "itos": dict(enumerate(labels)), "stoi": numbers}
    (data / "meta.pkl").write_bytes(pickle.dumps(facts))
    return copy


def run_theirs(copy: Path, *options: str) -> tuple[str, float]:
    """What nanoGPT printed, and the seconds that it took, start included."""
    began = time.perf_counter()
    command = [sys.executable, "train.py", *THEIR_OPTIONS, *options]
    done = subprocess.run(command, cwd=copy, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"nanoGPT failed: {done.stderr[-500:]}")
    return done.stdout, time.perf_counter() - began


def their_step(copy: Path) -> float:
    """Seconds of a step of nanoGPT: the median of those that it prints."""
    text, _ = run_theirs(copy, f"--max_iters={SHORT}", "--eval_interval=100000", "--log_interval=1")
    steps = [float(number) for number in re.findall(r"iter \d+: .*time ([\d.]+)ms", text)]
    return statistics.median(steps[10:]) / 1000


def our_step(recipe: TextRecipe, corpus: Corpus, precision: str, compiles: bool) -> float:
    """Seconds of one of our steps: the median."""
    machine = this_machine("cpu", precision)
    run = text_run(recipe, corpus, machine, compiles=compiles)
    run.training_step()  # the first step also pays for compiling

    def step() -> None:
        run.forward_backward()
        run.optimizer_step()

    return statistics.median([timed(step, machine) for _ in range(SHORT)][10:])


def compare_speed(copy: Path, corpus: Corpus, num_rounds: int) -> None:
    """Tokens a second for GPTs of the same sizes with the same batch: GPT-2's form, and the modern one."""
    modern = replace(laptop(), batch_size=12, **SAME_SHAPE)
    as_gpt2 = replace(modern, form="gpt-2", optimizer="adamw", learning_rate=1e-3, other_rate=1e-3)
    as_modern = replace(modern, optimizer="adamw", learning_rate=1e-3, other_rate=1e-3)
    ways = {
        "GPT-2's form, float32": (as_gpt2, "float32", False),
        "GPT-2's form, bfloat16": (as_gpt2, "bfloat16", False),
        "modern form, float32, compiled": (as_modern, "float32", True),
        "modern form, bfloat16, compiled": (as_modern, "bfloat16", True),
    }
    ratios: dict[str, list[float]] = {way: [] for way in ways}
    with watched_load() as load:
        for _ in range(num_rounds):
            theirs = their_step(copy)
            for way, (recipe, precision, compiles) in ways.items():
                ratios[way].append(theirs / our_step(recipe, corpus, precision, compiles))
    print(f"Tokens a second, the same sizes and batch, AdamW; {num_rounds} rounds, in turn. Median (least to most):")
    if load.is_busy:
        print("  (not to be trusted: others computed, too)")
    for way, found in ratios.items():
        print(f"  {way}: {spread(found, 2)} times nanoGPT's, which computes in float32")


def compare_time_to_loss(copy: Path, corpus: Corpus, num_rounds: int, threads: int) -> int:
    """Seconds to the loss that nanoGPT has after its 2,000 steps, starts and measurements included; the exit code."""
    command = [sys.executable, __file__, "--train-only", str(corpus.folder), "--threads", str(threads)]
    goals, losses, ratios = [], [], []
    with watched_load() as load:
        for _ in range(num_rounds):
            text, theirs = run_theirs(copy, "--max_iters=2000", "--eval_interval=250")
            goals.append(min(float(loss) for loss in re.findall(r"val loss ([\d.]+)", text)))
            began = time.perf_counter()
            printed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
            ratios.append(theirs / (time.perf_counter() - began))
            losses.append(float(printed.split()[-1]))
    goal, loss = statistics.median(goals), statistics.median(losses)
    print("Tiny Shakespeare in letters, 64 of them as context, on the last tenth of the text:")
    print(f"  nanoGPT {goal:.3f} nats (the best of its measurements), ours {loss:.3f}")
    print(f"  ours is there {spread(ratios, 1)} times as fast; {num_rounds} rounds, in turn, median (least to most)")
    holds = loss <= goal and statistics.median(ratios) >= WANTED_SPEEDUP
    return verdict(f"At most its loss, at least {WANTED_SPEEDUP:.0f} times as fast", holds, load)


def train_ours(corpus: Corpus) -> float:
    """Train the modern form of the same sizes, save it, and return its held-out loss."""
    recipe = replace(laptop(), num_steps=190, batch_size=24, evaluate_every=1000, num_windows=10_000, **SAME_SHAPE)
    run = text_run(recipe, corpus, this_machine())
    while not run.is_finished:
        run.training_step()
    with tempfile.TemporaryDirectory() as folder:
        run.save(Path(folder))
    return run.evaluations[-1]["held_out_loss"]


def main() -> int:
    """Run the comparison. Returns 0 if we are as much faster as the book says, 1 if not, 3 if others compute."""
    parser = argparse.ArgumentParser(description=__doc__, epilog="example: python tests/bench_nanogpt.py --rounds 3")
    parser.add_argument("--clone", type=Path, default=Path(".cache/nanogpt"), help="where nanoGPT lies")
    parser.add_argument("--text", default="shakespeare", help="shakespeare, or the file if it cannot be downloaded")
    parser.add_argument("--rounds", type=int, default=5, help="of the speed (default: 5)")
    parser.add_argument("--loss-rounds", type=int, default=3, help="of the time to a loss (default: 3)")
    parser.add_argument("--threads", type=int, default=1, metavar="N", help="processor cores to use (default: 1)")
    parser.add_argument("--train-only", type=Path, help=argparse.SUPPRESS)  # what this script starts by itself
    options = parser.parse_args()
    same_threads(options.threads)
    if options.train_only:
        print(train_ours(open_corpus(options.train_only)))
        return 0
    if not (options.clone / "train.py").is_file():
        print(f"bench_nanogpt: skipped, there is no {options.clone}/train.py: clone github.com/karpathy/nanoGPT there")
        return 0
    corpus = prepare_corpus(options.text, tokenizer="characters")
    with tempfile.TemporaryDirectory() as folder:
        copy = their_copy(options.clone, corpus, Path(folder))
        compare_speed(copy, corpus, options.rounds)
        return compare_time_to_loss(copy, corpus, options.loss_rounds, options.threads)


if __name__ == "__main__":
    sys.exit(main())
