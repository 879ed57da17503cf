"""A run's text is found wherever it lies now, another is refused aloud, and a known word is never a folder."""

import shutil
from pathlib import Path

import pytest
from runs import text_run

from gptbook.cli.parser import main
from gptbook.data.chosen_text import corpus_for, corpus_of_run, prepared_folders
from gptbook.data.corpus import open_corpus
from gptbook.data.documents import ReadersTexts
from gptbook.data.prepare import prepare_corpus
from gptbook.tasks.recipes import TextRecipe

TEXT = "".join(f"{who} {what} the {whom}.\n" for who in "abcd" for what in ("sees", "hears") for whom in "efgh") * 2


@pytest.fixture(autouse=True)
def run_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A run that was begun on a text in the cache."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GPTBOOK_CACHE", str(tmp_path / "cache"))
    (tmp_path / "own.txt").write_text(TEXT)
    corpus = prepare_corpus("own.txt")
    sizes = {"num_layers": 1, "num_heads": 2, "model_dim": 8, "mlp_dim": 12, "context_length": 8, "batch_size": 4}
    rates = {"learning_rate": 0.01, "other_rate": 0.01, "warmup_steps": 1, "evaluate_every": 2}
    recipe = TextRecipe(name="laptop", data=str(corpus.folder.resolve()), num_steps=2, num_windows=4, **sizes, **rates)  # type: ignore[arg-type]
    run = text_run(recipe, corpus)
    run.save(tmp_path / "run")
    return tmp_path / "run"


def evaluated(capsys: pytest.CaptureFixture[str], *more: str) -> str:
    """What `gptbook evaluate` prints of the run, or says against it."""
    capsys.readouterr()
    code = main(["evaluate", "run", *more])
    said = capsys.readouterr()
    return said.out if code == 0 else f"refused: {said.err}"


def test_a_text_that_moved_is_found_in_todays_cache_or_where_the_reader_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    at_home = evaluated(capsys)
    assert "held-out loss" in at_home
    shutil.move(tmp_path / "cache", tmp_path / "elsewhere")
    said = evaluated(capsys)
    assert said.startswith("refused")
    assert "--data" in said
    assert "--run-dir" not in said
    (folder,) = (tmp_path / "elsewhere").iterdir()
    assert evaluated(capsys, "--data", str(folder)) == at_home
    assert evaluated(capsys, "--data", "own.txt").endswith(at_home)
    shutil.rmtree(tmp_path / "cache")
    monkeypatch.setenv("GPTBOOK_CACHE", str(tmp_path / "elsewhere"))
    assert evaluated(capsys) == at_home


def test_another_text_is_refused_aloud(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "other.txt").write_text(TEXT.replace("sees", "eyes"))
    said = evaluated(capsys, "--data", "other.txt")
    assert said.splitlines()[-1].startswith("refused") or "refused" in said
    assert "is not the text that run learned from" in said


def test_the_text_of_a_run_is_known_by_its_checksums(tmp_path: Path, run_dir: Path) -> None:
    (folder,) = prepared_folders()
    wanted = open_corpus(folder).facts
    assert corpus_of_run("/nowhere", wanted, None, run_dir).folder == folder
    with pytest.raises(ValueError, match="learned from"):
        corpus_of_run(str(folder), {**wanted, "held_out_sha256": "0" * 64}, None, run_dir)


def test_a_known_word_is_the_text_not_the_folder_of_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    corpus = prepare_corpus("own.txt", tmp_path / "docstrings")
    asked: list[str] = []

    def prepare(texts: ReadersTexts, given: object) -> object:
        assert given is None
        asked.extend(texts.sources)
        return corpus

    monkeypatch.setattr("gptbook.data.chosen_text.prepare_corpus", prepare)
    corpus_for("docstrings")
    assert asked == ["docstrings"]
    assert "./docstrings" in capsys.readouterr().out
    assert corpus_for("./docstrings").folder == Path("docstrings")
    assert asked == ["docstrings"]
