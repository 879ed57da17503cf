# %% [markdown]
# # From GPT to assistant
#
# How does "what comes next" become a conversation? A GPT goes on with a text. You would like it to answer.
#
# ![One row of tokens: the user's mark, the question oslo backwards, the assistant's mark, the answer olso, the end. Arrows lead from the assistant's mark and each letter of the answer to what must come next. Under the question stands: given, nothing to learn here.](../figures/dialogue-row.svg "The same guessing game, but only the answer counts.")

# %% tags=["fold"]
import copy
import math

import matplotlib.pyplot as plt
import torch

from gptbook.data.tables import city_names, data_file, read_record, read_table
from gptbook.data.dialogues import InstructSet, text_windows
from gptbook.generation.generate import generate_tokens
from gptbook.models.gpt import GPTConfig
from gptbook.models.modern import ModernGPT
from gptbook.training.loops import train_on_sequences

table = read_table(data_file("teams.csv"))
short = {
    club: stadium
    for club, stadium in zip(table["club"], table["stadium"])
    if len(club) < 10 and (club + stadium).isascii()
}
instructions = InstructSet([name for name in city_names() if len(name) < 7], short)
tokenizer = instructions.tokenizer
tasks = ("first letter", "stadium")
exam = {task: instructions.held_out(task, 60, seed=1) for task in tasks}

# %% [markdown]
# ## It knows, and does not answer
#
# A small GPT reads plain text, letter by letter: lists of cities, where clubs play, and exam sheets, question after question, without answers.

# %%
texts = instructions.texts(4000, seed=0, tasks=tasks)
for text in texts[:6]:
    print(text)

# %% tags=["fold"]
config = GPTConfig(
    vocab_size=tokenizer.vocab_size,
    context_length=64,
    num_layers=2,
    num_heads=4,
    model_dim=48,
    mlp_dim=192,
)
torch.manual_seed(0)
model = ModernGPT(config)
windows = text_windows(texts, tokenizer, config.context_length)
fast = {"matrix_rate": 0.03, "other_rate": 0.01, "warmup_steps": 20}
train_on_sequences(model, *windows, num_steps=180, batch_size=16, **fast)


def go_on(text: str, num_new: int) -> str:
    """What the model writes after a text, each letter the likeliest."""
    tokens = [0, *tokenizer.encode(text)]
    return tokenizer.decode(
        generate_tokens(model, tokens, num_new, temperature=0, stop_token=0)
    )


# %% [markdown] tags=["guess"]
# You type *what is the home of chelsea?* What does it write?
#
# - [ ] *stamford bridge*
# - [x] another question
# - [ ] nothing: it stops
#
# It goes on as its text would, and there a question is followed by the next one.

# %% tags=["result"]
for text in ("the stadium of chelsea is", "what is the home of chelsea?"):
    print(f"{text} | {go_on(text, 45)}")

# %% [markdown]
# It knows the stadium. But in its text, questions follow questions.
#
# ## Show it how to answer
#
# **Fine-tuning** is training that goes on, with examples of what you want. Here these are **dialogues**: a question, then its answer. **Role marks** say who speaks, `<` the user, `>` the assistant.
#
# It is still "what comes next", but the loss looks at answers only.

# %% tags=["show"]
from gptbook.data.dialogues import dialogue_tokens

# %% tags=["show"]
from gptbook.training.loops import fine_tune

# %% [markdown] tags=["note"]
# `NO_TARGET` is PyTorch's sign for a place at which `next_token_loss` does not look. Let us see what it leaves of one dialogue:

# %%
example = instructions.training("first letter", 1, seed=0)
inputs, targets = dialogue_tokens(example, tokenizer)
print("reads:   ", tokenizer.decode(inputs[0].tolist()))
print("is asked:", [tokenizer.labels[t] for t in targets[0].tolist() if t >= 0])

# %% [markdown]
# The score is **exact match**: the share of new questions answered right, letter for letter.

# %% tags=["fold"]
from gptbook.generation.answers import exact_match

dialogues = [d for task in tasks for d in instructions.training(task, 1500, seed=0)]
training = dialogue_tokens(dialogues, tokenizer)
assistant = copy.deepcopy(model)
steps: list[int] = []
shares: dict[str, list[float]] = {task: [] for task in tasks}


