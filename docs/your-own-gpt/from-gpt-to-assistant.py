# %% [markdown]
# # From GPT to assistant
#
# A GPT goes on with a text. You'd like it to answer. For that, it needs other texts.
#
# ![One row of tokens: the user's mark, the question oslo backwards, the assistant's mark, the answer olso, the end. Arrows lead from the assistant's mark and each letter of the answer to what must come next. Under the question stands: given, nothing to learn here.](../figures/dialogue-row.svg "Only the answer counts.")

# %% tags=["hide"]
from gptbook.models.modern import ModernGPT
from gptbook.training.loops import train_on_sequences

# %% tags=["fold"]
import copy
import math

import matplotlib.pyplot as plt
import pandas as pd
import torch

from gptbook.data.tables import city_names, data_file, read_record, read_table
from gptbook.data.dialogues import Dialogue, InstructSet, text_windows
from gptbook.generation.generate import generate_tokens
from gptbook.models.gpt import GPTConfig

table = read_table(data_file("teams.csv"))
short = {
    club: stadium
    for club, stadium in zip(table["club"], table["stadium"])
    if len(club) < 10
}
instructions = InstructSet([name for name in city_names() if len(name) < 7], short)
quiet = ["burnley", "fulham", "liverpool", "rangers"]  # in plain text only
instructions.unasked_clubs = quiet
instructions.clubs = sorted(instructions.stadiums.keys() - quiet)
tokenizer = instructions.tokenizer
tasks = ("first letter", "stadium")
exam = {task: instructions.held_out(task, 60, seed=1) for task in tasks}

# %% [markdown]
# ## It knows, and doesn't answer
#
# Our small GPT has read city names, sentences about where clubs play, and exam sheets without answers.

# %%
texts = instructions.texts(4000, seed=0, tasks=tasks)
for text in texts[:6]:
    print(text[:36] + "…" * (len(text) > 36))

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


def go_on(writer: ModernGPT, text: str, num_new: int) -> str:
    """What a model writes after a text, each letter the likeliest."""
    tokens = [0, *tokenizer.encode(text)]
    return tokenizer.decode(
        generate_tokens(writer, tokens, num_new, temperature=0, stop_token=0)
    )


# %% [markdown] tags=["guess"]
# You type *what is the home of chelsea?* What does it write?
#
# - [ ] *stamford bridge*
# - [x] another question
# - [ ] nothing: it stops
#
# In its text, a question is followed by the next one.

# %% tags=["result"]
for text in ("the stadium of chelsea is", "what is the home of chelsea?"):
    print(f"{text}\n   {go_on(model, text, 34).strip()}")

# %% [markdown] tags=["read"]
# It knows the stadium, since it can finish the sentence about it. But a question in its text stands on an exam sheet, and there the next question follows.

# %% [markdown]
# ## Show it how to answer
#
# **Fine-tuning** is training that goes on, with examples of what you want. Here they are **dialogues**, in which **role marks** say who speaks, `<` the user and `>` the assistant. The loss looks at the answers only.

# %% [markdown] tags=["read"]
# Take one dialogue, `<first letter of oslo?>o.`, and go through it token by token. In front stands the mark that begins every text, drawn as a dot. Then come `<`, the {{ num_letters }} letters of the question, `>`, the answer *o*, and the dot again, which ends the answer. The model reads all but the last, {{ num_read }} tokens, and at each it guesses the next one. In pre-training all {{ num_read }} guesses would count. Now only two do. At `>` the right guess is *o*, and at *o* it's the end. At the other {{ num_read - 2 }} places the target is a number that means "don't look here".
#
# What do the two guesses cost? Before fine-tuning the model gives *o* a probability of {{ f"{first_before:.2g}" }}, a surprise of {{ f"{-math.log(first_before):.1f}" }} nats, because it has never met the mark `>`. The end mark gets {{ f"{end_before:.2g}" }}, or {{ f"{-math.log(end_before):.1f}" }} nats. The loss of the dialogue is their mean, {{ f"{-(math.log(first_before) + math.log(end_before)) / 2:.1f}" }}. Then it's the [loop you know](../learning-from-examples/loss-and-training.py), and in the end it's {{ f"{-(math.log(first_after) + math.log(end_after)) / 2:.2g}" }}.

