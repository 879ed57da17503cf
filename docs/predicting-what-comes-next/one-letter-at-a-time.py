# %% [markdown]
# # One letter at a time
#
# How can predicting write anything? Guessing the next letter sounds too small a skill. Yet a GPT has no other.
#
# ![Six rows. In each, the text so far goes into the same model and a guess comes out: first p, then a, r, i, s. Each guess is carried down to the end of the next row's text. The last guess is the mark, and the name is finished.](../figures/letter-by-letter.svg "Guess, append, repeat: the model's own guesses become its input.")

# %% [markdown]
# ## Writing by predicting
#
# Guess a letter, append it, guess again: this is **autoregression**.
#
# One extra symbol, the **mark** (a dot), stands at both ends of a name. In front it means *start*; guessed, it means *stop*. With a to z, that makes {{ tokenizer.vocab_size }} symbols.

# %% tags=["fold"]
import math
from itertools import pairwise

import matplotlib.pyplot as plt
import torch
from torch import Tensor

from gptbook.data.tables import city_names, split_names
from gptbook.data.tokenizer import CharacterTokenizer

# %% [markdown] tags=["note"]
# A net works on numbers, so a tokenizer gives each letter one, its **token**. The mark is token 0. All {{ tokenizer.vocab_size }} together are the **vocabulary**.

# %%
names = city_names()
training_names, held_out_names = split_names(names, held_out=0.1, seed=0)
tokenizer = CharacterTokenizer.from_texts(names)

print(f"{len(training_names):,} names to learn from, {len(held_out_names):,} held out")
print("paris ->", tokenizer.encode("paris"), "(0 is the mark)")

# %% [markdown]
# ## Count what follows
#
# The plainest model looks at one letter. Go through {{ f"{len(training_names):,}" }} city names and count every pair of neighbours, every **bigram**.

# %% tags=["show"]
from gptbook.models.ngram import count_pairs

# %%
pair_counts = count_pairs(training_names, tokenizer)  # (27, 27), whole numbers
shares = pair_counts / pair_counts.sum(dim=1, keepdim=True)  # each row sums to 1

# %% tags=["fold"]
#| alt: A table of 27 by 27 shades, letters on both sides. The columns of the vowels are dark in most rows, most other cells are nearly white, and the row of q is darkest at u.
#| caption: What follows each letter. Darkest: 30% or more.
labels = tokenizer.labels
q, u = labels.index("q"), labels.index("u")
fig, ax = plt.subplots(figsize=(5.4, 5.6))
ax.imshow(shares, cmap="Blues", vmin=0, vmax=0.3)
ax.set_xticks(range(len(labels)), labels, family="monospace")
ax.set_yticks(range(len(labels)), labels, family="monospace")
ax.tick_params(length=0)
ax.set_xlabel("letter after")
ax.set_ylabel("letter before")
ax.set_title(f"After q comes u, {shares[q, u]:.0%} of the time")
plt.show()

# %% [markdown]
# Divide each row by its sum, and counts become probabilities:
#
# $$p(\text{after} \mid \text{before}) = \frac{\text{count}(\text{before}, \text{after})}{\text{count}(\text{before})}$$
#
# To write, draw from the mark's row by these probabilities, then from the drawn letter's row, until you draw the mark.


# %%
def write_name(
    shares: Tensor, generator: torch.Generator, max_letters: int = 40
) -> str:
    """One name from a 27 x 27 table of probabilities.

    All chance comes from the generator: the same seed writes the same name.
    """
    tokens = [0]  # the mark: nothing is written yet
    while len(tokens) <= max_letters:
        row = shares[tokens[-1]]  # (27,): what may follow the last letter
        drawn = int(torch.multinomial(row, 1, generator=generator))
        if drawn == 0:  # the mark again: the name ends here
            break
        tokens.append(drawn)
    return tokenizer.decode(tokens)


# %% tags=["result"]
generator = torch.Generator().manual_seed(0)
written = [write_name(shares, generator) for _ in range(1000)]
for first in (0, 3, 6, 9):
    print("  ".join(written[first : first + 3]))

