"""From a recipe to its task, and from a run folder to what was trained in it."""

from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import nn

from gptbook.data.chosen_text import corpus_of_run
from gptbook.data.conversations import ConversationSet
from gptbook.data.corpus import Corpus
from gptbook.data.documents import ReadersTexts
from gptbook.data.tokenizer import CharacterTokenizer, WordTokenizer
from gptbook.data.tokenizer_files import (
    TextTokenizer,
    load_tokenizer_file,
    tokenizer_path,
)
from gptbook.files.whole_files import file_sha256
from gptbook.machine.device import this_machine
from gptbook.models.classifier import IrisNet
from gptbook.models.gpt import GPT
from gptbook.models.lora import merge_adapters
from gptbook.models.modern import ModernGPT
from gptbook.models.ngram import NgramNet
from gptbook.tasks.assistant import AssistantTask
from gptbook.tasks.assistant_recipes import AssistantRecipe
from gptbook.tasks.continued import (
    ContinuedGPTNames,
    ContinuedNgramNames,
    ContinuedText,
    continued_model,
)
from gptbook.tasks.continued_recipes import (
    ContinuedGPTRecipe,
    ContinuedNgramRecipe,
    ContinuedTextRecipe,
)
from gptbook.tasks.flowers import IrisFlowers
from gptbook.tasks.names import (
    GPTNames,
    NgramNames,
    names_model,
    surprise_at,
    write_names,
)
from gptbook.tasks.recipes import (
    ClassifierRecipe,
    ClubsRecipe,
    GPTRecipe,
    NamesRecipe,
    NgramRecipe,
    TextRecipe,
)
from gptbook.tasks.saved_facts import check_sizes, recipe_in
from gptbook.tasks.sentences import ClubSentences, clubs_model, write_sentences
from gptbook.tasks.text import TextTask, text_model
from gptbook.training.checkpoint import check_fits, load_checkpoint, restore_training
from gptbook.training.early_stopping import with_best
from gptbook.training.engine import Run
from gptbook.training.recipe import Recipe
from gptbook.training.saved_run import SavedRun
from gptbook.training.task import Task


def task_for(recipe: Recipe) -> Task:
    """What a recipe trains, with its data. Raises ValueError if they are not right."""
    match recipe:
        case NgramRecipe():
            return NgramNames(recipe)
        case GPTRecipe():
            return GPTNames(recipe)
        case ClubsRecipe():
            return ClubSentences(recipe)
        case TextRecipe():
            return text_task(recipe)
    assert isinstance(recipe, ClassifierRecipe)
    return IrisFlowers(recipe)


def open_run(run_dir: Path) -> SavedRun:
    """What a run folder holds, checked. It needs no data.

    Raises ValueError, in one sentence, if it holds no run, it was damaged or changed,
    or its training has failed.
    """
    tensors, facts = load_checkpoint(run_dir)
    recipe = recipe_in(facts, run_dir)
    saved = SavedRun(recipe=recipe, tensors=tensors, facts=facts, run_dir=run_dir)
    saved.check_trained()
    check_sizes(recipe, facts, tensors, run_dir)
    check_fits(tensors, partial(model_for, recipe, facts))
    return saved


def open_best(run_dir: Path) -> SavedRun:
    """The same with its best weights, where those are not its last.

    Raises ValueError as `open_run` does, of the best weights, too.
    """
    return best_of(open_run(run_dir))


def best_of(saved: SavedRun) -> SavedRun:
    """The same of a run that is opened already."""
    run_dir = saved.run_dir
    while True:
        try:
            return with_best(saved)
        except FileNotFoundError:
            before, saved = saved.facts["best"], open_run(run_dir)
        if saved.facts.get("best") == before:  # else it was saved again in between
            raise ValueError(
                f"{run_dir / before['weights']} is missing: copy the run folder again, "
                "or take the last weights (--last)"
            )


def run_of(saved: SavedRun, data: str | ReadersTexts | None = None) -> Run:
    """A saved run with its data, at the step where it was saved.

    data says where a run's text lies now, if not where it was. Raises ValueError if its
    data have changed since, or are gone.
    """
    recipe, run_dir = saved.recipe, saved.run_dir
    if isinstance(recipe, AssistantRecipe):
        run = Run(assistant_in(saved, recipe, data), this_machine())
    elif isinstance(recipe, TextRecipe):
        goes_on = isinstance(recipe, ContinuedTextRecipe) and recipe.starts_from
        given = text_tokenizer(saved) if goes_on else None
        where = (recipe.data, saved.facts["data"], data, run_dir, given)
        run = Run(text_task(recipe, corpus_of_run(*where)), this_machine())
    elif data is not None:
        raise ValueError(
            f"{run_dir} holds a run of {recipe.name}, which learns from no text: "
            "leave out --data"
        )
    else:
        run = Run(task_with_names(saved))
    run.advice = "put back the data that it learned from"
    if isinstance(recipe, NamesRecipe):
        run.advice += ", or measure on a list of your own with --names and --column"
    run.resume(saved)
    return run


def assistant_in(
    saved: SavedRun, recipe: AssistantRecipe, data: str | ReadersTexts | None
) -> AssistantTask:
    """A saved assistant with its conversations. Raises ValueError if they are gone."""
    paths = data.sources if isinstance(data, ReadersTexts) else (data or recipe.data,)
    if len(paths) > 1:
        raise ValueError("an assistant learns from one file: give --data with one")
    path, tokenizer = paths[0], text_tokenizer(saved)
    try:
        found = ConversationSet(path, tokenizer, recipe.model_context_length)
    except ValueError as error:
        raise ValueError(
            f"the conversations that {saved.run_dir} learned from cannot be had "
            f"({error}): give --data with their file"
        ) from None
    return AssistantTask(recipe, found)


