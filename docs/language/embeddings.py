# %% [markdown]
# # Embeddings
#
# A token's number is only a name. To calculate, a net needs numbers that say something. So each token gets a row of numbers of its own, and training fills it.
#
# ![The letter c is token 3. The token points at row 3 of a table with a row of two numbers for each token. The row, −0.8 and 0.6, goes into the model.](../figures/embedding-row.svg "The token picks a row. The model sees the row, never the token.")

# %% [markdown]
# ## A row of a table
#
# The row that a token gets is its **embedding**. To read a token is to look up its row in a table, $E$. The numbers in the table are parameters: they start at random, and training moves them.

# %% [markdown] tags=["read"]
# You've used such a table since chapter 4 without looking inside. Look now. In the picture there are four tokens, the mark, *a*, *b* and *c*, with the numbers 0 to 3, and each has a row of two numbers. A real model has more of both: GPT-2 small has 50,257 rows of 768 numbers. The letter *c* is token 3, so the model gets (−0.8, 0.6). The 3 itself goes nowhere. It has done its work when the row is found.
#
# Can a net look up a row, and still learn through that? Yes, because looking up is a multiplication in disguise. Write token 3 as a row with a place for every token, with a 1 at place 3 and a 0 everywhere else: (0, 0, 0, 1). That's called a **one-hot** row, written $o$. To multiply it with the table, take 0 times row 0, plus 0 times row 1, plus 0 times row 2, plus 1 times row 3. What's left is row 3:
#
# $$o\,E = E_t$$
#
# In words: the one-hot row of token $t$, times the table, is row $t$ of the table. So the table is a layer of weights like any other, and slopes reach its numbers as they reach every weight. (Nobody really multiplies by all those zeros. Looking up gives the same, and faster.)

# %% tags=["fold"]
import math
import re
from collections import Counter
from collections.abc import Callable

import matplotlib.pyplot as plt
import pandas as pd
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from gptbook.data.docstrings import docstrings
from gptbook.data.tables import city_names, split_names
from gptbook.training.loss import count_loss, next_token_loss
from gptbook.models.ngram import NgramNet, context_windows, unique_contexts
from gptbook.data.tokenizer import CharacterTokenizer
from gptbook.training.loops import train_on_counts

# %% [markdown] tags=["note"]
# Four symbols, two numbers each: the table of the drawing.

# %%
tiny = CharacterTokenizer("abc")
table = torch.tensor([[0.2, 0.1], [0.9, -0.4], [-0.7, 0.5], [-0.8, 0.6]])  # (4, 2)
one_hot = F.one_hot(torch.tensor(tiny.encode("c")), tiny.vocab_size).float()  # (1, 4)
print("one-hot:", one_hot[0])
print("times the table:", (one_hot @ table)[0])
print("row 3:", table[3])

# %% [markdown] tags=["read"]
# ### One step moves a row
#
# Let's watch a row learn. A tiny model reads *c*, and the right answer is *a*. It has the table of the picture, and a second table that turns a row into four scores, one for each token:
#
# | the row's | . | a | b | c |
# |---|---|---|---|---|
# | first number, times | 0.1 | −0.3 | 0.8 | 0.2 |
# | second number, times | 0.5 | 0.4 | −0.6 | 0.3 |
#
# With the row (−0.8, 0.6), the score of *a* is −0.8 · −0.3 + 0.6 · 0.4 = 0.48. The others come out at {{ walk_scores }}, and after softmax the probability of *a* is {{ f"{step_before[1]:.2f}" }}. In which direction should the row move, so that *a* gets more? You know from chapter 3 that the slope at each score is its probability, and at the right answer the probability minus 1. Here that's {{ walk_slopes }}. If the row's first number grows a little, each score grows by its weight in the first line of the table times that. So multiply each of these four slopes by that weight, and add up. That makes {{ walk_sum }}, a positive slope, so the first number should get smaller. (All sums here are computed from unrounded numbers.) For the second number, with the second line of the table, it's {{ minus(f"{row_slope[1]:.2f}") }}, so that one should grow a little.
#
# With a learning rate of 1 the row becomes (−0.8 − {{ f"{row_slope[0]:.2f}" }}, 0.6 + {{ f"{-row_slope[1]:.2f}" }}) = ({{ minus(f"{moved_row[0]:.2f}") }}, {{ f"{moved_row[1]:.2f}" }}). Run *c* through again, and *a* has {{ f"{step_after[1]:.2f}" }}. So that's all that learning an embedding is: whenever a token is read, its row moves a little way to where it gives better guesses.


