"""A trained model for elsewhere: for Hugging Face's transformers, or for a web page."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save
from torch import Tensor

from gptbook.bpe import BytePairTokenizer
from gptbook.checkpoint import write_whole
from gptbook.corpus import PIECES_FILE, TextTokenizer
from gptbook.gpt import GPT
from gptbook.merging import in_symbols
from gptbook.modern import ModernGPT
from gptbook.nanochat import save_nanochat
from gptbook.pretrained import check_finite, save_gpt2

WEB_FORMAT = "gptbook web 1"
WEB_FILE = "model.safetensors"
MARK_NAME = "<|mark|>"  # token 0 of characters has no letter of its own


def save_for_huggingface(
    model: GPT | ModernGPT, tokenizer: TextTokenizer, folder: Path
) -> None:
    """Write a model and its tokenizer as transformers opens them, logits equal.

    Raises ValueError if the folder holds a model that something else saved.
    """
    if isinstance(model, GPT):
        save_gpt2(model, folder)
    else:
        save_nanochat(model, folder)
    if isinstance(tokenizer, BytePairTokenizer):
        tokenizer.save(folder / PIECES_FILE)
        return
    vocabulary = {MARK_NAME: 0, **tokenizer.ids}
    single = {"type": "Split", "pattern": {"Regex": r"[\s\S]"}, "invert": False}
    content: dict[str, Any] = {
        "version": "1.0",
        **dict.fromkeys(("truncation", "padding", "normalizer", "post_processor")),
        "added_tokens": [],
        "pre_tokenizer": single | {"behavior": "Isolated"},
        "decoder": {"type": "Fuse"},
        "model": {"type": "WordLevel", "vocab": vocabulary, "unk_token": MARK_NAME},
    }
    text = json.dumps(content, indent=1, ensure_ascii=False) + "\n"
    write_whole(folder / PIECES_FILE, text.encode())


def save_for_web(
    model: GPT | ModernGPT, tokenizer: TextTokenizer, folder: Path, half: bool = True
) -> Path:
    """Write one file that a page of the book opens: weights, sizes and tokenizer.

    It is a safetensors file; sizes and tokenizer are JSON in its metadata. half stores
    each weight in two bytes in place of four (float16): half the download, and scores
    that differ in the third decimal. Returns its path.
    Raises ValueError if a weight is not finite, or too large for float16.
    """
    tensors: dict[str, Tensor] = {}
    for name, tensor in model.state_dict().items():
        check_finite(name, tensor, "the model")
        stored = tensor.to("cpu", torch.float16 if half else torch.float32)
        if not stored.isfinite().all():
            raise ValueError(
                f"{name} holds numbers too large for float16: give --precision float32"
            )
        tensors[name] = stored.contiguous()
    about = {
        "format": WEB_FORMAT,
        "form": "gpt-2" if isinstance(model, GPT) else "modern",
        "config": json.dumps(asdict(model.config)),
        "tokenizer": json.dumps(tokenizer_for_web(tokenizer), ensure_ascii=False),
    }
    folder.mkdir(parents=True, exist_ok=True)
    write_whole(folder / WEB_FILE, save(tensors, about))
    return folder / WEB_FILE


def tokenizer_for_web(tokenizer: TextTokenizer) -> dict[str, Any]:
    """All that a page needs to turn text into tokens and back."""
    if not isinstance(tokenizer, BytePairTokenizer):
        return {"kind": "characters", "characters": tokenizer.characters}
    return {
        "kind": "pieces",
        "merges": [[in_symbols(part) for part in pair] for pair in tokenizer.merges],
        "end_of_text": tokenizer.end_of_text,
    }
