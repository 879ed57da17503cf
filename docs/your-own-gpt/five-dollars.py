# %% [markdown]
# # Five dollars
#
# What do five dollars buy? You can work it out before you pay, and see where every second went.
#
# ![Five dollars, at 3.64 dollars an hour, rent one H100 for 73 minutes after 9 minutes of setup; at 39 percent of its best speed it does 1.7 billion billion operations, which is enough for 2.0 billion tokens. Bars: bought 2.0, AdamW in 2024 10.3, this book 1.8 billion.](../figures/five-dollars.svg "Billions of tokens: what five dollars buy, and what two ways to train need for a loss of 3.28. (AdamW's are published, the others projected.)")

# %% [markdown] tags=["read"]
# The models of this book were so far trained on an ordinary processor. Why not let your laptop train GPT-2 small, too? Because it takes too long. The run planned here needs {{ f"{recipe.flops / 1e18:.2f}" }} billion billion additions and multiplications. Suppose that your laptop gets {{ f"{laptop_speed / 1e9:.0f}" }} billion of them done per second, which would be good. Then it's busy for {{ f"{recipe.flops / laptop_speed / 86_400:.0f}" }} days. A rented machine takes about an hour. (If you own a strong graphics card, use it: an RTX 4090 should need about {{ f"{own_card.seconds / 3600:.0f}" }} hours.)

# %% [markdown]
# ## Count first
#
# A **GPU** is a processor that does many equal things at once. Its work is counted in **FLOPs**, each of which is one addition or one multiplication. Training on one token costs 6 FLOPs per parameter in the blocks, and some elsewhere.

# %% [markdown] tags=["read"]
# Why 6? Follow a single parameter. Say it's 0.5, and on the way up it meets an input of 3. They are multiplied, 0.5 · 3 = 1.5, and the product is added to a sum: 2 operations. On the way back, the sweep arrives with the slope of that sum, say −0.2. Now two things have to be worked out. How does the loss depend on the parameter? If it grows a little, the sum grows by 3 times as much, so its slope is −0.2 · 3 = −0.6, which is added to what the other tokens have found for it: 2 more. And how does the loss depend on the input? The layer below needs to know, so −0.2 · 0.5 = −0.1 is added to what other parameters say about the same input: 2 more again. That makes 6.
#
# GPT-2 small has {{ f"{matrix_count(gpt_2) / 1e6:.0f}" }} million parameters in its blocks, so a token costs 6 times that, {{ f"{rule:.0f}" }} million FLOPs. This rule of thumb, *6 N*, leaves out two things. The token table, which predicts at the top of the model, has another {{ f"{head / 1e6:.0f}" }} million numbers, which cost {{ f"{6 * head / 1e6:.0f}" }} million FLOPs. And attention compares positions (those behind the mask are computed, too), which takes no parameters, but {{ f"{attention_share * exact:.0f}" }} million FLOPs. All in all it's {{ f"{exact:.0f}" }} million, after rounding.

# %% tags=["fold"]

import math

import matplotlib.pyplot as plt
import pandas as pd
import torch

from gptbook.models.gpt import GPTConfig
from gptbook.models.sizes import matrix_count

# %% tags=["show"]
from gptbook.models.sizes import flops_per_token

# %% tags=["result"]
gpt_2 = GPTConfig()
exact = flops_per_token(gpt_2) / 1e6
rule = 6 * matrix_count(gpt_2) / 1e6
head = gpt_2.vocab_size * gpt_2.model_dim
print(f"counted: {exact:.0f} million FLOPs a token")
print(f"6 per parameter: {rule:.0f} million")

# %% [markdown]
# No GPU reaches the speed on its data sheet, its *peak*. Four published runs on eight H100 reached {{ f"{min(shares):.0%} to {max(shares):.0%}" }}, their **share of peak**. This book had no H100, so all its numbers about one are *projected*.