# %% tags=["hide"]
def minus(number: str) -> str:
    """A number with a true minus sign."""
    return number.replace("-", "\N{MINUS SIGN}")


def probabilities_of(row: Tensor) -> Tensor:
    """What the tiny model expects after a token with this row: (2,) to (4,)."""
    return (row @ output).softmax(dim=-1)


output = torch.tensor([[0.1, -0.3, 0.8, 0.2], [0.5, 0.4, -0.6, 0.3]])  # (2, 4)
row_of_c = table[3].clone().requires_grad_()
step_before = probabilities_of(row_of_c)
(-step_before[1].log()).backward()
row_slope = row_of_c.grad
moved_row = row_of_c.detach() - 1.0 * row_slope
step_after = probabilities_of(moved_row)
of_scores = (step_before - F.one_hot(torch.tensor(1), 4)).tolist()
to_first = zip(of_scores, output[0].tolist())
walk_scores = ", ".join(
    minus(f"{score:.2f} for *{name}*" if name != "." else f"{score:.2f} for the mark")
    for name, score in zip(tiny.labels, (table[3] @ output).tolist())
    if name != "a"
)
walk_slopes = ", ".join(minus(f"{slope:.2f}") for slope in of_scores)
terms = " + ".join(f"{slope:.2f} · {weight:.1f}" for slope, weight in to_first)
walk_sum = minus(f"{terms} = {row_slope[0]:.2f}")

# %% [markdown] tags=["guess"]
# A step reads *a*, *c* and *a* again, and should guess *c*, *a* and *b*. Which rows of the table get a slope?
#
# - [ ] all four
# - [ ] those of *a*, *b* and *c*
# - [x] those of *a* and *c*
#
# *b* is an answer, but it isn't read, so its row had no part in the guess. Its slopes are exactly 0.

# %% tags=["result"]
table.requires_grad_()
read, answers = tiny.encode("aca"), torch.tensor(tiny.encode("cab"))
loss = next_token_loss(table[read] @ output, answers)  # the row goes into the net
loss.backward()
pd.DataFrame(
    [[f"{slope:.2f}" for slope in slopes] for slopes in table.grad.tolist()],
    index=pd.Index(tiny.labels, name="row"),
    columns=["slopes", ""],
)

# %% [markdown] tags=["read"]
# In the table above, the slopes are averaged over the three guesses, so they're smaller than in our single step. A row that wasn't read has slopes of exactly 0. Does it stay where it is, then? With plain steps, slope times learning rate, it does. With Adam it may not: Adam steps along an average of recent slopes, so a row that was read a moment ago still coasts on, like a ball after the push. But no step teaches anything to the row of a token that never occurs.

# %% [markdown]
# ## Letters find their place
#
# A net guesses the next letter of a city name from the two before. Each letter has only two numbers, so that you can draw them as a map. Nobody tells the net what a vowel is.


# %% tags=["hide"]
moments: list[tuple[int, Tensor, float]] = []  # step, rows (27, 2), held-out loss


def look(step: int, net: NgramNet) -> None:
    """Keep where the letters stand, more often while they move fast."""
    fast = step <= 40 and step % 5 == 0
    if not fast and step not in (50, 60, 80, 100, 130, 160, 200, 300):
        return
    held_out = context_windows(held_out_names, letters, context_length=2)
    seen, followed = unique_contexts(*held_out, letters.vocab_size)
    with torch.no_grad():
        loss = count_loss(net(seen), followed).item()
    moments.append((step, net.embedding.weight.detach().clone(), loss))


# %%
names = city_names()
training_names, held_out_names = split_names(names, held_out=0.1, seed=0)
letters = CharacterTokenizer.from_texts(names)
contexts, counts = unique_contexts(
    *context_windows(training_names, letters, context_length=2), letters.vocab_size
)


