# %% [markdown]
# # Scaling
#
# Why did everyone make them bigger? Not in hope: a curve said beforehand what size would buy.
#
# ![Six squares side by side, each larger than the last. Under the first five stand their parameters and their losses, which fall from {{ f"{losses[0]:.2f}" }} to {{ f"{losses[4]:.2f}" }}. The sixth is dashed, with a question mark in place of a loss.](../figures/six-sizes.svg "Areas: parameters. Five are trained; what will the sixth reach?")

# %% [markdown]
# ## Change one thing only
#
# Six GPTs read the same {{ f"{seen / 1e6:.1f}" }} million characters of NumPy's documentation, each once, with the same steps and learning rates. Only the width differs. Each is scored on documentation that it never read.

# %% tags=["fold"]
import statistics
from itertools import groupby
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

# %% tags=["show"]
from gptbook.training.loops import train_in_one_pass

# %% tags=["fold"]
from gptbook.data.tables import data_file, read_record
from gptbook.experiments.scaling_experiment import (
    ScalingExperiment,
    gpt_of_width,
    window_loss,
)
from gptbook.training.seeds import seeded

record = read_record("scaling")
rows, settings = record["rows"], record["settings"]
text = ScalingExperiment(settings, Path())  # the same split, characters and windows

# %% [markdown] tags=["note"]
# All of it takes a quarter of an hour. The smallest takes seconds: train it here, as the record did. Another version of NumPy has other documentation; then the loss will be near, not equal.

# %% tags=["result"]
with seeded(0):
    smallest = gpt_of_width(16, text.tokenizer.vocab_size, **settings["shape"])
train_in_one_pass(smallest, text.training, **settings["training"], seed=0)
loss_here = window_loss(smallest, text.held_out)
recorded = next(row for row in rows if (row["model_dim"], row["seed"]) == (16, 0))
print(f"trained here: {loss_here:.2f} nats per character")
print(f"in the record: {recorded['held_out_loss']:.2f}")

# %% tags=["fold"]
by_size = {
    size: [row["held_out_loss"] for row in group]
    for size, group in groupby(rows, key=lambda row: row["block_parameters"])
}
sizes = sorted(by_size)
losses = [statistics.fmean(by_size[size]) for size in sizes]
num_seeds = len(by_size[sizes[0]])
seen = record["characters"]["seen"]

# %% [markdown]
# Size $N$ counts the parameters inside the blocks, without the tables of characters.

# %% [markdown] tags=["guess"]
# The largest but one reaches {{ f"{losses[4]:.2f}" }} nats, the smallest {{ f"{losses[0]:.2f}" }}. The sixth has {{ f"{sizes[5] / sizes[4]:.1f}" }} times the parameters of the fifth. What is its loss?
#
# answer: {{ f"{losses[5]:.2f}" }} nats, within 0.03
#
# Each further size brings a little less than the one before, and there is a rule in how much less.

# %% [markdown] tags=["note"]
# Kaplan and others left the tables out too, because the curve is smoother without them: in a small model they are most of the parameters. The exercise *Change* counts them in.

# %% [markdown]
# ## The same share again and again
#
# Some loss stays at any size: the text itself surprises, and there is only so much of it to learn from. That is the floor. Of what is above it, ten times more parameters always leave the same share. Such a rule is a **power law**:
#
# $$L(N) = \text{floor} + \left(\frac{\text{scale}}{N}\right)^{\text{exponent}}$$
#
# Three numbers, found from five losses:

# %% tags=["show"]
from gptbook.experiments.power_law import PowerLaw, fit_power_law

# %% tags=["result"]
law = fit_power_law(sizes[:5], losses[:5])
share_left = 10**-law.exponent
print(f"floor {law.floor:.2f} nats, exponent {law.exponent:.2f}")
print(f"ten times the size leaves {share_left:.0%} of what is above the floor")

# %% [markdown] tags=["note"]
# How far to trust it? Fit again with one seed and one size left out, in every way: if the prediction hangs on one run, the range is wide.

# %% tags=["show"]
from gptbook.experiments.power_law import prediction_range

