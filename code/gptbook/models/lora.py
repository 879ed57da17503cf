"""LoRA: learn a small change of each matrix, as a product of two thin ones."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class LoRALinear(nn.Linear):
    """A frozen layer, and beside it a product of two thin matrices, which is learned.

    It starts as the layer that it was made of, since one of the two starts at zero.
    Source: Hu et al. 2021 (LoRA, arXiv 2106.09685), eq. 3; section 4.1 has the scale.
    """

    def __init__(self, layer: nn.Linear, rank: int, alpha: float) -> None:
        """Raises ValueError if the product would be as large as the matrix itself."""
        inputs, outputs = layer.in_features, layer.out_features
        super().__init__(inputs, outputs, layer.bias is not None, device="meta")
        if not 1 <= rank < min(inputs, outputs):
            raise ValueError(
                f"the rank is {rank}: give 1 to {min(inputs, outputs) - 1}, less than "
                "a side of the matrices has"
            )
        self.weight, self.bias = layer.weight, layer.bias
        self.requires_grad_(False)
        self.scale = alpha / rank
        self.down = nn.Parameter(torch.empty(rank, inputs))  # A in the paper
        self.up = nn.Parameter(torch.zeros(outputs, rank))  # B in the paper
        nn.init.uniform_(self.down, -(inputs**-0.5), inputs**-0.5)

    def forward(self, x: Tensor) -> Tensor:
        """W x + (alpha / rank) B A x. Shapes: (..., inputs), then (..., outputs)."""
        return super().forward(x) + self.scale * F.linear(
            F.linear(x, self.down), self.up
        )

    def merged(self) -> nn.Linear:
        """One plain layer that gives the same: W + (alpha / rank) B A."""
        size = (self.in_features, self.out_features, self.bias is not None)
        layer = nn.Linear(*size, device="meta")
        change = self.scale * self.up.detach() @ self.down.detach()
        layer.weight, layer.bias = nn.Parameter(self.weight + change), self.bias
        return layer.requires_grad_(True)


def add_adapters(model: nn.Module, rank: int, alpha: float) -> None:
    """Freeze a GPT of any form, and put adapters beside the matrices in its blocks.

    They start from PyTorch's global generator. Raises ValueError for a rank too large.
    """
    model.requires_grad_(False)
    for module in list(model.get_submodule("blocks").modules()):
        for name, layer in list(module.named_children()):
            if isinstance(layer, nn.Linear):
                setattr(module, name, LoRALinear(layer, rank, alpha))


def merge_adapters(model: nn.Module) -> None:
    """Add what the adapters of a GPT have learned to its matrices, and remove them."""
    for module in list(model.modules()):
        for name, layer in list(module.named_children()):
            if isinstance(layer, LoRALinear):
                setattr(module, name, layer.merged())
    model.requires_grad_(True)