# %% [markdown] tags=["read"]
# What keeps it from its peak? Numbers have to be fetched before they can be multiplied. In a second an H100 can do {{ f"{gpu.bf16_tflops:.0f}" }} trillion operations, but fetch only {{ f"{fetched / 1e12:.2f}" }} trillion numbers of two bytes from its memory. So it's busy only if it does some {{ f"{gpu.bf16_tflops * 1e12 / fetched:.0f}" }} operations with each number that it fetches. When large tables are multiplied, each number is used over and over, and that works. But a norm or a softmax uses a number once or twice, and meanwhile the multipliers stand idle, as they do while eight GPUs wait for each other. We count on {{ f"{PUBLISHED_SHARE:.0%}" }}, which is {{ f"{PUBLISHED_SHARE * gpu.bf16_tflops:.0f}" }} trillion per second. (The field calls the share *MFU*, model FLOPs utilisation.)

# %% tags=["fold"]
from gptbook.machine.cost import find_gpu
from gptbook.data.tables import data_file, read_record, read_table

gpu = find_gpu("h100")
runs = read_table(data_file("speedruns.csv"))
runs = runs[runs["gpu"] == "h100"].reset_index(drop=True)
runs["hours"] = runs["minutes"].astype(float) * 8 / 60
possible = 3600 * gpu.bf16_tflops * 1e12 * runs["hours"]  # operations
done = runs["tokens"].map(lambda text: float(text or "nan")) * exact * 1e6
shares = [(done / possible)[row] for row in (7, 8, 9, 10)]
attention_share = 12 * 12 * 1_024 * 768 / 1e6 / exact
fetched = gpu.bandwidth_gb_per_s * 1e9 / 2  # numbers of two bytes, in a second


def dollars(hours: float) -> str:
    """The price of so many hours: median, lowest and highest."""
    prices = (gpu.price_per_hour_usd, gpu.price_low_usd, gpu.price_high_usd)
    median, low, high = (f"${hours * price:.2f}" for price in prices)
    return f"{median} ({low} to {high})"


# %% [markdown]
# ## What changed
#
# In May 2024, Andrej Karpathy trained GPT-2 small for about $20, to a loss of 3.29 on unseen web pages. Then others raced to 3.28, on eight H100.

# %% [markdown] tags=["read"]
# His program, llm.c, ran for 94 minutes on eight A100, an older GPU, and read 9.9 billion tokens. A loss of 3.29 is a perplexity of {{ f"{perplexity:.0f}" }}: the model hesitates as if between {{ f"{perplexity:.0f}" }} equally likely tokens, out of {{ f"{gpt_2.vocab_size:,}" }}.
#
# The rules of the race are simple. Take eight H100, and train until the loss on a fixed set of web pages is at most 3.28. Whoever needs less time holds the record, and as a rule publishes code and logs, so that others can build on them. On eight H100, llm.c itself takes 45 minutes, in which it reads 10.3 billion tokens. It's the first bar of the chart, with 8 times 45 minutes, or 6 H100-hours, because that's what you'd pay for.

# %% [markdown] tags=["guess"]
# It began with {{ f"{runs['hours'][0]:.0f}" }} H100-hours. How many were needed on 10 November 2024?
#
# answer: {{ f"{runs['hours'][10]:.2f}" }} hours, within 0.5
#
# The GPUs stayed the same. Ten changes of the model and its training did it, and no single one of them did most. By July 2026 it took {{ f"{list(runs['hours'])[-1]:.2f}" }}.

# %% tags=["fold"]
#| alt: {{ len(runs) }} bars, from {{ f"{runs['hours'][0]:.1f}" }} H100-hours for AdamW, the baseline of 2024, down to {{ f"{list(runs['hours'])[-1]:.2f}" }} in July 2026, each named by what changed.
#| caption: Published records of modded-nanogpt: the first twelve, then some.
fig, ax = plt.subplots(figsize=(4.5, 8))
ours = ["2", "3", "4", "5", "8", "9", "10", "11"]  # the book's recipe has these too
for run in runs.itertuples():
    kept = run.record in ours
    color = "C0" if kept else "lightgray"
    ax.barh(run.Index, run.hours, height=0.3, align="edge", color=color)
    label = f"{run.hours:.2f}  {run.change}"
    weight = "bold" if kept else "normal"
    ax.text(0.1, run.Index - 0.1, label, va="bottom", fontsize=10, weight=weight)
