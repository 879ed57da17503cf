"""Where texts come from: Tiny Shakespeare by download, here from this machine; the reader's own; the cache."""

import hashlib
import http.server
import os
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from gptbook.data import text_sources
from gptbook.data.documents import ReadersTexts
from gptbook.data.text_sources import (
    SHORTEST_CONTEXT,
    cache_folder,
    own_texts,
    split_documents,
    tiny_shakespeare,
    token_count,
)
from gptbook.tasks.recipe_words import laptop

PLAY = b"SPEAKER:\nSome lines of our own, in place of his.\n" * 50


class Server(http.server.BaseHTTPRequestHandler):
    """Serves the play, whole or not, or nothing."""

    answer = "whole"
    asked = 0

    def do_GET(self) -> None:
        Server.asked += 1
        if Server.answer == "error":
            self.send_error(503)
            return
        self.send_response(200)
        self.send_header("Content-Length", str(len(PLAY)))
        self.end_headers()
        content = {"whole": PLAY, "cut": PLAY[:1000], "other": PLAY.upper()}[Server.answer]
        self.wfile.write(content)

    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty cache, and a server with the play."""
    folder = tmp_path / "cache"
    monkeypatch.setenv("GPTBOOK_CACHE", str(folder))
    Server.answer, Server.asked = "whole", 0
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Server) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        address = f"http://127.0.0.1:{server.server_port}/input.txt"
        monkeypatch.setattr(text_sources, "SHAKESPEARE_ADDRESS", address)
        monkeypatch.setattr(text_sources, "SHAKESPEARE_SHA256", hashlib.sha256(PLAY).hexdigest())
        yield folder
        server.shutdown()
        thread.join()


def test_shakespeare_is_downloaded_once_and_checked_each_time(cache: Path) -> None:
    assert tiny_shakespeare() == PLAY.decode()
    assert tiny_shakespeare() == PLAY.decode()
    assert Server.asked == 1
    assert [path.name for path in cache.iterdir()] == ["tinyshakespeare.txt"]
    (cache / "tinyshakespeare.txt").write_bytes(PLAY[1:])
    with pytest.raises(ValueError, match=r"not Tiny Shakespeare: the checksum is .* delete .*tinyshakespeare\.txt"):
        tiny_shakespeare()


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        ("error", r"did not come over the network \(Service Unavailable\): go online, or put .* at .*tinyshakesp"),
        ("cut", r"did not come over the network \(IncompleteRead.*\): go online"),
        ("other", r"not Tiny Shakespeare: the checksum is .*: try again, or put the right file at .*tinyshakesp"),
    ],
)
def test_a_download_that_fails_leaves_nothing(cache: Path, answer: str, sentence: str) -> None:
    Server.answer = answer
    with pytest.raises(ValueError, match=sentence):
        tiny_shakespeare()
    assert not cache.exists()


def test_without_a_network_it_says_which_file_to_put_where(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*args: object) -> None:
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    expected = rf"\(.*Name or service not known\): go online, or put http.*/input\.txt at {cache}/tinyshakespeare\.txt"
    with pytest.raises(ValueError, match=expected):
        tiny_shakespeare()
    cache.mkdir()
    (cache / "tinyshakespeare.txt").write_bytes(PLAY)
    assert tiny_shakespeare() == PLAY.decode()


def test_a_full_disk_leaves_no_half_of_a_download(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(number: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        tiny_shakespeare()
    assert list(cache.iterdir()) == []


def test_the_cache_is_where_the_reader_or_the_system_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GPTBOOK_CACHE", "/big/disk")
    assert cache_folder() == Path("/big/disk")
    monkeypatch.delenv("GPTBOOK_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", "/caches")
    assert cache_folder() == Path("/caches/gptbook")
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert cache_folder() == Path.home() / ".cache" / "gptbook"


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", r"is empty"),
        (b"x", r"too short"),
        (b"x" * 100, r"one character only, 'x': there is nothing to predict"),
        (bytes(range(256)) * 4, r"is not text in UTF-8 \(byte 129\): save it again as UTF-8"),
        ("a text in UTF-16, as some editors save it".encode("utf-16-le"), r"is not text, it has zero bytes"),
    ],
    ids=["empty", "one", "same", "binary", "utf-16"],
)
def test_what_is_no_text_to_learn_from_is_one_sentence(tmp_path: Path, content: bytes, sentence: str) -> None:
    path = tmp_path / "my.txt"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=sentence) as caught:
        own_texts(ReadersTexts((str(path),)))
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_an_empty_folder_and_a_file_that_is_not_there_are_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="holds no text: give a file or folder with text in it"):
        own_texts(ReadersTexts((str(tmp_path),)))
    with pytest.raises(ValueError, match=r"no file .*shakespear: give the path of a text, or one of shakespeare, doc"):
        own_texts(ReadersTexts((str(tmp_path / "shakespear"),)))


def test_line_ends_of_windows_are_ours(tmp_path: Path) -> None:
    path = tmp_path / "my.txt"
    path.write_bytes(b"\xef\xbb\xbffirst line\r\nsecond line\r\n")
    assert own_texts(ReadersTexts((str(path),))).whole == "first line\nsecond line\n"


def test_documents_are_parted_and_shuffled_in_the_same_way_each_time() -> None:
    texts = [f"text {number}" for number in range(100)]
    training, held_out = split_documents(texts)
    assert (len(training), len(held_out)) == (90, 10)
    assert sorted(training + held_out) == sorted(texts)
    assert training != sorted(training)
    assert (training, held_out) == split_documents(reversed(texts))


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("2.5B", 2_500_000_000),
        ("300M", 300_000_000),
        ("50k", 50_000),
        ("50000", 50_000),
        ("50,000", 50_000),
        ("1_234_567", 1_234_567),
        (" 1.0005m ", 1_000_500),
    ],
)
def test_a_number_of_tokens_is_read_as_one_writes_it(text: str, count: int) -> None:
    assert token_count(text) == count


@pytest.mark.parametrize(
    "text", ["", "many", "2,5B", "-5k", "1.5", "1.23456k", "5 T", "1e6", "k", "٣k", "nan", "50,00"]
)
def test_what_is_no_number_of_tokens_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"is no number of tokens: write 2\.5B, 300M, 50k or 50000"):
        token_count(text)


@pytest.mark.parametrize("text", ["0", "999", "10B", "99999999999999999999999"])
def test_more_than_the_sample_has_and_next_to_nothing_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"tokens: ask for 1,000 to 9\.5B, which the sample has"):
        token_count(text)


def test_the_shortest_context_is_the_one_of_the_recipe_for_laptops() -> None:
    assert laptop().context_length == SHORTEST_CONTEXT
