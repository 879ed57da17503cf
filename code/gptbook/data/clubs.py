"""Sentences in which one word decides another, with any distance between the two.

    my aunt is a Liverpool fan who likes old films and cooks soup ; she was at Anfield

The pronoun depends on the relative, the stadium on the club, and every other word on
the word before it. So the least possible loss is known exactly, and the distance
between club and stadium, the gap, is a dial.
"""

import math
import random
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from gptbook.data.tables import data_file, read_table

PRONOUNS = {
    "father": "he",
    "brother": "he",
    "uncle": "he",
    "son": "he",
    "mother": "she",
    "sister": "she",
    "aunt": "she",
    "daughter": "she",
}
# What a relative does, and with what: each of the words on the right is as probable.
PASTIMES = {
    "likes": ("films", "jazz", "tea", "old"),
    "plays": ("cards", "chess", "jazz", "old"),
    "cooks": ("beans", "rice", "soup", "hot"),
    "reads": ("letters", "maps", "novels", "long"),
    "grows": ("beans", "roses", "red"),
    "old": ("films", "jazz"),
    "hot": ("rice", "soup"),
    "long": ("letters", "novels"),
    "red": ("beans", "roses"),
    "with": ("friends", "neighbours"),
    "on": ("holidays", "Sundays"),
}
VERBS = ("likes", "plays", "cooks", "reads", "grows")
THINGS = (
    "beans",
    "cards",
    "chess",
    "films",
    "jazz",
    "letters",
    "maps",
    "novels",
    "rice",
    "roses",
    "soup",
    "tea",
)
# Places that a sentence fills with a word of its own.
RELATIVE = "RELATIVE"
CLUB = "CLUB"
PRONOUN = "PRONOUN"
STADIUM = "STADIUM"


def even(words: Sequence[str]) -> dict[str, float]:
    """Each of the words with the same probability."""
    return dict.fromkeys(words, 1 / len(words))


def next_word_table() -> dict[str, dict[str, float]]:
    """What may follow each word, with its probability: all of the grammar.

    "" stands before the first word and after the last. RELATIVE, CLUB, PRONOUN and
    STADIUM are places: a relative and a club are drawn, a pronoun and a stadium follow
    from them. How long a sentence goes on is not planned: whether it ends is decided
    word by word, whatever came before.
    """
    after_thing = {";": 0.3, "and": 0.2, ",": 0.2, "with": 0.15, "on": 0.15}
    after_company = {";": 0.3, "and": 0.25, ",": 0.25, "on": 0.2}
    after_day = {";": 0.4, "and": 0.3, ",": 0.3}
    return {
        "": {"my": 1.0},
        "my": {RELATIVE: 1.0},
        RELATIVE: {"is": 1.0},
        "is": {"a": 1.0},
        "a": {CLUB: 1.0},
        CLUB: {"fan": 1.0},
        "fan": {"who": 0.9, ";": 0.1},
        **{word: even(VERBS) for word in ("who", "and", ",")},
        **{word: even(following) for word, following in PASTIMES.items()},
        **dict.fromkeys(THINGS, after_thing),
        **dict.fromkeys(PASTIMES["with"], after_company),
        **dict.fromkeys(PASTIMES["on"], after_day),
        ";": {PRONOUN: 1.0},
        PRONOUN: even(("loves", "was", "saw")),
        "loves": {STADIUM: 1.0},
        "was": {"at": 1.0},
        "saw": {"them": 1.0},
        "them": {"at": 1.0},
        "at": {STADIUM: 1.0},
        STADIUM: {"": 1.0},
    }