years = pd.to_datetime(runs["date"]).dt.strftime("%Y")
first = ~years.duplicated()
ax.set_yticks(runs.index[first], years[first])
ax.set_ylim(len(runs) - 0.5, -0.8)
ax.set_xlim(0, 6.4)
ax.set_xticks(range(7))
ax.set_xlabel("H100-hours to a loss of 3.28")
fold = runs["hours"].max() / runs["hours"].min()
ax.set_title(f"Two years of ideas: {fold:.0f} times less")
plt.show()

# %% [markdown]
# Bold: in this book's recipe too, with rates of its own.

# %% [markdown] tags=["read"]
# You know most of the places where these changes act. **Rotary positions** do without a table of positions. They turn queries and keys by an angle that grows with the position, so that their product depends on the distance between them. **Muon** is an optimizer for the tables inside the blocks. An ordinary step mostly does what many tokens ask for at once, and rarer wishes hardly count. Muon gives every wish the same strength. (In the language of matrices, it makes all singular values of a step equal.) Why that helps so much isn't settled. *Squared ReLU* is a simpler bend: zero below zero, and the square above. With *zero start* every block begins by adding nothing. *QK norm* keeps queries and keys in range. A *second token table* means that one table reads and another one predicts. And *shortcuts* carry numbers past the blocks in between. Every block gets the token's embedding once more, and the values that the first block's attention made. A block in the upper half also gets what its partner in the lower half has made. How much of each it takes is learned.
#
# What can you take from the race? The tokens that are needed fell {{ f"{token_fold:.0f}" }}-fold, the time {{ f"{fold:.0f}" }}-fold. So most of the gain comes from learning more from each token, and little from computing faster. And until the end of November 2024 no single change saved more than a third: it's many gains, each of them measured.
#
# Why doesn't this book take the last of these records? Its {{ f"{60 * float(list(runs['minutes'])[-1]):.0f}" }} seconds would cost ${{ f"{runs['hours'].min() * gpu.price_per_hour_usd:.2f}" }}. But the race doesn't count what comes before the first step, and eight GPUs that wait {{ f"{60 * SETUP_HOURS:.0f}" }} minutes together cost ${{ f"{8 * SETUP_HOURS * gpu.price_per_hour_usd:.2f}" }}. And the later records are written for the H100, run on little else, and are hard to read.

# %% tags=["result"]
print("At our prices, without setup, projected:")
for row in (0, 4, 7, 10, len(runs) - 1):
    print(runs["change"][row])
    print("  ", dollars(runs["hours"][row]))

# %% [markdown]
# The book's model is that of 10 November 2024; its batch is ours.

# %% [markdown] tags=["read"]
# How many tokens does it need? The model of 3 November, the bar with {{ f"{runs['hours'][7]:.2f}" }} hours, took {{ f"{earlier / 1e9:.2f}" }} billion. Since then two things save tokens: in the race's model the shortcuts, with scores that are kept between −30 and 30, and in our recipe half the batch, so that the same tokens make twice as many steps. We tried both on GPTs of {{ f"{small_parameters:,}" }} parameters that read documentation, with three seeds.

# %% [markdown]
# Two changes save tokens. Of 100 tokens, small GPTs still need, for the same loss:

# %% tags=["hide"]
from gptbook.experiments.budget import newer_ratios

# %% tags=["result"]
ratios = newer_ratios()
for change, ratio in ratios.items():
    print(f"{100 * ratio:.1f} tokens  {change}")

