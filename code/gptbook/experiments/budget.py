"""What the book's own GPT costs, setup included: computed from records and prices.

How many tokens it needs is projected, for no GPU was at hand: from the race, where
others trained this model before and after its changes, and from our own record of small
GPTs. The worse of the two counts.
"""

import math
import statistics
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

from gptbook.data.tables import data_file, read_record, read_table
from gptbook.machine.cost import Estimate, Job, estimate, find_gpu
from gptbook.tasks.names import gpt_config
from gptbook.tasks.recipe_words import gpt2_124m
from gptbook.tasks.recipes import TextRecipe

GPT2_VOCAB_SIZE = 50_257
RECORD_BEFORE, RECORD_AFTER = "8", "11"  # in the race: the recipe that was, and is


def job_of(recipe: TextRecipe, vocab_size: int = GPT2_VOCAB_SIZE) -> Job:
    """What a recipe trains, for that many different tokens."""
    return Job(
        config=gpt_config(recipe, vocab_size),
        form=recipe.form,
        optimizer=recipe.optimizer,
        batch_size=recipe.batch_size,
        num_steps=recipe.num_steps,
    )


def book_estimate() -> Estimate:
    """What `gptbook train gpt2-124m` takes on one H100: projected."""
    return estimate(job_of(gpt2_124m()), find_gpu("h100"))


def book_dollars() -> float:
    """What that costs at the median price, setup included: the book's headline."""
    projected = book_estimate()
    assert projected.prices, "the table has a price of it"
    return projected.total(projected.prices[0])


def race_tokens(record: str) -> int:
    """How many tokens a record of the race learned from, as its log says."""
    runs = read_table(data_file("speedruns.csv")).set_index("record")
    tokens: Any = runs.loc[record, "tokens"]
    return int(tokens)


def published_ratio() -> float:
    """The tokens that the race's recipe takes for each of those it took before."""
    return race_tokens(RECORD_AFTER) / race_tokens(RECORD_BEFORE)


def measured_ratios(record: Mapping[str, Any] | None = None) -> dict[str, list[float]]:
    """By change, with all before it: its tokens for each token of the recipe before.

    One number for each seed, from `data/runs/cheaper.json`: the tokens that it learned
    from, through those that the recipe before takes, with that seed, to the same
    held-out loss.
    """
    record = read_record("cheaper") if record is None else record
    rows = record["rows"]
    found: dict[str, list[float]] = {}
    for row in rows:
        if row["change"] == "before":
            continue
        before = {
            other["num_tokens"]: other["held_out_loss"]
            for other in rows
            if (other["change"], other["seed"]) == ("before", row["seed"])
        }
        equal = tokens_to(row["held_out_loss"], before)
        found.setdefault(row["change"], []).append(row["num_tokens"] / equal)
    return found


def tokens_to(loss: float, losses: Mapping[int, float]) -> float:
    """How many tokens it takes to a loss, if these losses (nats) took so many.

    Between two of them the loss falls in proportion to the logarithm of the tokens, and
    so it does before the first and beyond the last. Really the fall becomes slower, so
    what ends below all of them saves more than this says.
    """
    pairs = list(pairwise(sorted(losses)))
    fitting = [pair for pair in pairs if losses[pair[1]] <= loss]
    first, last = fitting[0] if fitting else pairs[-1]
    part = (losses[first] - loss) / (losses[first] - losses[last])
    return float(first * (last / first) ** part)


def newer_ratios(
    ratios: Mapping[str, Sequence[float]] | None = None,
) -> dict[str, float]:
    """By change that record 8 lacked, with those before it: what it leaves of tokens.

    Its rates stood at their height from the first step and fell over the last 29% of
    them, much as ours do. So the first change of our record, from rates that fall all
    the way, saves nothing there: what the others leave is divided by what it leaves.
    """
    ratios = measured_ratios() if ratios is None else ratios
    means = {change: statistics.fmean(found) for change, found in ratios.items()}
    known, *newer = means
    return {change: means[change] / means[known] for change in newer}


def projected_tokens(ratios: Mapping[str, Sequence[float]] | None = None) -> int:
    """How many tokens the recipe needs: record 8's, times the worse of two ratios.

    ratios are those of `measured_ratios`; without them those of the record.
    """
    *_, measured = newer_ratios(ratios).values()
    worse = max(published_ratio(), measured)
    return math.ceil(worse * race_tokens(RECORD_BEFORE))
