# %% [markdown]
# # Loss and training
#
# How does a model find its numbers? There are far too many to try them all. Training asks of every number: would the model be less wrong if you were a little larger, or a little smaller? Then it moves each number that way, and asks again.
#
# ![A flower's four lengths go into a model made of learned numbers. Out come three bars, one for each species; the right one, setosa, is short. Its shortness is the loss. An arrow leads from the loss back to the model: it moves every number a little.](../figures/training-loop.svg "Guess, measure how wrong the guess was, move every number a little, and start again.")

# %% [markdown] tags=["read"]
# Every net in this book is trained this way, and so is every GPT you've ever talked to. There are just three ideas in it: how to say *how* wrong a guess is, which way to move one number, and how to find the way for all numbers at once.

# %% [markdown]
# ## How wrong is a guess?
#
# The net of the last chapter ends in three scores. **Softmax** turns them into **probabilities**, say 67% setosa, 24% versicolor and 9% virginica. We measure such a guess by its **surprise** at the right answer: the smaller the probability that it got, the greater the surprise.
#
# $$\text{surprise} = -\ln\, p(\text{right answer})$$
#
# The average surprise over all flowers is the **loss**, which training makes small.

# %% [markdown] tags=["read"]
# How does softmax do that? Scores are just numbers: they may be negative, and they don't add up to anything. Suppose they are 2, 1 and 0. To make shares of them, take $e$ = 2.718… to the power of each: $e^2$ = 7.39, $e^1$ = 2.72 and $e^0$ = 1. Now all three are positive, and the highest is still the highest. Then divide each by their sum, 11.11, and you have 0.67, 0.24 and 0.09, which add up to 1. That's softmax, and the scores that go into it are called **logits**.
#
# Now the surprise. If setosa is right, the model gave the right answer 0.67, and −ln 0.67 = 0.40. If virginica is right instead, the right answer had only 0.09, and −ln 0.09 = 2.41, six times as much. The logarithm here is the natural one, and the unit of this surprise is called the **nat**. An even guess between two answers costs ln 2 = {{ f"{math.log(2):.2f}" }} nats, and among three it costs ln 3 = {{ f"{math.log(3):.2f}" }}.
#
# Why this strange logarithm? Why not simply take $1 - p$? There are two good reasons. First, think of a model that gives the right answer a probability of 1%, and of another that gives it only 0.01%. The second gave it a hundred times less, but $1 - p$ hardly sees a difference, 0.99 against 0.9999. The surprise does: 4.6 nats against 9.2. Second, $1 - p$ rewards lying. Say that of 10 flowers that look alike, 7 are versicolor and 3 are virginica. An honest model gives versicolor 70% each time. For each of the 7 it pays 1 − 0.7 = 0.3, and for each of the 3 it pays 1 − 0.3 = 0.7. That makes 7 · 0.3 + 3 · 0.7 = 4.2 for all ten. A boastful model says 100% versicolor: it pays nothing for the 7 and 1 for each of the 3, which makes only 3.0, so the boaster wins. With the surprise it's different. An answer of 70% costs −ln 0.7 = 0.357 nats and one of 30% costs −ln 0.3 = 1.204, so the honest model pays 7 · 0.357 + 3 · 1.204 = 6.1. One that says 90% pays 7 · 0.105 + 3 · 2.303 = 7.6, and one that says 100% pays without limit when it's wrong. It can be proved that on average nothing beats the true probabilities. In books and in code this average surprise is called **cross-entropy**.

# %% tags=["fold"]
import math

import matplotlib.pyplot as plt
import torch
import torch.nn.functional as F
from sklearn.model_selection import train_test_split

from gptbook.models.classifier import SPECIES, accuracy, iris_tensors

# %% tags=["fold"]
#| alt: A curve of surprise against the probability of the right answer. It is 0 at probability 1, {{ f"{math.log(3):.2f}" }} at one third, and climbs without limit towards probability 0.
#| caption: The surprise is measured in nats. An even guess among three costs ln 3 = {{ f"{math.log(3):.2f}" }}.
p = torch.linspace(0.012, 1, 400)
fig, ax = plt.subplots(figsize=(4.5, 3.1))
ax.plot(p, -p.log(), color="C0")
marked = {0.02: "2%", 1 / 3: "one third", 0.9: "90%"}
for probability, name in marked.items():
    surprise = -math.log(probability)
    ax.plot(probability, surprise, "o", color="C1")
    side = (
        {"ha": "right", "x": 0.99} if probability > 0.5 else {"x": probability + 0.03}
    )
    ax.text(
        y=surprise + (0.4 if probability > 0.5 else 0.15),
        s=f"{name}: {surprise:.2f} nats",
        **side,
    )