# %%
predicted = law.loss(sizes[5])
by_seed = [[by_size[size][seed] for size in sizes[:5]] for seed in range(num_seeds)]
low, high = prediction_range(sizes[:5], by_seed, sizes[5])
off = predicted / losses[5] - 1
print(f"predicted {predicted:.3f} ({low:.3f} to {high:.3f}), measured {losses[5]:.3f}")

# %% tags=["fold"]
#| widget: scale
#| alt: Loss against parameters, both on axes where each step multiplies. Five dots fall from {{ f"{losses[0]:.2f}" }} to {{ f"{losses[4]:.2f}" }} nats along a curve that flattens. Beyond them it is dashed. At the sixth size it says {{ f"{predicted:.2f}" }}, with a range; the ring of the measured loss, {{ f"{losses[5]:.2f}" }}, lies {{ "inside" if low <= losses[5] <= high else "outside" }} the range.
#| caption: Means of {{ num_seeds }} seeds. Range: one seed, one size left out.
fig, ax = plt.subplots(figsize=(4.5, 3.2))
fitted, beyond = np.geomspace(sizes[0], sizes[4], 25), np.geomspace(sizes[4], 1e9, 25)
ax.plot(fitted, [law.loss(n) for n in fitted], "C1-")
ax.plot(beyond, [law.loss(n) for n in beyond], "C1--")
ax.plot(sizes[:5], losses[:5], "C0o", markersize=6)
ax.plot([sizes[5]] * 2, [low, high], "C1_-", markersize=12, linewidth=1.2)
ax.plot(sizes[5], losses[5], "C0o", markersize=8, markerfacecolor="none")
ax.text(1e8, 1.2, "projected", color="C1", ha="center")
ax.set_xscale("log")
ax.set_yscale("log")
ax.set_xticks([1e4, 1e6, 1e8], ["10,000", "1 million", "100 million"])
ax.set_yticks([1.2, 1.6, 2.0], ["1.2", "1.6", "2.0"])
ax.minorticks_off()
ax.set_xlabel("parameters inside the blocks")
ax.set_ylabel("loss (nats)")
ax.set_title(f"Five sizes predict the sixth\nwithin {np.ceil(100 * abs(off)):.0f}%")
plt.show()

# %% tags=["live"]
from dataclasses import asdict

from bookbuild.live import publish


def published_fit(num_sizes: int) -> dict[str, object]:
    """The law of the first sizes, and each with one seed and one size left out."""
    chosen = sizes[:num_sizes]
    others = [
        fit_power_law(
            [n for n in chosen if n != left_out],
            [by_size[n][seed] for n in chosen if n != left_out],
        )
        for seed in range(num_seeds)
        for left_out in chosen
    ]
    law = fit_power_law(chosen, losses[:num_sizes])
    return {"law": asdict(law), "others": [asdict(other) for other in others]}


publish(
    "opening",
    {
        "sizes": sizes,
        "losses": [by_size[size] for size in sizes],
        "widths": sorted({row["model_dim"] for row in rows}),
        "fits": {"five": published_fit(5), "six": published_fit(6)},
    },
)

# %% [markdown]
# Predicted {{ f"{predicted:.2f}" }} nats, measured {{ f"{losses[5]:.2f}" }}: {{ f"{abs(off):.1%}" }} off.
#
# ## Back to the growth chart
#
# In January 2020 Kaplan and others published such curves over a millionfold range of sizes. Four months later came GPT-3, {{ f"{gpt_3 / gpt_2:,.0f}" }} times GPT-2 small.
#
# Size is half of it. The same computing trains a large model briefly, or a smaller one for longer. Hoffmann and others (2022) found it best to let size and text grow alike: about 20 tokens a parameter.

# %% [markdown] tags=["read"]
# In [the chart of chapter 2](../learning-from-examples/a-model-is-a-function.py), the largest model that uses all its parameters for every token is {{ largest["name"] }}, and it dates from {{ f"{largest['date']:%B %Y}" }}. Later ones are smaller and read more text, or use only a part of their parameters for each token.

