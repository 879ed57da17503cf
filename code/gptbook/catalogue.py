"""Which recipe makes which run, and how what was trained writes."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import torch
from torch import nn

from gptbook.checkpoint import load_checkpoint, restore_training
from gptbook.generate import draw_token, generate_name, generate_tokens
from gptbook.reading import in_alphabet, nfc
from gptbook.recipes import (
    ClassifierRecipe,
    ClubsRecipe,
    GPTRecipe,
    NamesRecipe,
    NgramRecipe,
    Recipe,
)
from gptbook.runs import Run, check_trained, recipe_in
from gptbook.sequence_tasks import (
    ClubRun,
    NameRun,
    check_lengths,
    club_model_for,
    gpt_for,
)
from gptbook.tasks import FlowerRun, SpellingRun, net_for
from gptbook.text_recipes import TextRecipe
from gptbook.text_run import TextRun
from gptbook.tokenizer import CharacterTokenizer, WordTokenizer

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


def load_run(run_dir: Path) -> Run:
    """The run in a folder, with its data, at the step where it was saved.

    Raises ValueError if the folder holds no run, its data have changed since, or its
    training has failed.
    """
    tensors, facts = load_checkpoint(run_dir)
    check_trained(tensors, run_dir)
    run = new_run(recipe_in(facts, run_dir))
    run.take_over(tensors, facts, run_dir)
    return run


def write_samples(run_dir: Path, start: str, count: int, seed: int) -> list[str]:
    """Let the model in a run folder write names, or sentences. It needs no data.

    Raises ValueError if the folder holds no run, or one that writes nothing or whose
    training has failed, or if `start` has what the model does not know.
    """
    tensors, facts = load_checkpoint(run_dir)
    recipe = recipe_in(facts, run_dir)
    check_trained(tensors, run_dir)
    generator = torch.Generator().manual_seed(seed)
    if isinstance(recipe, ClubsRecipe):
        words = WordTokenizer(data_fact(facts, "words", run_dir))
        club_model = club_model_for(recipe, words)
        restore_training(tensors, club_model)
        begun = words.encode(split_at_words(nfc(start), words.words))
        return [
            words.decode(begun + write_sentence(club_model, begun, generator))
            for _ in range(count)
        ]
    if not isinstance(recipe, NamesRecipe):
        raise ValueError(
            f"{run_dir} holds a run of {recipe.name}, which writes no names: "
            "give a run of city-bigram or another recipe for names"
        )
    letters = CharacterTokenizer(data_fact(facts, "alphabet", run_dir))
    start = in_alphabet(start, letters.characters)
    # Twice the longest name it learned from: what rambles must end somewhere.
    longest = max(2 * data_fact(facts, "longest_name", run_dir), len(start))
    if isinstance(recipe, GPTRecipe):
        check_lengths([start], recipe)
        gpt = gpt_for(recipe, letters)
        restore_training(tensors, gpt)
        gpt.eval()
        begun = [0, *letters.encode(start)]
        return [
            letters.decode(
                begun
                + generate_tokens(
                    gpt,
                    begun,
                    max(1, longest - len(start)),
                    generator=generator,
                    stop_token=0,
                )
            )
            for _ in range(count)
        ]
    assert isinstance(recipe, NgramRecipe)
    net = net_for(recipe, letters)
    restore_training(tensors, net)
    return [
        generate_name(net, letters, recipe.context_length, generator, start, longest)
        for _ in range(count)
    ]


def data_fact(facts: dict[str, Any], name: str, run_dir: Path) -> Any:
    """A fact about a run's data. Raises ValueError if it is gone."""
    if name not in facts["data"]:
        raise ValueError(
            f"the checkpoint in {run_dir} does not say its {name}, it was changed: "
            "copy the run folder again, or train anew"
        )
    return facts["data"][name]


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
                f'"{rest}" does not begin with a word that the model knows: '
                "begin like one of the sentences that it writes"
            )
    return found
