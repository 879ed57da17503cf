# %% [markdown]
# # The transformer block
#
# Attention fetches what other words hand over. But it works nothing out, and it doesn't know their order. A **block** and a row for each position make up for that.
#
# ![A block, from the bottom up. On the left a line, the running sum, with the four numbers of one position: 0.1, 0.7, 0.9, 1.5. A branch leads through a norm and attention back to the line, which adds what came of it. Above, a second branch does the same with a norm and the MLP. Between the branches and at the top stand the new sums.](../figures/block.svg "Read upwards: two parts read the running sum, and add to it.")

# %% [markdown]
# ## Add, never replace
#
# Each token has a row of numbers that goes up through the block, its **running sum**. It's like a notebook: attention reads it and adds its findings, a small net called the MLP reads it and adds its conclusions, and no page is ever torn out.
#
# $$x \leftarrow x + \text{part}(\text{norm}(x))$$

# %% [markdown] tags=["read"]
# In the picture, one token comes in with the row (0.1, 0.7, 0.9, 1.5). Attention makes (−0.4, −0.6, 1.0, 0.4) for it. Add the two, place by place, and the running sum is (−0.3, 0.1, 1.9, 1.9). Then the MLP makes (−0.1, 0.5, 0.4, −0.1), and the sum goes on to the next block as (−0.4, 0.6, 2.3, 1.8). The formula says the same. The arrow means "becomes": the new $x$ is the old $x$, plus what a part makes of a normed copy of it. What it adds is called a **residual**, and in the field the running sum is known as the *residual stream*. What the norm does comes in a moment.
#
# Why add? Why not let each part simply hand over its result? One reason is that a part may have nothing to say about some token. Adding zero does no harm, while replacing by zero would wipe out everything. The other reason is training. A tall stack whose parts replace instead of adding learns badly or not at all, as you'll see further down.

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
from gptbook.training.measure import sequence_loss
from gptbook.data.tokenizer import CharacterTokenizer

names = city_names()
training_names, held_out_names = split_names(names, held_out=0.1, seed=0)
tokenizer = CharacterTokenizer.from_texts(names)
training = padded([tokenizer.encode(name) for name in training_names])
held_out = padded([tokenizer.encode(name) for name in held_out_names])

# %% [markdown]
# ## Keep it in range
#
# As parts go on adding, the numbers in the sum grow. So each part reads a copy with an average of 0 and a size of about 1, made by a **layer norm**.

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
# PyTorch's norm gives the same numbers, and nearly the same again for a row ten times as large.

# %%
norm = nn.LayerNorm(4)
torch.testing.assert_close(norm(row), normed)
torch.testing.assert_close(norm(10 * row), normed, rtol=1e-3, atol=0)
print("learned, g:", norm.weight.tolist(), " b:", norm.bias.tolist())

# %% [markdown] tags=["read"]
# $$\text{norm}(x) = g \cdot \frac{x - \text{mean}(x)}{\sqrt{\text{variance}(x) + 10^{-5}}} + b$$
#
# $g$ and $b$ are learned.
#
# Go through it with the row of the picture. Its four numbers make 3.2, so their average is 0.8. Take that away from each, and you have −0.7, −0.1, 0.1 and 0.7, which average to 0. How large are they? Square them, 0.49, 0.01, 0.01 and 0.49, and take the average, 0.25. That's the **variance**. Its root is 0.5. Divide each number by it: −1.4, −0.2, 0.2 and 1.4. You can find these in the picture, on the way into attention. If the row had been ten times as large, the result would be almost exactly the same. The tiny 10⁻⁵ only makes sure that nothing is ever divided by 0.
#
# At the end, each of the four numbers is multiplied by a learned number of its own, from $g$, and another one, from $b$, is added. If a part needs one of the four, training can make it louder in this way. The sum itself is never normed. Only the copy is, so the norm changes nothing in the sum.

# %% [markdown]
# ## Think
#
# The **MLP** is a net that's applied to each position by itself. One layer makes more numbers, a bend follows, and a second layer makes as many as before. It can draw conclusions: *if* two things come together, *then* add this.

