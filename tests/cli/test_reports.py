"""What the commands do around a GPT of a text: estimate, receipt, export, writing."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from command_line import content, refused, written
from safetensors import safe_open
from small import EXACT, OWN, TINY, finished_gpt2_run, finished_pieces_run, finished_text_run, text_commands
from tokenizers import Tokenizer

from gptbook.cli.parser import main
from gptbook.cli.reports import noise
from gptbook.data.corpus import open_corpus
from gptbook.tasks.open_run import load_text_model
from gptbook.training.checkpoint import load_checkpoint, save_checkpoint
from gptbook.training.engine import Run


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    return text_commands(tmp_path, monkeypatch)


@pytest.fixture
def run(folder: Path) -> Path:
    return finished_text_run()


@pytest.fixture
def pieces_run(folder: Path) -> Path:
    return finished_pieces_run()


def test_what_is_for_texts_is_refused_for_names(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train", "iris", "--steps", "2"]) == 0
    for words in (["--tokens", "3"], ["--top-k", "2"], ["--top-p", "0.5"], ["--temperature", "0.5"]):
        said = refused(["sample", "runs/iris", *words], capsys)
        assert f"takes no {words[0]}, which is for runs on a text" in said


def test_evaluate_measures_a_run_on_a_text_too(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    said = written(["evaluate", str(run)], capsys)
    assert said.startswith("laptop after 6 of 6 steps\n  held-out loss  ")
    assert "bits per byte" in said


def test_an_estimate_for_a_gpu_says_time_and_price_without_this_machine(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gptbook.cli.reports.this_machine", lambda *names: 1 / 0)
    said = written(["estimate", "gpt2-124m", "--gpu", "h100", "--gpus", "2"], capsys)
    assert said.startswith("gpt2-124m: 6 steps\n")
    assert "device     2 x " in said
    assert "(projected" in said
    assert "price      $" in said


def test_an_estimate_here_is_measured_and_costs_what_the_machine_does(capsys: pytest.CaptureFixture[str]) -> None:
    said = written(["estimate", "laptop", "--precision", "float32", "--price", "3600", "--steps", "10"], capsys)
    assert "laptop: 10 steps" in said
    assert "from a few steps, measured" in said
    assert "at $3600.00 an hour" in said


def test_an_estimate_here_is_about_what_the_run_then_takes(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gptbook.cli.reports.rehearse", lambda run: (2.0, 30.0))
    said = written(["estimate", "laptop", "--steps", "100"], capsys)  # measured at every third step
    assert "time       20 minutes (from a few steps, measured)" in said


def test_a_large_step_is_judged_by_one_window_of_it(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    rows: list[int] = []

    def rehearse(run: Run) -> tuple[float, float]:
        rows.append(run.rows_at_once)
        return 1.0, 1.0

    monkeypatch.setattr("gptbook.cli.reports.rehearse", rehearse)
    for limit in (4 * 16, 4 * 16 - 1):
        monkeypatch.setattr("gptbook.cli.reports.LARGE_STEP", limit)
        written(["estimate", "laptop"], capsys)
    assert rows == [4, 1]


def test_an_estimate_for_the_readers_text_has_its_vocabulary(capsys: pytest.CaptureFixture[str]) -> None:
    words = ["estimate", "laptop", "--gpu", "t4"]
    sizes = []
    for more in ([], ["--data", "own.txt"]):
        said = written([*words, *more], capsys)
        sizes.append(int(said.split("model ")[1].split()[0].replace(",", "")))
    assert sizes[1] < sizes[0]


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["iris"], "iris takes a minute or two on any machine: an estimate is for laptop and the recipes of gpt2-124m"),
        (["laptop", "--gpu", "abacus"], 'there is no GPU "abacus"'),
        (["laptop", "--gpu", "h100", "--gpus", "3"], "3"),
        (["laptop", "--steps", "0"], '--steps is "0"'),
        (["laptop", "--data", "none.txt"], 'there is no file "none.txt"'),
    ],
)
def test_an_estimate_that_cannot_be_is_one_sentence(
    words: list[str], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert sentence in refused(["estimate", *words], capsys)


def test_noise_has_as_many_different_tokens_as_a_text_of_gpt2(tmp_path: Path) -> None:
    corpus = noise(tmp_path, 50_257, TINY)
    assert open_corpus(tmp_path).vocab_size == 50_257
    assert corpus.training.max() > 40_000
    assert len(corpus.held_out) > TINY.num_windows * TINY.context_length


def test_a_receipt_says_what_the_run_took_and_what_it_cost(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    said = written(["receipt", str(run), "--price", "2"], capsys)
    assert said.startswith("laptop after 6 of 6 steps\n")
    assert "steps      6, 384 tokens" in said
    assert "in 1 session" in said
    assert "at $2.00 an hour (the price given)" in said
    _, facts = load_checkpoint(run)
    assert f"loss       {facts['evaluations'][-1]['held_out_loss']:.4f} nats a token, held out" in said
    assert "share" not in said
    assert "of the GPU's" in written(["receipt", str(run), "--gpu", "h100"], capsys)


def test_a_receipt_of_what_has_none_is_refused(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train", "iris", "--steps", "2"]) == 0
    assert "runs/iris holds a run of iris: receipts are for runs on a text" in refused(["receipt", "runs/iris"], capsys)
    assert "there is no run folder nowhere" in refused(["receipt", "nowhere"], capsys)
    assert 'there is no GPU "abacus"' in refused(["receipt", str(run), "--gpu", "abacus"], capsys)
    (run / "receipt.json").write_text('{"format": "gptbook receipt 9"}')
    assert "is not of this version" in refused(["receipt", str(run)], capsys)


@torch.no_grad()
def test_an_export_is_opened_by_the_line_that_it_prints(
    run: Path, capsys: pytest.CaptureFixture[str], transformers: Any
) -> None:
    said = written(["export", str(run), "--to", "huggingface"], capsys)
    assert said.startswith("Written: runs/laptop-own/huggingface\n")
    line = said.splitlines()[-1].strip()
    folder = line.removeprefix('AutoModelForCausalLM.from_pretrained("').removesuffix('")')
    model, tokenizer = load_text_model(run)
    ids = Tokenizer.from_file(f"{folder}/tokenizer.json").encode("a sees the h.").ids
    assert ids == tokenizer.encode("a sees the h.")
    other = transformers.AutoModelForCausalLM.from_pretrained(folder)
    tokens = torch.tensor([ids])
    torch.testing.assert_close(model(tokens), other(tokens).logits, rtol=0, atol=1e-5)
    assert main(["train", *OWN[1:]]) == 0, "the folder of the run is still one"


def test_an_export_for_the_web_is_one_file_of_half_the_size(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sizes = []
    for number, precision in enumerate(("float16", "float32")):
        words = ["export", str(run), "--to", "web", "--out", f"page {number}", "--precision", precision]
        said = written(words, capsys)
        assert said.startswith(f"Written: page {number}/model.safetensors, 0.0 MB")
        path = Path(f"page {number}/model.safetensors")
        with safe_open(path, "pt") as file:
            assert json.loads(file.metadata()["config"])["model_dim"] == 16
        sizes.append(path.stat().st_size)
    assert sizes[0] < 0.7 * sizes[1]


def test_an_export_of_what_is_no_text_or_has_failed_is_refused(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train", "iris", "--steps", "2"]) == 0
    said = refused(["export", "runs/iris", "--to", "web"], capsys)
    assert "runs/iris holds a run of iris, which learns from no text" in said
    assert '--to is "paper": choose from' in refused(["export", str(run), "--to", "paper"], capsys)
    tensors, facts = load_checkpoint(run)
    tensors["model.prediction.weight"][0, 0] = float("nan")
    save_checkpoint(run, tensors=tensors, facts=facts)
    for words in (["export", str(run), "--to", "web"], ["sample", str(run)]):
        assert "has failed, prediction.weight is not finite" in refused(words, capsys)


def test_an_export_over_somebody_elses_model_is_refused(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("model.safetensors", "tokenizer.json", "config.json"):
        folder = Path(f"theirs-{name}")
        folder.mkdir()
        (folder / name).write_text("{}")
        for to in ("huggingface", "web"):
            said = refused(["export", str(run), "--to", to, "--out", str(folder)], capsys)
            assert "which stays as it is: give another --out" in said
            assert content(folder) == {name: b"{}"}


def test_an_export_replaces_one_of_its_own_kind_alone(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for to, other in (("huggingface", "web"), ("web", "huggingface")):
        for _ in range(2):
            assert main(["export", str(run), "--to", to, "--out", to]) == 0
        before = content(Path(to))
        refused(["export", str(run), "--to", other, "--out", to], capsys)
        assert content(Path(to)) == before
    before = content(run)
    refused(["export", str(run), "--to", "web", "--out", str(run)], capsys)
    assert content(run) == before


def test_a_gguf_is_one_file_with_a_card_beside_it(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    run = finished_gpt2_run(monkeypatch)
    capsys.readouterr()
    sizes = []
    for number, precision in enumerate(("float16", "float32")):
        words = ["export", str(run), "--to", "gguf", "--out", f"other {number}", "--precision", precision]
        said = written(words, capsys)
        assert said.startswith(f"Written: other {number}/model.gguf, 0.0 MB\n")
        assert said.splitlines()[-1] == f"  llama-cli -m 'other {number}/model.gguf' -p Once"
        assert set(content(Path(f"other {number}"))) == {"model.gguf", "README.md", "gptbook-export.json"}
        sizes.append(Path(f"other {number}/model.gguf").stat().st_size)
    assert sizes[0] < sizes[1]
    assert main(["export", str(run), "--to", "gguf"]) == 0
    assert main(["train", "laptop", "--data", "pairs", *EXACT, "--steps", "3"]) == 0, "the run's folder is still one"


def test_what_llama_cpp_does_not_know_is_refused_and_leaves_nothing(
    run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = content(run)
    said = refused(["export", str(run), "--to", "gguf"], capsys)
    assert "llama.cpp has no model like the modern" in said
    assert content(run) == before
