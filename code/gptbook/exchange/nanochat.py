"""The modern form for transformers, which has a model that computes the same: NanoChat.

What differs there is corrected in the weights and settings, so the logits are equal:
pairs turn the other way round, and a NanoChat bends its scores unless told not to.
"""

from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from gptbook.exchange.weight_files import (
    CONFIG_FILE,
    check_finite,
    check_no_shortcuts,
    read_object,
    read_weights,
    weights_in,
    write_model,
)
from gptbook.models.gpt import GPTConfig
from gptbook.models.modern import SLOWEST_TURN, ModernGPT

NANOCHAT_SIZES = {  # in config.json: here
    "vocab_size": "vocab_size",
    "max_position_embeddings": "context_length",
    "num_hidden_layers": "num_layers",
    "num_attention_heads": "num_heads",
    "hidden_size": "model_dim",
    "intermediate_size": "mlp_dim",
}
NANOCHAT_NAMES = {  # here: there
    "token_embedding.weight": "model.embed_tokens.weight",
    "prediction.weight": "lm_head.weight",
    "attention.query": "self_attn.q_proj",
    "attention.key": "self_attn.k_proj",
    "attention.value": "self_attn.v_proj",
    "attention.output": "self_attn.o_proj",
    "mlp.hidden": "mlp.fc1",
    "mlp.output": "mlp.fc2",
}


def save_nanochat(model: ModernGPT, folder: Path, end_token: int | None = None) -> None:
    """Write config.json and model.safetensors, which transformers opens as a NanoChat.

    Its NanoChatForCausalLM.from_pretrained(folder) gives the same logits, and its
    generate() stops at the end token. What this wrote before is replaced. Raises
    ValueError if the folder holds a model that something else saved, a weight is not
    finite, or the model has shortcuts; OSError if the disk is full.
    """
    check_no_shortcuts(model, "transformers")
    tensors = {}
    for name, tensor in model.state_dict().items():
        check_finite(name, tensor, "the model")
        heads = model.config.num_heads
        turned = turned_back(tensor, heads) if is_turned(name) else tensor
        tensors[nanochat_name(name)] = turned
    ends = dict.fromkeys(("bos_token_id", "eos_token_id", "pad_token_id"), end_token)
    write_model(folder, tensors, nanochat_settings(model.config) | ends)


def load_nanochat(folder: Path) -> ModernGPT:
    """A model that `save_nanochat` wrote, also after transformers saved it again.

    Raises ValueError, in one sentence, if the folder holds another kind of NanoChat, or
    not all of one.
    """
    path, weights = folder / CONFIG_FILE, weights_in(folder)
    stated = read_object(path)
    for key in NANOCHAT_SIZES:
        if type(stated.get(key)) is not int:
            raise ValueError(f"{path} states no {key}: copy it again")
    config = GPTConfig(**{ours: stated[key] for key, ours in NANOCHAT_SIZES.items()})
    for key, wanted in nanochat_settings(config).items():
        if stated.get(key, wanted) != wanted:
            raise ValueError(
                f"{path} says {key} = {stated[key]!r}, but the modern form has "
                f"{wanted!r}: this is another kind of NanoChat"
            )
    if not weights.is_file():
        raise ValueError(f"there is no file {weights}: copy the folder again")
    given = read_weights(weights)
    with torch.device("meta"):  # shapes only: no memory, and no chance used up
        model = ModernGPT(config)
    loaded = {}
    for name, ours in model.state_dict().items():
        tensor = given.pop(nanochat_name(name), torch.empty(0))
        if tensor.shape != ours.shape:
            raise ValueError(
                f"{weights} has {tuple(tensor.shape)} for {nanochat_name(name)}, where "
                f"{CONFIG_FILE} wants {tuple(ours.shape)}: copy the folder again"
            )
        check_finite(name, tensor, str(weights))
        whole = tensor.to(torch.float32, copy=True)  # apart from the file
        heads = config.num_heads
        loaded[name] = turned_back(whole, heads) if is_turned(name) else whole
    if given:
        raise ValueError(
            f"{weights} holds {min(given)}, too, which the modern form has not: this "
            "is another kind of model"
        )
    model.load_state_dict(loaded, assign=True)
    return model


def nanochat_settings(config: GPTConfig) -> dict[str, Any]:
    """The sizes, and what else decides the logits, as transformers names them."""
    return {
        "architectures": ["NanoChatForCausalLM"],
        "model_type": "nanochat",
        **{key: getattr(config, ours) for key, ours in NANOCHAT_SIZES.items()},
        "num_key_value_heads": config.num_heads,
        "hidden_act": "relu2",
        "attention_bias": False,
        "attention_dropout": 0.0,
        "tie_word_embeddings": False,
        "final_logit_softcapping": None,
        "rms_norm_eps": torch.finfo(torch.float32).eps,
        "rope_parameters": {"rope_type": "default", "rope_theta": SLOWEST_TURN},
    }


def nanochat_name(name: str) -> str:
    """What transformers calls a tensor of ours."""
    if name in NANOCHAT_NAMES:
        return NANOCHAT_NAMES[name]
    _, number, module, layer, kind = name.split(".")
    return f"model.layers.{number}.{NANOCHAT_NAMES[f'{module}.{layer}']}.{kind}"


def is_turned(name: str) -> bool:
    """Whether what a tensor makes, queries or keys, is turned by its position."""
    return name.endswith(("attention.query.weight", "attention.key.weight"))


def turned_back(weight: Tensor, num_heads: int) -> Tensor:
    """Weights whose pairs, turned the other way, have the same products.

    The second number of each pair changes its sign: a picture in a mirror turns left
    where the thing turns right. Shapes: (D, D).
    """
    halves = weight.clone().unflatten(0, (num_heads, 2, -1))  # (N, 2, H/2, D)
    halves[:, 1] = -halves[:, 1]
    return halves.flatten(end_dim=2)
