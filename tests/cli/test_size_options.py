"""Sizes on the command line: each changes the recipe, costs what is said, and what cannot be is one sentence."""

import argparse
from dataclasses import replace
from pathlib import Path

import pytest
from command_line import content, refused, written
from small import EXACT, NAMES, OWN, RUN, text_commands
from tiny_models import small_gpt2

from gptbook.cli.forms import COMMAND_FORMS
from gptbook.cli.parser import build_parser, main
from gptbook.cli.size_options import SIZES, field_of, with_sizes
from gptbook.cli.train import training_form
from gptbook.tasks.open_run import open_run
from gptbook.tasks.recipe_words import all_recipes, laptop
from gptbook.tasks.recipes import GPTRecipe, TextRecipe

VALUES = {
    "context_length": 24,
    "layers": 2,
    "heads": 1,
    "width": 48,
    "batch_size": 8,
    "dropout": 0.25,
    "learning_rate": 0.0125,  # no recipe has any of these
}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    return text_commands(tmp_path, monkeypatch)


def options(**given: float) -> argparse.Namespace:
    """What argparse makes of them."""
    return argparse.Namespace(**{**dict.fromkeys(SIZES), "rate_scale": None, **given})


@pytest.mark.parametrize("word", all_recipes())
def test_each_size_that_a_recipe_takes_changes_a_field_of_it(word: str) -> None:
    chosen = all_recipes()[word]()
    taken = COMMAND_FORMS["train"][training_form(chosen)].options
    for name in SIZES:
        if name not in taken or (name == "dropout" and getattr(chosen, "form", "") == "gpt-2"):
            continue
        sized = with_sizes(options(**{name: VALUES[name]}), chosen)
        assert getattr(sized, field_of(chosen, name)) == VALUES[name]
        assert sized != chosen


def test_without_sizes_a_recipe_is_the_same() -> None:
    chosen = laptop()
    assert with_sizes(options(), chosen) is chosen


def test_the_mlp_and_the_other_rate_keep_their_ratio() -> None:
    sized = with_sizes(options(width=64, learning_rate=0.015), laptop())
    assert sized == replace(laptop(), model_dim=64, mlp_dim=256, learning_rate=0.015, other_rate=0.004)


