# %% [markdown]
# # What changed since GPT-2
#
# Open one of today's models and you'll recognise nearly everything. A few parts have changed. Here they're swapped into the GPT that you know, one at a time, and measured.
#
# ![Two towers side by side, read upwards. GPT-2, 2019: token table, position table, then in each block a layer norm, attention with four heads that have keys and values of their own, a layer norm and an MLP, and at the top the token table again. Today: the same, but no position table; RMS norm; attention with turned queries and keys, and with two heads of keys and values instead of four; and eight experts, of which two work.](../figures/parts-swapped.svg "What this chapter swaps.")

# %% [markdown] tags=["read"]
# For each part the question is the same: what couldn't GPT-2 do, or what did it cost, and what does the new part change? We trained a small GPT as in chapter 12, on NumPy's manual as in chapter 15, and swapped one part at a time. All have read the same {{ f"{characters:,}" }} characters in the same number of steps, each with {{ num_seeds }} seeds, and are scored on pages that they never read. The learning rates are the best of those we tried for *GPT-2's* form, so none of the newcomers has been helped along.

# %% tags=["fold"]
import statistics

import matplotlib.pyplot as plt
import numpy as np
import torch
from torch import Tensor, nn

from gptbook.data.tables import read_record
from gptbook.models.gpt import GPT, GPTConfig

record = read_record("since")
rows, sizes = record["rows"], record["settings"]["config"]
losses: dict[str, list[float]] = {}
for row in rows:
    losses.setdefault(row["model"], []).append(row["held_out_loss"])
means = {name: statistics.fmean(found) for name, found in losses.items()}
example = {row["model"]: row for row in rows}  # of one seed: sizes are the same for all


def spread(name: str) -> str:
    """The lowest and the highest loss over the seeds."""
    return f"{min(losses[name]):.2f} to {max(losses[name]):.2f}"


def verdict(name: str, other: str = "gpt-2") -> str:
    """Whether all runs of one beat all runs of the other."""
    mine, theirs = losses[name], losses[other]
    if max(mine) < min(theirs):
        return "better"
    return "worse" if min(mine) > max(theirs) else "too close to call"


def slower(name: str) -> float:
    """A step's time as a multiple of GPT-2's form, on a processor."""
    each = [row["seconds_per_step"] for row in record["clock"]]
    return statistics.median(row[name] / row["gpt-2"] for row in each)


def two_busiest(name: str) -> list[float]:
    """By run and block: the share of the work that two of the experts do."""
    blocks = [b for row in rows if row["model"] == name for b in row["expert_shares"]]
    return [sum(sorted(block)[-2:]) for block in blocks]


# %% tags=["fold", "read"]
#| alt: Held-out loss of seven forms, a dot for each of {{ num_seeds }} seeds, the lowest at the bottom. GPT-2's form has {{ f"{means['gpt-2']:.2f}" }} on average; {{ "; ".join(f"{name} {means[form]:.2f}" for form, name in shown.items() if form != "gpt-2") }}.
#| caption: A dot: one run. The band: the runs of GPT-2's form.
shown = {
    "gpt-2": "GPT-2's form",
    "rms norm": "RMS norm",
    "two groups": "2 heads of keys",
    "one group": "1 head of keys",
    "mixture": "2 of 8 experts",
    "rotary": "rotary positions",
    "together": "all together",
}
fig, ax = plt.subplots(figsize=(4.5, 3.2))
ax.axvspan(min(losses["gpt-2"]), max(losses["gpt-2"]), color="lightgray", lw=0)
for place, form in enumerate(shown):
    color = "gray" if form == "gpt-2" else "C0"
    ax.plot(losses[form], [place] * len(losses[form]), "o", color=color, alpha=0.7)
ax.set_yticks(range(len(shown)), list(shown.values()))
ax.invert_yaxis()
ax.set_xlabel("held-out loss (nats per character)")
ax.set_title("What each change\ndoes to the loss")
plt.show()

