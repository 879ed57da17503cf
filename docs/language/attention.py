# %% [markdown]
# # Attention
#
# How can a word look back at what matters? The stadium's name hangs on one word, which may stand anywhere before it. You cannot count back to it. You have to ask.
#
# ![The words Chelsea, fans, go, to, and the guess Stamford Bridge. Arcs lead from each word to the last one: a thick one from Chelsea, with 73 percent, a thin one from fans, with 18, and two of 4 from go and from to itself.](../figures/attention-question.svg "The word *to* takes most from the word that answers its question, wherever that stands.")

# %% [markdown]
# ## First, a plain average
#
# Give every position the average of all embeddings up to its own. That reaches back any distance. But every word counts the same: among forty, the one that matters has a fortieth of the say. So make it a **weighted average**, and let the words decide the weights.

# %% tags=["fold"]
import matplotlib.pyplot as plt
import pandas as pd
import torch
from torch import Tensor, nn

torch.set_printoptions(precision=2, sci_mode=False)


# %%
def plain_average(x: Tensor) -> Tensor:
    """The average of the rows so far. Shapes: x and the result (..., T, D)."""
    so_far = torch.arange(1, x.shape[-2] + 1)[:, None]  # 1, 2, ..., T
    return x.cumsum(dim=-2) / so_far


# %% [markdown]
# ## Ask, answer, hand over
#
# Each word's embedding, multiplied by three learned tables, makes three rows of numbers:
#
# - a **query**: what it looks for;
# - a **key**: what it can be found by;
# - a **value**: what it hands over to whoever finds it.
#
# Lay a query beside a key, multiply number by number, and add up. This **dot product** is high if the one seeks what the other offers. Softmax turns these products, the scores, into shares. By these the values are averaged. That is the core.
#
# All numbers, for four words; the embeddings are made up: the first number says *I name a club* (which one is left out), the second *a place should follow me*. *Chelsea*, (2, 0), takes 2 times the first row of a table, and 0 times the second.
#
# ![Three steps with all numbers. One: the embeddings of the four words, multiplied by three tables, give queries, keys and values. Two: each query with each key gives scores, and the row of the word to is 4, 2, 0, 0; they are divided by the root of 2, and softmax makes the shares 0.73, 0.18, 0.04, 0.04. What comes later is masked. Three: with these shares the values give the output 0.13, 4.94.](../figures/attention-by-hand.svg "Follow row 4: *to* asks for a club, *Chelsea* gets 73%, and the output is mostly *Chelsea*'s value.")

# %%
x = torch.tensor([[2.0, 0], [1, 0], [0, 1], [0, 2]])  # Chelsea, fans, go, to
w_q = torch.tensor([[0.0, 0], [1, 0]])  # a place should follow me: which club?
w_k = torch.tensor([[1.0, 0], [0, 1]])
w_v = torch.tensor([[0.0, 3], [1, 0]])

q, k, v = x @ w_q, x @ w_k, x @ w_v  # (4, 2) each
scores = q @ k.T  # (4, 4): row i, column j is query i with key j
print(scores)

# %%
later = torch.ones(4, 4).triu(diagonal=1).bool()  # True above the diagonal
scaled = (scores / 2**0.5).masked_fill(later, -torch.inf)
shares = scaled.softmax(dim=-1)
print(shares)

# %% tags=["result"]
output = shares @ v
pd.DataFrame(
    [[f"{number:.2f}" for number in numbers] for numbers in output.tolist()],
    index=["Chelsea", "fans", "go", "to"],
    columns=["output", ""],
)

# %% [markdown] tags=["read"]
# The last row with its numbers; then the whole, in letters:
#
# $$\text{softmax}\left(\frac{[{{ row(scores[3]) }}]}{\sqrt{2}}\right) = [{{ row(shares[3]) }}]$$
#
# $$[{{ row(shares[3]) }}] \, v = [{{ row(output[3]) }}]$$
#
# $$a = \text{softmax}\left(\frac{q k^\top}{\sqrt{H}} + M\right) \qquad o = a v$$
#
# $k^\top$ is $k$ on its side; a query has $H$ numbers. The **causal mask** $M$ is 0 where a word may look, and $-\infty$, no share, ahead, where the answer stands.

# %% [markdown] tags=["guess"]
# The query of *fans* is all zeros. How does it share?
#
# - [ ] evenly among all four words
# - [x] evenly between *Chelsea* and itself
# - [ ] it keeps everything for itself
# - [ ] it takes nothing from anybody
#
# All its scores are 0, and equal scores become equal shares: {{ f"{shares[1, 0]:.0%}" }} for each word it may see, and it may not look ahead. Who asks nothing gets the plain average.


