"""Chance that follows from a seed."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Let all of PyTorch's chance in the block follow from the seed.

    After it the processor's chance goes on as if the block had not been there. A GPU's
    generator is seeded, too, and is left where the block ends: what follows there has
    to seed its own.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        yield
