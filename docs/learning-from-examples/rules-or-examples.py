# %% [markdown]
# # Rules or examples
#
# Who writes the rules? In a program, a person does. But nobody can write down what tells a cat from a dog in a photo, or which word comes next.
#
# ![Software: a petal length of 1.4 cm and a person's rule, below 2 cm is setosa, go into a program; the answer setosa comes out. Machine learning: petal lengths and their answers go into learning; the rule comes out.](../figures/rules-or-learning.svg "Software gets its rule from a person, machine learning from examples.")

# %% [markdown]
# ## Three flowers
#
# You find an iris. Is it a *setosa*, a *versicolor* or a *virginica*? A table printed in 1936 holds 50 of each, measured.
#
# ![Three irises from above, to scale. Setosa's petals are tiny, virginica's are the largest.](../figures/iris-flowers.svg "The average flower of each species, to scale. Petals inside, sepals outside.")
#
# Measurements with the right name make an **example**.
#
# ![Three rows of four measurements in centimetres go into a box marked rule and question mark. The names of three species come out.](../figures/iris-in-and-out.svg "Four lengths go in, a name comes out. What is the rule?")

# %% tags=["fold"]
import math

import matplotlib.pyplot as plt
import pandas as pd
import torch

from gptbook.models.classifier import FEATURES, SPECIES, iris_tensors

# %%
features, labels = iris_tensors()  # (150, 4) in cm, and (150,): 0, 1 or 2
petal_length = features[:, FEATURES.index("petal_length")]
petal_width = features[:, FEATURES.index("petal_width")]

for number, name in enumerate(SPECIES):
    mean = petal_length[labels == number].mean()
    print(f"{name:10}  petal length {mean:.1f} cm on average")

# %% [markdown]
# ## Your rule
#
# Setosa has short petals, virginica long ones. So compare petal length with two **thresholds**, numbers where the answer changes: below the first it is setosa, from the second on virginica, between them versicolor.

# %% tags=["show"]
from gptbook.models.classifier import classify_by_thresholds, count_mistakes

# %% [markdown]
# !!! question "Guess first"
#     Petals are {{ mean_lengths[0] }}, {{ mean_lengths[1] }} and {{ mean_lengths[2] }} cm long on average. Choose two thresholds. How many of {{ len(labels) }} flowers will get a wrong name?

# %%
my_low, my_high = 2.0, 5.0  # cm: put yours here

my_names = classify_by_thresholds(petal_length, my_low, my_high)
my_mistakes = count_mistakes(my_names, labels)
print(f"{my_mistakes} mistakes in {len(labels)} flowers")

# %% [markdown]
# Thresholds of {{ f"{my_low:g}" }} and {{ f"{my_high:g}" }} cm make {{ my_mistakes }} mistakes. A person wrote that rule.
#
# ## Their rule
#
# Now leave the numbers open. A rule with open numbers is a **model**. Try every pair of thresholds on the examples, and keep the one with the fewest mistakes. Now examples choose the numbers: that is **learning**.

# %% tags=["show"]
from gptbook.models.classifier import best_thresholds

# %%
low, high, fewest = best_thresholds(petal_length, labels)

# A threshold belongs between two lengths; low is never above high.
num_gaps = len(petal_length.unique()) - 1
num_pairs = num_gaps * (num_gaps + 1) // 2
print(f"best of {num_pairs} pairs: {low:.2f} and {high:.2f} cm, {fewest} mistakes")

# %% tags=["fold"]
#| widget: thresholds
#| alt: Petal width against petal length. Setosa lies far off at the lower left. Versicolor and virginica touch. Two lines stand at {{ opening_low }} and {{ opening_high }} cm; rings mark the {{ opening_mistakes }} flowers that these misname.
#| caption: Ringed: wrong.
opening_low, opening_high = 3.5, 5.5  # cm; not the best
shown_names = classify_by_thresholds(petal_length, opening_low, opening_high)
opening_mistakes = count_mistakes(shown_names, labels)
flowers = [
    (round(x, 1), round(y, 1), label)
    for x, y, label in zip(petal_length.tolist(), petal_width.tolist(), labels.tolist())
]
fig, ax = plt.subplots(figsize=(5.4, 3.4))
for number, (colour, marker) in enumerate((("C0", "o"), ("C2", "^"), ("C3", "s"))):
    spots = {flower[:2] for flower in flowers if flower[2] == number}
    ax.plot(*zip(*sorted(spots)), marker, color=colour, markersize=4.5, alpha=0.7)
wrong = shown_names != labels
ax.plot(
    petal_length[wrong], petal_width[wrong], "o", color="black", markersize=10,
    markerfacecolor="none",
)  # fmt: skip
for threshold in (opening_low, opening_high):
    ax.axvline(threshold, color="C1", linewidth=1.8)
