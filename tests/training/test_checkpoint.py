"""Checkpoints: exact, whole or not there, and clear about what is wrong."""

import errno
import json
import math
import os
import resource
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from gptbook.training.checkpoint import (
    CHECKPOINT_FORMAT,
    FORMAT_WITHOUT_SHA256,
    check_fits,
    load_checkpoint,
    restore_training,
    save_checkpoint,
    training_tensors,
)

TENSORS = {"a": torch.randn(3, 4), "b.c": torch.arange(5), "scalar": torch.tensor(0.1, dtype=torch.float64)}
FACTS = {"step": 3, "losses": [0.1, 1 / 3], "names": ["köln", "a b"], "nothing": None}


def same(left: dict[str, Tensor], right: dict[str, Tensor]) -> bool:
    """Equal names, types and bits."""
    return left.keys() == right.keys() and all(
        left[name].dtype == right[name].dtype and torch.equal(left[name], right[name]) for name in left
    )


def test_what_was_saved_comes_back_bit_for_bit(tmp_path: Path) -> None:
    run_dir = tmp_path / "runs" / "new"
    save_checkpoint(run_dir, tensors=TENSORS, facts=FACTS)
    tensors, facts = load_checkpoint(run_dir)
    assert same(tensors, TENSORS)
    assert facts == FACTS


def test_a_checkpoint_is_safetensors_and_json_and_the_old_one_leaves(tmp_path: Path) -> None:
    save_checkpoint(tmp_path, tensors=TENSORS, facts=FACTS)
    save_checkpoint(tmp_path, tensors={"a": torch.zeros(2)}, facts={})
    assert sorted(path.suffix for path in tmp_path.iterdir()) == [".json", ".safetensors"]
    assert same(load_checkpoint(tmp_path)[0], {"a": torch.zeros(2)})


def test_the_same_content_makes_the_same_bytes(tmp_path: Path) -> None:
    for name in ("one", "two"):
        save_checkpoint(tmp_path / name, tensors=TENSORS, facts=FACTS)
        save_checkpoint(tmp_path / name, tensors=TENSORS, facts=FACTS)  # also over itself
    one, two = (sorted((tmp_path / name).iterdir()) for name in ("one", "two"))
    assert [path.name for path in one] == [path.name for path in two]
    assert [path.read_bytes() for path in one] == [path.read_bytes() for path in two]


def test_tensors_that_are_views_are_saved_as_what_they_show(tmp_path: Path) -> None:
    table = torch.arange(12.0).view(3, 4)
    save_checkpoint(tmp_path, tensors={"across": table.T, "column": table[:, 1]}, facts={})
    tensors, _ = load_checkpoint(tmp_path)
    assert same(tensors, {"across": table.T.contiguous(), "column": torch.tensor([1.0, 5.0, 9.0])})


@pytest.mark.parametrize("full_at", ["weights", "facts"])
def test_a_full_disk_leaves_what_was_saved_intact(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, full_at: str
) -> None:
    save_checkpoint(tmp_path, tensors=TENSORS, facts=FACTS)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    calls: list[int] = []
    really_sync = os.fsync

    def full_disk(descriptor: int) -> None:
        calls.append(descriptor)
        if len(calls) == (1 if full_at == "weights" else 2):
            raise OSError(errno.ENOSPC, "No space left on device")
        really_sync(descriptor)

    monkeypatch.setattr(os, "fsync", full_disk)
    with pytest.raises(OSError, match=r"No space left on device.*what was saved before is intact"):
        save_checkpoint(tmp_path, tensors={"a": torch.ones(9)}, facts={"step": 4})
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before
    assert same(load_checkpoint(tmp_path)[0], TENSORS)


def test_a_full_disk_at_the_first_checkpoint_leaves_no_half_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full_disk(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full_disk)
    with pytest.raises(OSError, match="No space left"):
        save_checkpoint(tmp_path / "new", tensors=TENSORS, facts=FACTS)
    assert list(tmp_path.iterdir()) == []


def test_a_real_limit_on_the_size_of_files_is_reported_too(tmp_path: Path) -> None:
    save_checkpoint(tmp_path, tensors=TENSORS, facts=FACTS)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, hard))
    try:
        with pytest.raises(OSError, match=r"File too large.*intact"):
            save_checkpoint(tmp_path, tensors={"big": torch.ones(10_000)}, facts={})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert same(load_checkpoint(tmp_path)[0], TENSORS)
    assert len(list(tmp_path.iterdir())) == 2


