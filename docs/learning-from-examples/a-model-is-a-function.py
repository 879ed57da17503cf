# %% [markdown]
# # A model is a function
#
# What is inside a model? Not a list of answers, and no rules that somebody wrote. You hand GPT-2 some text, and it works out what may come next by doing arithmetic with a great many numbers.
#
# ![Three models, one below the other. A line: 4.7 goes in, 1.5 comes out, 2 numbers inside. A small net: four lengths in, three scores out, 131 numbers inside. GPT-2: text in, 50,257 scores out, 124,439,808 numbers inside.](../figures/input-numbers-output.svg "Each model turns an input into an output, using the numbers inside it.")

# %% [markdown] tags=["read"]
# The last chapter ended with a wall: you can't find the numbers of a model by trying them all. Before we climb over it, we should know what these numbers are for. So this page doesn't ask where they come from. It only looks at what happens between the moment when something goes into a model and the moment when an answer comes out, first with 2 numbers inside, then with 131, and then with 124 million. The surprise is how little changes on the way.

# %% [markdown]
# ## Two numbers
#
# A very small model guesses how wide a flower's petals are from how long they are:
#
# $$\text{width} = a \cdot \text{length} + b$$
#
# It's a **function**: the same input always gives the same output. The two open numbers, $a$ and $b$, are its **parameters**. The first, which multiplies, is a **weight**, and the second, which is added, is a **bias**.

# %% [markdown] tags=["read"]
# Try it by hand. Let $a$ be 0.4 and $b$ be −0.4, and take a flower with petals 4.7 cm long. The model multiplies, 0.4 · 4.7 = 1.88, and adds, 1.88 − 0.4 = 1.48. So it guesses that the petals are about 1.5 cm wide. The table says {{ walked_width }} cm, so that's a decent guess. With $a$ = −0.2 and $b$ = 2, the same formula and the same flower give −0.94 + 2 = 1.06 cm, which is a bad guess.
#
# The two parameters do different jobs, and you'll meet their names throughout the book. A weight says how much the input counts. A bias is there whatever the input is.

# %% tags=["fold"]
from itertools import pairwise

import matplotlib.pyplot as plt
import pandas as pd
import torch
from matplotlib.patches import Rectangle
from torch import Tensor

from gptbook.models.classifier import FEATURES, SPECIES, accuracy, iris_tensors
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
#| caption: Dots are flowers. Two pairs of parameters make two different lines of the same formula.
walked_width = f"{petal_width[50]:.1f}"
fig, ax = plt.subplots(figsize=(4.5, 3.0))
spots = torch.stack([petal_length, petal_width]).unique(dim=1)  # each place once
ax.plot(*spots, "o", color="C0", markersize=4, alpha=0.5)
ends = torch.tensor([1.0, 7.0])
for a, b, style in ((0.4, -0.4, "-"), (-0.2, 2.0, "--")):
    ax.plot(ends, line(ends, a, b), color="C1", linestyle=style, linewidth=2)
ax.text(2.6, 0.25, "a = 0.4, b = \u22120.4", color="C1")
ax.text(2.0, 1.75, "a = \u22120.2, b = 2", color="C1")
ax.set_xlabel("petal length (cm)")
ax.set_ylabel("petal width (cm)")
ax.set_title("The parameters decide the line")
plt.show()

# %% [markdown]
# ## What a bend can do
#
# Suppose a model should give a score for "this is a versicolor". Versicolor's petals are neither the shortest nor the longest, so with growing length the score should rise and fall again, like a hill. But a line only rises or only falls. One bend is enough to make a hill.

