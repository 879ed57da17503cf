# %% [markdown]
# # Embeddings
#
# How does a token become numbers that mean something? A token's number is only a name: token 3 is not more than token 2. A net needs numbers that it can compare.
#
# ![The letter c is token 3. The token points at row 3 of a table with a row of two numbers for each token. The row, −0.8 and 0.6, goes into the model.](../figures/embedding-row.svg "The token picks a row. The model sees the row, never the token.")

# %% [markdown]
# ## A row of a table
#
# Give each token a row of numbers, its **embedding**, in a table $E$. Looking it up is a multiplication: write token $t$ as a **one-hot** row $o$, with 1 at place $t$ and 0 elsewhere.
#
# $$o\,E = E_t$$
#
# So the table is a layer like any other, and training moves its numbers.

# %% tags=["fold"]
import math
import re
from collections import Counter

import matplotlib.pyplot as plt
import pandas as pd
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from gptbook.data.docstrings import docstrings
from gptbook.data.tables import city_names, split_names
from gptbook.training.loss import next_token_loss
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

# %% [markdown] tags=["guess"]
# A step reads *a*, *c* and *a* again, and should guess *c*, *a* and *b*. Which rows of the table does it move?
#
# - [ ] all four
# - [ ] those of *a*, *b* and *c*
# - [x] those of *a* and *c*
#
# *b* is an answer, but its row is not read, so it had no part in the guess and nothing to learn from it.

# %% [markdown]
# A row that was not read has slopes of exactly 0:

# %% tags=["result"]
table.requires_grad_()
output = torch.tensor([[0.1, -0.3, 0.8, 0.2], [0.5, 0.4, -0.6, 0.3]])  # (2, 4)
read, answers = tiny.encode("aca"), torch.tensor(tiny.encode("cab"))
loss = next_token_loss(table[read] @ output, answers)  # the row goes into the net
loss.backward()
pd.DataFrame(
    [[f"{slope:.2f}" for slope in slopes] for slopes in table.grad.tolist()],
    index=pd.Index(tiny.labels, name="row"),
    columns=["slopes", ""],
)

# %% [markdown]
# ## Letters find their place
#
# Now a net guesses the next letter of a city name from the two before. Two numbers an embedding, so that you can draw them. Nobody says what a vowel is.


# %%
names = city_names()
training_names, _ = split_names(names, held_out=0.1, seed=0)
letters = CharacterTokenizer.from_texts(names)
contexts, counts = unique_contexts(
    *context_windows(training_names, letters, context_length=2), letters.vocab_size
)


def letter_rows(seed: int, start: float = 0.1) -> tuple[Tensor, Tensor]:
    """The letters' rows before and after training; `start` shrinks the first ones."""
    torch.manual_seed(seed)
    net = NgramNet(letters.vocab_size, 2, embedding_dim=2, hidden_dim=128)
    with torch.no_grad():
        net.embedding.weight *= start
    before = net.embedding.weight.detach().clone()  # (27, 2)
    train_on_counts(net, contexts, counts, num_steps=300, learning_rate=0.01)
    return before, net.embedding.weight.detach()


maps = [letter_rows(seed) for seed in range(3)]

# %% [markdown] tags=["note"]
# The rows start near zero, so where a letter ends is training's doing, not luck. To judge a map, try all straight lines and count the letters on the wrong side of the best. Calling all of them consonants leaves 5 wrong, so 5 is the worst.


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
#| alt: Two maps of the letters a to z. Before training, vowels stand among the consonants. After it, a, e, i, o, u stand together on one side of a dashed line, apart from the consonants.
#| caption: Two numbers a letter, before and after training. Vowels are ringed; *y*, which can be both, is gray and not counted. Dashed: the best line.
fig, axes = plt.subplots(1, 2, figsize=(4.5, 3.6))
for ax, rows, stage in zip(axes, maps[0], ("before", "after")):
    wrong, across, cut = best_line(rows)
    for letter in letters.characters:
        place = rows[letters.ids[letter]].tolist()
        vowel = letter in "aeiou"
        color = "C1" if vowel else "gray" if letter == "y" else "C0"
        weight = "bold" if vowel else "normal"
        ax.plot(*place, "o", color=color, fillstyle="none", alpha=float(vowel), ms=14)
        ax.text(*place, letter, color=color, weight=weight, ha="center", va="center")
    along = (-across[1], across[0])
    ax.margins(0.1)
    ax.autoscale_view()
    ax.set(xlim=ax.get_xlim(), ylim=ax.get_ylim())  # the line changes nothing
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

stages = []
for rows in maps[0]:
    wrong, across, cut = best_line(rows)
    line = [round(number, 4) for number in (*across.tolist(), cut)]
    places = [[round(number, 4) for number in row] for row in rows[1:].tolist()]
    stages.append({"wrong": wrong, "line": line, "places": places})
