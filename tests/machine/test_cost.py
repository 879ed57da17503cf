"""What a run will take: operations counted by PyTorch, prices from the table, nothing measured called measured."""

import csv
import re
import statistics
from dataclasses import replace
from pathlib import Path

import pytest

from gptbook.machine.cost import (
    PUBLISHED_SHARE,
    SETUP_HOURS,
    Job,
    duration,
    estimate,
    estimate_here,
    find_gpu,
    gpu_called,
    known_gpus,
)
from gptbook.models.gpt import GPTConfig
from gptbook.models.sizes import flops_per_token

DATA = Path(__file__).parents[2] / "data"
JOB = Job(config=GPTConfig(), form="modern", optimizer="muon", batch_size=512, num_steps=4_600)


def rows(name: str) -> list[dict[str, str]]:
    with (DATA / name).open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize("record", ["1", "8", "10", "11"])
def test_published_runs_did_at_least_the_share_of_peak_that_estimates_assume(record: str) -> None:
    run = next(row for row in rows("speedruns.csv") if record == row["record"])
    done = int(run["tokens"]) * flops_per_token(GPTConfig())
    possible = 8 * find_gpu("h100").bf16_tflops * 1e12 * 60 * float(run["minutes"])
    assert PUBLISHED_SHARE <= done / possible < PUBLISHED_SHARE + 0.03


def test_eight_gpus_take_an_eighth_of_the_time_and_the_same_dollars() -> None:
    h100 = find_gpu("h100")
    one, eight = estimate(JOB, h100), estimate(JOB, h100, 8)
    assert one.seconds == pytest.approx(8 * eight.seconds)
    assert one.dollars(3.0) == pytest.approx(eight.dollars(3.0))
    assert eight.dollars(3.0, 0.5) - eight.dollars(3.0) == pytest.approx(8 * (one.dollars(3.0, 0.5) - one.dollars(3.0)))


@pytest.mark.parametrize("name", known_gpus())
@pytest.mark.parametrize("num_gpus", [1, 8])
def test_the_effective_batch_is_the_same_on_every_gpu(name: str, num_gpus: int) -> None:
    result = estimate(JOB, find_gpu(name), num_gpus)
    assert result.sequences * result.accumulation * num_gpus == JOB.batch_size
    assert result.memory_bytes < find_gpu(name).memory_gb * 1e9


def test_an_estimate_for_a_gpu_says_projected_beside_every_number_of_seconds_dollars_and_bytes() -> None:
    lines = list(estimate(JOB, find_gpu("h100")).lines())
    for line in lines:
        if line.startswith(("memory", "speed", "time", "price", "total")):
            assert "(projected" in line
    assert "measured" not in " ".join(lines)
    assert any(line.startswith("setup") and "(assumed)" in line for line in lines)
    assert "162,129,408" in lines[0]
    assert re.search(r"\$\d+\.\d\d, from \$\d+\.\d\d to \$\d+\.\d\d", " ".join(lines))


def test_the_total_is_what_the_training_and_the_setup_cost() -> None:
    result = estimate(JOB, find_gpu("h100"))
    assert result.total(3.0) == pytest.approx(result.dollars(3.0) + 3.0 * SETUP_HOURS)
    said = {line.split()[0]: float(line.split("$")[1].split()[0].strip(",")) for line in result.lines() if " $" in line}
    assert said["total"] == pytest.approx(said["price"] + said["setup"], abs=0.011)


def test_an_estimate_for_this_machine_is_its_step_times_the_steps() -> None:
    here = estimate_here(JOB, 2.0, device="a laptop", precision="float32", num_bytes=16 * 10**9)
    assert here.seconds == 9_200
    text = "\n".join(here.lines())
    assert "2.6 hours (from a few steps, measured)" in text
    assert "$" not in text
    paid = estimate_here(JOB, 2.0, device="a laptop", precision="float32", num_bytes=16 * 10**9, price=0.5)
    assert "$1.28 (projected, at $0.50 an hour)" in "\n".join(paid.lines())


@pytest.mark.parametrize(
    ("device", "name"),
    [
        ("NVIDIA H100 80GB HBM3", "h100"),
        ("NVIDIA H200", "h200"),
        ("NVIDIA A100-SXM4-80GB", "a100-80"),
        ("NVIDIA A100-SXM4-40GB", "a100-40"),
        ("NVIDIA GeForce RTX 4090", "rtx-4090"),
        ("NVIDIA GeForce RTX 3060", "rtx-3060"),
        ("Tesla T4", "t4"),
        ("NVIDIA L4", "l4"),
        ("NVIDIA A10", "a10"),
        ("NVIDIA H100 PCIe", None),
        ("NVIDIA H100 NVL", None),
        ("NVIDIA L40S", None),
        ("NVIDIA A10G", None),
        ("NVIDIA GH200 480GB", None),
        ("NVIDIA GeForce RTX 3060 Ti", None),
        ("NVIDIA GeForce RTX 4090 Laptop GPU", None),
        ("AMD EPYC 9B14", None),
    ],
)
def test_a_gpu_is_known_by_what_its_driver_calls_it(device: str, name: str | None) -> None:
    found = gpu_called(device)
    assert (found.name if found else None) == name


