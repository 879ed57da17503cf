# %% [markdown]
# # More context
#
# Why not look further back? One letter of memory writes names that fall apart. Two letters should do better, and eight better still.
#
# ![The question: what comes after p l y m o u t? Below, the last letter t alone, then the last two, and so on to six. The more letters, the larger the share of h after them, and the shorter the bar of how often they were seen. Six letters were never seen.](../figures/evidence-thins.svg "The held-out name *plymouth*. Each further letter makes the answer surer, and the evidence thinner.")

# %% [markdown]
# ## A wider window
#
# What a model sees when it guesses is its **context**, its window on the text. With one letter of context you count bigrams, with two **trigrams**, with three **4-grams**; in general, **n-grams**. The table gets a row for every context; where a context is rare, smoothing leans on shorter ones. The net stays as it is, with more letters side by side at its input.

# %% tags=["fold"]
import matplotlib.pyplot as plt
import pandas as pd
import torch

from gptbook.data.tables import city_names, read_record, split_names
from gptbook.generation.generate import generate_name
from gptbook.training.loss import count_loss
from gptbook.models.ngram import NgramCounts, NgramNet, context_keys, unique_contexts
from gptbook.data.tokenizer import CharacterTokenizer
from gptbook.training.loops import train_on_counts
from gptbook.training.measure import mean_surprise

names = city_names()
training_names, held_out_names = split_names(names, held_out=0.1, seed=0)
tokenizer = CharacterTokenizer.from_texts(names)

# %% [markdown]
# ## The same questions for all
#
# Near a name's start, a wide window reaches past it. Marks fill the gap, called **padding**, so that every width answers every question. Skip those positions, and each width sits a different exam.
#
# ![The name ulm as four questions, each answered from a window of one letter and from one of three. In the first three, marks fill part of the wide window.](../figures/padded-windows.svg "Four questions about *ulm*, the same for every width.")

# %% tags=["show"]
from gptbook.models.ngram import context_windows

# %%
contexts, targets = context_windows(["ulm"], tokenizer, context_length=3)
for context, target in zip(contexts, targets):
    print(*[tokenizer.labels[token] for token in context], end=" -> ")
    print(tokenizer.labels[target])

# %% [markdown]
# !!! question "Guess first"
#     Which width knows its training names best? Which guesses best in held-out names?

# %% tags=["result"]
nets, scores = {}, {}
for width in (1, 2, 3):
    contexts, targets = context_windows(training_names, tokenizer, width)
    held_out = context_windows(held_out_names, tokenizer, width)
    torch.manual_seed(0)
    nets[width] = NgramNet(tokenizer.vocab_size, context_length=width)
    unique, counts = unique_contexts(contexts, targets, tokenizer.vocab_size)
    train_on_counts(nets[width], unique, counts)
    with torch.no_grad():
        training_loss = count_loss(nets[width](unique), counts).item()
    held_out_loss = mean_surprise(nets[width], *held_out)
    scores[width] = {"training": training_loss, "held out": held_out_loss}
table = pd.DataFrame(scores).T.rename_axis(columns="letters")
print(table.round(2).to_string())

# %% [markdown]
# Three letters bring the net to {{ f"{scores[3]['held out']:.2f}" }} nats in names it has never seen. Now counts and nets with up to eight letters, each net trained three times:

# %% tags=["fold"]
#| alt: Loss against letters of context, one to eight, for counts and nets. Both training curves fall to the end, that of counts far below the rest. The held-out curves fall together at first, then level off. Closer, each has its lowest point, ringed.
#| caption: Bars, where they can be seen, span the three nets.
record = read_record("windows")
rows = pd.DataFrame(record["rows"])
by_width = rows.groupby(["model", "context_length"])
losses = by_width[["training_loss", "held_out_loss"]]
mean, low, high = losses.mean(), losses.min(), losses.max()
turn = {
    model: int(mean.loc[model, "held_out_loss"].idxmin()) for model in ("counts", "net")
}
widest = int(rows["context_length"].max())
reach = high.loc[("net", turn["net"]), "held_out_loss"]  # the best width's worst net
lows = low.loc["net", "held_out_loss"]
tied = lows.index[lows <= reach]
lowest = mean.groupby("model")["held_out_loss"].transform("min")
near = (mean["held_out_loss"] - lowest < 0.01).unstack("model")[["counts", "net"]]
near = near.loc[1:].astype(bool)
enough = int(near.all(axis=1).idxmax())  # the first width within 0.01 nats of the best
plain, dropped = sorted(record["curves"], key=lambda curve: curve["dropout"])
best_held_out = min(plain["held_out_losses"])
best_step = plain["steps"][plain["held_out_losses"].index(best_held_out)]

