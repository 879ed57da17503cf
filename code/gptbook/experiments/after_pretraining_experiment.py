"""The experiment behind chapter 16: what comes after pre-training, measured."""

import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from gptbook.data.chats import ChatSet
from gptbook.data.code_books import code_tokenizer
from gptbook.experiments.club_assistant import ClubAssistant, kept_politely
from gptbook.experiments.prompted import (
    chat_scores,
    example_scores,
    trained_on_chats,
    trained_on_code_books,
)
from gptbook.models.gpt import GPTConfig
from gptbook.models.modern import ModernGPT
from gptbook.training.seeds import seeded

PROMPTED_SIZES = {"num_layers": 2, "num_heads": 4, "model_dim": 64, "mlp_dim": 128}

AFTER_PRETRAINING_SETTINGS: dict[str, Any] = {
    "clubs": {
        "config": {
            "context_length": 64,
            "num_layers": 2,
            "num_heads": 4,
            "model_dim": 48,
            "mlp_dim": 192,
        },
        "longest_name": 6,
        "longest_club": 9,
        # In plain text like all others, and in no dialogue.
        "quiet": ["burnley", "fulham", "liverpool", "rangers"],
        "num_texts": 4000,
        "pre_training": {
            "num_steps": 200,
            "batch_size": 16,
            "matrix_rate": 0.03,
            "other_rate": 0.01,
            "warmup_steps": 20,
        },
        "num_dialogues": 1500,  # of each task
        "fine_tuning": {
            "num_steps": 240,
            "batch_size": 24,
            "matrix_rate": 0.015,
            "other_rate": 0.004,
        },
        # Of plain text, where it is mixed in: about one row in eight.
        "num_old_windows": 450,
        "old_window": 48,
        "num_refusals": 200,
        "refusing": {
            "num_steps": 80,
            "batch_size": 24,
            "matrix_rate": 0.01,
            "other_rate": 0.003,
        },
        "num_polite": 300,
        "half_polite": {
            "num_steps": 100,
            "batch_size": 24,
            "matrix_rate": 0.01,
            "other_rate": 0.003,
        },
        # The second one pushes hard and asks for much.
        "preferring": {
            "careful": {"num_steps": 40, "learning_rate": 1e-4, "strictness": 1.0},
            "careless": {"num_steps": 40, "learning_rate": 1e-3, "strictness": 0.1},
        },
        "num_questions": 100,
        "num_strangers": 150,
    },
    "chats": {
        "config": {"context_length": 64, **PROMPTED_SIZES},
        "num_chats": 4000,
        "room": 50,
        "training": {"num_steps": 550, "batch_size": 32},
        "num_questions": 100,
    },
    "code books": {
        "config": {"context_length": 40, **PROMPTED_SIZES},
        "num_pairs": 16,
        "training": {
            "num_steps": 240,
            "batch_size": 64,
            "matrix_rate": 0.02,
            "other_rate": 0.004,
            "warmup_steps": 20,
        },
        "num_examples": [0, 1, 2, 4, 8],
        "num_questions": 500,
    },
    "seeds": [0, 1, 2],
}


class AfterPretrainingExperiment:
    """Three kinds of small GPT: one that is fine-tuned, two that live by the prompt."""

    def __init__(self, settings: dict[str, Any], folder: Path) -> None:
        """The settings are like `AFTER_PRETRAINING_SETTINGS`; no part is kept half."""
        self.settings = settings
        self.clubs = ClubAssistant(settings["clubs"])
        self.chats = ChatSet()

    def parts(self) -> dict[str, tuple[int, Callable[..., dict[str, Any]]]]:
        """With each seed: clubs and dialogues, chats with tools, code books."""
        settings = self.settings
        steps = {
            "clubs": self.clubs.num_steps(),
            "chats": settings["chats"]["training"]["num_steps"],
            "code books": settings["code books"]["training"]["num_steps"],
        }
        runs = {
            "clubs": self.fine_tuned,
            "chats": self.chatting,
            "code books": self.from_examples,
        }
        return {
            f"{word}-{seed}": (steps[word], partial(runs[word], seed))
            for seed in settings["seeds"]
            for word in runs
        }

    def new_model(self, word: str, vocab_size: int, seed: int) -> ModernGPT:
        """A GPT of a part's size that has learned nothing yet."""
        sizes = self.settings[word]["config"]
        with seeded(seed):
            return ModernGPT(GPTConfig(vocab_size=vocab_size, **sizes))

    def fine_tuned(
        self, seed: int, on_step: Callable[[int, float], None]
    ) -> dict[str, Any]:
        """A row: a GPT of plain text, then what dialogues of several kinds make of it.

        Every one of them begins with the same assistant or the same GPT of plain text.
        """
        began, clubs = time.perf_counter(), self.clubs
        base = self.new_model("clubs", clubs.tokenizer.vocab_size, seed)
        clubs.pre_train(base, seed, on_step)
        scores = {"before": clubs.scores(base)}
        strangers = {"before": clubs.about_strangers(base, as_question=False)}
        assistant = clubs.fine_tuned(base, seed, on_step)
        mixed = clubs.fine_tuned(base, seed, on_step, with_old_texts=True)
        modest = clubs.modest(assistant, seed, on_step)
        for word, model in (
            ("dialogues", assistant),
            ("mixed", mixed),
            ("modest", modest),
        ):
            scores[word] = clubs.scores(model)
            strangers[word] = clubs.about_strangers(model)
        polite = clubs.half_polite(assistant, seed, on_step)
        preferences = {"before": kept_politely(polite, clubs)}
        for word in self.settings["clubs"]["preferring"]:
            preferences[word] = clubs.preferring(polite, word, seed, on_step)
        return {
            "model": "clubs",
            "seed": seed,
            "parameters": num_parameters(base),
            "scores": scores,
            "strangers": strangers,
            "preferences": preferences,
            "seconds": time.perf_counter() - began,
        }

    def chatting(
        self, seed: int, on_step: Callable[[int, float], None]
    ) -> dict[str, Any]:
        """A row: a GPT of chats, asked for what stands in the row, and for sums."""
        began, settings = time.perf_counter(), self.settings["chats"]
        model = self.new_model("chats", self.chats.tokenizer.vocab_size, seed)
        trained_on_chats(model, self.chats, settings, seed, on_step)
        return {
            "model": "chats",
            "seed": seed,
            "parameters": num_parameters(model),
            **chat_scores(model, self.chats, settings["num_questions"]),
            "seconds": time.perf_counter() - began,
        }

    def from_examples(
        self, seed: int, on_step: Callable[[int, float], None]
    ) -> dict[str, Any]:
        """A row: a GPT that has seen many code books, asked with a new one."""
        began, settings = time.perf_counter(), self.settings["code books"]
        model = self.new_model("code books", code_tokenizer().vocab_size, seed)
        trained_on_code_books(model, settings, seed, on_step)
        return {
            "model": "code books",
            "seed": seed,
            "parameters": num_parameters(model),
            **example_scores(model, settings),
            "seconds": time.perf_counter() - began,
        }

    def results(self, done: dict[str, dict[str, Any]]) -> dict[str, Any]:
        """What the record holds besides how it was made."""
        return {"rows": list(done.values())}


def num_parameters(model: ModernGPT) -> int:
    """How many numbers the model learns."""
    return sum(parameter.numel() for parameter in model.parameters())
