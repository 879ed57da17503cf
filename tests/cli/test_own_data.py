"""A reader's own texts on the command line: several ways to give them, and the same text wherever it lies."""

import json
import shutil
import zipfile
from pathlib import Path

import pytest
from command_line import next_command, refused, written
from small import EXACT, text_commands

from gptbook.cli.own_data import readers_texts
from gptbook.cli.parser import build_parser, main
from gptbook.data.corpus import open_corpus

CHAT = "".join(
    f"12/31/23, 9:{minute:02} PM - {who}: the {what} sees it\n"
    for minute in range(60)
    for who, what in [("Ada", "owl")]
)


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with thirty notes, a zip of it, and a chat."""
    text_commands(tmp_path, monkeypatch)
    Path("notes/sub").mkdir(parents=True)
    for number in range(30):
        place = "notes/sub" if number % 3 else "notes"
        Path(f"{place}/{number:02}.md").write_text(f"Note {number}: " + "the owl sees the fox. " * (3 + number % 4))
    with zipfile.ZipFile("notes.zip", "w") as archive:
        for path in sorted(Path("notes").rglob("*.md"), reverse=True):
            archive.write(path, path.relative_to("notes"))
    Path("chat.txt").write_text(CHAT)
    return tmp_path


def test_data_takes_several_values_and_may_come_several_times() -> None:
    parser = build_parser()
    words = ["train", "laptop", "--data", "a", "b", "--data", "c", "--glob", "*.md", "--glob", "*.txt", "--field", "f"]
    texts = readers_texts(parser.parse_args(words))
    assert texts is not None
    assert (texts.sources, texts.globs, texts.field) == (("a", "b", "c"), ("*.md", "*.txt"), "f")
    assert readers_texts(parser.parse_args(["train", "laptop"])) is None


@pytest.mark.parametrize("option", [["--glob", "*.md"], ["--field", "text"]])
@pytest.mark.parametrize("command", [["train", "laptop"], ["estimate", "laptop", "--gpu", "t4"]])
def test_a_choice_without_a_text_is_one_sentence(
    command: list[str], option: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert f"{option[0]} is about a text of your own: give that with --data" in refused([*command, *option], capsys)


def test_a_folder_and_a_zip_of_it_are_one_text(capsys: pytest.CaptureFixture[str]) -> None:
    said = written(["data", "prepare", "notes"], capsys)
    assert "notes: 30 texts" in said
    assert "texts are held out, whole: " in said
    first = open_corpus(Path(next_command(said)[-1]))
    second = open_corpus(Path(next_command(written(["data", "prepare", "notes.zip"], capsys))[-1]))
    assert first.folder == second.folder
    assert [path.name for path in Path().iterdir()].count("notes") == 1
    tokens = first.training.tolist(), first.held_out.tolist()
    assert [part.count(0) for part in tokens] == [30 - tokens[1].count(0), tokens[1].count(0)]


def test_a_run_on_a_folder_knows_it_again_elsewhere_and_names_what_changed(
    capsys: pytest.CaptureFixture[str],
) -> None:
    train = ["train", "laptop", "--data", "notes", "--glob", "*.md", *EXACT, "--steps", "3"]
    said = written(train, capsys)
    assert next_command(said)[:2] == ["sample", "runs/laptop-notes"]
    measured = written(["evaluate", "runs/laptop-notes"], capsys)
    shutil.move("notes", "moved")
    evaluate = ["evaluate", "runs/laptop-notes", "--data", "moved"]
    assert written(evaluate, capsys).endswith(measured)
    Path("moved/00.md").write_text("Another note.")
    Path("moved/sub/01.md").unlink()
    Path("moved/new.md").write_text("A new note.")
    said = refused(evaluate, capsys)
    assert "moved has changed since runs/laptop-notes learned from it" in said
    assert "(sub/01.md is gone, new.md is new, 00.md was changed)" in said
    shutil.move("moved", "notes")
    said = refused([*train[:-1], "6"], capsys)
    assert "runs/laptop-notes learns from other texts (sub/01.md is gone, new.md is new, 00.md was changed)" in said
    assert written(["evaluate", "runs/laptop-notes"], capsys) == measured


def test_several_files_and_a_chat_are_trained_on(capsys: pytest.CaptureFixture[str]) -> None:
    said = written(["train", "laptop", "--data", "chat.txt", "own.txt", *EXACT, "--steps", "2"], capsys)
    assert "chat-and-1-more: a WhatsApp export: 1 person, 60 messages" in said
    assert Path("runs/laptop-chat-and-1-more").is_dir()
    said = written(["train", "laptop", "--data", "chat.txt", *EXACT, "--steps", "2"], capsys)
    corpus = open_corpus(next(Path("cache").glob(f"chat-{8 * '[0-9a-f]'}")))
    tokens = [*corpus.training.tolist(), *corpus.held_out.tolist()]
    assert corpus.tokenizer.decode(tokens) == "Ada: the owl sees it\n" * 60


def test_json_lines_are_prepared_estimated_and_evaluated_by_their_field(capsys: pytest.CaptureFixture[str]) -> None:
    lines = [json.dumps({"id": number, "body": f"Post {number}: the owl sees the fox."}) for number in range(40)]
    Path("posts.jsonl").write_text("\n".join(lines))
    choice = ["--data", "posts.jsonl", "--field", "body"]
    assert "40 texts" in written(["data", "prepare", "posts.jsonl", "--field", "body"], capsys)
    assert "steps" in written(["estimate", "laptop", "--gpu", "t4", *choice], capsys)
    assert main(["train", "laptop", *choice, *EXACT, "--steps", "2"]) == 0
    assert "held-out loss" in written(["evaluate", "runs/laptop-posts", *choice], capsys)


def test_a_folder_with_its_own_run_in_it_stays_the_same_text(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir("notes")
    train = ["train", "laptop", "--data", ".", *EXACT, "--steps", "2"]
    assert main(train) == 0
    assert "is finished" in written(train, capsys)


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["own.txt", "docstrings"], '"docstrings" is a text that gptbook knows by this word, and stands alone'),
        (["own.txt", "iris"], '"iris" is a text that gptbook knows by this word, and stands alone'),
        (["own.txt", "gone.txt"], 'there is no file "gone.txt"'),
        (["notes", "--glob", "*.py"], "notes holds no text: give a file or folder with text in it, or another --glob"),
        (["own.txt", "--field", "text"], "--field is for JSON Lines, and own holds none: leave it out"),
        (["Docstrings", "--field", "text"], "docstrings is chosen and read already: leave out --glob and --field"),
        (["iris", "--glob", "*.md"], "iris takes no --glob"),
        (["fineweb", "--tokens", "3M", "--field", "text"], "fineweb takes no --field"),
        (["pairs"], "pairs holds a prepared text: give it alone to --data"),
        (["pairs", "own.txt"], "pairs holds a prepared text: give it alone to --data"),
    ],
)
def test_a_wish_that_cannot_be_is_one_sentence_and_makes_nothing(
    words: list[str], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["data", "prepare", "own.txt", "--out", "pairs"]) == 0
    before = sorted(Path().rglob("*"))
    assert sentence in refused(["data", "prepare", *words], capsys)
    assert sorted(Path().rglob("*")) == before


def test_a_prepared_text_is_not_chosen_from_again(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["data", "prepare", "own.txt", "--out", "pairs"]) == 0
    said = refused(["train", "laptop", "--data", "pairs", "--glob", "*.md"], capsys)
    assert "pairs is chosen and read already: leave out --glob and --field" in said


def test_a_tokenizer_is_learned_from_a_folder_or_from_json_lines(capsys: pytest.CaptureFixture[str]) -> None:
    said = written(["train", "docstrings-bpe", "--text", "notes", "--glob", "*.md", "--steps", "9"], capsys)
    assert "learns from 27 texts; 3 others" in said
    assert Path("runs/docstrings-bpe-notes/tokenizer.json").is_file()
    again = ["train", "docstrings-bpe", "--text", "notes", "--glob", "*.md", "--steps", "9"]
    assert "is finished" in written(again, capsys)
    Path("notes/00.md").write_text("Another note.")
    assert "holds another tokenizer (text_sha256 is" in refused(again, capsys)
    Path("posts.jsonl").write_text("".join(json.dumps({"body": f"the owl {n} sees"}) + "\n" for n in range(20)))
    words = ["train", "docstrings-bpe", "--text", "posts.jsonl", "--steps", "5"]
    assert "say with --field which of its fields is the text" in refused(words, capsys)
    assert "learns from 18 texts" in written([*words, "--field", "body"], capsys)
    assert "cannot be read (No such file" in refused(["train", "docstrings-bpe", "--text", "gone"], capsys)