# %% [markdown]
# ## Positions as clock hands
#
# GPT-2 adds a learned row for each position. With **rotary positions**, queries and keys are turned instead, like the hands of a clock, further at each position. Then their product depends on how far apart they stand.
#
# ![Four clock faces with a query and a key as hands, turned by one radian per position. Before they are turned they are 65 degrees apart and their product is 0.42. At positions 3 and 1, 49.6 degrees, product 0.65. At 6 and 4, the same 49.6 degrees and 0.65. At 6 and 1, 138.5 degrees, product −0.75.](../figures/clock-hands.svg "The same gap gives the same angle, and the same product.")

# %% [markdown] tags=["read"]
# Suppose a head wants to look at the token just before its own. With GPT-2's table, position 7 has to learn to look at position 6, position 8 at 7, and so on through the whole table, because nothing says that row 6 and row 7 are neighbours. It can be learned, but slowly.
#
# If a head has two numbers, as in the picture, you may draw its query and its key as the hands of a clock. In the first clock, the query points to twelve, and the key is made 65 degrees further on. Before they are multiplied, we turn each hand by its position: by 1 radian, which is 57.3 degrees, for every step from the beginning of the text. The query stands at position 3, so it's turned by 3 · 57.3 = 171.9 degrees. The key stands at position 1 and ends at 65 + 57.3 = 122.3. The two are now 171.9 − 122.3 = 49.6 degrees apart.
#
# How well do they match? The dot product of two hands of length 1 is the cosine of the angle between them: 1 if they point the same way, 0 at a right angle, −1 if they point in opposite directions. Here it's cos 49.6° = 0.65. Now move both of them three positions further on, to 6 and 4. The query has been turned by 343.8 degrees, the key stands at 65 + 229.2 = 294.2, and they are 49.6 degrees apart again. Only the gap counts. In the last clock the query stays at 6 and the key is back at 1. Now they are 343.8 − 122.3 = 221.5 degrees apart, which is 138.5 the other way round, and the product is −0.75.
#
# So what does a head need that wants to look one token back? A key that is made one step, 57.3 degrees, ahead of the query. The query, one position later, has been turned by one step more, so the two point the same way, anywhere in the text.
#
# But a hand comes round. After a little more than six positions it points where it pointed before, and a token six steps back looks as if it stood here. That's why clocks have more than one hand. A head of ours has {{ sizes["model_dim"] // sizes["num_heads"] }} numbers, two for each hand, so it has {{ sizes["model_dim"] // sizes["num_heads"] // 2 }} hands. The first turns by 1 radian per position, the next by 0.1 and comes round after 63 positions, the others after 628 and 6,283. The quick one tells neighbours apart, and the slow ones tell near from far.

# %% tags=["show"]
from gptbook.models.rotary import clock_angles

# %% tags=["show"]
from gptbook.models.rotary import turn

# %% [markdown] tags=["note"]
# The clocks of the picture again, and one much further on. A hand's first number says how far up it points, its second how far across.

# %%
key_angle = torch.tensor(65.0).deg2rad()
query, key = torch.tensor([1.0, 0.0]), torch.stack([key_angle.cos(), key_angle.sin()])
for q_at, k_at in ((3, 1), (6, 4), (103, 101), (6, 1)):
    turned = turn(query, clock_angles(torch.tensor([q_at]), 2))
    found = turned @ turn(key, clock_angles(torch.tensor([k_at]), 2)).T
    print(f"query at {q_at:3}, key at {k_at:3}: {found.item():5.2f}")

# %% [markdown] tags=["note"]
# In the GPT, queries and keys are turned, and that's all. The table of positions is gone.

# %% tags=["fold", "show"]

# %% [markdown] tags=["guess"]
# With its table, our GPT reaches {{ f"{means['gpt-2']:.2f}" }} nats. And with clock hands?
#
# answer: {{ f"{means['rotary']:.2f}" }}, within 0.1
#
# How far apart two tokens stand needn't be learned any more.

# %% [markdown]
# After the same training, the loss is {{ f"{means['rotary']:.2f}" }} instead of {{ f"{means['gpt-2']:.2f}" }} nats.

