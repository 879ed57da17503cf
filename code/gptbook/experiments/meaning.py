"""What a piece of code does, apart from how it is written: compared by a short hash.

Comments, docstrings, annotations and line breaks do nothing. Neither has what raises an
error a part in a result: whatever gave the result went past it.
"""

import ast
import hashlib
from typing import Any

# By these exceptions code tells code what to do next; they are no complaints.
SIGNALS = {
    "AttributeError",
    "GeneratorExit",
    "IndexError",
    "KeyboardInterrupt",
    "KeyError",
    "LookupError",
    "StopAsyncIteration",
    "StopIteration",
}
# A class-level annotation that decides what a dataclass does with the field.
FIELD_KINDS = frozenset({"ClassVar", "InitVar", "KW_ONLY"})
# Not a part of the meaning, or written differently by other versions of Python.
IDLE_FIELDS = frozenset({"ctx", "kind", "type_comment", "type_params", "returns"})


def meaning(
    node: ast.stmt, package: str = "gptbook", guards: frozenset[str] = frozenset()
) -> list[ast.stmt]:
    """A statement without what does nothing, as statements; none if nothing is left.

    Imports from the package are left out too: where a definition lies does nothing.
    Guards are functions that only raise errors; a call of one does nothing either.
    The statement itself is changed: a copy would take longer than all the rest.
    """
    kept = MeaningKeeper(package, guards).visit(node)
    statements = kept if isinstance(kept, list) else [kept] if kept else []
    for statement in statements:
        for inner in ast.walk(statement):
            if getattr(inner, "body", None) == []:
                inner.body = [ast.Pass()]  # type: ignore[attr-defined]
        ast.fix_missing_locations(statement)
    return statements


def guard_name(statements: list[ast.stmt]) -> str:
    """The name of a function of whose meaning nothing is left; "" for anything else."""
    match statements:
        case [ast.FunctionDef(name=name, body=[ast.Pass()], decorator_list=[])]:
            return name
    return ""


def written(node: Any) -> str:
    """A syntax tree as text that is the same in every version of Python."""
    if isinstance(node, list):
        return f"[{','.join(map(written, node))}]"
    if not isinstance(node, ast.AST):
        return repr(node)
    if isinstance(node, ast.Constant):
        return f"Constant({node.value!r})"
    if isinstance(node, ast.JoinedStr):  # its pieces are cut differently, too
        pieces: list[str] = []
        text = ""
        for value in node.values:
            if isinstance(value, ast.Constant):
                text += str(value.value)
            else:
                pieces += [repr(text), written(value)]
                text = ""
        return f"JoinedStr({','.join([*pieces, repr(text)])})"
    fields = [
        f"{name}={written(value)}"
        for name, value in sorted(ast.iter_fields(node))
        if name not in IDLE_FIELDS and value is not None and value != []
    ]
    return f"{type(node).__name__}({','.join(fields)})"


def fingerprint(*parts: Any) -> str:
    """16 hexadecimal digits of the sha256 of syntax trees, or other values."""
    return hashlib.sha256(written(list(parts)).encode()).hexdigest()[:16]


