# %% [markdown]
# # Generating
#
# A GPT gives every possible next token a probability. How do you choose one, and how do you do it fast? Using a trained model without changing it any more is called **inference**.
#
# ![Bars for five letters, four times. As it is: 47, 29, 14, 7 and 2 percent. Temperature 0.5: 67, 25, 6, 2 and 0. Top-k with k = 2: 62 and 38, the other three are out. Top-p with p = 0.9: 52, 32 and 16, the other two are out.](../figures/ways-to-choose.svg "One guess, changed in three ways before drawing; in percent. Dashed: never drawn.")

# %% [markdown]
# ## Ways to choose
#
# Always take the likeliest, and you choose *greedily*. Draw by the probabilities, and you get variety, and now and then nonsense. There are ways between. **Temperature** divides the scores by $\tau$ before softmax: below 1 the likely gets likelier, above 1 the unlikely gets its chance. **Top-k** keeps only the $k$ likeliest tokens. **Top-p** takes the likeliest one after the other, and stops as soon as they have probability $p$ together: soon where the model is sure, later where it isn't.
#
# $$p_i = \frac{e^{s_i / \tau}}{\sum_j e^{s_j / \tau}}$$

# %% [markdown] tags=["read"]
# Work through the picture. Its model has given five letters the scores in the first row of this table, and softmax turns them into the shares that you see under *as it is*. Then we set the temperature to 0.5. To divide by 0.5 is to double, so each score is doubled before softmax sees it.
#
# | letter | t | e | r | o | a | sum |
# |---|---|---|---|---|---|---|
# | score | 2.0 | 1.5 | 0.8 | 0.1 | −1.0 | |
# | e to that power | 7.39 | 4.48 | 2.23 | 1.11 | 0.37 | 15.6 |
# | share | 47% | 29% | 14% | 7% | 2% | |
# | score / 0.5 | 4.0 | 3.0 | 1.6 | 0.2 | −2.0 | |
# | e to that power | 54.60 | 20.09 | 4.95 | 1.22 | 0.14 | 81.0 |
# | share | 67% | 25% | 6% | 2% | 0.2% | |
#
# The formula says just this. $s_i$ is the score of token $i$, and $p_i$ becomes its probability. Divide the score by $\tau$ (the Greek letter *tau*), raise e to that power, and divide the result by the sum of such results over all tokens $j$. What has changed is how far the letters are apart. At first *t* was 7.39 / 4.48 = 1.65 times as likely as *e*. Now it's 54.60 / 20.09 = 2.72 times as likely, which is 1.65 squared. A temperature of 0.5 squares every such ratio, and a temperature of 2 takes its root. The closer you come to 0, the more the likeliest letter takes, until it has everything, so 0 is simply a name for the greedy way. (*Temperature* is a word from physics, where warm particles spread over many states and cold ones settle in the lowest.)
#
# Why divide the scores, when it would be so much simpler to divide the probabilities? Because that changes nothing. If you halve 47%, 29% and all the others, they add up to 50%, and once you've brought them back to 100% they're the same as before.
#
# A temperature above 0 never rules anything out. Even the silliest token keeps a small share, and a long text gives it many chances. Suppose that at each letter 2% of the probability lies on nonsense. Then a name of eight letters is free of it with probability 0.98⁸ = 0.85, and a text of a hundred letters with 0.13. So two other ways cut the tail off. Top-k with $k$ = 2 keeps *t* and *e*, which have 76% together, and divides by that, so that the shares add up to 1 again: 47.5 / 76.2 = 62% and 28.8 / 76.2 = 38%. Top-p with $p$ = 0.9 goes down the list and adds: 47.5% for *t*, 76.2% with *e*, 90.5% with *r*. That's enough, so these three stay.
#
# How do you choose between the two? Ask what a cut throws away. Our small model of city names, for instance, knows that few letters can follow *q*. {{ num_after_q }} of them have 90% of the probability, and top-k with $k$ = 10 lets the next {{ 10 - num_after_q }} in as well, which hardly ever stand there. At the start of a name, on the other hand, almost any letter is a good guess. It takes {{ num_at_start }} letters to reach 90%, and with $k$ = 10 many sound ones are forbidden. Top-p adapts to both.