fig, (whole, closer) = plt.subplots(2, 1, figsize=(5.4, 5.6), sharex=True)
for model, color, marker in (("counts", "C0", "o"), ("net", "C1", "s")):
    for ax, column, style in (
        (whole, "training_loss", ":"),
        (whole, "held_out_loss", "-"),
        (closer, "held_out_loss", "-"),
    ):
        line, least, most = (part.loc[model, column] for part in (mean, low, high))
        spread = [(line - least).clip(lower=0), (most - line).clip(lower=0)]
        look = {"color": color, "linestyle": style, "marker": marker}
        ax.errorbar(line.index, line, spread, capsize=3, **look)
        if ax is closer or style == ":":
            said = model if ax is closer else f"{model},\ntraining"
            va = "top" if model == "net" and ax is whole else "center"
            ax.text(widest + 0.25, line[widest], said, color=color, va=va)
    best = turn[model]
    closer.plot(
        best, line[best], marker="o", markersize=13, color=color, fillstyle="none"
    )
whole.text(widest + 0.25, line[widest], "held out", va="bottom")
inside = mean.loc[(slice(None), slice(4, None)), "held_out_loss"]
closer.set_ylim(inside.min() - 0.015, inside.max() + 0.05)
closer.set_xlim(0.7, widest + 2)
closer.set_xticks(range(1, widest + 1))
closer.set_xlabel("letters of context")
for ax in (whole, closer):
    ax.set_ylabel("loss (nats)")
fig.align_ylabels()
whole.margins(y=0.1)
whole.set_title(f"Past {enough} letters, more context hardly helps")
closer.set_title("Held out, closer: the ring is the best", weight="normal")
plt.show()

# %% [markdown]
# In training names, wider always wins: counts fall to {{ f"{mean.loc[('counts', widest), 'training_loss']:.2f}" }} nats. In held-out names, counts are best at {{ turn["counts"] }} letters, with {{ f"{mean.loc[('counts', turn['counts']), 'held_out_loss']:.3f}" }}, nets at {{ turn["net"] }}, with {{ f"{mean.loc[('net', turn['net']), 'held_out_loss']:.3f}" }} ({{ min(tied) }} to {{ max(tied) }} are too close to call). A low training loss is not skill. It is memory.
#
# ??? info "The same trap in time: train longer, guess worse"
#     Take a net with {{ plain["context_length"]}} letters of context and train it for {{ f"{plain['steps'][-1]:,}" }} steps. Its training loss falls to {{ f"{plain['training_losses'][-1]:.2f}" }} nats. On held-out names it is at its best near step {{ f"{best_step:,}" }}, with {{ f"{best_held_out:.2f}" }}, and then climbs to {{ f"{plain['held_out_losses'][-1]:.2f}" }}. The training loss alone would call that progress.
#
#     One cure is **dropout**: each step leaves out some of the first layer's results, by chance, so that the net cannot lean on any one of them. With it, the same net ends at {{ f"{dropped['training_losses'][-1]:.2f}" }} in training and {{ f"{dropped['held_out_losses'][-1]:.2f}" }} held out. The recorded nets use it; the three that this page trained stop early instead.

# %% [markdown]
# Read what each width writes, with the same luck:

# %% tags=["hide"]
for width, net in nets.items():
    generator = torch.Generator().manual_seed(1)
    written = [generate_name(net, tokenizer, width, generator) for _ in range(5)]
    print(f"{width}:", " ".join(written))

# %% tags=["live"]
#| widget: window
#| alt: What comes after {{ begun }}, with none to three letters seen. The share of the likeliest symbol goes {{ ", ".join(f"{labels[int(row.argmax())]} {row.max():.0%}" for row in shares) }}. Beside each stands a name that the model wrote.
#| caption: The window on *{{ begun }}*, and names that begin so.
import copy

