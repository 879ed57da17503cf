# %% [markdown]
# # More context
#
# The names of the last chapter fell apart because the model remembered only one letter. So let it remember two, or three, or eight. That helps a great deal, up to a point. Beyond it, a model only remembers its training names better, and doesn't guess better.
#
# ![The question: what comes after p l y m o u t? Below, the last letter t alone, then the last two, and so on to six. The more letters, the larger the share of h after them, and the shorter the bar of how often they were seen. Six letters were never seen.](../figures/evidence-thins.svg "What comes next in *plymout*? Each further letter that a model looks at makes the answer surer, and the evidence thinner.")

# %% [markdown]
# ## A wider window
#
# What a model looks at when it guesses is its **context**, a window on the text so far.

# %% [markdown] tags=["read"]
# A wider window makes the answer surer. But it also makes it rarer that the window has been seen before, and this chapter is about the tug of war between the two.
#
# Look at the picture. The name is *plymouth*, which none of our models has seen, since it's among the held-out names. Suppose the model has read *plymout* and must guess the next letter. If it looks at the last letter only, it sees a *t*. In the training names *t* occurs {{ f"{after['t'][0]:,}" }} times, and an *h* follows in {{ f"{after['t'][1]:.0%}" }} of the cases, so *h* is just one of many possibilities. If it looks at *ut*, it has {{ f"{after['ut'][0]:,}" }} cases, and {{ f"{after['ut'][1]:.0%}" }} of them go on with *h*. After *out* it's {{ f"{after['out'][1]:.0%}" }} of {{ after['out'][0] }}, and after *mout* {{ f"{after['mout'][1]:.0%}" }} of {{ after['mout'][0] }}. Each letter makes the answer better. But the cases dwindle, and *lymout* doesn't occur at all. There the model sees nearly the whole name, and has no experience with what it sees.
#
# Counting goes on as before, only with longer contexts. With one letter you counted pairs, which are called bigrams. With two letters you count groups of three, **trigrams**, with three letters **4-grams**, and in general **n-grams**: the table gets a row for every context that occurs. The net stays what it was, too. It looks up an embedding for each letter of its window and lays the embeddings side by side in one long row. A longer row needs more weights in the first layer, and that's the only difference.

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


# %% [markdown] tags=["read"]
# ### The same questions for all
#
# Near the start of a name a wide window reaches beyond it. The empty places are filled with marks, which is called **padding**. That way every model, whatever its width, answers every question in every name, and their losses can be compared.
#
# ![The name ulm as four questions, each answered from a window of one letter and from one of three. In the first question marks fill the whole wide window, and in the second and third a part of it.](../figures/padded-windows.svg "The name *ulm* asks four questions, and they're the same for a window of one letter and a window of three.")
#
# What would happen without padding? A model with three letters of context could only start at the fourth letter of a name. A model with one letter could start at the second, and so it would be asked for two letters more. Then the two would sit different exams. It's a real trap. Take the net with three letters that we train below. On all positions its loss is {{ f"{scores[3]['held out']:.2f}" }} nats. If you ask it only where its window is full of letters, it seems to reach {{ f"{full_only:.2f}" }}. Nothing about it has become better. It was simply spared some of the harder questions, above all the first letter of every name. When somebody tells you a loss, always ask: over which positions?

# %% tags=["show"]
from gptbook.models.ngram import context_windows

# %%
contexts, targets = context_windows(["ulm"], tokenizer, context_length=3)
for context, target in zip(contexts, targets):
    print(*[tokenizer.labels[token] for token in context], end=" -> ")
    print(tokenizer.labels[target])

# %% tags=["fold"]
record = read_record("windows")
widest = record["settings"]["widest"]
# The widest windows hold all narrower ones: take their last letters.
wide_windows, wide_nexts = context_windows(training_names, tokenizer, widest)


def ends_with(piece: str) -> torch.Tensor:
    """At which positions the letters before are, or end with, the piece: (P,)."""
    ids = [tokenizer.labels.index(symbol) for symbol in piece]
    return (wide_windows[:, -len(ids) :] == torch.tensor(ids)).all(dim=1)