ax.set_xlim(0, 1.02)
ax.set_xticks([0, 0.25, 0.5, 0.75, 1], ["0", "25%", "50%", "75%", "100%"])
ax.set_ylim(0, 4.6)
ax.set_xlabel("probability of the right answer")
ax.set_ylabel("surprise (nats)")
ax.set_title("The less expected, the more surprise")
plt.show()

# %% [markdown]
# ## One number walks downhill
#
# Take a model with a single number, a threshold between versicolor and virginica. Nudge the threshold by a tiny amount and see how much the loss changes. The change in the loss, divided by the nudge, is the **slope**. Then step *against* the slope, downhill:
#
# $$\text{threshold} \leftarrow \text{threshold} - \text{learning rate} \times \text{slope}$$
#
# The **learning rate**, which you choose, says how far to go. This is **gradient descent**.

# %% [markdown] tags=["read"]
# If the slope is positive, the loss rises when the number grows, so the number should shrink, and subtracting the slope does that. If the slope is negative, the number should grow, and subtracting a negative number makes it grow.
#
# A hard threshold, as in chapter 1, is no good here, because its mistakes come in whole flowers: nudge it by a tiny amount, and usually nothing changes at all, so there's no slope to follow. So we soften it. A flower exactly at the threshold is as likely to be a virginica as a versicolor. It gets 50% virginica, one a little above it a bit more, and one far above nearly 100%. The function that does this is called the **sigmoid**: a flower of length $x$ is a virginica with probability $1 / (1 + e^{-4(x - \text{threshold})})$. A versicolor of 4.7 cm, for instance, counts as a virginica with $1 / (1 + e^{-6.8})$ = 0.999 if the threshold is 3 cm. The 4 only says how quickly 50% turns into nearly 100%.
#
# Let the threshold start at 3.00 cm, which is a bad place. Nearly all flowers lie above it, so the model takes almost every versicolor for a virginica, and the loss over the {{ len(petal_length) }} flowers of these two species is {{ f"{first_steps[0][1]:.5f}" }} nats. Move the threshold to 3.001, and the loss is {{ f"{first_steps[0][2]:.5f}" }}. It fell by {{ f"{first_steps[0][1] - first_steps[0][2]:.5f}" }} for a nudge of 0.001, so the slope is {{ f"{first_steps[0][3]:.2f}".replace("-", "−") }} nats per cm. With a learning rate of 0.25 the step is 0.25 · {{ f"{-first_steps[0][3]:.2f}" }} = {{ f"{-0.25 * first_steps[0][3]:.2f}" }} cm to the right, and the threshold stands at {{ f"{first_steps[1][0]:.2f}" }}.
#
# The second step goes the same way. At {{ f"{first_steps[1][0]:.2f}" }} the loss is down to {{ f"{first_steps[1][1]:.5f}" }}, a nudge takes it to {{ f"{first_steps[1][2]:.5f}" }}, the slope is {{ f"{first_steps[1][3]:.2f}".replace("-", "−") }}, and the threshold moves on to {{ f"{first_steps[2][0]:.2f}" }} cm, in a slightly shorter step. At the bottom of the valley the slope is zero, and the walk comes to rest by itself, at {{ f"{walk[-1]:.2f}" }} cm. There it makes {{ walk_mistakes }} mistakes, the fewest that any place makes. (Chapter 1 found 4.75 cm with just as few. A count of mistakes can't tell the two apart, while the loss also cares how sure each guess was.)

# %%
features, labels = iris_tensors()  # (150, 4) lengths in cm, (150,) species 0, 1, 2
two_species = labels > 0  # without setosa, which is easy
petal_length = features[two_species, 2].double()  # (100,)
is_virginica = labels[two_species] == 2  # (100,)


