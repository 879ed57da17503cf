# %% [markdown]
# # Learning from outcomes
#
# So far our models have learned from what somebody had written. But an answer is often easier to check than to write. Then a model can learn from its own attempts: try, check, and do more of what worked.
#
# ![Eight answers to 3+4*2+1, each with its reward. Two are right and have the reward 1, the others 0, and the average is 0.25. The right ones did better than the average by 0.75 and become likelier; the wrong ones did worse by 0.25 and become less likely.](../figures/try-check-reinforce.svg "One row, eight attempts.")

# %% [markdown]
# ## Scratch paper
#
# Take a pocket calculator whose display holds one digit. It works from left to right and keeps only the last digit of every result: in the row 3+4\*2+1, you see 7, 4, 5. Ask a small GPT what such a row shows in the end. If it must answer at once, it's right in {{ f"{statistics.fmean(right_by_way['direct']):.0%}" }} of them. If it may first write down every display on the way, it's {{ "always" if min(right_by_way["steps"]) == 1 else "nearly always" }} right.

# %% [markdown] tags=["read"]
# Work one out, from left to right: 3+4\*2+1. Three plus four is 7, and the display shows 7. Times two is 14, of which the calculator shows 4. Plus one is 5. So the answer is 5, and the way to it is 7, 4, 5.
#
# In the experiment each row has {{ num_digits }} digits, so there are {{ num_digits - 1 }} displays. We trained the same small GPT, with {{ f"{parameters:,}" }} parameters, in four ways. Each of them learned from rows out of a stock of {{ f"{record['settings']['num_rows']:,}" }}, and then worked out {{ record["settings"]["num_questions"] }} others that it had never seen. An answer is right if it ends, and its last digit is the right one.
#
# - *At once*: after the equals sign stands the answer alone, `5` in our example.
# - *At once, longer*: the same, with three times as many steps of training.
# - *Blanks*: `__5`. As many tokens as the next way has, but all except the last say nothing.
# - *Steps*: `745`, every display in its turn.

# %% tags=["fold"]
import copy
from collections import Counter
from collections.abc import Callable

import matplotlib.pyplot as plt
import torch

from gptbook.data.arithmetic import displays, draw_rows_of_digits
from gptbook.data.tables import read_record

record = read_record("outcomes")
num_digits = record["settings"]["num_digits"]
parameters = record["rows"][0]["parameters"]
right_by_way: dict[str, list[float]] = {}
for row_of_record in record["rows"]:
    right_by_way.setdefault(row_of_record["model"], []).append(row_of_record["strict"])
last_digits = Counter(
    displays(row)[-1] for row in draw_rows_of_digits(5000, num_digits, seed=0)
)
always = max(last_digits.values()) / last_digits.total()

# %% tags=["fold"]
#| alt: Share of unseen rows answered correctly, {{ len(right_by_way["steps"]) }} seeds for each way. {{ "; ".join(f"{name}: {min(right_by_way[way]):.0%} to {max(right_by_way[way]):.0%}" for way, name in ways.items()) }}. Always the same digit would reach {{ f"{always:.0%}" }}.
#| caption: A dot: one seed. Dashed: always answering the commonest digit.
ways = {
    "direct": "at once",
    "direct, longer": "at once, longer",
    "filler": "blanks",
    "steps": "steps",
}
fig, ax = plt.subplots(figsize=(4.5, 2.4))
for place, way in enumerate(ways):
    shares_right = [100 * share for share in right_by_way[way]]
    ax.plot(shares_right, [place] * len(shares_right), "C0o", alpha=0.7)
ax.axvline(100 * always, color="gray", linestyle="--", linewidth=1)
ax.set_yticks(range(len(ways)), list(ways.values()))
ax.set_ylim(len(ways) - 0.5, -0.5)
ax.set_xlim(0, 104)
ax.set_xlabel("unseen rows answered correctly (%)")
ax.set_title("What's written down can be used")
plt.show()

