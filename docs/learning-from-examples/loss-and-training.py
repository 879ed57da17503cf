# %% [markdown]
# # Loss and training
#
# How does a model find its numbers? Random ones know nothing; nobody can try all. Training asks each number: up or down?
#
# ![A flower's four lengths go into a model made of learned numbers. Out come three bars, one for each species; the right one, setosa, is short. Its shortness is the loss. An arrow leads from the loss back to the model: it moves every number a little.](../figures/training-loop.svg "Guess, measure the surprise, move every number a little. Again.")

# %% [markdown]
# ## How wrong is a guess?
#
# A model gives each species a **probability**. The lower it was for the right answer, the greater the **surprise**:
#
# $$\text{surprise} = -\ln\, p(\text{right answer})$$
#
# Its average over all flowers, in **nats**, is the **loss**.
#
# ??? info "How do scores become probabilities? And what is a nat?"
#     The net of the last chapter gives each species a score $s$. **Softmax** makes probabilities of them: $p_i = e^{s_i} / (e^{s_1} + e^{s_2} + e^{s_3})$. None is negative, together they make 1, and equal scores give a third each.
#
#     $\ln$ is the natural logarithm. It turns "so many times less likely" into "so much more surprise": a certain answer costs 0, and each halving of its probability adds {{ f"{math.log(2):.2f}" }}. One nat is the surprise at an answer of probability $1/e$, about {{ f"{100 / math.e:.0f}" }}%.

# %% tags=["fold"]
import math

import matplotlib.pyplot as plt
import torch
import torch.nn.functional as F
from sklearn.model_selection import RepeatedStratifiedKFold, train_test_split

from gptbook.models.classifier import SPECIES, accuracy, iris_tensors

# %% tags=["fold"]
#| alt: A curve of loss against the probability of the right answer. It is 0 at probability 1, {{ f"{math.log(3):.2f}" }} at one third, and climbs without limit towards probability 0.
#| caption: An even guess among three costs ln 3.
p = torch.linspace(0.012, 1, 400)
fig, ax = plt.subplots()
ax.plot(p, -p.log(), color="C0")
marked = {0.02: "2%", 1 / 3: "1/3", 0.9: "90%"}
for probability, name in marked.items():
    surprise = -math.log(probability)
    ax.plot(probability, surprise, "o", color="C1")
    ax.text(probability + 0.02, surprise + 0.12, f"{name}: {surprise:.2f} nats")
ax.set_xlim(0, 1.2)
ax.set_xticks([0, 0.25, 0.5, 0.75, 1], ["0", "25%", "50%", "75%", "100%"])
ax.set_ylim(0, 4.6)
ax.set_xlabel("probability of the right answer")
ax.set_ylabel("loss (nats)")
ax.set_title("Sure and wrong costs most")
plt.show()

# %% [markdown]
# ## One number walks downhill
#
# Soften one threshold: at it, versicolor and virginica are equally likely; far from it, one is nearly sure. Nudge it: how fast does the loss rise? That is the **slope**. Step the other way, downhill:
#
# $$\text{threshold} \leftarrow \text{threshold} - \text{learning rate} \times \text{slope}$$
#
# You choose the **learning rate**. This is **gradient descent**.

# %%
features, labels = iris_tensors()  # (150, 4) lengths in cm, (150,) species 0, 1, 2
two_species = labels > 0  # without setosa, which is easy
petal_length = features[two_species, 2].double()  # (100,)
is_virginica = labels[two_species] == 2  # (100,)


def threshold_loss(threshold: float) -> float:
    """How surprised a soft threshold (cm) is by the 100 flowers, in nats."""
    # 1/2 at the threshold; towards 1 above it, towards 0 below.
    p_virginica = torch.sigmoid(4 * (petal_length - threshold))
    p_right = torch.where(is_virginica, p_virginica, 1 - p_virginica)
    return -p_right.log().mean().item()


# %%
threshold = 3.0  # a bad start
nudge = 0.001  # cm
walk = [threshold]
for _ in range(12):
    rise = threshold_loss(threshold + nudge) - threshold_loss(threshold - nudge)
    slope = rise / (2 * nudge)  # nats per cm
    threshold = threshold - 0.25 * slope  # 0.25 is the learning rate
    walk.append(threshold)
