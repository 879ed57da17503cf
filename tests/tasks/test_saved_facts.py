"""Facts of a run: whatever a file says is checked before it is believed; a fuzz of every reader of them."""

import json
import random
import resource
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
import torch
from mutants import mutate
from runs import load_run, new_run, write_samples

from gptbook.cli.parser import main
from gptbook.data.corpus import write_corpus
from gptbook.data.tokenizer import CharacterTokenizer
from gptbook.tasks.recipe_words import iris_net
from gptbook.tasks.recipes import ClubsRecipe, GPTRecipe, NgramRecipe, TextRecipe
from gptbook.tasks.saved_facts import check_sizes, recipe_in
from gptbook.training.checkpoint import CHECKPOINT_FORMAT, FORMAT_WITHOUT_SHA256, load_checkpoint
from gptbook.training.recipe import Recipe
from gptbook.training.session import train_run

NUM_MUTANTS = 1_000  # over all kinds of runs and three ways to hold the checksum
NAMES = ["ab" * length + "ac" * more for length in range(1, 6) for more in range(5)]


def recipes(folder: Path) -> dict[str, Recipe]:
    """A small recipe of each kind."""
    (folder / "towns.csv").write_text("town\n" + "\n".join(NAMES), encoding="utf-8")
    own = {"names_file": str(folder / "towns.csv"), "column": "town"}
    letters = CharacterTokenizer("abcdefgh")
    text = [1 + n * n % 8 for n in range(400)]
    about = {"name": "squares", "bytes_per_token": 1.0}
    corpus = write_corpus(folder / "text", letters, [text[:300]], [text[300:]], about)
    sizes = {"num_heads": 2, "model_dim": 8, "mlp_dim": 12, "batch_size": 4, "warmup_steps": 1}
    return {
        "net": NgramRecipe(
            name="towns", context_length=2, embedding_dim=4, hidden_dim=8, num_steps=3, batch_size=16, **own
        ),
        "gpt": GPTRecipe(name="towns", num_layers=1, context_length=24, num_steps=2, **sizes, **own),  # type: ignore[arg-type]
        "clubs": ClubsRecipe(name="clubs", num_sentences=40, model_dim=8, batch_size=8, num_steps=2, warmup_steps=1),
        "iris": iris_net(),
        "text": TextRecipe(
            name="laptop",
            data=str(corpus.folder),
            num_layers=1,
            context_length=8,
            num_steps=4,
            learning_rate=0.01,
            other_rate=0.01,
            evaluate_every=2,
            num_windows=4,
            **sizes,  # type: ignore[arg-type]
        ),
    }


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A run of each kind, by a few steps."""
    folder = tmp_path_factory.mktemp("runs")
    found: dict[str, Path] = {}
    for name, recipe in recipes(folder).items():
        run = new_run(recipe)
        for _ in range(2):
            run.training_step()
        run.save(folder / name)
        found[name] = folder / name
    return found


def readers(name: str, run_dir: Path) -> list[Callable[[], object]]:
    """All that opens a run folder: `load`, writing, and the commands for a text."""

    def command(*words: str) -> Callable[[], object]:
        return lambda: main([words[0], str(run_dir), *words[1:]])

    if name == "text":
        return [
            lambda: load_run(run_dir),
            command("sample", "--tokens", "3"),
            command("receipt"),
            command("export", "--to", "web"),
        ]
    found: list[Callable[[], object]] = [lambda: load_run(run_dir)]
    if name != "iris":
        found.append(lambda: write_samples(run_dir, "", 1, 0))
    return found


def refusal_of(read: Callable[[], object]) -> str:
    """What a reader says against a run, or nothing; a command says it in its exit code."""
    try:
        return "refused" if read() == 2 else ""
    except (ValueError, OSError) as refusal:
        return str(refusal) or "nothing said"


@pytest.mark.parametrize("form", ["checksum", "checksum written again", "first format"])
@pytest.mark.parametrize("name", ["net", "gpt", "clubs", "iris", "text"])
def test_no_mutant_of_the_facts_is_more_than_a_sentence(
    name: str,
    form: str,
    runs: dict[str, Path],
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    run_dir = runs[name]
    path = run_dir / "checkpoint.json"
    whole = path.read_bytes()
    record = json.loads(whole)
    expected = load_checkpoint(run_dir)[1]
    if form == "first format":
        del record["sha256"]
        record["format"] = FORMAT_WITHOUT_SHA256
    if form == "checksum written again":
        record["sha256"] = "again"
    draw = random.Random(f"{name} {form}")
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + 2**31, hard))  # who believes in a size of 10^12 dies of it
    opened = 0
    try:
        for _ in range(NUM_MUTANTS // 15 + 1):
            content = mutate(record, draw)
            path.write_bytes(content)
            for read in readers(name, run_dir):
                said = refusal_of(read)
                assert len(said.splitlines()) <= 1, content[-300:]
                if said:
                    continue
                opened += 1
                if form == "checksum":  # then what opens says what was saved
                    assert json.loads(content.decode("utf-8-sig"))["facts"] == expected
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))
        path.write_bytes(whole)
        capfd.readouterr()


def saved_facts(run_dir: Path) -> dict[str, Any]:
    return load_checkpoint(run_dir)[1]


def test_sound_facts_give_their_recipe(runs: dict[str, Path]) -> None:
    for run_dir in runs.values():
        tensors, facts = load_checkpoint(run_dir)
        used = recipe_in(facts, run_dir)
        assert json.loads(json.dumps(asdict(used))) == facts["recipe"]
        check_sizes(used, facts, tensors, run_dir)


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"step": 1}, "losses"),
        ({"step": 1, "losses": [1.0]}, "measured"),
        ({"losses": [1.0, 1.0, 1.0]}, "losses"),
        ({"step": 5, "losses": [1.0] * 5}, "steps"),
        ({"evaluations": [{"step": 3, "held_out_loss": 1.0}]}, "measured"),
        ({"evaluations": [{"step": 2, "held_out_loss": 1.0}] * 2}, "measured"),
        ({"kind": "Recipe"}, "not of a training run"),
        ({"kind": "GPTRecipe"}, "recipe"),
        ({"extra": 1}, "extra"),
        ({"losses": [float("nan"), 1.0]}, "has failed"),
    ],
)
def test_facts_that_contradict_one_another_are_refused(
    change: dict[str, Any], word: str, runs: dict[str, Path]
) -> None:
    facts = {**saved_facts(runs["text"]), **change}
    with pytest.raises(ValueError, match=word):
        recipe_in(facts, runs["text"])


@pytest.mark.parametrize("key", ["evaluations", "machine", "data", "step", "losses", "recipe", "kind"])
def test_facts_that_are_gone_are_named_by_every_reader(
    key: str, runs: dict[str, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    path = runs["text"] / "checkpoint.json"
    whole = path.read_bytes()
    record = json.loads(whole)
    del record["facts"][key], record["sha256"]
    try:
        path.write_text(json.dumps({**record, "format": FORMAT_WITHOUT_SHA256}))
        for command in (["sample"], ["evaluate"], ["receipt"], ["export", "--to", "web"]):
            assert main([command[0], str(runs["text"]), *command[1:]]) == 2
            assert "Traceback" not in capsys.readouterr().err
    finally:
        path.write_bytes(whole)


@pytest.mark.parametrize(
    ("name", "size"),
    [
        ("net", {"hidden_dim": 10**9}),
        ("net", {"embedding_dim": 2**32 - 1}),
        ("net", {"context_length": 10**9}),
        ("gpt", {"num_layers": 10**9}),
        ("gpt", {"mlp_dim": 10**9}),
        ("clubs", {"model_dim": 2 * 10**9}),
        ("clubs", {"window": 10**9}),
        ("text", {"num_layers": 2**32 - 1}),
        ("text", {"model_dim": 2 * 10**9}),
    ],
)
def test_a_size_that_the_weights_do_not_have_takes_no_memory(
    name: str, size: dict[str, int], runs: dict[str, Path]
) -> None:
    tensors, facts = load_checkpoint(runs[name])
    changed = {**facts, "recipe": {**facts["recipe"], **size}}
    with pytest.raises(ValueError, match=next(iter(size))):
        check_sizes(recipe_in(changed, runs[name]), changed, tensors, runs[name])


def test_another_tokenizer_of_the_same_size_is_noticed(
    runs: dict[str, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    path = runs["text"] / "characters.json"
    whole = path.read_bytes()
    try:
        path.write_bytes(whole.replace(b'"h"', b'"z"'))
        for command in (["sample"], ["export", "--to", "web"]):
            assert main([command[0], str(runs["text"]), *command[1:]]) == 2
            assert "tokenizer" in capsys.readouterr().err
    finally:
        path.write_bytes(whole)


def test_a_saved_run_still_ends_in_the_same_bits(runs: dict[str, Path], tmp_path: Path) -> None:
    whole = new_run(recipe_in(saved_facts(runs["net"]), runs["net"]))
    train_run(whole, tmp_path / "whole", lambda run: None)
    again = load_run(runs["net"])
    train_run(again, tmp_path / "again", lambda run: None)
    assert CHECKPOINT_FORMAT in (tmp_path / "again" / "checkpoint.json").read_text()
    for left, right in zip(whole.model.state_dict().values(), again.model.state_dict().values()):
        assert torch.equal(left, right)
