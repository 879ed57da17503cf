# %% [markdown]
# # Scaling
#
# Why did everyone make them bigger? Because a curve, drawn from small models, said what a large one would reach. Here you draw one yourself, and it could turn out wrong.
#
# ![Six squares side by side, each larger than the last. Under the first three stand their parameters and their losses, which fall from {{ f"{losses[0]:.2f}" }} to {{ f"{losses[2]:.2f}" }}. The other three are dashed, with a question mark in place of a loss.](../figures/six-sizes.svg "Areas: parameters. What will the three large ones reach?")

# %% [markdown]
# ## Change one thing only
#
# Six GPTs read the same {{ f"{seen / 1e6:.1f}" }} million characters of NumPy's manual, each once, with the same steps and learning rates. Only their width differs. Each is scored on pages that it never read.

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
# All of it takes more than half an hour, so it was done beforehand and recorded. The smallest takes seconds: train it here, as the record did. Another version of NumPy has other pages; then the loss will be near, not equal.

# %% tags=["result"]
with seeded(0):
    smallest = gpt_of_width(16, text.tokenizer.vocab_size, **settings["shape"])
train_in_one_pass(smallest, text.training, **settings["training"], seed=0)
loss_here = window_loss(smallest, text.held_out)
recorded = next(row for row in rows if (row["model_dim"], row["seed"]) == (16, 0))
print(f"the smallest, trained here: {loss_here:.2f} nats")
print(f"the same run in the record: {recorded['held_out_loss']:.2f}")

# %% tags=["fold"]
by_size = {
    size: [row["held_out_loss"] for row in group]
    for size, group in groupby(rows, key=lambda row: row["block_parameters"])
}
sizes = sorted(by_size)
all_sizes = sorted({row["parameters"] for row in rows})
losses = [statistics.fmean(by_size[size]) for size in sizes]
num_seeds = len(by_size[sizes[0]])
seen = record["characters"]["seen"]

# %% [markdown] tags=["read"]
# (Manuals repeat themselves. Nearly a third of the longer lines on those unread pages stand on other pages, too. That makes all losses lower than they'd be on a novel, but all six have the same advantage.)
#
# Why so strict? If the large models had read more text, or had better learning rates, you'd measure two things at once and couldn't say which of them helped. So everything but the width is the same, and the number of heads that follows from it. The learning rates are those that were best for the fourth size. They may suit the others less well, and that's a part of what we measure. Each size was trained with {{ num_seeds }} seeds, which start from different random numbers and read in a different order, so that we can tell a difference of size from mere chance.
#
# What counts as the size, $N$? We count the parameters inside the blocks and leave out the two tables of characters, the one that's read at the bottom and the one that predicts at the top (these models don't share one). In our smallest model those tables are {{ f"{1 - sizes[0] / all_sizes[0]:.0%}" }} of all parameters, in the largest {{ f"{1 - sizes[5] / all_sizes[5]:.0%}" }}. A table only looks up and compares; the working out is done in the blocks.

# %% [markdown] tags=["guess"]
# The three small ones reach {{ f"{losses[0]:.2f}" }}, {{ f"{losses[1]:.2f}" }} and {{ f"{losses[2]:.2f}" }} nats. The sixth has {{ f"{sizes[5] / sizes[2]:.0f}" }} times the parameters of the third. What is its loss?
#
# answer: {{ f"{losses[5]:.2f}" }} nats, within 0.03
#
# Each further size brings less than the one before, and there is a rule in how much less.

# %% [markdown] tags=["note"]
# Without the tables the curve is cleaner, as Kaplan and others found in 2020. The exercise *Change* counts them in.

# %% [markdown]
# ## The same share again and again
#
# Some loss stays at any size, because the text itself surprises and there's only so much of it to learn from. This is the *floor*. Take what lies above it: ten times the parameters always leave the same share of that, here {{ f"{share_left:.0%}" }}. Such a rule is called a **power law**.
#
# $$L(N) = \text{floor} + \left(\frac{\text{scale}}{N}\right)^{\text{exponent}}$$