# %% tags=["show"]
from gptbook.data.dialogues import dialogue_tokens

# %% tags=["show"]
from gptbook.training.loops import fine_tune

# %% [markdown] tags=["note"]
# `NO_TARGET` is PyTorch's sign for a place at which `next_token_loss` does not look. Let us see what it leaves of the dialogue:

# %%
oslo = Dialogue(task="first letter", question="first letter of oslo?", answer="o")
inputs, targets = dialogue_tokens([oslo], tokenizer)
print("reads:", "".join(tokenizer.labels[t] for t in inputs[0].tolist()))
print("asked:", [tokenizer.labels[t] for t in targets[0].tolist() if t >= 0])

# %% tags=["fold"]
from gptbook.generation.answers import exact_match, reply
from gptbook.training.loss import answer_log_probabilities

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

# %% tags=["hide"]
num_read, num_letters = inputs.shape[1], len(oslo.question)


def two_chances(writer: ModernGPT) -> tuple[float, float]:
    """The probabilities of the answer's letter, and of its end."""
    with torch.no_grad():
        chances = writer(inputs)[0].softmax(dim=-1)
    places = (targets[0] >= 0).nonzero().flatten().tolist()
    first, end = (chances[place, targets[0, place]].item() for place in places)
    return first, end


first_before, end_before = two_chances(model)
first_after, end_after = two_chances(assistant)

# %% tags=["fold"]
#| alt: Exact match against steps of fine-tuning. Both tasks begin at 0 percent. First letters reach {{ f"{shares['first letter'][-1]:.0f}" }} percent after {{ steps[-1] }} steps, stadiums {{ f"{shares['stadium'][-1]:.0f}" }}.
#| caption: {{ len(exam["first letter"]) }} new names, {{ len(exam["stadium"]) }} clubs in new words.
fig, ax = plt.subplots(figsize=(4.5, 2.8))
looks = {"first letter": ("C1o-", -4), "stadium": ("C0s--", 4)}
for task, (look, above) in looks.items():
    ax.plot(steps, shares[task], look)
    end = shares[task][-1] + above
    ax.text(steps[-1] + 6, end, task, color=look[:2], va="center")
ax.set_xlim(-5, steps[-1] * 1.35)
ax.set_xticks(steps[::2])
ax.set_ylim(-4, 110)
ax.set_xlabel("steps of fine-tuning")
ax.set_ylabel("exact match (%)")
ax.set_title("A few hundred steps, and it answers")
plt.show()

# %% [markdown] tags=["read"]
# The plot's score is **exact match**, the share of new questions that are answered correctly, letter for letter. No dialogue had these names in it, and each club is asked for in words that no dialogue about it used. A larger model, with {{ f"{larger[0]['parameters']:,}" }} parameters, learns seven kinds of questions this way, and goes from {{ f"{before:.0%}" }} to {{ f"{after:.0%}" }} (three seeds).
#
# Why not let the loss look at the questions, too? Because then most of each step would go into learning to ask. How long is each training usually? GPT-3 read 300 billion tokens, and the fine-tuning that made InstructGPT of it began with about 13,000 prompts. So nearly all that such an assistant knows comes from pre-training.

# %% tags=["hide"]
larger = read_record("assistant")["rows"]
before, after = (
    sum(row[when]["all"] for row in larger) / len(larger)
    for when in ("before", "after")
)

# %% [markdown]
# ## What fine-tuning overwrites
#
# Of the nine clubs in its text, five were in dialogues; four stayed *quiet*. Dialogues alone wipe out the old sentences about all nine. Old text mixed in keeps most.

# %% tags=["result"]
for club in ("chelsea", "liverpool"):
    kind = "quiet" if club in quiet else "in dialogues"
    print(f"{club}, {kind}")
    for name, writer in (("before", model), ("after", assistant)):
        told = go_on(writer, f"the stadium of {club} is", 17)
        print(f"  {name:7}the stadium is {told.strip()}")
    print(f"  asked  {reply(assistant, tokenizer, f'what is the home of {club}?', 22)}")

# %% tags=["hide"]
rows = read_record("after_pretraining")["rows"]
of_clubs = [row for row in rows if row["model"] == "clubs"]
of_chats = [row for row in rows if row["model"] == "chats"]
of_codes = [row for row in rows if row["model"] == "code books"]