print(f"from {walk[0]:.2f} to {threshold:.2f} cm")

# %% tags=["fold"]
#| alt: Loss against the threshold: a valley with its floor near {{ f"{threshold:.1f}" }} cm. Dots start high on the left slope and run down to the floor, their steps growing shorter as the slope flattens.
#| caption: At {{ f"{threshold:.2f}" }} cm, {{ walk_mistakes }} mistakes: as few as by trying all.
places = torch.linspace(2.7, 6.3, 200).tolist()
fig, ax = plt.subplots()
valley = [threshold_loss(place) for place in places]
ax.plot(places, valley, color="C0")
ax.plot(walk, [threshold_loss(place) for place in walk], "o", color="C1")
ax.text(walk[0] + 0.1, threshold_loss(walk[0]), "start", va="center")
floor_text = f"{threshold:.2f} cm"
ax.text(threshold, min(valley) + 0.2, floor_text, ha="center")
ax.set_ylim(0, 3.4)
ax.set_xlabel("threshold (cm)")
ax.set_ylabel("loss (nats)")
ax.set_title(f"{len(walk) - 1} steps downhill, long where it is steep")
plt.show()


def threshold_mistakes(place: float) -> int:
    """How many of the 100 flowers a threshold (cm) gets wrong."""
    return int(((petal_length >= place) != is_virginica).sum())


walk_mistakes = threshold_mistakes(threshold)
assert walk_mistakes == min(map(threshold_mistakes, petal_length.tolist()))

# %% [markdown]
# ## All 131 at once
#
# 131 parameters have 131 slopes: the **gradient**. A training step is three moves:
#
# 1. **Forward**: flowers in, loss out.
# 2. **Backward**: from the loss back through the net, every slope in one sweep.
# 3. **Step**: every parameter moves downhill.
#
# Skill shows on flowers never seen: train on 120, **hold out** 30.
#
# ??? info "How can one sweep find every slope?"
#     Nudging each parameter would take two runs of the net for each. The backward sweep uses the **chain rule** instead: if a changes b three times as fast, and b changes the loss twice as fast, then a changes the loss six times as fast. Starting at the loss, each layer multiplies the slopes it is handed by its own, and hands them on.
#
# ??? info "What is Adam?"
#     This chapter's training does not take the slope as it is. **Adam** keeps a running average of each parameter's slope and divides it by the slope's usual size. So all parameters move at a similar pace, about the learning rate a step, in steep and in flat directions.

# %% tags=["show"]
from gptbook.models.classifier import IrisNet

# %% [markdown]
# !!! question "Guess first"
#     An even guess costs ln 3 = {{ f"{math.log(3):.2f}" }} nats. Does a net with random numbers start there?

# %%
rows = torch.arange(len(labels))
training, held_out = train_test_split(
    rows, test_size=30, stratify=labels, random_state=0
)

torch.manual_seed(0)
net = IrisNet()
optimizer = torch.optim.Adam(net.parameters(), lr=0.02)
losses, held_out_losses = [], []
scores, held_out_scores = [], []
for _ in range(200):
    logits = net(features[training])  # forward
    loss = F.cross_entropy(logits, labels[training])  # softmax, -ln p, average
    optimizer.zero_grad()  # forget the last step's slopes
    loss.backward()  # backward: a slope for each parameter
    with torch.no_grad():  # a look at the held-out flowers: nothing learns from it
        unseen = F.cross_entropy(net(features[held_out]), labels[held_out])
        held_out_losses.append(unseen.item())
    scores.append(accuracy(net, features[training], labels[training]))
    held_out_scores.append(accuracy(net, features[held_out], labels[held_out]))
    optimizer.step()  # step: every parameter moves
    losses.append(loss.item())

num_right = round(accuracy(net, features[held_out], labels[held_out]) * 30)
print(f"loss {losses[0]:.2f} -> {losses[-1]:.2f} nats on the 120 flowers")
first, last = held_out_losses[0], held_out_losses[-1]
print(f"loss {first:.2f} -> {last:.2f} nats on the 30 held out, {num_right} right")

