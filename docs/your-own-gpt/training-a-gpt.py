# %% [markdown]
# # Training a GPT
#
# A model of language is trained for hours or weeks, and its run can fail in ways that nobody notices until the money is gone. So check it before it starts, watch it, and make sure that it can be stopped.
#
# ![A circle of six boxes: batch, forward, loss, backward, clip, step, and back to the next batch; the loss is watched. Below it the rate over all steps: a short way up, then a long line down to zero, and along it four checkpoints.](../figures/training-run.svg "Above, what each step does. Below, what protects the whole run.")

# %% [markdown]
# ## A long text, in windows
#
# A text is one long row of tokens. Cut it into windows and shuffle them. Each step learns from a handful, its batch, and when all have had their turn, an **epoch** is over.

# %% tags=["fold"]
import math

import matplotlib.pyplot as plt
import numpy as np
import torch
from torch import nn

from gptbook.data.docstrings import docstrings
from gptbook.generation.generate import generate_tokens
from gptbook.models.gpt import GPT, GPTConfig
from gptbook.training.loss import next_token_loss
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

# %% [markdown] tags=["read"]
# Our text is the manual of NumPy, {{ f"{len(training):,}" }} characters of it, and the tokens are its {{ tokenizer.vocab_size - 1 }} different characters and a mark, {{ tokenizer.vocab_size }} in all. With windows of 64 there are about {{ f"{len(training) // 64:,}" }} of them. A step takes 16. At each character of a window the model is asked: given this one and those before it in the window, what comes next? The mask makes sure that no answer can be seen in advance, so one step asks 16 · 64 = {{ f"{16 * 64:,}" }} questions at once. After {{ len(training) // (64 * 16) }} steps and a bit the whole text has been read, and an epoch is over. Then the windows are cut again, from another starting point, and shuffled again.
#
# Isn't it unfair that the first character of a window has to be guessed from almost nothing? It is a waste, yes. On average a question has only half a window before it. But wherever you cut, some questions come early, and cutting elsewhere in every epoch gives each of them its turn. Longer windows help, and cost more, since attention grows with the square.
#
# And why shuffle? Windows that stand side by side in the manual talk about the same function. A batch of neighbours would pull the model towards that function, and the next batch towards another one. Sixteen windows from all over the text say more about the text as a whole, so a step that follows them is a better step.

# %% [markdown] tags=["note"]
# Seed and step alone decide the batch. So a run that is taken up again finds its next batch by the number of the step.

# %% [markdown]
# ## Before the first step

# %% [markdown] tags=["guess"]
# A model that has learned nothing chooses among {{ tokenizer.vocab_size }} tokens. What is its loss?
#
# answer: {{ f"{uniform_loss:.2f}" }} nats, within 0.1
#
# To it all tokens are about equally likely, and the surprise at one of {{ tokenizer.vocab_size }} is ln {{ tokenizer.vocab_size }}.

# %% [markdown]
# With $V$ different tokens, expect a first loss near ln $V$. If it's far above, stop: the model starts with opinions that it can't have any reason for.

