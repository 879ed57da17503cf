# %% [markdown]
# # A model is a function
#
# What is inside a model? You hand GPT-2 some text, and it tells you what may come next. Between the two is no list of answers, only arithmetic with many numbers.
#
# ![Three models, one below the other. A line: 4.7 goes in, 1.5 comes out, 2 numbers inside. A small net: four lengths in, three scores out, 131 numbers inside. GPT-2: text in, 50,257 scores out, 124,439,808 numbers inside.](../figures/input-numbers-output.svg "Each turns an input into an output, with the numbers inside.")

# %% [markdown]
# ## Two numbers
#
# This model guesses a petal's width from its length:
#
# $$\text{width} = a \cdot \text{length} + b$$
#
# It is a **function**: the same input gives the same output. The open numbers, $a$ and $b$, are its **parameters**. Other parameters, another model.

# %% tags=["fold"]
from itertools import pairwise

import matplotlib.pyplot as plt
import pandas as pd
import torch
from torch import Tensor

from gptbook.models.classifier import FEATURES, accuracy, iris_tensors
from gptbook.data.tables import data_file


# %%
def line(length: Tensor, a: float, b: float) -> Tensor:
    """A model with two parameters: petal length (cm) in, petal width (cm) out."""
    return a * length + b


features, labels = iris_tensors()  # (150, 4) in cm, and (150,): 0, 1 or 2
petal_length = features[:, FEATURES.index("petal_length")]
petal_width = features[:, FEATURES.index("petal_width")]

# %% tags=["fold"]
#| alt: Petal width against petal length with two straight lines. The line with a 0.4 and b minus 0.4 runs through the flowers; the one with a minus 0.2 and b 2 falls across them.
#| caption: One formula, two pairs of parameters.
fig, ax = plt.subplots(figsize=(5.4, 3.2))
ax.plot(petal_length, petal_width, "o", color="C0", markersize=4, alpha=0.5)
ends = torch.tensor([1.0, 7.0])
for a, b, style in ((0.4, -0.4, "-"), (-0.2, 2.0, "--")):
    ax.plot(ends, line(ends, a, b), color="C1", linestyle=style, linewidth=2)
ax.text(2.4, 0.25, "a = 0.4, b = \u22120.4", color="C1")
ax.text(2.0, 1.72, "a = \u22120.2, b = 2", color="C1")
ax.set_xlabel("petal length (cm)")
ax.set_ylabel("petal width (cm)")
ax.set_title("The parameters make the model")
plt.show()

# %% [markdown]
# ## {{ num_parameters }} numbers
#
# A **neural net** stacks such sums. This one takes four lengths, makes {{ hidden_dim }} numbers of them, and from those a score for each species. The highest score wins.
#
# $$h = \max(0,\; x W_1 + b_1)$$
#
# $$\text{scores} = h W_2 + b_2$$
#
# Each $W$ is a table of parameters, each $b$ a row. $\max(0, \ldots)$ turns negative numbers into 0. Without that bend, two such sums in a row could do no more than one.
#
# The count: $4 \cdot 16 + 16$, then $16 \cdot 3 + 3$. Together {{ num_parameters }}.

# %% tags=["show"]
from gptbook.models.classifier import IrisNet

# %%
torch.manual_seed(0)
net = IrisNet()
hidden_dim = net.hidden.out_features
num_parameters = sum(parameter.numel() for parameter in net.parameters())
for name, parameter in net.named_parameters():
    print(f"{name:14} {tuple(parameter.shape)!s:8} {parameter.numel():4}")
print(f"{num_parameters:28}")