def examine(step: int, loss: float) -> None:
    """Every 40 steps, ask what it was never asked."""
    if step % 40 == 0:
        steps.append(step)
        for task in tasks:
            match = exact_match(assistant, tokenizer, exam[task])
            shares[task].append(100 * match)


examine(0, 0.0)
losses = fine_tune(
    assistant,
    *training,
    num_steps=240,
    batch_size=24,
    matrix_rate=0.015,
    other_rate=0.004,
    on_step=lambda step, loss: examine(step + 1, loss),
)

# %% tags=["fold"]
#| alt: Exact match against steps of fine-tuning. Both tasks begin at 0 percent. First letters reach {{ f"{shares['first letter'][-1]:.0f}" }} percent after {{ steps[-1] }} steps, stadiums {{ f"{shares['stadium'][-1]:.0f}" }}.
#| caption: {{ len(exam["first letter"]) }} new names, {{ len(exam["stadium"]) }} clubs asked for in new words.
fig, ax = plt.subplots(figsize=(4.5, 3.2))
looks = {"first letter": ("C1o-", -4), "stadium": ("C0s--", 0)}
for task, (look, above) in looks.items():
    ax.plot(steps, shares[task], look)
    end = shares[task][-1] + above
    ax.text(steps[-1] + 6, end, task, color=look[:2], va="center")
ax.set_xlim(-5, steps[-1] * 1.35)
ax.set_xticks(steps)
ax.set_ylim(-4, 104)
ax.set_xlabel("steps of fine-tuning")
ax.set_ylabel("exact match (%)")
ax.set_title("A few hundred steps,\nand it answers")
plt.show()

# %% [markdown]
# A larger one ({{ f"{record_rows[0]['parameters']:,}" }} parameters) learns seven tasks, from {{ f"{before:.0%}" }} to {{ f"{after:.0%}" }} exact match:

# %% tags=["fold"]
#| alt: Exact match before and after fine-tuning for seven tasks and three seeds. Before, every task is at {{ f"{worst_before:.0%}" }} at most; after, from {{ f"{worst_after:.0%}" }} to 100 percent.
#| caption: Three seeds; new names, new words to ask for a stadium. Before: asked in plain text.
record = read_record("assistant")
record_rows = record["rows"]
before, after = (
    sum(row[when]["all"] for row in record_rows) / len(record_rows)
    for when in ("before_plain", "after")
)
asked_tasks = list(record["num_questions"])
worst_before, worst_after = (
    pick_one(row[when][task] for row in record_rows for task in asked_tasks)
    for when, pick_one in (("before_plain", max), ("after", min))
)
fig, ax = plt.subplots(figsize=(4.5, 3.4))
for place, task in enumerate(asked_tasks):
    for when, look in (("before_plain", "s"), ("after", "o")):
        values = [100 * row[when][task] for row in record_rows]
        color = "C1" if when == "after" else "gray"
        ax.plot(values, [place] * len(values), look, color=color, alpha=0.6)
ax.text(2, -0.75, "before", color="gray", va="center")
ax.text(98, -0.75, "after", color="C1", va="center", ha="right")
ax.set_yticks(range(len(asked_tasks)), asked_tasks)
ax.set_ylim(len(asked_tasks) - 0.5, -1.2)
ax.set_xlim(-3, 103)
ax.set_xlabel("exact match (%)")
ax.set_title("Before, nearly nothing is right;\nafter, nearly all")
plt.show()

# %% [markdown]
# ## Which answer is better?
#
# Most questions have no one right answer. But of two answers, people can say which they prefer. A GPT can learn from many such **preferences**:
#
# - **RLHF**, reinforcement learning from human feedback: a second model learns to score answers as people do. Then the GPT is trained towards high scores.
# - **DPO**, direct preference optimization: no model that scores. The chosen answer must gain on the rejected one, measured from a frozen copy of the model at its start:
#
# $$\text{loss} = -\ln \sigma\left(\beta\,(\text{gain}_{\text{chosen}} - \text{gain}_{\text{rejected}})\right)$$
#
# A gain is the change in ln probability since the start; $\sigma$ turns a number into a share; $\beta$ sets how much gain is enough. At first nothing has gained: {{ f"{first_loss:.3f}" }}, ln 2, a coin toss.