# %% [markdown] tags=["read"]
# Why *near* ln $V$, and not exactly ln $V$? The first scores aren't zero. They are made from small random numbers, so an untrained model does have opinions, only no grounds for them, and opinions without grounds cost something. Take three tokens, each of which is the right one equally often. If all scores are 0, each token gets a third, and the surprise is ln 3 = 1.10, whichever comes. Now let the scores be 1, 0 and −1. Softmax makes 0.67, 0.24 and 0.09 of them, and the surprise is 0.41 if the first one comes, 1.41 for the second, 2.41 for the third. On average that's 1.41, more than 1.10. Its opinion gained it 0.69 in one case, and cost it 0.31 and 1.31 in the other two.
#
# How much does it cost in general? Let σ be the spread of the scores, the root of their average square. If they scatter around 0 like measuring errors, in a bell curve, the average of e to their power is e to the power of σ² / 2, and the loss comes to about
#
# $$\ln V + \frac{\sigma^2}{2}$$
#
# and the spread can be computed before the first step. A score is a sum of $D$ products. One factor comes from the normed running sum, so it has a size of about 1. The other one is a number of the table, and those are drawn with a spread of 0.02. When independent numbers are added, the squares of their spreads add up, so $\sigma^2$ is about $D$ · 0.02². Our small model has $D$ = 64, so $\sigma^2$ is 0.026 and hardly matters. GPT-2 small has $D$ = 768. There it's 0.307, and the loss to expect is ln 50,257 + 0.154 = {{ f"{math.log(50_257) + 768 * 0.02**2 / 2:.2f}" }} instead of {{ f"{math.log(50_257):.2f}" }}. Whoever starts GPT-2 and sees {{ f"{math.log(50_257) + 768 * 0.02**2 / 2:.2f}" }} can relax.
#
# What if the table is drawn too large? Try it. Below, we take random rows in place of running sums, and multiply them by tables with four different spreads. At {{ spreads[0] }} the loss is a hair above ln {{ tokenizer.vocab_size }} = {{ f"{uniform_loss:.2f}" }}. At {{ spreads[-1] }} it's {{ f"{starts[-1][2]:.2f}" }} nats. A model that begins there spends the first part of its training on taking back what it should never have believed.

# %%
config = GPTConfig(
    vocab_size=tokenizer.vocab_size,
    context_length=64,
    num_layers=2,
    num_heads=2,
    model_dim=64,
    mlp_dim=256,
)
uniform_loss = math.log(tokenizer.vocab_size)
spreads = (0.02, 0.05, 0.1, 0.2)
starts = []
for spread in spreads:
    torch.manual_seed(0)
    rows = torch.nn.functional.layer_norm(torch.randn(16, 64, 64), (64,))  # (B, T, D)
    scores = rows @ (spread * torch.randn(64, tokenizer.vocab_size))
    sigma = scores.std().item()
    loss = next_token_loss(scores, targets).item()
    starts.append((sigma, uniform_loss + sigma**2 / 2, loss))
    print(f"{spread:4}: expected {starts[-1][1]:.2f}, is {loss:.2f}")

# %%
torch.manual_seed(0)
model = GPT(config)
first_scores = model(inputs)
first_loss = next_token_loss(first_scores, targets).item()
again = inputs == targets  # the answer is the character that has just been read
first_loss_elsewhere = next_token_loss(
    first_scores[~again][None], targets[~again][None]
)
print(f"{first_loss:.2f} nats, without repeats {first_loss_elsewhere:.2f}")

# %% [markdown] tags=["read"]
# Our model itself begins at {{ f"{first_loss:.2f}" }}, even a little *below* ln {{ tokenizer.vocab_size }}. Is it a mind reader? No. Its one table is used at both ends, so an untrained GPT mildly prefers the character that it has just read, whose row is still a large part of the running sum. In this text that's right in {{ f"{again.float().mean():.0%}" }} of all cases, since manuals are full of blanks, dashes and other signs in a row. Leave these out, and its loss is {{ f"{first_loss_elsewhere:.2f}" }}, a hair above.

# %% [markdown]
# ## One step
#
# The model guesses (*forward*), and the loss gives every parameter its slope (*backward*). If these are too large altogether, they are scaled down, which is called **gradient clipping**. Then the optimizer moves every number a little.

