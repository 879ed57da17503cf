# %% [markdown]
# # Rules or examples
#
# Who writes the rules? In an ordinary program, a person does. But what exactly tells a cat from a dog in a photo? Nobody knows the rule. Machine learning goes the other way: you show the computer examples, and it finds the rule itself.
#
# ![Software: a petal length of 1.4 cm and a person's rule, below 2 cm is setosa, go into a program; the answer setosa comes out. Machine learning: petal lengths and their answers go into learning; the rule comes out.](../figures/rules-or-learning.svg "Software gets its rule from a person, machine learning gets it from examples.")

# %% [markdown] tags=["read"]
# You can tell a cat from a dog at a glance, and yet you couldn't write down how. Pointed ears? Some dogs have them. Whiskers? Dogs have those too. Each rule you think of has exceptions, and the exceptions have exceptions. This is the odd situation in which machine learning begins: people can give thousands of right *answers*, but not the rule by which they find them. So instead of a rule, we hand over the answers.
#
# This chapter does that in the smallest case I know, with three species of flowers and a rule of two numbers. It's so small that you can see all of it: what the rule is, where its numbers come from, and how it can fool the person who made it. A GPT is built on the same idea. It just has many more numbers.

# %% [markdown]
# ## Three flowers
#
# You find an iris. Is it a *setosa*, a *versicolor* or a *virginica*? You have a ruler, and a table from 1936 with four lengths of 50 flowers of each species.
#
# ![Three irises from above, to scale. Setosa's petals are tiny, virginica's are the largest.](../figures/iris-flowers.svg "The average flower of each species, to scale. The petals are inside, the sepals outside.")
#
# Each flower in it is an **example**: measurements, together with the right answer.

# %% [markdown] tags=["read"]
# ![Three rows of four measurements in centimetres go into a box marked rule and question mark. The names of three species come out.](../figures/iris-in-and-out.svg "Four lengths go in, a name comes out. What is the rule?")
#
# The four lengths belong to two kinds of leaf. **Petals** are the inner ones and **sepals** the outer ones, and for each the table gives a length and a width. The first flower, for instance, has sepals {{ first_flower[0] }} cm long and {{ first_flower[1] }} cm wide, and petals {{ first_flower[2] }} cm long and {{ first_flower[3] }} cm wide. Its right answer, which people in the field call its **label**, is *setosa*.
#
# We begin with a single one of the four measurements, the petal length, because the pictures suggest that it differs most. Here are its averages:

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
# Setosa has short petals, virginica has long ones, and versicolor lies between. So take two **thresholds**, numbers where the answer changes. A petal that's shorter than the first means setosa, one that reaches the second means virginica, and one between them versicolor.

# %% [markdown] tags=["read"]
# Let's follow one flower through such a rule. Say the thresholds are {{ f"{my_low:g}" }} and {{ f"{my_high:g}" }} cm, and the flower's petals are {{ walked[0] }} cm long. Is that below {{ f"{my_low:g}" }}? No, so it isn't a setosa. Is it {{ f"{my_high:g}" }} or more? No again, so it isn't a virginica. Therefore the rule says versicolor, and the table agrees.
#
# Now take another flower, with petals of {{ shortest_virginica }} cm. Nothing changes in the argument, so the rule says versicolor again. But this time the table says *virginica*: it's an unusually small one, and the rule has made a mistake. Do the same for all {{ len(labels) }} flowers and count the mistakes, and you have one number for how good the rule is.

# %% tags=["show"]
from gptbook.models.classifier import classify_by_thresholds, count_mistakes

# %% [markdown] tags=["note"]
# The code numbers the species 0, 1 and 2, in the order of their petals. Then the answer is simply how many thresholds a flower has reached: none is setosa, one is versicolor, two is virginica.

# %% [markdown] tags=["guess"]
# Petals are {{ mean_lengths[0] }}, {{ mean_lengths[1] }} and {{ mean_lengths[2] }} cm long on average. A rule with thresholds of {{ f"{my_low:g}" }} and {{ f"{my_high:g}" }} cm names {{ len(labels) }} flowers. How many get a wrong name?
#
# answer: {{ my_mistakes }} flowers, within 4
#
# It makes {{ my_mistakes }} mistakes in {{ len(labels) }} flowers, and all of them are between versicolor and virginica. No setosa has petals as long as {{ f"{my_low:g}" }} cm.

