# %% [markdown]
# # Training a GPT
#
# How do you train one without wasting a night? A long run fails in quiet ways. Each has a net that catches it.
#
# ![A circle of six boxes: batch, forward, loss, backward, clip, step, and back to the next batch; the loss is watched. Below it the rate over all steps: a short way up, then a long line down to zero, and along it four checkpoints.](../figures/training-run.svg "Above, what each step does. Below, what protects the whole run.")

# %% [markdown]
# ## A long text, in pieces
#
# Names come one by one. A text is one long row of tokens. Cut it into windows of equal length, shuffle them, and let each step learn from a few: its batch. When all windows have had their turn, an **epoch** is over; cut elsewhere, and shuffle again.
#
# In a window every token is a question: what follows?

# %% tags=["fold"]
import math

import matplotlib.pyplot as plt
import numpy as np
import torch
from torch import nn

from gptbook.data.docstrings import docstrings
from gptbook.generation.generate import generate_tokens
from gptbook.models.gpt import GPTConfig
from gptbook.training.loss import next_token_loss
from gptbook.models.modern import ModernGPT
from gptbook.training.optim import MuonAdamW, muon_groups
from gptbook.data.tokenizer import CharacterTokenizer

# %% [markdown] tags=["note"]
# The text is what NumPy says about itself, letter by letter: 360,000 to learn from, 40,000 held out.

# %%
text = "\n\n".join(docstrings(("numpy",)))
text = "".join(c for c in text if c == "\n" or " " <= c <= "~")[:400_000]
tokenizer = CharacterTokenizer.from_texts([text])
numbers = np.array(tokenizer.encode(text), dtype=np.uint16)
training, held_out = numbers[:360_000], numbers[360_000:]

# %% tags=["show"]
from gptbook.data.batches import token_batch

# %%
inputs, targets = token_batch(training, 64, batch_size=16, step=0, seed=0)
print(tuple(inputs.shape), "questions in a step:", inputs.numel())
print("reads:    ", repr(tokenizer.decode(inputs[0].tolist())[:28]))
print("is asked: ", repr(tokenizer.decode(targets[0].tolist())[:28]))

# %% [markdown] tags=["note"]
# Seed and step alone decide the batch, so a run that goes on needs to remember the step only.

# %% [markdown]
# ## Before the first step

# %% [markdown] tags=["guess"]
# A model that has learned nothing chooses among {{ tokenizer.vocab_size }} tokens. What is its loss?
#
# answer: {{ f"{first_loss:.2f}" }} nats, within 0.1
#
# To it all tokens are about equally likely, and the surprise at one of {{ tokenizer.vocab_size }} is ln {{ tokenizer.vocab_size }}.

# %%
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
first_loss = next_token_loss(model(inputs), targets).item()
uniform_loss = math.log(tokenizer.vocab_size)
print(f"{first_loss:.3f} nats; ln {tokenizer.vocab_size} is {uniform_loss:.3f}")

# %% [markdown]
# That of a uniform guess: {{ f"{first_loss:.2f}" }} nats. If yours is far higher, stop.
#
# ## The rate: up, then down to zero
#
# At first the slopes are wild, so begin with small steps: **warm-up**. At the end settle down: **decay**, to zero.

# %% tags=["show"]
from gptbook.training.optim import warmup_then_decay

# %% [markdown]
# A step has two safety nets. If the gradient is longer than 1, it is shortened to that: **gradient clipping**, so that one odd batch cannot throw the model far. And where memory is short, the batch goes through in parts whose gradients add up: **gradient accumulation**.