def test_help_has_the_sizes_with_what_they_are(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train", "--help"]) == 0
    said = " ".join(capsys.readouterr().out.split())
    for name in SIZES:
        assert f"--{name.replace('_', '-')}" in said
    parsed = build_parser().parse_args(["train", "laptop", "--layers", "3", "--dropout", "0"])
    assert (parsed.layers, parsed.dropout, parsed.width) == (3, 0, None)


@pytest.mark.usefixtures("folder")
def test_a_run_with_sizes_says_what_they_cost_and_saves_them(capsys: pytest.CaptureFixture[str]) -> None:
    words = ["--layers", "2", "--heads", "1", "--width", "8", "--context-length", "12", "--batch-size", "2"]
    said = written([*OWN, *words, "--dropout", "0.1", "--learning-rate", "0.01"], capsys)
    before = said.split("  saved in")[0]
    assert "2 blocks of 8, that sees 12 tokens" in before
    for cost in ("parameters  ", "memory      ", "disk        up to ", "steps       6: a second or two"):
        assert cost in before
    used = open_run(RUN).recipe
    assert isinstance(used, TextRecipe)
    assert (used.num_layers, used.num_heads, used.model_dim, used.mlp_dim) == (2, 1, 8, 16)
    assert (used.context_length, used.batch_size, used.dropout) == (12, 2, 0.1)
    assert (used.learning_rate, used.other_rate) == (0.01, 0.005)
    saved = content(RUN)
    assert "num_layers is 2 there, 1 here" in refused([*OWN, *words[2:], "--run-dir", str(RUN)], capsys)
    assert content(RUN) == saved


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["laptop", "--width", "100", "--heads", "3"], "3 heads cannot share a width of 100, an even number each: "),
        (["laptop", "--width", "100", "--heads", "3"], "give --width 96 or 102, or another --heads"),
        (["laptop", "--width", "2", "--heads", "2"], "give --width 4, or another --heads"),
        (["clubs-attention", "--heads", "3"], "give --width 63 or 66, or another --heads"),
        (["laptop", "--layers", "0"], '--layers is "0": give a whole number, 1 to 1000'),
        (["laptop", "--width", "wide"], '--width is "wide": give a whole number'),
        (["laptop", "--dropout", "1"], '--dropout is "1": give 0 or more, below 1'),
        (["laptop", "--learning-rate", "0"], '--learning-rate is "0": give a number above 0'),
        (["laptop", "--learning-rate", "0.1", "--rate-scale", "2"], "both change the rates: give one of them"),
        (["laptop", "--width", "100000", "--layers", "1000"], "of memory to train, and this machine has "),
        (["city-gpt", "--batch-size", "1000000"], "1,000,000 names a step) take "),
        (["city-gpt", "--context-length", "5"], "--context-length is 5, and the longest name has 24 letters: give 25"),
        (["city-4gram", "--layers", "3"], "city-4gram takes no --layers, which is for city-attention and city-gpt"),
        (["city-4gram", "--context-length", "14"], "use a shorter context"),
        (["clubs-8gram", "--heads", "2"], "clubs-8gram takes no --heads, which is for "),
        (["clubs-attention", "--context-length", "9"], "clubs-attention takes no --context-length"),
        (["iris", "--width", "3"], "iris takes no --width, which is for "),
        (["docstrings-bpe", "--dropout", "0.1"], "docstrings-bpe takes no --dropout"),
    ],
)
def test_sizes_that_cannot_be_are_one_sentence_and_begin_no_run(
    words: list[str], sentence: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = ["--data", "own.txt"] if words[0] == "laptop" else []
    assert sentence in refused(["train", *words, *data], capsys)
    assert {path.name for path in folder.iterdir()} == {"own.txt"}


@pytest.mark.usefixtures("folder")
def test_a_context_longer_than_the_text_says_both_ways_out(capsys: pytest.CaptureFixture[str]) -> None:
    said = refused([*OWN, "--context-length", "5000"], capsys)
    assert "characters or more, or a smaller --context-length" in said


def test_the_form_of_gpt2_takes_no_dropout(capsys: pytest.CaptureFixture[str]) -> None:
    said = refused(["train", "gpt2-124m-2019", "--dropout", "0.1", "--data", "docstrings"], capsys)
    assert "gpt2-124m-2019 takes no --dropout" in said


@pytest.mark.usefixtures("folder")
def test_nets_of_names_take_their_sizes(capsys: pytest.CaptureFixture[str]) -> None:
    Path("towns.csv").write_text("town\n" + "".join(f"{name}\n" for name in NAMES))
    own = ["--names", "towns.csv", "--column", "town", "--steps", "5"]
    net = ["--width", "8", "--context-length", "2", "--batch-size", "16", "--dropout", "0.5"]
    assert "parameters  " in written(["train", "city-4gram", *own, *net, "--run-dir", "net"], capsys)
    gpt = ["--layers", "1", "--width", "8", "--heads", "2", "--context-length", "16"]
    assert "memory      " in written(["train", "city-gpt", *own, *gpt, "--run-dir", "gpt"], capsys)
    used = open_run(Path("gpt")).recipe
    assert isinstance(used, GPTRecipe)
    assert (used.num_layers, used.num_heads, used.model_dim, used.mlp_dim, used.context_length) == (1, 2, 8, 32, 16)


@pytest.mark.usefixtures("folder")
def test_the_sizes_of_a_model_that_goes_on_are_its_own_and_its_rate_is_not(capsys: pytest.CaptureFixture[str]) -> None:
    small_gpt2(Path("model"))
    words = ["train", "laptop", "--from", "model", "--data", "own.txt", *EXACT, "--steps", "2", "--run-dir", "run"]
    for option in ("--layers", "--heads", "--width"):
        said = refused([*words, option, "2"], capsys)
        assert f"{option} is decided by the model that --from names: leave it out" in said
    assert "leave out --dropout" in refused([*words, "--dropout", "0.1"], capsys)
    written([*words, "--learning-rate", "0.001", "--batch-size", "2"], capsys)
    used = open_run(Path("run")).recipe
    assert isinstance(used, TextRecipe)
    assert (used.learning_rate, used.other_rate, used.batch_size) == (0.001, 0.001, 2)


@pytest.mark.usefixtures("folder")
def test_an_estimate_takes_the_sizes_that_cost_something(capsys: pytest.CaptureFixture[str]) -> None:
    usual = written(["estimate", "laptop", "--gpu", "t4"], capsys)
    for name in ("context_length", "layers", "width", "batch_size"):
        option = f"--{name.replace('_', '-')}"
        assert written(["estimate", "laptop", "--gpu", "t4", option, str(VALUES[name])], capsys) != usual
