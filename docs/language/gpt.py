# %% [markdown]
# # GPT
#
# What is a GPT, then? You have met every part: tokens, embeddings, attention, the block. How do they stand together?
#
# ![A tower that stands on text: books, web pages, code. A piece of text is cut into five tokens. The token table and the positions start a running sum, which leads up through a stack of blocks, each with attention and MLP that read the sum through a norm and add to it. At the top a norm and the token table again give a bar for each possible next token.](../figures/gpt-tower.svg "From text, at the bottom, to a guess at the next token.")

# %% [markdown]
# ## Blocks in a stack
#
# A **GPT** is a stack of blocks between an embedding and a prediction. Its letters say what it is: *generative*, it writes; *pre-trained*, on plain text, before any task; *transformer*, the design of its blocks.
#
# It scores the next token at every position at once. When it learns, each position is a question. When it writes, only the last one counts.

# %% [markdown] tags=["note"]
# Attention is the module of two chapters ago. On it stand three classes.

# %% tags=["fold"]
import copy

import matplotlib.pyplot as plt
import pandas as pd
import torch
from torch import Tensor, nn

from gptbook.models.attention import MultiHeadAttention
from gptbook.data.tables import city_names, read_record, split_names
from gptbook.generation.generate import generate_tokens
from gptbook.models.gpt import GPTConfig
from gptbook.models.sizes import parameter_terms
from gptbook.data.sequences import padded
from gptbook.training.loops import train_on_sequences
from gptbook.training.measure import sequence_loss
from gptbook.data.tokenizer import CharacterTokenizer

names = city_names()
training_names, held_out_names = split_names(names, held_out=0.1, seed=0)
tokenizer = CharacterTokenizer.from_texts(names)

# %% tags=["show"]
from gptbook.models.gpt import MLP

# %% tags=["show"]
from gptbook.models.gpt import Block

# %% tags=["show"]
from gptbook.models.gpt import GPT

# %% [markdown]
# ## The equation, read at last
#
# [Chapter 2](../learning-from-examples/a-model-is-a-function.py) let you count an equation. Now read it. What each token is, plus where it stands:
#
# $$x = E_{\text{tokens}} + P_{\text{positions}}$$
#
# Look around: fetch what positions so far offer.
#
# $$x \leftarrow x + \text{attention}(\text{norm}(x))$$
#
# Think, each position by itself.
#
# $$x \leftarrow x + \text{MLP}(\text{norm}(x))$$
#
# These two once for each block. Then score every token by how well its row of the table fits:
#
# $$\text{scores} = \text{norm}(x)\, E^\top$$

# %% [markdown] tags=["note"]
# A small GPT with random numbers reads *berlin*. A hook notes what each of its parts returns. Beside it, the equation, from nothing but tables: PyTorch stores each $W$ on its side, hence the `.T`.

# %%
torch.manual_seed(0)
small = GPTConfig(
    vocab_size=27, context_length=8, num_layers=2, num_heads=2, model_dim=8, mlp_dim=32
)
model = GPT(small).double()  # 16 digits
for parameter in model.parameters():
    parameter.data.normal_()

noted: dict[str, Tensor] = {}  # what goes into each part, and what comes out