class MeaningKeeper(ast.NodeTransformer):
    """Takes out of a syntax tree all that has no part in a result."""

    def __init__(self, package: str, guards: frozenset[str]) -> None:
        """Imports from the package, and calls of guards, are taken out."""
        self.package, self.guards = package, guards
        self.fields: set[ast.AST] = set()

    def visit_FunctionDef(self, node: Any) -> ast.AST:
        """Without annotations and type parameters, and without an error at its end."""
        node.returns, node.type_params = None, []
        self.generic_visit(node)
        node.body = before_error(node.body)
        return node

    visit_AsyncFunctionDef = visit_FunctionDef  # noqa: N815

    def visit_arg(self, node: ast.arg) -> ast.arg:
        """A parameter is its name."""
        node.annotation = None
        return node

    def visit_ClassDef(self, node: Any) -> ast.AST:
        """The annotations of a dataclass say which fields it has, in which order."""
        node.type_params = []
        bases = " ".join(map(ast.unparse, node.bases))
        if node.decorator_list or "NamedTuple" in bases or "TypedDict" in bases:
            self.fields |= {x for x in node.body if isinstance(x, ast.AnnAssign)}
        return self.generic_visit(node)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AST | None:
        """An assignment; without a value it does nothing, unless it makes a field."""
        names = {x.id for x in ast.walk(node.annotation) if isinstance(x, ast.Name)}
        names |= {x.attr for x in ast.walk(node.annotation) if hasattr(x, "attr")}
        if node in self.fields:
            kinds: list[ast.expr] = [
                ast.Name(kind) for kind in sorted(names & FIELD_KINDS)
            ]
            node.annotation = ast.Tuple(kinds, ast.Load())
            return self.generic_visit(node)
        if node.value is None:
            return None
        return self.generic_visit(ast.Assign([node.target], node.value))

    def visit_Expr(self, node: ast.Expr) -> ast.AST | None:
        """A docstring, or "...", or a call of a guard does nothing."""
        called = node.value.func if isinstance(node.value, ast.Call) else None
        if isinstance(called, ast.Name) and called.id in self.guards:
            return None
        return (
            None if isinstance(node.value, ast.Constant) else self.generic_visit(node)
        )

    def visit_Pass(self, node: ast.Pass) -> None:
        """Nothing."""

    def visit_Assert(self, node: ast.Assert) -> None:
        """What gave a result went past it."""

    def visit_Import(self, node: ast.Import) -> ast.AST | None:
        """What the names mean is asked elsewhere; see `SourceTree`."""
        inside = all(x.name.split(".")[0] == self.package for x in node.names)
        return None if inside else node

    def visit_ImportFrom(self, node: ast.ImportFrom) -> ast.AST | None:
        """The same."""
        inside = node.level or str(node.module).split(".")[0] == self.package
        return None if inside else node

    def visit_Raise(self, node: ast.Raise) -> ast.AST:
        """An error without what it says; a signal by its name."""
        exception = node.exc.func if isinstance(node.exc, ast.Call) else node.exc
        name = exception.id if isinstance(exception, ast.Name) else ""
        return ast.Raise(ast.Name(name, ast.Load()) if name in SIGNALS else None, None)

    def visit_If(self, node: ast.If) -> ast.AST | None:
        """Without branches that end in an error; a guard is nothing else."""
        self.generic_visit(node)
        if is_error(node.orelse):
            node.orelse = []
        idle = is_error(node.body) or not node.body
        if idle and not node.orelse and not binds(node.test):
            return None
        return node

    def visit_Match(self, node: ast.Match) -> ast.AST | None:
        """Without cases that end in an error."""
        self.generic_visit(node)
        node.cases = [case for case in node.cases if not is_error(case.body)]
        return node if node.cases else None

    def visit_Try(self, node: Any) -> Any:
        """Without handlers that end in an error."""
        self.generic_visit(node)
        node.handlers = [x for x in node.handlers if not is_error(x.body)]
        if node.handlers or node.finalbody:
            return node
        return [*node.body, *node.orelse]

    visit_TryStar = visit_Try  # noqa: N815


def is_error(body: list[ast.stmt]) -> bool:
    """Whether a block ends in an error, and nowhere else."""
    if not body or not isinstance(body[-1], ast.Raise) or body[-1].exc is not None:
        return False
    return not any(map(leaves, body))


def leaves(node: ast.AST) -> bool:
    """Whether there is a way out of the node besides its end and an error."""
    ways = (ast.Return, ast.Break, ast.Continue, ast.Yield, ast.YieldFrom, ast.Await)
    return any(
        isinstance(inner, ways) or (isinstance(inner, ast.Raise) and inner.exc)
        for inner in ast.walk(node)
    )


def binds(test: ast.expr) -> bool:
    """Whether a condition gives a name to something that is used further down."""
    return any(isinstance(inner, ast.NamedExpr) for inner in ast.walk(test))


def before_error(body: list[ast.stmt]) -> list[ast.stmt]:
    """A function's body without an error at its end, and without what only leads there.

    That is mostly how the sentence of the error is put together.
    """
    if not body or not isinstance(body[-1], ast.Raise) or body[-1].exc is not None:
        return body
    kept = body[:-1]
    while kept and not leaves(kept[-1]):
        kept.pop()
    if kept and isinstance(kept[-1], ast.Try) and not kept[-1].finalbody:
        last = kept[-1]
        last.handlers = [x for x in last.handlers if leaves(x)]
        if not last.handlers:
            kept[-1:] = [*last.body, *last.orelse]
    return kept
