# %% [markdown]
# # Training a GPT
#
# How do you train one without wasting a night? A real training runs for hours, alone. Much can go wrong; all of it can be noticed, or undone.
#
# ![Every step: a batch goes forward to a loss, a watch looks at it, slopes go backward, are clipped, and the parameters step; then comes the next batch. Over all steps the rate climbs in a line, then falls to zero; four checkpoints are saved on the way.](../figures/training-run.svg "A training run, with its safety nets.")

# %% [markdown]
# ## A long text, in windows
#
# What NumPy's authors wrote to explain it is our text, letter by letter. Every tenth explanation is held out.

# %% tags=["fold"]
import math
import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import torch
from torch import Tensor, nn

from gptbook.datasets import docstrings
from gptbook.tokenizer import CharacterTokenizer

# %%
texts = docstrings(("numpy",))[::4]
tokenizer = CharacterTokenizer.from_texts(texts)


def as_tokens(some: list[str]) -> np.ndarray:
    """Texts, one after the other, as small whole numbers; the mark ends each."""
    return np.array([t for s in some for t in [*tokenizer.encode(s), 0]], np.uint16)


held_out = as_tokens(texts[::10])
training = as_tokens([text for place, text in enumerate(texts) if place % 10])
print(f"{len(training):,} tokens to learn from, {len(held_out):,} held out")
print(f"{tokenizer.vocab_size} different ones")

# %% [markdown]
# Cut it into windows as long as the context, and shuffle them. A batch takes the next few. Once all were seen, a round is over, called an **epoch**, and the text is cut elsewhere. The step's number alone decides what it sees.

# %% tags=["show"]
from gptbook.batches import token_batch

# %%
inputs, targets = token_batch(training, 64, batch_size=16, step=0, seed=0)
print(inputs.shape)
print(repr(tokenizer.decode(inputs[0, :30].tolist())))
print(repr(tokenizer.decode(targets[0, :30].tolist())))

# %% [markdown]
# ## Check the first number
#
# !!! question "Guess first"
#     There are {{ tokenizer.vocab_size }} tokens. What loss should a model have that knows nothing?

# %% [markdown] tags=["note"]
# The GPT here has a few changes since GPT-2; [Five dollars](five-dollars.py) explains them. They make it learn faster, and the training is the same.

# %% tags=["fold"]
from gptbook.batches import fixed_windows
from gptbook.gpt import GPTConfig
from gptbook.loss import next_token_loss
from gptbook.modern import ModernGPT

# %% tags=["result"]
config = GPTConfig(
    vocab_size=tokenizer.vocab_size,
    context_length=64,
    num_layers=2,
    num_heads=2,
    model_dim=64,
    mlp_dim=256,
)
torch.manual_seed(0)
model = ModernGPT(config)
with torch.no_grad():
    first_loss = next_token_loss(model(inputs), targets).item()
print(f"ln {tokenizer.vocab_size} is {math.log(tokenizer.vocab_size):.3f}")
print(f"measured: {first_loss:.3f}")

# %% [markdown]
# $\ln V$ for $V$ tokens. Anything else, and you found a mistake before the night.

# %% [markdown]
# ## How far to step
#
# The first slopes are wild, so begin with small steps: **warm-up**. End with small ones, to settle. Such a plan is a **schedule**.

# %% tags=["show"]
from gptbook.optim import warmup_then_decay

# %% tags=["fold"]
#| alt: The share of the full rate over {{ num_steps }} steps. It climbs in a line to {{ f"{max(shares):.0%}" }} at step {{ shares.index(max(shares)) }}, then falls in a line to zero.
#| caption: The schedule of this chapter's run.
num_steps, warmup_steps = 160, 16
shares = [warmup_then_decay(step, num_steps, warmup_steps) for step in range(161)]
fig, ax = plt.subplots(figsize=(5.4, 2.3))
ax.plot([100 * share for share in shares], color="C1")
ax.text(22, 40, "warm-up")
ax.text(95, 70, "decay")
ax.set_xlabel("step")
ax.set_ylabel("rate (%)")
ax.set_title("Up in a line, down to zero")
plt.show()

# %% [markdown]
# **AdamW** is Adam that also pulls each weight a little towards zero, apart from its slope. **Muon**, for matrices, evens out a step's directions. And **clipping**: a gradient too long is shortened, so that one odd batch cannot throw the model.

# %% [markdown] tags=["note"]
# Muon moves the matrices in the blocks, AdamW all else; here its pull is zero. `parts` comes below.

# %% tags=["fold"]
from gptbook.optim import MuonAdamW, muon_groups