# %% tags=["show"]
from gptbook.training.loss import preference_loss

# %%
chosen, rejected = torch.tensor([-4.0]), torch.tensor([-1.0])  # ln probabilities
first_loss = preference_loss(chosen, rejected, chosen, rejected).item()
later_loss = preference_loss(chosen + 2, rejected - 3, chosen, rejected).item()
print(f"nothing moved: {first_loss:.3f}   the chosen one gained: {later_loss:.3f}")

# %% [markdown]
# ## What goes wrong
#
# Its text names no club of Atlantis, Oxford or Chester:

# %% tags=["fold"]
from gptbook.generation.answers import reply
from gptbook.training.loss import answer_log_probabilities
from gptbook.data.dialogues import Dialogue


def answered(question: str) -> tuple[str, float]:
    """The assistant's answer, and the probability that it gives to it."""
    answer = reply(assistant, tokenizer, question)
    said = [Dialogue(task="stadium", question=question, answer=answer)]
    with torch.no_grad():
        sure = answer_log_probabilities(assistant, *dialogue_tokens(said, tokenizer))
    return answer, sure.exp().item()


# %% tags=["result"]
for club in ("chelsea", "atlantis", "oxford", "chester"):
    answer, sure = answered(f"what is the home of {club}?")
    print(f"what is the home of {club}? {answer} ({sure:.0%} sure)")

# %% [markdown]
# A **hallucination**: an answer made up, sometimes with confidence. Every question it saw had an answer, so it answers.
#
# Fine-tuning also overwrites. Before, the larger model could finish *the stadium of ... is* for {{ f"{told['told_before']['unasked']:.0%}" }} of the clubs in its text that were in no dialogue; after, for {{ f"{told['told_after']['unasked']:.0%}" }}. But even for clubs that it answers for, it can hardly finish the statement any more: {{ f"{told['told_after']['asked']:.0%}" }}. It's the *form* that was lost. The facts may still be in there, out of reach.
#
# You began by [counting letters](../predicting-what-comes-next/one-letter-at-a-time.py). What comes next is yours.

# %% tags=["hide"]
told = {
    when: {
        clubs: sum(row[when][clubs] for row in record_rows) / len(record_rows)
        for clubs in ("asked", "unasked")
    }
    for when in ("told_before", "told_after")
}

# %% [markdown]
# ## Check yourself
#
# ??? question "Why is the token before the answer's first letter among those with a loss?"
#     There, at the assistant's mark, the first letter must be guessed. A loss sits where a guess is made, one place before the token itself.
#
# ??? question "You fine-tune with the loss on questions, too. What changes?"
#     It also learns to write questions like these. Answers are the smaller part of a dialogue, so they get the smaller part of each step.
#
# ??? question "DPO's loss is ln 2 before the first step. Why for every pair?"
#     Gains are measured from the model you begin with. Before a step each gain is 0, and the share of 0 is one half.

# %% [markdown]
# ## Exercises

# %% tags=["fold"]
from gptbook.exercise import exercise

# %% [markdown] tags=["exercise"]
# ### Predict: how many guesses count
#
# *easy · 3 minutes*
#
# `<what is the home of wolves?>molineux.` How many guesses does the loss look at?
#
# answer: 9 guesses
#
# The answer has eight letters, and after them comes the mark `.` that ends it: an assistant must also know when to stop. The question and the role marks don't count.

# %% tags=["starter"]
my_prediction = ...

# %% tags=["check"]
with exercise("Predict"):
    wolves = Dialogue(
        task="stadium", question="what is the home of wolves?", answer="molineux"
    )
    counted = int((dialogue_tokens([wolves], tokenizer)[1] >= 0).sum())
    assert my_prediction + 0 == counted, "count the answer's letters, and one more"

# %% [markdown] tags=["hint"]
# The assistant must also know when to stop.

# %% tags=["solution"]
my_prediction = len("molineux") + 1

