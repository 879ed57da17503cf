# %% [markdown]
# # One letter at a time
#
# How can a model that only guesses ever *write* something? Give its guess back to it as part of the text, let it guess again, and again, and a text grows. A GPT writes in exactly this way.
#
# ![Six rows. In each, the text so far goes into the same model and a guess comes out: first p, then a, r, i, s. Each guess is carried down to the end of the next row's text. The last guess is the mark, and the name is finished.](../figures/letter-by-letter.svg "The model's own guesses become its input.")

# %% [markdown] tags=["read"]
# Writing by guessing is called **autoregression**. To see how it works we need a kind of text that is small enough to understand completely, and I've chosen the names of cities. There are {{ f"{len(names):,}" }} of them here, from all over the world, written in the letters a to z. A model that has learned from them should be able to invent a new name, one that sounds like a city although nobody has ever built it. We'll build the simplest such model, first by counting and then with a net, and find that the two meet at the same place.

# %% [markdown]
# ## Writing by predicting
#
# An extra symbol, the **mark**, stands at both ends of every city name and is drawn as a dot. In front it means *start*, and when it's guessed, it means *stop*. With a to z that makes {{ tokenizer.vocab_size }} symbols.

# %% [markdown] tags=["read"]
# The mark solves two problems at once. Nothing stands before the first letter, so what should a model start from? And how should it say that a name is finished? The name *paris* is really *.paris.*, and it holds six guesses. After the mark comes p, after p comes a, after a comes r, then i, then s, and after s comes the mark again. A name with five letters has six places where something must be guessed, and the last guess is as real as the others: a model must know that a city can end in *s*.

# %% tags=["fold"]
import math
from itertools import pairwise

import matplotlib.pyplot as plt
import torch
from torch import Tensor

from gptbook.data.tables import city_names, split_names
from gptbook.data.tokenizer import CharacterTokenizer

# %% [markdown] tags=["note"]
# A net works on numbers, so a tokenizer gives each symbol a number, its **token**. The mark is token 0. All {{ tokenizer.vocab_size }} symbols together are the **vocabulary**. A tenth of the names are held out from the start.

# %%
names = city_names()
training_names, held_out_names = split_names(names, held_out=0.1, seed=0)
tokenizer = CharacterTokenizer.from_texts(names)

print(f"{len(training_names):,} names to learn from, {len(held_out_names):,} held out")
print("paris ->", tokenizer.encode("paris"), "(the mark, 0, stands around it)")

# %% [markdown]
# ## Count what follows
#
# The model of this chapter looks at one letter and guesses the next. It can learn that by counting: go through {{ f"{len(training_names):,}" }} city names, and for every letter note what follows it. Two neighbours are called a **bigram**.

# %% [markdown] tags=["read"]
# Do it by hand for three names, *.ulm.*, *.lima.* and *.mali.*, and look only at what follows *m*. In the first name it's the mark, in the second it's *a*, and in the third it's *a* again. So in the row of *m* you note: *a* twice, mark once. Do that for every letter of every name, and you have the whole table, with {{ tokenizer.vocab_size }} rows and {{ tokenizer.vocab_size }} columns.

# %% tags=["show"]
from gptbook.models.ngram import count_pairs

# %%
pair_counts = count_pairs(training_names, tokenizer)  # (27, 27), whole numbers
shares = pair_counts / pair_counts.sum(dim=1, keepdim=True)  # each row sums to 1

# %% [markdown] tags=["guess"]
# In what percentage of cases is a *q* in a city name followed by a *u*?
#
# answer: {{ f"{100 * shares[q, u]:.0f}" }}%, within 10
#
# It's {{ f"{shares[q, u]:.0%}" }}. City names come from many languages, and not all of them write a *u* after a *q*.

