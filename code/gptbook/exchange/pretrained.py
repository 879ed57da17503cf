"""GPT-2's weights, of others and for others: its parts under foreign names.

OpenAI published GPT-2 for another library. Others keep the weights as safetensors, in
the format of Hugging Face's transformers, which calls the same parts by other names.
"""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from gptbook.data.hub import GPT2_REVISIONS, OWNER, fetch_from_hub
from gptbook.exchange.weight_files import (
    CONFIG_FILE,
    WEIGHTS_FILE,
    check_finite,
    read_object,
    read_tensors,
    read_weights,
    weights_in,
    write_model,
)
from gptbook.models.gpt import GPT, GPTConfig

SIZE_NAMES = {  # in config.json: here
    "vocab_size": "vocab_size",
    "n_positions": "context_length",
    "n_layer": "num_layers",
    "n_head": "num_heads",
    "n_embd": "model_dim",
    "n_inner": "mlp_dim",
}
FIXED_SETTINGS: dict[str, Any] = {  # what else decides the logits; these are GPT-2's
    "model_type": "gpt2",
    "activation_function": "gelu_new",
    "layer_norm_epsilon": 1e-5,
    "scale_attn_weights": True,
    "scale_attn_by_inverse_layer_idx": False,
    "tie_word_embeddings": True,
}
MODULE_NAMES = {  # here: there; a block's are the same in each
    "token_embedding": "wte",
    "position_embedding": "wpe",
    "final_norm": "ln_f",
    "blocks.N.attention_norm": "h.N.ln_1",
    "blocks.N.attention.query_key_value": "h.N.attn.c_attn",
    "blocks.N.attention.output": "h.N.attn.c_proj",
    "blocks.N.mlp_norm": "h.N.ln_2",
    "blocks.N.mlp.hidden": "h.N.mlp.c_fc",
    "blocks.N.mlp.output": "h.N.mlp.c_proj",
}


def load_gpt2(source: str | Path, *, endpoint: str | None = None) -> GPT:
    """GPT-2's weights, or any of its kind, from a file, a folder or by name.

    The source is a safetensors file; or a folder as transformers writes it, with
    config.json and the weights in model.safetensors or in several files and an index;
    or gpt2, gpt2-medium, gpt2-large or gpt2-xl, which come over the network once, are
    kept by huggingface_hub, and are compared with their sha256. A path that exists goes
    before a name. A file without a config.json beside it has heads of 64 numbers, as
    all of OpenAI's have. Weights become float32.
    endpoint is the address of another hub. Raises ValueError, in one sentence, if the
    weights cannot be had, or are not those of one GPT-2.
    """
    path, name = Path(source), str(source)
    if not path.exists() and name in GPT2_REVISIONS:
        revision, sha256 = GPT2_REVISIONS[name]
        wanted = (f"{OWNER}/{name}", WEIGHTS_FILE, revision, sha256, endpoint)
        return gpt2_from_tensors(read_tensors(fetch_from_hub(*wanted)), name)
    weights = weights_in(path) if path.is_dir() else path
    config_path = weights.with_name(CONFIG_FILE)
    for needed in (config_path, weights) if path.is_dir() else (weights,):
        if not needed.is_file():
            raise ValueError(
                f"there is no file {needed}: give a safetensors file, a folder with "
                f"{CONFIG_FILE} and {WEIGHTS_FILE}, or {', '.join(GPT2_REVISIONS)}"
            )
    config = read_gpt2_config(config_path) if config_path.is_file() else None
    return gpt2_from_tensors(read_weights(weights), str(weights), config)


def read_gpt2_config(path: Path) -> GPTConfig:
    """The sizes that a config.json of transformers states.

    Raises ValueError if it is damaged, lacks a size, or is of another kind of model.
    """
    stated = read_object(path)
    for key, wanted in FIXED_SETTINGS.items():
        if stated.get(key, wanted) != wanted:
            raise ValueError(
                f"{path} says {key} = {json.dumps(stated[key])}, but GPT-2 has "
                f"{json.dumps(wanted)}: this is another kind of model"
            )
    if stated.get("n_inner") is None and isinstance(stated.get("n_embd"), int):
        stated["n_inner"] = 4 * stated["n_embd"]
    for key in SIZE_NAMES:
        if not isinstance(stated.get(key), int) or isinstance(stated[key], bool):
            raise ValueError(f"{path} states no {key}: copy it again")
    return GPTConfig(**{ours: stated[key] for key, ours in SIZE_NAMES.items()})


