"""GPT-2, to the letter: blocks in a stack between an embedding and a prediction."""

from dataclasses import dataclass, fields

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from gptbook.models.attention import KVCache, LayerCache, MultiHeadAttention


@dataclass(frozen=True, kw_only=True)
class GPTConfig:
    """The sizes of a GPT. The defaults are GPT-2 small: 124,439,808 parameters."""

    vocab_size: int = 50_257
    """V: how many different tokens there are."""
    context_length: int = 1_024
    """C: how many positions the model can see, the current one included."""
    num_layers: int = 12
    """L: how many blocks stand on one another."""
    num_heads: int = 12
    """N: how many attention heads work side by side in a block."""
    model_dim: int = 768
    """D: how many numbers describe a position between blocks."""
    mlp_dim: int = 3_072
    """F: how many hidden units the MLP of a block has; GPT-2 takes 4 D."""

    def __post_init__(self) -> None:
        """Raises ValueError, which names the field, for a size that cannot be."""
        for field in fields(self):
            size = getattr(self, field.name)
            if size < 1:
                raise ValueError(f"{field.name} is {size}: give 1 or more")
        if self.model_dim % self.num_heads:
            raise ValueError(
                f"model_dim ({self.model_dim}) is not a multiple of num_heads "
                f"({self.num_heads}): give all heads the same share"
            )


class MLP(nn.Module):
    """Two layers with a bend between them, applied to each position by itself."""

    def __init__(self, model_dim: int, mlp_dim: int) -> None:
        super().__init__()
        self.hidden = nn.Linear(model_dim, mlp_dim)
        self.output = nn.Linear(mlp_dim, model_dim)

    def forward(self, x: Tensor) -> Tensor:
        """Shapes: x and the result are (B, T, D)."""
        # GPT-2 has the tanh formula for GELU; the exact one differs in the 4th decimal.
        hidden = F.gelu(self.hidden(x), approximate="tanh")  # (B, T, F)
        return self.output(hidden)


class Block(nn.Module):
    """Look around (attention), then think (MLP); each adds to a running sum."""

    def __init__(self, config: GPTConfig) -> None:
        super().__init__()
        self.attention_norm = nn.LayerNorm(config.model_dim, eps=1e-5)
        self.attention = MultiHeadAttention(config.model_dim, config.num_heads)
        self.mlp_norm = nn.LayerNorm(config.model_dim, eps=1e-5)
        self.mlp = MLP(config.model_dim, config.mlp_dim)

    def forward(self, x: Tensor, cache: LayerCache | None = None) -> Tensor:
        """Shapes: x and the result are (B, T, D).

        What is read of the running sum is normalised, the sum itself never is.
        """
        x = x + self.attention(self.attention_norm(x), cache)
        return x + self.mlp(self.mlp_norm(x))


class GPT(nn.Module):
    """Tokens in, one score for each possible next token out, at every position.

    Source: Radford et al. 2019 and the code that OpenAI published with it: a layer norm
    before each part, learned positions, one table to read tokens and to predict them.
    """

    def __init__(self, config: GPTConfig) -> None:
        super().__init__()
        self.config = config
        self.token_embedding = nn.Embedding(config.vocab_size, config.model_dim)
        self.position_embedding = nn.Embedding(config.context_length, config.model_dim)
        self.blocks = nn.ModuleList(Block(config) for _ in range(config.num_layers))
        self.final_norm = nn.LayerNorm(config.model_dim, eps=1e-5)
        self.initialize()

    def initialize(self) -> None:
        """Draw the starting numbers as GPT-2 does, from PyTorch's global generator."""
        # Two results a block join the running sum; smaller ones keep the sum in range.
        residual_std = 0.02 / (2 * self.config.num_layers) ** 0.5
        for name, module in self.named_modules():
            if isinstance(module, nn.Linear):
                std = residual_std if name.endswith("output") else 0.02
                nn.init.normal_(module.weight, std=std)
                nn.init.zeros_(module.bias)
        nn.init.normal_(self.token_embedding.weight, std=0.02)
        nn.init.normal_(self.position_embedding.weight, std=0.01)

    def forward(self, tokens: Tensor, cache: KVCache | None = None) -> Tensor:
        """Score the next token at every position.

        With a cache, the tokens follow those that it remembers, and join them.
        Shapes: tokens (B, T), the result (B, T, V).
        Raises ValueError if they and the remembered ones exceed the context length.
        """
        positions = next_positions(tokens, self.config.context_length, cache)
        x = self.token_embedding(tokens) + self.position_embedding(positions)
        for index, block in enumerate(self.blocks):
            x = block(x, cache.layers[index] if cache else None)  # (B, T, D)
        # The table that read the tokens also predicts them.
        return F.linear(self.final_norm(x), self.token_embedding.weight)


def next_positions(
    tokens: Tensor, context_length: int, cache: KVCache | None = None
) -> Tensor:
    """Where the tokens stand: 0, 1, 2, ..., or after those that a cache remembers.

    Shapes: tokens (B, T), the result (T,).
    Raises ValueError if the last one stands outside the context.
    """
    first = cache.length if cache else 0
    end = first + tokens.shape[1]
    if end > context_length:
        raise ValueError(
            f"{end} tokens do not fit into a context of {context_length}: "
            "pass the last ones only"
        )
    return torch.arange(first, end, device=tokens.device)
