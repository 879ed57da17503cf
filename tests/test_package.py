"""The package as a whole: what keeps its pieces small, findable, and fit to be copied into a notebook."""

import ast
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[1]
PACKAGE = REPOSITORY / "code" / "gptbook"
MODULES = sorted(path for path in PACKAGE.rglob("*.py") if path.name != "__init__.py")
# Each wing imports those that are named, and itself.
BELOW = {
    "files": "",
    "data": "files",
    "models": "files data",
    "machine": "files data models",
    "generation": "files data models",
    "exchange": "files data models",
    "training": "files data models machine",
    "tasks": "files data models machine generation exchange training",
    "experiments": "files data models machine generation exchange training tasks",
    "cli": "files data models machine generation exchange training tasks experiments",
}
ALONE = {"attention", "gpt", "modern", "rotary", "grouped", "mixture", "variants"}  # so that they can be read first


@cache
def trees() -> dict[str, ast.Module]:
    """The modules as syntax trees: read when a test asks, not by each process that collects tests."""
    return {path.stem: ast.parse(path.read_text(encoding="utf-8")) for path in MODULES}


def defined_names(tree: ast.Module) -> Iterator[str]:
    """The names that a module defines itself: functions, classes and constants."""
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef | ast.AsyncFunctionDef):
            yield node.name
        elif isinstance(node, ast.Assign):
            yield from (part.id for target in node.targets for part in ast.walk(target) if isinstance(part, ast.Name))
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            yield node.target.id


def test_every_module_has_a_name_of_its_own() -> None:
    """By it `trees` knows a module, and a reader, too."""
    assert sorted(trees()) == sorted(path.stem for path in MODULES)


def test_every_name_has_one_definition_in_the_package() -> None:
    homes = defaultdict(list)
    for module, tree in trees().items():
        for name in defined_names(tree):
            homes[name].append(module)
    assert {name: modules for name, modules in homes.items() if len(modules) > 1} == {}


def test_a_wing_imports_only_what_stands_below_it() -> None:
    assert {path.name for path in PACKAGE.iterdir() if (path / "__init__.py").is_file()} == set(BELOW)
    upward = []
    for path in MODULES:
        wing = path.parent.name
        for node in ast.walk(trees()[path.stem]):
            if wing in BELOW and isinstance(node, ast.ImportFrom) and str(node.module).startswith("gptbook."):
                _, other, *_ = str(node.module).split(".")
                if other not in (wing, *BELOW[wing].split()):
                    upward.append(f"{wing}/{path.name}:{node.lineno} imports {node.module}")
    assert upward == []


def test_the_models_to_be_read_first_import_pytorch_and_one_another_only() -> None:
    allowed = {"torch", *sys.stdlib_module_names}
    for module in ALONE:
        for node in ast.walk(trees()[module]):
            if isinstance(node, ast.Import):
                assert {alias.name.split(".")[0] for alias in node.names} <= allowed, module
            elif isinstance(node, ast.ImportFrom) and str(node.module).split(".")[0] not in allowed:
                assert str(node.module).removeprefix("gptbook.models.") in ALONE, module


def test_every_import_has_one_spelling() -> None:
    """A name that means two things in two modules would break the notebooks, which have one namespace."""
    meanings = defaultdict(set)
    own = {name for tree in trees().values() for name in defined_names(tree)}
    for tree in trees().values():
        for node in ast.walk(tree):
            if isinstance(node, ast.Import):
                for alias in node.names:
                    meanings[alias.asname or alias.name.split(".")[0]].add(alias.name)
            elif isinstance(node, ast.ImportFrom):
                assert node.level == 0, "imports inside the package are absolute"
                for alias in node.names:
                    meanings[alias.asname or alias.name].add(f"{node.module}.{alias.name}")
                    if str(node.module).startswith("gptbook"):
                        assert alias.asname is None, f"{alias.name} keeps its own name"
    submodules = {"importlib", "concurrent"}  # `import a.b` binds a, whichever b
    assert {n: m for n, m in meanings.items() if len(m) > 1 and n not in submodules} == {}
    outside = {n for n, m in meanings.items() if not any(source.startswith("gptbook.") for source in m)}
    assert outside & own == set()
    spellings = defaultdict(set)
    for name, sources in meanings.items():
        for source in sources:
            spellings[source].add(name)
    assert {s: n for s, n in spellings.items() if len(n) > 1} == {}