# %% [markdown] tags=["read"]
# Over the {{ num_seeds }} seeds it's {{ spread("rotary") }} against {{ spread("gpt-2") }}, so it isn't chance. But what kind of gain is it? Our runs are short, and a table of positions is slow to learn. So let GPT-2's form train for longer. After {{ f"{longer_plain['tokens'] / characters:.1f}" }} times as many characters it reaches {{ f"{longer_plain_loss:.2f}" }}, nearly what the clock hands had. So here they're worth about twice the text, for {{ f"{slower('rotary') - 1:.0%}" }} more time per step. Whether a difference would remain if both trained for very long, our runs can't say.
#
# Rotary positions were published in 2021 (Su and others) and have become the usual way since the first Llama (2023). Only queries and keys are turned. The values are what is handed over, and what a token has to say doesn't depend on how far away it's read.

# %% [markdown] tags=["read"]
# ### Longer texts
#
# A table of positions ends. Ours has {{ sizes["context_length"] }} rows, so the model can't read a {{ sizes["context_length"] + 1 }}th character, whereas clock hands simply go on turning. Can a model read on with them, past all that it was trained on?

# %% tags=["result", "read"]
vocab_size = round(np.exp(record["uniform_loss"]))
config = GPTConfig(vocab_size=vocab_size, **sizes)
try:
    GPT(config)(torch.zeros(1, sizes["context_length"] + 1, dtype=torch.long))
except ValueError as error:
    print(f"ValueError: {str(error).split(':')[0]}")

# %% tags=["fold", "read"]
#| alt: Loss by position from 0 to {{ longest }}, for models trained on texts of {{ sizes["context_length"] }} characters. Learned positions end at {{ sizes["context_length"] }}. Rotary ones go on at about the same height, {{ f"{beyond['unchanged', 0]:.2f}" }} beyond. Stretched hands, after a little more training, stay at {{ f"{beyond['stretched', more]:.2f}" }}.
#| caption: A point: 16 positions, {{ num_seeds }} seeds, trained for {{ training["num_steps"]  }} steps.
by_way: dict[tuple[str, int], list[list[float]]] = {}
for row in record["longer"]:
    by_way.setdefault((row["way"], row["more_steps"]), []).append(row["losses"])
curve_of = {way: np.mean(found, axis=0) for way, found in by_way.items()}
bucket = record["settings"]["longer"]["bucket"]
longest = record["settings"]["longer"]["context_length"]
more = record["settings"]["longer"]["training"]["num_steps"]
trained = sizes["context_length"] // bucket
beyond = {
    way: float(curve[trained:].mean())
    for way, curve in curve_of.items()
    if len(curve) > trained
}
fig, ax = plt.subplots(figsize=(4.5, 3.2))
ax.axvspan(0, sizes["context_length"], color="lightgray", alpha=0.5, lw=0)
for way, look, name, height in (
    (("learned", 0), "C3D-", "a table: it ends at 64", 2.05),
    (("unchanged", 0), "C0o-", "rotary, as it is", 1.93),
    (("stretched", more), "C1s--", f"stretched, {more} steps more", 2.34),
):
    curve = curve_of[way]
    ax.plot(bucket * (np.arange(len(curve)) + 0.5), curve, look, ms=4)
    ax.text(250, height, name, color=look[:2], ha="right")
ax.set_xticks([0, 64, 128, 192, 256])
ax.set_xlabel("position in the text")
ax.set_ylabel("loss (nats)")
ax.set_title("Clock hands go on where\na table ends")
plt.show()

# %% [markdown] tags=["read"]
# Ours can. Between positions {{ sizes["context_length"] }} and {{ longest }}, four times as far as it was trained, it has {{ f"{beyond['unchanged', 0]:.2f}" }} nats, beside {{ f"{inside:.2f}" }} between {{ bucket }} and {{ sizes["context_length"] }}.
#
# In training, quick hands go all the way round and slow ones don't, so in longer texts the slow ones come to new angles. In papers about large models, that makes the model fall apart, and the cure is to slow all hands down. Divide all positions by four, so that position 256 looks like 64 used to, and train a little more. In this way Chen and others (2023) took a Llama from 2,048 tokens to 16 times as many, in at most 1,000 steps. At our size it *harms*. Perhaps that's because we have so few hands: the quick one tells the model which character came just before, and stretching takes just that away. (That's a guess. If only the slow hands are slowed, it does much less harm.) A small model can show how a part works. What it is worth elsewhere has to be measured elsewhere.

