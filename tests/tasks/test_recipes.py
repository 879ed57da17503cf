"""Recipes: whole, checked when made, found by their word."""

from dataclasses import replace
from typing import Any

import pytest

from gptbook.experiments.window_experiment import WINDOW_SETTINGS
from gptbook.tasks.recipe_words import (
    city_4gram,
    city_attention,
    city_bigram,
    city_gpt,
    city_trigram,
)


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
