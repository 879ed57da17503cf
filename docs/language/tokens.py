# %% [markdown]
# # Tokens
#
# A model of language reads **tokens**, numbered pieces of text, and it's given nothing but their numbers. Where the cuts fall decides what it can read, how far back it sees, and what is hidden from it.
#
# ![The text my tiny quokka, cut in three ways: into 14 letters and spaces; into three words, of which quokka is unknown; and into the five pieces my, tiny, qu, ok and ka. Under each piece is its number.](../figures/letters-words-pieces.svg "Three ways to cut. The pieces and their numbers are GPT-2's; ␣ is a space.")

# %% [markdown]
# ## Between letters and words
#
# Letters can spell everything, but a window of eight letters holds little more than one word. Words reach further, but there's no end of them, and a word without a number can't be read. So give common words a single piece, and put rare ones together from several.

# %% [markdown] tags=["read"]
# How bad is it with whole words? The texts that this page learns from are explanations inside programs, and you'll meet them in a moment. Nine tenths of them, cut into words, numbers and signs, hold {{ f"{len(word_times):,}" }} different pieces of that kind, and {{ f"{sum(times == 1 for times in word_times.values()):,}" }} of these occur a single time. A model that had a number for each word would meet a large part of its vocabulary only once, and could learn next to nothing about that part. In the other tenth, {{ f"{1000 * new_share:.0f}" }} words in a thousand are still new. Some are names, numbers or misspellings, and many are quite ordinary words that just didn't happen to occur. The model couldn't read them, and couldn't write them either.
#
# In the picture the animal *quokka* is such a word. A model of words has no number for it, so all it could be told is "some unknown word". A model of letters has no trouble with it, but for the whole line it needs 14 tokens where the model of words needs three. GPT-2's tokens keep *my* and *tiny* in one piece each, and build *quokka* from *qu*, *ok* and *ka*. (A space belongs to the word behind it, so *␣tiny* with its space is a single token.)

# %% tags=["fold"]
import math
from collections import Counter
from itertools import pairwise

import matplotlib.pyplot as plt

from gptbook.data.merging import byte_symbols, single_bytes

# %% tags=["show"]
from gptbook.data.merging import split_words

# %% [markdown]
# ## Three merges by hand
#
# The text itself decides which pieces there are, by **byte-pair encoding**. Begin with single letters. Find the two neighbours that stand side by side most often, and **merge** them into a new piece wherever they occur. Do it again, until you have as many pieces as you want.
#
# ![The line the cat sat on the mat, four times. In single letters it has 22 pieces. After merge 1, a and t, 19; after merge 2, h and e, 17; after merge 3, t and he, 15.](../figures/three-merges.svg "Each merge makes one new piece, marked, and the line gets shorter.")

# %% [markdown] tags=["read"]
# Do it by hand for *the cat sat on the mat*. Before all merging, the text is cut into words, each with the space in front of it, as the gaps in the picture show. No merge may reach across such a cut. (Otherwise *of the* would soon be one piece, and so would *of a*, *in the* and thousands more, each with a number of its own.)
#
# Which neighbours are the commonest? Go through the words and make a tally. *a* and *t* stand side by side three times, in *cat*, *sat* and *mat*. *t* and *h* do so twice, in the two *the*, and so do *h* and *e*. All other neighbours occur once. So *a* and *t* win, and *at* becomes a piece of its own. The 22 letters and spaces have become 19 pieces.
#
# Now count again. *t* and *h* come twice, *h* and *e* come twice, and it's a tie. Any rule will do to break it, as long as it's always the same one. Ours compares the left-hand letters of the two pairs, and the one that's earlier in the alphabet wins. *h* comes before *t*, so *h* and *e* become *he*. In the third round, *t* and *he* stand side by side twice, and no other neighbours do. They become *the*. After three merges a whole word is one piece, although nobody told the method what a word is.
#
# The list of merges, in their order, is all that has to be kept. To cut a text you've never seen, start with its letters and apply the merges one after the other. Take the word *chat*. The first merge joins its *a* and *t*, which makes *c, h, at*. The second wants an *h* and an *e*, and there's no *e*. The third wants a *he*. So *chat* ends up as three pieces. With the same list, the word *then* becomes two pieces, *the* and *n*. Try it.