# %% tags=["fold"]
#| alt: A table of 27 by 27 shades, letters on both sides. The columns of the vowels are dark in most rows, most other cells are nearly white, and the row of q is darkest at u.
#| caption: The whole model. In each row, dark cells are what tends to come after that letter. (The darkest: 30% or more.)
labels = tokenizer.labels
q, u = labels.index("q"), labels.index("u")
fig, ax = plt.subplots(figsize=(4.5, 4.9))
ax.imshow(shares, cmap="Blues", vmin=0, vmax=0.3)
ax.set_xticks(range(len(labels)), labels, family="monospace")
ax.set_yticks(range(len(labels)), labels, family="monospace")
ax.tick_params(length=0)
ax.set_xlabel("letter after")
ax.set_ylabel("letter before")
ax.set_title(f"After q comes u, {shares[q, u]:.0%} of the time")
plt.show()

# %% [markdown]
# Divide every count by the sum of its row, and the counts become probabilities:
#
# $$p(\text{after} \mid \text{before}) = \frac{\text{count}(\text{before}, \text{after})}{\text{count}(\text{before})}$$
#
# Now the table can write. Start in the row of the mark and draw a letter, that is, pick one at random, each with its own probability. Go to the row of that letter and draw the next, until you draw the mark.

# %% [markdown] tags=["read"]
# The formula reads: the probability of a letter *after*, given the letter *before*, is how often the two stood together, divided by how often the first one stood there at all. Take the row of *q*. There were {{ f"{q_sum:,}" }} of them in the names, and {{ q_row[0][1] }} were followed by *u*, so $p(u \mid q)$ = {{ q_row[0][1] }} / {{ q_sum }} = {{ f"{q_row[0][1] / q_sum:.2f}" }}.
#
# And how do you *draw* with these probabilities? Think of a die with {{ q_sum }} faces, one for each *q* in the names. On {{ q_row[0][1] }} faces it says *{{ q_row[0][0] }}*, on {{ q_row[1][1] }} it says *{{ q_row[1][0] }}*, on {{ q_row[2][1] }} *{{ q_row[2][0] }}*, on {{ q_row[3][1] }} there's the mark, and so on. Roll it. Number the faces from 1: a roll of 1 to {{ q_ends[0] }} means *{{ q_row[0][0] }}*, a roll of {{ q_ends[0] + 1 }} to {{ q_ends[1] }} means *{{ q_row[1][0] }}*, and {{ q_ends[1] + 1 }} to {{ q_ends[2] }} means *{{ q_row[2][0] }}*. If you roll 402, you write *i*, go to the row of *i*, and take the die that belongs to it. A computer does the same with a random number between 0 and 1.
#
# Why roll dice at all? Why not always write the likeliest letter? Because then the model would write the same name every time. After the mark it would always choose the same first letter, after that the same second one, and so on. It's the chance in it that makes the names differ. Chapter 13 comes back to this.


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


# %% tags=["fold"]
q_order = pair_counts[q].argsort(descending=True).tolist()
q_row = [(labels[token], int(pair_counts[q, token])) for token in q_order]
assert [letter for letter, _ in q_row[:4]] == ["u", "i", "a", "."]  # as the text tells
q_sum = int(pair_counts[q].sum())
q_ends = pair_counts[q, q_order].cumsum(dim=0).tolist()
assert q_ends[0] < 402 <= q_ends[1]

# %% [markdown]
# Here's what comes out if all symbols are equally likely, if they're as frequent as in names, and if the table decides. (Cut after 14 letters.)

# %% tags=["result"]
even = torch.full_like(shares, 1 / tokenizer.vocab_size)
frequencies = pair_counts.sum(dim=0) / pair_counts.sum()  # (27,)
tables = {
    "every symbol alike": even,
    "as often as they occur": frequencies.expand_as(shares),
    "after the letter before": shares,
}
for how, table in tables.items():
    generator = torch.Generator().manual_seed(0)
    some = [write_name(table, generator, max_letters=14) for _ in range(9)]
    print(f"{how}: {', '.join([name for name in some if name][:6])}")

# %% [markdown] tags=["read"]
# Nobody wrote these names, and some of the last ones could already stand on a map.

