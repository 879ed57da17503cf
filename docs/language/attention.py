# %% [markdown]
# # Attention
#
# You don't count back to the word that matters. You look for it. Attention lets a model do the same: a word asks a question, and takes from the words that can answer it, wherever they stand.
#
# ![The words Chelsea, fans, go, to, and the guess Stamford Bridge. Arcs lead from each word to the last one: a thick one from Chelsea, with 73 percent, a thin one from fans, with 18, and two of 4 from go and from to itself.](../figures/attention-question.svg "Stamford Bridge is Chelsea's stadium. The word *to* takes most from the word that can tell it so.")

# %% [markdown]
# ## First, a plain average
#
# The simplest way to reach back any distance is an average: give each position the average of all embeddings up to its own. But then every word counts the same, and among forty, the one that matters has a fortieth of the weight. So make it a **weighted average**, and let the words decide the weights.

# %% [markdown] tags=["read"]
# Try it with a single number per word. Say that *Chelsea* has a 1 for being a club, and *fans*, *go* and *to* have 0. At *to*, the plain average is (1 + 0 + 0 + 0) / 4 = 0.25. If there are forty words it's 0.025, and a model would have to hear that whisper through the noise of all the others. A weighted average multiplies each number by a share before adding, and the shares make 1 in all. With the shares of the picture, *Chelsea*'s 1 arrives as 0.73. It would arrive as strongly from forty words away, as long as the shares come out the same.
#
# So where do the shares come from? They can't be fixed parameters, one for each place. That would be the window of the last chapter again, which had to learn each distance anew. They have to depend on the words: on what the one needs, and on what the other has.

# %% tags=["fold"]
import math

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
# From each word's embedding, three learned tables make three short rows of numbers:
#
# - the **query** says what the word is looking for;
# - the **key** says what it can be found by;
# - the **value** is what it hands over when it's found.
#
# The better a word's query fits another word's key, the larger the share it takes of that word's value. It may look only at itself and at the words before it, because ahead stands the word that it has to guess.
#
# ![Four steps with all numbers. One: the embeddings of the four words, multiplied by three tables, give queries, keys and values. Two: each query with each key gives scores, and the row of the word to is 4, 2, 0, 0; they are divided by the root of 2, and softmax makes the shares 0.73, 0.18, 0.04, 0.04. What comes later is masked. Three: with these shares the values give the output 4.94, 4.41. Four: with the row of Stamford Bridge, 1 and 1, that makes 9.35, with that of the Emirates Stadium, 1 and −1, 0.54, with that of the, −4.94.](../figures/attention-by-hand.svg "At the start, *to* takes 73% from *Chelsea*, whose value says *Stamford Bridge*."){ data-widget="attention-by-hand" data-opening="by-hand.json" }