# %% [markdown] tags=["read"]
# Let's watch the first step. The loss is {{ f"{watched['loss']:.2f}" }} nats. The backward sweep gives each of the {{ f"{watched['parameters']:,}" }} parameters its slope. Read them as one long row of numbers, a single vector, the **gradient**, and work out its length as you would on squared paper: square every number, add them up, take the root. It's {{ f"{watched['length']:.2f}" }}. We allow 1, so every slope is multiplied by 1 / {{ f"{watched['length']:.2f}" }} = {{ f"{1 / watched['length']:.2f}" }}. The direction stays, only the length changes. Clipping is there for the odd batch whose slopes are far too long, a page full of hexadecimal numbers, say. It would fill Adam's averages, which you'll meet in a moment, and pull at many steps to come.
#
# Now follow one number. The parameter we picked is {{ f"{watched['before']:.5f}".replace("-", "−") }}, and its slope after clipping is {{ f"{watched['slope']:.6f}".replace("-", "−") }}. Plain gradient descent would move it by the rate times that slope, which is next to nothing. **Adam** does something else, as chapter 3 has shown. It keeps two running averages for each parameter, one of its slopes and one of their squares, and moves the parameter by the rate times the first average, divided by the root of the second. In the very first step both averages know a single slope. The slope divided by the root of its own square is 1 or −1, so *every* number moves by the whole rate, up or down, whether its slope is steep or hardly there. The rate of this step is {{ f"{0.01 / 20:g}" }}, because it's still warming up, as you'll see in a moment. Our number moves by just that, to {{ f"{watched['after']:.5f}".replace("-", "−") }}, and so do {{ f"{watched['alike']:.0%}" }} of all parameters. Keep this in mind for the next section.
#
# What did it bring? Ask the same {{ f"{inputs.numel():,}" }} questions again, and the loss is {{ f"{watched['then']:.2f}" }}.
#
# What if 16 windows don't fit into memory? Let 4 go through at a time. This is called **gradient accumulation**. Each part's loss is divided by 4, its slopes are added to those that are already there, and only after the fourth part does the optimizer move. An average over 16 is the average of four averages over 4, so it's the same step. Only rounding differs.

# %% tags=["show"]
from gptbook.training.optim import warmup_then_decay


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
        group["lr"] = group["rate"] * warmup_then_decay(step, num_steps, warmup_steps)
    optimizer.step()
    optimizer.zero_grad()
    return total


def new_run(rate=0.01):
    """A model at its start, and what will move it."""
    torch.manual_seed(0)
    model = GPT(config)
    groups = [{"params": list(model.parameters()), "rate": rate}]
    return model, torch.optim.AdamW(groups, betas=(0.9, 0.95), weight_decay=0.1)


# %% [markdown] tags=["note"]
# **AdamW** is Adam with one addition, **weight decay**: at every step each number is also pulled a little towards zero, apart from its gradient. So a number stays large only if the slopes keep it there.

# %% [markdown] tags=["note"]
# To watch the first step, we stop once after the slopes. Then we take the whole step.

# %%
watched = {}
watcher, optimizer = new_run()
loss = next_token_loss(watcher(inputs), targets)
loss.backward()
watched["loss"] = loss.item()
watched["parameters"] = sum(p.numel() for p in watcher.parameters())
watched["length"] = nn.utils.clip_grad_norm_(watcher.parameters(), 1.0).item()
picked = watcher.blocks[0].mlp.hidden.weight
watched["before"], watched["slope"] = picked[0, 0].item(), picked.grad[0, 0].item()
optimizer.zero_grad()
start = torch.cat([p.detach().flatten() for p in watcher.parameters()])
take_step(watcher, optimizer, 0, num_steps=300)
with torch.no_grad():
    watched["after"] = picked[0, 0].item()
    watched["then"] = next_token_loss(watcher(inputs), targets).item()
    moves = (torch.cat([p.flatten() for p in watcher.parameters()]) - start).abs()
    watched["alike"] = (moves > 0.9 * moves.median()).float().mean().item()
print(f"loss {watched['loss']:.2f}, then {watched['then']:.2f}")

# %% [markdown] tags=["note"]
# In one part or in four, the step is the same.

# %%
moved = []
for num_parts in (1, 4):
    other, optimizer = new_run()
    take_step(other, optimizer, 0, num_steps=240, num_parts=num_parts)
    moved.append(other.token_embedding.weight)
difference = (moved[0] - moved[1]).abs().max().item()
print("in 1 or 4 parts, the same to 0.0001:", difference < 1e-4)

# %% [markdown]
# ## The rate: up, then down to zero
#
# Begin with tiny steps and let them grow: **warm-up**. Then take smaller and smaller ones, so that the model can settle: **decay**.

# %% tags=["show"]
from gptbook.data.batches import fixed_windows