from bookbuild.live import Chance, publish, publish_model

begun, labels = "newt", tokenizer.labels
tokens = tokenizer.encode(begun)
_, frequencies = unique_contexts(
    *context_windows(training_names, tokenizer, 0), tokenizer.vocab_size
)


def next_shares(net: NgramNet | None, before: list[int]) -> torch.Tensor:
    """What comes next by a net, or by the letters' frequencies, (V,)."""
    if net is None:
        return frequencies[0] / frequencies.sum()
    window = [0, 0, 0, *before][-net.context_length :]
    return net.probabilities(torch.tensor([window]))[0]


shares, ends = [], []  # for each width: the next letter (V,), and three names' ends
for width, net in {0: None, **nets}.items():
    if net is not None:
        publish_model(f"net{width}", net, tokenizer, half=True)
        net = copy.deepcopy(net).half().float()  # as the page gets it
    shares.append(next_shares(net, tokens))
    ends.append([])
    for place in range(3):
        chance, written = Chance(100 + place), []
        while len(written) < 12 and 0 not in written:
            written.append(chance.draw(next_shares(net, tokens + written)))
        unfinished = "" if 0 in written else "…"
        ends[width].append(tokenizer.decode(written) + unfinished)
rounded = [[round(share, 6) for share in row.tolist()] for row in shares]
publish("opening", {"labels": labels, "shares": rounded, "ends": ends})
losses = {f"net{width}": round(row["held out"], 3) for width, row in scores.items()}
publish("losses", losses)  # for the home page
fig, ax = plt.subplots(figsize=(5.4, 2))
top = [100 * float(row.max()) for row in shares]
ax.barh(range(4), top, 0.6, color=["C0", "C1", "C1", "C1"])
for width, (row, percent) in enumerate(zip(shares, top)):
    likeliest, name = labels[int(row.argmax())], begun + ends[width][0]
    said = f" {likeliest} {percent:.0f}%, writes {name}"
    ax.text(percent, width, said, va="center")
ax.set_yticks(range(4), [begun[4 - width :] or "none" for width in range(4)])
ax.set_xlim(0, 110)
ax.invert_yaxis()
ax.set_xticks([])
ax.spines.bottom.set_visible(False)
ax.set_ylabel("letters seen")
ax.set_title("More letters seen, a surer guess")
plt.show()

# %% [markdown] tags=["note"]
# Is it fair to compare these losses? Only over the same positions. Here is what the trap looks like: the net with three letters, scored only where its window is full.

# %% tags=["fold"]
full = (held_out[0] > 0).all(dim=1)  # (P,): no mark in the window
full_only = mean_surprise(nets[3], held_out[0][full], held_out[1][full])
one_letter_full = mean_surprise(nets[1], held_out[0][full, 2:], held_out[1][full])
print(f"three letters, all positions: {scores[3]['held out']:.2f} nats")
print(f"three letters, full windows only: {full_only:.2f} nats")
print(f"one letter, the same positions: {one_letter_full:.2f} nats")

# %% [markdown]
# ??? info "What the other exam does to the numbers"
#     Scored only where its window is full, the three-letter net seems to reach {{ f"{full_only:.2f}" }} nats instead of {{ f"{scores[3]['held out']:.2f}" }}. Nothing has improved: the first letters of a name are the hardest to guess, and they were left out. On these easier positions the one-letter net reaches {{ f"{one_letter_full:.2f}" }} instead of {{ f"{scores[1]['held out']:.2f}" }}. Compare losses only over the same positions.

# %% [markdown]
# ![The ladder of models, from a uniform guess downward: the two rungs of this chapter, the best table and the best net of any width, are lit and the shortest so far.](../figures/ladder-wider-windows.svg)
#
# ## What goes wrong
#
# With {{ tokenizer.vocab_size }} symbols there are $27^C$ contexts of $C$ letters: {{ f"{tokenizer.vocab_size**3:,}" }} for three, {{ f"{tokenizer.vocab_size**8 / 1e9:.0f}" }} billion for eight. Your names hold {{ f"{num_positions:,}" }} positions. Of the windows of eight letters in held-out names, {{ f"{new_context[8]:.0%}" }} are new. The table has no row for them, and where it has one, it copies: {{ f"{by_table:.0%}" }} of the names it writes are training names, against {{ f"{copied['counts', 1]:.0%}" }} with one letter; {{ f"{by_net:.0%}" }} of the net's.

