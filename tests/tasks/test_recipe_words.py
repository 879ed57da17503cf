"""The words of the command line: each finds its recipe, and a typo the nearest."""

from dataclasses import replace
from typing import Any

import pytest
import torch

from bookbuild.project import Project
from gptbook.models.gpt import GPT
from gptbook.models.sizes import size_lines
from gptbook.tasks.names import gpt_config
from gptbook.tasks.recipe_words import all_recipes, gpt2_124m, gpt2_124m_2019, gpt2_124m_modern, laptop, recipe
from gptbook.tasks.recipes import NamesRecipe
from gptbook.tasks.text import text_model


def test_every_recipe_is_found_by_its_own_name() -> None:
    for word, make in all_recipes().items():
        assert recipe(word) == make()
        assert make().name == word


def test_what_learns_names_is_known_by_its_kind() -> None:
    """The options --names and --column are for these, and for no others."""
    kinds = {word for word, make in all_recipes().items() if isinstance(make(), NamesRecipe)}
    assert kinds == {word for word in all_recipes() if word.startswith("city-")}


@pytest.mark.parametrize(
    ("typo", "meant"),
    [
        ("city-4grm", "city-4gram"),
        ("bigram", "city-bigram"),
        ("citygpt", "city-gpt"),
        ("docstring-bpe", "docstrings-bpe"),
    ],
)
def test_a_typo_is_answered_with_the_nearest_word(typo: str, meant: str) -> None:
    with pytest.raises(ValueError, match=f'there is no recipe "{typo}": did you mean "{meant}"'):
        recipe(typo)


def test_capitals_and_underscores_are_no_mistake() -> None:
    assert recipe("Iris") == recipe("iris")
    assert recipe("City_Bigram") == recipe("city-bigram")


def test_a_word_like_no_other_is_answered_with_all() -> None:
    with pytest.raises(ValueError, match="choose from iris, city-bigram, city-trigram, city-4gram"):
        recipe("weather")


def test_gpt2_in_its_form_of_2019_has_124439808_parameters() -> None:
    with torch.device("meta"):
        model = text_model(gpt2_124m_2019(), 50_257)
    assert isinstance(model, GPT)
    assert sum(parameter.numel() for parameter in model.parameters()) == 124_439_808


def test_a_step_of_gpt2_learns_from_half_a_million_tokens_or_half_of_that() -> None:
    assert gpt2_124m_modern().batch_tokens == gpt2_124m_2019().batch_tokens == 2 * gpt2_124m().batch_tokens == 524_288


def test_all_steps_together_are_the_budget() -> None:
    assert gpt2_124m().num_tokens < gpt2_124m_modern().num_tokens == 4_600 * 524_288
    assert 9.8e9 < gpt2_124m_2019().num_tokens < 10e9


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"form": "gpt-3"}, "form is gpt-3: give modern or speedrun or gpt-2"),
        ({"embedding_scale": 0.0}, "embedding_scale is 0.0"),
        ({"embedding_scale": float("nan")}, "embedding_scale is nan"),
        ({"optimizer": "adamw", "embedding_scale": 2.0}, "one rate for all"),
        ({"decay_share": 0.0}, "decay_share is 0.0"),
        ({"decay_share": 1.5}, "decay_share is 1.5"),
        ({"momentum_steps": 0}, "momentum_steps is 0"),
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
    lines = size_lines(gpt_config(chosen, 50_257), chosen.form)
    assert number in lines[0]
    assert original in lines[1]
    table = 50_257 * chosen.model_dim
    signed = [int(line.split()[1].replace(",", "")) * (-1 if line[0] == "-" else 1) for line in lines[1:]]
    assert sum(signed) == counts[0]
    assert signed[2] == table
    assert signed[3] == 3 * 12 + 6, "shares of the shortcuts"
    named = [(gpt2_124m.__doc__ or ""), (gpt2_124m_2019.__doc__ or "")]
    assert number in named[0]
    assert original in named[1]
    for page in ("README.md", "docs/your-own-gpt/rent-a-gpu.yaml"):
        assert number in (project.root / page).read_text(encoding="utf-8")
