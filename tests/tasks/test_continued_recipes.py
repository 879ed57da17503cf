"""Recipes that go on: which leg a step belongs to, and what they say of where they began."""

from typing import Any

import pytest

from gptbook.tasks.continued_recipes import (
    ContinuedNgramRecipe,
    ContinuedTextRecipe,
    LoRATextRecipe,
    origin,
    with_whole_context,
)
from gptbook.tasks.recipe_words import city_bigram, laptop

SIZES: dict[str, Any] = {"num_layers": 1, "num_heads": 1, "model_dim": 2, "mlp_dim": 2, "model_context_length": 8}
WINDOWS: dict[str, Any] = {"context_length": 4, "batch_size": 2, "evaluate_every": 1, "warmup_steps": 1}
RATES: dict[str, Any] = {"learning_rate": 0.1, "other_rate": 0.1}
TEXT: dict[str, Any] = {"name": "laptop", **SIZES, **WINDOWS, **RATES}


def test_a_step_belongs_to_the_leg_that_it_lies_in() -> None:
    recipe = ContinuedNgramRecipe(name="net", context_length=1, num_steps=30, restarts=(10, 25))
    legs = [recipe.leg(step) for step in (0, 9, 10, 24, 25, 29, 30)]
    assert legs == [(0, 10), (0, 10), (10, 25), (10, 25), (25, 30), (25, 30), (25, 30)]
    assert ContinuedNgramRecipe(name="net", context_length=1, num_steps=30).leg(29) == (0, 30)


@pytest.mark.parametrize("restarts", [(0,), (30,), (31,), (10, 10), (20, 10)])
def test_restarts_grow_and_lie_between_the_first_step_and_the_last(restarts: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="restarts are"):
        ContinuedNgramRecipe(name="net", context_length=1, num_steps=30, restarts=restarts)


def test_json_gives_restarts_back_as_they_were() -> None:
    recipe = ContinuedTextRecipe(num_steps=9, restarts=[3], **TEXT)  # type: ignore[arg-type]
    assert recipe.restarts == (3,)
    assert hash(recipe) == hash(ContinuedTextRecipe(num_steps=9, restarts=(3,), **TEXT))


def test_a_recipe_says_from_where_it_went_on_and_one_that_did_not_says_nothing() -> None:
    lora = LoRATextRecipe(
        num_steps=9, restarts=(3,), starts_from="gpt2", base_sha256="ab" * 32, lora_rank=8, lora_alpha=16.0, **TEXT
    )
    assert list(origin(lora)) == [
        "went on from gpt2 (weights abababababab)",
        "LoRA of rank 8, alpha 16",
        "finished at step 3; then the rates rose and fell once more",
    ]
    assert list(origin(laptop())) == list(origin(city_bigram())) == []


def test_the_whole_context_is_the_models() -> None:
    assert with_whole_context(ContinuedTextRecipe(num_steps=9, **TEXT)).context_length == 8
    assert with_whole_context(laptop()) == laptop()