# %% [markdown] tags=["read"]
# The second line includes the first change. The race's own logs, from 3 to 10 November, say {{ f"{100 * published_ratio:.1f}" }}. Which should you believe? Small GPTs may mislead you, and so may logs of runs with another batch. So take the worse of the two, ours. If that's too many tokens, you've wasted about {{ f"{100 * wasted:.0f}" }} cents. If it's too few, you can't just go on, since the rates have come down to zero with the last step. {{ f"{new_ratio:.3f}" }} times {{ f"{earlier / 1e9:.2f}" }} billion are {{ f"{new_ratio * earlier / 1e9:.2f}" }} billion, and {{ f"{recipe.num_steps:,}" }} steps make it {{ f"{recipe.num_tokens / 1e9:.2f}" }}.

# %% [markdown]
# ## Before you pay
#
# Tokens times FLOPs, divided by what the GPU gets done in a second, is the time. Here it costs ${{ f"{total:.2f}" }} with setup, projected.

# %% tags=["fold"]
from gptbook.machine.cost import (
    PUBLISHED_SHARE,
    SETUP_HOURS,
    SETUP_MINUTES,
    Job,
    estimate,
    known_gpus,
)
from gptbook.models.sizes import KEPT_BYTES, USABLE_SHARE, logit_bytes, parameter_count

# %% tags=["result"]
recipe = Job(
    config=GPTConfig(num_heads=6),  # each twice as wide as in GPT-2
    form="speedrun",
    optimizer="muon",
    batch_size=256,
    num_steps=7_300,
)
for line in estimate(recipe, gpu).lines():
    print(line)

# %% tags=["live"]
#| widget: cost
#| alt: A bill, projected. {{ "; ".join(f"{term} {number}" for term, number in bill) }}. A bar says how much of it five dollars pay: {{ f"{paid:.0%}" }}.
#| caption: All projected, at median prices.
from dataclasses import asdict

from bookbuild.live import publish

first_tokens, earlier, later, *_, last_tokens = (
    float(runs["tokens"][row]) for row in (0, 7, 10, len(runs) - 1)
)
token_fold = first_tokens / last_tokens
published_ratio = later / earlier
*_, new_ratio = ratios.values()
booting, installing, fetching, compiling = SETUP_MINUTES.values()
table = read_table(data_file("gpus.csv")).set_index("name")
num_providers = len(table["offers"]["h100"].split(";"))
gpus = [
    asdict(one)
    | {"precision": one.precision}
    | {key: table[key][one.name] for key in ("offers", "price_source", "spec_source")}
    for one in known_gpus().values()
]
publish(
    "opening",
    {
        "gpus": gpus,
        "vocab_size": recipe.config.vocab_size,
        "context_length": recipe.config.context_length,
        "batch_size": recipe.batch_size,
        "published_share": PUBLISHED_SHARE,
        "setup_hours": SETUP_HOURS,
        "kept_bytes": {
            precision: KEPT_BYTES["speedrun", precision]
            for precision in ("float32", "bfloat16")
        },
        "logit_bytes": {
            precision: logit_bytes("speedrun", precision)
            for precision in ("float32", "bfloat16")
        },
        "usable_share": USABLE_SHARE,
    },
)
projected = estimate(recipe, gpu)
training_dollars = projected.dollars(gpu.price_per_hour_usd)
total = projected.total(gpu.price_per_hour_usd)
wasted = training_dollars * (1 - later / recipe.num_tokens)  # if the race is right
own_card = estimate(recipe, find_gpu("rtx-4090"))
paid = min(1, (5 - total + training_dollars) / training_dollars)
bill = [
    ("FLOPs a token", f"{flops_per_token(recipe.config) / 1e6:.0f} million"),
    ("× tokens", f"{recipe.num_tokens / 1e9:.2f} billion"),
    ("÷ peak, FLOPs a second", f"{gpu.bf16_tflops:.0f} trillion"),
    ("÷ share of peak", f"{PUBLISHED_SHARE:.2f}"),
    ("= time", f"{projected.seconds / 60:.0f} minutes"),
    ("× price of an hour", f"${gpu.price_per_hour_usd:.2f}"),
    ("= training", f"${training_dollars:.2f}"),
    (
        f"+ setup, {60 * SETUP_HOURS:.0f} minutes assumed",
        f"${total - training_dollars:.2f}",
    ),
    ("= cost", f"${total:.2f}"),
]
fig, ax = plt.subplots(figsize=(4.5, 3.4))
ax.axis("off")
ax.set_title("What would it cost?")
for row, (term, amount) in enumerate(bill):
    weight = "bold" if term[0] == "=" else "normal"
    ax.text(0, -row, term, weight=weight)
    ax.text(1, -row, amount.replace("$", r"\$"), ha="right", weight=weight)
