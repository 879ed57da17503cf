"""`gptbook train --from`, as a reader uses it: GPT-2's format, runs, adapters, and what is refused."""

import json
import re
import signal
from pathlib import Path
from typing import Any

import pytest
import torch
from command_line import content, refused, same_but_receipt, written
from safetensors.torch import save_file
from small import EXACT, NAMES, text_commands
from tiny_models import PIECES, small_gpt2

from gptbook.cli.parser import main
from gptbook.data.hub import GPT2_REVISIONS, OWNER, TOKENIZER_FILES
from gptbook.exchange.pretrained import save_gpt2
from gptbook.models.gpt import GPT, GPTConfig
from gptbook.training.checkpoint import load_checkpoint
from gptbook.training.engine import Run

FROM = ["train", "laptop", "--data", "own.txt", "--from", "gpt2-tiny", *EXACT, "--steps", "6"]
LORA = [*FROM, "--lora-rank", "3", "--run-dir", "lora"]
RUN = Path("runs/laptop-own-from-gpt2-tiny")


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    text_commands(tmp_path, monkeypatch)
    gpt2_of_transformers(tmp_path / "gpt2-tiny")
    return tmp_path


def gpt2_of_transformers(folder: Path) -> None:
    """A small random GPT-2 with its tokenizer, as today's transformers writes both: tokenizer.json alone."""
    from transformers import GPT2Config, GPT2LMHeadModel, PreTrainedTokenizerFast

    PIECES.save(folder.parent / "pieces.json")
    tokenizer = PreTrainedTokenizerFast(tokenizer_file=str(folder.parent / "pieces.json"), eos_token="<|endoftext|>")
    tokenizer.save_pretrained(folder)
    torch.manual_seed(0)
    sizes = {"n_positions": 32, "n_embd": 16, "n_layer": 2, "n_head": 2, "vocab_size": PIECES.vocab_size}
    ends = dict.fromkeys(("bos_token_id", "eos_token_id"), PIECES.vocab_size - 1)
    GPT2LMHeadModel(GPT2Config(**sizes, **ends)).save_pretrained(folder)


@pytest.fixture
def stop_at_4() -> pytest.MonkeyPatch:
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


@pytest.mark.parametrize("more", [[], ["--lora-rank", "3"]], ids=["whole", "adapters"])
def test_a_gpt2_learns_stops_goes_on_without_its_folder_and_opens_in_transformers(
    more: list[str], folder: Path, capsys: pytest.CaptureFixture[str], stop_at_4: pytest.MonkeyPatch
) -> None:
    from transformers import AutoTokenizer, GPT2LMHeadModel

    assert main([*FROM, *more]) == 130
    stop_at_4.undo()
    (folder / "gpt2-tiny").rename(folder / "gone")
    assert "6, of which 4 are done" in written([*FROM, *more], capsys)
    (folder / "gone").rename(folder / "gpt2-tiny")
    assert "went on from gpt2-tiny (weights " in written([*FROM, *more, "--run-dir", "whole"], capsys)
    assert same_but_receipt(RUN, Path("whole"))
    (folder / "gpt2-tiny").rename(folder / "gone")
    run = str(RUN)
    assert "went on from gpt2-tiny" in written(["receipt", run], capsys)
    assert "held-out loss" in written(["evaluate", run], capsys)
    assert "held-out loss" in written(["evaluate", run, "--data", "own.txt"], capsys)
    sampled = written(["sample", run, "--tokens", "12", "--temperature", "0", "--start", "a sees"], capsys)
    assert written(["export", run, "--to", "huggingface"], capsys)
    assert written(["export", run, "--to", "web"], capsys)
    theirs = GPT2LMHeadModel.from_pretrained(RUN / "huggingface").eval()
    tokenizer = AutoTokenizer.from_pretrained(RUN / "huggingface")
    asked = tokenizer("a sees", return_tensors="pt")
    answer = theirs.generate(**asked, max_new_tokens=12, do_sample=False)
    assert sampled.startswith(tokenizer.decode(answer[0]).split("<|endoftext|>")[0].rstrip("\ufffd")[:10])
    again = ["train", "laptop", "--data", "own.txt", "--from", f"{run}/web/model.safetensors", "--steps", "1"]
    assert "went on from" in written([*again, "--run-dir", "from-the-page"], capsys)


