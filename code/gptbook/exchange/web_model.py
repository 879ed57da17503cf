"""The file of a page of the book, opened again: weights, sizes and tokenizer in one."""

import json
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open

from gptbook.data.bpe import BytePairTokenizer
from gptbook.data.merging import byte_symbols
from gptbook.data.tokenizer import CharacterTokenizer
from gptbook.data.tokenizer_files import TextTokenizer
from gptbook.exchange.export import WEB_FORMAT
from gptbook.exchange.weight_files import check_finite, read_tensors
from gptbook.models.gpt import GPT, GPTConfig
from gptbook.models.modern import ModernGPT

WEB_FORMS = {"gpt-2": GPT, "modern": ModernGPT}


def web_facts(path: Path) -> dict[str, Any]:
    """What a file for a page says of itself; nothing if it is none."""
    try:
        with safe_open(path, "pt") as file:
            about = file.metadata() or {}
    except (SafetensorError, OSError):
        return {}
    return about if about.get("format") == WEB_FORMAT else {}


def load_web_model(path: Path) -> tuple[GPT | ModernGPT, TextTokenizer]:
    """The model in a file that `gptbook export --to web` wrote, and its tokenizer.

    Weights become float32; what float16 has rounded off stays so. Raises ValueError, in
    one sentence, if it holds another kind of model, or was damaged.
    """
    about = web_facts(path)
    form = about.get("form", "")
    if form not in WEB_FORMS or "tokenizer" not in about:
        raise ValueError(
            f"{path} is a file for a page, and holds no GPT with its tokenizer: give "
            "one that gptbook export RUN --to web wrote"
        )
    tensors = {name: tensor.float() for name, tensor in read_tensors(path).items()}
    for name, tensor in tensors.items():
        check_finite(name, tensor, str(path))
    try:
        model: GPT | ModernGPT = WEB_FORMS[form](
            GPTConfig(**json.loads(about["config"]))
        )
        model.load_state_dict(tensors)
        tokenizer = tokenizer_of_web(json.loads(about["tokenizer"]))
        fits = tokenizer.vocab_size == model.config.vocab_size
    except (ValueError, TypeError, KeyError, RuntimeError, AttributeError):
        fits = False
    if not fits:
        raise ValueError(f"{path} was changed or damaged: export the run again")
    return model, tokenizer


def tokenizer_of_web(said: dict[str, Any]) -> TextTokenizer:
    """What `tokenizer_for_web` has written, read again."""
    if said["kind"] == "characters":
        return CharacterTokenizer(said["characters"])
    to_byte = {symbol: byte for byte, symbol in byte_symbols().items()}
    merges = [
        tuple(b"".join(to_byte[symbol] for symbol in part) for part in pair)
        for pair in said["merges"]
    ]
    pairs = [(left, right) for left, right in merges]
    return BytePairTokenizer(pairs, end_of_text=said["end_of_text"])
