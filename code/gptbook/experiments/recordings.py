"""Every record of the book: its settings, and the experiment that makes it."""

import math
from dataclasses import asdict
from pathlib import Path
from typing import Any

from gptbook.data.tables import city_names
from gptbook.experiments.after_pretraining_experiment import (
    AFTER_PRETRAINING_SETTINGS,
    AfterPretrainingExperiment,
)
from gptbook.experiments.assistant_experiment import (
    ASSISTANT_SETTINGS,
    AssistantExperiment,
)
from gptbook.experiments.cheaper_experiment import CHEAPER_SETTINGS, CheaperExperiment
from gptbook.experiments.ladder_experiments import (
    ClubExperiment,
    NameExperiment,
    PartExperiment,
)
from gptbook.experiments.mistake_experiment import MistakeExperiment, mistake_settings
from gptbook.experiments.outcomes_experiment import (
    OUTCOMES_SETTINGS,
    OutcomesExperiment,
)
from gptbook.experiments.record import Recording
from gptbook.experiments.scaling_experiment import SCALING_SETTINGS, ScalingExperiment
from gptbook.experiments.since_experiment import SINCE_SETTINGS, SinceExperiment
from gptbook.experiments.width_choice import (
    chosen_width,
    compared_with,
    mean_by_width,
)
from gptbook.experiments.window_experiment import WINDOW_SETTINGS, WindowExperiment
from gptbook.tasks.recipe_words import city_attention, city_gpt, clubs_attention


def recordings() -> dict[str, Recording]:
    """Every record by its name, in the order of the book."""
    every = (
        Recording(
            name="windows",
            about="loss (nats per position) of counts and nets by letters of context",
            duration="about 40 minutes on one processor core",
            settings=WINDOW_SETTINGS,
            start=RecordedWindows,
        ),
        Recording(
            name="clubs",
            about="accuracy on the stadium's name by gap, of counts and of attention",
            duration="about 3 minutes on one processor core",
            settings=club_settings(),
            start=ClubExperiment,
        ),
        Recording(
            name="parts",
            about="loss (nats per position) of a GPT of names without each part",
            duration="about 15 minutes on one processor core",
            settings=part_settings(),
            start=PartExperiment,
        ),
        Recording(
            name="names",
            about="loss (nats per position) of one block and of GPTs on city names",
            duration="about an hour on one processor core",
            settings=name_settings(),
            start=NameExperiment,
        ),
        Recording(
            name="mistakes",
            about="loss (nats per position) of a small GPT of names with each mistake",
            duration="about 20 minutes on one processor core",
            settings=mistake_settings(),
            start=MistakeExperiment,
        ),
        Recording(
            name="cheaper",
            about="loss (nats per character) of a small GPT with each change of the "
            "five-dollar recipe",
            duration="about 15 minutes on one processor core",
            settings=CHEAPER_SETTINGS,
            start=CheaperExperiment,
        ),
        Recording(
            name="scaling",
            about="loss (nats per character) of GPTs of six sizes on the same text",
            duration="about 15 minutes on two processor cores",
            settings=SCALING_SETTINGS,
            start=ScalingExperiment,
        ),
        Recording(
            name="assistant",
            about="exact match of a small GPT on new questions, before and after "
            "fine-tuning",
            duration="about 6 minutes on one processor core",
            settings=ASSISTANT_SETTINGS,
            start=AssistantExperiment,
        ),
        Recording(
            name="after_pretraining",
            about="right answers of small GPTs after dialogues, refusals and "
            "preferences, with tools, and from examples in the prompt",
            duration="about 7 minutes on one processor core",
            settings=AFTER_PRETRAINING_SETTINGS,
            start=AfterPretrainingExperiment,
        ),
        Recording(
            name="since",
            about="loss (nats per character), work and memory of a small GPT with each "
            "part swapped for a later one; longer texts; longer training",
            duration="about 15 minutes on one processor core",
            settings=SINCE_SETTINGS,
            start=SinceExperiment,
        ),
        Recording(
            name="outcomes",
            about="right answers of a small GPT with and without scratch paper, and as "
            "it learns from outcomes",
            duration="about 10 minutes on one processor core",
            settings=OUTCOMES_SETTINGS,
            start=OutcomesExperiment,
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
        names = {
            "training": self.training,
            "held_out": self.held_out,
            "fitting": self.fitting,
            "validation": self.validation,
        }
        curves = [part for part in done.values() if "steps" in part]
        choices = [part for part in done.values() if "validation_loss" in part]
        rows = [part for part in done.values() if "held_out_loss" in part]
        chosen, comparisons = {}, []
        for model in ("counts", "net"):
            of_choice = [part for part in choices if part["model"] == model]
            asked = [part for part in rows if part["model"] == model]
            width = chosen_width(of_choice)
            means = mean_by_width(of_choice, "validation_loss")
            losses = mean_by_width(asked, "held_out_loss")
            chosen[model] = {
                "context_length": width,
                "validation_loss": means[width].item(),
                "held_out_loss": losses[width].item(),
            }
            validated = compared_with(width, of_choice, self.validation)
            for other, (higher, error) in compared_with(
                width, asked, self.held_out
            ).items():
                comparisons.append(
                    {
                        "model": model,
                        "context_length": other,
                        "chosen": width,
                        "validation_difference": validated[other][0],
                        "validation_standard_error": validated[other][1],
                        "held_out_difference": higher,
                        "held_out_standard_error": error,
                    }
                )
        return {
            "names": {part: len(some) for part, some in names.items()},
            "positions": {
                part: sum(len(name) + 1 for name in some)
                for part, some in names.items()
            },
            "uniform_loss": math.log(self.tokenizer.vocab_size),
            "chosen": chosen,
            "validation": [shown(part) for part in choices],
            "comparisons": comparisons,
            "rows": [shown(part) for part in rows],
            "curves": curves,
        }


def shown(part: dict[str, Any]) -> dict[str, Any]:
    """A part as the record has it: without the thousands of names one by one."""
    return {key: value for key, value in part.items() if key != "name_surprises"}