# %% tags=["hide"]
def row(numbers: Tensor) -> str:
    """Numbers for a formula, with as few decimals as they need."""
    return r" \;\; ".join(f"{n:.2f}".replace(".00", "") for n in numbers.tolist())


# %% [markdown]
# ??? info "Why divide by √H?"
#     A dot product adds up $H$ products. If the numbers are independent, as likely positive as negative, of size about 1, the sum has size about $\sqrt{H}$. With {{ large_dim }} numbers in a row, and {{ num_keys }} keys, softmax then gives {{ f"{unscaled_top:.0%}" }} of the say to a single key on average; divided by $\sqrt{H}$, {{ f"{scaled_top:.0%}" }}. All-or-nothing shares have nearly no slope, and what has no slope cannot learn.

# %% tags=["hide"]
large_dim, num_keys = 64, 16
torch.manual_seed(0)
many_q, many_k = torch.randn(2000, large_dim), torch.randn(2000, num_keys, large_dim)
random_scores = (many_k @ many_q[:, :, None])[..., 0]  # (2000, 16)
unscaled_top = random_scores.softmax(dim=-1).amax(dim=-1).mean().item()
scaled_top = (random_scores / large_dim**0.5).softmax(dim=-1).amax(dim=-1).mean().item()

# %% [markdown] tags=["note"]
# In the package the same three lines stand in two functions. Shapes have two directions more, for examples in a batch and for heads, and nothing else changes.

# %% tags=["show"]
from gptbook.models.attention import attention_weights, causal_attention


# %%
def one_head(rows: Tensor) -> Tensor:
    """The rows as a batch of one, with one head: (4, 2) to (1, 1, 4, 2)."""
    return rows[None, None]


assert torch.equal(attention_weights(one_head(q), one_head(k)), one_head(shares))
assert torch.allclose(
    causal_attention(one_head(q), one_head(k), one_head(v)), one_head(output)
)
print("the package's attention gives the same numbers")

# %% [markdown] tags=["note"]
# PyTorch has the same average as one call, which never writes the shares down: it works through keys and values piece by piece, and is usually faster. The models use that one.

# %% tags=["show"]
from gptbook.models.attention import fused_attention

# %%
fused = fused_attention(one_head(q), one_head(k), one_head(v))
print("largest difference:", f"{(fused - output).abs().max().item():.6f}")

# %% [markdown]
# ## Several questions at once
#
# A word may need two answers, from two places; one set of shares blurs them. So attention has several **heads** side by side, each with its own queries, keys and values. Their outputs are laid end to end, and one more table mixes them.

# %% tags=["show"]
from gptbook.models.attention import MultiHeadAttention

# %%
heads = MultiHeadAttention(model_dim=64, num_heads=2)
print(heads(torch.zeros(1, 20, 64)).shape, "from 20 words of 64 numbers")

# %% [markdown]
# ## Now train it
#
# A plain model: embeddings, one attention with two heads, its output added to the word's own embedding, and a score for each next word. It learns from the sentences of the last chapter, beside a twin with the plain average in place of attention.

# %% tags=["fold"]
from gptbook.models.attention import AttentionModel
from gptbook.data.clubs import ClubGrammar
from gptbook.data.tables import read_record
from gptbook.tasks.sentences import stadium_accuracy
from gptbook.data.sequences import padded
from gptbook.training.loops import train_on_sequences
from gptbook.data.tokenizer import WordTokenizer

grammar = ClubGrammar()
tokenizer = WordTokenizer(grammar.words)
sentences = grammar.sentences(20_000, seed=0)
inputs, targets = padded([tokenizer.encode(words) for words in sentences])


class AveragingHeads(nn.Module):
    """What attention would be with the same share for every word."""

    def __init__(self, model_dim: int) -> None:
        super().__init__()
        self.value = nn.Linear(model_dim, model_dim)
        self.output = nn.Linear(model_dim, model_dim)

    def forward(self, x: Tensor) -> Tensor:
        return self.output(plain_average(self.value(x)))


# %%
torch.manual_seed(0)
model = AttentionModel(tokenizer.vocab_size, model_dim=64, num_heads=2)
twin = AttentionModel(tokenizer.vocab_size, model_dim=64, num_heads=2)
twin.attention = AveragingHeads(64)