# %% [markdown]
# ## Heads that share their keys
#
# The cache keeps a key and a value of each head, for every token of everybody's text. With **grouped queries**, several heads share their keys and values, and there's less to keep.
#
# ![Four query heads, three times. Each with keys and values of its own: 8 rows kept, 256 bytes. Two groups: 4 rows, 128 bytes. One for all: 2 rows, 64 bytes.](../figures/grouped-queries.svg "What each block of our small GPT keeps of a token.")

# %% [markdown] tags=["read"]
# Count it for our model. A key has {{ sizes["model_dim"] // sizes["num_heads"] }} numbers, and so has a value, of four bytes each. With {{ sizes["num_heads"] }} heads in each of {{ sizes["num_layers"] }} blocks, a token leaves 2 · {{ sizes["model_dim"] // sizes["num_heads"] }} · {{ sizes["num_heads"] }} · {{ sizes["num_layers"] }} = {{ plain["cache_bytes"] // 4 }} numbers in the cache, or {{ plain["cache_bytes"] }} bytes. If heads share in pairs it's half of that, and if all four share, a quarter.
#
# For a large model that decides what can be done. Llama 3 with 8 billion parameters (Meta, April 2024) has 32 blocks and 32 heads of 128 numbers, each number stored in two bytes. With keys and values for every head, a token would take 2 · 128 · 32 · 32 · 2 = {{ f"{llama_bytes[32]:,}" }} bytes (key and value, numbers, heads, blocks, bytes of a number), and a text of 8,192 tokens, the longest it can read, {{ f"{llama_bytes[32] * 8192 / 1e9:.1f}" }} GB. In fact four query heads share each head of keys, so there are only 8 of these, and the same text takes {{ f"{llama_bytes[8] * 8192 / 1e9:.1f}" }} GB.

# %% tags=["show"]

# %% tags=["show"]
from gptbook.models.grouped import cache_bytes_per_token

# %%
llama = GPTConfig(
    vocab_size=128_256,
    context_length=8192,
    num_layers=32,
    num_heads=32,
    model_dim=4096,
    mlp_dim=14_336,
)
llama_bytes = {
    groups: cache_bytes_per_token(llama, groups, bytes_per_number=2)
    for groups in (32, 8, 1)
}
for groups, count in llama_bytes.items():
    print(f"heads of keys: {groups:2}  {count:7,} bytes a token")

# %% [markdown]
# Sharing in pairs costs {{ f"{means['two groups'] - means['gpt-2']:.2f}" }} nats here, one head of keys for all four {{ f"{means['one group'] - means['gpt-2']:.2f}" }}. In Llama 3, sharing by fours shrinks the cache of a long text from {{ f"{llama_bytes[32] * 8192 / 1e9:.1f}" }} to {{ f"{llama_bytes[8] * 8192 / 1e9:.1f}" }} GB.

# %% [markdown] tags=["read"]
# Why does it cost so little? Probably because the questions stay apart: four heads can still look at four different places. One head of keys for all had been proposed in 2019 (Shazeer), and groups are the middle way. Even a finished model can be converted by training it on for 5% of its first training (Ainslie and others, 2023).

# %% [markdown] tags=["read"]
# ### A simpler norm
#
# Another part is meant to save work. Layer norm subtracts the average of a row and then divides by the root of its variance. **RMS norm** doesn't subtract anything. It divides by the *root mean square* of the numbers, which is their size:
#
# $$\text{RMS norm}(x) = g \cdot \frac{x}{\sqrt{\text{mean}(x^2) + 10^{-5}}}$$
#
# Take the row from chapter 10 once more, (0.1, 0.7, 0.9, 1.5). The squares are 0.01, 0.49, 0.81 and 2.25, their mean is 0.89, and its root 0.94. Divided by that, the row becomes (0.11, 0.74, 0.95, 1.59). It still has an average above 0, but its size is about 1, and it was the size that got out of hand. As in layer norm, $g$ is a learned number for each place.

# %%
row_in = torch.tensor([0.1, 0.7, 0.9, 1.5])
by_hand = row_in / (row_in.square().mean() + 1e-5).sqrt()
torch.testing.assert_close(nn.RMSNorm(4, eps=1e-5)(row_in), by_hand)
print("layer norm:", [round(n, 2) for n in nn.LayerNorm(4)(row_in).tolist()])
print("RMS norm:  ", [round(n, 2) for n in by_hand.tolist()])

