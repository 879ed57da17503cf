"""What the commands do with tables, texts and records."""

from pathlib import Path

import pytest
from command_line import refused

from gptbook.cli.data_commands import DATA_SETS
from gptbook.cli.parser import main
from gptbook.data.corpus import open_corpus
from gptbook.data.text_sources import TEXT_SOURCES
from gptbook.experiments.record import Recording
from gptbook.experiments.recordings import recordings

TEXT = "".join(f"{who} {what} the {whom}.\n" for who in "abcd" for what in ("sees", "hears") for whom in "efgh")


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Every command runs in an empty folder, with a cache of its own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GPTBOOK_CACHE", str(tmp_path / "cache"))
    return tmp_path


def test_the_tables_and_the_texts_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["data", "list"]) == 0
    said = capsys.readouterr().out
    assert "150 iris flowers" in said
    assert [line.split()[0] for line in said.splitlines()] == [*DATA_SETS, *TEXT_SOURCES]


def test_each_table_is_checked(capsys: pytest.CaptureFixture[str]) -> None:
    for name in DATA_SETS:
        assert main(["data", "prepare", name]) == 0
        assert f"{name} is ready: " in capsys.readouterr().out


def test_a_text_is_prepared_and_the_next_command_names_its_folder(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "own.txt").write_text(TEXT)
    assert main(["data", "prepare", "own.txt", "--out", "my text"]) == 0
    said = capsys.readouterr().out
    corpus = open_corpus(folder / "my text")
    assert f"{len(corpus.training)} tokens to learn from, {len(corpus.held_out)} held out, 1.00 bytes per token" in said
    assert said.endswith("Next: gptbook train laptop --data 'my text'\n")
    assert corpus.tokenizer.decode(corpus.training.tolist() + corpus.held_out.tolist()) == TEXT


@pytest.mark.parametrize("name", ["tokenizer.json", "characters.json", "notes.txt"])
def test_a_folder_of_somebody_else_is_refused_and_kept(
    name: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "own.txt").write_text(TEXT)
    (folder / "theirs").mkdir()
    (folder / "theirs" / name).write_text("{}")
    said = refused(["data", "prepare", "own.txt", "--out", "theirs"], capsys)
    assert "give another --out" in said
    assert {path.name: path.read_text() for path in (folder / "theirs").iterdir()} == {name: "{}"}


def test_byte_pairs_are_learned_if_asked_for(folder: Path) -> None:
    (folder / "own.txt").write_text(TEXT)
    words = ["data", "prepare", "own.txt", "--tokenizer", "byte-pairs", "--vocab-size", "260", "--out", "pairs"]
    assert main(words) == 0
    assert open_corpus(folder / "pairs").vocab_size == 260


def test_a_prepared_text_goes_into_the_cache_and_is_found_there(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "own.txt").write_text(TEXT)
    assert main(["data", "prepare", "own.txt"]) == 0
    assert "Preparing own in " in capsys.readouterr().out
    assert main(["data", "prepare", "own.txt"]) == 0
    assert "own is prepared already, in " in capsys.readouterr().out
    assert {path.name for path in folder.iterdir()} == {"own.txt", "cache"}


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["weather"], 'there is no file "weather": give the path of a text; or choose from iris'),
        (["fineweb", "--tokens", "many"], '"many" is no number of tokens: write 2.5B, 300M, 50k or 50000'),
        (["own.txt", "--tokens", "3M"], "own.txt takes no --tokens, which is for web text: leave it out"),
        (["own.txt", "--vocab-size", "3"], '--vocab-size is "3": give a whole number, 257 to 65536'),
        (["fineweb"], "say how much of fineweb you want: gptbook data prepare fineweb --tokens 300M"),
    ],
)
def test_a_wish_that_cannot_be_is_answered_in_one_sentence(
    words: list[str], sentence: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "own.txt").write_text(TEXT)
    assert sentence in refused(["data", "prepare", *words], capsys)
    assert [path.name for path in folder.iterdir()] == ["own.txt"]


RECORDS = list(recordings())


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, bool]]:
    """No record is made; each call is kept: its name, and whether it goes on."""
    calls: list[tuple[str, bool]] = []

    def make_record(recording: Recording, resume: bool) -> Path:
        calls.append((recording.name, resume))
        return Path(f"runs/{recording.name}.json")

    monkeypatch.setattr("gptbook.cli.data_commands.make_record", make_record)
    monkeypatch.setattr("gptbook.cli.data_commands.read_record", lambda name: {})
    monkeypatch.setattr("gptbook.cli.data_commands.what_changed", lambda record, recording: [])
    return calls


