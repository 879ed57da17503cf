"""The tables that the book learns from, the reader's own list, and an honest split."""

import importlib.util
import io
import json
import os
import random
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pandas as pd

from gptbook.files.text_files import PACKED_ENDINGS, brief_text, nfc, text_fault

NEEDED_COLUMNS = {  # of the tables that the package reads
    "iris.csv": ("sepal_length", "sepal_width", "petal_length", "petal_width"),
    "cities.csv": ("name",),
    "teams.csv": ("club", "stadium"),
    "gpus.csv": ("name", "full_name", "memory_gb", "bf16_tflops"),
}

OTHER_SEPARATORS = {";": "semicolons", "\t": "tabs", "|": "bars"}
SHOWN_COLUMNS = 10


def data_folders() -> list[Path]:
    """The folders that may hold the tables, in the order in which they are searched.

    First the reader's own choice, `GPTBOOK_DATA`; then what was installed with the
    package, or stands in its repository. A notebook that runs without the package has
    only `./data`, beside itself.
    """
    folders = []
    if os.environ.get("GPTBOOK_DATA"):
        folders.append(Path(os.environ["GPTBOOK_DATA"]))
    package = importlib.util.find_spec("gptbook")
    if package and package.submodule_search_locations:
        for location in map(Path, package.submodule_search_locations):
            folders += [location / "tables", location.parent.parent / "data"]
    return [*folders, Path("data")]


def data_file(name: str) -> Path:
    """The path of a table, such as `iris.csv`, `cities.csv` or `runs/windows.json`.

    Raises ValueError, which lists the folders, if none of them holds it.
    """
    for folder in data_folders():
        if (folder / name).is_file():
            return folder / name
    searched = ", ".join(map(str, data_folders()))
    raise ValueError(
        f'there is no data file "{name}" in {searched}: '
        "put it there, or set GPTBOOK_DATA to the folder that holds it"
    )


def read_table(path: Path | str) -> pd.DataFrame:
    """A CSV file as a table of text; no text means "missing": Nan is a Thai town.

    Raises ValueError, in one sentence, if the file cannot be read as a table.
    """
    try:
        # utf-8-sig is UTF-8, with or without the mark that spreadsheets put in front
        return pd.read_csv(path, dtype=str, keep_default_na=False, encoding="utf-8-sig")
    except pd.errors.EmptyDataError:
        problem = "is empty: give it a first line that names its columns"
    except UnicodeDecodeError:
        problem = 'is not text in UTF-8: save it again as "CSV UTF-8"'
    except pd.errors.ParserError as error:
        reason = str(error).strip().removeprefix("Error tokenizing data. C error: ")
        problem = f"is not a table ({reason}): put cells that hold commas in quotes"
    except OSError as error:
        problem = f"cannot be read ({error.strerror or error}): check the path"
    raise ValueError(f"{path} {problem}")


def iris() -> pd.DataFrame:
    """The 150 Iris flowers: four lengths in cm, and the species.

    Columns: sepal_length, sepal_width, petal_length, petal_width (cm), species.
    Source: Fisher 1936, as scikit-learn carries it; see `data/build_iris.py`.
    """
    return pd.read_csv(data_file("iris.csv"))


def city_names() -> list[str]:
    """All different city names, in the letters a-z, sorted.

    Source: GeoNames (CC BY 4.0); see `data/build_cities.py`.
    """
    return sorted(set(read_table(data_file("cities.csv"))["name"]))


def read_names(path: Path | str, column: str) -> list[str]:
    """The different names in a column of a CSV file, in its order, without empty cells.

    Spelling is kept, but for spaces at the ends, runs of spaces, and how accents are
    written: names come in NFC, see `nfc`.
    Raises ValueError, in one sentence, if there is no such file, column or name.
    """
    if fault := column_fault(path, column):
        raise ValueError(f"{path} {fault}")
    table = read_table(path).rename(columns=tidy)  # `column_fault` has checked it whole
    cells = table[tidy(column)].fillna("")  # a line that ends early has no cell here
    names = dict.fromkeys(map(tidy, cells))
    names.pop("", None)
    if not names:
        raise ValueError(f'column "{column}" of {path} has no names: fill its cells')
    return list(names)


def split_names(
    names: Iterable[str], held_out: float = 0.1, seed: int = 0
) -> tuple[list[str], list[str]]:
    """Two sorted lists that share no name: one to train on, one held out for the test.

    held_out is a share of the *different* names: a name that occurs twice must not be
    on both sides. Each side gets one name at least.
    Raises ValueError for fewer than two names, or a share that is not between 0 and 1.
    """
    if not 0 < held_out < 1:
        raise ValueError(
            f"held_out is {held_out}: give a share between 0 and 1, such as 0.1"
        )
    different = sorted(set(names))
    if len(different) < 2:
        raise ValueError(
            f"there are {len(different)} different names: "
            "give at least two, one to train on and one to test on"
        )
    num_held_out = round(held_out * len(different))
    num_held_out = min(max(num_held_out, 1), len(different) - 1)
    draw = random.Random(seed)  # of random(), Python promises that it never changes
    shuffled = sorted(different, key=lambda _: draw.random())
    return sorted(shuffled[num_held_out:]), sorted(shuffled[:num_held_out])


