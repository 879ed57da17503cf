"""What code depends on: the definitions, constants and tables that it can reach.

The package is read as syntax trees, not run, so that its state at any other time can be
asked as well. Every entry is named by its own name, which is unique in the package: it
may move to another module, and nothing has changed.
"""

import ast
import hashlib
import importlib
import importlib.util
import symtable
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from gptbook.datasets import data_file
from gptbook.meaning import fingerprint, guard_name, meaning

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


class SourceTree:
    """All definitions of a package, read from the text of its modules."""

    def __init__(self, sources: Mapping[str, str]) -> None:
        """The text of each module by its name, such as "attention"."""
        self.methods: dict[str, dict[str, str]] = {}  # by class: entry of each method
        self.bases: dict[str, list[ast.expr]] = {}  # by class
        self.imported: dict[str, dict[str, str]] = {}  # by entry: its module's imports
        self.modules: dict[str, frozenset[str]] = {}  # the names that each defines
        kept: dict[str, list[ast.stmt]] = {}  # by entry: what it does
        for module, text in sources.items():
            tree = ast.parse(text)
            brought, own = imports(tree), top_level(tree)
            self.modules[module.split(".")[-1]] = frozenset(own)
            for name, nodes in own.items():
                entries = {name: nodes}
                if isinstance(nodes[0], ast.ClassDef):
                    entries |= self.take_apart(nodes[0])
                for entry, statements in entries.items():
                    self.imported[entry] = brought
                    kept[entry] = [part for x in statements for part in meaning(x)]
        self.names = frozenset().union(*self.modules.values())
        guards: frozenset[str] = frozenset()
        while more := set(map(guard_name, kept.values())) - guards - {""}:
            guards |= more
            for entry, statements in kept.items():
                kept[entry] = [y for x in statements for y in meaning(x, guards=guards)]
        self.kept, self.known = kept, dict[str, Definition]()

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

    def definition(self, entry: str) -> Definition:
        """What an entry does, and what it names."""
        if entry in self.known:
            return self.known[entry]
        statements = self.kept[entry]
        names, mentions, texts = set(), set(), set()
        foreign = {}
        for name in global_names(statements):
            origin = self.imported[entry].get(name, "")
            if origin.split(".")[0] == PACKAGE:
                alias, name = name, origin.rpartition(".")[2]
                mentions.add(name)  # it may be a module
                if alias != name:
                    foreign[alias] = name
            elif origin:
                foreign[name] = origin
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
        self.known[entry] = Definition(
            fingerprint=fingerprint(statements, sorted(foreign.items())),
            names=self.names & names,
            mentions=frozenset(mentions),
            texts=frozenset(texts),
        )
        return self.known[entry]

    def closure(
        self,
        roots: Iterable[str],
        asked: Iterable[str] = (),
        beyond: frozenset[str] = frozenset(),
    ) -> frozenset[str]:
        """The entries that code which names the roots can reach, the roots included.

        A method counts if something of its name is asked for anywhere in reached code,
        of whatever object, or if Python or a library calls it. `beyond` is not entered.
        Raises ValueError for a root that is not there.
        """
        found: set[str] = set()
        mentions = set(asked)
        todo = list(roots)
        for root in todo:
            if root not in self.kept:
                raise ValueError(f"the package has no top-level {root}: check the name")
        while todo:
            while todo:
                entry = todo.pop()
                if entry in found or entry in beyond:
                    continue
                found.add(entry)
                definition = self.definition(entry)
                mentions |= definition.mentions
                todo += definition.names
            for module in (
                mentions & self.modules.keys()
            ):  # as in `copy.loss.count_loss`
                todo += mentions & self.modules[module]
            for owner in found & self.methods.keys():
                hooks = self.hooks(owner)
                for name, entry in self.methods[owner].items():
                    dunder = name.startswith("__") and name.endswith("__")
                    if dunder or name in mentions or name in hooks:
                        todo.append(entry)
            todo = [entry for entry in todo if entry not in found | beyond]
        return frozenset(found)

    def hooks(self, owner: str) -> frozenset[str]:
        """What libraries may call in a class: the names in all of its foreign bases."""
        found: frozenset[str] = frozenset()
        for base in self.bases[owner]:
            name = last_name(base)
            if name in self.bases:
                found |= self.hooks(name)
                continue
            try:
                found |= library_names(base, self.imported[owner])
            except (ImportError, AttributeError):  # not here: it might call anything
                found = found.union(*self.methods.values())
        return found

    def fingerprints(self, entries: Iterable[str]) -> dict[str, str]:
        """The fingerprint of each entry, and of each table that one of them names."""
        entries = sorted(entries)
        texts = {text for entry in entries for text in self.definition(entry).texts}
        return {
            **{
                table: table_fingerprint(table)
                for table in sorted(filter(is_table, texts))
            },
            **{entry: self.definition(entry).fingerprint for entry in entries},
        }


@cache
def source_tree() -> SourceTree:
    """The package as it lies here now."""
    return SourceTree(package_sources())


def package_sources() -> dict[str, str]:
    """The text of every module of the package, by its name."""
    spec = importlib.util.find_spec(PACKAGE)
    assert spec is not None
    return {
        ".".join(path.relative_to(folder).with_suffix("").parts): path.read_text(
            "utf-8"
        )
        for folder in map(Path, spec.submodule_search_locations or ())
        for path in sorted(folder.rglob("*.py"))
    }


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
    table = symtable.symtable(text, "definition", "exec")
    found = {
        symbol.get_name() for symbol in table.get_symbols() if symbol.is_referenced()
    }
    tables = list(table.get_children())
    while tables:
        table = tables.pop()
        found |= {
            symbol.get_name() for symbol in table.get_symbols() if symbol.is_global()
        }
        tables += table.get_children()
    return found


def asked_by_text(call: ast.Call) -> set[str]:
    """What `getattr(x, "name")` and its like ask for."""
    if last_name(call.func) not in ("getattr", "hasattr", "attrgetter", "methodcaller"):
        return set()
    texts = [x.value for x in call.args if isinstance(x, ast.Constant)]
    return {part for text in texts if isinstance(text, str) for part in text.split(".")}


def last_name(node: ast.expr) -> str:
    """The name of `a.b.name`, `name[...]` or `name`; "" for anything else."""
    if isinstance(node, ast.Subscript):
        return last_name(node.value)
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""


def library_names(base: ast.expr, imported: dict[str, str]) -> frozenset[str]:
    """What a base class from elsewhere has, so what its library may call."""
    base = base.value if isinstance(base, ast.Subscript) else base
    first, _, rest = ast.unparse(base).partition(".")
    path = [*imported.get(first, f"builtins.{first}").split("."), *rest.split(".")]
    found: Any = importlib.import_module(path[0])
    for name in filter(None, path[1:]):
        if not hasattr(found, name):
            importlib.import_module(f"{found.__name__}.{name}")
        found = getattr(found, name)
    return frozenset(dir(found))


def is_table(text: str) -> bool:
    """Whether a text is the file name of a table, such as "cities.csv"."""
    try:
        return text.endswith((".csv", ".json", ".txt")) and bool(data_file(text))
    except ValueError:
        return False


def table_fingerprint(name: str) -> str:
    """The first 16 hexadecimal digits of the sha256 of a table."""
    content = data_file(name).read_bytes().replace(b"\r\n", b"\n")
    return hashlib.sha256(content).hexdigest()[:16]