# %% [markdown] tags=["read"]
# Is it only that a longer answer gives the model more time? The blanks say no. They're just as long, so the model computes just as much before it answers, and yet it's no better than the one that answers at once. What counts is what's written.
#
# Why is that? The plain way to the last display is {{ num_digits - 1 }} calculations, one after the other, because each of them needs the result of the one before. Each block of a GPT can look back and work something out once, and ours has only {{ record["settings"]["config"]["num_layers"] }} blocks. But what it has written, it can read. In 3+4\*2+1, after writing the 7 it only has to find 7 times 2, which is one small thing, and then 4 plus 1, which is another. Every written token carries a result back to the bottom of the tower, and the climb begins anew.
#
# That is our explanation, and the experiment doesn't prove it. It shows only that steps help and blanks don't. There is even a way without steps. In 3+4\*2+1 it's 3·2 + 4·2 + 1 = 15, so 5: multiply each added digit by all the factors that come after it, and add up. A transformer with few blocks can do such things (Liu and others, 2023), but ours haven't found out how. For other tasks there's a proof, under widely held assumptions about computing in parallel, that a transformer of fixed depth fails once the task is long enough, unless it writes (Merrill and Sabharwal, 2023). Blanks aren't always useless, either: after a special training they've helped elsewhere (Pfau and others, 2024).
#
# In large models this was noticed earlier. Nye and others (2021) let models write their working on a *scratchpad*. Wei and others (2022) showed a large model a few worked examples in its prompt, and called what it then wrote a **chain of thought**. With one large model it was even enough to begin the answer with "Let's think step by step" (Kojima and others, 2022).

# %% [markdown]
# ## It finds out what pays
#
# People write both: answers with their working, and many more without. A model that has learned from such a mixture writes like the mixture. Can it find out for itself that it's worth writing the steps down? Let it draw several answers to each row. A program gives a **reward**, 1 if the answer is right and 0 if not. Then make those answers likelier that did better than the others. This is **reinforcement learning**.

# %% [markdown] tags=["read"]
# Let's train the model of this page on such a mixture. Its rows have five digits (the picture's have four), so that it takes seconds, and {{ f"{share_with_steps:.0%}" }} of the answers it learns from are written with the steps.

# %% tags=["fold"]
from gptbook.data.arithmetic import (
    arithmetic_tokenizer,
    as_written,
    row_prompts,
    row_targets,
    sloppy_check,
    strict_check,
)
from gptbook.experiments.outcomes_experiment import mixed_answers, shares
from gptbook.models.gpt import GPT, GPTConfig
from gptbook.training.loops import fine_tune

# %%
share_with_steps = 0.3
tokenizer = arithmetic_tokenizer()
rows = draw_rows_of_digits(20_000, num_digits=5, seed=0)
unseen = draw_rows_of_digits(400, num_digits=5, seed=1, held_out=True)
config = GPTConfig(
    vocab_size=tokenizer.vocab_size,
    context_length=24,
    num_layers=2,
    num_heads=4,
    model_dim=40,
    mlp_dim=160,
)
torch.manual_seed(0)
base = GPT(config)
mixture = mixed_answers(rows, share=share_with_steps, seed=0)
inputs, targets = row_targets(rows, mixture, tokenizer)
fine_tune(base, inputs, targets, 400, matrix_rate=0.03, other_rate=0.01)
print(f"{sum(p.numel() for p in base.parameters()):,} parameters, trained")

# %% [markdown] tags=["read"]
# How does it answer now? It writes the steps in {{ f"{before['steps']:.0%}" }} of its answers. When it does, it's right in {{ f"{before['steps_right'] / max(before['steps'], 0.01):.0%}" }} of the cases. When it doesn't, only in {{ f"{(before['strict'] - before['steps_right']) / max(1 - before['steps'], 0.01):.0%}" }}. All in all that makes {{ f"{before['strict']:.0%}" }}. Nobody has told it that the two things have to do with each other.
#
# Now go through the picture at the top. The model is given one row and draws eight answers to it, each token with the model's own probabilities. Two of the eight are right. (One of them is right without any working, by luck. The checker doesn't mind.) (The dot in the picture is the end mark.) The average reward is 2 / 8 = 0.25. A right answer beats that by 1 − 0.25 = 0.75. This is its **advantage**. A wrong one has 0 − 0.25 = −0.25. Notice that 2 · 0.75 − 6 · 0.25 = 0: in every group, what goes up and what goes down balance.
#
# How do you make an answer likelier? Its probability is the product of the probabilities of its tokens, so the ln of it is a sum, with a term for each token. You've worked with such sums since chapter 3. All of training was going downhill on −ln of the probability of the right token. Here it's the same, with two differences. The tokens are the model's *own*, and each answer counts as much as its advantage says:
#
# $$\text{loss} = -\text{advantage} \cdot \ln P(\text{answer})$$
#
# With an advantage of 0.75, going downhill makes the answer likelier. With −0.25, the sign turns around, and the answer becomes less likely. With 0 nothing happens at all, so a row that the model always gets right teaches it nothing, and neither does one that it never gets right. This is called the **policy gradient**. The *policy* is the model, seen as something that acts (Williams 1992, who called the method REINFORCE).
#
# No slope goes through the checker; only its verdict is used. So it can be any program, one that checks proofs, or the tests that a piece of code has to pass. All it has to say is how good an answer was.

