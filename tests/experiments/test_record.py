"""Records: made once, kept part by part, out of date when what made them changes; and what the committed one shows."""

import json
import math
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from statistics import mean
from typing import Any

import pytest

from gptbook.data.tables import city_names, read_record
from gptbook.experiments.record import flat, make_record, rounded, run_parts, sources_of, what_changed
from gptbook.experiments.recordings import recordings
from gptbook.experiments.window_experiment import WindowExperiment

WINDOWS = recordings()["windows"]

TINY: dict[str, Any] = {
    "widest": 1,
    "seeds": [0],
    "validation": {"share": 0.1, "seed": 0, "net_seeds": [0]},
    "net": {"embedding_dim": 4, "hidden_dim": 8, "dropout": 0.1},
    "training": {"num_steps": 3, "batch_size": 16, "learning_rate": 4e-3},
    "num_samples": 3,
    "num_places": 4,
    "curve": {"context_length": 1, "num_steps": 3, "dropouts": [0.0]},
}


@pytest.fixture(scope="module")
def windows() -> dict[str, Any]:
    return read_record("windows")


def held_out(record: dict[str, Any], model: str) -> dict[int, list[float]]:
    """Held-out losses by letters of context, one for each seed."""
    losses: dict[int, list[float]] = {}
    for row in record["rows"]:
        if row["model"] == model:
            losses.setdefault(row["context_length"], []).append(row["held_out_loss"])
    return losses


def test_the_committed_record_says_how_it_was_made(windows: dict[str, Any]) -> None:
    assert windows["command"] == "gptbook ladder"
    for fact in ("date", "commit", "processor", "threads", "python", "torch", "settings", "sources"):
        assert fact in windows
    assert windows["names"]["training"] + windows["names"]["held_out"] == len(city_names())
    assert windows["names"]["fitting"] + windows["names"]["validation"] == windows["names"]["training"]
    assert len(windows["rows"]) == 9 + 8 * 3
    assert len(windows["validation"]) == 8 + 8 * len(windows["settings"]["validation"]["net_seeds"])


def test_a_bigram_net_is_as_good_as_smoothed_counts_on_held_out_names(windows: dict[str, Any]) -> None:
    (counts,) = held_out(windows, "counts")[1]
    for net in held_out(windows, "net")[1]:
        assert abs(net - counts) < 0.005


def test_each_wider_context_up_to_4_is_better_held_out_for_every_net(windows: dict[str, Any]) -> None:
    nets = held_out(windows, "net")
    for narrow, wide in pairwise((1, 2, 3, 4)):
        assert max(nets[wide]) < min(nets[narrow])


def test_validation_names_choose_the_widths_and_held_out_names_are_told(windows: dict[str, Any]) -> None:
    for model in ("counts", "net"):
        validated: dict[int, list[float]] = {}
        for row in windows["validation"]:
            if row["model"] == model:
                validated.setdefault(row["context_length"], []).append(row["validation_loss"])
        losses = {width: mean(by_seed) for width, by_seed in validated.items()}
        chosen = windows["chosen"][model]
        assert chosen["context_length"] == min(losses, key=losses.__getitem__)
        assert chosen["validation_loss"] == pytest.approx(min(losses.values()), abs=2e-6)
        asked = held_out(windows, model)[chosen["context_length"]]
        assert chosen["held_out_loss"] == pytest.approx(mean(asked), abs=2e-6)


def test_wide_windows_of_both_kinds_are_too_close_to_call(windows: dict[str, Any]) -> None:
    """Each width is compared with the chosen one: narrow ones are surely worse, the widest are not."""
    for model in ("counts", "net"):
        compared = {row["context_length"]: row for row in windows["comparisons"] if row["model"] == model}
        assert list(compared) == list(range(1, 9))
        losses = {width: mean(by_seed) for width, by_seed in held_out(windows, model).items()}
        for width, row in compared.items():
            assert row["chosen"] == windows["chosen"][model]["context_length"]
            difference = losses[width] - losses[row["chosen"]]
            assert row["held_out_difference"] == pytest.approx(difference, abs=3e-6)
            assert (row["held_out_standard_error"] > 0) == (width != row["chosen"])
        for width in (1, 2, 3):
            assert compared[width]["held_out_difference"] > 10 * compared[width]["held_out_standard_error"]
        assert windows["chosen"][model]["context_length"] > 4


def test_every_net_starts_at_the_uniform_guess(windows: dict[str, Any]) -> None:
    assert windows["uniform_loss"] == pytest.approx(math.log(27), abs=1e-5)
    starts = [row["untrained_loss"] for row in windows["rows"] if row["model"] == "net"]
    assert starts == pytest.approx([math.log(27)] * 24, abs=0.1)


