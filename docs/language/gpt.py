# %% [markdown]
# # GPT
#
# You've met every part: tokens, embeddings, attention, the block. A GPT is what you get when you stack blocks between a table and a guess. There's nothing else in it.
#
# ![A tower that stands on text: books, web pages, code. A piece of text is cut into five tokens. The token table and the positions start a running sum, which leads up through a stack of blocks, each with attention and MLP that read the sum through a norm and add to it. At the top a norm and the token table again give bars for four possible next tokens, of which mat has the longest.](../figures/gpt-tower.svg "From text, at the bottom, to a guess at the next token.")

# %% [markdown]
# ## Blocks in a stack
#
# A **GPT** is a stack of transformer blocks. Its letters say what it is: *generative*, because it writes; *pre-trained*, because it learns from plain text before it gets any task; *transformer*, the design of its blocks.
#
# It guesses at every position at once. When it learns, each position is a question. When it writes, only the last one counts: draw a token, append it, and go through the tower again.

# %% [markdown] tags=["read"]
# ### One sentence on its way up
#
# Take *the cat sat on the*, and follow it through the picture, from the bottom to the top.
#
# **Tokens.** The text is cut into five tokens. Each is common enough to be a single piece.
#
# **The token table.** Each token picks its row, which in GPT-2 small has 768 numbers. The first word and the last are the same token, so they get the same row. (For GPT-2 itself the two would differ, because the last one has a space in front. Let's not be fussy.)
#
# **Positions.** Each place adds a row of its own. Now the two *the* differ, because one is *the* at place 0 and the other *the* at place 4. These five rows are five running sums. Picture them as five vertical lines side by side, one per token. (The drawing shows one of them.) From here on no line is ever replaced. Parts read it, and add to it.
#
# **Attention in the first block.** A copy of each line is normed, and from it come queries, keys and values. Now the lines exchange something, for the first time. The line of the last word looks back at all five, itself included, and takes a share from each. What it finds is added to it. Perhaps it finds out that an *on* stands before it. Nobody prescribes that; training decides what's worth finding.
#
# **The MLP in the first block.** Each line is normed again and goes through a net by itself. Out of what's on the line by now, the net may work out something new, and adds that. Perhaps: *on* and *the* together mean that a place comes next.
#
# **The other blocks.** The same happens again in the next block, with other learned numbers. This time attention can look for what the first block has added. So step by step, a line that began with nothing but *the* gathers what the whole sentence says about the next word.
#
# **The guess.** At the top the last line is normed once more and compared with every row of the token table, as in chapter 7. Each of the 50,257 tokens gets a score, and softmax makes probabilities of them. In the picture, *mat* gets most, *floor* and *sofa* get less, and *of* gets little. (Those bars are a sketch, nothing measured.)
#
# The other four lines have arrived as well, each with a guess of its own: what comes after *the*, after *the cat*, and so on. In training all five are compared with what really came next, and so a single pass answers five questions. None of them can cheat, because the mask let nobody look ahead.
#
# ### How it writes
#
# The tower makes one guess. How does it write a page? It draws one token from the probabilities, with dice, as you did in chapter 4. Say it's *mat*. It appends that to the text and starts all over, with *the cat sat on the mat*, to get probabilities for the token after that. It goes on in the same way until it draws the token that means "end of text", or until its context is full. Nothing inside the model changes while it writes. It needs no notes on the side. What it has written so far is all that the next step has to know.

# %% [markdown]
# ## One letter's way
#
# Here is the small GPT that this page trains further down, with every number on the way from letters to a guess. Play it, or choose a station and a letter.
#
# <!--live through-the-gpt-->

