"""Files from a hub, here one on this machine: pinned, fetched once, and checked."""

import hashlib
import http.server
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import huggingface_hub
import pytest

from gptbook.hub import fetch_from_hub

CONTENT = b"the weights"
SHA256 = hashlib.sha256(CONTENT).hexdigest()
REVISION = "0123456789" * 4


@dataclass
class Hub:
    """A hub with one file: its address, and what it was asked for."""

    endpoint: str = ""
    asked: list[str] = field(default_factory=list)

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
                self.wfile.write(CONTENT)

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
