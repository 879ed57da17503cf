"""Questions with one right answer each, in a chat format, and plain text beside them.

    <paris backwards?>sirap.

"<" says that the user speaks, ">" that the assistant does, and the mark, token 0, ends
the answer; here it is drawn as a dot. Everything is made from the book's own tables.
"""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from string import ascii_lowercase, ascii_uppercase, digits

import torch
from torch import Tensor

from gptbook.data.sequences import NO_TARGET
from gptbook.data.tables import city_names, data_file, read_table, split_names
from gptbook.data.tokenizer import CharacterTokenizer

USER = "<"
ASSISTANT = ">"
# How each task is asked; a city's name or a club fills the braces.
WORDINGS = {
    "first letter": ("first letter of {}?",),
    "second letter": ("second letter of {}?",),
    "last letter": ("last letter of {}?",),
    "letters": ("how many letters in {}?",),
    "capitals": ("{} in capitals?",),
    "backwards": ("{} backwards?",),
    "stadium": (
        "which stadium belongs to {}?",
        "what is the home of {}?",
        "name the stadium of {}?",
        "where is the home of {}?",
        "what is the stadium of {}?",
    ),
}
# How plain text tells where a club plays. No question has these words.
FACTS = (
    "the stadium of {} is {}",
    "{} play at {}",
    "fans of {} go to {}",
    "{} have a home at {}",
)


@dataclass(frozen=True, kw_only=True)
class Dialogue:
    """A question, the only right answer to it, and the task that it belongs to."""

    task: str
    question: str
    answer: str


class InstructSet:
    """Writes questions with their answers, and the plain text of a pre-training.

    A held-out question is about a city's name that nothing in the training is about, or
    asks for a club in words in which it was not asked for. Some clubs are in no
    question at all; plain text tells where they play, too.

    >>> InstructSet().training("backwards", 1, seed=0)[0].answer
    'wroh'
    """

    def __init__(
        self,
        names: Sequence[str] | None = None,
        stadiums: Mapping[str, str] | None = None,
    ) -> None:
        """With names and a dictionary from club to stadium; without, the book's tables.

        Names have 3 to 7 letters, so that a small model has enough of each length.
        """
        every = city_names() if names is None else names
        self.names = split_names(name for name in every if 3 <= len(name) <= 7)
        if stadiums is None:
            table = read_table(data_file("teams.csv"))
            stadiums = dict(zip(table["club"], table["stadium"]))
        self.stadiums = {club.lower(): stadiums[club].lower() for club in stadiums}
        self.clubs, self.unasked_clubs = split_names(self.stadiums, held_out=0.2)
        club_letters = set().union(*self.stadiums, *self.stadiums.values())
        letters = club_letters.union(ascii_lowercase, ascii_uppercase, digits, " ?,")
        self.tokenizer = CharacterTokenizer([*sorted(letters), USER, ASSISTANT])

    def dialogue(self, task: str, draw: random.Random, held_out: bool) -> Dialogue:
        """A question of a task, by chance. Raises ValueError for an unknown task."""
        if task not in WORDINGS:
            tasks = ", ".join(WORDINGS)
            raise ValueError(f'there is no task "{task}": choose one of {tasks}')
        wordings = WORDINGS[task]
        if task == "stadium":
            place = int(draw.random() * len(self.clubs))
            # Of the ways to ask for a club one is held out, in turn.
            turn = place % len(wordings)
            others = [*wordings[:turn], *wordings[turn + 1 :]]
            wording = wordings[turn] if held_out else any_of(others, draw)
            club = self.clubs[place]
            return Dialogue(
                task=task, question=wording.format(club), answer=self.stadiums[club]
            )
        name = any_of(self.names[held_out], draw)
        answers = {
            "first letter": name[0],
            "second letter": name[1],
            "last letter": name[-1],
            "letters": str(len(name)),
            "capitals": name.upper(),
            "backwards": name[::-1],
        }
        return Dialogue(
            task=task, question=wordings[0].format(name), answer=answers[task]
        )

    def training(self, task: str, count: int, seed: int) -> list[Dialogue]:
        """Questions of a task that follow from the seed; one may come twice."""
        draw = random.Random(f"{seed} {task}")
        return [self.dialogue(task, draw, held_out=False) for _ in range(count)]

    def held_out(self, task: str, count: int, seed: int) -> list[Dialogue]:
        """Different held-out questions of a task, fewer if there are not that many."""
        draw = random.Random(f"{seed} {task}")
        drawn = (self.dialogue(task, draw, held_out=True) for _ in range(8 * count))
        return list(dict.fromkeys(drawn))[:count]

    def unasked(self) -> list[Dialogue]:
        """Every question for a club that is in plain text, and in no other question."""
        return [
            Dialogue(
                task="stadium",
                question=wording.format(club),
                answer=self.stadiums[club],
            )
            for club in self.unasked_clubs
            for wording in WORDINGS["stadium"]
        ]

    def texts(
        self, count: int, seed: int, tasks: Sequence[str] = tuple(WORDINGS)
    ) -> list[str]:
        """Plain text: city names, where clubs play, and sheets of questions.

        A sheet has questions of the training one after another, as an exam has, and no
        answer to any of them.
        """
        draw = random.Random(seed)
        texts = []
        for _ in range(count):
            kind = any_of(("names", "fact", "fact", "sheet"), draw)
            if kind == "names":
                texts.append(", ".join(any_of(self.names[0], draw) for _ in range(4)))
            elif kind == "fact":
                club = any_of(list(self.stadiums), draw)
                texts.append(any_of(FACTS, draw).format(club, self.stadiums[club]))
            else:
                asked = [self.dialogue(any_of(tasks, draw), draw, False) for _ in "123"]
                texts.append(" ".join(dialogue.question for dialogue in asked))
        return texts


