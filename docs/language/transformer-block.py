# %% [markdown]
# # The transformer block
#
# What else does it take? Attention finds the words before, but not their order. And it only mixes them: it works nothing out.
#
# ![A block, from the bottom up. On the left a line, the running sum, with the four numbers of one position: 0.1, 0.7, 0.9, 1.5. A branch leads through a norm and attention back to the line, which adds what came of it. Above, a second branch does the same with a norm and the MLP. Between the branches and at the top stand the new sums.](../figures/block.svg "Read upwards: two parts read the running sum, and add to it.")

# %% [markdown]
# ## Add, never replace
#
# Each position takes a row of numbers, its running sum, through a block of two parts, attention and MLP. Each adds something to it, the **residual**. So nothing is overwritten. In training, slopes pass each plus unchanged.
#
# $$x \leftarrow x + \text{part}(\text{norm}(x))$$
#
# ## Keep it in range
#
# Sums grow, and no part is ready for every size. So each reads a copy with average 0 and size about 1, made by a **layer norm**:

# %% tags=["fold"]
import matplotlib.pyplot as plt
import pandas as pd
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from gptbook.models.attention import MultiHeadAttention
from gptbook.data.tables import city_names, read_record, split_names
from gptbook.models.gpt import GPTConfig
from gptbook.data.sequences import padded
from gptbook.training.loops import train_on_sequences
from gptbook.data.tokenizer import CharacterTokenizer

# %% tags=["result"]
row = torch.tensor([0.1, 0.7, 0.9, 1.5])
away = row - row.mean()
variance = away.square().mean()
normed = away / (variance + 1e-5).sqrt()  # a little more: never divide by 0
worked = {}
for label, numbers in (
    ("the row", row),
    ("its mean", row.mean()),
    ("each number less the mean", away),
    ("squared", away.square()),
    ("their mean, the variance", variance),
    ("its square root", variance.sqrt()),
    ("each divided by the root", normed),
):
    said = [f"{number:.2f}" for number in numbers.reshape(-1).tolist()]
    worked[label] = said + [""] * (len(row) - len(said))
pd.DataFrame(worked, index=[""] * len(row)).T

# %% [markdown] tags=["note"]
# PyTorch's norm gives the same numbers, and the same again for a row ten times as large. Its own two rows of learned numbers, $g$ and $b$, begin as 1 and 0.

# %%
norm = nn.LayerNorm(4)
torch.testing.assert_close(norm(row), normed)
torch.testing.assert_close(norm(10 * row), normed, rtol=1e-3, atol=0)
print("learned, g:", norm.weight.tolist(), " b:", norm.bias.tolist())

# %% [markdown]
# $$\text{norm}(x) = g \cdot \frac{x - \text{mean}(x)}{\sqrt{\text{variance}(x) + 10^{-5}}} + b$$
#
# $g$ and $b$ are learned, and begin as 1 and 0.
#
# ## Think
#
# The **MLP** is a net for each position alone: from its $D$ numbers to more, $F$, a bend, and back. The bend is **GELU**: like $\max(0, x)$, with a rounded corner.
#
# $$\text{MLP}(x) = \text{gelu}(x W_1 + b_1)\, W_2 + b_2$$

# %% tags=["show"]
from gptbook.models.gpt import MLP

# %% [markdown] tags=["note"]
# A block is two norms, attention of the last chapter, and an MLP. The sum itself is never normed, only what a part reads.

# %% tags=["show"]
from gptbook.models.gpt import Block

# %% [markdown] tags=["note"]
# The picture's block, from random numbers. Its last position is the one drawn:

# %%
torch.manual_seed(167)
block = Block(GPTConfig(model_dim=4, num_heads=2, mlp_dim=16))
earlier = torch.tensor([[1.2, 0.3, -0.5, 0.4], [0.5, -1.0, 0.8, 0.9]])
x = torch.cat([earlier, row[None]])[None]  # (1, 3, 4)
with torch.no_grad():
    found = block.attention(block.attention_norm(x))
    worked_out = block.mlp(block.mlp_norm(x + found))
    torch.testing.assert_close(block(x), x + found + worked_out)