# %%
small_text = "the cat sat on the mat"
words = Counter(split_words(small_text))
print(dict(words))

# %% [markdown] tags=["note"]
# The pairs are counted once in each different word, and multiplied by how often the word occurs. In a tie, the pair wins whose left-hand piece stands earlier in the list of tokens.


# %%
def commonest_pair(
    spelled: dict[str, list[bytes]], words: dict[str, int], tokens: list[bytes]
) -> tuple[bytes, bytes]:
    """The two pieces that stand side by side most often."""
    counts = Counter()
    for word, pieces in spelled.items():
        for pair in pairwise(pieces):
            counts[pair] += words[word]
    return min(counts, key=lambda pair: (-counts[pair], *map(tokens.index, pair)))


# %% tags=["show"]
from gptbook.data.merging import merge_pair


# %%
def merge_again_and_again(
    words: dict[str, int], num_merges: int
) -> list[tuple[bytes, bytes]]:
    """Byte-pair encoding as you would tell it; the package's is faster."""
    tokens = list(byte_symbols())  # one for each of the 256 bytes
    spelled = {word: single_bytes(word) for word in words}
    merges = []
    for _ in range(num_merges):
        pair = commonest_pair(spelled, words, tokens)
        spelled = {word: merge_pair(spelled[word], pair) for word in spelled}
        tokens.append(pair[0] + pair[1])
        merges.append(pair)
    return merges


# %% tags=["result"]
def drawn(piece: bytes) -> str:
    """A piece as text, with its spaces visible."""
    return piece.decode("utf-8", "backslashreplace").replace(" ", "␣")


for left, right in merge_again_and_again(words, 3):
    print(f"{drawn(left)} + {drawn(right)} -> {drawn(left + right)}")

# %% [markdown]
# GPT-2's tokenizer, like many since, begins with **bytes**, the 256 numbers in which computers store all text. So nothing is ever unknown to it.

# %% [markdown] tags=["read"]
# A byte is a number from 0 to 255. An English letter takes one byte, a Thai letter takes three, and most emoji take four. If all 256 bytes are pieces from the start, then every text in every script can be put together from pieces that you have. For English nothing changes, because there a letter is a byte.

# %% [markdown]
# ## Merges from real text
#
# Programmers write explanations inside their programs. Three Python libraries hold {{ f"{num_bytes / 1e6:.1f}" }} million bytes of them. Learn {{ f"{len(tokenizer.merges):,}" }} merges there, and with the bytes you have a **vocabulary** of {{ f"{tokenizer.vocab_size:,}" }} tokens.

# %% [markdown] tags=["guess"]
# Which two neighbours are merged first in such text?
#
# - [ ] *t* and *h*
# - [ ] a full stop and a space
# - [ ] *e* and a space
# - [x] two spaces
#
# Lines in such explanations are indented, and printed tables are padded with spaces. (Such a row of spaces counts as a word of its own, so the merges may join them.)

# %% tags=["fold"]
from gptbook.data.bpe import BytePairTokenizer, bytes_per_token
from gptbook.data.docstrings import docstrings
from gptbook.data.tables import city_names, split_names
from gptbook.data.merging import learn_merges

# %%
texts = docstrings(["matplotlib", "numpy", "pandas"])
training_texts, held_out_texts = split_names(texts, held_out=0.1, seed=0)
num_bytes = sum(len(text.encode()) for text in texts)
merge_counts = []
tokenizer = BytePairTokenizer.learn(
    training_texts, 8192, on_merge=lambda token, count: merge_counts.append(count)
)

# %% tags=["result"]
print("first:", *tokenizer.labels[256:272])
print("last:", *tokenizer.labels[-10:])

# %% [markdown] tags=["read"]
# First come rows of spaces or dashes and common pairs of letters, and towards the end mostly longer pieces.

