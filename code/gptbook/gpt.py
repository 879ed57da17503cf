"""GPT-2, to the letter: blocks in a stack between an embedding and a prediction."""

from dataclasses import dataclass, fields

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from gptbook.attention import MultiHeadAttention


@dataclass(frozen=True, kw_only=True)
class GPTConfig:
    """The sizes of a GPT. The defaults are GPT-2 small, 124,439,808 parameters."""

    vocab_size: int = 50_257
    """V: how many different tokens there are."""
    context_length: int = 1_024
    """C: how many positions the model can look back over, itself included."""
    num_layers: int = 12
    """L: how many blocks stand on one another."""
    num_heads: int = 12
    """N: how many attention heads work side by side in a block."""
    model_dim: int = 768
    """D: how many numbers describe a position between blocks."""
    mlp_dim: int = 3_072
    """F: how many hidden units the MLP of a block has; GPT-2 takes 4 D."""

    def __post_init__(self) -> None:
        for field in fields(self):
            if getattr(self, field.name) < 1:
                raise ValueError(f"{field.name} is {getattr(self, field.name)}: it must be 1 or more")
        if self.model_dim % self.num_heads:
            raise ValueError(
                f"model_dim ({self.model_dim}) is not a multiple of num_heads ({self.num_heads}): "
                "give all heads the same share"
            )


class MLP(nn.Module):
    """Two layers with a bend between them, applied to each position by itself."""

    def __init__(self, model_dim: int, mlp_dim: int) -> None:
        super().__init__()
        self.hidden = nn.Linear(model_dim, mlp_dim)
        self.output = nn.Linear(mlp_dim, model_dim)

    def forward(self, x: Tensor) -> Tensor:
        """Shapes: x and the result are (B, T, D)."""
        # GPT-2 computes GELU by the tanh formula; the exact one differs in the fourth decimal.
        thought: Tensor = self.output(F.gelu(self.hidden(x), approximate="tanh"))
        return thought


class Block(nn.Module):
    """Look around (attention), then think (MLP); each adds its result to a running sum."""

    def __init__(self, config: GPTConfig) -> None:
        super().__init__()
        self.attention_norm = nn.LayerNorm(config.model_dim, eps=1e-5)
        self.attention = MultiHeadAttention(config.model_dim, config.num_heads)
        self.mlp_norm = nn.LayerNorm(config.model_dim, eps=1e-5)
        self.mlp = MLP(config.model_dim, config.mlp_dim)

    def forward(self, x: Tensor) -> Tensor:
        """Shapes: x and the result are (B, T, D). Only what is read of the running sum is normalised."""
        seen: Tensor = x + self.attention(self.attention_norm(x))
        thought: Tensor = seen + self.mlp(self.mlp_norm(seen))
        return thought


class GPT(nn.Module):
    """Tokens in, one score for each possible next token out, at every position.

    Source: Radford et al. 2019, and the code that OpenAI published with it: layer norm before each part,
    learned positions, and one table both for reading tokens and for predicting them.
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
        """Draw GPT-2's starting numbers from PyTorch's global generator: near zero, biases exactly zero."""
        for module in self.modules():
            if isinstance(module, nn.Linear):
                nn.init.normal_(module.weight, std=0.02)
                nn.init.zeros_(module.bias)
        nn.init.normal_(self.token_embedding.weight, std=0.02)
        nn.init.normal_(self.position_embedding.weight, std=0.01)
        # Two results a block join the running sum; scaled down so that the sum of all keeps its size.
        residual_std = 0.02 / (2 * self.config.num_layers) ** 0.5
        for name, parameter in self.named_parameters():
            if name.endswith("output.weight"):
                nn.init.normal_(parameter, std=residual_std)

    def forward(self, tokens: Tensor) -> Tensor:
        """Score the next token at every position. Shapes: tokens (B, T) -> logits (B, T, V).

        Raises ValueError if T exceeds the context length.
        """
        num_positions = tokens.shape[1]
        if num_positions > self.config.context_length:
            raise ValueError(
                f"{num_positions} tokens do not fit into a context of {self.config.context_length}: "
                "pass the last ones only"
            )
        positions = torch.arange(num_positions, device=tokens.device)
        x = self.token_embedding(tokens) + self.position_embedding(positions)  # (B, T, D)
        for block in self.blocks:
            x = block(x)
        return F.linear(self.final_norm(x), self.token_embedding.weight)  # the same table, read backwards


@dataclass(frozen=True)
class ParameterTerm:
    """One term of the GPT-2 equation and the numbers that it has to learn."""

    name: str
    """What the term does, in words."""
    shape: str
    """The shapes of its tensors (weights, biases), in the letters of the legend; once, not for each block."""
    formula: str
    """The count as plain text."""
    latex: str
    """The count as LaTeX."""
    count: int
    """The count, over all blocks."""


def parameter_terms(config: GPTConfig) -> list[ParameterTerm]:
    """Count a GPT's parameters term by term, from its sizes alone; the counts sum to the model's own.

    The last row is the prediction: it has no parameters of its own, because it reads the token table again.
    """
    dim, hidden, num_layers = config.model_dim, config.mlp_dim, config.num_layers  # D, F, L
    rows = [  # name, shapes, count as plain text, count as LaTeX, count
        ("token embedding", "(V, D)", "V·D", r"V D", config.vocab_size * dim),
        ("position embedding", "(C, D)", "C·D", r"C D", config.context_length * dim),
        ("layer norm before attention", "(D), (D)", "L·2D", r"L \cdot 2D", num_layers * 2 * dim),
        (
            "queries, keys, values",
            "(D, 3D), (3D)",
            "L·(3D² + 3D)",
            r"L (3D^2 + 3D)",
            num_layers * (3 * dim**2 + 3 * dim),
        ),
        ("attention output", "(D, D), (D)", "L·(D² + D)", r"L (D^2 + D)", num_layers * (dim**2 + dim)),
        ("layer norm before MLP", "(D), (D)", "L·2D", r"L \cdot 2D", num_layers * 2 * dim),
        (
            "MLP, first layer",
            "(D, F), (F)",
            "L·(DF + F)",
            r"L (D F + F)",
            num_layers * (dim * hidden + hidden),
        ),
        ("MLP, second layer", "(F, D), (D)", "L·(FD + D)", r"L (F D + D)", num_layers * (hidden * dim + dim)),
        ("final layer norm", "(D), (D)", "2D", r"2D", 2 * dim),
        ("prediction", "the token embedding again", "0", r"0", 0),
    ]
    return [ParameterTerm(*row) for row in rows]