ax.barh([-10, -10], [1, paid], height=0.5, color=["lightgray", "C0"])
ax.text(0, -9.1, "Five dollars pay this much:")
ax.set_xlim(0, 1)
ax.set_ylim(-10.4, 0.6)
plt.show()

# %% [markdown] tags=["read"]
# Follow it line by line. A token costs {{ f"{flops_per_token(recipe.config) / 1e6:.0f}" }} million FLOPs, and the recipe reads {{ f"{recipe.num_tokens / 1e9:.2f}" }} billion tokens, so it takes {{ f"{recipe.flops / 1e18:.2f}" }} billion billion operations. Divide by the {{ f"{PUBLISHED_SHARE * gpu.bf16_tflops:.0f}" }} trillion that an H100 gets done per second, and you have {{ f"{projected.seconds / 60:.0f}" }} minutes. An hour costs ${{ f"{gpu.price_per_hour_usd:.2f}" }} at the median of {{ num_providers }} providers (one with the fastest kind of H100 may ask more), which makes ${{ f"{training_dollars:.2f}" }}.
#
# Then there's the setup, since a rented machine costs money before the first step, too. We assume {{ booting }} minutes until it has started, {{ installing }} to install PyTorch and the package, {{ fetching }} to fetch the text, nearly 4 GB that others have already cut into tokens, and {{ compiling }} until PyTorch has translated the model for this GPU. These {{ f"{60 * SETUP_HOURS:.0f}" }} minutes bring the total to ${{ f"{total:.2f}" }} (rounded at the end only).
#
# How sure is that? Nobody has run this recipe on an H100 for this book, and the weak point is the number of tokens. With the cheapest provider it would be ${{ f"{projected.total(gpu.price_low_usd):.2f}" }}, with the dearest ${{ f"{projected.total(gpu.price_high_usd):.2f}" }}.
#
# Why not a longer run? It would help, only less and less. In our small GPTs, 420 steps instead of 300 lowered the loss by {{ f"{small_losses[300] - small_losses[420]:.2f}" }} nats, and the next 180 by {{ f"{small_losses[420] - small_losses[600]:.2f}" }}.

# %% [markdown]
# ## The run
#
# Rent a machine, type a few commands, and watch the loss.

# %% [markdown] tags=["read"]
# On a machine with one H100, in the folder of this book, this is the whole run:
#
# ```sh
# python -m pip install ".[fineweb]"
# gptbook data prepare fineweb-ready --tokens 2B
# nohup gptbook train gpt2-124m --data fineweb-ready &
# tail -f nohup.out
# ```
#
# The first line installs and the second fetches the text. The third trains, and `nohup` lets it go on when your laptop falls asleep. The last shows what it says. First comes what's trained: {{ recipe.config.num_layers }} blocks of {{ recipe.config.model_dim }}, {{ f"{parameters:,}" }} parameters. Then nothing seems to happen, while PyTorch translates the model. After that there's a line every minute, with the step, the loss and the tokens per second, and every {{ evaluate_every }} steps one with the held-out loss.
#
# Watch three numbers. The first loss, if it's shown, should be ln {{ f"{gpt_2.vocab_size:,}" }} = {{ f"{uniform_loss:.2f}" }}, because the table that predicts starts at zero. The speed should be near {{ f"{round(recipe.num_tokens / projected.seconds, -4):,.0f}" }} tokens per second. If it's half of that, you'll pay for twice the time, so stop and look for another offer. And the held-out loss has an example to follow: in the published log of 10 November it's 3.68 after a quarter of the run, 3.50 after half, and 3.28 at the end. There the second half brings about 0.2. So a run that's far above that halfway, at 4 for instance, won't get there, and you can save the rest of your money.
#
# What do you have in the end? A folder of {{ f"{folder_bytes / 1e9:.1f}" }} GB, with the weights, the optimizer's averages, the curve and a receipt. Fetch it and give the machine back. To let your model write, a laptop is enough:
#
# ```sh
# gptbook sample runs/gpt2-124m-fineweb-ready --prompt "The"
# ```
#
# Is it the real GPT-2? No. It has as many blocks as GPT-2, as wide, and the same tokens, and is meant to reach about the same loss. But it's larger by the second token table, it has the chart's bold changes, 6 heads and no biases, and it reads other pages, since OpenAI hasn't published GPT-2's. It should write English about as well: sentences that run, lose the thread, and now and then state what isn't so. (`gptbook complete gpt2 --start "The"` shows how OpenAI's writes.) It can't hold a conversation, because nobody has [shown it one](from-gpt-to-assistant.py).

