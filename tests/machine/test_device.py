"""The machine at hand: what it computes on, how exactly, and that it goes on where a compiler is missing."""

import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil
import pytest
import torch
from torch import nn

from gptbook.machine.device import (
    WORTH_IT,
    Machine,
    available_memory,
    best_device,
    bfloat16_speedup,
    this_machine,
    timed,
    try_to_compile,
)
from gptbook.models.gpt import GPTConfig
from gptbook.models.modern import ModernGPT

EXACT = Machine(device="cpu", precision="float32", name="a processor", memory_bytes=2**33, num_threads=1)
CONFIG = GPTConfig(vocab_size=11, context_length=8, num_layers=1, num_heads=2, model_dim=8, mlp_dim=16)
TOKENS = torch.arange(8).view(1, 8)


def moved_model() -> ModernGPT:
    """A model whose projections are not zero any more."""
    torch.manual_seed(0)
    model = ModernGPT(CONFIG)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.1 * torch.randn(parameter.shape))
    return model


def test_this_machine_says_what_it_is() -> None:
    machine = this_machine("cpu", "float32")
    assert machine.device == machine.kind == "cpu"
    assert machine.name
    assert machine.memory_bytes > 2**28
    assert machine.num_threads == torch.get_num_threads()


@pytest.mark.parametrize(
    ("speedup", "precision"), [(0.3, "float32"), (1.0, "float32"), (WORTH_IT, "bfloat16"), (8.0, "bfloat16")]
)
def test_the_precision_is_the_one_that_is_measured_to_be_fast(
    speedup: float, precision: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gptbook.machine.device.bfloat16_speedup", lambda device: speedup)
    assert this_machine("cpu").precision == precision


def test_a_precision_that_was_chosen_is_not_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gptbook.machine.device.bfloat16_speedup", lambda device: 1 / 0)
    assert this_machine("cpu", "bfloat16").precision == "bfloat16"


def test_the_speedup_is_a_ratio_of_times() -> None:
    assert 0.001 < bfloat16_speedup("cpu", [64]) < 1000


def test_where_small_matrices_are_hopeless_large_ones_are_not_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a processor without units for bfloat16 they would take seconds before each training."""
    impossible = -1
    monkeypatch.setattr("gptbook.machine.device.HOPELESS", 1e9)
    assert bfloat16_speedup("cpu", [8, impossible]) < 1e9
    monkeypatch.setattr("gptbook.machine.device.HOPELESS", 0.0)
    with pytest.raises(RuntimeError, match="negative"):
        bfloat16_speedup("cpu", [8, impossible])


def test_the_fastest_device_is_a_gpu_if_there_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    assert best_device() == "cpu"
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
    assert best_device() == "mps"
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert best_device(3) == "cuda:3"


@pytest.mark.parametrize("device", ["abacus", "cuda:99", "xpu", ""])
def test_a_device_that_is_not_there_is_named(device: str) -> None:
    if not device:
        assert this_machine(device, "float32").device == best_device()
        return
    with pytest.raises(ValueError, match=rf'^there is no device "{device}" here \(.*\): leave out --device$') as error:
        this_machine(device)
    assert "\n" not in str(error.value)


def test_a_precision_that_is_unknown_is_named() -> None:
    with pytest.raises(ValueError, match="precision is float8: give float32 or bfloat16"):
        this_machine("cpu", "float8")
    with pytest.raises(ValueError, match="precision is half: give float32 or bfloat16"):
        replace(EXACT, precision="half")


def test_the_kind_of_a_device_is_without_its_number() -> None:
    assert replace(EXACT, device="cuda:3").kind == "cuda"


def test_products_are_in_the_machines_precision_and_weights_stay_exact() -> None:
    model = moved_model()
    exact = model(TOKENS)
    with EXACT.computing():
        assert torch.equal(model(TOKENS), exact)
    with replace(EXACT, precision="bfloat16").computing():
        rough = model(TOKENS)
    assert rough.dtype == torch.bfloat16
    torch.testing.assert_close(rough.float(), exact, rtol=0.05, atol=0.05)
    rough.float().sum().backward()
    assert {parameter.dtype for parameter in model.parameters()} == {torch.float32}
    assert {parameter.grad.dtype for parameter in model.parameters() if parameter.grad is not None} == {torch.float32}
    assert torch.equal(model(TOKENS), exact), "after the block all is exact again"


@pytest.mark.parametrize(("limit", "least"), [("max", None), ("1048576", 2**20), (str(2**62), None), ("", None)])
def test_the_memory_is_the_machines_or_what_its_container_may_use(
    limit: str, least: int | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "memory.max"
    monkeypatch.setattr("gptbook.machine.device.CONTAINER_LIMITS", (tmp_path / "none", path))
    whole = available_memory()
    assert whole == psutil.virtual_memory().total
    path.write_text(limit + "\n")
    assert available_memory() == (least or whole)


def test_work_is_timed_in_seconds() -> None:
    def work() -> None:
        began = time.perf_counter()
        while time.perf_counter() < began + 0.02:
            pass

    began = time.perf_counter()
    assert 0.02 <= timed(work, EXACT) <= time.perf_counter() - began


def test_without_a_compiler_the_model_is_used_as_it_is_and_it_is_said_why(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(model: nn.Module) -> Any:
        def fail(*inputs: object) -> Any:
            raise RuntimeError("Failed to find C++ compiler\nand a long story")

        return fail

    monkeypatch.setattr(torch, "compile", broken)
    model = moved_model()
    used, why = try_to_compile(model, TOKENS, EXACT)
    assert used is model
    assert why == "Failed to find C++ compiler"
    assert all(parameter.grad is None for parameter in model.parameters())


def test_a_model_that_compiles_is_used_compiled_and_keeps_no_gradient(monkeypatch: pytest.MonkeyPatch) -> None:
    called: list[int] = []

    def working(model: nn.Module) -> Any:
        def run(tokens: torch.Tensor) -> torch.Tensor:
            called.append(len(tokens))
            return model(tokens)  # type: ignore[no-any-return]

        return run

    monkeypatch.setattr(torch, "compile", working)
    model = moved_model()
    used, why = try_to_compile(model, TOKENS, replace(EXACT, precision="bfloat16"))
    assert used is not model
    assert why == ""
    assert called == [1]
    assert all(parameter.grad is None for parameter in model.parameters())
