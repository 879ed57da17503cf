"""`gptbook chat`: a conversation in a terminal, where Ctrl-C stops an answer only, and line by line from a pipe."""

import io
import os
import pty
import select
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from command_line import content, refused, written
from runs import EXACT, finished
from small import finished_text_run, text_commands
from small_assistants import small_assistant
from tiny_models import PIECES
from torch import Tensor

from gptbook.cli import chat as chatting
from gptbook.cli.parser import main
from gptbook.generation.chatting import Chat
from gptbook.models.attention import KVCache
from gptbook.models.gpt import GPTConfig
from gptbook.training.engine import Run

GREEDY = ["--temperature", "0"]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    text_commands(tmp_path, monkeypatch)
    finished(Run(small_assistant(tmp_path), EXACT, rows_at_once=8)).save(Path("run"))
    return "run"


def piped(lines: str, words: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> str:
    """What a chat prints that reads its lines from a pipe."""
    monkeypatch.setattr(sys, "stdin", io.StringIO(lines))
    return written(["chat", *words], capsys)


@pytest.fixture
def said(run: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    return lambda lines, *words: piped(lines, [run, *words], capsys, monkeypatch)


def test_a_pipe_is_answered_line_by_line_without_a_prompt(said: Callable[..., str]) -> None:
    short = [*GREEDY, "--tokens", "5"]
    first = said("What does a cow say?\n", *short)
    assert first.strip()
    assert chatting.PROMPT not in first
    both = said("What does a cow say?\n\nWhich sound?\n", *short)
    assert both.startswith(first)
    assert both != first * 2
    assert (
        said("What does a cow say?\n/reset\nWhat does a cow say?\n", *short) == first + "(All is forgotten.)\n" + first
    )
    assert said("/help\n/quit\nWhat does a cow say?\n").count("\n") == len(chatting.COMMANDS)


def test_the_seed_draws_and_the_system_prompt_is_read(said: Callable[..., str]) -> None:
    lines = "What does a cow say?\n"
    answers = [said(lines, "--seed", seed, "--tokens", "20") for seed in "112"]
    assert answers[0] == answers[1] != answers[2]
    assert said(lines, "--system", "You know cows.", "--seed", "1", "--tokens", "20") != answers[0]


def test_a_full_context_is_told_once(said: Callable[..., str]) -> None:
    told = said("to be or not to be\n" * 12, "--tokens", "40", "--seed", "1")
    assert told.count("(The context of 256 tokens is full: from now on the oldest messages are forgotten.)") == 1


@pytest.mark.parametrize(
    ("lines", "words", "sentence"),
    [
        ("<|endoftext|>\n", [], "holds <|endoftext|>, which ends an answer: leave it out"),
        ("word " * 200 + "\n", [], "beside an answer: say it shorter"),
        ("hi\n", ["--system", "word " * 200], "beside an answer: give a shorter one"),
        ("hi\n", ["--system", "you <|endoftext|>"], "holds <|endoftext|>"),
        ("hi\n", ["--temperature", "0", "--top-k", "4"], "takes no --top-k"),
        ("hi\n", ["--start", "a"], "there is no option"),
    ],
)
def test_what_cannot_be_said_is_one_sentence(
    lines: str,
    words: list[str],
    sentence: str,
    run: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO(lines))
    before = content(Path(run))
    assert sentence in refused(["chat", run, *words], capsys)
    assert content(Path(run)) == before


def test_bytes_that_are_no_text_are_one_sentence(
    run: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"caf\xe9?\n"), encoding="utf-8"))
    assert "is half of a surrogate pair: leave it out or replace it" in refused(["chat", run], capsys)


def test_a_run_without_a_chat_template_is_refused(run: str, capsys: pytest.CaptureFixture[str]) -> None:
    text = finished_text_run()
    said = refused(["chat", str(text)], capsys)
    assert (
        f"has no chat template: make an assistant of it, gptbook train assistant --data dialogues.jsonl --from {text}"
        in said
    )
    assert main(["train", "iris", "--steps", "2"]) == 0
    assert "which learns from no text" in refused(["chat", "runs/iris"], capsys)
    assert "there is no run folder" in refused(["chat", "nowhere"], capsys)