# %% tags=["fold"]
#| alt: Two plots against letters of context. The share of held-out windows never seen in training is near zero up to three letters, then climbs to {{ f"{new_context[widest]:.0%}" }}. The share of written names that are training names goes to {{ f"{by_table:.0%}" }} for the table and {{ f"{by_net:.0%}" }} for the net.
#| caption: Above: held-out windows full of letters. Below: {{ f"{record['settings']['num_samples']:,}" }} written names, the mean of three nets.
# The widest windows hold all narrower ones: take their last letters.
wide_training, wide_held_out = (
    context_windows(part, tokenizer, widest)[0]
    for part in (training_names, held_out_names)
)
new_context = {}
for width in range(1, widest + 1):
    asked = wide_held_out[:, -width:]
    asked = context_keys(asked[(asked > 0).all(dim=1)], tokenizer.vocab_size)
    seen = context_keys(wide_training[:, -width:], tokenizer.vocab_size)
    new_context[width] = 1 - torch.isin(asked, seen).double().mean().item()
num_positions = len(wide_training)
copied = by_width["memorised"].mean()
fig, (above, below) = plt.subplots(2, 1, figsize=(5.4, 5.2), sharex=True)
above.plot(new_context.keys(), [100 * new for new in new_context.values()], "ko-")
above.set_ylim(0, 100)
above.set_ylabel("new windows (%)")
above.set_title(f"Of {widest}-letter windows, {new_context[widest]:.0%} are new")
for model, style, name in (("counts", "C0o-", "table"), ("net", "C1s--", "net")):
    share = 100 * copied[model]
    below.plot(share.index, share, style)
    below.text(widest + 0.25, share[widest], name, color=style[:2], va="center")
below.set_ylim(0, None)
below.set_xlim(0.7, widest + 1)
below.set_xticks(range(1, widest + 1))
below.set_xlabel("letters of context")
below.set_ylabel("copied names (%)")
by_table, by_net = copied["counts", widest], copied["net", widest]
below.set_title(f"The table copies {by_table:.0%}, the net {by_net:.0%}")
fig.align_ylabels()
plt.show()

# %% tags=["result"]
wide_counts = NgramCounts(widest, tokenizer.vocab_size)
wide_counts.fit(*context_windows(training_names, tokenizer, widest))
generator = torch.Generator().manual_seed(1)
written = [generate_name(wide_counts, tokenizer, widest, generator) for _ in range(50)]
copies = [name for name in written if name in training_names and len(name) > 3]
print("the table copied:", " ".join(copies[:4]))

# %% [markdown]
# And no window is wide enough. In a sentence, a word may depend on another a hundred letters before. A model of language must reach further; its first step is to read [larger pieces than letters](../language/tokens.py).

# %% [markdown]
# ## Check yourself
#
# ??? question "A friend's model of names reaches 1.6 nats with eight letters of context. What do you ask?"
#     On which names, and over which positions? If they are the names it was trained on, the number measures memory. If short names and first letters were left out, it is an easier exam.
#
# ??? question "Why does the training loss fall with every letter added?"
#     A longer context splits the training names into smaller and smaller groups. When a context occurs once, what follows it is certain, in those names.
#
# ??? question "Would ten times as many names make eight letters the best width?"
#     They would move the turn to the right, and not far: one more letter needs up to 27 times as many contexts.

# %% [markdown]
# ## Exercises

# %% tags=["fold"]
from gptbook.exercise import exercise

# %% [markdown] tags=["exercise"]
# ### Predict: how many contexts are ever seen?
#
# *easy · 5 minutes*
#
# There are 27⁴ = 531,441 contexts of four letters. In how many percent of them does at least one training position stand? Guess within a factor of two, before you count.

# %% tags=["starter"]
my_percentage = ...

# %% tags=["check"]
with exercise("Predict"):
    four = context_windows(training_names, tokenizer, 4)[0].unique(dim=0)
    in_percent = 100 * len(four) / 27**4
    ratio = my_percentage / in_percent
    assert 0.5 < ratio < 2, "too few" if ratio <= 0.5 else "too many: think of zqxj"