# %% [markdown]
# No person wrote these names, only three rules: count, divide, draw.
#
# ## Let a net learn it
#
# A net can do the same: one letter in, {{ tokenizer.vocab_size }} probabilities out. Training lowers its loss.

# %% tags=["show"]
from gptbook.models.ngram import NgramNet

# %% [markdown] tags=["note"]
# The net looks up a row of learned numbers for the letter, its **embedding**, and sends it through two hidden layers.

# %% [markdown]
# !!! question "Guess first"
#     This net's last numbers start at zero, so all {{ tokenizer.vocab_size }} symbols are equally likely: its loss must be ln 27 = {{ f"{math.log(27):.2f}" }} nats. Is it? How far down can training bring that?

# %%
from gptbook.models.ngram import context_windows, unique_contexts
from gptbook.training.measure import mean_surprise

# One row a position: (P, 1) letters before, (P,) letters after.
contexts, targets = context_windows(training_names, tokenizer, context_length=1)
torch.manual_seed(0)
net = NgramNet(vocab_size=tokenizer.vocab_size, context_length=1)
num_parameters = sum(parameter.numel() for parameter in net.parameters())
untrained_loss = mean_surprise(net, contexts, targets)
print(f"ln 27: {math.log(27):.3f} nats; untrained net: {untrained_loss:.3f} nats")

# %% [markdown]
# It starts at {{ f"{untrained_loss:.2f}" }}. Zero is out of reach: after *a*, much may come. Even the exact probabilities leave {{ f"{floor:.3f}" }} nats, as between {{ f"{math.exp(floor):.0f}" }} equal choices. This is the **floor**: on these names, no model that sees one letter gets lower.
#
# ??? info "The floor as a formula"
#     Average the surprise $-\ln p$ over all pairs, each as often as it occurs:
#
#     $$H = -\sum_{\text{before},\,\text{after}} \frac{\text{count}(\text{before}, \text{after})}{P}\, \ln p(\text{after} \mid \text{before})$$
#
#     $P$ is the number of positions. The formula is the loss of the counted table on the names it was counted in. Shannon (1948) named it **conditional entropy**: what stays open once you know the letter before. Any other probabilities in a row make that row's average surprise larger.

# %% tags=["show"]
from gptbook.training.loss import conditional_entropy

# %%
floor = conditional_entropy(pair_counts)
print(f"floor: {floor:.3f} nats")

# %% [markdown]
# The names hold {{ f"{len(targets):,}" }} **positions**: places to guess a symbol. Plain training draws a **batch** of {{ batch_size }} at random, takes a step, draws again. It works for any model, but each batch's luck shakes the parameters.
#
# Yet the positions ask only {{ len(rows) }} questions: what follows *a*, *b*, *c*...? Ask each once, weigh the answers by their counts: the same loss, without the luck.

# %% tags=["show"]
from gptbook.training.loops import train_on_batches

# %%
batch_size, num_steps = 64, 4000
batch_losses = train_on_batches(
    net, contexts, targets, num_steps=num_steps, batch_size=batch_size
)
plain_loss = mean_surprise(net, contexts, targets)
positions_read = num_steps * batch_size
print(f"{positions_read:,} positions read")
print(f"{plain_loss - floor:.2f} nats above the floor")

# %% tags=["show"]
from gptbook.training.loops import train_on_counts

# %%
# The different contexts, (27, 1), and what followed each how often, (27, 27).
rows, row_counts = unique_contexts(contexts, targets, tokenizer.vocab_size)
torch.manual_seed(0)
exact_net = NgramNet(vocab_size=tokenizer.vocab_size, context_length=1)
exact_losses = train_on_counts(exact_net, rows, row_counts, num_steps=400)
exact_loss = mean_surprise(exact_net, contexts, targets)
rows_read = len(exact_losses) * len(rows)
print(f"{rows_read:,} rows read")
print(f"{exact_loss - floor:.4f} nats above the floor")

