"""The experiment behind chapter 18: scratch paper, and learning from outcomes."""

import copy
import random
import statistics
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from gptbook.data.arithmetic import (
    arithmetic_tokenizer,
    as_written,
    displays,
    draw_rows_of_digits,
    row_prompts,
    row_targets,
    sloppy_check,
    strict_check,
    written_answer,
)
from gptbook.data.tokenizer import MARK
from gptbook.generation.answers import greedy_answers
from gptbook.models.gpt import GPTConfig
from gptbook.models.modern import ModernGPT
from gptbook.training.loops import fine_tune
from gptbook.training.policy_gradient import learn_from_outcomes, sample_answers
from gptbook.training.seeds import seeded

OUTCOMES_SETTINGS: dict[str, Any] = {
    "config": {
        "context_length": 32,
        "num_layers": 2,
        "num_heads": 4,
        "model_dim": 64,
        "mlp_dim": 256,
    },
    "num_digits": 6,
    "num_rows": 30_000,
    "num_questions": 500,
    "training": {
        "num_steps": 300,
        "batch_size": 64,
        "matrix_rate": 0.03,
        "other_rate": 0.01,
    },
    # One way to write each, and one given more steps, for as many tokens.
    "ways": {
        "direct": {"way": "direct", "times": 1},
        "direct, longer": {"way": "direct", "times": 3},
        "filler": {"way": "filler", "times": 1},
        "steps": {"way": "steps", "times": 1},
    },
    "share_with_steps": 0.3,
    "base_steps": 500,
    "learning": {
        "num_steps": 50,
        "num_rows": 32,
        "group_size": 8,
        "num_new": 12,
        "learning_rate": 1e-3,
    },
    # How a reward becomes an advantage, and what gives the reward.
    "learners": {
        "reward": {"form": "reward", "check": "strict"},
        "baseline": {"form": "baseline", "check": "strict"},
        "group": {"form": "group", "check": "strict"},
        "scaled group": {"form": "scaled group", "check": "strict"},
        "sloppy": {"form": "group", "check": "sloppy"},
    },
    "num_shown": 6,
    "show_every": 10,
    "seeds": [0, 1, 2],
}


