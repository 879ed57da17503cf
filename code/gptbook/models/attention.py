"""Attention: each position gathers what it needs from those at or before it."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn


def attention_weights(q: Tensor, k: Tensor) -> Tensor:
    """How much each position takes from each position at or before it.

    Shapes: q and k (B, N, T, H), the result (B, N, T, T). The weights have no unit: a
    row, softmax(q k^T / sqrt(H)) over what is not later, sums to 1.
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
    return scores.masked_fill(later, -torch.inf).softmax(dim=-1)


def causal_attention(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    """Average, at each position, the values at or before it.

    Shapes: q, k, v and the result are (B, N, T, H).
    Raises ValueError if q and k differ in T; `KVCache` is for that.
    Source: Vaswani et al. 2017, eq. 1.
    """
    return attention_weights(q, k) @ v


def fused_attention(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    """The same average by PyTorch's own function, which never stores the weights.

    The queries are those of the last T of S positions; without a cache S is T.
    Shapes: q and the result are (B, N, T, H), k and v (B, N, S, H).
    Source: Dao et al. 2022, the method behind it.
    """
    num_queries, num_keys = q.shape[-2], k.shape[-2]
    if num_queries == num_keys:
        return F.scaled_dot_product_attention(q, k, v, is_causal=True)
    if num_queries == 1:  # the newest position may see all
        return F.scaled_dot_product_attention(q, k, v)
    ones = torch.ones(num_queries, num_keys, dtype=torch.bool, device=q.device)
    seen = ones.tril(diagonal=num_keys - num_queries)  # (T, S)
    return F.scaled_dot_product_attention(q, k, v, attn_mask=seen)


class LayerCache:
    """What one attention has computed for the positions so far: keys and values."""

    def __init__(self, context_length: int) -> None:
        """Room for C positions; nothing is there yet."""
        self.context_length = context_length
        self.length = 0
        self.stored: tuple[Tensor, Tensor] | None = None

    def extend(self, k: Tensor, v: Tensor) -> tuple[Tensor, Tensor]:
        """Add the newest positions; return the keys and values of all S so far.

        Shapes: k and v (B, N, T, H), the results (B, N, S, H).
        Raises ValueError if more come than there is room for.
        """
        end = self.length + k.shape[-2]
        if end > self.context_length:
            raise ValueError(
                f"{end} positions do not fit into a cache of {self.context_length}: "
                "begin a new one with the last tokens only"
            )
        if self.stored is None:  # once: growing it at each step would copy all of it
            shape = (*k.shape[:-2], self.context_length, k.shape[-1])
            self.stored = (k.new_empty(shape), v.new_empty(shape))
        keys, values = self.stored
        keys[..., self.length : end, :] = k
        values[..., self.length : end, :] = v
        self.length = end
        return keys[..., :end, :], values[..., :end, :]


class KVCache:
    """The key-value cache: what the layers of a model remember of the tokens so far.

    A key and a value depend on their own token and earlier ones only. So a new token
    leaves the old ones as they are, and only its own must be computed.
    """

    def __init__(self, num_layers: int, context_length: int) -> None:
        """Empty, with room for C positions."""
        self.layers = [LayerCache(context_length) for _ in range(num_layers)]

    @property
    def length(self) -> int:
        """How many positions are remembered."""
        return self.layers[0].length


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

    def forward(self, x: Tensor, cache: LayerCache | None = None) -> Tensor:
        """Let each position look back. Shapes: x and the result are (B, T, D)."""
        q, k, v = self.heads(x)
        if cache is not None:
            k, v = cache.extend(k, v)
        looked_up = fused_attention(q, k, v)  # (B, N, T, H)
        joined = looked_up.transpose(1, 2).flatten(start_dim=2)  # (B, T, D)
        return self.output(joined)

    def heads(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Queries, keys and values. Shapes: x (B, T, D), each result (B, N, T, H)."""
        q, k, v = (
            part.unflatten(-1, (self.num_heads, -1)).transpose(1, 2)
            for part in self.query_key_value(x).chunk(3, dim=-1)
        )
        return q, k, v

    def weights(self, x: Tensor) -> Tensor:
        """Where each head looks. Shapes: x (B, T, D), the result (B, N, T, T)."""
        q, k, _ = self.heads(x)
        return attention_weights(q, k)


class AttentionModel(nn.Module):
    """A token's vector, plus what attention adds to it, scored against every token.

    It knows what came before, and not in which order: nothing says where a token is.
    """

    def __init__(self, vocab_size: int, model_dim: int, num_heads: int) -> None:
        """Raises ValueError if the heads cannot share D evenly."""
        super().__init__()
        self.embedding = nn.Embedding(vocab_size, model_dim)
        self.attention = MultiHeadAttention(model_dim, num_heads)
        self.prediction = nn.Linear(model_dim, vocab_size)
        # With zeros here all tokens start equally likely, the loss at ln V.
        nn.init.zeros_(self.prediction.weight)
        nn.init.zeros_(self.prediction.bias)

    def forward(self, tokens: Tensor) -> Tensor:
        """Score the next token. Shapes: tokens (B, T), the result (B, T, V)."""
        x = self.embedding(tokens)  # (B, T, D)
        return self.prediction(x + self.attention(x))
