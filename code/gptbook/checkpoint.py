"""Save a run so that it can go on: tensors as safetensors, facts as JSON, never half of either.

A pickle can run any program when it is opened; these two formats hold numbers and text, nothing else.
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
    """Write a file so that after a crash or a full disk it holds the old content or the new, never a part.

    The new file grows beside the old one and takes its name only when the disk has all of it.
    """
    growing = path.with_name(path.name + ".part")
    try:
        with growing.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        growing.replace(path)
    except BaseException:  # also when the reader presses Ctrl-C
        growing.unlink(missing_ok=True)
        raise


def save_checkpoint(run_dir: Path, *, tensors: Mapping[str, Tensor], facts: Mapping[str, Any]) -> None:
    """Save tensors and facts (what JSON can hold) in a folder, in place of what was saved there before.

    The weights go into a new file, named by their content; the facts name that file, and they are replaced
    last, so the two always belong together. Raises OSError, which says that the last checkpoint is intact,
    if the disk is full or the folder cannot be written.
    """
    content = save({name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()})
    digest = hashlib.sha256(content).hexdigest()
    weights = run_dir / f"weights-{digest[:12]}.safetensors"
    record = {
        "format": CHECKPOINT_FORMAT,
        "weights": weights.name,
        "weights_sha256": digest,
        "facts": dict(facts),
    }
    text = json.dumps(record, indent=1, ensure_ascii=False) + "\n"
    is_new = not run_dir.exists()
    try:
        run_dir.mkdir(parents=True, exist_ok=True)
        if not weights.exists():
            write_whole(weights, content)
        write_whole(run_dir / FACTS_FILE, text.encode())
    except OSError as error:
        reason = error.strerror or str(error)
        raise OSError(
            error.errno,
            f"the checkpoint cannot be saved in {run_dir} ({reason}): make room there or choose another "
            "folder; what was saved before is intact",
        ) from error
    finally:
        remove_other_weights(run_dir)
        if is_new and run_dir.is_dir() and not any(run_dir.iterdir()):
            run_dir.rmdir()


def remove_other_weights(run_dir: Path) -> None:
    """Remove every file of weights but the one that the facts name."""
    facts_path = run_dir / FACTS_FILE
    facts = facts_path.read_text(encoding="utf-8") if facts_path.is_file() else ""
    for weights in run_dir.glob("weights-*.safetensors*"):
        if f'"{weights.name}"' not in facts:
            weights.unlink(missing_ok=True)


def load_checkpoint(run_dir: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Return the tensors (on the processor) and the facts that `save_checkpoint` saved, bit for bit.

    Raises ValueError, in one sentence, if the folder is absent, is not a run, or was cut short or changed.
    """
    if not run_dir.is_dir():
        raise ValueError(f"there is no run folder {run_dir}: check the path, or train first")
    facts_path = run_dir / FACTS_FILE
    if not facts_path.is_file():
        raise ValueError(
            f"{run_dir} is not a run folder, it has no {FACTS_FILE}: check the path, or train first"
        )
    damaged = "is cut short or was changed: copy the run folder again, or train again in a new one"
    try:
        record = json.loads(facts_path.read_text(encoding="utf-8"))
    except ValueError:
        raise ValueError(f"{facts_path} {damaged}") from None
    if not isinstance(record, dict) or record.get("format") != CHECKPOINT_FORMAT:
        raise ValueError(
            f'{facts_path} is not a checkpoint of this version ("{CHECKPOINT_FORMAT}"): train again'
        )
    name, facts = record.get("weights"), record.get("facts")
    if not isinstance(name, str) or Path(name).name != name or not isinstance(facts, dict):
        raise ValueError(f"{facts_path} {damaged}")
    weights = run_dir / name
    if not weights.is_file():
        raise ValueError(f"{weights} is missing: copy the run folder again, or train again in a new one")
    content = weights.read_bytes()
    if hashlib.sha256(content).hexdigest() != record.get("weights_sha256"):
        raise ValueError(f"{weights} {damaged}")  # so what `load` reads is what `save` wrote
    return load(content), facts


def training_tensors(model: nn.Module, optimizer: torch.optim.Optimizer | None = None) -> dict[str, Tensor]:
    """What training goes on from, as `model.<parameter>` and `optimizer.<number>.<what it remembers>`."""
    tensors = {f"model.{name}": tensor for name, tensor in model.state_dict().items()}
    if optimizer is not None:
        for number, memory in optimizer.state_dict()["state"].items():
            for key, value in memory.items():
                tensors[f"optimizer.{number}.{key}"] = torch.as_tensor(value)
    return tensors


def restore_training(
    tensors: Mapping[str, Tensor], model: nn.Module, optimizer: torch.optim.Optimizer | None = None
) -> None:
    """Put back what `training_tensors` took, bit for bit.

    Raises ValueError, which names the first difference, if the tensors belong to another model.
    """
    prefix = "model."
    saved = {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}
    wanted = model.state_dict()
    for name in sorted(saved.keys() | wanted.keys()):
        there, here = saved.get(name), wanted.get(name)
        if there is None or here is None or there.shape != here.shape:
            shapes = ["nothing" if t is None else str(tuple(t.shape)) for t in (there, here)]
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