publish("opening", {"letters": "".join(letters.characters), "stages": stages})

# %% [markdown]
# Over three seeds, the best line leaves {{ ", ".join(map(str, wrong_before)) }} of 25 letters on the wrong side before training, {{ ", ".join(map(str, wrong_after)) }} after. Letters that call for the same guesses can lie close, and their slopes push them the same way.
#
# ## Words find theirs
#
# A row of {{ dim }} numbers for each of the {{ f"{len(words):,}" }} commonest words in the libraries' explanations. From a word, the net guesses those within two places of it.

# %% tags=["show"]
from gptbook.models.embeddings import neighbour_counts


# %%
def learn_words(texts: list[list[str]]) -> tuple[list[str], Tensor]:
    """The 2,000 commonest words, and a row for each, (2000, 32)."""
    common = Counter(word for text in texts for word in text).most_common(2000)
    words = [word for word, _ in common]
    ids = {word: token for token, word in enumerate(words)}
    kept = [[ids[word] for word in text if word in ids] for text in texts]
    near = neighbour_counts(kept, len(words), reach=2)  # (2000, 2000)
    torch.manual_seed(0)
    embedding = nn.Embedding(len(words), 32)
    with torch.no_grad():
        embedding.weight *= 0.1
    net = nn.Sequential(embedding, nn.Linear(32, len(words)))
    every_word = torch.arange(len(words))
    train_on_counts(net, every_word, near, num_steps=80, learning_rate=0.05)
    return words, embedding.weight.detach()


texts = [re.findall("[a-z]+", text.lower()) for text in docstrings()]
words, rows = learn_words(texts)
dim = rows.shape[1]
print(f"{len(texts):,} docstrings, {sum(map(len, texts)):,} words")

# %% [markdown]
# How alike are two rows $u$ and $v$? Their **cosine** is 1 if they point the same way, 0 at a right angle, −1 if opposite:
#
# $$\cos(u, v) = \frac{u_1 v_1 + u_2 v_2 + \dots}{\text{length of } u \cdot \text{length of } v}$$

# %% tags=["show"]
from gptbook.models.embeddings import cosine, nearest_rows

# %% tags=["result"]
nearest = {
    word: " ".join(words[i] for i in nearest_rows(rows, words.index(word), count=4))
    for word in ("row", "true", "maximum", "red", "plot", "month", "left")
}
pd.DataFrame({"nearest, the nearest first": nearest}).rename_axis("word")

# %% [markdown]
# Near means *used alike*, not *the same*: {{ f"*true* and *false* have cosine {cosine(rows[words.index('true')], rows[words.index('false')]):.2f}" }}. Of {{ 2 * len(partners) }} words with a partner, listed beforehand (*left*, *right*), {{ found }} have it among their five nearest (one seed); before training, {{ found_untrained }}.

# %% [markdown] tags=["note"]
# A few good neighbours prove little: some always look good. So the list of partners came first, and all of it counts.

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

# %% [markdown]
# ## What goes wrong
#
# A word has one row, whatever the sentence. The *bank* of a river and the *bank* with the money share it. To see what that does, write *redmonth* for *red* and for *month*.

# %% tags=["result"]
merged = {"red": "redmonth", "month": "redmonth"}
mixed_texts = [[merged.get(word, word) for word in text] for text in texts]
mixed_words, mixed_rows = learn_words(mixed_texts)
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
# The shared row even draws the two kinds towards each other.

# %% [markdown]
# Half colour, half date. Only the words around can say which is meant, and the word that decides may stand [far back](long-range.py).

# %% [markdown]
# ## Check yourself
#
# ??? question "*true* means the opposite of *false*. Why are their rows so alike?"
#     The net never sees what a word means, only what stands beside it. *default is true*, *default is false*: the same neighbours, so nearly the same row.
#
# ??? question "What does the third number of a row mean?"
#     Nothing by itself. Train again from another seed, and the third number is another one. What stays is which rows point the same way.
#
# ??? question "Why are the tokens' own numbers no use to a net?"
#     It multiplies what it is given. With the number alone, token 200 would weigh a hundred times as much as token 2, and tokens 17 and 18 would be nearly the same word. The order of a vocabulary means neither.

# %% [markdown]
# ## Exercises

# %% tags=["fold"]
from gptbook.exercise import exercise

# %% [markdown] tags=["exercise"]
# ### Predict: how many numbers does a step move?
#
# *easy · 5 minutes*
#
# The table of words holds 2,000 rows of 32 numbers. A step reads the words *the mean of the sum of the rows*, and nothing else. How many of the table's 64,000 numbers get a slope?
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
my_expectation = "more"  # the luck of a large start stays in the rows

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
