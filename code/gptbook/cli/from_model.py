"""`gptbook train --from`: which model to go on with, in which folder."""

import argparse
from dataclasses import replace
from pathlib import Path

from gptbook.cli.own_data import readers_texts
from gptbook.data.chosen_text import corpus_for, is_corpus
from gptbook.data.corpus import open_corpus
from gptbook.data.text_sources import TEXT_SOURCES, check_text_length
from gptbook.tasks.assistant_base import new_assistant
from gptbook.tasks.assistant_recipes import AssistantRecipe
from gptbook.tasks.base_model import base_for
from gptbook.tasks.continued import ContinuedText
from gptbook.tasks.epochs import measure_own_names_often, measured_often
from gptbook.tasks.going_on import continued_names, continued_text_recipe, gentler
from gptbook.tasks.recipes import NamesRecipe, TextRecipe
from gptbook.training.recipe import Recipe
from gptbook.training.task import Task


def model_named(options: argparse.Namespace) -> str:
    """The model that --from names; nothing if it is not given.

    Raises ValueError if adapters are asked for and there is nothing to put them beside.
    """
    source: str | None = getattr(options, "from")
    for name in ("lora_rank", "lora_alpha"):
        needed = "from" if name == "lora_rank" else "lora_rank"
        if (
            getattr(options, name, None) is not None
            and getattr(options, needed) is None
        ):
            raise ValueError(
                f"--{name.replace('_', '-')} needs --{needed.replace('_', '-')}: "
                "adapters stand beside the weights of a trained model"
            )
    if source is not None and not source.strip():
        raise ValueError("--from is empty: give gpt2, or the folder of a run")
    return source or ""


def with_base(options: argparse.Namespace, chosen: Recipe) -> Recipe:
    """The recipe, gentler if there is a model to go on with.

    An assistant always has one, and is gentle as it is: without --from it is GPT-2.
    Raises ValueError as `model_named` and `file_of_conversations` do.
    """
    if isinstance(chosen, AssistantRecipe):
        file_of_conversations(options)  # said before a model is looked for
        if getattr(options, "from") is None:
            setattr(options, "from", chosen.starts_from)
        return chosen
    return gentler(chosen) if model_named(options) else chosen


def folder_for(options: argparse.Namespace, chosen: Recipe) -> Path:
    """The run folder, named by recipe, data and model, before any is opened."""
    texts = readers_texts(options)
    name = options.names.stem if options.names else ""
    if texts is not None:
        alone = texts.named(TEXT_SOURCES)
        prepared = open_corpus(Path(alone)) if is_corpus(alone) else None
        name = prepared.facts["name"] if prepared else texts.name
    model = Path(model_named(options)).resolve().name.removesuffix(".safetensors")
    parts = [chosen.name, *filter(None, [name]), "from", model]
    return Path("runs") / "-".join(parts)


def continued_task(options: argparse.Namespace, chosen: Recipe, run_dir: Path) -> Task:
    """What is trained from another model; a text is prepared in its tokens.

    Raises ValueError, in one sentence, if model, folder and data do not go together.
    """
    assert isinstance(chosen, TextRecipe | NamesRecipe)
    base = base_for(model_named(options), chosen, run_dir)
    if isinstance(chosen, NamesRecipe):
        task = continued_names(chosen, base)
        measure_own_names_often(task)
        return task
    how = {
        "rate_scale": options.rate_scale or 1.0,
        "learning_rate": options.learning_rate,
        "lora_rank": options.lora_rank,
        "lora_alpha": options.lora_alpha,
    }
    if isinstance(chosen, AssistantRecipe):
        path = file_of_conversations(options)
        return new_assistant(chosen, base, path, num_steps=options.steps, **how)
    windows = options.context_length
    wanted = continued_text_recipe(chosen, base, windows=windows, **how)
    corpus = corpus_for(readers_texts(options), base.tokenizer)
    check_text_length(corpus, wanted.context_length)
    wanted = replace(wanted, data=str(corpus.folder.resolve()))
    every = measured_often(wanted, corpus).evaluate_every
    wanted = replace(wanted, evaluate_every=every)
    return ContinuedText(wanted, corpus, base.weights)


def file_of_conversations(options: argparse.Namespace) -> str:
    """The file that --data names. Raises ValueError if it names none, or several."""
    paths: list[str] = options.data or []
    if len(paths) != 1:
        raise ValueError(
            "an assistant learns from one file of conversations: give --data "
            "dialogues.jsonl, with one conversation on each line"
        )
    return paths[0]