# %% [markdown]
# ## How good is it?
#
# Measure the average surprise at what really follows. A guess that takes all {{ tokenizer.vocab_size }} symbols as equally likely costs ln {{ tokenizer.vocab_size }} = {{ f"{math.log(27):.2f}" }} nats. The table has {{ f"{floor:.2f}" }}, which is what a guess among {{ f"{math.exp(floor):.0f}" }} equally likely letters would cost.

# %% [markdown] tags=["read"]
# So its **perplexity** is {{ f"{math.exp(floor):.0f}" }}.
#
# After an *a* many letters may come, and no model that sees only the *a* can know which. So on these names {{ f"{floor:.2f}" }} is the **floor** for every model that looks at one letter.
#
# Where does "among {{ f"{math.exp(floor):.0f}" }} letters" come from? Whoever guesses among $n$ equally likely letters gives the right one the probability $1/n$, and so pays $-\ln(1/n) = \ln n$ nats. To go back from a loss to a number of letters, undo the logarithm: $e$ to the power of {{ f"{floor:.2f}" }} is {{ f"{math.exp(floor):.1f}" }}. This number is the perplexity. It says the same as the loss in a way you can picture: between how many equally good choices is the model torn? The even guess has a perplexity of {{ tokenizer.vocab_size }}, the letter frequencies have {{ f"{math.exp(frequency_loss):.1f}" }}, and the table has {{ f"{math.exp(floor):.1f}" }}.
#
# But why is it a floor? Think of the row of *q* again. Among {{ q_sum }} *q*s, {{ q_row[0][1] }} were followed by *u*. A model that gives *u* more than its true share is less surprised at those, but it has to take the difference away from the other letters, and is more surprised at them. The last chapter found that the true probabilities always win this trade. The table *has* the true shares of these names, so no other row of probabilities can have a lower loss on them. To get below the floor, a model must know more than one letter.
#
# ??? info "The floor as a formula"
#     Average the surprise $-\ln p$ over all pairs, each as often as it occurs:
#
#     $$\text{floor} = -\sum_{\text{before},\,\text{after}} \frac{\text{count}(\text{before}, \text{after})}{P}\, \ln p(\text{after} \mid \text{before})$$
#
#     $P$ is the number of positions. The formula is the loss of the counted table on the names that it was counted in. Claude Shannon (1948) named it **conditional entropy**: it's what remains open once you know the letter before.

# %% tags=["show"]
from gptbook.training.loss import conditional_entropy

# %%
floor = conditional_entropy(pair_counts)
frequency_loss = -(frequencies * frequencies.log()).sum().item()
print(f"floor: {floor:.3f} nats, a perplexity of {math.exp(floor):.1f}")

# %% [markdown]
# ## Let a net learn it
#
# No table is better than the counted one, so why train a net? Because a table for eight letters could have hundreds of billions of rows, and a net can take in more letters without growing out of hand.

# %% tags=["show"]
from gptbook.models.ngram import NgramNet

# %% [markdown] tags=["read"]
# One letter goes in, and {{ tokenizer.vocab_size }} probabilities come out. Letters aren't lengths in centimetres, so how does a letter get into a net? The net has a table with a row of numbers for every symbol, and a letter simply picks its row. Such a row, here of {{ net.embedding.embedding_dim }} numbers, is called the letter's **embedding**. Its numbers are parameters like all the others: they start at random, and training moves them. After that come two layers with bends, as in chapter 2, and {{ tokenizer.vocab_size }} scores, one for each symbol, which softmax turns into probabilities.

# %% [markdown] tags=["read"]
# The last layer of this net starts with all its numbers at zero. So in the beginning every symbol has the same score, and the loss must be exactly ln {{ tokenizer.vocab_size }}. It's worth checking that before any long training: if a net that starts like this has another loss at first, something is broken.

# %%
from gptbook.models.ngram import context_windows, unique_contexts
from gptbook.training.measure import mean_surprise