# %% [markdown]
# ## {{ f"{total:,}" }} numbers
#
# GPT-2, of 2019, is the same idea, larger. Text goes in as **tokens**, numbers that stand for pieces of text. The whole of it follows; you need not understand it yet:
#
# $$x = E_{\text{tokens}} + P_{\text{positions}}$$
#
# Then {{ config.num_layers }} **blocks**, one after the other. Each changes $x$ twice:
#
# $$x \leftarrow x + \text{attention}(\text{norm}(x))$$
#
# $$x \leftarrow x + \text{MLP}(\text{norm}(x))$$
#
# And at the end a score for every possible next token:
#
# $$\text{scores} = \text{norm}(x)\, E^\top$$
#
# Norm, MLP and attention, written out:
#
# $$\text{norm}(x) = g \cdot \frac{x - \text{mean}(x)}{\sqrt{\text{variance}(x) + 10^{-5}}} + b$$
#
# $$\text{MLP}(x) = \text{gelu}(x W_1 + b_1)\, W_2 + b_2$$
#
# $$\text{attention}(x) = [\text{head}_1 \;\ldots\; \text{head}_N]\, W_o + b_o$$
#
# $$\text{head}_n = \text{softmax}\left(\frac{q_n k_n^\top}{\sqrt{H}} + M\right) v_n$$
#
# $$[q \; k \; v] = x W_{qkv} + b_{qkv}$$
#
# For now, count: every $E$, $P$, $W$, $b$ and $g$ holds parameters.
#
# ??? info "The letters, and the shape of every part"
#     The letters are the same [in the whole book](../notation.md). For GPT-2 small:
#
#     | letter | what it counts | GPT-2 |
#     |---|---|---|
#     | $B$ | texts at a time | any |
#     | $T$ | tokens in a text | up to {{ f"{config.context_length:,}" }} |
#     | $C$ | the longest text it can read | {{ f"{config.context_length:,}" }} |
#     | $V$ | different tokens | {{ f"{config.vocab_size:,}" }} |
#     | $L$ | blocks | {{ config.num_layers }} |
#     | $D$ | numbers that describe a token | {{ config.model_dim }} |
#     | $N$ | heads | {{ config.num_heads }} |
#     | $H$ | numbers a head works with, $D / N$ | {{ config.model_dim // config.num_heads }} |
#     | $F$ | numbers inside the MLP, $4D$ | {{ f"{config.mlp_dim:,}" }} |
#
#     $x$ is $(B, T, D)$: $D$ numbers for each token of each text. $E$ is $(V, D)$, and $E_{\text{tokens}}$ picks a row for each token. $P$ is $(C, D)$; position 0 takes its first row. $q$, $k$ and $v$ are $(B, T, D)$; head $n$ takes its share of them, $(B, T, H)$. $M$ holds no parameters: it is 0 where a token looks at itself or back, and $-\infty$ where it would look ahead. $\text{gelu}$ is a bend, like $\max(0, \ldots)$ with a rounded corner. $\text{softmax}$ turns scores into shares that sum to 1.
#
#     Every norm has its own $g$ and $b$, every block its own $W$. The norm is taken of a copy: the $x$ on the left of a plus is the one from before the norm.

# %% tags=["fold"]
from gptbook.models.gpt import GPT, GPTConfig
from gptbook.models.sizes import parameter_terms

# %%
config = GPTConfig()  # the sizes of GPT-2 small
terms = parameter_terms(config)
total = sum(term.count for term in terms)

rows = [[term.shape, term.formula, f"{term.count:,}"] for term in terms]
table = pd.DataFrame(
    [*rows, ["", "", f"{total:,}"]],
    index=[*(term.name for term in terms), "total"],
    columns=["shapes", "formula", "parameters"],
)
table

# %% [markdown] tags=["note"]
# Does the formula count what the code has? Build the model itself, on PyTorch's `meta` device: all shapes, and no memory for the numbers.

# %%
with torch.device("meta"):
    gpt_2 = GPT(config)
counted = sum(parameter.numel() for parameter in gpt_2.parameters())
assert counted == total
print(f"the module has {counted:,} parameters, the formulas say {total:,}")

# %% tags=["live"]
#| widget: equation
#| alt: The equations of GPT-2. Below them a bar as long as all {{ f"{total:,}" }} parameters, a piece for each term. The token embedding E is marked: {{ terms[0].formula }} parameters, {{ f"{terms[0].count:,}" }}.
#| caption: One term's share of all parameters.
from bookbuild.live import publish

