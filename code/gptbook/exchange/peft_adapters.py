"""Adapters that others trained for a GPT-2 and saved with PEFT: read, and merged."""

import re
from pathlib import Path
from typing import Any

import torch
from torch import nn

from gptbook.data.hub import OWNER
from gptbook.exchange.pretrained import foreign_name
from gptbook.exchange.weight_files import check_finite, read_object, read_tensors
from gptbook.models.gpt import GPT

ADAPTER_CONFIG = "adapter_config.json"
ADAPTER_WEIGHTS = "adapter_model.safetensors"
PLAIN_LORA: dict[str, Any] = {  # what else would decide the scores
    "peft_type": "LORA",
    "bias": "none",
    "use_dora": False,
    "use_rslora": False,
    "modules_to_save": None,
    "rank_pattern": {},
    "alpha_pattern": {},
    "layer_replication": None,
}


def holds_adapters(folder: Path) -> bool:
    """Whether a folder holds adapters, as PEFT's save_pretrained writes them."""
    return (folder / ADAPTER_CONFIG).is_file()


def base_of_adapters(folder: Path) -> str:
    """For which model the adapters in a folder were trained: a name or a path.

    Raises ValueError if they do not say.
    """
    said = read_object(folder / ADAPTER_CONFIG).get("base_model_name_or_path")
    if not isinstance(said, str) or not said:
        raise ValueError(
            f"{folder / ADAPTER_CONFIG} does not say for which model the adapters are: "
            "write its folder there, as base_model_name_or_path"
        )
    return said.removeprefix(f"{OWNER}/")


@torch.no_grad()
def merge_peft_adapters(model: GPT, folder: Path) -> None:
    """Add to each matrix what its adapter in the folder has learned: (alpha / r) B A.

    Raises ValueError, and leaves the model as it is, if they are of another kind, or
    for a model of other sizes. Source: Hu et al. 2021 (LoRA), section 4.1.
    """
    path, weights = folder / ADAPTER_CONFIG, folder / ADAPTER_WEIGHTS
    stated = read_object(path)
    for key, wanted in PLAIN_LORA.items():
        if stated.get(key, wanted) != wanted:
            raise ValueError(
                f"{path} says {key} = {stated[key]!r}, and plain LoRA has {wanted!r}: "
                "merge such adapters with PEFT first"
            )
    rank, alpha = stated.get("r"), stated.get("lora_alpha")
    if type(rank) is not int or rank < 1 or not isinstance(alpha, int | float):
        raise ValueError(f"{path} states no r and lora_alpha: copy it again")
    if not weights.is_file():
        raise ValueError(f"there is no file {weights}: copy the folder again")
    tensors = read_tensors(weights)
    for name, tensor in tensors.items():
        check_finite(name, tensor, str(weights))
    layers = {
        foreign_name(f"{name}.weight").removesuffix(".weight"): module
        for name, module in model.named_modules()
        if isinstance(module, nn.Linear)
    }
    wanted_shapes = {
        f"{place}.lora_{letter}.weight": shape
        for place, layer in layers.items()
        for letter, shape in (
            ("A", (rank, layer.in_features)),
            ("B", (layer.out_features, rank)),
        )
    }
    plain = {re.sub(r"^.*?(?=h\.\d+\.)", "", name): t for name, t in tensors.items()}
    for name, tensor in plain.items():
        if wanted_shapes.get(name) != tuple(tensor.shape):
            raise ValueError(
                f"the adapters in {folder} are for another model: they have "
                f"{tuple(tensor.shape)} for {name}, and this one "
                f"{wanted_shapes.get(name, 'nothing')}"
            )
    places = {name.rpartition(".lora_")[0] for name in plain}
    if not places or len(plain) != 2 * len(places):
        raise ValueError(
            f"{weights} has not both matrices of each adapter: copy the folder again"
        )
    for place in places:
        down, up = (plain[f"{place}.lora_{letter}.weight"] for letter in "AB")
        change = up.float() @ down.float()
        layers[place].weight += alpha / rank * change