# %% [markdown] tags=["read"]
# Read it from left to right. The loss $L$ of a model with $N$ parameters is the floor plus something that shrinks as $N$ grows. When $N$ equals the *scale*, that something is exactly 1 nat. The *exponent* says how fast it shrinks: ten times the parameters divide it by 10 to the power of the exponent.
#
# Find the three numbers for our three small models, and you get a floor of {{ f"{law.floor:.2f}" }} nats, a scale of {{ f"{law.scale:,.0f}" }} parameters and an exponent of {{ f"{law.exponent:.2f}" }}. Check it by hand. (We round to two digits, so the last one may be off by one.) The three losses lie {{ f"{losses[0] - law.floor:.2f}" }}, {{ f"{losses[1] - law.floor:.2f}" }} and {{ f"{losses[2] - law.floor:.2f}" }} nats above that floor. From the first model to the second the size grows {{ f"{sizes[1] / sizes[0]:.0f}" }} times, and {{ f"{(losses[1] - law.floor) / (losses[0] - law.floor):.2f}" }} of what was above the floor is left. The rule says {{ f"{sizes[1] / sizes[0]:.0f}" }} to the power of {{ f"−{law.exponent:.2f}" }}, which is {{ f"{(sizes[1] / sizes[0]) ** -law.exponent:.2f}" }}. So what does it say about the fourth? That one has {{ f"{sizes[3] / sizes[2]:.2f}" }} times the parameters of the third. {{ f"{sizes[3] / sizes[2]:.2f}" }} to the power of {{ f"−{law.exponent:.2f}" }} is {{ f"{(sizes[3] / sizes[2]) ** -law.exponent:.2f}" }}, so {{ f"{(sizes[3] / sizes[2]) ** -law.exponent:.2f}" }} · {{ f"{losses[2] - law.floor:.2f}" }} = {{ f"{law.loss(sizes[3]) - law.floor:.2f}" }} nats are left above the floor, and the loss should be {{ f"{law.loss(sizes[3]):.2f}" }}.
#
# Don't be impressed yet. Three numbers can nearly always be chosen so that a curve goes through three points, so this fit proves nothing. A rule is worth something only if it says beforehand what nobody has looked at, and could be wrong. And there should be a rival, so we take the simplest one: lay a ruler through the last two points and draw the line on. (On axes where every step multiplies, as in the picture below, a straight line is a power law without a floor. Kaplan's first laws had no floor either.)

# %% tags=["show"]
from gptbook.experiments.power_law import PowerLaw, fit_power_law

# %%
law = fit_power_law(sizes[:3], losses[:3])
ruler = fit_power_law(sizes[1:3], losses[1:3], with_floor=False)
share_left = 10**-law.exponent
print(f"floor {law.floor:.2f} nats, exponent {law.exponent:.2f}")
print(f"ten times the size leaves {share_left:.0%}")

# %% [markdown] tags=["note"]
# How much hangs on the seeds? Take one run per size, in all {{ num_seeds**3 }} ways, and fit again.

# %% tags=["show"]
from gptbook.experiments.power_law import single_run_laws

# %%
runs = [by_size[size] for size in sizes]
other_laws = single_run_laws(sizes[:3], runs[:3])
other_rulers = single_run_laws(sizes[1:3], runs[1:3], with_floor=False)


def ends(laws: list[PowerLaw], size: float) -> tuple[float, float]:
    """The lowest and the highest loss that laws predict for a size."""
    predicted = [one.loss(size) for one in laws]
    return min(predicted), max(predicted)


# %% tags=["result"]
columns = {}
for place in (3, 4, 5):
    low, high = ends(other_laws, sizes[place])
    columns[f"{sizes[place] / sizes[2]:.1f} times the third"] = {
        "law": f"{law.loss(sizes[place]):.2f}",
        "lowest": f"{low:.2f}",
        "highest": f"{high:.2f}",
        "ruler": f"{ruler.loss(sizes[place]):.2f}",
        "measured": f"{losses[place]:.2f}",
    }
pd.DataFrame(columns).T

# %% tags=["fold"]
predicted = law.loss(sizes[5])
off = predicted / losses[5] - 1
ruler_off = ruler.loss(sizes[5]) / losses[5] - 1
low, high = ends(other_laws, sizes[5])
ruler_low, ruler_high = ends(other_rulers, sizes[5])
far_law, all_laws = fit_power_law(sizes, losses), single_run_laws(sizes, runs)
floors, early_floors = (
    (min(one.floor for one in laws), max(one.floor for one in laws))
    for laws in (all_laws, other_laws)
)

