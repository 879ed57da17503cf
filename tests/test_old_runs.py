"""Run folders as the version before wrote them: stopped after three of six steps, and of use ever after.

They hold what `gptbook train` saved in the autumn of 2026, with models of a few hundred numbers.
"""

import shutil
from pathlib import Path

import pytest

from gptbook.cli.parser import main
from gptbook.tasks.open_run import open_run

OLD = Path(__file__).with_name("old_runs")
KINDS = {
    "ngram": "city-bigram",
    "names": "city-gpt",
    "clubs": "clubs-attention",
    "window": "clubs-8gram",
    "iris": "iris",
}


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of them, where they were made: names and texts lie beside them."""
    shutil.copytree(OLD, tmp_path / "runs")
    monkeypatch.chdir(tmp_path / "runs")
    monkeypatch.setenv("GPTBOOK_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr("gptbook.cli.progress.seconds_left", lambda run: 1.0)
    return tmp_path / "runs"


def as_then(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the word of the recipe stand for the small one of the folder."""
    saved = open_run(Path(kind)).recipe
    monkeypatch.setattr("gptbook.cli.train.recipe", lambda word: saved)


@pytest.mark.parametrize("kind", [*KINDS, "text"])
def test_a_run_of_before_is_sampled_and_measured(kind: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["evaluate", kind]) == 0
    assert "after 3 of 6 steps" in capsys.readouterr().out
    if kind != "iris":
        assert main(["sample", kind, "--count", "2"]) == 0
        assert len(capsys.readouterr().out.splitlines()) >= 2


@pytest.mark.parametrize("kind", [*KINDS, "text"])
def test_a_run_of_before_goes_on_to_its_end(
    kind: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    as_then(kind, monkeypatch)
    before = open_run(Path(kind)).facts
    words = ["train", KINDS.get(kind, "laptop"), "--run-dir", kind]
    assert main([*words, "--data", "own-text"] if kind == "text" else words) == 0
    assert "6, of which 3 are done" in capsys.readouterr().out
    after = open_run(Path(kind)).facts
    assert after["step"] == 6
    assert after["losses"][:3] == before["losses"]
    assert {"curve.csv", "receipt.json"} <= {path.name for path in Path(kind).iterdir()}


def test_a_text_run_of_before_has_its_receipt_and_is_exported(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["receipt", "text"]) == 0
    assert "in 1 session" in capsys.readouterr().out
    assert main(["export", "text", "--to", "web"]) == 0
    assert main(["export", "text", "--to", "huggingface"]) == 0


def test_a_tokenizer_of_before_cuts_a_text(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["tokens", "tokenizer", "a sees the h"]) == 0
    assert "tokens" in capsys.readouterr().out


def test_what_was_written_is_of_that_version(here: Path) -> None:
    """Else these tests would prove nothing: of runs that learn from no text it saved no machine."""
    for kind in KINDS:
        assert "machine" not in open_run(Path(kind)).facts
