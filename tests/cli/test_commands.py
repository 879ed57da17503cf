"""The commands, as a reader uses them: what they say, what they save, what they refuse."""

import errno
import os
import re
import signal
from pathlib import Path

import pytest
from command_line import content, next_command, refused, same_but_receipt
from small import NAMES
from tiny_models import small_gpt2

from gptbook.cli.parser import main
from gptbook.data.clubs import ClubGrammar
from gptbook.tasks.recipe_words import recipe
from gptbook.tasks.recipes import ClubsRecipe, GPTRecipe
from gptbook.training.checkpoint import load_checkpoint, save_checkpoint
from gptbook.training.engine import Run


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Every command runs in an empty folder that holds a list of 48 names."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "towns.csv").write_text("town,people\n" + "".join(f"{name},7\n" for name in NAMES))
    return tmp_path


OWN = ["train", "city-bigram", "--names", "towns.csv", "--column", "town", "--steps", "20"]
RUN = Path("runs/city-bigram-towns")


def test_training_says_what_it_does_before_and_what_came_of_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(OWN) == 0
    before, after = capsys.readouterr().out.split("\n  held-out loss")
    assert "a net that reads 1 letter and predicts the next one" in before
    assert "learns from 43 names" in before
    assert "5 others are kept to measure with" in before
    assert "parameters" in before
    assert "on this machine" in before
    assert "saved in    runs/city-bigram-towns" in before
    assert "no model with this context can be below" in after
    assert "it writes" in after
    last = after.rstrip().splitlines()[-1]
    assert last.startswith("Next: gptbook sample runs/city-bigram-towns --start ")