# %% [markdown] tags=["read"]
# Here is such a conclusion. A sentence has told you that Chelsea play (call that $c$ = 1, and otherwise 0), and that it's a home game ($h$ = 1). If both are true, they play at Stamford Bridge. If only one is true, you know nothing of the kind. So you want a number that is 1 if $c$ and $h$ are both 1, and 0 otherwise.
#
# Could a weighted sum do it, $w_1 c + w_2 h + b$? With $c$ = 0 and $h$ = 0 only $b$ is left, so $b$ must be 0. With $c$ = 1 and $h$ = 0 it's $w_1$, so $w_1$ must be 0, and for the same reason $w_2$ must be 0. But then it's 0 for a home game of Chelsea, too. No weights can do it, however long you train. Now add a bend:
#
# | Chelsea, $c$ | at home, $h$ | sum, $c + h - 1$ | max(0, $c + h - 1$) |
# |---|---|---|---|
# | 0 | 0 | −1 | 0 |
# | 1 | 0 | 0 | 0 |
# | 0 | 1 | 0 | 0 |
# | 1 | 1 | 1 | 1 |
#
# One hidden unit, with weights 1 and 1 and a bias of −1, has drawn the conclusion. Its weights in the second layer decide what follows from it. They can add the row of *Stamford Bridge* to the running sum, and if the unit is 0, they add nothing. So a hidden unit says *if this and that*, and the second layer says *then add this*. Seen in this way, each unit holds one such rule, and many rules need many units. That's why the MLP is wide. GPT-2 small has 768 numbers per token, and 3,072 hidden units in each block.
#
# Now the formula. $x$ has $D$ numbers. The table $W_1$ turns them into $F$ numbers, one per hidden unit. Then comes the bend, and the table $W_2$ leads back to $D$ numbers. The bend is called **GELU**. It's like max(0, $x$), with its corner rounded off, so a hidden unit is never quite as clear-cut as in our table.

# %% [markdown]
# $$\text{MLP}(x) = \text{gelu}(x W_1 + b_1)\, W_2 + b_2$$

# %% tags=["show"]
from gptbook.models.gpt import MLP

# %% [markdown] tags=["note"]
# A block is two norms, the attention of the last chapter, and an MLP.

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
# The last letter of *lima* sees the same letters as the last letter of *mila*, and attention can't tell in which order. So each position in the text gets a learned row of its own, a **position embedding**, which is added to the token's.
#
# $$x = E_{\text{tokens}} + P_{\text{positions}}$$

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

# %% [markdown] tags=["read"]
# With letters alone, the last *a* finds the same numbers in both names. It has to, because a sum doesn't care about the order of its terms. When the rows of the positions are added first, an *l* at position 1 is no longer the same as an *l* at position 3. Its query, key and value change with its position, and the two names are told apart.

# %% [markdown]
# ## What each part is worth
#
# Take one part away, train the rest, and compare: that's an **ablation**. A stack of {{ settings["config"]["num_layers"] }} blocks learns city names, first whole, then with one part missing at a time.

# %% [markdown] tags=["guess"]
# The whole stack reaches {{ f"{mean_loss['']:.2f}" }} nats, and a table that looks one letter back {{ f"{bigram_loss:.2f}" }}. What does the stack reach without attention?
#
# answer: {{ f"{mean_loss['attention']:.2f}" }} nats, within 0.1
#
# No position learns anything from another, so the stack knows one letter and its place. The place is what it has ahead of the table.

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
#| caption: Held-out city names. Each part was left out in {{ len(settings["seeds"]) }} training runs of {{ settings["training"]["num_steps"] }} steps, all with the same learning rate. A dot is a run, a bar their mean.
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
verdict = "Each of these costs is more than twice the spread over seeds."
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
# Missed most: {{ missed_most }}, with {{ " and ".join(f"{cost[part]:.2f}" for part in top) }} nats.