def mean_of(rows: list[dict], *path: str) -> float:
    """The mean over the seeds of what a record has under these keys."""
    found = []
    for row in rows:
        for key in path:
            row = row[key]
        found.append(row)
    return sum(found) / len(found)


def signed(rows: list[dict], *path: str) -> str:
    """The same, with one decimal and a true minus sign."""
    return f"{mean_of(rows, *path):.1f}".replace("-", "−")


def percent(rows: list[dict], *path: str) -> str:
    """The same, in percent."""
    return f"{mean_of(rows, *path):.0%}"


# %% tags=["fold"]
#| alt: How often a statement about a club is finished correctly, for three seeds. Before fine-tuning {{ percent(of_clubs, "scores", "before", "statement", "asked") }} for clubs in dialogues and {{ percent(of_clubs, "scores", "before", "statement", "quiet") }} for quiet ones; after dialogues only {{ percent(of_clubs, "scores", "dialogues", "statement", "asked") }} and {{ percent(of_clubs, "scores", "dialogues", "statement", "quiet") }}; with old text mixed in {{ percent(of_clubs, "scores", "mixed", "statement", "asked") }} and {{ percent(of_clubs, "scores", "mixed", "statement", "quiet") }}.
#| caption: Dots: three seeds. Lines: their mean.
fig, ax = plt.subplots(figsize=(4.5, 2.9))
ways = {
    "before": "before",
    "dialogues": "dialogues\nonly",
    "mixed": "old text\nmixed in",
}
for kind, look, shift in (("asked", "C1o", -0.06), ("quiet", "C0s", 0.06)):
    means = []
    for place, way in enumerate(ways):
        told = [100 * row["scores"][way]["statement"][kind] for row in of_clubs]
        ax.plot([place + shift] * len(told), told, look, alpha=0.5, ms=5)
        means.append(sum(told) / len(told))
    ax.plot([place + shift for place in range(3)], means, look[:2])
    label = "in dialogues" if kind == "asked" else "quiet"
    ax.text(
        2.15,
        means[-1] + (4 if kind == "asked" else -4),
        label,
        color=look[:2],
        va="center",
    )
ax.set_xticks(range(3), ways.values())
ax.set_xlim(-0.3, 3.1)
ax.set_ylim(-5, 110)
ax.set_ylabel("finished correctly (%)")
ax.set_title("Dialogues alone overwrite\nthe old sentences")
plt.show()

# %% [markdown] tags=["read"]
# The four quiet clubs look forgotten. But the sentences about the other five are lost as well, {{ percent(of_clubs, "scores", "dialogues", "statement", "asked") }} instead of {{ percent(of_clubs, "scores", "before", "statement", "asked") }}. Yet it answers {{ percent(of_clubs, "scores", "dialogues", "question", "asked") }} of the questions about them, so for these five, at least, only the *form* is lost.
#
# Are the facts still there, under the lost form? To find out, we put each of the nine stadiums after the unfinished sentence, and saw which one the model found likeliest. By chance that would be the right one in 11% of the cases. For the clubs in dialogues it's {{ percent(of_clubs, "scores", "dialogues", "likeliest", "asked") }}, and for the quiet ones {{ percent(of_clubs, "scores", "dialogues", "likeliest", "quiet") }}. Before the dialogues it was {{ percent(of_clubs, "scores", "before", "likeliest", "asked") }} and {{ percent(of_clubs, "scores", "before", "likeliest", "quiet") }}. That doesn't prove that the facts are gone, only that they can't be reached this way.
#
# The usual cure is to rehearse. If one in eight texts of each batch is old text, the sentences come out right in {{ percent(of_clubs, "scores", "mixed", "statement", "asked") }} and {{ percent(of_clubs, "scores", "mixed", "statement", "quiet") }}. It has its price: after as many steps, first letters are right in {{ percent(of_clubs, "scores", "mixed", "first letter") }} instead of {{ percent(of_clubs, "scores", "dialogues", "first letter") }}. And asked for a quiet club, the model is right in {{ percent(of_clubs, "scores", "dialogues", "question", "quiet") }} without old text and in {{ percent(of_clubs, "scores", "mixed", "question", "quiet") }} with it. No question about a quiet club had stood anywhere, not even on the exam sheets. Having read a fact in one form doesn't mean that it can be told in another.