published_as = {"small": (12, 768), "medium": (24, 1024)}  # L, D
published_as |= {"large": (36, 1280), "XL": (48, 1600)}
sizes = {}
for name, (num_layers, dim) in published_as.items():
    sizes[name] = {"V": config.vocab_size, "C": config.context_length}
    sizes[name] |= {"L": num_layers, "D": dim, "F": 4 * dim}
listed = [[term.name, term.shape, term.formula] for term in terms]
publish("opening", {"terms": listed, "sizes": sizes})

fig, ax = plt.subplots(figsize=(5.4, 3.0))
for place, equation in enumerate(
    (
        "x = E[tokens] + P[positions]",
        f"then {config.num_layers} times:",
        "    [q k v] = norm(x) W + b",
        "    x \u2190 x + [head\u2081 \u2026 head\u2099] W + b",
        "    x \u2190 x + gelu(norm(x) W + b) W + b",
        "scores = norm(x) E\u1d40",
    )
):
    ax.text(0, 7.6 - place, equation, fontsize=11)
left = 0
for term in terms:
    colour = "lightgray" if left else "C1"
    ax.barh(0.9, term.count, 0.9, left, color=colour, edgecolor="white", linewidth=1)
    left += term.count
ax.text(0, -0.6, f"E: {terms[0].formula} = {terms[0].count:,}", color="C1")
ax.set_xlim(0, total)
ax.set_ylim(-1.2, 8.4)
ax.axis("off")
ax.set_title(f"E holds {100 * terms[0].count / total:.0f}% of GPT-2 small")
plt.show()

# %% [markdown]
# ![GPT-2 as a tower. At the bottom, tokens go into a token table and a table of positions. A line, the running sum, leads up through 12 blocks; in each, attention and MLP read it through a norm and add to it. At the top a norm and the token table again. The number of parameters stands beside each part.](../figures/gpt-2-tower.svg "GPT-2, from the bottom up. Right: parameters, all blocks together.")
#
# The MLPs hold {{ f"{100 * mlp_share:.0f}%" }} of the parameters, and the token table {{ f"{100 * embedding_share:.0f}%" }}.
#
# ## How large they became

# %% tags=["fold"]
by_name = {term.name: term.count for term in terms}
mlp_share = (by_name["MLP, first layer"] + by_name["MLP, second layer"]) / total
embedding_share = by_name["token embedding"] / total

# %%
models = pd.read_csv(data_file("models.csv"), parse_dates=["date"])
published = models[models["parameters"].notna()]
undisclosed = models[models["parameters"].isna()]
largest = published.loc[published["parameters"].idxmax()]
first_size = published["parameters"].iloc[0]  # the Transformer of 2017
early = published.loc[published["date"] < "2022", "parameters"].max()
until_2021 = early / first_size
since = largest["parameters"] / early

# %% tags=["fold"]
#| alt: Parameters of {{ len(published) }} models against their date, on an axis where each step is ten times more. They rise steeply to {{ f"{early / 1e12:.1f}" }} trillion in 2021; the largest since, of 2026, has {{ f"{largest['parameters'] / 1e12:.1f}" }} trillion. In a strip at the top, hollow diamonds: {{ len(undisclosed) }} models of undisclosed size, from 2023 on.
#| caption: Squares use only a part of their parameters for each token. Hollow: undisclosed. [Sources](../data.md).
partly = published["note"].str.contains("mixture of experts", na=False)
fig, ax = plt.subplots(figsize=(5.6, 4.2))
for chosen, marker in ((published[~partly], "o"), (published[partly], "s")):
    ax.plot(chosen["date"], chosen["parameters"], marker, color="C0", markersize=5)
