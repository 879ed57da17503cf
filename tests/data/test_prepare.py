"""A text becomes a corpus: once, whole or not at all, and never over something else."""

import json
import os
import unicodedata
from collections.abc import Iterator
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

import pytest

from gptbook.data import corpus_writing, prepare
from gptbook.data.bpe import END_OF_TEXT, BytePairTokenizer, bytes_per_token
from gptbook.data.corpus import open_corpus
from gptbook.data.documents import ReadersTexts, Sighting
from gptbook.data.hub import load_gpt2_tokenizer
from gptbook.data.prepare import prepare_corpus
from gptbook.data.text_sources import own_texts, split_documents
from gptbook.data.tokenizer import CharacterTokenizer
from gptbook.files.lock import LOCK_FILE, locked

TEXT = "The quick brown fox jumps over the lazy dog, again and again.\n" * 40
MANY_LETTERS = "".join(map(chr, range(0x4E00, 0x4E00 + 300))) + "\n"
DOCUMENTS = [f"Text {number} says: {'la ' * (number % 7)}end." for number in range(50)]


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("GPTBOOK_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    return tmp_path / "cache"


@pytest.fixture
def my_txt(tmp_path: Path) -> str:
    (tmp_path / "my.txt").write_text(TEXT, encoding="utf-8")
    return "my.txt"


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_a_text_is_cut_as_nanogpt_cuts_it_and_its_characters_are_numbered(my_txt: str, cache: Path) -> None:
    corpus = prepare_corpus(my_txt)
    assert isinstance(corpus.tokenizer, CharacterTokenizer)
    cut = int(0.9 * len(TEXT))
    assert corpus.tokenizer.decode(corpus.training.tolist()) == TEXT[:cut]
    assert corpus.tokenizer.decode(corpus.held_out.tolist()) == TEXT[cut:]
    assert corpus.bytes_per_token == 1
    assert corpus.folder.parent == cache
    assert corpus.folder.name.startswith("my-")
    assert corpus.facts["name"] == "my"


def test_long_texts_are_numbered_part_by_part_without_a_seam(my_txt: str, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = prepare_corpus(my_txt)
    monkeypatch.setattr(corpus_writing, "LETTERS_AT_ONCE", 7)
    parts = prepare_corpus(my_txt, Path("parts"))
    assert contents(whole.folder) == contents(parts.folder)


def test_a_text_of_many_characters_gets_pieces_learned_on_its_training_part(tmp_path: Path) -> None:
    (tmp_path / "my.txt").write_text(MANY_LETTERS * 20 + "zebra zebra " * 50, encoding="utf-8")
    corpus = prepare_corpus("my.txt", vocab_size=300)
    assert isinstance(corpus.tokenizer, BytePairTokenizer)
    assert corpus.vocab_size == 300
    whole = MANY_LETTERS * 20 + "zebra zebra " * 50
    cut = int(0.9 * len(whole))
    assert corpus.tokenizer.merges == BytePairTokenizer.learn([whole[:cut]], 300).merges
    assert corpus.tokenizer.decode(corpus.held_out.tolist()) == whole[cut:]


def test_a_wish_for_a_vocabulary_is_a_wish_for_byte_pairs_and_fewer_merges_will_do(my_txt: str) -> None:
    corpus = prepare_corpus(my_txt, vocab_size=60_000)
    assert isinstance(corpus.tokenizer, BytePairTokenizer)
    assert 256 < corpus.vocab_size < 400
    assert corpus.facts["settings"]["vocab_size"] == 60_000


def test_a_text_with_marks_between_its_texts_keeps_them_as_tokens(tmp_path: Path) -> None:
    (tmp_path / "my.txt").write_text(f"Once upon a time.\n{END_OF_TEXT}\n" * 50)
    corpus = prepare_corpus("my.txt", vocab_size=280)
    mark = corpus.vocab_size - 1
    assert corpus.tokenizer.labels[mark] == END_OF_TEXT
    assert corpus.training.tolist().count(mark) == 45


@pytest.mark.parametrize("tokenizer", ["auto", "characters"])
def test_each_docstring_has_the_mark_of_a_new_text_in_front(monkeypatch: pytest.MonkeyPatch, tokenizer: str) -> None:
    monkeypatch.setattr(prepare, "docstrings", lambda libraries: DOCUMENTS)
    corpus = prepare_corpus("docstrings", tokenizer=tokenizer, vocab_size=None if tokenizer != "auto" else 300)
    mark = 0 if tokenizer == "characters" else corpus.vocab_size - 1
    parts = split_documents(DOCUMENTS)
    for tokens, texts in zip((corpus.training, corpus.held_out), parts):
        assert tokens.tolist()[0] == mark
        assert tokens.tolist().count(mark) == len(texts)
        plain = [token for token in tokens.tolist() if token != mark]
        assert corpus.tokenizer.decode(plain) == "".join(texts)
    if isinstance(corpus.tokenizer, BytePairTokenizer):
        again = BytePairTokenizer.learn(parts[0], corpus.vocab_size, end_of_text=True)
        assert corpus.tokenizer.merges == again.merges
    num_bytes = sum(len(text.encode()) for text in parts[1])
    assert corpus.bytes_per_token == num_bytes / len(corpus.held_out)


def test_shakespeare_is_characters_and_needs_no_network_the_second_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prepare, "tiny_shakespeare", lambda: TEXT)
    first = prepare_corpus("shakespeare")
    assert isinstance(first.tokenizer, CharacterTokenizer)
    assert first.folder.name == "shakespeare"

    def no_network() -> str:
        raise ValueError("offline")

    monkeypatch.setattr(prepare, "tiny_shakespeare", no_network)
    assert prepare_corpus("shakespeare").facts == first.facts
    with pytest.raises(ValueError, match="offline"):
        prepare_corpus("shakespeare", Path("elsewhere"))
    assert not Path("elsewhere").exists()


def test_gpt2s_tokenizer_can_be_asked_for(my_txt: str, monkeypatch: pytest.MonkeyPatch) -> None:
    stand_in = BytePairTokenizer([(b"t", b"h")], end_of_text=True)
    monkeypatch.setattr(corpus_writing, "load_gpt2_tokenizer", lambda: stand_in)
    corpus = prepare_corpus(my_txt, tokenizer="gpt2")
    assert corpus.vocab_size == 258
    assert corpus.tokenizer.decode([*corpus.training.tolist(), *corpus.held_out.tolist()]) == TEXT


def test_web_text_is_asked_for_with_its_held_out_part(monkeypatch: pytest.MonkeyPatch, cache: Path) -> None:
    asked: list[Any] = []
    monkeypatch.setattr(prepare, "prepare_web_text", lambda *given: asked.append(given))
    for num_tokens in (50_000, 2_500_000_000):
        prepare_corpus("fineweb-edu", num_tokens=num_tokens)
        (cache / "fineweb-edu").mkdir(parents=True, exist_ok=True)
        (cache / "fineweb-edu" / "progress.json").write_text(json.dumps({"settings": asked[-1][2]}))
        prepare_corpus("fineweb-edu")  # as much as before
        assert asked.pop() == asked[-1]
        (cache / "fineweb-edu" / "progress.json").unlink()
    assert [given[:2] for given in asked] == [(cache / "fineweb-edu", load_gpt2_tokenizer)] * 2
    assert [given[2]["num_held_out"] for given in asked] == [5_000, 10_485_760]
    assert [given[2]["num_tokens"] for given in asked] == [50_000, 2_500_000_000]


def test_web_text_leaves_nothing_unless_some_of_it_is_saved(monkeypatch: pytest.MonkeyPatch) -> None:
    def begin(folder: Path, tokenizer: object, settings: object) -> None:
        folder.mkdir(exist_ok=True)
        (folder / "training.bin").touch()
        raise ValueError("no library")

    monkeypatch.setattr(prepare, "prepare_web_text", begin)
    with pytest.raises(ValueError, match="no library"):
        prepare_corpus("fineweb", Path("web"), num_tokens=5000)
    assert not Path("web").exists()
    Path("web").mkdir()
    settings = {"source": "fineweb", "tokenizer": "gpt2", "num_tokens": 5000, "num_held_out": 500}
    Path("web/progress.json").write_text(json.dumps({"settings": settings}))
    with pytest.raises(ValueError, match="no library"):
        prepare_corpus("fineweb", Path("web"), num_tokens=5000)
    assert sorted(contents(Path("web"))) == ["progress.json", "training.bin"]


def test_the_same_again_does_nothing(my_txt: str, capsys: pytest.CaptureFixture[str]) -> None:
    first = prepare_corpus(my_txt)
    times = {path.name: path.stat().st_mtime_ns for path in first.folder.iterdir()}
    capsys.readouterr()
    second = prepare_corpus(my_txt)
    assert capsys.readouterr().out == f"my is prepared already, in {first.folder}\n"
    assert times == {path.name: path.stat().st_mtime_ns for path in first.folder.iterdir()}
    assert second.facts == first.facts


def test_other_settings_in_the_same_folder_are_refused_with_the_difference(my_txt: str, tmp_path: Path) -> None:
    before = contents(prepare_corpus(my_txt).folder)
    with pytest.raises(ValueError, match=r"tokenizer is characters there, byte-pairs here; vocab_size is .*--out"):
        prepare_corpus(my_txt, tokenizer="byte-pairs")
    folder = prepare_corpus(my_txt).folder
    (tmp_path / "your.txt").write_text(TEXT.upper())
    with pytest.raises(ValueError, match=r"source is my\.txt there, your\.txt here; sha256 is .* there, .* here"):
        prepare_corpus("your.txt", folder)
    assert contents(folder) == before


def test_a_changed_text_gets_a_folder_of_its_own(my_txt: str) -> None:
    first = prepare_corpus(my_txt)
    Path(my_txt).write_text(TEXT + "One more line.\n")
    assert prepare_corpus(my_txt).folder != first.folder


def test_web_text_that_is_under_way_is_refused_with_other_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    web = Path("web")
    web.mkdir()
    settings = {"source": "fineweb", "tokenizer": "gpt2", "num_tokens": 5000, "num_held_out": 500}
    (web / "progress.json").write_text(json.dumps({"settings": settings}))
    with pytest.raises(ValueError, match=r"num_tokens is 5000 there, 6000 here; num_held_out is 500 there, 600 here"):
        prepare_corpus("fineweb", web, num_tokens=6000)


def test_a_damaged_corpus_is_made_again(my_txt: str, capsys: pytest.CaptureFixture[str]) -> None:
    folder = prepare_corpus(my_txt).folder
    before = contents(folder)
    (folder / "training.bin").write_bytes(b"x")
    prepare_corpus(my_txt)
    assert contents(folder) == before
    assert "prepare the text again: that is done now" in capsys.readouterr().out


def test_a_folder_with_something_else_is_left_alone(my_txt: str) -> None:
    Path("mine").mkdir()
    Path("mine/thesis.tex").write_text("years of work")
    Path("mine/training.bin").write_text("mine, too")
    with pytest.raises(ValueError, match=r"mine holds something else than a prepared text, thesis\.tex for one: give"):
        prepare_corpus(my_txt, Path("mine"))
    assert sorted(contents(Path("mine"))) == ["thesis.tex", "training.bin"]
    with pytest.raises(ValueError, match=r"my\.txt is a file, not a folder: give another --out"):
        prepare_corpus(my_txt, Path(my_txt))
    Path("json").mkdir()
    Path("json/corpus.json").write_text("[1]")
    with pytest.raises(ValueError, match=r"corpus\.json was changed, or is not gptbook's"):
        prepare_corpus(my_txt, Path("json"))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_two_processes_that_prepare_one_folder_take_turns(my_txt: str) -> None:
    (may_begin, begins), (is_said, says) = os.pipe(), os.pipe()
    second = os.fork()  # without the seconds of a new Python
    if second == 0:
        code = 1
        try:
            os.close(begins)
            os.read(may_begin, 1)  # until the other closes its end
            with os.fdopen(says, "w", buffering=1) as out, redirect_stdout(out):
                prepare_corpus("my.txt", Path("out"))
            code = 0
        finally:
            os._exit(code)  # pytest is not run to its end a second time
    os.close(says)
    os.close(may_begin)
    with os.fdopen(is_said) as said:
        with locked(Path("out"), waits=True) as has_waited:
            assert not has_waited
            os.close(begins)
            assert "Preparing" in said.readline()
            assert "waits for another process" in said.readline()
            assert [path.name for path in Path("out").iterdir()] == [LOCK_FILE], "it writes nothing meanwhile"
            survey = own_texts(ReadersTexts((my_txt,)))
            settings = prepare.corpus_settings("", survey, "auto", None, None)
            mine = prepare.prepare_now("", survey, Path("out"), "my", settings)
            times = {path.name: path.stat().st_mtime_ns for path in mine.folder.iterdir() if path.name != LOCK_FILE}
        assert os.waitstatus_to_exitcode(os.waitpid(second, 0)[1]) == 0
    assert times == {path.name: path.stat().st_mtime_ns for path in mine.folder.iterdir()}, "the other's is taken"


def test_both_spellings_of_a_text_are_one_text(tmp_path: Path) -> None:
    text = "Zürich und Łódź, naïve Äpfel.\n" * 50
    folders = set()
    for form in ("NFC", "NFD"):
        (tmp_path / "my.txt").write_text(unicodedata.normalize(form, text), encoding="utf-8")
        for wish in ("characters", "byte-pairs"):
            corpus = prepare_corpus("my.txt", Path(f"{form}-{wish}"), tokenizer=wish)
            assert corpus.facts["spelling"] == "NFC"
            both = [*corpus.training.tolist(), *corpus.held_out.tolist()]
            assert corpus.tokenizer.decode(both) == text
        folders.add(prepare_corpus("my.txt").folder)
    assert len(folders) == 1


def test_a_corpus_from_before_is_found_prepared(my_txt: str) -> None:
    folder = prepare_corpus(my_txt).folder
    facts = json.loads((folder / "corpus.json").read_text(encoding="utf-8"))
    for later in ("spelling", "facts_sha256"):
        del facts[later]
    (folder / "corpus.json").write_text(json.dumps(facts), encoding="utf-8")
    before = contents(folder)
    prepare_corpus(my_txt)
    assert contents(folder) == before


def test_the_mark_between_texts_has_no_bytes_wherever_it_comes_from(tmp_path: Path) -> None:
    """Twice the marks, the same text: each is one more token, and no more bytes."""
    for marks in (1, 2, 5):
        text = (f"Some words. {END_OF_TEXT * marks}" * 100).strip()
        (tmp_path / "my.txt").write_text(text, encoding="utf-8")
        corpus = prepare_corpus("my.txt", Path(f"out{marks}"), vocab_size=300)
        held_out = corpus.tokenizer.decode(corpus.held_out.tolist()).replace(END_OF_TEXT, "")
        assert corpus.bytes_per_token == pytest.approx(len(held_out) / len(corpus.held_out))
        assert isinstance(corpus.tokenizer, BytePairTokenizer)
        assert bytes_per_token(corpus.tokenizer, [text, text]) == pytest.approx(
            100 * 12 / len(corpus.tokenizer.encode(text))
        )


def test_a_full_disk_is_one_sentence_and_leaves_nothing(my_txt: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(number: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match=r"my cannot be prepared in out \(No space left on device\): make room there"):
        prepare_corpus(my_txt, Path("out"))
    assert not Path("out").exists()


def test_ctrl_c_leaves_nothing(my_txt: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def stop(*args: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(corpus_writing, "write_corpus", stop)
    Path("out").mkdir()
    with pytest.raises(KeyboardInterrupt):
        prepare_corpus(my_txt, Path("out"))
    assert list(Path("out").iterdir()) == []


def test_what_a_killed_process_left_is_replaced(my_txt: str) -> None:
    Path("out").mkdir()
    Path("out/training.bin").write_bytes(b"half")
    Path("out/held_out.bin.part").write_bytes(b"half")
    corpus = prepare_corpus(my_txt, Path("out"))
    assert sorted(contents(Path("out"))) == ["characters.json", "corpus.json", "held_out.bin", "training.bin"]
    assert open_corpus(Path("out")).facts == corpus.facts


def test_a_folder_that_cannot_be_written_is_one_sentence(my_txt: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(self: Path, *args: object, **options: object) -> None:
        raise PermissionError(13, "Permission denied", str(self))

    monkeypatch.setattr(Path, "mkdir", refuse)
    with pytest.raises(OSError, match=r"my cannot be prepared in out \(Permission denied\)"):
        prepare_corpus(my_txt, Path("out"))


@pytest.mark.parametrize(
    ("source", "wishes", "sentence"),
    [
        ("fineweb", {}, r"say how much of fineweb you want: gptbook data prepare fineweb --tokens 300M"),
        ("fineweb", {"num_tokens": 5}, r'"5" is 5 tokens: ask for 1,000 to 9\.5B'),
        ("fineweb", {"num_tokens": 5000, "tokenizer": "characters"}, r"with GPT-2's tokenizer: leave out --tokenizer"),
        ("fineweb", {"num_tokens": 5000, "vocab_size": 300}, r"with GPT-2's tokenizer"),
        ("my.txt", {"num_tokens": 5000}, r"is prepared as a whole: leave out --tokens, which is for fineweb and fi"),
        ("my.txt", {"tokenizer": "words"}, r'no tokenizer "words": choose from auto, characters, byte-pairs, gpt2'),
        ("my.txt", {"tokenizer": "gpt2", "vocab_size": 300}, r"--vocab-size is for byte-pairs, and you chose gpt2"),
        ("my.txt", {"vocab_size": 256}, r"--vocab-size is 256: give 257 to 65536"),
        ("my.txt", {"vocab_size": 65_537}, r"--vocab-size is 65537"),
        ("my.txt", {"vocab_size": 0}, r"--vocab-size is 0"),
        ("shakespear", {}, r"there is no file shakespear: give the path of a text, or one of shakespeare"),
    ],
)
def test_wishes_that_do_not_go_together_are_one_sentence(
    my_txt: str, cache: Path, source: str, wishes: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(ValueError, match=sentence):
        prepare_corpus(source, **wishes)
    assert not cache.exists()


def test_an_emoji_text_comes_back_whole(tmp_path: Path) -> None:
    text = "😀🎉 with emoji 🚀\n" * 10_000
    (tmp_path / "my.txt").write_text(text, encoding="utf-8")
    for corpus in (prepare_corpus("my.txt"), prepare_corpus("my.txt", Path("pairs"), vocab_size=270)):
        both = [*corpus.training.tolist(), *corpus.held_out.tolist()]
        assert corpus.tokenizer.decode(both) == text
        assert corpus.bytes_per_token > 1.5


def test_many_texts_are_read_once_to_survey_them_and_once_for_each_part() -> None:
    readings: list[str] = []

    class Watched(ReadersTexts):
        def documents(self, seen: Sighting) -> Iterator[tuple[str, str]]:
            readings.append(self.name)
            return super().documents(seen)

    Path("notes").mkdir()
    for number in range(20):
        Path(f"notes/{number}.md").write_text(f"A note, number {number}.")
    corpus = prepare_corpus(Watched(("notes",)), Path("out"))
    assert isinstance(corpus.tokenizer, CharacterTokenizer)
    assert readings == ["notes"] * 3