# %%
def go_back(model: nn.Module, step: int, parts: int = 1) -> float:
    """Forward and backward; returns the loss."""
    total, size = 0.0, 16 // parts
    for part in range(parts):
        rows = slice(part * size, (part + 1) * size)
        inputs, targets = token_batch(training, 64, 16, step, seed=0, rows=rows)
        loss = next_token_loss(model(inputs), targets) / parts
        loss.backward()  # adds to the slopes that are there
        total += loss.item()
    return total


def one_step(model: nn.Module, optimizer: MuonAdamW, step: int, warmup: int) -> float:
    """Forward, backward, clip, step. Returns the loss before it."""
    loss = go_back(model, step)
    share = warmup_then_decay(step, num_steps, warmup)
    for group in optimizer.param_groups:
        group["lr"] = group["rate"] * share
    nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()
    optimizer.zero_grad()
    return loss


# %% [markdown]
# ## Let it run, and save
#
# A **checkpoint** holds all that is needed to go on: parameters, the optimizer's memory, the step. Ours is saved at step 140.

# %% tags=["show"]
from gptbook.checkpoint import training_tensors

# %% tags=["fold"]
from gptbook.checkpoint import load_checkpoint, restore_training, save_checkpoint


# %%
def new_start(scale: float = 1.0) -> tuple[ModernGPT, MuonAdamW]:
    """A new GPT, always the same, and its optimizer."""
    torch.manual_seed(0)
    model = ModernGPT(config)
    return model, MuonAdamW(muon_groups(model, 0.03 * scale, 0.01 * scale))


@torch.no_grad()
def held_out_loss(model: nn.Module) -> float:
    """Nats per token, on a hundred windows, always the same."""
    inputs, targets = fixed_windows(held_out, 64, 100)
    return next_token_loss(model(inputs), targets).item()


folder = tempfile.TemporaryDirectory()
run_dir = Path(folder.name) / "run"
model, optimizer = new_start()
losses, measured = [], {0: held_out_loss(model)}
for step in range(num_steps):
    losses.append(one_step(model, optimizer, step, warmup_steps))
    done = step + 1
    if done % 20 == 0:
        measured[done] = held_out_loss(model)
    if done == 140:
        tensors = training_tensors(model, optimizer)
        save_checkpoint(run_dir, tensors=tensors, facts={"step": done})

# %% tags=["fold"]
#| alt: Loss over {{ num_steps }} steps. The training loss jumps from batch to batch, and falls from {{ f"{losses[0]:.1f}" }} to about {{ f"{np.mean(losses[-10:]):.1f}" }} nats. The held-out loss, measured every 20 steps, falls with it to {{ f"{measured[num_steps]:.2f}" }}.
#| caption: One seed. Every step sees another batch, so training jumps.
fig, ax = plt.subplots(figsize=(5.4, 3.2))
ax.plot(losses, color="C0", lw=1)
ax.plot(measured.keys(), measured.values(), "C1o-", ms=5)
ax.axhline(math.log(tokenizer.vocab_size), color="gray", linestyle="--", lw=1)
ax.text(160, 4.5, "ln V: knows nothing", color="gray", ha="right", va="top")
ax.annotate("held out", (40, measured[40]), (55, 3.3), color="C1")
ax.text(118, 1.75, "training", color="C0", ha="right", va="top")
ax.set_ylim(bottom=1.3)
ax.set_xlabel("step")
ax.set_ylabel("loss (nats per token)")
ax.set_title(f"Held-out loss falls to {measured[num_steps]:.2f}")
plt.show()

# %% [markdown]
# It fell together: nothing was memorised. And it writes:

# %% tags=["fold"]
from gptbook.generate import generate_tokens

# %% tags=["result"]
luck = torch.Generator().manual_seed(1)
start = tokenizer.encode("Return the ")
new = generate_tokens(model, start, 150, temperature=0.6, generator=luck)
print(tokenizer.decode(start + new))

# %% [markdown]
# Now as if the power had failed: load step 140 into a new model, and go on.

# %% tags=["result"]
tensors, facts = load_checkpoint(run_dir)
again, its_optimizer = new_start()
restore_training(tensors, again, its_optimizer)
for step in range(facts["step"], num_steps):
    one_step(again, its_optimizer, step, warmup_steps)
pairs = list(zip(again.parameters(), model.parameters()))
same = all(torch.equal(one, other) for one, other in pairs)
print("the same to the last bit" if same else "NOT the same")
folder.cleanup()

# %% [markdown]
# ## When it does not fit, or takes too long
#
# Is a batch too large for the memory? Go through it in parts, add up their slopes, step once: **gradient accumulation**. The gradient is the same, but for rounding:

