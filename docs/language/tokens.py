# %% [markdown]
# # Tokens
#
# What does a model of language read? Numbers; so text is cut into tokens, numbered pieces. The cut decides what can be read at all, and how far a window reaches.
#
# ![The text my tiny quokka, cut in three ways: into 14 letters; into three words, of which quokka is unknown; and into the five pieces my, tiny, qu, ok and ka. Under each piece is its number.](../figures/letters-words-pieces.svg "Pieces and numbers are GPT-2's; ␣ is a space.")

# %% [markdown]
# ## Between letters and words
#
# Letters spell everything, but a window of eight letters holds one word. Whole words reach further, and never suffice: there is no end of names and typing errors.
#
# You want common words whole, and rare ones in pieces. **Byte-pair encoding** finds them. Begin with single letters. Take the two pieces that stand side by side most often, and **merge** them everywhere. Repeat, until you have as many tokens as you want. A space belongs to the word after it, and no piece reaches across two words.

# %% tags=["fold"]
import math
from collections import Counter
from itertools import pairwise

import matplotlib.pyplot as plt

from gptbook.data.merging import byte_symbols, single_bytes

# %% tags=["show"]
from gptbook.data.merging import split_words

# %%
small_text = "the cat sat on the mat, then the cat ate"
words = Counter(split_words(small_text))
print(dict(words))

# %% [markdown] tags=["note"]
# Counting goes over the different words, each with how often it occurs. Of pairs that are equally common, the one whose pieces came first wins.


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


# %% [markdown]
# The first merges in *the cat sat on the mat, then the cat ate*:


# %% tags=["result"]
def drawn(piece: bytes) -> str:
    """A piece as text, with its spaces visible."""
    return piece.decode("utf-8", "backslashreplace").replace(" ", "␣")


for left, right in merge_again_and_again(words, 6):
    print(f"{drawn(left)} + {drawn(right)} -> {drawn(left + right)}")

# %% [markdown]
# Real tokenizers begin one level lower. Computers store text as **bytes**, numbers below 256: one for an English letter, up to four for others. Begin with those 256 in place of letters, and no text is unknown.
#
# ## Merges from real text
#
# Programmers write explanations inside their programs. Three libraries for data and plots hold {{ f"{num_bytes / 1e6:.1f}" }} million bytes of them. {{ f"{len(tokenizer.merges):,}" }} merges make, with the bytes, a vocabulary of {{ f"{tokenizer.vocab_size:,}" }}.

# %% [markdown] tags=["guess"]
# Which two neighbours are merged first in such text?
#
# - [ ] *t* and *h*
# - [ ] a full stop and a space
# - [ ] *e* and a space
# - [x] two spaces
#
# The explanations hold examples of code, and code is indented: long rows of spaces stand before its lines.

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

# %% [markdown]
# First come spaces and ruled lines, then English, at last whole words:

# %% tags=["fold"]
#| widget: tokenizer
#| alt: {{ shown_text }}, in rows of pieces: {{ "; ".join(f"after {allowed:,} merges {len(pieces)}" for allowed, pieces in cuts) }}. At last without, with its space, is one piece. The emoji stays in four bytes.
#| caption: More merges, fewer pieces.
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

# %% [markdown]
# How much is saved, in texts held out?

# %% tags=["fold"]
#| alt: Bytes per token against vocabulary size, from 256 to {{ f"{tokenizer.vocab_size:,}" }}, logarithmic. The curve climbs from 1 to {{ f"{saved[-1]:.1f}" }} and flattens below a dashed line at {{ f"{whole_word:.1f}" }}, a whole word.
#| caption: The dashed line is the limit: one token for every word.
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
# With {{ f"{sizes[-1]:,}" }} tokens, a window reaches {{ f"{saved[-1]:.1f}" }} times as far as with bytes. The price is a longer table: each token needs learned numbers of its own. GPT-2 has 50,257: the bytes, 50,000 merges, and a mark between texts.
#
# A word never seen falls apart into pieces that were, at worst into bytes (the emoji below):