# %% [markdown] tags=["read"]
# {{ verdict }}
#
# Without attention, a position knows only its own letter and its place. It does better than the table, which knows only the letter, because it knows the place as well.
#
# One row of dots may puzzle you. This chapter began with the order that attention can't see, and now the positions cost hardly anything. How can a stack without them know any order at all? Through the mask. In *mila* the *m* sees only itself and the mark in front, while the *l* sees the *i* and the *m* as well. In *lima* it's the other way round. So after the first block, the running sum of an *l* holds traces of what stood before it, and the traces differ between the two names. The last *a* can see them in the second block. With a single block it can't: there it sees only bare letters, and *lima* and *mila* are the same to it. So with one block you'd expect the positions to cost more.

# %% [markdown] tags=["read"]
# ### Why the sum is missed
#
# Without the running sum, each part replaces the row instead of adding to it. Why does that hurt? Here are eight small blocks, before and after {{ deep_steps }} steps of training on city names:

# %% tags=["fold", "result", "read"]
deep_steps, deep = 100, {}
sizes = {"num_layers": 8, "num_heads": 2, "model_dim": 16, "mlp_dim": 64}
config = GPTConfig(vocab_size=27, context_length=training[0].shape[1], **sizes)
for name, missing in (("parts add", ""), ("parts replace", "running sum")):
    torch.manual_seed(0)
    model = gpt_without(missing, config)
    if missing:  # larger starting numbers, or its rows would shrink to nothing
        for weights in model.blocks.parameters():
            if weights.dim() == 2:
                nn.init.normal_(weights, std=weights.shape[1] ** -0.5)
    with torch.no_grad():  # before any step: how alike are the rows of one name?
        x = (
            model.token_embedding(training[0][:1, :6])
            + model.position_embedding.weight[:6]
        )
        for block in model.blocks:
            x = block(x)
        rows = F.normalize(x[0], dim=-1)
        alike = (rows @ rows.T)[*torch.triu_indices(6, 6, offset=1)].mean().item()
    train_on_sequences(model, *training, num_steps=deep_steps, batch_size=64)
    deep[name] = {
        "cosine of two letters' rows, at the start": f"{alike:.2f}",
        "held-out loss, at the end": f"{sequence_loss(model, *held_out):.2f}",
    }
pd.DataFrame(deep).T

# %% [markdown] tags=["read"]
# The stack that replaces ends at about the loss of a model that knows only how frequent each letter is, {{ f"{letters_loss:.2f}" }} nats. (A GPT starts with small random numbers. With such small ones, the rows of this stack would shrink to nothing on the way up, so we gave it larger ones.) What's likely to blame can be seen before any training. The first column says how alike the rows of two letters of one name are, on average, at the top of the stack. Attention averages rows. If the averages *replace* the rows, the next attention averages averages, and so on. After eight rounds the rows of all letters of a name point the same way, and whatever told the letters apart has been averaged out. Where parts add, every row still contains its own letter, even at the top of the stack.
#
# In training there's another advantage. The slopes have to travel down again. A plus hands them down as they are, so the lowest block can learn from the very beginning, just like the highest. Nets have been built with such sums since 2015, and that's one of the things that made a hundred layers possible.

# %% tags=["hide"]
letters_loss = windows.query("context_length == 0")["held_out_loss"].mean()

# %% [markdown] tags=["read"]
# ### Where attention pays
#
# At which guess does attention help? Here two smaller models, of a single block, with attention and without it, are compared guess by guess. (They're narrower, too, and train for only {{ small_steps }} steps. Attention is worth much less here than above.)

# %%
from gptbook.models.gpt import GPT

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


small_steps, by_place = 200, {}
for missing in ("", "attention"):
    torch.manual_seed(0)
    model = gpt_without(missing, small)
    train_on_sequences(model, *training, small_steps, batch_size=128)
    by_place[missing] = loss_by_place(model)

# %% tags=["hide"]
one_block = (
    pd.DataFrame(read_record("names")["rows"])
    .query("model == 'attention'")["held_out_loss"]
    .mean()
)

# %% tags=["fold", "read"]
#| alt: What missing attention costs, by the place of the guess in a name. {{ f"{shown[0]:.2f}" }} and {{ f"{shown[1]:.2f}" }} nats at the first two, {{ f"{shown[2]:.2f}" }} at the third, {{ f"{shown[7]:.2f}" }} at the eighth.
#| caption: A model of one block: its loss without attention, minus its loss with it. One seed.
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
ax.set_title(f"Attention pays from the {ordinal[min(pays_from, 8) - 1]}\nguess on")
plt.show()