# One row for each position: (P, 1) letters before, (P,) letters after.
contexts, targets = context_windows(training_names, tokenizer, context_length=1)
torch.manual_seed(0)
net = NgramNet(vocab_size=tokenizer.vocab_size, context_length=1)
num_parameters = sum(parameter.numel() for parameter in net.parameters())
untrained_loss = mean_surprise(net, contexts, targets)
print(f"ln 27: {math.log(27):.3f} nats; untrained net: {untrained_loss:.3f} nats")

# %% [markdown] tags=["read"]
# Each training step looks at a small **batch** of places in the names, drawn at random. Why not at all of them? The names hold {{ f"{len(targets):,}" }} **positions**, places where a symbol must be guessed, and looking at all of them before each step would be slow. A batch is like an opinion poll. {{ batch_size }} positions can't say exactly which way is downhill for all {{ f"{len(targets):,}" }}, but they give a fair estimate, and with very little work. Each poll errs a little, in one direction or another, so the parameters don't walk straight downhill, but stagger. We let the learning rate fade to nothing during the training, so the steps become smaller and smaller, and so do the errors.
#
# In this chapter there's a second way, because the {{ f"{len(targets):,}" }} positions ask only {{ len(rows) }} different questions: what follows *a*? What follows *b*? Take *q* once more. There are {{ q_sum }} positions with *q* as the letter before, and the net gives the same answer at all of them. So we can ask once, and compare the answer with the whole row of counts: {{ q_row[0][1] }} times *u*, {{ q_row[1][1] }} times *i*, and so on. That is the same loss, computed from {{ len(rows) }} rows instead of {{ f"{len(targets):,}" }} positions, and there's no poll in it that could err.

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
print(f"{plain_loss - floor:.3f} nats above the floor")

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

# %% tags=["fold", "read"]
#| alt: Loss against training step. Both curves start at {{ f"{untrained_loss:.1f}" }} nats and fall to a dashed floor line. The curve of batches has a wide band around it; the curve of counts is smooth and reaches the floor in a tenth of the steps.
#| caption: The dotted line is the average of batches, and the band holds 80% of them. (The floor is an average, so a lucky batch can lie below it.) The solid line sees all {{ len(rows) }} rows at every step.
# Wider and wider stretches of steps; for each, the mean and the middle 80%.
edges = torch.logspace(0, math.log10(num_steps), 25).round().long().unique().tolist()
stretches = [torch.tensor(batch_losses[a - 1 : b]) for a, b in pairwise(edges)]
middles = [math.sqrt(a * b) for a, b in pairwise(edges)]
fig, ax = plt.subplots(figsize=(4.5, 3.3))
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
ax.text(100, 2.92, "batches of 64", color="C2", weight="bold")
ax.set_xscale("log")
ax.set_xticks([1, 10, 100, 1000], ["1", "10", "100", "1,000"])
ax.set_xlabel("step")
ax.set_ylabel("loss (nats per position)")
ax.set_title("Both ways lead to the floor")
plt.show()

# %% [markdown] tags=["read"]
# The net reaches the floor.

# %% [markdown]
# Trained on the names, a net that looks at one letter learns the very same table, although nobody shows it one:

# %% tags=["fold"]
every_letter = torch.arange(tokenizer.vocab_size)[:, None]  # (27, 1)
learned = exact_net.probabilities(every_letter)  # (27, 27): a table, like shares
largest_gap = (learned - shares).abs().max().item()
print(f"no probability differs by more than {math.ceil(largest_gap * 1000) / 1000:.3f}")

# %% tags=["fold"]
#| widget: next-letter
#| alt: Bars of the likeliest symbols after r, as the table counted them and as the net learned them: the bars are equally long. The likeliest is {{ labels[likeliest[0]] if likeliest[0] else "the end" }}, with {{ f"{shares[last, likeliest[0]]:.0%}" }}.
#| caption: After *par*, a model with one letter of memory sees only the *r*.
last = tokenizer.encode("r")[0]
likeliest = shares[last].argsort(descending=True)[:6].tolist()
fig, ax = plt.subplots(figsize=(4.5, 2.6))
for table, color, shift in ((shares, "C0", -0.2), (learned, "C1", 0.2)):
    bars = [place + shift for place in range(len(likeliest))]
    ax.barh(bars, 100 * table[last, likeliest], 0.36, color=color)