# %% [markdown]
# A little worse, at {{ f"{losses[0]:.2f}" }}: random numbers prefer some species. After {{ len(losses) }} steps: {{ f"{losses[-1]:.2f}" }}, held out {{ f"{held_out_losses[-1]:.2f}" }}: lower, by luck.
#
# ??? info "Is that start bad luck?"
#     In part. Over {{ len(starts) }} seeds, untrained nets start between {{ f"{min(starts):.2f}" }} and {{ f"{max(starts):.2f}" }} nats, {{ f"{sum(starts) / len(starts):.2f}" }} on average. A start of twice ln 3 or more is a warning: look for a mistake before you train on.

# %% tags=["fold"]
starts = []
for seed in range(100):
    torch.manual_seed(seed)
    with torch.no_grad():
        starts.append(F.cross_entropy(IrisNet()(features), labels).item())

# %% tags=["fold"]
#| alt: Two plots over {{ len(losses) }} steps. Above, the loss on training and on held-out flowers falls together from {{ f"{losses[0]:.1f}" }} towards zero, crossing ln 3 early. Below, the share named right climbs in jumps.
#| caption: Loss glides; the share named right jumps.
fig, (top, bottom) = plt.subplots(2, 1, figsize=(5.4, 5), sharex=True)
top.plot(losses, color="C0")
top.plot(held_out_losses, color="C1", linestyle="--")
top.axhline(math.log(3), color="gray", linestyle=":", linewidth=1.2)
top.text(len(losses), math.log(3) + 0.03, "ln 3", ha="right", color="gray")
top.set_ylim(0, 1.5)
top.set_ylabel("loss (nats)")
top.set_title(f"Training {losses[-1]:.2f} nats, held out {held_out_losses[-1]:.2f}")
bottom.plot([100 * score for score in scores], color="C0")
bottom.plot([100 * score for score in held_out_scores], color="C1", linestyle="--")
bottom.text(90, 70, "120 training flowers", color="C0", weight="bold")
bottom.text(90, 56, "30 held-out flowers (dashed)", color="C1", weight="bold")
bottom.set_ylim(0, 105)
bottom.set_xlabel("step")
bottom.set_ylabel("named right (%)")
plt.show()

# %% [markdown] tags=["note"]
# The package has the same loop as a function. Same flowers, same seed: every number must agree to the last bit.

# %% tags=["show"]
from gptbook.models.classifier import train_classifier

# %%
package_net, package_losses = train_classifier(
    features[training], labels[training], num_steps=200, learning_rate=0.02, seed=0
)
assert losses == package_losses
for mine, theirs in zip(net.parameters(), package_net.parameters()):
    assert torch.equal(mine, theirs)
print("131 parameters, every one the same")

# %% [markdown]
# ## "Over 98%"?
#
# It names {{ num_right }} of 30 held-out flowers right: its **accuracy** is {{ f"{100 * num_right / 30:.3g}" }}%. You may read "over 98%" on 30 flowers. No such score exists: 29 right is 96.7%, 30 is 100%. Draw another 30: it jumps.

# %% tags=["show"]
from gptbook.models.classifier import corrected_interval, cross_validate

# %%
accuracies = cross_validate(features, labels, num_folds=5, num_repeats=10, seed=0)
mean_accuracy = accuracies.mean().item()
low, high = corrected_interval(accuracies)  # 95%
print(f"mean {100 * mean_accuracy:.1f}%")
print(f"95% interval {100 * low:.1f} to {100 * high:.3g}%")

# %% tags=["fold"]
#| alt: Stacked dots, one for each of {{ accuracies.numel() }} sets of 30 flowers. They stand in {{ len(rights) }} piles, at {{ ", ".join(f"{100 * right / 30:.3g}%" for right in rights) }}, with nothing between. A dashed line at 98% stands in a gap.
#| caption: Each dot: one net, 30 unseen flowers.
counted = (accuracies.flatten() * 30).round().long().bincount(minlength=31)  # (31,)
rights = [right for right in range(31) if counted[right] > 0]
fig, ax = plt.subplots()
for right in rights:
    pile = range(1, int(counted[right]) + 1)
    ax.plot([100 * right / 30] * len(pile), pile, "o", color="C0")