# %% [markdown] tags=["read"]
# Would a second line do it? Let one line compute 2 · length + 1, and hand its result $u$ to a second line, which computes 3 · $u$ − 4. Multiplied out, the two together are 6 · length − 1, which is one line again, with the weight 6 and the bias −1. You can put a hundred lines in a row, and you'll always be able to multiply them out into a single one. All the extra parameters achieve nothing.
#
# So lines need something else that isn't a line. The simplest such thing is to turn every negative number into 0 and leave the others as they are:
#
# $$\text{ReLU}(u) = \max(0,\; u)$$
#
# Its name, **ReLU**, is short for *rectified linear unit*. Up to zero it's flat, from there on it rises, so its graph is a straight line with one bend. Now build a score for versicolor out of it, for petals of length $x$:
#
# $$\text{score} = (x - 2.45) - 2 \cdot \max(0,\; x - 3.6)$$
#
# (The bend stands at 3.6 because that's halfway between the two thresholds of the last chapter.) Put in a setosa with $x$ = 1.4: the first bracket is −1.05, and 1.4 − 3.6 is negative, so the second part is 0 and the score is −1.05. A versicolor with $x$ = 4.3 gets 1.85 − 2 · 0.7 = 0.45. A virginica with $x$ = 5.6 gets 3.15 − 2 · 2.0 = −0.85. Of these three flowers, only the versicolor scores above zero. Up to 3.6 cm the score climbs. From there on, each further centimetre adds 1 in the first part and takes away 2 in the second, so the score falls. Without the ReLU, the second part would work everywhere: the score would be (x − 2.45) − 2 · (x − 3.6), and that's 4.75 − x, a line that falls all the way.

# %% tags=["fold"]
#| alt: Score against petal length. A dashed straight line falls all the way from left to right and is above zero up to 4.75 cm, setosa included. A solid line rises to a peak at 3.6 cm and falls again; it is above zero from 2.45 to 4.75 cm only. Marks at the bottom show the petal lengths of the three species.
#| caption: The marks below are the flowers. Without its bend, the same formula falls in one straight line, and every setosa scores as a versicolor.
fig, ax = plt.subplots(figsize=(4.5, 3.4))
x = torch.tensor([0.8, 2.45, 3.6, 4.75, 7.1])  # ends, zeros and the bend
straight = (x - 2.45) - 2 * (x - 3.6)
bent = (x - 2.45) - 2 * (x - 3.6).clamp(min=0)
ax.axhline(0, color="gray", linewidth=1)
ax.fill_between(x, 0, bent, where=bent > -1e-6, color="C1", alpha=0.2, linewidth=0)
ax.plot(x, bent, color="C1", linewidth=2.5)
ax.plot(x, straight, color="gray", linestyle="--", linewidth=1.5)
ax.text(1.8, 3.1, "without the bend", color="gray")
ax.text(3.75, 1.35, "with the bend", color="C1", weight="bold")
looks = (("C0", "o"), ("C2", "^"), ("C3", "s"))  # of the three species
for number, (colour, marker) in enumerate(looks):
    at = petal_length[labels == number].unique()
    ax.plot(at, [-2.7 - 0.5 * number] * len(at), marker, color=colour, markersize=4)
for left, number in ((2.1, 0), (5.35, 1), (2.8, 2)):
    ax.text(
        left, -2.7 - 0.5 * number, SPECIES[number], color=looks[number][0], va="center"
    )
ax.set_ylim(-4.2, 4)
ax.set_xlabel("petal length (cm)")
ax.set_ylabel("score for versicolor")
ax.set_title("One bend turns a line into a hill")
plt.show()

# %% [markdown] tags=["read"]
# The hill is above zero exactly between 2.45 and 4.75 cm, the two thresholds of the last chapter.

# %% [markdown]
# With enough bends, a model can follow nearly any shape.
#
# ## {{ num_parameters }} numbers
#
# A **neural net** is many such bent lines side by side. This one first makes {{ hidden_dim }} numbers out of the four lengths of a flower. Then it turns those below zero into 0, and that's the bend. From them it makes a **score** for each species, and the highest score wins.

# %% tags=["show"]
from gptbook.models.classifier import IrisNet

# %% tags=["fold"]
from gptbook.models.classifier import train_classifier

