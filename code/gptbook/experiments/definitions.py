"""The text of a module taken apart: its definitions, and what each of them names."""

import ast
import symtable
from dataclasses import dataclass

from gptbook.experiments.meaning import fingerprint, meaning

PACKAGE = "gptbook"


@dataclass(frozen=True, kw_only=True)
class Definition:
    """A function, a method, a class without its methods, or a constant."""

    fingerprint: str
    """Of what it does, and of what its names from other libraries mean."""
    names: frozenset[str]
    """Definitions of the package that it names."""
    mentions: frozenset[str]
    """What it asks of objects, after a dot or as a text."""
    texts: frozenset[str]
    """Texts in it; one may be the file name of a table."""


class Module:
    """A module read from its text; the same text need not be read again."""

    def __init__(self, text: str) -> None:
        """Take its definitions apart, into entries."""
        tree = ast.parse(text)
        self.imported, self.own = imports(tree), top_level(tree)
        self.methods: dict[str, dict[str, str]] = {}  # by class: entry of each method
        self.bases: dict[str, list[ast.expr]] = {}  # by class
        self.kept: dict[str, list[ast.stmt]] = {}  # by entry: what it does
        for name, nodes in self.own.items():
            entries = {name: nodes}
            if isinstance(nodes[0], ast.ClassDef):
                entries |= self.take_apart(nodes[0])
            for entry, statements in entries.items():
                self.kept[entry] = [part for x in statements for part in meaning(x)]
        self.definitions = {
            entry: self.definition(statements)
            for entry, statements in self.kept.items()
        }

    def take_apart(self, node: ast.ClassDef) -> dict[str, list[ast.stmt]]:
        """A class without its methods, and each method, by the names of the entries."""
        kinds = ast.FunctionDef | ast.AsyncFunctionDef
        entries: dict[str, list[ast.stmt]] = {node.name: [node]}
        self.bases[node.name] = node.bases
        self.methods[node.name] = {}
        for part in node.body:
            if isinstance(part, kinds):  # a property and its setter share a name
                entry = f"{node.name}.{part.name}"
                entries.setdefault(entry, []).append(part)
                self.methods[node.name][part.name] = entry
        node.body = [part for part in node.body if not isinstance(part, kinds)]
        return entries

    def definition(self, statements: list[ast.stmt]) -> Definition:
        """What statements do, and what they name."""
        names, mentions, texts = set(), set(), set()
        foreign = {}
        for name in global_names(statements):
            origin = self.imported.get(name, "")
            if origin.split(".")[0] == PACKAGE:
                alias, name = name, origin.rpartition(".")[2]
                mentions.add(name)  # it may be a module
                if alias != name:
                    foreign[alias] = name
            elif origin:
                foreign[name] = origin
                continue
            names.add(name)
        for node in (inner for part in statements for inner in ast.walk(part)):
            if isinstance(node, ast.Attribute):
                mentions.add(node.attr)
            elif isinstance(node, ast.MatchClass):
                mentions |= set(node.kwd_attrs)
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                texts.add(node.value)
            elif isinstance(node, ast.Call):
                mentions |= asked_by_text(node)
        return Definition(
            fingerprint=fingerprint(statements, sorted(foreign.items())),
            names=frozenset(names),
            mentions=frozenset(mentions),
            texts=frozenset(texts),
        )


def top_level(tree: ast.Module) -> dict[str, list[ast.stmt]]:
    """What a module defines: by each name, the statements that give it its value."""
    found: dict[str, list[ast.stmt]] = {}
    for node in tree.body:
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                targets = [node.name]
            case ast.Assign() | ast.AnnAssign() | ast.AugAssign():
                places = node.targets if isinstance(node, ast.Assign) else [node.target]
                targets = [
                    inner.id
                    for place in places
                    for inner in ast.walk(place)
                    if isinstance(inner, ast.Name)
                ]
            case _:
                targets = []
        for name in targets:
            found.setdefault(name, []).append(node)
    return found


def imports(tree: ast.Module) -> dict[str, str]:
    """Each name that a module imports, anywhere in it, as "library.module.name"."""
    found = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                first = alias.name.split(".")[0]
                found[alias.asname or first] = alias.name if alias.asname else first
        elif isinstance(node, ast.ImportFrom):
            home = PACKAGE if node.level else node.module
            for alias in node.names:
                found[alias.asname or alias.name] = f"{home}.{alias.name}"
    return found


def global_names(statements: list[ast.stmt]) -> set[str]:
    """The names that statements take from their module, not from within themselves."""
    if not statements:
        return set()
    text = "\n".join(map(ast.unparse, statements))
    tables = [symtable.symtable(text, "definition", "exec")]
    found = set()
    for table in tables:
        kind = table.get_type()
        for symbol in table.get_symbols():
            outer = symbol.is_global() and kind != "module"
            # In a class, as in a module, `k = k` takes the outer one.
            if outer or (symbol.is_referenced() and kind in ("module", "class")):
                found.add(symbol.get_name())
        tables += table.get_children()
    return found


def asked_by_text(call: ast.Call) -> set[str]:
    """What `getattr(x, "name")` and its like ask for."""
    if last_name(call.func) not in ("getattr", "hasattr", "attrgetter", "methodcaller"):
        return set()
    texts = [x.value for x in call.args if isinstance(x, ast.Constant)]
    return {part for text in texts if isinstance(text, str) for part in text.split(".")}


def last_name(node: ast.expr) -> str:
    """The name at the end of `a.b.name`, or `name`; "" for anything else."""
    return node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", "")


def origin_of(base: ast.expr, imported: dict[str, str]) -> str:
    """Where a base class is from: "torch.nn.Module", or its name if it is not imported.

    >>> origin_of(ast.parse("nn.Module", mode="eval").body, {"nn": "torch.nn"})
    'torch.nn.Module'
    """
    base = base.value if isinstance(base, ast.Subscript) else base
    first, dot, rest = ast.unparse(base).partition(".")
    return imported.get(first, first) + dot + rest