ax.axvline(98, color="C1", linestyle="--", linewidth=1.2)
ax.text(97.8, counted.max() + 2, "98%: no such score", color="C1", ha="right")
ax.set_xticks(
    [100 * right / 30 for right in rights],
    [f"{right} of 30\n{100 * right / 30:.3g}%" for right in rights],
)
ax.set_ylim(0, counted.max() + 4)
ax.set_xlabel("named right")
ax.set_ylabel("nets")
worst, best = (f"{100 * right / 30:.3g}" for right in (rights[0], rights[-1]))
ax.set_title(f"Same recipe, scores from {worst} to {best}%")
plt.show()

# %% [markdown]
# **Cross-validation** averages out the luck: cut the flowers into five folds, test on each, train on the other four; repeat {{ len(accuracies) }} times. Over {{ accuracies.numel() }} nets: {{ f"{100 * mean_accuracy:.1f}" }}%, with a 95% interval from {{ f"{100 * low:.1f}" }} to {{ f"{100 * high:.3g}" }}%.
#
# ??? info "Why so wide, after 50 tests?"
#     Any two of the nets trained on mostly the same flowers, so their scores are not 50 independent facts. The usual interval, which assumes that they are, would run from {{ f"{100 * naive_low:.1f}" }} to {{ f"{100 * naive_high:.1f}" }}%: too narrow. The correction is by Claude Nadeau and Yoshua Bengio, *Inference for the Generalization Error* (2003). An accuracy cannot pass 100%, so the interval ends there.

# %% tags=["fold"]
from scipy import stats

n = accuracies.numel()
half_width = stats.t.ppf(0.975, n - 1) * accuracies.std().item() / math.sqrt(n)
naive_low, naive_high = mean_accuracy - half_width, mean_accuracy + half_width

# The first round of folds again, this time keeping every answer.
folds = RepeatedStratifiedKFold(n_splits=5, n_repeats=1, random_state=0)
confusion = torch.zeros(3, 3, dtype=torch.long)  # row: species; column: answer
for seed, (seen, unseen_rows) in enumerate(folds.split(features, labels)):
    fold_net, _ = train_classifier(features[seen], labels[seen], seed=seed)
    with torch.no_grad():
        answers = fold_net(features[unseen_rows]).argmax(dim=-1)  # (30,)
    for species, answer in zip(labels[unseen_rows], answers):
        confusion[species, answer] += 1
mistakes = len(labels) - int(confusion.trace())
assert mistakes == round((1 - accuracies[0].mean().item()) * len(labels))

# %% tags=["fold"]
#| alt: A table of three by three, species against the net's answer. All {{ int(confusion[0, 0]) }} setosas are right. {{ int(confusion[1, 2]) }} versicolors are called virginica, {{ int(confusion[2, 1]) }} virginicas versicolor.
#| caption: A **confusion matrix**: one round, each flower tested once, unseen.
fig, ax = plt.subplots(figsize=(5.4, 4))
ax.imshow(confusion, cmap="Blues", vmin=0, vmax=100)
for row in range(3):
    for column in range(3):
        ax.text(column, row, int(confusion[row, column]), ha="center", va="center")
ax.set_xticks(range(3), SPECIES)
ax.set_yticks(range(3), SPECIES)
ax.tick_params(length=0)
ax.set_xlabel("the net's answer")
ax.set_ylabel("species")
between = int(confusion[1, 2] + confusion[2, 1])
ax.set_title(f"{between} of {mistakes} mistakes: versicolor or virginica?")
plt.show()

