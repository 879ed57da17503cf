# %% [markdown]
# # Long range
#
# In the text below, the last words are the name of a stadium. It's known long before, since it's the stadium of the club near the beginning. But a window sees only the last few words.
#
# ![Four lines of words: My father is a Manchester United fan who likes old films, cooks soup with friends and reads long novels. He saw their home game at Old Trafford. Arrows lead around the middle lines, from father to He, and from Manchester United to their and to Old Trafford.](../figures/long-range.svg "*He* follows from *father*; *their* and the stadium follow from the club. The gray words decide nothing.")

# %% [markdown]
# ## A dial for the distance
#
# When a word depends on one far back, that's a **long-range dependency**. We follow one, from a football club to its stadium. A **grammar**, a set of rules, writes thousands of sentences for that, and in them the distance can be set. Ours knows 20 real clubs and their stadiums.

# %% [markdown] tags=["read"]
# Here each word is one token, and so is a whole name, or a comma.
#
# Think of the grammar as a board game. You start at *my*, and a throw of the dice picks a relative. Next come the words *is a*, then a club (the dice again), then *fan*. From there on each word lists what may follow it, and the dice decide. After *likes* you may go to *films*, *jazz*, *tea* or *old*. After *soup* the sentence may turn to its end, with a semicolon. Otherwise the next word is *and*, *with*, *on* or a comma. How long that lasts is up to the dice, unless we ask for a certain distance.
#
# All these rules look at nothing but the word before, so a table of word pairs could learn them. Two rules are different. After the semicolon comes *he* if the relative at the start was a man, and *she* if it was a woman. And the last word of the sentence is the stadium of the club that was named. There the dice have no say. If you remember the club, you know the stadium. If you don't, the words in between give no hint at all.

# %% tags=["show"]
from gptbook.data.clubs import next_word_table

# %%
for word in ("likes", "soup"):
    print(word, "->", next_word_table()[word])

# %% tags=["fold"]
from collections import Counter

import matplotlib.pyplot as plt
import pandas as pd
import torch

from gptbook.data.clubs import ClubGrammar
from gptbook.models.ngram import NextTokenModel, NgramCounts, NgramNet, context_windows
from gptbook.data.tokenizer import WordTokenizer
from gptbook.training.loops import train_on_batches

grammar = ClubGrammar()
tokenizer = WordTokenizer(grammar.words)

# %% [markdown]
# The **gap** is the number of words between the club and the stadium, counting commas and semicolons. It's 4 at least:

# %% tags=["result"]
for gap in (4, 10, 20):
    (sentence,) = grammar.sentences(1, seed=3, gap=gap)
    print(f"{gap}: {' '.join(sentence)}.")

# %% [markdown]
# ![The sentence my father is a Manchester United fan who likes old films and cooks soup; he saw them at, then a question mark. A frame holds the last eight words. Manchester United stands before it.](../figures/window-too-short.svg "Eight words of context, and the one that matters is not among them.")

# %% tags=["fold"]
training = grammar.sentences(20_000, seed=0)
gaps = [*range(4, 14), 16, 20, 25, 30, 35, 40]
new_sentences = {gap: grammar.sentences(2_000, seed=gap, gap=gap) for gap in gaps}

# %% [markdown] tags=["note"]
# The model sees the words just before the stadium, and answers with the likeliest of all words, not only of stadiums.


# %%
def accuracy(model: NextTokenModel, width: int, sentences: list[list[str]]) -> float:
    """The share of sentences in which the model's first choice is the right stadium."""
    rows = [[0] * width + tokenizer.encode(sentence) for sentence in sentences]
    contexts = torch.tensor([row[-1 - width : -1] for row in rows])
    stadiums = torch.tensor([row[-1] for row in rows])  # the last word
    choices = model.probabilities(contexts).argmax(dim=1)
    return (choices == stadiums).double().mean().item()


# %%
def train_net(sentences: list[list[str]], width: int, num_steps: int) -> NgramNet:
    """A net that sees the last words, trained on the sentences."""
    torch.manual_seed(0)
    vocab_size = tokenizer.vocab_size
    net = NgramNet(vocab_size, width, embedding_dim=16, hidden_dim=64)
    windows = context_windows(sentences, tokenizer, width)
    train_on_batches(net, *windows, num_steps, batch_size=256, learning_rate=4e-3)
    return net


