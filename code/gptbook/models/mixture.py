"""A mixture of experts: many MLPs, of which each token is worked on by a few."""

import torch
from torch import Tensor, nn

from gptbook.models.gpt import MLP


class Mixture(nn.Module):
    """E experts, each an MLP; a router picks K of them for each position by itself.

    Sources: Shazeer et al. 2017; Jiang et al. 2024 (Mixtral: softmax over the chosen).
    """

    head_starts: Tensor

    def __init__(
        self,
        model_dim: int,
        mlp_dim: int,
        num_experts: int,
        num_chosen: int,
        balance_rate: float = 0.01,
    ) -> None:
        """Each training step moves an expert's head start by the balance_rate.

        Raises ValueError if there are too few experts, or too few are chosen: a single
        one of several would get the share 1 whatever its score, and the router would
        learn nothing.
        """
        super().__init__()
        if not 1 <= num_chosen <= num_experts:
            raise ValueError(
                f"{num_chosen} of {num_experts} experts cannot be chosen: "
                "choose at least 1, and no more than there are"
            )
        if num_chosen == 1 < num_experts:
            raise ValueError(
                f"1 of {num_experts} experts has the share 1 whatever its score, so "
                "that the router learns nothing: choose 2 or more"
            )
        self.num_chosen = num_chosen
        self.balance_rate = balance_rate
        self.experts = nn.ModuleList(
            MLP(model_dim, mlp_dim) for _ in range(num_experts)
        )
        self.router = nn.Linear(model_dim, num_experts)
        self.register_buffer("head_starts", torch.zeros(num_experts))

    def forward(self, x: Tensor) -> Tensor:
        """Shapes: x and the result are (B, T, D)."""
        chosen, shares = self.route(x)
        if self.training:
            self.balance(chosen)
        result = torch.zeros_like(x)
        for number, expert in enumerate(self.experts):
            share = (shares * (chosen == number)).sum(dim=-1)  # (B, T), 0 if not chosen
            here = (chosen == number).any(dim=-1)  # (B, T): the only ones it works on
            result[here] += share[here][:, None] * expert(x[here])
        return result

    def route(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Which experts work on each position, and each one's share of the result.

        Shapes: x (B, T, D), both results (B, T, K). The shares of a position sum to 1.
        """
        scores = self.router(x)  # (B, T, E)
        # A head start helps to be chosen; in the share it does not count.
        chosen = (scores + self.head_starts).topk(self.num_chosen).indices
        return chosen, scores.gather(-1, chosen).softmax(dim=-1)

    @torch.no_grad()
    def balance(self, chosen: Tensor) -> None:
        """Give experts with little work a head start, and take from those with much.

        Left alone, whoever is chosen early learns most, and is chosen ever more.
        Shape: chosen (B, T, K). Source: Wang et al. 2024, used in DeepSeek-V3.
        """
        work = chosen.flatten().bincount(minlength=len(self.experts)).float()  # (E,)
        self.head_starts += self.balance_rate * (work.mean() - work).sign()