ax.text(1.0, 0.75, "setosa", color="C0", weight="bold")
ax.text(3.6, 0.7, "versicolor", color="C2", weight="bold")
ax.text(5.8, 1.25, "virginica", color="C3", weight="bold")
ax.set_xlabel("petal length (cm)")
ax.set_ylabel("petal width (cm)")
ax.set_title(f"{opening_mistakes} of {len(labels)} flowers misnamed")
plt.show()

# %% tags=["live"]
from bookbuild.live import publish

publish("opening", {"species": SPECIES, "flowers": flowers})

# %% [markdown]
# Learning found {{ f"{low:.2f}" }} and {{ f"{high:.2f}" }} cm: {{ fewest }} mistakes.

# %% tags=["fold"]
#| alt: Mistakes against the second threshold, a staircase that falls from {{ max(counts) }} to its lowest point, {{ min(counts) }}, near {{ f"{high:.2f}" }} cm, and rises again.
#| caption: Learning takes the lowest point.
places = torch.arange(3.0, 6.9, 0.01)
counts = [
    count_mistakes(classify_by_thresholds(petal_length, low, place), labels)
    for place in places.tolist()
]
fig, ax = plt.subplots(figsize=(5.4, 3.0))
ax.plot(places, counts, color="C1", drawstyle="steps-post")
ax.plot([high], [fewest], "o", color="C1")
ax.text(high, fewest - 5, f"{high:.2f} cm", color="C1", ha="center", weight="bold")
ax.set_ylim(0, None)
ax.set_xlabel("second threshold (cm)")
ax.set_ylabel("mistakes")
ax.set_title(f"No second threshold makes fewer than {min(counts)} mistakes")
plt.show()

# %% [markdown]
# ## What goes wrong
#
# **The count flatters.** The test flowers are the very ones that chose the thresholds. Let half of them choose and test on the others: over {{ num_splits }} random splits, {{ f"{100 * share_seen:.1f}%" }} wrong in the first half, {{ f"{100 * share_new:.1f}%" }} in the second. Only flowers that a model has never seen show its skill.

# %%
num_splits = 50
generator = torch.Generator().manual_seed(0)
wrong_seen, wrong_new = 0, 0
for _ in range(num_splits):
    order = torch.randperm(len(labels), generator=generator)
    seen, new = order[:75], order[75:]
    chosen = best_thresholds(petal_length[seen], labels[seen])
    wrong_seen += chosen[2]
    guessed = classify_by_thresholds(petal_length[new], *chosen[:2])
    wrong_new += count_mistakes(guessed, labels[new])
share_seen = wrong_seen / (num_splits * 75)
share_new = wrong_new / (num_splits * 75)
print(f"wrong: {100 * share_seen:.1f}% of the flowers that chose")
print(f"wrong: {100 * share_new:.1f}% of the others")

# %% [markdown]
# **One measurement is too little.** One versicolor has petals {{ f"{longest_versicolor:.1f}" }} cm long, one virginica only {{ f"{shortest_virginica:.1f}" }}: no threshold gets both right. A better rule needs more of them.
#
# **Trying everything ends here.** Two thresholds, {{ num_gaps }} useful values each, the second never lower: {{ num_pairs }} tries. The next chapter's small model has 131 numbers: about {{ tries[-1] }} tries.

# %% tags=["fold"]
mean_lengths = [f"{petal_length[labels == i].mean():.1f}" for i in range(3)]
longest_versicolor = petal_length[labels == 1].max().item()
shortest_virginica = petal_length[labels == 2].min().item()

# %% tags=["result"]
superscript = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")
tries, years = [], []
for numbers in (10, 20, 131):
    power = math.log10(num_gaps**numbers)  # Python's whole numbers have no largest
    power_in_years = power - math.log10(1e9 * 365 * 24 * 3600)
    tries.append("10" + str(round(power)).translate(superscript))
    years.append("10" + str(round(power_in_years)).translate(superscript))
    if power_in_years < 1:
        years[-1] = f"{10**power_in_years:.1f}"
index = ["10 numbers", "20 numbers", "131 numbers"]
pd.DataFrame({"tries": tries, "years, at a billion a second": years}, index=index)

# %% [markdown]
# A better way begins with a look [inside a model](a-model-is-a-function.py).

# %% [markdown]
# ## Check yourself
#
# ??? question "What did a person still decide, after the examples chose the thresholds?"
#     The form of the rule: that petal length matters, that there are two thresholds, and which species comes first. Examples only filled in the numbers.
#
# ??? question "Why is it enough to try one threshold between each two neighbouring lengths?"
#     Moved inside a gap, a threshold passes no flower. No name changes, so the count of mistakes cannot change either.
#
# ??? question "The best thresholds misname {{ fewest }} of {{ len(labels) }} flowers. How many would they misname among {{ len(labels) }} new ones?"
#     Probably a few more. The thresholds were fitted to these flowers, with their luck; other flowers have other luck.

