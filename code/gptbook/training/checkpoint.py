"""Save a run so that it can go on: tensors as safetensors, facts as JSON.

A pickle can run any program when it is opened; these two hold numbers and text.
"""

import hashlib
import json
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor, nn

from gptbook.files.json_files import (
    Digest,
    Fields,
    Words,
    check_facts,
    facts_sha256,
    facts_text,
    parse_facts,
)
from gptbook.files.whole_files import write_whole

FACTS_FILE = "checkpoint.json"
CHECKPOINT_FORMAT = "gptbook checkpoint 2"
FORMAT_WITHOUT_SHA256 = "gptbook checkpoint 1"  # of the facts; still opened
CHECKPOINT_SHAPE = Fields(
    required={
        "format": Words(choices=(CHECKPOINT_FORMAT,)),
        "weights": Words(),
        "weights_sha256": Digest(),
        "facts": Fields({}, is_open=True),
        "sha256": Digest(),
    }
)
WEIGHTS_NAME = re.compile(r"weights-[0-9a-f]{12}\.safetensors(\.part)?")
DAMAGED = "it is cut short or was changed: copy the run folder again, or train anew"


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
    weights = run_dir / weights_name(digest)
    record: dict[str, Any] = {
        "format": CHECKPOINT_FORMAT,
        "weights": weights.name,
        "weights_sha256": digest,
        "facts": dict(facts),
    }
    text = facts_text(record)  # before the checksum: it refuses what is not finite
    record["sha256"] = facts_sha256(json.loads(text))  # as a reader will see them
    text = facts_text(record)
    is_new = not run_dir.exists()
    try:
        with saving_in(run_dir):
            run_dir.mkdir(parents=True, exist_ok=True)
            if not weights.exists():
                write_whole(weights, content)
            write_whole(run_dir / FACTS_FILE, text.encode())
    finally:
        if run_dir.is_dir():
            remove_other_weights(run_dir)
            if is_new and not any(run_dir.iterdir()):
                run_dir.rmdir()


def weights_name(digest: str) -> str:
    """What the file of weights with this sha256 is called."""
    return f"weights-{digest[:12]}.safetensors"


@contextmanager
def saving_in(run_dir: Path) -> Iterator[None]:
    """Say what to do where the block cannot write. Raises OSError then."""
    try:
        yield
    except OSError as error:
        raise OSError(
            error.errno,
            f"the checkpoint cannot be saved in {run_dir} ({error.strerror or error}): "
            "make room there or choose another folder; what was saved before is intact",
        ) from error


def remove_other_weights(run_dir: Path) -> None:
    """Remove every file of weights of ours but those that the facts name."""
    facts_path = run_dir / FACTS_FILE
    facts = facts_path.read_bytes() if facts_path.is_file() else b""
    for weights in run_dir.glob("weights-*.safetensors*"):
        is_ours = WEIGHTS_NAME.fullmatch(weights.name)
        if is_ours and f'"{weights.name}"'.encode() not in facts:
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
    content = read_whole(facts_path)
    while True:
        record = checkpoint_record(content, facts_path)
        weights = run_dir / record["weights"]
        try:
            return load_weights(weights, record["weights_sha256"]), record["facts"]
        except FileNotFoundError:
            before, content = content, read_whole(facts_path)
        if content == before:  # else the run was saved again in between: once more
            raise ValueError(
                f"{weights} is missing: copy the run folder again, or train anew"
            )


def read_whole(path: Path) -> bytes:
    """The bytes of a file. Raises ValueError if they are another user's."""
    try:
        return path.read_bytes()
    except PermissionError:
        raise ValueError(
            f"{path} is another user's, who lets you not read it: ask for a copy"
        ) from None


