"""Batches of a long text: windows of tokens, and what comes next at each position."""

from functools import lru_cache
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

Tokens = NDArray[np.uint16]


def token_batch(
    tokens: Tokens,
    context_length: int,
    batch_size: int,
    step: int,
    seed: int,
    rows: slice = slice(None),
) -> tuple[Tensor, Tensor]:
    """The windows of a step, and for each of their positions the token after it.

    A pure function of seed and step, so a run that goes on needs no memory of what it
    has seen. The text is cut into windows, each is seen once before any is seen again,
    in an order that is drawn anew each time round; so are the places of the cuts.
    rows takes some of the windows only: a part that fits into memory, or the share of
    one device. Shapes: tokens (P,), the results (B, T), or as many rows as were asked.
    Raises ValueError for fewer than T + 1 tokens.
    """
    check_long_enough(len(tokens), context_length)
    num_windows = max(1, (len(tokens) - context_length) // context_length)
    numbers = np.arange(step * batch_size, (step + 1) * batch_size)[rows]
    starts = np.empty(len(numbers), dtype=np.int64)
    for round_number in np.unique(numbers // num_windows).tolist():
        order, offset = cuts(len(tokens), context_length, seed, round_number)
        here = numbers // num_windows == round_number
        starts[here] = order[numbers[here] % num_windows] * context_length + offset
    return windows_at(tokens, starts, context_length)


@lru_cache(maxsize=4)
def cuts(
    num_tokens: int, context_length: int, seed: int, round_number: int
) -> tuple[NDArray[np.int64], int]:
    """The order of the windows in one round through the text, and where it begins."""
    num_windows = max(1, (num_tokens - context_length) // context_length)
    slack = num_tokens - 1 - num_windows * context_length
    generator = torch.Generator().manual_seed(seed * 1_000_003 + round_number)
    order = torch.randperm(num_windows, generator=generator).numpy()
    most = min(context_length, slack + 1)
    return order, int(torch.randint(most, (), generator=generator))


def fixed_windows(
    tokens: Tokens, context_length: int, num_windows: int
) -> tuple[Tensor, Tensor]:
    """Windows spread evenly over a text, always the same ones: to measure on.

    Shapes: tokens (P,), the results (B, T); B is num_windows, or fewer if windows would
    overlap. Raises ValueError for fewer than T + 1 tokens.
    """
    check_long_enough(len(tokens), context_length)
    most = (len(tokens) - 1) // context_length
    last = len(tokens) - 1 - context_length
    starts = np.linspace(0, last, min(num_windows, most)).astype(np.int64)
    return windows_at(tokens, starts, context_length)


def windows_at(
    tokens: Tokens, starts: NDArray[np.int64], context_length: int
) -> tuple[Tensor, Tensor]:
    """Inputs and targets of the windows that begin there. Shapes: (B,) to (B, T)."""
    places = starts[:, None] + np.arange(context_length + 1)  # (B, T + 1)
    windows = torch.from_numpy(tokens[places].astype(np.int64))
    return windows[:, :-1].contiguous(), windows[:, 1:].contiguous()


def check_long_enough(num_tokens: int, context_length: int) -> None:
    """Raise ValueError if not one window fits into a text."""
    if num_tokens <= context_length:
        raise ValueError(
            f"the text has {num_tokens:,} tokens, and a context of {context_length:,} "
            f"needs {context_length + 1:,}: give a longer text"
        )


def check_size(path: Path, tokens: Tokens) -> None:
    """Raise ValueError if a file of tokens is not as long as it was when it was opened.

    A look past the end of a mapped file would end the process without a word.
    """
    if not path.is_file() or path.stat().st_size != tokens.nbytes:
        raise ValueError(
            f"{path} has changed its size while it was read: prepare the text "
            "again, and the same command goes on from the last checkpoint"
        )