# %% [markdown] tags=["read"]
# ### One word looks back
#
# Let's go through those steps by hand, for the word *to*, which must find out which club the sentence is about. (In the figure you can go along, step by step, and see each sum.)
#
# **What goes in.** Each word has an embedding of three numbers, made up for this example. The first says "I smell of a club", the second "a place should follow me", and the third says which club: 1 for Chelsea, −1 for Arsenal. So *Chelsea* is (2, 0, 1). *fans* is (1, 0, 0), because fans smell of a club without being one. *go* is (0, 1, 0), and *to* is (0, 2, 0).
#
# **The query.** Multiply the embedding of *to* by the first table: 0 times its first row, 2 times its second, 0 times its third. The second row is (1, 0), so the query is (2, 0). Its first number means "I'm looking for a club", and the 2 says how badly. The table has turned "a place should follow me" into the question "which club?".
#
# **The keys.** The second table makes *Chelsea*'s key: 2 · (1, 0) + 0 · (0, 1) + 1 · (0, 0) = (2, 0). Its first number means "here's a club". In the same way *fans* gets (1, 0), *go* (0, 1) and *to* (0, 2). The second number means "a place follows me", and no word in this example asks for that.
#
# **The scores.** How well does the query fit a key? Multiply place by place and add up, as you did with rows in chapter 7. This is called their **dot product**. With *Chelsea* it's 2 · 2 + 0 · 0 = 4, a strong fit. With *fans* it's 2 · 1 + 0 · 0 = 2. With *go* it's 0, and with its own key it's 0, too.
#
# **The shares.** Shares must be positive and make 1 in all, and softmax sees to that. First each score is divided by √2, the root of the number of places in a query. (A box below says why.) That makes 2.83, 1.41, 0 and 0. Then e is raised to each: {{ powers }}. Together that's {{ f"{sum(raised):.1f}" }}, and each divided by this sum gives 0.73, 0.18, 0.04 and 0.04. So almost three quarters of what *to* takes, it takes from *Chelsea*.
#
# **The values.** The third table makes what each word hands over, again two numbers. The first says "a stadium comes next", and the second says whose: positive for Chelsea's, negative for Arsenal's. For *Chelsea* that's 2 · (3, 0) + 0 · (0, 0) + 1 · (0, 6) = (6, 6). *fans* has (3, 0), since it can say that a stadium may come, but not whose. The words *go* and *to* have nothing to hand over.
#
# **The output.** Average the values with the shares. The first number is 0.73 · 6 + 0.18 · 3, which is {{ f"{output[3, 0]:.2f}" }}. The second is 0.73 · 6, which is {{ f"{output[3, 1]:.2f}" }}. (With shares rounded to two places you get 4.92 and 4.38. All numbers here are computed from unrounded ones.) So the output of *to* says two things loudly: a stadium comes next, and it's Chelsea's.
#
# **The guess.** As in chapter 7, the result is compared with a row for each possible next word. Say that *Stamford Bridge* has (1, 1), *Emirates Stadium*, where Arsenal plays, has (1, −1), and *the* has (−1, 0). The dot products are {{ f"{output[3, 0]:.2f}" }} + {{ f"{output[3, 1]:.2f}" }} = {{ f"{output[3].sum():.2f}" }}, then {{ f"{output[3, 0]:.2f}" }} − {{ f"{output[3, 1]:.2f}" }} = {{ f"{output[3, 0] - output[3, 1]:.2f}" }} (unrounded, once more), and −{{ f"{output[3, 0]:.2f}" }}. *Stamford Bridge* wins by far. Had the sentence begun with *Arsenal*, (2, 0, −1), the query, the scores and the shares would be the same. Only the value would be (6, −6), and the Emirates Stadium would win. Try it in the figure: change the number that says which club *Chelsea* is, and watch what follows.

# %%
x = torch.tensor([[2.0, 0, 1], [1, 0, 0], [0, 1, 0], [0, 2, 0]])  # (4, 3)
w_q = torch.tensor([[0.0, 0], [1, 0], [0, 0]])  # a place should follow me: which club?
w_k = torch.tensor([[1.0, 0], [0, 1], [0, 0]])
w_v = torch.tensor([[3.0, 0], [0, 0], [0, 6]])  # a stadium comes; and whose

q, k, v = x @ w_q, x @ w_k, x @ w_v  # (4, 2) each
scores = q @ k.T  # (4, 4): row i, column j is query i with key j
print(scores)

# %%
later = torch.ones(4, 4).triu(diagonal=1).bool()  # True above the diagonal
scaled = (scores / 2**0.5).masked_fill(later, -torch.inf)
shares = scaled.softmax(dim=-1)
print(shares)

# %%
output = shares @ v
pd.DataFrame(
    [[f"{number:.2f}" for number in numbers] for numbers in output.tolist()],
    index=["Chelsea", "fans", "go", "to"],
    columns=["output", ""],
)

# %% tags=["live"]
from bookbuild.live import publish

stadiums = {"Stamford Bridge": [1, 1], "Emirates Stadium": [1, -1], "the": [-1, 0]}
by_hand = {
    "words": ["Chelsea", "fans", "go", "to"],
    "x": x.tolist(),
    "tables": {
        "query": w_q.tolist(),
        "key": w_k.tolist(),
        "value": w_v.tolist(),
    },
    "guesses": [{"word": word, "row": row} for word, row in stadiums.items()],
}
publish("by-hand", by_hand)

