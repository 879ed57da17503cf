"""Rows of plus and times: worked out rightly, written and read back, held out by rule, checked well and badly."""

import pytest
import torch

from gptbook.data.arithmetic import (
    DIGITS,
    FILLER,
    WAYS,
    after_prompts,
    arithmetic_tokenizer,
    as_written,
    displays,
    draw_rows_of_digits,
    held_out_row,
    row_prompts,
    row_targets,
    sloppy_check,
    strict_check,
    written_answer,
)
from gptbook.data.dialogues import Dialogue, dialogue_tokens
from gptbook.data.sequences import NO_TARGET
from gptbook.data.tokenizer import MARK

TOKENIZER = arithmetic_tokenizer()
ROWS = draw_rows_of_digits(200, 6, seed=0)


def test_the_display_is_the_last_digit_of_all_so_far_from_left_to_right() -> None:
    for row in ROWS:
        for place, shown in enumerate(displays(row), start=1):
            part = row[: 2 * place + 1]
            # brackets, so that Python works from left to right, too
            whole = "(" * place + part[0] + "".join(part[i : i + 2] + ")" for i in range(1, len(part), 2))
            assert int(shown) == eval(whole) % 10
        assert len(displays(row)) == 5


def test_a_row_has_all_digits_and_both_signs() -> None:
    assert set("".join(ROWS)) == {*DIGITS, "+", "*"}
    assert {len(row) for row in ROWS} == {11}
    assert draw_rows_of_digits(5, 2, seed=3) == draw_rows_of_digits(9, 2, seed=3)[:5]
    assert draw_rows_of_digits(5, 6, seed=3) != draw_rows_of_digits(5, 6, seed=4)
    with pytest.raises(ValueError, match="nothing to add"):
        draw_rows_of_digits(1, 1, seed=0)


def test_no_held_out_row_is_ever_drawn_for_training() -> None:
    for seed in range(3):
        assert not any(map(held_out_row, draw_rows_of_digits(500, 6, seed)))
        assert all(map(held_out_row, draw_rows_of_digits(100, 6, seed, held_out=True)))
    share = sum(held_out_row(f"{number}") for number in range(10_000)) / 10_000
    assert 0.05 < share < 0.2


def test_all_ways_end_in_the_answer_and_filler_is_as_long_as_the_steps() -> None:
    for row in ROWS:
        direct, steps, filler = (written_answer(row, way) for way in WAYS)
        assert steps == displays(row)
        assert direct == steps[-1] == filler[-1]
        assert len(filler) == len(steps)
        assert set(filler[:-1]) == {FILLER}
    with pytest.raises(ValueError, match=r'"aloud".*steps'):
        written_answer("1+1", "aloud")


@pytest.mark.parametrize("way", WAYS)
def test_answers_as_tokens_are_read_back_as_they_were_written(way: str) -> None:
    answers = [written_answer(row, way) for row in ROWS]
    inputs, targets = row_targets(ROWS, answers, TOKENIZER)
    assert inputs.shape == targets.shape
    for row, answer, seen, asked in zip(ROWS, answers, inputs, targets, strict=True):
        assert TOKENIZER.decode(seen.tolist()).startswith(f"{row}={answer}"[:-1])
        assert TOKENIZER.decode(asked[asked != NO_TARGET].tolist()) == answer
        assert asked[asked != NO_TARGET][-1] == 0, "the end is asked, too"
    written = targets[:, len(ROWS[0]) + 1 :]
    assert as_written(written, TOKENIZER) == [answer + MARK for answer in answers]


def test_targets_are_those_of_dialogues_with_the_same_text() -> None:
    """Another code that does the same: where the roles' marks stand, a sign stands here."""
    answers = ["24680", "1"]
    inputs, targets = row_targets(["1+2*3", "4*5+6"], answers, TOKENIZER)

    class Plain(type(TOKENIZER)):  # type: ignore[misc]
        def encode(self, text: str) -> list[int]:
            return super().encode(text.replace("<", "").replace(">", "="))  # type: ignore[no-any-return]

    dialogues = [Dialogue(task="", question=q, answer=a) for q, a in zip(["1+2*3", "4*5+6"], answers, strict=True)]
    other = dialogue_tokens(dialogues, Plain(TOKENIZER.characters))
    assert torch.equal(targets, other[1])
    assert torch.equal(inputs, other[0])


def test_an_answer_that_was_cut_off_has_no_end() -> None:
    prompts = row_prompts(["1+2"], TOKENIZER)
    answers = torch.tensor([TOKENIZER.encode("123")])
    inputs, targets = after_prompts(prompts, answers)
    assert TOKENIZER.decode(inputs[0].tolist()) == "1+2=12"
    assert targets[0].tolist() == [NO_TARGET] * 4 + TOKENIZER.encode("123")
    assert as_written(answers, TOKENIZER) == ["123"]


def test_rows_of_different_length_are_no_batch() -> None:
    with pytest.raises(ValueError, match="one length"):
        row_prompts(["1+2", "1+2+3"], TOKENIZER)


RIGHT = displays("3+4*2+1")[-1]


@pytest.mark.parametrize(
    ("written", "strict", "sloppy"),
    [
        (RIGHT + MARK, True, True),
        ("74" + RIGHT + MARK, True, True),
        ("74" + RIGHT, False, True),  # it never ended
        (RIGHT + "6" + MARK, False, True),
        ("0123456789", False, True),
        ("74" + MARK, False, False),
        (MARK, False, False),
        ("", False, False),
    ],
)
def test_the_strict_check_wants_the_right_digit_last_and_the_sloppy_one_anywhere(
    written: str, strict: bool, sloppy: bool
) -> None:
    assert strict_check("3+4*2+1", written) is strict
    assert sloppy_check("3+4*2+1", written) is sloppy


def test_what_passes_the_strict_check_passes_the_sloppy_one() -> None:
    for row in ROWS:
        for way in WAYS:
            assert strict_check(row, written_answer(row, way) + MARK)
            assert sloppy_check(row, written_answer(row, way) + MARK)