# %% tags=["fold"]
models = pd.read_csv(data_file("models.csv"), parse_dates=["date"])
by_name = models.set_index("name")["parameters"]
gpt_2, gpt_3 = by_name["GPT-2 small"], by_name["GPT-3"]
dense = models[models["kind"] == "dense"]
largest = dense.loc[dense["parameters"].idxmax()]

# %% [markdown]
# ## What goes wrong
#
# Fit the same five losses without a floor, and the line is straight on these axes. Now draw both on:

# %% tags=["fold"]
#| alt: The same axes, far wider. Within the measured sizes a solid and a dashed line are close. Beyond, the solid one turns flat at {{ f"{law.floor:.2f}" }} nats; the dashed one goes on falling, to {{ f"{straight.loss(gpt_2):.2f}" }} at GPT-2 small and {{ f"{straight.loss(gpt_3):.2f}" }} at GPT-3.
#| caption: Gray: where anything was measured.
straight = fit_power_law(sizes[:5], losses[:5], with_floor=False)
fig, ax = plt.subplots(figsize=(4.5, 3.4))
far = np.geomspace(sizes[0], 1e12, 120)
ax.axvspan(sizes[0], sizes[5], color="lightgray", alpha=0.5, linewidth=0)
ax.plot(far, [law.loss(n) for n in far], "C1-")
ax.plot(far, [straight.loss(n) for n in far], "--", color="gray")
ax.plot(sizes, losses, "C0o", markersize=4)
for name in ("GPT-2 small", "GPT-3"):
    ax.axvline(by_name[name], color="gray", linewidth=0.8, linestyle=":", ymax=0.9)
    ax.text(by_name[name], 2.08, name, ha="center")
ax.text(2e9, 1.24, "with a floor", color="C1", ha="center")
ax.text(4e9, 0.37, "without", color="gray", ha="right")
ax.set_xscale("log")
ax.set_yscale("log")
sizes_named = {"10,000": 1e4, "1 million": 1e6, "100 million": 1e8, "10 billion": 1e10}
ax.set_xticks(list(sizes_named.values()), list(sizes_named))
ax.set_yticks([0.3, 0.5, 1.0, 2.0], ["0.3", "0.5", "1.0", "2.0"])
ax.minorticks_off()
ax.set_xlim(4e3, 1e12)
ax.set_ylim(0.26, 2.4)
ax.set_xlabel("parameters inside the blocks")
ax.set_ylabel("loss (nats)")
ax.set_title("Far from the data, a line is a guess")
plt.show()

# %% [markdown]
# The straight one misses the sixth by {{ f"{abs(straight_off):.0%}" }}; at GPT-2's size the two are {{ f"{law.loss(gpt_2) - straight.loss(gpt_2):.1f}" }} nats apart. Neither knows when text runs out, nor that more text lowers the floor.
#
# And no curve says what a model can do. Ask it something, and it goes on with your question: a loss is not a conversation. [From GPT to assistant](from-gpt-to-assistant.py) makes one.

# %% tags=["hide"]
straight_off = straight.loss(sizes[5]) / losses[5] - 1

# %% [markdown]
# ## Check yourself
#
# ??? question "Why must all six read the same text, in the same number of steps?"
#     Otherwise two things change at once, and you cannot say which of them lowered the loss. Had the large ones read more, the curve would show size and text together.
#
# ??? question "Is the floor the surprise of the text itself?"
#     Not alone. It holds what no size takes away *here*: with this much text, two blocks and {{ context_length }} characters of context. More of any of these lowers it.
#
# ??? question "The largest read {{ f"{per_parameter:.1f}" }} characters a parameter. Was that a good use of the computing?"
#     By the rule of about 20, no: a smaller model that reads more would have got lower for the same price. The experiment asks what size does, so it holds the text fixed.

# %% tags=["hide"]
context_length = record["settings"]["shape"]["context_length"]
per_parameter = seen / sizes[5]

# %% [markdown]
# ## Exercises

# %% tags=["fold"]
from gptbook.exercise import exercise

# %% [markdown] tags=["exercise"]
# ### Predict: a hundred times the size
#
# *easy · 3 minutes*
#
# A law has a floor of 1 nat and an exponent of 0.5. A model of 10,000 parameters has a loss of 1.4. What loss do you expect from one of a million?
#
# answer: 1.04 nats
#
# Only what is above the floor shrinks: 0.4 nats. The model is a hundred times larger, and a hundred to the power of 0.5 is 10, so that a tenth of the 0.4 stays.

