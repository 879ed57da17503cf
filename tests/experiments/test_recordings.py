"""The records of the book: each is committed, up to date, and made as the command line makes it."""

import json
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest

from gptbook.data.tables import data_file, read_record
from gptbook.experiments.record import Recording, make_record, sources_of, what_changed
from gptbook.experiments.recordings import RecordedWindows, recordings
from gptbook.experiments.window_experiment import WINDOW_SETTINGS, WindowExperiment
from gptbook.tasks.recipe_words import city_attention, city_gpt, clubs_attention
from gptbook.tasks.recipes import ClubsRecipe, GPTRecipe

EVERY = recordings()
COMMITTED = sorted(path.stem for path in (data_file("cities.csv").parent / "runs").glob("*.json"))


@pytest.mark.parametrize("name", COMMITTED)
def test_a_committed_record_is_not_out_of_date(name: str) -> None:
    """If this fails, `gptbook ladder` makes anew what is stale; or what changed was not meant to change."""
    assert what_changed(read_record(name), EVERY[name]) == []


@pytest.mark.parametrize("name", COMMITTED)
def test_a_committed_record_says_how_it_was_made(name: str) -> None:
    record = read_record(name)
    assert record["command"].startswith("gptbook ladder")
    for fact in ("about", "date", "commit", "processor", "threads", "python", "torch", "settings", "sources", "rows"):
        assert fact in record


def test_every_recording_is_found_by_its_own_name() -> None:
    assert list(EVERY) == [
        "windows",
        "clubs",
        "parts",
        "names",
        "mistakes",
        "cheaper",
        "scaling",
        "assistant",
        "after_pretraining",
        "since",
        "outcomes",
    ]
    assert all(recording.name == name for name, recording in EVERY.items())


@pytest.mark.parametrize("recording", EVERY.values(), ids=lambda recording: recording.name)
def test_the_settings_survive_json(recording: Recording) -> None:
    """A record is compared with what was read back: a tuple or a number as a key would never be the same."""
    assert json.loads(json.dumps(recording.settings)) == recording.settings


def test_the_names_are_recorded_with_the_recipes_of_the_command_line() -> None:
    settings = EVERY["names"].settings
    made = {word: GPTRecipe(**fields) for word, fields in settings["recipes"].items()}
    assert made["attention"] == city_attention()
    assert made["gpt"] == city_gpt()
    (less,) = [recipe for word, recipe in made.items() if word not in ("attention", "gpt")]
    assert less == replace(city_gpt(), num_steps=city_gpt().num_steps // 10)
    assert settings["seeds"] == [0, 1, 2]


def test_the_clubs_are_recorded_with_the_recipe_of_the_command_line() -> None:
    settings = EVERY["clubs"].settings
    assert ClubsRecipe(**settings["recipe"]) == clubs_attention()
    assert "seed" not in settings["recipe"]
    assert min(settings["gaps"]) >= 4, "no sentence has a smaller gap"
    assert settings["gaps"] == sorted(set(settings["gaps"]))
    inside = [gap for gap in settings["gaps"] if gap < max(settings["widths"])]
    assert inside, "some stadiums are within reach of the widest window"
    assert len(inside) < len(settings["gaps"])


def test_a_recipe_with_a_new_rate_makes_its_record_old() -> None:
    record = {"settings": EVERY["clubs"].settings, "sources": sources_of(EVERY["clubs"])}
    assert what_changed(record, EVERY["clubs"]) == []
    fields: dict[str, Any] = asdict(replace(clubs_attention(), learning_rate=1e-3))
    del fields["seed"], fields["window"]
    other = replace(EVERY["clubs"], settings={**EVERY["clubs"].settings, "recipe": fields})
    (change,) = what_changed(record, other)
    assert "learning_rate" in change


def test_the_windows_are_recorded_as_they_were_before() -> None:
    assert EVERY["windows"].settings is WINDOW_SETTINGS
    assert issubclass(RecordedWindows, WindowExperiment)


def test_a_record_is_made_kept_and_made_again_alike(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    recipe = {"name": "clubs", "num_sentences": 40, "model_dim": 8, "batch_size": 8, "num_steps": 2}
    tiny = replace(
        EVERY["clubs"],
        settings={"recipe": recipe, "widths": [2], "gaps": [4], "num_sentences": 20, "seeds": [0]},
    )
    path = make_record(tiny, progress=False, path=tmp_path / "runs" / "clubs.json")
    record = json.loads(path.read_text())
    assert what_changed(record, tiny) == []
    assert record["about"] == tiny.about
    assert [row["model"] for row in record["rows"]] == ["counts", "attention"]
    make_record(tiny, progress=False, resume=False, path=path)
    again = json.loads(path.read_text())
    for row in (*record["rows"], *again["rows"]):
        row["seconds"] = 0
    assert again == record