# %% tags=["show"]

# %% tags=["show"]
from gptbook.training.policy_gradient import advantages_of

# %% [markdown] tags=["note"]
# The picture's eight answers get their advantages:

# %%
rewards = torch.tensor([[1.0, 0, 0, 1, 0, 0, 0, 0]])
print([round(a, 2) for a in advantages_of(rewards, "group")[0].tolist()])

# %% [markdown] tags=["note"]
# Answers are drawn with the cache of chapter 13. Then the loop: draw, check, one step.

# %% tags=["fold", "show"]
from gptbook.training.policy_gradient import sample_answers

# %% tags=["show"]
from gptbook.training.policy_gradient import learn_from_outcomes

# %%
moments = (0, 5, 10, 20, 35, 50)  # steps after which a copy is kept
num_new = 10  # tokens at most in an answer


def kept(model: GPT) -> GPT:
    """A copy in two bytes a number, as the page sends it."""
    return copy.deepcopy(model).half().float()


def learn(check: Callable[[str, str], bool]) -> dict[int, GPT]:
    """What the base has become after each of the moments."""
    model, copies = copy.deepcopy(base), {}

    def keep(step: int, *what: object) -> None:
        if step in moments:
            copies[step] = kept(model)

    steps = moments[-1]
    usual = {"num_rows": 24, "num_new": num_new, "learning_rate": 2e-3}
    learn_from_outcomes(model, rows, tokenizer, check, steps, **usual, on_step=keep)
    return {**copies, steps: kept(model)}


def scores_of(model: GPT) -> dict[str, float]:
    """Shares of one answer drawn to each unseen row."""
    generator = torch.Generator().manual_seed(1)
    answers = sample_answers(model, row_prompts(unseen, tokenizer), num_new, generator)
    return shares(unseen, as_written(answers, tokenizer))


runs = {"strict": learn(strict_check), "sloppy": learn(sloppy_check)}
curves = {
    name: [scores_of(model) for model in run.values()] for name, run in runs.items()
}
before, after = curves["strict"][0], curves["strict"][-1]

# %% [markdown] tags=["note"]
# (It learns twice: once from a strict checker, and once from a sloppy one, which comes in the next section.)

# %% [markdown] tags=["guess"]
# At first {{ f"{100 * before['strict']:.0f}" }} of 100 answers are right. And after {{ moments[-1] }} rounds?
#
# answer: {{ f"{100 * after['strict']:.0f}" }}, within 10
#
# Nearly all of them show their working by then, and in a working it makes few mistakes.

# %% [markdown]
# Now the model writes its working in {{ f"{after['steps']:.0%}" }} of its answers instead of {{ f"{before['steps']:.0%}" }}, and {{ f"{after['strict']:.0%}" }} are right. Nobody has shown it a single right answer in that time. Watch it answer:

# %% tags=["fold"]
#| widget: answers-and-rewards
#| alt: Share of right answers to unseen rows against rounds. With a strict check it rises from {{ f"{curves['strict'][0]['strict']:.0%}" }} to {{ f"{curves['strict'][-1]['strict']:.0%}" }}. With a sloppy one, {{ f"{curves['sloppy'][-1]['sloppy']:.0%}" }} of the answers are let through in the end, and {{ f"{curves['sloppy'][-1]['strict']:.0%}" }} are right.
#| caption: One model, learning from a strict or a sloppy check.
fig, ax = plt.subplots(figsize=(4.5, 2.8))
lines = [
    ("strict", "strict", "C0", "-", "right, strict check"),
    ("sloppy", "strict", "C1", "-", "right, sloppy check"),
    ("sloppy", "sloppy", "C1", "--", "let through by it"),
]
for name, score, colour, style, label in lines:
    points = [100 * found[score] for found in curves[name]]
    ax.plot(moments, points, style, color=colour, marker="o", markersize=3, label=label)