def test_the_next_command_is_one_that_works(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(OWN) == 0
    words = capsys.readouterr().out.splitlines()[-1].removeprefix("Next: gptbook ").split()
    assert main(words) == 0
    names = capsys.readouterr().out.splitlines()
    assert len(names) == 10
    assert all(name.startswith(words[words.index("--start") + 1]) for name in names)


def test_the_same_seed_writes_the_same_names(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(OWN) == 0
    written = []
    for seed in "112":
        capsys.readouterr()
        assert main(["sample", str(RUN), "--count", "5", "--seed", seed]) == 0
        written.append(capsys.readouterr().out)
    assert written[0] == written[1] != written[2]


def test_ctrl_c_saves_and_the_same_command_ends_in_the_same_bits(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert main([*OWN, "--run-dir", "whole"]) == 0
    really_step = Run.training_step

    def training_step(run: Run) -> float:
        loss = really_step(run)
        if run.step == 15:
            signal.raise_signal(signal.SIGINT)
        return loss

    command = [*OWN, "--run-dir", "stopped here"]
    monkeypatch.setattr(Run, "training_step", training_step)
    capsys.readouterr()
    assert main(command) == 130
    said = capsys.readouterr().out
    assert "Stopped after 15 of 20 steps; everything is saved in stopped here." in said
    assert "To go on: gptbook train city-bigram --names towns.csv --column town --steps 20" in said
    assert "--run-dir 'stopped here'" in said
    monkeypatch.setattr(Run, "training_step", really_step)
    assert main(command) == 0
    assert "20, of which 15 are done" in capsys.readouterr().out
    assert same_but_receipt(Path("whole"), Path("stopped here"))


def test_a_finished_run_says_so_and_stays_as_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(OWN) == 0
    before = content(RUN)
    capsys.readouterr()
    assert main(OWN) == 0
    assert "runs/city-bigram-towns is finished: all 20 steps are done" in capsys.readouterr().out
    assert content(RUN) == before


def test_a_folder_with_another_configuration_is_refused_and_kept(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(OWN) == 0
    before = content(RUN)
    said = refused([*OWN, "--seed", "3", "--steps", "10"], capsys)
    assert "num_steps is 20 there, 10 here" in said
    assert "seed is 0 there, 3 here" in said
    assert content(RUN) == before


def test_a_folder_with_something_else_is_refused_and_kept(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "letters").mkdir()
    (folder / "letters" / "dear.txt").write_text("Dear")
    assert "letters holds something else than a run" in refused([*OWN, "--run-dir", "letters"], capsys)
    assert "towns.csv is a file" in refused([*OWN, "--run-dir", "towns.csv"], capsys)
    assert content(folder / "letters") == {"dear.txt": b"Dear"}


def test_a_full_disk_is_one_sentence_and_leaves_nothing_half_written(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def full_disk(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full_disk)
        said = refused(OWN, capsys)
    assert "cannot be saved in runs/city-bigram-towns (No space left on device): make room there" in said
    assert not RUN.exists()
    assert main(OWN) == 0


def test_iris_reports_accuracy_on_flowers_it_has_not_seen(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train", "iris", "--steps", "5"]) == 0
    said = capsys.readouterr().out
    assert "parameters  131" in said
    assert "on flowers not seen in training (95% interval" in said
    assert "which writes no names" in refused(["sample", "runs/iris"], capsys)
    assert "takes no --names" in refused(["evaluate", "runs/iris", "--names", "towns.csv", "--column", "town"], capsys)


def test_evaluate_measures_on_held_out_names_or_on_the_readers(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(OWN) == 0
    trained = [line for line in capsys.readouterr().out.splitlines() if " loss  " in line]
    assert main(["evaluate", str(RUN)]) == 0
    said = capsys.readouterr().out
    assert re.search(r"city-bigram after \d+ of 20 steps", said), "where it was best"
    assert [line for line in said.splitlines() if " loss  " in line] == trained
    (folder / "mine.csv").write_text("name\nbork\ncamen\n")
    assert main(["evaluate", str(RUN), "--names", "mine.csv", "--column", "name"]) == 0
    assert "loss on your 2 names" in capsys.readouterr().out
    (folder / "mine.csv").write_text("name\nbork\nzürich\n")
    said = refused(["evaluate", str(RUN), "--names", "mine.csv", "--column", "name"], capsys)
    assert '"z", character 1 of "zürich", is not in the alphabet' in said


def test_the_readers_list_may_be_in_any_script(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    names = [first + last for first in ("Ål", "Øst", "São ", "京") for last in ("by", "havn", "都", "-Å", "ß")]
    (folder / "towns.csv").write_text("town\n" + "\n".join(names), encoding="utf-8")
    assert main(OWN) == 0
    capsys.readouterr()
    assert main(["sample", str(RUN), "--start", "京", "--count", "2"]) == 0
    assert capsys.readouterr().out.count("京") >= 2


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["sample", "RUN", "--start", "ba7"], '"7", character 3 of "ba7", is not in the alphabet "abcdeikmnor"'),
        (["sample", "RUN", "--count", "-2"], '--count is "-2": give a whole number, 1 to'),
        (["sample", "RUN", "--count", "0"], '--count is "0": give a whole number, 1 to'),
        (["sample", "RUN", "--count", "many"], '--count is "many": give a whole number'),
        (["sample", "RUN", "--seed", "-1"], '--seed is "-1": give a whole number, 0 to 4294967295'),
        (["sample", "nowhere"], "there is no run folder nowhere"),
        (["sample", "."], ". is not a run folder, it has no checkpoint.json"),
        (["evaluate", "nowhere"], "there is no run folder nowhere"),
        (["evaluate", "RUN", "--names", "towns.csv"], "--names needs --column"),
        (["evaluate", "RUN", "--column", "town"], "--column needs --names"),
    ],
)
def test_a_mistake_with_a_run_is_answered_in_one_sentence(
    words: list[str], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*OWN, "--steps", "2"]) == 0  # its last weights are its best: nothing is said of them
    assert sentence in refused([str(RUN) if word == "RUN" else word for word in words], capsys)


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["city-bigran"], 'there is no recipe "city-bigran": did you mean "city-bigram"?'),
        (["city-bigram", "--steps", "0"], '--steps is "0": give a whole number, 1 to 4294967295'),
        (["city-bigram", "--seed", "-4"], '--seed is "-4": give a whole number, 0 to 4294967295'),
        (["city-bigram", "--names", "towns.csv"], "--names needs --column"),
        (["city-bigram", "--column", "town"], "--column needs --names"),
        (
            ["city-bigram", "--names", "towns.csv", "--column", "city"],
            'has no column "city": choose one of "town", "people"',
        ),
        (["city-bigram", "--names", "none.csv", "--column", "city"], "none.csv cannot be read"),
        (["city-bigram", "--names", "empty.csv", "--column", "city"], "empty.csv is empty"),
        (["city-bigram", "--names", "header.csv", "--column", "town"], "has no names"),
        (["city-bigram", "--names", "few.csv", "--column", "town"], "has 2 different names: give at least 20"),
        (["city-bigram", "--names", "folder", "--column", "town"], "folder cannot be read"),
        (["city-bigram", "--names", "picture.png", "--column", "town"], "is not text in UTF-8"),
        (["iris", "--names", "towns.csv", "--column", "town"], "iris takes no --names"),
    ],
)
def test_a_mistake_before_training_is_answered_in_one_sentence_and_makes_no_folder(
    words: list[str], sentence: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "empty.csv").write_text("")
    (folder / "header.csv").write_text("town\n")
    (folder / "few.csv").write_text("town\nrom\nrom\nbonn\n")
    (folder / "folder").mkdir()
    (folder / "picture.png").write_bytes(b"\x89PNG\r\n\x1a\n\x00\xff\xfe")
    assert sentence in refused(["train", *words], capsys)
    assert not (folder / "runs").exists()


@pytest.mark.parametrize("suffix", [".json", ".safetensors"])
@pytest.mark.parametrize("command", ["sample", "evaluate", "train"])
def test_a_run_that_was_cut_short_is_named(command: str, suffix: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(OWN) == 0
    path = next(path for path in RUN.iterdir() if path.suffix == suffix)
    path.write_bytes(path.read_bytes()[:50])
    words = OWN if command == "train" else [command, str(RUN)]
    assert f"{path.name} is cut short or was changed" in refused(words, capsys)


def test_a_checkpoint_of_another_program_is_named(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    save_checkpoint(folder / "other", tensors={}, facts={"epoch": 3})
    assert "not of a training run" in refused(["sample", "other"], capsys)


TINY_GPT = GPTRecipe(name="city-gpt", num_layers=1, num_heads=2, model_dim=8, mlp_dim=12, num_steps=6, warmup_steps=2)
TINY_CLUBS = ClubsRecipe(name="clubs-attention", num_sentences=60, model_dim=8, batch_size=8, num_steps=4)
GPT_RUN = Path("runs/city-gpt-towns")
OWN_GPT = ["train", "city-gpt", "--names", "towns.csv", "--column", "town"]


@pytest.fixture
def tiny(monkeypatch: pytest.MonkeyPatch) -> None:
    """The recipes that take minutes, in small; few docstrings, and few sentences to measure with."""
    small = {"city-gpt": TINY_GPT, "clubs-attention": TINY_CLUBS}
    monkeypatch.setattr("gptbook.cli.train.recipe", lambda word: small.get(word) or recipe(word))
    texts = [f"{verb} the {what} of an array, in order." for verb in ("Give", "Take") for what in "abcdefghij"]
    monkeypatch.setattr("gptbook.tasks.byte_pairs.docstrings", lambda libraries: texts)
    sentences = ClubGrammar.sentences

    def few(grammar: ClubGrammar, count: int, seed: int, gap: int | None = None) -> list[list[str]]:
        return sentences(grammar, min(count, 200), seed, gap)

    monkeypatch.setattr(ClubGrammar, "sentences", few)


@pytest.mark.usefixtures("tiny")
@pytest.mark.parametrize(
    "words",
    [OWN_GPT, ["train", "clubs-attention"], ["train", "docstrings-bpe", "--steps", "9"]],
    ids=["names", "clubs", "docstrings"],
)
def test_whatever_is_trained_says_what_it_does_and_names_a_next_command_that_works(
    words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(words) == 0
    said = capsys.readouterr().out
    assert said.startswith(f"{words[1]}: ")
    assert "learns from" in said
    assert "saved in    runs/" in said
    assert "held-out" in said
    assert main(next_command(said)) == 0
    assert capsys.readouterr().out
    assert main(words) == 0
    assert "is finished: all" in capsys.readouterr().out.splitlines()[0]


@pytest.mark.usefixtures("tiny")
def test_a_gpt_that_was_stopped_by_ctrl_c_ends_in_the_same_bits(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert main([*OWN_GPT, "--run-dir", "whole"]) == 0
    really_step = Run.training_step

    def training_step(run: Run) -> float:
        loss = really_step(run)
        if run.step == 4:
            signal.raise_signal(signal.SIGINT)
        return loss

    monkeypatch.setattr(Run, "training_step", training_step)
    assert main([*OWN_GPT, "--run-dir", "stopped"]) == 130
    monkeypatch.setattr(Run, "training_step", really_step)
    assert "Stopped after 4 of 6 steps" in capsys.readouterr().out
    assert main([*OWN_GPT, "--run-dir", "stopped"]) == 0
    assert same_but_receipt(Path("whole"), Path("stopped"))


@pytest.mark.usefixtures("tiny")
def test_evaluate_measures_a_gpt_and_attention_too(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for words in (OWN_GPT, ["train", "clubs-attention"]):
        assert main(words) == 0
    capsys.readouterr()
    assert main(["evaluate", str(GPT_RUN)]) == 0
    assert "city-gpt after 6 of 6 steps\n  held-out loss" in capsys.readouterr().out
    assert main(["evaluate", str(GPT_RUN), "--names", "towns.csv", "--column", "town"]) == 0
    assert "loss on your 48 names" in capsys.readouterr().out
    assert main(["evaluate", "runs/clubs-attention"]) == 0
    assert "right stadium" in capsys.readouterr().out
    (folder / "long.csv").write_text(f"name\n{'am' * 32}\n")
    said = refused(["evaluate", str(GPT_RUN), "--names", "long.csv", "--column", "name"], capsys)
    assert "has 64 letters, and a context of 64 has room for 63" in said
    names = ["evaluate", "runs/clubs-attention", "--names", "towns.csv", "--column", "town"]
    assert "takes no --names" in refused(names, capsys)


@pytest.mark.usefixtures("tiny")
def test_a_name_longer_than_the_context_is_named_before_training_and_makes_no_folder(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "towns.csv").write_text("town\n" + "\n".join([*NAMES, "am" * 32]) + "\n")
    assert f'"{"am" * 32}" has 64 letters, and a context of 64 has room for 63' in refused(OWN_GPT, capsys)
    assert not (folder / "runs").exists()
    (folder / "towns.csv").write_text("town\n" + "\n".join([*NAMES, "a" * 63]) + "\n")
    assert main(OWN_GPT) == 0


@pytest.mark.usefixtures("tiny")
@pytest.mark.parametrize("command", ["sample", "evaluate", "train"])
def test_a_run_that_failed_is_named(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(OWN_GPT) == 0
    tensors, facts = load_checkpoint(GPT_RUN)
    tensors["model.prediction.weight"][0, 0] = float("nan")
    save_checkpoint(GPT_RUN, tensors=tensors, facts=facts)
    words = OWN_GPT if command == "train" else [command, str(GPT_RUN)]
    assert "has failed, prediction.weight is not finite: train anew" in refused(words, capsys)


MISTAKES = [
    (["sample", "GPT", "--start", "amz"], '"z", character 3 of "amz", is not in the alphabet'),
    (["sample", "GPT", "--start", "am" * 40], "has 80 letters, and a context of 64 has room for 63"),
    (["sample", "clubs", "--start", "my ant"], '"ant" does not begin with a word that the model knows'),
    (["sample", "bpe"], "holds a tokenizer, which splits text and writes none: try gptbook tokens runs/docstrings"),
    (["evaluate", "bpe"], "holds a tokenizer, which splits text and writes none"),
    (["train", "docstrings-bpe", "--steps", "8"], "num_steps is 9 there, 8 here"),
    (["train", "docstrings-bpe", "--seed", "3", "--steps", "9"], "seed is 0 there, 3 here"),
    (["train", "docstrings-bpe", "--run-dir", "runs/city-gpt-towns"], "holds something else than a tokenizer"),
    (["train", "docstrings-bpe", "--run-dir", "towns.csv"], "towns.csv is a file, not a folder"),
    (["train", "docstrings-bpe", "--names", "towns.csv", "--column", "town"], "takes no --names"),
    (["train", "docstrings-bpe", "--steps", "0"], '--steps is "0": give a whole number, 1 to 4294967295'),
    (["train", "docstrings-bpe", "--steps", "99999", "--run-dir", "new"], "99,999 merges are more than these"),
    (["train", "city-gpt", "--run-dir", "runs/docstrings-bpe"], "holds something else than a run"),
    (["train", "city-gpt", "--run-dir", "runs/clubs-attention"], "holds a run of clubs-attention, not of city-gpt"),
    (["train", "clubs-attention", "--names", "towns.csv", "--column", "town"], "takes no --names"),
    (["tokens", "GPT", "a"], "holds no tokenizer.json: give the folder of a tokenizer"),
    (["tokens", "nowhere", "a"], "nowhere holds no tokenizer.json"),
    (["tokens", "bpe", ""], "the text is empty: give at least one character"),
    (["tokens", "bpe", "a\udcff"], "character 2 of the text, '\\udcff', is half of a surrogate pair"),
    (["tokens", "bpe"], "the following arguments are required: TEXT"),
]


@pytest.mark.usefixtures("tiny")
def test_a_mistake_with_what_learns_from_sequences_or_text_is_answered_in_one_sentence(
    capsys: pytest.CaptureFixture[str],
) -> None:
    for words in (OWN_GPT, ["train", "clubs-attention"], ["train", "docstrings-bpe", "--steps", "9"]):
        assert main(words) == 0
    folders = {"GPT": str(GPT_RUN), "clubs": "runs/clubs-attention", "bpe": "runs/docstrings-bpe"}
    before = {run: content(run) for run in Path("runs").iterdir()}
    for words, sentence in MISTAKES:
        assert sentence in refused([folders.get(word, word) for word in words], capsys)
        assert {run: content(run) for run in Path("runs").iterdir()} == before
        assert not Path("new").exists()


@pytest.mark.usefixtures("tiny")
def test_tokens_shows_the_pieces_of_a_text_their_numbers_and_how_many(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train", "docstrings-bpe", "--steps", "30"]) == 0
    capsys.readouterr()
    outputs = []
    for words in (["the array of é"], ["the", "array", "of", "é"]):
        assert main(["tokens", "runs/docstrings-bpe", *words]) == 0
        outputs.append(capsys.readouterr().out)
    assert outputs[0] == outputs[1]
    pieces, numbers, summary = outputs[0].splitlines()
    assert pieces.replace(" | ", "").replace("␣", " ") == "the array of \\xc3\\xa9"
    assert len(pieces.split(" | ")) == len(numbers.split())
    assert summary.startswith(f"15 bytes in {len(numbers.split())} tokens: ")


def test_a_text_goes_on_and_what_is_no_model_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    small_gpt2(tmp_path / "model")
    assert main(["complete", "model", "--start", "the cat", "--tokens", "3", "--temperature", "0"]) == 0
    assert capsys.readouterr().out.startswith("the cat")
    assert "there is no file nowhere" in refused(["complete", "nowhere"], capsys)
    assert "half of a surrogate" in refused(["complete", "model", "--start", "a\ud800"], capsys)
    assert '--seed is "-1"' in refused(["complete", "model", "--seed", "-1"], capsys)
    (tmp_path / "model" / "model.safetensors").write_bytes(b"no tensors")
    refused(["complete", "model", "--start", "a"], capsys)
