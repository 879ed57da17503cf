"""Speed, as ratios of two ways in one run: absolute times belong to a machine, ratios travel.

The first two ways train the same bigram net from the same seed, in turn, several times. The plain recipe takes 4,000
steps on batches of 64 positions; the exact one takes 200 steps, and each sees all contexts, weighted by their counts.
"""

import argparse
import random
import statistics
import sys
import time
from collections.abc import Callable
from string import ascii_lowercase

import torch
from fair import in_turn_seconds, same_threads, spread, verdict, watched_load

from gptbook.data.bpe import BytePairTokenizer
from gptbook.data.docstrings import docstrings
from gptbook.data.quick_pieces import QuickTokenizer
from gptbook.data.tables import city_names, split_names
from gptbook.data.tokenizer import CharacterTokenizer
from gptbook.generation.generate import generate_tokens
from gptbook.generation.sampling import stream_tokens
from gptbook.models.attention import causal_attention, fused_attention
from gptbook.models.gpt import GPT, GPTConfig
from gptbook.models.ngram import NgramCounts, NgramNet, context_windows, unique_contexts
from gptbook.training.loops import train_on_batches, train_on_counts
from gptbook.training.loss import conditional_entropy
from gptbook.training.measure import mean_surprise

WANTED_SPEEDUP = 10.0
WANTED_GAP = 0.005  # nats above the floor


def compare_bigram_training(num_rounds: int) -> int:
    """Print how the two ways compare; returns 0 if the exact one is as much better as the book says."""
    names = city_names()
    tokenizer = CharacterTokenizer.from_texts(names)
    training, held_out = (context_windows(part, tokenizer, 1) for part in split_names(names))
    began = time.perf_counter()
    rows = unique_contexts(*training, tokenizer.vocab_size)
    counting = time.perf_counter() - began
    floor = conditional_entropy(rows[1])
    counts_loss = mean_surprise(NgramCounts(1, tokenizer.vocab_size).fit(*training), *held_out)

    ways: dict[str, Callable[[NgramNet, int], object]] = {
        "batches of 64, 4,000 steps": lambda net, seed: train_on_batches(net, *training, seed=seed),
        "counts, 200 steps": lambda net, seed: train_on_counts(net, *rows, num_steps=200, seed=seed),
    }
    seconds: dict[str, list[float]] = {way: [] for way in ways}
    gaps: dict[str, list[float]] = {way: [] for way in ways}
    held_out_gaps: dict[str, list[float]] = {way: [] for way in ways}
    with watched_load() as load:
        for seed in range(num_rounds):
            for way, train in ways.items():
                print(f"\rround {seed + 1} of {num_rounds}: {way:<40}", end="", file=sys.stderr, flush=True)
                torch.manual_seed(seed)
                net = NgramNet(tokenizer.vocab_size, context_length=1)
                began = time.perf_counter()
                train(net, seed)
                seconds[way].append(time.perf_counter() - began)
                gaps[way].append(mean_surprise(net, *training) - floor)
                held_out_gaps[way].append(mean_surprise(net, *held_out) - counts_loss)
    print(f"\r{'':<60}\r", end="", file=sys.stderr, flush=True)

    print(f"A bigram net on {len(training[1]):,} positions with {len(rows[0])} contexts; {num_rounds} rounds, in turn.")
    print("Median (least to most):\n")
    print(f"{'':<28}{'seconds':<24}{'nats above the floor':<32}nats above counts, held out")
    for way in ways:
        row = (spread(seconds[way], 2), spread(gaps[way], 4), spread(held_out_gaps[way], 4))
        print(f"{way:<28}{row[0]:<24}{row[1]:<32}{row[2]}")

    plain, exact = ways
    ratios = [slow / (counting + fast) for slow, fast in zip(seconds[plain], seconds[exact])]
    lower = max(gaps[exact]) < min(gaps[plain])
    print(f"\nTraining on counts is {spread(ratios, 0)} times as fast, with the {1000 * counting:.0f} ms for counting,")
    print(f"and ends {'lower' if lower else 'HIGHER'} in every round.")
    holds = statistics.median(ratios) >= WANTED_SPEEDUP and lower and max(gaps[exact]) < WANTED_GAP
    return verdict(f"At least {WANTED_SPEEDUP:.0f} times as fast, lower, within {WANTED_GAP} nats", holds, load)


def compare(title: str, ways: dict[str, Callable[[], object]], num_rounds: int) -> None:
    """Print how many times as fast the last way is as each other: medians of rounds, the ways in turn."""
    for way in ways.values():
        way()  # the first call also pays for setting up
    with watched_load() as load:
        seconds = in_turn_seconds(ways, num_rounds)
    *others, last = ways
    print(f"{title}; {num_rounds} rounds, in turn. Median (least to most){', NOT TO BE TRUSTED' * load.is_busy}:")
    for other in others:
        ratios = [slow / fast for slow, fast in zip(seconds[other], seconds[last])]
        print(f"  {last} is {spread(ratios, 1)} times as fast as {other}")


