"""What a recipe's model takes, before it is made."""

from dataclasses import replace
from typing import Any

import pytest
from runs import new_run

from gptbook.models.sizes import parameter_count
from gptbook.tasks.names import gpt_config
from gptbook.tasks.recipe_costs import (
    check_fits_here,
    cost_lines,
    count_parameters,
    shown_bytes,
    training_bytes,
    usual_facts,
)
from gptbook.tasks.recipe_words import all_recipes, city_gpt, clubs_attention, gpt2_124m, iris_net, laptop
from gptbook.tasks.recipes import NgramRecipe, TextRecipe


@pytest.mark.parametrize("word", sorted(set(all_recipes()) - {"docstrings-bpe"}))
def test_the_parameters_are_those_of_the_model(word: str) -> None:
    chosen = all_recipes()[word]()
    count = count_parameters(chosen, usual_facts(chosen))
    if isinstance(chosen, TextRecipe):
        vocab_size = 100 if word == "laptop" else 50_257
        assert count == parameter_count(gpt_config(chosen, vocab_size), chosen.form)
    else:
        small: dict[str, Any] = {"num_sentences": 60} if "clubs" in word else {}
        assert count == new_run(replace(chosen, **small)).num_parameters


def test_more_windows_at_once_take_more_memory_and_a_model_alone_takes_its_own() -> None:
    facts = usual_facts(laptop())
    sizes = [training_bytes(laptop(), facts, rows) for rows in (1, 2, 16)]
    assert sizes == sorted(set(sizes))
    assert training_bytes(laptop(), facts) == sizes[-1]
    assert training_bytes(iris_net(), usual_facts(iris_net())) == 16 * 131


def test_what_fits_nowhere_is_refused_and_what_a_step_is_cut_into_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    for chosen in (laptop(), city_gpt(), clubs_attention()):
        check_fits_here(chosen)
    monkeypatch.setattr("gptbook.tasks.recipe_costs.available_memory", lambda: 16 * 10**9)
    check_fits_here(replace(gpt2_124m(), batch_size=10_000))
    with pytest.raises(ValueError, match=r"10,000,000 names a step\) take .* this machine has 16.0 GB: give smaller"):
        check_fits_here(replace(city_gpt(), batch_size=10_000_000))
    with pytest.raises(ValueError, match="give smaller ones"):
        check_fits_here(replace(gpt2_124m(), num_layers=1000))


def test_the_lines_before_a_run_say_parameters_memory_and_disk(short: NgramRecipe) -> None:
    run = new_run(short)
    lines = list(cost_lines(run))
    assert [line.split()[0] for line in lines] == ["parameters", "memory", "disk"]
    assert f"{run.num_parameters:,}" in lines[0]


@pytest.mark.parametrize(
    ("number", "shown"), [(900, "1 kB"), (999_999, "1,000 kB"), (2_500_000, "2.5 MB"), (3.25e12, "3,250.0 GB")]
)
def test_bytes_are_shown_in_the_unit_that_a_reader_would_take(number: float, shown: str) -> None:
    assert shown_bytes(number) == shown