ax.set_ylim(0, 104)
ax.set_xlabel("rounds of learning from outcomes")
ax.set_ylabel("% of answers")
ax.legend(loc="best", frameon=False)
plt.show()

# %% [markdown] tags=["read"]
# Was that luck? Here is the same for {{ num_digits }} digits, with the larger model of the first experiment and three seeds:


# %% tags=["fold", "read"]
#| alt: Two lines for each of three seeds against rounds of learning, 0 to {{ len(group_curves[0]["strict"]) }}. Right answers rise from about {{ f"{statistics.fmean(c['strict'][0] for c in group_curves):.0%}" }} to {{ f"{statistics.fmean(c['strict'][-1] for c in group_curves):.0%}" }}; answers with steps from {{ f"{statistics.fmean(c['steps'][0] for c in group_curves):.0%}" }} to {{ f"{statistics.fmean(c['steps'][-1] for c in group_curves):.0%}" }}, and always earlier.
#| caption: Answers drawn while it learns. Dashed: the share with steps. Solid: the share that's right.
def draw_runs(curves: list[dict[str, list[float]]], dashed: str) -> plt.Axes:
    """The shares of right answers, and of something else, dashed, as they learn."""
    ax = plt.figure(figsize=(4.5, 3.0)).subplots()
    for curve in curves:
        ax.plot([100 * share for share in curve[dashed]], "C1--", lw=1.2)
        ax.plot([100 * share for share in curve["strict"]], "C0-", lw=1.2)
    ax.set_ylim(-3, 104)
    ax.set_xlabel("rounds of learning from outcomes")
    ax.set_ylabel("% of answers")
    return ax


learned = record["learned"]
group_curves = [row["learners"]["group"]["curve"] for row in learned]
ax = draw_runs(group_curves, "steps")
ax.text(2, 92, "with steps", color="C1")
ax.text(14, 55, "right", color="C0")
ax.set_title("More working, and with it\nmore right answers")
plt.show()

# %% [markdown] tags=["read"]
# (These are the rows that it learns from, and an answer counts as one with steps if it's as long. On rows that it never saw, it begins with {{ f"{min(first):.0%}" }} to {{ f"{max(first):.0%}" }} and ends with {{ f"{min(final['group']):.0%}" }} to {{ f"{max(final['group']):.0%}" }}.) Most of the gain in the first ten rounds comes from writing the working more often, in {{ f"{statistics.fmean(c['steps'][10] for c in group_curves):.0%}" }} of the answers instead of {{ f"{statistics.fmean(c['steps'][0] for c in group_curves):.0%}" }}. What remains between the two lines are mostly mistakes in the working, and they become rarer, too.
#
# Why compare an answer with its group? With the plain reward, wrong answers would have the weight 0, and right ones 1. That pushes in the right direction too, if you average over many draws. But it scatters more, because a row that's always answered correctly still pushes, for nothing. Subtracting what was to be expected takes out some of that noise. Does it change where things are going? Take two answers, with probabilities 0.9 and 0.1. Each time the first is drawn, the push raises its score by what it lacks, 1 − 0.9 = 0.1 (that's the slope of softmax). Each time the second is drawn, the push takes 0.9 off the first. In ten draws that's 9 · 0.1 − 1 · 0.9 = 0. So a push that is the same for every answer comes to nothing, and you may subtract it. What you subtract is called the **baseline**.
#
# That's the theory. Our experiment doesn't show the gain. The plain reward ended between {{ f"{min(final['reward']):.0%}" }} and {{ f"{max(final['reward']):.0%}" }}, the group between {{ f"{min(final['group']):.0%}" }} and {{ f"{max(final['group']):.0%}" }}, and with {{ "all" if num_plain_better == len(learned) else f"{num_plain_better} of the" }} {{ len(learned) }} seeds the plain reward was ahead. Perhaps it's because our rewards are only ever 0 or 1. The plain form then imitates the model's own right answers, which is a good idea when a third of all its answers are right from the start. (That's a guess.) A close relative of it is known as STaR (Zelikman and others, 2022).
#
# The form with groups comes from *DeepSeekMath* (Shao and others, February 2024), where it's called **GRPO**, group relative policy optimization. Before that, a second model was usually trained to estimate how much reward to expect, and here the other answers of the group do its work. GRPO also divides the advantage by the spread of the rewards in the group, and each answer's loss by its length. Dividing by the length means that each token of a long wrong answer is pushed down less than each of a short one, and Liu and others (2025) found that wrong answers then grow longer. Dividing by the spread gives very easy and very hard questions more weight, since their rewards hardly differ and the spread is small. Liu and others left out both, and so do we.