def gpt2_from_tensors(
    tensors: Mapping[str, Tensor], source: str, config: GPTConfig | None = None
) -> GPT:
    """A GPT with these weights; without a configuration, sizes are the tensors'.

    Tensors have their names in transformers, with "transformer." in front or not; its
    buffers (the causal mask) and the prediction's tied table are left out. Raises
    ValueError, which says where they are from (source), if they do not make one model.
    """
    plain: dict[str, Tensor] = {}
    for name, tensor in tensors.items():
        short = name.removeprefix("transformer.")
        if re.fullmatch(r"h\.\d+\.attn\.(masked_)?bias", short):
            continue
        if short in plain:
            raise ValueError(f"{source} holds {short} twice: save the model anew")
        plain[short] = tensor
    prediction = plain.pop("lm_head.weight", None)
    config = config or sizes_of_tensors(plain, source)
    with torch.device("meta"):  # shapes only: no memory, and no luck used up
        model = GPT(config)
    ours = {foreign_name(name): name for name in model.state_dict()}
    shapes: dict[str, tuple[int, ...]] = {}
    for name, our_name in ours.items():
        shapes[name] = tuple(turned(name, model.state_dict()[our_name]).shape)
    for name in dict.fromkeys([*ours, *plain]):
        given = tuple(plain[name].shape) if name in plain else "nothing"
        expected = shapes.get(name, "nothing")
        if given != expected:
            raise ValueError(
                f"{source} has {given} for {name}, where a GPT-2 of these sizes has "
                f"{expected}: give the weights of one whole GPT-2"
            )
        check_finite(name, plain[name], source)
    if prediction is not None and not torch.equal(prediction, plain["wte.weight"]):
        raise ValueError(
            f"{source} predicts with a table of its own, lm_head.weight, but GPT-2 "
            "with the one that reads, wte.weight: this is another kind of model"
        )
    loaded = {}
    for name, our_name in ours.items():
        whole = turned(name, plain[name]).contiguous()
        loaded[our_name] = whole.to(torch.float32, copy=True)  # apart from the file
    model.load_state_dict(loaded, assign=True)
    return model


def sizes_of_tensors(tensors: Mapping[str, Tensor], source: str) -> GPTConfig:
    """The sizes as the shapes show them, with heads of 64 numbers.

    Raises ValueError if a tensor that shows a size is missing, or 64 does not fit.
    """
    tables = ("wte.weight", "wpe.weight", "h.0.mlp.c_fc.weight")
    for name in tables:
        if name not in tensors or tensors[name].dim() != 2:
            raise ValueError(
                f"{source} has no table {name}: give the weights of one whole GPT-2"
            )
    shapes = [tuple(tensors[name].shape) for name in tables]
    (vocab_size, model_dim), (context_length, _), (_, mlp_dim) = shapes
    if model_dim % 64:
        raise ValueError(
            f"how many heads the model of {source} has is unknown, since its model_dim "
            f"({model_dim}) is not a multiple of 64: put its {CONFIG_FILE} beside it"
        )
    return GPTConfig(
        vocab_size=vocab_size,
        context_length=context_length,
        num_layers=len({name.split(".")[1] for name in tensors if name[:2] == "h."}),
        num_heads=model_dim // 64,
        model_dim=model_dim,
        mlp_dim=mlp_dim,
    )


def save_gpt2(model: GPT, folder: Path, end_token: int | None = None) -> None:
    """Write config.json and model.safetensors, which transformers opens as its own.

    Its GPT2LMHeadModel.from_pretrained(folder) gives the same logits, and its
    generate() stops at the end token. What this wrote before is replaced. Raises
    ValueError if the folder holds a model that something else saved, or a weight is not
    finite; OSError if the disk is full.
    """
    if not isinstance(model, GPT):
        raise ValueError(f"a {type(model).__name__} is no GPT-2: save a GPT")
    tensors = {}
    for our_name, tensor in model.state_dict().items():
        name = foreign_name(our_name)
        check_finite(name, tensor, "the model")
        tensors[f"transformer.{name}"] = turned(name, tensor)
    stated = {
        "architectures": ["GPT2LMHeadModel"],
        **FIXED_SETTINGS,
        **{key: getattr(model.config, ours) for key, ours in SIZE_NAMES.items()},
        **dict.fromkeys(("attn_pdrop", "embd_pdrop", "resid_pdrop"), 0.0),
        **dict.fromkeys(("bos_token_id", "eos_token_id"), end_token),
    }
    write_model(folder, tensors, stated)


def foreign_name(name: str) -> str:
    """What transformers calls a tensor of ours."""
    module, kind = name.rsplit(".", 1)
    number = "".join(re.findall(r"\.(\d+)\.", module))
    foreign = MODULE_NAMES[re.sub(r"\.\d+\.", ".N.", module)]
    return f"{foreign.replace('N', number)}.{kind}"


def turned(name: str, tensor: Tensor) -> Tensor:
    """Theirs to ours and back: layers' tables are (inputs, outputs) there."""
    return tensor.T if re.search(r"\.c_\w+\.weight$", name) else tensor
