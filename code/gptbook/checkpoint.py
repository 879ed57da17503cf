"""Save a run so that it can go on: tensors as safetensors, facts as JSON.

A pickle can run any program when it is opened; these two hold numbers and text.
"""

import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load, save
from torch import Tensor, nn

FACTS_FILE = "checkpoint.json"
CHECKPOINT_FORMAT = "gptbook checkpoint 1"


def write_whole(path: Path, content: bytes) -> None:
    """Write a file so that after a crash it holds the old content or the new one.

    The new file grows beside the old one and takes its name when it is whole.
    """
    growing = path.with_name(path.name + ".part")
    try:
        with growing.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        growing.replace(path)
    finally:
        growing.unlink(missing_ok=True)


def file_sha256(path: Path) -> str:
    """The sha256 of a file, in hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def save_checkpoint(
    run_dir: Path, *, tensors: Mapping[str, Tensor], facts: Mapping[str, Any]
) -> None:
    """Save tensors and facts (what JSON can hold) in place of what was saved before.

    The weights go into a new file, named by their content; the facts name that file
    and are replaced last, so that the two always belong together. Raises OSError if the
    disk is full or the folder cannot be written; the last checkpoint is intact then.
    """
    plain = {
        name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()
    }
    content = save(plain)
    digest = hashlib.sha256(content).hexdigest()
    weights = run_dir / f"weights-{digest[:12]}.safetensors"
    record = {
        "format": CHECKPOINT_FORMAT,
        "weights": weights.name,
        "weights_sha256": digest,
        "facts": dict(facts),
    }
    text = facts_text(record)
    is_new = not run_dir.exists()
    try:
        run_dir.mkdir(parents=True, exist_ok=True)
        if not weights.exists():
            write_whole(weights, content)
        write_whole(run_dir / FACTS_FILE, text.encode())
    except OSError as error:
        raise OSError(
            error.errno,
            f"the checkpoint cannot be saved in {run_dir} ({error.strerror or error}): "
            "make room there or choose another folder; what was saved before is intact",
        ) from error
    finally:
        if run_dir.is_dir():
            remove_other_weights(run_dir)
            if is_new and not any(run_dir.iterdir()):
                run_dir.rmdir()


def remove_other_weights(run_dir: Path) -> None:
    """Remove every file of weights but the one that the facts name."""
    facts_path = run_dir / FACTS_FILE
    facts = facts_path.read_text(encoding="utf-8") if facts_path.is_file() else ""
    for weights in run_dir.glob("weights-*.safetensors*"):
        if f'"{weights.name}"' not in facts:
            weights.unlink(missing_ok=True)


def load_checkpoint(run_dir: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """The tensors (on the processor) and the facts that were saved, bit for bit.

    Raises ValueError, in one sentence, if the folder is absent, is not a run, or was
    cut short or changed.
    """
    if not run_dir.is_dir():
        raise ValueError(
            f"there is no run folder {run_dir}: check the path, or train first"
        )
    facts_path = run_dir / FACTS_FILE
    if not facts_path.is_file():
        raise ValueError(
            f"{run_dir} is not a run folder, it has no {FACTS_FILE}: "
            "check the path, or train first"
        )
    damaged = "is cut short or was changed: copy the run folder again, or train anew"
    try:
        record = json.loads(facts_path.read_text(encoding="utf-8"))
    except ValueError:
        raise ValueError(f"{facts_path} {damaged}") from None
    found = record.get("format") if isinstance(record, dict) else None
    if found != CHECKPOINT_FORMAT:
        family = CHECKPOINT_FORMAT.rstrip("0123456789")
        is_ours = isinstance(found, str) and found.startswith(family)
        raise ValueError(
            f'{facts_path} is no checkpoint of this version ("{CHECKPOINT_FORMAT}"): '
            + (f'"{found}" needs a newer gptbook' if is_ours else "train anew")
        )
    name, facts = record.get("weights"), record.get("facts")
    is_file_name = isinstance(name, str) and Path(name).name == name  # nothing outside
    if not is_file_name or not isinstance(facts, dict):
        raise ValueError(f"{facts_path} {damaged}")
    weights = run_dir / str(name)
    if not weights.is_file():
        raise ValueError(
            f"{weights} is missing: copy the run folder again, or train anew"
        )
    content = weights.read_bytes()
    if hashlib.sha256(content).hexdigest() != record.get("weights_sha256"):
        raise ValueError(f"{weights} {damaged}")
    return load(content), facts


def facts_text(record: Mapping[str, Any]) -> str:
    """The facts as JSON. Raises ValueError if a number among them is not finite."""
    try:
        return json.dumps(record, indent=1, ensure_ascii=False, allow_nan=False) + "\n"
    except ValueError:
        raise ValueError(
            "a loss of this run is NaN or infinite, so it is not saved: what was saved "
            "before is intact; train again from there with a lower rate"
        ) from None


def training_tensors(
    model: nn.Module, optimizer: torch.optim.Optimizer
) -> dict[str, Tensor]:
    """All that training needs: `model.<parameter>`, `optimizer.<number>.<memory>`."""
    tensors = {f"model.{name}": tensor for name, tensor in model.state_dict().items()}
    for number, memory in optimizer.state_dict()["state"].items():
        for key, value in memory.items():
            tensors[f"optimizer.{number}.{key}"] = value
    return tensors


def restore_training(
    tensors: Mapping[str, Tensor],
    model: nn.Module,
    optimizer: torch.optim.Optimizer | None = None,
) -> None:
    """Put back, bit for bit, what `training_tensors` took, or the model alone.

    Raises ValueError, which names a difference, if the tensors are of another model.
    """
    saved = {
        name.removeprefix("model."): tensor
        for name, tensor in tensors.items()
        if name.startswith("model.")
    }
    wanted = model.state_dict()
    for name in sorted(saved.keys() | wanted.keys()):
        shapes = [
            str(tuple(side[name].shape)) if name in side else "nothing"
            for side in (saved, wanted)
        ]
        if shapes[0] != shapes[1]:
            raise ValueError(
                f"the checkpoint is of another model: it has {shapes[0]} for {name}, "
                f"this one has {shapes[1]}; choose another run folder"
            )
    model.load_state_dict(saved)
    if optimizer is not None:
        memories: dict[int, dict[str, Tensor]] = {}
        for name, tensor in tensors.items():
            if name.startswith("optimizer."):
                _, number, key = name.split(".", 2)
                memories.setdefault(int(number), {})[key] = tensor
        optimizer.load_state_dict({**optimizer.state_dict(), "state": memories})