# %% tags=["fold"]
#| alt: Loss against training step. Both curves start at {{ f"{untrained_loss:.1f}" }} nats and fall towards a dashed floor line. The curve of batches has a wide band around it and stays a little above the floor; the curve of counts runs into it.
#| caption: Batches read {{ f"{positions_read:,}" }} positions; counts, {{ f"{rows_read:,}" }} rows. Band: 80% of batches; a lucky one dips below the floor.
# Wider and wider stretches of steps; for each, the mean and the middle 80%.
edges = torch.logspace(0, math.log10(num_steps), 25).round().long().unique().tolist()
stretches = [torch.tensor(batch_losses[a - 1 : b]) for a, b in pairwise(edges)]
middles = [math.sqrt(a * b) for a, b in pairwise(edges)]
fig, ax = plt.subplots()
low = [stretch.quantile(0.1).item() for stretch in stretches]
high = [stretch.quantile(0.9).item() for stretch in stretches]
ax.fill_between(middles, low, high, color="C2", alpha=0.2, linewidth=0)
mean = [stretch.mean().item() for stretch in stretches]
ax.plot(middles, mean, color="C2", linestyle=":", linewidth=2.5)
steps = range(1, len(exact_losses) + 1)
ax.plot(steps, exact_losses, color="C1", marker="o", markevery=[-1])
ax.axhline(floor, color="black", linestyle="--", linewidth=1.2)
ax.text(1, floor - 0.02, "floor", va="top")
ax.text(2.6, 2.96, "counts", color="C1", weight="bold", ha="right")
ax.text(150, 2.9, "batches of 64", color="C2", weight="bold")
ax.set_xscale("log")
ax.set_xticks([1, 10, 100, 1000], ["1", "10", "100", "1,000"])
ax.set_xlabel("step")
ax.set_ylabel("loss (nats per position)")
ax.set_title(f"Batches stay {plain_loss - floor:.2f} nats above the floor")
plt.show()

# %% tags=["fold"]
every_letter = torch.arange(tokenizer.vocab_size)[:, None]  # (27, 1)
learned = exact_net.probabilities(every_letter)  # (27, 27): a table, like shares
largest_gap = (learned - shares).abs().max().item()
print(f"no probability differs by more than {largest_gap:.4f}")

# %% tags=["fold"]
#| widget: next-letter
#| alt: Bars of the likeliest symbols after r, as the table counted them and as the net learned them: the bars are equally long. The likeliest is {{ labels[likeliest[0]] if likeliest[0] else "the end" }}, with {{ f"{shares[last, likeliest[0]]:.0%}" }}.
#| caption: After *par*, a model with one letter of memory sees *r*. Counted and learned agree: none of {{ f"{learned.numel():,}" }} probabilities differs by more than {{ f"{math.ceil(largest_gap * 1000) / 1000:.3f}" }}.
last = tokenizer.encode("r")[0]
likeliest = shares[last].argsort(descending=True)[:6].tolist()
fig, ax = plt.subplots(figsize=(5.4, 2.6))
for table, color, shift in ((shares, "C0", -0.2), (learned, "C1", 0.2)):
    places = [place + shift for place in range(len(likeliest))]
    ax.barh(places, 100 * table[last, likeliest], 0.36, color=color)
ax.set_yticks(range(len(likeliest)), [labels[i] if i else "end" for i in likeliest])
ax.invert_yaxis()
ax.set_xlabel("probability after r (%); upper bars counted, lower learned")
plt.show()

# %% tags=["live"]
from bookbuild.live import publish, publish_model

rounded = {
    name: [round(share, 4) for share in table[last].tolist()]
    for name, table in (("counts", shares), ("net", learned))
}
publish("opening", {"labels": labels, **rounded})
publish_model("counts", shares, tokenizer)
publish_model("net", exact_net, tokenizer, half=True)

# %% [markdown]
# ## Held out
#
# A pair never counted must not get probability 0: its surprise would be infinite. So counts keep a little for the unseen: **smoothing**. On held-out names they score {{ f"{counts_held_out:.3f}" }} nats, the net {{ f"{net_held_out:.3f}" }}.