# %% tags=["fold"]
#| widget: scale
#| alt: Loss against parameters, both on axes where each step multiplies. Three dots fall from {{ f"{losses[0]:.2f}" }} to {{ f"{losses[2]:.2f}" }} nats. A curve through them flattens, a band around it gets wider, and a straight dashed line, the ruler, goes on falling. Of the three rings of the measured losses, the last is at {{ f"{losses[5]:.2f}" }}, near the curve at {{ f"{predicted:.2f}" }}, far above the ruler at {{ f"{ruler.loss(sizes[5]):.2f}" }}.
#| caption: Dots: fitted. Rings: measured afterwards. Band: one run per size, all {{ num_seeds**3 }} choices.
fig, ax = plt.subplots(figsize=(4.5, 3.3))
fitted, beyond = np.geomspace(sizes[0], sizes[2], 25), np.geomspace(sizes[2], 1e7, 25)
low_ends, high_ends = zip(*(ends(other_laws, n) for n in beyond))
ax.fill_between(beyond, low_ends, high_ends, color="C1", alpha=0.15, linewidth=0)
ax.plot(fitted, [law.loss(n) for n in fitted], "C1-")
ax.plot(beyond, [law.loss(n) for n in beyond], "C1--")
ax.plot(beyond, [ruler.loss(n) for n in beyond], ":", color="gray")
ax.plot(sizes[:3], losses[:3], "C0o", markersize=6)
ax.plot(sizes[3:], losses[3:], "C0o", markersize=8, markerfacecolor="none")
ax.text(2.2e6, law.loss(2.2e6) + 0.02, "law", color="C1", va="bottom")
ax.text(8e5, 1.03, "ruler", color="gray", ha="right")
ax.set_xscale("log")
ax.set_yscale("log")
ax.set_ylim(0.98, 2.1)
ax.set_xticks([1e4, 1e5, 1e6, 1e7], ["10,000", "100,000", "1 million", "10 million"])
ax.set_yticks(
    [1.0, 1.2, 1.4, 1.6, 1.8, 2.0], ["1.0", "1.2", "1.4", "1.6", "1.8", "2.0"]
)
ax.minorticks_off()
ax.set_xlabel("parameters inside the blocks")
ax.set_ylabel("loss (nats)")
ax.set_title(
    f"Three small models foretell one\n{sizes[5] / sizes[2]:.0f} times as large"
)
plt.show()

# %% tags=["live"]
from dataclasses import asdict

from bookbuild.live import publish


def published_fit(law: PowerLaw, others: list[PowerLaw], first: int, last: int):
    """The law of some sizes, and those of single runs that reach furthest out."""
    furthest = set()
    for size in (*sizes, *np.geomspace(sizes[0], 1e9, 60)):
        furthest |= {
            pick(others, key=lambda one: one.loss(size)) for pick in (min, max)
        }
    return {
        "law": asdict(law),
        "others": [asdict(other) for other in sorted(furthest, key=str)],
        "first": first,
        "last": last,
    }


publish(
    "opening",
    {
        "sizes": sizes,
        "losses": [by_size[size] for size in sizes],
        "widths": sorted({row["model_dim"] for row in rows}),
        "fits": {
            "three": published_fit(law, other_laws, 0, 2),
            "ruler": published_fit(ruler, other_rulers, 1, 2),
            "six": published_fit(far_law, all_laws, 0, 5),
        },
    },
)

# %% [markdown]
# The law predicts {{ f"{predicted:.2f}" }} nats, and {{ f"{losses[5]:.2f}" }} were measured. A ruler, laid through the last two dots, would have been {{ f"{abs(ruler_off):.0%}" }} off.

# %% [markdown] tags=["read"]
# So the law has passed its test, {{ f"{sizes[5] / sizes[2]:.0f}" }} times beyond what it had seen: it's off by {{ f"{abs(off):.1%}" }}. The ruler has failed. How much of that is chance? Suppose you'd had a single run per size, and take one of the {{ num_seeds }} at random each time. There are {{ num_seeds**3 }} ways to choose for three sizes, and the laws through them predict anything between {{ f"{low:.2f}" }} and {{ f"{high:.2f}" }} for the sixth. That's wide, and it contains what was measured. The rulers predict {{ f"{ruler_low:.2f}" }} to {{ f"{ruler_high:.2f}" }}, and {{ "not one of them comes near" if ruler_high < min(by_size[sizes[5]]) else "some of them come near" }}. With averages over {{ num_seeds }} seeds the law did better than you could have asked of it, and some of that was luck.
#
# What is such a loss worth? From {{ f"{losses[2]:.2f}" }} to {{ f"{losses[5]:.2f}" }} nats doesn't sound like much. Take its perplexity, as in chapter 4: e to the power of the loss says between how many equally likely characters the model hesitates. That falls from {{ f"{np.exp(losses[2]):.1f}" }} to {{ f"{np.exp(losses[5]):.1f}" }} for each character. Over a line of 60 characters the gain adds up to {{ f"{60 * (losses[2] - losses[5]):.0f}" }} nats.
#
# And why should it be a power law at all? Nobody has a proof for real text. There are theories, but what convinces people is that the same form has come back again and again, over many sizes and in other laboratories.
#
# None of the three numbers is certain. From the three small sizes, single runs give floors between {{ f"{early_floors[0]:.2f}" }} and {{ f"{early_floors[1]:.2f}" }}, from all six {{ f"{floors[0]:.2f}" }} to {{ f"{floors[1]:.2f}" }}. And the floor isn't a constant of nature. It contains everything that more size can't remove *here*: with this much text, two blocks, and {{ context_length }} characters to look back at.