def followed(context: str) -> dict[str, int]:
    """How often each symbol follows the context in training names, likeliest first."""
    times = wide_nexts[ends_with(context)].bincount(minlength=tokenizer.vocab_size)
    order = times.argsort(descending=True, stable=True).tolist()
    return {tokenizer.labels[i]: int(times[i]) for i in order if times[i]}


assert "plymouth" in held_out_names
after = {}  # context: how often it was seen, and the share of h after it
for context in ("t", "ut", "out", "mout"):
    found = followed(context)
    after[context] = sum(found.values()), found["h"] / sum(found.values())
assert not followed("lymout")

# %% [markdown] tags=["read"]
# ### What has never been seen
#
# The wider the window, the more often a table meets a context that it has never counted, or a letter that has never come after this context. It needs **smoothing**: take a little off the count of each letter that followed the context. Then drop the context's first letter. Whatever was taken off goes to the letters that come after this shorter context. (If the whole context has never been seen, the shorter one answers alone.)
#
# Here is how that works for *mout*. It occurs {{ after['mout'][0] }} times in the training names, and it's followed by *h* {{ mout["h"] }} times, and by {{ ", ".join(f"*{letter}*" for letter in once) }} once each. Taken literally, *h* has a probability of {{ mout["h"] }}/{{ after['mout'][0] }} = {{ f"{after['mout'][1]:.2f}" }}, and every letter that didn't occur has none. But {{ len(once) }} of these {{ after['mout'][0] }} cases brought a letter that came only once. So it wouldn't be a great surprise if the next case brought a letter that hasn't come at all. Smoothing prepares for that by taking something off each count: {{ f"{taken_many:.2f}" }} off the {{ mout["h"] }}, and {{ f"{taken_one:.2f}" }} off each 1. (These two amounts come from a formula that looks at the whole table. Take them as given.) That leaves *h* with {{ f"{mout['h'] - taken_many:.2f}" }} of {{ after['mout'][0] }}, which is {{ f"{left_h:.2f}" }}. And it frees {{ f"{taken_many:.2f}" }} + {{ len(once) }} · {{ f"{taken_one:.2f}" }} = {{ f"{taken_many + len(once) * taken_one:.2f}" }} of {{ after['mout'][0] }}, a share of {{ f"{freed_share:.2f}" }}. (The rest is what {{ ", ".join(f"*{letter}*" for letter in once[:-1]) }} and *{{ once[-1] }}* keep.)
#
# The freed share goes to the letters that come after the shorter context, *out*. These are {{ num_after_out }} different symbols, the end of the name included, and now all of them have a chance after *mout*, too. The counts after *out* are smoothed in the same way, with the help of *ut*, and so on. After that, nothing has probability 0. For instance, a name never ended after *mout*, and still the mark for the end has {{ f"{smoothed['.']:.2f}" }}. The letter *h*, too, gets a little back and ends at {{ f"{smoothed['h']:.2f}" }}. (After *out* an *h* comes quite often, so you might expect that it gets more. The box below says why it doesn't.) The method is named after Reinhard **Kneser** and Hermann **Ney**, and this form of it is by Stanley Chen and Joshua Goodman.
#
# ??? info "How is the freed share divided?"
#     After *out*, an *h* comes in {{ f"{after['out'][1]:.0%}" }} of the cases, so you might expect that *h* gets {{ f"{after['out'][1]:.0%}" }} of what *mout* gives away. But nearly all of these cases are *south* and *mouth*, and those with *mouth* have been counted already. Kneser and Ney's idea is to ask a shorter context another question. Instead of "how often did *h* come after *out*?" they ask "in front of how many different letters did that happen?" The letter in front of *outh* was {{ ", ".join(f"*{letter}*" for letter in before_outh[:-1]) }} or *{{ before_outh[-1] }}*, which makes only {{ len(before_outh) }}. Added up over all letters after *out*, such counts make {{ num_before_out }}. So *h* has {{ len(before_outh) }} of {{ num_before_out }}, and after a little has been taken off again, {{ f"{share_of_h:.2f}" }}. That's why it ends at {{ f"{left_h:.2f}" }} + {{ f"{freed_share:.2f}" }} · {{ f"{share_of_h:.2f}" }} = {{ f"{smoothed['h']:.2f}" }}.

