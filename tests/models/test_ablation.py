"""A GPT with one part taken out: that part is gone, and nothing else is."""

import math

import pytest
import torch
from torch import Tensor

from gptbook.models.ablation import GPT_PARTS, Nothing, gpt_without
from gptbook.models.gpt import GPT, GPTConfig
from gptbook.training.loss import next_token_loss

SMALL = GPTConfig(vocab_size=11, context_length=6, num_layers=2, num_heads=2, model_dim=8, mlp_dim=12)


def both(part: str) -> tuple[GPT, GPT]:
    """The whole GPT and the one without a part, with the same numbers wherever both have them."""
    torch.manual_seed(0)
    whole = GPT(SMALL)
    with torch.no_grad():
        for parameter in whole.parameters():
            parameter.add_(0.3 * torch.randn_like(parameter))
        if part == "positions":
            whole.position_embedding.weight.zero_()
    without = gpt_without(part, SMALL)
    left = {name: tensor for name, tensor in whole.state_dict().items() if name in without.state_dict()}
    without.load_state_dict(left)
    return whole, without


def by_hand(model: GPT, tokens: Tensor, part: str) -> Tensor:
    """The equation of GPT-2, written out again with one term struck."""

    def norm(x: Tensor, module: torch.nn.Module) -> Tensor:
        return x if part == "norms" else module(x)

    x = model.token_embedding(tokens)
    if part != "positions":
        x = x + model.position_embedding.weight[: tokens.shape[1]]
    for block in model.blocks:
        if part != "attention":
            looked = block.attention(norm(x, block.attention_norm))
            x = looked if part == "running sum" else x + looked
        if part != "MLP":
            thought = block.mlp(norm(x, block.mlp_norm))
            x = thought if part == "running sum" else x + thought
    return norm(x, model.final_norm) @ model.token_embedding.weight.T


@pytest.mark.parametrize("part", ["", *GPT_PARTS])
def test_without_a_part_the_model_computes_the_equation_without_its_term(part: str) -> None:
    whole, without = both(part)
    tokens = torch.randint(11, (3, 6))
    torch.testing.assert_close(without(tokens), by_hand(whole, tokens, part), atol=1e-5, rtol=1e-5)
    if part not in ("", "positions"):  # whose numbers are zero in both here
        assert not torch.allclose(without(tokens), whole(tokens), atol=1e-3)


@pytest.mark.parametrize(
    ("part", "missing"),
    [
        ("attention", ["attention."]),
        ("MLP", ["mlp."]),
        ("norms", ["attention_norm.", "mlp_norm.", "final_norm."]),
        ("running sum", []),
        ("", []),
    ],
)
def test_what_is_taken_out_has_no_parameters_left_and_the_rest_has_all(part: str, missing: list[str]) -> None:
    there = {name for name, _ in gpt_without(part, SMALL).named_parameters()}
    all_names = {name for name, _ in GPT(SMALL).named_parameters()}
    assert all_names - there == {name for name in all_names if any(part in name for part in missing)}
    assert there <= all_names


def test_without_positions_none_is_learned_and_the_order_of_earlier_tokens_shows_in_no_score_of_one_block() -> None:
    model = gpt_without("positions", SMALL)
    assert not model.position_embedding.weight.any()
    assert not model.position_embedding.weight.requires_grad
    tokens, targets = torch.randint(11, (2, 3, 6))
    next_token_loss(model(tokens), targets).backward()
    assert model.position_embedding.weight.grad is None
    one_block = gpt_without("positions", GPTConfig(**{**vars(SMALL), "num_layers": 1}))
    forth, back = one_block(torch.tensor([[3, 1, 4, 9], [4, 1, 3, 9]]))[:, -1]
    torch.testing.assert_close(forth, back)


def test_without_attention_a_score_depends_on_its_own_token_and_place_alone() -> None:
    model = gpt_without("attention", SMALL)
    tokens = torch.randint(11, (1, 6))
    changed = (tokens + 1) % 11
    changed[0, 4] = tokens[0, 4]
    assert torch.equal(model(tokens)[0, 4], model(changed)[0, 4])
    assert not torch.equal(model(tokens)[0, 3], model(changed)[0, 3])


@pytest.mark.parametrize("part", ["", "attention", "MLP", "positions"])
def test_the_same_seed_draws_the_same_numbers_for_what_is_left(part: str) -> None:
    torch.manual_seed(5)
    whole = GPT(SMALL).state_dict()
    torch.manual_seed(5)
    for name, tensor in gpt_without(part, SMALL).state_dict().items():
        if not (part == "positions" and name.startswith("position_embedding")):
            assert torch.equal(tensor, whole[name]), name


@pytest.mark.parametrize("part", ["", *GPT_PARTS])
def test_every_model_starts_near_the_uniform_guess_and_every_part_left_can_learn(part: str) -> None:
    torch.manual_seed(0)
    model = gpt_without(part, SMALL)
    tokens, targets = torch.randint(11, (2, 8, 6))
    loss = next_token_loss(model(tokens), targets)
    assert loss.item() == pytest.approx(math.log(11), abs=0.1)
    loss.backward()
    idle = {name for name, p in model.named_parameters() if p.requires_grad and p.grad is None}
    # The norm before a part that is gone has nothing to do.
    assert {name.split(".")[2] for name in idle} <= {f"{part.lower()}_norm"}


def test_nothing_adds_nothing() -> None:
    x = torch.randn(2, 3, 4)
    assert torch.equal(x + Nothing()(x), x)
    assert list(Nothing().parameters()) == []


def test_a_part_that_a_gpt_does_not_have_is_named() -> None:
    with pytest.raises(ValueError, match='a GPT has no part "memory": choose one of attention, positions, MLP'):
        gpt_without("memory", SMALL)