# %% [markdown] tags=["read"]
# Be the table for a moment. You have learned from many sentences, and you keep a row for every eight words that you've met, with a count of what came next. Now somebody shows you *and cooks soup ; he saw them at*, the words in the frame, and asks for the next one. You find the row. It counts the stadiums that followed these very words. Fans of many clubs used them, so many stadiums stand in the row, each a few times at most, and nothing in it says which one is yours. You can say with certainty that a stadium comes next. But whichever you pick, you're right about one time in {{ len(grammar.stadiums) }}.
#
# More training doesn't help. With a thousand times as many sentences, all {{ len(grammar.stadiums) }} stadiums would be there about equally often. What's missing isn't experience. It's a word.

# %% [markdown]
# Tables of 2, 5 and 8 words of context, and a net of 12, learn from {{ f"{len(training):,}" }} sentences. How far does each follow the club?

# %% [markdown] tags=["guess"]
# As long as the gap is at most 11 words, the net of 12 is right in at least {{ int(20 * inside) * 5 }}% of new sentences. What percentage does it get right at a gap of 12?
#
# answer: {{ f"{1 / len(grammar.stadiums):.0%}" }}, within 3
#
# The club has just left the window, and with it all that the net could know. What's left is a guess among {{ len(grammar.stadiums) }} stadiums.

# %%
models = {}
for width in (2, 5, 8):
    windows = context_windows(training, tokenizer, width)
    models[width] = NgramCounts(width, tokenizer.vocab_size).fit(*windows)
models[12] = train_net(training, width=12, num_steps=2000)
right = {
    width: {
        gap: accuracy(model, width, sentences)
        for gap, sentences in new_sentences.items()
    }
    for width, model in models.items()
}

# %% tags=["fold"]
#| alt: Accuracy against the gap, from 4 to 40. The table of 2 words is at chance throughout. The tables of 5 and 8 words and the net of 12 are right at first; each drops to chance where the gap is as wide as its window, and stays there.
#| caption: {{ f"{len(new_sentences[4]):,}" }} new sentences for each gap.
fig, ax = plt.subplots(figsize=(4.5, 3.4))
chance = 1 / len(grammar.stadiums)
for width, color, style in ((2, "C3", "^:"), (5, "C0", "o-"), (8, "C2", "s-")):
    share = [100 * right[width][gap] for gap in gaps]
    ax.plot(gaps, share, color + style, markersize=4, label=f"table, {width} words")
net_share = [100 * right[12][gap] for gap in gaps]
ax.plot(gaps, net_share, "C1D-", markersize=4, label="net, 12 words")
ax.legend(loc="upper right", bbox_to_anchor=(1.03, 0.97))
ax.plot([4, 40], [100 * chance] * 2, color="gray", linestyle="--", zorder=0)
ax.text(40, 9, f"chance: 1 in {len(grammar.stadiums)}", color="gray", ha="right")
ax.set_xscale("log")  # the first steps matter most
ax.set_xlim(3.8, 42)
ticks = [4, 5, 8, 12, 20, 40]
ax.set_xticks(ticks, [str(gap) for gap in ticks])
ax.set_xticks([], minor=True)
ax.set_ylim(0, 105)
ax.set_xlabel("gap (words, logarithmic scale)")
ax.set_ylabel("right stadium (%)")
ax.set_title("Beyond its window,\nevery model guesses")
plt.show()
beyond = [right[w][gap] for w in right for gap in gaps if gap >= w]
inside = min(right[12][gap] for gap in gaps if gap < 12)

# %% tags=["live"]
#| widget: gap
#| alt: A sentence about a Manchester United fan, and the question which stadium it names. A window shows the model the last eight words. The club is the ninth, so the likeliest five of {{ len(grammar.stadiums) }} stadiums get {{ f"{still[-1]:.0f}" }} to {{ f"{still[0]:.0f}" }} percent each.
#| caption: The same models, asked for the stadium in one sentence per gap.
from bookbuild.live import publish

clubs = list(grammar.stadiums)
stadium_ids = tokenizer.encode(list(grammar.stadiums.values()))
from_club = Counter(tuple(sentence[4:-1]) for sentence in training)
pattern = "my father is a - fan who likes old films and cooks soup ; he saw them at"


def likeness(sentence: list[str]) -> tuple[int, int]:
    """How many words it begins with as the pattern; how often training has its rest."""
    same = [a == b or b == "-" for a, b in zip(sentence, pattern.split())]
    often = from_club["Manchester United", *sentence[5:-1]]
    return [*same, False].index(False), often