def test_the_package_is_never_reached_through_its_modules() -> None:
    """`loss.x` would not survive being copied into a notebook; `from gptbook.training.loss import x` does."""
    for module, tree in trees().items():
        imports = [alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names]
        assert not [name for name in imports if name.startswith("gptbook")], module
        assert "__file__" not in ast.dump(tree), module


def is_type(node: ast.expr | None) -> bool:
    """Whether an expression is a type, such as `A | B` or `NDArray[uint16]`: then its name is written like a class."""
    if isinstance(node, ast.BinOp):
        return isinstance(node.op, ast.BitOr) and is_type(node.left) and is_type(node.right)
    if isinstance(node, ast.Subscript):
        return is_type(node.value)
    return isinstance(node, ast.Name) and node.id[0].isupper() and not node.id.isupper()


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.stem)
def test_importing_a_module_does_no_work(path: Path) -> None:
    tree = trees()[path.stem]
    assert ast.get_docstring(tree), "a module says what it is for"
    body = [node for node in tree.body[1:] if not isinstance(node, ast.Import | ast.ImportFrom)]
    for node in body:
        if path.stem == "__main__" and isinstance(node, ast.If):
            continue  # the one module that is there to be run
        assert isinstance(node, ast.FunctionDef | ast.ClassDef | ast.Assign | ast.AnnAssign), ast.unparse(node)
        if isinstance(node, ast.Assign | ast.AnnAssign):
            for name in defined_names(ast.Module([node], [])):
                assert name.isupper() or is_type(node.value), f"{name} is a constant: write it in capitals"


def test_a_module_is_one_idea_of_at_most_300_lines() -> None:
    lengths = {path.name: len(path.read_text(encoding="utf-8").splitlines()) for path in MODULES}
    assert {name: length for name, length in lengths.items() if length > 300} == {}


def test_every_public_function_class_and_method_says_what_it_does() -> None:
    silent = []
    for module, tree in trees().items():
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_"):
                nested = any(
                    node is not outer and node in ast.walk(outer)
                    for outer in ast.walk(tree)
                    if isinstance(outer, ast.FunctionDef)
                )
                if not nested and not ast.get_docstring(node):
                    silent.append(f"{module}.{node.name}")
    assert silent == []


def test_every_function_is_typed() -> None:
    untyped = [
        f"{module}.{node.name}"
        for module, tree in trees().items()
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef)
        and (
            node.returns is None
            or any(a.annotation is None for a in node.args.args + node.args.kwonlyargs if a.arg not in ("self", "cls"))
        )
    ]
    assert untyped == []
    assert (PACKAGE / "py.typed").is_file()


def test_every_module_has_its_tests() -> None:
    """In the folder of its wing, so that who finds the one finds the other."""
    tests = REPOSITORY / "tests"
    tested = {path.relative_to(tests).as_posix().replace("test_", "") for path in tests.rglob("test_*.py")}
    assert {path.relative_to(PACKAGE).as_posix() for path in MODULES} - {"__main__.py"} <= tested


def test_code_is_still_the_standard_librarys() -> None:
    assert not (REPOSITORY / "code" / "__init__.py").exists()
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", "import code; code.InteractiveConsole; print(code.__file__)"],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert REPOSITORY not in Path(done.stdout.strip()).parents or ".venv" in done.stdout


def test_the_package_never_imports_the_builder_of_the_book() -> None:
    forbidden = {"bookbuild", "mkdocs", "nbformat", "nbclient", "jupytext", "IPython"}
    for module, tree in trees().items():
        for node in ast.walk(tree):
            names = (
                [alias.name for alias in node.names]
                if isinstance(node, ast.Import)
                else [str(node.module)]
                if isinstance(node, ast.ImportFrom)
                else []
            )
            assert not [name for name in names if name.split(".")[0] in forbidden], module


def test_the_package_is_installed_where_it_lies() -> None:
    spec = find_spec("gptbook")
    assert spec is not None
    assert spec.origin is not None