# %% [markdown] tags=["read"]
# The loss is {{ f"{means['rms norm']:.3f}" }} instead of {{ f"{means['gpt-2']:.3f}" }}: {{ verdict("rms norm") }}. Zhang and Sennrich, who proposed it in 2019, didn't claim better results either. Their models took 7 to 64% less time. (Ours took {{ f"{(slower('rms norm') - 1):.0%}" }} *more*, but that can be noise, or a matter of how the program was written.)

# %% [markdown]
# ## Many experts, few of them at work
#
# More parameters make a better model, but also more work. A **mixture of experts** has many MLPs instead of one, and a small table, the **router**, picks a few of them for each token.
#
# ![A token's row goes to a router, which scores eight experts. The two with the highest scores, 1.9 and 1.5, work. Their results are added with the shares 60 and 40 percent; the other six rest.](../figures/mixture-of-experts.svg "Eight experts, two at work. The next token may go to others.")

# %% [markdown] tags=["read"]
# The router in the picture is a table that turns the token's row into eight scores, one per expert. Expert 3 has 1.9, expert 7 has 1.5, and the rest have less. Only these two are asked. Softmax over the two gives them their shares: e to the 1.9 is 6.69, e to the 1.5 is 4.48, together 11.17, so 6.69 / 11.17 = 60% and 40%. The result is 0.6 times what expert 3 makes of the row, plus 0.4 times what expert 7 makes of it.
#
# In our model each expert has half as many hidden units as GPT-2's MLP, so two of them do the work of one. The model has {{ f"{example['mixture']['parameters']:,}" }} parameters, but a token meets only {{ f"{example['mixture']['used_parameters']:,}" }} of them, about as many as GPT-2's form has.

# %% tags=["show"]
from gptbook.models.mixture import Mixture

# %% [markdown] tags=["note"]
# The experts of the picture, at work on one row: which two are chosen, and with what shares.

# %%
experts = Mixture(model_dim=4, mlp_dim=8, num_experts=8, num_chosen=2).eval()
with torch.no_grad():
    experts.router.weight.zero_()  # only the bias speaks, so that we can set the scores
    made_up = [0.3, -0.8, 1.9, 0.1, -1.2, 0.7, 1.5, -0.4]
    experts.router.bias.copy_(torch.tensor(made_up))
    chosen, shares = experts.route(torch.zeros(1, 1, 4))
print("experts:", [number + 1 for number in chosen[0, 0].tolist()])
print("shares: ", [round(share, 2) for share in shares[0, 0].tolist()])

# %% [markdown]
# With {{ f"{example['mixture']['parameters'] / plain['parameters']:.1f}" }} times the parameters and about the same arithmetic, its loss is {{ f"{means['mixture']:.2f}" }} instead of {{ f"{means['gpt-2']:.2f}" }}: {{ verdict("mixture") }}.

# %% [markdown] tags=["read"]
# Are the additional parameters of no use here? To find out, we trained a third model, whose one MLP is as wide as all eight experts together. Over the seeds, the wide model has {{ spread("wide") }}, GPT-2's form {{ spread("gpt-2") }} and the mixture {{ spread("mixture") }}. So the wide one is {{ wide_verdict }}, and the mixture seems to get a part of that.
#
# The mixture does far less arithmetic than the wide model, but that saves no *time* here. A step of it takes {{ f"{slower('mixture'):.1f}" }} times as long as one of GPT-2's form, and a step of the wide one {{ f"{slower('wide'):.1f}" }} times. A batch has many tokens, so all eight experts are at work, with a few tokens each, and many small products probably take a processor longer than one large one.
#
# Something can go wrong, too. An expert that happens to be picked early learns early, so it's picked more often. Where nothing was done about it, two of the eight experts ended up with {{ f"{min(two_busiest('unbalanced')):.0%}" }} to {{ f"{max(two_busiest('unbalanced')):.0%}" }} of the work. The loss was none the worse for it. But if every expert has a chip of its own, all the others wait for these two. The cure (`balance` in the code): at each step, experts with little work get a small head start in being chosen. Then the two busiest do {{ f"{min(two_busiest('mixture')):.0%}" }} to {{ f"{max(two_busiest('mixture')):.0%}" }}, where a quarter would be even.
#
# Mixtral (reported in January 2024) has 47 billion parameters and uses 13 billion of them for a token. DeepSeek-V3 (December 2024) has 671 billion and uses 37 billion, and has such head starts, too (Wang and others, 2024).

