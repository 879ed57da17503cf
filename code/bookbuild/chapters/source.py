"""From `from gptbook.x import y` to the source text of y and of all it needs.

The package owns the code; a chapter only names it. Here a chapter becomes one flat list of cells that runs without the
package, so that a reader who edits a definition changes what every later cell does. The price: in `gptbook` every
top-level name is defined once, and a module has one alias everywhere (tests/test_package.py holds both).
"""

import ast
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from bookbuild.chapters.chapter import BuildError, Cell, Chapter

PACKAGE = "gptbook"


@dataclass(frozen=True, kw_only=True)
class Origin:
    """Where a piece of shown source stands in the package."""

    module: str
    name: str
    first_line: int
    last_line: int


@dataclass(frozen=True, kw_only=True)
class FlatCell:
    """A cell of the flattened chapter: what is executed, shown and downloaded."""

    cell: Cell
    """The cell of the chapter it comes from."""
    source: str
    origin: Origin | None = None
    folded: bool = False


@dataclass(frozen=True)
class Definition:
    node: ast.stmt
    source: str
    origin: Origin


@dataclass(frozen=True)
class Module:
    definitions: dict[str, Definition]
    imports: dict[str, str]
    """Name in the module's namespace -> the import statement that brings it."""
    package_imports: dict[str, str]
    """Name -> the gptbook module that defines it."""


@cache
def read_module(name: str) -> Module:
    """Parse a module of the package without importing it."""
    spec = find_spec(name)
    if spec is None or spec.origin is None:
        raise BuildError(f"there is no module {name}")
    text = Path(spec.origin).read_text(encoding="utf-8")
    lines = text.splitlines()
    module = Module({}, {}, {})
    body = ast.parse(text).body
    for position, node in enumerate(body):
        if isinstance(node, ast.Import | ast.ImportFrom):
            _read_import(node, module)
            continue
        for target in _defined_names(node):
            first, last = _extent(body, position, lines)
            source = "\n".join(lines[first - 1 : last])
            origin = Origin(module=name, name=target, first_line=first, last_line=last)
            module.definitions[target] = Definition(node, source, origin)
    return module


def flatten(chapter: Chapter) -> list[FlatCell]:
    """The chapter's cells, with every import from the package replaced by source text."""
    known: set[str] = set()
    imported: set[str] = set()
    flat: list[FlatCell] = []
    for cell in chapter.cells:
        if cell.kind == "markdown":
            flat.append(FlatCell(cell=cell, source=cell.source))
            continue
        flat.extend(_flatten_code(cell, chapter, known, imported))
    _check_names(flat, chapter)
    return flat


def _check_names(flat: list[FlatCell], chapter: Chapter) -> None:
    """Raise BuildError where a chapter gives a value to a name that source from the package needs for something else.

    In the package the two live in modules of their own; in the flattened chapter they are one.
    """
    taken: set[str] = set()
    for cell in flat:
        if cell.origin:
            module = read_module(cell.origin.module)
            used = _names_used(module.definitions[cell.origin.name].node)
            taken |= {cell.origin.name, *(name for name in used if name in module.imports)}
    for cell in flat:
        if cell.cell.kind == "code" and not cell.origin:
            for name, line in _assigned(ast.parse(cell.source)).items():
                if name in taken:
                    where = chapter.at(cell.cell.line + line - 1)
                    raise BuildError(f"{where}: {name} is a name in the package's source here: choose another one")


def _assigned(node: ast.AST) -> dict[str, int]:
    """The names that code at the top level gives a value to, with the line: not those inside functions and classes."""
    found: dict[str, int] = {}
    for inner in ast.iter_child_nodes(node):
        if isinstance(inner, ast.Name) and isinstance(inner.ctx, ast.Store):
            found.setdefault(inner.id, inner.lineno)
        scopes = (
            ast.FunctionDef | ast.ClassDef | ast.Lambda | ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp
        )
        if not isinstance(inner, scopes):
            found = _assigned(inner) | found
    return found