def letter_rows(
    seed: int,
    start: float = 0.1,
    after_step: Callable[[int, NgramNet], None] = lambda step, net: None,
) -> tuple[Tensor, Tensor]:
    """The letters' rows before and after training; `start` shrinks the first ones.

    `after_step(step, net)` is called before the first step, as step 0, and after each.
    """
    torch.manual_seed(seed)
    net = NgramNet(letters.vocab_size, 2, embedding_dim=2, hidden_dim=128)
    with torch.no_grad():
        net.embedding.weight *= start
    before = net.embedding.weight.detach().clone()  # (27, 2)
    after_step(0, net)
    train_on_counts(
        net,
        contexts,
        counts,
        num_steps=300,
        learning_rate=0.01,
        on_step=lambda step, loss: after_step(step + 1, net),
    )
    return before, net.embedding.weight.detach()


maps = [letter_rows(0, after_step=look), letter_rows(1), letter_rows(2)]

# %% [markdown] tags=["note"]
# The rows start near zero, so if letters stand apart afterwards, training did it. To judge a map, the code tries straight lines in 360 directions, takes the one that parts vowels from consonants best, and counts the letters on its wrong side. A line with all letters on one side gets only the 5 vowels wrong, so the best line never does worse than 5.


# %% tags=["fold"]
def best_line(rows: Tensor) -> tuple[int, Tensor, float]:
    """The line with the fewest letters on the wrong side: how many, and where it is.

    A letter is on the vowels' side if row @ across > cut. Of lines that are equally
    good, the one with the widest gap. Shapes: rows (27, 2), across (2,).
    """
    judged = torch.tensor(letters.encode("aeioubcdfghjklmnpqrstvwxz"))  # no y
    vowel = torch.arange(len(judged)) < 5
    # To begin with: a line beyond all letters, which calls them all consonants.
    best = (5, 0.0, torch.tensor([1.0, 0.0]), float(rows.max()) + 1)
    for degrees in range(360):
        turn = math.radians(degrees)
        across = torch.tensor([math.cos(turn), math.sin(turn)])
        places, order = (rows[judged] @ across).sort()
        gaps = places[1:] - places[:-1]
        above = vowel[order].flip(0).cumsum(0).flip(0)[1:]  # vowels past each gap
        past = torch.arange(len(judged) - 1, 0, -1)  # letters past each gap
        wrong = (5 - above) + (past - above)
        for place in (wrong == wrong.min()).nonzero().flatten().tolist():
            found = (int(wrong[place]), -float(gaps[place]))
            if found < best[:2]:
                cut = float(places[place] + places[place + 1]) / 2
                best = (*found, across, cut)
    return best[0], best[2], best[3]


wrong_before, wrong_after = (
    [best_line(rows)[0] for rows in stage] for stage in zip(*maps)
)
print("letters on the wrong side of the best line, three seeds")
print("before training:", *wrong_before)
print("after training: ", *wrong_after)


# %% tags=["fold"]
#| widget: letter-map
#| alt: Two maps of the letters a to z, vowels ringed, with the straight line that parts them best from the consonants. Before training it leaves {{ wrong_before[0] }} of 25 letters on the wrong side, after it {{ wrong_after[0] }}.
#| caption: Each letter stands where its two numbers say, or close by. Vowels are ringed; *y*, which can be either, is gray and not counted. Dashed: the best line.
def spread(spots: Tensor, gap: float) -> Tensor:
    """The spots (L, 2) moved until none is nearer to another one than `gap`."""
    for _ in range(200):
        away = spots[:, None] - spots  # (L, L, 2)
        distance = away.norm(dim=-1).clamp(min=1e-6)
        push = (gap - distance).clamp(min=0).fill_diagonal_(0) / distance / 3
        spots = spots + (push[..., None] * away).sum(dim=1)
    return spots


fig, axes = plt.subplots(1, 2, figsize=(4.5, 3.6))
for ax, rows, stage in zip(axes, maps[0], ("before", "after")):
    wrong, across, cut = best_line(rows)
    ax.plot(*rows[1:].T, alpha=0)  # only for the axes
    ax.margins(0.1)
    fig.draw_without_rendering()  # now the axes know where a place is on the paper
    ax.set(xlim=ax.get_xlim(), ylim=ax.get_ylim())  # nothing else changes that
    on_paper = torch.tensor(ax.transData.transform(rows[1:]))
    apart = spread(on_paper, gap=13 / 72 * fig.dpi)  # 13 points
    spots = ax.transData.inverted().transform(apart)
    for letter, place in zip(letters.characters, spots):
        vowel = letter in "aeiou"
        color = "C1" if vowel else "gray" if letter == "y" else "C0"
        weight = "bold" if vowel else "normal"
        ax.plot(*place, "o", color=color, fillstyle="none", alpha=float(vowel), ms=14)
        ax.text(*place, letter, color=color, weight=weight, ha="center", va="center")
    along = (-across[1], across[0])
    ax.axline(across * cut, across * cut + torch.stack(along), color="gray", ls="--")
    ax.set_title(
        f"{stage}: {wrong} of 25\non the wrong side", weight="normal", fontsize=11
    )
    ax.set_xlabel("first number")
