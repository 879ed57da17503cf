"""What makes a bench fair on any machine: the same threads for all, and no verdict while others compute."""

import os
import resource
import statistics
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass

import psutil
import torch

from gptbook.machine.device import processor_name

THREAD_SETTINGS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
BUSY = 0.1  # of all processors, taken by others: more, and a ratio says little
NO_VERDICT = 3  # exit code


@dataclass
class Load:
    """How much of the machine others took while a bench ran."""

    others: float = 0.0
    """Their share of all processors' time, 0 to 1."""
    average: float = 0.0
    """Of the last minute, how many processes wanted a processor at once."""

    @property
    def is_busy(self) -> bool:
        return self.others > BUSY

    def __str__(self) -> str:
        cores = psutil.cpu_count() or 1
        return f"others took {self.others:.0%} of {cores} processors; load average {self.average:.1f}"


def same_threads(count: int) -> None:
    """As many threads for this process, and for every process that it starts from now on; says so."""
    os.environ.update(dict.fromkeys(THREAD_SETTINGS, str(count)))
    torch.set_num_threads(count)
    threads = "1 thread" if count == 1 else f"{count} threads"
    print(f"{processor_name()}, {torch.backends.cpu.get_cpu_capability()}, {matrix_units()}; {threads} each")


def matrix_units() -> str:
    """Whether the processor has units for products of matrices, as far as PyTorch can tell."""
    has_units = torch.cpu._is_amx_tile_supported()
    return "with matrix units (AMX)" if has_units else "no matrix units (AMX): its goals cannot be tried here"


def busy_seconds() -> float:
    """Processor seconds that all processes of the machine took since it started, and other machines on the same one."""
    times = psutil.cpu_times()
    idle = times.idle + getattr(times, "iowait", 0.0)
    doubled = getattr(times, "guest", 0.0) + getattr(times, "guest_nice", 0.0)  # is in user, too
    return float(sum(times)) - idle - doubled


def own_seconds() -> float:
    """Those that this process took, and all that it started, whether they are done or not."""
    total = 0.0
    for whose in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN):
        used = resource.getrusage(whose)
        total += used.ru_utime + used.ru_stime
    for child in psutil.Process().children(recursive=True):
        with suppress(psutil.Error):
            total += sum(child.cpu_times()[:4])  # its own, and of its children that are done
    return total


@contextmanager
def watched_load(busy: Callable[[], float] = busy_seconds, own: Callable[[], float] = own_seconds) -> Iterator[Load]:
    """The load of the block: filled in when it ends, and printed."""
    load = Load()
    began, busy_before, own_before = time.perf_counter(), busy(), own()
    yield load
    others = max(0.0, busy() - busy_before - (own() - own_before))
    load.others = others / ((time.perf_counter() - began) * (psutil.cpu_count() or 1))
    load.average = os.getloadavg()[0]
    print(f"\n{load}")


def verdict(wanted: str, holds: bool, load: Load) -> int:
    """Say whether a bench reached what is wanted, if that can be told; returns the exit code."""
    if load.is_busy:
        print(f"{wanted}: NO VERDICT, {load}: run it again on a quiet machine")
        return NO_VERDICT
    print(f"{wanted}: {'yes' if holds else 'NO'}")
    return 0 if holds else 1


def in_turn_seconds(
    ways: Mapping[str, Callable[[], object]], num_rounds: int, clock: Callable[[], float] = time.perf_counter
) -> dict[str, list[float]]:
    """The seconds of each way, round by round, the ways one after another in each."""
    seconds: dict[str, list[float]] = {way: [] for way in ways}
    for _ in range(num_rounds):
        for name, way in ways.items():
            began = clock()
            way()
            seconds[name].append(clock() - began)
    return seconds


def spread(numbers: list[float], decimals: int) -> str:
    """The median, and the least and the most."""
    least, most = min(numbers), max(numbers)
    return f"{statistics.median(numbers):.{decimals}f} ({least:.{decimals}f} to {most:.{decimals}f})"