# %% tags=["fold"]
from gptbook.models.ngram import NgramCounts

held_out = context_windows(held_out_names, tokenizer, context_length=1)
counts_model = NgramCounts(context_length=1, vocab_size=tokenizer.vocab_size)
counts_held_out = mean_surprise(counts_model.fit(contexts, targets), *held_out)
net_held_out = mean_surprise(exact_net, *held_out)
print(f"held out: smoothed counts {counts_held_out:.3f} nats, net {net_held_out:.3f}")

# %% tags=["live"]
# The lowest rungs of the ladder on the home page, with their losses.
letter_counts = NgramCounts(context_length=0, vocab_size=tokenizer.vocab_size)
letter_counts.fit(contexts[:, :0], targets)
letters_held_out = mean_surprise(letter_counts, held_out[0][:, :0], held_out[1])
frequencies = letter_counts.probabilities(every_letter[:, :0])
losses = {"letters": letters_held_out, "smoothed": counts_held_out, "net": net_held_out}
publish("losses", {name: round(loss, 3) for name, loss in losses.items()})
publish_model("letters", frequencies, tokenizer)
publish_model("smoothed", counts_model.probabilities(every_letter), tokenizer)

# %% [markdown]
# ![The ladder of models, from a uniform guess downward: the two rungs of this chapter, the bigram table and the bigram net, are lit and equally long.](../figures/ladder-one-letter.svg)
#
# ## What goes wrong
#
# The table also wrote {{ ", ".join(f"*{name}*" for name in odd_names) }}. Each pair is fine, the whole is no name. {{ f"{written_without_vowel:.0%}" }} of its names have no vowel, not even *y*; of {{ f"{len(training_names):,}" }} real ones, {{ real_without_vowel }}. With one letter of memory, it cannot know that a vowel is overdue.


# %% tags=["fold"]
def has_vowel(name: str) -> bool:
    """Whether a, e, i, o, u or y is among the letters."""
    return any(letter in "aeiouy" for letter in name)


odd_names = [name for name in written if not has_vowel(name) and len(name) > 2][:3]
written_without_vowel = sum(not has_vowel(name) for name in written) / len(written)
real_without_vowel = sum(not has_vowel(name) for name in training_names)
print(f"without a vowel: {written_without_vowel:.1%} of the written names")
print(f"without a vowel: {real_without_vowel} of {len(training_names):,} real names")

# %% [markdown] tags=["note"]
# One thing is left. `write_name` needs a table, which only a one-letter model has. The package's `generate_name` asks any model for its probabilities. For the bigram net the two must write the same names from the same **seed**, the number that all chance follows from.

# %% tags=["show"]
from gptbook.generation.generate import generate_name

# %%
for seed in range(100):
    from_table = write_name(learned, torch.Generator().manual_seed(seed))
    generator = torch.Generator().manual_seed(seed)
    from_model = generate_name(exact_net, tokenizer, 1, generator)
    assert from_table == from_model
print("100 seeds, 100 times the same name")

# %% [markdown]
# Why not [look further back](more-context.py)?

# %% [markdown]
# ## Check yourself
#
# ??? question "What would happen if the model could not guess the mark?"
#     It would never stop. You would have to cut the text at some length, often in the middle of a name.
#
# ??? question "The net meets the floor. Would a net ten times as large get below it?"
#     No. The floor comes from the data: after an *a*, the names themselves differ in what follows. Only a model that sees more than one letter has a lower floor.
#
# ??? question "Why is the loss on held-out names a little above the floor?"
#     The floor is the least possible on the *training* names. Other names have slightly other shares, and the table was not made for them.

# %% [markdown]
# ## Exercises

# %% tags=["fold"]
from gptbook.exercise import exercise

# %% [markdown] tags=["exercise"]
# ### Predict: a larger alphabet
#
# *easy · 3 minutes*
#
# You add the hyphen and the apostrophe to the letters a to z, for names like *l'aquila*. What is the loss of a net before training, in nats? Two decimals will do.

# %% tags=["starter"]
my_prediction = ...