# A strip above all sizes, for those without one; two heights, or some would coincide.
ax.axhspan(1e13, 1e14, color="lightgray", alpha=0.4, linewidth=0)
heights = [5e13 if row % 2 else 2e13 for row in range(len(undisclosed))]
ax.plot(undisclosed["date"], heights, "D", color="C0", mfc="none", markersize=6)
ax.text(pd.Timestamp("2017-03"), 3.2e13, "size undisclosed", va="center")
places = {
    "Transformer (big)": (-5, 26, "left"),
    "GPT-2 small": (7, -4, "left"),
    "GPT-3": (0, 8, "center"),
    "Switch-C": (0, 8, "center"),
    largest["name"]: (6, 8, "right"),
}
for name, (right, up, side) in places.items():
    model = models[models["name"] == name].iloc[0]
    at = (model["date"], model["parameters"])
    line = {"arrowstyle": "-", "color": "gray"} if up > 20 else None
    ax.annotate(
        name, at, (right, up), textcoords="offset points", ha=side, arrowprops=line
    )
first, last = undisclosed.iloc[0], undisclosed.iloc[-1]
beside = {"textcoords": "offset points", "va": "center"}
at = (first["date"], heights[0])
ax.annotate(first["name"], at, (-8, 0), ha="right", **beside)
ax.annotate(last["name"], (last["date"], heights[-1]), (8, 0), **beside)
ax.set_yscale("log")
ax.set_ylim(3e7, 1e14)
ax.set_xlim(pd.Timestamp("2017-01"), pd.Timestamp("2026-12"))
sizes = {"100 million": 1e8, "1 billion": 1e9, "10 billion": 1e10}
sizes |= {"100 billion": 1e11, "1 trillion": 1e12}
ax.set_yticks(list(sizes.values()), list(sizes))
ax.minorticks_off()
ax.set_xlabel("published")
ax.set_ylabel("parameters")
title = f"Largest published: {until_2021:,.0f}-fold by 2021, {since:.2f}-fold since"
fig.suptitle(title, x=0.02, ha="left", weight="bold", fontsize=12)
plt.show()

# %% [markdown]
# From 2017 to 2021 the largest published count grew {{ f"{until_2021:,.0f}" }}-fold, since then {{ f"{since:.2f}" }}-fold. But {{ len(undisclosed) }} of these models' sizes are undisclosed.
#
# ## What goes wrong
#
# !!! question "Guess first"
#     Fill the small net's {{ num_parameters }} parameters with random numbers. How many of the {{ len(labels) }} flowers does it name rightly?

# %%
num_nets = 1000
num_right, one_name = [], 0
for seed in range(num_nets):
    torch.manual_seed(seed)
    random_net = IrisNet()
    num_right.append(round(accuracy(random_net, features, labels) * len(labels)))
    with torch.no_grad():
        one_name += len(random_net(features).argmax(dim=-1).unique()) == 1
mean_right = sum(num_right) / num_nets
print(f"{num_nets:,} random nets: {mean_right:.0f} of {len(labels)} right on average")

# %% tags=["fold"]
#| alt: How many of {{ num_nets }} random nets name how many flowers rightly. The highest bar stands at 50 of 150; few nets come above 100.
#| caption: {{ f"{num_nets:,}" }} nets with random parameters.
fig, ax = plt.subplots(figsize=(5.4, 3.0))
ax.hist(num_right, bins=range(0, 156, 5), color="C1")
ax.axvline(len(labels), color="black", linestyle="--", linewidth=1.2)
ax.text(len(labels) - 2, num_nets * 0.4, "all right", ha="right")
ax.set_xlabel(f"flowers named rightly, of {len(labels)}")
ax.set_ylabel("nets")
ax.set_title(f"Random parameters name {100 * mean_right / len(labels):.0f}% rightly")
plt.show()

# %% [markdown]
# On average {{ f"{mean_right:.0f}" }}: no better than guessing. Of {{ f"{num_nets:,}" }} nets, {{ one_name }} give every flower one name, and the best gets {{ max(num_right) }}. The knowledge lies in the numbers alone: [how does a model find them?](loss-and-training.py)