for station in (x, found, x + found, worked_out, block(x)):
    print(*[f"{number:5.1f}" for number in station[0, -1].tolist()])

# %% [markdown]
# ## Know where you are
#
# To the last letter of *lima* and of *mila*, attention offers the same: an l, an i, an m. So each place gets a learned row of its own, a **position embedding**, added to the token's.
#
# $$x = E_{\text{tokens}} + P_{\text{positions}}$$

# %% tags=["fold"]
names = city_names()
training_names, held_out_names = split_names(names, held_out=0.1, seed=0)
tokenizer = CharacterTokenizer.from_texts(names)

# %% tags=["result"]
torch.manual_seed(66)
letters, places = nn.Embedding(27, 4), nn.Embedding(5, 4)
attention = MultiHeadAttention(model_dim=4, num_heads=1)
found = {}
for known in ("letters", "letters and places"):
    for name in ("lima", "mila"):
        rows = letters(torch.tensor([[0, *tokenizer.encode(name)]]))  # (1, 5, 4)
        if known == "letters and places":
            rows = rows + places.weight
        numbers = attention(rows)[0, -1].tolist()
        found[f"{name}, {known}"] = [f"{number:.2f}" for number in numbers]
pd.DataFrame(found, index=["what the last a finds", "", "", ""]).T

# %% [markdown]
# ## What each part is worth
#
# Take one part away, train the rest, compare: an **ablation**. A stack of {{ settings["config"]["num_layers"] }} blocks learns city names, whole and without each part, for {{ settings["training"]["num_steps"] }} steps from each of {{ len(settings["seeds"]) }} seeds.

# %% [markdown] tags=["guess"]
# The whole reaches {{ f"{mean_loss['']:.2f}" }} nats, and a table of one letter {{ f"{bigram_loss:.2f}" }}. What does the stack reach without attention?
#
# answer: {{ f"{mean_loss['attention']:.2f}" }} nats, within 0.1
#
# No position learns anything from another, so it knows one letter and its place. The place is what it has ahead of the table.

# %% tags=["show"]
from gptbook.models.ablation import gpt_without

# %%
record = read_record("parts")
settings = record["settings"]
by_part = pd.DataFrame(record["rows"]).groupby("without")
held_out_loss = by_part["held_out_loss"]
mean_loss = held_out_loss.mean()
spread = held_out_loss.max() - held_out_loss.min()  # over the seeds
cost = (mean_loss - mean_loss[""]).drop("").sort_values()
noise = spread.drop("").clip(lower=spread[""])
clear = cost[cost > 2 * noise[cost.index]].index
table = pd.DataFrame(
    {
        "held-out loss": mean_loss,
        "spread": spread,
        "parameters": by_part.parameters.max(),
    }
)
table.rename(index={"": "(whole)"}).round(3)

# %% tags=["fold"]
#| alt: Held-out loss of a GPT without each of its parts, three dots each, one a seed. {{ listing }}. The whole has {{ f"{mean_loss['']:.2f}" }}, a bigram table {{ f"{bigram_loss:.2f}" }}.
#| caption: Held-out city names. A dot is a seed, a bar their mean.
windows = pd.DataFrame(read_record("windows")["rows"])
one_letter = windows.query("model == 'counts' and context_length == 1")
bigram_loss = one_letter["held_out_loss"].mean()
called = {
    "attention": "attention",
    "positions": "the positions",
    "MLP": "the MLP",
    "running sum": "the running sum",
    "norms": "the norms",
}
listing = ", ".join(f"without {called[p]} {mean_loss[p]:.2f}" for p in cost.index[::-1])
dearest = cost.index[-1]
level = 2 * noise.clip(lower=noise[dearest])  # a smaller lead than this is no lead
top = [part for part in cost.index[::-1] if cost[dearest] - cost[part] <= level[part]]
missed_most = " and ".join(called[part] for part in top)
unclear = [called[part] for part in cost.index if part not in clear]
verdict = "Each part costs more than twice the spread over seeds."
if unclear:
    verdict = f"Too close to call, next to the spread over seeds: {', '.join(unclear)}."