# %% [markdown]
# ## What goes wrong: steps too long
#
# Raise the learning rate from 0.02 to {{ large_rate }}. The first steps leap across the valley, up to {{ f"{max(curves[large_rate]):.0f}" }} nats. Then it sticks at {{ f"{curves[large_rate][-1]:.2f}" }}, ln 3: an even guess for every flower.
#
# ??? info "Why does it never recover?"
#     The leap threw the 16 numbers in the middle below zero, for every flower. There, $\max(0, \ldots)$ gives 0, and its slope is 0 too: {{ alive }} of the 16 still answer to any flower. Without a slope there is no downhill. Only the last row of parameters still learns, and the best it can say is a third each.

# %% tags=["fold"]
small_rate, large_rate = 0.001, 0.5
curves, trained = {0.02: losses}, {}
for rate in (small_rate, large_rate):
    trained[rate], curves[rate] = train_classifier(
        features[training], labels[training], learning_rate=rate
    )
with torch.no_grad():
    hidden = torch.relu(trained[large_rate].hidden(features[training]))  # (120, 16)
alive = int((hidden > 0).any(dim=0).sum())

# %% tags=["fold"]
#| widget: train-iris
#| alt: Loss against step on a log axis for three learning rates. {{ small_rate }} creeps down, 0.02 falls fast, {{ large_rate }} leaps up at once and then stays at ln 3.
#| caption: Too small crawls; too large breaks.
fig, ax = plt.subplots(figsize=(5.4, 3.4))
styles = {small_rate: ("C2", ":"), 0.02: ("C0", "-"), large_rate: ("C1", "--")}
for rate, (colour, style) in styles.items():
    ax.plot(curves[rate], color=colour, linestyle=style)
    ax.text(
        203, curves[rate][-1], f"rate {rate}", color=colour, weight="bold", va="center"
    )
ax.set_yscale("log")
ax.set_yticks([0.1, 1, 10], ["0.1", "1", "10"])
ax.set_xlim(-4, 258)
ax.set_xlabel("step")
ax.set_ylabel("loss (nats)")
ax.set_title(f"A learning rate of {large_rate} breaks the net")
plt.show()

# %% tags=["live"]
from bookbuild.live import publish, publish_model

torch.manual_seed(0)
publish_model("start", IrisNet())


def flowers_of(rows: torch.Tensor) -> list[list[float]]:
    """Four lengths (cm) and the species of each flower."""
    rounded = features[rows].double().mul(10).round().div(10)
    return [[*x, label] for x, label in zip(rounded.tolist(), labels[rows].tolist())]


recorded = [
    {"rate": rate, "losses": [float(f"{loss:.4g}") for loss in curves[rate]]}
    for rate in (small_rate, 0.02, large_rate)
]
splits = {"training": flowers_of(training), "heldOut": flowers_of(held_out)}
right = [round(120 * scores[0]), round(30 * held_out_scores[0])]
publish("opening", {**splits, "right": right, "recorded": recorded})

# %% [markdown]
# A flower's name is one guess. What if each guess led to the next? On to [predicting letters](../predicting-what-comes-next/one-letter-at-a-time.py).

# %% [markdown]
# ## Check yourself
#
# ??? question "Why not train on the number of mistakes itself?"
#     It has no slope. Nudge a parameter a little, and no flower changes its name: the count stays, and nothing says which way is down. The loss changes with every nudge.
#
# ??? question "A net has 96.7% on 30 held-out flowers, another has 100%. Which is better?"
#     You cannot tell: the difference is one flower. The same recipe scores both, depending on which 30 are held out.
#
# ??? question "The loss sits at ln 3 from the first step to the last. What does that tell you?"
#     The net gives each of the three species a third, whatever the flower: nothing of the flower reaches the answer. Look for a learning rate that is too large, or for a step that never happens.

# %% [markdown]
# ## Exercises

# %% tags=["fold"]
from gptbook.exercise import exercise

# %% [markdown] tags=["exercise"]
# ### Predict: one bad guess
#
# *easy · 5 minutes*
#
# A model names ten flowers. Nine times it gives the right species 90%. Once it is sure and wrong: the right species gets 0.01%. What is its loss, the average of the ten? Guess whether it beats an even guess, then work it out to two decimals.

# %% tags=["starter"]
my_prediction = ...