# %% [markdown]
# ## Exercises

# %% tags=["fold"]
from gptbook.exercise import exercise

# %% [markdown] tags=["exercise"]
# ### Predict: two thresholds in one place
#
# *easy · 3 minutes*
#
# You put both thresholds at 2.45 cm. How many of the 150 flowers get a wrong name?

# %% tags=["starter"]
my_prediction = ...

# %% tags=["check"]
with exercise("Predict"):
    both = classify_by_thresholds(petal_length, 2.45, 2.45)
    right = my_prediction + 0 == count_mistakes(both, labels)
    assert right, "nothing lies between the two: which name is never given?"

# %% [markdown] tags=["hint"]
# Every flower is now either setosa or virginica. Which 50 flowers lose out?

# %% tags=["solution"]
my_prediction = 50  # each versicolor is called virginica

# %% [markdown] tags=["exercise"]
# ### Change: another measurement
#
# *medium · 10 minutes*
#
# The function below always uses petal length. Change it to use the measurement that it is asked for. Which of the four tells the species apart best?


# %% tags=["starter"]
def fewest_mistakes(measurement: str) -> int:
    return best_thresholds(petal_length, labels)[2]  # change this line


# %% tags=["check"]
with exercise("Change"):
    for place, measurement in enumerate(FEATURES):
        expected = best_thresholds(features[:, place], labels)[2]
        answer = fewest_mistakes(measurement)
        said = f"{measurement}: you say {answer} mistakes, it should be {expected}"
        assert answer == expected, said

# %% [markdown] tags=["hint"]
# `FEATURES.index(measurement)` is the column of `features` that you need.


# %% tags=["solution"]
def fewest_mistakes(measurement: str) -> int:
    column = features[:, FEATURES.index(measurement)]
    return best_thresholds(column, labels)[
        2
    ]  # petal width wins, with one mistake fewer than petal length


# %% [markdown] tags=["exercise"]
# ### Build: one threshold, yes or no
#
# *hard · 20 minutes*
#
# Write `best_threshold(lengths, answers)`. It says yes from the threshold on, tries every useful threshold, and returns the best one with its mistakes. Use it to tell virginica from versicolor by petal width.


# %% tags=["starter"]
def best_threshold(lengths: list[float], answers: list[bool]) -> tuple[float, int]:
    return 0.0, len(answers)


# %% tags=["check"]
with exercise("Build"):
    threshold, mistakes = best_threshold([1.0, 2.0, 3.0], [False, False, True])
    assert mistakes == 0, f"1 no, 2 no, 3 yes: you make {mistakes} mistakes, not 0"
    assert 2 < threshold <= 3, f"{threshold} does not lie between 2 and 3"
    two = labels > 0
    widths, is_virginica = petal_width[two].tolist(), (labels[two] == 2).tolist()
    threshold, mistakes = best_threshold(widths, is_virginica)
    made = sum((w >= threshold) != yes for w, yes in zip(widths, is_virginica))
    assert mistakes == made, f"you say {mistakes} mistakes, your threshold makes {made}"
    assert mistakes == 6, f"{mistakes} mistakes in the petal widths: 6 are possible"

# %% [markdown] tags=["hint"]
# The lengths themselves are enough as thresholds: "from 2.0 cm on" is a useful rule. Go through them, count, and keep the best so far.


# %% tags=["solution"]
def best_threshold(lengths: list[float], answers: list[bool]) -> tuple[float, int]:
    best = (0.0, len(answers) + 1)
    for threshold in sorted(set(lengths)):
        pairs = zip(lengths, answers)
        mistakes = sum((length >= threshold) != yes for length, yes in pairs)
        if mistakes < best[1]:
            best = (threshold, mistakes)
    return best


# %% [markdown] tags=["note"]
# ## Where this lives in the package
#
# `classify_by_thresholds`, `count_mistakes` and `best_thresholds` are in [gptbook.models.classifier](../reference/models.md#gptbook.models.classifier); the table of flowers is read by `iris` in [gptbook.data.tables](../reference/data.md#gptbook.data.tables).

# %% [markdown]
# ## Further reading
#
# - Ronald Fisher, *The Use of Multiple Measurements in Taxonomic Problems* (1936): these flowers, as Edgar Anderson measured them, and a rule from all four lengths.
# - Arthur Samuel, *Some Studies in Machine Learning Using the Game of Checkers* (1959): a program that tuned its own rule until it beat its author.
