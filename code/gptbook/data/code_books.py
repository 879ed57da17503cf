"""Little mappings from letters to digits, shown as examples in a row, then asked.

    b7e2a0b7c

Here "b" means 7, "e" 2 and "a" 0; "c" has not been shown, so its digit is a guess, one
of ten. Each row has a mapping of its own, a code book: what can be known of it stands
in the row, nothing in the parameters. Source of the test: Brown et al. 2020 (in-context
learning); of the comparison with few mappings: Raventós et al. 2023.
"""

import torch
from torch import Tensor

from gptbook.data.sequences import NO_TARGET
from gptbook.data.tokenizer import CharacterTokenizer

CODED = "abcdefgh"  # the letters that a code book has digits for
CODE_DIGITS = "0123456789"


def code_tokenizer() -> CharacterTokenizer:
    """Letters first, then digits; token 0 begins a row."""
    return CharacterTokenizer(CODED + CODE_DIGITS)


def draw_code_books(count: int, generator: torch.Generator) -> Tensor:
    """A digit for each letter, all as probable. Shape: the result (count, 8)."""
    return torch.randint(len(CODE_DIGITS), (count, len(CODED)), generator=generator)


def code_rows(
    books: Tensor, num_pairs: int, generator: torch.Generator
) -> tuple[Tensor, Tensor]:
    """A row of letters and their digits for each book, as inputs and targets.

    Letters are drawn by chance and come again; only digits are asked.
    Shapes: books (B, 8), both results (B, 2 num_pairs).
    """
    letters = torch.randint(len(CODED), (len(books), num_pairs), generator=generator)
    tokens = code_pairs(books, letters)
    start = torch.zeros(len(books), 1, dtype=torch.long)
    inputs = torch.cat([start, tokens[:, :-1]], dim=1)
    targets = torch.full_like(tokens, NO_TARGET)
    targets[:, 1::2] = tokens[:, 1::2]
    return inputs, targets


def code_exam(
    books: Tensor, num_examples: int, generator: torch.Generator
) -> tuple[Tensor, Tensor]:
    """Some different letters with their digits, then any letter, and what it means.

    Shapes: books (B, 8), prompts (B, 2 num_examples + 2), answers (B,), as tokens.
    Raises ValueError for more examples than there are letters.
    """
    if not 0 <= num_examples <= len(CODED):
        raise ValueError(
            f"num_examples is {num_examples}: a code book has {len(CODED)} letters"
        )
    order = torch.rand(books.shape, generator=generator).argsort(dim=1)
    shown = code_pairs(books, order[:, :num_examples])
    asked = torch.randint(len(CODED), (len(books), 1), generator=generator)
    pair = code_pairs(books, asked)
    start = torch.zeros(len(books), 1, dtype=torch.long)
    return torch.cat([start, shown, pair[:, :1]], dim=1), pair[:, 1]


def code_pairs(books: Tensor, letters: Tensor) -> Tensor:
    """Letters as tokens, each with its digit behind it.

    Shapes: books (B, 8), letters (B, P), the result (B, 2P).
    """
    digits = books.gather(1, letters)
    tokens = [letters + 1, digits + 1 + len(CODED)]
    return torch.stack(tokens, dim=-1).flatten(start_dim=1)


def best_possible(num_examples: int) -> float:
    """The share that whoever remembers every example, and guesses the rest, has right.

    >>> tuple(round(best_possible(shown), 3) for shown in (0, 4, 8))
    (0.1, 0.55, 1.0)
    """
    seen = num_examples / len(CODED)
    return seen + (1 - seen) / len(CODE_DIGITS)
