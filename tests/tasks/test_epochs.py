"""How often a run reads what it learns from, and what follows from that."""

from dataclasses import replace
from pathlib import Path

import pytest
from small import TINY

from gptbook.data.corpus import Corpus, write_corpus
from gptbook.data.tokenizer import CharacterTokenizer
from gptbook.tasks.epochs import (
    default_patience,
    epoch_lines,
    interval,
    measure_as_before,
    measure_own_names_often,
    measured_often,
    num_epochs,
)
from gptbook.tasks.open_run import task_for
from gptbook.tasks.recipe_words import city_gpt, clubs_attention, laptop
from gptbook.tasks.recipes import GPTRecipe, NgramRecipe
from gptbook.tasks.text import TextTask
from gptbook.training.early_stopping import EarlyStoppingRun


def corpus_of(num_tokens: int, folder: Path) -> Corpus:
    """A text of so many tokens to learn from."""
    text = [1 + number % 8 for number in range(num_tokens + 200)]
    facts = {"name": "letters", "bytes_per_token": 1.0}
    return write_corpus(folder, CharacterTokenizer("abcdefgh"), [text[:num_tokens]], [text[num_tokens:]], facts)


@pytest.mark.parametrize(
    ("num_tokens", "every"),
    [(36_000, 18), (2_048, 10), (100, 10), (204_800, 100), (256_000, 125), (1_000_000, 125)],
)
def test_a_short_text_is_measured_once_an_epoch_and_a_long_one_as_the_recipe_says(
    num_tokens: int, every: int, tmp_path: Path
) -> None:
    recipe = laptop()
    assert (recipe.batch_tokens, recipe.num_steps, recipe.evaluate_every) == (2_048, 1_000, 125)
    chosen = measured_often(recipe, corpus_of(num_tokens, tmp_path / "text"))
    assert chosen == replace(recipe, evaluate_every=every)


@pytest.mark.parametrize("num_steps", [1, 7, 99, 100, 101, 6_900])
def test_a_run_is_measured_at_most_a_hundred_times_and_never_between_steps(num_steps: int) -> None:
    for epochs in (0.01, 1, 57, 1e6):
        every = interval(num_steps, epochs, 125)
        assert 1 <= every <= 125
        assert num_steps / every <= 100 or every == 125


def test_patience_is_for_texts_that_are_read_more_than_four_times(tmp_path: Path) -> None:
    recipe = replace(TINY, num_steps=10)  # 640 tokens
    patience = {}
    for num_tokens in (100, 159, 160, 640):
        task = TextTask(recipe, corpus_of(num_tokens, tmp_path / str(num_tokens)))
        assert num_epochs(task) == 640 / num_tokens
        patience[num_tokens] = default_patience(task)
    assert patience == {100: 10, 159: 10, 160: 0, 640: 0}


def test_own_names_are_measured_more_often_and_stop_and_the_books_do_not(short: NgramRecipe) -> None:
    own = task_for(replace(short, num_steps=200))
    assert own.evaluate_every == 20
    measure_own_names_often(own)  # type: ignore[arg-type]
    assert own.evaluate_every < 20
    assert default_patience(own) == 10
    few = GPTRecipe(
        name="towns", num_layers=1, num_steps=100, batch_size=4, names_file=short.names_file, column=short.column
    )
    assert num_epochs(task_for(few)) == 100 * 4 / 36
    book = task_for(replace(city_gpt(), num_layers=1))
    measure_own_names_often(book)  # type: ignore[arg-type]
    assert book.evaluate_every == 300
    assert default_patience(book) == 0


def test_what_is_never_measured_has_no_patience() -> None:
    task = task_for(replace(clubs_attention(), num_sentences=60))
    assert (num_epochs(task), default_patience(task)) == (0, 0)


def test_the_sentences_before_a_run_say_what_will_be_done(tmp_path: Path, short: NgramRecipe) -> None:
    def said(tokens: int, patience: int) -> str:
        run = EarlyStoppingRun(TextTask(replace(TINY, num_steps=10), corpus_of(tokens, tmp_path / f"{tokens}")))
        run.patience = patience
        lines = list(epoch_lines(run))
        assert all(len(line) <= 80 for line in lines)
        return "\n".join(lines)

    assert "read up to 4 times" in said(100, 10)
    assert "stops after 10 measurements" in said(100, 10)
    assert "--patience 0" in said(100, 0)
    assert said(640, 0) == ""
    names = EarlyStoppingRun(task_for(replace(short, num_steps=300)))
    names.patience = 3
    assert "It reads each of them" in next(epoch_lines(names))


def test_a_run_that_goes_on_is_measured_as_often_as_it_was(tmp_path: Path) -> None:
    task = TextTask(TINY, corpus_of(640, tmp_path / "text"))
    measure_as_before(task, replace(TINY, evaluate_every=2))
    assert (task.evaluate_every, task.recipe.evaluate_every) == (2, 2)