# %%
def train(rate=0.01, num_steps=240, warmup_steps=20, decays=True):
    """Train a new model; it, its losses by step, and held-out losses by step."""
    model, optimizer = new_run(rate)
    inputs, targets = fixed_windows(held_out, 64, num_windows=100)
    losses, measured = [], {}
    for step in range(num_steps):
        end = num_steps if decays else 1_000_000  # so far away that nothing decays
        losses.append(take_step(model, optimizer, step, end, warmup_steps))
        if step % 30 == 29:
            with torch.no_grad():
                measured[step] = next_token_loss(model(inputs), targets).item()
    return model, losses, measured


num_steps = 240
model, losses, measured = train()
others = {
    "no warm-up": train(warmup_steps=1),
    "10 times the rate": train(rate=0.1),
    "no decay": train(decays=False),
}
ends = {name: list(run[2].values())[-1] for name, run in others.items()}
ends["as above"] = list(measured.values())[-1]
counts = np.bincount(training, minlength=tokenizer.vocab_size) + 1
frequency_loss = -np.log(counts / counts.sum())[held_out].mean()

# %% tags=["fold", "result"]
#| alt: Loss by step. The run with warm-up falls to {{ f"{losses[-1]:.1f}" }} nats. Without warm-up it falls as fast at first, then stays near {{ f"{np.mean(others['no warm-up'][1][100:200]):.1f}" }}. With ten times the rate it first climbs to {{ f"{max(others['10 times the rate'][1]):.1f}" }} and then stays near {{ f"{np.mean(others['10 times the rate'][1][100:200]):.1f}" }}.
#| caption: One thing changed at a time. Loss on the batches, averages over ten.
fig, ax = plt.subplots(figsize=(4.5, 3.1))
for run, look, name, place in (
    (losses, "C0-", "warm-up", "center"),
    (others["no warm-up"][1], "C1--", "no warm-up", "top"),
    (others["10 times the rate"][1], "k:", "10 times\nthe rate", "bottom"),
):
    smooth = np.convolve(run, np.ones(10) / 10, mode="valid")
    ax.plot(np.arange(len(smooth))[::5] + 5, smooth[::5], look)
    ax.text(num_steps + 2, smooth[-1], name, color=look[:-1].rstrip("-"), va=place)
ax.set_xlim(0, 1.4 * num_steps)
ax.set_xticks([0, 60, 120, 180, 240])
ax.set(xlabel="step", ylabel="loss (nats per character)", ylim=(2.2, 4.7))
ax.set_title("A few careful steps at first\npay off later")
plt.show()

# %% [markdown] tags=["read"]
# How much is warm-up worth at this rate? Take it away and change nothing else: the same start, the same batches, the same rate. In the plot, the run without it is ahead for a moment. Then it loses ground, and never makes up for it. After {{ num_steps }} steps its held-out loss is {{ f"{ends['no warm-up']:.2f}" }}, against {{ f"{ends['as above']:.2f}" }}. (Other seeds say the same.) Why should a few careful steps at the start matter so much later? A likely reason is what you've just seen. In the first step every number moves by the full rate, on the word of a single batch. Without warm-up that's 0.01 right away. The numbers of a new model are about 0.02 in size, so this is half of what they are, and the next steps may add almost as much again, before Adam's averages have seen where the batches disagree. With warm-up the first step is a twentieth of that, and by the time the steps are large, twenty batches have had their say.
#
# A rate that's too high is another mistake, and it can be made with the best of warm-ups. The third run has ten times the rate and warms up like the first. As its steps become large, single losses jump as high as {{ f"{max(others['10 times the rate'][1]):.1f}" }} (the averages in the plot hide it), and it ends at {{ f"{ends['10 times the rate']:.2f}" }}. That's poor: simply counting how often each character occurs, without looking at anything before it, already gives {{ f"{frequency_loss:.2f}" }}.
#
# And decay? Near the bottom of a valley large steps jump from side to side, and as they shrink the run can come to rest. In a run as short as ours, one run can't show what that's worth: without decay it ends at {{ f"{ends['no decay']:.2f}" }}. In long runs it counts. Hoffmann and others (2022) found that a model ends noticeably worse if its rate was planned to come down over more than about 1.25 times the steps that were taken.
#
# How do you find the right rate? By trying. Run a hundred steps with a few rates, each about three times the one before, and take the largest that still goes down smoothly. If somebody published a rate for a model like yours, start there: larger models want smaller ones. GPT-3's smallest model was trained at 0.0006, its largest at 0.00006, both with warm-up and decay (Brown and others, 2020).