# %% [markdown]
# ## Which answer is better?
#
# Of two answers, people can say which they like better, and a GPT can learn from such **preferences**. In **RLHF** a second model learns to score answers, and the GPT is trained towards high scores. In **DPO** the chosen answer simply has to gain on the rejected one.

# %% [markdown] tags=["read"]
# RLHF, reinforcement learning from human feedback, made the first assistants. The GPT writes several answers to a question, and people put them in order. Since nobody can read millions of answers, a second GPT, the reward model, learns from these comparisons to score an answer. Then the parameters move so that high scores get likelier.
#
# DPO, direct preference optimization, goes straight from the comparisons to the parameters. Say that people like *o, sir* better than *o*. At the start the model gives the polite answer a probability of 0.1 and the plain one 0.4. This model is frozen, and a copy of it learns. Some steps later the copy gives 0.3 to each. The loss asks how much each has gained:
#
# $$\text{loss} = -\ln \sigma\left(\beta\,(\text{gain}_{\text{chosen}} - \text{gain}_{\text{rejected}})\right)$$
#
# A gain is the logarithm of now divided by then: ln(0.3 / 0.1) = 1.10 for the chosen answer and ln(0.3 / 0.4) = −0.29 for the rejected one. The difference is 1.39. With $\beta$ = 1, the sigmoid $\sigma$ turns it into a share, $1 / (1 + e^{-1.39})$ = 0.80, and the surprise at that is −ln 0.80 = {{ f"{hand['gained']:.2f}" }}. Before the first step both gains are 0, the share is a half, and the loss is ln 2 = {{ f"{hand['start']:.2f}" }}.
#
# Why compare with the frozen start, and not simply ask that the chosen answer be likelier? A long answer is nearly always less likely than a short one, however good it is, so each is compared with its own start. And the start is a model that speaks properly, so the copy shouldn't move away from it further than it must. A large $\beta$ is soon content, so the copy stays near its start. With a small one the gains must move further apart: at 0.1, our example still has a loss of {{ f"{hand['beta 0.1']:.2f}" }}.

# %% tags=["show"]
from gptbook.training.loss import preference_loss

# %%
start = torch.tensor([0.1]).log(), torch.tensor([0.4]).log()
later = torch.tensor([0.3]).log(), torch.tensor([0.3]).log()
worse = torch.tensor([0.01]).log(), torch.tensor([0.001]).log()
hand = {
    "start": preference_loss(*start, *start, strictness=1.0).item(),
    "gained": preference_loss(*later, *start, strictness=1.0).item(),
    "beta 0.1": preference_loss(*later, *start, strictness=0.1).item(),
    "both fell": preference_loss(*worse, *start, strictness=1.0).item(),
}
for name, loss in hand.items():
    print(f"{name:10} {loss:.3f}")

# %% [markdown] tags=["read"]
# An assistant had met *o* and *o, sir* equally often in its last dialogues, and mostly said *o*. Now it got pairs in which the polite form was chosen. In {{ num_careful }} steps the loss fell from 0.69 to {{ f"{last_loss['careful']:.2f}" }}. Before, {{ percent(of_clubs, "preferences", "before", "says politely") }} of new questions got an answer that was right and polite, and now {{ percent(of_clubs, "preferences", "careful", "says politely") }} did (three seeds). This cost something, too: counting both forms, {{ f"{either_form('before'):.0%}" }} had been right, and now it was {{ f"{either_form('careful'):.0%}" }}.
#
# But the loss sees nothing but the *difference* of the gains. Suppose both answers fall, the chosen one from 0.1 to 0.01, the rejected one from 0.4 to 0.001. The loss is {{ f"{hand['both fell']:.3f}" }}, although the good answer has almost vanished. Pal and others showed in 2024 that this happens with large models, too. With ten times the rate and $\beta$ = 0.1 instead of 1, ours went that way. The polite form was likelier than the plain one for {{ percent(of_clubs, "preferences", "careless", "polite likelier") }} of the questions, and yet its mean ln probability had fallen from {{ signed(of_clubs, "preferences", "before", "polite") }} to {{ signed(of_clubs, "preferences", "careless", "polite") }}.