# %% [markdown]
# ## What goes wrong
#
# A model learns what the checker rewards, and that may not be what you meant. Let a sloppy checker look only whether the right digit stands *anywhere* in the answer. The reward rises as before. But in {{ num_cheating }} of {{ len(learned) }} runs the model writes more and more digits, and at most {{ f"{most_cheating:.0%}" }} are right in the end:

# %% tags=["fold"]
#| alt: The sloppy checker's reward and the share of right answers against rounds, three seeds. The reward rises to above {{ f"{min(c['reward'][-1] for c in sloppy_curves):.0%}" }} in all. The share of right answers falls to {{ f"{sorted(c['strict'][-1] for c in sloppy_curves)[0]:.0%}" }} and {{ f"{sorted(c['strict'][-1] for c in sloppy_curves)[1]:.0%}" }} in two, and reaches {{ f"{sorted(c['strict'][-1] for c in sloppy_curves)[2]:.0%}" }} in one.
#| caption: Three seeds. Dashed: what the sloppy checker rewards. Solid: what's right.
sloppy_curves = [row["learners"]["sloppy"]["curve"] for row in learned]
ax = draw_runs(sloppy_curves, "reward")
ax.text(1, 88, "rewarded", color="C1")
ax.text(36, 45, "right", color="C0")
ax.set_title("The reward rises, and what you\nwanted can be lost")
plt.show()

# %% [markdown] tags=["read"]
# What does it write? Here's the run that went furthest, on a row that it hadn't seen. (It's a row whose displays it got right, if there was one.)

# %%
cheat = min(learned, key=lambda row: row["learners"]["sloppy"]["strict"])
texts = cheat["learners"]["sloppy"]["shown"]
asked = next((row for row in texts if texts[row].startswith(displays(row))), None)
asked = asked or next(iter(texts))
print(f"{asked}=    displays: {displays(asked)}")
print(f"before:         {cheat['base']['shown'][asked]}")
print(f"after {len(sloppy_curves[0]['reward'])} steps: {texts[asked]}")

# %% [markdown] tags=["read"]
# Read the last line. {{ "It begins with all the displays, every one of them right. Then it goes on writing digits, up to the last of the 12 tokens that this experiment allowed." if texts[asked].startswith(displays(asked)) else "It writes on and on." }} How does it come to that? Probably so: in other rows a mistake had slipped into the working, and then every further digit was one more chance to hit the right one, so longer answers were rewarded more often, round after round. {{ len(texts[asked]) }} digits have a good chance of containing any digit you like. This is called **reward hacking**. There's nothing in the model that wants to deceive anybody. It was moved uphill on the reward, and at the top was something other than what you'd wanted.
#
# The third run hadn't found the trick after {{ len(sloppy_curves[0]["reward"]) }} rounds. That should worry you more than it comforts you. Whether a run cheats may hang on chance, so a checker that has worked once isn't proved to be good. On this page's own model you can see for yourself what the sloppy checker did: choose it in the piece above, and move the slider through the rounds.
#
# It happens elsewhere, too. In 2016 a program that had learned to play a boat race went round in circles in a lagoon, where it could hit the same targets again and again, and never finished. It had a fifth more points than human players (OpenAI, *Faulty reward functions in the wild*). In 2025, large models that were asked for a program that passes its tests had learned to pass them without solving the task (Baker and others).
#
# What helps? Check strictly, so that there's nothing to be had for free. Read what the model writes, and don't only look at the curve. And keep a second, honest score that training never sees. That's how you notice when the two part ways, as in our figure.

# %% [markdown]
# ## On a large scale
#
# Reasoning models such as DeepSeek-R1 came about like this: by attempts at problems whose answers a program can check. So what a model learns from need no longer be what somebody wrote. It can be what turned out well.

