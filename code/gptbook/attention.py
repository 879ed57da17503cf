"""Attention: each position gathers what it needs from those at or before it."""

import torch
from torch import Tensor, nn


def causal_attention(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    """Average, at each position, the values at or before it.

    Shapes: q, k, v and the result are (B, N, T, H). The weights,
    softmax(q k^T / sqrt(H)), have no unit; each row sums to 1.
    Raises ValueError if q and k differ in T.
    Source: Vaswani et al. 2017, eq. 1 (their d_k is our H).
    """
    num_positions, head_dim = q.shape[-2:]
    if k.shape[-2] != num_positions:
        raise ValueError(
            f"there are {num_positions} queries but {k.shape[-2]} keys: "
            "each position needs both"
        )
    # Unscaled, scores grow with H, and softmax turns all-or-nothing.
    scores = q @ k.mT / head_dim**0.5  # (B, N, T, T)
    ones = torch.ones(num_positions, num_positions, dtype=torch.bool, device=q.device)
    later = ones.triu(diagonal=1)  # (T, T): is the key's position after the query's?
    weights = scores.masked_fill(later, -torch.inf).softmax(dim=-1)
    return weights @ v


class MultiHeadAttention(nn.Module):
    """Causal attention by N heads side by side, each in its own H = D / N numbers."""

    def __init__(self, model_dim: int, num_heads: int) -> None:
        """Raises ValueError if the heads cannot share D evenly."""
        super().__init__()
        if num_heads < 1 or model_dim % num_heads:
            raise ValueError(
                f"model_dim ({model_dim}) is not a multiple of num_heads "
                f"({num_heads}): give all heads the same share"
            )
        self.num_heads = num_heads
        # One product in place of three: the same numbers, faster.
        self.query_key_value = nn.Linear(model_dim, 3 * model_dim)
        self.output = nn.Linear(model_dim, model_dim)

    def forward(self, x: Tensor) -> Tensor:
        """Let each position look back. Shapes: x and the result are (B, T, D)."""
        q, k, v = (
            part.unflatten(-1, (self.num_heads, -1)).transpose(1, 2)  # (B, N, T, H)
            for part in self.query_key_value(x).chunk(3, dim=-1)
        )
        heads = causal_attention(q, k, v)  # (B, N, T, H)
        joined = heads.transpose(1, 2).flatten(start_dim=2)  # (B, T, D)
        return self.output(joined)
