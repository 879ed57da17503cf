"""Grouped queries: several heads that ask share what they look at, to save memory."""

import torch
from torch import Tensor, nn

from gptbook.models.attention import LayerCache, fused_attention
from gptbook.models.gpt import GPTConfig
from gptbook.models.rotary import clock_angles, turn


class GroupedAttention(nn.Module):
    """Causal attention in which N heads of queries share G heads of keys and values.

    With G = N it is `MultiHeadAttention`, number for number.
    Sources: Shazeer 2019 (one for all, G = 1); Ainslie et al. 2023.
    """

    def __init__(
        self, model_dim: int, num_heads: int, num_groups: int, rotary: bool = False
    ) -> None:
        """Raises ValueError if the heads cannot share D, or the groups the heads."""
        super().__init__()
        if num_heads < 1 or model_dim % num_heads:
            raise ValueError(
                f"model_dim ({model_dim}) is not a multiple of num_heads "
                f"({num_heads}): give all heads the same share"
            )
        if num_groups < 1 or num_heads % num_groups:
            raise ValueError(
                f"num_heads ({num_heads}) is not a multiple of num_groups "
                f"({num_groups}): let as many heads share in each group"
            )
        self.head_dim = model_dim // num_heads
        self.parts = (num_heads, num_groups, num_groups)
        self.rotary = rotary
        self.query_key_value = nn.Linear(model_dim, sum(self.parts) * self.head_dim)
        self.output = nn.Linear(model_dim, model_dim)

    def heads(self, x: Tensor, first: int = 0) -> tuple[Tensor, Tensor, Tensor]:
        """Queries (B, N, T, H), and fewer keys and values (B, G, T, H), of x (B, T, D).

        `first` is where the first of the T positions stands.
        """
        every = self.query_key_value(x).unflatten(-1, (-1, self.head_dim))
        q, k, v = every.transpose(1, 2).split(self.parts, dim=1)
        if self.rotary:
            positions = torch.arange(first, first + x.shape[1], device=x.device)
            angles = clock_angles(positions, self.head_dim)
            q, k = turn(q, angles), turn(k, angles)
        return q, k, v

    def forward(self, x: Tensor, cache: LayerCache | None = None) -> Tensor:
        """Let each position look back. Shapes: x and the result are (B, T, D)."""
        q, k, v = self.heads(x, first=cache.length if cache is not None else 0)
        if cache is not None:
            k, v = cache.extend(k, v)  # G heads of each are remembered, not N
        num_heads, num_groups, _ = self.parts
        k = k.repeat_interleave(num_heads // num_groups, dim=1)  # (B, N, S, H)
        v = v.repeat_interleave(num_heads // num_groups, dim=1)
        looked_up = fused_attention(q, k, v)  # (B, N, T, H)
        return self.output(looked_up.transpose(1, 2).flatten(start_dim=2))


def cache_bytes_per_token(
    config: GPTConfig, num_groups: int, bytes_per_number: int = 4
) -> int:
    """What the key-value cache keeps of one token: a key and a value, G times a layer.

    bytes_per_number is 4 in float32 and 2 in bfloat16.
    """
    head_dim = config.model_dim // config.num_heads
    return 2 * config.num_layers * num_groups * head_dim * bytes_per_number
