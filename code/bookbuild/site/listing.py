"""What a page shows of a definition: the lines that do the work, no docstrings and checks, the first ones in front.

Whole lines are left out, so that comments and layout stay as they were written. Downloads and the package's own pages
have all of them.
"""

import ast
from collections.abc import Iterator
from dataclasses import dataclass

FUNCTIONS = ast.FunctionDef | ast.AsyncFunctionDef
LONGEST = 34
"""Lines that a page shows at once; of more it shows the first ones, and the others when asked."""
FRONT = range(14, 29)
"""How many lines then stand in front: up to the last place in this range where an outer statement begins."""


@dataclass(frozen=True)
class Listing:
    """The lines of a source that a page shows, by number from 0."""

    lines: list[int]
    is_unchecked: bool
    """Whether checks of what the reader passes in were left out."""


def essential(source: str) -> Listing:
    """The lines of a definition without its docstrings and guards."""
    text = source.splitlines()
    left_out: set[int] = set()
    is_unchecked = False
    for scope in ast.walk(ast.parse(source)):
        if not isinstance(scope, FUNCTIONS | ast.ClassDef):
            continue
        docstring = [scope.body[0]] if ast.get_docstring(scope) is not None else []
        guards = [] if isinstance(scope, ast.ClassDef) else list(_guards(scope.body, scope))
        gone: list[ast.stmt] = [*docstring, *guards]
        if all(statement in gone for statement in scope.body):
            # A method that does nothing but check goes as a whole; whatever else says nothing else stays.
            gone = [scope] if guards and scope.col_offset else []
        is_unchecked |= bool(guards and gone)
        for node in gone:
            left_out.update(_lines_of(node, text))
    return Listing(_tidied(text, left_out), is_unchecked)


def _guards(body: list[ast.stmt], function: ast.AST) -> Iterator[ast.stmt]:
    """The statements that only refuse, those that prepare nothing but a refusal, and the same within loops."""
    found: list[ast.stmt] = []
    for place in range(len(body) - 1, -1, -1):
        statement = body[place]
        if _refuses(statement) or (body[place + 1 : place + 2] == found[-1:] and _only_for(statement, found, function)):
            found.append(statement)
        elif isinstance(statement, ast.For | ast.While | ast.With):
            within = list(_guards(statement.body, function))
            if len(within) == len(statement.body):
                found.append(statement)
            else:
                yield from within
    yield from found


def _refuses(statement: ast.stmt) -> bool:
    """`if ...: raise ...`, or a call of `check_...`."""
    if isinstance(statement, ast.If):
        *before, last = statement.body
        refused = isinstance(last, ast.Raise) and all(isinstance(node, ast.Assign) for node in before)
        return refused and all(map(_refuses, statement.orelse))
    if isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Call):
        return ast.unparse(statement.value.func).rpartition(".")[2].lstrip("_").startswith("check_")
    return False


def _only_for(statement: ast.stmt, guards: list[ast.stmt], function: ast.AST) -> bool:
    """Whether a statement gives a name to something that only these guards look at."""
    if not guards or not isinstance(statement, ast.Assign):
        return False
    if not all(isinstance(target, ast.Name) for target in statement.targets):
        return False
    own = {id(node) for part in [statement, *guards] for node in ast.walk(part)}
    elsewhere = {node.id for node in ast.walk(function) if isinstance(node, ast.Name) and id(node) not in own}
    return elsewhere.isdisjoint(target.id for target in statement.targets if isinstance(target, ast.Name))


def _lines_of(node: ast.stmt, text: list[str]) -> range:
    """The lines of a statement, from 0, with its decorators and the comments right above it."""
    first = min([node.lineno, *(decorator.lineno for decorator in getattr(node, "decorator_list", []))]) - 1
    while first and text[first - 1].lstrip().startswith("#"):
        first -= 1
    return range(first, node.end_lineno or node.lineno)


def _tidied(text: list[str], left_out: set[int]) -> list[int]:
    """The lines that stay, without the blank ones around what is left out that now separate nothing."""
    kept: list[int] = []
    for number, line in enumerate(text):
        follows_a_gap = not kept or kept[-1] != number - 1
        needless = not kept or not text[kept[-1]].strip() or text[kept[-1]].rstrip().endswith(":")
        if number in left_out or (not line.strip() and follows_a_gap and needless):
            continue
        kept.append(number)
    while kept and not text[kept[-1]].strip():
        kept.pop()
    return kept


def num_imports(source: str) -> int:
    """How many lines of import statements, with the blank ones below them, stand before anything else."""
    body = ast.parse(source).body
    first = next((node for node in body if not isinstance(node, ast.Import | ast.ImportFrom)), None)
    return _lines_of(first, source.splitlines()).start if first else 0


def num_in_front(source: str, lines: list[int]) -> int:
    """How many of these lines of a source stand in front of the fold: all, if they are few."""
    if len(lines) <= LONGEST:
        return len(lines)
    text = source.splitlines()
    places = {line: place for place, line in enumerate(lines)}
    starts = [
        (-node.col_offset, places.get(_lines_of(node, text).start, -1))
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.stmt)
    ]
    return max((start for start in starts if start[1] in FRONT), default=(0, FRONT[-1]))[1]