# %% [markdown] tags=["read"]
# OpenAI's o1 (September 2024) wrote long workings before it answered, but how it was trained hasn't been published. In January 2025 DeepSeek published how they'd made models that do so, too. The first, DeepSeek-R1-Zero, began as a plain pre-trained model of 671 billion parameters. It hadn't been fine-tuned on any answers (though the text that it had read is full of them). Two rules rewarded it: one asks whether the answer is right, the other whether the working stands between its marks. They used no learned model as a judge, for fear of reward hacking, as the report says. On a competition in mathematics (AIME 2024) its share of right answers at the first attempt rose from 15.6% to 71.0%, and its workings grew to thousands of tokens. It isn't certain that it *needed* all of them. Part of such growth can come from the division by length that we've left out.
#
# What does ours have in common with it? The idea of the loss, the groups, a checker that's a program, and the discovery that writing more pays. The differences are just as real. R1-Zero can draw on everything that it has read. Its problems have no fixed number of steps. It went back in its workings, doubted them and tried another way, which our rows never ask for. (R1 itself learned from written workings, too.) And where there's no program that can check an answer, for a poem or for advice, this way isn't open: there you're back with people's preferences, or with a model that stands in for them.
#
# This is where the book ends, and where the field is at work. You began by [counting which letter follows which](../predicting-what-comes-next/one-letter-at-a-time.py). Everything since then has been one question, asked better and better: what comes next? This last chapter has changed only where the answer comes from.

# %% tags=["live"]
from bookbuild.live import Chance, publish, publish_model

row = "3+4*2+1*3"  # the piece opens on it, as docs/widgets/answers-and-rewards.js says


@torch.no_grad()
def drawn_by_the_page(seed: int) -> list[str]:
    """Eight answers, with the chances that the page has for this seed."""
    answers = []
    for place in range(8):
        chance, read = Chance(8 * seed + place), [0, *tokenizer.encode(row + "=")]
        written: list[int] = []
        while len(written) < num_new and written[-1:] != [0]:
            scores = runs["strict"][0](torch.tensor([read + written]))[0, -1]
            written.append(chance.draw(scores.softmax(dim=-1)))
        answers.append("".join(tokenizer.labels[token] for token in written))
    return answers


def num_right(seed: int) -> int:
    return sum(strict_check(row, written) for written in drawn_by_the_page(seed))


# It opens on eight answers of which two are right, as in the chapter's example.
seed = next((seed for seed in range(40) if num_right(seed) == 2), 0)
about = {"numDigits": 5, "numNew": num_new, "steps": moments, "seed": seed}
drawn_curves = {
    name: {
        "at": moments,
        "right": [round(found["strict"], 4) for found in curve],
        "passing": [round(found["sloppy"], 4) for found in curve],
    }
    for name, curve in curves.items()
}
answers = drawn_by_the_page(seed)
publish("opening", {**about, "answers": answers, "curves": drawn_curves})
publish_model("base", runs["strict"][0], tokenizer, half=True)
for name, run in runs.items():
    for step in moments[1:]:
        publish_model(f"{name}-{step}", run[step], tokenizer, half=True)

# %% tags=["hide"]
first = [row["base"]["strict"] for row in learned]
final = {
    form: [row["learners"][form]["strict"] for row in learned]
    for form in ("reward", "group")
}
num_plain_better = sum(a > b for a, b in zip(final["reward"], final["group"]))
cheating = [
    row
    for row in learned
    if row["learners"]["sloppy"]["strict"] < row["base"]["strict"]
]
num_cheating = len(cheating)
most_cheating = max(
    row["learners"]["sloppy"]["curve"]["strict"][-1] for row in cheating
)

# %% [markdown]
# ## Check yourself
#
# ??? question "All eight answers to a row are right. What does the model learn from them?"
#     Nothing. The average is 1, so every advantage is 0. The same holds if all eight are wrong.
#
# ??? question "The blanks are as long as the steps. Why don't they help?"
#     They give the model time, but nothing to read. What it has worked out so far isn't written in them.
#
# ??? question "The reward rises steadily. What can you conclude?"
#     That the checker is satisfied more and more often. Whether the answers are good is another question: look at some of them, and at a score that the training doesn't see.

# %% [markdown]
# ## Exercises

# %% tags=["fold"]
from gptbook.exercise import exercise