class Endless:
    """A model that never ends its answer, unless what was asked has a question mark in it."""

    def __init__(self) -> None:
        sizes = {"num_layers": 1, "num_heads": 1, "model_dim": 2, "mlp_dim": 2}
        self.config = GPTConfig(vocab_size=PIECES.vocab_size, context_length=10**6, **sizes)

    def __call__(self, tokens: Tensor, cache: KVCache | None = None) -> Tensor:
        row = tokens[0].tolist()  # all of it, since it keeps nothing in the cache
        text = PIECES.decode(row)
        is_over = "?" in text.rpartition("User:")[2] and not text.endswith("Assistant:")
        scores = torch.zeros(1, len(row), PIECES.vocab_size)
        scores[0, -1, PIECES.vocab_size - 1 if is_over else PIECES.encode(" be")[0]] = 9.0
        return scores


def chat_without_end() -> int:
    """`gptbook chat` with such a model."""
    chatting.open_chat = lambda options: Chat(Endless(), PIECES, "", 10**6, temperature=0)
    return main(["chat", "run"])


class Terminal:
    """A process of `gptbook chat` behind a terminal of its own."""

    def __init__(self) -> None:
        self.number, theirs = pty.openpty()
        self.shown = ""
        here = Path(__file__).resolve().parent
        # Not a fork: what else runs in this process could keep a lock that the child waits for.
        script = (
            f"import sys; sys.path[:0] = {[str(here), str(here.parent)]!r}\n"
            "import fcntl, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0)  # so that Ctrl-C reaches it\n"
            "from test_chat import chat_without_end; sys.exit(chat_without_end())"
        )
        with os.fdopen(theirs, "w") as end:
            self.process = subprocess.Popen(
                [sys.executable, "-c", script], stdin=end, stdout=end, stderr=end, start_new_session=True
            )

    def type(self, keys: str) -> None:
        os.write(self.number, keys.encode())

    def interrupt(self) -> None:
        """Ctrl-C, and again while nothing comes of it: between a prompt and its reading it waits for the next key."""
        self.type("\x03")
        while not select.select([self.number], [], [], 1)[0]:
            self.type("\x03")

    def until(self, wanted: str) -> str:
        """Wait for words on the screen; what stood there before them, and they."""
        while wanted not in self.shown:
            assert select.select([self.number], [], [], 60)[0], f"no {wanted!r} in {self.shown!r}"
            try:
                read = os.read(self.number, 4096)
            except OSError:  # of Linux, when the process has ended
                read = b""
            assert read, f"it ended without {wanted!r}: {self.shown!r}"
            self.shown += read.decode(errors="replace")
        before, _, self.shown = self.shown.partition(wanted)
        return before + wanted

    def ends(self) -> int:
        return self.process.wait()


@pytest.fixture
def terminal() -> Iterator[Terminal]:
    opened = Terminal()
    yield opened
    os.close(opened.number)  # hangs up, if it still runs
    opened.process.kill()
    opened.process.wait()


def test_in_a_terminal_ctrl_c_stops_the_answer_only_and_ctrl_d_ends(terminal: Terminal) -> None:
    prompt = chatting.PROMPT
    assert "/help" in terminal.until(prompt)
    terminal.type("go on\n")
    terminal.until("be be be")
    terminal.interrupt()
    assert "(stopped)" in terminal.until(prompt)
    terminal.type("a question?\n")
    assert terminal.until(prompt).split() == ["a", "question?", "be", prompt.strip()]
    terminal.interrupt()
    assert "Ctrl-D or /quit ends." in terminal.until(prompt)
    terminal.type("/rest\n")
    assert 'gptbook: there is no command "/rest": did you mean "/reset"?' in terminal.until(prompt)
    terminal.type("<|endoftext|>\n")
    assert "which ends an answer: leave it out" in terminal.until(prompt)
    terminal.type("/reset\n")
    assert "(All is forgotten.)" in terminal.until(prompt)
    terminal.type("still there?\n")
    assert "be" in terminal.until(prompt).split()
    terminal.type("\x04")
    assert terminal.ends() == 0


def test_quit_ends_it(terminal: Terminal) -> None:
    terminal.until(chatting.PROMPT)
    terminal.type("/quit\n")
    assert terminal.ends() == 0


def test_an_answer_of_nothing_says_so(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    class Silent(Endless):
        def __call__(self, tokens: Tensor, cache: Any = None) -> Tensor:
            scores = torch.zeros(1, tokens.shape[1], PIECES.vocab_size)
            scores[..., -1] = 9.0
            return scores

    chatting.show_answer(Chat(Silent(), PIECES, temperature=0), "that?")
    assert capsys.readouterr().out == "(no answer)\n"
