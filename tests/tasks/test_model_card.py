"""A model card says what a run is, and leaves the licence to its owner."""

import re
import shlex
from pathlib import Path

import pytest
import yaml
from huggingface_hub import ModelCard
from huggingface_hub.utils import validate_repo_id
from small import finished_gpt2_run, text_commands

from gptbook.cli.parser import main
from gptbook.tasks.model_card import card_rows, hub_name, in_one_line, model_card
from gptbook.tasks.open_run import open_best
from gptbook.training.saved_run import SavedRun


@pytest.fixture
def saved(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SavedRun:
    text_commands(tmp_path, monkeypatch)
    return open_best(finished_gpt2_run(monkeypatch))


@pytest.mark.parametrize(("to", "library"), [("huggingface", "transformers"), ("gguf", "gguf")])
def test_the_hub_reads_the_card_and_a_person_what_was_trained_on_what(saved: SavedRun, to: str, library: str) -> None:
    assert main(["export", str(saved.run_dir), "--to", to, "--out", "there"]) == 0
    card = ModelCard.load(Path("there/README.md"))
    assert card.data.library_name == library
    assert card.data.license == "unknown"
    assert card.data.datasets == []
    rows = dict(card_rows(saved))
    for name, said in rows.items():
        assert f"| {name} | {said} |" in card.text
    numbers = sum(tensor.numel() for name, tensor in saved.tensors.items() if name.startswith("model."))
    assert rows["parameters"] == f"{numbers:,}"
    loss = saved.facts["evaluations"][-1]["held_out_loss"]
    assert rows["held-out loss"].startswith(f"{loss:.3f} nats per token")
    assert rows["steps"] == "3 of 3, each from 64 tokens"
    assert "None is chosen yet" in card.text
    assert "hf upload YOUR-NAME/laptop-own ." in card.text
    assert ("llama_cpp" in card.text) == (to == "gguf")


def test_a_text_of_the_hub_is_named_there_and_a_loss_that_was_not_measured_is_none(saved: SavedRun) -> None:
    saved.facts["data"]["name"], saved.facts["evaluations"] = "fineweb-edu", []
    card = model_card(saved, "huggingface").decode()
    head = yaml.safe_load(card.split("---")[1])
    assert head["datasets"] == ["HuggingFaceFW/fineweb-edu"]
    assert "| held-out loss | not measured yet |" in card


def test_a_name_cannot_break_the_table() -> None:
    assert in_one_line("my | notes\n# of may") == r"my \| notes # of may"


@pytest.mark.parametrize(
    "name", ["own", "my notes", "v1..2--3", "Tagebücher", "日記", "a" * 300, 'it\'s $(rm) | "x"', ".git"]
)
def test_the_hub_and_a_shell_take_the_name_of_any_text(name: str, saved: SavedRun) -> None:
    saved.facts["data"]["name"] = name
    card = model_card(saved, "huggingface").decode()
    (uploaded,) = re.findall(r"hf upload YOUR-NAME/(.*) \.\n", card)
    assert uploaded == hub_name(f"laptop-{name}")
    assert f'"YOUR-NAME/{uploaded}"' in card
    validate_repo_id(f"YOUR-NAME/{uploaded}")
    assert shlex.split(uploaded) == [uploaded]
