"""What a recipe for text asks for, and what comes back from the folder of a run."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from small import TINY

from gptbook.data.corpus import Corpus, write_corpus
from gptbook.data.tokenizer import CharacterTokenizer
from gptbook.data.tokenizer_files import save_tokenizer_file
from gptbook.machine.device import Machine
from gptbook.machine.team import Team
from gptbook.models.gpt import GPT
from gptbook.models.modern import ModernGPT
from gptbook.models.sizes import training_memory
from gptbook.tasks.catalogue import new_run
from gptbook.tasks.recipe_words import iris_net
from gptbook.tasks.text import TextRun
from gptbook.tasks.text_model import config_for, fitting_rows, load_text_model, optimizer_for, text_model
from gptbook.training.checkpoint import load_checkpoint, save_checkpoint
from gptbook.training.optim import FusedMuonAdamW

EXACT = Machine(device="cpu", precision="float32", name="a processor", memory_bytes=2**33, num_threads=1)
LETTERS = CharacterTokenizer("abcdefghij")


@pytest.fixture
def corpus(tmp_path: Path) -> Corpus:
    tokens = (np.arange(400) * 7 % 10 + 1).astype(np.uint16)
    facts = {"name": "tens", "bytes_per_token": 1.0}
    return write_corpus(tmp_path / "text", LETTERS, [tokens[:300]], [tokens[300:]], facts)


@pytest.fixture
def run_dir(corpus: Corpus, tmp_path: Path) -> Path:
    """The folder of a run after one step."""
    run = TextRun(replace(TINY, data=str(corpus.folder)), corpus, EXACT)
    run.advance()
    run.save(tmp_path / "run")
    return tmp_path / "run"


def test_the_model_has_the_sizes_and_the_form_of_the_recipe() -> None:
    config = config_for(TINY, 11)
    assert (config.vocab_size, config.num_layers, config.context_length) == (11, 1, 16)
    assert (config.num_heads, config.model_dim, config.mlp_dim) == (2, 16, 32)
    modern = text_model(replace(TINY, dropout=0.1), 11)
    assert isinstance(modern, ModernGPT)
    assert modern.config == config
    assert any(isinstance(module, torch.nn.Dropout) and module.p == 0.1 for module in modern.modules())
    assert isinstance(text_model(replace(TINY, form="gpt-2"), 11), GPT)


@pytest.mark.parametrize("form", ["gpt-2", "modern"])
def test_adamw_pulls_matrices_towards_zero_and_no_bias_or_norm(form: str) -> None:
    recipe = replace(TINY, form=form, optimizer="adamw", weight_decay=0.1)
    model = text_model(recipe, 11)
    optimizer = optimizer_for(recipe, model)
    assert isinstance(optimizer, torch.optim.AdamW)
    decays = {id(p): group["weight_decay"] for group in optimizer.param_groups for p in group["params"]}
    assert len(decays) == len(list(model.parameters()))
    for parameter in model.parameters():
        assert decays[id(parameter)] == (0.1 if parameter.ndim == 2 else 0.0)


def test_muon_moves_the_matrices_in_blocks_only() -> None:
    model = text_model(TINY, 11)
    optimizer = optimizer_for(TINY, model)
    assert isinstance(optimizer, FusedMuonAdamW)
    groups = {group["muon"]: group for group in optimizer.param_groups}
    assert (groups[True]["rate"], groups[False]["rate"]) == (TINY.learning_rate, TINY.other_rate)
    moved = {id(p) for p in groups[True]["params"]}
    assert moved == {id(p) for name, p in model.named_parameters() if name.startswith("blocks.")}


@pytest.mark.parametrize(("size", "wanted", "rows"), [(1, 0, 4), (2, 0, 2), (4, 0, 1), (1, 2, 2), (2, 1, 1), (1, 4, 4)])
def test_as_many_windows_go_at_once_as_are_wanted_or_fit(size: int, wanted: int, rows: int) -> None:
    assert fitting_rows(TINY, 11, EXACT, Team(size=size), wanted) == rows


def test_in_a_small_memory_fewer_windows_go_at_once() -> None:
    needed = training_memory(config_for(TINY, 11), TINY.form, TINY.optimizer, "float32").total(4)
    rows = [fitting_rows(TINY, 11, replace(EXACT, memory_bytes=2 * size), Team(), 0) for size in (needed, needed // 2)]
    assert rows == [4, 2]
    with pytest.raises(ValueError, match="one text at a time takes"):
        fitting_rows(TINY, 11, replace(EXACT, memory_bytes=1000), Team(), 0)


@pytest.mark.parametrize("wanted", [3, -1, 8])
def test_parts_that_do_not_make_the_batch_are_refused(wanted: int) -> None:
    with pytest.raises(ValueError, match=f"--rows-at-once is {wanted}, and 4 windows for each process cannot be cut"):
        fitting_rows(TINY, 11, EXACT, Team(), wanted)


def test_a_team_that_cannot_share_the_batch_is_refused() -> None:
    with pytest.raises(ValueError, match="a batch of 4 windows cannot be shared evenly by 3 processes"):
        fitting_rows(TINY, 11, EXACT, Team(size=3), 0)


def test_a_model_comes_back_without_its_text(run_dir: Path, corpus: Corpus) -> None:
    run = new_run(replace(TINY, data=str(corpus.folder)))
    run.go_on_from(run_dir)
    for path in corpus.folder.iterdir():
        path.unlink()
    model, tokenizer, facts = load_text_model(run_dir)
    assert not model.training
    assert isinstance(tokenizer, CharacterTokenizer)
    assert tokenizer.characters == LETTERS.characters
    assert facts["step"] == 1
    for name, tensor in run.model.state_dict().items():
        assert torch.equal(model.state_dict()[name], tensor)


def test_a_run_that_learns_from_no_text_is_refused(tmp_path: Path) -> None:
    new_run(iris_net()).save(tmp_path / "iris")
    with pytest.raises(ValueError, match="holds a run of iris, which learns from no text: give a run of laptop or"):
        load_text_model(tmp_path / "iris")
    with pytest.raises(ValueError, match="there is no run folder"):
        load_text_model(tmp_path / "nowhere")
    save_checkpoint(tmp_path / "other", tensors={}, facts={"epoch": 3})
    with pytest.raises(ValueError, match="not of a training run"):
        load_text_model(tmp_path / "other")


def test_a_run_whose_tokenizer_is_missing_or_another_is_refused(run_dir: Path) -> None:
    save_tokenizer_file(run_dir, CharacterTokenizer("abc"))
    with pytest.raises(ValueError, match=r"the tokenizer in .* is not the one that the model was trained with: copy"):
        load_text_model(run_dir)
    (run_dir / "characters.json").unlink()
    with pytest.raises(ValueError, match=r"tokenizer\.json"):
        load_text_model(run_dir)


@pytest.mark.parametrize("number", [float("nan"), float("inf")])
def test_a_run_that_has_failed_is_refused(number: float, run_dir: Path) -> None:
    tensors, facts = load_checkpoint(run_dir)
    tensors["model.prediction.weight"][2, 3] = number
    save_checkpoint(run_dir, tensors=tensors, facts=facts)
    with pytest.raises(ValueError, match=r"has failed, prediction\.weight is not finite: train anew"):
        load_text_model(run_dir)