def threshold_loss(threshold: float) -> float:
    """How surprised a soft threshold (cm) is by the 100 flowers, in nats."""
    p_virginica = torch.sigmoid(4 * (petal_length - threshold))
    p_right = torch.where(is_virginica, p_virginica, 1 - p_virginica)
    return -p_right.log().mean().item()


def walk_downhill(
    threshold: float, learning_rate: float, num_steps: int
) -> list[float]:
    """Where the threshold stands at first and after each step."""
    places = [threshold]
    for _ in range(num_steps):
        rise = threshold_loss(threshold + 0.001) - threshold_loss(threshold)
        slope = rise / 0.001  # nats per cm
        threshold = threshold - learning_rate * slope
        places.append(threshold)
    return places


# %%
walk = walk_downhill(3.0, learning_rate=0.25, num_steps=12)
print(f"from {walk[0]:.2f} to {walk[-1]:.2f} cm")

# %% tags=["fold"]
first_steps = []  # threshold, loss, loss a nudge further, slope
for place in walk[:3]:
    here, there = threshold_loss(place), threshold_loss(place + 0.001)
    first_steps.append((place, here, there, (there - here) / 0.001))


def threshold_mistakes(place: float) -> int:
    """How many of the 100 flowers a threshold (cm) gets wrong."""
    return int(((petal_length >= place) != is_virginica).sum())


walk_mistakes = threshold_mistakes(walk[-1])
assert walk_mistakes == min(map(threshold_mistakes, petal_length.tolist()))

# %% tags=["fold"]
#| alt: Loss against the threshold: a valley with its floor near {{ f"{walk[-1]:.1f}" }} cm. Dots start high on the left slope and run down to the floor, their steps growing shorter as the slope flattens.
#| caption: The threshold walks from 3 cm down to the lowest loss.
places = torch.linspace(2.7, 6.3, 200).tolist()
valley = [threshold_loss(place) for place in places]
fig, ax = plt.subplots(figsize=(4.5, 3.2))
ax.plot(places, valley, color="C0")
ax.plot(walk, [threshold_loss(place) for place in walk], "o-", color="C1", linewidth=1)
ax.text(walk[0] + 0.12, threshold_loss(walk[0]), "start", va="center")
ax.text(walk[-1], min(valley) - 0.1, f"{walk[-1]:.2f} cm", ha="center", va="top")
ax.set_ylim(-0.4, 3.4)
ax.set_xlabel("threshold (cm)")
ax.set_ylabel("loss (nats)")
ax.set_title(f"{len(walk) - 1} steps downhill")
plt.show()

# %% [markdown]
# ## All {{ num_parameters }} at once
#
# A net with {{ num_parameters }} parameters has {{ num_parameters }} slopes, together called the **gradient**. **Backpropagation** finds them all in one sweep back through the net, so a training step takes three moves:
#
# 1. **Forward**, from the examples to the loss.
# 2. **Backward**, from the loss to every slope.
# 3. **Step**: every parameter moves against its slope.