# %% [markdown] tags=["read"]
# You can't break it, so try things. Three of them are worth a minute each.
#
# *Ask a number where it comes from.* Touch a cell, and under the cells stands the sum that made it. The numbers that went in get a frame. Touch one of those and ask again. In this way you can walk from a guess at the top all the way down to the row of a letter. Every step is a multiplication, an addition, a norm, a bend or a softmax, and you've met them all.
#
# *Watch the guess form.* On the right of the tower stands what the model would say if it stopped at that height, which means that the last norm and the token table read the running sum as it is there. At the bottom, the line of a letter holds nothing but the letter and its place. The table that reads letters also predicts them, so the row that fits best down there is nearly always the letter's own. In {{ f"{own[0]:.0%}" }} of all places in held-out names, the model would simply repeat the letter there. The loss of this early guess is {{ f"{early[0]:.2f}" }} nats, worse than knowing nothing. After the first block it is {{ f"{early[1]:.2f}" }}, and after the second it's the model's own, {{ f"{early[2]:.2f}" }}. (To look at running sums in this way is called the **logit lens**.)
#
# *Take it apart.* Switch off one head, then all of attention in a block, then an MLP, then the places. Each time, you see the loss on hundreds of names that the model has never seen. It misses some parts much more than others.

# %% tags=["fold"]
import copy
import math

import matplotlib.pyplot as plt
import pandas as pd
import torch
import torch.nn.functional as F
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

# %% tags=["fold"]
from gptbook.models.gpt import MLP, Block

# %% [markdown] tags=["note"]
# `Block`, with its two norms, attention and MLP, is the class of the last chapter. Only the class `GPT`, below, is new. (Its `cache` keeps results for earlier tokens, so that they needn't be computed again. It changes no result, and chapter 13 explains it.)

# %% tags=["show"]
from gptbook.models.gpt import GPT

# %% [markdown]
# ## The equation, read at last

# %% [markdown] tags=["read"]
# In [chapter 2](../learning-from-examples/a-model-is-a-function.py) you counted the numbers in an equation.

# %% [markdown]
# Now you can read the whole of GPT-2 as one equation. First, what each token is, plus where it stands:
#
# $$x = E_{\text{tokens}} + P_{\text{positions}}$$
#
# Then look around, and add what you found:
#
# $$x \leftarrow x + \text{attention}(\text{norm}(x))$$
#
# Then think, each position by itself, and add that:
#
# $$x \leftarrow x + \text{MLP}(\text{norm}(x))$$
#
# Do both once in each block. Finally, score every token by how well its row of the table fits:
#
# $$\text{scores} = \text{norm}(x)\, E^\top$$

# %% [markdown] tags=["read"]
# Read it aloud, letter by letter. $x$ is the running sum, a row of numbers for each token of the text. $E$ is the token table, and $E_{\text{tokens}}$ its rows for these tokens. $P$ is the table of positions. The arrow means "becomes": the new $x$ is the old one plus something. The old $x$ always stays inside the new one, which is why slopes find their way down even through a hundred blocks. $\text{norm}$ makes a copy with average 0 and size 1, so that every part reads numbers in a range that it knows. $\text{attention}$ is queries, keys and values from chapter 9, with several heads. $\text{MLP}$ is the wide layer with its bend and the way back, from chapter 10. And $E^\top$ is the token table laid on its side, so that each row of $x$ meets each row of $E$ in a dot product. That's GPT-2, complete.
#
# Is it really the code? We compute the same thing twice. First, a small GPT with random numbers reads *berlin*. Then separate code follows the equation, step by step, with the same numbers, and without using any of the model's parts. We compare not only the scores at the end but also results in between, such as those of norm, attention and MLP.

# %% tags=["fold"]
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


def agree(place: str, by_hand: Tensor) -> None:
    """Compare with what the model computed at this place."""
    torch.testing.assert_close(by_hand, noted[place], rtol=0, atol=1e-10)
    agreed.append(place)


agreed: list[str] = []
w = dict(model.named_parameters())
E = w["token_embedding.weight"]  # (V, D)
P = w["position_embedding.weight"]  # (C, D)
x = E[tokens] + P[: tokens.shape[1]]  # (1, T, D)
agree("into blocks.0", x)


def norm(x: Tensor, part: str) -> Tensor:
    g, b = w[f"{part}.weight"], w[f"{part}.bias"]
    away = x - x.mean(dim=-1, keepdim=True)
    variance = away.square().mean(dim=-1, keepdim=True)
    return g * away / (variance + 1e-5).sqrt() + b