def test_a_gpu_is_found_however_its_name_is_spelled() -> None:
    assert find_gpu("RTX 4090") == find_gpu("rtx_4090") == find_gpu("rtx-4090")
    assert find_gpu("H100") == find_gpu("h100")


def test_the_readers_price_stands_in_place_of_the_tables() -> None:
    said = {price: "\n".join(estimate(JOB, find_gpu("h100"), price=price).lines()) for price in (None, 0.0, 99.0)}
    assert len(set(said.values())) == 3
    assert "$99.00 an hour" in said[99.0]
    assert "offers" not in said[99.0]
    assert "$0.00 (projected" in said[0.0]
    assert "$99.00 an hour" in "\n".join(estimate(JOB, find_gpu("rtx-4060"), price=99.0).lines())
    here = {"device": "a laptop", "precision": "float32", "num_bytes": 16 * 10**9}
    assert "$0.00 (projected" in "\n".join(estimate_here(JOB, 2.0, **here, price=0.0).lines())


def test_a_gpu_that_nobody_offers_has_no_price() -> None:
    assert "$" not in "\n".join(estimate(JOB, find_gpu("rtx-4060")).lines())
    assert "$1.29 an hour for each: one offer, 2026-09-20" in "\n".join(estimate(JOB, find_gpu("a10")).lines())


def test_what_cannot_be_is_said_in_one_sentence() -> None:
    with pytest.raises(ValueError, match=r'there is no GPU "h1000": did you mean "h100"'):
        find_gpu("h1000")
    with pytest.raises(ValueError, match=r"there is no GPU .*choose from rtx-4060, .*h200"):
        find_gpu("abacus")
    with pytest.raises(ValueError, match="3 devices cannot share a batch of 512 evenly: give a number that divides"):
        estimate(JOB, find_gpu("h100"), 3)
    with pytest.raises(ValueError, match="share of peak is 40: give 0 to 1"):
        estimate(JOB, find_gpu("h100"), share_of_peak=40)
    large = replace(JOB, config=GPTConfig(num_layers=48, num_heads=25, model_dim=1_600, mlp_dim=6_400))
    with pytest.raises(
        ValueError, match=r"one text at a time takes \d+\.\d GB, and 8 GB are there: halve context_length"
    ):
        estimate(large, find_gpu("rtx-4060"))


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0 seconds"), (99, "99 seconds"), (100, "2 minutes"), (5_900, "98 minutes"), (7_200, "2.0 hours")],
)
def test_a_duration_is_said_as_one_would(seconds: float, text: str) -> None:
    assert duration(seconds) == text
    assert duration(86_400 * 3) == "3.0 days"


def test_each_price_is_the_median_of_the_offers_beside_it() -> None:
    for row in rows("gpus.csv"):
        offers = [float(offer.rpartition(" ")[2]) for offer in row["offers"].split("; ") if offer]
        prices = [row[name] for name in ("price_per_hour_usd", "price_low_usd", "price_high_usd")]
        if not offers:
            assert [*prices, row["price_date"], row["price_source"]] == ["", "", "", "", ""]
            continue
        expected = (statistics.median(offers), min(offers), max(offers))
        for price, exact in zip(prices, expected):
            assert float(price) == pytest.approx(exact, abs=0.0051), row["name"]
        assert re.fullmatch(r"20\d\d-\d\d-\d\d", row["price_date"])
        assert row["price_source"]


def test_the_table_of_gpus_is_sane() -> None:
    table = rows("gpus.csv")
    names = [row["name"] for row in table]
    assert len(set(names)) == len(names)
    assert {"rtx-3060", "rtx-4090", "t4", "l4", "a10", "a100-40", "a100-80", "h100", "h200"} <= set(names)
    for row in table:
        assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", row["name"])
        assert 8 <= float(row["memory_gb"]) <= 200
        assert 5 < float(row["bf16_tflops"]) < 1_000, "dense: with sparsity the H100 would have 1,979"
        assert 200 < float(row["bandwidth_gb_per_s"]) < 10_000
        assert row["spec_source"]
    assert {8, 16, 24, 80} <= {int(row["memory_gb"]) for row in table}, "the four classes that estimates are for"


def test_the_speedruns_only_get_faster() -> None:
    before, *table = rows("speedruns.csv")
    assert (before["record"], before["gpu"], before["date"][:7]) == ("", "a100-80", "2024-05"), "not yet on an H100"
    assert {row["gpu"] for row in table} == {"h100"}
    numbers = [int(row["record"]) for row in table]
    assert numbers == sorted(set(numbers))
    minutes = [float(row["minutes"]) for row in table]
    assert minutes == sorted(minutes, reverse=True)
    dates = [row["date"] for row in table[1:]]  # the baseline was run again after its first successors
    assert dates == sorted(dates)
    for row in table:
        assert row["change"]
        assert re.match(rf"modded-nanogpt, record {row['record']}\b", row["source"])
        assert not row["tokens"] or int(row["tokens"]) % (8 * 2_048) == 0, "whole rows of a batch"
        assert not row["loss"] or 3.27 < float(row["loss"]) <= 3.28
    hours = {row["record"]: 8 * float(row["minutes"]) / 60 for row in table}
    assert round(hours["5"], 1) == 2.0
    assert round(hours["11"], 2) == 0.96
    assert round(hours["89"], 3) == 0.164
