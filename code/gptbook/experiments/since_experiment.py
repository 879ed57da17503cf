"""A small GPT with each part swapped for a later one: the experiment of chapter 17."""

import hashlib
import importlib.metadata
import math
import statistics
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from gptbook.data.docstrings import docstrings
from gptbook.data.tables import split_names
from gptbook.data.tokenizer import CharacterTokenizer
from gptbook.experiments.longer_texts import longer_rows, reach
from gptbook.experiments.scaling_experiment import cut_text, window_loss
from gptbook.models.gpt import GPTConfig
from gptbook.models.grouped import cache_bytes_per_token
from gptbook.models.mixture import Mixture
from gptbook.models.sizes import flops_per_token, forward_flops
from gptbook.models.variants import Variant, VariantGPT, used_parameters
from gptbook.training.loops import train_in_one_pass
from gptbook.training.seeds import seeded

# The rates are the best of those tried for GPT-2's form, on a tenth of the training
# texts, which were left out for that. Those of the further steps are a quarter of them,
# and were not tuned.
SINCE_SETTINGS: dict[str, Any] = {
    "library": "numpy",
    "config": {
        "context_length": 64,
        "num_layers": 2,
        "num_heads": 4,
        "model_dim": 32,
        "mlp_dim": 128,
    },
    "training": {
        "num_steps": 320,
        "batch_size": 16,
        "matrix_rate": 0.04,
        "other_rate": 0.04,
        "warmup_steps": 40,
    },
    # By name: sizes that differ from those above, and what is swapped. The two experts
    # that work on a token do as much as GPT-2's one MLP; "wide" has as many parameters
    # as all eight.
    "models": {
        "gpt-2": [{}, {}],
        "rms norm": [{}, {"rms_norm": True}],
        "rotary": [{}, {"rotary": True}],
        "two groups": [{}, {"num_groups": 2}],
        "one group": [{}, {"num_groups": 1}],
        "mixture": [{"mlp_dim": 64}, {"num_experts": 8, "num_chosen": 2}],
        "unbalanced": [
            {"mlp_dim": 64},
            {"num_experts": 8, "num_chosen": 2, "balance_rate": 0.0},
        ],
        "wide": [{"mlp_dim": 512}, {}],
        "together": [
            {"mlp_dim": 64},
            {
                "rms_norm": True,
                "rotary": True,
                "num_groups": 2,
                "num_experts": 8,
                "num_chosen": 2,
            },
        ],
    },
    # Texts four times as long, by hands of another base or stretch, at once and after
    # some more steps.
    "longer": {
        "context_length": 256,
        "num_windows": 256,
        "bucket": 16,
        "ways": {
            "unchanged": [10_000.0, 1.0],
            "stretched": [10_000.0, 4.0],
            "larger base": [100_000.0, 1.0],
        },
        "training": {
            "num_steps": 40,
            "batch_size": 4,
            "matrix_rate": 0.01,
            "other_rate": 0.01,
            "warmup_steps": 5,
        },
    },
    "lengths": {
        "small": [{"model_dim": 16}, [20, 60, 140]],
        "large": [{"model_dim": 32}, [5, 10, 20]],
    },
    "clock": {"num_rounds": 5, "num_steps": 4},
    "seeds": [0, 1, 2],
}


@torch.no_grad()
def expert_shares(model: nn.Module, windows: Tensor) -> list[list[float]]:
    """By block: the share of the work that each expert does on windows.

    Shape: windows (W, C + 1). A block without experts has no entry.
    """
    model.eval()
    mixtures = [module for module in model.modules() if isinstance(module, Mixture)]
    work = [torch.zeros(len(mixture.experts)) for mixture in mixtures]

    def count(index: int, mixture: Mixture, inputs: tuple[Tensor]) -> None:
        chosen, _ = mixture.route(inputs[0])
        work[index] += chosen.flatten().bincount(minlength=len(mixture.experts))

    handles = [
        mixture.register_forward_pre_hook(partial(count, index))
        for index, mixture in enumerate(mixtures)
    ]
    for batch in windows.split(256):
        model(batch[:, :-1])
    for handle in handles:
        handle.remove()
    return [(counts / counts.sum()).tolist() for counts in work]