# %% [markdown] tags=["read"]
# ![A net of three parameters. The input 2 times a, which is 0.5, makes 1. That times b, which is 2, makes the right score 2; times c, which is 1, it makes the wrong score 1. The loss is 0.31. Backward, in the other colour: the slopes are minus 0.27 and plus 0.27 at the scores and at b and c, minus 0.27 at the fork, and minus 0.54 at a.](../figures/backward-sweep.svg "A net of three parameters. Numbers are computed from left to right, then slopes from right to left. At the fork, the slopes of both paths add up.")
#
# Nudging each parameter in turn would take a run of the net for every one of them. The sweep finds all the slopes in one run forward and one run backward. Here it is on the net in the picture, which is small enough for paper. Forward first. The input 2 times $a$ = 0.5 makes 1. This 1 goes two ways. Multiplied by $b$ = 2, it makes 2, the score of the right answer. Multiplied by $c$ = 1, it makes 1, the score of the wrong one. Softmax turns 2 and 1 into 0.73 and 0.27, so the loss is −ln 0.73 = 0.31.
#
# Now backward, asking at each point: if this number grew a little, how fast would the loss grow? At the scores there's a simple rule, which comes from calculus. At the wrong score the slope is the probability of the wrong answer, +0.27. At the right score it's the probability of the right answer minus 1, which is 0.73 − 1 = −0.27. (Check it: raise the right score from 2 to 2.001, and the loss falls from 0.31326 to 0.31299. That's −0.00027 for a nudge of 0.001.)
#
# Go one step further back, to $b$. The right score is $b$ · 1, so if $b$ grows by 0.001, the score grows by 0.001 · 1, and the loss changes by −0.27 times as much. So the slope at $b$ is −0.27 · 1 = −0.27, and at $c$ it's +0.27 · 1 = +0.27. Along a path, slopes multiply: this is called the **chain rule**.
#
# The number at the fork is the interesting case, because it reaches the loss along two paths. If it grows by 0.001, the right score grows by 0.002 and the wrong one by 0.001. Both change the loss, so the two effects *add up*: −0.27 · 2 + 0.27 · 1 = −0.27. And one step before that, $a$ is multiplied by 2, so its slope is −0.27 · 2 = −0.54. A larger net has biases and ReLUs as well. Where a bias was added, or where ReLU let a positive number through, a slope passes back unchanged. Where ReLU turned a number into 0, the slope becomes 0. And with many flowers, all of this is done for each of them, and the slopes are averaged as the losses are. That's backpropagation. In a GPT there are more numbers and more forks, but no other principle.
#
# Check the result with another nudge. Raise $a$ from 0.5 to 0.501, and the scores become 2.004 and 1.002, and the loss {{ f"{nudged_loss:.5f}" }}. It fell by {{ f"{round(unnudged_loss, 5) - round(nudged_loss, 5):.5f}" }} for a nudge of 0.001, so the slope is {{ f"{(nudged_loss - unnudged_loss) / 0.001:.2f}".replace("-", "−") }}, as the sweep said.

# %% tags=["fold"]
nudged_loss = math.log(1 + math.exp(-1.002))
unnudged_loss = math.log(1 + math.exp(-1))

# %% [markdown]
# ## The net learns
#
# Train the net of the last chapter on 120 flowers. The other 30 are held out.

# %% tags=["show"]
from gptbook.models.classifier import IrisNet

# %% [markdown] tags=["guess"]
# An even guess among three species costs {{ f"{math.log(3):.2f}" }} nats. Does the loss of a net with random numbers start there?
#
# - [ ] Exactly there
# - [ ] Below, since it's a net
# - [x] Not far from it, but mostly above
#
# This one starts at {{ f"{losses[0]:.2f}" }} nats. Random numbers aren't an even guess: they happen to prefer some species, and mostly the wrong ones. {{ len(starts) }} such nets, each with other random numbers, start at {{ f"{sum(starts) / len(starts):.2f}" }} on average, between {{ f"{min(starts):.2f}" }} and {{ f"{max(starts):.2f}" }}.

# %%
rows = torch.arange(len(labels))
training, held_out = train_test_split(
    rows, test_size=30, stratify=labels, random_state=0
)

torch.manual_seed(0)
net = IrisNet()
num_parameters = sum(parameter.numel() for parameter in net.parameters())
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

# %% [markdown] tags=["note"]
# `Adam` takes the step. It averages the recent slopes of each parameter, and scales the result so that all parameters move at a similar pace, whether their slopes are steep or flat.

# %% tags=["fold"]
starts = []
for seed in range(100):
    torch.manual_seed(seed)
    with torch.no_grad():
        starts.append(F.cross_entropy(IrisNet()(features), labels).item())

# %% tags=["fold"]
#| alt: Two plots over {{ len(losses) }} steps. Above, the loss on training and on held-out flowers falls together from {{ f"{losses[0]:.1f}" }} towards zero, crossing ln 3 early. Below, the share named correctly climbs in jumps.
#| caption: The loss glides down, while the share of right names jumps from flower to flower.
fig, (top, bottom) = plt.subplots(2, 1, figsize=(4.5, 4.6), sharex=True)
top.plot(losses, color="C0")
top.plot(held_out_losses, color="C1", linestyle="--")
top.axhline(math.log(3), color="gray", linestyle=":", linewidth=1.2)
top.text(len(losses), math.log(3) + 0.03, "ln 3", ha="right", color="gray")
top.set_ylim(0, 1.5)
top.set_ylabel("loss (nats)")
top.set_title(f"Training {losses[-1]:.2f} nats, held out {held_out_losses[-1]:.2f}")
bottom.plot([100 * score for score in scores], color="C0")
bottom.plot([100 * score for score in held_out_scores], color="C1", linestyle="--")
bottom.text(70, 66, "training flowers", color="C0", weight="bold")
bottom.text(70, 50, "held-out flowers", color="C1", weight="bold")
bottom.set_ylim(0, 105)
bottom.set_xlabel("step")
bottom.set_ylabel("named correctly (%)")
plt.show()