class ClubGrammar:
    """Writes sentences about fans, and knows how probable each one is.

    >>> grammar = ClubGrammar()
    >>> " ".join(grammar.sentences(1, seed=0, gap=7)[0])
    'my aunt is a Rangers fan who cooks rice ; she loves Ibrox'
    """

    def __init__(self, stadiums: Mapping[str, str] | None = None) -> None:
        """With a dictionary from club to stadium; without one, the table `teams.csv`.

        Raises ValueError for no club, or a name that the grammar has already.
        """
        if stadiums is None:
            table = read_table(data_file("teams.csv"))
            stadiums = dict(zip(table["club"], table["stadium"]))
        self.stadiums = dict(stadiums)
        self.follows = next_word_table()
        places = {"", RELATIVE, CLUB, PRONOUN, STADIUM}
        plain = {*(self.follows.keys() - places), *PRONOUNS, *PRONOUNS.values()}
        names = [*self.stadiums, *self.stadiums.values()]
        if not names:
            raise ValueError("there is no club: give at least one with its stadium")
        for name in names:
            if names.count(name) > 1 or name in plain | places:
                raise ValueError(
                    f'"{name}" is there twice: give each club and stadium its own name'
                )
        # All words, sorted: the vocabulary of a model, which adds the mark to them.
        self.words = sorted(plain.union(names))
        # For n = 0, 1, 2, ...: the words from which the stadium can be exactly n steps
        # away, each with the probability that it is.
        self.ahead: list[dict[str, float]] = [{STADIUM: 1.0}]

    def sentence(self, draw: random.Random, gap: int | None = None) -> list[str]:
        """A sentence by chance, or by chance among those with this gap.

        The gap is how many words stand between club and stadium.
        Raises ValueError for a gap that no sentence has.
        """
        relative = pick(draw, even(list(PRONOUNS)))
        club = pick(draw, even(list(self.stadiums)))
        said = {
            RELATIVE: relative,
            CLUB: club,
            PRONOUN: PRONOUNS[relative],
            STADIUM: self.stadiums[club],
        }
        if gap is not None and self.gap_probability(gap) == 0:
            raise ValueError(f"no sentence has a gap of {gap}: give 4 or more")
        words, word = [], "my"
        steps = 0 if gap is None else gap + 5  # from "my" to the stadium
        while word:
            words.append(said.get(word, word))
            chances = self.follows[word]
            if gap is not None and word != STADIUM:
                # Bayes: the chance of a word, times that of the stadium in time after
                steps -= 1
                ahead = self.ahead[steps]
                chances = {
                    after: chance * ahead[after]
                    for after, chance in chances.items()
                    if after in ahead
                }
            word = pick(draw, chances)
        return words

    def sentences(
        self, count: int, seed: int, gap: int | None = None
    ) -> list[list[str]]:
        """Sentences that follow from the seed. Raises ValueError as `sentence` does."""
        draw = random.Random(seed)  # its random() is promised never to change
        return [self.sentence(draw, gap) for _ in range(count)]

    def gap_probability(self, gap: int) -> float:
        """The share of sentences that have this gap."""
        while len(self.ahead) <= gap + 5:
            soonest = self.ahead[-1]
            sums = {
                word: sum(p * soonest.get(after, 0.0) for after, p in chances.items())
                for word, chances in self.follows.items()
                if word != STADIUM
            }
            self.ahead.append({word: p for word, p in sums.items() if p > 0})
        return self.ahead[gap].get("fan", 0.0) if gap > 0 else 0.0

    def stadium_position(self, sentence: Sequence[str]) -> int:
        """Where the stadium stands; the first word has position 0.

        Raises ValueError if the sentence does not name one stadium.
        """
        stadiums = set(self.stadiums.values())
        found = [place for place, word in enumerate(sentence) if word in stadiums]
        if len(found) != 1:
            raise ValueError(
                f"the sentence names {len(found)} stadiums: give one that names one"
            )
        return found[0]

    def log_probability(self, sentence: Sequence[str]) -> float:
        """The natural logarithm of the sentence's probability, end included.

        It is minus infinity for what the grammar never writes.
        """
        if len(sentence) < 5 or not set(sentence) <= set(self.words):
            return -math.inf
        relative, club = sentence[1], sentence[4]
        own = {relative: RELATIVE, club: CLUB}
        if relative not in PRONOUNS or club not in self.stadiums:
            return -math.inf
        own |= {PRONOUNS[relative]: PRONOUN, self.stadiums[club]: STADIUM}
        total = -math.log(len(PRONOUNS)) - math.log(len(self.stadiums))
        before = ""
        for word in [*sentence, ""]:
            word = own.get(word, word)
            chance = self.follows.get(before, {}).get(word, 0.0)
            if chance == 0:
                return -math.inf
            total += math.log(chance)
            before = word
        return total

    def visits(self) -> tuple[list[str], Tensor]:
        """The words and places, and how often each comes in a sentence, on average.

        How often a word comes is the sum of how often each word before it does, times
        the chance of that step: one linear equation a word, solved together.
        Shape: (W,); the first is the start, which comes once.
        """
        states = list(self.follows)
        steps = torch.zeros(len(states), len(states), dtype=torch.float64)
        for row, word in enumerate(states):
            for after, chance in self.follows[word].items():
                if after:  # what follows the end is another sentence
                    steps[row, states.index(after)] = chance
        start = torch.zeros(len(states), dtype=torch.float64)
        start[0] = 1
        identity = torch.eye(len(states), dtype=torch.float64)
        return states, torch.linalg.solve(identity - steps.mT, start)

    def floor(self) -> float:
        """The least loss of any model that reads the sentence so far; nats a position.

        It is the surprise that the grammar itself has left, averaged. A sentence of L
        words has L + 1 positions, because its end is one.
        Source: Shannon 1948, section 7.
        """
        states, often = self.visits()
        surprise = math.log(len(PRONOUNS)) + math.log(len(self.stadiums))
        for word, times in zip(states, often.tolist()):
            surprise -= times * sum(
                p * math.log(p) for p in self.follows[word].values()
            )
        return surprise / float(often.sum())


def pick(draw: random.Random, chances: Mapping[str, float]) -> str:
    """One of the words, each as probable as its share of the sum."""
    point = draw.random() * sum(chances.values())
    for word, chance in chances.items():
        point -= chance
        if point < 0:
            return word
    return max(chances, key=lambda word: chances[word])  # rounding: no word was left