# %% tags=["fold"]

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn

# %% tags=["show"]
from gptbook.generation.sampling import at_temperature

# %% tags=["show"]
from gptbook.generation.sampling import keep_top_k

# %% tags=["show"]
from gptbook.generation.sampling import keep_top_p

# %% [markdown] tags=["note"]
# Together: temperature first, then top-k, then top-p of what is left.

# %% tags=["show"]
from gptbook.generation.sampling import shaped_scores

# %% [markdown]
# A real guess: a small city GPT has read *ma*.

# %% tags=["fold"]
from gptbook.models.attention import KVCache
from gptbook.data.tables import city_names, split_names
from gptbook.generation.generate import generate_tokens
from gptbook.models.gpt import GPT, GPTConfig
from gptbook.models.ngram import NgramCounts, context_windows
from gptbook.data.sequences import padded
from gptbook.training.loops import train_on_sequences
from gptbook.data.tokenizer import CharacterTokenizer
from gptbook.training.measure import mean_surprise

names = city_names()
training_names, held_out_names = split_names(names, held_out=0.1, seed=0)
tokenizer = CharacterTokenizer.from_texts(names)
inputs, targets = padded([tokenizer.encode(name) for name in training_names])

# %%
config = GPTConfig(
    vocab_size=tokenizer.vocab_size,
    context_length=inputs.shape[1],
    num_layers=2,
    num_heads=4,
    model_dim=32,
    mlp_dim=128,
)
torch.manual_seed(0)
model = GPT(config)
train_on_sequences(model, inputs, targets, num_steps=400, batch_size=128)
print(f"{sum(p.numel() for p in model.parameters()):,} parameters, trained")

# %% tags=["fold"]
#| widget: choose
#| alt: The probability of each next letter after ma, the likeliest first, as an outline; filled, what temperature 0.5, top-k with 10 and top-p with 0.9 leave: {{ " and ".join(f"{letter} with {share:.0f} percent" for letter, share in stay) }}. The others are cut.
#| caption: Outline: before. Filled: after. Gray letters: cut.
with torch.no_grad():
    scores = model(torch.tensor([[0, *tokenizer.encode("ma")]]))[0, -1]  # (V,)
ranked = scores.argsort(descending=True)
left = keep_top_p(keep_top_k(at_temperature(scores, 0.5), 10), 0.9)
before, after = (100 * s.softmax(dim=-1)[ranked] for s in (scores, left))
letters = [tokenizer.labels[token] for token in ranked.tolist()]
stay = [(name, p) for name, p in zip(letters, after.tolist()) if p > 0]
fig, ax = plt.subplots(figsize=(4.5, 2.6))
ax.bar(range(len(stay)), after[: len(stay)], width=1, color="C0", alpha=0.6)
ax.stairs(before, np.arange(len(letters) + 1) - 0.5, color="black", lw=1.2)
for place, name in enumerate(letters):
    color = "black" if place < len(stay) else "gray"
    ax.text(place, -2, name, color=color, ha="center", va="top")
ax.set_xticks([])
ax.set_xlim(-0.5, len(letters) - 0.5)
ax.set_ylabel("%")
ax.set_title(f"{len(stay)} of {len(letters)} letters stay")
plt.show()

# %% tags=["live"]
from bookbuild.live import publish, publish_model

publish("opening", {"scores": scores.tolist(), "labels": tokenizer.labels})
publish_model("gpt", model, tokenizer)

# %% [markdown] tags=["note"]
# How many letters does each cut leave at temperature 1, and how much of the probability? Where the model is sure, top-p leaves few; top-k always leaves ten.

# %%
rows, kept = [], {}
for start in ("q", "ma", "st", ""):
    read = torch.tensor([[0, *tokenizer.encode(start)]])
    with torch.no_grad():
        shares = model(read)[0, -1].softmax(dim=-1).sort(descending=True).values
    by_p = int(keep_top_p(shares.log(), 0.9).isfinite().sum())
    kept[start] = by_p
    said = f"{by_p} of {len(shares)}, {shares[:by_p].sum():.0%}"
    rows.append((start or "(the start)", said, f"10, {shares[:10].sum():.0%}"))
