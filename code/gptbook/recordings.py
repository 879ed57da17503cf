"""Every record of the book: its settings, and what decides its numbers."""

import math
from dataclasses import asdict
from pathlib import Path
from typing import Any

from gptbook.datasets import city_names
from gptbook.experiments import ClubExperiment, NameExperiment, PartExperiment
from gptbook.mistake_experiment import MistakeExperiment, mistake_settings
from gptbook.recipes import city_attention, city_gpt, clubs_attention
from gptbook.record import Recording
from gptbook.windows import WINDOW_SETTINGS, WindowExperiment

WINDOW_SOURCES = (
    "cities.csv",
    "gptbook.datasets:split_names",
    "gptbook.tokenizer:CharacterTokenizer",
    "gptbook.ngram:context_windows",
    "gptbook.ngram:context_keys",
    "gptbook.ngram:unique_contexts",
    "gptbook.ngram:NgramCounts",
    "gptbook.ngram:discounts",
    "gptbook.ngram:NgramNet",
    "gptbook.loss:count_loss",
    "gptbook.loss:conditional_entropy",
    "gptbook.train:train_on_counts",
    "gptbook.train:draw_rows",
    "gptbook.train:seeded",
    "gptbook.train:mean_surprise",
    "gptbook.generate:generate_name",
    "gptbook.windows:WindowExperiment",
)
SEQUENCE_SOURCES = (
    "gptbook.sequences:padded",
    "gptbook.sequences:trimmed",
    "gptbook.sequences:sequence_batch",
    "gptbook.sequences:sequence_loss",
    "gptbook.optim:MuonAdamW",
    "gptbook.optim:orthogonalize",
    "gptbook.optim:muon_groups",
    "gptbook.optim:warmup_then_decay",
    "gptbook.loss:next_token_loss",
    "gptbook.train:seeded",
    "gptbook.attention:fused_attention",
    "gptbook.attention:MultiHeadAttention",
)
NAME_SOURCES = (
    "cities.csv",
    "gptbook.datasets:split_names",
    "gptbook.tokenizer:CharacterTokenizer",
    *SEQUENCE_SOURCES,
    "gptbook.sequence_tasks:SequenceRun",
    "gptbook.sequence_tasks:gpt_for",
    "gptbook.modern:rms_norm",
    "gptbook.modern:rotate",
    "gptbook.modern:ModernAttention",
    "gptbook.modern:ModernMLP",
    "gptbook.modern:ModernBlock",
    "gptbook.modern:ModernGPT",
    "gptbook.generate:generate_tokens",
    "gptbook.generate:draw_token",
    "gptbook.experiments:NameExperiment",
)
CLUB_SOURCES = (
    "teams.csv",
    "gptbook.clubs:next_word_table",
    "gptbook.clubs:ClubGrammar",
    "gptbook.tokenizer:WordTokenizer",
    "gptbook.ngram:context_windows",
    "gptbook.ngram:NgramCounts",
    *SEQUENCE_SOURCES,
    "gptbook.attention:AttentionModel",
    "gptbook.sequence_tasks:SequenceRun",
    "gptbook.sequence_tasks:ground_accuracy",
    "gptbook.experiments:ClubExperiment",
)
PART_SOURCES = (
    "cities.csv",
    "gptbook.datasets:split_names",
    "gptbook.tokenizer:CharacterTokenizer",
    *SEQUENCE_SOURCES,
    "gptbook.sequences:train_on_sequences",
    "gptbook.gpt:MLP",
    "gptbook.gpt:Block",
    "gptbook.gpt:GPT",
    "gptbook.ablation:ReplacingBlock",
    "gptbook.ablation:gpt_without",
    "gptbook.experiments:PartExperiment",
)

MISTAKE_SOURCES = (
    "cities.csv",
    "gptbook.datasets:split_names",
    "gptbook.tokenizer:CharacterTokenizer",
    "gptbook.sequences:padded",
    "gptbook.sequences:trimmed",
    "gptbook.sequences:sequence_loss",
    "gptbook.optim:warmup_then_decay",
    "gptbook.train:seeded",
    "gptbook.attention:attention_weights",
    "gptbook.attention:causal_attention",
    "gptbook.attention:MultiHeadAttention",
    "gptbook.gpt:MLP",
    "gptbook.gpt:Block",
    "gptbook.gpt:GPT",
    "gptbook.ngram:NgramCounts",
    "gptbook.generate:generate_tokens",
    "gptbook.generate:draw_token",
    "gptbook.small_run:WrittenOutAttention",
    "gptbook.small_run:DroppingMLP",
    "gptbook.small_run:SmallGPT",
    "gptbook.small_run:shuffled_rows",
    "gptbook.small_run:decaying_groups",
    "gptbook.small_run:SmallRun",
    "gptbook.mistake_experiment:prefix_loss",
    "gptbook.mistake_experiment:MistakeExperiment",
)