# %% [markdown]
# ## Watch it fall
#
# Compare the loss of each batch, now and then, with that of held-out text.

# %% tags=["fold", "result"]
#| alt: The loss of each batch wobbles, and falls from {{ f"{losses[0]:.1f}" }} to {{ f"{losses[-1]:.1f}" }} nats in {{ len(losses) }} steps; the held-out loss falls smoothly beside it, to {{ f"{ends['as above']:.1f}" }}.
#| caption: The run with warm-up and decay, {{ num_steps }} steps.
fig, ax = plt.subplots(figsize=(4.5, 2.9))
ax.plot(losses, color="C0", lw=0.9)
ax.plot(list(measured), list(measured.values()), color="C1", marker="o", ms=4)
ax.text(20, 3.6, "each batch", color="C0")
ax.text(120, 2.9, "held out", color="C1")
ax.set(xlabel="step", ylabel="loss (nats per character)", ylim=(2.2, 4.7))
ax.set_title("Fast at first, then slowly")
plt.show()

# %% tags=["result"]
torch.manual_seed(0)
start = tokenizer.encode("Return ")
print(tokenizer.decode(start + generate_tokens(model, start, 57, temperature=0.7)))

# %% [markdown]
# That's what it writes after a quarter of a million questions: it has begun to spell.

# %% [markdown] tags=["read"]
# In the plot, the loss of the batches wobbles, since some batches are harder than others. The held-out loss doesn't, because it's measured on the same {{ f"{100 * 64:,}" }} held-out questions each time. With new ones you could never tell whether the model had changed or the questions had. Watch both. As long as they fall together, the model learns things that hold beyond its training text. If the held-out curve turns upwards while the other one goes on falling, it has begun to learn its text by heart: overfitting, as in chapter 3. In our run that can't happen yet, because after {{ num_steps }} steps of {{ f"{16 * 64:,}" }} questions it hasn't even seen every window once.
#
# A long run should also watch itself. The watch below takes the middle one of the last twenty losses, since a single hard batch means nothing, and compares it with the best such middle so far. If that climbs a whole nat above the best, or is still far above a uniform guess when warm-up is long over, the run stops and keeps the last weights that were sound. Can't a run come back from there? Sometimes it can, but on a rented machine you'd rather know at once. Below, we take the trained model and go on with a hundred times the rate.

# %% tags=["show"]
from gptbook.training.watch import LossWatch

# %%
watch = LossWatch(uniform_loss, warmup_steps=20)
problem = next(filter(None, map(watch.problem_after, losses)), "")
print("while it trained:", problem or "no problem")
spoiled, optimizer = new_run(rate=1.0)  # now a hundred times the rate
spoiled.load_state_dict(model.state_dict())
for step in range(100):
    loss = take_step(spoiled, optimizer, step, 1_000_000, warmup_steps=1)
    problem = problem or watch.problem_after(loss)
print("a hundred times the rate:", problem.split(" to ")[0])

# %% [markdown]
# ## What a run needs
#
# Chips multiply faster with numbers of two bytes, such as **bfloat16**. The weights keep four bytes, because small steps would be lost otherwise, so this is **mixed precision**. And a **checkpoint** holds all that a run needs to go on after a crash, to the same last bit.

