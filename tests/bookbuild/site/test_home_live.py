"""The home page's ladder: the names it opens on are those that the published models write."""

import json
from math import exp
from pathlib import Path
from typing import Any

import pytest
import torch
from bs4 import BeautifulSoup

from bookbuild.drawings.ladder import rungs
from bookbuild.live import FOLDER_VARIABLE, publish, publish_model
from bookbuild.site.home_live import RUNGS, START, continued, home_opening
from bookbuild.site.home_opening import home_figure
from gptbook.data.tokenizer import CharacterTokenizer
from gptbook.models.gpt import GPT, GPTConfig
from gptbook.models.ngram import NgramNet

LETTERS = CharacterTokenizer("abcdefghijklmnopqrstuvwxyz")


@pytest.fixture
def live(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, dict[str, bytes]]:
    """What the chapters would publish: untrained models."""
    torch.manual_seed(0)
    config = GPTConfig(vocab_size=27, context_length=8, num_layers=1, num_heads=2, model_dim=8, mlp_dim=8)
    models: dict[str, Any] = {
        "letters": torch.full((27, 27), 1 / 27),
        "smoothed": torch.full((27, 27), 1 / 27),
        "net": NgramNet(27, 1, 8, 8),
        "net3": NgramNet(27, 3, 8, 8),
        "city": GPT(config),
    }
    found: dict[str, dict[str, bytes]] = {}
    for rung in RUNGS:
        folder = tmp_path / rung.chapter
        folder.mkdir(exist_ok=True)
        monkeypatch.setenv(FOLDER_VARIABLE, str(folder))
        publish_model(rung.model, models[rung.model], LETTERS)
        publish("losses", {other.model: 2.5 for other in RUNGS if other.chapter == rung.chapter})
        found[rung.chapter] = {path.name: path.read_bytes() for path in folder.iterdir()}
    return found


def test_each_rung_goes_on_with_the_start_and_the_figure_shows_it(live: dict[str, dict[str, bytes]]) -> None:
    opening: dict[str, Any] = home_opening(live)
    assert [rung["label"] for rung in opening["rungs"]] == [rung.label for rung in RUNGS]
    assert all(rung["name"].startswith(START) and rung["loss"] == 2.5 for rung in opening["rungs"])
    figure = BeautifulSoup(home_figure(opening, "live/index/"), "html.parser").select_one("figure.live")
    assert figure is not None
    assert figure["data-live"] == "live/index/"
    for rung in [*opening["rungs"], opening["recorded"]]:
        assert rung["name"] in figure.text
        assert f"{exp(rung['loss']):.1f} letters" in figure.text
    assert json.dumps(opening)


def test_the_last_row_is_the_last_rung_of_the_drawn_ladder(live: dict[str, dict[str, bytes]]) -> None:
    recorded, last = home_opening(live)["recorded"], rungs()[0][-1]
    assert recorded == {"label": f"{last.name}: {last.does}", "loss": last.loss, "name": last.name_written}


def test_a_certain_model_writes_the_certain_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """After san only t is possible, after t only a, after a the mark."""
    monkeypatch.setenv(FOLDER_VARIABLE, str(tmp_path))
    table = torch.zeros(27, 27)
    for before, after in ("nt", "ta"):
        table[LETTERS.ids[before], LETTERS.ids[after]] = 1
    table[LETTERS.ids["a"], 0] = 1
    publish_model("table", table, LETTERS)
    assert continued((tmp_path / "table.safetensors").read_bytes(), "san", seed=3) == "santa"


def test_a_missing_rung_stops_the_build(live: dict[str, dict[str, bytes]]) -> None:
    del live["gpt"]["city.safetensors"]
    with pytest.raises(KeyError, match="city"):
        home_opening(live)
