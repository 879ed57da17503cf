"""The modern GPT with shortcuts: what the race to GPT-2's loss added next, in 2024.

Each is a number or two to learn for a block, and no matrix.
"""

import torch
from torch import Tensor, nn

from gptbook.models.attention import KVCache, LayerCache, fused_attention
from gptbook.models.gpt import GPTConfig, next_positions
from gptbook.models.modern import ModernAttention, ModernBlock, ModernGPT, rms_norm

SCORE_CAP = 30.0  # no score for a token leaves -30 to 30


def capped(scores: Tensor) -> Tensor:
    """Bend scores, so that none leaves -SCORE_CAP to SCORE_CAP. Any shape.

    Small ones hardly change: the bend is steep only where a score is far out.
    Source: Gemma Team 2024 (Gemma 2), section 2.
    """
    return SCORE_CAP * torch.tanh(scores / SCORE_CAP)


def attention_with_values(
    attention: ModernAttention,
    x: Tensor,
    values: Tensor,
    positions: Tensor,
    cache: LayerCache | None = None,
) -> Tensor:
    """What attention finds, if it hands on these values in place of its own.

    Shapes: x and the result (B, T, D), values (B, N, T, H), positions (T,).
    """
    q, k = attention.queries_and_keys(x, positions)
    if cache is not None:
        k, values = cache.extend(k, values)
    looked_up = fused_attention(q, k, values.to(q.dtype))  # (B, N, T, H)
    return attention.output(looked_up.transpose(1, 2).flatten(start_dim=2))


class SpeedrunGPT(ModernGPT):
    """Tokens in, one score for each possible next token out, at every position.

    What differs from the modern form is what reaches a block besides the running sum:
    the token's embedding once more, the first block's values, mixed with its own, and,
    in the upper half, what the block opposite has made: the last gets the first one's,
    as in a U-net. How much of each is learned. At the end, scores are capped.
    Source: modded-nanogpt (Jordan et al. 2024), records 9 to 11. Values: Zhou et al.
    2024.
    """

    def __init__(self, config: GPTConfig, dropout: float = 0.0) -> None:
        """As `ModernGPT`, which draws the starting numbers; those here are given."""
        super().__init__(config, dropout)
        num_layers = config.num_layers
        self.first_value_share = nn.Parameter(torch.full((num_layers,), 0.5))
        self.sum_share = nn.Parameter(torch.ones(num_layers))
        self.embedding_share = nn.Parameter(torch.zeros(num_layers))
        self.opposite_share = nn.Parameter(torch.ones(num_layers // 2))

    def forward(self, tokens: Tensor, cache: KVCache | None = None) -> Tensor:
        """Score the next token at every position.

        With a cache, the tokens follow those that it remembers, and join them.
        Shapes: tokens (B, T), the result (B, T, V).
        Raises ValueError if they and the remembered ones exceed the context length.
        """
        positions = next_positions(tokens, self.config.context_length, cache)
        embedded = self.dropout(rms_norm(self.token_embedding(tokens)))  # (B, T, D)
        kind = embedded.device.type
        if torch.is_autocast_enabled(kind):  # the running sum as short as the products
            embedded = embedded.to(torch.get_autocast_dtype(kind))
        x, first_values = embedded, None
        lower_half: list[Tensor] = []
        num_pairs = self.config.num_layers // 2
        for index, block in enumerate(self.blocks):
            assert isinstance(block, ModernBlock)
            above = index - (self.config.num_layers - num_pairs)
            if above >= 0:
                x = x + self.opposite_share[above] * lower_half.pop()
            x = self.sum_share[index] * x + self.embedding_share[index] * embedded
            normed = rms_norm(x)
            own = block.attention.split(block.attention.value(normed))
            first_values = own if first_values is None else first_values
            share = self.first_value_share[index]
            values = (1 - share) * own + share * first_values  # (B, N, T, H)
            layer = cache.layers[index] if cache else None
            found = attention_with_values(
                block.attention, normed, values, positions, layer
            )
            x = x + block.dropout(found)
            x = x + block.dropout(block.mlp(rms_norm(x)))
            if index < num_pairs:
                lower_half.append(x)
        return capped(self.prediction(rms_norm(x)))