# %% tags=["fold"]
#| alt: A table of the whole net. The top row holds the flower's four lengths, 7.0, 3.2, 4.7 and 1.4. Below it stand {{ hidden_dim }} rows, one for each hidden unit: its four weights, its bias, the number that comes out, and three weights to the species. The last row holds the three biases, and under it the scores. The highest score is versicolor's.
#| caption: All {{ num_parameters }} parameters of the net, in colour. (Rounded; stronger colour is further from zero.) In frames: the numbers of one flower, computed from left to right.
net, _ = train_classifier(features, labels, seed=0)  # how, the next chapter tells
hidden_dim = net.hidden.out_features
num_parameters = sum(parameter.numel() for parameter in net.parameters())
flower = features[50]  # (4,), the first versicolor of the table
with torch.no_grad():
    hidden = torch.relu(net.hidden(flower))  # (16,)
    flower_scores = net.output(hidden)  # (3,)
assert int(flower_scores.argmax()) == labels[50] == 1


def signed(number: float, decimals: int = 1) -> str:
    """A number with a proper minus sign, and none before a zero."""
    return f"{round(number, decimals) + 0:.{decimals}f}".replace("-", "\u2212")


fig, ax = plt.subplots(figsize=(4.5, 6.6))


def cell(column: float, row: int, number: float, learned: bool = True) -> None:
    """One number in its cell; rows are counted downward."""
    if learned:
        shade = min(abs(number) / 1.6, 1) * 0.45
        look = {"facecolor": "C1", "alpha": shade, "edgecolor": "none"}
    else:
        look = {"facecolor": "none", "edgecolor": "gray", "linewidth": 1}
    ax.add_patch(Rectangle((column, row), 0.94, 0.86, **look))
    ax.text(
        column + 0.47, row + 0.46, signed(number), ha="center", va="center", fontsize=10
    )


with torch.no_grad():
    for column, length in enumerate(flower.tolist()):
        cell(column, -1, length, learned=False)
    for row in range(hidden_dim):
        for column, weight in enumerate(net.hidden.weight[row].tolist()):
            cell(column, row + 0.4, weight)
        cell(4.25, row + 0.4, net.hidden.bias[row].item())
        cell(5.5, row + 0.4, hidden[row].item(), learned=False)
        for column, weight in enumerate(net.output.weight[:, row].tolist()):
            cell(6.8 + column, row + 0.4, weight)
    for column, (bias, score) in enumerate(zip(net.output.bias, flower_scores)):
        cell(6.8 + column, hidden_dim + 0.65, bias.item())
        cell(6.8 + column, hidden_dim + 1.95, score.item(), learned=False)
said = {"fontsize": 10, "ha": "center", "va": "bottom"}
ax.text(1.95, -1.15, "the flower's lengths", **said)
ax.text(4.7, 0.25, "bias", **said)
ax.text(5.95, 0.25, "out", **said)
for column, name in enumerate(("set.", "vers.", "virg.")):
    ax.text(7.3 + column, 0.25, name, **said)
aside = {"fontsize": 10, "ha": "right", "va": "center"}
ax.text(6.6, hidden_dim + 1.1, "bias", **aside)
ax.text(6.6, hidden_dim + 2.4, "scores", weight="bold", **aside)
ax.set_xlim(-0.05, 9.8)
ax.set_ylim(hidden_dim + 2.95, -2)
ax.axis("off")
ax.set_title(f"A whole neural net: {num_parameters} numbers")
plt.show()

# %% [markdown] tags=["read"]
# These {{ num_parameters }} numbers were found by training, as the next chapter describes. Here we only watch them at work. Each row of the picture is one **hidden unit**: a number that stands between the input and the output. Each of the {{ hidden_dim }} has a weight for every length, and a bias. Nobody decides what a hidden unit should mean. Training chooses its weights, so it comes to mean whatever helps. Let's compute one of them for the flower in the picture, the unit that comes out largest, in row {{ unit + 1 }}. Multiply each length by the unit's weight for it, add everything up, add the bias, and bend:

# %% tags=["result", "read"]
with torch.no_grad():
    unit = int(hidden.argmax())
    unit_weights = [round(w, 2) for w in net.hidden.weight[unit].tolist()]
    unit_bias = round(net.hidden.bias[unit].item(), 2)