# %% [markdown]
# ## Check yourself
#
# ??? question "Two models have the same formula and the same count of parameters. Do they answer alike?"
#     Only if the parameters have the same values too. The two lines on this page show it.
#
# ??? question "Does GPT-2 need more parameters for a longer text?"
#     No. The same tables serve every position. Only $P$ has one row a position, and it ends after {{ f"{config.context_length:,}" }}: a longer text does not go in.
#
# ??? question "Why does the prediction have no parameters of its own?"
#     It reads the token table $E$ a second time. A table of its own would cost another {{ f"{by_name['token embedding']:,}" }} parameters.

# %% [markdown]
# ## Exercises

# %% tags=["fold"]
from gptbook.exercise import exercise

# %% [markdown] tags=["exercise"]
# ### Predict: twice as wide
#
# *easy · 3 minutes*
#
# The small net gets 32 numbers in its middle in place of 16. How many parameters has it now?

# %% tags=["starter"]
my_prediction = ...

# %% tags=["check"]
with exercise("Predict"):
    wide = sum(parameter.numel() for parameter in IrisNet(hidden_dim=32).parameters())
    assert my_prediction + 0 == wide, "count both tables and both rows"

# %% [markdown] tags=["hint"]
# The last row, one number for each species, does not grow.

# %% tags=["solution"]
my_prediction = 4 * 32 + 32 + 32 * 3 + 3  # 259, not quite twice 131

# %% [markdown] tags=["exercise"]
# ### Change: the next size
#
# *medium · 5 minutes*
#
# GPT-2 came in four sizes. The second has 24 blocks, 1,024 numbers a token, 16 heads and an MLP of 4,096. Change the sizes below. How many parameters is that?

# %% tags=["starter"]
my_config = GPTConfig(num_layers=12, model_dim=768, num_heads=12, mlp_dim=3072)

# %% tags=["check"]
with exercise("Change"):
    mine = sum(term.count for term in parameter_terms(my_config))
    assert mine == 354_823_168, f"{mine:,} parameters: have you changed all four sizes?"

# %% [markdown] tags=["hint"]
# Write `num_layers=24`, and go on like that. The vocabulary and the context stay.

# %% tags=["solution"]
my_config = GPTConfig(num_layers=24, model_dim=1024, num_heads=16, mlp_dim=4096)

# %% [markdown] tags=["exercise"]
# ### Build: count any net
#
# *medium · 15 minutes*
#
# Write `count_parameters(sizes)` for nets like the small one, with any number of layers. For `[4, 16, 3]` it returns 131.


# %% tags=["starter"]
def count_parameters(sizes: list[int]) -> int:
    return 0


# %% tags=["check"]
with exercise("Build"):
    for sizes in ([4, 16, 3], [2, 5], [10, 20, 30, 40], [7, 1, 7, 1]):
        layers = [torch.nn.Linear(a, b) for a, b in pairwise(sizes)]
        expected = sum(p.numel() for layer in layers for p in layer.parameters())
        answer = count_parameters(sizes)
        assert answer == expected, f"{sizes}: you say {answer}, it should be {expected}"

# %% [markdown] tags=["hint"]
# `pairwise(sizes)` gives each layer's input size with its output size.


# %% tags=["solution"]
def count_parameters(sizes: list[int]) -> int:
    return sum(inputs * outputs + outputs for inputs, outputs in pairwise(sizes))


# %% [markdown] tags=["note"]
# ## Where this lives in the package
#
# `IrisNet` is in [gptbook.models.classifier](../reference/models.md#gptbook.models.classifier); `GPTConfig` and `GPT` are in [gptbook.models.gpt](../reference/models.md#gptbook.models.gpt), `parameter_terms` in [gptbook.models.sizes](../reference/models.md#gptbook.models.sizes). Chapter 11 assembles GPT-2 line by line. The models and their sources are in `data/models.csv`.

# %% [markdown]
# ## Further reading
#
# - Frank Rosenblatt, *The Perceptron* (1958): an early net whose numbers are found from examples.
# - Alec Radford et al., *Language Models are Unsupervised Multitask Learners* (2019): the report on GPT-2. It says 117 million, a miscount that was corrected later.
