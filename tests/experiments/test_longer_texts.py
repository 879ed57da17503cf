"""How far a model reaches: the loss by position, and clock hands that turn otherwise."""

import pytest
import torch

from gptbook.experiments.longer_texts import longer_rows, position_losses, reach, with_hands
from gptbook.experiments.scaling_experiment import window_loss
from gptbook.models.gpt import GPTConfig
from gptbook.models.rotary import RotaryAttention
from gptbook.models.variants import Variant, VariantGPT

SMALL = GPTConfig(vocab_size=7, context_length=4, num_layers=1, num_heads=2, model_dim=8, mlp_dim=8)


@pytest.fixture
def model() -> VariantGPT:
    torch.manual_seed(0)
    model = VariantGPT(SMALL, Variant(rotary=True))
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.3 * torch.randn_like(parameter))
    return model


def texts(length: int, count: int = 70) -> torch.Tensor:
    return torch.randint(7, (count, length + 1), generator=torch.Generator().manual_seed(1))


def test_the_losses_of_the_positions_have_the_loss_of_the_windows_as_their_mean(model: VariantGPT) -> None:
    windows = texts(12)
    losses = position_losses(model, windows)
    assert losses.shape == (12,)
    assert losses.mean().item() == pytest.approx(window_loss(model, windows), abs=1e-5)
    one = model(windows[:, :1])[:, 0].log_softmax(-1).gather(1, windows[:, 1:2])
    assert losses[0].item() == pytest.approx(-one.mean().item(), abs=1e-5)


def test_a_bucket_is_the_mean_of_its_positions(model: VariantGPT) -> None:
    windows = texts(12)
    expected = [part.mean().item() for part in position_losses(model, windows).split(4)]
    assert reach(model, windows, 4) == pytest.approx(expected)


def test_other_hands_are_on_a_copy(model: VariantGPT) -> None:
    tokens = texts(12)[:, :-1]
    before = model(tokens)
    other = with_hands(model, base=100.0, stretch=4.0)
    assert not torch.allclose(other(tokens), before)
    assert torch.equal(model(tokens), before)
    hands = [(m.base, m.stretch) for m in other.modules() if isinstance(m, RotaryAttention)]
    assert hands == [(100.0, 4.0)]


def test_each_way_is_measured_at_once_and_after_more_training(model: VariantGPT) -> None:
    settings = {
        "bucket": 4,
        "ways": {"unchanged": [10_000.0, 1.0], "stretched": [10_000.0, 4.0]},
        "training": {"num_steps": 2, "batch_size": 4, "matrix_rate": 0.02, "other_rate": 0.02, "warmup_steps": 1},
    }
    held_out = texts(16)
    rows = longer_rows(model, settings, texts(16), held_out, seed=3)
    assert [(row["way"], row["more_steps"], row["seed"], len(row["losses"])) for row in rows] == [
        ("unchanged", 0, 3, 4),
        ("unchanged", 2, 3, 4),
        ("stretched", 0, 3, 4),
        ("stretched", 2, 3, 4),
    ]
    assert rows[0]["losses"] == reach(model, held_out, 4), "what it was before, and stays"
    assert len({tuple(row["losses"]) for row in rows}) == 4
