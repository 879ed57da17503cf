"""The experiment behind chapter 16: an assistant, examined before and after."""

import statistics
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import torch

from gptbook.data.dialogues import (
    FACTS,
    WORDINGS,
    Dialogue,
    InstructSet,
    dialogue_tokens,
    prompt_tokens,
    text_windows,
)
from gptbook.generation.answers import exact_match, greedy_answers
from gptbook.models.gpt import GPTConfig
from gptbook.models.modern import ModernGPT
from gptbook.training.loops import fine_tune, train_on_sequences
from gptbook.training.loss import answer_log_probabilities
from gptbook.training.seeds import seeded

ASSISTANT_SETTINGS: dict[str, Any] = {
    "config": {
        "context_length": 64,
        "num_layers": 3,
        "num_heads": 4,
        "model_dim": 64,
        "mlp_dim": 256,
    },
    "num_texts": 20_000,
    "pre_training": {"num_steps": 240, "batch_size": 32},
    # More of what takes longer to learn.
    "num_dialogues": {
        "first letter": 3_000,
        "second letter": 3_000,
        "last letter": 3_000,
        "letters": 3_000,
        "capitals": 6_000,
        "backwards": 9_000,
        "stadium": 3_000,
    },
    "fine_tuning": {"num_steps": 900, "batch_size": 32},
    "num_questions": 100,
    "examine_every": 300,
    "seeds": [0, 1, 2],
    # Constants of the instruct set: another wording would be another experiment.
    "wordings": {task: list(asked) for task, asked in WORDINGS.items()},
    "facts": list(FACTS),
}


class AssistantExperiment:
    """A small GPT before and after fine-tuning, on what it was never asked."""

    def __init__(self, settings: dict[str, Any], folder: Path) -> None:
        """The settings are like `ASSISTANT_SETTINGS`; parts are kept whole only."""
        self.settings = settings
        self.instructions = InstructSet()
        self.tokenizer = self.instructions.tokenizer
        count = settings["num_questions"]
        self.exam = {
            task: self.instructions.held_out(task, count, seed=1) for task in WORDINGS
        }

    def parts(self) -> dict[str, tuple[int, Callable[..., dict[str, Any]]]]:
        """A GPT with each seed: pre-training and fine-tuning."""
        settings = self.settings
        steps = settings["pre_training"]["num_steps"]
        steps += settings["fine_tuning"]["num_steps"]
        return {
            f"assistant-{seed}": (steps, partial(self.train, seed))
            for seed in settings["seeds"]
        }

    def train(self, seed: int, on_step: Callable[[int, float], None]) -> dict[str, Any]:
        """A row of the record."""
        settings, tokenizer = self.settings, self.tokenizer
        began = time.perf_counter()
        config = GPTConfig(vocab_size=tokenizer.vocab_size, **settings["config"])
        with seeded(seed):
            model = ModernGPT(config)
        texts = self.instructions.texts(settings["num_texts"], seed)
        windows = text_windows(texts, tokenizer, config.context_length)
        train_on_sequences(
            model, *windows, **settings["pre_training"], seed=seed, on_step=on_step
        )
        row: dict[str, Any] = {
            "seed": seed,
            "parameters": sum(p.numel() for p in model.parameters()),
            "before": self.scores(model),
            "before_plain": self.scores(model, plain=True),
            "told_before": self.told(model),
        }
        dialogues = [
            dialogue
            for task, count in settings["num_dialogues"].items()
            for dialogue in self.instructions.training(task, count, seed)
        ]
        curve = [{"step": 0, **row["before"]}]

        def examine(step: int, loss: float) -> None:
            on_step(step, loss)
            if (step + 1) % settings["examine_every"] == 0:
                curve.append({"step": step + 1, **self.scores(model)})

        losses = fine_tune(
            model,
            *dialogue_tokens(dialogues, tokenizer),
            **settings["fine_tuning"],
            seed=seed,
            on_step=examine,
        )
        return {
            **row,
            "after": self.scores(model),
            "curve": curve,
            "training_loss": statistics.fmean(losses[-50:]),
            "told_after": self.told(model),
            "unasked": exact_match(model, tokenizer, self.instructions.unasked()),
            **self.never_told(model),
            "seconds": time.perf_counter() - began,
        }

    def scores(self, model: ModernGPT, plain: bool = False) -> dict[str, float]:
        """Exact match in held-out questions of each task, and of all together."""
        found = {
            task: exact_match(model, self.tokenizer, asked, plain)
            for task, asked in self.exam.items()
        }
        sizes = {task: len(asked) for task, asked in self.exam.items()}
        right = sum(found[task] * sizes[task] for task in found)
        return {**found, "all": right / sum(sizes.values())}

    def told(self, model: ModernGPT) -> dict[str, float]:
        """How often plain text goes on with the club's own stadium."""
        instructions, fact = self.instructions, FACTS[0]
        shares = {}
        for kind, clubs in (
            ("asked", instructions.clubs),
            ("unasked", instructions.unasked_clubs),
        ):
            begun = [
                [0, *self.tokenizer.encode(fact.format(club, "").strip())]
                for club in clubs
            ]
            written = greedy_answers(model, begun, 40)
            right = [
                self.tokenizer.decode(tokens).strip() == instructions.stadiums[club]
                for club, tokens in zip(clubs, written)
            ]
            shares[kind] = sum(right) / len(right)
        return shares

    def never_told(self, model: ModernGPT) -> dict[str, Any]:
        """What it answers when asked for clubs that are in no text: held-out cities."""
        every = self.instructions.names[1][::12]
        cities = [name for name in every if name not in self.instructions.stadiums]
        asked = [WORDINGS["stadium"][1].format(city) for city in cities]
        prompts = [prompt_tokens(self.tokenizer, question) for question in asked]
        written = greedy_answers(model, prompts, 30)
        answered = [
            Dialogue(
                task="stadium", question=question, answer=self.tokenizer.decode(tokens)
            )
            for question, tokens in zip(asked, written)
        ]
        with torch.no_grad():
            sure = answer_log_probabilities(
                model, *dialogue_tokens(answered, self.tokenizer)
            ).exp()
        real = set(self.instructions.stadiums.values())
        return {
            "invented_real_stadium": statistics.fmean(
                d.answer in real for d in answered
            ),
            "invented_probability": sure.mean().item(),
            "invented": {d.question: d.answer for d in answered[:10]},
        }

    def results(self, done: dict[str, dict[str, Any]]) -> dict[str, Any]:
        """What the record holds besides how it was made."""
        sizes = {task: len(asked) for task, asked in self.exam.items()}
        return {"num_questions": sizes, "rows": list(done.values())}