# %% [markdown] tags=["read"]
# A ledger notes how long each phase of a run takes. In this one, of a small GPT, the clock is pretended: a billion FLOPs count as one second.

# %% tags=["show"]
from gptbook.machine.ledger import Ledger

# %% tags=["fold"]
from gptbook.models.sizes import forward_flops
from gptbook.data.docstrings import docstrings
from gptbook.training.loss import next_token_loss
from gptbook.models.modern import ModernGPT
from gptbook.training.optim import MuonAdamW, muon_groups, warmup_then_decay
from gptbook.machine.receipt import receipt_lines
from gptbook.data.tokenizer import CharacterTokenizer

text = "\n\n".join(docstrings(("numpy",)))[:400_000]
letters = CharacterTokenizer.from_texts([text])
stream = torch.tensor(letters.encode(text))
training, held_out = stream[:360_000], stream[360_000:]


def windows(tokens: torch.Tensor, number: int) -> torch.Tensor:
    """Pieces of 65 letters from places drawn by chance: 64 to read, and the next."""
    starts = torch.randint(len(tokens) - 65, (number,))
    return tokens[starts[:, None] + torch.arange(65)]


# %%
size = GPTConfig(
    vocab_size=letters.vocab_size,
    context_length=64,
    num_layers=2,
    num_heads=2,
    model_dim=64,
    mlp_dim=256,
)
pretend_seconds = 0.0
ledger = Ledger(clock=lambda: pretend_seconds, machine="pretend processor")

torch.manual_seed(0)
model = ModernGPT(size)
optimizer = MuonAdamW(muon_groups(model, matrix_rate=0.02, other_rate=0.01))
num_steps, num_tokens = 100, 0

# %%
for step in range(num_steps):
    with ledger.phase("training"):
        pieces = windows(training, 16)
        loss = next_token_loss(model(pieces[:, :-1]), pieces[:, 1:])
        optimizer.zero_grad()
        loss.backward()
        for group in optimizer.param_groups:
            group["lr"] = group["rate"] * warmup_then_decay(step, num_steps, 10)
        optimizer.step()
        num_tokens += 16 * 64
        pretend_seconds += 16 * 64 * flops_per_token(size) / 1e9
    if (step + 1) % 50 == 0:
        with ledger.phase("evaluating"), torch.no_grad():
            pieces = windows(held_out, 64)
            loss = next_token_loss(model(pieces[:, :-1]), pieces[:, 1:]).item()
            pretend_seconds += 64 * 64 * forward_flops(size) / 1e9

# %% tags=["result", "read"]
date, *lines = receipt_lines(
    ledger.sessions,
    num_steps=num_steps,
    num_tokens=num_tokens,
    flops=num_tokens * flops_per_token(size),
    loss=loss,
)
print("\n".join(lines))

# %% [markdown] tags=["note"]
# The clock is pretended so that this page says the same on every machine. `gptbook receipt` prints the same for any run on a text, by a real clock. If a run was stopped, the seconds that it had to repeat are counted, too: you paid for them.