# %%
my_low, my_high = 2.0, 5.0  # cm: put yours here

my_names = classify_by_thresholds(petal_length, my_low, my_high)
my_mistakes = count_mistakes(my_names, labels)
print(f"{my_mistakes} mistakes in {len(labels)} flowers")

# %% [markdown] tags=["read"]
# That is ordinary software. A person looked at the flowers, thought of two numbers, and wrote them into a rule.

# %% [markdown]
# ## The examples choose
#
# Now take the two numbers out of the rule and leave gaps. A rule with gaps is called a **model**, and the numbers that fill them are its **parameters**. Let the computer try every pair of thresholds on the examples and keep the pair that makes the fewest mistakes. That is **learning**.

# %% [markdown] tags=["read"]
# Here are a few of those tries. Each row is the same rule with other numbers in its gaps, so each row is a little experiment: name all {{ len(labels) }} flowers, and count.

# %% tags=["result", "read"]
tries = [(1.0, 3.0), (2.0, 4.0), (2.0, 5.0), (3.5, 5.5), (2.45, 4.75)]
mistakes_made = [
    count_mistakes(classify_by_thresholds(petal_length, *pair), labels)
    for pair in tries
]
index = [f"{first:g} and {second:g} cm" for first, second in tries]
pd.DataFrame({f"mistakes in {len(labels)} flowers": mistakes_made}, index)

# %% [markdown] tags=["read"]
# The first pair is useless. No flower has petals shorter than 1 cm, so every setosa is called a versicolor and every versicolor a virginica, and {{ mistakes_made[0] }} names are wrong. The others are better, and the last one beats mine by a single flower.
#
# How many pairs must the computer try? You might think infinitely many, since a threshold could stand at 4.72 or at 4.73 or at 4.731. But those three make the same rule. There are flowers with petals of 4.7 cm and flowers with petals of 4.8 cm, and none in between, so wherever the threshold stands inside that gap, every flower keeps its name. It's enough to try one place in each gap between two lengths that occur, and the computer takes the middle. There are {{ num_gaps }} such gaps. The second threshold may stand in the same gap as the first, or in a higher one. If the first stands in the lowest gap, that leaves {{ num_gaps }} places for the second. If it stands in the next gap, that leaves {{ num_gaps - 1 }}, and so on, down to 1. Together that makes {{ num_pairs }} pairs.

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
#| caption: A ring marks a flower with a wrong name.
opening_low, opening_high = 3.5, 5.5  # cm; not the best
shown_names = classify_by_thresholds(petal_length, opening_low, opening_high)
opening_mistakes = count_mistakes(shown_names, labels)
flowers = [
    (round(x, 1), round(y, 1), label)
    for x, y, label in zip(petal_length.tolist(), petal_width.tolist(), labels.tolist())
]
looks = (("C0", "o"), ("C2", "^"), ("C3", "s"))  # of the three species
fig, ax = plt.subplots(figsize=(4.5, 3.2))
for number, (colour, marker) in enumerate(looks):
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
ax.text(3.6, 0.6, "versicolor", color="C2", weight="bold")
ax.text(5.7, 1.1, "virginica", color="C3", weight="bold")
ax.set_xlabel("petal length (cm)")
ax.set_ylabel("petal width (cm)")
ax.set_title(f"{opening_mistakes} of {len(labels)} flowers misnamed")
plt.show()

# %% tags=["live"]
from bookbuild.live import publish

publish("opening", {"species": SPECIES, "flowers": flowers})

# %% [markdown]
# The pair that the examples choose, {{ f"{low:.2f}" }} and {{ f"{high:.2f}" }} cm, makes {{ fewest }} mistakes.

# %% [markdown] tags=["read"]
# You can watch the search at work. Hold the first threshold fixed and slide only the second one along, and the mistakes fall and rise again. Too far left, the rule calls versicolors virginica. Too far right, it calls virginicas versicolor. In between lies the lowest part, and learning is nothing but finding it. Remember this picture of a valley, because chapter 3 will walk down into one.

