"""The GPT of chapter 11 with its parts swapped, one by one, for those of today."""

from dataclasses import dataclass

import torch.nn.functional as F
from torch import Tensor, nn

from gptbook.models.attention import KVCache
from gptbook.models.gpt import GPT, GPTConfig
from gptbook.models.grouped import GroupedAttention
from gptbook.models.mixture import Mixture
from gptbook.models.rotary import RotaryAttention


@dataclass(frozen=True, kw_only=True)
class Variant:
    """What a GPT has that GPT-2 did not have; by default nothing."""

    rms_norm: bool = False
    """RMS norm, which subtracts no mean, in place of layer norm."""
    rotary: bool = False
    """Turned queries and keys in place of a table of positions."""
    num_groups: int = 0
    """G: how many heads of keys and values there are; 0 is one for each head."""
    num_experts: int = 1
    """E: how many MLPs there are in a block, each of mlp_dim hidden units."""
    num_chosen: int = 1
    """K: how many of them work on a token."""
    balance_rate: float = 0.01
    """How fast experts with little work are given more; 0 is not at all."""


class VariantGPT(GPT):
    """GPT-2, except where the variant says otherwise."""

    def __init__(self, config: GPTConfig, variant: Variant) -> None:
        """Draws the starting numbers from PyTorch's global generator.

        Raises ValueError if a part cannot have these sizes.
        """
        super().__init__(config)
        self.variant = variant
        dim, heads, groups = config.model_dim, config.num_heads, variant.num_groups
        for block in self.blocks:
            if variant.rms_norm:
                block.set_submodule("attention_norm", nn.RMSNorm(dim, eps=1e-5))
                block.set_submodule("mlp_norm", nn.RMSNorm(dim, eps=1e-5))
            if groups:
                grouped = GroupedAttention(dim, heads, groups, variant.rotary)
                block.set_submodule("attention", grouped)
            elif variant.rotary:
                block.set_submodule("attention", RotaryAttention(dim, heads))
            if variant.num_experts > 1:
                choice = variant.num_experts, variant.num_chosen, variant.balance_rate
                block.set_submodule("mlp", Mixture(dim, config.mlp_dim, *choice))
        if variant.rms_norm:
            self.set_submodule("final_norm", nn.RMSNorm(dim, eps=1e-5))
        self.initialize()
        if variant.rotary:
            del self.position_embedding

    def forward(self, tokens: Tensor, cache: KVCache | None = None) -> Tensor:
        """Score the next token at every position.

        With rotary positions there is no table that could end: more tokens than the
        context length are read, too. Shapes: tokens (B, T), the result (B, T, V).
        Raises ValueError if learned positions or the cache have no room for them.
        """
        if not self.variant.rotary:
            return super().forward(tokens, cache)
        x = self.token_embedding(tokens)  # (B, T, D), and nothing is added
        for index, block in enumerate(self.blocks):
            x = block(x, cache.layers[index] if cache else None)
        return F.linear(self.final_norm(x), self.token_embedding.weight)


def used_parameters(model: nn.Module) -> int:
    """How many of a model's numbers one token meets: of E experts it meets K."""
    idle = 0
    for module in model.modules():
        if isinstance(module, Mixture):
            one = sum(p.numel() for p in module.experts[0].parameters())
            idle += (len(module.experts) - module.num_chosen) * one
    return sum(p.numel() for p in model.parameters()) - idle
