"""A training loop small enough to plant every classic mistake in it, and to look."""

from typing import Any

import torch
from torch import Tensor, nn

from gptbook.data.sequences import padded, trimmed
from gptbook.data.tables import city_names, split_names
from gptbook.data.tokenizer import CharacterTokenizer
from gptbook.generation.generate import generate_tokens
from gptbook.models.attention import (
    KVCache,
    LayerCache,
    MultiHeadAttention,
    causal_attention,
)
from gptbook.models.gpt import GPT, MLP, Block, GPTConfig
from gptbook.training.checkpoint import restore_training, training_tensors
from gptbook.training.loss import next_token_loss
from gptbook.training.measure import sequence_loss
from gptbook.training.optim import warmup_then_decay
from gptbook.training.seeds import seeded

SMALL_SETTINGS: dict[str, Any] = {
    "config": {
        "context_length": 25,
        "num_layers": 2,
        "num_heads": 4,
        "model_dim": 64,
        "mlp_dim": 256,
    },
    "one_in": 16,  # of the city names, so that a model can learn some by heart
    "dropout": 0.2,
    "num_steps": 400,
    "warmup_steps": 50,
    "num_parts": 2,
    "part_size": 32,
    "learning_rate": 8e-3,
    "weight_decay": 0.1,
    "max_gradient_norm": 1.0,
    "temperature": 0.7,
}


class WrittenOutAttention(MultiHeadAttention):
    """The same attention by the code that the book shows, where lines can be wrong."""

    def forward(self, x: Tensor, cache: LayerCache | None = None) -> Tensor:
        """Shapes: x and the result are (B, T, D). A cache needs the fused function."""
        if cache is not None:
            return super().forward(x, cache)
        looked_up = causal_attention(*self.heads(x))  # (B, N, T, H)
        return self.output(looked_up.transpose(1, 2).flatten(start_dim=2))


class DroppingMLP(MLP):
    """The same MLP, with dropout behind it."""

    def __init__(self, model_dim: int, mlp_dim: int, dropout: float) -> None:
        super().__init__(model_dim, mlp_dim)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor) -> Tensor:
        """Shapes: x and the result are (B, T, D)."""
        dropped: Tensor = self.dropout(super().forward(x))
        return dropped


class SmallGPT(GPT):
    """GPT-2 in small, with dropout behind each MLP."""

    def __init__(self, config: GPTConfig, dropout: float) -> None:
        super().__init__(config)
        for block in self.blocks:
            assert isinstance(block, Block)
            block.attention = WrittenOutAttention(config.model_dim, config.num_heads)
            block.mlp = DroppingMLP(config.model_dim, config.mlp_dim, dropout)
        self.initialize()