# %% tags=["fold", "read"]
#| alt: Mistakes against the second threshold, a staircase that falls from {{ max(counts) }} to its lowest point, {{ min(counts) }}, near {{ f"{high:.2f}" }} cm, and rises again.
#| caption: Mistakes in {{ len(labels) }} flowers, with the first threshold held at {{ f"{low:.2f}" }} cm. Several places share the lowest count, and the search keeps the first.
places = torch.arange(3.0, 6.9, 0.01)
counts = [
    count_mistakes(classify_by_thresholds(petal_length, low, place), labels)
    for place in places.tolist()
]
fig, ax = plt.subplots(figsize=(4.5, 2.8))
ax.plot(places, counts, color="C1", drawstyle="steps-post")
ax.plot([high], [fewest], "o", color="C1")
ax.text(high, fewest - 5, f"{high:.2f} cm", color="C1", ha="center", weight="bold")
ax.set_ylim(0, None)
ax.set_xlabel("second threshold (cm)")
ax.set_ylabel("mistakes")
ax.set_title(f"At best {min(counts)} mistakes")
plt.show()

# %% [markdown] tags=["read"]
# The examples didn't decide everything, though. A person still chose to look at petal length, to have two thresholds, and to put setosa first. That is the *form* of the model, and it's a human choice in every model in this book, including GPT. Learning only fills in the numbers. The gain is that filling them in takes no insight: give the same program a table of mushrooms, and it finds the thresholds for mushrooms.

# %% [markdown]
# ## A rule can know its examples too well
#
# This rule was tested on the very flowers that chose it. A fair test needs flowers that were **held out**, kept away from the choice. So shuffle the flowers, let one half choose, and test on the other half, {{ num_splits }} times. On average the rule misnames {{ f"{100 * wrong_seen:.1f}%" }} of the flowers that chose it, and {{ f"{100 * wrong_new:.1f}%" }} of the others.

# %% [markdown] tags=["read"]
# With more freedom this difference grows. Take a rule that keeps a notebook: for each petal length it notes the species it has seen most often, and it names a new flower by the nearest length. On flowers it knows, it's hardly better than the thresholds, and on new ones it's clearly worse.


# %%
def best_notebook(lengths: torch.Tensor, species: torch.Tensor) -> dict[float, int]:
    """For each length that occurs, the commonest species."""
    return {
        length.item(): species[lengths == length].bincount().argmax().item()
        for length in lengths.unique()
    }


def classify_by_notebook(
    lengths: torch.Tensor, notebook: dict[float, int]
) -> torch.Tensor:
    """Look up the nearest length in the notebook, and answer what stands there."""
    noted = torch.tensor(list(notebook))
    nearest = (lengths[:, None] - noted).abs().argmin(dim=1)
    return torch.tensor(list(notebook.values()))[nearest]


# %%
num_splits = 50
generator = torch.Generator().manual_seed(0)
wrong = torch.zeros(num_splits, 2, 2)  # split; thresholds, notebook; seen, new
for split in range(num_splits):
    order = torch.randperm(len(labels), generator=generator)
    halves = order[:75], order[75:]  # the flowers that choose, and the held-out ones
    seen_lengths, seen_labels = petal_length[halves[0]], labels[halves[0]]
    thresholds = best_thresholds(seen_lengths, seen_labels)[:2]
    notebook = best_notebook(seen_lengths, seen_labels)
    if split == 0:
        pictured = seen_lengths, seen_labels, thresholds, notebook
    for column, half in enumerate(halves):
        by_rule = classify_by_thresholds(petal_length[half], *thresholds)
        by_notebook = classify_by_notebook(petal_length[half], notebook)
        wrong[split, 0, column] = count_mistakes(by_rule, labels[half]) / 75
        wrong[split, 1, column] = count_mistakes(by_notebook, labels[half]) / 75