# %% [markdown]
# The net has found something that holds for flowers it has never seen.

# %% [markdown] tags=["read"]
# After {{ len(losses) }} steps the loss is down to {{ f"{losses[-1]:.2f}" }} nats on the flowers it learned from, and to {{ f"{held_out_losses[-1]:.2f}" }} on the held-out ones. With another 30 flowers held out, it could be the other way round.
#
# Is there only one good place to end? For the single threshold, yes. For a net, no. Start the same net from {{ len(ends) }} other sets of random numbers, and it ends with other parameters each time, but with losses on the training flowers that all lie between {{ f"{min(ends):.3f}" }} and {{ f"{max(ends):.3f}" }}. Many places in this landscape are about equally good, so it doesn't matter much which of them the walk finds.

# %% [markdown] tags=["note"]
# The package has the same loop as a function. With the same flowers and the same random numbers at the start, every number must come out exactly the same.

# %% tags=["show"]
from gptbook.models.classifier import train_classifier

# %%
package_net, package_losses = train_classifier(
    features[training], labels[training], num_steps=200, learning_rate=0.02, seed=0
)
assert losses == package_losses
for mine, theirs in zip(net.parameters(), package_net.parameters()):
    assert torch.equal(mine, theirs)
print(f"{num_parameters} parameters, every one the same")

# %% tags=["fold"]
ends = []
for seed in range(1, 6):
    ends.append(
        train_classifier(features[training], labels[training], seed=seed)[1][-1]
    )

# %% [markdown] tags=["read"]
# ### When to stop
#
# More training isn't always better. Give a net only {{ len(few) }} flowers to learn from, and its training loss falls and falls, while the loss on other flowers soon turns round and climbs. From there on it's **overfitting**.

# %%
rows_left, tested = train_test_split(
    rows, test_size=60, stratify=labels, random_state=0
)
few, validation = train_test_split(
    rows_left, test_size=60, stratify=labels[rows_left], random_state=0
)  # 30 flowers to learn from, 60 to decide when to stop, 60 to be asked once
curves_of: dict[str, list[float]] = {"few": [], "validation": [], "tested": []}


def look(step: int, model: IrisNet) -> None:
    for name, part in (("few", few), ("validation", validation), ("tested", tested)):
        with torch.no_grad():
            part_loss = F.cross_entropy(model(features[part]), labels[part]).item()
        curves_of[name].append(part_loss)


train_classifier(features[few], labels[few], num_steps=1500, after_step=look)
stop = min(range(1501), key=curves_of["validation"].__getitem__)
asked_once = curves_of["tested"][stop]
print(f"stop at step {stop}; then the loss on the 60 test flowers is {asked_once:.2f}")

# %% tags=["fold", "read"]
#| alt: Loss against step on axes that grow tenfold. The loss on the training flowers falls to nearly nothing. The loss on validation flowers falls with it at first, is lowest at step {{ stop }}, and then climbs.
#| caption: The ring marks the place to stop.
fig, ax = plt.subplots(figsize=(4.5, 3.2))
for name, colour, style in (("few", "C0", "-"), ("validation", "C1", "--")):
    ax.plot(range(1, 1502), curves_of[name], color=colour, linestyle=style)
lowest = curves_of["validation"][stop]
ax.plot(stop + 1, lowest, "o", markersize=13, color="C1", fillstyle="none")
ax.text(1.1, 0.012, f"{len(few)} training flowers", color="C0", weight="bold")
ax.text(40, 1.15, f"{len(validation)} other flowers", color="C1", weight="bold")
ax.set_xscale("log")
ax.set_yscale("log")
ax.set_xticks([1, 10, 100, 1000], ["1", "10", "100", "1,000"])
ax.set_yticks([0.001, 0.01, 0.1, 1], ["0.001", "0.01", "0.1", "1"])
ax.set_xlabel("step")
ax.set_ylabel("loss (nats)")
ax.set_title("Training longer, guessing worse")
plt.show()

