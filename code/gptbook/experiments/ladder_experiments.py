"""The experiments behind chapters 8 to 11: what is recorded, part by part."""

import math
import statistics
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any

import torch

from gptbook.data.clubs import ClubGrammar
from gptbook.data.sequences import padded
from gptbook.data.tables import city_names, split_names
from gptbook.data.tokenizer import CharacterTokenizer, WordTokenizer
from gptbook.generation.generate import generate_tokens, share_new
from gptbook.models.ablation import GPT_PARTS, gpt_without
from gptbook.models.gpt import GPTConfig
from gptbook.models.ngram import NgramCounts, context_windows
from gptbook.tasks.names import GPTNames
from gptbook.tasks.open_run import open_run
from gptbook.tasks.recipes import ClubsRecipe, GPTRecipe
from gptbook.tasks.sentences import ClubSentences, stadium_accuracy
from gptbook.training.engine import Run
from gptbook.training.loops import train_on_sequences
from gptbook.training.measure import sequence_loss
from gptbook.training.seeds import seeded
from gptbook.training.session import train_run


def train_part(run: Run, run_dir: Path, on_step: Callable[[int, float], None]) -> float:
    """Train a run to its end, or go on with what is in the folder; its seconds.

    They are those of the steps taken now, scaled to all steps. Raises KeyboardInterrupt
    if Ctrl-C stopped it; what was done is saved then.
    """
    if run_dir.is_dir():
        run.resume(open_run(run_dir))
    began, first = time.perf_counter(), run.step
    train_run(run, run_dir, lambda run: on_step(run.step, run.losses[-1]))
    if not run.is_finished:
        raise KeyboardInterrupt
    taken = max(1, run.step - first)
    return (time.perf_counter() - began) / taken * run.recipe.num_steps


class NameExperiment:
    """GPTs of city names, in several sizes and for several times, three seeds each."""

    def __init__(self, settings: dict[str, Any], folder: Path) -> None:
        """The settings are like `NAME_SETTINGS`; runs are kept in the folder."""
        self.settings = settings
        self.folder = folder

    def parts(self) -> dict[str, tuple[int, Callable[..., dict[str, Any]]]]:
        """Each model with each seed, the quick ones first."""
        parts: dict[str, tuple[int, Callable[..., dict[str, Any]]]] = {}
        for word, seed in product(self.settings["recipes"], self.settings["seeds"]):
            fields = self.settings["recipes"][word]
            recipe = replace(GPTRecipe(**fields), seed=seed)
            run = partial(self.train, word, recipe)
            parts[f"{word}-{seed}"] = recipe.num_steps, run
        return parts

    def train(
        self, word: str, recipe: GPTRecipe, on_step: Callable[[int, float], None]
    ) -> dict[str, Any]:
        """A row of the record."""
        task = GPTNames(recipe)
        run = Run(task)
        seconds = train_part(run, self.folder / f"{word}-{recipe.seed}", on_step)
        generator = torch.Generator().manual_seed(recipe.seed)
        samples = []
        for _ in range(self.settings["num_samples"]):
            tokens = generate_tokens(
                task.model, [0], 40, generator=generator, stop_token=0
            )
            samples.append(task.tokenizer.decode(tokens))
        return {
            "model": word,
            "seed": recipe.seed,
            "num_steps": recipe.num_steps,
            "parameters": run.num_parameters,
            "seconds": seconds,
            "training_loss": task.surprise_at(task.training),
            "held_out_loss": task.surprise_at(task.held_out),
            "new": share_new(samples, task.names),
            "memorised": 1 - share_new(samples, task.training),
            "samples": " ".join(samples[:20]),
        }

    def results(self, done: dict[str, dict[str, Any]]) -> dict[str, Any]:
        """What the record holds besides how it was made."""
        return {"rows": list(done.values())}


