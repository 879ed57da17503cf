"""Recipes for text: what goes together, and how much they learn from."""

from dataclasses import replace
from typing import Any

import pytest
import torch

from bookbuild.project import Project
from gptbook.models.gpt import GPT
from gptbook.models.sizes import size_lines
from gptbook.tasks.recipe_words import gpt2_124m, gpt2_124m_2019, laptop
from gptbook.tasks.text_model import config_for, text_model


def test_gpt2_in_its_form_of_2019_has_124439808_parameters() -> None:
    with torch.device("meta"):
        model = text_model(gpt2_124m_2019(), 50_257)
    assert isinstance(model, GPT)
    assert sum(parameter.numel() for parameter in model.parameters()) == 124_439_808


def test_a_step_of_gpt2_learns_from_half_a_million_tokens() -> None:
    assert gpt2_124m().batch_tokens == gpt2_124m_2019().batch_tokens == 524_288


def test_all_steps_together_are_the_budget() -> None:
    assert gpt2_124m().num_tokens == 4_600 * 524_288
    assert 9.8e9 < gpt2_124m_2019().num_tokens < 10e9


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"form": "gpt-3"}, "form is gpt-3: give modern or gpt-2"),
        ({"optimizer": "sgd"}, "optimizer is sgd: give muon or adamw"),
        ({"num_heads": 5}, "not a multiple of num_heads"),
        ({"dropout": 1.0}, "dropout is 1.0"),
        ({"form": "gpt-2", "dropout": 0.1}, "has no dropout"),
        ({"weight_decay": -1.0}, "weight_decay is -1.0"),
        ({"max_gradient_norm": 0.0}, "max_gradient_norm is 0.0"),
        ({"batch_size": 0}, "batch_size is 0"),
        ({"other_rate": float("nan")}, "other_rate is nan"),
        ({"evaluate_every": 0}, "evaluate_every is 0"),
    ],
)
def test_a_value_that_cannot_be_is_named(change: dict[str, Any], problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        replace(laptop(), **change)


def test_the_large_recipe_is_named_with_its_true_size_everywhere(project: Project) -> None:
    chosen = gpt2_124m()
    with torch.device("meta"):
        counts = [
            sum(parameter.numel() for parameter in text_model(one, 50_257).parameters())
            for one in (chosen, gpt2_124m_2019())
        ]
    number, original = (f"{count:,}" for count in counts)
    lines = size_lines(config_for(chosen, 50_257), chosen.form)
    assert number in lines[0]
    assert original in lines[1]
    table = 50_257 * chosen.model_dim
    signed = [int(line.split()[1].replace(",", "")) * (-1 if line[0] == "-" else 1) for line in lines[1:]]
    assert sum(signed) == counts[0]
    assert signed[2] == table
    named = [(gpt2_124m.__doc__ or ""), (gpt2_124m_2019.__doc__ or "")]
    assert number in named[0]
    assert original in named[1]
    for page in ("README.md", "docs/your-own-gpt/rent-a-gpu.yaml"):
        assert number in (project.root / page).read_text(encoding="utf-8")