# %% tags=["fold"]
smoothing = NgramCounts(4, tokenizer.vocab_size)
smoothing.fit(*context_windows(training_names, tokenizer, 4))
mout = followed("mout")
once = [letter for letter, times in mout.items() if times == 1]
assert list(mout.values()) == [mout["h"]] + [1] * len(once)  # as the text tells
asked = torch.tensor([tokenizer.encode("mout")])
keys, left, freed = smoothing.levels[4]
row = int((keys == context_keys(asked, tokenizer.vocab_size)).nonzero())
left_h, freed_share = left[row, tokenizer.encode("h")[0]].item(), freed[row].item()
taken_many = round(mout["h"] - after["mout"][0] * left_h, 2)
left_one = left[row, tokenizer.encode(once[0])[0]].item()
taken_one = round(1 - after["mout"][0] * left_one, 2)
smoothed = dict(zip(tokenizer.labels, smoothing.probabilities(asked)[0].tolist()))
share_of_h = (smoothed["h"] - left_h) / freed_share


def before(context: str, following: str) -> list[str]:
    """The different symbols in front of a context that the symbol follows."""
    right = ends_with(context) & (wide_nexts == tokenizer.labels.index(following))
    fronts = wide_windows[right, -len(context) - 1].unique()  # sorted
    return [tokenizer.labels[i] for i in fronts.tolist()]


before_outh = before("out", "h")
assert {"s", "m"} <= set(before_outh)  # south and mouth, as the text tells
num_after_out = len(followed("out"))
num_before_out = sum(len(before("out", symbol)) for symbol in tokenizer.labels)

# %% [markdown]
# ## Knowing by heart
#
# Let's train two kinds of model, tables that count and nets that learn, with one to eight letters of context. Then ask each for its loss twice: on the names it learned from, and on new ones.

# %% [markdown] tags=["guess"]
# Which model has the lowest loss on its *training* names?
#
# - [ ] A table with three letters, since it has seen every context often
# - [x] The table with eight letters
# - [ ] The net with eight letters
#
# A window full of eight letters mostly belongs to a single name, so the table need only repeat what came next in it. Whether that helps with a name that isn't in the table is another question, and it's the one you want answered.

# %%
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
pd.DataFrame(scores).T.rename(index="net, letters back: {}".format).round(2)

# %% tags=["fold"]
full = (held_out[0] > 0).all(dim=1)  # (P,): no mark in the window
full_only = mean_surprise(nets[3], held_out[0][full], held_out[1][full])

# %% tags=["fold"]
#| alt: Loss against letters of context, one to eight, for counts and nets. Above, both training curves fall to the end, that of counts far below the rest; the held-out curves fall together at first, then level off. Below, the held-out curves closer: each has a ring at the width that validation names chose.
#| caption: Each net is the mean of three trainings. Rings mark the chosen widths.
measured = pd.DataFrame(record["rows"])
by_width = measured.groupby(["model", "context_length"])
losses = by_width[["training_loss", "held_out_loss"]]
mean, low, high = losses.mean(), losses.min(), losses.max()
chosen = {
    model: record["chosen"][model]["context_length"] for model in ("counts", "net")
}
compared = pd.DataFrame(record["comparisons"]).set_index(["model", "context_length"])
# How far a mean would scatter: with other names, and for nets with other seeds.
of_seeds = (losses.var() / losses.count())["held_out_loss"].fillna(0)
differences, errors, tied = {}, {}, {}
for model, ring in chosen.items():
    of_names = compared.loc[model, "held_out_standard_error"] ** 2
    errors[model] = (of_names + of_seeds[model] + of_seeds[model, ring]) ** 0.5
    differences[model] = compared.loc[model, "held_out_difference"]
    near = differences[model].abs() < 2 * errors[model]
    tied[model] = [int(width) for width in near.index if near[width] and width != ring]