# %% tags=["result"]
gradients = []
for parts in (1, 4):
    model.zero_grad()
    go_back(model, step=0, parts=parts)
    gradients.append(torch.cat([p.grad.flatten() for p in model.parameters()]))
model.zero_grad()
whole, in_parts = gradients
off = (whole - in_parts).norm() / whole.norm()
print("off by less than a millionth" if off < 1e-6 else f"off by {off:.0e}")
assert off < 1e-5

# %% [markdown]
# **Mixed precision** multiplies with numbers of fewer digits: half the bytes, and often faster. The weights keep all theirs, or small steps would be lost:

# %% tags=["result"]
for exact in (3.14159, 1.001):
    short = torch.tensor(exact).to(torch.bfloat16).item()
    print(f"{exact} in bfloat16: {short}")

# %% [markdown] tags=["note"]
# **bfloat16** has 16 bits in place of 32: the same range, and 8 binary digits, which is two or three of ours. A weight of 1 that steps by 0.001 would stay where it is, for ever.

# %% [markdown]
# ## What goes wrong
#
# Rates ten times too high, no warm-up; then a hundred times. A watch looks on:

# %% tags=["show"]
from gptbook.watch import LossWatch


# %%
def watched_run(scale: float) -> tuple[list[float], str]:
    """Fifty steps without warm-up, fewer if the watch stops them; why it did."""
    model, optimizer = new_start(scale)
    watch = LossWatch(math.log(tokenizer.vocab_size), warmup_steps)
    losses, problem = [], ""
    for step in range(50):
        losses.append(one_step(model, optimizer, step, warmup=1))
        problem = watch.see(losses[-1])
        if problem:
            break
    return losses, problem


high, high_problem = watched_run(10)
higher, problem = watched_run(100)

# %% tags=["fold"]
#| alt: Loss over the first 50 steps, on a logarithmic axis. The right rates fall to {{ f"{np.mean(losses[40:50]):.2f}" }}. Ten times too high: {{ f"{np.mean(high[40:50]):.2f}" }}. A hundred times: the loss jumps to {{ f"{max(higher):.0f}" }} and stays high, until the watch stops it after {{ len(higher) }} steps.
#| caption: One seed; logarithmic. The cross: stopped.
fig, ax = plt.subplots(figsize=(5.4, 3.4))
ax.plot(losses[:50], "C0-")
ax.plot(high, "C1--")
ax.plot(higher, "C3:", lw=2)
ax.plot(len(higher) - 1, higher[-1], "C3x", ms=10, mew=3)
ax.text(len(higher) + 1, higher[-1], "100 times the rates", color="C3", va="center")
ax.annotate("10 times", (12, high[12]), (17, 6), color="C1")
ax.annotate("right", (49, losses[49]), (48, 1.9), color="C0", ha="right")
ax.set_yscale("log")
ax.set_ylim(bottom=1.6)
ax.set_yticks([2, 5, 10, 20, 50], [2, 5, 10, 20, 50])
ax.minorticks_off()
ax.set_xlabel("step")
ax.set_ylabel("loss (nats per token)")
ax.set_title("One is stopped, the other is only worse")
plt.show()

# %% tags=["result"]
print("ten times:", high_problem or "nothing to report")
print("a hundred times:", problem or "nothing to report")

# %% [markdown]
# Ten times too high looks like learning. Only a run beside it tells: {{ f"{np.mean(high[40:50]):.2f}" }} against {{ f"{np.mean(losses[40:50]):.2f}" }}. So try rates for minutes before you pay for hours. [When training goes wrong](../when-training-goes-wrong.md) has more such curves.
#
# It writes now. But who chooses each letter, and how? [Generating](generating.py)

# %% [markdown] tags=["note"]
# ### Your own text
#
# `gptbook train laptop --data my.txt` does all of this with a larger GPT and your file. It cuts the text into tokens, says what it learns from, which machine computes and in which precision, then shows loss and time left. Ctrl-C saves and prints the line to go on with. At the end come the held-out loss, the uniform guess to compare with, and the line that lets it write: `gptbook sample runs/laptop-my --tokens 300`.

# %% [markdown]
# ## Check yourself
#
# ??? question "The loss at step 0 is far above ln V. What happened?"
#     The model is sure of something before it has seen anything: its starting numbers are too large, or the scores are wrong.
#
# ??? question "Why must the checkpoint hold the optimizer's memory?"
#     Its averages over past slopes decide the next steps. With empty ones the run goes on, but as another run.
#
# ??? question "Two parts of a batch, each with its own mean loss. Why divide by two?"
#     Slopes add up. The sum of two means is twice the mean of all.

