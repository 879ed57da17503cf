"""`gptbook train` with a text, as a reader uses it: what it says, saves, goes on with, and refuses."""

import itertools
import shlex
import signal
from pathlib import Path

import pandas as pd
import pytest
import torch
from command_line import content, next_command, refused, same_but_receipt
from small import EXACT, OWN, RUN, TEXT, text_commands
from torch import Tensor, nn

from gptbook.cli.parser import main
from gptbook.data.corpus import open_corpus
from gptbook.machine.ledger import Ledger, read_sessions
from gptbook.tasks.text import TextTask
from gptbook.training.engine import Run


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    return text_commands(tmp_path, monkeypatch)


@pytest.fixture
def stop_at_4(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """Ctrl-C in step 4; `undo` takes it back."""
    really_step = Run.training_step

    def training_step(run: Run) -> float:
        loss = really_step(run)
        if run.step == 4:
            signal.raise_signal(signal.SIGINT)
        return loss

    patch = pytest.MonkeyPatch()
    patch.setattr(Run, "training_step", training_step)
    return patch


def test_training_says_what_it_does_before_and_what_came_of_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(OWN) == 0
    before, after = capsys.readouterr().out.split("\n  held-out loss")
    assert "laptop: a GPT in the modern form, 1 blocks of 16, that sees 16 tokens" in before
    assert "tokens of own, 0." in before
    assert "others are kept to measure with" in before
    assert "(cpu) in float32" in before
    assert "parameters  " in before
    assert "steps       6: a second or two on this machine" in before
    assert "saved in    runs/laptop-own (Ctrl-C saves and stops)" in before
    assert "bits per byte, on text that it never saw (uniform guess: " in after
    assert "training loss" in after
    assert next_command(after) == ["sample", "runs/laptop-own", "--tokens", "300"]


def test_the_next_command_is_one_that_works(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(OWN) == 0
    assert main(next_command(capsys.readouterr().out)) == 0
    assert len(capsys.readouterr().out) > 100


def test_the_folder_of_a_run_holds_all_that_writing_needs(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(OWN) == 0
    names = {path.name for path in RUN.iterdir()}
    (weights,) = (name for name in names if name.startswith("weights-"))
    assert names == {weights, "checkpoint.json", "characters.json", "curve.csv", "receipt.json"}
    assert list(pd.read_csv(RUN / "curve.csv")["step"]) == [1, 2, 3, 4, 5, 6]


@pytest.mark.parametrize("word", ["laptop", "gpt2-124m"])
def test_ctrl_c_saves_and_the_same_command_ends_in_the_same_bits(
    word: str, capsys: pytest.CaptureFixture[str], stop_at_4: pytest.MonkeyPatch
) -> None:
    command = ["train", word, *OWN[2:], "--run-dir", "stopped here"]
    assert main(command) == 130
    stop_at_4.undo()
    said = capsys.readouterr().out
    assert "Stopped after 4 of 6 steps; everything is saved in stopped here." in said
    again = said.splitlines()[-1].removeprefix("To go on: gptbook ")
    assert shlex.split(again) == command
    assert main(command) == 0
    assert "6, of which 4 are done" in capsys.readouterr().out
    assert main([*command[:-1], "whole"]) == 0
    assert same_but_receipt(Path("whole"), Path("stopped here"))
    assert [len(read_sessions(Path(name))) for name in ("whole", "stopped here")] == [1, 2]


def test_a_run_goes_on_in_the_precision_and_the_parts_in_which_it_began(
    capsys: pytest.CaptureFixture[str], stop_at_4: pytest.MonkeyPatch
) -> None:
    assert main(["train", "laptop", "--data", "own.txt", "--precision", "bfloat16", "--rows-at-once", "2"]) == 130
    stop_at_4.undo()
    capsys.readouterr()
    assert main(["train", "laptop", "--data", "own.txt"]) == 0
    said = capsys.readouterr().out
    assert "in bfloat16" in said
    assert "2 windows at once on each of 1" in said


def test_a_run_that_crashed_before_its_receipt_goes_on(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*OWN, "--steps", "6"]) == 0
    (RUN / "receipt.json").unlink()
    assert main(OWN) == 0
    assert "is finished" in capsys.readouterr().out


def test_a_finished_run_says_so_and_stays_as_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(OWN) == 0
    before = content(RUN)
    capsys.readouterr()
    assert main(OWN) == 0
    said = capsys.readouterr().out
    assert "runs/laptop-own is finished: all 6 steps are done" in said
    assert "held-out loss" in said
    assert content(RUN) == before


def test_a_prepared_folder_a_file_and_a_moved_one_are_the_same_text(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["data", "prepare", "own.txt", "--out", "own"]) == 0
    assert main(OWN) == 0
    Path("own").rename("moved")
    capsys.readouterr()
    assert main(["train", "laptop", "--data", "moved", "--run-dir", str(RUN), *EXACT]) == 0
    assert "is finished" in capsys.readouterr().out
    assert open_corpus(Path("moved")).facts["name"] == "own"


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ([], "there is no text to learn from: give --data my.txt, or a word that gptbook data prepare knows"),
        (["--data", "letters"], "letters is too short to learn from"),
        (["--data", "nothing"], "nothing holds no text: give a file or folder with text in it"),
        (["--data", "own.txt", "--glob", "*.md"], "--glob chooses among the files of folders"),
        (["--data", "own.txt", "--field", "text"], "--field is for JSON Lines, and own holds none: leave it out"),
        (["--glob", "*.md"], "--glob is about a text of your own: give that with --data"),
        (["--data", "none.txt"], 'there is no file "none.txt": give the path of a text; or choose from shakespeare'),
        (["--data", "short.txt"], "and a context of 16 needs 17: give a text"),
        (["--data", "tiny.txt"], "tiny.txt is too short"),
        (["--data", "own.txt", "--rows-at-once", "3"], "give a number that divides 4"),
        (["--data", "own.txt", "--rows-at-once", "-1"], '--rows-at-once is "-1": give a whole number'),
        (["--data", "own.txt", "--rate-scale", "0"], '--rate-scale is "0": give a number above 0'),
        (["--data", "own.txt", "--rate-scale", "nan"], '--rate-scale is "nan": give a number above 0'),
        (["--data", "own.txt", "--steps", "0"], '--steps is "0"'),
        (["--data", "own.txt", "--seed", "-1"], '--seed is "-1"'),
        (["--data", "own.txt", "--precision", "float8"], '--precision is "float8"'),
        (["--data", "own.txt", "--device", "abacus"], 'there is no device "abacus" here'),
        (["--data", "own.txt", "--run-dir", "own.txt"], "own.txt is a file, not a folder"),
        (["--data", "own.txt", "--run-dir", "letters"], "letters holds something else than a run"),
        (["--text", "own.txt"], "laptop takes no --text"),
        (["--names", "own.txt", "--column", "a"], "laptop takes no --names"),
    ],
)
def test_a_mistake_before_training_is_answered_in_one_sentence_and_begins_no_run(
    words: list[str], sentence: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "letters").mkdir()
    (folder / "nothing").mkdir()
    (folder / "letters" / "dear.txt").write_text("Dear")
    (folder / "short.txt").write_text("Too short to read on.")
    (folder / "tiny.txt").write_text("ab")
    assert sentence in refused(["train", "laptop", *words], capsys)
    assert not (folder / "runs").exists()


