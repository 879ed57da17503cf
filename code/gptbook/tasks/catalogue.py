"""Which recipe makes which run, and how what was trained writes."""

from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import nn

from gptbook.data.chosen_text import corpus_of_run
from gptbook.data.sequences import padded
from gptbook.data.tokenizer import CharacterTokenizer, WordTokenizer
from gptbook.files.nearest_word import quoted
from gptbook.files.text_files import in_alphabet, nfc
from gptbook.generation.generate import draw_token, generate_name, generate_tokens
from gptbook.models.classifier import IrisNet
from gptbook.models.modern import ModernGPT
from gptbook.models.ngram import NgramNet, context_windows
from gptbook.tasks.flowers import FlowerRun
from gptbook.tasks.names import SpellingRun, net_for
from gptbook.tasks.recipes import (
    ClassifierRecipe,
    ClubsRecipe,
    GPTRecipe,
    NamesRecipe,
    NgramRecipe,
    TextRecipe,
)
from gptbook.tasks.saved_run import check_sizes, recipe_in
from gptbook.tasks.sentences import (
    ClubRun,
    NameRun,
    check_lengths,
    club_model_for,
    gpt_for,
)
from gptbook.tasks.text import TextRun
from gptbook.tasks.text_model import text_model
from gptbook.training.checkpoint import check_fits, load_checkpoint, restore_training
from gptbook.training.measure import mean_surprise, sequence_loss
from gptbook.training.recipe import Recipe
from gptbook.training.run import Run, check_trained

LONGEST_SENTENCE = 200  # words; one in a million of the grammar's has as many


def new_run(recipe: Recipe) -> Run:
    """A run at its very beginning. Raises ValueError if its data are not right."""
    match recipe:
        case NgramRecipe():
            return SpellingRun(recipe)
        case GPTRecipe():
            return NameRun(recipe)
        case ClubsRecipe():
            return ClubRun(recipe)
        case TextRecipe():
            return TextRun(recipe)
    assert isinstance(recipe, ClassifierRecipe)
    return FlowerRun(recipe)


def load_run(run_dir: Path, data: str | None = None) -> Run:
    """The run in a folder, with its data, at the step where it was saved.

    data says where a run's text lies now, if not where it was. Raises ValueError if the
    folder holds no run, its data have changed since, or its training has failed.
    """
    tensors, facts = load_checkpoint(run_dir)
    check_trained(tensors, run_dir)
    recipe = recipe_in(facts, run_dir)
    check_sizes(recipe, facts, tensors, run_dir)
    check_fits(tensors, partial(model_for, recipe, facts))
    if isinstance(recipe, TextRecipe):
        corpus = corpus_of_run(recipe.data, facts["data"], data, run_dir)
        run: Run = TextRun(recipe, corpus)
    elif data is not None:
        raise ValueError(
            f"{run_dir} holds a run of {recipe.name}, which learns from no text: "
            "leave out --data"
        )
    else:
        run = run_with_names(recipe, run_dir)
    run.advice = "put back the data that it learned from"
    if isinstance(recipe, NamesRecipe):
        run.advice += ", or measure on a list of your own with --names and --column"
    run.take_over(tensors, facts, run_dir)
    return run


def run_with_names(recipe: Recipe, run_dir: Path) -> Run:
    """A run that needs no text. Raises ValueError if its list of names is gone."""
    try:
        return new_run(recipe)
    except ValueError as error:
        if not isinstance(recipe, NamesRecipe) or not recipe.names_file:
            raise
        raise ValueError(
            f"the names that {run_dir} learned from cannot be had ({error}): put them "
            "back, or measure on a list of your own with --names and --column"
        ) from None


def model_for(recipe: Recipe, facts: dict[str, Any]) -> nn.Module:
    """An untrained model of a run's sizes, by its facts, which are checked."""
    match recipe:
        case NgramRecipe():
            return net_for(recipe, CharacterTokenizer(facts["data"]["alphabet"]))
        case GPTRecipe():
            return gpt_for(recipe, CharacterTokenizer(facts["data"]["alphabet"]))
        case ClubsRecipe():
            return club_model_for(recipe, WordTokenizer(facts["data"]["words"]))
        case TextRecipe():
            return text_model(recipe, facts["data"]["vocab_size"])
    return IrisNet()


