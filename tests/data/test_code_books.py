"""Rows of examples, each of a mapping of its own."""

import pytest
import torch

from gptbook.data.code_books import (
    CODE_DIGITS,
    CODED,
    best_possible,
    code_exam,
    code_rows,
    code_tokenizer,
    draw_code_books,
)


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_every_letter_is_followed_by_its_digit_in_the_rows_own_book() -> None:
    books = draw_code_books(6, generator())
    inputs, targets = code_rows(books, 12, generator(1))
    tokenizer = code_tokenizer()
    for book, seen, asked in zip(books.tolist(), inputs.tolist(), targets.tolist(), strict=True):
        letters = tokenizer.decode(seen[1::2])
        digits = tokenizer.decode(token for token in asked if token >= 0)
        assert digits == "".join(CODE_DIGITS[book[CODED.index(letter)]] for letter in letters)
        assert seen[0] == 0
        assert tokenizer.decode(seen[2::2]) == digits[:-1], "an answer stands in the row when the next is asked"


@pytest.mark.parametrize("shown", [0, 1, 5, 8])
def test_an_exam_shows_different_letters_and_asks_for_one(shown: int) -> None:
    books = draw_code_books(40, generator())
    prompts, answers = code_exam(books, shown, generator(2))
    tokenizer = code_tokenizer()
    remembered = 0
    for book, prompt, answer in zip(books.tolist(), prompts.tolist(), answers.tolist(), strict=True):
        text = tokenizer.decode(prompt)
        examples, asked = dict(zip(text[:-1:2], text[1:-1:2], strict=True)), text[-1]
        assert len(examples) == shown
        assert all(CODE_DIGITS[book[CODED.index(letter)]] == digit for letter, digit in examples.items())
        assert tokenizer.decode([answer]) == CODE_DIGITS[book[CODED.index(asked)]]
        remembered += asked in examples
    assert (remembered == 40) == (shown == len(CODED))
    assert (remembered == 0) == (shown == 0)


def test_whoever_remembers_and_guesses_has_the_best_possible_share() -> None:
    books = draw_code_books(4000, generator())
    for shown in (0, 3, 8):
        prompts, answers = code_exam(books, shown, generator(3))
        keys, values = prompts[:, 1:-1:2], prompts[:, 2:-1:2]
        hits = keys == prompts[:, -1:]
        known = hits.any(dim=1)
        guess = torch.where(known, (values * hits).sum(dim=1), len(CODED) + 1)
        assert (guess == answers).double().mean().item() == pytest.approx(best_possible(shown), abs=0.03)


@pytest.mark.parametrize("shown", [-1, 9])
def test_more_examples_than_letters_are_refused(shown: int) -> None:
    with pytest.raises(ValueError, match="num_examples"):
        code_exam(draw_code_books(1, generator()), shown, generator())