class SinceExperiment:
    """One text, one number of steps: GPT-2 in small, and with each part swapped."""

    def __init__(self, settings: dict[str, Any], folder: Path) -> None:
        """The settings are like `SINCE_SETTINGS`. No run is kept half."""
        self.settings = settings
        training, held_out = split_names(docstrings((settings["library"],)))
        self.texts = [*training, *held_out]
        self.tokenizer = CharacterTokenizer.from_texts(self.texts)
        short = settings["config"]["context_length"]
        long = settings["longer"]["context_length"]
        self.training = cut_text(training, self.tokenizer, short)
        self.held_out = cut_text(held_out, self.tokenizer, short)
        self.long_training = cut_text(training, self.tokenizer, long)
        num_windows = settings["longer"]["num_windows"]
        self.long_held_out = cut_text(held_out, self.tokenizer, long)[:num_windows]

    def parts(self) -> dict[str, tuple[int, Callable[..., dict[str, Any]]]]:
        """All that is done with a seed, then with the next."""
        settings = self.settings
        num_steps = settings["training"]["num_steps"]
        clock = settings["clock"]["num_rounds"] * settings["clock"]["num_steps"]
        parts: dict[str, tuple[int, Callable[..., dict[str, Any]]]] = {}
        for seed in settings["seeds"]:
            for name in settings["models"]:
                parts[f"{name}-{seed}"] = num_steps, partial(self.train, name, seed)
            parts[f"long from the start-{seed}"] = num_steps, partial(self.long, seed)
            for size, (sizes, lengths) in settings["lengths"].items():
                model = self.model(sizes, {}, seed)
                for length in lengths:
                    steps = self.steps_for(model, length)
                    run = partial(self.train_for, size, length, seed)
                    parts[f"{size}-{length}-{seed}"] = steps, run
            steps = clock * len(settings["models"])
            parts[f"clock-{seed}"] = steps, partial(self.clock, seed)
        return parts

    def config(self, sizes: dict[str, int]) -> GPTConfig:
        """The sizes of the settings, but for those that are given; F follows D."""
        if "model_dim" in sizes:
            sizes = {"mlp_dim": 4 * sizes["model_dim"], **sizes}
        vocab_size = self.tokenizer.vocab_size
        return GPTConfig(vocab_size=vocab_size, **{**self.settings["config"], **sizes})

    def model(
        self, sizes: dict[str, int], swapped: dict[str, Any], seed: int
    ) -> VariantGPT:
        """A model before its training."""
        with seeded(seed):
            return VariantGPT(self.config(sizes), Variant(**swapped))

    def steps_for(self, model: nn.Module, tokens_per_parameter: float) -> int:
        """How many steps of the settings' batches have so many tokens."""
        config = self.settings["config"]
        per_step = self.settings["training"]["batch_size"] * config["context_length"]
        parameters = sum(parameter.numel() for parameter in model.parameters())
        return round(tokens_per_parameter * parameters / per_step)

    def train(
        self, name: str, seed: int, on_step: Callable[[int, float], None]
    ) -> dict[str, Any]:
        """A model with a seed: a row of the record; of some also what is beyond."""
        sizes, swapped = self.settings["models"][name]
        model = self.model(sizes, swapped, seed)
        config, groups = model.config, model.variant.num_groups
        longer = self.settings["longer"]
        train_in_one_pass(
            model,
            self.training,
            **self.settings["training"],
            seed=seed,
            on_step=on_step,
        )
        row = {
            "model": name,
            "seed": seed,
            "parameters": sum(parameter.numel() for parameter in model.parameters()),
            "used_parameters": used_parameters(model),
            "cache_bytes": cache_bytes_per_token(config, groups or config.num_heads),
            "held_out_loss": window_loss(model, self.held_out),
        }
        if model.variant.num_experts > 1:
            row["expert_shares"] = expert_shares(model, self.held_out[:500])
        if name == "gpt-2":
            shorter = self.long_held_out[:, : config.context_length + 1]
            losses = reach(model, shorter, longer["bucket"])
            way = {"way": "learned", "seed": seed, "more_steps": 0, "losses": losses}
            row["reach"] = [way]
        if name == "rotary":
            texts = self.long_training, self.long_held_out
            row["reach"] = longer_rows(model, longer, *texts, seed)
        return row

    def long(self, seed: int, on_step: Callable[[int, float], None]) -> dict[str, Any]:
        """Rotary positions that met long texts from the first step."""
        training = self.settings["training"]
        times = self.long_training.shape[1] // self.training.shape[1]
        fewer = {**training, "batch_size": training["batch_size"] // times}
        model = self.model({}, {"rotary": True}, seed)
        train_in_one_pass(
            model, self.long_training, **fewer, seed=seed, on_step=on_step
        )
        losses = reach(model, self.long_held_out, self.settings["longer"]["bucket"])
        row = {"way": "from the start", "seed": seed, "more_steps": 0, "losses": losses}
        return {"reach": [row]}

    def train_for(
        self,
        size: str,
        tokens_per_parameter: float,
        seed: int,
        on_step: Callable[[int, float], None],
    ) -> dict[str, Any]:
        """A size trained for so long: a row about training time."""
        sizes, _ = self.settings["lengths"][size]
        model = self.model(sizes, {}, seed)
        num_steps = self.steps_for(model, tokens_per_parameter)
        training = {**self.settings["training"], "num_steps": num_steps}
        train_in_one_pass(model, self.training, **training, seed=seed, on_step=on_step)
        tokens = num_steps * training["batch_size"] * model.config.context_length
        return {
            "size": size,
            "seed": seed,
            "tokens_per_parameter": tokens_per_parameter,
            "parameters": sum(parameter.numel() for parameter in model.parameters()),
            "tokens": tokens,
            "training_flops": tokens * flops_per_token(model.config),
            "flops_of_use": forward_flops(model.config),
            "held_out_loss": window_loss(model, self.held_out),
        }

    def clock(self, seed: int, on_step: Callable[[int, float], None]) -> dict[str, Any]:
        """Processor seconds a step; the models take turns, so a busy hour hits all."""
        num_rounds = self.settings["clock"]["num_rounds"]
        num_steps = self.settings["clock"]["num_steps"]
        training = {**self.settings["training"], "num_steps": num_steps}
        taken: dict[str, list[float]] = {name: [] for name in self.settings["models"]}
        models = {
            name: self.model(sizes, swapped, seed)
            for name, (sizes, swapped) in self.settings["models"].items()
        }
        for _ in range(num_rounds):
            for name, model in models.items():
                began = time.process_time()
                train_in_one_pass(model, self.training, **training, on_step=on_step)
                taken[name].append((time.process_time() - began) / num_steps)
        medians = {name: statistics.median(each) for name, each in taken.items()}
        return {"clock": {"seed": seed, "seconds_per_step": medians}}

    def results(self, done: dict[str, dict[str, Any]]) -> dict[str, Any]:
        """What the record holds besides how it was made."""
        parts = list(done.values())
        rows = [{k: v for k, v in part.items() if k != "reach"} for part in parts]
        return {
            "library_version": importlib.metadata.version(self.settings["library"]),
            "text_sha256": hashlib.sha256("\0".join(self.texts).encode()).hexdigest(),
            "uniform_loss": math.log(self.tokenizer.vocab_size),
            "rows": [row for row in rows if "model" in row],
            "longer": [row for part in parts for row in part.get("reach", [])],
            "lengths": [row for row in rows if "size" in row],
            "clock": [part["clock"] for part in parts if "clock" in part],
        }
