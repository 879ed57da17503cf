"""Several processes that train one model, as `torchrun` starts them."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
import torch.distributed as dist
from torch import nn
from torch.nn.parallel import DistributedDataParallel


@dataclass(frozen=True, kw_only=True)
class Team:
    """The processes that train together, and which of them this one is."""

    rank: int = 0
    """The number of this process among all."""
    size: int = 1
    """How many there are."""
    local_rank: int = 0
    """Its number on this machine: the GPU that it takes."""

    @property
    def leads(self) -> bool:
        """Whether this process is the one that saves and speaks."""
        return self.rank == 0

    def shared(self, model: nn.Module, device: str) -> nn.Module:
        """The model, in a wrapper that averages gradients over the team."""
        if self.size == 1:
            return model
        numbers = [self.local_rank] if device.startswith("cuda") else None
        return DistributedDataParallel(model, device_ids=numbers)

    def mean(self, value: float) -> float:
        """The mean of a number over the team."""
        return self.total(value) / self.size

    def any(self, flag: bool) -> bool:
        """Whether it is so for one of the team, at least: then all do the same."""
        return self.total(float(flag)) > 0

    def total(self, value: float) -> float:
        """The sum of a number over the team."""
        if self.size == 1:
            return value
        on_gpu = dist.get_backend() == "nccl"
        device = f"cuda:{self.local_rank}" if on_gpu else "cpu"
        box = torch.tensor(value, dtype=torch.float64, device=device)
        dist.all_reduce(box)
        return float(box)


def team_here() -> Team:
    """The team that `torchrun` has said this process is of; alone without it.

    Raises ValueError if what it said is no number.
    """
    names = ("RANK", "WORLD_SIZE", "LOCAL_RANK")
    said = [os.environ.get(name, "") for name in names]
    if not all(said):
        return Team()
    try:
        rank, size, local_rank = map(int, said)
    except ValueError:
        raise ValueError(
            f"RANK, WORLD_SIZE and LOCAL_RANK are {', '.join(said)}: "
            "start with torchrun, which sets them, or unset them"
        ) from None
    return Team(rank=rank, size=size, local_rank=local_rank)


@contextmanager
def together(team: Team) -> Iterator[None]:
    """Connect the team for the block: by NCCL between GPUs, by Gloo without them."""
    if team.size == 1:
        yield
        return
    dist.init_process_group("nccl" if torch.cuda.is_available() else "gloo")
    try:
        yield
    finally:
        dist.destroy_process_group()