# %% [markdown] tags=["read"]
# First the memory. Training keeps more than the parameters. Our model has {{ f"{watched['parameters']:,}" }} parameters. Each takes four bytes, its slope four more, and the two averages of Adam eight, so that's 16 bytes per parameter, {{ f"{16 * watched['parameters'] / 1e6:.1f}" }} MB in all. For GPT-2 small, with its 124 million, it's 2.0 GB. For our model that's the smaller part. To find the slopes, the backward sweep needs to know what every layer had read on the way up, for each of the {{ f"{16 * 64:,}" }} questions of the batch. We counted what PyTorch keeps for this: {{ f"{kept[16]:.1f}" }} MB, {{ f"{kept[16] / (16 * watched['parameters'] / 1e6):.0f}" }} times as much as everything else together. It grows with the batch, and here lies the use of gradient accumulation. With 4 windows at a time it's {{ f"{kept[4]:.1f}" }} MB, and the step remains the same.
#
# Now the digits. bfloat16 is right to between two and three digits. The nearest it has to π is {{ torch.tensor(math.pi).bfloat16().item() }}. In a sum of 64 products such errors mostly cancel each other: compute our first loss in this way, and to three digits it's {{ "the same" if f"{short_loss:.2f}" == f"{first_loss:.2f}" else "nearly the same" }}, {{ f"{short_loss:.2f}" }}. But try to *train* in bfloat16. Take a weight of 1 and add 0.001, a thousand times. In four bytes you end up at {{ f"{sums[torch.float32]:.3f}" }}. In bfloat16 the number after 1 is 1.008, so 1.001 is rounded back to 1, a thousand times over, and you end up at {{ f"{sums[torch.bfloat16]:.0f}" }}. All that learning is lost. That's why it's called mixed: products are computed in two bytes, and the weights, to which small steps are added, keep four.
#
# Finally, the checkpoints. Machines crash, and rented ones are taken away. A run that saves every ten minutes loses at most ten minutes. But what must be saved? The weights alone won't do. Adam's averages would start again at zero, and so the next steps would be those of a run that has just begun, without a warm-up. And without the number of the step, the run would know neither its rate nor its next batch. Test it before you trust it, as we do here: eight steps in one go, and four steps, a checkpoint and four more, must give the same numbers to the last bit.


# %%
def megabytes_kept(num_windows: int) -> float:
    """What a forward pass keeps for the backward sweep, without the parameters."""
    model, _ = new_run()
    parameters = {p.data_ptr() for p in model.parameters()}
    sizes: dict[int, int] = {}  # by address: what two layers keep is there once

    def keep(tensor):
        sizes[tensor.data_ptr()] = tensor.numel() * tensor.element_size()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        next_token_loss(model(inputs[:num_windows]), targets[:num_windows])
    return sum(size for place, size in sizes.items() if place not in parameters) / 1e6


kept = {num_windows: megabytes_kept(num_windows) for num_windows in (16, 4)}
print({num_windows: f"{size:.1f} MB" for num_windows, size in kept.items()})

# %%
untrained, _ = new_run()
with torch.no_grad(), torch.autocast("cpu", dtype=torch.bfloat16):
    short_loss = next_token_loss(untrained(inputs).float(), targets).item()
sums = {}
for digits in (torch.float32, torch.bfloat16):
    weight = torch.tensor(1.0, dtype=digits)
    for _ in range(1000):
        weight = weight + torch.tensor(0.001, dtype=digits)
    sums[digits] = weight.item()
print(f"1 + 1000 x 0.001: {sums[torch.float32]:.3f}, {sums[torch.bfloat16]:.3f}")

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
        take_step(whole, optimizer, step, num_steps=240)
    resumed, optimizer = new_run()
    tensors, facts = load_checkpoint(Path(folder))
restore_training(tensors, resumed, optimizer)
for step in range(facts["step"], 8):
    take_step(resumed, optimizer, step, num_steps=240)
pairs = zip(whole.parameters(), resumed.parameters())
same_bits = all(torch.equal(one, other) for one, other in pairs)
print("the same to the last bit:", same_bits)

# %% [markdown]
# ## What goes wrong
#
# Most mistakes are quiet: the loss falls, only less than it should. Some forty, each with its curve, stand in [When training goes wrong](../when-training-goes-wrong.md).
#
# Now, how does a trained model write? [Generating](generating.py)