# %% [markdown] tags=["hint"]
# There are about 287,000 positions, many with the same context, and most strings of four letters cannot be pronounced.

# %% tags=["solution"]
my_percentage = 8  # counted: 8.2

# %% [markdown] tags=["exercise"]
# ### Change: learn from a tenth of the names
#
# *medium · 10 minutes*
#
# Keep only every tenth training name. Which width has the lowest held-out loss now? Say what you expect first.

# %% tags=["starter"]
few_names = training_names  # keep every tenth
my_best_width = ...


def counts_held_out(names: list[str], width: int) -> float:
    """Held-out loss, in nats per position, of smoothed counts of these names."""
    model = NgramCounts(width, tokenizer.vocab_size)
    model.fit(*context_windows(names, tokenizer, width))
    return mean_surprise(model, *context_windows(held_out_names, tokenizer, width))


# %% tags=["check"]
with exercise("Change"):
    assert 3300 <= len(few_names) <= 3310, f"few_names has {len(few_names):,} names"
    few_losses = {width: counts_held_out(few_names, width) for width in range(1, 7)}
    best = min(few_losses, key=few_losses.get)
    assert my_best_width == best, "not that width: print the losses"

# %% [markdown] tags=["hint"]
# A list takes a step: `training_names[::10]`. Then print `counts_held_out(few_names, width)` for widths 1 to 6.

# %% tags=["solution"]
few_names = training_names[::10]
few_losses = {width: counts_held_out(few_names, width) for width in range(1, 7)}
my_best_width = min(few_losses, key=few_losses.get)  # fewer names, narrower window

# %% [markdown] tags=["exercise"]
# ### Build: count after any context
#
# *hard · 20 minutes*
#
# Write `followers(context)`: a dictionary with how often each letter (or the end, as ".") comes right after the given letters, in all training names. No tokens needed. Then find the shortest piece of *plymouth* that was never seen.


# %% tags=["starter"]
def followers(context: str) -> dict[str, int]:
    """How often each letter follows the context in the training names."""
    return {}


# %% tags=["check"]
with exercise("Build"):
    windows, nexts = context_windows(training_names, tokenizer, 4)  # another way
    for asked_for in ("mout", "burg"):
        ids = torch.tensor(tokenizer.encode(asked_for))
        hits = nexts[(windows == ids).all(dim=1)].bincount(minlength=27)
        wanted = {tokenizer.labels[i]: int(n) for i, n in enumerate(hits) if n}
        answer = {letter: n for letter, n in followers(asked_for).items() if n}
        assert answer == wanted, f"after {asked_for}: you say {answer}, it is {wanted}"

# %% [markdown] tags=["hint"]
# For each name take `name + "."`. At every place, compare the letters before it with the context: `text[place - len(context) : place]`.


# %% tags=["solution"]
def followers(context: str) -> dict[str, int]:
    """How often each letter follows the context in the training names."""
    found: dict[str, int] = {}
    for name in training_names:
        text = name + "."
        for place in range(len(context), len(text)):
            if text[place - len(context) : place] == context:
                found[text[place]] = found.get(text[place], 0) + 1
    return found


# %% [markdown] tags=["note"]
# ## Where this lives in the package
#
# `context_windows` pads; `NgramCounts` (with its smoothing, written out) and `NgramNet` take any width: all in [gptbook.models.ngram](../reference/models.md#gptbook.models.ngram). The three seeds come from a record, `data/runs/windows.json`, which `gptbook ladder` makes. `NgramCounts` smooths by the method of **Kneser and Ney**: it takes a little off every count and shares it out as shorter contexts say.
#
# ## Further reading
#
# - Yoshua Bengio and others, *A Neural Probabilistic Language Model* (2003): the net of this chapter, with words for letters, and why it beats counting there.
# - Stanley Chen and Joshua Goodman, *An Empirical Study of Smoothing Techniques for Language Modeling* (1999): the comparison that settled how to smooth counts.
# - Thorsten Brants and others, *Large Language Models in Machine Translation* (2007): counting five words wide over two trillion words, the far end of this road.
