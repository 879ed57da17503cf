"""Speed, as ratios of two ways in one run: absolute times belong to a machine, ratios travel.

Both ways train the same bigram net from the same seed, in turn, several times; medians are compared. The plain recipe takes
4,000 steps on batches of 64 positions; the exact one sees every context in each step, weighted by its counts.
"""

import argparse
import statistics
import sys
import time
from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor

from gptbook.datasets import city_names, split_names
from gptbook.loss import conditional_entropy
from gptbook.ngram import NgramCounts, NgramNet, context_windows, unique_contexts
from gptbook.tokenizer import CharacterTokenizer
from gptbook.train import mean_surprise, train_on_batches, train_on_counts

WANTED_SPEEDUP = 10.0
WANTED_GAP = 0.005  # nats above the floor


def timed(train: Callable[[NgramNet, int], object], seed: int) -> tuple[float, NgramNet]:
    """Train a new net. Returns the seconds that it took, and the net."""
    torch.manual_seed(seed)
    net = NgramNet(vocab_size=27, context_length=1)
    began = time.perf_counter()
    train(net, seed)
    return time.perf_counter() - began, net


def median(numbers: list[float]) -> float:
    return statistics.median(numbers)


def compare_bigram_training(num_rounds: int, batch_steps: int) -> bool:
    """Print how the two ways compare; returns whether the exact one is as much better as the book says."""
    names = city_names()
    tokenizer = CharacterTokenizer.from_texts(names)
    training, held_out = (context_windows(part, tokenizer, 1) for part in split_names(names))
    began = time.perf_counter()
    rows: tuple[Tensor, Tensor] = unique_contexts(*training, tokenizer.vocab_size)
    counting = time.perf_counter() - began
    floor = conditional_entropy(rows[1])
    counts_held_out = mean_surprise(NgramCounts(1, tokenizer.vocab_size).fit(*training), *held_out)

    def plain(net: NgramNet, seed: int) -> None:
        train_on_batches(net, *training, num_steps=batch_steps, seed=seed)

    def exact(net: NgramNet, seed: int, num_steps: int) -> None:
        train_on_counts(net, *rows, num_steps=num_steps, seed=seed)

    ways: dict[str, Callable[[NgramNet, int], object]] = {
        f"batches of 64, {batch_steps:,} steps": plain,
        "counts, 200 steps": partial(exact, num_steps=200),
        "counts, 400 steps": partial(exact, num_steps=400),
    }
    seconds: dict[str, list[float]] = {way: [] for way in ways}
    gaps: dict[str, list[float]] = {way: [] for way in ways}
    unseen: dict[str, list[float]] = {way: [] for way in ways}
    for seed in range(num_rounds):
        for way, train in ways.items():
            taken, net = timed(train, seed)
            seconds[way].append(taken)
            gaps[way].append(mean_surprise(net, *training) - floor)
            unseen[way].append(mean_surprise(net, *held_out) - counts_held_out)
            print(f"\rround {seed + 1} of {num_rounds}: {way:<34}", end="", file=sys.stderr, flush=True)
    print(f"\r{'':<60}\r", end="", file=sys.stderr, flush=True)

    print(f"bigram net, {len(training[1]):,} positions, {len(rows[0])} different contexts, {num_rounds} rounds in turn")
    print(f"counting the contexts takes {1000 * counting:.0f} ms, once; it is part of the ratios")
    print(f"{'':<32}{'seconds':>16}{'above the floor':>20}{'above the counts, held out':>30}")
    first, *others = ways
    for way in ways:
        spread = f"{median(seconds[way]):.2f} ({min(seconds[way]):.2f}-{max(seconds[way]):.2f})"
        print(f"{way:<32}{spread:>16}{median(gaps[way]):>15.4f} nats{median(unseen[way]):>25.4f} nats")
    holds = True
    for way in others:
        by_round = [slow / (fast + counting) for slow, fast in zip(seconds[first], seconds[way])]
        is_lower = max(gaps[way]) < min(gaps[first])
        print(
            f"{way}: {median(by_round):.0f} times as fast as {first} (rounds: {min(by_round):.0f}-{max(by_round):.0f}), "
            f"to a {'lower' if is_lower else 'HIGHER'} loss in every round"
        )
        holds &= median(by_round) >= WANTED_SPEEDUP and is_lower and max(gaps[way]) < WANTED_GAP
    return holds


def main() -> int:
    """Run the benchmarks. Returns 0 if the ratios are what the book says, else 1."""
    parser = argparse.ArgumentParser(
        description="Measure ratios of speed: what the book says about training on counts.",
        epilog="example: python tests/bench.py --quick",
    )
    parser.add_argument("--quick", action="store_true", help="one round of each, instead of five (about 10 s)")
    parser.add_argument("--threads", type=int, default=1, metavar="N", help="processor cores to use (default: 1)")
    options = parser.parse_args()
    if options.threads < 1:
        parser.error(f"--threads is {options.threads}: give 1 or more")
    torch.set_num_threads(options.threads)
    holds = compare_bigram_training(num_rounds=1 if options.quick else 5, batch_steps=4000)
    wanted = f"at least {WANTED_SPEEDUP:.0f} times as fast, to a lower loss, within {WANTED_GAP} nats of the floor"
    print(f"{wanted}: {'yes' if holds else 'NO'}")
    return 0 if holds else 1


if __name__ == "__main__":
    sys.exit(main())