products = [round(x * w, 2) for x, w in zip([7.0, 3.2, 4.7, 1.4], unit_weights)]
unit_sum = sum(products) + unit_bias
by_hand = pd.DataFrame(
    [
        [signed(length), signed(weight, 2), signed(product, 2)]
        for length, weight, product in zip(flower.tolist(), unit_weights, products)
    ]
    + [["", signed(unit_bias, 2), signed(unit_bias, 2)]]
    + [["", "", signed(unit_sum, 2)], ["", "", signed(max(0, unit_sum), 2)]],
    index=[name.replace("_", " ") for name in FEATURES]
    + ["bias", "sum", "after the bend"],
    columns=["length (cm)", "weight", "product"],
)
assert abs(max(0, unit_sum) - hidden[unit].item()) < 0.1  # but for rounding
by_hand

# %% [markdown] tags=["read"]
# The weights are rounded to two decimals here, so the net itself gets {{ signed(hidden[unit].item(), 2) }}. The sum is above zero, so the bend leaves it as it is. In {{ num_silent }} of the {{ hidden_dim }} units the sum is below zero for this flower, and the bend makes it 0: those units have no effect this time. Then the second half of the net does the same again, but without a bend, and with the {{ hidden_dim }} hidden numbers as its input: for each species multiply them by {{ hidden_dim }} weights, add up, and add a bias. The scores are {{ signed(flower_scores[0].item()) }} for setosa, {{ signed(flower_scores[1].item()) }} for versicolor and {{ signed(flower_scores[2].item()) }} for virginica, so the net says versicolor, and that's right. (The picture's numbers are rounded to one decimal, so if you compute a score from them, yours will differ somewhat.)
#
# Now the same thing as a formula, which you'll be able to read because you have just done it:
#
# $$h = \max(0,\; x W_1 + b_1)$$
#
# $$\text{scores} = h W_2 + b_2$$
#
# Here $x$ is the row of four lengths. $W_1$ is a table that holds the four weights of each hidden unit, and $x W_1$ means: for each unit, multiply the four lengths by its four weights and add up. $b_1$ is the row of {{ hidden_dim }} biases. $h$ is the row of hidden numbers after the bend. $W_2$ and $b_2$ do the same for the three scores. Every neural net in this book is made of steps like these two, and each such step is called a **layer**.
#
# So how many parameters are there? $W_1$ holds 4 · {{ hidden_dim }} = {{ 4 * hidden_dim }} weights and $b_1$ holds {{ hidden_dim }} biases. $W_2$ holds {{ hidden_dim }} · 3 = {{ 3 * hidden_dim }} weights and $b_2$ holds 3 biases. Together that's {{ 4 * hidden_dim }} + {{ hidden_dim }} + {{ 3 * hidden_dim }} + 3 = {{ num_parameters }}.

# %%
num_silent = int((hidden == 0).sum())
for name, parameter in net.named_parameters():
    print(f"{name:14} {tuple(parameter.shape)!s:8} {parameter.numel():4}")
print(f"{num_parameters:28}")

# %% [markdown]
# ## {{ f"{total:,}" }} numbers
#
# GPT-2, published in 2019, is the same kind of thing, only larger. Text goes in as **tokens**, pieces of text turned into numbers, and out comes a score for every token that could be next. In between stands a tower of {{ config.num_layers }} equal **blocks**.
#
# ![GPT-2 as a tower. At the bottom, tokens go into a token table and a table of positions. A line, the running sum, leads up through 12 blocks; in each, attention and MLP read it through a norm and add to it. At the top a norm and the token table again. The number of parameters stands beside each part.](../figures/gpt-2-tower.svg "GPT-2, from the bottom up. The numbers on the right count parameters, all blocks together.")

