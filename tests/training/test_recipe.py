"""What every recipe refuses, and that it stays as it is."""

from dataclasses import FrozenInstanceError, asdict, fields, replace
from typing import Any

import pytest

from gptbook.tasks.recipe_words import (
    city_4gram,
    city_gpt,
    clubs_attention,
    docstrings_bpe,
    iris_net,
)
from gptbook.tasks.recipes import ClassifierRecipe, ClubsRecipe, GPTRecipe, NgramRecipe, TokenizerRecipe
from gptbook.training.recipe import Recipe


@pytest.mark.parametrize(
    ("made", "change", "message"),
    [
        (city_gpt(), {"num_layers": 0}, "num_layers is 0: give 1 to 4294967295"),
        (city_gpt(), {"other_rate": float("inf")}, "other_rate is inf: give a number above 0"),
        (city_gpt(), {"warmup_steps": 0}, "warmup_steps is 0"),
        (city_gpt(), {"dropout": -0.1}, "dropout is -0.1: give 0 or more, below 1"),
        (city_gpt(), {"held_out": 0.0}, "held_out is 0.0: give a share"),
        (clubs_attention(), {"num_sentences": 0}, "num_sentences is 0"),
        (clubs_attention(), {"learning_rate": -1.0}, "learning_rate is -1.0"),
        (docstrings_bpe(), {"num_steps": 0}, "num_steps is 0"),
    ],
)
def test_no_kind_of_recipe_takes_a_value_that_cannot_be(made: Recipe, change: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        replace(made, **change)


def test_a_recipe_stays_as_it_is_and_comes_back_from_its_fields() -> None:
    with pytest.raises(FrozenInstanceError):
        iris_net().seed = 1  # type: ignore[misc]
    assert NgramRecipe(**asdict(city_4gram())) == city_4gram()
    assert ClassifierRecipe(**asdict(iris_net())) == iris_net()
    assert GPTRecipe(**asdict(city_gpt())) == city_gpt()
    assert ClubsRecipe(**asdict(clubs_attention())) == clubs_attention()
    assert TokenizerRecipe(**asdict(docstrings_bpe())) == docstrings_bpe()


@pytest.mark.parametrize("kind", [Recipe, NgramRecipe, ClassifierRecipe, GPTRecipe, ClubsRecipe, TokenizerRecipe])
def test_fields_are_given_by_name(kind: type[Recipe]) -> None:
    assert all(field.kw_only for field in fields(kind))