axes[0].set_ylabel("second number")
fig.suptitle(
    "Training sorts the letters", x=0.02, ha="left", weight="bold", fontsize=12
)
plt.show()

# %% tags=["live"]
from bookbuild.live import publish

# Each letter's two numbers are its place, so that nothing has to be projected: the page draws all moments on the same
# two axes, with one scale. A map turned or scaled to suit each moment would move letters that training left where they
# were. The numbers of one run can be compared with one another; those of another seed would be another map.
stages = []
for step, rows, loss in moments:
    wrong, across, cut = best_line(rows)
    line = [round(number, 4) for number in (*across.tolist(), cut)]
    places = [[round(number, 4) for number in row] for row in rows[1:].tolist()]
    stage = {"step": step, "loss": round(loss, 4), "wrong": wrong}
    stages.append({**stage, "line": line, "places": places})
publish("opening", {"letters": "".join(letters.characters), "stages": stages})

# %% [markdown]
# Can a straight line part vowels from consonants? Over three seeds, the best line leaves {{ ", ".join(map(str, wrong_before)) }} of 25 letters on the wrong side before training (5 is the worst possible), and {{ ", ".join(map(str, wrong_after)) }} after it. Letters that call for similar guesses are pushed to similar places.

# %% [markdown] tags=["read"]
# Follow that push once. After a vowel there's often a consonant such as *n*, *r* or *l*. After a consonant there's often a vowel. Each time *a* is read, its slopes push its row towards a part of the map from which the net answers *n*, *r* or *l*. Each time *e* is read, its slopes push it towards the same part. So the two end up side by side. The rows of consonants are pushed elsewhere, to a part from which the net answers with vowels. What draws tokens together is that they need the same answers. (It shows so clearly because all rows began near zero, where nothing else kept them apart.) In the live version of the map you can watch it: its slider goes to any moment of the training, and the gray line is the way that the chosen letter took.
#
# Where on the map the vowels gather, left or right, above or below, is a matter of chance. Train from another seed, and the whole map is turned, mirrored or bent. So a single number in a row means nothing. What can carry over is how rows stand to each other, and as you'll see in a moment, even that only in part.

# %% [markdown]
# ## Words find theirs
#
# Now words, with {{ dim }} numbers each. Take the {{ f"{len(words):,}" }} commonest words in explanations inside programs. A net is given one, and guesses which others stand within two places of it.

# %% tags=["show"]
from gptbook.models.embeddings import neighbour_counts


# %%
def learn_words(
    texts: list[list[str]], seed: int = 0
) -> tuple[list[str], Tensor, Tensor]:
    """The 2,000 commonest words, a row for each, (2000, 32), and what was near it."""
    common = Counter(word for text in texts for word in text).most_common(2000)
    words = [word for word, _ in common]
    ids = {word: token for token, word in enumerate(words)}
    kept = [[ids[word] for word in text if word in ids] for text in texts]
    near = neighbour_counts(kept, len(words), reach=2)  # (2000, 2000)
    torch.manual_seed(seed)
    embedding = nn.Embedding(len(words), 32)
    with torch.no_grad():
        embedding.weight *= 0.1
    net = nn.Sequential(embedding, nn.Linear(32, len(words)))
    every_word = torch.arange(len(words))
    train_on_counts(net, every_word, near, num_steps=80, learning_rate=0.05)
    return words, embedding.weight.detach(), near


texts = [re.findall("[a-z]+", text.lower()) for text in docstrings()]
words, rows, near_counts = learn_words(texts)
dim = rows.shape[1]
print(f"{len(texts):,} docstrings, {sum(map(len, texts)):,} words")