pd.DataFrame(rows, columns=["read", "p = 0.9", "k = 10"]).set_index("read")

# %% [markdown]
# ## What is good writing?
#
# Let a judge read what the model writes, for instance a [table that looks three letters back](../predicting-what-comes-next/more-context.py). Real names that it hasn't seen surprise the judge by {{ f"{real:.2f}" }} nats per letter. Our names should surprise it about as much, since less is dull and more is noise.

# %% [markdown] tags=["read"]
# Why not simply ask for the lowest surprise? Because a model that writes *santa* over and over surprises nobody. Real names are a mixture, mostly of what one expects, with a rare letter here and there, and that is what we want to meet. A single number can't say all of this, of course. So we also count how many of 300 names differ from one another. A writer that is as surprising as real names *and* hardly ever repeats itself does well on both.
#
# Why take another model for the judge, and not the GPT itself? It would be marking its own homework. The table has learned from the same training names, but by plain counting, so it has its own idea of what is likely.

# %% [markdown] tags=["guess"]
# At which temperature does the GPT write names that surprise the judge as much as real ones?
#
# answer: {{ f"{crossing:.1f}" }}, within 0.2
#
# A name has many letters, and a single very unlikely one is enough to spoil it.

# %% [markdown] tags=["note"]
# Many names are written side by side, one letter of each at a time. (The cache is explained below.)


# %%
@torch.no_grad()
def write_names(num_names: int, seed: int = 0, **how: float) -> list[str]:
    """Names, each up to its end mark or a full context."""
    generator = torch.Generator().manual_seed(seed)
    cache = KVCache(config.num_layers, config.context_length)
    new = torch.zeros(num_names, 1, dtype=torch.long)  # the mark
    written = [new]
    while cache.length < config.context_length - 1:
        chances = shaped_scores(model(new, cache)[:, -1], **how).softmax(dim=-1)
        new = torch.multinomial(chances, num_samples=1, generator=generator)
        written.append(new)
    rows = torch.cat([*written[1:], torch.zeros_like(new)], dim=1).tolist()
    return [tokenizer.decode(row[: row.index(0)]) for row in rows]


def surprise(written: list[str]) -> float:
    """How much the judge is surprised by names, in nats per letter."""
    return mean_surprise(judge, *context_windows(written, tokenizer, 3))


def quality(**how: float) -> pd.DataFrame:
    """Three sets of 300 names: the judge's surprise, the shares that differ, exist."""
    written = write_names(900, **how)
    rows = []
    for part in (written[:300], written[300:600], written[600:]):
        exist = sum(name in known for name in part) / len(part)
        rows.append((surprise(part), len(set(part)) / len(part), exist))
    return pd.DataFrame(rows, columns=["surprise", "different", "exist"])


known = set(names)
judge = NgramCounts(3, tokenizer.vocab_size)
judge.fit(*context_windows(training_names, tokenizer, 3))
real = surprise(held_out_names)
temperatures = (0.2, 0.4, 0.6, 0.8, 1.0, 1.3, 1.6)
measured = [quality(temperature=temperature) for temperature in temperatures]

# %% tags=["fold"]
#| alt: Two plots over temperature. Above, the judge's surprise at what the model writes, {{ f"{surprises[0]:.2f}" }} nats at 0.2 and {{ f"{surprises[-1]:.2f}" }} at 1.6; it crosses that of real names, {{ f"{real:.2f}" }}, at {{ f"{crossing:.1f}" }}. Below, the share of names that differ from each other, from {{ f"{differ[0]:.0%}" }} at 0.2 to {{ f"{differ[-1]:.0%}" }}.
#| caption: A dot or square: 300 names. A line: the mean.
surprises, differ = (
    [float(rows[column].mean()) for rows in measured]
    for column in ("surprise", "different")
)
crossing = float(np.interp(real, surprises, temperatures))
fig, (above, below) = plt.subplots(2, 1, figsize=(4.5, 4.6), sharex=True)
for ax, column, scale, dots, line in (
    (above, "surprise", 1, "C0o", "C0-"),
    (below, "different", 100, "C1s", "C1-"),
):
    for temperature, rows in zip(temperatures, measured):
        ax.plot([temperature] * 3, scale * rows[column], dots, ms=4)
    means = [scale * rows[column].mean() for rows in measured]
    ax.plot(temperatures, means, line)
