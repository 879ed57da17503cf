"""A GPT with one part taken out, to see what the part is for."""

from typing import Any

import torch
from torch import Tensor, nn

from gptbook.models.gpt import GPT, Block, GPTConfig

# What can be taken out of a GPT, in the order in which the chapter adds it.
GPT_PARTS = ("attention", "positions", "MLP", "running sum", "norms")


class Nothing(nn.Module):
    """Stands where a part stood, and adds nothing."""

    def forward(self, x: Tensor, cache: Any = None) -> Tensor:
        """Zeros in the shape of x, (B, T, D)."""
        return torch.zeros_like(x)


class ReplacingBlock(Block):
    """A block without the running sum: each part hands on its own result alone."""

    def forward(self, x: Tensor, cache: Any = None) -> Tensor:
        """Shapes: x and the result are (B, T, D)."""
        x = self.attention(self.attention_norm(x), cache)
        return self.mlp(self.mlp_norm(x))


def gpt_without(part: str, config: GPTConfig) -> GPT:
    """A GPT in which one of `GPT_PARTS` is missing, or nothing for "".

    Draws the starting numbers from PyTorch's global generator.
    Raises ValueError for a part that a GPT does not have.
    """
    if part not in ("", *GPT_PARTS):
        raise ValueError(
            f'a GPT has no part "{part}": choose one of {", ".join(GPT_PARTS)}'
        )
    model = GPT(config)
    if part == "running sum":
        model.blocks = nn.ModuleList(
            ReplacingBlock(config) for _ in range(config.num_layers)
        )
        model.initialize()
    for block in model.blocks:
        assert isinstance(block, Block)
        if part == "attention":
            block.set_submodule("attention", Nothing())
        elif part == "MLP":
            block.set_submodule("mlp", Nothing())
        elif part == "norms":
            block.set_submodule("attention_norm", nn.Identity())
            block.set_submodule("mlp_norm", nn.Identity())
    if part == "norms":
        model.set_submodule("final_norm", nn.Identity())
    if part == "positions":
        nn.init.zeros_(model.position_embedding.weight)
        model.position_embedding.weight.requires_grad_(False)
    return model
