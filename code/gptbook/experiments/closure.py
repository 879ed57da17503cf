"""What code depends on: the definitions, constants and tables that it can reach.

The package is read as syntax trees, not run, so that its state at any other time can be
asked as well. Every entry is named by its own name, which is unique in the package: it
may move to another module, and nothing has changed.
"""

import ast
import copy
import hashlib
import importlib
import importlib.util
from collections.abc import Iterable, Mapping
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

from gptbook.data.tables import data_file
from gptbook.experiments.definitions import PACKAGE, Definition, Module, origin_of
from gptbook.experiments.meaning import guard_name, meaning


class SourceTree:
    """All definitions of a package, read from the text of its modules."""

    def __init__(self, sources: Mapping[str, str]) -> None:
        """The text of each module by its name, such as "attention"."""
        modules = {
            name.split(".")[-1]: read_module(text) for name, text in sources.items()
        }
        self.modules = {name: frozenset(module.own) for name, module in modules.items()}
        self.names = frozenset[str]().union(*self.modules.values())
        self.methods: dict[str, dict[str, str]] = {}
        self.bases: dict[str, list[ast.expr]] = {}
        self.imported: dict[str, dict[str, str]] = {}  # by class: its module's imports
        self.kept: dict[str, list[ast.stmt]] = {}
        self.definitions: dict[str, Definition] = {}
        for module in modules.values():
            self.methods |= module.methods
            self.bases |= module.bases
            self.imported |= dict.fromkeys(module.bases, module.imported)
            self.kept |= module.kept
            self.definitions |= module.definitions
        guards: frozenset[str] = frozenset()
        while more := set(map(guard_name, self.kept.values())) - guards - {""}:
            guards |= more
            for module in modules.values():
                for entry in module.kept:
                    if more & self.definitions[entry].names:
                        copied = copy.deepcopy(self.kept[entry])
                        kept = [y for x in copied for y in meaning(x, guards=guards)]
                        self.kept[entry] = kept
                        self.definitions[entry] = module.definition(kept)

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
                definition = self.definitions[entry]
                mentions |= definition.mentions
                todo += definition.names & self.names
            for module in mentions & self.modules.keys():  # `copy.loss.count_loss`
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
            origin = origin_of(base, self.imported[owner])
            home, _, name = origin.rpartition(".")
            if name in self.bases and home.split(".")[0] in ("", PACKAGE):
                found |= self.hooks(name)
                continue
            try:
                found |= names_in(origin if home else f"builtins.{name}")
            except (ImportError, AttributeError):  # not here: it might call anything
                found = found.union(*self.methods.values())
        return found

    def fingerprints(self, entries: Iterable[str]) -> dict[str, str]:
        """The fingerprint of each entry, and of each table that one of them names."""
        entries = sorted(entries)
        texts = {text for entry in entries for text in self.definitions[entry].texts}
        return {
            **{
                table: table_fingerprint(table)
                for table in sorted(filter(is_table, texts))
            },
            **{entry: self.definitions[entry].fingerprint for entry in entries},
        }


@lru_cache(maxsize=512)
def read_module(text: str) -> Module:
    """A module, read from its text."""
    return Module(text)


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


@cache
def names_in(path: str) -> frozenset[str]:
    """What a class like "torch.nn.Module" has, so what its library may call."""
    first, *names = path.split(".")
    found: Any = importlib.import_module(first)
    for name in names:
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