def read_record(name: str) -> dict[str, Any]:
    """A recorded experiment, `runs/<name>.json`.

    Raises ValueError, in one sentence, if it is absent or not a JSON object.
    """
    path = data_file(f"runs/{name}.json")
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"{path} is not JSON ({error}): make it again") from None
    if not isinstance(record, dict):
        raise ValueError(f"{path} is not a record but a list: make it again")
    return record


def readers_table(path: Path | str) -> pd.DataFrame:
    """A reader's CSV file as a table of text, as `read_table`.

    Raises ValueError, in one sentence, also where pandas would take a table for
    another one: a line with more cells than the first, a quote that is never closed.
    """
    if fault := table_fault(path):
        raise ValueError(f"{path} {fault}")
    return read_table(path)


def check_own_tables() -> None:
    """Raise ValueError if GPTBOOK_DATA is no folder, or a table in it lacks a column.

    The command line asks before it begins: an own table may stand for the book's.
    """
    own = os.environ.get("GPTBOOK_DATA")
    if not own:
        return
    if not Path(own).is_dir():
        raise ValueError(
            f"GPTBOOK_DATA is {own}, which is no folder: set it to the one with your "
            "tables, or unset it"
        )
    for name, columns in NEEDED_COLUMNS.items():
        path = Path(own) / name
        if path.is_file() and (fault := column_fault(path, *columns)):
            raise ValueError(f"{path} {fault}")


def table_fault(path: Path | str) -> str:
    """What pandas would take for something else in a CSV file, or not read at all.

    Its first line names the columns, so no line may have more cells: pandas would take
    the first cells for names of rows, and every other cell for its neighbour.
    """
    if fault := text_fault(path):
        return fault
    if str(path).lower().endswith(PACKED_ENDINGS):
        return 'is called like a packed file: give it a name that ends in ".csv"'
    text = Path(path).read_bytes().decode("utf-8-sig")
    if re.search("\r\r+,", text):  # there pandas drops the first, empty cell
        return (
            "ends its lines as Macs once did, and one that begins with a comma comes "
            'after an empty one: save it again as "CSV UTF-8"'
        )
    try:
        table = pd.read_csv(
            io.StringIO(text), header=None, dtype=str, keep_default_na=False
        )
    except pd.errors.EmptyDataError:
        return "is empty: give it a first line that names its columns"
    except pd.errors.ParserError as error:
        reason = str(error).strip().removeprefix("Error tokenizing data. C error: ")
        if "EOF inside string" in reason:
            line = int(reason.rsplit(maxsplit=1)[-1]) + 1
            return f"is not a table (line {line} opens a quote): close the quote"
        advice = other_separator(text) or "put cells that hold commas in quotes"
        return f"is not a table ({reason}): {advice}"
    if '"' not in text:
        return ""
    cells = table.fillna("")
    broken = cells.apply(lambda column: column.str.contains(r"[\r\n]"))
    quoted = cells.apply(lambda column: column.str.contains('"', regex=False))
    suspect = broken.any(axis=1) & quoted.any(axis=1)
    if suspect.any():
        cell = cells[suspect].iloc[0][broken[suspect].iloc[0]].iloc[0]
        return (
            "is not a table (a cell goes over lines and holds a quote, "
            f"{brief_text(cell)!r}): close each quote, and double one inside a cell"
        )
    return ""


def other_separator(text: str) -> str:
    """What to do about a table whose first line is parted by another sign than commas.

    "" if it is not.
    """
    header = text.lstrip().splitlines()[0] if text.strip() else ""
    for sign, name in OTHER_SEPARATORS.items():
        if sign in header and "," not in header:
            return f"its cells are parted by {name}: save it with commas"
    return ""


def tidy(text: str) -> str:
    """A cell without spaces at its ends or runs of them, in one spelling."""
    return nfc(" ".join(text.split()))


def column_fault(path: Path | str, *columns: str) -> str:
    """What keeps a table from having these columns, once each; "" if it has them.

    Spaces around a name, and how its accents are written, do not count.
    """
    if fault := table_fault(path):
        return fault
    text = Path(path).read_bytes().decode("utf-8-sig")
    first = pd.read_csv(
        io.StringIO(text), header=None, dtype=str, keep_default_na=False, nrows=1
    )
    there = [tidy(cell) for cell in first.iloc[0]]
    for column in columns:
        if there.count(tidy(column)) > 1:
            return f'has the column "{column}" twice: give each a name of its own'
        if tidy(column) not in there or not tidy(column):
            shown = ", ".join(f'"{brief_text(n)}"' for n in there[:SHOWN_COLUMNS])
            more = ", ..." if len(there) > SHOWN_COLUMNS else ""
            advice = other_separator(text) or (
                f"choose one of {shown}{more}, or name the columns in its first line"
            )
            return f'has no column "{brief_text(column)}": {advice}'
    return ""