# %% [markdown]
# ## Training far past the rule
#
# Twenty tokens per parameter make the best model for the cost of *training*. But a model that millions use does most of its work afterwards. So today's are smaller than that rule says, and read far more.

# %% tags=["fold"]
#| alt: Held-out loss against the operations of training, in billions, for two sizes. The small one has lower losses at little training; the large one falls faster, and they meet at about {{ f"{meet:.0f}" }} billion.
#| caption: Numbers: characters, our tokens, read per parameter.
lengths = record["lengths"]
curves: dict[str, dict[int, tuple[float, float]]] = {"small": {}, "large": {}}
use = {row["size"]: row["flops_of_use"] for row in lengths}
weights = {row["size"]: row["parameters"] for row in lengths}
for size, curve in curves.items():
    for per in record["settings"]["lengths"][size][1]:
        found = [
            row
            for row in lengths
            if (row["size"], row["tokens_per_parameter"]) == (size, per)
        ]
        mean = statistics.fmean(row["held_out_loss"] for row in found)
        curve[per] = found[0]["training_flops"] / 1e9, mean
fig, ax = plt.subplots(figsize=(4.5, 3.2))
for curve, look, (right, up) in zip(
    curves.values(), ("C0o-", "C1s--"), ((-6, -15), (5, 5))
):
    costs, heights = zip(*curve.values())
    ax.plot(costs, heights, look)
    for per, point in curve.items():
        where = {"textcoords": "offset points", "ha": "right" if right < 0 else "left"}
        ax.annotate(f"{per}", point, (right, up), color=look[:2], **where)
ax.text(13, 2.36, f"{weights['small']:,}\nparameters", color="C0", va="top")
ax.text(48, 2.5, f"{weights['large']:,} parameters", color="C1")
ax.set_xscale("log")
ax.set_xticks([15, 30, 60, 120], ["15", "30", "60", "120"])
ax.minorticks_off()
ax.set_xlim(11, 190)
ax.set_xlabel("operations of training (billions)")
ax.set_ylabel("held-out loss (nats)")
ax.set_title("A small model that reads much\nkeeps up with a large one")
plt.show()

# %% [markdown] tags=["read"]
# We trained two sizes for three lengths each. Compare first what they cost to *train*. With {{ f"{curves['small'][60][0]:.0f}" }} billion operations the small one reaches {{ f"{curves['small'][60][1]:.2f}" }} nats, far better than the large one would for the same money. But the large one falls faster, and at about {{ f"{meet:.0f}" }} billion operations they meet, at {{ f"{meet_loss:.2f}" }} nats. From there on the large one is the better buy, if training is all you pay for. (Where exactly depends on the learning rates, too. And the rule of 20 was found with far larger models and longer tokens.)
#
# Now *use* them. To read or write one character, the small one needs {{ f"{use['small']:,}" }} operations, and the large one {{ f"{use['large']:,}" }}, {{ f"{use['large'] / use['small']:.0f}" }} times as many. (Attention included. Training takes 3 times that.) Where the lines meet, both are equally good and have cost the same, but the small one does each character for a third. Trained beyond that point, it has cost more than a large one that's as good, but every answer pays a part of that back.
#
# Sardana and others worked this out at the end of 2023: with a billion requests to come, a model should be smaller and read longer. Llama 3 with 8 billion parameters (2024) had read more than 15 trillion tokens, nearly {{ f"{round(15e12 / 8e9, -2):,.0f}" }} per parameter.

# %% [markdown]
# ## What has stayed
#
# With four parts swapped, the loss falls, mostly thanks to the clock hands, from {{ f"{means['gpt-2']:.2f}" }} to {{ f"{means['together']:.2f}" }} nats. Still it's a GPT, which guesses the next token. [What it learns *from* has changed as well.](learning-from-outcomes.py)