fig, (whole, closer) = plt.subplots(2, 1, figsize=(4.5, 5.8), sharex=True)
fig.get_layout_engine().set(hspace=0.08)
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
    ring = chosen[model]
    closer.plot(
        ring, line[ring], marker="o", markersize=13, color=color, fillstyle="none"
    )
whole.text(widest + 0.25, line[widest], "held out", va="bottom")
inside = mean.loc[(slice(None), slice(4, None)), "held_out_loss"]
closer.set_ylim(inside.min() - 0.015, inside.max() + 0.05)
closer.set_xlim(0.7, widest + 2.4)
closer.set_xticks(range(1, widest + 1))
closer.set_xlabel("letters of context")
for ax in (whole, closer):
    ax.set_ylabel("loss (nats)")
fig.align_ylabels()
whole.margins(y=0.1)
whole.set_title("Learned names: lower and lower")
closer.set_title("New names, closer: no gain after a while")
plt.show()

# %% [markdown]
# On training names the loss falls with every letter. On new names it falls steeply up to about four letters, and little is gained after that. The wide table has **memorised** its names, and that doesn't help with new ones. It's **overfitting** again.

# %% [markdown] tags=["read"]
# The width is a hyperparameter, so it was chosen as chapter 3 demands. A tenth of the training names served as a validation set: tables and nets of every width learned from the rest and were compared on that tenth. It chose {{ chosen["counts"] }} letters for the table and {{ chosen["net"] }} for the net. Only then were all models trained anew, on all training names, and asked about the held-out ones. With the chosen widths the table ends at {{ f"{mean.loc[('counts', chosen['counts']), 'held_out_loss']:.2f}" }} nats and the net at {{ f"{mean.loc[('net', chosen['net']), 'held_out_loss']:.2f}" }}. (The nets in the plot had more training than the three nets in the small table, so their losses are a little lower.)
#
# How much does the choice matter? The table below compares each width with the chosen one: how much higher is its held-out loss? After the ± stands the **standard error**. It says how much the difference would typically change by mere chance, if other names had been held out, or if the nets had started from other random numbers.

# %% tags=["fold", "result", "read"]
pd.DataFrame(
    {
        f"{name}, compared with {chosen[model]} letters": [
            "chosen"
            if width == chosen[model]
            else f"{differences[model][width]:+.4f} ± {errors[model][width]:.4f}".replace(
                "-", "\u2212"
            )
            for width in range(4, widest + 1)
        ]
        for model, name in (("counts", "table"), ("net", "net"))
    },
    index=[f"{width} letters" for width in range(4, widest + 1)],
)

# %% [markdown] tags=["read"]
# Chance alone rarely makes a difference of more than two standard errors. So if a difference is smaller than that, it's too close to call. {{ said_ties }} Besides, all the differences from six letters on are tiny: each is less than a hundredth of a nat. So don't say that one width is *best*. Say that from six letters on the width hardly matters.
#
# And why does the table's training loss fall with each letter? Put all positions with the same context in one group. The longer the context, the smaller the groups, and in a small group there's little to be unsure about. If a context occurs only once, only one letter has ever followed it. Still, the loss doesn't get near zero, for two reasons. Because of smoothing the table is never completely certain. And before the first letter of a name the window holds only marks, for every name, so nothing tells the table which name it will be.


# %% tags=["fold"]
def listed(widths: list[int]) -> str:
    """5, 6 and 7"""
    words = [str(width) for width in widths]
    return " and ".join([", ".join(words[:-1]), words[-1]] if words[1:] else words)


said_ties = " ".join(
    f"For {name} that's true of {listed(tied[model])} letters."
    if tied[model]
    else f"For {name} every difference is larger."
    for model, name in (("counts", "the table"), ("net", "the net"))
)
held_out_means = mean["held_out_loss"]
for model in chosen:  # as the text tells
    assert (
        held_out_means[model].loc[6:].max() - held_out_means[model].loc[6:].min() < 0.01
    )