# %% [markdown] tags=["read"]
# How alike are two rows $u$ and $v$? Their **cosine** is 1 if they point the same way, 0 at a right angle, and −1 if they're opposite:
#
# $$\cos(u, v) = \frac{u_1 v_1 + u_2 v_2 + \dots}{\text{length of } u \cdot \text{length of } v}$$
#
# Above the line, multiply the two rows place by place and add up. Below it, divide by their lengths, so that only the directions count. Take $u$ = (0.6, 0.8) and $v$ = (0.8, 0.6). That makes 0.6 · 0.8 + 0.8 · 0.6 = 0.96 above the line. The length of $u$ is the root of 0.6² + 0.8² = 1, by Pythagoras, and that of $v$ is 1, too. So the cosine is 0.96: they point in nearly the same direction. With $v$ = (−0.8, 0.6) you'd get −0.48 + 0.48 = 0, a right angle. For rows of {{ dim }} numbers, where nothing can be drawn any more, the sums have {{ dim }} terms and the meaning is the same.

# %% tags=["show"]
from gptbook.models.embeddings import cosine, nearest_rows

# %% tags=["result"]
nearest = {
    word: " ".join(words[i] for i in nearest_rows(rows, words.index(word), count=4))
    for word in ("row", "true", "maximum", "red", "plot", "month", "left")
}
pd.DataFrame({"nearest, the nearest first": nearest}).rename_axis("word")

# %% [markdown]
# Near means *used alike*, so even *true* and *false* are neighbours. Of {{ 2 * len(partners) }} words with a natural partner, as *left* has *right*, {{ found }} have it among their five nearest. Before training, that's true of {{ found_untrained }}.

# %% [markdown] tags=["read"]
# The cosine of *true* and *false* is {{ f"{cosine(rows[words.index('true')], rows[words.index('false')]):.2f}" }}. The partners are {{ len(partners) }} pairs that we listed beforehand.

# %% [markdown] tags=["note"]
# A few good neighbours prove little: some always look good. So the list of partners came first, and all of it counts. (Rarer words are left out of the texts before anything is counted.)

# %% tags=["fold"]
listed = """row column, true false, maximum minimum, left right, red blue, month year,
sum mean, two three, first last, start end, smaller larger, rows columns, input output,
positive negative, top bottom, width height, before after, upper lower, read write,
horizontal vertical"""
partners = [pair.split() for pair in listed.split(",")]


def partners_found(words: list[str], rows: Tensor) -> int:
    """How many words have their partner among their five nearest."""
    pairs = [[words.index(word) for word in pair] for pair in partners]
    both = [*pairs, *[pair[::-1] for pair in pairs]]
    return sum(other in nearest_rows(rows, token) for token, other in both)


untrained_rows = torch.randn(rows.shape, generator=torch.Generator().manual_seed(0))
found, found_untrained = (partners_found(words, r) for r in (rows, untrained_rows))
print(f"partner among the five nearest: {found} of {2 * len(partners)} words")
print(f"before training: {found_untrained}")

# %% [markdown] tags=["read"]
# ### Did it take a net?
#
# Random rows find hardly any, but they're an easy opponent. A fairer one needs no training at all. For each word, simply count how often each of the {{ f"{len(words):,}" }} words stands near it, and take the row of these counts as its numbers. (To be exact, add 1 to each count and take the logarithm, so that a word as common as *the* doesn't drown out all others.) Such rows find {{ found_by_counts }} of the {{ 2 * len(partners) }} partners. The net found {{ found }}. So the knowledge was in the counts all along, and the net finds about as much of it.
#
# What it did is pack it. A row of counts has {{ f"{len(words):,}" }} numbers, and the net's rows have {{ dim }}, so the table is more than {{ len(words) // dim // 10 * 10 }} times smaller and finds about as many partners. The more important point comes with a GPT. There, nobody decides beforehand that it's the neighbours within two places that should be counted. The rows are parameters of the whole model, and they become whatever helps it to guess.
#
# Now train the net again, from another seed. It finds {{ found_again }} partners, so a difference of one or two means nothing. But take the {{ num_common }} commonest words and the five nearest of each. On average, the two nets have only {{ f"{shared_nearest:.1f}" }} of these five in common. So the clear relations are there each time, and the rest of such a list is partly chance. When somebody shows you four delightful neighbours of one word, ask how many words they looked at.


