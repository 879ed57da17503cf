"""Mistakes planted on purpose: a copy of the package in which some lines are wrong."""

import builtins
import importlib.util
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any


class PlantedPackage:
    """A copy of the package in memory, in which some pieces of source text differ.

    Its modules come as attributes by their own names, without the wing, as in
    `copy.attention.causal_attention`, and import one another, never the package itself:
    what is wrong in one is wrong for all. No file and no module that others use is
    touched.

    >>> half = PlantedPackage([("loss", "return F.cross", "return 0.5 * F.cross")])
    >>> half.loss.next_token_loss.__module__
    'gptbook.training.loss'
    """

    def __init__(self, changes: Sequence[Sequence[str]] = ()) -> None:
        """A change is a module by its own name, the right text in it, the wrong one.

        Raises ValueError for a right text that is not in its module exactly once.
        """
        self.sources: dict[str, str] = {}
        for module, right, wrong in changes:
            source = self.sources.get(module) or source_path(module).read_text("utf-8")
            if source.count(right) != 1:
                raise ValueError(
                    f"{module} has {source.count(right)} places that read "
                    f'"{right}": plant the mistake in a text that is there once'
                )
            self.sources[module] = source.replace(right, wrong)

    def __getattr__(self, name: str) -> ModuleType:
        """The copy's module of that name; it is run when it is first asked for."""
        if name.startswith("_"):
            raise AttributeError(name)
        path = source_path(name)
        source = self.sources.get(name) or path.read_text("utf-8")
        module = ModuleType(module_name(path))
        module.__dict__["__builtins__"] = {
            **vars(builtins),
            "__import__": self.import_module,
        }
        exec(compile(source, str(path), "exec"), module.__dict__)
        self.__dict__[name] = module  # next time it is found without this method
        return module

    def import_module(
        self,
        name: str,
        globals: Mapping[str, Any] | None = None,
        locals: Mapping[str, Any] | None = None,
        fromlist: Sequence[str] | None = (),
        level: int = 0,
    ) -> ModuleType:
        """What `import` does inside the copy: modules of the package are the copy's."""
        if name.startswith("gptbook."):
            copied: ModuleType = getattr(self, name.rpartition(".")[2])
            return copied
        return builtins.__import__(name, globals, locals, fromlist or (), level)


def source_path(module: str) -> Path:
    """The file of a module of the package by its own name, such as "attention".

    Raises ValueError if there is none.
    """
    for folder in package_folders():
        for path in folder.rglob(f"{module}.py"):
            return path
    raise ValueError(f"the package has no module {module}: check the name")


def module_name(path: Path) -> str:
    """What a file of the package is imported by, such as gptbook.models.attention."""
    (folder,) = (each for each in package_folders() if each in path.parents)
    return ".".join((folder.name, *path.relative_to(folder).with_suffix("").parts))


def package_folders() -> list[Path]:
    """Where the package lies."""
    found = importlib.util.find_spec("gptbook")
    assert found is not None
    return [Path(place) for place in found.submodule_search_locations or ()]