(wrong_seen, wrong_new), (noted_seen, noted_new) = wrong.mean(dim=0).tolist()
print("                 seen    new")
print(f"two thresholds   {wrong_seen:.1%}   {wrong_new:.1%}")
print(f"notebook         {noted_seen:.1%}   {noted_new:.1%}")
more = wrong[:, 1, 1] - wrong[:, 0, 1]  # mistakes on new flowers, notebook's more
worse, better = int((more > 0).sum()), int((more < 0).sum())
print(f"on new flowers the notebook is worse in {worse} splits, better in {better}")

# %% tags=["fold", "read"]
#| alt: Above, the flowers of one half with petals of 4 to 6 cm, piled up over their petal length. Versicolor and virginica overlap from {{ f"{overlap[0]:.1f}" }} to {{ f"{overlap[1]:.1f}" }} cm. Below, two strips show what each rule answers. Two thresholds change once, from versicolor to virginica. The notebook changes to virginica at 4.8 cm, back to versicolor at 4.9, and to virginica again at 5.1.
#| caption: The flowers of one half with petals of 4 to 6 cm, where two species meet. The strips show what two rules answer at each length.
seen_lengths, seen_labels, thresholds, notebook = pictured
near = {round(at, 1): label for at, label in notebook.items() if 4.75 < at < 5.15}
assert near == {4.8: 2, 4.9: 1, 5.0: 1, 5.1: 2}  # as the text tells
overlap = (
    seen_lengths[seen_labels == 2].min().item(),
    seen_lengths[seen_labels == 1].max().item(),
)
fig, (above, below) = plt.subplots(
    2, 1, figsize=(4.5, 3.6), sharex=True, height_ratios=(4, 3)
)
piles: dict[float, int] = {}
for length, label in sorted(zip(seen_lengths.tolist(), seen_labels.tolist())):
    if not 3.95 < length < 6.05:
        continue
    piles[length] = piles.get(length, 0) + 1
    colour, marker = looks[label]
    above.plot(length, piles[length], marker, color=colour, markersize=8)
above.text(4.0, 5.7, "versicolor", color="C2", weight="bold")
above.text(5.3, 5.7, "virginica", color="C3", weight="bold")
above.set_ylim(0.3, 6.4)
above.set_title("One rule is simple, the other remembers")
fine = torch.arange(3.95, 6.05, 0.01)
answers = (
    classify_by_thresholds(fine, *thresholds),
    classify_by_notebook(fine, notebook),
)
for place, (name, shown, new) in enumerate(
    (("two thresholds", wrong_seen, wrong_new), ("notebook", noted_seen, noted_new))
):
    for label in (1, 2):
        chosen = fine[answers[place] == label]
        heights = [2.2 - 1.7 * place] * len(chosen)
        below.barh(heights, 0.011, 0.6, chosen, color=looks[label][0], align="edge")
    said = f"{name}: wrong on {shown:.1%} seen, {new:.1%} new"
    below.text(3.95, 2.85 - 1.7 * place, said, va="bottom")
below.set_xlim(3.93, 6.07)
below.set_ylim(0.4, 3.7)
for ax in (above, below):
    ax.set_yticks([])
    ax.spines.left.set_visible(False)
below.set_xticks([4, 4.5, 5, 5.5, 6])
below.set_xlabel("petal length (cm)")
plt.show()

# %% [markdown]
# The difference comes from **overfitting**: the rule has fitted the accidents of its examples. What we want is a rule that also holds for flowers it has never seen, which is called **generalisation**.

# %% [markdown] tags=["read"]
# Look at the lower strip in the picture. The only flower of 4.8 cm that the notebook saw happened to be a virginica, so at 4.8 cm it says virginica. But at 4.9 and 5.0 cm it says versicolor, and from 5.1 cm on virginica again. (Where it has seen two species with the same length, it notes the commoner one, or versicolor if they tie.) No botanist would believe such a rule. Among new flowers the accidents fall differently, and then these notes mislead. In {{ worse }} of the {{ num_splits }} tests the notebook made more mistakes on new flowers than the thresholds did, and in {{ 'none' if not better else better }} it made fewer. Two thresholds can't follow such accidents. With only two numbers to choose, they have to settle for what holds for many flowers at once.
#
# It's tempting to conclude that a model should have few numbers. But GPT-2 has 124 million of them, and it generalises well. As a rule of thumb, what matters is how much freedom a model has *compared with how many examples it must explain*, and GPT-2 had billions of words to explain. You'll meet overfitting again in chapters 3 and 5. Each time, held-out examples will show it, and each time you'll see something that helps.