# %% [markdown] tags=["read"]
# What becomes of a word that programmers rarely write, such as *strawberries*? With no merges it's twelve letters. With all {{ f"{num_merges:,}" }} it's {{ len(berries) }} pieces: {{ listed(berries) }}. But the common word *without* has become a single piece, together with the space in front of it. You can watch this happen below: the slider decides how many merges are allowed. (The four boxes below, `f0 9f 98 80`, are an emoji that isn't in the texts, so it stays in its four bytes. Bytes are usually written like this, with two signs each, from 00 to ff.)
#
# All this happens once, before there is any model. After that the tokenizer stays as it is for as long as the model lives, because the model learns everything about *{{ berries[0] }}* under the number {{ berries_ids[0] }}. Give it the numbers of another tokenizer, and the same numbers stand for other pieces. It would read nonsense. That's why a model is always handed over together with its tokenizer.

# %% tags=["fold"]
#| widget: tokenizer
#| alt: {{ shown_text }}, in rows of pieces: {{ "; ".join(f"after {allowed:,} merges {len(pieces)}" for allowed, pieces in cuts) }}. At last without, with its space, is one piece. The emoji stays in four bytes.
#| caption: The more merges are allowed, the fewer pieces are left.
shown_text, num_merges = "strawberries without 😀", len(tokenizer.merges)
cuts = []
for allowed in (0, 64, 512, num_merges):
    cutter = BytePairTokenizer(tokenizer.merges[:allowed])
    cuts.append((allowed, [cutter.tokens[i] for i in cutter.encode(shown_text)]))
fig, ax = plt.subplots(figsize=(4.5, 2.6))
walls = []  # all of them are one line with gaps: fewer bytes
for row, (allowed, pieces) in enumerate(cuts):
    ax.text(0, 0.3 - row, f"{allowed:,} merges: {len(pieces)} pieces")
    place = 0
    for part in pieces:
        is_text = part[0] < 128
        end = place + len(part) * (1 if is_text else 1.5)
        said = drawn(part) if is_text else part.hex()
        look = {"fontsize": 10, "ha": "center", "va": "center"}
        ax.text((place + end) / 2, -0.05 - row, said, **look)
        corners = [(place, -0.3), (place, 0.2), (end, 0.2), (end, -0.3), (place, -0.3)]
        walls += [*((x, y - row) for x, y in corners), (math.nan, math.nan)]
        place = end
ax.plot(*zip(*walls), "C0", linewidth=1)
ax.set_xlim(-0.1, place + 0.1)
ax.set_ylim(0.6 - len(cuts), 0.6)
ax.set_axis_off()
plt.show()

# %% tags=["live"]
from bookbuild.live import publish

symbols = byte_symbols()
tokens = [
    {
        "id": number,
        "label": tokenizer.labels[number],
        "bytes": list(tokenizer.tokens[number]),
        "parts": [drawn(part) for part in tokenizer.merges[number - 256]]
        if number >= 256
        else [],
    }
    for number in tokenizer.encode(shown_text)
]
merged_from = {left + right: (left, right) for left, right in tokenizer.merges}
steps, todo = set(), [bytes(token["bytes"]) for token in tokens]
while todo:
    if (part := todo.pop()) in merged_from:
        steps.add(tokenizer.ids[part] - 255)  # which merge made it
        todo += merged_from[part]
opening = {"text": shown_text, "merges": num_merges, "tokens": tokens}
publish("opening", opening | {"steps": sorted(steps)})
spelled = [
    ["".join(symbols[bytes([byte])] for byte in part) for part in pair]
    for pair in tokenizer.merges
]
publish("merges", {"kind": "pieces", "merges": spelled, "end_of_text": False})

# %% [markdown] tags=["read"]
# How much shorter do held-out texts get?