# %% [markdown] tags=["read"]
# At the first two guesses there's nothing to fetch but the mark. After that, attention pays.

# %% [markdown] tags=["read"]
# On the book's ladder stands a model that was recorded, larger than this page's stack and trained for longer. So with a single block it gets further than our four:
#
# ![The ladder of models, from a uniform guess downward: the rung of this chapter, one block, is lit.](../figures/ladder-one-block.svg "A single larger block, trained longer, in chapter 11's modern form: {{ f"{one_block:.2f}" }} nats.")

# %% [markdown]
# ## What goes wrong
#
# One block looks only once. This riddle takes two looks. Some letters stand in random order, and then one of them comes again, as in *m c d s k r, d*. Which letter came after the *d*?
#
# ![The letters m, c, d, s, k, r, and then the question d. Block 1: an arrow from each letter to the next, which notes what stood before it. Block 2: from the question, an arrow back to s, whose note says: after d. So the answer is s.](../figures/two-looks.svg "A riddle that takes two looks.")

# %% [markdown] tags=["read"]
# You solve it in two moves: find the earlier *d*, then read the letter behind it. Attention can't do that in one go. The question *d* can find the earlier *d*, since the two are the same letter. But the answer stands one place further on, and an *s* doesn't look like a *d* at all. It has nothing on it that says "I stand behind a *d*". In one block, the key of a place is made from its own letter and its own place, and from nothing else.
#
# In two blocks it's easy. In the first one, each letter looks one place back and adds to its running sum which letter it found there. Now the *s* carries a note, "after *d*". In the second block, the question looks for the note "after *d*", finds the *s*, and copies it. Train a model of one block and a model of two on such riddles, with ten random letters in every row:

# %% tags=["fold"]
from gptbook.data.sequences import NO_TARGET
from gptbook.training.loops import train_in_steps

NUM_LETTERS, NUM_QUESTIONS = 10, 8


def riddles(num_rows: int, seed: int) -> tuple[Tensor, Tensor, Tensor]:
    """Rows of ten different letters, then eight questions, each with its answer.

    Returns inputs and targets (R, 26), and where each asked letter stands (R, 8).
    """
    generator = torch.Generator().manual_seed(seed)

    def shuffled(size: int) -> Tensor:
        return torch.rand(num_rows, size, generator=generator).argsort(dim=1)

    rows = shuffled(26)[:, :NUM_LETTERS] + 1
    asked = shuffled(NUM_LETTERS - 1)[:, :NUM_QUESTIONS]
    answers = rows.gather(1, asked + 1)
    questions = torch.stack([rows.gather(1, asked), answers], dim=2).flatten(1)
    inputs = torch.cat([rows, questions], dim=1)
    targets = torch.full_like(inputs, NO_TARGET)  # only the answers are asked for
    targets[:, NUM_LETTERS::2] = answers
    return inputs, targets, asked


new_rows, new_targets, new_asked = riddles(1000, seed=10**6)
first_answers = new_targets[:, NUM_LETTERS]


def share_solved(scores: Tensor) -> float:
    """How often the first question of a new row is answered correctly."""
    guesses = scores[:, NUM_LETTERS].argmax(dim=-1)
    return (guesses == first_answers).double().mean().item()


# %% tags=["result"]
solved, solvers = {}, {}
for num_blocks, dim in ((1, 48), (2, 32)):
    sizes = {"num_layers": num_blocks, "model_dim": dim, "mlp_dim": 4 * dim}
    length = NUM_LETTERS + 2 * NUM_QUESTIONS
    config = GPTConfig(vocab_size=27, context_length=length, num_heads=4, **sizes)
    torch.manual_seed(0)
    model = gpt_without("", config)
    rates = {"matrix_rate": 0.06, "other_rate": 0.016, "warmup_steps": 50}
    train_in_steps(model, lambda step: riddles(64, step)[:2], 300, **rates)
    with torch.no_grad():
        solved[num_blocks] = share_solved(model(new_rows))
    solvers[num_blocks] = model
    num_parameters = sum(p.numel() for p in model.parameters())
    blocks = "one block, " if num_blocks == 1 else "two blocks,"
    print(f"{blocks} {num_parameters:,} parameters: {solved[num_blocks]:.0%} solved")