def test_stopping_between_the_two_files_leaves_the_old_pair(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    save_checkpoint(tmp_path, tensors=TENSORS, facts=FACTS)
    really_replace = Path.replace

    def stop_at_facts(path: Path, target: Path) -> Path:
        if target.suffix == ".json":
            raise KeyboardInterrupt
        return really_replace(path, target)

    monkeypatch.setattr(Path, "replace", stop_at_facts)
    with pytest.raises(KeyboardInterrupt):
        save_checkpoint(tmp_path, tensors={"a": torch.ones(9)}, facts={"step": 4})
    tensors, facts = load_checkpoint(tmp_path)
    assert same(tensors, TENSORS)
    assert facts == FACTS
    assert len(list(tmp_path.iterdir())) == 2


def test_a_folder_that_is_absent_or_no_run_is_named(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"there is no run folder .*nowhere"):
        load_checkpoint(tmp_path / "nowhere")
    with pytest.raises(ValueError, match="is not a run folder"):
        load_checkpoint(tmp_path)
    (tmp_path / "checkpoint.json").write_text('{"format": "another program"}')
    with pytest.raises(ValueError, match="is no checkpoint of this version"):
        load_checkpoint(tmp_path)
    (tmp_path / "checkpoint.json").write_text("[1, 2]")
    with pytest.raises(ValueError, match="is no checkpoint of this version"):
        load_checkpoint(tmp_path)


def test_a_checkpoint_of_a_newer_version_says_that_it_needs_one(tmp_path: Path) -> None:
    save_checkpoint(tmp_path, tensors=TENSORS, facts=FACTS)
    path = tmp_path / "checkpoint.json"
    newer = "gptbook checkpoint 12"
    path.write_text(path.read_text().replace(CHECKPOINT_FORMAT, newer))
    with pytest.raises(ValueError, match=f'is no checkpoint of this version .*: "{newer}" needs a newer gptbook$'):
        load_checkpoint(tmp_path)
    path.write_text(path.read_text().replace(newer, "another program 2"))
    with pytest.raises(ValueError, match=r"is no checkpoint of this version .*: train anew$"):
        load_checkpoint(tmp_path)


@pytest.mark.parametrize("share_kept", [0.0, 0.3, 0.999])
@pytest.mark.parametrize("which", [".json", ".safetensors"])
def test_a_file_cut_short_is_named(tmp_path: Path, which: str, share_kept: float) -> None:
    save_checkpoint(tmp_path, tensors=TENSORS, facts=FACTS)
    path = next(path for path in tmp_path.iterdir() if path.suffix == which)
    content = path.read_bytes().strip()
    path.write_bytes(content[: int(share_kept * len(content))])
    with pytest.raises(ValueError, match=f"{path.name} is cut short or was changed"):
        load_checkpoint(tmp_path)


def test_a_changed_bit_and_missing_weights_are_noticed(tmp_path: Path) -> None:
    save_checkpoint(tmp_path, tensors=TENSORS, facts=FACTS)
    weights = next(tmp_path.glob("*.safetensors"))
    content = weights.read_bytes()
    weights.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    with pytest.raises(ValueError, match="was changed"):
        load_checkpoint(tmp_path)
    weights.unlink()
    with pytest.raises(ValueError, match="is missing"):
        load_checkpoint(tmp_path)


@pytest.mark.parametrize("change", [{"weights": "../outside.safetensors"}, {"weights": 3}, {"facts": []}])
def test_facts_cannot_point_outside_the_folder_or_hold_nonsense(tmp_path: Path, change: dict[str, Any]) -> None:
    save_checkpoint(tmp_path, tensors=TENSORS, facts=FACTS)
    path = tmp_path / "checkpoint.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **change}))
    with pytest.raises(ValueError, match="was changed"):
        load_checkpoint(tmp_path)


def in_old_format(path: Path, change: dict[str, Any] | None = None) -> None:
    """Write the facts as the first version of the format did: without a checksum of their own."""
    record = json.loads(path.read_text())
    del record["sha256"]
    path.write_text(json.dumps({**record, "format": FORMAT_WITHOUT_SHA256, **(change or {})}, indent=1))


def test_a_checkpoint_of_the_first_format_opens_as_ever(tmp_path: Path) -> None:
    save_checkpoint(tmp_path, tensors=TENSORS, facts=FACTS)
    in_old_format(tmp_path / "checkpoint.json")
    tensors, facts = load_checkpoint(tmp_path)
    assert same(tensors, TENSORS)
    assert facts == FACTS


def test_any_changed_letter_of_the_facts_is_noticed_and_another_layout_is_not(tmp_path: Path) -> None:
    save_checkpoint(tmp_path, tensors=TENSORS, facts=FACTS)
    path = tmp_path / "checkpoint.json"
    whole = path.read_bytes()
    path.write_text(json.dumps(json.loads(whole), sort_keys=True, ensure_ascii=True))
    assert load_checkpoint(tmp_path)[1] == FACTS
    for change in ({"step": 4}, {"names": ["köln", "a c"]}, {"losses": [0.1]}, {"nothing": 0}, {"more": 1}):
        record = json.loads(whole)
        path.write_text(json.dumps({**record, "facts": {**record["facts"], **change}}))
        with pytest.raises(ValueError, match=r"checkpoint\.json was changed"):
            load_checkpoint(tmp_path)
    record = json.loads(whole)
    del record["sha256"]
    path.write_text(json.dumps(record))
    with pytest.raises(ValueError, match="sha256"):
        load_checkpoint(tmp_path)


def test_a_run_that_is_saved_while_it_is_read_is_read_once_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save_checkpoint(tmp_path, tensors=TENSORS, facts=FACTS)
    later = {"a": torch.ones(9)}
    really_read, reads = Path.read_bytes, []

    def read(path: Path) -> bytes:
        content = really_read(path)
        reads.append(path.name)
        if len(reads) == 1:  # between the two files of the reader, another process saves
            save_checkpoint(tmp_path, tensors=later, facts={"step": 4})
        return content

    monkeypatch.setattr(Path, "read_bytes", read)
    tensors, facts = load_checkpoint(tmp_path)
    assert same(tensors, later)
    assert facts == {"step": 4}


def test_weights_of_the_readers_own_are_left_alone(tmp_path: Path) -> None:
    mine = tmp_path / "weights-final.safetensors"
    mine.write_bytes(b"mine")
    for value in (1.0, 2.0):
        save_checkpoint(tmp_path, tensors={"a": torch.tensor(value)}, facts={})
    assert mine.read_bytes() == b"mine"


def test_a_file_that_may_not_be_read_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    save_checkpoint(tmp_path, tensors=TENSORS, facts=FACTS)

    def forbidden(path: Path) -> bytes:
        raise PermissionError(errno.EACCES, "Permission denied", str(path))

    monkeypatch.setattr(Path, "read_bytes", forbidden)
    with pytest.raises(ValueError, match=r"checkpoint\.json is another user's"):
        load_checkpoint(tmp_path)


def test_a_model_is_compared_before_it_takes_memory() -> None:
    model = nn.Linear(4, 3)
    tensors = training_tensors(model, torch.optim.SGD(model.parameters()))
    check_fits(tensors, lambda: nn.Linear(4, 3))
    with pytest.raises(ValueError, match="of another model"):
        check_fits(tensors, lambda: nn.Linear(10**9, 10**9))  # 4 * 10^18 bytes, if they were asked for
    with pytest.raises(ValueError, match="float64"):
        check_fits(tensors, lambda: nn.Linear(4, 3, dtype=torch.float64))


@pytest.mark.parametrize("name", ["9.exp_avg", "x.exp_avg", "-1.exp_avg", "0", "0.exp_avg"])
def test_what_an_optimizer_remembers_is_of_its_parameters(name: str) -> None:
    model = nn.Linear(4, 3)
    optimizer = torch.optim.Adam(model.parameters())
    tensors = training_tensors(model, optimizer)
    with pytest.raises(ValueError, match="another optimizer"):
        restore_training({**tensors, f"optimizer.{name}": torch.zeros(2)}, model, optimizer)


def train(model: nn.Module, optimizer: torch.optim.Optimizer, steps: range) -> None:
    """A few steps whose data depend on the step alone."""
    for step in steps:
        x = torch.randn(8, 4, generator=torch.Generator().manual_seed(step))
        optimizer.zero_grad()
        model(x).square().mean().backward()
        optimizer.step()


@pytest.mark.parametrize("kind", [torch.optim.Adam, torch.optim.AdamW, torch.optim.SGD])
def test_training_goes_on_bit_for_bit_through_a_checkpoint(tmp_path: Path, kind: type[torch.optim.Optimizer]) -> None:
    def start() -> tuple[nn.Module, torch.optim.Optimizer]:
        torch.manual_seed(0)
        model = nn.Sequential(nn.Linear(4, 5), nn.Tanh(), nn.Linear(5, 2))
        extra = {"momentum": 0.9} if kind is torch.optim.SGD else {}
        return model, kind(model.parameters(), lr=0.01, **extra)  # type: ignore[arg-type, call-arg]

    through, optimizer = start()
    train(through, optimizer, range(10))
    first, optimizer = start()
    train(first, optimizer, range(6))
    save_checkpoint(tmp_path, tensors=training_tensors(first, optimizer), facts={})
    second, optimizer = start()
    restore_training(load_checkpoint(tmp_path)[0], second, optimizer)
    train(second, optimizer, range(6, 10))
    assert same(second.state_dict(), through.state_dict())


def test_a_checkpoint_of_another_model_is_refused_by_the_first_difference() -> None:
    other = nn.Linear(4, 2)
    tensors = training_tensors(other, torch.optim.SGD(other.parameters()))
    model = nn.Linear(4, 3)
    before = model.weight.clone()
    with pytest.raises(ValueError, match=r"another model: it has \(2,\) for bias, this one has \(3,\)"):
        restore_training(tensors, model)
    with pytest.raises(ValueError, match=r"it has \(2,\) for bias, this one has nothing"):
        restore_training(tensors, nn.Linear(4, 2, bias=False))
    assert torch.equal(model.weight, before)


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf])
def test_what_is_no_number_is_not_saved_and_what_was_saved_stays(number: float, tmp_path: Path) -> None:
    save_checkpoint(tmp_path, tensors={"model.x": torch.zeros(2)}, facts={"losses": [1.0]})
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    with pytest.raises(ValueError, match="NaN"):
        save_checkpoint(tmp_path, tensors={"model.x": torch.ones(2)}, facts={"losses": [1.0, number]})
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before