# %% [markdown]
# ## Why they grew
#
# In January 2020 Kaplan and others published such curves, still without a floor, over a millionfold range of sizes. Four months later came GPT-3, {{ f"{gpt_3 / gpt_2:,.0f}" }} times GPT-2 small.
#
# But size is only half of it. For the same cost you can train a large model briefly, or a smaller one for longer. Hoffmann and others (2022) found it best to let size and text grow together: about 20 tokens per parameter.

# %% [markdown] tags=["read"]
# What does *the same cost* mean? To train a model takes about 6 operations per parameter and token, as the last chapter explained. Half the parameters and twice the tokens cost the same. GPT-3 has 175 billion parameters and had read 300 billion tokens, fewer than 2 per parameter (Brown and others, 2020). If 20 is right, GPT-3 was far too large for what it had read. Hoffmann and others put it to the test. Gopher, a model of their own company, had 280 billion parameters and 300 billion tokens. For about the same cost they trained Chinchilla, with 70 billion parameters and 1.4 trillion tokens, 20 per parameter, and it beat Gopher on nearly everything they tried.
#
# Does anybody really bet on such a curve? In its report on GPT-4, OpenAI (2023) says that the final loss was predicted soon after the run had begun, from models with "at most 10,000x less compute", as they put it. Their law has our form, with a floor, but counts computing instead of parameters. When a run costs as much as a ship, you want to know beforehand where it will arrive.
#
# Our six models are no example of good housekeeping, by the way. The largest has read {{ f"{per_parameter:.1f}" }} characters per parameter. The experiment asks what size does, and for that the text has to stay the same.

# %% [markdown] tags=["read"]
# In [the chart of chapter 2](../learning-from-examples/a-model-is-a-function.py), the largest model that uses all its parameters for every token is {{ largest["name"] }}, from {{ f"{largest['date']:%B %Y}" }}. Later ones that do so are smaller, and most of them soon read more text. The others use only a part of their parameters for each token.

# %% tags=["fold"]
inside = {  # 12 D² in each block: 4 D² of attention, 8 D² of the MLP
    "GPT-2 small": 12 * 12 * 768**2,
    "GPT-3": 96 * 12 * 12_288**2,
}
models = pd.read_csv(data_file("models.csv"), parse_dates=["date"])
by_name = models.set_index("name")["parameters"]
gpt_2, gpt_3 = by_name["GPT-2 small"], by_name["GPT-3"]
dense = models[models["kind"] == "dense"]
largest = dense.loc[dense["parameters"].idxmax()]

# %% [markdown]
# ## What goes wrong
#
# A curve tempts you to draw it on. Here are two that agree on the three largest models:

# %% tags=["fold"]
#| alt: The same axes, far wider. Among the three largest sizes a solid and a dashed line are close. Beyond, the solid one turns flat at {{ f"{far_law.floor:.2f}" }} nats; the dashed one goes on falling, to {{ f"{straight.loss(inside['GPT-2 small']):.2f}" }} at GPT-2 small and {{ f"{straight.loss(inside['GPT-3']):.2f}" }} at GPT-3.
#| caption: Gray: from the fourth to the sixth size. Dots: measured.
straight = fit_power_law(sizes[3:], losses[3:], with_floor=False)
fig, ax = plt.subplots(figsize=(4.5, 3.4))
far = np.geomspace(sizes[0], 1e12, 120)
ax.axvspan(sizes[3], sizes[5], color="lightgray", alpha=0.5, linewidth=0)
ax.plot(far, [far_law.loss(n) for n in far], "C1-")
ax.plot(far, [straight.loss(n) for n in far], "--", color="gray")
ax.plot(sizes, losses, "C0o", markersize=4)
for name, size in inside.items():
    ax.axvline(size, color="gray", linewidth=0.8, linestyle=":", ymax=0.9)
    ax.text(size, 2.08, name, ha="center")
