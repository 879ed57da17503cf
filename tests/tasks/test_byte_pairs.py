"""A folder with a tokenizer: how it is learned, measured, kept, found again, and left alone."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from gptbook.data.bpe import BytePairTokenizer, bytes_per_token
from gptbook.data.docstrings import LIBRARIES
from gptbook.tasks.byte_pairs import (
    TOKENIZER_FACTS_FILE,
    TOKENIZER_FILE,
    finished_tokenizer,
    holds_tokenizer,
    learn_tokenizer,
    load_tokenizer,
    measure_tokenizer,
    save_tokenizer,
    shown_pieces,
    split_texts,
    tokenizer_facts,
    train_tokenizer,
)
from gptbook.tasks.recipe_words import docstrings_bpe
from gptbook.tasks.recipes import TokenizerRecipe

TEXTS = [
    f"{verb} the {what} of an array, in order.\n\nMore about the {what}."
    for verb in ("Return", "Compute")
    for what in "abcdefghij"
]
SHORT = TokenizerRecipe(name="docstrings-bpe", num_steps=20)


@pytest.fixture(autouse=True)
def few_docstrings(monkeypatch: pytest.MonkeyPatch) -> None:
    """Reading those of three libraries takes seconds."""
    monkeypatch.setattr("gptbook.tasks.byte_pairs.docstrings", lambda libraries: TEXTS)


def content(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_the_merges_are_those_of_the_training_docstrings_and_as_many_as_steps() -> None:
    training, held_out = split_texts(SHORT)
    assert (len(training), len(held_out)) == (18, 2)
    assert set(training).isdisjoint(held_out)
    told: list[bytes] = []
    tokenizer = learn_tokenizer(SHORT, training, lambda piece, times: told.append(piece))
    assert tokenizer.vocab_size == 256 + 20
    assert tokenizer.merges == BytePairTokenizer.learn(training, 276).merges
    assert told == tokenizer.tokens[256:]


def test_the_seed_draws_what_is_held_out() -> None:
    assert split_texts(SHORT) == split_texts(SHORT)
    assert split_texts(SHORT) != split_texts(replace(SHORT, seed=1))


def test_it_is_measured_on_docstrings_that_it_never_saw_and_shows_a_sentence_of_theirs() -> None:
    training, held_out = split_texts(SHORT)
    tokenizer = learn_tokenizer(SHORT, training)
    measured = measure_tokenizer(tokenizer, training, ["====", *held_out])
    assert measured["bytes_per_token"] == bytes_per_token(tokenizer, ["====", *held_out])
    assert 1 < measured["bytes_per_token"] < 10
    assert (measured["num_training"], measured["num_held_out"]) == (18, 3)
    assert measured["sentence"] == next(text for text in held_out if len(text) > 30).split("\n")[0]
    assert measure_tokenizer(tokenizer, training, ["====", "a"])["sentence"] == "====", "or what there is"


def test_more_merges_than_there_are_is_answered_with_how_many() -> None:
    training, _ = split_texts(SHORT)
    with pytest.raises(ValueError, match="4,000 merges are more than these texts have in them: give") as refusal:
        learn_tokenizer(replace(SHORT, num_steps=4000), training)
    most = int(str(refusal.value).split()[-3])
    assert learn_tokenizer(replace(SHORT, num_steps=most), training).vocab_size == 256 + most


def test_a_tokenizer_comes_back_from_its_folder_and_a_finished_one_is_known_by_its_recipe(tmp_path: Path) -> None:
    training, held_out = split_texts(SHORT)
    tokenizer = learn_tokenizer(SHORT, training)
    measured = measure_tokenizer(tokenizer, training, held_out)
    folder = tmp_path / "deep" / "run"
    assert finished_tokenizer(folder, SHORT) == {}
    save_tokenizer(folder, SHORT, tokenizer, measured)
    assert sorted(content(folder)) == [TOKENIZER_FILE, TOKENIZER_FACTS_FILE]
    assert load_tokenizer(folder).merges == tokenizer.merges
    assert finished_tokenizer(folder, SHORT) == measured
    assert holds_tokenizer(folder)
    assert not holds_tokenizer(tmp_path)


def test_an_empty_folder_is_as_good_as_none(tmp_path: Path) -> None:
    assert finished_tokenizer(tmp_path, SHORT) == {}


def test_another_recipe_is_refused_with_each_difference(tmp_path: Path) -> None:
    train_tokenizer(SHORT, tmp_path)
    before = content(tmp_path)
    with pytest.raises(
        ValueError, match=r"holds another tokenizer .num_steps is 20 there, 30 here; seed is 0 there, 1"
    ):
        train_tokenizer(replace(SHORT, num_steps=30, seed=1), tmp_path)
    assert content(tmp_path) == before


def test_other_versions_of_the_libraries_are_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    train_tokenizer(SHORT, tmp_path)
    monkeypatch.setattr("gptbook.tasks.byte_pairs.version", lambda library: "0.1")
    with pytest.raises(ValueError, match=r"version of numpy is 2.* there, 0\.1 here"):
        finished_tokenizer(tmp_path, SHORT)


def test_what_decides_a_tokenizer_is_its_recipe_and_the_versions_of_the_libraries() -> None:
    facts = tokenizer_facts(docstrings_bpe())
    assert facts["num_steps"] == docstrings_bpe().num_steps
    assert {f"version of {library}" for library in LIBRARIES} < set(facts)
    assert json.loads(json.dumps(facts)) == facts


def test_nothing_of_the_readers_is_overwritten(tmp_path: Path) -> None:
    (tmp_path / "tokenizer.json").write_text("mine")
    with pytest.raises(ValueError, match="holds something else than a tokenizer: give another --run-dir"):
        train_tokenizer(SHORT, tmp_path)
    assert content(tmp_path) == {"tokenizer.json": b"mine"}


@pytest.mark.parametrize(
    ("file", "text", "message"),
    [
        (TOKENIZER_FILE, "{}", "is missing or was changed"),
        (TOKENIZER_FACTS_FILE, "{", "is not JSON"),
        (TOKENIZER_FACTS_FILE, "[]", "was changed, or is not of this version"),
        (TOKENIZER_FACTS_FILE, '{"format": "gptbook tokenizer 9"}', "was changed, or is not of this version"),
    ],
)
def test_a_folder_that_was_changed_is_named(file: str, text: str, message: str, tmp_path: Path) -> None:
    train_tokenizer(SHORT, tmp_path)
    (tmp_path / file).write_text(text)
    with pytest.raises(ValueError, match=message):
        train_tokenizer(SHORT, tmp_path)


def test_ctrl_c_leaves_no_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("gptbook.tasks.byte_pairs.learn_tokenizer", interrupt)
    with pytest.raises(KeyboardInterrupt):
        train_tokenizer(SHORT, tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_training_says_what_it_does_and_the_second_time_that_it_is_done(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    train_tokenizer(SHORT, tmp_path / "run")
    first = capsys.readouterr().out
    assert "reads the docstrings of matplotlib, numpy, pandas ..." in first
    assert "learns from 18 texts; 2 others are kept to measure with" in first
    assert "merges      20," in first
    before = content(tmp_path / "run")
    train_tokenizer(SHORT, tmp_path / "run")
    second = capsys.readouterr().out
    assert f"{tmp_path / 'run'} is finished: all 20 merges are learned" in second
    same = "  held-out texts"
    assert first[first.index(same) :] == second[second.index(same) :]
    assert "bytes per token, on 2 that it never saw (single bytes: 1)" in second
    assert f"Next: gptbook tokens {tmp_path / 'run'} " in second
    assert content(tmp_path / "run") == before


def test_two_runs_of_one_recipe_are_the_same_byte_for_byte(tmp_path: Path) -> None:
    for name in ("first", "second"):
        train_tokenizer(SHORT, tmp_path / name)
    assert content(tmp_path / "first") == content(tmp_path / "second")


def test_pieces_are_shown_with_a_line_between_two_and_spaces_drawn() -> None:
    tokenizer = BytePairTokenizer([(b"a", b"n"), (b"an", b"an")])
    assert shown_pieces(tokenizer, "banana an\n") == "b | anan | a | ␣ | an | \\n"
    assert shown_pieces(tokenizer, "é") == "\\xc3 | \\xa9"


def test_a_folder_without_a_tokenizer_is_named(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"holds no tokenizer\.json: give the folder of a tokenizer"):
        load_tokenizer(tmp_path)
    with pytest.raises(ValueError, match=r"nowhere holds no tokenizer\.json"):
        load_tokenizer(tmp_path / "nowhere")


def test_a_text_of_the_readers_own_is_learned_paragraph_by_paragraph(tmp_path: Path) -> None:
    own = tmp_path / "own.txt"
    own.write_text("\n\n".join(f"the cat number {number} sat" for number in range(20)), encoding="utf-8")
    recipe = replace(SHORT, text_file=str(own))
    training, held_out = split_texts(recipe)
    assert (len(training), len(held_out)) == (18, 2)
    before = tokenizer_facts(recipe)
    own.write_text("another\n\ntext", encoding="utf-8")
    assert tokenizer_facts(recipe) != before


@pytest.mark.parametrize(
    ("content", "message"),
    [(b"\xffbad", "is not text in UTF-8"), (b"one paragraph", "fewer than two paragraphs")],
)
def test_a_text_that_cannot_be_learned_is_refused(tmp_path: Path, content: bytes, message: str) -> None:
    own = tmp_path / "own.txt"
    own.write_bytes(content)
    with pytest.raises(ValueError, match=message):
        split_texts(replace(SHORT, text_file=str(own)))


def test_a_folder_of_texts_is_learned_text_by_text_and_known_by_what_it_holds(tmp_path: Path) -> None:
    folder = tmp_path / "notes"
    folder.mkdir()
    for number in range(20):
        (folder / f"{number}.md").write_text(f"the cat number {number} sat\n\nand so on", encoding="utf-8")
    (folder / "other.py").write_text("pass")
    recipe = replace(SHORT, text_file=str(folder), globs="*.md")
    training, held_out = split_texts(recipe)
    assert (len(training), len(held_out)) == (18, 2)
    assert all("\n\n" in text for text in training)
    before = tokenizer_facts(recipe)
    assert before["globs"] == "*.md"
    (folder / "other.py").write_text("raise")
    assert tokenizer_facts(recipe) == before
    (folder / "0.md").write_text("another text")
    assert tokenizer_facts(recipe) != before


def test_the_facts_of_a_tokenizer_from_before_are_those_of_today(tmp_path: Path) -> None:
    own = tmp_path / "own.txt"
    own.write_text("one\n\ntwo")
    for recipe in (SHORT, replace(SHORT, text_file=str(own))):
        assert not {"globs", "field"} & tokenizer_facts(recipe).keys()