# %% [markdown] tags=["read"]
# ### Which measurement?
#
# Is petal length the right thing to measure? The examples can choose that, too.
#
# No threshold on petal length can be perfect, because the species overlap: one versicolor has petals {{ longest_versicolor }} cm long, and one virginica only {{ shortest_virginica }}. So it's tempting to add a second measurement. But perhaps another one is simply better.

# %% tags=["result", "read"]
table = {}
for column, name in enumerate(FEATURES):
    lengths = features[:, column]
    generator, made = torch.Generator().manual_seed(0), 0
    for _ in range(num_splits):
        order = torch.randperm(len(labels), generator=generator)
        seen, new = order[:75], order[75:]
        thresholds = best_thresholds(lengths[seen], labels[seen])[:2]
        made += count_mistakes(
            classify_by_thresholds(lengths[new], *thresholds), labels[new]
        )
    on_all = best_thresholds(lengths, labels)[2]
    table[name.replace("_", " ")] = [on_all, f"{made / (75 * num_splits):.1%}"]
pd.DataFrame.from_dict(
    table,
    "index",
    columns=[f"mistakes in all {len(labels)}", "wrong on held-out flowers"],
)

# %% [markdown] tags=["read"]
# Petal width alone beats petal length, and the sepals are far worse.
#
# The second column is the fairer one, since the first comes from the same flowers that chose the thresholds and so flatters every row. Here both columns name the same winner.
#
# Why is sepal width so bad? Calling *every* flower setosa would be wrong {{ len(labels) - 50 }} times, and the best thresholds on sepal width still make {{ table["sepal width"][0] }} mistakes. One reason is that the three species overlap widely there. The other is the form of our model. It insists that setosa has the smallest measurement and virginica the largest, but setosa has the *widest* sepals: {{ sepal_widths[0] }} cm on average, against {{ sepal_widths[1] }} and {{ sepal_widths[2] }}. The form was a person's choice, and no amount of learning can repair it.

# %% [markdown]
# ## Where trying everything ends
#
# A rule that looks at all four lengths needs more numbers, and then trying everything breaks down. Each further number multiplies the tries by the number of values that it could have, say {{ num_gaps }}. The small model in the next chapter has 131 numbers.

# %% tags=["fold"]
first_flower = [f"{length:.1f}" for length in features[0].tolist()]
walked = [f"{length:.1f}" for length in petal_length[[50]].tolist()]
assert labels[50] == 1
mean_lengths = [f"{petal_length[labels == i].mean():.1f}" for i in range(3)]
sepal_widths = [f"{features[labels == i, 1].mean():.1f}" for i in range(3)]
longest_versicolor = f"{petal_length[labels == 1].max():.1f}"
shortest_virginica = f"{petal_length[labels == 2].min():.1f}"
both_mistakes = count_mistakes(classify_by_thresholds(petal_length, 2.45, 2.45), labels)

# %% tags=["result"]
superscript = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")
tries_needed, years = [], []
for numbers in (10, 20, 131):
    power = math.log10(num_gaps**numbers)  # Python's whole numbers have no largest
    power_in_years = power - math.log10(1e9 * 365 * 24 * 3600)
    tries_needed.append("10" + str(round(power)).translate(superscript))
    years.append("10" + str(round(power_in_years)).translate(superscript))
    if power_in_years < 1:
        years[-1] = f"{10**power_in_years:.1f}"
index = ["10 numbers", "20 numbers", "131 numbers"]
columns = {"tries": tries_needed, "years, at a billion tries a second": years}
pd.DataFrame(columns, index=index)