for learner in (model, twin):
    train_on_sequences(learner, inputs, targets, num_steps=600, batch_size=64)

# %% tags=["fold"]
#| alt: Share of right stadiums against the number of words between club and stadium, from 5 to 160. Attention stays between {{ f"{min(by_attention):.0%}" }} and 100 percent. The plain average starts at {{ f"{by_average[0]:.0%}" }} and falls to {{ f"{by_average[-1]:.0%}" }}. A table of eight words falls to chance as soon as the club leaves its window.
#| caption: New sentences; attention and average after 600 steps each. Few sentences in training have gaps above 40.
record = read_record("clubs")
table = next(row for row in record["rows"] if row["width"] == 8)
gaps = (5, 10, 20, 40, 80, 160)
by_attention, by_average = (
    [stadium_accuracy(learner, tokenizer, grammar, gap, 500) for gap in gaps]
    for learner in (model, twin)
)
fig, ax = plt.subplots(figsize=(4.5, 3.6))
for values, at, look, name, above in (
    (by_attention, gaps, "C1o-", "attention", -8),
    (by_average, gaps, "C2s--", "plain average", 3),
    (table["accuracy"], record["settings"]["gaps"], "C0^:", "table of 8 words", 0),
):
    percent = [100 * value for value in values]
    ax.plot(at, percent, look)
    ax.text(185, percent[-1] + above, name, color=look[:2], va="center")
ax.set_xscale("log")
ax.set_xticks(gaps, gaps)
ax.minorticks_off()
ax.set_xlim(4.5, 1000)
ax.set_ylim(-2, 104)
ax.set_xlabel("words between club and stadium")
ax.set_ylabel("right stadiums (%)")
ax.set_title("Attention finds the club\nat every distance tried")
plt.show()

# %% [markdown] tags=["read"]
# The average dilutes; attention does not. Trained for {{ f"{trained[0]['num_steps']:,}" }} steps, from three seeds, and asked {{ f"{asked:,}" }} times with gaps up to 40, it names the right stadium {{ f"{right:,}" }} times. Its loss is {{ f"{loss:.3f}" }} nats; on the same sentences the grammar itself has {{ f"{trained[0]['sentences_floor']:.3f}" }}, and no model is better on average.

# %% tags=["hide"]
trained = [row for row in record["rows"] if row["model"] == "attention"]
near = [place for place, gap in enumerate(record["settings"]["gaps"]) if gap <= 40]
per_gap = record["settings"]["num_sentences"]
asked = per_gap * len(near) * len(trained)
right = round(sum(per_gap * r["accuracy"][place] for r in trained for place in near))
loss = max(row["held_out_loss"] for row in trained)

# %% [markdown]
# Nobody told it where to look:

# %% tags=["fold"]
words = grammar.sentences(1, seed=5, gap=14)[0]
tokens = torch.tensor([[0, *tokenizer.encode(words)]])  # (1, T)
asking = grammar.stadium_position(words)

# %% tags=["live"]
#| widget: look-back
#| alt: The words of one sentence from top to bottom, with a bar at each. Asked for the stadium after {{ words[asking - 1] }}, head {{ finder + 1 }} gives {{ f"{looks[finder, asking, 5]:.0%}" }} of its say to {{ words[4] }}. The guess is {{ tokenizer.labels[guesses[-1][0]] }}.
#| caption: What comes next, by attention, and by a table of the last eight words from the same sentences.
from collections import Counter

from bookbuild.live import publish, publish_model

clubs = list(grammar.stadiums)


def shared(sentence: list[str]) -> int:
    """How many words this sentence begins with as the one above, whatever the club."""
    same = [a == b or b == words[4] for a, b in zip(sentence, words)]
    return [*same, False].index(False)


def suffixes(ids: list[int], place: int) -> list[tuple[int, ...]]:
    """What stands before a place: the last eight tokens, the last seven, ..., none."""
    return [tuple(ids[max(place - width, 0) : place]) for width in range(8, -1, -1)]


lines = []
for gap in range(4, 19):
    some = [words] if gap == 14 else grammar.sentences(500, seed=gap, gap=gap)
    lines.append(max(some, key=shared)[:-1])
variants = [
    [[0, *tokenizer.encode([*row[:4], club, *row[5:]])] for club in clubs]
    for row in lines
]
# The table counts what followed the last eight words, or fewer where it never met those.
followed: dict[tuple[int, ...], Counter[int]] = {
    key: Counter()
    for rows in variants
    for ids in rows
    for place in range(1, len(ids) + 1)
    for key in suffixes(ids, place)
}
for sentence in sentences:
    ids = [0, *tokenizer.encode(sentence), 0]
    for place in range(1, len(ids)):
        for key in suffixes(ids, place):
            if key in followed:
                followed[key][ids[place]] += 1