def compare_models(num_rounds: int) -> None:
    """Attention in two ways, generation with and without the cache, our GPT-2 beside that of transformers."""
    from transformers import GPT2Config, GPT2LMHeadModel  # slow to import: only here

    torch.manual_seed(0)
    q, k, v = (torch.randn(4, 8, 256, 32, requires_grad=True) for _ in range(3))
    ways: dict[str, Callable[[], object]] = {
        "attention written out": lambda: causal_attention(q, k, v).sum().backward(),
        "fused attention": lambda: fused_attention(q, k, v).sum().backward(),
    }
    compare("Forward and backward, 8 heads, 256 positions", ways, num_rounds)

    config = GPTConfig(vocab_size=1000, context_length=256, num_layers=4, num_heads=4, model_dim=256, mlp_dim=1024)
    model = GPT(config).eval()
    ways = {
        "without": lambda: generate_tokens(model, [0], 200, temperature=0, use_cache=False),
        "generation with the cache": lambda: generate_tokens(model, [0], 200, temperature=0),
    }
    compare("200 tokens, 4 blocks of 256", ways, num_rounds)

    theirs = GPT2LMHeadModel(
        GPT2Config(vocab_size=1000, n_positions=256, n_embd=256, n_layer=4, n_head=4, bos_token_id=0, eos_token_id=0)
    ).eval()
    tokens = torch.randint(1000, (8, 256))
    ways = {
        "that of transformers": lambda: theirs(tokens).logits.sum().backward(),
        "our GPT-2": lambda: model(tokens).sum().backward(),
    }
    compare("Forward and backward, 8 texts of 256 tokens, 4 blocks of 256", ways, num_rounds)


def compare_byte_pairs(num_rounds: int) -> None:
    """Learning and applying byte pairs beside the library tokenizers: many words, and one long word."""
    from tokenizers import Tokenizer, models, pre_tokenizers, trainers  # needed here only

    draw = random.Random(0)
    texts = {
        "docstrings": "\n".join(docstrings(["numpy"])),
        "one word of 20,000 letters": "".join(draw.choice(ascii_lowercase) for _ in range(20_000)),
        "20,000 letters of DNA": "".join(draw.choice("ACGT") for _ in range(20_000)),
        "100,000 letters of DNA": "".join(draw.choice("ACGT") for _ in range(100_000)),
        "one word of 32,000 letters": "".join(draw.choice(ascii_lowercase) for _ in range(32_000)),
    }
    for name, text in texts.items():
        theirs = Tokenizer(models.BPE())
        theirs.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
        alphabet = pre_tokenizers.ByteLevel.alphabet()
        trainer = trainers.BpeTrainer(vocab_size=1000, initial_alphabet=alphabet, show_progress=False)
        ways: dict[str, Callable[[], object]] = {
            "the library tokenizers": lambda theirs=theirs, text=text, trainer=trainer: theirs.train_from_iterator(
                [text], trainer
            ),
            "our byte pairs": lambda text=text: BytePairTokenizer.learn([text], 1000),
        }
        compare(f"Learning 744 merges from {name}", ways, num_rounds)
        ours = BytePairTokenizer.learn([text], 1000)
        assert ours.encode(text) == theirs.encode(text).ids, "ours are other tokens"
        ways = {
            "the library tokenizers": lambda theirs=theirs, text=text: theirs.encode(text),
            "our byte pairs": lambda ours=ours, text=text: BytePairTokenizer(ours.merges).encode(text),
            "our way for whole corpora": lambda ours=ours, text=text: QuickTokenizer(ours).encode(text),
        }
        compare(f"Encoding {name}", ways, num_rounds)


def reading_speed() -> float:
    """Bytes a second that this machine reads: the best of five sums over half a gigabyte."""
    numbers = torch.ones(125_000_000)
    seconds = []
    for _ in range(6):
        began = time.perf_counter()
        numbers.sum()
        seconds.append(time.perf_counter() - began)
    return 4 * len(numbers) / min(seconds[1:])


def compare_writing(num_rounds: int) -> None:
    """Tokens a second of GPT-2 small at batch 1, beside transformers, and the share of what the memory allows."""
    from transformers import GPT2Config, GPT2LMHeadModel  # slow to import: only here

    config, num_new = GPTConfig(), 10 if num_rounds == 1 else 64
    start = [5, 6, 7, 8]
    torch.manual_seed(0)
    ours = GPT(config).eval()
    theirs = GPT2LMHeadModel(GPT2Config(bos_token_id=0, eos_token_id=0)).eval()
    read = sum(p.numel() for name, p in ours.named_parameters() if name != "position_embedding.weight")
    for dtype, size in ((torch.float32, 4), (torch.bfloat16, 2)):
        ours.to(dtype)
        theirs.to(dtype)
        ways: dict[str, Callable[[], object]] = {
            "transformers": lambda: theirs.generate(
                torch.tensor([start]), max_new_tokens=num_new, min_new_tokens=num_new, do_sample=False, pad_token_id=0
            ),
            "our GPT": lambda: list(stream_tokens(ours, start, num_new, temperature=0)),
        }
        title = f"{num_new} tokens, GPT-2 small, batch 1, {str(dtype).removeprefix('torch.')} in both"
        compare(title, ways, num_rounds)
        began = time.perf_counter()
        ways["our GPT"]()
        speed = num_new / (time.perf_counter() - began)
        limit = reading_speed() / (size * read)
        print(f"  {speed:.0f} tokens a second; reading the weights allows {limit:.0f}: {speed / limit:.0%} reached")


def main() -> int:
    """Run the benchmarks. Returns 0 if the ratios are what the book says, 1 if not, 3 if others compute."""
    parser = argparse.ArgumentParser(
        description="Measure ratios of speed: training on counts, attention, the cache, GPT-2, writing.",
        epilog="example: python tests/bench.py --quick",
    )
    parser.add_argument("--quick", action="store_true", help="one round instead of five (about a minute)")
    parser.add_argument("--threads", type=int, default=1, metavar="N", help="processor cores to use (default: 1)")
    options = parser.parse_args()
    if options.threads < 1:
        parser.error(f"--threads is {options.threads}: give 1 or more")
    same_threads(options.threads)
    num_rounds = 1 if options.quick else 5
    code = compare_bigram_training(num_rounds)
    compare_byte_pairs(num_rounds)
    compare_models(num_rounds)
    compare_writing(num_rounds)
    return code


if __name__ == "__main__":
    sys.exit(main())
