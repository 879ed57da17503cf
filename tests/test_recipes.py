"""Recipes: whole, checked when made, found by their word."""

from dataclasses import FrozenInstanceError, asdict, fields, replace
from typing import Any

import pytest

from gptbook.recipes import (
    ClassifierRecipe,
    NgramRecipe,
    Recipe,
    all_recipes,
    city_4gram,
    city_bigram,
    city_trigram,
    iris_net,
    recipe,
)
from gptbook.windows import WINDOW_SETTINGS


def test_every_recipe_is_found_by_its_own_name() -> None:
    for word, make in all_recipes().items():
        assert recipe(word) == make()
        assert make().name == word


def test_wider_recipes_see_one_letter_more() -> None:
    assert [r.context_length for r in (city_bigram(), city_trigram(), city_4gram())] == [1, 2, 3]
    assert replace(city_trigram(), name="city-bigram", context_length=1) == city_bigram()


def test_the_4gram_is_trained_as_the_windows_of_the_ladder() -> None:
    wide = city_4gram()
    settings = {**WINDOW_SETTINGS["net"], **WINDOW_SETTINGS["training"]}
    assert {name: getattr(wide, name) for name in settings} == settings


@pytest.mark.parametrize(
    ("typo", "meant"),
    [
        ("city-4grm", "city-4gram"),
        ("city_bigram", "city-bigram"),
        ("Iris", "iris"),
        ("bigram", "city-bigram"),
    ],
)
def test_a_typo_is_answered_with_the_nearest_word(typo: str, meant: str) -> None:
    with pytest.raises(ValueError, match=f'there is no recipe "{typo}": did you mean "{meant}"'):
        recipe(typo)


def test_a_word_like_no_other_is_answered_with_all() -> None:
    with pytest.raises(ValueError, match="choose one of iris, city-bigram, city-trigram, city-4gram"):
        recipe("weather")


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


def test_a_recipe_stays_as_it_is_and_comes_back_from_its_fields() -> None:
    with pytest.raises(FrozenInstanceError):
        iris_net().seed = 1  # type: ignore[misc]
    assert NgramRecipe(**asdict(city_4gram())) == city_4gram()
    assert ClassifierRecipe(**asdict(iris_net())) == iris_net()


@pytest.mark.parametrize("kind", [Recipe, NgramRecipe, ClassifierRecipe])
def test_fields_are_given_by_name(kind: type[Recipe]) -> None:
    assert all(field.kw_only for field in fields(kind))