ax.set_yticks(range(len(likeliest)), [labels[i] if i else "end" for i in likeliest])
ax.invert_yaxis()
ax.set_xlabel("probability after r (%)")
ax.text(20, 4.6, "counted", color="C0", weight="bold", ha="right")
ax.text(20, 5.3, "learned", color="C1", weight="bold", ha="right")
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

# %% [markdown] tags=["read"]
# Ask the net that was trained with counts for its probabilities after each letter, and you get a table of {{ f"{learned.numel():,}" }} numbers, like the counted one. None of them differs by more than {{ f"{math.ceil(largest_gap * 1000) / 1000:.3f}" }}. Both ways of training end at the same place, {{ f"{plain_loss - floor:.3f}" }} nats above the floor with batches and {{ f"{exact_loss - floor:.4f}" }} with counts. But the net had to answer {{ f"{positions_read:,}" }} times with batches, and only {{ f"{rows_read:,}" }} times with counts. The second way is a luxury of small problems, though. As soon as a model reads whole sentences, hardly any context occurs twice, there's nothing to count together, and batches are all there is. GPT-2 was trained with batches.

# %% [markdown]
# ## Names it has never seen
#
# This book compares its models by their loss on {{ f"{len(held_out_names):,}" }} held-out names.

# %% [markdown] tags=["read"]
# Some pairs in them were never counted, so a table gives a little probability to every pair, which is called **smoothing**.

# %% tags=["fold"]
from gptbook.models.ngram import NgramCounts

held_out = context_windows(held_out_names, tokenizer, context_length=1)
counts_model = NgramCounts(context_length=1, vocab_size=tokenizer.vocab_size)
counts_held_out = mean_surprise(counts_model.fit(contexts, targets), *held_out)
net_held_out = mean_surprise(exact_net, *held_out)
never = int((pair_counts == 0).sum())
unseen_after_q = int((pair_counts[q] == 0).nonzero()[-1])
print(f"held out: smoothed counts {counts_held_out:.3f} nats, net {net_held_out:.3f}")

# %% tags=["live"]
# The lowest rungs of the ladder on the home page, with their losses.
letter_counts = NgramCounts(context_length=0, vocab_size=tokenizer.vocab_size)
letter_counts.fit(contexts[:, :0], targets)
letters_held_out = mean_surprise(letter_counts, held_out[0][:, :0], held_out[1])
smoothed_letters = letter_counts.probabilities(every_letter[:, :0])
losses = {"letters": letters_held_out, "smoothed": counts_held_out, "net": net_held_out}
publish("losses", {name: round(loss, 3) for name, loss in losses.items()})
publish_model("letters", smoothed_letters, tokenizer)
publish_model("smoothed", counts_model.probabilities(every_letter), tokenizer)

# %% [markdown]
# ![The ladder of models, from a uniform guess downward: the two rungs of this chapter, the bigram table and the bigram net, are lit and equally long.](../figures/ladder-one-letter.svg "The loss on held-out names.")

# %% [markdown] tags=["read"]
# On the held-out names the smoothed table scores {{ f"{counts_held_out:.3f}" }} nats, and the net {{ f"{net_held_out:.3f}" }}. Why smoothed? Of the {{ tokenizer.vocab_size**2 }} possible pairs, {{ never }} don't occur in the training names at all. After *q*, for instance, there's never a *{{ labels[unseen_after_q] }}*. Smoothing takes a little off every count and shares it out among all symbols, so that even *{{ labels[unseen_after_q] }}* after *q* is unlikely, but not impossible. The next chapter shows how that's done. A net never gives anything exactly 0, because softmax can't.
#
# The held-out loss is a little higher than the floor of {{ f"{floor:.3f}" }}. That's no contradiction, because the floor was the lowest loss on the *training* names. Other names have slightly different shares, and this table wasn't made for them.

