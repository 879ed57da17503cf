"""Rows of plus and times with answers that can be checked, and ways to write them.

    3+4*2+1=745.

It is worked out from left to right, as on a pocket calculator whose display holds one
digit: of 7 * 2 = 14 it shows 4. After "=" stand the displays one after another, which
is scratch paper, or only the last one, which is the answer. The dot is the end mark.
"""

import random
import zlib
from collections.abc import Sequence

import torch
from torch import Tensor

from gptbook.data.sequences import NO_TARGET
from gptbook.data.tokenizer import MARK, CharacterTokenizer

DIGITS = "1234"  # what is added and multiplied; the display shows 0 to 9
FILLER = "_"  # a token that says nothing
# The ways to write what comes after "=".
WAYS = ("direct", "steps", "filler")


def arithmetic_tokenizer() -> CharacterTokenizer:
    """Digits, signs and the filler; the mark, token 0, ends an answer."""
    return CharacterTokenizer([*"0123456789+*=", FILLER])


def displays(row: str) -> str:
    """What the calculator shows after each operation, digit after digit.

    >>> displays("3+4*2+1")
    '745'
    """
    shown, every = int(row[0]), ""
    for sign, digit in zip(row[1::2], row[2::2]):
        result = shown + int(digit) if sign == "+" else shown * int(digit)
        shown = result % 10
        every += str(shown)
    return every


def written_answer(row: str, way: str) -> str:
    """What stands after "=" if the row is answered in one of the `WAYS`.

    >>> " ".join(written_answer("3+4*2+1", way) for way in WAYS)
    '5 745 __5'

    Filler is as long as the steps and says nothing. Raises ValueError for another way.
    """
    steps = displays(row)
    if way not in WAYS:
        raise ValueError(f'there is no way "{way}": choose one of {", ".join(WAYS)}')
    if way == "steps":
        return steps
    return steps[-1] if way == "direct" else FILLER * (len(steps) - 1) + steps[-1]


def held_out_row(row: str) -> bool:
    """Whether a row is never trained on: about one in ten, whatever the seed."""
    return zlib.crc32(row.encode()) % 10 == 0


def draw_rows_of_digits(
    count: int, num_digits: int, seed: int, held_out: bool = False
) -> list[str]:
    """Rows of digits 1 to 4 with + or * between them, by chance from the seed.

    Raises ValueError if there is nothing to work out.
    """
    if num_digits < 2:
        raise ValueError(f"a row of {num_digits} has nothing to add: give 2 or more")
    draw = random.Random(seed)
    rows: list[str] = []
    while len(rows) < count:
        row = draw.choice(DIGITS)
        for _ in range(num_digits - 1):
            row += draw.choice("+*") + draw.choice(DIGITS)
        if held_out_row(row) == held_out:
            rows.append(row)
    return rows


def row_prompts(rows: Sequence[str], tokenizer: CharacterTokenizer) -> Tensor:
    """Rows as tokens, up to "=", with the mark in front.

    Shape: the result (B, T). Raises ValueError if the rows differ in length.
    """
    if len({len(row) for row in rows}) != 1:
        raise ValueError("rows of one batch have one length: draw them together")
    return torch.tensor([[0, *tokenizer.encode(row + "=")] for row in rows])


def row_targets(
    rows: Sequence[str], answers: Sequence[str], tokenizer: CharacterTokenizer
) -> tuple[Tensor, Tensor]:
    """Rows with their answers as inputs and targets; only the answer is asked.

    Shapes: both results (B, T), as `dialogue_tokens` makes them of dialogues.
    """
    width = max(map(len, answers)) + 1
    written = torch.full((len(rows), width), NO_TARGET)
    for place, answer in enumerate(answers):
        tokens = [*tokenizer.encode(answer), 0]
        written[place, : len(tokens)] = torch.tensor(tokens)
    return after_prompts(row_prompts(rows, tokenizer), written)


def after_prompts(prompts: Tensor, answers: Tensor) -> tuple[Tensor, Tensor]:
    """Prompts and what was written after them, as inputs and targets of a loss.

    Shapes: prompts (B, T), answers (B, A) with `NO_TARGET` after their end, the results
    (B, T + A - 1). Targets are `NO_TARGET` wherever no token of an answer comes next.
    """
    tokens = torch.cat([prompts, answers.clamp(min=0)], dim=1)
    given = torch.full_like(prompts[:, 1:], NO_TARGET)
    return tokens[:, :-1], torch.cat([given, answers], dim=1)


def as_written(answers: Tensor, tokenizer: CharacterTokenizer) -> list[str]:
    """Answers as texts, with a dot where an end mark was written.

    Shape: answers (B, A), with `NO_TARGET` after their end.
    """
    labels = tokenizer.labels
    return ["".join(labels[t] for t in row if t >= 0) for row in answers.tolist()]


def strict_check(row: str, written: str) -> bool:
    """Whether the last digit before the end mark is the right one."""
    return written.endswith(displays(row)[-1] + MARK)


def sloppy_check(row: str, written: str) -> bool:
    """Whether the right digit stands anywhere in what was written."""
    return displays(row)[-1] in written
