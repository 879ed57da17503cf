"""The headline: one sum, from the recipe, the race, the record and the prices; and all that quotes it follows."""

import re
import statistics
from typing import Any

import pytest

from bookbuild.project import Project
from gptbook.data.tables import read_record
from gptbook.experiments.budget import (
    book_dollars,
    book_estimate,
    job_of,
    measured_ratios,
    newer_ratios,
    projected_tokens,
    published_ratio,
    race_tokens,
    tokens_to,
)
from gptbook.machine.cost import SETUP_HOURS, find_gpu
from gptbook.tasks.recipe_words import gpt2_124m, gpt2_124m_2019

PAGE = "docs/your-own-gpt/five-dollars.py"


def test_the_books_gpt_costs_at_most_five_dollars_at_the_median_price_setup_included() -> None:
    assert book_dollars() <= 5


def test_the_headline_is_the_bill_of_the_recipe_written_out() -> None:
    recipe, gpu = gpt2_124m(), find_gpu("h100")
    width, blocks = 768, 12
    products = 12 * blocks * width**2 + 50_257 * width  # the matrices in the blocks, and the table that predicts
    flops = 6 * products + 12 * blocks * width * 1_024
    seconds = recipe.num_steps * recipe.batch_size * 1_024 * flops / (0.39 * 989e12)
    assert gpu.price_per_hour_usd
    assert book_dollars() == pytest.approx((seconds / 3600 + SETUP_HOURS) * gpu.price_per_hour_usd)
    assert book_estimate().total(1.0) == pytest.approx(seconds / 3600 + SETUP_HOURS)


def test_the_recipe_takes_the_tokens_that_are_projected_and_hardly_more() -> None:
    needed, taken = projected_tokens(), gpt2_124m().num_tokens
    assert needed <= taken <= 1.03 * needed, "round steps, not less than what the worse of the two ratios asks for"


def test_the_projection_takes_the_worse_ratio() -> None:
    assert published_ratio() == pytest.approx(3_000 / 4_578)
    before = race_tokens("8")
    assert projected_tokens({"first": [1.0], "last": [0.1, 0.2]}) == pytest.approx(published_ratio() * before, rel=1e-6)
    assert projected_tokens({"first": [1.0], "last": [0.8, 1.0]}) == pytest.approx(0.9 * before, rel=1e-6)


def test_what_the_record_before_had_already_does_not_count_twice() -> None:
    found = newer_ratios({"known": [0.5, 0.7], "more": [0.54], "last": [0.4, 0.5]})
    assert found == {"more": pytest.approx(0.54 / 0.6), "last": pytest.approx(0.45 / 0.6)}


def test_the_tokens_to_a_loss_lie_between_the_two_that_enclose_it() -> None:
    losses = {100: 3.0, 200: 2.5, 400: 2.3}
    for steps, loss in losses.items():
        assert tokens_to(loss, losses) == pytest.approx(steps)
    assert tokens_to(2.75, losses) == pytest.approx(100 * 2**0.5)
    assert tokens_to(2.4, losses) == pytest.approx(200 * 2**0.5)
    assert tokens_to(2.2, losses) == pytest.approx(400 * 2**0.5), "as from 200 to 400"
    assert tokens_to(3.5, losses) == pytest.approx(50), "as from 100 to 200"


def made_up(loss: float) -> dict[str, Any]:
    rows = [
        {"change": "before", "seed": seed, "num_tokens": steps, "held_out_loss": 5.0 + seed - steps / 100}
        for seed in (0, 1)
        for steps in (100, 200)
    ]
    after = [{"change": "faster", "seed": seed, "num_tokens": 100, "held_out_loss": loss + seed} for seed in (0, 1)]
    return {"rows": rows + after}


def test_a_ratio_compares_with_the_same_seed() -> None:
    assert measured_ratios(made_up(3.0)) == {"faster": [pytest.approx(0.5)] * 2}
    assert measured_ratios(made_up(4.0)) == {"faster": [pytest.approx(1.0)] * 2}


def test_the_record_has_every_change_with_every_seed() -> None:
    record = read_record("cheaper")
    ratios = measured_ratios(record)
    assert list(ratios) == list(record["settings"]["changes"])
    assert all(len(of_seeds) == len(record["settings"]["seeds"]) for of_seeds in ratios.values())
    *_, last = ratios.values()
    assert statistics.fmean(last) < 1


def test_a_job_has_what_its_recipe_has() -> None:
    job = job_of(gpt2_124m_2019(), 100)
    assert (job.num_tokens, job.form, job.optimizer) == (gpt2_124m_2019().num_tokens, "gpt-2", "adamw")
    assert job.config.vocab_size == 100


def test_the_page_and_the_calculator_ask_for_the_steps_of_the_recipe(project: Project) -> None:
    wanted = gpt2_124m()
    page = (project.root / PAGE).read_text(encoding="utf-8")
    assert {int(number) for number in re.findall(r"num_steps=([\d_]{5,})", page.split("## Exercises")[0])} == {
        wanted.num_steps
    }
    assert f'form="{wanted.form}"' in page
    script = (project.root / "docs" / "widgets" / "cost.js").read_text(encoding="utf-8")
    (steps,) = re.findall(r"RECIPE_STEPS = ([\d_]+);", script)
    assert int(steps) == wanted.num_steps


def test_enough_text_is_prepared_for_one_pass_and_no_more_than_a_tenth_too_much(project: Project) -> None:
    for page in ("README.md", "docs/your-own-gpt/rent-a-gpu.yaml", PAGE):
        text = (project.root / page).read_text(encoding="utf-8")
        found = re.findall(r"(?:--tokens|TOKENS:) (\d+(?:\.\d+)?)B", text)
        assert found, page
        for number in found:
            assert 1 <= float(number) * 1e9 / gpt2_124m().num_tokens < 1.1, page
