"""Models and tokenizers with few, random numbers."""

import json
from pathlib import Path

import pytest
import torch

from gptbook.data.bpe import BytePairTokenizer
from gptbook.data.tokenizer import CharacterTokenizer
from gptbook.exchange.pretrained import save_gpt2
from gptbook.models.gpt import GPT, GPTConfig
from gptbook.models.modern import ModernGPT

TEXT = 'To be, or not:\n\n"to be" — é ß 京\t  that is\r\nthe question.\n'
CHARACTERS = CharacterTokenizer.from_texts([TEXT])
PIECES = BytePairTokenizer.learn([TEXT], 280, end_of_text=True)
FORMS = {"gpt-2": GPT, "modern": ModernGPT}
both_forms = pytest.mark.parametrize("form", FORMS)
both_tokenizers = pytest.mark.parametrize("tokenizer", [CHARACTERS, PIECES], ids=["characters", "pieces"])

TEXTS = ["the cat sat on the mat", "the dog sat on the log", "a cat and a dog"] * 5


def stirred(form: str, vocab_size: int, seed: int = 0, context_length: int = 16) -> GPT | ModernGPT:
    """A small model with random numbers everywhere."""
    torch.manual_seed(seed)
    sizes = {"num_layers": 2, "num_heads": 2, "model_dim": 16, "mlp_dim": 24}
    config = GPTConfig(vocab_size=vocab_size, context_length=context_length, **sizes)
    model: GPT | ModernGPT = FORMS[form](config)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.1 * torch.randn(parameter.shape))
    return model.eval()


def small_gpt2(folder: Path, vocab_size: int | None = None, end_of_text: bool = True) -> Path:
    """A folder with random weights and a small tokenizer in GPT-2's two files."""
    tokenizer = BytePairTokenizer.learn(TEXTS, 256 + 8 + end_of_text, end_of_text=end_of_text)
    config = GPTConfig(
        vocab_size=vocab_size or tokenizer.vocab_size,
        context_length=32,
        num_layers=1,
        num_heads=2,
        model_dim=16,
        mlp_dim=64,
    )
    torch.manual_seed(0)
    save_gpt2(GPT(config), folder)
    tokenizer.save(folder / "tokenizer.json")
    saved = json.loads((folder / "tokenizer.json").read_text(encoding="utf-8"))["model"]
    (folder / "vocab.json").write_text(json.dumps(tokenizer.vocabulary), encoding="utf-8")
    merges = "\n".join(" ".join(pair) for pair in saved["merges"])
    (folder / "merges.txt").write_text(f"#version: 0.2\n{merges}\n", encoding="utf-8")
    return folder