# %% [markdown] tags=["read"]
# Here's the whole thing in letters. The words' queries, one below the other, make a table $q$, their keys a table $k$, and their values a table $v$. Then all words are worked out at once:
#
# $$a = \text{softmax}\left(\frac{q k^\top}{\sqrt{H}} + M\right) \qquad o = a v$$
#
# Read it from the inside. $q k^\top$ is every query with every key: the little ⊤ lays $k$ on its side, so that row $i$, column $j$ of the result is the dot product of query $i$ and key $j$. $H$ is how many numbers a query has, here 2. $M$ is the mask, of which more in a moment. Softmax works row by row, and $a v$ averages the values with the shares of each row.
#
# ### Why the mask
#
# When *fans* asks, it gets only two scores, one for *Chelsea* and one for itself. *fans* comes before *go*, and so it may not look at *go*. Why not? Because in training every position is asked for its next word, all at the same time. At *fans* the right answer is *go*, and *go* stands in the text, one place further on. If words could look ahead, a model could simply copy the answer, and learn nothing else. (This chapter's model doesn't know the order of the words, so it couldn't do that very well. The one of the next chapter could.) Later, when the model writes the text itself, there's no answer ahead to copy. So before softmax the mask $M$ adds 0 to each score that's allowed and −∞ to each that isn't. e raised to −∞ is 0, which means no share at all. It's called a **causal mask**.
#
# ### Why three tables and not one
#
# Couldn't a word's embedding be query, key and value all in one? Then a word would look for what it is itself. *to* announces a place, so it would look for other words that announce a place, and would find *go* and itself. But *to* is looking for a club, and isn't a club itself. Looking for a thing, being such a thing, and having something to tell are three different roles, and each word plays all three at once. So each role gets a table of its own.
#
# ### Doesn't softmax dilute, too?
#
# With four words *Chelsea* got 16.9 of 23.0. With forty there are 36 more words with a score of 0, and each adds 1 to the sum. So *Chelsea* would get 16.9 of 59.0, a share of only 0.29. But the tables are learned, and they can ask louder. If the query were (4, 0) instead of (2, 0), *Chelsea*'s score would be 8 and that of *fans* 4. Divide both by √2 and raise e to the results: 286 for *Chelsea* and 16.9 for *fans*. All words but these two, 38 of them, add 1 each, which is 341 in all, so *Chelsea* would get 286 of 341, a share of 0.84. A plain average has no such choice.

# %% [markdown] tags=["guess"]
# The query of *fans* is all zeros. How does it share?
#
# - [ ] evenly among all four words
# - [x] evenly between *Chelsea* and itself
# - [ ] it keeps everything for itself
# - [ ] it takes nothing from anybody
#
# All its scores are 0, and equal scores become equal shares: {{ f"{shares[1, 0]:.0%}" }} for each word it may see, and it may not look ahead. A word that asks nothing gets the plain average.

# %% tags=["hide"]
raised = [math.exp(score / math.sqrt(2)) for score in scores[3].tolist()]
powers = ", ".join(f"{power:.1f}" for power in raised[:-1]) + f" and {raised[-1]:.1f}"
assert [f"{share:.2f}" for share in shares[3]] == ["0.73", "0.18", "0.04", "0.04"]

# %% [markdown]
# ??? info "Why divide by √H?"
#     A dot product adds up $H$ products. If the numbers are independent, as likely positive as negative, and of size about 1, the sum has a size of about $\sqrt{H}$. With {{ large_dim }} numbers in a row, and {{ num_keys }} keys, softmax then gives {{ f"{unscaled_top:.0%}" }} to a single key on average. Divided by $\sqrt{H}$, it's {{ f"{scaled_top:.0%}" }}. Where one share is nearly 1 and all others nearly 0, a small change of the query changes almost nothing. So the slopes are nearly 0, and the table can't learn.

# %% tags=["hide"]
large_dim, num_keys = 64, 16
torch.manual_seed(0)
many_q, many_k = torch.randn(2000, large_dim), torch.randn(2000, num_keys, large_dim)
random_scores = (many_k @ many_q[:, :, None])[..., 0]  # (2000, 16)
unscaled_top = random_scores.softmax(dim=-1).amax(dim=-1).mean().item()
scaled_top = (random_scores / large_dim**0.5).softmax(dim=-1).amax(dim=-1).mean().item()

# %% [markdown] tags=["note"]
# The package does the same in two functions: scores divided and masked, softmax, average. Their shapes have two more dimensions, for several examples at once and for the heads of the next section.

# %% tags=["show"]
from gptbook.models.attention import attention_weights

# %% tags=["fold"]
from gptbook.models.attention import causal_attention


# %%
def one_head(rows: Tensor) -> Tensor:
    """The rows as a batch of one, with one head: (4, 2) to (1, 1, 4, 2)."""
    return rows[None, None]


assert torch.equal(attention_weights(one_head(q), one_head(k)), one_head(shares))
assert torch.allclose(
    causal_attention(one_head(q), one_head(k), one_head(v)), one_head(output)
)
print("the package's attention gives the same numbers")