# %% tags=["fold", "read"]
#| alt: Loss against training step, on an axis that grows tenfold. The training loss of a net falls to the end. Its validation loss falls, is lowest at step {{ plain["chosen_step"] }}, ringed, and climbs. With dropout, the validation loss does not climb.
#| caption: A net with {{ plain["context_length"] }} letters of context, trained for {{ f"{plain['steps'][-1]:,}" }} steps. The ring marks where its validation loss is lowest. Dashed: the same with dropout, which the text explains.
plain, dropped = sorted(record["curves"], key=lambda curve: curve["dropout"])
fig, ax = plt.subplots(figsize=(4.5, 3.4))
ax.plot(plain["steps"], plain["training_losses"], color="C0", linestyle=":")
ax.plot(plain["steps"], plain["validation_losses"], color="C0")
ax.plot(dropped["steps"], dropped["validation_losses"], color="C1", linestyle="--")
at = plain["steps"].index(plain["chosen_step"])
ax.plot(
    plain["chosen_step"], plain["validation_losses"][at], "o", markersize=13,
    color="C0", fillstyle="none",
)  # fmt: skip
last = plain["steps"][-1] * 1.15
ax.text(last, plain["training_losses"][-1], "training", color="C0", va="center")
ax.text(last, plain["validation_losses"][-1], "validation", color="C0", va="center")
ax.text(
    last, dropped["validation_losses"][-1], "validation,\nwith dropout", color="C1",
    va="center",
)  # fmt: skip
ax.set_xscale("log")
ax.set_xlim(1, plain["steps"][-1] * 25)
ax.spines.bottom.set_bounds(1, plain["steps"][-1])
ax.minorticks_off()
ax.set_xticks([1, 10, 100, 1000], ["1", "10", "100", "1,000"])
ax.set_xlabel("step (logarithmic scale)")
ax.set_ylabel("loss (nats)")
ax.set_title("Trained longer, guessing worse")
plt.show()

# %% [markdown] tags=["read"]
# A net can also overfit by training too long. Take one with {{ plain["context_length"] }} letters of context, and go on training. Its training loss falls and falls, to {{ f"{plain['training_losses'][-1]:.2f}" }} nats. But its loss on the validation names falls only until step {{ f"{plain['chosen_step']:,}" }}, to {{ f"{min(plain['validation_losses']):.2f}" }}, and then it climbs to {{ f"{plain['validation_losses'][-1]:.2f}" }}. You saw this with flowers, and you see it again here with a quarter of a million positions: if you train for long enough, a net learns more and more of its examples by heart.
#
# You know one cure, to stop in time. Another is called **dropout**. At each training step it leaves out {{ f"{dropped['dropout']:.0%}" }} of the hidden units in the first layer, picked at random for each example. So the net can't rely on any single one of them, and has to spread what it knows. With dropout the same net ends at {{ f"{dropped['validation_losses'][-1]:.2f}" }} on the validation names, and doesn't turn round. (The nets in the earlier plot, with one to eight letters, had dropout too.)

# %% [markdown] tags=["read"]
# Here is what nets with one, two and three letters write:

# %% tags=["result", "read"]
for width, net in nets.items():
    generator = torch.Generator().manual_seed(1)
    written = [generate_name(net, tokenizer, width, generator) for _ in range(6)]
    letters = f"{width} letter{'s' if width > 1 else ''} back"
    print(f"{letters}: {', '.join(written)}")

# %% tags=["live"]
#| widget: window
#| alt: What comes after {{ begun }}, with none to three letters seen. The share of the likeliest symbol goes {{ ", ".join(f"{labels[int(row.argmax())]} {row.max():.0%}" for row in shares) }}. Beside each stands a name that the model wrote.
#| caption: What follows *{{ begun }}*: by the letters' frequencies, and by the nets with one to three letters.
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
fig, ax = plt.subplots(figsize=(4.5, 2))
top = [100 * float(row.max()) for row in shares]
ax.barh(range(4), top, 0.6, color=["C0", "C1", "C1", "C1"])
for width, (row, percent) in enumerate(zip(shares, top)):
    likeliest, name = labels[int(row.argmax())], begun + ends[width][0]
    said = f" {likeliest} {percent:.0f}%, writes {name}"
    ax.text(percent, width, said, va="center")