# %% tags=["hide"]
how = read_record("after_pretraining")["settings"]["clubs"]["preferring"]
num_careful = how["careful"]["num_steps"]


def either_form(word: str) -> float:
    """The share of right answers, polite or plain."""
    found = (mean_of(of_clubs, "preferences", word, f"says {form}") for form in forms)
    return sum(found)


forms = ("politely", "plainly")
last_loss = {
    word: sum(row["preferences"][word]["losses"][-1] for row in of_clubs)
    / len(of_clubs)
    for word in how
}

# %% [markdown]
# ## The prompt is its memory
#
# A chatbot seems to remember you. But a model doesn't change while you chat. A program gives it the whole chat again, as one row of tokens, at every turn.

# %% tags=["hide"]
import random

from gptbook.data.chats import (
    ASSISTANT,
    TOLD,
    USER,
    ChatSet,
    Turn,
    chat_prompt,
    chat_rows,
)
from gptbook.data.dialogues import any_of

# %% tags=["fold"]
chats = ChatSet()
pieces = chats.tokenizer
draw = random.Random(0)


def short_chat() -> list[Turn]:
    """A sum, a city's country, or a fact that is told and then asked."""
    topic = any_of(("self", "sum", "where"), draw)
    if topic != "self":
        return chats.exchange(topic, "", {}, draw, held_out=False)
    fact, name = any_of(tuple(TOLD), draw), any_of(chats.names[0], draw)
    return [
        Turn(role=USER, text=f"{fact} {name}"),
        Turn(role=ASSISTANT, text=f"ok, {name}"),
        Turn(role=USER, text=TOLD[fact]),
        Turn(role=ASSISTANT, text=name),
    ]


torch.manual_seed(0)
chatty = ModernGPT(
    GPTConfig(
        vocab_size=pieces.vocab_size,
        context_length=64,
        num_layers=2,
        num_heads=4,
        model_dim=64,
        mlp_dim=128,
    )
)
chat_training = chat_rows([short_chat() for _ in range(3000)], pieces)
chat_losses = fine_tune(
    chatty,
    *chat_training,
    num_steps=300,
    batch_size=32,
    matrix_rate=0.03,
    other_rate=0.008,
)

# %% [markdown] tags=["read"]
# We train another small GPT on short chats. Every name in them has four letters, and phrases that come again and again, such as *i live in* and *ok*, are single tokens. The names here are new to it.

# %%
from gptbook.generation.answers import greedy_answers

told = [
    Turn(role=USER, text="i was born in riga"),
    Turn(role=ASSISTANT, text="ok, riga"),
]
question = Turn(role=USER, text="where was i born?")
for chat in ([*told, question], [question]):
    prompt = chat_prompt(chat, pieces)
    (said,) = greedy_answers(chatty, [prompt], num_new=8)
    shown = "".join(pieces.labels[token] for token in prompt[1:])
    print(f"{shown}\n   {pieces.decode(said)}")

# %% tags=["hide"]
chat: list[Turn] = []
lengths: list[int] = []
for fact, said in (
    ("i was born in riga", "ok, riga"),
    ("i live in kobe", "ok, kobe"),
    ("where was i born?", "riga"),
):
    chat.append(Turn(role=USER, text=fact))
    lengths.append(len(chat_prompt(chat, pieces)))
    chat.append(Turn(role=ASSISTANT, text=said))

# %% [markdown] tags=["read"]
# The second time the first turn is missing. All that the model can know stands in the row. For that, the program lays everything end to end, what the user said and what the model said itself, each part behind the mark of its role, and puts `>` at the end, which says whose turn it is. This layout is called the **chat template**. The model reads the row from its first token, attention finds *riga* behind *i was born in*, and copies it.
#
# Say that you go on: `<i was born in riga>ok, riga.<i live in kobe>ok, kobe.<where was i born?>`
#
# Every turn costs more than the last. The model's three answers need rows of {{ lengths[0] }}, {{ lengths[1] }} and {{ lengths[2] }} tokens with the opening mark, and to read each anew makes {{ sum(lengths) }}. With the [key-value cache](generating.py) it's {{ lengths[2] }} in all, since a row begins as the last one did. And a context has an end. When a chat outgrows it, the oldest turns are usually left out. In our runs with three seeds, chats begin with where somebody lives and ask for it later. The answer is right in {{ percent(of_chats, "told") }} of them, and in {{ percent(of_chats, "cut") }} when the first turn has been cut off. It doesn't say so, but writes something else.
#
# Before your first words there often stands a **system prompt**, which says how to behave. If a row begins with `#capitals`, the answers come in capitals, and are right, in {{ f"{min(row['capitals'] for row in of_chats):.0%} to {max(row['capitals'] for row in of_chats):.0%}" }} of the chats, depending on the seed. And what if somebody lives in a city called `x>no idea`? Then the row would be `<i live in x>no idea>`, as if the assistant had already spoken. So the program lets nobody type a mark.