above.axhline(real, color="gray", linestyle="--")
above.text(1.6, real, "real names", color="gray", ha="right", va="bottom")
above.set_ylabel("surprise (nats)")
above.set_title("Where the lines cross, names are\nas surprising as real ones")
below.set_ylim(0, 105)
below.set_ylabel("different names (%)")
below.set_xlabel("temperature")
plt.show()

# %% [markdown]
# The answer is {{ f"{crossing:.1f}" }}. At a much lower temperature the model repeats itself. Top-k and top-p, at temperature 1, cool it in their own way:

# %% tags=["result"]
ways: dict[str, dict[str, float]] = {
    "as it is": {"temperature": 1.0},
    "top-k, k = 10": {"top_k": 10},
    "top-k, k = 5": {"top_k": 5},
    "top-p, p = 0.9": {"top_p": 0.9},
    "top-p, p = 0.7": {"top_p": 0.7},
}
table = pd.DataFrame({label: quality(**how).mean() for label, how in ways.items()}).T
pd.DataFrame(
    {
        "surprise": table["surprise"].map("{:.2f}".format),
        "different": table["different"].map("{:.0%}".format),
        "real cities": table["exist"].map("{:.0%}".format),
    }
)

# %% [markdown] tags=["read"]
# The last column counts names that stand in the book's list. There are few, so the model hasn't learned its list by heart; it writes new names. Which setting should you use, then? One small model and one judge can't make a general winner: a lower temperature, a smaller $k$ and a smaller $p$ all make the names tamer, and each can be set so that they surprise as real names do. If there's only one right answer, as in a sum, choose greedily.

# %% [markdown]
# ## Compute once, keep it
#
# For each guess, a GPT reads all tokens so far. But none of them sees a later one, so what was computed for them stays true. Keep their keys and values in a **key-value cache**, and compute the newest token alone.
#
# ![To write paris and its end takes 6 guesses. Without a cache each computes all positions so far, 21 in all; with it only the newest, 6 in all, and takes 15 from the cache.](../figures/key-value-cache.svg "Filled: computed. Dashed: taken from the cache.")

# %% [markdown] tags=["read"]
# Follow the picture from top to bottom. At first only the mark has been read, one position, and the guess is *p*. For the second guess the model reads the mark and *p*, two positions, and so on, until it has read all of *paris* and guesses that the name ends. Without a cache it computes 1 + 2 + 3 + 4 + 5 + 6 = 21 positions. But most of that it has computed before. When it reads *par*, the positions of the mark, *p* and *a* come out exactly as they did a moment ago, in every block, because the mask of chapter 9 keeps the new *r* out of their sight.
#
# So what does the new letter need from the old ones? Go through a block. Its own running sum, its norm and its MLP are its own business; no other position takes part. Only attention looks back. There its query is held against the *keys* of all earlier positions, and it collects their *values*. That's all. If you keep a key and a value for each position in each block, nothing else of the past has to be computed, or even stored. The queries of old positions have been answered, and nobody needs them again.
#
# What does that cost? A key and a value have $D$ numbers each. GPT-2 small has $D$ = 768 and 12 blocks, which makes 2 · 768 · 12 = {{ f"{looking:,}" }} numbers per token, or {{ f"{4 * looking / 1000:.0f}" }} thousand bytes at four bytes each. A full context of 1,024 tokens fills {{ f"{cache_megabytes:.0f}" }} MB. That's per text: {{ num_people }} people who chat with GPT-2 at the same time need more memory for their caches than the model needs for its parameters.

# %% tags=["show"]
from gptbook.generation.sampling import stream_tokens

# %% [markdown] tags=["note"]
# The cache must not change a single name. How many positions are computed for twenty names, without it and with it?

# %%
computed = 0  # positions


