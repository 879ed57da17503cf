"""Tasks: what they learn from, what they keep to measure with, and what they measure."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from gptbook.data.tables import city_names
from gptbook.models.classifier import iris_tensors, train_classifier
from gptbook.models.ngram import NgramNet
from gptbook.tasks.catalogue import new_run
from gptbook.tasks.flowers import FlowerRun
from gptbook.tasks.names import SpellingRun
from gptbook.tasks.recipe_words import city_bigram, iris_net
from gptbook.tasks.recipes import NgramRecipe
from gptbook.training.loops import train_on_counts
from gptbook.training.seeds import seeded


def test_the_seed_draws_the_start_and_the_batches(short: NgramRecipe) -> None:
    def losses(seed: int) -> list[float]:
        run = new_run(replace(short, seed=seed))
        return [run.advance() for _ in range(3)]

    assert losses(1) == losses(1)
    assert losses(1) != losses(2)


def test_no_held_out_name_is_trained_on_and_each_has_its_letters(short: NgramRecipe) -> None:
    run = SpellingRun(short)
    assert len(run.held_out) == 4
    assert set(run.training).isdisjoint(run.held_out)
    assert run.tokenizer.vocab_size == 1 + len(set("".join(run.names)))


def test_training_goes_towards_the_floor_and_never_below_it(short: NgramRecipe) -> None:
    run = SpellingRun(replace(short, num_steps=200, learning_rate=0.02, batch_size=1000))
    before = run.measure()
    assert before["training loss"] == pytest.approx(before["uniform guess"], abs=0.1)
    while not run.is_finished:
        run.advance()
    after = run.measure()
    assert after["floor"] == before["floor"]
    assert after["floor"] < after["training loss"] < after["floor"] + 0.02


def test_the_command_line_trains_as_the_chapters_do_bit_for_bit(short: NgramRecipe) -> None:
    run = SpellingRun(replace(short, batch_size=1000))
    with seeded(short.seed):
        net = NgramNet(run.tokenizer.vocab_size, 2, short.embedding_dim, short.hidden_dim)
    losses = train_on_counts(net, run.contexts, run.counts, short.num_steps, short.learning_rate)
    while not run.is_finished:
        run.advance()
    assert run.losses == losses
    for name, weights in net.state_dict().items():
        assert torch.equal(weights, run.model.state_dict()[name])


def test_the_command_line_trains_the_iris_net_of_the_chapter_bit_for_bit() -> None:
    run = new_run(iris_net())
    while not run.is_finished:
        run.advance()
    model, losses = train_classifier(*iris_tensors())
    assert run.losses == losses
    for name, weights in model.state_dict().items():
        assert torch.equal(weights, run.model.state_dict()[name])


def test_a_list_has_a_least_length(short: NgramRecipe) -> None:
    path = Path(short.names_file)
    path.write_text("\n".join(path.read_text().splitlines()[:20]))  # the header and 19 names
    with pytest.raises(ValueError, match=r'column "town" of .* has 19 different names: give at least 20'):
        new_run(short)


def test_the_book_cities_are_the_default() -> None:
    run = new_run(city_bigram())
    assert isinstance(run, SpellingRun)
    assert run.names == city_names()
    assert run.tokenizer.vocab_size == 27
    assert "".join(run.describe()).startswith("city-bigram: a net that reads 1 letter and")


def test_accuracy_is_reported_with_its_interval_and_apart_from_flowers_seen() -> None:
    run = new_run(replace(iris_net(), num_steps=3))
    assert isinstance(run, FlowerRun)
    found = run.measure()
    assert 0 <= found["low"] < found["unseen"] < found["high"] <= 1
    assert f"{found['unseen']:.1%} on flowers not seen in training (95% interval" in "".join(run.report())


def test_names_that_take_more_memory_than_there_is_are_refused_before_it_is_taken(
    short: NgramRecipe, monkeypatch: pytest.MonkeyPatch
) -> None:
    SpellingRun(short)
    monkeypatch.setattr("gptbook.tasks.names.available_memory", lambda: 1000)
    with pytest.raises(ValueError, match="GB of memory"):
        SpellingRun(short)
