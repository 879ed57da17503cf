"""The receipt: the seconds shown add up, and nothing is named that is not known."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gptbook.machine.cost import find_gpu
from gptbook.machine.ledger import PHASES
from gptbook.machine.receipt import receipt_lines, whole_parts


def session(machine: str = "a laptop", **seconds: float) -> dict[str, object]:
    booked = dict.fromkeys(PHASES, 0.0) | seconds
    return {"began": "2026-11-22T12:00:00+00:00", "machine": machine, "seconds": booked}


WORK = {"num_steps": 600, "num_tokens": 1_000_000, "flops": 4e15}


def test_the_seconds_shown_add_up_to_the_time_shown() -> None:
    sessions = [session(starting=1.04, training=50.04, saving=0.33), session(training=29.96, other=2.27)]
    lines = list(receipt_lines(sessions, **WORK))
    total = next(line for line in lines if line.startswith("time"))
    assert total == "time       83.6 seconds in 2 sessions (84 seconds)"
    phases = [float(re.match(r" +([\d.,]+) [a-z]+ \(", line)[1]) for line in lines if "%)" in line]
    assert sum(phases) == pytest.approx(83.6)


@given(st.lists(st.floats(0, 1e6), min_size=1, max_size=8))
def test_whole_parts_add_up_and_none_is_off_by_more_than_one(numbers: list[float]) -> None:
    parts = whole_parts(numbers)
    assert sum(parts) == round(sum(numbers))
    assert all(abs(part - number) <= 1 for part, number in zip(parts, numbers))


def test_on_a_known_gpu_it_says_share_of_peak_and_price() -> None:
    sessions = [session("NVIDIA H100", starting=360, training=3_240)]
    flops = 0.4 * 3_240 * 989e12
    known = list(receipt_lines(sessions, num_steps=10, num_tokens=81_000, flops=flops, gpu=find_gpu("h100"), loss=3.28))
    text = "\n".join(known)
    assert "25 tokens a second while training" in text
    assert "40% of the GPU's 989 TFLOP/s" in text
    assert "price      $3.64 at $3.64 an hour (the median price, 2026-10-24)" in text, "all time is paid, not training"
    assert known[-1] == "loss       3.2800 nats a token, held out"


def test_on_eight_devices_eight_are_paid() -> None:
    lines = "\n".join(receipt_lines([session(training=1_800)], **WORK, num_devices=8, price=2.0))
    assert "price      $8.00 at $2.00 an hour (the price given)" in lines
    assert "machine    8 x a laptop" in lines


def test_without_a_price_and_a_loss_it_names_none() -> None:
    text = "\n".join(receipt_lines([session(starting=2)], num_steps=0, num_tokens=0, flops=0))
    assert "$" not in text
    assert "loss" not in text
    assert "share" not in text
    assert "0 tokens a second" in text


def test_two_machines_are_both_named() -> None:
    lines = receipt_lines([session("a laptop", training=1), session("a GPU", training=1)], **WORK)
    assert "machine    1 x a laptop and a GPU" in list(lines)