def by_table(ids: list[int], place: int) -> list[int]:
    """The likeliest token and its percentage."""
    counts = next(found for key in suffixes(ids, place) if (found := followed[key]))
    ((token, times),) = counts.most_common(1)
    return [token, round(100 * times / counts.total())]


answers: list[list] = []
for rows in variants:
    answers.append([])
    for place in range(1, len(rows[0]) + 1):
        said = [by_table(ids, place) for ids in rows]
        answers[-1].append(said[:1] if all(s == said[0] for s in said) else said)
with torch.no_grad():
    looks = model.attention.weights(model.embedding(tokens))[0]  # (N, T, T)
    surest = model(tokens[:, : asking + 1])[0].softmax(dim=-1).max(dim=-1)
chances = zip(surest.indices.tolist(), surest.values.tolist())
guesses = [[token, round(100 * share)] for token, share in chances]
finder = int(looks[:, asking, 5].argmax())  # the head that looks at the club
by_place = [
    (1000 * looks[:, place, : place + 1]).round().int().tolist()
    for place in range(asking + 1)
]
opening = {
    "labels": tokenizer.labels,
    "stadiums": grammar.stadiums,
    "sentences": [" ".join([*row[:4], "-", *row[5:]]) for row in lines],
    "table": answers,
    "looks": by_place,
    "guesses": guesses,
}
publish("opening", opening)
publish_model("model", model, tokenizer)
shown = ["start", *words[:-1]]
fig, ax = plt.subplots(figsize=(4.5, 4.2))
ax.barh(range(len(shown)), 100 * looks[finder, asking, : asking + 1], color="C1")
ax.set_yticks(range(len(shown)), shown)
ax.invert_yaxis()
ax.set_xlim(0, 100)
ax.set_xlabel(f"say (%), head {finder + 1}")
ax.set_title(f"Then {tokenizer.labels[guesses[-1][0]]}: {guesses[-1][1]}%")
plt.show()

# %% [markdown]
# ## What goes wrong
#
# A sum has no order. Shuffle all words before the one that asks, and the guess stays the same:

# %% tags=["result"]
question = tokens[:, : asking + 1]  # up to the word before the stadium
draw = torch.Generator().manual_seed(0)
order = torch.randperm(question.shape[1] - 1, generator=draw)
shuffled = torch.cat([question[:, order], question[:, -1:]], dim=1)
print(tokenizer.decode(shuffled[0].tolist()))
for version in (question, shuffled):
    with torch.no_grad():
        chances = model(version)[0, -1].softmax(dim=-1)
    print(f"{tokenizer.labels[int(chances.argmax())]}: {chances.max():.0%}")

# %% [markdown]
# Fine for stadiums, hopeless for spelling: after *brist* and after *birst* it would expect the same. And attention only gathers; nothing works out what that means. Both are added in the [transformer block](transformer-block.py).

# %% [markdown]
# ## Check yourself
#
# ??? question "In the example, why does *to* look at *Chelsea* more than at *fans*?"
#     Their keys: (2, 0) and (1, 0). The query (2, 0) makes 4 with the one and 2 with the other, and softmax turns a difference in scores into a ratio of shares.
#
# ??? question "What would a model learn without the mask?"
#     To copy. In training the next word stands one place to the right; without the mask, a model that knows the order (next chapter) looks there, its loss falls to nearly nothing, and it can predict nothing.
#
# ??? question "The sentence gets ten times as long. What grows?"
#     Not the parameters: the three tables are the same for every position. The scores do: one for each pair of words, so a hundred times as many.

# %% [markdown]
# ## Exercises

# %% tags=["fold"]
from gptbook.exercise import exercise

# %% [markdown] tags=["exercise"]
# ### Predict: two clubs
#
# *easy · 5 minutes*
#
# Take the words *Chelsea, Arsenal, go, to*, and give *Arsenal* the same embedding as *Chelsea*, (2, 0). What share does *to* give to *Chelsea* now? Work it out: divide (4, 4, 0, 0) by √2, then softmax.
#
# answer: 0.47, within 0.02
#
# Divided by √2, the scores are 2.83, 2.83, 0 and 0. Softmax raises e to each: about 16.9, 16.9, 1 and 1, together 35.8, of which 16.9 is a share of 0.47. The two clubs share evenly, and 0.06 is left for the other two words.