def shuffled_rows(num_rows: int, batch_size: int, step: int, seed: int) -> Tensor:
    """The rows of a step's batch: each row once in an order, then a new order.

    Shapes: the result (batch_size,). It depends on seed and step alone.
    """
    epoch, batch = divmod(step, num_rows // batch_size)
    generator = torch.Generator().manual_seed(seed * 1_000_003 + epoch)
    order = torch.randperm(num_rows, generator=generator)
    return order[batch * batch_size : (batch + 1) * batch_size]


def decaying_groups(model: nn.Module, weight_decay: float) -> list[dict[str, Any]]:
    """Tables and matrices are pulled towards 0; biases and norms stay free."""
    parameters = list(model.parameters())
    return [
        {
            "params": [p for p in parameters if p.ndim >= 2],
            "weight_decay": weight_decay,
        },
        {"params": [p for p in parameters if p.ndim < 2], "weight_decay": 0.0},
    ]


class SmallRun:
    """A GPT that learns city names, step by step, with all that a real run has."""

    def __init__(self, settings: dict[str, Any], seed: int = 0) -> None:
        """The settings are like `SMALL_SETTINGS`."""
        self.settings, self.seed, self.step = settings, seed, 0
        names = city_names()
        training, held_out = split_names(names)
        self.tokenizer = CharacterTokenizer.from_texts(names)
        one_in = settings["one_in"]
        self.training = self.encoded(training[::one_in])
        self.held_out = self.encoded(held_out[::one_in])
        self.build()

    def encoded(self, names: list[str]) -> tuple[Tensor, Tensor]:
        """Inputs and targets of names. Shapes: both (P, T)."""
        return padded([self.tokenizer.encode(name) for name in names])

    def build(self) -> None:
        """The model, and the optimizer that moves its parameters."""
        config = GPTConfig(
            vocab_size=self.tokenizer.vocab_size, **self.settings["config"]
        )
        with seeded(self.seed):
            self.model = SmallGPT(config, self.settings["dropout"])
        groups = decaying_groups(self.model, self.settings["weight_decay"])
        self.optimizer = torch.optim.AdamW(groups, betas=(0.9, 0.95))

    def batch(self, part: int) -> tuple[Tensor, Tensor]:
        """A part of the step's batch. Shapes: inputs and targets (B, T)."""
        num_parts, size = self.settings["num_parts"], self.settings["part_size"]
        inputs, targets = self.training
        rows = shuffled_rows(len(inputs), num_parts * size, self.step, self.seed)
        rows = rows[part * size : (part + 1) * size]
        return trimmed(inputs[rows], targets[rows])

    def advance(self) -> float:
        """Take one step; its training loss, in nats per position."""
        settings = self.settings
        self.model.train()
        self.optimizer.zero_grad()
        surprise, num_parts = 0.0, settings["num_parts"]
        with seeded(self.seed * 1_000_003 + self.step):  # dropout draws
            for part in range(num_parts):
                inputs, targets = self.batch(part)
                loss = next_token_loss(self.model(inputs), targets) / num_parts
                loss.backward()
                surprise += loss.item()
        self.gradient_norm = nn.utils.clip_grad_norm_(
            self.model.parameters(), settings["max_gradient_norm"]
        ).item()
        share = warmup_then_decay(
            self.step, settings["num_steps"], settings["warmup_steps"]
        )
        for group in self.optimizer.param_groups:
            group["lr"] = settings["learning_rate"] * share
        self.optimizer.step()
        self.step += 1
        return surprise

    def held_out_loss(self) -> float:
        """The loss on the held-out names, in nats per position."""
        return sequence_loss(self.model, *self.held_out)

    def stop_and_go_on(self) -> None:
        """Save a checkpoint, forget everything, and build it up again from that."""
        saved = training_tensors(self.model, self.optimizer)
        saved = {name: tensor.clone() for name, tensor in saved.items()}
        self.build()
        restore_training(saved, self.model, self.optimizer)

    def write(self, num_names: int, use_cache: bool = True) -> list[str]:
        """Names that the model writes, at the temperature of the settings."""
        self.model.eval()
        generator = torch.Generator().manual_seed(self.seed)
        return [
            self.tokenizer.decode(
                generate_tokens(
                    self.model,
                    [0],
                    self.settings["config"]["context_length"] - 1,
                    temperature=self.settings["temperature"],
                    generator=generator,
                    use_cache=use_cache,
                    stop_token=0,
                )
            )
            for _ in range(num_names)
        ]

    @torch.no_grad()
    def cached_loss(self, num_names: int) -> float:
        """The held-out loss if names are read letter by letter through the cache."""
        self.model.eval()
        config = self.model.config
        total, asked = 0.0, 0
        for inputs, targets in zip(*(side[:num_names] for side in self.held_out)):
            cache = KVCache(config.num_layers, config.context_length)
            inputs, targets = trimmed(inputs[None], targets[None])
            logits = [self.model(token[:, None], cache) for token in inputs.T]
            loss = next_token_loss(torch.cat(logits, dim=1), targets)
            total += loss.item() * targets.shape[1]
            asked += targets.shape[1]
        return total / asked