fig, ax = plt.subplots(figsize=(4.5, 3.2))
for height, part in enumerate(cost.index):
    dots = held_out_loss.get_group(part)
    ax.plot(
        dots,
        [height - 0.14, height, height + 0.14],
        "o",
        color="C1",
        markersize=5,
        alpha=0.7,
    )
    ax.plot([mean_loss[part]] * 2, [height - 0.3, height + 0.3], color="C1")
ax.set_yticks(range(len(cost)), [f"no {part}" for part in cost.index])
ax.set_ylim(-0.6, len(cost) + 0.2)
for place, name, style, side, off in (
    (mean_loss[""], "whole", "-", "left", 0.006),
    (bigram_loss, "bigram table", "--", "right", -0.006),
):
    ax.axvline(place, color="gray", linestyle=style, zorder=0)
    ax.text(place + off, len(cost) - 0.3, name, color="gray", ha=side)
ax.margins(x=0.12)
ax.set_xlabel("held-out loss (nats per position)")
fig.suptitle(
    f"Missed most: {missed_most}", x=0.02, ha="left", weight="bold", fontsize=12
)
plt.show()

# %% [markdown]
# Missed most: {{ missed_most }}, with {{ " and ".join(f"{cost[part]:.2f}" for part in top) }} nats. {{ verdict }}
#
# Without attention a GPT sees one letter, as the bigram table does, and its place. It reaches {{ f"{mean_loss['attention']:.2f}" }} nats, the table {{ f"{bigram_loss:.2f}" }}.

# %%
from gptbook.models.gpt import GPT

training = padded([tokenizer.encode(name) for name in training_names])
held_out = padded([tokenizer.encode(name) for name in held_out_names])
small = GPTConfig(
    vocab_size=tokenizer.vocab_size,
    context_length=training[0].shape[1],
    num_layers=1,
    num_heads=4,
    model_dim=32,
    mlp_dim=128,
)


def loss_by_place(model: GPT) -> Tensor:
    """Held-out loss (nats) at each place, averaged over the names that reach it."""
    inputs, targets = held_out  # (P, T) each
    with torch.no_grad():
        surprise = F.cross_entropy(model(inputs).mT, targets, reduction="none")
    return surprise.sum(dim=0) / (targets >= 0).sum(dim=0)  # (T,)


by_place = {}
for missing in ("", "attention"):
    torch.manual_seed(0)
    model = gpt_without(missing, small)
    train_on_sequences(model, *training, num_steps=200, batch_size=128)
    by_place[missing] = loss_by_place(model)

# %% tags=["hide"]
one_block = (
    pd.DataFrame(read_record("names")["rows"])
    .query("model == 'attention'")["held_out_loss"]
    .mean()
)

# %% tags=["fold"]
#| alt: What missing attention costs, by the place of the guess in a name. Hardly a bar at the first two; {{ f"{shown[2]:.2f}" }} nats at the third, {{ f"{shown[7]:.2f}" }} at the eighth.
#| caption: A model of one block: loss without attention, less loss with it. One seed.
shown = (by_place["attention"] - by_place[""])[:8].tolist()
# The first two guesses measure the noise: both models know the same there.
control = 2 * max(abs(shown[0]), abs(shown[1]))
pays_from = 1 + max([place for place, gain in enumerate(shown, 1) if gain <= control])
ordinal = ("first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth")
fig, ax = plt.subplots(figsize=(4.5, 2.6))
ax.bar(range(1, 9), shown, color="C0")
ax.axhline(0, color="gray", linewidth=0.8)
ax.set_xticks(range(1, 9))
ax.set_xlabel("guess, from the start of a name")
ax.set_ylabel("cost (nats)")
ax.set_title(f"Attention pays from the {ordinal[pays_from - 1]}\nguess on")
plt.show()

# %% [markdown]
# At the first two guesses both models know the same. A larger block, with the changes that Part 4 explains, reaches {{ f"{one_block:.2f}" }} nats.
#
# ![The ladder of models, from a uniform guess downward: the rung of this chapter, one block, is lit.](../figures/ladder-one-block.svg)
#
# ## What goes wrong
#
# One block looks once. This riddle takes two looks: a few letters, again and again. What comes next?

# %% tags=["fold"]