def test_training_loss_is_not_skill(windows: dict[str, Any]) -> None:
    """Without dropout the training loss falls to the end, while the held-out loss turns and rises."""
    curve = next(curve for curve in windows["curves"] if curve["dropout"] == 0)
    assert curve["training_losses"][-1] == min(curve["training_losses"])
    at_choice = curve["held_out_losses"][curve["steps"].index(curve["chosen_step"])]
    assert curve["held_out_losses"][-1] > at_choice + 0.05
    assert curve["chosen_step"] < curve["steps"][-1] / 2


def test_a_record_is_made_part_by_part_and_goes_on_after_a_stop(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    tiny = replace(WINDOWS, settings=TINY)
    monkeypatch.setattr("gptbook.experiments.recordings.city_names", lambda: city_names()[::400])
    path = tmp_path / "runs" / "windows.json"
    with monkeypatch.context() as stopped:
        stopped.setattr(WindowExperiment, "curve", interrupt)
        with pytest.raises(KeyboardInterrupt):
            make_record(tiny, progress=False, path=path)
    assert not path.exists(), "nothing half-written"
    kept = sorted(file.name for file in tmp_path.glob(".cache/records/*/*"))
    rows = ["counts-0.json", "counts-1.json", "net-1-0.json"]
    assert kept == [*rows, "validation-counts-1.json", "validation-net-1-0.json"]
    with monkeypatch.context() as resumed:
        resumed.setattr(WindowExperiment, "train", interrupt)  # it must not be needed again
        assert make_record(tiny, progress=True, path=path) == path
    assert "curve-0.0" in capsys.readouterr().err, "progress is shown"
    record = json.loads(path.read_text())
    assert [row["model"] for row in record["rows"]] == ["letters", "counts", "net"]
    assert [row["model"] for row in record["validation"]] == ["counts", "net"]
    assert not any("name_surprises" in row for row in (*record["rows"], *record["validation"]))
    assert len(record["curves"]) == 1
    assert what_changed(record, tiny) == []
    assert make_record(tiny, progress=False, resume=False, path=path) == path
    again = json.loads(path.read_text())
    for row in (*record["rows"], *again["rows"]):
        row["seconds"] = 0
    assert again == record


def test_a_record_is_made_by_one_process_at_a_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    tiny = replace(WINDOWS, settings=TINY)
    monkeypatch.setattr("gptbook.experiments.recordings.city_names", lambda: city_names()[::400])

    def make_again(*_: object) -> dict[str, Any]:
        with pytest.raises(ValueError, match="another process"):
            make_record(tiny, progress=False, path=tmp_path / "again.json")
        raise KeyboardInterrupt

    monkeypatch.setattr(WindowExperiment, "curve", make_again)
    with pytest.raises(KeyboardInterrupt):
        make_record(tiny, progress=False, path=tmp_path / "windows.json")


def interrupt(*_: object) -> dict[str, Any]:
    raise KeyboardInterrupt


def test_parts_come_back_in_their_order_whichever_were_kept(tmp_path: Path) -> None:
    ran: list[str] = []

    def part(name: str) -> Callable[..., dict[str, Any]]:
        def run(on_step: Callable[[int, float], None]) -> dict[str, Any]:
            ran.append(name)
            return {"name": name}

        return run

    run_parts({"b": (1, part("b"))}, tmp_path, progress=False)
    done = run_parts({name: (1, part(name)) for name in "abc"}, tmp_path, progress=False)
    assert list(done) == ["a", "b", "c"]
    assert ran == ["b", "a", "c"]


def test_what_changed_is_said_of_code_tables_and_settings(windows: dict[str, Any]) -> None:
    now = sources_of(WINDOWS)
    fresh = {"sources": now, "settings": WINDOWS.settings}
    assert what_changed(fresh, WINDOWS) == []
    for source in ("cities.csv", "NgramCounts.fit", "discounts"):
        less = {name: was for name, was in now.items() if name != source}
        assert what_changed({**fresh, "sources": less}, WINDOWS) == [f"{source} is new"]
        assert what_changed({**fresh, "sources": {**now, source: "0"}}, WINDOWS) == [f"{source} changed"]
    assert what_changed({**fresh, "sources": {**now, "sorted_by": "0"}}, WINDOWS) == ["sorted_by is gone"]
    training = {**WINDOWS.settings["training"], "num_steps": 1}
    (change,) = what_changed({**fresh, "settings": {**WINDOWS.settings, "training": training}}, WINDOWS)
    assert "training.num_steps" in change
    assert len(what_changed({}, WINDOWS)) == len(now) + len(flat(WINDOWS.settings)), "a record may lack both"


def test_numbers_are_kept_to_six_decimals() -> None:
    assert rounded({"a": [1 / 3, 1, "x", None, True]}) == {"a": [0.333333, 1, "x", None, True]}
