"""What a recipe for text asks for: model, optimizer, how much goes at once."""

from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import nn

from gptbook.data.tokenizer_files import (
    TextTokenizer,
    load_tokenizer_file,
    tokenizer_path,
)
from gptbook.files.whole_files import file_sha256
from gptbook.machine.device import Machine
from gptbook.machine.team import Team
from gptbook.models.gpt import GPT, GPTConfig
from gptbook.models.modern import ModernGPT
from gptbook.models.sizes import sequences_at_once, training_memory
from gptbook.tasks.recipes import TextRecipe
from gptbook.tasks.saved_run import check_sizes, recipe_in
from gptbook.training.checkpoint import check_fits, load_checkpoint, restore_training
from gptbook.training.optim import FusedMuonAdamW, muon_groups
from gptbook.training.run import check_trained


def config_for(recipe: TextRecipe, vocab_size: int) -> GPTConfig:
    """The sizes of the model, for a text with that many different tokens."""
    return GPTConfig(
        vocab_size=vocab_size,
        context_length=recipe.context_length,
        num_layers=recipe.num_layers,
        num_heads=recipe.num_heads,
        model_dim=recipe.model_dim,
        mlp_dim=recipe.mlp_dim,
    )


def text_model(recipe: TextRecipe, vocab_size: int) -> GPT | ModernGPT:
    """A new model of the recipe's form and sizes."""
    config = config_for(recipe, vocab_size)
    return GPT(config) if recipe.form == "gpt-2" else ModernGPT(config, recipe.dropout)


def optimizer_for(recipe: TextRecipe, model: nn.Module) -> torch.optim.Optimizer:
    """The optimizer of a recipe; every group has its own "rate", for a schedule."""
    if recipe.optimizer == "muon":
        groups = muon_groups(model, recipe.learning_rate, recipe.other_rate)
        return FusedMuonAdamW(groups)
    matrices = [p for p in model.parameters() if p.ndim >= 2]
    others = [p for p in model.parameters() if p.ndim < 2]
    groups = [  # norms and biases are not pulled towards zero
        {"params": matrices, "rate": recipe.learning_rate},
        {"params": others, "rate": recipe.other_rate, "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(
        [group for group in groups if group["params"]],
        betas=(0.9, 0.95),
        weight_decay=recipe.weight_decay,
        fused=True,
    )


def fitting_rows(
    recipe: TextRecipe, vocab_size: int, machine: Machine, team: Team, wanted: int
) -> int:
    """How many windows a device works on at a time: as wanted, or as many as fit.

    Raises ValueError if the batch cannot be shared out so, or nothing fits.
    """
    if recipe.batch_size % team.size:
        raise ValueError(
            f"a batch of {recipe.batch_size} windows cannot be shared evenly by "
            f"{team.size} processes: start another number of them"
        )
    share = recipe.batch_size // team.size
    if not wanted:
        sizes = (config_for(recipe, vocab_size), recipe.form, recipe.optimizer)
        memory = training_memory(*sizes, machine.precision)
        return sequences_at_once(memory, share, machine.memory_bytes)
    if wanted < 1 or share % wanted:
        raise ValueError(
            f"--rows-at-once is {wanted}, and {share} windows for each process cannot "
            f"be cut into parts of {wanted}: give a number that divides {share}"
        )
    return wanted


def load_text_model(
    run_dir: Path,
) -> tuple[GPT | ModernGPT, TextTokenizer, dict[str, Any]]:
    """The model of a run on a text, its tokenizer, and what the checkpoint says.

    It needs no data. Raises ValueError if the folder holds no such run, or its training
    has failed.
    """
    tensors, facts = load_checkpoint(run_dir)
    recipe = recipe_in(facts, run_dir)
    if not isinstance(recipe, TextRecipe):
        raise ValueError(
            f"{run_dir} holds a run of {recipe.name}, which learns from no text: "
            "give a run of laptop or gpt2-124m"
        )
    check_trained(tensors, run_dir)
    check_sizes(recipe, facts, tensors, run_dir)
    tokenizer = load_tokenizer_file(run_dir)
    digest = file_sha256(tokenizer_path(run_dir))
    if (tokenizer.vocab_size, digest) != (
        facts["data"]["vocab_size"],
        facts["data"]["tokenizer_sha256"],
    ):
        raise ValueError(
            f"the tokenizer in {run_dir} is not the one that the model was trained "
            "with: copy the run folder again"
        )
    check_fits(tensors, partial(text_model, recipe, tokenizer.vocab_size))
    model = text_model(recipe, tokenizer.vocab_size)
    restore_training(tensors, model)
    return model.eval(), tokenizer, facts