def riddles(num_riddles: int, seed: int) -> tuple[Tensor, Tensor]:
    """Rows of 14 letters, 4 to 7 of them different; and which stood there before."""
    generator = torch.Generator().manual_seed(seed)
    drawn = torch.rand(num_riddles, 26, generator=generator).argsort(dim=1) + 1
    num_different = torch.randint(4, 8, (num_riddles, 1), generator=generator)
    place = torch.arange(14)
    return drawn.gather(1, place % num_different), place >= num_different


def share_solved(model: GPT) -> float:
    """How often the next letter is right, where the letter before it is known."""
    rows, known = riddles(1000, seed=1)
    with torch.no_grad():
        guesses = model(padded(rows.tolist())[0])[:, 1:-1].argmax(dim=-1)
    return (guesses == rows[:, 1:])[known[:, :-1]].double().mean().item()


# %% tags=["result"]
practice, _ = riddles(10_000, seed=0)
print("riddle:", *tokenizer.decode(practice[0].tolist())[:11], "?")
solved = {}
for num_blocks in (1, 2):
    config = GPTConfig(
        vocab_size=27,
        context_length=15,
        num_layers=num_blocks,
        num_heads=4,
        model_dim=32,
        mlp_dim=128,
    )
    torch.manual_seed(0)
    model = gpt_without("", config)
    rates = {"matrix_rate": 0.04, "other_rate": 8e-3}
    train_on_sequences(model, *padded(practice.tolist()), 300, 64, **rates)
    solved[num_blocks] = share_solved(model)
    print(f"blocks: {num_blocks}, solved: {solved[num_blocks]:.0%}")

# %% [markdown]
# First, each position notes the letter before it. Then the last finds the place that noted its own letter, and copies the letter there. One block solves {{ f"{solved[1]:.0%}" }}, a stack of two {{ f"{solved[2]:.0%}" }}. Stack them, and you have a [GPT](gpt.py).

# %% [markdown]
# ## Check yourself
#
# ??? question "Without its MLPs the GPT is smaller, too. Is it the thinking that is missing, or the parameters?"
#     This experiment cannot tell them apart: {{ f"{1 - table.parameters['MLP'] / table.parameters['']:.0%}" }} of the parameters are gone. The running sum has none at all, and the norms hardly any: what they cost has nothing to do with size.
#
# ??? question "Without position embeddings, does a stack of blocks know nothing about order?"
#     A little. Later positions see more letters than earlier ones, because of the mask. A second block can tell them apart by what the first one found there.
#
# ??? question "Why does a part read the norm of the sum, and not norm the sum itself?"
#     Then the sum would be squeezed again and again, and with it all that was added early. As it is, everything stays as it was added.

# %% [markdown]
# ## Exercises

# %% tags=["fold"]
from gptbook.exercise import exercise

# %% [markdown] tags=["exercise"]
# ### Predict: where do the numbers sit?
#
# *easy · 5 minutes*
#
# In a block with $F = 4D$, how many times as many parameters has the MLP as attention? Give the nearest whole number.
#
# answer: 2 times
#
# The MLP has two tables of $D$ by $4D$, which makes $8D^2$ numbers; attention has four of $D$ by $D$, which makes $4D^2$. The biases hardly count.

# %% tags=["starter"]
my_ratio = ...

# %% tags=["check"]
with exercise("Predict"):
    wide = Block(GPTConfig(model_dim=64, num_heads=4, mlp_dim=4 * 64))
    in_mlp, in_attention = (
        sum(parameter.numel() for parameter in part.parameters())
        for part in (wide.mlp, wide.attention)
    )
    ratio = in_mlp / in_attention
    assert abs(my_ratio - ratio) < 0.5, "count the tables: how many are D by D in size?"

# %% [markdown] tags=["hint"]
# Attention has four tables of $D$ by $D$: queries, keys, values, and the one that mixes the heads. The MLP has two of $D$ by $4D$.

# %% tags=["solution"]
my_ratio = 2  # 8 D² to 4 D², and a few biases

# %% [markdown] tags=["exercise"]
# ### Change: norm the sum itself
#
# *medium · 10 minutes*
#
# The Transformer of 2017 had its norms behind the plus: $x \leftarrow \text{norm}(x + \text{part}(x))$. Change the block below to that order.


