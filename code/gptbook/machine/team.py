"""Several processes that train one model, as `torchrun` starts them."""

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import torch
import torch.distributed as dist
from torch import nn
from torch.distributed.distributed_c10d import PrefixStore, Store
from torch.distributed.rendezvous import rendezvous
from torch.nn.parallel import DistributedDataParallel

DONE, FAILED = "done", "failed"
SECONDS_BETWEEN_LOOKS = 0.1


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
def together(
    team: Team, prepare: Callable[[], Any], timeout: timedelta | None = None
) -> Iterator[Any]:
    """Prepare one after another, then connect the team: by NCCL, or without GPUs Gloo.

    Gives what prepare returned. timeout is how long a process may wait for the others
    inside the block, None for PyTorch's own; preparing may take longer. Raises
    ValueError if another process could not prepare.
    """
    if team.size == 1:
        yield prepare()
        return
    meeting = rendezvous("env://", team.rank, team.size)
    store = next(meeting)[0]
    prepared = in_turn(team, PrefixStore("prepared", store), prepare)
    dist.init_process_group(
        "nccl" if torch.cuda.is_available() else "gloo",
        store=PrefixStore("together", store),
        rank=team.rank,
        world_size=team.size,
        timeout=timeout,
    )
    try:
        yield prepared
    finally:
        dist.destroy_process_group()


def in_turn(team: Team, store: Store, prepare: Callable[[], Any]) -> Any:
    """Prepare when it is this process's turn, and wait until all have done so.

    The first of each machine comes before the others there, and the machines come one
    after another, as they may share a disk: so no two ever write the same file, and who
    comes later finds it there. They ask the store again and again: a collective would
    end with an error after some minutes.
    """
    is_first_here = team.local_rank == 0
    before = team.rank - 1 if is_first_here else team.rank - team.local_rank
    wait_for(store, [str(before)] if before >= 0 else [])
    outcome = FAILED
    try:
        prepared = prepare()
        outcome = DONE
    finally:
        store.set(str(team.rank), outcome)
    wait_for(store, [str(rank) for rank in range(team.size)])
    return prepared


def wait_for(store: Store, keys: list[str]) -> None:
    """Wait until all keys are in the store, for as long as it takes.

    Raises ValueError if one of them says that its process has failed.
    """
    while keys and not store.check(keys):
        time.sleep(SECONDS_BETWEEN_LOOKS)
    if any(store.get(key) == FAILED.encode() for key in keys):
        raise ValueError(
            "another process of the team could not prepare what it needs: what it "
            "printed itself says why"
        )