# %% tags=["fold", "read"]
#| alt: Bytes per token against vocabulary size, from 256 to {{ f"{tokenizer.vocab_size:,}" }}, logarithmic. The curve climbs from 1 to {{ f"{saved[-1]:.1f}" }} and flattens below a dashed line at {{ f"{whole_word:.1f}" }}, a whole word.
#| caption: The dashed line is the limit: one token for every word, number, sign or row of spaces.
sizes = [256, 272, 288, 320, 384, 512, 768, 1024, 2048, 4096, 8192]
sample = held_out_texts[::5]
saved = [
    bytes_per_token(BytePairTokenizer(tokenizer.merges[: size - 256]), sample)
    for size in sizes
]
num_words = sum(len(split_words(text)) for text in sample)
whole_word = sum(len(text.encode()) for text in sample) / num_words
fig, ax = plt.subplots(figsize=(4.5, 3.2))
ax.plot(sizes, saved, "C0o-")
ax.axhline(whole_word, color="gray", linestyle="--")
ax.text(256, whole_word - 0.05, "a whole word", color="gray", va="top")
ax.set_xscale("log")
ax.set_xticks(
    [256, 512, 1024, 2048, 4096, 8192], ["256", "512", "1k", "2k", "4k", "8k"]
)
ax.minorticks_off()
ax.set_ylim(0, None)
ax.set_xlabel("vocabulary size")
ax.set_ylabel("bytes per token")
ax.set_title("Each doubling of the vocabulary\nsaves less")
plt.show()

# %% [markdown]
# With {{ f"{sizes[-1]:,}" }} tokens, a window reaches about {{ f"{saved[-1]:.1f}" }} times as far as with bytes. The price is that for each token a model must learn a row of numbers of its own.

# %% [markdown] tags=["read"]
# GPT-2 has 50,257 tokens: the bytes, 50,000 merges, and a mark that stands between texts.
#
# Why not keep letters and simply open the window wider? Because a model has to do a round of work for every token that it reads or writes. In letters, the same text would take {{ f"{saved[-1]:.1f}" }} times as many rounds, and the words that belong together would stand {{ f"{saved[-1]:.1f}" }} times as far apart. And why not go the other way, and merge until every word is a token? The plot shows that each doubling of the vocabulary saves less than the one before. The common words are in one piece already. What's left are rare words, and a model would have to learn the numbers of each of them from a handful of examples. So the size of the vocabulary is a number that people choose, and GPT-2's makers settled on 50,257.
#
# A word that was never seen falls apart into pieces. At worst it falls apart into bytes, as the emoji and the Thai word here do:


# %% tags=["result", "read"]
def pieces_of(text: str) -> str:
    """The tokens of a text, drawn side by side."""
    return " | ".join(tokenizer.labels[number] for number in tokenizer.encode(text))


for never_seen in (" untokenizable", " Plymouth", " 😀", " ไทย"):
    print(f"{never_seen.strip()}: {pieces_of(never_seen)}")

# %% [markdown]
# ## What goes wrong
#
# Nothing is unknown, but the cuts have a price:

# %% tags=["result"]
for text in ("array, array, Array, ARRAY", "in 2019, 2020 and 2021", "strawberry"):
    print(pieces_of(text))

# %% [markdown]
# A space or a capital makes another token of the same word. Numbers are cut wherever the merges fell. And letters are out of sight: how many *r* are in *strawberry*, if all you read is {{ len(berry_ids) }} numbers?

# %% [markdown] tags=["read"]
# That last one is a famous stumbling block, so look at it from the model's side. For *strawberry* it's given the numbers {{ listed(berry_ids) }}, and for *strawberries* {{ listed(berries_ids) }}. Nothing in {{ berry_ids[0] }} says that it's spelled {{ spelled_out }}. A model has to pick up the spelling of its tokens indirectly, from rhymes, from typing errors, from texts in which somebody spells a word out, and it does so only in part. So when a chatbot miscounts letters, it needn't have been careless. It was never shown the letters.
#
# The same happens with numbers. To add 2019 and 2020 in columns, as you learned at school, you need to see the digits one below the other. The model gets {{ listed(year_pieces[0]) }} for the one, and {{ listed(year_pieces[1]) }} for the other. So the pieces don't even show it which digit stands for the tens.
#
# People whose script doesn't occur in the tokenizer's texts are worse off, too. The Thai word above has three letters, and for this tokenizer they're nine bytes, none of them merged. So a window of a thousand tokens holds much less Thai than English. And where a model is paid for by the token, the same message costs more.

# %% [markdown] tags=["read"]
# And what do the tokens' numbers say?

