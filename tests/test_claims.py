"""What chapters 8 to 11 and the issue say of the recorded runs: three seeds, held out, no claim below its noise."""

from statistics import mean

import pytest

from gptbook.data.tables import read_record

SEEDS = 3


def losses(record: str, column: str, name: str) -> list[float]:
    """The held-out losses of a kind of row, one for each seed."""
    found = [row["held_out_loss"] for row in read_record(record)["rows"] if row[column] == name]
    assert len(found) == SEEDS
    return found


def test_beyond_its_window_every_table_of_words_is_at_chance() -> None:
    record = read_record("clubs")
    tables = [row for row in record["rows"] if row["model"] == "counts"]
    assert len(tables) == len(record["settings"]["widths"])
    for row in tables:
        for gap, share in zip(record["settings"]["gaps"], row["accuracy"], strict=True):
            if gap >= row["width"]:
                assert share == pytest.approx(record["chance"], abs=0.02), (row["width"], gap)


def test_attention_is_right_at_every_gap_up_to_40_in_all_seeds() -> None:
    record = read_record("clubs")
    learned = [row for row in record["rows"] if row["model"] == "attention"]
    assert [row["seed"] for row in learned] == list(range(SEEDS))
    for row in learned:
        near = [share for gap, share in zip(record["settings"]["gaps"], row["accuracy"]) if gap <= 40]
        assert len(near) >= 10
        assert min(near) > 0.99
        assert record["floor"] - 0.005 < row["held_out_loss"] < record["floor"] + 0.02


def test_the_gpt_is_below_the_best_counts_and_the_best_net_of_any_width_in_every_seed() -> None:
    gpt = losses("names", "model", "gpt")
    windows = read_record("windows")["rows"]
    for model in ("counts", "net"):
        assert max(gpt) < min(row["held_out_loss"] for row in windows if row["model"] == model) - 0.02
    assert mean(gpt) < 2.25


def test_the_gpt_is_below_its_single_block_by_more_than_their_spread() -> None:
    gpt, block = losses("names", "model", "gpt"), losses("names", "model", "attention")
    assert min(block) - max(gpt) > max(max(gpt) - min(gpt), max(block) - min(block))


def test_most_of_what_the_gpt_writes_is_no_training_name() -> None:
    rows = [row for row in read_record("names")["rows"] if row["model"] == "gpt"]
    assert all(row["new"] > 0.5 and 0 <= row["memorised"] <= 1 - row["new"] + 1e-6 for row in rows)


def test_every_part_of_a_gpt_is_worth_more_than_the_noise() -> None:
    whole = losses("parts", "without", "")
    for part in ("attention", "positions", "MLP", "running sum", "norms"):
        without = losses("parts", "without", part)
        spread = max(max(whole) - min(whole), max(without) - min(without))
        assert mean(without) - mean(whole) > spread, part
