"""Folders as Hugging Face's transformers lays them out: config.json and safetensors."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save
from torch import Tensor, nn

from gptbook.files.whole_files import write_whole
from gptbook.models.speedrun import SpeedrunGPT

WEIGHTS_FILE = "model.safetensors"
SHARDS_FILE = "model.safetensors.index.json"  # which tensor lies in which of the files
CONFIG_FILE = "config.json"
SAVED_BY = "gptbook"  # in config.json; a model without it is never replaced


def read_tensors(path: Path) -> dict[str, Tensor]:
    """All tensors of a safetensors file. Raises ValueError if it is no such file."""
    try:
        return load_file(path)
    except (SafetensorError, OSError) as error:
        raise ValueError(
            f"{path} is not a safetensors file, or was cut short: copy it again, or "
            "save the model anew as safetensors"
        ) from error


def read_weights(weights: Path) -> dict[str, Tensor]:
    """All tensors of a model: in one file, or in the several that an index names.

    Raises ValueError if a file is missing or damaged, or the index is none.
    """
    if weights.name != SHARDS_FILE:
        return read_tensors(weights)
    places = read_object(weights).get("weight_map")
    if not isinstance(places, dict) or not all(
        isinstance(name, str) and Path(name).name == name for name in places.values()
    ):
        raise ValueError(f"{weights} does not say where the weights are: copy it again")
    tensors: dict[str, Tensor] = {}
    for name in sorted(set(places.values())):
        shard = weights.with_name(name)
        if not shard.is_file():
            raise ValueError(f"there is no file {shard}, which {weights.name} names")
        tensors |= read_tensors(shard)
    return tensors


def weights_in(folder: Path) -> Path:
    """The file of weights in a folder, or the index of several."""
    whole, index = folder / WEIGHTS_FILE, folder / SHARDS_FILE
    return index if index.is_file() and not whole.is_file() else whole


def read_object(path: Path) -> dict[str, Any]:
    """What a JSON file states. Raises ValueError if that is no object."""
    try:
        stated = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError):
        stated = None
    if not isinstance(stated, dict):
        raise ValueError(f"{path} is not a JSON object: copy it again")
    return stated


def write_model(
    folder: Path, tensors: Mapping[str, Tensor], settings: Mapping[str, Any]
) -> None:
    """Write config.json and model.safetensors in place of what this wrote before.

    Raises ValueError if the folder holds a model that something else saved; OSError if
    the disk is full.
    """
    config_path, weights = folder / CONFIG_FILE, folder / WEIGHTS_FILE
    before = config_path.read_text(encoding="utf-8") if config_path.exists() else ""
    is_taken = config_path.exists() or weights.exists()
    if is_taken and f'"saved_by": "{SAVED_BY}"' not in before:
        raise ValueError(
            f"{folder} holds a model that {SAVED_BY} did not save, which stays as it "
            "is: choose another folder"
        )
    text = json.dumps({**settings, "saved_by": SAVED_BY}, indent=2) + "\n"
    folder.mkdir(parents=True, exist_ok=True)
    if text != before:  # or a crash now would leave sizes beside weights of others
        weights.unlink(missing_ok=True)
    write_whole(config_path, text.encode())
    content = {name: each.cpu().contiguous() for name, each in tensors.items()}
    write_whole(weights, save(content, {"format": "pt"}))


def check_finite(name: str, tensor: Tensor, source: str) -> None:
    """Raises ValueError, which names the tensor, if it holds anything but numbers."""
    if not tensor.is_floating_point() or tensor.element_size() < 2:
        raise ValueError(
            f"{name} in {source} holds {str(tensor.dtype).removeprefix('torch.')}, not "
            "floating-point numbers: give weights that are not quantised"
        )
    if not torch.isfinite(tensor).all():
        raise ValueError(
            f"{name} in {source} holds NaN or infinity: the weights are damaged, or "
            "their training went wrong; take an earlier checkpoint"
        )


def in_precision(name: str, tensor: Tensor, half: bool) -> Tensor:
    """The numbers of a model for a file: on the processor, in float16 or float32.

    Raises ValueError if one is not finite, or too large for float16.
    """
    check_finite(name, tensor, "the model")
    stored = tensor.to("cpu", torch.float16 if half else torch.float32)
    if not stored.isfinite().all():
        raise ValueError(
            f"{name} holds numbers too large for float16: give --precision float32"
        )
    return stored.contiguous()


def check_no_shortcuts(model: nn.Module, whose: str) -> None:
    """Raise ValueError for a model with shortcuts, which nothing else computes."""
    if isinstance(model, SpeedrunGPT):
        raise ValueError(
            f"the speedrun form cannot be exported, since {whose} has no shortcuts: "
            "write with it by gptbook sample, or train gpt2-124m-modern"
        )