ax.set_yticks(range(4), [begun[4 - width :] or "none" for width in range(4)])
ax.set_xlim(0, 140)
ax.invert_yaxis()
ax.set_xticks([])
ax.spines.bottom.set_visible(False)
ax.set_ylabel("letters seen")
ax.set_title("More letters seen, a surer guess")
plt.show()

# %% [markdown]
# ![The ladder of models, from a uniform guess downward: the two rungs of this chapter, the best table and the best net of any width, are lit and the shortest so far.](../figures/ladder-wider-windows.svg "The two bars in bold are new: the table and the net with the chosen widths.")
#
# ## What goes wrong
#
# Take the windows with eight letters in new names: {{ f"{new_context[8]:.0%}" }} of them have never been seen, and there the table must fall back on shorter ones.

# %% [markdown] tags=["read"]
# There are {{ f"{26**3:,}" }} ways to fill a window with three letters, and {{ f"{26**8 / 1e9:.0f}" }} billion with eight, but the names hold only {{ f"{num_positions:,}" }} positions. Where the table does know the window, it tends to copy. Of the names that it writes, {{ f"{by_table:.0%}" }} stand in its list.

# %% tags=["fold", "read"]
#| alt: Two plots against letters of context. The share of held-out windows never seen in training is near zero up to three letters, then climbs to {{ f"{new_context[widest]:.0%}" }}. The share of written names that are training names goes to {{ f"{by_table:.0%}" }} for the table and {{ f"{by_net:.0%}" }} for the net.
#| caption: Above: windows full of letters in held-out names. Below: {{ f"{record['settings']['num_samples']:,}" }} written names.
wide_held_out = context_windows(held_out_names, tokenizer, widest)[0]
new_context = {}
for width in range(1, widest + 1):
    asked = wide_held_out[:, -width:]
    asked = context_keys(asked[(asked > 0).all(dim=1)], tokenizer.vocab_size)
    seen = context_keys(wide_windows[:, -width:], tokenizer.vocab_size)
    new_context[width] = 1 - torch.isin(asked, seen).double().mean().item()
num_positions = len(wide_windows)
four = wide_windows[:, -4:]
four_percent = 100 * len(four[(four > 0).all(dim=1)].unique(dim=0)) / 26**4
copied = by_width["memorised"].mean()
fig, (above, below) = plt.subplots(2, 1, figsize=(4.5, 5.2), sharex=True)
fig.get_layout_engine().set(hspace=0.08)
above.plot(new_context.keys(), [100 * new for new in new_context.values()], "ko-")
above.set_ylim(0, 100)
above.set_ylabel("new windows (%)")
above.set_title(f"Of {widest}-letter windows, {new_context[widest]:.0%} are new")
for model, style, name in (("counts", "C0o-", "table"), ("net", "C1s--", "net")):
    share = 100 * copied[model]
    below.plot(share.index, share, style)
    below.text(widest + 0.25, share[widest], name, color=style[:2], va="center")
below.set_ylim(0, None)
below.set_xlim(0.7, widest + 1.2)
below.set_xticks(range(1, widest + 1))
below.set_xlabel("letters of context")
below.set_ylabel("copied names (%)")
by_table, by_net = copied["counts", widest], copied["net", widest]
below.set_title(f"The table copies {by_table:.0%}, the net {by_net:.0%}")
fig.align_ylabels()
plt.show()

# %% tags=["result", "read"]
wide_counts = NgramCounts(widest, tokenizer.vocab_size)
wide_counts.fit(wide_windows, wide_nexts)
generator = torch.Generator().manual_seed(1)
written = [generate_name(wide_counts, tokenizer, widest, generator) for _ in range(50)]
copies = [name for name in written if name in training_names and len(name) > 3]
print("copied by the table with eight letters:", ", ".join(copies[:4]))

