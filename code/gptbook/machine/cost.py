"""What a training run will take: operations, hours, dollars. Before you pay."""

from collections.abc import Iterator
from dataclasses import dataclass

from gptbook.data.tables import data_file, read_table
from gptbook.files.nearest_word import find_word
from gptbook.models.gpt import GPTConfig
from gptbook.models.sizes import (
    flops_per_token,
    rule_of_thumb,
    sequences_at_once,
    size_lines,
    training_memory,
)

# Of the operations that eight H100 could do, four published runs of this size did at
# least as many: llm.c (13 October 2024) and records 8, 10 and 11 of modded-nanogpt
# (3 to 10 November 2024). A test computes all four. What eight GPUs lose by talking to
# one another is in it. Peak is that of the SXM build, on which they ran.
PUBLISHED_SHARE = 0.39
# Assumed, before the first step. To make the tokens there would take longer.
SETUP_MINUTES = {"boot": 3, "install": 3, "fetch ready tokens": 1, "compile": 2}
SETUP_HOURS = sum(SETUP_MINUTES.values()) / 60


@dataclass(frozen=True, kw_only=True)
class Job:
    """What is to be trained: the model, and how many steps of how many texts."""

    config: GPTConfig
    """The sizes of the model."""
    form: str
    """What it is built like: gpt-2, modern or speedrun."""
    optimizer: str
    """muon, or adamw."""
    batch_size: int
    """How many texts of the whole context a step learns from, over all devices."""
    num_steps: int
    """How many steps."""

    @property
    def num_tokens(self) -> int:
        """How many tokens all steps learn from."""
        return self.num_steps * self.batch_size * self.config.context_length

    @property
    def flops(self) -> int:
        """How many operations all steps take."""
        return self.num_tokens * flops_per_token(self.config)


@dataclass(frozen=True, kw_only=True)
class GPU:
    """A row of `data/gpus.csv`; its prices are medians of public offers, or missing."""

    name: str
    full_name: str
    memory_gb: float
    bf16_tflops: float
    """10^12 operations a second at best, in bfloat16, no zeros skipped."""
    bandwidth_gb_per_s: float
    price_per_hour_usd: float | None
    price_low_usd: float | None
    price_high_usd: float | None
    price_date: str

    @property
    def precision(self) -> str:
        """What it computes in: bfloat16, but for the T4, which has no units for it."""
        return "float32" if self.name == "t4" else "bfloat16"


def known_gpus() -> dict[str, GPU]:
    """The GPUs of the table, by name."""
    table = read_table(data_file("gpus.csv"))
    known = {}
    for row in table.to_dict("records"):
        price, low, high = (
            float(row[column]) if row[column] else None
            for column in ("price_per_hour_usd", "price_low_usd", "price_high_usd")
        )
        known[row["name"]] = GPU(
            name=row["name"],
            full_name=row["full_name"],
            memory_gb=float(row["memory_gb"]),
            bf16_tflops=float(row["bf16_tflops"]),
            bandwidth_gb_per_s=float(row["bandwidth_gb_per_s"]),
            price_per_hour_usd=price,
            price_low_usd=low,
            price_high_usd=high,
            price_date=row["price_date"],
        )
    return known


def find_gpu(name: str) -> GPU:
    """The GPU of that name. Raises ValueError, with the nearest name, if unknown."""
    known = known_gpus()
    return known[find_word(name, known, "GPU")]


