"""The best weights are what one gets, unless one asks for the last; each command says which it takes."""

from pathlib import Path

import pytest
import torch
from command_line import content, refused, same_but_receipt, written
from small import NAMES, OWN, RUN, text_commands

from gptbook.cli.parser import main
from gptbook.tasks.open_run import open_best, open_run
from gptbook.tasks.text import TextTask


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    return text_commands(tmp_path, monkeypatch)


@pytest.fixture
def overfitting(monkeypatch: pytest.MonkeyPatch) -> None:
    """A run that is measured after steps 3, 6, 9 ..., and gets worse each time."""
    losses = iter(range(2, 1000))
    monkeypatch.setattr(TextTask, "held_out_loss", lambda *sizes: (float(next(losses)), 1))


LONG = [*OWN, "--steps", "12", "--rate-scale", "3"]


@pytest.mark.usefixtures("overfitting")
def test_training_stops_says_so_and_goes_on_with_more_patience(capsys: pytest.CaptureFixture[str]) -> None:
    said = written([*LONG, "--patience", "2"], capsys)
    assert "Finished: it stopped after step 9 of 12; the held-out loss was lowest after step 3" in said
    assert "none of the last 2 measurements was lower (a larger --patience goes on)" in said
    assert "best weights   after step 3: sample, chat, evaluate and export take them" in said
    assert "; --last takes those after step 9" in said
    assert "held-out loss  2.000" in said
    before = content(RUN)
    again = written([*LONG, "--patience", "2"], capsys)
    assert "runs/laptop-own is finished: it stopped after step 9 of 12" in again
    assert "held-out loss  2.000" in again
    assert content(RUN) == before
    assert "12, of which 9 are done" in written([*LONG, "--patience", "3"], capsys)
    assert "is finished: all 12 steps are done" in written([*LONG, "--patience", "0"], capsys)


@pytest.mark.usefixtures("overfitting")
def test_more_steps_are_taken_however_long_ago_the_best_was() -> None:
    assert main([*LONG, "--patience", "3"]) == 0
    assert open_run(RUN).facts["step"] == 12, "the last step is also the one where patience ends"
    more = [*OWN, "--rate-scale", "3", "--steps", "24", "--patience", "3"]
    assert main(more) == 0
    before = content(RUN)
    assert open_run(RUN).facts["step"] == 21, "it counts from where the rates rose again"
    assert main(more) == 0
    assert content(RUN) == before


@pytest.mark.usefixtures("overfitting")
def test_commands_take_the_best_weights_and_with_last_the_last(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*LONG, "--patience", "2"]) == 0
    capsys.readouterr()
    best = "Takes the weights after step 3, where the held-out loss was lowest; --last takes the last."
    last = "Takes the last weights, after step 9; the best are those after step 3."
    texts = []
    for more, line in (([], best), (["--last"], last)):
        assert main(["sample", str(RUN), "--tokens", "40", *more]) == 0
        captured = capsys.readouterr()
        assert captured.err == f"{line}\n", "stdout is for the text"
        texts.append(captured.out)
        assert line in written(["export", str(RUN), "--to", "web", *more], capsys)
        said = written(["evaluate", str(RUN), *more], capsys)
        assert said.startswith(f"{line}\nlaptop after {9 if more else 3} of 12 steps\n")
    assert texts[0] != texts[1]
    assert "2.0000 after step 3, the lowest" in written(["receipt", str(RUN)], capsys)


@pytest.mark.usefixtures("overfitting")
def test_an_export_holds_the_weights_that_it_says(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*LONG, "--patience", "2"]) == 0
    files = []
    for more in ([], ["--last"]):
        written(["export", str(RUN), "--to", "web", "--precision", "float32", *more], capsys)
        files.append((RUN / "web" / "model.safetensors").read_bytes())
    for opened, file in zip((open_best(RUN), open_run(RUN)), files):
        table = opened.tensors["model.token_embedding.weight"]
        assert table.numpy().tobytes() in file


def test_where_the_last_weights_are_the_best_nothing_is_said(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    losses = iter(range(1000, 2, -1))
    monkeypatch.setattr(TextTask, "held_out_loss", lambda *sizes: (float(next(losses)), 1))
    assert "best weights" not in written(OWN, capsys)
    assert main(["sample", str(RUN), "--tokens", "5", "--last"]) == 0
    assert capsys.readouterr().err == ""
    assert len(list(RUN.glob("weights-*"))) == 1


@pytest.mark.usefixtures("overfitting")
def test_a_run_from_before_is_measured_as_often_as_it_was_and_says_what_was_not_kept(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def as_before(run: object) -> None:
        return None

    with monkeypatch.context() as patch:
        patch.setattr("gptbook.training.early_stopping.EarlyStoppingRun.weights_now", as_before)
        patch.setattr("gptbook.cli.train.measured_often", lambda recipe, corpus: recipe)
        assert main([*LONG, "--patience", "2"]) == 0
    assert "best" not in open_run(RUN).facts
    monkeypatch.setattr("gptbook.tasks.epochs.MOST_MEASUREMENTS", 10**6)
    said = written([*LONG, "--patience", "0"], capsys)
    assert "The held-out loss was lowest after step 3, but those weights were not kept" in said
    assert [each["step"] for each in open_run(RUN).facts["evaluations"]] == [3, 6, 9, 12]


def test_own_names_keep_their_best_too(capsys: pytest.CaptureFixture[str]) -> None:
    Path("towns.csv").write_text("town\n" + "".join(f"{name}\n" for name in NAMES))
    names = ["train", "city-4gram", "--names", "towns.csv", "--column", "town", "--steps", "300", "--patience", "3"]
    said = written([*names, "--run-dir", "one"], capsys)
    assert "training stops after 3 measurements without a better one (--patience)" in said
    written([*names, "--run-dir", "other"], capsys)
    assert same_but_receipt(Path("one"), Path("other"))
    saved = open_run(Path("one"))
    measured = {each["step"]: each["held_out_loss"] for each in saved.facts["evaluations"]}
    best = open_best(Path("one")).facts["step"]
    assert measured[best] == min(measured.values())
    assert "held-out loss" in written(["evaluate", "one"], capsys)


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ([*OWN, "--patience", "-1"], '--patience is "-1": give a whole number'),
        ([*OWN, "--patience", "1.5"], '--patience is "1.5": give a whole number'),
        (["train", "iris", "--patience", "3"], "iris takes no --patience, which is for "),
        (["train", "clubs-8gram", "--patience", "3"], "clubs-8gram takes no --patience"),
        (["train", "docstrings-bpe", "--patience", "3"], "docstrings-bpe takes no --patience"),
        (["tokens", "runs", "--last", "a"], 'there is no option "--last"'),
    ],
)
def test_a_wrong_patience_is_one_sentence(words: list[str], sentence: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert sentence in refused(words, capsys)


@pytest.mark.usefixtures("overfitting")
def test_a_damaged_best_is_one_sentence_and_the_last_still_writes(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*LONG, "--patience", "2"]) == 0
    (RUN / open_run(RUN).facts["best"]["weights"]).unlink()
    for words in (["sample"], ["evaluate"], ["export", "--to", "web"]):
        said = refused([words[0], str(RUN), *words[1:]], capsys)
        assert "is missing: copy the run folder again, or take the last weights (--last)" in said
    assert main(["sample", str(RUN), "--last", "--tokens", "5"]) == 0
    refused([*LONG, "--patience", "0"], capsys)
    assert torch.isfinite(open_run(RUN).tensors["model.token_embedding.weight"]).all()
