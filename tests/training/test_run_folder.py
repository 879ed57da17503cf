"""A run folder has one owner at a time, and whatever a kill leaves in it is begun anew."""

import io
import os
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import replace
from pathlib import Path

import pytest
from runs import new_run

from gptbook.cli.parser import main
from gptbook.files.lock import LOCK_FILE, locked
from gptbook.tasks.recipe_words import recipe
from gptbook.tasks.recipes import ClubsRecipe, GPTRecipe, TextRecipe, TokenizerRecipe
from gptbook.tasks.sentences import ClubSentences
from gptbook.training.checkpoint import FACTS_FILE
from gptbook.training.recipe import Recipe
from gptbook.training.run_folder import is_begun

TINY_SIZES = {"num_layers": 1, "num_heads": 2, "model_dim": 8, "mlp_dim": 12, "batch_size": 4, "warmup_steps": 1}


def tiny_recipe(word: str) -> Recipe:
    """Every recipe in small."""
    chosen = recipe(word)
    if isinstance(chosen, TextRecipe):
        chosen = replace(chosen, **TINY_SIZES, context_length=8, evaluate_every=2, num_windows=4)  # type: ignore[arg-type]
    if isinstance(chosen, GPTRecipe):
        chosen = replace(chosen, **TINY_SIZES)  # type: ignore[arg-type]
    if isinstance(chosen, ClubsRecipe):
        chosen = replace(chosen, num_sentences=40, model_dim=8, batch_size=8, warmup_steps=1)
    if isinstance(chosen, TokenizerRecipe):
        return replace(chosen, num_steps=6)
    return replace(chosen, num_steps=3)


@pytest.fixture
def small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every command runs in a folder of its own, and trains in small."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GPTBOOK_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr("gptbook.cli.train.recipe", tiny_recipe)
    monkeypatch.setattr(ClubSentences, "report", lambda *_: iter(()))
    monkeypatch.setattr("gptbook.cli.progress.seconds_left", lambda run: 1.0)
    (tmp_path / "towns.csv").write_text("town\n" + "\n".join(f"{a}{b}na" for a in "abcdef" for b in "aeiou"))
    text = "".join(f"{who} {what} the {whom}.\n" for who in "abcd" for what in ("sees", "hears") for whom in "efgh")
    (tmp_path / "own.txt").write_text(text + "\n" + text)


OWN_NAMES = ["--names", "towns.csv", "--column", "town"]
COMMANDS = {
    "net": ["train", "city-trigram", *OWN_NAMES, "--run-dir", "run"],
    "gpt": ["train", "city-gpt", *OWN_NAMES, "--run-dir", "run"],
    "clubs": ["train", "clubs-attention", "--run-dir", "run"],
    "laptop": ["train", "laptop", "--data", "own.txt", "--precision", "float32", "--run-dir", "run"],
    "tokenizer": ["train", "docstrings-bpe", "--text", "own.txt", "--run-dir", "run"],
    "prepared": ["data", "prepare", "own.txt", "--out", "run"],
}


def content(folder: Path) -> dict[str, bytes]:
    """The files of a folder, but for where the time went and an empty lock, which may stay where nothing is to do."""
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.name not in ("receipt.json", LOCK_FILE)}