# %% [markdown] tags=["read"]
# Read the last row slowly. If each of 131 numbers had only {{ num_gaps }} possible values, there would be about {{ tries_needed[-1] }} combinations, a 1 with more than two hundred zeros. The whole visible universe is estimated to contain about 10⁸⁰ atoms, and its age is about 10¹⁰ years. No computer will ever try them all, and this is a *tiny* model.
#
# So the idea that made learning possible, trying everything and keeping the best, doesn't survive contact with real models. We need a way to find good numbers without trying them all. It exists, and it starts from a simple question that trying never asks: in which direction should each number move? To ask it, we first have to look inside a model.

# %% [markdown]
# A better way begins with a look [inside a model](a-model-is-a-function.py).

# %% [markdown]
# ## Check yourself
#
# ??? question "What did a person still decide, after the examples chose the thresholds?"
#     The form of the model: that petal length matters, that there are two thresholds, and which species comes first. The examples only filled in the two numbers.
#
# ??? question "Why is it enough to try one threshold between each two neighbouring lengths?"
#     If you move a threshold about between two neighbouring lengths, no flower lies in the part that it crosses. So no flower changes its name, and the number of mistakes stays the same.
#
# ??? question "The best thresholds misname {{ fewest }} of {{ len(labels) }} flowers. How many would they misname among {{ len(labels) }} new ones?"
#     Probably a few more. The thresholds were fitted to these {{ len(labels) }} flowers, accidents included, and new flowers come with accidents of their own. Going by the held-out halves, expect about {{ round(wrong_new * len(labels)) }}.
#
# ??? question "A rule makes no mistake at all on its examples. Is it a good rule?"
#     You can't tell. A rule that has simply written down every single example makes none either. Ask how it does on examples that were held out.

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
#
# answer: {{ both_mistakes }} flowers
#
# Nothing lies between the two thresholds, so the rule never says versicolor. All 50 versicolors get a wrong name, and nothing else does: 2.45 cm separates setosa from the rest without a mistake.

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
# ### Change: fewer examples
#
# *medium · 10 minutes*
#
# Below, 75 flowers choose the thresholds. Change the function so that only `num_seen` flowers choose and all the others test. What happens to the mistakes on new flowers with 15, 30 and 120 flowers?


# %% tags=["starter"]
def wrong_on_new(num_seen: int) -> float:
    """The share of new flowers that get a wrong name, over 20 splits."""
    generator, made, tested = torch.Generator().manual_seed(0), 0, 0
    for _ in range(20):
        order = torch.randperm(len(labels), generator=generator)
        seen, new = order[:75], order[75:]  # change this line
        chosen = best_thresholds(petal_length[seen], labels[seen])[:2]
        guessed = classify_by_thresholds(petal_length[new], *chosen)
        made += count_mistakes(guessed, labels[new])
        tested += len(new)
    return made / tested


# %% tags=["check"]
with exercise("Change"):
    for num_seen in (15, 30, 120):
        generator, expected = torch.Generator().manual_seed(0), 0
        for _ in range(20):
            order = torch.randperm(len(labels), generator=generator)
            chosen = best_thresholds(
                petal_length[order[:num_seen]], labels[order[:num_seen]]
            )
            rest = order[num_seen:]
            guessed = classify_by_thresholds(petal_length[rest], *chosen[:2])
            expected += count_mistakes(guessed, labels[rest])
        share = expected / (20 * (len(labels) - num_seen))
        answer = wrong_on_new(num_seen)
        said = f"{num_seen} flowers: you say {answer:.3f}, it should be {share:.3f}"
        assert abs(answer - share) < 1e-9, said

# %% [markdown] tags=["hint"]
# `order[:num_seen]` are the first `num_seen` flowers of the shuffled order, and `order[num_seen:]` are all the others.


# %% tags=["solution"]
def wrong_on_new(num_seen: int) -> float:
    """The share of new flowers that get a wrong name, over 20 splits."""
    generator, made, tested = torch.Generator().manual_seed(0), 0, 0
    for _ in range(20):
        order = torch.randperm(len(labels), generator=generator)
        seen, new = order[:num_seen], order[num_seen:]
        chosen = best_thresholds(petal_length[seen], labels[seen])[:2]
        guessed = classify_by_thresholds(petal_length[new], *chosen)
        made += count_mistakes(guessed, labels[new])
        tested += len(new)
    return made / tested  # few examples leave much to accident


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