asked_words = [max(new_sentences[gap], key=likeness)[:-1] for gap in range(4, 14)]
guesses: dict[int, list] = {width: [] for width in models}
for gap, before in enumerate(asked_words, start=4):
    for width, model in models.items():
        some = clubs if gap < width else clubs[:1]  # beyond the window all are one
        rows = [[*before[:4], club, *before[5:]] for club in some]
        ids = torch.tensor([[0] * width + tokenizer.encode(row) for row in rows])
        shares = model.probabilities(ids[:, -width:])[:, stadium_ids]
        guesses[width].append((1000 * shares).round().int().tolist())
opening = {
    "stadiums": grammar.stadiums,
    "sentences": [" ".join([*row[:4], "-", *row[5:]]) for row in asked_words],
    "guesses": guesses,
    "right": {w: [round(right[w][gap], 3) for gap in range(4, 14)] for w in models},
    "asked": len(new_sentences[4]),
}
publish("opening", opening)
order = sorted(zip(guesses[8][4][0], grammar.stadiums.values()), reverse=True)[:5]
still = [share / 10 for share, _ in order]
asked_text = " ".join([*asked_words[4][5:], "?"])
fig, ax = plt.subplots(figsize=(4.5, 2.6))
ax.barh(range(5), still, color="C0")
ax.set_yticks(range(5), [name for _, name in order])
ax.invert_yaxis()
ax.set_xlim(0, 100)
ax.set_xlabel("probability (%), table of 8 words")
ax.set_title(f"... Manchester United\n[{asked_text}]", fontsize=10)
plt.show()

# %% [markdown]
# While the club is in the window, a model can answer. When the gap is as long as the window, the club stands one word too far back. From there on every model is right in only {{ f"{100 * min(beyond):.0f}" }} to {{ f"{100 * max(beyond):.0f}" }}% of the sentences, which is chance.

# %% [markdown] tags=["read"]
# Where exactly does that happen? In the box above you can set the gap and see. At a gap of 7, the last eight words are the seven in the gap and, just at the edge, the club. At a gap of 8 the club is out. So a window of 8 words carries up to a gap of 7, and in general it must hold one word more than the gap. That's a cliff, not a slope: at 7 the table of 8 words is right in {{ f"{right[8][7]:.0%}" }} of the sentences, and at 8 in {{ f"{right[8][8]:.0%}" }}.
#
# But look closely at the line of that table. It has begun to sag at 7 already, although the club is in plain view there. For that there's another reason, and it's the subject of the next section.

# %% [markdown]
# ## What goes wrong
#
# Does a wider window help? For a few words more, yes.

# %% [markdown] tags=["read"]
# But a table must have met the very same window before, and that soon fails:

# %% tags=["fold", "read"]
#| alt: Share of windows from club to stadium that training sentences hold, against the gap. It falls from {{ f"{known[4]:.0%}" }} at a gap of 4 to under one in a hundred at {{ first_rare }}.
#| caption: Windows that reach back to the club, in new sentences.
seen = {tuple(sentence[4:-1]) for sentence in training}  # from the club on
known = {
    gap: sum(tuple(s[4:-1]) in seen for s in sentences) / len(sentences)
    for gap, sentences in new_sentences.items()
}
first_rare = next(gap for gap in gaps if known[gap] < 0.01)
fig, ax = plt.subplots(figsize=(4.5, 2.8))
shown = [gap for gap in gaps if gap <= 20]
ax.plot(shown, [100 * known[gap] for gap in shown], "ko-", markersize=4)
ax.set_ylim(0, 105)
ax.set_xticks(range(4, 21, 2))
ax.set_xlabel("gap (words between club and stadium)")
ax.set_ylabel("seen before (%)")
ax.set_title(f"From a gap of {first_rare} on,\nnearly every window is new")
plt.show()


# %%
def count_windows(gap: int) -> int:
    """How many different windows from club to stadium the grammar can write."""
    ways = Counter({"fan": len(grammar.stadiums)})  # one for each club
    for _ in range(gap):
        following: Counter[str] = Counter()
        for word, number in ways.items():
            for after in grammar.follows[word]:
                following[after] += number * (2 if after == "PRONOUN" else 1)
        ways = following
    return ways["STADIUM"]


