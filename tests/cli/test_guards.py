"""What stands around a training: a full memory, TensorBoard."""

import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from command_line import refused
from small import OWN, RUN, TINY, text_commands
from torch import Tensor, nn

from gptbook.cli.parser import main
from gptbook.tasks.text import TextTask


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    return text_commands(tmp_path, monkeypatch)


FULL = [
    torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB"),
    RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes"),
    MemoryError(),
]


@pytest.mark.parametrize("error", FULL, ids=["gpu", "processor", "python"])
@pytest.mark.parametrize(
    ("rows", "advice"), [("4", "give --rows-at-once 2 (it was 4)"), ("1", "take a smaller recipe")]
)
def test_a_full_memory_is_answered_with_what_to_halve(
    error: Exception, rows: str, advice: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(task: TextTask, model: nn.Module, step: int, rows: slice) -> Tensor:
        raise error

    monkeypatch.setattr(TextTask, "loss", full)
    said = refused([*OWN, "--rows-at-once", rows], capsys)
    assert f"the memory of cpu is full: {advice}" in said
    assert "the step stays the same, and what was saved is kept" in said


def test_the_advice_after_a_full_memory_is_one_that_works(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    really_loss = TextTask.loss

    def full(task: TextTask, model: nn.Module, step: int, rows: slice) -> Tensor:
        if rows.stop - rows.start > 1:
            raise MemoryError
        return really_loss(task, model, step, rows)

    monkeypatch.setattr("gptbook.cli.train.recipe", lambda word: replace(TINY, batch_size=6))
    monkeypatch.setattr(TextTask, "loss", full)
    rows = ["6"]
    while rows[-1] != "1":
        said = refused([*OWN, "--rows-at-once", rows[-1]], capsys)
        rows.append(said.split("--rows-at-once ")[1].split()[0])
    assert rows == ["6", "3", "1"]
    assert main([*OWN, "--rows-at-once", "1"]) == 0


def test_another_error_is_not_taken_for_a_full_memory(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def wrong(task: TextTask, model: nn.Module, step: int, rows: slice) -> Tensor:
        raise RuntimeError("shapes cannot be multiplied")

    monkeypatch.setattr(TextTask, "loss", wrong)
    assert main(OWN) == 1
    assert "bug of gptbook" in capsys.readouterr().err


def test_tensorboard_without_its_library_is_one_sentence(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    said = refused([*OWN, "--tensorboard"], capsys)
    assert "--tensorboard needs a library that is not here: pip install tensorboard" in said


def test_tensorboard_gets_every_step_and_each_measurement(monkeypatch: pytest.MonkeyPatch) -> None:
    written: list[tuple[str, int]] = []

    class SummaryWriter:
        """What TensorBoard's writer has, as far as it is used."""

        def __init__(self, folder: str, purge_step: int) -> None:
            assert folder == "runs/laptop-own/tensorboard"
            assert purge_step == 1

        def __enter__(self) -> "SummaryWriter":
            return self

        def __exit__(self, *problem: object) -> None:
            written.append(("closed", 0))

        def add_scalar(self, name: str, value: float, step: int) -> None:
            assert value > 0
            written.append((name, step))

    stand_in = type(sys)("torch.utils.tensorboard")
    stand_in.SummaryWriter = SummaryWriter  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", stand_in)
    assert main([*OWN, "--tensorboard"]) == 0
    assert [step for name, step in written if name == "loss/training"] == [1, 2, 3, 4, 5, 6]
    assert [step for name, step in written if name == "loss/held_out"] == [3, 6]
    assert written[-1] == ("closed", 0)


def test_the_curve_is_there_for_the_real_tensorboard_too() -> None:
    pytest.importorskip("tensorboard")
    assert main([*OWN, "--tensorboard"]) == 0
    assert list((RUN / "tensorboard").iterdir())