def checkpoint_record(content: bytes, path: Path) -> dict[str, Any]:
    """What `checkpoint.json` says, checked by its own checksum.

    Raises ValueError, in one sentence, if it was changed, or is of another version.
    """
    advice = DAMAGED.partition(": ")[2]
    record = parse_facts(content, path, advice)
    found = record.get("format") if isinstance(record, dict) else None
    if found not in (CHECKPOINT_FORMAT, FORMAT_WITHOUT_SHA256):
        family = CHECKPOINT_FORMAT.rstrip("0123456789")
        newer = found if isinstance(found, str) and found.startswith(family) else ""
        raise ValueError(
            f'{path} is no checkpoint of this version ("{CHECKPOINT_FORMAT}"): '
            + (f'"{newer[:40]}" needs a newer gptbook' if newer else "train anew")
        )
    without = {key: value for key, value in record.items() if key != "sha256"}
    digest = facts_sha256(without)
    if found == FORMAT_WITHOUT_SHA256:
        record = {"sha256": digest} | record | {"format": CHECKPOINT_FORMAT}
    check_facts(record, CHECKPOINT_SHAPE, path, DAMAGED)
    name = weights_name(record["weights_sha256"])
    if record["sha256"] != digest or record["weights"] != name:
        raise ValueError(f"{path} was changed: {advice}")
    return dict(record)


def load_weights(path: Path, digest: str) -> dict[str, Tensor]:
    """The tensors of a file with this sha256.

    Raises ValueError if it has another; FileNotFoundError if there is none.
    """
    content = read_whole(path)
    if hashlib.sha256(content).hexdigest() != digest:
        raise ValueError(f"{path} {DAMAGED.removeprefix('it ')}")
    try:
        return load(content)
    except SafetensorError as error:
        raise ValueError(f"{path} holds no tensors ({error}): train anew") from None


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
    check_shapes(tensors, model)
    saved = {
        name.removeprefix("model."): tensor
        for name, tensor in tensors.items()
        if name.startswith("model.")
    }
    model.load_state_dict(saved)
    if optimizer is not None:
        optimizer.load_state_dict(
            {**optimizer.state_dict(), "state": memories_in(tensors, optimizer)}
        )


def check_shapes(tensors: Mapping[str, Tensor], model: nn.Module) -> None:
    """Raise ValueError, which names a difference, if a checkpoint is of another model.

    The model may be on the device "meta", where it takes no memory.
    """
    found = {
        name.removeprefix("model."): (tensor.shape, tensor.dtype)
        for name, tensor in tensors.items()
        if name.startswith("model.")
    }
    wanted = {name: (t.shape, t.dtype) for name, t in model.state_dict().items()}
    for name in sorted(found.keys() | wanted.keys()):
        if found.get(name) != wanted.get(name):
            shown = [
                f"{tuple(side[name][0])}" if name in side else "nothing"
                for side in (found, wanted)
            ]
            if shown[0] == shown[1]:
                shown = [str(side[name][1]) for side in (found, wanted)]
            raise ValueError(
                f"the checkpoint is of another model: it has {shown[0]} for {name}, "
                f"this one has {shown[1]}; choose another run folder"
            )


def check_fits(tensors: Mapping[str, Tensor], build: Callable[[], nn.Module]) -> None:
    """Raise ValueError if a checkpoint is not of the model that `build` would make.

    It is made without its numbers: sizes that a file only says take no memory.
    """
    with torch.device("meta"):
        model = build()
    check_shapes(tensors, model)


def memories_in(
    tensors: Mapping[str, Tensor], optimizer: torch.optim.Optimizer
) -> dict[int, dict[str, Tensor]]:
    """What an optimizer remembers of each parameter.

    Raises ValueError if that is of other parameters.
    """
    parameters = [p for group in optimizer.param_groups for p in group["params"]]
    shapes = {str(number): p.shape for number, p in enumerate(parameters)}
    memories: dict[int, dict[str, Tensor]] = {}
    for name, tensor in tensors.items():
        if not name.startswith("optimizer."):
            continue
        _, number, key = [*name.split(".", 2), "", ""][:3]
        shape = shapes.get(number)
        if shape is None or (tensor.ndim > 0 and tensor.shape != shape):
            raise ValueError(
                f"the checkpoint is of another optimizer, which remembers {name[:40]} "
                f"of shape {tuple(tensor.shape)}: choose another run folder"
            )
        memories.setdefault(int(number), {})[key] = tensor
    return memories