def _flatten_code(cell: Cell, chapter: Chapter, known: set[str], imported: set[str]) -> list[FlatCell]:
    try:
        body = ast.parse(cell.source).body
    except SyntaxError as error:
        line = cell.line + (error.lineno or 1) - 1
        raise BuildError(f"{chapter.at(line)}: SyntaxError: {error.msg}") from None
    imports = [node for node in body if isinstance(node, ast.ImportFrom) and _is_package(node.module)]
    rest = _without(cell.source, imports)
    written = [line for node in body if node not in imports for line in _import_statements(node)]
    if cell.has("show") and rest.strip():
        raise BuildError(f"{chapter.at(cell.line)}: a cell tagged `show` holds only `from gptbook... import ...` lines")
    wanted: list[Definition] = []
    asked: set[str] = set()
    for node in imports:
        for alias in node.names:
            if alias.asname or alias.name == "*":
                where = chapter.at(cell.line + node.lineno - 1)
                raise BuildError(f"{where}: import {alias.name} from {node.module} under its own name")
            asked.add(alias.name)
            _collect(str(node.module), alias.name, known, wanted, chapter.at(cell.line + node.lineno - 1))
    late = asked - {definition.origin.name for definition in wanted}
    if cell.has("show") and late:
        raise BuildError(
            f"{chapter.at(cell.line)}: {', '.join(sorted(late))} came with an import further up, so there is nothing "
            "left to show here: import later what needs it"
        )
    flat: list[FlatCell] = []
    for definition in wanted:
        header = _new_imports(definition, imported)
        shown = cell.has("show") and definition.origin.name in asked
        flat.append(
            FlatCell(
                cell=cell,
                source=f"{header}\n\n\n{definition.source}" if header else definition.source,
                origin=definition.origin,
                folded=not shown,
            )
        )
    if rest.strip():
        flat.append(FlatCell(cell=cell, source=rest.strip("\n"), folded=cell.has("fold")))
        imported.update(written)
    return flat


def _collect(module_name: str, name: str, known: set[str], wanted: list[Definition], where: str) -> None:
    """Append the definition of `name` after those it uses; each name once for the whole chapter."""
    if name in known:
        return
    module = read_module(module_name)
    if name in module.package_imports:
        _collect(module.package_imports[name], name, known, wanted, where)
        return
    if name not in module.definitions:
        raise BuildError(f"{where}: {module_name} has no top-level {name}")
    known.add(name)
    definition = module.definitions[name]
    for used in _names_used(definition.node):
        if used in module.package_imports:
            _collect(module.package_imports[used], used, known, wanted, where)
        elif used in module.definitions:
            _collect(module_name, used, known, wanted, where)
    wanted.append(definition)


def _new_imports(definition: Definition, imported: set[str]) -> str:
    """The import statements that this definition needs and that no earlier cell has made, standard library first."""
    module = read_module(definition.origin.module)
    needed = {module.imports[name] for name in _names_used(definition.node) if name in module.imports}
    new = sorted(needed - imported, key=lambda line: (line.startswith("from"), line.lower()))
    imported.update(new)
    return "\n".join(new)


def _names_used(node: ast.AST) -> list[str]:
    """Names that occur in a definition as code, in order of first use: what stands in a string does not count."""
    names: dict[str, None] = {}
    for inner in ast.walk(node):
        if isinstance(inner, ast.Name):
            names[inner.id] = None
        elif isinstance(inner, ast.ImportFrom) and _is_package(inner.module):
            raise BuildError(f"{inner.module} is imported inside a definition; import it at the top of its module")
    return list(names)


def _read_import(node: ast.Import | ast.ImportFrom, module: Module) -> None:
    if isinstance(node, ast.ImportFrom) and _is_package(node.module):
        module.package_imports.update({alias.name: str(node.module) for alias in node.names})
        return
    for alias, statement in zip(node.names, _import_statements(node)):
        module.imports[alias.asname or alias.name.split(".")[0]] = statement


def _import_statements(node: ast.stmt) -> list[str]:
    """An import, one statement a name, so that two cells that need one of its names need the same line."""
    if isinstance(node, ast.Import | ast.ImportFrom):
        names = [f"{alias.name} as {alias.asname}" if alias.asname else alias.name for alias in node.names]
        before = f"from {node.module} import" if isinstance(node, ast.ImportFrom) else "import"
        return [f"{before} {name}" for name in names]
    return []


def _defined_names(node: ast.stmt) -> list[str]:
    if isinstance(node, ast.FunctionDef | ast.ClassDef):
        return [node.name]
    if isinstance(node, ast.Assign):
        return [target.id for target in node.targets if isinstance(target, ast.Name)]
    if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
        return [node.target.id]
    return []


def _extent(body: list[ast.stmt], position: int, lines: list[str]) -> tuple[int, int]:
    """First and last line of a definition, with its decorators, the comment above it, and a constant's docstring."""
    node = body[position]
    decorators = getattr(node, "decorator_list", [])
    first = min([node.lineno, *(decorator.lineno for decorator in decorators)])
    while first > 1 and lines[first - 2].startswith("#"):
        first -= 1
    last = node.end_lineno or node.lineno
    after = body[position + 1] if position + 1 < len(body) else None
    if isinstance(node, ast.Assign | ast.AnnAssign) and isinstance(after, ast.Expr):
        last = after.end_lineno or last
    return first, last


def _without(source: str, nodes: list[ast.ImportFrom]) -> str:
    gone = {line for node in nodes for line in range(node.lineno, (node.end_lineno or node.lineno) + 1)}
    return "\n".join(text for number, text in enumerate(source.splitlines(), 1) if number not in gone)


def _is_package(module: str | None) -> bool:
    return module is not None and module.split(".")[0] == PACKAGE