# %% [markdown]
# ## Exercises

# %% tags=["fold"]
from gptbook.exercise import exercise

# %% [markdown] tags=["exercise"]
# ### Predict: before the first step
#
# *easy · 5 minutes*
#
# A model has a vocabulary of 1,000 tokens and a context of 128; a batch holds 24 windows. What is its loss at step 0, within 0.1, and from how many tokens does a step learn?

# %% tags=["starter"]
my_loss, my_tokens = ..., ...

# %% tags=["check"]
with exercise("Predict"):
    counting = np.arange(10_000, dtype=np.uint16) % 1_000
    asked = token_batch(counting, 128, 24, step=0, seed=0)[1]
    nothing_known = torch.zeros(*asked.shape, 1_000)
    wanted = next_token_loss(nothing_known, asked).item()
    assert abs(my_loss - wanted) < 0.1, "each token gets one part in a thousand"
    assert my_tokens == asked.numel(), "every position of every window is asked"

# %% [markdown] tags=["hint"]
# The surprise at something of probability 1/1000 is ln 1000, and ln 10 is about 2.3.

# %% tags=["solution"]
my_loss, my_tokens = math.log(1000), 24 * 128

# %% [markdown] tags=["exercise"]
# ### Change: half the memory, the same gradient
#
# *medium · 10 minutes*
#
# Your memory holds only 3 windows of this GPT, and a batch has 16. Choose `my_parts`, as few as possible, so that each part fits and the gradient stays that of the whole batch.

# %% tags=["starter"]
my_parts = 1

# %% tags=["check"]
with exercise("Change"):
    assert 16 // my_parts <= 3, "a part has more than 3 windows"
    model.zero_grad()
    go_back(model, step=0, parts=my_parts)
    mine = torch.cat([p.grad.flatten() for p in model.parameters()])
    model.zero_grad()
    assert (mine - whole).norm() < 1e-4 * whole.norm(), "some windows are left out"
    assert my_parts == 8, "fewer parts will do"

# %% [markdown] tags=["hint"]
# Parts are equal, so their number must divide 16.

# %% tags=["solution"]
my_parts = 8

# %% [markdown] tags=["exercise"]
# ### Build: clip by hand
#
# *medium · 15 minutes*
#
# Write `clip(gradients, longest)`: if all the numbers together, as one long row, are longer than `longest`, shrink them all by the same factor to that length. Change the tensors in place. The length is the root of the sum of squares.


# %% tags=["starter"]
def clip(gradients: list[Tensor], longest: float) -> None:
    """Shorten gradients, together, to a length of longest at most."""


# %% tags=["check"]
with exercise("Build"):
    torch.manual_seed(2)
    for size in (0.1, 10.0):
        mine = [size * torch.randn(3, 4), size * torch.randn(5)]
        theirs = [nn.Parameter(torch.zeros_like(g)) for g in mine]
        for parameter, gradient in zip(theirs, mine):
            parameter.grad = gradient.clone()
        nn.utils.clip_grad_norm_(theirs, 1.0)
        clip(mine, 1.0)
        for parameter, gradient in zip(theirs, mine):
            close = torch.allclose(parameter.grad, gradient, atol=1e-4)
            assert close, "PyTorch's are different: one factor for all, never above 1"

# %% [markdown] tags=["hint"]
# `sum(g.square().sum() for g in gradients) ** 0.5` is the length; `g.mul_(factor)` changes in place.


# %% tags=["solution"]
def clip(gradients: list[Tensor], longest: float) -> None:
    """Shorten gradients, together, to a length of longest at most."""
    length = float(sum(g.square().sum() for g in gradients)) ** 0.5
    for gradient in gradients:
        gradient.mul_(min(1.0, longest / length))


# %% [markdown] tags=["note"]
# ## Where this lives in the package
#
# `token_batch` is in `gptbook.batches`, the schedule in [gptbook.optim](../reference/optim.md), saving in [gptbook.checkpoint](../reference/checkpoint.md), the watch in `gptbook.watch`. `TextRun` in `gptbook.text_run` takes the same steps, on one device or many.
#
# ## Further reading
#
# - Andrej Karpathy, *A Recipe for Training Neural Networks* (2019): how to be suspicious, in order.
# - Ilya Loshchilov and Frank Hutter, *Decoupled Weight Decay Regularization* (2019): AdamW.
# - Paulius Micikevicius and others, *Mixed Precision Training* (2018): fewer digits, and what must keep all.