# %%
def take_step(model, optimizer, step, num_steps, warmup_steps=20, num_parts=1):
    """One step of training; returns the loss before it, in nats per token."""
    total = 0.0
    for part in range(num_parts):
        rows = slice(16 * part // num_parts, 16 * (part + 1) // num_parts)
        inputs, targets = token_batch(training, 64, 16, step, 0, rows)
        loss = next_token_loss(model(inputs), targets) / num_parts  # forward
        loss.backward()  # the gradients of all parts add up
        total += loss.item()
    nn.utils.clip_grad_norm_(model.parameters(), 1.0)  # clip
    for group in optimizer.param_groups:
        share = warmup_then_decay(step, num_steps, warmup_steps)
        group["lr"] = group["rate"] * share
    optimizer.step()
    optimizer.zero_grad()
    return total


def new_run(rate=0.04):
    """A model at its start, and what will move it."""
    torch.manual_seed(0)
    model = ModernGPT(config)
    return model, MuonAdamW(muon_groups(model, rate, rate / 2))


# %% [markdown] tags=["note"]
# The optimizer is Muon for the matrices inside blocks. All else moves by **AdamW**, which is Adam with a pull of every number towards zero, applied apart from the gradient.

# %% [markdown]
# ## Watch it fall
#
# Two curves: the loss of each batch, and now and then that of held-out text, on windows that never change.

# %% tags=["show"]
from gptbook.data.batches import fixed_windows

# %% [markdown] tags=["note"]
# A watch looks at every loss. One that climbs far above its best will not come back.

# %% tags=["show"]
from gptbook.training.watch import LossWatch


# %%
def train(rate=0.04, num_steps=160, warmup_steps=20):
    """Train a new model; losses by step, held-out losses, and what the watch says."""
    model, optimizer = new_run(rate)
    watch = LossWatch(uniform_loss, warmup_steps)
    inputs, targets = fixed_windows(held_out, 64, num_windows=100)
    losses, measured, problem = [], {}, ""
    for step in range(num_steps):
        losses.append(take_step(model, optimizer, step, num_steps, warmup_steps))
        problem = watch.problem_after(losses[-1])
        if problem:
            break
        if step % 20 == 19:
            with torch.no_grad():
                measured[step] = next_token_loss(model(inputs), targets).item()
    return model, losses, measured, problem


model, losses, measured, problem = train()
print(f"held out: {list(measured.values())[-1]:.2f} nats per letter")

# %% tags=["fold", "result"]
#| alt: The loss of each batch wobbles, and falls from {{ f"{losses[0]:.1f}" }} to {{ f"{losses[-1]:.1f}" }} nats in {{ len(losses) }} steps; the held-out loss falls smoothly beside it, to {{ f"{measured[159]:.1f}" }}.
#| caption: One run, 160 steps.
fig, ax = plt.subplots(figsize=(4.5, 2.9))
ax.plot(losses, color="C0", lw=0.9)
ax.plot(list(measured), list(measured.values()), color="C1", marker="o", ms=4)
ax.text(60, 3.35, "each batch", color="C0")
ax.text(95, 2.75, "held out", color="C1")
ax.set(xlabel="step", ylabel="loss (nats per letter)", ylim=(1.5, 4.7))
ax.set_title("Fast at first, then slowly")
plt.show()

# %% tags=["result"]
torch.manual_seed(0)
start = tokenizer.encode("Return ")
print(tokenizer.decode(start + generate_tokens(model, start, 57, temperature=0.7)))

# %% [markdown]
# It spells like a manual already.
#
# ## Waste nothing
#
# **In parts, the same step.** Four parts of a batch, or all at once: only rounding differs.

# %%
moved = []
for num_parts in (1, 4):
    other, optimizer = new_run()
    take_step(other, optimizer, 0, num_steps=160, num_parts=num_parts)
    moved.append(other.token_embedding.weight)
difference = (moved[0] - moved[1]).abs().max().item()
print(f"largest difference below 0.00001: {difference < 1e-5}")

# %% [markdown]
# **Fewer digits.** Chips multiply faster in **bfloat16**, two bytes a number in place of four. About three digits are left: π is {{ torch.tensor(math.pi).bfloat16().item() }}. That is enough for products. Not for the weights: there 1 + 0.001 would stay {{ f"{(torch.tensor(1.0).bfloat16() + 0.001).item():g}" }}, and small steps would be lost. So weights keep four bytes: **mixed precision**.
#
# **Stop, and go on.** A **checkpoint** holds the weights, the optimizer's memory and the step. Whoever goes on from it must end in the same bits.

# %% tags=["fold"]
import tempfile
from pathlib import Path

from gptbook.training.checkpoint import (
    load_checkpoint,
    restore_training,
    save_checkpoint,
    training_tensors,
)

# %%
whole, optimizer = new_run()
with tempfile.TemporaryDirectory() as folder:
    for step in range(8):
        if step == 4:
            tensors = training_tensors(whole, optimizer)
            save_checkpoint(Path(folder), tensors=tensors, facts={"step": step})
        take_step(whole, optimizer, step, num_steps=160)
    again, optimizer = new_run()
    tensors, facts = load_checkpoint(Path(folder))
restore_training(tensors, again, optimizer)
for step in range(facts["step"], 8):
    take_step(again, optimizer, step, num_steps=160)
pairs = zip(whole.parameters(), again.parameters())
same_bits = all(torch.equal(one, other) for one, other in pairs)
print("the same to the last bit:", same_bits)

# %% [markdown]
# ## What goes wrong
#
# The commonest mistake: too high a rate, without warm-up. Ten times too high still learns, badly. A hundred times does not.

# %% tags=["fold", "result"]
wrong = {times: train(0.04 * times, 60, warmup_steps=1) for times in (10, 100)}
steps = math.ceil(len(wrong[100][1]) / 10) * 10  # the very step follows the processor
times = 10 ** int(math.log10(max(wrong[100][1]) / uniform_loss))
print(f"100 times: stopped within {steps} steps, over {times} times a uniform guess")

# %% tags=["fold", "result"]
#| alt: Losses on a logarithmic axis. With the right rate the loss falls from the start. With ten times the rate it first rises, then falls, and ends higher. With a hundred times it shoots up far beyond a uniform guess and is stopped.
#| caption: A logarithmic axis. The cross: stopped by the watch.
fig, ax = plt.subplots(figsize=(4.5, 3.1))
ax.plot(losses[:60], color="C0")
ax.plot(wrong[10][1], color="C1", ls="--")
ax.plot(wrong[100][1], color="black", ls=":")
last, height = len(wrong[100][1]) - 1, wrong[100][1][-1]
ax.plot(last, height, "x", color="black", ms=8)
ax.text(8, 2.2, "right", color="C0")
ax.text(40, 3.7, "10 times", color="C1")
ax.text(last + 2, height, "100 times", color="black", va="center")
ax.set(xlabel="step", ylabel="loss (nats)", yscale="log")
ax.set_yticks([2, 5, 10, 20, 50, 100], ["2", "5", "10", "20", "50", "100"])
ax.set_title("A rate too high ruins a run\nin a few steps")
plt.show()

# %% [markdown]
# Some forty others, each with its curve, stand in [When training goes wrong](../when-training-goes-wrong.md).
#
# Now you have a model and its scores. How does it write, and how fast? [Generating](generating.py)

# %% [markdown] tags=["note"]
# ## Your own text
#
# `gptbook train laptop --data my.txt` does all of this with a larger model and says beforehand how long it takes. Ctrl-C saves; the same command goes on. `gptbook sample RUN --prompt "The"` lets it write.

# %% [markdown]
# ## Check yourself
#
# ??? question "Your loss before training is 40. What do you look at first?"
#     How the numbers are drawn at the start. Large scores before learning mean a model that is sure and wrong.
#
# ??? question "Why is the held-out loss measured on the same windows each time?"
#     Windows are easy or hard. With others each time you could not tell whether the model changed or the questions did.
#
# ??? question "Why must the optimizer's memory be in a checkpoint?"
#     Without it, the averages of past gradients start again at zero, and the next steps go another way.

# %% [markdown]
# ## Exercises

# %% tags=["fold"]
from gptbook.exercise import exercise

# %% [markdown] tags=["exercise"]
# ### Predict: GPT-2 before training
#
# *easy · 3 minutes*
#
# GPT-2 has 50,257 tokens. What loss should you see before its first step, in nats?
#
# answer: 10.82 nats, within 0.1
#
# A model that knows nothing gives each of the 50,257 tokens the same probability, and the surprise at something with probability 1 / 50,257 is ln 50,257.

# %% tags=["starter"]
my_loss = ...

# %% tags=["check"]
with exercise("Predict"):
    assert abs(my_loss - math.log(50_257)) < 0.1, "every token is equally likely"

# %% [markdown] tags=["hint"]
# The surprise at something with probability 1 / V is ln V.

# %% tags=["solution"]
my_loss = 10.82

# %% [markdown] tags=["exercise"]
# ### Change: three times through the text
#
# *medium · 5 minutes*
#
# Set `my_steps` so that a run with batches of 16 windows of 64 letters sees all 360,000 letters three times, to within one percent.

# %% tags=["starter"]
my_steps = 160

# %% tags=["check"]
with exercise("Change"):
    epochs = my_steps * 16 * 64 / len(training)
    assert abs(epochs - 3) < 0.03, f"that is {epochs:.2f} times"

# %% [markdown] tags=["hint"]
# How many letters does one step see?

# %% tags=["solution"]
my_steps = round(3 * len(training) / (16 * 64))

# %% [markdown] tags=["exercise"]
# ### Build: clip by hand
#
# *medium · 15 minutes*
#
# Write `clipped(gradients, longest)`: it takes a list of tensors, reads them as one long vector, and returns them shortened together if that vector is longer than `longest`. Its length is the root of the sum of all squares.


# %% tags=["starter"]
def clipped(gradients: list, longest: float) -> list:
    """The gradients, together no longer than that."""
    return gradients


# %% tags=["check"]
with exercise("Build"):
    torch.manual_seed(2)
    for longest in (0.5, 1000.0):
        pair = [nn.Parameter(torch.zeros(3, 4)), nn.Parameter(torch.zeros(5))]
        for parameter in pair:
            parameter.grad = torch.randn_like(parameter)
        mine = clipped([parameter.grad.clone() for parameter in pair], longest)
        nn.utils.clip_grad_norm_(pair, longest)
        for parameter, own in zip(pair, mine):
            off = (parameter.grad - own).abs().max().item()
            assert off < 1e-4, f"with a limit of {longest:g} you are off by {off:.2f}"

# %% [markdown] tags=["hint"]
# Compute the length over all tensors first. If it is within the limit, change nothing; else multiply each tensor by the limit divided by the length.

# %% tags=["solution"]


def clipped(gradients: list, longest: float) -> list:
    """The gradients, together no longer than that."""
    length = sum(float(g.square().sum()) for g in gradients) ** 0.5
    return [g * min(1.0, longest / length) for g in gradients]


# %% [markdown] tags=["note"]
# ## Where this lives in the package
#
# [gptbook.data.batches](../reference/data.md#gptbook.data.batches) cuts the text, [gptbook.tasks.text](../reference/tasks.md#gptbook.tasks.text) gives the loss of a step, [gptbook.training.engine](../reference/training.md#gptbook.training.engine) takes the step, on one device or many, [gptbook.training.watch](../reference/training.md#gptbook.training.watch) and [gptbook.training.checkpoint](../reference/training.md#gptbook.training.checkpoint) protect it. A test holds that its step is the one written here.

# %% [markdown]
# ## Further reading
#
# - Andrej Karpathy, *A recipe for training neural networks* (2019): look at the data first, and grow in small steps.
# - Paulius Micikevicius and others, *Mixed precision training* (2017): which numbers may be short.
# - Ilya Loshchilov and Frank Hutter, *Decoupled weight decay regularization* (2019): AdamW.