# %% [markdown] tags=["read"]
# Which of the parts do models really have? In the models below, all but GPT-2 have rotary positions and RMS norm. They differ in the rest:
#
# | model | heads of keys / of queries | experts at work |
# |---|---|---|
# | GPT-2 small (2019) | 12 / 12 | none |
# | Llama 3 8B (2024) | 8 / 32 | none |
# | OLMo 2 7B (2024) | 32 / 32 | none |
# | Gemma 3 27B (2025) | 16 / 32 | none |
# | Qwen3 235B (2025) | 4 / 64 | 8 of 128 |
# | gpt-oss-120b (2025) | 8 / 64 | 4 of 128 |
#
# Most MLPs today have two first tables. The result of the first is bent and multiplied, number by number, by that of the second, before the last table (SwiGLU, Shazeer 2020).
#
# Most open models still have attention and the running sum. But in Qwen3.5 (2026), three of every four blocks pass a memory on from token to token, as recurrent nets did, and DeepSeek-V4 (2026) has four running sums side by side.

# %% tags=["hide"]
num_seeds = len(record["settings"]["seeds"])
wide_verdict = verdict("wide")
if wide_verdict != "too close to call":
    wide_verdict += " than GPT-2's form"
plain = example["gpt-2"]
longer_plain = max(
    (row for row in lengths if row["size"] == "large"), key=lambda row: row["tokens"]
)
longer_plain_loss = curves["large"][longer_plain["tokens_per_parameter"]][1]
# Where the two lines of the plot cross, on their axis of logarithms.
cost_of, loss_of = (
    {size: [point[side] for point in curve.values()] for size, curve in curves.items()}
    for side in (0, 1)
)
axis = np.linspace(np.log(30), np.log(max(cost_of["small"])), 2000)
gaps = np.interp(axis, np.log(cost_of["large"]), loss_of["large"]) - np.interp(
    axis, np.log(cost_of["small"]), loss_of["small"]
)
crossing = axis[np.argmin(np.abs(gaps))]
meet = float(np.exp(crossing))
meet_loss = float(np.interp(crossing, np.log(cost_of["small"]), loss_of["small"]))
inside = float(curve_of["unchanged", 0][1:trained].mean())
training = record["settings"]["training"]
characters = training["num_steps"] * training["batch_size"] * sizes["context_length"]

# %% [markdown]
# ## Check yourself
#
# ??? question "A query and a key are both moved ten positions to the right. What happens to their product?"
#     Nothing. Both hands are turned further by the same angle, so the angle between them stays. Only a change of the gap changes the product.
#
# ??? question "A mixture has 8 experts and asks 2 of them. What gets cheaper, and what doesn't?"
#     The arithmetic per token: a quarter of the experts' parameters is used. The memory doesn't: any token may ask any expert, so all of them have to be there.
#
# ??? question "Why would anyone train a small model beyond 20 tokens per parameter, even where a larger one would be better for the same cost of training?"
#     Because training is paid for once, and using the model is paid for every time. A smaller model is cheaper with every token it reads or writes.

# %% [markdown]
# ## Exercises

# %% tags=["fold"]
from gptbook.exercise import exercise

# %% [markdown] tags=["exercise"]
# ### Predict: how many conversations fit?
#
# *easy · 3 minutes*
#
# A machine has 40 GB left for caches. A model keeps 131,072 bytes per token. How many conversations of 8,192 tokens fit at the same time?
#
# answer: 37 conversations
#
# One conversation takes 131,072 · 8,192 bytes, which is 1.07 GB. Forty divided by that is 37.25, and only whole conversations count.

# %% tags=["starter"]
my_count = ...