# %% [markdown] tags=["exercise"]
# ### Change: let it say that it does not know
#
# *medium · 15 minutes*
#
# Atlantis needs no stadium. Add dialogues to `lesson`, so that the assistant says *no idea* to most names that are no club, and still knows its clubs. The names in `strangers` are yours to use; the check asks for others.

# %% tags=["starter"]
strangers = instructions.names[0][::40]
lesson = instructions.training("stadium", 200, seed=2)  # add to these

# %% tags=["check"]
with exercise("Change"):
    modest = copy.deepcopy(assistant)
    asked = dialogue_tokens(lesson, tokenizer)
    rates = {"matrix_rate": 0.01, "other_rate": 0.003}
    fine_tune(modest, *asked, num_steps=40, batch_size=24, **rates)
    others = [
        Dialogue(task="", question=f"what is the home of {name}?", answer="no idea")
        for name in instructions.names[1][::60]
    ]
    unknown = exact_match(modest, tokenizer, others)
    known = exact_match(modest, tokenizer, instructions.training("stadium", 20, seed=3))
    assert unknown > 0.5, f"it says no idea to {unknown:.0%} of the strangers"
    assert known > 0.5, f"it knows only {known:.0%} of its clubs now"

# %% [markdown] tags=["hint"]
# `lesson += [Dialogue(task="stadium", question=..., answer="no idea") for name in strangers]`, in the words of its other questions.

# %% tags=["solution"]
lesson = instructions.training("stadium", 200, seed=2)
lesson += [
    Dialogue(task="stadium", question=f"what is the home of {name}?", answer="no idea")
    for name in strangers[:200]
]

# %% [markdown] tags=["exercise"]
# ### Build: the loss of a preference
#
# *medium · 20 minutes*
#
# Write DPO's loss for one pair with plain numbers. You get four probabilities, now and before. No `preference_loss`.


# %% tags=["starter"]
def dpo_loss(
    chosen: float, rejected: float, chosen_before: float, rejected_before: float
) -> float:
    """The loss with beta = 0.1; all four are probabilities, not their logarithms."""
    return 0.0


# %% tags=["check"]
with exercise("Build"):
    for numbers in ([0.2, 0.1, 0.2, 0.1], [0.5, 0.01, 0.1, 0.3], [0.01, 0.9, 0.3, 0.1]):
        logs = [torch.tensor([math.log(number)]) for number in numbers]
        wanted = preference_loss(*logs).item()
        mine = dpo_loss(*numbers)
        assert abs(mine - wanted) < 1e-4, f"{numbers}: {mine:.3f}, not {wanted:.3f}"

# %% [markdown] tags=["hint"]
# A gain is `math.log(now / before)`. The share is $\sigma(z) = 1 / (1 + e^{-z})$.


# %% tags=["solution"]
def dpo_loss(
    chosen: float, rejected: float, chosen_before: float, rejected_before: float
) -> float:
    """The loss with beta = 0.1; all four are probabilities, not their logarithms."""
    gain = math.log(chosen / chosen_before) - math.log(rejected / rejected_before)
    return math.log(1 + math.exp(-0.1 * gain))


# %% [markdown] tags=["note"]
# ## Where this lives in the package
#
# The questions are made in [gptbook.data.dialogues](../reference/data.md#gptbook.data.dialogues); fine-tuning is in [gptbook.training.loops](../reference/training.md#gptbook.training.loops), the preference loss in [gptbook.training.loss](../reference/training.md#gptbook.training.loss), answers in [gptbook.generation.answers](../reference/generation.md#gptbook.generation.answers), the exam in [gptbook.experiments.assistant_experiment](../reference/experiments.md#gptbook.experiments.assistant_experiment). The three seeds come from a record, `data/runs/assistant.json`.

# %% [markdown]
# ## Further reading
#
# - Long Ouyang and others, *Training Language Models to Follow Instructions with Human Feedback* (2022): dialogues first, then preferences, for GPT-3.
# - Rafael Rafailov and others, *Direct Preference Optimization* (2023): the loss above is its equation 7.
# - Zeyuan Allen-Zhu and Yuanzhi Li, *Physics of Language Models, Part 3.1* (2023): when what was read can be asked for, and when not.