def count(part: nn.Module, inputs: tuple[Tensor, ...]) -> None:
    global computed
    computed += inputs[0].numel()


model.register_forward_pre_hook(count)


def twenty_names(use_cache: bool, **how: float) -> tuple[list[list[int]], int]:
    """The tokens of twenty names, and the number of positions computed for them."""
    global computed
    computed = 0
    luck = torch.Generator().manual_seed(3)
    room = config.context_length - 1
    common = {"generator": luck, "use_cache": use_cache, "stop_token": 0, **how}
    written = [list(stream_tokens(model, [0], room, **common)) for _ in range(20)]
    return written, computed


rows = []
settings: dict[str, dict[str, float]] = {
    "greedy": {"temperature": 0},
    "drawn": {},
    "temperature 0.7, top-p 0.9": {"temperature": 0.7, "top_p": 0.9},
}
for label, how in settings.items():
    plain, many = twenty_names(use_cache=False, **how)
    cached, few = twenty_names(use_cache=True, **how)
    rows.append((label, many, few, "yes" if plain == cached else "NO"))

# %% tags=["result"]
columns = ["", "without", "with", "same names"]
pd.DataFrame(rows, columns=columns).set_index("")

# %% [markdown] tags=["note"]
# The weights are float32, with seven digits, so the two ways differ by too little to change a choice here. In bfloat16, which keeps between two and three, sums are rounded differently with a cache and without. Where two tokens are almost equally likely, the other one may win, and from there on the two texts differ. Neither is wrong.

# %% tags=["fold"]
#| alt: Multiplications for the next token of GPT-2 small, against its position, both axes logarithmic. Without a cache they grow in step with the position, to {{ f"{without_cache[-1] / with_it[-1]:,.0f}" }} times as many at position 1,024. With it they grow by {{ f"{with_it[-1] / with_it[0] - 1:.0%}" }}.
#| caption: Counted for GPT-2 small, the final table for the last position only.
gpt_2 = GPTConfig()
in_blocks = gpt_2.num_layers * (
    4 * gpt_2.model_dim**2 + 2 * gpt_2.model_dim * gpt_2.mlp_dim
)
looking = 2 * gpt_2.num_layers * gpt_2.model_dim  # a key and a value, each layer
head = gpt_2.vocab_size * gpt_2.model_dim  # the last position only
places = [2**power for power in range(11)]
with_it = [in_blocks + looking * place + head for place in places]
without_cache = [
    in_blocks * place + looking * place * (place + 1) // 2 + head for place in places
]
fig, ax = plt.subplots(figsize=(4.5, 3.3))
for counts, look, name in (
    (without_cache, "C0o-", "without a cache"),
    (with_it, "C1s--", "with the cache"),
):
    ax.plot(places, counts, look)
    ax.text(places[-1], counts[-1] * 1.35, name, color=look[:2], ha="right")
ax.set_xscale("log", base=2)
ax.set_yscale("log")
ax.set_ylim(top=without_cache[-1] * 4)
ax.set_yticks([1e8, 1e9, 1e10, 1e11], ["0.1", "1", "10", "100"])
ax.minorticks_off()
ax.set_xticks(places[::2], places[::2])
ax.set_xlabel("position of the token")
ax.set_ylabel("multiplications (billions)")
ax.set_title("With the cache a late token\ncosts little more")
plt.show()

# %% [markdown]
# ## What limits the speed
#
# To write one token, the processor must read nearly every parameter from memory. GPT-2 small has {{ f"{megabytes:.0f}" }} MB of them. A memory that delivers {{ memory }} GB per second brings them {{ f"{memory * 1000 / megabytes:.0f}" }} times per second, so it can't write more than {{ f"{memory * 1000 / megabytes:.0f}" }} tokens per second, however fast the processor multiplies.