def test_gpt2_by_name_is_fetched_at_its_commit_with_its_checksum(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """From a hub that holds small files in their place; that others are refused, test_hub shows."""
    small, asked = small_gpt2(folder / "hub"), list[tuple[str, str, str | None]]()
    sizes = {"num_layers": 1, "num_heads": 1, "model_dim": 64, "mlp_dim": 256}  # heads of 64 numbers, as OpenAI's
    save_gpt2(GPT(GPTConfig(vocab_size=265, context_length=32, **sizes)), small)

    def fetch(repository: str, name: str, revision: str, sha256: str, endpoint: str | None) -> Path:
        asked.append((f"{repository}/{name}", revision, sha256))
        return small / name

    monkeypatch.setattr("gptbook.exchange.pretrained.fetch_from_hub", fetch)
    monkeypatch.setattr("gptbook.data.hub.fetch_from_hub", fetch)
    words = ["train", "laptop", "--data", "own.txt", "--from", "gpt2", *EXACT, "--steps", "2"]
    assert "went on from gpt2 (weights " in written(words, capsys)
    revision, sha256 = GPT2_REVISIONS["gpt2"]
    named = [(f"{OWNER}/gpt2/{name}", revision, digest) for name, digest in TOKENIZER_FILES.items()]
    assert asked == [(f"{OWNER}/gpt2/model.safetensors", revision, sha256), *named]
    run = "runs/laptop-own-from-gpt2"
    assert "is finished" in written(words, capsys)
    assert len(asked) == 3, "a run that is begun asks for nothing"
    assert main(["export", run, "--to", "huggingface"]) == 0
    card = Path(run, "huggingface", "README.md").read_text()
    assert f"base_model: {OWNER}/gpt2\n" in card
    assert "| beginning | went on from gpt2 (weights " in card
    assert "| context | 32 tokens |" in card


def test_a_hub_that_cannot_be_reached_is_a_sentence(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gptbook.data.hub.try_to_load_from_cache", lambda *at, **more: None)
    monkeypatch.setattr("gptbook.data.hub.get_hf_file_metadata", lambda *at, **more: 1 / 0)
    said = refused(["train", "laptop", "--data", "own.txt", "--from", "gpt2-medium"], capsys)
    assert "is not on this machine and the hub did not give it: go online" in said
    assert not Path("runs").exists()


def test_adapters_of_peft_are_gone_on_from_and_those_of_another_model_are_not(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    adapters = folder / "adapters"
    adapters.mkdir()
    tensors = {}
    for letter, shape in (("A", (2, 16)), ("B", (48, 2))):
        tensors[f"base_model.model.transformer.h.1.attn.c_attn.lora_{letter}.weight"] = torch.ones(shape)
    save_file(tensors, adapters / "adapter_model.safetensors")
    said = {"peft_type": "LORA", "r": 2, "lora_alpha": 4, "base_model_name_or_path": "gpt2-tiny"}
    (adapters / "adapter_config.json").write_text(json.dumps(said))
    words = ["train", "laptop", "--data", "own.txt", "--from", "adapters", *EXACT, "--steps", "2"]
    assert "went on from adapters" in written(words, capsys)
    small_gpt2(folder / "third")
    (adapters / "adapter_config.json").write_text(json.dumps({**said, "base_model_name_or_path": "third"}))
    said_of_third = refused([*words, "--run-dir", "of-third"], capsys)
    assert "the adapters in adapters are for another model: they have " in said_of_third
    assert not Path("of-third").exists()


def test_the_data_decide_the_folder_and_the_tokens_are_the_models(folder: Path) -> None:
    assert main(FROM) == 0
    assert load_checkpoint(RUN)[1]["data"]["vocab_size"] == 280
    assert main(["data", "prepare", "own.txt", "--out", "letters"]) == 0
    assert len(list((folder / "cache").glob("own-*"))) == 1


def test_an_estimate_is_of_the_model_that_it_goes_on_with(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gptbook.training.rehearsal.LONG_ENOUGH", 0.0)
    usual = written(["estimate", "laptop", "--gpu", "t4"], capsys)
    said = written(["estimate", "laptop", "--gpu", "t4", "--from", "gpt2-tiny"], capsys)
    assert "(gpt-2 form)" not in usual
    assert "(gpt-2 form)" in said
    assert said != usual
    here = written(["estimate", "laptop", "--from", "gpt2-tiny", "--data", "own.txt", "--steps", "7"], capsys)
    assert "laptop: 7 steps" in here
    assert "(gpt-2 form)" in here


def test_a_longer_context_is_learned_by_a_newer_form_only(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train", "laptop", "--data", "own.txt", *EXACT, "--steps", "2", "--run-dir", "modern"]) == 0
    words = ["train", "laptop", "--data", "own.txt", *EXACT, "--steps", "2", "--context-length", "40", "--from"]
    assert "that sees 40 tokens" in written([*words, "modern", "--run-dir", "longer"], capsys)
    assert len(written(["sample", "longer", "--tokens", "60"], capsys)) > 45
    assert "has positions for 32 tokens, no more: give 32 or fewer" in refused([*words, "gpt2-tiny"], capsys)
    for option in ("--layers", "--width", "--heads"):
        said = refused([*FROM, option, "3", "--run-dir", "other"], capsys)
        assert f"{option} is decided by the model that --from names: leave it out" in said


def test_more_steps_go_on_in_the_same_folder_and_the_receipt_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(FROM) == 0
    said = written([*FROM[:-1], "9"], capsys)
    assert "9, of which 6 are done" in said
    assert "finished at step 6; then the rates rose and fell once more" in said
    assert "finished at step 6" in written(["receipt", str(RUN)], capsys)
    said = written([*FROM[:-1], "9"], capsys)
    assert "is finished: all 9 steps are done" in said
    assert "To go on from there, give --steps, more than 9." in said


def test_a_run_of_names_goes_on_with_other_names(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "towns.csv").write_text("town\n" + "\n".join(NAMES) + "\n")
    others = [name[::-1] for name in NAMES]
    (folder / "dragons.csv").write_text("name\n" + "\n".join(others) + "\n")
    assert main(["train", "city-4gram", "--names", "towns.csv", "--column", "town", "--steps", "3"]) == 0
    words = ["train", "city-4gram", "--from", "runs/city-4gram-towns", "--names", "dragons.csv", "--column", "name"]
    assert "went on from runs/city-4gram-towns" in written([*words, "--steps", "3"], capsys)
    run = "runs/city-4gram-dragons-from-city-4gram-towns"
    assert len(written(["sample", run, "--count", "4"], capsys).splitlines()) == 4
    (folder / "dragons.csv").write_text("name\n" + "\n".join([*others, "Zoë"]) + "\n")
    assert "is no letter of the model" in refused([*words, "--run-dir", "other"], capsys)
    assert not Path("other").exists()


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--from", "gpt-3"], 'no file or folder "gpt-3" to go on from: .* did you mean "gpt2'),
        (["--from", ""], "--from is empty"),
        (["--from", "own.txt"], "own.txt is not a safetensors file"),
        (["--from", "letters"], "there is no file letters/config.json"),
        (["--from", "lora", "--run-dir", "lora"], "lora holds a run that went on from gpt2-tiny, not from lora"),
        (["--from", "gpt2-tiny", "--run-dir", "lora"], "lora holds a run with --lora-rank 3, and this one is without"),
        (["--run-dir", "lora"], "lora holds a run that went on from gpt2-tiny: give --from gpt2-tiny"),
        (["--from", "gpt2-tiny", "--data", "letters"], "letters was prepared in .* tokens of another tokenizer"),
        (["--lora-rank", "3"], "--lora-rank needs --from"),
        (["--lora-rank", "0", "--from", "gpt2-tiny"], '--lora-rank is "0"'),
        (["--lora-rank", "16", "--from", "gpt2-tiny"], "the rank is 16: give 1 to 15"),
        (["--lora-alpha", "3", "--from", "gpt2-tiny"], "--lora-alpha needs --lora-rank"),
        (["--from", "gpt2-tiny", "--lora-rank", "2", "--run-dir", "lora"], "lora_rank is 3 there, 2 here"),
    ],
)
def test_what_does_not_go_together_is_refused_in_a_sentence_and_nothing_is_lost(
    words: list[str], sentence: str, capsys: pytest.CaptureFixture[str], lora: dict[str, bytes]
) -> None:
    given: list[Any] = ["train", "laptop", *EXACT, "--steps", "6", *words]
    given += [] if "--data" in words else ["--data", "own.txt"]
    assert re.search(sentence, refused(given, capsys))
    assert content(Path("lora")) == lora


@pytest.fixture
def lora() -> dict[str, bytes]:
    """A finished run with adapters, and a text that is prepared in letters."""
    assert main(LORA) == 0
    assert main(["data", "prepare", "own.txt", "--out", "letters"]) == 0
    return content(Path("lora"))