def text_task(recipe: TextRecipe, corpus: Corpus | None = None) -> TextTask:
    """The task of a recipe for a text, whether it begins anew or goes on."""
    if isinstance(recipe, ContinuedTextRecipe):
        return ContinuedText(recipe, corpus)
    return TextTask(recipe, corpus)


def task_with_names(saved: SavedRun) -> Task:
    """A task that needs no text. Raises ValueError if its list of names is gone."""
    recipe, run_dir = saved.recipe, saved.run_dir
    try:
        match recipe:
            case ContinuedNgramRecipe():
                return ContinuedNgramNames(recipe, known_letters(saved.facts))
            case ContinuedGPTRecipe():
                return ContinuedGPTNames(recipe, known_letters(saved.facts))
        return task_for(recipe)
    except ValueError as error:
        if not isinstance(recipe, NamesRecipe) or not recipe.names_file:
            raise
        raise ValueError(
            f"the names that {run_dir} learned from cannot be had ({error}): put them "
            "back, or measure on a list of your own with --names and --column"
        ) from None


def model_for(recipe: Recipe, facts: dict[str, Any]) -> nn.Module:
    """An untrained model of a run's sizes, by its facts, which are checked."""
    data = facts["data"]
    match recipe:
        case NamesRecipe():
            return names_model(recipe, known_letters(facts).vocab_size)
        case ClubsRecipe():
            return clubs_model(recipe, WordTokenizer(data["words"]).vocab_size)
        case ContinuedTextRecipe():
            return continued_model(recipe, data["vocab_size"])
        case TextRecipe():
            return text_model(recipe, data["vocab_size"])
    return IrisNet()


def model_of(saved: SavedRun) -> nn.Module:
    """The trained model of a saved run, adapters merged. It needs no data."""
    model = model_for(saved.recipe, saved.facts)
    restore_training(saved.tensors, model)
    merge_adapters(model)
    return model.eval()


def known_letters(facts: dict[str, Any]) -> CharacterTokenizer:
    """The letters that a run spells names in, by its facts, which are checked."""
    return CharacterTokenizer(facts["data"]["alphabet"])


def check_text_run(saved: SavedRun) -> None:
    """Raise ValueError if a saved run is not one on a text."""
    if not isinstance(saved.recipe, TextRecipe):
        raise ValueError(
            f"{saved.run_dir} holds a run of {saved.recipe.name}, which learns from no "
            "text: give a run of laptop or gpt2-124m"
        )


def load_text_model(run_dir: Path) -> tuple[GPT | ModernGPT, TextTokenizer]:
    """The best model of a run on a text, and its tokenizer. It needs no data.

    Raises ValueError if the folder holds no such run, its tokenizer is another one, or
    its training has failed.
    """
    saved = open_best(run_dir)
    check_text_run(saved)
    return text_model_in(saved)


def text_model_in(saved: SavedRun) -> tuple[GPT | ModernGPT, TextTokenizer]:
    """The same of a run that is opened already."""
    model = model_of(saved)
    assert isinstance(model, GPT | ModernGPT)
    return model, text_tokenizer(saved)


def text_tokenizer(saved: SavedRun) -> TextTokenizer:
    """The tokenizer that lies beside a run on a text.

    Raises ValueError if it is not the one that the model was trained with.
    """
    run_dir, data = saved.run_dir, saved.facts["data"]
    tokenizer = load_tokenizer_file(run_dir)
    found = tokenizer.vocab_size, file_sha256(tokenizer_path(run_dir))
    if found != (data["vocab_size"], data["tokenizer_sha256"]):
        raise ValueError(
            f"the tokenizer in {run_dir} is not the one that the model was trained "
            "with: copy the run folder again"
        )
    return tokenizer


def write_samples(
    saved: SavedRun, start: str, count: int, generator: torch.Generator
) -> list[str]:
    """Names or sentences that the model of a saved run writes. It needs no data.

    Raises ValueError for a run that writes neither, or if `start` has what the model
    does not know.
    """
    model, recipe, data = model_of(saved), saved.recipe, saved.facts["data"]
    if isinstance(recipe, ClubsRecipe):
        words = WordTokenizer(data["words"])
        return write_sentences(model, words, start, count, generator)
    if not isinstance(recipe, NamesRecipe):
        raise ValueError(
            f"{saved.run_dir} holds a run of {recipe.name}, which writes no names: "
            "give a run of city-bigram or another recipe for names"
        )
    assert isinstance(model, NgramNet | ModernGPT)
    letters, longest = known_letters(saved.facts), data["longest_name"]
    return write_names(model, letters, longest, start, count, generator)


def surprise_at_names(saved: SavedRun, names: list[str]) -> float:
    """The mean surprise of a saved run's model at names, in nats per position.

    It needs no data of the run. Raises ValueError for a run that reads no names, for a
    letter that is not in its alphabet, or a name longer than its context.
    """
    if not isinstance(saved.recipe, NamesRecipe):
        raise ValueError(
            f"{saved.run_dir} holds a run of {saved.recipe.name}, which reads no "
            "names: leave out --names"
        )
    model = model_of(saved)
    assert isinstance(model, NgramNet | ModernGPT)
    return surprise_at(model, known_letters(saved.facts), names)
