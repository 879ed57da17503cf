"""The words of the command line: each finds its recipe, and a typo the nearest."""

import pytest

from gptbook.tasks.recipe_words import all_recipes, recipe
from gptbook.tasks.recipes import NamesRecipe


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