# %% [markdown]
# ## Several questions at once
#
# A word may need two answers, from two places. So attention has several **heads** side by side, each with queries, keys and values of its own.

# %% [markdown] tags=["read"]
# After *yesterday the cats on the mat* comes *were*, because it was yesterday, and because there are several cats.

# %% [markdown]
# ![The words yesterday, the, cats, on, the, mat, and the guess were. The last word, mat, asks twice. Head 1 asks when, and gives 77 percent to yesterday. Head 2 asks one or several, and gives 77 percent to cats. Each gives 5 percent to every other word.](../figures/two-heads.svg "Two heads, two sets of shares. Only *were* fits both answers.")

# %% [markdown] tags=["read"]
# The word that asks here is *mat*, since it's the last one so far. Could a single head ask both questions at once? It has one query per word, and so one set of shares. Suppose the query asks for both, so that *yesterday* and *cats* score 4 each and the other four words 0. As above (divided by √2, then e raised to it), a score of 4 becomes 16.9 and a score of 0 becomes 1, which makes 37.8 together. Each answer gets 16.9 / 37.8 = 0.45 of the weight. Both arrive, but at less than half strength, and with a third question it would be less than a third. Two heads don't have to split the weight between the questions. Each has 16.9 / (16.9 + 5) = 0.77 for its own answer. With *today* instead of *yesterday*, only head 1 would report something else, and the sentence would go on with *are*. With *cat* instead of *cats*, only head 2 would report something else, and *was* would follow.
#
# Nobody decides what a head asks. Each starts with random tables, and training makes them differ as far as that helps the guesses. To keep several heads as cheap as one, each makes shorter rows. With 64 numbers per word and two heads, the tables of each head turn all 64 into queries, keys and values of 32. The two outputs are laid end to end, which makes 64 again, and one more learned table, $W_o$, mixes them.

# %% tags=["fold"]
from gptbook.models.attention import MultiHeadAttention, fused_attention

# %%
heads = MultiHeadAttention(model_dim=64, num_heads=2)
print("20 words of 64 numbers give", tuple(heads(torch.zeros(1, 20, 64)).shape))
fused = fused_attention(one_head(q), one_head(k), one_head(v))
assert torch.allclose(fused, one_head(output), atol=1e-6)
print("and PyTorch's own attention gives the same output")

# %% [markdown] tags=["note"]
# `fused_attention` is PyTorch's own, which never writes all the shares down: it works through keys and values piece by piece, and is usually faster. The models use that one.

# %% [markdown]
# ## Now train it
#
# A small model with one attention layer of two heads learns from the sentences about clubs, beside a twin that has the plain average instead.

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

num_steps = 600
for learner in (model, twin):
    train_on_sequences(learner, inputs, targets, num_steps, batch_size=64)

# %% tags=["fold"]
#| alt: Share of right stadiums against the number of words between club and stadium, from 5 to 160. Attention stays between {{ f"{min(by_attention):.0%}" }} and {{ f"{max(by_attention):.0%}" }}. The plain average starts at {{ f"{by_average[0]:.0%}" }} and falls to {{ f"{by_average[-1]:.0%}" }}. A table of eight words falls to chance as soon as the club leaves its window.
#| caption: New sentences; attention and average after {{ num_steps }} steps each, one seed. Few sentences in training have gaps above 40.
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
ax.set_title("Attention reaches as far\nas we tried")
plt.show()

# %% [markdown]
# Attention does about as well at 160 words as at 5. The average dilutes the club.

# %% [markdown] tags=["read"]
# The plot shows a short training of {{ num_steps }} steps, done while this page was built. (The table of eight words in it is the one of chapter 8.) We also trained three such models for {{ f"{trained[0]['num_steps']:,}" }} steps, from different random starts, and asked them {{ f"{asked:,}" }} questions altogether, with gaps up to 40. They named the right stadium {{ f"{right:,}" }} times. Their loss counts all words of the sentences, not only the stadium, and is at most {{ f"{loss:.3f}" }} nats. Can that get any lower? Hardly. Even somebody who knows all rules of the grammar can't foresee its dice, and is surprised by {{ f"{trained[0]['sentences_floor']:.3f}" }} nats on average on these sentences.
#
# Think back to chapter 8. There, a net with a window of 12 words had weights of its own for each of the twelve places, and had to learn at each of them what a club is. Attention uses the same tables for every word, so what it learns about clubs at one distance holds at all distances. The plain average treats all distances alike, too. But attention can also give nearly all of the weight to one word, however many stand between. That's why it manages gaps of 160 words, although hardly any sentence in training had a gap above 40.

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
#| alt: The words of one sentence from top to bottom, with a bar at each. Asked for the stadium after {{ words[asking - 1] }}, head {{ finder + 1 }} gives {{ f"{looks[finder, asking, 5]:.0%}" }} of its weight to {{ words[4] }}. The guess is {{ tokenizer.labels[guesses[-1][0]] }}.
#| caption: What comes next, by attention, and by a table of the last eight words.
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
for head, color in ((finder, "C1"), (1 - finder, "C3")):
    places = [place + (0.2 if head else -0.2) for place in range(len(shown))]
    percent = 100 * looks[head, asking, : asking + 1]
    ax.barh(places, percent, 0.38, color=color, label=f"head {head + 1}")