# %% tags=["hide"]
memory = 50  # GB a second, an example
tables = (gpt_2.vocab_size + gpt_2.context_length) * gpt_2.model_dim
biases_and_norms = gpt_2.num_layers * 13 * gpt_2.model_dim + 2 * gpt_2.model_dim
megabytes = 4 * (tables + in_blocks + biases_and_norms) / 1e6
cache_megabytes = 4 * looking * gpt_2.context_length / 1e6
full_speed = memory * 1000 / (megabytes + cache_megabytes)
num_after_q, num_at_start = kept["q"], kept[""]
num_people = int(megabytes // cache_megabytes) + 1

# %% [markdown] tags=["read"]
# Here is that sum again, slowly. GPT-2 small has {{ f"{megabytes / 4:.1f}" }} million parameters, each of four bytes. One new token goes through all of its tables, and each weight is used for one multiplication. A chip multiplies much faster than its memory can deliver, so it spends most of its time waiting. {{ memory }} GB per second is what the memory of an ordinary laptop may bring: {{ memory }},000 MB per second, divided by {{ f"{megabytes:.0f}" }} MB per token, is {{ f"{memory * 1000 / megabytes:.0f}" }} tokens per second. With a full context the cache has to be read, too, {{ f"{megabytes:.0f}" }} + {{ f"{cache_megabytes:.0f}" }} MB per token, and {{ f"{full_speed:.0f}" }} tokens per second are left.
#
# This one limit explains much of what people do to make models fast. Store each number in two bytes instead of four, or in one, and there is half as much to read, or a quarter. Answer eight people at once, and each weight that has been fetched is used eight times. Only their caches must be read one by one, so as long as these are short it takes hardly longer than for one person. Build a model so that each token uses only a part of it (a *mixture of experts*), and there is less to fetch.
#
# It also explains what you see in a chatbot. First there's a pause, while it reads what you wrote, and then the words come one after the other. Your text is known, so all of its positions go through the model side by side, and each weight, fetched once, serves them all. The answer isn't known. Its second token can't be computed before the first has been chosen, so every token needs a round of its own.

# %% [markdown]
# ## What goes wrong
#
# Greedy writing has no imagination. Ten names:

# %% tags=["result"]
start, longest = [0], config.context_length - 1
for _ in range(10):
    greedy = generate_tokens(model, start, longest, temperature=0, stop_token=0)
    print(tokenizer.decode(greedy), end=" ")

# %% [markdown]
# In long texts it goes round in circles.

# %% [markdown] tags=["read"]
# Why in circles? When a sentence has been written once, the model finds it in its own context, and text that stands there already looks likely to come again. Holtzman and others measured this in 2020. For nearly all phrases they tried, the more often GPT-2 had read one, the likelier it came again. A greedy writer takes the likeliest, so it rarely finds its way out. Drawing does, sooner or later.
#
# The cache has an end as well. Our model has a row for each of its positions and no more. If the text outgrows the context, the oldest token has to leave, all others move one position down, and each gets another position's row added. So every key and every value changes, and everything must be computed anew for each new token.

# %% [markdown]
# A larger model knows more. What does it cost? [Five dollars](five-dollars.py)

# %% [markdown]
# ## Check yourself
#
# ??? question "Does temperature change which tokens top-k keeps? And top-p?"
#     Top-k: no. Dividing all scores by the same number leaves their order. Top-p: yes. The warmer, the flatter, and the more tokens it takes to reach $p$.
#
# ??? question "Why does the cache keep keys and values, but no queries?"
#     A query asks once, for its own position. Keys and values of old positions are used again by every new token.
#
# ??? question "Eight people ask the same model short questions. Why does a step for all eight take hardly longer than for one?"
#     Reading the parameters is what takes long. They are read once, and used for all eight. Only the caches are read for each.

# %% [markdown]
# ## Exercises

# %% tags=["fold"]
from gptbook.exercise import exercise

# %% [markdown] tags=["exercise"]
# ### Predict: count the positions
#
# *easy · 5 minutes*
#
# A text of 4 tokens is given, and the model writes 20 more. How many positions are computed, without the cache and with it?
#
# - [ ] 480 without, 24 with
# - [ ] 80 without, 20 with
# - [x] 270 without, 23 with
# - [ ] 290 without, 24 with
#
# Without the cache, the 20 guesses read 4, 5, 6 and so on up to 23 tokens, 270 in all. With it, the first reads 4 and each of the other 19 reads one. The token that the last guess gives is read by nobody.

# %% tags=["starter"]
my_without, my_with = ..., ...

# %% tags=["check"]
with exercise("Predict"):
    for use_cache, mine in ((False, my_without), (True, my_with)):
        computed = 0
        list(stream_tokens(model, [1] * 4, 20, temperature=0, use_cache=use_cache))
        assert mine + 0 == computed, "the first guess reads 4; what does the last read?"

# %% [markdown] tags=["hint"]
# The 20 guesses read 4, 5, 6, ... tokens. With the cache, the first reads 4 and each of the others one. The token that the last guess gives is read by nobody.

# %% tags=["solution"]
my_without, my_with = sum(range(4, 24)), 4 + 19  # 270 and 23

# %% [markdown] tags=["exercise"]
# ### Change: rescue a hot model
#
# *medium · 10 minutes*
#
# At temperature 1.6 the city GPT writes noise. Leave the temperature, and add `top_k` or `top_p`, so that its names surprise the judge as real ones do, within 0.15 nats.

# %% tags=["starter"]
my_settings = {"temperature": 1.6}

# %% tags=["check"]
with exercise("Change"):
    assert my_settings["temperature"] == 1.6, "leave the temperature at 1.6"
    mine = quality(**my_settings)["surprise"].mean()
    advice = "keep fewer" if mine > real else "keep more"
    assert abs(mine - real) < 0.15, f"{mine:.2f} nats, real ones {real:.2f}: {advice}"

# %% [markdown] tags=["hint"]
# `"top_k": 10` is a start. Which letters are then still in the way?

# %% tags=["solution"]
my_settings = {"temperature": 1.6, "top_k": 6}

# %% [markdown] tags=["exercise"]
# ### Build: keep what comes near the best
#
# *medium · 15 minutes*
#
# Write `keep_min_p(logits, min_p)`: it keeps a token if its probability is at least `min_p` times that of the likeliest, and gives the others the score $-\infty$. Shapes (..., V), as above.


# %% tags=["starter"]
def keep_min_p(logits: Tensor, min_p: float) -> Tensor:
    """The scores of all tokens that come near the likeliest; others become -inf."""
    return logits


# %% tags=["check"]
with exercise("Build"):
    torch.manual_seed(5)
    some = torch.randn(4, 27) * 3
    for min_p in (0.01, 0.1, 0.5, 1.0):
        chances = some.softmax(dim=-1)
        wanted = chances >= min_p * chances.max(dim=-1, keepdim=True).values * 0.9999
        mine = keep_min_p(some, min_p)
        assert torch.equal(mine > -torch.inf, wanted), f"{min_p}: another set is kept"
        assert torch.equal(mine[wanted], some[wanted]), "scores that stay do not change"

# %% [markdown] tags=["hint"]
# Probabilities by softmax; `amax(dim=-1, keepdim=True)` is the likeliest's, in each row. Then `masked_fill`, as in `keep_top_k`. Leave a little room for rounding.


# %% tags=["solution"]
def keep_min_p(logits: Tensor, min_p: float) -> Tensor:
    """The scores of all tokens that come near the likeliest; others become -inf."""
    chances = logits.softmax(dim=-1)
    least = min_p * chances.amax(dim=-1, keepdim=True)
    return logits.masked_fill(chances < least * 0.9999, -torch.inf)


# %% [markdown] tags=["note"]
# ## Where this lives in the package
#
# All ways to choose, and `stream_tokens`, are in [gptbook.generation.sampling](../reference/generation.md#gptbook.generation.sampling); the cache is in [gptbook.models.attention](../reference/models.md#gptbook.models.attention). `gptbook sample RUN --prompt "..." --temperature 0.8 --top-k 50` does it with a run of your own.

# %% [markdown]
# ## Further reading
#
# - Ari Holtzman and others, *The Curious Case of Neural Text Degeneration* (2020): why the likeliest text is dull, and top-p.
# - Angela Fan, Mike Lewis and Yann Dauphin, *Hierarchical Neural Story Generation* (2018): stories, drawn with top-k.
# - Noam Shazeer, *Fast Transformer Decoding: One Write-Head is All You Need* (2019): why writing waits for memory, and a smaller cache.
