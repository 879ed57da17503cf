"""Six sizes of one GPT, trained alike on one text: the experiment of chapter 15."""

import hashlib
import importlib.metadata
import math
import time
from collections.abc import Callable, Iterable
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from gptbook.data.docstrings import docstrings
from gptbook.data.tables import split_names
from gptbook.data.tokenizer import CharacterTokenizer
from gptbook.models.gpt import GPTConfig
from gptbook.models.modern import ModernGPT
from gptbook.training.loops import train_in_one_pass
from gptbook.training.loss import next_token_loss
from gptbook.training.seeds import seeded

# The rates are the best of six pairs at width 80, the middle of the sizes, and serve
# all of them: a rate tuned for each size would hide what the size alone does.
SCALING_SETTINGS: dict[str, Any] = {
    "library": "numpy",
    "widths": [16, 32, 48, 80, 128, 208],
    "shape": {"context_length": 64, "num_layers": 2, "head_dim": 16},
    "training": {
        "num_steps": 600,
        "batch_size": 32,
        "matrix_rate": 0.04,
        "other_rate": 0.04,
        "warmup_steps": 50,
    },
    "seeds": [0, 1, 2],
}


def cut_text(
    texts: Iterable[str], tokenizer: CharacterTokenizer, context_length: int
) -> Tensor:
    """Texts, a mark in front of each, as windows that overlap by one character.

    A window holds C inputs and the last one's answer; what does not fill one is left
    out. Shape of the result: (W, C + 1).
    Raises ValueError if the texts do not fill one window.
    """
    tokens = [token for text in texts for token in (0, *tokenizer.encode(text))]
    if len(tokens) <= context_length:
        raise ValueError(
            f"the texts have {len(tokens)} characters, and one window needs "
            f"{context_length + 1}: give more text, or a shorter context"
        )
    return torch.tensor(tokens).unfold(0, context_length + 1, context_length)


def gpt_of_width(
    model_dim: int, vocab_size: int, context_length: int, num_layers: int, head_dim: int
) -> ModernGPT:
    """One of the sizes: only the width differs, and all that follows from it."""
    config = GPTConfig(
        vocab_size=vocab_size,
        context_length=context_length,
        num_layers=num_layers,
        num_heads=model_dim // head_dim,
        model_dim=model_dim,
        mlp_dim=4 * model_dim,
    )
    return ModernGPT(config)


def num_block_parameters(model: ModernGPT) -> int:
    """The parameters between the embedding and the prediction, without those two."""
    return sum(parameter.numel() for parameter in model.blocks.parameters())


@torch.no_grad()
def window_loss(model: nn.Module, windows: Tensor) -> float:
    """The model's average surprise in windows, in nats per position.

    Shape: windows (W, C + 1).
    """
    model.eval()
    total = 0.0
    for batch in windows.split(256):  # in pieces, to spare memory
        loss = next_token_loss(model(batch[:, :-1]), batch[:, 1:])
        total += loss.item() * len(batch)
    return total / len(windows)


class ScalingExperiment:
    """One text, one number of steps, six widths: how the loss falls with the size."""

    def __init__(self, settings: dict[str, Any], folder: Path) -> None:
        """The settings are like `SCALING_SETTINGS`. No run is kept half."""
        self.settings = settings
        training, held_out = split_names(docstrings((settings["library"],)))
        self.texts = [*training, *held_out]
        self.tokenizer = CharacterTokenizer.from_texts(self.texts)
        context_length = settings["shape"]["context_length"]
        self.training = cut_text(training, self.tokenizer, context_length)
        self.held_out = cut_text(held_out, self.tokenizer, context_length)

    def parts(self) -> dict[str, tuple[int, Callable[..., dict[str, Any]]]]:
        """Each size with each seed, the small ones first."""
        num_steps = self.settings["training"]["num_steps"]
        return {
            f"{width}-{seed}": (num_steps, partial(self.train, width, seed))
            for width, seed in product(self.settings["widths"], self.settings["seeds"])
        }

    def train(
        self, width: int, seed: int, on_step: Callable[[int, float], None]
    ) -> dict[str, Any]:
        """A size with a seed: a row of the record."""
        settings = self.settings
        with seeded(seed):
            model = gpt_of_width(width, self.tokenizer.vocab_size, **settings["shape"])
        began = time.perf_counter()
        train_in_one_pass(
            model, self.training, **settings["training"], seed=seed, on_step=on_step
        )
        return {
            "model_dim": width,
            "seed": seed,
            "block_parameters": num_block_parameters(model),
            "parameters": sum(parameter.numel() for parameter in model.parameters()),
            "seconds": time.perf_counter() - began,
            "held_out_loss": window_loss(model, self.held_out),
        }

    def results(self, done: dict[str, dict[str, Any]]) -> dict[str, Any]:
        """What the record holds besides how it was made."""
        training, context_length = self.settings["training"], self.training.shape[1] - 1
        windows = training["num_steps"] * training["batch_size"]
        return {
            "library_version": importlib.metadata.version(self.settings["library"]),
            "text_sha256": hashlib.sha256("\0".join(self.texts).encode()).hexdigest(),
            "characters": {
                "seen": windows * context_length,
                "training": len(self.training) * context_length,
                "held_out": len(self.held_out) * context_length,
            },
            "uniform_loss": math.log(self.tokenizer.vocab_size),
            "rows": list(done.values()),
        }