def test_a_record_is_made_only_if_it_is_not_up_to_date(
    made: list[tuple[str, bool]], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_record(name: str) -> dict[str, str]:
        raise ValueError("there is none")

    assert main(["ladder"]) == 0
    said = capsys.readouterr().out
    assert all(f"The record {name}.json is up to date; --again makes it anew." in said for name in RECORDS)
    assert made == []
    stale = {"clubs": ["pick changed", "VERBS is new"]}
    monkeypatch.setattr(
        "gptbook.cli.data_commands.what_changed", lambda record, recording: stale.get(recording.name, [])
    )
    assert main(["ladder"]) == 0
    assert "Recording clubs.json anew: pick changed; VERBS is new." in capsys.readouterr().out
    assert made == [("clubs", True)]
    monkeypatch.setattr("gptbook.cli.data_commands.read_record", no_record)
    made.clear()
    assert main(["ladder"]) == 0
    said = capsys.readouterr().out
    assert "Recording windows.json anew: there is no record yet." in said
    assert "It holds loss (nats per position) of counts and nets by letters of context;" in said
    assert f"that takes {recordings()['windows'].duration}." in said
    assert "Ctrl-C stops it; the same command goes on." in said
    assert said.endswith(f"Saved in runs/{RECORDS[-1]}.json.\n")
    assert made == [(name, True) for name in RECORDS]


def test_the_ladder_makes_the_records_that_are_named_and_no_others(
    made: list[tuple[str, bool]], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["ladder", "clubs", "--again"]) == 0
    said = capsys.readouterr().out
    assert "Recording clubs.json anew: you asked for it." in said
    assert "the same command goes on" not in said, "with --again it would begin anew"
    assert main(["ladder", "parts", "windows", "--again"]) == 0
    assert main(["ladder", "names"]) == 0
    assert made == [("clubs", False), ("parts", False), ("windows", False)]


def test_a_record_that_is_none_is_answered_with_all_before_any_is_made(
    made: list[tuple[str, bool]], capsys: pytest.CaptureFixture[str]
) -> None:
    said = refused(["ladder", "clubs", "rungs", "--again"], capsys)
    assert 'there is no record "rungs": choose from windows, clubs, parts, names' in said
    assert made == []


def test_a_check_names_each_stale_record_and_what_changed_and_makes_none(
    made: list[tuple[str, bool]], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert main(["ladder", "--check"]) == 0
    said = capsys.readouterr().out
    assert said.count("\n") == 1
    assert all(name in said for name in RECORDS)
    stale = {"clubs": ["pick changed", "VERBS is new"], "names": ["cities.csv is gone"]}
    monkeypatch.setattr(
        "gptbook.cli.data_commands.what_changed", lambda record, recording: stale.get(recording.name, [])
    )
    assert main(["ladder", "--check"]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 3, "one for each stale record, and what to do"
    for line, (name, changes) in zip(lines, stale.items()):
        assert all(word in line for word in (f"{name}.json", *changes))
    assert main(["ladder", "--check", "windows", "names", "names"]) == 1
    said = capsys.readouterr().out
    assert said.count("names.json") == 1
    assert "clubs" not in said
    assert main(["ladder", "windows", "--check"]) == 0
    said = capsys.readouterr().out
    assert "windows" in said
    assert "names" not in said
    assert made == []


def test_an_absent_record_is_stale(
    made: list[tuple[str, bool]], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_record(name: str) -> dict[str, str]:
        raise ValueError("there is none")

    monkeypatch.setattr("gptbook.cli.data_commands.read_record", no_record)
    assert main(["ladder", "--check", "parts"]) == 1
    assert "parts.json" in capsys.readouterr().out


def test_to_check_and_to_make_anew_are_two_things(
    made: list[tuple[str, bool]], capsys: pytest.CaptureFixture[str]
) -> None:
    assert "--again" in refused(["ladder", "--check", "--again"], capsys)
    assert 'no record "rungs"' in refused(["ladder", "--check", "rungs"], capsys)
    assert made == []