# %% tags=["check"]
with exercise("Predict"):
    one = llama_bytes[8] * 8192
    assert my_count + 0 == int(40e9 // one), "bytes per token, times the tokens of one"

# %% [markdown] tags=["hint"]
# 131,072 · 8,192 is 1.07 billion.

# %% tags=["solution"]
my_count = int(40e9 // (131_072 * 8192))

# %% [markdown] tags=["exercise"]
# ### Change: let the clock run backwards
#
# *medium · 10 minutes*
#
# `score` gives the product of a query and a key at their positions. Change `my_angles` so that hands turn *against* the clock, at half the speed. Does the product still depend on the gap alone?


# %% tags=["starter"]
def my_angles(positions: Tensor) -> Tensor:
    """How far the one hand of a head of two numbers has turned."""
    return clock_angles(positions, 2)


def score(q_at: int, k_at: int) -> float:
    """The product of the picture's query and key at these positions."""
    q = turn(query, my_angles(torch.tensor([q_at])))
    k = turn(key, my_angles(torch.tensor([k_at])))
    return (q @ k.T).item()


# %% tags=["check"]
with exercise("Change"):
    angle = my_angles(torch.tensor([4])).item()
    assert abs(angle + 2) < 1e-5, f"after 4 steps it has turned by {angle:.1f}, not -2"
    for gap in (0, 1, 5):
        near, far = score(gap + 1, 1), score(gap + 30, 30)
        assert abs(near - far) < 1e-4, f"a gap of {gap} has two products"

# %% [markdown] tags=["hint"]
# Half the speed is half the angle, and the other way round is the other sign.


# %% tags=["solution"]
def my_angles(positions: Tensor) -> Tensor:
    """How far the one hand of a head of two numbers has turned."""
    return -0.5 * clock_angles(positions, 2)


def score(q_at: int, k_at: int) -> float:
    """The product of the picture's query and key at these positions."""
    q = turn(query, my_angles(torch.tensor([q_at])))
    k = turn(key, my_angles(torch.tensor([k_at])))
    return (q @ k.T).item()


# %% [markdown] tags=["exercise"]
# ### Build: RMS norm
#
# *easy · 10 minutes*
#
# Write RMS norm for rows of any length, without `nn.RMSNorm`. Leave out the learned $g$.


# %% tags=["starter"]
def my_rms_norm(x: Tensor) -> Tensor:
    """Each row divided by its root mean square. Shapes: x and the result (T, D)."""
    return x


# %% tags=["check"]
with exercise("Build"):
    generator = torch.Generator().manual_seed(0)
    for rows_in in (row_in[None], 50 * torch.randn(3, 16, generator=generator)):
        mine = my_rms_norm(rows_in)
        wanted = nn.RMSNorm(rows_in.shape[1], eps=1e-5)(rows_in).detach()
        assert mine.shape == wanted.shape, f"the shape is {tuple(mine.shape)}"
        assert torch.allclose(mine, wanted, atol=1e-4), "each row by its own size"

# %% [markdown] tags=["hint"]
# `x.square().mean(dim=-1, keepdim=True)` is the mean square of each row.


# %% tags=["solution"]
def my_rms_norm(x: Tensor) -> Tensor:
    """Each row divided by its root mean square. Shapes: x and the result (T, D)."""
    return x / (x.square().mean(dim=-1, keepdim=True) + 1e-5).sqrt()


# %% [markdown] tags=["note"]
# ## Where this lives in the package
#
# The clock hands are in [gptbook.models.rotary](../reference/models.md#gptbook.models.rotary), grouped queries in [gptbook.models.grouped](../reference/models.md#gptbook.models.grouped), the experts in [gptbook.models.mixture](../reference/models.md#gptbook.models.mixture), and the GPT with parts swapped in [gptbook.models.variants](../reference/models.md#gptbook.models.variants). The runs are in `data/runs/since.json`; `gptbook ladder since` makes them again.

# %% [markdown]
# ## Further reading
#
# - Jianlin Su and others, *RoFormer: enhanced transformer with rotary position embedding* (2021): the clock hands.
# - Biao Zhang and Rico Sennrich, *Root mean square layer normalization* (2019).
# - Joshua Ainslie and others, *GQA: training generalized multi-query transformer models from multi-head checkpoints* (2023).
# - Albert Jiang and others, *Mixtral of experts* (2024): the form that is used here.
# - Nikhil Sardana and others, *Beyond Chinchilla-optimal: accounting for inference in language model scaling laws* (2023): when a smaller model is the cheaper one.
# - Shouyuan Chen and others, *Extending context window of large language models via positional interpolation* (2023): slower hands, for longer texts.
