"""The machine at hand: its device, the precision that it is fast in, and a compiler."""

import platform
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import torch
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel

PRECISIONS = ("float32", "bfloat16")
CONTAINER_LIMITS = (  # of cgroups, version 2 and 1
    Path("/sys/fs/cgroup/memory.max"),
    Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"),
)
WORTH_IT = 1.3  # times faster; for less, the exact numbers are kept
HOPELESS = 0.25  # times as fast with small matrices: no large ones make good for it


@dataclass(frozen=True, kw_only=True)
class Machine:
    """Where a model is trained, and how exactly it computes there."""

    device: str
    """As PyTorch calls it: cpu, cuda:0 or mps."""
    precision: str
    """float32, or bfloat16 for the products inside the model; weights are float32."""
    name: str
    """What the processor or the GPU is called."""
    memory_bytes: int
    """How much memory it has."""
    num_threads: int
    """How many processor cores compute at once."""

    def __post_init__(self) -> None:
        """Raises ValueError for a precision that is none of the two."""
        if self.precision not in PRECISIONS:
            raise ValueError(
                f"precision is {self.precision}: give {' or '.join(PRECISIONS)}"
            )

    @property
    def kind(self) -> str:
        """The device without its number: cpu, cuda or mps."""
        return self.device.partition(":")[0]

    @contextmanager
    def computing(self) -> Iterator[None]:
        """Do the products in the block in the machine's precision."""
        if self.precision == "float32":
            yield
            return
        with torch.autocast(self.kind, torch.bfloat16):
            if self.kind != "cpu":
                yield
                return
            # On processors PyTorch's fused attention is slow backward in bfloat16:
            # written out it took a sixth of the time (measured with PyTorch 2.13).
            with sdpa_kernel(SDPBackend.MATH):
                yield

    def synchronize(self) -> None:
        """Wait until the device has done all that it was given, to take the time."""
        if self.kind == "cuda":
            torch.cuda.synchronize()
        elif self.kind == "mps":
            torch.mps.synchronize()


def this_machine(device: str = "", precision: str = "", local_rank: int = 0) -> Machine:
    """The machine at hand: a GPU if there is one, and the precision that is fast there.

    Which one that is, is measured. local_rank is the number of the GPU to take.
    Raises ValueError for a device that is not there, or a precision that is unknown.
    """
    device = device or best_device(local_rank)
    check_device(device)
    kind = device.partition(":")[0]
    if kind == "cuda":
        properties = torch.cuda.get_device_properties(device)
        name, memory_bytes = properties.name, properties.total_memory
        torch.cuda.set_device(device)
    else:
        name, memory_bytes = processor_name(), available_memory()
    if not precision:
        fast = kind != "mps" and bfloat16_speedup(device) >= WORTH_IT
        precision = "bfloat16" if fast else "float32"
    return Machine(
        device=device,
        precision=precision,
        name=name,
        memory_bytes=memory_bytes,
        num_threads=torch.get_num_threads(),
    )


def best_device(local_rank: int = 0) -> str:
    """A GPU if there is one, else the processor."""
    if torch.cuda.is_available():
        return f"cuda:{local_rank}"
    return "mps" if torch.backends.mps.is_available() else "cpu"


def check_device(device: str) -> None:
    """Raise ValueError if PyTorch cannot compute there."""
    try:
        torch.zeros(1, device=device)
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        reason = str(error).partition("\n")[0]
        raise ValueError(
            f'there is no device "{device}" here ({reason}): leave out --device'
        ) from None


def available_memory() -> int:
    """The memory of the machine in bytes, or the part that its container may use."""
    sizes = [psutil.virtual_memory().total]
    for limit in CONTAINER_LIMITS:
        text = limit.read_text(encoding="ascii").strip() if limit.is_file() else "max"
        sizes += [int(text)] if text.isdigit() else []
    return min(sizes)


def bfloat16_speedup(device: str, sizes: Sequence[int] = (128, 768)) -> float:
    """How many times faster a product of matrices is in bfloat16 than in float32.

    It is measured, turn by turn: many processors can compute in bfloat16, and only
    some have units for it; on the others it is slower. Large matrices tell best; where
    small ones are hopeless, they are left out: they could take seconds.
    """
    speedup = 1.0
    for size in sizes:
        factors = {
            dtype: torch.ones(size, size, device=device, dtype=dtype)
            for dtype in (torch.float32, torch.bfloat16)
        }
        seconds: dict[torch.dtype, list[float]] = {dtype: [] for dtype in factors}
        for _ in range(6):
            for dtype, factor in factors.items():
                began = time.perf_counter()
                (factor @ factor).sum().item()  # item: wait for the result
                seconds[dtype].append(time.perf_counter() - began)
        full, half = (statistics.median(taken[1:]) for taken in seconds.values())
        speedup = full / half
        if speedup < HOPELESS:
            break
    return speedup


def timed(work: Callable[[], Any], machine: Machine) -> float:
    """How long it takes, in seconds."""
    began = time.perf_counter()
    work()
    machine.synchronize()
    return time.perf_counter() - began


def try_to_compile(
    model: nn.Module, example: Tensor, machine: Machine
) -> tuple[Callable[..., Any], str]:
    """The model compiled by PyTorch, or as it is, and then why.

    PyTorch compiles when a model is first used, and needs a C++ compiler or Triton for
    it; so this uses it once, forward and backward. Shapes: example (B, T).
    """
    compiled = torch.compile(model)
    try:
        with machine.computing():
            compiled(example).float().mean().backward()
    except Exception as error:  # of a compiler, a linker, a driver: no class in common
        torch.compiler.reset()
        return model, str(error).strip().partition("\n")[0]
    finally:
        model.zero_grad()
    return compiled, ""


def processor_name() -> str:
    """What the processor is called, as far as the system says."""
    about = Path("/proc/cpuinfo")
    if about.is_file():
        for line in about.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