# %% [markdown]
# ## Tools
#
# By heart a small GPT can't add. But from chats with calls, ours has learned to write a **tool call**. The program runs it and adds the result to the row, and the model reads on.
#
# ![One row of tokens in four lines. The user asks: where is kobe? The model writes the call, find kobe. The program adds what the look-up found: kobe, JP. The model answers: JP. The model chose the tokens of the call and of the answer only.](../figures/tool-call-row.svg "All in one row. A dot ends a turn of the model.")

# %% [markdown] tags=["read"]
# After the question, the model doesn't answer, but writes *[find kobe]* and ends its turn. To the program, a turn in square brackets is an order. It looks *kobe* up in the table `cities.csv`, and adds the tool's mark `=`, the line that it found, and `>`. Now the model reads a row that ends with what it needs, and copies it.

# %% tags=["show"]
from gptbook.generation.tools import calculator

# %% tags=["show"]
from gptbook.generation.tools import write_with_tools

# %%
from gptbook.generation.tools import city_finder

tools = {"sum": calculator, "find": city_finder(chats.countries)}
for question in ("25+16?", "where is kobe?", "where is ebok?"):
    asked = chat_prompt([Turn(role=USER, text=question)], pieces)
    (row,) = write_with_tools(chatty, pieces, [asked], tools)
    print("".join(pieces.labels[token] for token in row[1:]))

# %% [markdown]
# New sums are right in {{ percent(of_chats, "sum") }} with the calculator and in {{ percent(of_chats, "sum by heart") }} by heart.

# %% [markdown] tags=["read"]
# (Three seeds; for *by heart*, calls are forbidden.) With the look-up the model can tell when there's nothing to know: to *no line* it says *no idea*, in {{ percent(of_chats, "no city") }} of such questions.
#
# What if the tool is wrong? We broke the calculator, so that every result was too high by one, and the model repeated the wrong result in {{ percent(of_chats, "wrong tool") }} of the sums. Ours believes what stands in its row, since no tool was ever wrong in its lessons. In **retrieval**, a program first searches for texts and puts them into the row. That text is believed as well, whoever wrote it.

# %% [markdown]
# ## Examples in the prompt
#
# A prompt can teach, too. Show a model some examples of a new task, and it goes on in their way, though no parameter changes. This is **in-context learning**.

# %% tags=["fold"]
#| alt: Right answers against examples shown, for three seeds. With 0 examples {{ f"{means[0]:.0f}" }} percent, with {{ shown[-1] }} examples {{ f"{means[-1]:.0f}" }}. The best possible is {{ f"{best[0]:.0f}" }} and {{ f"{best[-1]:.0f}" }}.
#| caption: Secret codes, letters for digits, that it never met. Dots: three seeds.
shown = read_record("after_pretraining")["settings"]["code books"]["num_examples"]
best = [100 * share for share in of_codes[0]["best"]]
means = [
    100 * sum(r["right"][i] for r in of_codes) / len(of_codes)
    for i in range(len(shown))
]
fig, ax = plt.subplots(figsize=(4.5, 2.8))
ax.plot(shown, best, color="gray", ls="--")
ax.text(5.9, 60, "best possible", color="gray", va="top")
for row in of_codes:
    ax.plot(shown, [100 * share for share in row["right"]], "C1o", ms=5, alpha=0.6)
