"""`gptbook train assistant`: from a GPT-2 or a run to a chat, and whatever is wrong with the conversations."""

import json
import re
import signal
from pathlib import Path
from typing import Any

import pytest
import torch
from command_line import content, next_command, refused, same_but_receipt, written
from small import OWN, finished_text_run, text_commands
from small_assistants import dialogues
from tiny_models import PIECES, stirred

from gptbook.cli.parser import main
from gptbook.data.chat_template import CHAT_TEMPLATE, Message, conversation_text, conversation_tokens
from gptbook.exchange.export import save_for_huggingface
from gptbook.generation.generate import generate_tokens
from gptbook.tasks.open_run import load_text_model
from gptbook.training.engine import Run as TrainingRun

RUN = Path("runs/assistant-dialogues-from-base")
TRAIN = ["train", "assistant", "--data", "dialogues.jsonl", "--from", "base", "--precision", "float32"]
ASKED = [{"role": "system", "content": "You know animals."}, {"role": "user", "content": "What does a cow say?"}]


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with conversations, and a GPT-2 with random numbers to begin with."""
    text_commands(tmp_path, monkeypatch)
    dialogues(tmp_path)
    save_for_huggingface(stirred("gpt-2", PIECES.vocab_size, context_length=256), PIECES, Path("base"))
    return tmp_path


def test_from_a_gpt2_to_a_chat(capsys: pytest.CaptureFixture[str]) -> None:
    said = written([*TRAIN, "--steps", "3"], capsys)
    assert "went on from base" in said
    assert next_command(said) == ["chat", str(RUN)]
    assert written(["evaluate", str(RUN)], capsys).count("of the answers") == 1
    assert "went on from base" in written(["receipt", str(RUN)], capsys)
    assert written(["sample", str(RUN), "--tokens", "5", "--start", "to"], capsys).startswith("to")


def test_stopped_and_gone_on_with_it_ends_in_the_same_bits(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    words = [*TRAIN, "--steps", "4"]
    assert main([*words, "--run-dir", "whole"]) == 0

    step = TrainingRun.training_step

    def stopped(self: TrainingRun) -> float:
        if self.step == 1:
            signal.raise_signal(signal.SIGINT)
        return step(self)

    with monkeypatch.context() as patch:
        patch.setattr(TrainingRun, "training_step", stopped)
        assert main([*words, "--run-dir", "again"]) == 130
    assert main([*words, "--run-dir", "again"]) == 0
    assert same_but_receipt(Path("whole"), Path("again"))
    before = content(Path("whole"))
    assert main([*words, "--run-dir", "whole"]) == 0
    assert {**content(Path("whole")), "receipt.json": b""} == {**before, "receipt.json": b""}
    assert main([*TRAIN, "--steps", "6", "--run-dir", "whole"]) == 0, "a finished one takes more steps"


@pytest.mark.parametrize("more", [[], ["--lora-rank", "2"]])
def test_transformers_renders_splits_and_stops_as_we_do(
    more: list[str], capsys: pytest.CaptureFixture[str], transformers: Any
) -> None:
    assert main([*TRAIN, "--steps", "3", *more]) == 0
    assert main(["export", str(RUN), "--to", "huggingface", "--out", "there"]) == 0
    assert Path("there/chat_template.jinja").read_text() == CHAT_TEMPLATE
    theirs = transformers.AutoTokenizer.from_pretrained("there")
    messages = [Message(**each) for each in ASKED]
    text = theirs.apply_chat_template(ASKED, tokenize=False, add_generation_prompt=True)
    assert text == conversation_text(messages, "<|endoftext|>", asks=True)
    row, _ = conversation_tokens(messages, PIECES, asks=True)
    given = theirs.apply_chat_template(ASKED, add_generation_prompt=True, return_tensors="pt", return_dict=True)
    assert given["input_ids"][0].tolist() == row
    model, tokenizer = load_text_model(RUN)
    ours = generate_tokens(model, row, 20, temperature=0, stop_token=tokenizer.vocab_size - 1)
    other = transformers.AutoModelForCausalLM.from_pretrained("there")
    written = other.generate(**given, do_sample=False, max_new_tokens=20)[0, len(row) :].tolist()
    assert written[: len(ours)] == ours
    assert other.generation_config.eos_token_id == theirs.eos_token_id == PIECES.vocab_size - 1
    card = Path("there/README.md").read_text(encoding="utf-8")
    assert '[{"role": "user", "content": "Hello!"}]' in card
    assert "| beginning | went on from base" in card


def test_llama_cpp_and_a_page_get_the_same_template(capsys: pytest.CaptureFixture[str]) -> None:
    from gguf import GGUFReader
    from safetensors import safe_open

    assert main([*TRAIN, "--steps", "2"]) == 0
    assert main(["export", str(RUN), "--to", "gguf"]) == 0
    fields = GGUFReader(RUN / "gguf" / "model.gguf").fields
    assert fields["tokenizer.chat_template"].contents() == CHAT_TEMPLATE
    assert "create_chat_completion" in (RUN / "gguf" / "README.md").read_text(encoding="utf-8")
    assert main(["export", str(RUN), "--to", "web", "--precision", "float32"]) == 0
    with safe_open(RUN / "web" / "model.safetensors", "pt") as file:
        about = file.metadata()
        table = file.get_tensor("token_embedding.weight")
    assert torch.equal(table, load_text_model(RUN)[0].token_embedding.weight)
    chat = json.loads(about["chat"])
    assert chat == {
        "end": PIECES.vocab_size - 1,
        "marks": {"system": "System:", "user": "User:", "assistant": "Assistant:"},
    }


def test_a_run_that_sees_too_little_is_no_base(capsys: pytest.CaptureFixture[str]) -> None:
    Path("own.txt").write_text(("".join(map(chr, range(32, 127))) + "\nUser: a\nAssistant: sees\n") * 8)
    run = finished_text_run()
    said = refused(["train", "assistant", "--data", "dialogues.jsonl", "--from", str(run)], capsys)
    assert "an answer begins within 16 tokens" in said


def test_a_letter_that_a_run_of_letters_lacks_is_named_with_its_line(capsys: pytest.CaptureFixture[str]) -> None:
    said = refused(["train", "assistant", "--data", "dialogues.jsonl", "--from", str(finished_text_run())], capsys)
    assert re.search(r'dialogues\.jsonl, line 1: "\w", character \d+ of ".*", is not in the alphabet', said)


def test_without_a_model_it_begins_with_gpt2(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []

    def none(source: str) -> None:
        asked.append(source)
        raise ValueError("the hub did not give it: go online")

    monkeypatch.setattr("gptbook.tasks.base_model.open_pretrained", none)
    assert "go online" in refused(["train", "assistant", "--data", "dialogues.jsonl"], capsys)
    assert asked == ["gpt2"]
    assert not Path("runs").exists() or not any(Path("runs").rglob("checkpoint.json"))


GOOD = '{"messages": [{"role": "user", "content": "hi"}, {"role": "assistant", "content": "ho"}]}'


@pytest.mark.parametrize(
    ("bad", "sentence"),
    [
        ("hello", 'line 3: "hello" is not JSON'),
        ('{"messages": "hi"}', 'line 3: it has no list "messages"'),
        (GOOD.replace("assistant", "robot"), 'line 3: message 2: the role "robot" is unknown'),
        (GOOD.replace("ho", " "), "line 3: message 2: the content of assistant is empty"),
        (GOOD.replace("assistant", "user"), "line 3: the conversation has no answer"),
    ],
)
def test_a_bad_line_is_named_and_nothing_is_lost(bad: str, sentence: str, capsys: pytest.CaptureFixture[str]) -> None:
    lines = [GOOD, GOOD.replace("hi", "he"), bad]
    Path("bad.jsonl").write_text("\n".join(lines))
    words = ["train", "assistant", "--data", "bad.jsonl", "--from", "base"]
    assert f"bad.jsonl, {sentence}" in refused(words, capsys)
    assert Path("bad.jsonl").read_text() == "\n".join(lines)
    assert not list(Path().rglob("checkpoint.json"))


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--data", "none.jsonl"], "there is no file"),
        ([], "an assistant learns from one file of conversations: give --data"),
        (["--data", "dialogues.jsonl", "own.txt"], "an assistant learns from one file of conversations"),
        (["--data", "own.txt"], "own.txt, line 1: .* is not JSON"),
        (["--data", "dialogues.jsonl", "--names", "x.csv", "--column", "y"], "takes no --names"),
        (["--data", "dialogues.jsonl", "--field", "text"], "takes no --field"),
        (["--data", "dialogues.jsonl", "--from", "nowhere"], "nowhere"),
    ],
)
def test_words_that_do_not_go_together_are_one_sentence(
    words: list[str], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    base = [] if "--from" in words else ["--from", "base"]
    said = refused(["train", "assistant", *base, *words], capsys)
    assert re.search(sentence, said)


def test_missing_conversations_are_said_before_a_model_is_looked_for(capsys: pytest.CaptureFixture[str]) -> None:
    assert "give --data dialogues.jsonl" in refused(["train", "assistant", "--from", "nowhere"], capsys)


def test_changed_conversations_are_another_run(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*TRAIN, "--steps", "2"]) == 0
    before = content(RUN)
    path = Path("dialogues.jsonl")
    path.write_text("\n".join(path.read_text().splitlines()[:-2]))
    assert "holds another run" in refused([*TRAIN, "--steps", "2"], capsys)
    assert content(RUN) == before
    assert "follows from its conversations" in refused(["estimate", "assistant"], capsys)
    assert main([*OWN, "--run-dir", "text"]) == 0
    assert "holds a run that did not go on from base" in refused([*TRAIN, "--run-dir", "text"], capsys)