agree("blocks.0.attention_norm", norm(x, "blocks.0.attention_norm"))


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


def gelu(x: Tensor) -> Tensor:
    return x / 2 * (1 + torch.tanh((2 / torch.pi) ** 0.5 * (x + 0.044715 * x**3)))


def mlp(x: Tensor, part: str) -> Tensor:
    w_1, b_1 = w[f"{part}.hidden.weight"], w[f"{part}.hidden.bias"]
    w_2, b_2 = w[f"{part}.output.weight"], w[f"{part}.output.bias"]
    return gelu(x @ w_1.T + b_1) @ w_2.T + b_2


for layer in range(small.num_layers):
    block = f"blocks.{layer}"
    x = x + attention(norm(x, f"{block}.attention_norm"), f"{block}.attention")
    thought = mlp(norm(x, f"{block}.mlp_norm"), f"{block}.mlp")
    agree(f"{block}.mlp", thought)
    x = x + thought
    agree(block, x)
scores = norm(x, "final_norm") @ E.T  # (1, T, V)
agree("GPT", scores)
print(f"{len(agreed)} results agree with those of the model")

# %% [markdown] tags=["read"]
# Worked out separately for a small GPT, all {{ len(agreed) }} results agree to ten decimals.

# %% [markdown]
# With the sizes of GPT-2 small, it has {{ f"{counted:,}" }} parameters, exactly what chapter 2 counted. Fill in the numbers that OpenAI published, and it *is* GPT-2.

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
# If you have an internet connection and half a gigabyte of space, this loads OpenAI's numbers into the class above:
#
# ```python
# from gptbook.exchange.pretrained import load_gpt2
#
# gpt_2 = load_gpt2("gpt2")
# ```
#
# Do others agree that it's the same model? A test, `tests/exchange/test_pretrained.py`, gives the same random numbers to this class and to the one of the library `transformers`: every score, at every position, agrees within 0.00001.

# %% [markdown] tags=["read"]
# ### A thousand times as large
#
# What's different in a model a thousand times as large, such as GPT-3 with its 175 billion parameters? Less than you might think. It has tokens, a table, a running sum per token, blocks with attention and MLP, a guess at every position, and it writes one token after the other. You could read most of its equation.
#
# What differs first are the sizes. GPT-2 small has {{ config.num_layers }} blocks and {{ config.model_dim }} numbers on each line. GPT-3, of 2020, has 96 blocks and 12,288 numbers. With 16 times as many numbers on a line, each table of weights inside a block gets 16 times as many rows and 16 times as many columns, so 256 times as many parameters. The model was trained on 300 billion tokens. Since then, a few parts have been exchanged for better ones in most open models. The position is no longer added once at the bottom; instead each query and key is changed a little, in a way that depends on its place (**rotary positions**). The norm has become simpler: it only divides by the size, and takes no average away (**RMS norm**). Biases are gone. And in many models each block has several MLPs, of which every token uses a few, the mixture of experts of chapter 2. None of this changes the plan of the tower. What the largest chatbots look like inside, their makers don't publish.
#
# We use such a **modern form**, too: rotary positions, RMS norm, no biases, and a few smaller changes such as another bend, normed queries and keys, and a second token table for the guess. Further down, a chart compares models of city names from chapters 4 to 11. Its last two, attention with one block and a GPT with four, are built like that, and so are most models of the chapters to come. The models that train on this page itself and in chapter 10 have GPT-2's form.

# %% [markdown]
# ## City names, one last time
#
# A small GPT, with {{ city_config.num_layers }} blocks and {{ f"{num_parameters:,}" }} parameters, reads each of the {{ f"{len(training_names):,}" }} training names about {{ f"{num_steps * batch_size / len(training_names):.1f}" }} times.

