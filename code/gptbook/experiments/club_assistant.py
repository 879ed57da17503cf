"""An assistant that knows clubs: how it is made in several ways, and examined."""

import copy
import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import torch

from gptbook.data.chats import NO_IDEA
from gptbook.data.dialogues import (
    FACTS,
    WORDINGS,
    Dialogue,
    InstructSet,
    dialogue_tokens,
    prompt_tokens,
    text_windows,
)
from gptbook.data.sequences import laid_together, rows_with_ends
from gptbook.data.tables import city_names, data_file, read_table
from gptbook.data.tokenizer import CharacterTokenizer
from gptbook.generation.answers import exact_match, greedy_answers
from gptbook.models.modern import ModernGPT
from gptbook.training.loops import fine_tune, train_on_sequences
from gptbook.training.loss import answer_log_probabilities
from gptbook.training.preferences import train_on_preferences

TASKS = ("first letter", "stadium")
POLITE = ", sir"
LONGEST_ANSWER = 30  # letters; the longest stadium has 17
SURE = 0.9

OnStep = Callable[[int, float], None]


class ClubAssistant:
    """Clubs of which some are in dialogues, and all in plain text; and their exams."""

    def __init__(self, settings: Mapping[str, Any]) -> None:
        """The settings are like `AFTER_PRETRAINING_SETTINGS["clubs"]`."""
        self.settings = settings
        self.instructions = club_dialogues(settings)
        self.tokenizer = self.instructions.tokenizer
        count = settings["num_questions"]
        self.exam = self.instructions.held_out("first letter", count, seed=1)
        # One for each club, in words in which it is asked for in no dialogue.
        self.stadium_exam = self.instructions.held_out("stadium", count, seed=1)
        strangers = self.instructions.names[1]
        step = max(1, len(strangers) // settings["num_strangers"])
        self.strangers = [
            name for name in strangers[::step] if name not in self.instructions.stadiums
        ]

    def num_steps(self) -> int:
        """How many steps all trainings take together."""
        settings = self.settings
        once = ("pre_training", "fine_tuning", "fine_tuning", "refusing", "half_polite")
        preferring = settings["preferring"].values()
        return sum(settings[word]["num_steps"] for word in once) + sum(
            how["num_steps"] for how in preferring
        )

    def pre_train(self, model: ModernGPT, seed: int, on_step: OnStep) -> None:
        """Learn plain text, all of it."""
        texts = self.instructions.texts(self.settings["num_texts"], seed, TASKS)
        windows = text_windows(texts, self.tokenizer, model.config.context_length)
        train_on_sequences(
            model, *windows, **self.settings["pre_training"], seed=seed, on_step=on_step
        )

    def dialogues(self, count: int, seed: int) -> list[Dialogue]:
        """As many questions of each task."""
        return [
            dialogue
            for task in TASKS
            for dialogue in self.instructions.training(task, count, seed)
        ]

    def fine_tuned(
        self,
        base: ModernGPT,
        seed: int,
        on_step: OnStep,
        with_old_texts: bool = False,
    ) -> ModernGPT:
        """A copy that learned dialogues, with some of the old text between or not."""
        settings, model = self.settings, copy.deepcopy(base)
        rows = dialogue_tokens(
            self.dialogues(settings["num_dialogues"], seed), self.tokenizer
        )
        if with_old_texts:
            texts = self.instructions.texts(settings["num_texts"], seed, TASKS)
            windows = text_windows(texts, self.tokenizer, settings["old_window"])
            some = slice(0, settings["num_old_windows"])
            rows = laid_together(rows, (windows[0][some], windows[1][some]))
        fine_tune(model, *rows, **settings["fine_tuning"], seed=seed, on_step=on_step)
        return model

    def modest(self, assistant: ModernGPT, seed: int, on_step: OnStep) -> ModernGPT:
        """A copy that also learned to say that it has no idea."""
        settings, model = self.settings, copy.deepcopy(assistant)
        count = settings["num_refusals"]
        lesson = self.dialogues(count, seed + 100)
        names = self.instructions.names[0]
        some = names[:: max(1, len(names) // count)]
        wordings = WORDINGS["stadium"]
        for place, name in enumerate(some[:count]):
            question = wordings[place % len(wordings)].format(name)
            lesson.append(Dialogue(task="", question=question, answer=NO_IDEA))
        rows = dialogue_tokens(lesson, self.tokenizer)
        fine_tune(model, *rows, **settings["refusing"], seed=seed, on_step=on_step)
        return model

    def half_polite(
        self, assistant: ModernGPT, seed: int, on_step: OnStep
    ) -> ModernGPT:
        """A copy that gives each answer in two forms, each half of the time."""
        settings, model = self.settings, copy.deepcopy(assistant)
        plain = self.dialogues(settings["num_polite"], seed + 200)
        rows = dialogue_tokens([*plain, *politely(plain)], self.tokenizer)
        fine_tune(model, *rows, **settings["half_polite"], seed=seed, on_step=on_step)
        return model

    def preferring(
        self, polite: ModernGPT, how: str, seed: int, on_step: OnStep
    ) -> dict[str, Any]:
        """What pairs of answers, of which the polite one is preferred, make of it."""
        model = copy.deepcopy(polite)
        plain = self.dialogues(self.settings["num_polite"], seed + 200)
        chosen = dialogue_tokens(politely(plain), self.tokenizer)
        rejected = dialogue_tokens(plain, self.tokenizer)
        losses = train_on_preferences(
            model,
            chosen,
            rejected,
            **self.settings["preferring"][how],
            seed=seed,
            on_step=on_step,
        )
        return {"losses": losses, **kept_politely(model, self)}

    def scores(self, model: ModernGPT) -> dict[str, Any]:
        """Shares of right answers, 0 to 1, for clubs in dialogues and quiet ones."""
        instructions, tokenizer = self.instructions, self.tokenizer
        quiet = instructions.unasked()
        found: dict[str, Any] = {
            "first letter": exact_match(model, tokenizer, self.exam),
            "question": {
                "asked": exact_match(model, tokenizer, self.stadium_exam),
                "quiet": exact_match(model, tokenizer, quiet),
            },
            "quiet refused": said_share(model, tokenizer, quiet, NO_IDEA),
            "asked refused": said_share(model, tokenizer, self.stadium_exam, NO_IDEA),
        }
        for word, clubs in (
            ("asked", instructions.clubs),
            ("quiet", instructions.unasked_clubs),
        ):
            told, ranked = self.statements(model, clubs)
            found.setdefault("statement", {})[word] = told
            found.setdefault("likeliest", {})[word] = ranked
        return found

    def statements(self, model: ModernGPT, clubs: Sequence[str]) -> tuple[float, float]:
        """How often a statement goes on with the club's stadium; is it the likeliest?

        Both are shares of all clubs and all statements. The likeliest is that of all
        stadiums which the model gives most probability.
        """
        stadiums, tokenizer = self.instructions.stadiums, self.tokenizer
        begun = [
            (club, [0, *tokenizer.encode(fact.format(club, "").strip())])
            for club in clubs
            for fact in FACTS
        ]
        written = greedy_answers(model, [row for _, row in begun], LONGEST_ANSWER)
        told = [
            tokenizer.decode(tokens) == " " + stadiums[club]
            for (club, _), tokens in zip(begun, written)
        ]
        every = list(stadiums.values())
        ends = [[*tokenizer.encode(" " + stadium), 0] for stadium in every]
        rows = rows_with_ends([(row, end) for _, row in begun for end in ends])
        with torch.no_grad():
            logs = answer_log_probabilities(model, *rows).view(len(begun), len(every))
        ranked = [
            every[place] == stadiums[club]
            for (club, _), place in zip(begun, logs.argmax(dim=1).tolist())
        ]
        return statistics.fmean(told), statistics.fmean(ranked)

    def about_strangers(
        self, model: ModernGPT, as_question: bool = True
    ) -> dict[str, Any]:
        """What is said of names that are no club, how surely; and of clubs beside it.

        A GPT of plain text is asked by the beginning of a statement.
        """
        asked = self.instructions.clubs
        names = [*self.strangers, *asked]
        tokenizer = self.tokenizer
        if as_question:
            wording = WORDINGS["stadium"][1]
            begun = [prompt_tokens(tokenizer, wording.format(name)) for name in names]
        else:
            begun = [
                [0, *tokenizer.encode(FACTS[0].format(name, "").strip())]
                for name in names
            ]
        written = greedy_answers(model, begun, LONGEST_ANSWER)
        rows = rows_with_ends([(row, [*end, 0]) for row, end in zip(begun, written)])
        with torch.no_grad():
            sure = answer_log_probabilities(model, *rows).exp().tolist()
        said = [tokenizer.decode(tokens).strip() for tokens in written]
        real = set(self.instructions.stadiums.values())
        count = len(self.strangers)
        return {
            "real": statistics.fmean(text in real for text in said[:count]),
            "no idea": statistics.fmean(text == NO_IDEA for text in said[:count]),
            "sure": statistics.median(sure[:count]),
            "known sure": statistics.median(sure[count:]),
            "very sure": statistics.fmean(share > SURE for share in sure[:count]),
            "sureness": sure[:count],
            "shown": dict(zip(names[:8], said)),
        }


def club_dialogues(settings: Mapping[str, Any]) -> InstructSet:
    """Short names and clubs, so that a small model learns them in a minute."""
    table = read_table(data_file("teams.csv"))
    stadiums = {
        club: stadium
        for club, stadium in zip(table["club"], table["stadium"])
        if len(club) <= settings["longest_club"]
    }
    longest = settings["longest_name"]
    names = [name for name in city_names() if len(name) <= longest]
    instructions = InstructSet(names, stadiums)
    instructions.unasked_clubs = list(settings["quiet"])
    instructions.clubs = sorted(instructions.stadiums.keys() - settings["quiet"])
    return instructions


def politely(dialogues: Sequence[Dialogue]) -> list[Dialogue]:
    """The same questions with polite answers."""
    return [replace(asked, answer=asked.answer + POLITE) for asked in dialogues]


def kept_politely(model: ModernGPT, clubs: ClubAssistant) -> dict[str, Any]:
    """Both forms of the right answer to new questions: which is likelier, and is said.

    Logarithms of probabilities are means over the questions, in nats.
    """
    asked = clubs.exam
    with torch.no_grad():
        polite, plain = (
            answer_log_probabilities(model, *dialogue_tokens(some, clubs.tokenizer))
            for some in (politely(asked), asked)
        )
    return {
        "polite likelier": (polite > plain).float().mean().item(),
        "polite": polite.mean().item(),
        "plain": plain.mean().item(),
        "says politely": exact_match(model, clubs.tokenizer, politely(asked)),
        "says plainly": exact_match(model, clubs.tokenizer, asked),
        "shown": said_to(model, clubs.tokenizer, asked[:6]),
    }


def said_to(
    model: ModernGPT, tokenizer: CharacterTokenizer, asked: Sequence[Dialogue]
) -> dict[str, str]:
    """What is answered to each question."""
    prompts = [prompt_tokens(tokenizer, dialogue.question) for dialogue in asked]
    written = greedy_answers(model, prompts, LONGEST_ANSWER)
    return {
        dialogue.question: tokenizer.decode(tokens)
        for dialogue, tokens in zip(asked, written)
    }


def said_share(
    model: ModernGPT,
    tokenizer: CharacterTokenizer,
    asked: Sequence[Dialogue],
    answer: str,
) -> float:
    """The share of questions, 0 to 1, to which just this is said."""
    return exact_match(
        model, tokenizer, [replace(dialogue, answer=answer) for dialogue in asked]
    )
