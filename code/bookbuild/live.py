"""What a chapter hands to its live piece while it runs: the very models of the page, and the state the piece opens on.

A cell tagged `live` calls these functions in the chapter's kernel, where the package is out of reach and its classes
are copies in the chapter's own namespace: so they are known here by their names. The files land in the folder that the
executor names; where a chapter runs as a plain script, nobody asks for them and none is written.
"""

import copy
import json
import os
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save
from torch import Tensor, nn

from bookbuild.project import LIVE_DIR_VARIABLE

FOLDER_VARIABLE = LIVE_DIR_VARIABLE
FORMAT = "gptbook web 1"  # the same as `gptbook export --to web`; a test holds them together
FORMS = {
    "GPT": "gpt-2",
    "ModernGPT": "modern",
    "NgramNet": "ngram-net",
    "AttentionModel": "attention",
    "IrisNet": "iris",
}
HALF_TOLERANCE = 1e-2
NUM_PROMPTS, LONGEST_PROMPT = 100, 32


def publish(name: str, value: Any) -> None:
    """Write a value as `live/<chapter>/<name>.json`. Raises ValueError for a number that JSON lacks."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    _write(f"{name}.json", text.encode())


def publish_model(name: str, model: nn.Module | Tensor, tokenizer: Any = None, *, half: bool = False) -> None:
    """Write a model as `live/<chapter>/<name>.safetensors`, sizes and tokenizer in its metadata.

    A tensor of shape (V, V) is a table: row, the last token; column, the probability of the next. half stores two bytes
    a number in place of four. Raises ValueError if that changes a score by more than 0.01 in 100 random prompts, or
    for a class that no page can run.
    """
    tensors, form, config = _parts(model)
    if half:
        rounded = {key: tensor.half() for key, tensor in tensors.items()}
        if isinstance(model, nn.Module) and (error := _error_of(model, rounded)) > HALF_TOLERANCE:
            raise ValueError(f"{name}: half precision changes a score by {error:.3f}: publish it with half=False")
        tensors = rounded
    about = {
        "format": FORMAT,
        "form": form,
        "config": json.dumps(config),
        "tokenizer": json.dumps(_tokenizer(tokenizer), ensure_ascii=False),
    }
    _write(f"{name}.safetensors", save({key: tensor.contiguous() for key, tensor in tensors.items()}, about))


class Chance:
    """The random numbers of the pages, for a piece whose opening state is drawn here and whose next ones there.

    The 32-bit generator mulberry32 (Tommy Ettinger, 2017, public domain): one seed, the same numbers in both languages.
    """

    def __init__(self, seed: int) -> None:
        self.state = seed & 0xFFFFFFFF

    def random(self) -> float:
        """The next number, at least 0 and below 1."""
        self.state = (self.state + 0x6D2B79F5) & 0xFFFFFFFF
        t = self.state
        t = ((t ^ (t >> 15)) * (t | 1)) & 0xFFFFFFFF
        t ^= (t + ((t ^ (t >> 7)) * (t | 61) & 0xFFFFFFFF)) & 0xFFFFFFFF
        return ((t ^ (t >> 14)) & 0xFFFFFFFF) / 4294967296

    def draw(self, probabilities: Tensor) -> int:
        """A place in `probabilities` (V,), as likely as the number there."""
        left = self.random() * probabilities.double().sum().item()
        for place, probability in enumerate(probabilities.double().tolist()):
            left -= probability
            if left < 0:
                return place
        return int(probabilities.argmax())  # rounding left a rest


def _parts(model: nn.Module | Tensor) -> tuple[dict[str, Tensor], str, dict[str, Any]]:
    if isinstance(model, Tensor):
        return {"probabilities": model.detach().float()}, "table", {"vocab_size": len(model)}
    kind = type(model).__name__
    if kind not in FORMS:
        raise ValueError(f"no page can run a {kind}: publish one of {', '.join(FORMS)}, or a table")
    given: Any = model
    if hasattr(model, "config"):
        config = asdict(given.config)
    elif kind == "NgramNet":
        config = {"vocab_size": given.vocab_size, "context_length": given.context_length}
    elif kind == "AttentionModel":
        vocab_size, model_dim = given.embedding.weight.shape
        config = {"vocab_size": vocab_size, "model_dim": model_dim, "num_heads": given.attention.num_heads}
    else:
        config = {}
    return {key: tensor.detach().float() for key, tensor in model.state_dict().items()}, FORMS[kind], config


def _tokenizer(tokenizer: Any) -> dict[str, Any] | None:
    if tokenizer is None:
        return None
    kind = type(tokenizer).__name__
    if kind == "CharacterTokenizer":
        return {"kind": "characters", "characters": "".join(tokenizer.characters)}
    if kind == "WordTokenizer":
        return {"kind": "words", "words": tokenizer.words}
    raise ValueError(f"no page can read with a {kind}")


def _error_of(model: nn.Module, rounded: dict[str, Tensor]) -> float:
    """The largest difference of a score, whole numbers against rounded ones, over random prompts."""
    given: Any = model
    rough = copy.deepcopy(model).eval()
    rough.load_state_dict({key: tensor.float() for key, tensor in rounded.items()})
    vocab_size = given.config.vocab_size if hasattr(given, "config") else given.vocab_size
    length = given.config.context_length if hasattr(given, "config") else given.context_length
    generator = torch.Generator().manual_seed(0)
    prompts = torch.randint(vocab_size, (NUM_PROMPTS, min(length, LONGEST_PROMPT)), generator=generator)
    training = model.training
    with torch.no_grad():
        error = (model.eval()(prompts) - rough(prompts)).abs().max().item()
    model.train(training)
    return float(error)


def _write(name: str, content: bytes) -> None:
    if folder := os.environ.get(FOLDER_VARIABLE):
        (Path(folder) / name).write_bytes(content)