# %% [markdown] tags=["read"]
# The rest of this book explains its parts. What you can do already is count. Below is the whole of GPT-2, nothing left out. Take it as a promise: at the end of chapter 11 you'll be able to read each line aloud and say why it's there. For now, look only for what you know. Letters like $W$ and $E$ are tables of weights, $b$ is a row of biases, and $\text{gelu}$ is a bend, like $\max(0, \ldots)$ with its corner rounded off.
#
# First, every token picks a row of numbers from a table $E$, and adds a row for its position from a table $P$:
#
# $$x = E_{\text{tokens}} + P_{\text{positions}}$$
#
# Then come {{ config.num_layers }} blocks, one after the other, and each of them changes $x$ twice:
#
# $$x \leftarrow x + \text{attention}(\text{norm}(x))$$
#
# $$x \leftarrow x + \text{MLP}(\text{norm}(x))$$
#
# At the end every possible next token, {{ f"{config.vocab_size:,}" }} in all, gets a score. By now $x$ holds a row of numbers for each token of the text, and only the last of these rows is used. To find a score, take that last row and the row that the table $E$ has for the possible next token. Multiply the first number of the one by the first of the other, the second by the second, and so on, and add up. (The little ⊤ stands for doing this with every row of $E$. The formula for $\text{norm}$ stands further down.)
#
# $$\text{scores} = \text{norm}(x)\, E^\top$$
#
# The formulas above use three parts. The one called **MLP** you know already, because it's the little net from above with a rounder bend. One layer leads into hidden units, and one layer leads out of them:
#
# $$\text{MLP}(x) = \text{gelu}(x W_1 + b_1)\, W_2 + b_2$$
#
# The other two are **norm** and **attention**. Don't try to decipher them yet, just see that they fit into a few lines:
#
# $$\text{norm}(x) = g \cdot \frac{x - \text{mean}(x)}{\sqrt{\text{variance}(x) + 10^{-5}}} + b$$
#
# $$\text{attention}(x) = [\text{head}_1 \;\ldots\; \text{head}_N]\, W_o + b_o$$
#
# $$\text{head}_n = \text{softmax}\left(\frac{q_n k_n^\top}{\sqrt{H}} + M\right) v_n$$
#
# $$[q \; k \; v] = x W_{qkv} + b_{qkv}$$
#
# Now count with me. GPT-2 small knows {{ f"{config.vocab_size:,}" }} different tokens and describes each by {{ config.model_dim }} numbers, so the table $E$ alone holds {{ f"{config.vocab_size:,}" }} · {{ config.model_dim }} = {{ f"{by_name['token embedding']:,}" }} parameters. In each block, the first layer of the MLP turns {{ config.model_dim }} numbers into {{ f"{config.mlp_dim:,}" }}. That takes {{ config.model_dim }} · {{ f"{config.mlp_dim:,}" }} weights and {{ f"{config.mlp_dim:,}" }} biases. The second layer turns them back into {{ config.model_dim }}, with {{ f"{config.mlp_dim:,}" }} · {{ config.model_dim }} weights and {{ config.model_dim }} biases. Together that's {{ f"{one_mlp:,}" }}. Multiply by {{ config.num_layers }} blocks, and you have {{ f"{config.num_layers * one_mlp:,}" }}, the number beside MLP in the tower. The table below counts the rest in the same way. Its letters are $V$ = {{ f"{config.vocab_size:,}" }} tokens, $D$ = {{ config.model_dim }} numbers for each, $F$ = {{ f"{config.mlp_dim:,}" }} hidden numbers, $L$ = {{ config.num_layers }} blocks and $C$ = {{ f"{config.context_length:,}" }} positions. For each part, the column *shapes* says how many rows and columns its weights have, and how long its row of biases is. What every block has is counted $L$ times. (Attention fills two rows of the table, *queries, keys, values* and *attention output*. By chance, the two together have as many numbers as *MLP, first layer*.)
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
#     | $H$ | numbers that a head works with, $D / N$ | {{ config.model_dim // config.num_heads }} |
#     | $F$ | hidden numbers of the MLP, $4D$ | {{ f"{config.mlp_dim:,}" }} |
#
#     $x$ is $(B, T, D)$: $D$ numbers for each token of each text. $E$ is $(V, D)$, and $E_{\text{tokens}}$ picks a row for each token. $P$ is $(C, D)$, and position 0 takes its first row. $q$, $k$ and $v$ are $(B, T, D)$, and head $n$ takes its share of them, $(B, T, H)$. $M$ holds no parameters: it is 0 where a token looks at itself or back, and $-\infty$ where it would look ahead. $\text{softmax}$ turns scores into shares that sum to 1.
#
#     Every norm has its own $g$ and $b$, and every block has its own $W$. The norm is taken of a copy: the $x$ on the left of a plus is the one from before the norm.

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
# Do these formulas count what the code really has? To find out, build the model itself and count. (PyTorch's `meta` device builds it without taking memory for all the numbers.)