@pytest.mark.parametrize("words", [["--device", "abacus"], ["--precision", "int4"], ["--rows-at-once", "3"]])
def test_a_wrong_option_is_noticed_before_the_text_is_prepared(
    words: list[str], folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    refused(["train", "laptop", "--data", "own.txt", *words], capsys)
    assert {path.name for path in folder.iterdir()} == {"own.txt"}


@pytest.mark.parametrize(
    "option", [["--data", "own.txt"], EXACT, ["--rows-at-once", "2"], ["--rate-scale", "2"], ["--tensorboard"]]
)
def test_an_option_for_text_is_refused_where_no_text_is_learned(
    option: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    said = refused(["train", "city-bigram", *option], capsys)
    assert f"city-bigram takes no {option[0]}, which is for laptop and the recipes of gpt2-124m" in said


def test_a_folder_with_other_settings_is_refused_with_the_difference_and_kept(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(OWN) == 0
    before = content(RUN)
    assert "num_steps is 6 there, 4 here" in refused([*OWN, "--steps", "4"], capsys)
    assert "seed is 0 there, 1 here" in refused([*OWN, "--seed", "1"], capsys)
    assert "learning_rate is 0.02 there, 0.01 here" in refused([*OWN, "--rate-scale", "0.5"], capsys)
    said = refused(["train", "gpt2-124m", *OWN[2:], "--run-dir", str(RUN)], capsys)
    assert "name is laptop there, gpt2-124m here" in said
    (folder / "own.txt").write_text(TEXT.replace("a", "x"))
    assert "holds another run" in refused(OWN, capsys)
    assert content(RUN) == before


def test_a_run_of_another_kind_in_the_folder_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train", "iris", "--steps", "2", "--run-dir", "flowers"]) == 0
    said = refused([*OWN, "--run-dir", "flowers"], capsys)
    assert "flowers holds a run of iris, not of laptop: give another --run-dir" in said


def test_half_the_rates_is_another_run(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(OWN) == 0
    assert main([*OWN, "--rate-scale", "0.5", "--run-dir", "half"]) == 0
    assert not same_but_receipt(RUN, Path("half"))


def test_a_training_that_fails_says_what_to_do_and_keeps_the_last_good_checkpoint(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def failed(task: TextTask, model: nn.Module, step: int, rows: slice) -> Tensor:
        return torch.tensor(float("nan"), requires_grad=True)

    with monkeypatch.context() as patch:
        patch.setattr(TextTask, "loss", failed)
        said = refused(OWN, capsys)
    assert "step 1: the loss is nan; the last good checkpoint is kept" in said
    assert "--rate-scale 0.5" in said
    assert main(OWN) == 0, "it goes on from the good one"


def test_the_phases_of_the_receipt_are_the_time_that_passed(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, stop_at_4: pytest.MonkeyPatch
) -> None:
    ticks = itertools.count()

    def clock() -> float:
        """Each look takes a second: what happens between two looks is a second's work, on any machine."""
        return float(next(ticks))

    for make in (Ledger.__init__, Ledger.from_facts.__func__):  # type: ignore[attr-defined]
        monkeypatch.setitem(make.__kwdefaults__, "clock", clock)
    monkeypatch.setattr("gptbook.cli.train.process_began", clock)
    passed = 0.0
    for code in (130, 0):
        began = clock()
        assert main(OWN) == code
        passed += clock() - began
        stop_at_4.undo()
    sessions = read_sessions(RUN)
    assert len(sessions) == 2
    booked = sum(sum(session["seconds"].values()) for session in sessions)
    assert booked < passed
    assert booked >= passed - 10, "only the last lines come after the last save"
    assert all(session["seconds"]["training"] > 0 for session in sessions)
    capsys.readouterr()
    assert main(["receipt", str(RUN)]) == 0
    lines = capsys.readouterr().out.splitlines()
    first = next(number for number, line in enumerate(lines) if line.startswith("  time "))
    total = float(lines[first].split()[1].replace(",", ""))
    phases = [float(line.split()[0]) for line in lines[first + 1 :] if line.endswith("%)")]
    assert sum(phases) == pytest.approx(total, abs=0.051)
    assert total == pytest.approx(booked, abs=0.051)
