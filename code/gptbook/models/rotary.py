"""Rotary positions: queries and keys as clock hands, turned by where they stand."""

import torch
from torch import Tensor

from gptbook.models.attention import (
    LayerCache,
    MultiHeadAttention,
    fused_attention,
)


def clock_angles(
    positions: Tensor, head_dim: int, base: float = 10_000.0, stretch: float = 1.0
) -> Tensor:
    """How far each of a head's H/2 hands has turned at each position, in radians.

    The first hand turns by 1 radian a position, each later one more slowly; the slowest
    of many would need about 2 pi base positions to come round. A larger base slows down
    the slow hands, a stretch of 4 slows down all of them four times.
    Shapes: positions (T,), the result (T, H/2).
    Sources: Su et al. 2021; Chen et al. 2023 (stretch: position interpolation).
    """
    half = head_dim // 2
    speeds = base ** -(torch.arange(half, device=positions.device) / half)  # (H/2,)
    return positions[:, None] / stretch * speeds


def turn(x: Tensor, angles: Tensor) -> Tensor:
    """Turn each hand clockwise by its angle.

    Number i says how far up the end of hand i points, number i + H/2 how far across.
    Lengths stay. The product of two hands depends on them and the angle between alone.
    Shapes: x and the result (B, N, T, H), angles (T, H/2).
    """
    up, across = x.chunk(2, dim=-1)
    cos, sin = angles.cos().to(x.dtype), angles.sin().to(x.dtype)
    return torch.cat([up * cos - across * sin, up * sin + across * cos], dim=-1)


class RotaryAttention(MultiHeadAttention):
    """Causal attention with turned queries and keys: no table of positions is needed.

    Both have turned by their own position, so a score knows how far apart they are.
    """

    base = 10_000.0
    stretch = 1.0

    def heads(self, x: Tensor, first: int = 0) -> tuple[Tensor, Tensor, Tensor]:
        """Queries, keys and values of the positions from `first` on.

        Shapes: x (B, T, D), each result (B, N, T, H). H must be even.
        """
        q, k, v = super().heads(x)
        positions = torch.arange(first, first + x.shape[1], device=x.device)
        angles = clock_angles(positions, q.shape[-1], self.base, self.stretch)
        return turn(q, angles), turn(k, angles), v

    def forward(self, x: Tensor, cache: LayerCache | None = None) -> Tensor:
        """Let each position look back. Shapes: x and the result are (B, T, D)."""
        q, k, v = self.heads(x, first=cache.length if cache is not None else 0)
        if cache is not None:
            k, v = cache.extend(k, v)  # turned once, for good
        looked_up = fused_attention(q, k, v)  # (B, N, T, H)
        return self.output(looked_up.transpose(1, 2).flatten(start_dim=2))