def note(name: str, part: nn.Module) -> None:
    def hook(part: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        noted[f"into {name}"], noted[name] = inputs[0], output

    part.register_forward_hook(hook)


for name, part in model.named_modules():
    note(name or "GPT", part)
tokens = torch.tensor([[0, *tokenizer.encode("berlin")]])  # (1, T)
said = model(tokens)  # (1, T, V)


# %%
def agree(place: str, by_hand: Tensor) -> None:
    """Compare with what the model computed at this place."""
    torch.testing.assert_close(by_hand, noted[place], rtol=0, atol=1e-10)
    agreed.append(place)
    print(f"agrees: {place}")


agreed: list[str] = []
w = dict(model.named_parameters())
E = w["token_embedding.weight"]  # (V, D)
P = w["position_embedding.weight"]  # (C, D)
x = E[tokens] + P[: tokens.shape[1]]  # (1, T, D)
agree("into blocks.0", x)

# %% [markdown] tags=["note"]
# $$\text{norm}(x) = g \cdot \frac{x - \text{mean}(x)}{\sqrt{\text{variance}(x) + 10^{-5}}} + b$$


# %%
def norm(x: Tensor, part: str) -> Tensor:
    g, b = w[f"{part}.weight"], w[f"{part}.bias"]
    away = x - x.mean(dim=-1, keepdim=True)
    variance = away.square().mean(dim=-1, keepdim=True)
    return g * away / (variance + 1e-5).sqrt() + b


agree("blocks.0.attention_norm", norm(x, "blocks.0.attention_norm"))

# %% [markdown] tags=["note"]
# $$[q \; k \; v] = x W_{qkv} + b_{qkv} \qquad \text{head}_n = \text{softmax}\left(\frac{q_n k_n^\top}{\sqrt{H}} + M\right) v_n$$
#
# $$\text{attention}(x) = [\text{head}_1 \;\ldots\; \text{head}_N]\, W_o + b_o$$


# %%
def attention(x: Tensor, part: str) -> Tensor:
    w_qkv, b_qkv = (w[f"{part}.query_key_value.{kind}"] for kind in ("weight", "bias"))
    w_o, b_o = (w[f"{part}.output.{kind}"] for kind in ("weight", "bias"))
    q, k, v = (x @ w_qkv.T + b_qkv).chunk(3, dim=-1)  # (1, T, D) each
    head_dim = small.model_dim // small.num_heads
    mask = torch.full((x.shape[1], x.shape[1]), -torch.inf).triu(diagonal=1)
    heads = []
    for start in range(0, small.model_dim, head_dim):
        n = slice(start, start + head_dim)  # this head's share of the numbers
        scores = q[..., n] @ k[..., n].mT / head_dim**0.5 + mask  # (1, T, T)
        heads.append(scores.softmax(dim=-1) @ v[..., n])  # (1, T, H)
    return torch.cat(heads, dim=-1) @ w_o.T + b_o


looked = attention(norm(x, "blocks.0.attention_norm"), "blocks.0.attention")
agree("blocks.0.attention", looked)

# %% [markdown] tags=["note"]
# $$\text{MLP}(x) = \text{gelu}(x W_1 + b_1)\, W_2 + b_2$$


# %%
def gelu(x: Tensor) -> Tensor:
    return x / 2 * (1 + torch.tanh((2 / torch.pi) ** 0.5 * (x + 0.044715 * x**3)))


def mlp(x: Tensor, part: str) -> Tensor:
    w_1, b_1 = w[f"{part}.hidden.weight"], w[f"{part}.hidden.bias"]
    w_2, b_2 = w[f"{part}.output.weight"], w[f"{part}.output.bias"]
    return gelu(x @ w_1.T + b_1) @ w_2.T + b_2


# %% [markdown] tags=["note"]
# And the whole of it:

# %%
for layer in range(small.num_layers):
    block = f"blocks.{layer}"
    x = x + attention(norm(x, f"{block}.attention_norm"), f"{block}.attention")
    thought = mlp(norm(x, f"{block}.mlp_norm"), f"{block}.mlp")
    agree(f"{block}.mlp", thought)
    x = x + thought
    agree(block, x)
scores = norm(x, "final_norm") @ E.T  # (1, T, V)
agree("GPT", scores)

# %% [markdown]
# Worked out by hand for a small GPT, {{ len(agreed) }} results agree with the model's, to ten decimals: the equation is the code.
#
# With the sizes of GPT-2 small the stack has {{ f"{counted:,}" }} parameters, the exact sum of the equation's terms. Fill in the numbers that OpenAI published, and it is that GPT-2.

# %%
with torch.device("meta"):  # shapes without memory
    gpt_2 = GPT(GPTConfig())  # the sizes of GPT-2 small
for kind in (MultiHeadAttention, MLP, Block, GPT):
    parts = [part for part in gpt_2.modules() if isinstance(part, kind)]
    counted = sum(p.numel() for part in parts for p in part.parameters())
    print(f"{len(parts):3} {kind.__name__:20}{counted:12,}")
terms = parameter_terms(GPTConfig())
assert counted == sum(term.count for term in terms)

# %% [markdown] tags=["note"]
# Where you have the network and room for half a gigabyte, this loads OpenAI's numbers into the class above:
#
# ```python
# from gptbook.exchange.pretrained import load_gpt2
#
# gpt_2 = load_gpt2("gpt2")
# ```
#
# Is it the same model to others? A test, `tests/test_pretrained.py`, gives the same random numbers to this class and to the one of the library `transformers`: every score, at every position, agrees within 0.00001.

# %% [markdown]
# ## City names, one last time
#
# A small GPT, with {{ city_config.num_layers }} blocks and {{ f"{num_parameters:,}" }} parameters, reads {{ f"{num_steps * batch_size:,}" }} names.

# %% [markdown] tags=["guess"]
# Tables of letters came down to {{ f"{best_table:.2f}" }} nats in held-out names. Where does this GPT land?
#
# answer: {{ f"{city_loss:.2f}" }} nats, within 0.1
#
# It has read each name only a few times. It need not stop here: more steps and more blocks bring it further down.

# %% tags=["result"]
training = padded([tokenizer.encode(name) for name in training_names])
held_out = padded([tokenizer.encode(name) for name in held_out_names])
city_config = GPTConfig(
    vocab_size=tokenizer.vocab_size,
    context_length=training[0].shape[1],
    num_layers=2,
    num_heads=4,
    model_dim=32,
    mlp_dim=128,
)
torch.manual_seed(0)
city = GPT(city_config)
num_parameters = sum(parameter.numel() for parameter in city.parameters())
num_steps, batch_size = 700, 128
before = sequence_loss(city, *held_out)
train_on_sequences(city, *training, num_steps, batch_size)
city_loss = sequence_loss(city, *held_out)
print(f"held-out loss: {before:.2f} nats before, {city_loss:.2f} after")

# %% [markdown]
# It writes:

# %% tags=["result"]
generator = torch.Generator().manual_seed(1)
longest = city_config.context_length - 1
written = []
for _ in range(8):
    drawn = generate_tokens(city, [0], longest, generator=generator, stop_token=0)
    written.append(tokenizer.decode(drawn))
print(" ".join(written))

# %% tags=["fold"]
#| widget: city-gpt
#| alt: Bars of the likeliest letters after {{ begun }}, as the city GPT expects them. The likeliest is {{ tokenizer.labels[best[0]] }}, with {{ f"{expected[best[0]]:.0%}" }}.
#| caption: This page's GPT, after the first letters of *plymouth*, a held-out name.
begun = "plym"
assert "plymouth" in held_out_names
read = torch.tensor([[0, *tokenizer.encode(begun)]])
with torch.no_grad():
    expected = city(read)[0, -1].softmax(dim=-1)  # (V,)
best = expected.argsort(descending=True)[:6].tolist()
fig, ax = plt.subplots(figsize=(4.5, 2.4))
ax.barh(range(6), 100 * expected[best], color="C1")
ax.set_yticks(range(6), [tokenizer.labels[i] if i else "end" for i in best])
ax.invert_yaxis()
ax.set_xlabel(f"probability after {begun} (%)")
plt.show()

# %% tags=["live"]
from bookbuild.live import publish, publish_model

looks: list[list] = []  # of the last letter, a list for each layer


def note_looks(part: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
    shares = part.weights(inputs[0])[0, :, -1]  # (N, T)
    looks.append([[round(share, 4) for share in head] for head in shares.tolist()])


hooks = [block.attention.register_forward_hook(note_looks) for block in city.blocks]
with torch.no_grad():
    city(read)
for hook in hooks:
    hook.remove()
shares = [round(share, 4) for share in expected.tolist()]
publish("opening", {"text": begun, "shares": shares, "attention": looks})
publish_model("city", city, tokenizer)
publish("losses", {"city": round(city_loss, 3)})  # for the home page

# %% [markdown]
# Short of the tables: a page cannot wait. A larger one, with the changes that Part 4 explains, reaches {{ f"{gpt['held_out_loss']:.2f}" }} nats in {{ f"{gpt['seconds'] / 60:.0f}" }} minutes, the mean of three seeds:
#
# ![The ladder of models, complete: from a uniform guess down to the GPT, the shortest bar.](../figures/ladder-complete.svg)

# %% tags=["fold"]
windows = read_record("windows")
rows = pd.DataFrame(read_record("names")["rows"])
every = pd.concat([pd.DataFrame(windows["rows"]), rows]).fillna({"context_length": -1})
columns = ["parameters", "seconds", "training_loss", "held_out_loss", "new"]
means = every.groupby(["model", "context_length"])[columns].mean()
# Chosen on validation names; the held-out names are only asked.
table_width, net_width = (
    windows["chosen"][model]["context_length"] for model in ("counts", "net")
)
rungs = {
    "letter frequencies": ("letters", 0),
    "bigram table": ("counts", 1),
    "bigram net": ("net", 1),
    f"table, {table_width} letters": ("counts", table_width),
    f"net, {net_width} letters": ("net", net_width),
    "one block": ("attention", -1),
    "GPT": ("gpt", -1),
}
table = means.loc[list(rungs.values())].set_axis(list(rungs), axis=0)
gpt = table.loc["GPT"]
best_table = means.loc[("counts", table_width), "held_out_loss"]
pd.DataFrame(
    {
        "parameters": table["parameters"].map("{:,.0f}".format),
        "seconds": table["seconds"].map("{:,.0f}".format),
        "loss": table["held_out_loss"].map("{:.3f}".format),
        "new names": table["new"].map("{:.0%}".format),
    }
)

# %% tags=["result"]
samples = " ".join(rows[rows["model"] == "gpt"]["samples"]).split()
known = set(names)
print("new:", *[name for name in samples if name not in known][:8])
print("copied:", *[name for name in samples if name in known][:4])

# %% [markdown]
# {{ f"{gpt['new']:.0%}" }} of the names it writes are new.
#
# ## What goes wrong
#
# Its loss in training names is {{ f"{gpt['training_loss']:.2f}" }}, {{ f"{gpt['held_out_loss'] - gpt['training_loss']:.2f}" }} nats below the held-out one: it has begun to learn them by heart.

# %% tags=["fold"]
num_positions = int((training[1] >= 0).sum())
print(f"{num_positions:,} positions to learn from")

# %% [markdown]
# A larger GPT needs more text (GPT-2 has {{ f"{counted / num_positions:,.0f}" }} parameters for each position in your names), and hours in which nothing may fail. How do you train one without wasting a night? [Training a GPT](../your-own-gpt/training-a-gpt.py)

# %% [markdown]
# ## Check yourself
#
# ??? question "Where in a GPT do the positions of a text exchange anything?"
#     In attention, and nowhere else. Tables, norms, MLPs and the prediction treat each position by itself.
#
# ??? question "The city GPT has read the first letters of a name. How many questions does a name of eight letters ask it in training?"
#     Nine: each letter, given those before it, and the end. One pass answers them all, since no position can see what comes later.
#
# ??? question "Chapter 2 counts nothing for the prediction. Why does it still know which token fits?"
#     It compares the normed sum with each row of the token table. Training moves a row so that the token is both read and predicted well.

# %% [markdown]
# ## Exercises

# %% tags=["fold"]
from gptbook.exercise import exercise

# %% [markdown] tags=["exercise"]
# ### Predict: one more block
#
# *easy · 5 minutes*
#
# GPT-2 small gets a 13th block. How many parameters does that add? Nothing else changes.
#
# answer: 7,087,872 parameters
#
# Every term with an $L$ in its formula counts once more: $12 D^2 + 13 D$ with $D = 768$ and $F = 4D$. The tables of tokens and positions stay as they are.

# %% tags=["starter"]
my_prediction = ...

# %% tags=["check"]
with exercise("Predict"):
    with torch.device("meta"):
        taller = GPT(GPTConfig(num_layers=13))
    added = sum(parameter.numel() for parameter in taller.parameters()) - counted
    assert my_prediction + 0 == added, "add up the six terms of a block"

# %% [markdown] tags=["hint"]
# Every term with an $L$ in its formula, without the $L$. $D$ is 768, and $F$ is four times that.

# %% tags=["solution"]
my_prediction = 12 * 768**2 + 13 * 768  # 7,087,872

# %% [markdown] tags=["exercise"]
# ### Change: leave out a block
#
# *medium · 10 minutes*
#
# Each block adds to the running sum, so a GPT runs without one. Leave out one block of the trained city GPT. Which of the two, 0 or 1, can it spare rather?


# %% tags=["starter"]
def loss_without(index: int) -> float:
    """Held-out loss of the city GPT without one of its blocks."""
    thinner = copy.deepcopy(city)  # leave a block of this one out
    return sequence_loss(thinner, *held_out)


my_choice = ...

# %% tags=["check"]
with exercise("Change"):
    without = {index: loss_without(index) for index in (0, 1)}
    assert city_loss not in without.values(), "no block is missing yet"
    assert len(city.blocks) == 2, "take the block from the copy, not from the original"
    assert my_choice == min(without, key=without.get), "print both losses"

# %% [markdown] tags=["hint"]
# `thinner.blocks` is a list: `del` takes an item out.


# %% tags=["solution"]
def loss_without(index: int) -> float:
    """Held-out loss of the city GPT without one of its blocks."""
    thinner = copy.deepcopy(city)
    del thinner.blocks[index]
    return sequence_loss(thinner, *held_out)


my_choice = min((0, 1), key=loss_without)

# %% [markdown] tags=["exercise"]
# ### Build: the likeliest ending
#
# *medium · 15 minutes*
#
# Write `complete(start)`: go on from the letters with the city GPT, always with the likeliest token, until that is the mark or the context is full. Return the name. Do not use `generate_tokens`.


# %% tags=["starter"]
def complete(start: str) -> str:
    """The name that the city GPT makes of its first letters."""
    return start


# %% tags=["check"]
with exercise("Build"):
    for start in ("ber", "new", "s", "plymo"):
        begun = [0, *tokenizer.encode(start)]
        room = city_config.context_length - len(begun)
        rest = generate_tokens(city, begun, room, temperature=0, stop_token=0)
        wanted = start + tokenizer.decode(rest)
        assert complete(start) == wanted, f"{start}: {complete(start)}, not {wanted}"

# %% [markdown] tags=["hint"]
# `city(torch.tensor([tokens]))[0, -1]` holds the scores after the last token; `argmax()` finds the highest. The tokens begin with a 0.


# %% tags=["solution"]
def complete(start: str) -> str:
    """The name that the city GPT makes of its first letters."""
    tokens = [0, *tokenizer.encode(start)]
    while len(tokens) < city_config.context_length:
        new = int(city(torch.tensor([tokens]))[0, -1].argmax())
        if new == 0:
            break
        tokens.append(new)
    return tokenizer.decode(tokens[1:])


# %% [markdown] tags=["note"]
# ## Where this lives in the package
#
# `MLP`, `Block` and `GPT` are in [gptbook.models.gpt](../reference/models.md#gptbook.models.gpt), attention in [gptbook.models.attention](../reference/models.md#gptbook.models.attention), `generate_tokens` in [gptbook.generation.generate](../reference/generation.md#gptbook.generation.generate); [gptbook.exchange.pretrained](../reference/exchange.md#gptbook.exchange.pretrained) reads the weights of others. The three seeds come from a record, `data/runs/names.json`.

# %% [markdown]
# ## Further reading
#
# - Alec Radford and others, *Improving Language Understanding by Generative Pre-Training* (2018): the first GPT, and where the name comes from.
# - Alec Radford and others, *Language Models are Unsupervised Multitask Learners* (2019): GPT-2, the equation of this chapter.
# - Andrej Karpathy, *nanoGPT* (2022): GPT-2 in two short files of code, trained from nothing.