# %% tags=["result", "read"]
array_token = tokenizer.encode(" array")[0]
for number in range(array_token - 2, array_token + 3):
    label, count = tokenizer.labels[number], merge_counts[number - 256]
    print(f"token {number}: {label}, merged {count:,} times")

# %% [markdown] tags=["read"]
# They say only the order of merging. Next to *array*, {{ array_token }}, stand *{{ tokenizer.labels[array_token - 1] }}* and *{{ tokenizer.labels[array_token + 1] }}*, which were just about as common.
#
# (The 256 bytes have the first 256 numbers, in an order that GPT-2 introduced: the bytes of printable characters come first. The merges follow, each with the next free number.)
#
# Why can't a net work with the number itself? Because it multiplies what it's given. For a net, token {{ f"{10 * array_token:,}" }} would be ten times as much as token {{ array_token }}, and token {{ array_token }} almost the same as token {{ array_token + 1 }}. Both are nonsense: a token's number is a name, like the number on a football shirt. Nobody adds up the shirts.

# %% [markdown]
# So a number alone isn't enough. A token needs a whole row of numbers that say how it's used, and it gets them as an [embedding](embeddings.py).


# %% tags=["hide"]
def listed(items: list) -> str:
    """a, b and c"""
    said = [f"*{item}*" if isinstance(item, str) else f"{item:,}" for item in items]
    return " and ".join([", ".join(said[:-1]), said[-1]] if said[1:] else said)


def plain_words(texts: list[str]) -> list[str]:
    """The words, numbers and signs of the texts, without the spaces around them."""
    found = (word.strip() for text in texts for word in split_words(text))
    return [word for word in found if word]


word_times = Counter(plain_words(training_texts))
held_out_words = plain_words(held_out_texts)
new_share = sum(word not in word_times for word in held_out_words) / len(held_out_words)
berry_ids, berries_ids = map(tokenizer.encode, ("strawberry", "strawberries"))
berries = [tokenizer.labels[number] for number in berries_ids]
spelled_out = ", ".join(f"*{letter}*" for letter in tokenizer.labels[berry_ids[0]])
year_pieces = [
    [tokenizer.labels[number] for number in tokenizer.encode(year)]
    for year in (" 2019", " 2020")
]

# %% tags=["fold"]
# The loop of this page and the package's fast one make the same merges.
few_words = Counter(word for text in texts[:5] for word in split_words(text))
assert merge_again_and_again(few_words, 50) == learn_merges(few_words, 50)

# %% [markdown]
# ## Check yourself
#
# ??? question "Why does this tokenizer need no token for *unknown*?"
#     It begins with all 256 bytes, and every text is made of bytes. What was never merged stays in single bytes: longer, but exact.
#
# ??? question "Why not merge until every word is one token?"
#     Most words are rare. Each would need numbers of its own, learned from a few examples, and a new word would still have to fall apart.
#
# ??? question "Two tokenizers cut the same text into 300 and into 400 tokens. A model of each reaches 3 nats per token. Which model is better?"
#     The first: it is surprised by 900 nats in all, the other by 1,200. Losses per token can be compared only between models with the same tokenizer. Losses per byte always can.

# %% [markdown]
# ## Exercises

# %% tags=["fold"]
from gptbook.exercise import exercise

# %% [markdown] tags=["exercise"]
# ### Predict: the price of another script
#
# *easy · 5 minutes*
#
# *สวัสดี* is Thai for *hello*: six characters, each of them three bytes in UTF-8, the usual way of storing text. How many tokens is it for the tokenizer of this page, learned from English?
#
# answer: 18 tokens
#
# No Thai stood in the text that it learned from, so the bytes of Thai letters were never merged: six characters of three bytes are 18 tokens. The English *hello* is two, so a Thai text fills a context of the same length with far fewer words.

# %% tags=["starter"]
my_num_tokens = ...

# %% tags=["check"]
with exercise("Predict"):
    asked_for = len(tokenizer.encode("สวัสดี"))
    assert my_num_tokens != 6, "were Thai letters ever merged from their bytes?"
    assert my_num_tokens == asked_for, "no: what became of ไทย on this page?"