# %% [markdown] tags=["read"]
# At step {{ stop }} the loss on the other flowers is {{ f"{curves_of['validation'][stop]:.2f}" }}. At step 1,500 it has climbed to {{ f"{curves_of['validation'][-1]:.2f}" }}, while the training loss has shrunk to {{ f"{curves_of['few'][-1]:.4f}" }}. If you looked at the training loss alone, you'd call that progress.
#
# (Both axes of the picture grow tenfold from mark to mark.) So stop where the ring is. But then you've chosen the moment that looks best on these {{ len(validation) }} flowers. So on average their loss flatters the net a little. That's why careful people divide their examples into three parts. The **training set** teaches the net. The **validation set** decides everything that you choose yourself: when to stop, which learning rate to take, how many hidden units. Such choices are called **hyperparameters**, to tell them from the parameters that training finds. The third part, the **test set**, is asked once, at the very end. Here it held the remaining {{ len(tested) }} flowers, and the net that stopped at step {{ stop }} has a loss of {{ f"{curves_of['tested'][stop]:.2f}" }} on them. (That this is {{ "lower" if curves_of['tested'][stop] < curves_of['validation'][stop] else "no lower" }} than on the {{ len(validation) }} others depends on which flowers happened to fall into which part. With few examples such accidents are large.) In this book "held out" means: nothing is learned from them, and nothing is chosen by them.

# %% [markdown] tags=["read"]
# ### How good is it?
#
# The share of right names is called **accuracy**. For the net that learned from 120 flowers it was {{ num_right }} of 30. But don't read too much into one such number:

# %% tags=["show"]
from gptbook.models.classifier import corrected_interval, cross_validate

# %%
accuracies = cross_validate(features, labels, num_folds=5, num_repeats=10, seed=0)
mean_accuracy = accuracies.mean().item()
low, high = corrected_interval(accuracies)  # 95%
print(f"on average {100 * mean_accuracy:.1f}% right")

# %% tags=["fold", "read"]
#| alt: Stacked dots, one for each of {{ accuracies.numel() }} sets of 30 flowers. They stand in {{ len(rights) }} piles, at {{ ", ".join(f"{right} of 30" for right in rights) }}.
#| caption: {{ accuracies.numel() }} nets, trained by the same recipe, each tested on another 30 flowers.
counted = (accuracies.flatten() * 30).round().long().bincount(minlength=31)  # (31,)
rights = [right for right in range(31) if counted[right] > 0]
fig, ax = plt.subplots(figsize=(4.5, 3.2))
for right in rights:
    pile = range(1, int(counted[right]) + 1)
    ax.plot([right] * len(pile), pile, "o", color="C0")
ax.set_xticks(
    rights, [f"{right}\n{100 * right / 30:.0f}%" for right in rights], fontsize=10
)
ax.set_ylim(0, counted.max() + 2)
ax.set_xlabel("flowers named correctly, of 30")
ax.set_ylabel("nets")
ax.set_title(f"Same recipe: {rights[0]} to {rights[-1]} of 30 right")
plt.show()

# %% [markdown] tags=["read"]
# A single test says little. The same recipe scores anything from {{ rights[0] }} to {{ rights[-1] }}, depending on which 30 flowers it meets. The average over all {{ accuracies.numel() }} tests, {{ f"{100 * mean_accuracy:.1f}" }}%, says more. The method is called **cross-validation**: cut the flowers into five parts, called folds, train on four of them and test on the fifth, until each fold has been the test once. Then shuffle, and do it all again, {{ len(accuracies) }} times.
#
# ??? info "How well do we know that average?"
#     The 95% **interval** runs from {{ f"{100 * low:.1f}" }} to {{ f"{100 * high:.3g}" }}%. It's made so that 95 of 100 such intervals contain the value that one is looking for, here the accuracy that the recipe would have on very many flowers. You might expect a narrower one after {{ accuracies.numel() }} tests, such as from {{ f"{100 * naive_low:.1f}" }} to {{ f"{100 * naive_high:.1f}" }}%, which is the usual formula's. But any two of these nets learned from mostly the same flowers, so {{ accuracies.numel() }} such tests say less than {{ accuracies.numel() }} independent ones would. Claude Nadeau and Yoshua Bengio (*Inference for the Generalization Error*, 2003) proposed a correction, and Remco Bouckaert and Eibe Frank (2004) the form of it for repeated folds that we use. It's approximate. An accuracy can't be more than 100%, so the interval ends there.