class ClubExperiment:
    """The stadium's name across the gap: counts of every width, and attention."""

    def __init__(self, settings: dict[str, Any], folder: Path) -> None:
        """The settings are like `CLUB_SETTINGS`; runs are kept in the folder."""
        self.settings = settings
        self.folder = folder

    def parts(self) -> dict[str, tuple[int, Callable[..., dict[str, Any]]]]:
        """Counts first, then attention with each seed."""
        parts: dict[str, tuple[int, Callable[..., dict[str, Any]]]] = {
            f"counts-{width}": (0, partial(self.count, width))
            for width in self.settings["widths"]
        }
        for seed in self.settings["seeds"]:
            recipe = ClubsRecipe(**self.settings["recipe"], seed=seed)
            parts[f"attention-{seed}"] = recipe.num_steps, partial(self.train, recipe)
        return parts

    def count(
        self, width: int, on_step: Callable[[int, float], None]
    ) -> dict[str, Any]:
        """Counts with a window of this many words: a row of the record."""
        grammar = ClubGrammar()
        tokenizer = WordTokenizer(grammar.words)
        recipe = ClubsRecipe(**self.settings["recipe"])
        sentences = grammar.sentences(recipe.num_sentences, seed=0)
        # Words in place of letters: a list of them is as good as a text here.
        windows = context_windows(sentences, tokenizer, width)  # type: ignore[arg-type]
        model = NgramCounts(width, tokenizer.vocab_size).fit(*windows)
        accuracy = []
        for gap in self.settings["gaps"]:
            asked, answers = [], []
            for words in grammar.sentences(
                self.settings["num_sentences"], seed=1_000_000, gap=gap
            ):
                place = grammar.stadium_position(words)
                tokens = [0] * width + tokenizer.encode(words[: place + 1])
                asked.append(tokens[-1 - width : -1])
                answers.append(tokens[-1])
            guesses = model.probabilities(torch.tensor(asked)).argmax(dim=-1)
            accuracy.append((guesses == torch.tensor(answers)).double().mean().item())
        return {"model": "counts", "width": width, "seed": None, "accuracy": accuracy}

    def train(
        self, recipe: ClubsRecipe, on_step: Callable[[int, float], None]
    ) -> dict[str, Any]:
        """Attention: a row of the record."""
        task = ClubSentences(recipe)
        run = Run(task)
        seconds = train_part(run, self.folder / f"attention-{recipe.seed}", on_step)
        new = task.grammar.sentences(4000, seed=1_000_000)
        tokens = [task.tokenizer.encode(words) for words in new]
        return {
            "model": "attention",
            "width": None,
            "seed": recipe.seed,
            "num_steps": recipe.num_steps,
            "parameters": run.num_parameters,
            "seconds": seconds,
            "held_out_loss": sequence_loss(task.model, *padded(tokens)),
            "sentences_floor": -statistics.fmean(map(task.grammar.log_probability, new))
            / statistics.fmean(len(words) + 1 for words in new),
            "accuracy": [
                stadium_accuracy(
                    task.model,
                    task.tokenizer,
                    task.grammar,
                    gap,
                    self.settings["num_sentences"],
                )
                for gap in self.settings["gaps"]
            ],
        }

    def results(self, done: dict[str, dict[str, Any]]) -> dict[str, Any]:
        """What the record holds besides how it was made."""
        grammar = ClubGrammar()
        return {
            "floor": grammar.floor(),
            "chance": 1 / len(grammar.stadiums),
            "rows": list(done.values()),
        }


class PartExperiment:
    """A small GPT of city names, whole and without each of its parts."""

    def __init__(self, settings: dict[str, Any], folder: Path) -> None:
        """The settings are like `PART_SETTINGS`. Parts are short: none is kept half."""
        self.settings = settings
        self.training, self.held_out = split_names(city_names())
        self.tokenizer = CharacterTokenizer.from_texts(city_names())

    def parts(self) -> dict[str, tuple[int, Callable[..., dict[str, Any]]]]:
        """The whole model and each model without a part, with each seed."""
        num_steps = self.settings["training"]["num_steps"]
        return {
            f"{part or 'whole'}-{seed}": (num_steps, partial(self.train, part, seed))
            for seed, part in product(self.settings["seeds"], ("", *GPT_PARTS))
        }

    def train(
        self, part: str, seed: int, on_step: Callable[[int, float], None]
    ) -> dict[str, Any]:
        """A GPT without a part, or whole: a row of the record."""
        tokens = [
            [self.tokenizer.encode(name) for name in names]
            for names in (self.training, self.held_out)
        ]
        training, held_out = map(padded, tokens)
        config = GPTConfig(
            vocab_size=self.tokenizer.vocab_size, **self.settings["config"]
        )
        with seeded(seed):
            model = gpt_without(part, config)
        losses = train_on_sequences(
            model, *training, **self.settings["training"], seed=seed, on_step=on_step
        )
        return {
            "without": part,
            "seed": seed,
            "parameters": sum(p.numel() for p in model.parameters() if p.requires_grad),
            "first_loss": losses[0],
            "training_loss": sequence_loss(model, *training),
            "held_out_loss": sequence_loss(model, *held_out),
        }

    def results(self, done: dict[str, dict[str, Any]]) -> dict[str, Any]:
        """What the record holds besides how it was made."""
        return {"uniform_loss": math.log(27), "rows": list(done.values())}