# %% tags=["check"]
with exercise("Predict"):
    right = abs(my_prediction + (9 * math.log(0.9) + math.log(0.0001)) / 10) < 0.01
    assert right, "average ten surprises: nine of 90%, one of 0.01%"

# %% [markdown] tags=["hint"]
# $-\ln 0.9 \approx 0.105$, and $-\ln 0.0001 \approx 9.21$.

# %% tags=["solution"]
my_prediction = (9 * 0.105 + 9.21) / 10  # 1.02: barely better than an even guess

# %% [markdown] tags=["exercise"]
# ### Change: fewer steps
#
# *medium · 10 minutes*
#
# The walk over the threshold starts at 3 cm. Change its learning rate so that it stands within 0.01 cm of the valley's floor after six steps. Which rates make it leap past?


# %% tags=["starter"]
def six_steps() -> float:
    """Where the threshold (cm) stands after six steps."""
    learning_rate = 0.25  # change this number
    place = 3.0
    for _ in range(6):
        rise = threshold_loss(place + nudge) - threshold_loss(place - nudge)
        place = place - learning_rate * rise / (2 * nudge)
    return place


# %% tags=["check"]
with exercise("Change"):
    floor = min((step / 1000 for step in range(3000, 7000)), key=threshold_loss)
    arrived = six_steps()
    far = f"it stands at {arrived:.2f} cm, the floor is at {floor:.2f} cm"
    assert abs(arrived - floor) < 0.01, far

# %% [markdown] tags=["hint"]
# Try twice the rate, and print where each step lands.


# %% tags=["solution"]
def six_steps() -> float:
    """Where the threshold (cm) stands after six steps."""
    learning_rate = 0.5
    place = 3.0
    for _ in range(6):
        rise = threshold_loss(place + nudge) - threshold_loss(place - nudge)
        place = place - learning_rate * rise / (2 * nudge)
    return place


# %% [markdown] tags=["exercise"]
# ### Build: the step itself
#
# *hard · 20 minutes*
#
# Throw the optimizer out. Write `take_step(model, learning_rate)`: it moves every parameter of a net against its slope, by learning rate times slope, and then forgets the slopes.


# %% tags=["starter"]
def take_step(model: IrisNet, learning_rate: float) -> None:
    """One step of gradient descent; after `loss.backward()`."""


# %% tags=["check"]
with exercise("Build"):
    nets = []
    for by_hand in (True, False):
        torch.manual_seed(1)
        checked = IrisNet()
        reference = torch.optim.SGD(checked.parameters(), lr=0.05)
        for _ in range(20):
            F.cross_entropy(checked(features), labels).backward()
            take_step(checked, 0.05) if by_hand else reference.step()
            if not by_hand:
                reference.zero_grad()
        nets.append(torch.nn.utils.parameters_to_vector(checked.parameters()))
    gap = (nets[0] - nets[1]).abs().max().item()
    assert gap < 1e-5, f"after 20 steps, a parameter is off by {gap:.3f}"

# %% [markdown] tags=["hint"]
# After `loss.backward()`, each parameter has its slope in `parameter.grad`. Move it inside `with torch.no_grad():`, as the step itself is nothing to take slopes of.


# %% tags=["solution"]
def take_step(model: IrisNet, learning_rate: float) -> None:
    """One step of gradient descent; after `loss.backward()`."""
    with torch.no_grad():
        for parameter in model.parameters():
            parameter -= learning_rate * parameter.grad
            parameter.grad = None  # or the next backward would add to it


# %% [markdown] tags=["note"]
# ## Where this lives in the package
#
# `IrisNet`, `train_classifier`, `cross_validate` and `corrected_interval` are in [gptbook.models.classifier](../reference/models.md#gptbook.models.classifier), the flowers are in [gptbook.data.tables](../reference/data.md#gptbook.data.tables).

# %% [markdown]
# ## Further reading
#
# - Rumelhart, Hinton and Williams, *Learning representations by back-propagating errors* (1986): made the backward sweep known.
# - Kingma and Ba, *Adam: A Method for Stochastic Optimization* (2015): the optimizer used here.
