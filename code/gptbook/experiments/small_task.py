"""A task small enough to train with every classic mistake planted, and to look."""

from collections.abc import Iterator, Sequence
from pathlib import Path
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
from gptbook.training.checkpoint import training_tensors
from gptbook.training.engine import Run
from gptbook.training.loss import next_token_loss
from gptbook.training.measure import sequence_loss
from gptbook.training.optim import warmup_then_decay
from gptbook.training.recipe import Recipe
from gptbook.training.saved_run import SavedRun
from gptbook.training.seeds import seeded
from gptbook.training.task import Task

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


class SmallNames(Task):
    """City names for a small GPT, with all that the training of a large one has."""

    model: SmallGPT

    def __init__(self, settings: dict[str, Any], seed: int = 0) -> None:
        """The settings are like `SMALL_SETTINGS`."""
        self.settings = settings
        num_steps = settings["num_steps"]
        self.recipe = Recipe(name="small", num_steps=num_steps, seed=seed)
        self.num_rows = settings["num_parts"] * settings["part_size"]
        self.max_gradient_norm = settings["max_gradient_norm"]
        names = city_names()
        training, held_out = split_names(names)
        self.tokenizer = CharacterTokenizer.from_texts(names)
        one_in = settings["one_in"]
        self.training = self.encoded(training[::one_in])
        self.held_out = self.encoded(held_out[::one_in])
        config = GPTConfig(vocab_size=self.tokenizer.vocab_size, **settings["config"])
        with seeded(seed):
            self.model = SmallGPT(config, settings["dropout"])

    def encoded(self, names: list[str]) -> tuple[Tensor, Tensor]:
        """Inputs and targets of names. Shapes: both (P, T)."""
        return padded([self.tokenizer.encode(name) for name in names])

    def new_optimizer(self) -> torch.optim.Optimizer:
        """What moves the parameters."""
        groups = decaying_groups(self.model, self.settings["weight_decay"])
        for group in groups:
            group["rate"] = self.settings["learning_rate"]
        return torch.optim.AdamW(groups, betas=(0.9, 0.95))

    def batch(self, step: int, rows: slice) -> tuple[Tensor, Tensor]:
        """Some rows of a step's batch. Shapes: inputs and targets (B, T)."""
        inputs, targets = self.training
        of_step = (self.num_rows, step, self.recipe.seed)
        chosen = shuffled_rows(len(inputs), *of_step)[rows]
        return trimmed(inputs[chosen], targets[chosen])

    def loss(self, model: nn.Module, step: int, rows: slice) -> Tensor:
        """The surprise at every position of some names."""
        inputs, targets = self.batch(step, rows)
        return next_token_loss(model(inputs), targets)

    def rate_scale(self, step: int) -> float:
        """Up in a line, then down to zero."""
        warmup_steps = self.settings["warmup_steps"]
        return warmup_then_decay(step, self.recipe.num_steps, warmup_steps)

    def held_out_loss(
        self, rows_at_once: int = 0, rank: int = 0, size: int = 1
    ) -> tuple[float, int]:
        """The mean surprise at the held-out names, in nats per position."""
        return sequence_loss(self.model, *self.held_out), 1

    def data_facts(self) -> dict[str, Any]:
        """The alphabet."""
        return {"alphabet": self.tokenizer.characters}

    def describe(self) -> Iterator[str]:
        """What it is."""
        yield "a small GPT of city names"

    def report(self, held_out_loss: float, losses: Sequence[float]) -> Iterator[str]:
        """The loss on the held-out names."""
        yield f"  held-out loss  {held_out_loss:.3f} nats per position"

    def write(
        self,
        start: str,
        count: int,
        generator: torch.Generator,
        use_cache: bool = True,
    ) -> list[str]:
        """Names that the model writes, at the temperature of the settings."""
        self.model.eval()
        begun = [0, *self.tokenizer.encode(start)]
        return [
            self.tokenizer.decode(
                generate_tokens(
                    self.model,
                    begun,
                    self.settings["config"]["context_length"] - 1,
                    temperature=self.settings["temperature"],
                    generator=generator,
                    use_cache=use_cache,
                    stop_token=0,
                )
            )
            for _ in range(count)
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


def small_run(settings: dict[str, Any], seed: int = 0) -> Run:
    """A run of the small GPT at its very beginning, in parts, on the processor."""
    return Run(SmallNames(settings, seed), rows_at_once=settings["part_size"])


def stopped_and_resumed(run: Run, settings: dict[str, Any]) -> Run:
    """The run as it goes on from a checkpoint: everything else is forgotten."""
    tensors = training_tensors(run.model, run.optimizer)
    saved = SavedRun(
        recipe=run.recipe,
        tensors={name: tensor.clone() for name, tensor in tensors.items()},
        facts=run.facts(),
        run_dir=Path("small"),
    )
    again = small_run(settings, run.recipe.seed)
    again.resume(saved)
    return again