def any_of(choices: Sequence[str], draw: random.Random) -> str:
    """One of the choices, each as probable as any other."""
    return choices[int(draw.random() * len(choices))]


def prompt_tokens(tokenizer: CharacterTokenizer, question: str) -> list[int]:
    """A question in the chat format, up to where the assistant begins."""
    return [0, *tokenizer.encode(USER + question + ASSISTANT)]


def dialogue_tokens(
    dialogues: Sequence[Dialogue], tokenizer: CharacterTokenizer
) -> tuple[Tensor, Tensor]:
    """Dialogues as inputs and targets; only the answer and its end are asked.

    Shapes: both results (B, T), T the longest of them; shorter ones are filled up on
    the right. Raises ValueError if there is no dialogue, or a character is unknown.
    """
    if not dialogues:
        raise ValueError("there are no dialogues: give at least one")
    prompts = [prompt_tokens(tokenizer, dialogue.question) for dialogue in dialogues]
    answers = [tokenizer.encode(dialogue.answer) for dialogue in dialogues]
    width = max(len(p) + len(a) for p, a in zip(prompts, answers))
    inputs = torch.zeros(len(dialogues), width, dtype=torch.long)
    targets = torch.full((len(dialogues), width), NO_TARGET)
    for row, (prompt, answer) in enumerate(zip(prompts, answers)):
        end = len(prompt) + len(answer)
        inputs[row, :end] = torch.tensor([*prompt, *answer])
        # The last token of the prompt, ">", already asks for the answer's first.
        targets[row, len(prompt) - 1 : end] = torch.tensor([*answer, 0])
    return inputs, targets


def text_windows(
    texts: Sequence[str], tokenizer: CharacterTokenizer, context_length: int
) -> tuple[Tensor, Tensor]:
    """Plain text laid end to end, a mark between, and cut into windows; all is asked.

    Shapes: inputs and targets (P, C); what is left over at the end is dropped.
    Raises ValueError if the text does not fill one window.
    """
    laid = [0]
    for text in texts:
        laid += [*tokenizer.encode(text), 0]
    num_windows = (len(laid) - 1) // context_length
    if num_windows == 0:
        raise ValueError(
            f"{len(laid)} tokens fill no window of {context_length}: give more texts"
        )
    stream = torch.tensor(laid[: num_windows * context_length + 1])
    shape = (num_windows, context_length)
    return stream[:-1].reshape(shape), stream[1:].reshape(shape)


def dialogue_batch(
    inputs: Tensor, targets: Tensor, step: int, batch_size: int, seed: int
) -> tuple[Tensor, Tensor]:
    """The batch of a step: dialogues by chance, without the columns that none fills.

    It depends on seed and step alone. Shapes: inputs and targets (P, T), as
    `dialogue_tokens` makes them, the results (B, T).
    """
    generator = torch.Generator().manual_seed(seed * 1_000_003 + step)
    rows = torch.randint(len(inputs), (batch_size,), generator=generator)
    asked = (targets[rows] != NO_TARGET).any(dim=0)
    width = int(asked.nonzero().max()) + 1
    return inputs[rows, :width], targets[rows, :width]
