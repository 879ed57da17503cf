"""Which models a run can go on from, whatever they lie in, and what is refused in a sentence."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from runs import EXACT, finished, new_run
from small import NAMES, TEXT, TINY
from tiny_models import PIECES, small_gpt2, stirred

from gptbook.data.corpus import Corpus
from gptbook.data.prepare import prepare_corpus
from gptbook.exchange.export import save_for_huggingface, save_for_web
from gptbook.tasks.base_model import base_for, base_kept_in, base_of, kind_of, open_base
from gptbook.tasks.continued import ContinuedText
from gptbook.tasks.going_on import continued_text_recipe
from gptbook.tasks.open_run import load_text_model, open_run
from gptbook.tasks.recipe_words import city_gpt, iris_net, laptop
from gptbook.tasks.recipes import GPTRecipe, NgramRecipe
from gptbook.tasks.text import TextTask
from gptbook.training.engine import Run


@pytest.fixture
def corpus(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Corpus:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GPTBOOK_CACHE", str(tmp_path / "cache"))
    (tmp_path / "own.txt").write_text(TEXT)
    return prepare_corpus("own.txt")


def test_one_model_is_known_in_every_format(tmp_path: Path) -> None:
    model = stirred("gpt-2", PIECES.vocab_size)
    save_for_huggingface(model, PIECES, tmp_path / "folder")
    save_for_web(model, PIECES, tmp_path / "web", half=False)
    bases = [open_base(str(tmp_path / name), laptop()) for name in ("folder", "web", "web/model.safetensors")]
    assert {base.sha256 for base in bases} == {base_of("x", model, PIECES).sha256}
    for base in bases:
        assert base.sizes["form"] == "gpt-2"
        assert base.sizes["model_context_length"] == 16
        assert base.tokenizer.vocab_size == PIECES.vocab_size
    other = stirred("gpt-2", PIECES.vocab_size, seed=1)
    assert base_of("x", other, PIECES).sha256 != bases[0].sha256


def test_a_run_on_a_text_gives_its_model_and_its_tokenizer(corpus: Corpus, tmp_path: Path) -> None:
    finished(Run(TextTask(TINY, corpus), EXACT)).save(tmp_path / "run")
    base = open_base("run", laptop())
    model, tokenizer = load_text_model(tmp_path / "run")
    assert base.weights is not None
    assert all(torch.equal(base.weights[name], tensor) for name, tensor in model.state_dict().items())
    assert base.tokenizer.encode("a sees") == tokenizer.encode("a sees")
    assert base.sizes["form"] == "modern"


def test_a_run_with_adapters_gives_them_merged(corpus: Corpus, tmp_path: Path) -> None:
    model = stirred("gpt-2", corpus.vocab_size)
    base = base_of("before", model, corpus.tokenizer)
    recipe = continued_text_recipe(TINY, base, rate_scale=30.0, lora_rank=2)
    finished(Run(ContinuedText(recipe, corpus, base.weights), EXACT)).save(tmp_path / "run")
    found = open_base("run", laptop())
    assert found.weights is not None
    assert set(found.weights) == set(model.state_dict())
    name = "blocks.0.mlp.hidden.weight"
    assert not torch.equal(found.weights[name], model.state_dict()[name])
    assert base_kept_in(open_run(tmp_path / "run")).sha256 == base.sha256


def test_a_run_on_names_gives_its_letters(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "towns.csv").write_text("town\n" + "\n".join(NAMES) + "\n")
    named: dict[str, Any] = {"names_file": "towns.csv", "column": "town", "num_steps": 2}
    net = NgramRecipe(name="net", context_length=2, embedding_dim=4, hidden_dim=6, **named)
    gpt = GPTRecipe(name="gpt", num_layers=1, num_heads=2, model_dim=8, mlp_dim=12, warmup_steps=1, **named)
    for recipe in (net, gpt):
        finished(new_run(recipe)).save(tmp_path / recipe.name)
        base = open_base(recipe.name, recipe)
        assert base.tokenizer.characters == sorted(set("".join(NAMES)))  # type: ignore[union-attr]
        assert base.sizes.items() <= {**vars(recipe)}.items()
    for source, chosen in (("net", gpt), ("gpt", net), ("gpt", laptop())):
        with pytest.raises(ValueError, match=f"--from {source} holds a run of {source}, and {chosen.name} goes on"):
            open_base(source, chosen)
    assert kind_of(net) is NgramRecipe
    assert kind_of(iris_net()) is type(iris_net())


@pytest.mark.parametrize(
    ("source", "sentence"),
    [
        ("gpt-2", 'there is no file or folder "gpt-2" to go on from: .* did you mean "gpt2"'),
        ("empty", "there is no file empty/config.json"),
        ("own.txt", "own.txt is not a safetensors file"),
        ("untokenized", "untokenized has no tokenizer"),
    ],
)
def test_what_is_no_model_is_refused(source: str, sentence: str, corpus: Corpus, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    small_gpt2(tmp_path / "untokenized")
    for path in (tmp_path / "untokenized").iterdir():
        if path.name in ("tokenizer.json", "vocab.json", "merges.txt"):
            path.unlink()
    with pytest.raises(ValueError, match=sentence):
        open_base(source, laptop())


def test_names_go_on_from_runs_only(tmp_path: Path) -> None:
    folder = str(small_gpt2(tmp_path / "gpt2"))
    with pytest.raises(ValueError, match="is no run of names: city-gpt goes on with the folder of a run"):
        open_base(folder, city_gpt())


def test_a_tokenizer_of_another_size_is_refused(tmp_path: Path) -> None:
    folder = small_gpt2(tmp_path / "gpt2", vocab_size=300)
    with pytest.raises(ValueError, match="the tokenizer has 265 tokens and the model 300"):
        open_base(str(folder), laptop())


def test_a_begun_run_needs_its_model_no_more_and_knows_another(corpus: Corpus, tmp_path: Path) -> None:
    first, second = (Run(TextTask(replace(TINY, seed=seed), corpus), EXACT) for seed in (0, 1))
    finished(first).save(tmp_path / "first")
    finished(second).save(tmp_path / "second")
    base = base_for("first", laptop(), tmp_path / "run")
    assert base.weights is not None
    recipe = continued_text_recipe(TINY, base)
    Run(ContinuedText(recipe, corpus, base.weights), EXACT).save(tmp_path / "run")
    (tmp_path / "first").rename(tmp_path / "moved")
    again = base_for("first", laptop(), tmp_path / "run")
    assert (again.weights, again.sha256, again.sizes) == (None, base.sha256, base.sizes)
    assert base_for("moved", laptop(), tmp_path / "run").name == "first"
    with pytest.raises(ValueError, match="run holds a run that went on from first, not from second: give another"):
        base_for("second", laptop(), tmp_path / "run")
    with pytest.raises(ValueError, match=r"second holds a run that did not go on from moved: .*more --steps"):
        base_for("moved", laptop(), tmp_path / "second")
    with pytest.raises(ValueError, match="run holds a run of laptop: give another --run-dir"):
        base_for("moved", city_gpt(), tmp_path / "run")