ax.legend(loc="lower right")
ax.set_yticks(range(len(shown)), shown)
ax.invert_yaxis()
ax.set_xlim(0, 100)
ax.set_xlabel("share (%)")
ax.set_title(f"Then {tokenizer.labels[guesses[-1][0]]}: {guesses[-1][1]}%")
plt.show()

# %% [markdown] tags=["read"]
# (*start* is the mark before each sentence.) One head is enough to find the club. The other is free to look elsewhere, and where it looks need not mean anything.
#
# ### What it costs
#
# Each query meets each key. So with $T$ words there are $T$ times $T$ scores, of which the mask hides nearly half if there are many words. Four words make 16 scores. GPT-2 small reads 1,024 tokens at once, which makes a million scores for each head, and it has 144 heads, 12 in each of its 12 blocks. A text twice as long has four times as many scores. One that's ten times as long has a hundred times as many. That's the price of being able to look anywhere, and a lot of work has gone into lowering it. On the other hand, all scores can be worked out at the same time. A recurrent network would have to wait for one word after the other.
#
# The parameters don't grow with the text at all. The same tables serve four words and four thousand.

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
# That's fine for stadiums and hopeless for spelling.

# %% [markdown] tags=["read"]
# A model that reads letters in this way would expect the same after *brist* and after *birst*.

# %% [markdown]
# And attention only gathers what other words hand over. Nothing works out what all that means together. The [transformer block](transformer-block.py) makes up for both.

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
# Take the words *Chelsea, Arsenal, go, to*, where *Arsenal* is (2, 0, −1). What share does *to* give to *Chelsea* now? Work it out: divide (4, 4, 0, 0) by √2, then softmax.
#
# answer: 0.47, within 0.02
#
# Divided by √2, the scores are 2.83, 2.83, 0 and 0. Softmax raises e to each: about 16.9, 16.9, 1 and 1, together 35.8, of which 16.9 is a share of 0.47. The two clubs share evenly, and 0.06 is left for the other two words. The second number of the output is 0.47 · 6 − 0.47 · 6 = 0: the model knows that a stadium comes, and has no idea whose.

# %% tags=["starter"]
my_share = ...

# %% tags=["check"]
with exercise("Predict"):
    two_clubs = torch.tensor([[2.0, 0, 1], [2, 0, -1], [0, 1, 0], [0, 2, 0]])
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
# Change `my_w_q` so that *fans* and *Chelsea* look for a club too: in the row of *fans*, *Chelsea* must get more than 80%, and *to* must still look mostly at *Chelsea*.

# %% tags=["starter"]
my_w_q = torch.tensor([[0.0, 0], [1, 0], [0, 0]])

# %% tags=["check"]
with exercise("Change"):
    mine = attention_weights(one_head(x @ my_w_q), one_head(k))[0, 0]
    assert mine[1, 0] > 0.8, f"fans gives Chelsea {mine[1, 0]:.0%}: ask louder"
    assert mine[3, 0] > 0.5, f"to gives Chelsea {mine[3, 0]:.0%}: keep its question"

# %% [markdown] tags=["hint"]
# The first row of the table says what a word asks for that names a club. A larger number there makes a larger difference between the scores of the keys (2, 0) and (1, 0).

# %% tags=["solution"]
my_w_q = torch.tensor([[2.5, 0], [1, 0], [0, 0]])

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
# - Andrej Karpathy, *Let's build GPT* (2023): a two-hour video, from the plain average to a GPT, typed line by line.
# - Grant Sanderson, *Attention in transformers* (3Blue1Brown, 2024): the same idea in moving pictures.