def load_model(run_dir: Path) -> tuple[nn.Module, Recipe, dict[str, Any]]:
    """A trained model, its recipe and its run's facts. It needs no data.

    Raises ValueError if the folder holds no run, or its training has failed.
    """
    tensors, facts = load_checkpoint(run_dir)
    recipe = recipe_in(facts, run_dir)
    check_trained(tensors, run_dir)
    check_sizes(recipe, facts, tensors, run_dir)
    check_fits(tensors, partial(model_for, recipe, facts))
    model = model_for(recipe, facts)
    restore_training(tensors, model)
    return model.eval(), recipe, facts


def write_samples(run_dir: Path, start: str, count: int, seed: int) -> list[str]:
    """Let the model in a run folder write names, or sentences. It needs no data.

    Raises ValueError if the folder holds no run, or one that writes nothing or whose
    training has failed, or if `start` has what the model does not know.
    """
    model, recipe, facts = load_model(run_dir)
    data = facts["data"]
    generator = torch.Generator().manual_seed(seed)
    if isinstance(recipe, ClubsRecipe):
        words = WordTokenizer(data["words"])
        begun = words.encode(split_at_words(nfc(start), words.words))
        return [
            words.decode(begun + write_sentence(model, begun, generator))
            for _ in range(count)
        ]
    if not isinstance(recipe, NamesRecipe):
        raise ValueError(
            f"{run_dir} holds a run of {recipe.name}, which writes no names: "
            "give a run of city-bigram or another recipe for names"
        )
    letters = CharacterTokenizer(data["alphabet"])
    start = in_alphabet(start, letters.characters)
    # Twice the longest name it learned from: what rambles must end somewhere.
    longest = max(2 * data["longest_name"], len(start))
    if isinstance(recipe, GPTRecipe):
        check_lengths([start], recipe)
        assert isinstance(model, ModernGPT)
        begun = [0, *letters.encode(start)]
        return [
            letters.decode(
                begun
                + generate_tokens(
                    model,
                    begun,
                    max(1, longest - len(start)),
                    generator=generator,
                    stop_token=0,
                )
            )
            for _ in range(count)
        ]
    assert isinstance(recipe, NgramRecipe)
    assert isinstance(model, NgramNet)
    return [
        generate_name(model, letters, recipe.context_length, generator, start, longest)
        for _ in range(count)
    ]


def surprise_at_names(run_dir: Path, names: list[str]) -> float:
    """The mean surprise of a run's model at names, in nats per position.

    It needs no data of the run. Raises ValueError if the folder holds no run on names,
    for a letter that is not in its alphabet, or a name longer than its context.
    """
    model, recipe, facts = load_model(run_dir)
    if not isinstance(recipe, NamesRecipe):
        raise ValueError(
            f"{run_dir} holds a run of {recipe.name}, which reads no names: "
            "leave out --names"
        )
    letters = CharacterTokenizer(facts["data"]["alphabet"])
    if isinstance(recipe, GPTRecipe):
        check_lengths(names, recipe)
        return sequence_loss(model, *padded([letters.encode(name) for name in names]))
    assert isinstance(model, NgramNet)
    windows = context_windows(names, letters, model.context_length)
    return mean_surprise(model, *windows)


@torch.no_grad()
def write_sentence(
    model: nn.Module, begun: list[int], generator: torch.Generator
) -> list[int]:
    """What the model adds to the tokens of a sentence, up to its end."""
    model.eval()
    written = [0, *begun]
    while len(written) <= LONGEST_SENTENCE:
        drawn = draw_token(model(torch.tensor([written]))[0, -1], 1.0, generator)
        if drawn == 0:
            break
        written.append(drawn)
    return written[1 + len(begun) :]


def split_at_words(text: str, words: Iterable[str]) -> list[str]:
    """A text as known words, of which some have spaces in them: the longest that fit.

    Raises ValueError, which says where, for what begins with no known word.
    """
    longest_first = sorted(words, key=len, reverse=True)
    found, rest = [], text.strip()
    while rest:
        for word in longest_first:
            if f"{rest} ".startswith(f"{word} "):
                found.append(word)
                rest = rest[len(word) :].strip()
                break
        else:
            raise ValueError(
                f"{quoted(rest)} does not begin with a word that the model knows: "
                "begin like one of the sentences that it writes"
            )
    return found