ax.text(2e9, 1.24, "with a floor", color="C1", ha="center")
ax.text(2e8, 0.62, "without", color="gray", ha="right")
ax.set_xscale("log")
ax.set_yscale("log")
sizes_named = {"10,000": 1e4, "1 million": 1e6, "100 million": 1e8, "10 billion": 1e10}
ax.set_xticks(list(sizes_named.values()), list(sizes_named))
ax.set_yticks([0.5, 1.0, 2.0], ["0.5", "1.0", "2.0"])
ax.minorticks_off()
ax.set_xlim(4e3, 1e12)
ax.set_ylim(0.26, 2.4)
ax.set_xlabel("parameters inside the blocks")
ax.set_ylabel("loss (nats)")
ax.set_title("Far from the data, a line is a guess")
plt.show()

# %% [markdown]
# At GPT-2's size the two are {{ f"{far_law.loss(inside['GPT-2 small']) - straight.loss(inside['GPT-2 small']):.1f}" }} nats apart.

# %% [markdown] tags=["read"]
# One line is the law through all six sizes. The other is a ruler again, laid through the three largest. (The small ones speak against a straight line. But if you had measured only the three largest, how would you know?) On those three you'd need good eyes to tell the lines apart. A hundred times further out they say quite different things, and neither has been tested there. That is why people who build large models train a whole ladder of smaller ones first. They let the curve predict the next rung, measure it, and only then climb on. A wrong curve shows itself early, while mistakes are still cheap. It's also why a curve should never be trusted much further than it has been tested. We've tested ours {{ f"{sizes[5] / sizes[2]:.0f}" }} times beyond the fit, and GPT-3 is more than another hundred thousand times beyond that.
#
# (On this axis you find the parameters *inside* the blocks, so GPT-2 small stands at {{ f"{inside['GPT-2 small'] / 1e6:.0f}" }} million. The other {{ f"{round(gpt_2 / 1e6) - round(inside['GPT-2 small'] / 1e6)}" }} of its {{ f"{gpt_2 / 1e6:.0f}" }} million are mostly in its tables.)

# %% [markdown]
# And no curve says what a model can do. Ask a GPT something, and it continues your question instead of answering it. [From GPT to assistant](from-gpt-to-assistant.py)

# %% [markdown]
# ## Check yourself
#
# ??? question "Why must all six read the same text, in the same number of steps?"
#     Otherwise two things change at once, and you cannot say which of them lowered the loss. Had the large ones read more, the curve would show size and text together.
#
# ??? question "Is the floor the surprise of the text itself?"
#     Not alone. It contains everything that more size can't remove *here*: with this much text, two blocks and {{ context_length }} characters of context. More text would lower it.
#
# ??? question "A curve goes exactly through all points it was fitted to. What does that say about it?"
#     Nothing, if it has as many numbers as there are points. It must predict a point that it hasn't seen.

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
my_law = fit_power_law(my_sizes[:3], losses[:3])
my_prediction = my_law.loss(my_sizes[5])

# %% tags=["check"]
with exercise("Change"):
    every = sorted({row["parameters"] for row in rows})
    wanted = fit_power_law(every[:3], losses[:3]).loss(every[5])
    assert list(my_sizes) == every, "use the six different values of row['parameters']"
    assert abs(my_prediction - wanted) < 1e-3, "fit the first three, predict the sixth"

# %% [markdown] tags=["hint"]
# `sorted({... for row in rows})` gives six numbers: the seeds of a size have the same.

# %% tags=["solution"]
my_sizes = sorted({row["parameters"] for row in rows})
my_law = fit_power_law(my_sizes[:3], losses[:3])
my_prediction = my_law.loss(my_sizes[5])  # worse, but within what chance can do

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
# - OpenAI, *GPT-4 technical report* (2023): section 3, on what was predicted beforehand.
# - Tamay Besiroglu and others, *Chinchilla scaling: a replication attempt* (2024): the same data fitted again, with other numbers. How much a fit can be trusted.
