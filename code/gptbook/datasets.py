"""The tables that the book learns from, the reader's own list, and the split that keeps a test honest."""

import importlib.util
import json
import os
import random
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pandas as pd


def data_folders() -> list[Path]:
    """The folders that may hold the tables, in the order in which they are searched.

    The reader's own choice (`GPTBOOK_DATA`) comes first, then what was installed with the package, then the
    repository's `data/`. A notebook that runs without the package looks beside itself: `./data`.
    """
    folders = [Path(os.environ["GPTBOOK_DATA"])] if os.environ.get("GPTBOOK_DATA") else []
    package = importlib.util.find_spec("gptbook")
    for location in (package.submodule_search_locations or []) if package else []:
        folders += [Path(location) / "data", Path(location).parents[1] / "data"]
    return [*folders, Path("data")]


def data_file(name: str) -> Path:
    """The path of a table, such as `iris.csv`, `cities.csv` or `runs/windows.json`.

    Raises ValueError, which lists the folders that were searched, if no folder holds it.
    """
    folders = data_folders()
    for folder in folders:
        if (folder / name).is_file():
            return folder / name
    searched = ", ".join(str(folder) for folder in folders)
    raise ValueError(f'there is no data file "{name}" in {searched}: put it there, or set GPTBOOK_DATA to its folder')


def read_table(path: Path | str) -> pd.DataFrame:
    """A CSV file in UTF-8 as a table of text; nothing is read as "missing", not even Nan, a town in Thailand.

    Raises ValueError, in one sentence, if the file is absent, empty, not UTF-8 or not a table.
    """
    try:
        # utf-8-sig also accepts the three bytes that spreadsheets like to put in front
        return pd.read_csv(path, dtype=str, keep_default_na=False, encoding="utf-8-sig")
    except pd.errors.EmptyDataError:
        raise ValueError(f"{path} is empty: a table needs a first line that names its columns") from None
    except UnicodeDecodeError as error:
        raise ValueError(
            f"{path} is not UTF-8 text (byte {error.start} of what was read does not fit): "
            'save it again as "CSV UTF-8"'
        ) from None
    except pd.errors.ParserError as error:
        reason = str(error).strip().removeprefix("Error tokenizing data. C error: ")
        raise ValueError(f"{path} is not a table with commas ({reason}): quote the cells that hold commas") from None
    except OSError as error:
        raise ValueError(f"{path} cannot be read ({error.strerror or error}): check the path") from None


def iris() -> pd.DataFrame:
    """The 150 Iris flowers: four lengths in cm and the species.

    Columns: sepal_length, sepal_width, petal_length, petal_width (cm), species (setosa, versicolor, virginica).
    Source: Fisher 1936, as scikit-learn carries it; see `data/build_iris.py`.
    """
    return pd.read_csv(data_file("iris.csv"))


def city_names() -> list[str]:
    """All different city names, in the letters a-z, sorted. Source: GeoNames (CC BY 4.0); see `data/build_cities.py`."""
    return sorted(set(read_table(data_file("cities.csv"))["name"]))


def read_names(path: Path | str, column: str) -> list[str]:
    """The different names in one column of a CSV file, in the order of the file; empty cells are left out.

    Spelling is kept; only spaces at the ends and runs of spaces are tidied.
    Raises ValueError, in one sentence, if the file cannot be read, lacks the column or holds no name.
    """
    table = read_table(path)
    if column not in table.columns:
        there = ", ".join(f'"{name}"' for name in table.columns)
        raise ValueError(f'{path} has no column "{column}": its columns are {there}')
    names = dict.fromkeys(" ".join(name.split()) for name in table[column].fillna(""))
    names.pop("", None)
    if not names:
        raise ValueError(f'column "{column}" of {path} holds no name: fill at least two rows')
    return list(names)


def split_names(names: Iterable[str], held_out: float = 0.1, seed: int = 0) -> tuple[list[str], list[str]]:
    """Two sorted lists, (training, held out), that share no name.

    held_out is the share kept for the test, of the *different* names: a name that occurs twice must not be in
    both lists. Each list gets at least one name. Raises ValueError for fewer than two names or a share outside 0-1.
    """
    if not 0 < held_out < 1:
        raise ValueError(f"held_out is {held_out}: it is a share, give a number between 0 and 1, such as 0.1")
    different = sorted(set(names))
    if len(different) < 2:
        raise ValueError(f"there are {len(different)} different names: give at least two, one to train on, one to test on")
    num_held_out = min(max(round(held_out * len(different)), 1), len(different) - 1)
    draw = random.Random(seed)  # Python promises that random() never changes; no library promises that of its shuffle
    shuffled = sorted(different, key=lambda _: draw.random())
    return sorted(shuffled[num_held_out:]), sorted(shuffled[:num_held_out])


def read_record(name: str) -> dict[str, Any]:
    """A recorded experiment, `runs/<name>.json`. Raises ValueError if it is absent or not a JSON object."""
    path = data_file(f"runs/{name}.json")
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"{path} is not JSON ({error}): make the record again") from None
    if not isinstance(record, dict):
        raise ValueError(f"{path} is not a record: it holds a {type(record).__name__}; make it again")
    return record