# %%
with torch.device("meta"):
    gpt_2 = GPT(config)
counted = sum(parameter.numel() for parameter in gpt_2.parameters())
assert counted == total
print(f"the module has {counted:,} parameters, the formulas say {total:,}")

# %% tags=["live", "read"]
#| widget: equation
#| alt: The equations of GPT-2. Below them a bar as long as all {{ f"{total:,}" }} parameters, a piece for each term. The token embedding E is marked: {{ terms[0].formula }} parameters, {{ f"{terms[0].count:,}" }}.
#| caption: Choose a term of the equation: the bar shows its share of all parameters.
from bookbuild.live import publish

published_as = {"small": (12, 768), "medium": (24, 1024)}  # L, D
published_as |= {"large": (36, 1280), "XL": (48, 1600)}
sizes = {}
for name, (num_layers, dim) in published_as.items():
    sizes[name] = {"V": config.vocab_size, "C": config.context_length}
    sizes[name] |= {"L": num_layers, "D": dim, "F": 4 * dim}
listed = [[term.name, term.shape, term.formula] for term in terms]
publish("opening", {"terms": listed, "sizes": sizes})

fig, ax = plt.subplots(figsize=(4.5, 2.8))
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
    ax.text(0, 7.6 - place, equation, fontsize=10.5)
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

# %% [markdown] tags=["read"]
# So the MLPs, which are plain nets like the one above, hold {{ f"{100 * mlp_share:.0f}%" }} of the parameters, and the table of tokens holds another {{ f"{100 * embedding_share:.0f}%" }}.
#
# ### How large they became

# %% tags=["fold"]
one_mlp = 2 * config.model_dim * config.mlp_dim + config.mlp_dim + config.model_dim
assert config.num_layers * one_mlp == sum(
    term.count for term in terms if term.name.startswith("MLP")
)
wide_count = sum(p.numel() for p in IrisNet(hidden_dim=32).parameters())
by_name = {term.name: term.count for term in terms}
mlp_share = (by_name["MLP, first layer"] + by_name["MLP, second layer"]) / total
embedding_share = by_name["token embedding"] / total

# %%
models = pd.read_csv(data_file("models.csv"), parse_dates=["date"])
published = models[models["parameters"].notna()]
undisclosed = models[models["parameters"].isna()]
dense = published[published["kind"] == "dense"]
experts = published[published["kind"] == "mixture of experts"]
first_dense = dense.iloc[0]  # the Transformer of 2017
largest_dense = dense.loc[dense["parameters"].idxmax()]
largest_experts = experts.loc[experts["parameters"].idxmax()]
growth = largest_dense["parameters"] / first_dense["parameters"]

# %% tags=["fold", "read"]
#| alt: Parameters of {{ len(published) }} models against their date, on an axis where each step is ten times more. Dots, for dense models, rise steeply from 2017 to {{ f"{largest_dense['date']:%Y}" }}, where {{ largest_dense["name"] }} has {{ f"{largest_dense['parameters'] / 1e9:.0f}" }} billion, and none stands higher since. Squares, for mixtures of experts, reach up to {{ f"{largest_experts['parameters'] / 1e12:.0f}" }} trillion. In a strip at the top, hollow diamonds: {{ len(undisclosed) }} models of undisclosed size, from 2023 on.
#| caption: Each step upward is ten times more. The sizes of models, from 2017 until today. [Sources](../data.md)
fig, ax = plt.subplots(figsize=(4.5, 4.2))
for chosen, colour, marker in ((dense, "C0", "o"), (experts, "C3", "s")):
    at = (chosen["date"], chosen["parameters"])
    ax.plot(*at, marker, color=colour, markersize=5)
