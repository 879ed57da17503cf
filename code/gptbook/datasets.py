"""The tables that the book learns from, the reader's own list, and an honest split."""

import ast
import importlib.util
import json
import os
import random
import warnings
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pandas as pd

from gptbook.reading import (
    brief_text,
    column_fault,
    nfc,
    table_fault,
    text_fault,
    tidy,
)

NEEDED_COLUMNS = {  # of the tables that the package reads
    "iris.csv": ("sepal_length", "sepal_width", "petal_length", "petal_width"),
    "cities.csv": ("name",),
    "teams.csv": ("club", "ground"),
    "gpus.csv": ("name", "full_name", "memory_gb", "bf16_tflops"),
}


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
            folders += [location / "data", location.parent.parent / "data"]
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


def read_text(path: Path | str) -> str:
    """The text of a file, with every line ended as "\\n", whoever wrote it.

    It comes as it is written, see `readers_text` for what a reader hands in.
    Raises ValueError, in one sentence, if it cannot be read or is not UTF-8.
    """
    if Path(path).is_fifo() or Path(path).is_char_device():
        raise ValueError(f"{path} is a pipe or a device: give a file instead")
    try:
        return Path(path).read_text(encoding="utf-8-sig")  # as `read_table` does
    except UnicodeDecodeError as error:
        problem = (
            f"is not text in UTF-8 (byte {error.start + 1}): save it again as UTF-8"
        )
    except OSError as error:
        problem = f"cannot be read ({error.strerror or error}): check the path"
    except ValueError:
        problem = "is no path: it has a zero byte"
    raise ValueError(f"{path} {problem}")


def readers_text(path: Path | str) -> str:
    """The text of a reader's file, in NFC.

    Raises ValueError, in one sentence, if it is packed, piped, empty or no text.
    """
    if fault := text_fault(path):
        raise ValueError(f"{path} {fault}")
    return nfc(read_text(path))


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


def read_json(path: Path | str) -> Any:
    """What a JSON file holds.

    Raises ValueError, in one sentence, if it is none, or has a name twice in one
    object, of which most readers would take the last, or a number that JSON lacks.
    """
    text = read_text(path)
    try:
        return json.loads(
            text, object_pairs_hook=once_each, parse_constant=refused_constant
        )
    except RecursionError:
        problem = "is nested too deeply"
    except ValueError as error:
        problem = f"is not JSON ({brief_text(str(error), 200)})"
    raise ValueError(f"{path} {problem}: get it again")


def once_each(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object of a JSON file. Raises ValueError for a name that comes twice."""
    content = dict(pairs)
    if len(content) < len(pairs):
        twice, _ = Counter(name for name, _ in pairs).most_common(1)[0]
        raise ValueError(f'"{brief_text(twice)}" is there twice')
    return content


def refused_constant(name: str) -> Any:
    """Raise ValueError for NaN or an infinity, which no JSON file holds."""
    raise ValueError(f"{name} is no number of JSON")


def docstrings(
    libraries: Iterable[str] = ("matplotlib", "numpy", "pandas"),
) -> list[str]:
    """The different docstrings of installed libraries, sorted: text without a network.

    The Python files are read, never run; those of the libraries' own tests are left
    out. The same versions give the same texts; the three named here hold some 6 MB.
    Raises ValueError for a library that is not installed.
    """
    found: set[str] = set()
    for library in libraries:
        for path in library_files(library):
            with warnings.catch_warnings(action="ignore"):  # of others' old escapes
                try:
                    tree = ast.parse(path.read_bytes())
                except SyntaxError:
                    continue  # written for another Python
            found.update(tree_docstrings(tree))
    return sorted(found - {""})


def library_files(library: str) -> list[Path]:
    """The Python files of an installed library, without its tests.

    Raises ValueError if there are none.
    """
    # a dotted name would have its first part imported, and so run
    spec = importlib.util.find_spec(library) if library.isidentifier() else None
    files: list[Path] = []
    for folder in (spec and spec.submodule_search_locations) or ():
        for path in sorted(Path(folder).rglob("*.py")):
            if not {"tests", "testing"} & set(path.relative_to(folder).parts):
                files.append(path)
    if not files:
        raise ValueError(f'there is no library "{library}" here: install it first')
    return files


def tree_docstrings(node: ast.AST) -> Iterator[str]:
    """What a parsed file says about itself, its classes and its functions."""
    kinds = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef
    if isinstance(node, kinds) and (text := ast.get_docstring(node)):
        yield text.strip()
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.stmt | ast.excepthandler):  # expressions hold none
            yield from tree_docstrings(child)