# %% tags=["starter"]
my_loss = ...

# %% tags=["check"]
with exercise("Predict"):
    asked = PowerLaw(floor=1.0, scale=0.4**2 * 10_000, exponent=0.5)
    assert abs(my_loss - asked.loss(1e6)) < 0.005, (
        "only what is above the floor shrinks"
    )

# %% [markdown] tags=["hint"]
# 0.4 nats are above the floor. A hundred to the power of 0.5 is 10.

# %% tags=["solution"]
my_loss = 1 + 0.4 / 10

# %% [markdown] tags=["exercise"]
# ### Change: count the tables too
#
# *medium · 10 minutes*
#
# Each row of the record has `"parameters"` beside `"block_parameters"`: all of them, with the two tables of characters. Change `my_sizes` so that the law is fitted to those. Does it predict the sixth better or worse?

# %% tags=["starter"]
my_sizes = sizes
my_law = fit_power_law(my_sizes[:5], losses[:5])
my_prediction = my_law.loss(my_sizes[5])

# %% tags=["check"]
with exercise("Change"):
    every = sorted({row["parameters"] for row in rows})
    wanted = fit_power_law(every[:5], losses[:5]).loss(every[5])
    assert list(my_sizes) == every, "use the six different values of row['parameters']"
    assert abs(my_prediction - wanted) < 1e-3, "fit the first five, predict the sixth"

# %% [markdown] tags=["hint"]
# `sorted({... for row in rows})` gives six numbers: the seeds of a size have the same.

# %% tags=["solution"]
my_sizes = sorted({row["parameters"] for row in rows})
my_law = fit_power_law(my_sizes[:5], losses[:5])
my_prediction = my_law.loss(my_sizes[5])  # a little worse

# %% [markdown] tags=["exercise"]
# ### Build: what size does it take?
#
# *medium · 15 minutes*
#
# Write `size_for(law, loss)`: the number of parameters at which the law reaches this loss, and `math.inf` for one that no size reaches.

# %% tags=["starter"]
import math


def size_for(law: PowerLaw, loss: float) -> float:
    """The size at which the law reaches this loss, or infinity."""
    return 1.0


# %% tags=["check"]
with exercise("Build"):
    for wanted_loss in (2.5, 1.6, law.floor + 0.01):
        back = law.loss(size_for(law, wanted_loss))
        assert abs(back - wanted_loss) < 1e-6, (
            f"for {wanted_loss:.2f} yours has {back:.2f}"
        )
    for too_low in (law.floor, 0.0):
        answer = size_for(law, too_low)
        assert answer == math.inf, f"no size reaches {too_low:.2f}: return math.inf"

# %% [markdown] tags=["hint"]
# Solve the formula for $N$: what is above the floor, to the power of 1 / exponent, is scale / N.

# %% tags=["solution"]
import math


def size_for(law: PowerLaw, loss: float) -> float:
    """The size at which the law reaches this loss, or infinity."""
    above = loss - law.floor
    return law.scale / above ** (1 / law.exponent) if above > 0 else math.inf


# %% [markdown] tags=["note"]
# ## Where this lives in the package
#
# The law and its fit are in [gptbook.experiments.power_law](../reference/experiments.md#gptbook.experiments.power_law), the six models in [gptbook.experiments.scaling_experiment](../reference/experiments.md#gptbook.experiments.scaling_experiment). The runs are in `data/runs/scaling.json`; `gptbook ladder scaling` makes them again.

# %% [markdown]
# ## Further reading
#
# - Jared Kaplan and others, *Scaling laws for neural language models* (2020): the straight lines, over sizes, texts and computing.
# - Jordan Hoffmann and others, *Training compute-optimal large language models* (2022): the law with a floor, and 20 tokens a parameter.
# - Tamay Besiroglu and others, *Chinchilla scaling: a replication attempt* (2024): the same data fitted again, with other numbers. How much a fit can be trusted.
