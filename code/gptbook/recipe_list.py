"""Every recipe by its word on the command line."""

from collections.abc import Callable

from gptbook.nearest import find_word
from gptbook.recipes import (
    Recipe,
    city_4gram,
    city_attention,
    city_bigram,
    city_gpt,
    city_trigram,
    clubs_8gram,
    clubs_attention,
    docstrings_bpe,
    iris_net,
)
from gptbook.text_recipes import gpt2_124m, gpt2_124m_2019, laptop


def all_recipes() -> dict[str, Callable[[], Recipe]]:
    """Every recipe by its word on the command line, in the order of the book."""
    return {
        "iris": iris_net,
        "city-bigram": city_bigram,
        "city-trigram": city_trigram,
        "city-4gram": city_4gram,
        "docstrings-bpe": docstrings_bpe,
        "clubs-8gram": clubs_8gram,
        "clubs-attention": clubs_attention,
        "city-attention": city_attention,
        "city-gpt": city_gpt,
        "laptop": laptop,
        "gpt2-124m": gpt2_124m,
        "gpt2-124m-2019": gpt2_124m_2019,
    }


def recipe(word: str) -> Recipe:
    """The recipe for a word of the command line, such as city-4gram.

    Raises ValueError, which names the nearest word, if there is none.
    """
    known = all_recipes()
    return known[find_word(word, known, "recipe")]()