ax.text(2.4, 22, "the model", color="C1")
ax.set_xticks(shown)
ax.set_ylim(0, 105)
ax.set_xlabel("examples in the prompt")
ax.set_ylabel("right answers (%)")
ax.set_title("It learns a new code from examples")
plt.show()

# %% [markdown] tags=["read"]
# The task is a secret code, in which each of the letters *a* to *h* means a digit. A row shows some letters with their digits, and then asks for one. After `b7e2a0b` the answer is 7, as the row has shown. After `b7e2a0c` nobody can know. In training each row had a code of its own, one of 100 million, so there was none to learn by heart.
#
# With {{ shown[3] }} of 8 letters shown, the letter that's asked is among them half of the time, and otherwise one guess in ten is right. So the best possible is ½ + ½ · ⅒ = {{ f"{best[3]:.0f}" }}%, and the model gets {{ f"{means[3]:.0f}" }}%. With all eight it gets {{ f"{means[-1]:.0f}" }}%. How, with the same parameters for every code? Probably by attention: the letter can look for the place where it stood before, and take what came next. Ours can do this one task; GPT-3 showed in 2020 that a large model of text picks up many.

# %% [markdown]
# ## Why it makes things up
#
# Ask for the home of a club that it never met, and our assistant makes one up. An answer that is made up is called a **hallucination**.


# %% tags=["fold"]
def answered_surely(question: str) -> tuple[str, float]:
    """The assistant's answer, and the probability that it gives to it."""
    said = reply(assistant, tokenizer, question, 30)
    whole = [Dialogue(task="stadium", question=question, answer=said)]
    with torch.no_grad():
        sure = answer_log_probabilities(assistant, *dialogue_tokens(whole, tokenizer))
    return said, sure.exp().item()


# %% tags=["result"]
for name in ("chelsea", "oxford", "chester", "atlantis"):
    said, sure = answered_surely(f"what is the home of {name}?")
    print(f"{name}: {said} ({sure:.0%} sure)")

# %% [markdown] tags=["read"]
# Where does it come from? The first row below is before fine-tuning, when a model can't answer yet, so there it had to finish *the stadium of … is*. (*Sure* is the median probability of what was said, over three seeds.)

# %% [markdown]
# What models answered, of {{ num_strangers }} such names:

# %% tags=["result"]
kinds = {"before": "plain text", "dialogues": "assistant", "modest": "with *no idea*"}
pd.DataFrame(
    [
        [
            percent(of_clubs, "strangers", kind, key)
            for key in ("real", "no idea", "sure")
        ]
        for kind in kinds
    ],
    index=[label.replace("*", "") for label in kinds.values()],
    columns=["a stadium", "no idea", "sure"],
)

# %% tags=["hide"]
clubs_settings = read_record("after_pretraining")["settings"]["clubs"]
num_strangers = len(of_clubs[0]["strangers"]["before"]["sureness"])

# %% [markdown] tags=["read"]
# In {{ percent(of_clubs, "strangers", "before", "real") }} it wrote one of the nine real stadiums, since in its text a stadium always follows there, and it wasn't very sure. Then came dialogues in which every question had an answer, and it became surer of everything. What it wrote about strangers got a median probability of {{ percent(of_clubs, "strangers", "dialogues", "sure") }} instead of {{ percent(of_clubs, "strangers", "before", "sure") }}, and what it wrote about its clubs {{ percent(of_clubs, "strangers", "dialogues", "known sure") }} instead of {{ percent(of_clubs, "strangers", "before", "known sure") }}. For large models there's another reason. Most tests that compare them count a wrong answer like none at all, so the model that guesses comes out ahead (Kalai and others, 2025).
#
# For the last row, it got {{ clubs_settings["refusing"]["num_steps"] }} more steps, with {{ clubs_settings["num_refusals"] }} names that are no club among the questions and *no idea* as the answer. To other such names it now says so in {{ percent(of_clubs, "strangers", "modest", "no idea") }}. The lesson has its price. For the five clubs in dialogues, right answers fell to {{ f"{min(row['scores']['modest']['question']['asked'] for row in of_clubs):.0%}" }} with one of the three seeds. And for the quiet clubs, of which it once read, it says *no idea* in {{ percent(of_clubs, "scores", "modest", "quiet refused") }}. We can't tell whether it has noticed that it doesn't know them, or has only learned which names belong to questions with answers.