# A strip above all sizes, for those without one; two heights, or some would coincide.
ax.axhspan(3e13, 1e15, color="lightgray", alpha=0.4, linewidth=0)
heights = [4e14 if row % 2 else 9e13 for row in range(len(undisclosed))]
ax.plot(undisclosed["date"], heights, "D", color="C0", mfc="none", markersize=6)
ax.text(pd.Timestamp("2016-10"), 1.8e14, "size secret", va="center")
places = {
    "Transformer (big)": (-6, 15, "left"),
    "GPT-2 small": (7, -5, "left"),
    "GPT-3": (-7, -2, "right"),
    largest_dense["name"]: (7, -1, "left"),
    largest_experts["name"]: (7, -1, "left"),
}
for name, (right, up, side) in places.items():
    model = models[models["name"] == name].iloc[0]
    at = (model["date"], model["parameters"])
    ax.annotate(name, at, (right, up), textcoords="offset points", ha=side)
ax.text(pd.Timestamp("2023-10"), 1.4e10, "dense", color="C0", weight="bold")
ax.text(
    pd.Timestamp("2016-10"), 7e11, "mixtures\nof experts", color="C3", weight="bold"
)
ax.set_yscale("log")
ax.set_ylim(3e7, 1e15)
ax.set_xlim(pd.Timestamp("2016-08"), pd.Timestamp("2026-12"))
ax.set_xticks(
    [pd.Timestamp(f"{year}-01") for year in range(2017, 2027, 3)],
    [str(year) for year in range(2017, 2027, 3)],
)
powers = {"100 million": 1e8, "1 billion": 1e9, "10 billion": 1e10}
powers |= {"100 billion": 1e11, "1 trillion": 1e12, "10 trillion": 1e13}
ax.set_yticks(list(powers.values()), list(powers))
ax.minorticks_off()
ax.set_xlabel("first shown")
ax.set_ylabel("parameters")
years_grown = largest_dense["date"].year - first_dense["date"].year
fig.suptitle(
    f"Dense models: {growth:,.0f} times larger in {years_grown} years",
    x=0.02, ha="left", weight="bold", fontsize=12,
)  # fmt: skip
plt.show()

# %% [markdown] tags=["read"]
# The Transformer of {{ first_dense["date"].year }}, from which GPT-2 descends, had {{ f"{first_dense['parameters'] / 1e6:.0f}" }} million parameters. {{ largest_dense["name"] }} of {{ largest_dense["date"].year }} has {{ f"{largest_dense['parameters'] / 1e9:.0f}" }} billion, {{ f"{growth:,.0f}" }} times as many, and no dense model in the picture has more. Today many sizes are secret.
#
# GPT-2 is a **dense** model: every token passes through all parameters of all blocks, so the number of parameters also says how much arithmetic one answer takes. The squares are **mixtures of experts**, and their counts shouldn't be compared with the others. A mixture of experts keeps several MLPs side by side in each block, and a small extra layer picks a few of them for each token. It's like a firm with a hundred specialists, where each question goes to a few of them. The largest in the picture, {{ largest_experts["name"] }} of {{ largest_experts["date"].year }}, has {{ f"{largest_experts['parameters'] / 1e12:.0f}" }} trillion parameters. But size alone doesn't make a model good. What it can do depends on which numbers it holds.

# %% [markdown]
# ## The formula knows nothing
#
# Training changes the numbers of a model, and never its formula. So what does the formula know by itself?

# %% [markdown] tags=["guess"]
# Fill the small net's {{ num_parameters }} parameters with random numbers, {{ f"{num_nets:,}" }} times. How many of the {{ len(labels) }} flowers does such a net name correctly on average?
#
# answer: {{ f"{mean_right:.0f}" }} flowers, within 10
#
# It's {{ f"{mean_right:.0f}" }} on average, which is what you get by guessing: with three species, one guess in three is right. {{ one_name }} of the {{ f"{num_nets:,}" }} nets even give every flower the same name, and so they get exactly 50 right.

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