# %% [markdown] tags=["read"]
# At a gap of 7, {{ f"{known[7]:.1%}" }} of the windows in new sentences have been seen in training. The table of 8 words was right in {{ f"{right[8][7]:.1%}" }}. It's right where it has met exactly this window, the club and the seven words after it. Otherwise it falls back on the seven words alone, and there it's wrong: whatever it has noted for them came from sentences about other clubs, because with this club it would know all eight. The number of possible windows explodes: the grammar can write {{ f"{count_windows(10):,}" }} of them with a gap of 10, and {{ f"{count_windows(20) / 1e9:.0f}" }} billion with a gap of 20. And this is a toy with {{ len(grammar.words) }} words. Among so many, nearly every window is new.

# %% [markdown] tags=["read"]
# A net carries over what it learned to windows that look alike.

# %% [markdown]
# But each place in a net's window has weights of its own, so the net must learn each distance anew. The net of 12 words had seen every gap in training. Train it again, on gaps up to 8 only:

# %% tags=["result"]
near = [s for s in training if grammar.stadium_position(s) - s.index("fan") <= 8]
near_net = train_net(near, width=12, num_steps=1000)
near_right = {gap: accuracy(near_net, 12, new_sentences[gap]) for gap in range(6, 12)}
shown = [  # near chance, the last digits differ between computers
    ">90" if share > 0.9 else "<10" if share < 0.1 else f"{100 * share:.0f}"
    for share in near_right.values()
]
pd.DataFrame([shown], index=["right (%)"], columns=[*near_right]).rename_axis("gap")

# %% [markdown]
# At 9, 10 and 11 the club is in plain view, and still the net guesses.

# %% [markdown] tags=["read"]
# What it learned from gaps up to 8 says nothing about a gap of 9. Picture how the net is built. It lays the embeddings of its 12 words side by side in one long row, and each stretch of that row meets its own weights in the first layer. Whenever a stadium had to be guessed, the club stood at most nine words back. So the weights for the tenth place have never learned which stadium belongs to a club. So each distance costs new weights, and new examples to fill them. For a window of a thousand words you'd need examples in which the word that matters stands at each of the thousand places.
#
# ### A memory instead of a window
#
# There's an older idea that needs no window. Read one word after the other, and carry a memory along. After each word a small net takes two things, the word and the memory so far, and makes the new memory. It's always the same net, so it can read a text of any length. Such a net is called a **recurrent network**, its memory is called the state, and until about 2018 the best language models were built this way.
#
# ![The words Chelsea, fan, cooks, soup, at go one after the other into the same net. It hands a column of four numbers, the state, from word to word. The colour that stands for the club is strong after Chelsea and faint after at, where the stadium is to be guessed.](../figures/recurrent.svg "A recurrent network hands one state from word to word. What it read early has to survive every later step. (The shades are a sketch, nothing measured.)")
#
# It's how you'd expect a reader to work, and yet it lost, for two reasons. The first is that the state always has the same size, however much has been read, and each new word rewrites it. A club named forty words ago has been through forty rewritings. In training, the slopes must come back through the same forty steps, to teach the net that it should have kept the club. Each step multiplies them by a number that's usually below 1, so after forty steps almost nothing is left. Better nets were built against that, above all the **LSTM**, which has gates that can lock a number in. A study of 2018 found that a good LSTM used about 200 words, and that beyond the nearest 50 it had only a rough idea of what the text had been about.
#
# The second reason is speed. The state after word 40 needs the state after word 39, which needs the state after word 38. So a text must be worked through one word at a time, while graphics processors are fast only when thousands of things can be done at once.

# %% [markdown]
# When you read such a sentence, you don't count back to the club. You look for it, wherever it stands. A model that does so has [attention](attention.py).

# %% [markdown]
# ## Check yourself
#
# ??? question "Why does the stadium not become a little harder with each word of gap?"
#     The words between say nothing about the club. For a net, the window either holds the one word that decides, or it doesn't. (For a table it does get harder inside the window, because longer windows have more often never been seen.)
#
# ??? question "Would a table with ten times the sentences do better?"
#     Inside its window, at gaps where many windows are new, yes. Beyond its window, no: no evidence can replace a word that is not seen.
#
# ??? question "Is real text like these sentences?"
#     In one way: what decides a word can stand any distance back. In another it is kinder: a subject comes up again and again, so that a window often holds some hint.

# %% [markdown]
# ## Exercises

# %% tags=["fold"]
from gptbook.exercise import exercise

