"""What a recipe becomes that goes on: sizes of the model, windows of its own, gentler steps."""

from dataclasses import replace
from typing import Any

import pytest
from tiny_models import PIECES, stirred

from gptbook.tasks.base_model import Base, base_of
from gptbook.tasks.continued_recipes import LoRATextRecipe
from gptbook.tasks.going_on import FEWER, GPT2_RATE, LORA_RATE, LOWER, continued_text_recipe, gentler
from gptbook.tasks.recipe_words import city_bigram, city_gpt, gpt2_124m, gpt2_124m_2019, laptop


def base(form: str) -> Base:
    return base_of("a model", stirred(form, PIECES.vocab_size), PIECES)


@pytest.mark.parametrize("make", [laptop, gpt2_124m, city_gpt, city_bigram])
def test_a_trained_model_takes_fewer_steps_at_lower_rates(make: Any) -> None:
    chosen, soft = make(), gentler(make())
    assert soft.num_steps == chosen.num_steps // FEWER  # type: ignore[attr-defined]
    for name in ("learning_rate", "other_rate"):
        if hasattr(chosen, name):
            assert getattr(soft, name) == getattr(chosen, name) / LOWER
    assert soft.seed == chosen.seed
    assert gentler(replace(chosen, num_steps=1)).num_steps == 1


@pytest.mark.parametrize("form", ["gpt-2", "modern"])
def test_form_and_sizes_are_the_models(form: str) -> None:
    recipe = continued_text_recipe(laptop(), base(form))
    assert (recipe.form, recipe.num_layers, recipe.num_heads, recipe.model_dim, recipe.mlp_dim) == (form, 2, 2, 16, 24)
    assert (recipe.starts_from, recipe.base_sha256) == ("a model", base(form).sha256)
    assert (recipe.context_length, recipe.model_context_length) == (16, 16), "no window is longer than it can see"
    shorter = continued_text_recipe(replace(laptop(), context_length=9), base(form))
    assert (shorter.context_length, shorter.model_context_length) == (9, 16)


def test_a_gpt2_and_adapters_learn_by_adamw_and_a_modern_model_as_the_recipe_says() -> None:
    modern = continued_text_recipe(laptop(), base("modern"), rate_scale=2.0)
    assert (modern.optimizer, modern.learning_rate) == ("muon", laptop().learning_rate), "which has its scale already"
    old = continued_text_recipe(gpt2_124m(), base("gpt-2"), rate_scale=2.0)
    assert (old.optimizer, old.learning_rate, old.other_rate) == ("adamw", 2 * GPT2_RATE, 2 * GPT2_RATE)
    assert gpt2_124m_2019().learning_rate == pytest.approx(10 * GPT2_RATE)
    lora = continued_text_recipe(laptop(), base("modern"), lora_rank=4)
    assert isinstance(lora, LoRATextRecipe)
    assert (lora.optimizer, lora.learning_rate, lora.lora_rank) == ("adamw", laptop().other_rate, 4)
    assert lora.lora_alpha == 8.0
    of_gpt2 = continued_text_recipe(laptop(), base("gpt-2"), rate_scale=2.0, lora_rank=4)
    assert (of_gpt2.learning_rate, of_gpt2.other_rate) == (2 * LORA_RATE, 2 * LORA_RATE)
    for rank in (None, 4):
        asked = continued_text_recipe(laptop(), base("gpt-2"), learning_rate=0.5, lora_rank=rank)
        assert (asked.optimizer, asked.learning_rate) == ("adamw", 0.5)
    told = continued_text_recipe(laptop(), base("modern"), lora_rank=4, lora_alpha=3.0)
    assert isinstance(told, LoRATextRecipe)
    assert told.lora_alpha == 3.0


def test_a_model_without_a_table_of_positions_can_learn_to_see_further_and_a_gpt2_cannot() -> None:
    longer = continued_text_recipe(laptop(), base("modern"), windows=24)
    assert (longer.context_length, longer.model_context_length) == (24, 24)
    shorter = continued_text_recipe(replace(laptop(), context_length=9), base("gpt-2"), windows=9)
    assert (shorter.context_length, shorter.model_context_length) == (9, 16)
    with pytest.raises(ValueError, match="--context-length is 24, and a model has positions for 16 tokens, no more"):
        continued_text_recipe(laptop(), base("gpt-2"), windows=24)
    with pytest.raises(ValueError, match="GPT-2's form has no dropout here"):
        continued_text_recipe(replace(laptop(), dropout=0.1), base("gpt-2"))