# %% tags=["fold"]
from scipy import stats

n = accuracies.numel()
half_width = stats.t.ppf(0.975, n - 1) * accuracies.std().item() / math.sqrt(n)
naive_low, naive_high = mean_accuracy - half_width, mean_accuracy + half_width

# %% [markdown]
# ## What goes wrong: steps too long
#
# If the learning rate is too small, the walk crawls. If it's too large, each step leaps across the valley to the opposite slope, and a net can be thrown so far that it never comes back.

# %% tags=["fold"]
small_rate, large_rate = 0.001, 0.5
curves, trained = {0.02: losses}, {}
for rate in (small_rate, large_rate):
    trained[rate], curves[rate] = train_classifier(
        features[training], labels[training], learning_rate=rate
    )
with torch.no_grad():
    middle = torch.relu(trained[large_rate].hidden(features[training]))  # (120, 16)
alive = int((middle > 0).any(dim=0).sum())

# %% tags=["fold"]
#| widget: train-iris
#| alt: Loss against step on a log axis for three learning rates. {{ small_rate }} creeps down, 0.02 falls fast, {{ large_rate }} leaps up at once and then stays at ln 3.
#| caption: Three learning rates: too small, right, and too large.
fig, ax = plt.subplots(figsize=(4.5, 3.2))
styles = {small_rate: ("C2", ":"), 0.02: ("C0", "-"), large_rate: ("C1", "--")}
for rate, (colour, style) in styles.items():
    ax.plot(curves[rate], color=colour, linestyle=style)
    ax.text(
        203, curves[rate][-1], f"rate {rate}", color=colour, weight="bold", va="center"
    )
ax.set_yscale("log")
ax.set_yticks([0.1, 1, 10], ["0.1", "1", "10"])
ax.set_xlim(-4, 268)
ax.set_xticks([0, 100, 200])
ax.set_xlabel("step")
ax.set_ylabel("loss (nats)")
ax.set_title(f"A learning rate of {large_rate} breaks the net")
plt.show()

# %% [markdown] tags=["read"]
# You can see both failures in the valley of the single threshold. There a rate of 0.25 walked down nicely. With 0.02, {{ len(walk) - 1 }} steps only bring it from 3.00 to {{ f"{crawl[-1]:.2f}" }} cm. With 1.5, the first step is so long that it flies over the floor and lands at {{ f"{leap[1]:.2f}" }} cm, on the opposite slope. The next step throws it back to {{ f"{leap[2]:.2f}" }}, and then it goes on hopping between {{ f"{leap[-2]:.1f}" }} and {{ f"{leap[-1]:.1f}" }} cm for ever, without coming down. (A rate belongs to its model and its way of stepping, so don't compare this 0.25 with the 0.02 of the net.)
#
# The net with the rate {{ large_rate }} fares worse. Its first steps throw the loss up to {{ f"{max(curves[large_rate]):.0f}" }} nats, and in the end it stands at {{ f"{curves[large_rate][-1]:.2f}" }}. (An even guess for every flower costs ln 3 = {{ f"{math.log(3):.2f}" }}.) What happened? A leap can throw a hidden unit below zero for every flower. There ReLU turns it into a 0, and since ReLU is flat there, its slope is 0 too, so nothing pulls the unit back. Here that happened to {{ f"all {hidden_dim}" if not alive else f"{hidden_dim - alive} of {hidden_dim}" }} hidden units. A net without a working unit has only its last three biases left to learn with, and the best they can do is to give each species a third. (Watch it in the live figure.)

# %% tags=["fold"]
crawl, leap = walk_downhill(3.0, 0.02, 12), walk_downhill(3.0, 1.5, 12)
hidden_dim = net.hidden.out_features
bad_guess = -(9 * math.log(0.9) + math.log(0.0001)) / 10

# %% tags=["live"]
from bookbuild.live import publish

torch.manual_seed(0)
start = torch.nn.utils.parameters_to_vector(IrisNet().parameters()).tolist()