# %% tags=["check"]
with exercise("Predict"):
    right = abs(my_prediction - math.log(29)) < 0.01
    assert right, "count the symbols, the mark included, and take ln"

# %% [markdown] tags=["hint"]
# 26 letters, two more characters, and the mark. All equally likely.

# %% tags=["solution"]
my_prediction = math.log(26 + 2 + 1)  # 3.37

# %% [markdown] tags=["exercise"]
# ### Change: no more chance
#
# *medium · 10 minutes*
#
# Change the loop so that it always takes the likeliest letter instead of drawing one. What does it write? Write it again: what changes?


# %% tags=["starter"]
def write_likeliest(shares: Tensor, max_letters: int = 40) -> str:
    tokens = [0]
    while len(tokens) <= max_letters:
        chosen = int(torch.multinomial(shares[tokens[-1]], 1))  # change this line
        if chosen == 0:
            break
        tokens.append(chosen)
    return tokenizer.decode(tokens)


# %% tags=["check"]
with exercise("Change"):
    attempts = {write_likeliest(shares) for _ in range(20)}
    some = ", ".join(sorted(attempts)[:3])
    assert len(attempts) == 1, f"it still writes different names, such as {some}"
    first = tokenizer.encode(attempts.pop())[0]
    assert shares[0, first] == shares[0].max(), "its first letter is not the likeliest"

# %% [markdown] tags=["hint"]
# A tensor's `argmax()` is the place of its largest value.


# %% tags=["solution"]
def write_likeliest(shares: Tensor, max_letters: int = 40) -> str:
    tokens = [0]
    while len(tokens) <= max_letters:
        chosen = int(shares[tokens[-1]].argmax())
        if chosen == 0:
            break
        tokens.append(chosen)
    return tokenizer.decode(tokens)  # the same every time: chance makes names differ


# %% [markdown] tags=["exercise"]
# ### Build: how surprising is a name?
#
# *hard · 20 minutes*
#
# Write `name_surprise(name)`: the average of $-\ln p$ over all positions of a name, its end included, with the table `shares`. Then compare *london* with a name from another language.


# %% tags=["starter"]
def name_surprise(name: str) -> float:
    """Nats per position; a name of L letters has L + 1 positions."""
    return 0.0


# %% tags=["check"]
with exercise("Build"):
    for checked in training_names[::3000]:
        pairs = count_pairs([checked], tokenizer)  # another way to the same number
        total = -(pairs[pairs > 0] * shares[pairs > 0].log()).sum().item()
        expected, answer = total / (len(checked) + 1), name_surprise(checked)
        said = f"{checked}: you say {answer:.3f}, it should be {expected:.3f} nats"
        assert abs(answer - expected) < 1e-4, said

# %% [markdown] tags=["hint"]
# Put the mark before and after the name's tokens, as `count_pairs` does. Then each pair of neighbours is one position.


# %% tags=["solution"]
def name_surprise(name: str) -> float:
    """Nats per position; a name of L letters has L + 1 positions."""
    tokens = [0, *tokenizer.encode(name), 0]
    surprises = [-math.log(shares[a, b]) for a, b in pairwise(tokens)]
    return sum(surprises) / len(surprises)


# %% [markdown] tags=["note"]
# ## Where this lives in the package
#
# `count_pairs`, `NgramCounts` and `NgramNet` are in [gptbook.models.ngram](../reference/models.md#gptbook.models.ngram), the floor is in [gptbook.training.loss](../reference/training.md#gptbook.training.loss), both ways to train are in [gptbook.training.loops](../reference/training.md#gptbook.training.loops), and `generate_name` is in [gptbook.generation.generate](../reference/generation.md#gptbook.generation.generate). `make bench` times both ways to train on your machine.
#
# ## Further reading
#
# - Andrei Markov, *An Example of Statistical Investigation of the Text "Eugene Onegin"* (1913; in English in Science in Context 19, 2006): the first count of what follows what, by hand, over 20,000 letters.
# - Claude Shannon, *A Mathematical Theory of Communication* (1948), sections 2, 3 and 6: text written from tables of letters, and where the floor comes from.