# %% tags=["fold", "read"]
#| alt: How many of {{ num_nets }} random nets name how many flowers correctly. By far the highest bar stands at 50 of 150. Hardly any net comes above 100, and the best gets {{ max(num_right) }}.
#| caption: {{ f"{num_nets:,}" }} nets with random parameters, sorted by the number of flowers that they name correctly.
fig, ax = plt.subplots(figsize=(4.5, 2.8))
ax.hist(num_right, bins=range(0, 156, 5), color="C1")
ax.axvline(len(labels), color="black", linestyle="--", linewidth=1.2)
ax.text(len(labels) - 2, num_nets * 0.4, "all right", ha="right")
ax.set_xlabel(f"flowers named correctly, of {len(labels)}")
ax.set_ylabel("nets")
ax.set_title(f"Right on average: {mean_right:.0f} of {len(labels)}")
plt.show()

# %% [markdown] tags=["read"]
# Most of these nets give nearly all flowers the same name, and so they get about 50 right. The best of the {{ f"{num_nets:,}" }} gets {{ max(num_right) }} right (one net alone makes a bar too low to see), which looks impressive for a net that has learned nothing. But it was picked from a thousand *because* it does well on these very flowers, so its count flatters it, just as the count of the best thresholds did. Making a thousand random nets and keeping the best is a small version of trying everything. It gets somewhere with 131 parameters and three species. With 124 million parameters and {{ f"{config.vocab_size:,}" }} tokens you could draw nets until the sun goes out.

# %% [markdown]
# Random numbers do no better than guessing. So what a trained model knows, it knows through its numbers. How does it find them? [That's what training is for.](loss-and-training.py)

# %% [markdown]
# ## Check yourself
#
# ??? question "Two models have the same formula. Do they give the same answers?"
#     Not if their parameters make another function of it, as the two lines on this page show. With nets there's a twist: swap two hidden units along with all their weights, and the parameters stand in other places although every answer stays the same.
#
# ??? question "Why does a net need a bend between its layers?"
#     Without it, two layers multiply out into one, and the second one buys nothing. However many layers you stack, all that they compute together is what a single layer could compute, and with one input and one output that's a straight line.
#
# ??? question "Does GPT-2 need more parameters for a longer text?"
#     No. The same tables serve every position. Only $P$ has one row per position, and it ends after {{ f"{config.context_length:,}" }} of them, so a longer text doesn't fit in.
#
# ??? question "Why do GPT-2's scores need no parameters of their own?"
#     They use the token table $E$ a second time. A table of their own would cost another {{ f"{by_name['token embedding']:,}" }} parameters.

# %% [markdown]
# ## Exercises

# %% tags=["fold"]
from gptbook.exercise import exercise

# %% [markdown] tags=["exercise"]
# ### Predict: twice as wide
#
# *easy · 3 minutes*
#
# The small net gets 32 hidden units instead of 16. How many parameters does it have now?
#
# answer: {{ wide_count }} parameters
#
# The tables hold 4 · 32 and 32 · 3 weights, and there are 32 + 3 biases: 128 + 96 + 35 = {{ wide_count }}. That's not quite twice {{ num_parameters }}, since the three biases of the species don't grow.

# %% tags=["starter"]
my_prediction = ...

# %% tags=["check"]
with exercise("Predict"):
    wide = sum(parameter.numel() for parameter in IrisNet(hidden_dim=32).parameters())
    assert my_prediction + 0 == wide, "count both tables and both rows"

# %% [markdown] tags=["hint"]
# The last row, with one bias for each species, doesn't grow.

# %% tags=["solution"]
my_prediction = 4 * 32 + 32 + 32 * 3 + 3  # 259, not quite twice 131

# %% [markdown] tags=["exercise"]
# ### Change: the next size
#
# *medium · 5 minutes*
#
# GPT-2 came in four sizes. The second has 24 blocks, 1,024 numbers per token, 16 heads and an MLP of 4,096 hidden numbers. Change the sizes below. How many parameters is that?

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
# Write `count_parameters(sizes)` for nets like the small one, but with any number of layers. For `[4, 16, 3]` it returns 131.


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
