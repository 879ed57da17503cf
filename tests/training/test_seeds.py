"""Chance that follows from a seed, and leaves all other chance alone."""

import torch

from gptbook.training.seeds import seeded


def drawn(seed: int) -> list[float]:
    with seeded(seed):
        return [*torch.rand(3).tolist(), *torch.nn.functional.dropout(torch.ones(3)).tolist()]


def test_the_same_seed_draws_the_same_and_another_something_else() -> None:
    assert drawn(1) == drawn(1) != drawn(2)


def test_after_the_block_chance_goes_on_as_if_it_had_not_been_there() -> None:
    torch.manual_seed(9)
    alone = torch.rand(2)
    torch.manual_seed(9)
    first = torch.rand(1)
    drawn(1)
    assert torch.equal(torch.cat([first, torch.rand(1)]), alone)
