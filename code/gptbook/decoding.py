"""Writing faster: for one new token, read each weight once and do nothing else."""

from collections.abc import Callable, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from gptbook.attention import KVCache
from gptbook.generate import CachedModel


def one_row_linear(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """`F.linear` for one row, as products and their sum.

    Run as it stands it is slow, and makes a table of products. Compiled, it is one pass
    over the weights, near the speed of memory, which for one row is what counts;
    libraries for matrices are made for many rows. It adds up in float32, also where
    the weights are bfloat16.
    Shapes: x (..., in) with one row in all, weight (out, in), the result (..., out).
    """
    total = (weight.float() * x.reshape(-1).float()).sum(dim=-1)
    if bias is not None:
        total = total + bias.float()
    return total.to(weight.dtype).view(*x.shape[:-1], -1)


class OneRowLinears(TorchFunctionMode):
    """While it is entered, each linear layer is done by another function."""

    def __init__(self, linear: Callable[..., Tensor]) -> None:
        """The function takes what `F.linear` takes, for one row."""
        super().__init__()
        self.linear = linear

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Sequence[type],
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        """PyTorch calls this in place of each of its functions."""
        chosen = self.linear if func is F.linear else func
        return chosen(*args, **(kwargs or {}))


class FastDecoder(nn.Module):
    """The same model with the same weights, faster where one token of one text is new.

    Scores differ by rounding. In float32 it writes what the model writes; in bfloat16,
    of three digits, two scores that are almost equal may change places, and from there
    the texts part. The first new token waits seconds for PyTorch's compiler, which
    needs one for C++: this pays off where thousands of tokens follow.
    """

    def __init__(self, model: CachedModel, backend: str = "inductor") -> None:
        """backend is what compiles, by PyTorch's name; "eager" needs no compiler."""
        super().__init__()
        self.model = model
        self.config = model.config
        # Each shape and precision is compiled once; past the limit, 8, none would be.
        torch._dynamo.config.recompile_limit = 64
        linear = torch.compile(one_row_linear, dynamic=True, backend=backend)
        self.one_row = OneRowLinears(linear)

    def forward(self, tokens: Tensor, cache: KVCache | None = None) -> Tensor:
        """Score the next token. Shapes: tokens (B, T), the result (B, T, V)."""
        if tokens.numel() > 1:
            return self.model(tokens, cache)
        with self.one_row:
            return self.model(tokens, cache)