# %% [markdown]
# On riddles with ten letters, a trained block is right in {{ f"{solved[1]:.0%}" }} of them, by guessing. Two blocks, with fewer parameters, reach {{ f"{solved[2]:.0%}" }}, because the second can look for what the first has found. Stack such blocks between a table and a guess, and you have a [GPT](gpt.py).

# %% [markdown] tags=["read"]
# (Guessing gives about one in eight, or 12%. There are ten letters, but the one that's asked for can't be its own answer, and the first one comes after nothing.)
#
# Do the two blocks really do it in two looks, or is that only our story? Look into the trained model. In its first block, one head gives {{ f"{look_back:.0%}" }} of its weight, on average, to the letter just before. In its second block, when the last *d* asks, one head gives {{ f"{look_note:.0%}" }} of its weight to the letter after the first *d*, which is the answer. And if you forbid just that one look back in the first block, and leave everything else as it is, the trained model solves {{ f"{blinded:.0%}" }}. That's less than by guessing, because it doesn't guess: it names other letters instead, such as the *d* itself in {{ f"{says_d:.0%}" }} of the riddles. If you forbid the look at the letter two places back instead, it solves {{ f"{control:.0%}" }}.
#
# Don't conclude that one block could never do it. A very wide one could carry all letters with all their places into one row and let a huge MLP sort it out. So depth isn't what makes such things possible. It's what makes them cheap. Pairs of heads that work together in just this way have been found in real language models. The second head of such a pair is called an **induction head**.


# %% tags=["hide"]
def looks_of(model: nn.Module, forbidden: int = 0) -> tuple[list[Tensor], Tensor]:
    """Each block's shares on new riddles, (R, N, T, T), and the scores (R, T, V).

    In the first block no position may look `forbidden` places back (0: all may).
    """
    places = torch.arange(new_rows.shape[1])
    x = model.token_embedding(new_rows) + model.position_embedding.weight[places]
    shares = []
    for number, block in enumerate(model.blocks):
        q, k, v = block.attention.heads(block.attention_norm(x))
        scores = q @ k.mT / q.shape[-1] ** 0.5
        hidden = places[None, :] > places[:, None]  # what comes later
        if forbidden and number == 0:
            hidden = hidden | (places[:, None] - places[None, :] == forbidden)
        shares.append(scores.masked_fill(hidden, -torch.inf).softmax(dim=-1))
        gathered = (shares[-1] @ v).transpose(1, 2).flatten(2)
        x = x + block.attention.output(gathered)
        x = x + block.mlp(block.mlp_norm(x))
    return shares, model.final_norm(x) @ model.token_embedding.weight.T


with torch.no_grad():
    (first_looks, second_looks), _ = looks_of(solvers[2])
    without = {places: looks_of(solvers[2], places)[1] for places in (1, 2)}
inner = torch.arange(1, NUM_LETTERS)
look_back = first_looks[:, :, inner, inner - 1].mean(dim=(0, 2)).max().item()
answer_places = new_asked[:, 0] + 1
from_question = second_looks[torch.arange(1000), :, NUM_LETTERS, answer_places]
look_note = from_question.mean(dim=0).max().item()
blinded, control = share_solved(without[1]), share_solved(without[2])
said = without[1][:, NUM_LETTERS].argmax(dim=-1)
says_d = (said == new_rows[:, NUM_LETTERS]).double().mean().item()

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
#     Then the sum would be squeezed again and again, and with it all that was added early. As it is, the norm changes only the copy that a part reads.

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
# No weighted sum plus a bias gives $|x|$ for every $x$. An MLP can. Choose the numbers of one with two hidden units so that it returns $|x|$ for every $x$ between −5 and 5, with an error of 0.05 at most.


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
# One hidden unit lets positive numbers through, the other negative ones, with the sign flipped. GELU's rounded corner matters less, the larger the numbers that meet it: multiply by 20 before it, and divide by 20 after.


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