def flowers_of(rows: torch.Tensor) -> list[list[float]]:
    """Four lengths (cm) and the species of each flower."""
    rounded = features[rows].double().mul(10).round().div(10)
    return [[*x, label] for x, label in zip(rounded.tolist(), labels[rows].tolist())]


recorded = [
    {"rate": rate, "losses": [float(f"{loss:.4g}") for loss in curves[rate]]}
    for rate in (small_rate, 0.02, large_rate)
]
splits = {"training": flowers_of(training), "heldOut": flowers_of(held_out)}
numbers = [float(f"{number:.9g}") for number in start]  # nine digits say a float
about = {"species": SPECIES, "start": numbers, "recorded": recorded}
publish("opening", {**splits, **about})

# %% [markdown]
# A flower's name is a single guess. Where each guess leads to the next, a model can write, [one letter at a time](../predicting-what-comes-next/one-letter-at-a-time.py).

# %% [markdown]
# ## Check yourself
#
# ??? question "Why not train on the number of mistakes itself?"
#     It has no slope to follow. Nudge a parameter a little, and usually no flower changes its name, so the count stays the same and nothing says which way is down. The loss changes smoothly, so it has a slope.
#
# ??? question "A net has 29 of 30 held-out flowers right, another has 30 of 30. Which is better?"
#     You can't tell, since the difference is a single flower. The same recipe scores both, depending on which 30 flowers are held out.
#
# ??? question "The loss of a net sits at ln 3, step after step. What may have happened?"
#     Very likely the net gives each of the three species a third, whatever the flower, so nothing about the flower reaches the answer any more. A learning rate that was too large can do that: it throws the hidden units below zero, where they have no slope.
#
# ??? question "The training loss is still falling, but the validation loss has been rising for a while. What do you do?"
#     Stop, and go back to the parameters at the lowest validation loss. What the net has learned since holds for the training flowers only.

# %% [markdown]
# ## Exercises

# %% tags=["fold"]
from gptbook.exercise import exercise

# %% [markdown] tags=["exercise"]
# ### Predict: one bad guess
#
# *easy · 5 minutes*
#
# A model names ten flowers. Nine times it gives the right species 90%. Once it is sure and wrong, and the right species gets 0.01%. What is its loss, the average of the ten surprises? First guess whether it beats an even guess, then work it out to two decimals.
#
# answer: {{ f"{bad_guess:.2f}" }} nats, within 0.01
#
# Nine surprises of 0.105 and one of 9.21 make 10.16, and a tenth of that is {{ f"{bad_guess:.2f}" }}. An even guess costs {{ f"{math.log(3):.2f}" }} every time, so nine good guesses and a single overconfident one are hardly better than knowing nothing.

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
# The walk of the threshold starts at 3 cm. Change its learning rate so that it stands within 0.01 cm of the valley's floor after six steps. With which rates does it leap past the floor?


# %% tags=["starter"]
def six_steps() -> float:
    """Where the threshold (cm) stands after six steps."""
    learning_rate = 0.25  # change this number
    return walk_downhill(3.0, learning_rate, num_steps=6)[-1]


# %% tags=["check"]
with exercise("Change"):
    floor = min((step / 1000 for step in range(3000, 7000)), key=threshold_loss)
    arrived = six_steps()
    far = f"it stands at {arrived:.2f} cm, the floor is at {floor:.2f} cm"
    assert abs(arrived - floor) < 0.01, far

# %% [markdown] tags=["hint"]
# Try twice the rate, and print the whole walk, to see where each step lands.


# %% tags=["solution"]
def six_steps() -> float:
    """Where the threshold (cm) stands after six steps."""
    learning_rate = 0.5  # from about 0.6 on, a step leaps past the floor
    return walk_downhill(3.0, learning_rate, num_steps=6)[-1]


# %% [markdown] tags=["exercise"]
# ### Build: the step itself
#
# *hard · 20 minutes*
#
# Do without the optimizer. Write `take_step(model, learning_rate)`: it moves every parameter of a net against its slope, by learning rate times slope, and then forgets the slopes.


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
# After `loss.backward()`, each parameter has its slope in `parameter.grad`. Move the parameter inside `with torch.no_grad():`, since the step itself isn't something to take slopes of.


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
