"""The receipt after training: what it took, and where the time went."""

from collections.abc import Iterator, Sequence
from typing import Any

from gptbook.machine.cost import GPU, duration
from gptbook.machine.ledger import seconds_by_phase


def receipt_lines(
    sessions: Sequence[dict[str, Any]],
    *,
    num_steps: int,
    num_tokens: int,
    flops: float,
    loss: float | None = None,
    best: tuple[int, float] | None = None,
    gpu: GPU | None = None,
    num_devices: int = 1,
    price: float | None = None,
) -> Iterator[str]:
    """The receipt of a run, line by line.

    sessions come from a `Ledger`; num_steps, num_tokens and flops are what they did in
    all. loss (nats) is the held-out loss reached; best the step where it was lowest,
    and how low, if that was not the end. gpu is the kind of each device where it is
    known, price the dollars an hour for each; without it, the gpu's median price.
    """
    booked = seconds_by_phase(sessions)
    total = sum(booked.values())
    speed = num_tokens / booked["training"] if booked["training"] else 0.0
    machines = dict.fromkeys(s["machine"] for s in sessions if s["machine"])
    yield f"began      {sessions[0]['began']}"
    yield f"machine    {num_devices} x {' and '.join(machines) or 'unknown'}"
    yield f"steps      {num_steps:,}, {num_tokens:,} tokens, {flops:.2g} operations"
    yield f"speed      {speed:,.0f} tokens a second while training"
    if gpu and speed:
        peak = num_devices * gpu.bf16_tflops * 1e12
        share = flops / booked["training"] / peak
        yield f"           {share:.0%} of the GPU's {gpu.bf16_tflops:g} TFLOP/s"
    many = "1 session" if len(sessions) == 1 else f"{len(sessions)} sessions"
    yield f"time       {total:,.1f} seconds in {many} ({duration(total)})"
    tenths = whole_parts([10 * seconds for seconds in booked.values()])
    for phase, part in zip(booked, tenths):
        if part:
            share = part / sum(tenths)
            yield f"           {part / 10:>10,.1f} {phase} ({share:.0%})"
    if price is None and gpu:
        price = gpu.price_per_hour_usd
        origin = f"the median price, {gpu.price_date}"
    else:
        origin = "the price given"
    if price is not None:
        dollars = price * num_devices * total / 3600
        yield f"price      ${dollars:.2f} at ${price:.2f} an hour ({origin})"
    if loss is not None:
        yield f"loss       {loss:.4f} nats a token, held out"
    if best is not None:
        yield f"           {best[1]:.4f} after step {best[0]:,}, the lowest"


def whole_parts(numbers: Sequence[float]) -> list[int]:
    """The numbers, each rounded up or down so that they add up to their rounded sum."""
    parts = [int(number) for number in numbers]
    missing = round(sum(numbers)) - sum(parts)
    by_rest = sorted(range(len(parts)), key=lambda i: parts[i] - numbers[i])
    for index in by_rest[:missing]:
        parts[index] += 1
    return parts
