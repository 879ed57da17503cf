"""The same GPT with what was learned since 2019: it trains faster, and better."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from gptbook.models.attention import (
    KVCache,
    LayerCache,
    attention_weights,
    fused_attention,
)
from gptbook.models.gpt import GPTConfig, next_positions

SLOWEST_TURN = 10_000.0  # positions, times 2 pi, for the slowest pair to come round


def rms_norm(x: Tensor) -> Tensor:
    """Scale each vector so that the mean of its squares is 1. Any shape (..., D).

    Layer norm without the subtraction, and without numbers to learn.
    Source: Zhang and Sennrich 2019.
    """
    return F.rms_norm(x, x.shape[-1:])


def rotate(x: Tensor, positions: Tensor) -> Tensor:
    """Turn each pair of numbers by an angle that grows with the position.

    Number i and number i + H/2 are a pair. A query and a key that are turned so have a
    product that depends on how far apart they stand, not on where.
    Shapes: x and the result (B, N, T, H), positions (T,).
    Source: Su et al. 2021, in the halves form.
    """
    half = x.shape[-1] // 2
    place = torch.arange(half, device=x.device) / half
    angles = positions[:, None] * SLOWEST_TURN**-place  # (T, H/2), in radians
    cos, sin = angles.cos().to(x.dtype), angles.sin().to(x.dtype)
    first, second = x.chunk(2, dim=-1)
    turned = [first * cos - second * sin, first * sin + second * cos]
    return torch.cat(turned, dim=-1)


class ModernAttention(nn.Module):
    """Causal attention by N heads, with turned and normalised queries and keys.

    Normalised, no score can exceed sqrt(H), however large the weights grow.
    Source: Henry et al. 2020 (normalised queries and keys).
    """

    def __init__(self, model_dim: int, num_heads: int) -> None:
        super().__init__()
        self.num_heads = num_heads
        self.query = nn.Linear(model_dim, model_dim, bias=False)
        self.key = nn.Linear(model_dim, model_dim, bias=False)
        self.value = nn.Linear(model_dim, model_dim, bias=False)
        self.output = nn.Linear(model_dim, model_dim, bias=False)

    def forward(
        self, x: Tensor, positions: Tensor, cache: LayerCache | None = None
    ) -> Tensor:
        """Shapes: x and the result (B, T, D), positions (T,)."""
        q, k = self.queries_and_keys(x, positions)
        v = self.split(self.value(x))
        if cache is not None:
            k, v = cache.extend(k, v)
        looked_up = fused_attention(q, k, v)  # (B, N, T, H)
        joined = looked_up.transpose(1, 2).flatten(start_dim=2)  # (B, T, D)
        return self.output(joined)

    def split(self, x: Tensor) -> Tensor:
        """Give each head its share. Shapes: x (B, T, D), the result (B, N, T, H)."""
        return x.unflatten(-1, (self.num_heads, -1)).transpose(1, 2)

    def queries_and_keys(self, x: Tensor, positions: Tensor) -> tuple[Tensor, Tensor]:
        """Shapes: x (B, T, D), positions (T,), each result (B, N, T, H)."""
        q, k = (
            rotate(rms_norm(self.split(layer(x))), positions)
            for layer in (self.query, self.key)
        )
        return q, k

    def weights(self, x: Tensor) -> Tensor:
        """Where each head looks. Shapes: x (B, T, D), the result (B, N, T, T)."""
        positions = torch.arange(x.shape[1], device=x.device)
        return attention_weights(*self.queries_and_keys(x, positions))


class ModernMLP(nn.Module):
    """Two layers; between them what is negative becomes 0, and the rest is squared.

    Source: So et al. 2021 (squared ReLU).
    """

    def __init__(self, model_dim: int, mlp_dim: int) -> None:
        super().__init__()
        self.hidden = nn.Linear(model_dim, mlp_dim, bias=False)
        self.output = nn.Linear(mlp_dim, model_dim, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """Shapes: x and the result are (B, T, D)."""
        return self.output(F.relu(self.hidden(x)).square())


class ModernBlock(nn.Module):
    """Look around, then think; each adds to a running sum, as in GPT-2."""

    def __init__(self, config: GPTConfig, dropout: float = 0.0) -> None:
        super().__init__()
        self.attention = ModernAttention(config.model_dim, config.num_heads)
        self.mlp = ModernMLP(config.model_dim, config.mlp_dim)
        self.dropout = nn.Dropout(dropout)

    def forward(
        self, x: Tensor, positions: Tensor, cache: LayerCache | None = None
    ) -> Tensor:
        """Shapes: x and the result (B, T, D), positions (T,)."""
        x = x + self.dropout(self.attention(rms_norm(x), positions, cache))
        return x + self.dropout(self.mlp(rms_norm(x)))


class ModernGPT(nn.Module):
    """Tokens in, one score for each possible next token out, at every position.

    What differs from GPT-2: RMS norm, rotary positions in place of a table of them,
    normalised queries and keys, a squared ReLU, no biases, and projections that start
    at zero, so that each block starts out adding nothing and the loss starts at ln V.
    A second table predicts. Source: Jordan et al. 2024 (modded-nanogpt) has them all.
    """

    def __init__(self, config: GPTConfig, dropout: float = 0.0) -> None:
        """Raises ValueError if a head has an odd number of numbers: they turn in pairs.

        dropout is the share of what joins the running sum that a training step leaves
        out, by chance. Draws the starting numbers from PyTorch's global generator.
        """
        super().__init__()
        head_dim = config.model_dim // config.num_heads
        if head_dim % 2:
            raise ValueError(
                f"a head has {head_dim} numbers, which cannot be turned in pairs: "
                "make model_dim / num_heads even"
            )
        self.config = config
        self.token_embedding = nn.Embedding(config.vocab_size, config.model_dim)
        self.blocks = nn.ModuleList(
            ModernBlock(config, dropout) for _ in range(config.num_layers)
        )
        self.dropout = nn.Dropout(dropout)
        self.prediction = nn.Linear(config.model_dim, config.vocab_size, bias=False)
        for name, module in self.named_modules():
            if isinstance(module, nn.Linear) and name.endswith(
                ("output", "prediction")
            ):
                nn.init.zeros_(module.weight)

    def forward(self, tokens: Tensor, cache: KVCache | None = None) -> Tensor:
        """Score the next token at every position.

        With a cache, the tokens follow those that it remembers, and join them.
        Shapes: tokens (B, T), the result (B, T, V).
        Raises ValueError if they and the remembered ones exceed the context length.
        """
        positions = next_positions(tokens, self.config.context_length, cache)
        x = self.dropout(rms_norm(self.token_embedding(tokens)))  # (B, T, D)
        for index, block in enumerate(self.blocks):
            x = block(x, positions, cache.layers[index] if cache else None)
        return self.prediction(rms_norm(x))