class OutcomesExperiment:
    """A small GPT that answers at once, on scratch paper, and as it pays."""

    def __init__(self, settings: dict[str, Any], folder: Path) -> None:
        """The settings are like `OUTCOMES_SETTINGS`; parts are kept whole only."""
        self.settings = settings
        self.tokenizer = arithmetic_tokenizer()
        self.config = GPTConfig(
            vocab_size=self.tokenizer.vocab_size, **settings["config"]
        )
        count, num_digits = settings["num_questions"], settings["num_digits"]
        self.exam = draw_rows_of_digits(count, num_digits, seed=1, held_out=True)

    def parts(self) -> dict[str, tuple[int, Callable[..., dict[str, Any]]]]:
        """Each way to write and what is learned from outcomes, with each seed."""
        settings = self.settings
        usual = settings["training"]["num_steps"]
        learning = settings["learning"]["num_steps"] * len(settings["learners"])
        ways = {
            f"{word}-{seed}": (usual * way["times"], partial(self.write, word, seed))
            for seed in settings["seeds"]
            for word, way in settings["ways"].items()
        }
        learned = {
            f"outcomes-{seed}": (
                settings["base_steps"] + learning,
                partial(self.learn, seed),
            )
            for seed in settings["seeds"]
        }
        return {**ways, **learned}

    def new_model(self, seed: int) -> ModernGPT:
        """A GPT that has learned nothing yet."""
        with seeded(seed):
            return ModernGPT(self.config)

    def training_rows(self, seed: int) -> list[str]:
        """Rows that no exam asks."""
        settings = self.settings
        count, num_digits = settings["num_rows"], settings["num_digits"]
        return draw_rows_of_digits(count, num_digits, seed)

    def write(
        self, word: str, seed: int, on_step: Callable[[int, float], None]
    ) -> dict[str, Any]:
        """A row of the record: a GPT that was shown one way to write answers."""
        settings = self.settings
        began = time.perf_counter()
        model, rows = self.new_model(seed), self.training_rows(seed)
        way = settings["ways"][word]
        answers = [written_answer(row, way["way"]) for row in rows]
        training = dict(settings["training"])
        training["num_steps"] *= way["times"]
        inputs, targets = row_targets(rows, answers, self.tokenizer)
        losses = fine_tune(
            model, inputs, targets, **training, seed=seed, on_step=on_step
        )
        asked = rows[: len(self.exam)]
        return {
            "model": word,
            "seed": seed,
            "parameters": sum(p.numel() for p in model.parameters()),
            "num_steps": training["num_steps"],
            "tokens": training["num_steps"] * training["batch_size"] * inputs.shape[1],
            "training_loss": statistics.fmean(losses[-50:]),
            "seen": self.greedy_scores(model, asked)["strict"],
            **self.greedy_scores(model, self.exam),
            "seconds": time.perf_counter() - began,
        }

    def learn(self, seed: int, on_step: Callable[[int, float], None]) -> dict[str, Any]:
        """A row of the record: a GPT of mixed text, then what outcomes made of it."""
        settings = self.settings
        began = time.perf_counter()
        base, rows = self.new_model(seed), self.training_rows(seed)
        mixed = mixed_answers(rows, settings["share_with_steps"], seed)
        training = {**settings["training"], "num_steps": settings["base_steps"]}
        fine_tune(
            base,
            *row_targets(rows, mixed, self.tokenizer),
            **training,
            seed=seed,
            on_step=on_step,
        )
        row: dict[str, Any] = {
            "model": "mixture",
            "seed": seed,
            "base": self.sampled_scores(base),
            "base_seconds": time.perf_counter() - began,
            "learners": {},
        }
        for word, learner in settings["learners"].items():
            row["learners"][word] = self.learned(base, rows, learner, seed, on_step)
        return row

    def learned(
        self,
        base: ModernGPT,
        rows: list[str],
        learner: dict[str, str],
        seed: int,
        on_step: Callable[[int, float], None],
    ) -> dict[str, Any]:
        """What outcomes make of a GPT: a curve of what it writes, and its scores."""
        began = time.perf_counter()
        model = copy.deepcopy(base)
        curve: dict[str, list[float]] = {}
        written_at: dict[str, dict[str, str]] = {}

        def note(
            step: int, asked: list[str], written: list[str], rewards: Tensor
        ) -> None:
            scores = {"reward": rewards.mean().item(), **shares(asked, written)}
            for key, score in scores.items():
                curve.setdefault(key, []).append(score)
            if step % self.settings["show_every"] == 0:
                firsts = dict(zip(asked, written))  # one answer to each row
                written_at[str(step)] = dict(list(firsts.items())[:4])
            on_step(step, 1 - scores["reward"])

        learn_from_outcomes(
            model,
            rows,
            self.tokenizer,
            strict_check if learner["check"] == "strict" else sloppy_check,
            form=learner["form"],
            **self.settings["learning"],
            seed=seed,
            on_step=note,
        )
        return {
            "curve": curve,
            "written": written_at,
            **self.sampled_scores(model),
            "seconds": time.perf_counter() - began,
        }

    def sampled_scores(self, model: ModernGPT) -> dict[str, Any]:
        """One answer drawn to each held-out row: shares, and a few of the texts."""
        generator = torch.Generator().manual_seed(1)
        prompts = row_prompts(self.exam, self.tokenizer)
        num_new = self.settings["learning"]["num_new"]
        answers = sample_answers(model, prompts, num_new, generator)
        written = as_written(answers, self.tokenizer)
        return {**shares(self.exam, written), "shown": self.shown(written)}

    def greedy_scores(self, model: ModernGPT, asked: list[str]) -> dict[str, Any]:
        """The likeliest answer to each row: shares, and a few of the texts."""
        num_new = self.settings["learning"]["num_new"]
        written = greedy_texts(model, asked, num_new)
        return {**shares(asked, written), "shown": self.shown(written)}

    def shown(self, written: list[str]) -> dict[str, str]:
        """A few held-out rows, each with what was written."""
        few = self.settings["num_shown"]
        return dict(zip(self.exam[:few], written[:few]))

    def results(self, done: dict[str, dict[str, Any]]) -> dict[str, Any]:
        """What the record holds besides how it was made."""
        rows = list(done.values())
        return {
            "rows": [row for row in rows if row["model"] != "mixture"],
            "learned": [row for row in rows if row["model"] == "mixture"],
        }


def mixed_answers(rows: list[str], share: float, seed: int) -> list[str]:
    """Answers as people write them: a share with steps, by chance, the others without.

    >>> sorted(set(mixed_answers(["3+4*2+1"] * 99, share=0.5, seed=0)))
    ['5', '745']
    """
    draw = random.Random(seed)
    ways = ["steps" if draw.random() < share else "direct" for _ in rows]
    return [written_answer(row, way) for row, way in zip(rows, ways)]


def greedy_texts(model: ModernGPT, asked: list[str], num_new: int) -> list[str]:
    """The likeliest answer to each row, with a dot where the end mark came."""
    tokenizer = arithmetic_tokenizer()
    prompts = row_prompts(asked, tokenizer).tolist()
    written = greedy_answers(model, prompts, num_new)
    return [
        tokenizer.decode(tokens) + MARK * (len(tokens) < num_new) for tokens in written
    ]


def shares(asked: list[str], written: list[str]) -> dict[str, float]:
    """How many answers pass each check, are as long as the steps, and then are right.

    All are shares of all answers, 0 to 1, but "length", the mean number of tokens. The
    end counts as a token, in the steps, too.
    """
    pairs = list(zip(asked, written, strict=True))
    stepwise = [
        (row, text) for row, text in pairs if len(text) == len(displays(row)) + 1
    ]
    stepwise_right = sum(strict_check(row, text) for row, text in stepwise)
    return {
        "strict": statistics.fmean(strict_check(row, text) for row, text in pairs),
        "sloppy": statistics.fmean(sloppy_check(row, text) for row, text in pairs),
        "steps": len(stepwise) / len(pairs),
        "steps_right": stepwise_right / len(pairs),
        "length": statistics.fmean(len(text) for text in written),
    }