# %% [markdown]
# ## What goes wrong
#
# The table also writes {{ ", ".join(f"*{name}*" for name in odd_names) }}, and {{ f"{written_short:.0%}" }} of its names end after one or two letters. With one letter of memory, a model can't know how long the name is, or that a vowel is overdue.

# %% [markdown] tags=["read"]
# Real names look different: among {{ f"{len(training_names):,}" }} of them only {{ real_short }} are so short, and only {{ real_without_vowel }} have no vowel.


# %% tags=["fold"]
def has_vowel(name: str) -> bool:
    """Whether a, e, i, o, u or y is among the letters."""
    return any(letter in "aeiouy" for letter in name)


generator = torch.Generator().manual_seed(0)
written = [write_name(shares, generator) for _ in range(1000)]
odd_names = [name for name in written if not has_vowel(name) and len(name) > 2][:3]
written_short = sum(len(name) <= 2 for name in written) / len(written)
real_short = sum(len(name) <= 2 for name in training_names)
real_without_vowel = sum(not has_vowel(name) for name in training_names)
print(f"one or two letters: {written_short:.0%} of the written names")
print(f"one or two letters: {real_short} of {len(training_names):,} real names")

# %% [markdown] tags=["note"]
# One thing is left to do for the coming chapters. The function `write_name` above needs a table with a row for each letter, so it works for one letter of memory only. The package's `generate_name` works with any model: it asks the model for the probabilities after the letters so far, and draws. The {{ f"{learned.numel():,}" }} probabilities of our net make such a table, so with it both functions must write the same names if they start from the same **seed**, a number that fixes every random draw that follows.

# %% tags=["show"]
from gptbook.generation.generate import generate_name

# %%
for seed in range(100):
    from_table = write_name(learned, torch.Generator().manual_seed(seed))
    generator = torch.Generator().manual_seed(seed)
    from_model = generate_name(exact_net, tokenizer, 1, generator)
    assert from_table == from_model
print("100 seeds: both functions write the same name every time")

# %% [markdown]
# So let the model [look further back](more-context.py).

# %% [markdown]
# ## Check yourself
#
# ??? question "What would happen if the model couldn't guess the mark?"
#     It would never stop. You'd have to cut the text off at some length, often in the middle of a name.
#
# ??? question "The net meets the floor. Would a net ten times as large get below it?"
#     No. The floor comes from the names: after an *a* they themselves differ in what follows. Only a model that sees more than one letter has a lower floor.
#
# ??? question "A model of letters has a loss of 1.79 nats. What is its perplexity, and what does that mean?"
#     $e^{1.79}$ is about 6. On average it's as unsure as somebody who must guess among 6 equally likely letters.
#
# ??? question "Why is the loss on held-out names a little above the floor?"
#     The floor is the lowest possible loss on the *training* names. Other names have slightly different shares, and the table wasn't made for them.

# %% [markdown]
# ## Exercises

# %% tags=["fold"]
from gptbook.exercise import exercise

# %% [markdown] tags=["exercise"]
# ### Predict: a larger alphabet
#
# *easy · 3 minutes*
#
# You add the hyphen and the apostrophe to the letters a to z, for names like *l'aquila*. What is the loss of such a net before training? Two decimals will do.
#
# answer: {{ f"{math.log(29):.2f}" }} nats, within 0.01
#
# There are 26 letters, two more characters and the mark, 29 symbols in all. Equally likely, they cost ln 29 = {{ f"{math.log(29):.2f}" }} nats.

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
# Change the loop so that it always takes the likeliest letter instead of drawing one. What does it write? What changes when you run it again?


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
    return tokenizer.decode(tokens)  # "ba", every time: chance makes names differ


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

# %% [markdown]
# ## Further reading
#
# - Andrei Markov, *An Example of Statistical Investigation of the Text "Eugene Onegin"* (1913; in English in Science in Context 19, 2006): he went through 20,000 letters by hand and counted how vowels and consonants follow each other.
# - Claude Shannon, *A Mathematical Theory of Communication* (1948), sections 2, 3 and 6: text written from tables of letters, and where the floor comes from.
