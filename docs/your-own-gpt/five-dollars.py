# %% [markdown]
# # Five dollars
#
# What does five dollars buy? You can work it out before you pay, and see afterwards where every second went.
#
# ![Five dollars, at 3.64 dollars an hour, rent one H100 for 73 minutes after 9 minutes of setup; at 39 percent of its best speed it does 1.7 billion billion operations, which is enough for 2.0 billion tokens. Bars: bought 2.0, AdamW in 2024 10.3, this book 1.8 billion.](../figures/five-dollars.svg "Projected: the tokens that five dollars buy, and those that two ways to train need for a loss of 3.28 on web pages.")

# %% [markdown]
# ## Count first
#
# A **GPU** is a processor that does many equal things at once. Its work is counted in **FLOPs**: one addition or multiplication each. A token costs each number of a matrix one of both, and twice that backward: six, says the rule of thumb, for each number in the blocks. The table that predicts, and attention, where positions meet, come on top.

# %% tags=["fold"]
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
print(f"counted: {exact:.0f} million FLOPs a token; 6 N: {rule:.0f} million")

# %% [markdown]
# No GPU reaches its peak, the speed on its data sheet. Four published runs reached {{ f"{min(shares):.0%}" }} to {{ f"{max(shares):.0%}" }}, their **share of peak**, on eight H100. This book had no H100: all its numbers about one are *projected*.

# %% tags=["fold"]
from gptbook.machine.cost import find_gpu
from gptbook.data.tables import data_file, read_table

gpu = find_gpu("h100")
runs = read_table(data_file("speedruns.csv"))
runs = runs[runs["gpu"] == "h100"].reset_index(drop=True)
runs["hours"] = runs["minutes"].astype(float) * 8 / 60
possible = 3600 * gpu.bf16_tflops * 1e12 * runs["hours"]  # operations
done = runs["tokens"].map(lambda text: float(text or "nan")) * exact * 1e6
shares = [(done / possible)[row] for row in (0, 7, 9, 10)]
attention_share = 12 * 12 * 1_024 * 768 / 1e6 / exact


def dollars(hours: float) -> str:
    """The price of so many hours: median, lowest and highest."""
    prices = (gpu.price_per_hour_usd, gpu.price_low_usd, gpu.price_high_usd)
    median, low, high = (f"${hours * price:.2f}" for price in prices)
    return f"{median} ({low} to {high})"


# %% [markdown]
# ## What changed
#
# In May 2024, Andrej Karpathy trained GPT-2 small for some $20: 90 minutes on eight A100, an older GPU, to a loss of 3.29 on unseen web pages. Others then raced to 3.28 on eight H100. There, his program takes 45 minutes.

# %% [markdown] tags=["guess"]
# It began with {{ f"{runs['hours'][0]:.0f}" }} H100-hours. How many were needed in November 2024?
#
# answer: {{ f"{runs['hours'][10]:.2f}" }} hours, within 0.5
#
# The GPUs stayed the same. Ten changes of the model and its training did it, and no single one of them did most. By July 2026 it took {{ f"{list(runs['hours'])[-1]:.2f}" }}.

# %% tags=["fold"]
#| alt: {{ len(runs) }} bars, from {{ f"{runs['hours'][0]:.1f}" }} H100-hours for AdamW, the baseline of 2024, down to {{ f"{list(runs['hours'])[-1]:.2f}" }} in July 2026, each named by what changed.
#| caption: Published records of modded-nanogpt: all until November 2024, then some.
fig, ax = plt.subplots(figsize=(4.5, 8))
ours = ["2", "3", "4", "5", "8", "9", "10", "11"]  # the book's recipe has these too
for run in runs.itertuples():
    kept = run.record in ours
    color = "C0" if kept else "lightgray"
    ax.barh(run.Index, run.hours, height=0.3, align="edge", color=color)
    label = f"{run.hours:.2f}  {run.change}"
    weight = "bold" if kept else "normal"
    ax.text(0.1, run.Index - 0.1, label, va="bottom", fontsize=9, weight=weight)
years = pd.to_datetime(runs["date"]).dt.strftime("%Y")
first = ~years.duplicated()
ax.set_yticks(runs.index[first], years[first])
ax.set_ylim(len(runs) - 0.5, -0.8)
ax.set_xlim(0, 6.2)
ax.set_xticks(range(7))
ax.set_xlabel("H100-hours to a loss of 3.28")
fold = runs["hours"].max() / runs["hours"].min()
ax.set_title(f"Two years of ideas: {fold:.0f} times less")
plt.show()

# %% [markdown]
# Bold: what this book's recipe has too.
#
# - **Rotary positions** turn queries and keys by an angle that grows with position: their products then tell distances.
# - **Muon** evens out each matrix's step: it goes as far in every direction. Why that helps is not settled.
# - *Squared ReLU* is a simpler bend; by *zero start*, blocks begin by adding nothing; *QK norm* keeps queries and keys in range.
# - *Second token table*: one reads, another predicts.
# - **Shortcuts** hand every block the token's embedding and the first block's values once more, and the upper half what the blocks opposite have made; how much of each is learned.

# %% tags=["result"]
for row in (0, 4, 7, 10, len(runs) - 1):
    price = dollars(runs["hours"][row])
    print(f"{runs['date'][row]}: {price}, projected")

# %% [markdown]
# The book's recipe has the model of 10 November 2024, and half its batch. How many tokens it needs is projected from the race and from our own small GPTs: the worse of the two counts.