# %% tags=["starter"]
my_share = ...

# %% tags=["check"]
with exercise("Predict"):
    two_clubs = torch.tensor([[2.0, 0], [2, 0], [0, 1], [0, 2]])
    found = attention_weights(one_head(two_clubs @ w_q), one_head(two_clubs @ w_k))
    assert abs(my_share - found[0, 0, 3, 0].item()) < 0.02, "both clubs get the same"

# %% [markdown] tags=["hint"]
# Two equal scores share evenly; a little is left for the other two. e to the power of 4 / √2 is about 16.9, and e to the power of 0 is 1.

# %% tags=["solution"]
my_share = 16.9 / (16.9 + 16.9 + 1 + 1)

# %% [markdown] tags=["exercise"]
# ### Change: let *fans* ask
#
# *medium · 10 minutes*
#
# Change `my_w_q` so that *fans* and *Chelsea* look for a club too: in the row of *fans*, *Chelsea* must get more than 80% of the say, and *to* must still look mostly at *Chelsea*.

# %% tags=["starter"]
my_w_q = torch.tensor([[0.0, 0], [1, 0]])

# %% tags=["check"]
with exercise("Change"):
    mine = attention_weights(one_head(x @ my_w_q), one_head(k))[0, 0]
    assert mine[1, 0] > 0.8, f"fans gives Chelsea {mine[1, 0]:.0%}: ask louder"
    assert mine[3, 0] > 0.5, f"to gives Chelsea {mine[3, 0]:.0%}: keep its question"

# %% [markdown] tags=["hint"]
# The first row of the table says what a word asks for that names a club. A larger number there makes a larger difference between the scores of (2, 0) and (1, 0).

# %% tags=["solution"]
my_w_q = torch.tensor([[2.5, 0], [1, 0]])

# %% [markdown] tags=["exercise"]
# ### Build: attention for one word, without tables of shares
#
# *hard · 25 minutes*
#
# Write `look_back(query, keys, values)` with loops and plain numbers: for one query of length $H$, keys of shape (S, H) and values of shape (S, H), all at or before it. Return a list of $H$ numbers. No softmax from a library.


# %% tags=["starter"]
def look_back(query: list, keys: list, values: list) -> list[float]:
    """The average of the values, weighted by how well each key fits the query."""
    return [0.0 for _ in query]


# %% tags=["check"]
with exercise("Build"):
    torch.manual_seed(1)
    some_q, some_k, some_v = torch.randn(3, 5, 4)
    wanted = causal_attention(one_head(some_q), one_head(some_k), one_head(some_v))
    for place in range(5):
        seen = (some_k[: place + 1].tolist(), some_v[: place + 1].tolist())
        mine = torch.tensor(look_back(some_q[place].tolist(), *seen))
        off = (mine - wanted[0, 0, place]).abs().max().item()
        assert off < 1e-4, f"with {place + 1} keys you are off by {off:.2f}"

# %% [markdown] tags=["hint"]
# Score by score: the sum of products, divided by `len(query) ** 0.5`. Then `math.exp` of each, divided by their sum.

# %% tags=["solution"]
import math


def look_back(query: list, keys: list, values: list) -> list[float]:
    """The average of the values, weighted by how well each key fits the query."""
    powers = []
    for key in keys:
        score = sum(a * b for a, b in zip(query, key)) / len(query) ** 0.5
        powers.append(math.exp(score))
    result = [0.0] * len(query)
    for power, value in zip(powers, values):
        for place, number in enumerate(value):
            result[place] += power / sum(powers) * number
    return result


# %% [markdown] tags=["note"]
# ## Where this lives in the package
#
# [gptbook.models.attention](../reference/models.md#gptbook.models.attention) has both ways to compute it, the heads, and `AttentionModel`. The runs over three seeds are in `data/runs/clubs.json`; `gptbook train clubs-attention` trains one of them.

# %% [markdown]
# ## Further reading
#
# - Ashish Vaswani and others, *Attention Is All You Need* (2017): the equation, and the division by the root, in section 3.2.
# - Dzmitry Bahdanau and others, *Neural Machine Translation by Jointly Learning to Align and Translate* (2014): where looking back began.
# - Andrej Karpathy, *Let's build GPT* (2023): two hours of film, from the plain average to a GPT, typed line by line.
# - Grant Sanderson, *Attention in transformers* (3Blue1Brown, 2024): the same idea in moving pictures.