# %% [markdown]
# ## What goes wrong
#
# **It doesn't fit.** A small GPU takes a part of the batch at a time, and adds up the gradients:

# %% tags=["fold"]
from gptbook.models.sizes import sequences_at_once, training_memory

# %% tags=["result"]
memory = training_memory(recipe.config, "speedrun", "muon", "bfloat16")
for gigabytes in (8, 16, 24, 80):
    part = sequences_at_once(memory, 256, gigabytes * 10**9)
    times = f"{256 // part:3} times a step"
    print(f"{gigabytes:2} GB: {part:2} texts at once, {times} (projected)")

# %% [markdown]
# **It vanishes.** A **spot** GPU costs less, and may be taken back at any time. Save to a disk that stays, and start the same command again: it goes on.

# %% [markdown] tags=["read"]
# Whether you stop a run or the provider does, the program finishes its step, saves, and stops. If a machine dies without a warning, you lose a minute or two, because it saves about that often. And if the loss climbs far above its best, or isn't a number any more, the run ends by itself and keeps its last good checkpoint.
#
# The dearest mistake is another one: the run ends at midnight, and nobody gives the machine back. By ten in the morning that's ${{ f"{10 * gpu.price_per_hour_usd:.0f}" }} more. [This file](rent-a-gpu.yaml) rents one, trains, and gives it back after half an hour without work. Fetch the run before that.

# %% [markdown]
# Would a larger model do better for the same dollars? [Scaling](scaling.py)

# %% tags=["hide"]
from gptbook.tasks.recipe_words import gpt2_124m

evaluate_every = gpt2_124m().evaluate_every
parameters = parameter_count(recipe.config, recipe.form)
folder_bytes = 4 * parameters + memory.optimizer
cheaper = read_record("cheaper")
before = [row for row in cheaper["rows"] if row["change"] == "before"]
small_parameters = before[0]["parameters"]
small_losses = {
    steps: sum(row["held_out_loss"] for row in before if row["num_steps"] == steps)
    / len(cheaper["settings"]["seeds"])
    for steps in cheaper["settings"]["steps_before"]
}
perplexity, uniform_loss = math.exp(3.29), math.log(gpt_2.vocab_size)
laptop_speed = 300e9  # of large tables, in a second: supposed

# %% [markdown]
# ## Check yourself
#
# ??? question "Why does the count say so much more than 6 per parameter in the blocks?"
#     That counts the numbers inside the blocks. The table that predicts is multiplied, too, and in a model this small it is almost half as large as all the blocks; and attention compares positions, which takes no number at all. The table that reads costs nothing: a token picks its row.
#
# ??? question "Why the median price, and not the lowest?"
#     The lowest offer may be gone, far away, or unreliable. Half of the providers ask no more than the median. The range says how much the choice matters.
#
# ??? question "Twice the share of peak: what changes on the receipt?"
#     Half the training seconds, so nearly half the dollars. The same steps, tokens and loss.

# %% [markdown]
# ## Exercises

# %% tags=["fold"]
from gptbook.exercise import exercise

# %% [markdown] tags=["exercise"]
# ### Predict: a longer context
#
# *easy · 5 minutes*
#
# GPT-2 small reads 1,024 tokens. Attention is {{ f"{attention_share:.0%}" }} of its FLOPs. If it read 4,096, by which factor would a token's FLOPs grow?
#
# answer: 1.39, within 0.05
#
# What attention compares grows with the context, so its {{ f"{attention_share:.0%}" }} become four times as much. The matrices do the same work for a token, wherever it stands: the other {{ f"{1 - attention_share:.0%}" }} stay.

# %% tags=["starter"]
my_factor = ...

# %% tags=["check"]
with exercise("Predict"):
    longer = GPTConfig(context_length=4_096)
    factor = flops_per_token(longer) / flops_per_token(gpt_2)
    assert abs(my_factor - factor) < 0.05, "only attention's part becomes four times"

# %% [markdown] tags=["hint"]
# The matrices do the same work for a token, wherever it stands. What attention compares grows with the context.