def gpu_called(device: str) -> GPU | None:
    """The GPU of the table that a driver calls so, such as NVIDIA A100-SXM4-80GB.

    None if there is none: a slower build of a card in the table is another card.
    """
    words = set(device.lower().replace("-", " ").replace("gb", "").split())
    if words & {"laptop", "ti", "super", "pcie", "nvl", "mig"}:
        return None
    fitting = [g for g in known_gpus().values() if set(g.name.split("-")) <= words]
    return fitting[0] if fitting else None


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """What a job will take on some devices."""

    job: Job
    device: str
    num_devices: int
    seconds: float
    """From the first step to the last."""
    sequences: int
    """Texts at once on each device."""
    memory_bytes: int
    """On each device."""
    basis: str
    """Where the seconds come from."""
    prices: tuple[float, float, float] | None = None
    """Dollars an hour for one device: the median, the lowest, the highest."""
    price_date: str = ""

    @property
    def accumulation(self) -> int:
        """How many passes add up to one step."""
        return self.job.batch_size // (self.sequences * self.num_devices)

    def dollars(self, price: float, setup_hours: float = 0.0) -> float:
        """What all devices cost together at a price an hour for each."""
        hours = self.seconds / 3600 + setup_hours
        return hours * price * self.num_devices

    def total(self, price: float) -> float:
        """The same with the setup, which is paid for, too."""
        return self.dollars(price, SETUP_HOURS)

    def lines(self) -> Iterator[str]:
        """The estimate for the reader, line by line."""
        job = self.job
        exact = flops_per_token(job.config)
        rule = rule_of_thumb(job.config)
        rate = job.num_tokens / self.seconds
        passes = "1 pass" if self.accumulation == 1 else f"{self.accumulation} passes"
        head, *rest = size_lines(job.config, job.form)
        yield f"model      {head}"
        yield from (f"           {line}" for line in rest)
        yield f"text       {job.num_tokens:,} tokens in {job.num_steps:,} steps"
        yield (
            f"operations {exact / 1e6:,.0f} million a token, {job.flops:.2g} in all "
            f"(6N, without tables: {rule / 1e6:,.0f} million)"
        )
        yield f"device     {self.num_devices} x {self.device}"
        yield (
            f"memory     {self.memory_bytes / 1e9:.1f} GB: {self.sequences} texts at "
            f"once, {passes} a step (projected)"
        )
        yield f"speed      {rate:,.0f} tokens a second ({self.basis})"
        yield f"time       {duration(self.seconds)} ({self.basis})"
        if self.prices:
            yield from self.price_lines(*self.prices)

    def price_lines(self, median: float, low: float, high: float) -> Iterator[str]:
        """What it costs, at prices in dollars an hour for one device."""
        cost = self.dollars(median)
        if not self.price_date:
            yield f"price      ${cost:.2f} (projected, at ${median:.2f} an hour)"
            return
        spread = f", from ${self.dollars(low):.2f} to ${self.dollars(high):.2f}"
        offers = "the median of offers" if low < high else "one offer"
        yield f"price      ${cost:.2f}{spread if low < high else ''} (projected)"
        yield f"           ${median:.2f} an hour for each: {offers}, {self.price_date}"
        yield (
            f"setup      ${self.total(median) - cost:.2f} more for "
            f"{60 * SETUP_HOURS:.0f} minutes before the first step (assumed)"
        )
        yield f"total      ${self.total(median):.2f} (projected)"


def duration(seconds: float) -> str:
    """A time in the two units that a reader would name."""
    if seconds < 99.5:
        return f"{seconds:.0f} seconds"
    if seconds < 99.5 * 60:
        return f"{seconds / 60:.0f} minutes"
    if seconds < 48 * 3600:
        return f"{seconds / 3600:.1f} hours"
    return f"{seconds / 86_400:.1f} days"


def estimate(
    job: Job,
    gpu: GPU,
    num_gpus: int = 1,
    share_of_peak: float = PUBLISHED_SHARE,
    price: float | None = None,
) -> Estimate:
    """What a job will take on GPUs of the table: projected, nothing is measured.

    share_of_peak is how many of the GPU's operations a run gets done, price dollars an
    hour for each, if not the table's.
    Raises ValueError if the batch cannot be shared out evenly, or does not fit.
    """
    if not 0 < share_of_peak <= 1:
        raise ValueError(f"the share of peak is {share_of_peak}: give 0 to 1")
    prices = None
    if price is not None:
        prices = (price, price, price)
    elif gpu.price_per_hour_usd and gpu.price_low_usd and gpu.price_high_usd:
        prices = (gpu.price_per_hour_usd, gpu.price_low_usd, gpu.price_high_usd)
    each = share_of_batch(job, num_gpus)
    memory = training_memory(job.config, job.form, job.optimizer, gpu.precision)
    at_once = sequences_at_once(memory, each, int(gpu.memory_gb * 1e9))
    speed = num_gpus * share_of_peak * gpu.bf16_tflops * 1e12
    return Estimate(
        job=job,
        device=gpu.full_name,
        num_devices=num_gpus,
        seconds=job.flops / speed,
        sequences=at_once,
        memory_bytes=memory.total(at_once),
        basis=f"projected: {share_of_peak:.0%} of {gpu.bf16_tflops:g} TFLOP/s",
        prices=prices,
        price_date=gpu.price_date if price is None else "",
    )


def estimate_here(
    job: Job,
    seconds_per_step: float,
    *,
    device: str,
    precision: str,
    num_bytes: int,
    num_devices: int = 1,
    price: float | None = None,
) -> Estimate:
    """What a job will take on the machine at hand, from a few steps timed there.

    price is in dollars an hour for each device, if it costs any.
    Raises ValueError if the batch cannot be shared out evenly, or does not fit.
    """
    memory = training_memory(job.config, job.form, job.optimizer, precision)
    at_once = sequences_at_once(memory, share_of_batch(job, num_devices), num_bytes)
    return Estimate(
        job=job,
        device=device,
        num_devices=num_devices,
        seconds=seconds_per_step * job.num_steps,
        sequences=at_once,
        memory_bytes=memory.total(at_once),
        basis="from a few steps, measured",
        prices=None if price is None else (price, price, price),
    )


def share_of_batch(job: Job, num_devices: int) -> int:
    """How many texts of a step each device takes.

    Raises ValueError if that is no whole number.
    """
    if num_devices < 1 or job.batch_size % num_devices:
        raise ValueError(
            f"{num_devices} devices cannot share a batch of {job.batch_size} evenly: "
            "give a number that divides it"
        )
    return job.batch_size // num_devices
