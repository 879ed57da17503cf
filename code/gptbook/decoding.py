"""Writing faster: the step for one token, compiled to read each weight once."""

from collections.abc import Callable, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from gptbook.attention import KVCache
from gptbook.gpt import GPT, next_positions
from gptbook.modern import ModernGPT, rms_norm


def one_row_linear(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """`F.linear` for one row, as products and their sum.

    Written out so, it is slow, and makes a table of products. Compiled, it is one pass
    over the weights at nearly the speed of the memory, which for one row is all that
    counts; libraries for matrices are made for many rows. Products are summed in
    float32 also where the weights are bfloat16.
    Shapes: x (..., in) with one row in all, weight (out, in), the result (..., out).
    """
    total = (weight.float() * x.reshape(-1).float()).sum(dim=-1)
    if bias is not None:
        total = total + bias.float()
    return total.to(weight.dtype).view(*x.shape[:-1], -1)


class OneRowLinears(TorchFunctionMode):
    """In this block of code each linear layer is a `one_row_linear`."""

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Sequence[type],
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        """PyTorch calls this in place of each of its functions."""
        if func is F.linear:
            return one_row_linear(*args, **(kwargs or {}))
        return func(*args, **(kwargs or {}))


def one_row_block(block: nn.Module, *inputs: Any) -> Any:
    """What the block returns, for one position of one text."""
    with OneRowLinears():
        return block(*inputs)


class FastDecoder(nn.Module):
    """The same model with the same weights; one new token of one text is compiled.

    It writes what the model writes; scores differ by rounding. The first two tokens
    wait for the compiler, which pays off where thousands follow. It needs a C++
    compiler on the machine; backend "eager" does without, and is slow.
    """

    def __init__(self, model: GPT | ModernGPT, backend: str = "inductor") -> None:
        """backend is PyTorch's name for what compiles."""
        super().__init__()
        self.model = model
        self.config = model.config
        # One block is compiled, not the stack: all have the same code.
        self.block = torch.compile(one_row_block, backend=backend)
        self.linear = torch.compile(one_row_linear, backend=backend)

    def forward(self, tokens: Tensor, cache: KVCache | None = None) -> Tensor:
        """Score the next token. Shapes: tokens (B, T), the result (B, T, V)."""
        model = self.model
        if tokens.numel() > 1 or cache is None or cache.length == 0:
            return model(tokens, cache)
        positions = next_positions(tokens, self.config.context_length, cache)
        x = model.token_embedding(tokens)  # (1, 1, D)
        if isinstance(model, GPT):
            x = x + model.position_embedding(positions)
            for block, layer in zip(model.blocks, cache.layers):
                x = self.block(block, x, layer)
            x, table = model.final_norm(x), model.token_embedding.weight
        else:
            x = rms_norm(x)
            for block, layer in zip(model.blocks, cache.layers):
                x = self.block(block, x, positions, layer)
            x, table = rms_norm(x), model.prediction.weight
        return self.linear(x, table)