# %% tags=["hide"]
count_rows = (1.0 + near_counts).log()
found_by_counts = partners_found(words, count_rows)
_, rows_again, _ = learn_words(texts, seed=1)
found_again = partners_found(words, rows_again)
num_common = 500
both_nearest = [
    len({*nearest_rows(rows, token)} & {*nearest_rows(rows_again, token)})
    for token in range(num_common)
]
shared_nearest = sum(both_nearest) / num_common

# %% [markdown] tags=["read"]
# ### One table, used twice
#
# GPT-2 uses its table at both ends. (Many later models keep two tables.) At the start a token picks its row. At the end the model is left with a row of numbers of the same length, and compares it with every row of the table. The better a row fits, the likelier its token.
#
# ![Read upwards: the mark picks its row of the token table, 0.2 and 0.1, which goes into the model. The row that comes out, −1 and 0.5, meets every row of the same table and gives the scores −0.15, −1.10, 0.95 and 1.10. The last, that of c, is the highest.](../figures/row-in-row-out.svg "A row goes in, another comes out, and the row that fits it best wins.")
#
# Fit is measured by multiplying place by place and adding up, as in the upper half of the cosine's fraction. In the picture the row (−1, 0.5) comes out. With the row of *c* it makes −1 · −0.8 + 0.5 · 0.6 = 1.10, with that of *b* 0.95, with that of *a* −1.10. So the model's guess is *c*, with *b* close behind, because their rows are close. Softmax turns these scores into probabilities, as always.
#
# A table used at both ends is a **tied table**. It saves millions of numbers, and it makes sense: what a token is like when it's read, and what it's like when it's expected, is learned in one place. It also changes the answer to the question about slopes. At the end *every* row of the table takes part in the scores, so now each step gives every row a slope, and the rows of all wrong answers are pushed a little away from the row that came out.
#
# Remember the arrow that goes up in this picture, with a row of numbers on its way. In a GPT there's such an arrow for every token of a text, and the chapters to come fill in what happens to the row along the way.

# %% [markdown]
# ## What goes wrong
#
# A word has one row, whatever the sentence. The *bank* of a river shares it with the *bank* that keeps your money.

# %% [markdown] tags=["read"]
# To see what that does, we replace both *red* and *month* by an invented word, *redmonth*:

# %% tags=["result", "read"]
merged = {"red": "redmonth", "month": "redmonth"}
mixed_texts = [[merged.get(word, word) for word in text] for text in texts]
mixed_words, mixed_rows, _ = learn_words(mixed_texts)
mixed = mixed_words.index("redmonth")
near = nearest_rows(mixed_rows, mixed, count=6)
print("redmonth ->", *[mixed_words[token] for token in near])

# %% tags=["fold"]
blue, year = (mixed_rows[mixed_words.index(word)] for word in ("blue", "year"))
to_blue, to_year = (cosine(mixed_rows[mixed], row) for row in (blue, year))
print(f"cosine of redmonth with blue: {to_blue:.2f}, with year: {to_year:.2f}")
apart = cosine(rows[words.index("blue")], rows[words.index("year")])
print(
    f"cosine of blue with year: {cosine(blue, year):.2f}, without redmonth {apart:.2f}"
)

# %% [markdown] tags=["note"]
# In this run, the shared row even draws the two kinds towards each other.

# %% [markdown] tags=["read"]
# *redmonth* is half a colour and half a date.

# %% [markdown]
# Only the words around such a word can say which is meant, and the word that decides may stand [far back](long-range.py).

# %% [markdown]
# ## Check yourself
#
# ??? question "*true* means the opposite of *false*. Why are their rows so alike?"
#     The net never sees what a word means, only what stands beside it. *default is true*, *default is false*: the same neighbours, so nearly the same row.
#
# ??? question "What does the third number of a row mean?"
#     Nothing by itself. Train again from another seed, and the third number is another one. What stays are the clearest likenesses. Even of a word's five nearest, fewer than half return.
#
# ??? question "Why are the tokens' own numbers no use to a net?"
#     It multiplies what it is given. With the number alone, token 200 would weigh a hundred times as much as token 2, and tokens 17 and 18 would be nearly the same word. The order of a vocabulary means neither.

# %% [markdown]
# ## Exercises

# %% tags=["fold"]
from gptbook.exercise import exercise