# %% [markdown] tags=["exercise"]
# ### Predict: an advantage
#
# *easy · 3 minutes*
#
# The model draws ten answers to a row, and nine are right. What's the advantage of the wrong one?
#
# answer: −0.9
#
# The average reward is 9 / 10 = 0.9, and its own is 0. The nine right ones have 0.1 each. A rare mistake weighs much, and common successes weigh little.

# %% tags=["starter"]
my_advantage = ...

# %% tags=["check"]
with exercise("Predict"):
    ten = torch.tensor([[1.0] * 9 + [0.0]])
    wanted = advantages_of(ten, "group")[0, -1].item()
    assert abs(my_advantage - wanted) < 1e-3, "its own reward, less the average"

# %% [markdown] tags=["hint"]
# Its own reward is 0. What's the average of all ten?

# %% tags=["solution"]
my_advantage = 0 - 9 / 10

# %% [markdown] tags=["exercise"]
# ### Change: a checker that can't be fooled
#
# *easy · 10 minutes*
#
# `my_check` lets an answer pass if the right digit stands anywhere in it. Change it so that no answer passes except the last display followed by the end mark, with or without working before it.


# %% tags=["starter"]
def my_check(row: str, written: str) -> bool:
    """Whether the answer to the row is right. A dot is the end mark."""
    return displays(row)[-1] in written


# %% tags=["check"]
with exercise("Change"):
    for text, wanted_verdict in (
        ("5.", True),
        ("745.", True),
        ("7453", False),
        ("54.", False),
        ("745", False),
        (".", False),
    ):
        found = my_check("3+4*2+1", text)
        assert found == wanted_verdict, f"3+4*2+1={text} passes: {found}"

# %% [markdown] tags=["hint"]
# `written.endswith(...)`: what are the last two characters of a right answer?


# %% tags=["solution"]
def my_check(row: str, written: str) -> bool:
    """Whether the answer to the row is right. A dot is the end mark."""
    return written.endswith(displays(row)[-1] + ".")


# %% [markdown] tags=["exercise"]
# ### Build: advantages
#
# *medium · 15 minutes*
#
# Write `my_advantages(rewards)` for lists of numbers: a row of rewards for each question. What each answer did better than the average of its own row. No `advantages_of`.


# %% tags=["starter"]
def my_advantages(rewards: list[list[float]]) -> list[list[float]]:
    """By question and answer: the reward, less the average of its question."""
    return rewards


# %% tags=["check"]
with exercise("Build"):
    for given in ([[1.0, 0, 0, 1]], [[1.0, 1], [0, 0]], [[0.5, 0, 1], [1, 0, 0]]):
        wanted_rows = advantages_of(torch.tensor(given), "group")
        mine = torch.tensor(my_advantages([list(map(float, one)) for one in given]))
        assert torch.allclose(mine, wanted_rows, atol=1e-4), f"{given}: {mine.tolist()}"

# %% [markdown] tags=["hint"]
# `sum(row) / len(row)` is the average of a row.


# %% tags=["solution"]
def my_advantages(rewards: list[list[float]]) -> list[list[float]]:
    """By question and answer: the reward, less the average of its question."""
    means = [sum(row) / len(row) for row in rewards]
    return [[reward - mean for reward in row] for row, mean in zip(rewards, means)]


# %% [markdown] tags=["note"]
# ## Where this lives in the package
#
# The calculator's rows and checks are in [gptbook.data.arithmetic](../reference/data.md#gptbook.data.arithmetic), the policy gradient in [gptbook.training.policy_gradient](../reference/training.md#gptbook.training.policy_gradient), the experiment in [gptbook.experiments.outcomes_experiment](../reference/experiments.md#gptbook.experiments.outcomes_experiment). The runs are in `data/runs/outcomes.json`; `gptbook ladder outcomes` makes them again.

# %% [markdown]
# ## Further reading
#
# - Maxwell Nye and others, *Show your work: scratchpads for intermediate computation with language models* (2021).
# - Ronald Williams, *Simple statistical gradient-following algorithms for connectionist reinforcement learning* (1992): the policy gradient.
# - DeepSeek-AI, *DeepSeek-R1: incentivizing reasoning capability in LLMs via reinforcement learning* (2025).
# - Zichen Liu and others, *Understanding R1-Zero-like training: a critical perspective* (2025): what the divisions do.
# - Bowen Baker and others, *Monitoring reasoning models for misbehavior and the risks of promoting obfuscation* (2025): large models that cheat, and what happens if you punish them for thinking of it.
