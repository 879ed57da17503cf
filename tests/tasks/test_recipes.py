"""Recipes: whole, checked when made, found by their word."""

from dataclasses import FrozenInstanceError, asdict, fields, replace
from typing import Any

import pytest

from gptbook.experiments.window_experiment import WINDOW_SETTINGS
from gptbook.tasks.recipe_words import (
    city_4gram,
    city_attention,
    city_bigram,
    city_gpt,
    city_trigram,
    clubs_attention,
    docstrings_bpe,
    iris_net,
)
from gptbook.tasks.recipes import ClassifierRecipe, ClubsRecipe, GPTRecipe, NgramRecipe, TokenizerRecipe
from gptbook.training.recipe import Recipe


def test_wider_recipes_see_one_letter_more() -> None:
    assert [r.context_length for r in (city_bigram(), city_trigram(), city_4gram())] == [1, 2, 3]
    assert replace(city_trigram(), name="city-bigram", context_length=1) == city_bigram()


def test_the_4gram_is_trained_as_the_windows_of_the_ladder() -> None:
    wide = city_4gram()
    settings = {**WINDOW_SETTINGS["net"], **WINDOW_SETTINGS["training"]}
    assert {name: getattr(wide, name) for name in settings} == settings


def test_one_block_and_the_whole_gpt_learn_from_the_same_names_for_as_long() -> None:
    assert city_attention().num_layers == 1
    assert city_gpt().num_layers == 4
    for field in ("num_steps", "held_out", "context_length", "batch_size", "model_dim", "num_heads"):
        assert getattr(city_attention(), field) == getattr(city_gpt(), field)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"num_steps": 0}, "num_steps is 0: give 1 to 4294967295"),
        ({"seed": -1}, "seed is -1: give 0 to 4294967295"),
        ({"seed": 2**32}, "seed is 4294967296: give 0 to 4294967295"),
        ({"dropout": 1.0}, "dropout is 1.0"),
        ({"context_length": 0}, "context_length is 0"),
        ({"batch_size": -5}, "batch_size is -5"),
        ({"learning_rate": 0.0}, "learning_rate is 0"),
        ({"learning_rate": -0.1}, "learning_rate is -0.1"),
        ({"learning_rate": float("nan")}, "learning_rate is nan"),
        ({"held_out": 1.0}, "held_out is 1.0: give a share"),
        ({"names_file": "towns.csv"}, "belong together"),
        ({"column": "town"}, "belong together"),
    ],
)
def test_a_value_that_cannot_be_is_refused_when_the_recipe_is_made(change: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        replace(city_bigram(), **change)


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
