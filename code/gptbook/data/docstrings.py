"""What the installed libraries say about themselves: text that needs no network."""

import ast
import importlib.util
import warnings
from collections.abc import Iterable, Iterator
from pathlib import Path

LIBRARIES = ("matplotlib", "numpy", "pandas")  # whose docstrings are read


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