def kill_at(number: int, words: list[str]) -> bool:
    """Run a command in a child that dies, without a word, before its n-th change of a folder; whether it did."""
    child = os.fork()
    if child == 0:  # no clean-up, no `finally`: as after kill -9
        code = 1
        try:
            left = [number]

            def dying(really: Callable[..., object]) -> Callable[..., object]:
                def change(*args: object, **kwargs: object) -> object:
                    left[0] -= 1
                    if left[0] == 0:
                        os._exit(9)
                    return really(*args, **kwargs)

                return change

            for owner, name in ((Path, "replace"), (Path, "unlink"), (os, "fsync"), (os, "open")):
                setattr(owner, name, dying(getattr(owner, name)))
            with redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()):
                code = main(words)
        finally:
            os._exit(code)
    _, status = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(status) == 9


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("name", COMMANDS)
def test_killed_at_any_change_of_its_folder_the_same_command_ends_in_the_same_bits(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = COMMANDS[name]
    assert main(words) == 0
    run_dir = tmp_path / "run"
    whole = content(run_dir)
    assert not (run_dir / LOCK_FILE).exists()
    capsys.readouterr()
    number = 0
    seen: set[tuple[str, ...]] = set()
    while True:
        number += 1
        for path in run_dir.iterdir():
            path.unlink()
        run_dir.rmdir()
        if not kill_at(number, words):
            break
        left = tuple(sorted(path.name for path in run_dir.iterdir())) if run_dir.is_dir() else ()
        assert main(words) == 0, (number, left, capsys.readouterr().err)
        assert content(run_dir) == whole, (number, left)
        seen.add(left)
    assert any(left and left != (LOCK_FILE,) for left in seen), "no kill was in the middle of a save"


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("name", [name for name in COMMANDS if name != "prepared"])  # who prepares waits for another
def test_the_second_process_in_a_folder_is_refused_before_it_does_work(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with locked(tmp_path / "run"):
        assert main(COMMANDS[name]) == 2
        assert "another process works in run" in capsys.readouterr().err
        assert [path.name for path in (tmp_path / "run").iterdir()] == [LOCK_FILE]
    assert not (tmp_path / "cache").exists()


@pytest.mark.usefixtures("small")
def test_readers_need_no_lock_and_two_exports_into_one_folder_do(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(COMMANDS["laptop"]) == 0
    with locked(tmp_path / "run"):
        for words in (["sample", "run", "--tokens", "3"], ["evaluate", "run"], ["receipt", "run"]):
            assert main(words) == 0
    export = ["export", "run", "--to", "web", "--out", "there"]
    with locked(tmp_path / "there"):
        assert main(export) == 2
        assert "another process works in there" in capsys.readouterr().err
    assert main(export) == 0


@pytest.mark.parametrize(
    "names",
    [
        ["weights-0123456789ab.safetensors"],
        ["weights-0123456789ab.safetensors.part", LOCK_FILE],
        ["checkpoint.json.part", "weights-0123456789ab.safetensors"],
        ["tokenizer.json.part"],
        ["training.json.part"],
        [LOCK_FILE],
        [],
    ],
)
def test_what_a_kill_leaves_is_cleared_away(names: list[str], tmp_path: Path) -> None:
    for name in names:
        (tmp_path / name).touch()
    assert not is_begun(tmp_path, FACTS_FILE, "a run")
    assert {path.name for path in tmp_path.iterdir()} <= {LOCK_FILE}


@pytest.mark.parametrize(
    "name",
    [
        "thesis.tex",
        "weights-final.safetensors",
        "notes.part",
        "tokenizer.json",
        "tensorboard",
        "weights-0123456789ab.pt",
    ],
)
def test_what_is_the_readers_is_refused_and_kept_with_all_beside_it(name: str, tmp_path: Path) -> None:
    (tmp_path / "weights-0123456789ab.safetensors").touch()
    (tmp_path / name).write_text("mine")
    with pytest.raises(ValueError, match="holds something else than a run"):
        is_begun(tmp_path, FACTS_FILE, "a run")
    assert len(list(tmp_path.iterdir())) == 2
    assert (tmp_path / name).read_text() == "mine"


def test_a_lock_that_someone_wrote_into_is_theirs(tmp_path: Path) -> None:
    (tmp_path / LOCK_FILE).write_text("mine")
    with pytest.raises(ValueError, match="holds something else"):
        is_begun(tmp_path, FACTS_FILE, "a run")


def test_a_run_is_known_by_the_file_that_is_written_last(tmp_path: Path) -> None:
    new_run(tiny_recipe("iris")).save(tmp_path)
    assert is_begun(tmp_path, FACTS_FILE, "a run")