# %% [markdown] tags=["guess"]
# Tables of letters came down to {{ f"{best_table:.2f}" }} nats on held-out names. Where does this GPT land?
#
# answer: {{ f"{city_loss:.2f}" }} nats, within 0.1
#
# It's small, and it has read each name only a few times.

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

# %% tags=["hide"]
early: list[float] = []  # loss of what the top makes of the sum below each block
own: list[float] = []  # how often that is the letter itself
with torch.no_grad():
    tokens, targets = held_out
    real = targets >= 0
    x = city.token_embedding(tokens)
    x = x + city.position_embedding(torch.arange(tokens.shape[1]))
    for block in [None, *city.blocks]:
        x = x if block is None else block(x)
        guesses = F.linear(city.final_norm(x), city.token_embedding.weight)[real]
        early.append(F.cross_entropy(guesses, targets[real]).item())
        own.append((guesses.argmax(dim=-1) == tokens[real]).double().mean().item())
assert early[0] > math.log(len(tokenizer.labels)) > early[1] > early[2]

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
#| caption: What this page's GPT expects after *plym*, the beginning of a held-out name.
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

noticed: list[Tensor] = []  # where each block's heads look, (N, T, T)


def note_looks(part: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
    noticed.append(part.weights(inputs[0])[0])


hooks = [block.attention.register_forward_hook(note_looks) for block in city.blocks]
with torch.no_grad():
    city(read)
for hook in hooks:
    hook.remove()
looks = torch.stack(noticed)  # (L, N, T, T)
# It opens on the head with the clearest job: of those whose last letter looks most at one
# earlier letter, neither at itself nor at the start, the one that gives it most; if there
# are none, the one with the largest share of all.
most, target = looks[:, :, -1].max(dim=-1)  # (L, N)
at_a_letter = (target > 0) & (target < looks.shape[-1] - 1)
clearest = int((most + at_a_letter).argmax())


def rows_of(head: list[list[float]]) -> list[list[float]]:
    """A row for each letter that asks: what it gives to those before it, and to itself."""
    return [[round(share, 4) for share in row[: i + 1]] for i, row in enumerate(head)]


opening = {
    "text": begun,
    "shares": [round(share, 4) for share in expected.tolist()],
    "attention": [[rows_of(head) for head in block] for block in looks.tolist()],
    "block": clearest // city_config.num_heads + 1,
    "head": clearest % city_config.num_heads + 1,
}
publish("opening", opening)
publish_model("city", city, tokenizer)
publish("losses", {"city": round(city_loss, 3)})  # for the home page

# %% [markdown] tags=["read"]
# *plym* is the beginning of *plymouth*, a name that nobody has shown the model. The right letter, *o*, gets {{ f"{expected[o]:.0%}" }} and comes {{ place_of_o }} in its list. In the live version you can also see where each head of each block looked before it guessed.

# %% tags=["hide"]
o = tokenizer.encode("o")[0]
rank_of_o = 1 + int((expected > expected[o]).sum())
ordinals = ("first", "second", "third", "fourth", "fifth", "sixth", "seventh")
place_of_o = ordinals[rank_of_o - 1] if rank_of_o <= 7 else f"number {rank_of_o}"

# %% [markdown]
# A larger model, trained for longer, reaches {{ f"{gpt['held_out_loss']:.2f}" }} nats:
#
# ![The ladder of models, complete: from a uniform guess down to the GPT, the shortest bar.](../figures/ladder-complete.svg "Attention and GPT are larger than this page's models.")

# %% tags=["fold"]
windows = read_record("windows")
rows = pd.DataFrame(read_record("names")["rows"])
every = pd.concat([pd.DataFrame(windows["rows"]), rows]).fillna({"context_length": -1})
columns = ["parameters", "seconds", "training_loss", "held_out_loss", "new"]
means = every.groupby(["model", "context_length"])[columns].mean()
# Chosen on validation names (tables and nets): the held-out names are only asked.
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

# %% [markdown] tags=["read"]
# ### Why not more?
#
# Look at the ladder honestly. One block with attention has {{ f"{table.loc['one block', 'held_out_loss']:.3f}" }} nats, and the net of chapter 5, with a window of {{ net_width }}, has {{ f"{table.loc[wide_net, 'held_out_loss']:.3f}" }}. That's a tie. And for the GPT and the one block we chose the width, the dropout and the learning rates by the held-out loss itself, which flatters them a little. Attention can do so much, and yet it gains nothing here?
#
# One likely reason is that names are short: in {{ f"{fits:.0%}" }} of all held-out guesses, at most {{ net_width }} symbols come before the letter to be guessed, the mark at the start included. There the net sees everything that attention could look back at. Attention wins where the distance is long. With 160 words between club and stadium, attention, in the runs that we recorded, names the right stadium in {{ f"{far_attention:.0%}" }} of the sentences. A table that looks eight words back does so in {{ f"{far_table:.0%}" }}. On names, four blocks do better than one: {{ f"{gpt['held_out_loss']:.2f}" }}. They can look more than once, but they also have about four times as many parameters and more dropout, so this ladder doesn't say how much of the gain comes from having more blocks.

# %% tags=["hide"]
wide_net = f"net, {net_width} letters"
before_guess = [place for name in held_out_names for place in range(len(name) + 1)]
fits = sum(place < net_width for place in before_guess) / len(before_guess)
clubs = read_record("clubs")
farthest = clubs["settings"]["gaps"].index(160)
far = pd.DataFrame(clubs["rows"])
far_attention = (
    far[far["model"] == "attention"]["accuracy"].map(lambda a: a[farthest]).mean()
)
far_table = next(r for r in clubs["rows"] if r["width"] == 8)["accuracy"][farthest]
config = GPTConfig()  # the sizes of GPT-2 small

# %% tags=["result", "read"]
samples = " ".join(rows[rows["model"] == "gpt"]["samples"]).split()
known, learned = set(names), set(training_names)
print("new:", *[name for name in samples if name not in known][:8])
print("copied:", *[name for name in samples if name in learned][:4])

# %% [markdown] tags=["read"]
# Of its names, {{ f"{gpt['new']:.0%}" }} are new.

# %% [markdown]
# ## What goes wrong
#
# The larger GPT's loss on training names is {{ f"{gpt['training_loss']:.2f}" }}, {{ f"{gpt['held_out_loss'] - gpt['training_loss']:.2f}" }} nats below the held-out one: it has begun to learn them by heart.

# %% tags=["fold"]
num_positions = int((training[1] >= 0).sum())
print(f"{num_positions:,} positions to learn from")

# %% [markdown] tags=["read"]
# You know this by now. It has {{ f"{gpt['parameters']:,.0f}" }} parameters, and {{ f"{num_positions:,}" }} positions to learn from. That's {{ f"{gpt['parameters'] / num_positions:.1f}" }} parameters for each position. It was trained with dropout, as in chapter 5, and still the gap is there. If GPT-2 learned from these names, it would have {{ f"{counted / num_positions:,.0f}" }} parameters for each position.

# %% [markdown]
# A larger GPT needs more text, and hours of training in which nothing must go wrong. How do you train one without wasting a night? [Training a GPT](../your-own-gpt/training-a-gpt.py)

# %% [markdown]
# ## Check yourself
#
# ??? question "Where in a GPT do the positions of a text exchange anything?"
#     In attention, and nowhere else. Tables, norms, MLPs and the prediction treat each position by itself.
#
# ??? question "How many questions does a name of eight letters ask the city GPT in training?"
#     Nine: each letter, given those before it, and the end. One pass answers them all, since no position can see what comes later.
#
# ??? question "For the prediction, chapter 2 counted no parameters at all. How can a GPT still know which token fits?"
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
# Each block adds to the running sum, so a GPT runs without one. Leave out one block of the trained city GPT. Which one does it miss less, block 0 or block 1?


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
# - nostalgebraist, *interpreting GPT: the logit lens* (2020): how a large GPT's guess forms from block to block.
# - Andrej Karpathy, *nanoGPT* (2022): GPT-2 in two short files of code, trained from scratch.