# %% [markdown] tags=["read"]
# Why does the net copy so much less, with the same eight letters in front of it? Probably because the table has a row of its own for each context. A few letters into a name, a wide window holds everything so far, and often only one training name begins like that. When the table meets that window again, it goes on as that name did. (A few copies are sheer chance: even a model with one letter writes some short names that happen to exist.) The net has no rows for contexts. Everything that it knows has to pass through the same weights, so what it learns from *southgate* also changes what it says about *northgate*, and two contexts that look alike get answers that are alike.

# %% [markdown]
# However wide a window is, something is always outside it. In a sentence a word may depend on another a hundred letters earlier. To see that far, the first step is to read in [larger pieces than letters](../language/tokens.py).

# %% [markdown]
# ## Check yourself
#
# ??? question "A friend's model of names reaches 1.6 nats with eight letters of context. What do you ask?"
#     On which names, and over which positions? If they're the names it was trained on, the number measures memory. If the first letters of names were left out, the exam was easier.
#
# ??? question "Why does the training loss fall with every letter that is added?"
#     A longer context divides the training names into smaller and smaller groups. When a context occurs only once, only one letter has ever followed it.
#
# ??? question "Why choose the width on validation names, and not on the held-out ones?"
#     Whatever you choose by, you can't use any more to say how good the choice is: the best of eight looks better than it is. So the held-out names are asked once, after the choice.
#
# ??? question "Why are wide windows in new names so often unseen, although the list has {{ f"{len(training_names):,}" }} names?"
#     With each letter the number of ways to fill the window grows 26-fold, while the number of positions in the list stays the same. So an ever smaller part of what is possible has been seen.

# %% [markdown]
# ## Exercises

# %% tags=["fold"]
from gptbook.exercise import exercise

# %% [markdown] tags=["exercise"]
# ### Predict: how many contexts are ever seen?
#
# *easy · 5 minutes*
#
# There are 26⁴ = 456,976 strings of four letters. What percentage of them occurs somewhere in the training names? A guess within four of the right number counts.
#
# answer: {{ f"{four_percent:.0f}" }}%, within 4
#
# Counted, it's {{ f"{four_percent:.1f}" }}%. The names have {{ f"{num_positions:,}" }} positions, but many share a context, and most strings of four letters can't be pronounced anyway.

# %% tags=["starter"]
my_percentage = ...

# %% tags=["check"]
with exercise("Predict"):
    said = "too few" if my_percentage < four_percent else "too many: think of zqxj"
    assert abs(my_percentage - four_percent) <= 4, said

# %% [markdown] tags=["hint"]
# There are about 287,000 positions, many with the same context, and most strings of four letters cannot be pronounced.

# %% tags=["solution"]
my_percentage = 9  # counted: 8.6

# %% [markdown] tags=["exercise"]
# ### Change: learn from a tenth of the names
#
# *medium · 10 minutes*
#
# Keep only every tenth training name. Which width has the lowest held-out loss now? Before you count, say what you expect.

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
    for asked_for in ("mout", "burg"):
        wanted = followed(asked_for)  # the page's own way, by tokens
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
# `context_windows` pads; `NgramCounts` (with its smoothing, written out) and `NgramNet` take any width: all of them are in [gptbook.models.ngram](../reference/models.md#gptbook.models.ngram). The three seeds and the choice of widths come from a record, `data/runs/windows.json`, which `gptbook ladder` makes.

# %% [markdown]
# ## Further reading
#
# - Yoshua Bengio and others, *A Neural Probabilistic Language Model* (2003): the net of this chapter, with words for letters, and why it beats counting there.
# - Stanley Chen and Joshua Goodman, *An Empirical Study of Smoothing Techniques for Language Modeling* (1999): the comparison that settled how to smooth counts.
# - Thorsten Brants and others, *Large Language Models in Machine Translation* (2007): counting five words wide over two trillion words, the far end of this road.