# %% tags=["starter"]
class NormAfter(Block):
    """A block that norms the running sum itself, after each part."""

    def forward(self, x: Tensor, cache: None = None) -> Tensor:
        x = x + self.attention(self.attention_norm(x), cache)
        return x + self.mlp(self.mlp_norm(x))


# %% tags=["check"]
with exercise("Change"):
    torch.manual_seed(0)
    after = NormAfter(GPTConfig(model_dim=8, num_heads=2, mlp_dim=32))
    given = 5 * torch.randn(2, 6, 8)
    size = after(given).std(dim=-1, correction=0)
    assert ((size - 1).abs() < 0.01).all(), (
        "the sum that leaves the block is not normed"
    )
    halfway = after.attention_norm(given + after.attention(given))
    wanted = after.mlp_norm(halfway + after.mlp(halfway))
    assert after(given).allclose(wanted, atol=1e-5), "the parts read what is not normed"

# %% [markdown] tags=["hint"]
# Twice the same move: the part gets `x` as it is, and the norm goes around the sum.


# %% tags=["solution"]
class NormAfter(Block):
    """A block that norms the running sum itself, after each part."""

    def forward(self, x: Tensor, cache: None = None) -> Tensor:
        x = self.attention_norm(x + self.attention(x, cache))
        return self.mlp_norm(x + self.mlp(x))


# %% [markdown] tags=["exercise"]
# ### Build: work something out
#
# *hard · 20 minutes*
#
# No weighted average turns −3 into 3 and leaves 3 as it is. An MLP can. Choose the numbers of one with two hidden units so that it returns $|x|$ for every $x$ between −5 and 5, with an error of 0.05 at most.


# %% tags=["starter"]
def absolute_value() -> MLP:
    """An MLP that takes the sign off a number."""
    mlp = MLP(model_dim=1, mlp_dim=2)
    with torch.no_grad():
        mlp.hidden.weight[:] = torch.tensor([[1.0], [1.0]])  # (F, D)
        mlp.hidden.bias[:] = 0
        mlp.output.weight[:] = torch.tensor([[1.0, 1.0]])  # (D, F)
        mlp.output.bias[:] = 0
    return mlp


# %% tags=["check"]
with exercise("Build"):
    asked = torch.linspace(-5, 5, 201)[:, None]
    with torch.no_grad():
        errors = (absolute_value()(asked) - asked.abs()).abs()
    worst = asked[int(errors.argmax())].item()
    assert errors.max() < 0.05, f"at {worst:.2f} it is off by {errors.max():.2f}"

# %% [markdown] tags=["hint"]
# One hidden unit lets positive numbers through, the other negative ones, turned round. GELU's rounded corner matters less, the larger the numbers that meet it: multiply by 20 before it, and divide by 20 after.


# %% tags=["solution"]
def absolute_value() -> MLP:
    """An MLP that takes the sign off a number."""
    mlp = MLP(model_dim=1, mlp_dim=2)
    with torch.no_grad():
        mlp.hidden.weight[:] = torch.tensor([[20.0], [-20.0]])  # (F, D)
        mlp.hidden.bias[:] = 0
        mlp.output.weight[:] = torch.tensor([[0.05, 0.05]])  # (D, F)
        mlp.output.bias[:] = 0
    return mlp


# %% [markdown] tags=["note"]
# ## Where this lives in the package
#
# `MLP` and `Block` are in [gptbook.models.gpt](../reference/models.md#gptbook.models.gpt), `gpt_without` in [gptbook.models.ablation](../reference/models.md#gptbook.models.ablation). The three seeds come from a record, `data/runs/parts.json`, which `gptbook ladder parts` makes.

# %% [markdown]
# ## Further reading
#
# - Kaiming He and others, *Deep Residual Learning for Image Recognition* (2015): why adding to a running sum lets nets be deep.
# - Ruibin Xiong and others, *On Layer Normalization in the Transformer Architecture* (2020): what changes when the norm stands before the part.
# - Catherine Olsson and others, *In-context Learning and Induction Heads* (2022): the riddle of this page, inside real language models.