# %% [markdown] tags=["hint"]
# Look at what became of *ไทย* above: three characters, nine bytes, and how many tokens after the space?

# %% tags=["solution"]
my_num_tokens = 6 * 3  # hello itself is two tokens, so a Thai window is shorter

# %% [markdown] tags=["exercise"]
# ### Change: a tokenizer for city names
#
# *medium · 10 minutes*
#
# Learn 1,024 tokens from the training names of cities instead. By what factor does that raise the bytes per token of held-out names, against 1,024 tokens from explanations? Guess it to within a tenth.

# %% tags=["starter"]
training_names, held_out_names = split_names(city_names(), held_out=0.1, seed=0)
text_tokenizer = BytePairTokenizer(tokenizer.merges[: 1024 - 256])
name_tokenizer = text_tokenizer  # learn one from the training names
my_ratio = ...

# %% tags=["check"]
with exercise("Change"):
    of_names = bytes_per_token(name_tokenizer, held_out_names)
    ratio = of_names / bytes_per_token(text_tokenizer, held_out_names)
    assert name_tokenizer.vocab_size == 1024, "learn 1,024 tokens"
    assert ratio > 1.1, "name_tokenizer has not learned from the names"
    assert abs(my_ratio - ratio) < 0.1, f"not {my_ratio}: print both bytes per token"

# %% [markdown] tags=["hint"]
# `BytePairTokenizer.learn(training_names, 1024)`; then divide one `bytes_per_token` by the other.

# %% tags=["solution"]
name_tokenizer = BytePairTokenizer.learn(training_names, 1024)
my_ratio = bytes_per_token(name_tokenizer, held_out_names)
my_ratio /= bytes_per_token(text_tokenizer, held_out_names)

# %% [markdown] tags=["exercise"]
# ### Build: cut a word into tokens
#
# *hard · 15 minutes*
#
# You have the merges, in the order of learning. Write `cut(word)`: the pieces of a word that may never have been seen. Then compare it with the tokenizer's own.


# %% tags=["starter"]
def cut(word: str) -> list[bytes]:
    """The pieces into which the merges join the bytes of the word."""
    return single_bytes(word)


# %% tags=["check"]
with exercise("Build"):
    for asked_for in (" the", " untokenizable", "banana", " ไทย"):
        pieces = [tokenizer.tokens[number] for number in tokenizer.encode(asked_for)]
        assert cut(asked_for) == pieces, (
            f"{asked_for}: {cut(asked_for)} is not {pieces}"
        )

# %% [markdown] tags=["hint"]
# What did the learner do with every word, after each merge? Do that with this one, for each pair of `tokenizer.merges`.


# %% tags=["solution"]
def cut(word: str) -> list[bytes]:
    """The pieces into which the merges join the bytes of the word."""
    pieces = single_bytes(word)
    for pair in tokenizer.merges:
        pieces = merge_pair(pieces, pair)
    return pieces


# %% [markdown] tags=["note"]
# ## Where this lives in the package
#
# [gptbook.data.merging](../reference/data.md#gptbook.data.merging) cuts and merges. Its `learn_merges` finds the same merges as this page's loop, but faster: it remembers which words contain a pair, so it doesn't count everything again. `BytePairTokenizer`, in [gptbook.data.bpe](../reference/data.md#gptbook.data.bpe), encodes and decodes, saves the `tokenizer.json` that Hugging Face's library opens, and reads GPT-2's own files. `docstrings`, in [gptbook.data.docstrings](../reference/data.md#gptbook.data.docstrings), finds the explanations, which Python calls docstrings.

# %% [markdown]
# ## Further reading
#
# - Rico Sennrich, Barry Haddow and Alexandra Birch, *Neural Machine Translation of Rare Words with Subword Units* (2016): how a method for compressing files came to language.
# - Alec Radford and others, *Language Models are Unsupervised Multitask Learners* (2019): GPT-2, and why it begins with bytes.
# - Aleksandar Petrov and others, *Language Model Tokenizers Introduce Unfairness Between Languages* (2023): what the same text costs in other languages.