# %% [markdown] tags=["exercise"]
# ### Predict: how many numbers get a slope?
#
# *easy · 5 minutes*
#
# The table of words holds 2,000 rows of 32 numbers. A step reads the words *the mean of the sum of the rows*, and nothing else. (The table isn't tied.) How many of the table's 64,000 numbers get a slope?
#
# answer: 160 numbers
#
# The sentence has eight words, but only five different ones: *the*, *mean*, *of*, *sum* and *rows*. Each has one row of 32 numbers, however often it is read, and 5 · 32 = 160.

# %% tags=["starter"]
my_prediction = ...

# %% tags=["check"]
with exercise("Predict"):
    asked = nn.Embedding(len(words), dim)
    sentence = "the mean of the sum of the rows"
    read = torch.tensor([words.index(word) for word in sentence.split()])
    asked(read).sum().backward()
    with_slope = int((asked.weight.grad != 0).sum())
    hint = "too many: a word has one row, however often it stands there"
    assert my_prediction <= with_slope, hint
    assert my_prediction == with_slope, "too few: each row holds 32 numbers"

# %% [markdown] tags=["hint"]
# Eight words, and how many different ones? Each has a row of 32 numbers.

# %% tags=["solution"]
my_prediction = 5 * 32  # the, mean, of, sum, rows

# %% [markdown] tags=["exercise"]
# ### Change: start at full size
#
# *medium · 10 minutes*
#
# The letters' rows began at a tenth of the usual size. Let them begin at full size, 1. Does the best line then leave more letters on the wrong side than in the chapter, or as few? Answer "more" or "as few", then run the check.

# %% tags=["starter"]
my_start = 0.1  # change this
my_expectation = ...

# %% tags=["check"]
with exercise("Change"):
    assert my_start == 1, "set my_start to 1"
    full_size = [best_line(letter_rows(seed, my_start)[1])[0] for seed in range(3)]
    print("on the wrong side, three seeds:", *full_size)
    outcome = "more" if sum(full_size) > sum(wrong_after) else "as few"
    assert my_expectation == outcome, "not what the line printed above says"

# %% [markdown] tags=["hint"]
# Training moves a row only as far as the loss asks for. How far is that, next to a start of full size?

# %% tags=["solution"]
my_start = 1
my_expectation = "more"  # the chance of a large start stays in the rows

# %% [markdown] tags=["exercise"]
# ### Build: the odd one out
#
# *hard · 15 minutes*
#
# Write `odd_one_out(group)`: of some words, the one that is least like the others, by the average cosine of its row with theirs. Then try groups of your own: where does it disagree with you?


# %% tags=["starter"]
def odd_one_out(group: list[str]) -> str:
    """The word whose row is least like the rows of the others."""
    return group[0]


# %% tags=["check"]
with exercise("Build"):
    for group, odd in (
        ("red blue maximum green", "maximum"),
        ("month year true week", "true"),
        ("sum left top bottom", "sum"),
        ("row column index blue", "blue"),
    ):
        answer = odd_one_out(group.split())
        assert answer == odd, f"of {group}, you say {answer}, it should be {odd}"

# %% [markdown] tags=["hint"]
# `rows[words.index(word)]` is a word's row. For each word, add up `cosine` with every other word of the group; `min(group, key=...)` finds the least.


# %% tags=["solution"]
def odd_one_out(group: list[str]) -> str:
    """The word whose row is least like the rows of the others."""

    def likeness(word: str) -> float:
        row = rows[words.index(word)]
        others = [rows[words.index(other)] for other in group if other != word]
        return cosine(torch.stack(others), row).mean().item()

    return min(group, key=likeness)


# %% [markdown] tags=["note"]
# ## Where this lives in the package
#
# `neighbour_counts`, `cosine` and `nearest_rows` are in [gptbook.models.embeddings](../reference/models.md#gptbook.models.embeddings), the letter net is `NgramNet` in [gptbook.models.ngram](../reference/models.md#gptbook.models.ngram). A GPT begins with such a table, too.

# %% [markdown]
# ## Further reading
#
# - Zellig Harris, *Distributional Structure* (1954): words that occur in the same surroundings mean similar things. The idea, before any net.
# - Tomas Mikolov and others, *Efficient Estimation of Word Representations in Vector Space* (2013): word2vec, which learned a million rows by guessing neighbours.
# - Tolga Bolukbasi and others, *Man is to Computer Programmer as Woman is to Homemaker?* (2016): rows learn the prejudices of their texts, too.