# %% [markdown]
# ## Where the text comes from
#
# An assistant becomes what its examples are. For InstructGPT, about 40 people wrote and compared them.

# %% [markdown] tags=["read"]
# They compared answers to 33,000 prompts. A year later Alpaca learned from 52,000 examples that another assistant had written, and much has been made by models since. The text of pre-training comes mostly from the web: of what GPT-3 read, 60% was a filtered copy of it. Whether its authors have to be asked is fought over in court. In 2025 a judge in California held that learning from books is fair use and that keeping pirated ones isn't, and the company, Anthropic, settled for 1.5 billion dollars. And some of the work is hard: for one of OpenAI's filters, people in Kenya labelled violent and abusive texts for two dollars an hour at most. ([Sources](../sources.md).)

# %% [markdown]
# [What has changed since GPT-2 itself?](../since-then/what-changed-since-gpt-2.py)

# %% [markdown] tags=["note"]
# ## An assistant of your own
#
# The package does this with dialogues of yours. They stand in a file, one conversation on each line, in the form that most tools write:
#
# ```json
# {"messages": [{"role": "user", "content": "Who lives in the shoe?"}, {"role": "assistant", "content": "An old woman."}]}
# ```
#
# ```sh
# gptbook train assistant --data dialogues.jsonl --from gpt2
# gptbook chat runs/assistant-dialogues-from-gpt2
# gptbook export runs/assistant-dialogues-from-gpt2 --to gguf
# ```
#
# The first command fine-tunes OpenAI's GPT-2 with the loss on the answers only; after `--from` any run of yours will do, too. It keeps the weights that did best on conversations it never learned from. The second is a chat in the terminal: the whole row is read again at each turn, as in this chapter, `/reset` forgets it, and Ctrl-C stops an answer. The third writes a file that llama.cpp opens. `--to huggingface` writes a folder for transformers, with the chat template.

# %% [markdown]
# ## Check yourself
#
# ??? question "Why is the token before the answer's first letter among those with a loss?"
#     There, at the assistant's mark, the first letter must be guessed. A loss sits where a guess is made, one place before the token itself.
#
# ??? question "DPO's loss is ln 2 before the first step. Why for every pair?"
#     Gains are measured from the model you begin with. Before a step each gain is 0, and the share of 0 is one half.
#
# ??? question "A chatbot forgets what you said an hour ago, though its model hasn't changed. What happened?"
#     The row of the chat had become longer than the context, or than the program is willing to pay for, and the oldest turns were left out. What isn't in the row can't be attended to.
#
# ??? question "Which tokens of a tool call does the model choose, and which are put there for it?"
#     It chooses the call and the end of its turn, and later the answer. The result and the marks of the roles are added by the program around it, and there's no loss on them.

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
    fine_tune(modest, *asked, num_steps=80, batch_size=24, **rates)
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
# The questions are made in [gptbook.data.dialogues](../reference/data.md#gptbook.data.dialogues), the chats in [gptbook.data.chats](../reference/data.md#gptbook.data.chats), the codes in [gptbook.data.code_books](../reference/data.md#gptbook.data.code_books); fine-tuning is in [gptbook.training.loops](../reference/training.md#gptbook.training.loops), learning from preferences in [gptbook.training.preferences](../reference/training.md#gptbook.training.preferences), tools in [gptbook.generation.tools](../reference/generation.md#gptbook.generation.tools). What was measured with three seeds comes from two records, `data/runs/assistant.json` and [`data/runs/after_pretraining.json`](../data.md#after-pretraining).

# %% [markdown]
# ## Further reading
#
# - Long Ouyang and others, *Training Language Models to Follow Instructions with Human Feedback* (2022): dialogues first, then preferences, for GPT-3.
# - Rafael Rafailov and others, *Direct Preference Optimization* (2023): the loss above is its equation 7.
# - Timo Schick and others, *Toolformer: Language Models Can Teach Themselves to Use Tools* (2023): calls and results as tokens in the text.
# - Zeyuan Allen-Zhu and Yuanzhi Li, *Physics of Language Models, Part 3.1* (2023): when what was read can be asked for, and when not.
# - Adam Kalai and others, *Why Language Models Hallucinate* (2025): guessing pays, in training and in tests.