# %% [markdown] tags=["exercise"]
# ### Predict: how wide must it be?
#
# *easy · 5 minutes*
#
# The gap is 17. How many words must the window hold, at least, so that the club is in it?
#
# answer: 18 words
#
# The gap counts the 17 words between the club and the word to be guessed. The window must hold all of these and the club itself.

# %% tags=["starter"]
my_width = ...

# %% tags=["check"]
with exercise("Predict"):
    (sentence,) = grammar.sentences(1, seed=0, gap=17)
    club, before = sentence[4], sentence[:-1]
    assert club in before[-my_width:], "the club is still outside: one more, or several"
    assert club not in before[1 - my_width :], "a narrower one holds the club, too"

# %% [markdown] tags=["hint"]
# The gap counts the words between the two. The club itself must fit in as well.

# %% tags=["solution"]
my_width = 18

# %% [markdown] tags=["exercise"]
# ### Change: show the net longer gaps
#
# *medium · 10 minutes*
#
# The net with a window of 12 saw gaps up to 8. Let it see gaps up to 10. What is the longest gap at which it is right in more than half of the sentences? Say it before you run.

# %% tags=["starter"]
longest_shown = ...  # 10
my_longest_right = ...

# %% tags=["check"]
with exercise("Change"):
    assert longest_shown == 10, "train on gaps up to 10"
    shown = [s for s in training if grammar.stadium_position(s) - 5 <= longest_shown]
    shown_net = train_net(shown, width=12, num_steps=1000)
    good = [g for g in gaps if accuracy(shown_net, 12, new_sentences[g]) > 0.5]
    assert my_longest_right == max(good), "look at the printed table once more"

# %% [markdown] tags=["hint"]
# With gaps up to 8 it was right up to 8. Did it go one step further than what it had seen?

# %% tags=["solution"]
longest_shown = 10
my_longest_right = 10  # what it has seen, and not one word more

# %% [markdown] tags=["exercise"]
# ### Build: look wherever it stands
#
# *hard · 20 minutes*
#
# Write `guess_stadium(words)`, which gets all words before the stadium, however many, and gives back the stadium. Learn it from `training`, without the table of clubs: count which stadiums come in sentences with each word, and trust the word whose counts leave least doubt.


# %% tags=["starter"]
def guess_stadium(words: list[str]) -> str:
    """The stadium that follows these words."""
    return "Anfield"


# %% tags=["check"]
with exercise("Build"):
    for gap in (4, 20, 40):
        some = new_sentences[gap][:200]
        hits = sum(guess_stadium(s[:-1]) == s[-1] for s in some)
        assert hits == 200, f"at a gap of {gap} it is right in {hits} of 200"

# %% [markdown] tags=["hint"]
# A `Counter` for each word: `stadiums_with[word][stadium]`. A word is sure if one stadium has nearly all of its counts.

# %% tags=["solution"]
stadiums_with: dict[str, Counter[str]] = {word: Counter() for word in grammar.words}
for sentence in training:
    for word in sentence[:-1]:
        stadiums_with[word][sentence[-1]] += 1


def guess_stadium(words: list[str]) -> str:
    """The stadium that follows these words."""

    def sureness(word: str) -> float:
        counts = stadiums_with[word]
        return max(counts.values()) / counts.total()

    return stadiums_with[max(words, key=sureness)].most_common(1)[0][0]


# %% [markdown] tags=["note"]
# ## Where this lives in the package
#
# The grammar, its dial and its exact floor are in [gptbook.data.clubs](../reference/data.md#gptbook.data.clubs), the clubs in the table [`teams.csv`](../data.md#teams). `ClubGrammar.floor` says how little surprise any model can reach: {{ f"{grammar.floor():.3f}" }} nats per position. The windows are those of [gptbook.models.ngram](../reference/models.md#gptbook.models.ngram); `WordTokenizer` is in [gptbook.data.tokenizer](../reference/data.md#gptbook.data.tokenizer).

# %% [markdown]
# ## Further reading
#
# - Claude Shannon, *Prediction and Entropy of Printed English* (1951): people guess the next letter better, the more of the text before it they may see, up to a hundred letters.
# - Urvashi Khandelwal and others, *Sharp Nearby, Fuzzy Far Away* (2018): how far back a recurrent network looks. Theirs, an LSTM, used some 200 tokens, and of those beyond the last 50 it knew little more than the topic.