# %% tags=["solution"]
my_factor = 0.87 + 0.13 * 4

# %% [markdown] tags=["exercise"]
# ### Change: within three dollars
#
# *medium · 10 minutes*
#
# Make `my_job` cost at most $3.00 at the median price, with at least a billion tokens. You may change the number of steps, nothing else.

# %% tags=["starter"]
from dataclasses import replace

my_job = replace(recipe, num_steps=recipe.num_steps)

# %% tags=["check"]
with exercise("Change"):
    price = estimate(my_job, gpu).dollars(gpu.price_per_hour_usd)
    assert price <= 3, f"${price:.2f}: fewer steps"
    assert my_job.num_tokens >= 1e9, f"{my_job.num_tokens:,} tokens: more steps"
    same = replace(my_job, num_steps=recipe.num_steps)
    assert same == recipe, "change the steps only"

# %% [markdown] tags=["hint"]
# Dollars grow in proportion to steps. A step is 256 texts of 1,024 tokens.

# %% tags=["solution"]
my_job = replace(recipe, num_steps=5_000)

# %% [markdown] tags=["exercise"]
# ### Build: a calculator
#
# *hard · 20 minutes*
#
# Write `what_it_buys(budget, gpu, config, share_of_peak, setup_hours)`: how many tokens a model with this `config` can learn from, on one such GPU at its median price, if the setup is paid as well. If the setup alone uses up the budget, it buys 0 tokens.


# %% tags=["starter"]
def what_it_buys(budget, gpu, config, share_of_peak=0.39, setup_hours=0.15) -> float:
    """Tokens for a budget in dollars."""
    return 0.0


# %% tags=["check"]
with exercise("Build"):
    for budget in (1, 5, 20):
        job = replace(recipe, num_steps=1)
        mine = what_it_buys(budget, gpu, recipe.config) / job.num_tokens
        paid = estimate(replace(job, num_steps=10_000), gpu)
        step_price = paid.dollars(gpu.price_per_hour_usd) / 10_000
        left = max(0, budget - 0.15 * gpu.price_per_hour_usd)
        wanted = left / step_price
        said = f"for ${budget} you say {mine:,.0f} steps, not {wanted:,.0f}"
        assert abs(mine - wanted) <= 0.01 * wanted, said

# %% [markdown] tags=["hint"]
# Dollars make hours, less the setup; hours make operations, at the share of `gpu.bf16_tflops`, which is in million millions a second; operations make tokens.


# %% tags=["solution"]
def what_it_buys(budget, gpu, config, share_of_peak=0.39, setup_hours=0.15) -> float:
    """Tokens for a budget in dollars."""
    hours = max(0, budget / gpu.price_per_hour_usd - setup_hours)
    flops = 3600 * hours * share_of_peak * gpu.bf16_tflops * 1e12
    return flops / flops_per_token(config)


# %% [markdown] tags=["note"]
# ## Where this lives in the package
#
# [gptbook.machine.cost](../reference/machine.md#gptbook.machine.cost) counts and projects, [gptbook.models.sizes](../reference/models.md#gptbook.models.sizes) says what fits, [gptbook.machine.ledger](../reference/machine.md#gptbook.machine.ledger) and [gptbook.machine.receipt](../reference/machine.md#gptbook.machine.receipt) keep the books. `gptbook estimate gpt2-124m --gpu h100` prints this page's estimate; without `--gpu` it times a few steps on your machine. Prices and their sources are in `data/gpus.csv`.
#
# [A file for SkyPilot](rent-a-gpu.yaml) rents a GPU, trains, and gives it back; its first lines also say how to do without.

# %% [markdown]
# ## Further reading
#
# - Keller Jordan and others, *modded-nanogpt* (2024): the race, each record with its code and log.
# - Andrej Karpathy, *Reproducing GPT-2 (124M) in llm.c in 90 minutes for $20* (2024): where it began.
# - Jared Kaplan and others, *Scaling laws for neural language models* (2020): 6 N, in section 2.1.