def recordings() -> dict[str, Recording]:
    """Every record by its name, in the order of the book."""
    every = (
        Recording(
            name="windows",
            about="loss (nats per position) of counts and nets by letters of context",
            duration="about 20 minutes on one processor core",
            settings=WINDOW_SETTINGS,
            sources=WINDOW_SOURCES,
            start=RecordedWindows,
        ),
        Recording(
            name="clubs",
            about="accuracy on the ground's name by gap, of counts and of attention",
            duration="about 3 minutes on one processor core",
            settings=club_settings(),
            sources=CLUB_SOURCES,
            start=ClubExperiment,
        ),
        Recording(
            name="parts",
            about="loss (nats per position) of a GPT of names without each part",
            duration="about 15 minutes on one processor core",
            settings=part_settings(),
            sources=PART_SOURCES,
            start=PartExperiment,
        ),
        Recording(
            name="names",
            about="loss (nats per position) of one block and of GPTs on city names",
            duration="about an hour on one processor core",
            settings=name_settings(),
            sources=NAME_SOURCES,
            start=NameExperiment,
        ),
        Recording(
            name="mistakes",
            about="loss (nats per position) of a small GPT of names with each mistake",
            duration="about 10 minutes on one processor core",
            settings=mistake_settings(),
            sources=MISTAKE_SOURCES,
            start=MistakeExperiment,
        ),
    )
    return {recording.name: recording for recording in every}


def club_settings() -> dict[str, Any]:
    """Windows of several widths; gaps inside and beyond them, and beyond training's."""
    recipe = asdict(clubs_attention())
    del recipe["seed"], recipe["window"]
    return {
        "recipe": recipe,
        "widths": [2, 4, 6, 8],
        "gaps": [5, 6, 7, 8, 9, 10, 12, 14, 16, 20, 24, 28, 32, 36, 40, 80, 160],
        "num_sentences": 2000,
        "seeds": [0, 1, 2],
    }


def part_settings() -> dict[str, Any]:
    """A GPT-2 in small, trained for as long as a page can wait."""
    return {
        "config": {
            "context_length": 25,
            "num_layers": 4,
            "num_heads": 4,
            "model_dim": 64,
            "mlp_dim": 256,
        },
        "training": {"num_steps": 600, "batch_size": 128},
        "seeds": [0, 1, 2],
    }


def name_settings() -> dict[str, Any]:
    """The recipes of the command line, and the GPT with less time."""
    whole = city_gpt()
    recipes = {
        "attention": asdict(city_attention()),
        "gpt in a tenth of the time": {
            **asdict(whole),
            "num_steps": whole.num_steps // 10,
        },
        "gpt": asdict(whole),
    }
    for recipe in recipes.values():
        del recipe["seed"]
    return {"recipes": recipes, "num_samples": 1000, "seeds": [0, 1, 2]}


class RecordedWindows(WindowExperiment):
    """The experiment of chapters 4 and 5, as one that can be recorded."""

    def __init__(self, settings: dict[str, Any], folder: Path) -> None:
        """The settings are like `WINDOW_SETTINGS`; no run is kept half."""
        super().__init__(city_names(), settings)

    def results(self, done: dict[str, dict[str, Any]]) -> dict[str, Any]:
        """What the record holds besides how it was made."""
        return {
            "names": {
                "training": len(self.training),
                "held_out": len(self.held_out),
            },
            "positions": {
                "training": sum(len(name) + 1 for name in self.training),
                "held_out": sum(len(name) + 1 for name in self.held_out),
            },
            "uniform_loss": math.log(self.tokenizer.vocab_size),
            "rows": [part for name, part in done.items() if "curve" not in name],
            "curves": [part for name, part in done.items() if "curve" in name],
        }
