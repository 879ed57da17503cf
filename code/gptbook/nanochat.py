"""The modern form for transformers, which has a model that computes the same: NanoChat.

What differs there is corrected in the weights and settings, so the logits are equal:
pairs turn the other way round, and a NanoChat bends its scores unless told not to.
"""

import json
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save
from torch import Tensor

from gptbook.checkpoint import write_whole
from gptbook.modern import SLOWEST_TURN, ModernGPT
from gptbook.pretrained import CONFIG_FILE, SAVED_BY, WEIGHTS_FILE, check_finite

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


def save_nanochat(model: ModernGPT, folder: Path) -> None:
    """Write config.json and model.safetensors, which transformers opens as a NanoChat.

    Its NanoChatForCausalLM.from_pretrained(folder) gives the same logits. What this
    wrote before is replaced. Raises ValueError if the folder holds a model that
    something else saved, or a weight is not finite; OSError if the disk is full.
    """
    config_path, weights = folder / CONFIG_FILE, folder / WEIGHTS_FILE
    before = config_path.read_text(encoding="utf-8") if config_path.exists() else ""
    if (before or weights.exists()) and f'"saved_by": "{SAVED_BY}"' not in before:
        raise ValueError(
            f"{folder} holds a model that {SAVED_BY} did not save, which stays as it "
            "is: choose another folder"
        )
    tensors = {}
    for name, tensor in model.state_dict().items():
        check_finite(name, tensor, "the model")
        heads = model.config.num_heads
        turned = turned_back(tensor, heads) if is_turned(name) else tensor
        tensors[nanochat_name(name)] = turned.cpu().contiguous()
    text = json.dumps(nanochat_settings(model), indent=2) + "\n"
    folder.mkdir(parents=True, exist_ok=True)
    if text != before:  # or a crash now would leave sizes beside weights of others
        weights.unlink(missing_ok=True)
    write_whole(config_path, text.encode())
    write_whole(weights, save(tensors, {"format": "pt"}))


def nanochat_settings(model: ModernGPT) -> dict[str, Any]:
    """Its sizes, and what else decides the logits, as transformers names them."""
    config = model.config
    return {
        "architectures": ["NanoChatForCausalLM"],
        "model_type": "nanochat",
        "vocab_size": config.vocab_size,
        "max_position_embeddings": config.context_length,
        "num_hidden_layers": config.num_layers,
        "num_attention_heads": config.num_heads,
        "num_key_value_heads": config.num_heads,
        "hidden_size": config.model_dim,
        "intermediate_size": config.mlp_dim,
        "hidden_act": "relu2",
        "attention_bias": False,
        "attention_dropout": 0.0,
        "tie_word_embeddings": False,
        "final_logit_softcapping": None,
        "rms_norm_eps": torch.finfo(torch.float32).eps,
        "rope_parameters": {"rope_type": "default", "rope_theta": SLOWEST_TURN},
        **dict.fromkeys(("bos_token_id", "eos_token_id", "pad_token_id")),
        "saved_by": SAVED_BY,
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