# %% [markdown]
# ## Before you pay

# %% tags=["fold"]
from gptbook.machine.cost import PUBLISHED_SHARE, SETUP_HOURS, Job, estimate, known_gpus
from gptbook.models.sizes import KEPT_BYTES, USABLE_SHARE, logit_bytes

# %% tags=["result"]
recipe = Job(
    config=GPTConfig(num_heads=6),
    form="speedrun",
    optimizer="muon",
    batch_size=256,
    num_steps=6_900,
)
for line in estimate(recipe, gpu).lines():
    print(line)

# %% tags=["live"]
#| widget: cost
#| alt: A bill, projected. {{ "; ".join(f"{term} {number}" for term, number in bill) }}. A bar says how much of it five dollars pay: {{ f"{paid:.0%}" }}.
#| caption: All projected, at median prices.
from dataclasses import asdict

from bookbuild.live import publish

table = read_table(data_file("gpus.csv")).set_index("name")
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
training = projected.dollars(gpu.price_per_hour_usd)
total = projected.total(gpu.price_per_hour_usd)
paid = min(1, (5 - total + training) / training)
bill = [
    ("FLOPs a token", f"{flops_per_token(recipe.config) / 1e6:.0f} million"),
    ("× tokens", f"{recipe.num_tokens / 1e9:.2f} billion"),
    ("÷ peak, FLOPs a second", f"{gpu.bf16_tflops:.0f} trillion"),
    ("÷ share of peak", f"{PUBLISHED_SHARE:.2f}"),
    ("= time", f"{projected.seconds / 60:.0f} minutes"),
    ("× price of an hour", f"${gpu.price_per_hour_usd:.2f}"),
    ("= training", f"${training:.2f}"),
    (f"+ setup, {60 * SETUP_HOURS:.0f} minutes assumed", f"${total - training:.2f}"),
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

# %% [markdown]
# Idle GPUs are paid for, too.

# %% [markdown]
# ## Afterwards
#
# A ledger books each moment on one phase, so that all add up to the time that passed. Here a small GPT trains, by a clock that counts FLOPs, a billion a second: so the page is the same everywhere.

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

# %% tags=["result"]
date, *lines = receipt_lines(
    ledger.sessions,
    num_steps=num_steps,
    num_tokens=num_tokens,
    flops=num_tokens * flops_per_token(size),
    loss=loss,
)
print("\n".join(lines))

# %% [markdown] tags=["note"]
# `gptbook receipt` prints the same for any run of the package, by a real clock. Seconds that a stopped run did again are in it: you paid for them.

# %% [markdown]
# ## What goes wrong
#
# **It does not fit.** Beside the parameters, each text keeps numbers for the way back. A small card takes part of the batch at a time, and adds up:

# %% tags=["fold"]
from gptbook.models.sizes import sequences_at_once, training_memory

# %% tags=["result"]
memory = training_memory(recipe.config, "speedrun", "muon", "bfloat16")
for gigabytes in (8, 16, 24, 80):
    part = sequences_at_once(memory, 256, gigabytes * 10**9)
    times = f"{256 // part:3} times a step"
    print(f"{gigabytes:2} GB: {part:2} texts at once, {times} (projected)")

# %% [markdown]
# **It waits.** Installing, fetching text and compiling are paid too.
#
# **It vanishes.** A **spot** GPU costs less, and may be taken back at any time. Save elsewhere; the same command goes on.
#
# **It is the wrong size.** Would a larger model, or more text, reach a lower loss for the same dollars? [Scaling](scaling.py) says.

# %% [markdown]
# ## Check yourself
#
# ??? question "Why does the count say so much more than 6 N?"
#     N counts the numbers inside the blocks. The table that predicts is multiplied, too, and in a model this small it is almost half as large as all the blocks; and attention compares positions, which takes no number at all. The table that reads costs nothing: a token picks its row.
#
# ??? question "Why the median price, and not the lowest?"
#     The lowest offer may be gone, far away, or unreliable. Half of the offers cost no more than the median. The range says how much the choice matters.
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
# Write `what_it_buys(budget, gpu, config, share_of_peak, setup_hours)`: how many tokens a model with this `config` can learn from, on one such GPU at its median price, if the setup is paid as well. What the budget leaves over after the setup may be nothing; then it buys 0 tokens.


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
# [gptbook.machine.cost](../reference/machine.md#gptbook.machine.cost) counts and projects, [gptbook.models.sizes](../reference/models.md#gptbook.models.sizes) says what fits, [gptbook.machine.ledger](../reference/machine.md#gptbook.machine.ledger) and [gptbook.machine.receipt](../reference/machine.md#gptbook.machine.receipt) book. `gptbook estimate gpt2-124m --gpu h100` prints this page's estimate; without `--gpu` it times a few steps on your machine. Prices and their sources are in `data/gpus.csv`.
#
# [A file for SkyPilot](rent-a-gpu.yaml) rents a GPU, trains, and gives it back; its first lines also say how to do without.

# %% [markdown]
# ## Further reading
#
# - Keller Jordan and others, *modded-nanogpt* (2024): the race, each record with its code and log.
# - Andrej Karpathy, *Reproducing GPT-2 (124M) in llm.c in 90 minutes for $20* (2024): where it began.
# - Jared Kaplan and others, *Scaling laws for neural language models* (2020): 6 N, in section 2.1.