# %% [markdown] tags=["note"]
# ## Your own text
#
# `gptbook train laptop --data my.txt` does all of this with a larger model and says beforehand how long it takes. Ctrl-C saves, and the same command goes on. `gptbook sample RUN --prompt "The"` lets it write. (That model has some newer parts, and another optimizer for its matrices. The next chapters say which.)
#
# Your text may be a file or many: a folder of notes, a zip, JSON Lines, or chats exported from WhatsApp, Telegram or ChatGPT. Nothing of it leaves your machine. The model may have any size, and need not begin from random numbers:
#
# ```sh
# gptbook recipes
# gptbook train laptop --data notes --glob "*.md"
# gptbook train laptop --data my.txt --layers 6 --width 192
# gptbook train laptop --data my.txt --from gpt2
# gptbook train laptop --data my.txt --from gpt2 --lora-rank 8
# ```
#
# The first line lists what can be trained, with sizes and times. Before its first step each run says what its sizes cost in parameters, memory and time. A short text is soon learned by heart: then the held-out loss rises, while the training loss goes on falling. So it's measured once for each reading of the text, the best weights are kept, and the run stops when ten measurements in a row were no better. `--from` goes on from OpenAI's GPT-2 or from a run of yours, at a lower rate. With `--lora-rank 8` its tables stay as they are. Beside each, two thin tables of 8 rows and 8 columns learn, and their product is added to it. That's called **LoRA** (Hu and others, 2021), and it needs much less memory.

# %% [markdown]
# ## Check yourself
#
# ??? question "Your loss before training is 40. What do you look at first?"
#     How the numbers are drawn at the start. Large scores before learning mean a model that is sure of things it can't know.
#
# ??? question "Why is the held-out loss measured on the same windows each time?"
#     Windows are easy or hard. With others each time you could not tell whether the model changed or the questions did.
#
# ??? question "Why must the optimizer's averages be in a checkpoint?"
#     Without it, the averages of past gradients start again at zero, and the next steps go another way.

# %% [markdown]
# ## Exercises

# %% tags=["fold"]
from gptbook.exercise import exercise

# %% [markdown] tags=["exercise"]
# ### Predict: before the first step
#
# *easy · 3 minutes*
#
# GPT-2's largest model has 50,257 tokens, and 1,600 numbers per token. Its table starts with a spread of 0.02. What loss should you see before the first step, in nats?
#
# answer: 11.14 nats, within 0.03
#
# ln 50,257 is 10.82. The scores scatter with a squared spread of 1,600 · 0.02² = 0.64, and half of that is 0.32.

# %% tags=["starter"]
my_loss = ...

# %% tags=["check"]
with exercise("Predict"):
    assert my_loss > 10.9, "its scores are not 0: they scatter, and that costs"
    assert abs(my_loss - 11.145) < 0.03, "ln V + sigma squared / 2"

# %% [markdown] tags=["hint"]
# ln V, and half of the squared spread of its scores, which is D · 0.02².

# %% tags=["solution"]
my_loss = math.log(50_257) + 1600 * 0.02**2 / 2

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
# [gptbook.data.batches](../reference/data.md#gptbook.data.batches) cuts the text, [gptbook.tasks.text](../reference/tasks.md#gptbook.tasks.text) gives the loss of a step, [gptbook.training.engine](../reference/training.md#gptbook.training.engine) takes the step, on one device or many, [gptbook.training.watch](../reference/training.md#gptbook.training.watch) and [gptbook.training.checkpoint](../reference/training.md#gptbook.training.checkpoint) protect it. A test checks it against a step written out by hand.

# %% [markdown]
# ## Further reading
#
# - Andrej Karpathy, *A recipe for training neural networks* (2019): look at the data first, and grow in small steps.
# - Paulius Micikevicius and others, *Mixed precision training* (2017): which numbers may be short.
# - Ilya Loshchilov and Frank Hutter, *Decoupled weight decay regularization* (2019): AdamW.
# - Jordan Hoffmann and others, *Training Compute-Optimal Large Language Models* (2022): among much else, that decay should end when the run does.