# %% tags=["result"]
def pieces_of(text: str) -> str:
    """The tokens of a text, drawn side by side."""
    return " | ".join(tokenizer.labels[number] for number in tokenizer.encode(text))


for never_seen in (" untokenizable", " Plymouth", " 😀", " ไทย"):
    print(f"{never_seen.strip()}: {pieces_of(never_seen)}")

# %% [markdown]
# ## What goes wrong
#
# Nothing is unknown, and still a model pays for the cuts:

# %% tags=["result"]
for text in ("array, array, Array, ARRAY", "in 2019, 2020 and 2021", "strawberry"):
    print(pieces_of(text))

# %% [markdown]
# A space or a capital makes another token of the same word. Numbers are cut wherever merges fell. And letters are out of sight: how many *r* has *strawberry*, if you read {{ len(tokenizer.encode("strawberry")) }} numbers?

# %% tags=["result"]
array_token = tokenizer.encode(" array")[0]
for number in range(array_token - 2, array_token + 3):
    label, count = tokenizer.labels[number], merge_counts[number - 256]
    print(f"token {number}: {label}, merged {count:,} times")

# %% [markdown]
# Worst, the numbers mean nothing. Next to *array*, {{ array_token }}, stand *{{ tokenizer.labels[array_token - 1] }}* and *{{ tokenizer.labels[array_token + 1] }}*, because they were about as common. A token needs numbers that say how it is used.

# %% tags=["fold"]
# The loop of this page and the package's fast one make the same merges.
few_words = Counter(word for text in texts[:5] for word in split_words(text))
assert merge_again_and_again(few_words, 50) == learn_merges(few_words, 50)

# %% [markdown]
# ## Check yourself
#
# ??? question "Why does this tokenizer need no token for *unknown*?"
#     It begins with all 256 bytes, and every text is made of bytes. What was never merged stays in single bytes: longer, and still exact.
#
# ??? question "Why not merge until every word is one token?"
#     Most words are rare. Each would need numbers of its own, learned from a few examples, and a new word would still have to fall apart.
#
# ??? question "Two tokenizers cut the same text into 300 and into 400 tokens. A model of each reaches 3 nats per token. Which model is better?"
#     The first: it is surprised by 900 nats in all, the other by 1,200. Losses per token compare only for one tokenizer. Per byte, they compare for all.

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
# Learn 1,024 tokens from the training names of cities instead. By how much does that raise the bytes per token of held-out names, against 1,024 tokens from explanations? Guess the ratio to within a tenth.

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
# You have the merges, in the order of learning. Write `cut(word)`: the pieces of a word that was perhaps never seen. Then compare it with the tokenizer's own.


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
# [gptbook.data.merging](../reference/data.md#gptbook.data.merging) cuts and merges. Its `learn_merges` gives the merges of this page's loop, and knows in which words a pair stands, so that it need not count anew. `BytePairTokenizer`, in [gptbook.data.bpe](../reference/data.md#gptbook.data.bpe), encodes and decodes, saves the `tokenizer.json` that Hugging Face's library opens, and reads GPT-2's own files. `docstrings`, in [gptbook.data.docstrings](../reference/data.md#gptbook.data.docstrings), finds the explanations, which Python calls docstrings.

# %% [markdown]
# ## Further reading
#
# - Rico Sennrich, Barry Haddow and Alexandra Birch, *Neural Machine Translation of Rare Words with Subword Units* (2016): how a method for compressing files came to language.
# - Alec Radford and others, *Language Models are Unsupervised Multitask Learners* (2019): GPT-2, and why it begins with bytes.
# - Aleksandar Petrov and others, *Language Model Tokenizers Introduce Unfairness Between Languages* (2023): what the same text costs in other languages.
