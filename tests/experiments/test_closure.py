"""What code depends on: what a closure holds, what it leaves out, and what makes an entry another."""

from pathlib import Path
from textwrap import dedent

import pytest

from gptbook.data.tables import data_file
from gptbook.experiments.closure import SourceTree, package_sources, source_tree, table_fingerprint

ROOT = {
    "root": """
        import torch.nn.functional as F
        from torch import nn
        from gptbook import far
        from gptbook.near import Base, aliased as other, decorator, RATE

        SIZES = {"small": SMALL_SIZE}
        SMALL_SIZE, LARGE_SIZE = 1, 2
        UNUSED = 3

        class Experiment(Base):
            limit = LIMIT

            def parts(self):
                def inner():
                    return [nested(x) for x in SIZES]
                return far.through_module(inner), self.size, getattr(self, "by_text")

            @property
            def size(self):
                return F.relu(1)

            def by_text(self): return TEXT_CONSTANT
            def never_asked(self): return UNUSED

            def __len__(self):
                from gptbook.near import imported_inside
                return imported_inside()

        class Net(nn.Module):
            def forward(self, x): return hook_reached(x)
            def extra(self): return UNUSED

        @decorator(RATE)
        def nested(x, default=DEFAULT):
            UNUSED = 4
            return other(UNUSED), Net()(x), lambda far_away=5: far_away

        def hook_reached(x: "UNUSED") -> "UNUSED":
            return x if x else copy.small_run.planted(x)

        LIMIT = DEFAULT = TEXT_CONSTANT = 0
    """,
    "near": """
        RATE = 1
        class Base:
            def size(self): return "table.csv"
            def unknown(self): return None
        def aliased(x): return x
        def decorator(rate): return lambda f: f
        def imported_inside(): return 0
        class Module: pass  # has its name from nn.Module
    """,
    "far": """
        def through_module(f): return f
        def far_away(): return 1
    """,
    "small_run": """
        def planted(x): return x
        def not_planted(x): return x
    """,
}


def tree_of(**changes: str) -> SourceTree:
    return SourceTree({name: dedent(text) for name, text in {**ROOT, **changes}.items()})


def reached(**changes: str) -> frozenset[str]:
    return tree_of(**changes).closure(["Experiment"], asked=["parts"])


def test_a_closure_holds_what_can_be_reached_and_nothing_else() -> None:
    assert reached() == {
        *("Experiment", "Experiment.parts", "Experiment.size", "Experiment.by_text", "Experiment.__len__"),
        *("Base", "Base.size", "Net", "Net.forward", "SIZES", "SMALL_SIZE", "LIMIT", "DEFAULT", "TEXT_CONSTANT"),
        *("nested", "aliased", "decorator", "RATE", "hook_reached", "through_module", "imported_inside", "planted"),
    }


def test_what_is_beyond_is_not_entered() -> None:
    tree = tree_of()
    assert "nested" not in tree.closure(["Experiment"], asked=["parts"], beyond=frozenset({"nested"}))
    less = tree.closure(["Experiment"], asked=["parts"], beyond=frozenset({"Experiment.parts"}))
    assert not less & {"nested", "SIZES", "Experiment.size"}


def test_of_a_class_whose_base_is_not_installed_every_method_may_be_called() -> None:
    other = ROOT["root"].replace("from torch import nn", "from not_installed import nn")
    assert reached(root=other) == reached() | {"Net.extra", "UNUSED"}


def test_a_root_that_is_not_there_is_refused() -> None:
    with pytest.raises(ValueError, match="gone"):
        tree_of().closure(["gone"])


def fingerprints(**changes: str) -> dict[str, str]:
    tree = tree_of(**changes)
    return tree.fingerprints(tree.closure(["Experiment"], asked=["parts"]))


@pytest.mark.parametrize(
    ("module", "right", "other", "changed"),
    [
        ("near", "RATE = 1", "RATE = 2", {"RATE"}),
        ("near", "def aliased(x): return x", "def aliased(x): return -x", {"aliased"}),
        ("near", 'return "table.csv"', "return None", {"Base.size"}),
        ("near", "class Base:", "class Base(dict):", {"Base"}),
        ("root", "default=DEFAULT", "default=-DEFAULT", {"nested"}),
        ("root", "SMALL_SIZE, LARGE_SIZE = 1, 2", "SMALL_SIZE, LARGE_SIZE = 2, 1", {"SMALL_SIZE"}),
        ("root", "limit = LIMIT", "limit = LIMIT + 1", {"Experiment"}),
        ("root", "@property", "@cached_property", {"Experiment.size"}),
        ("root", "import torch.nn.functional as F", "import torch.special as F", {"Experiment.size"}),
        ("root", "from torch import nn", "from torch.nn import modules as nn", {"Net"}),
        ("root", "aliased as other", "imported_inside as other", {"nested", "aliased"}),
    ],
)
def test_a_change_is_named_by_the_definition_that_it_is_in(
    module: str, right: str, other: str, changed: set[str]
) -> None:
    assert right in ROOT[module]
    was, now = fingerprints(), fingerprints(**{module: ROOT[module].replace(right, other)})
    assert {name for name in {**was, **now} if was.get(name) != now.get(name)} == changed


@pytest.mark.parametrize(
    ("module", "right", "other"),
    [
        ("root", "UNUSED = 3", "UNUSED = 5"),
        ("root", "def never_asked(self): return UNUSED", "def never_asked(self): return None"),
        ("near", "def unknown(self): return None", "def unknown(self): return 1"),
        ("far", "def far_away(): return 1", "def far_away(): return 2"),
        ("small_run", "def not_planted(x): return x", "def not_planted(x): return 2"),
        ("root", "import torch.nn.functional as F", "import torch.nn.functional as F, math"),
    ],
)
def test_what_is_not_reached_changes_nothing(module: str, right: str, other: str) -> None:
    assert right in ROOT[module]
    assert fingerprints(**{module: ROOT[module].replace(right, other)}) == fingerprints()


def test_a_definition_may_move_and_its_module_may_have_another_name() -> None:
    text = {name: dedent(source) for name, source in ROOT.items()}
    moved = {
        "rooms.root": text["root"].replace("gptbook.near import Base", "gptbook.rooms.next import Base")
        .replace("from gptbook.near import imported", "from gptbook.rooms.last import imported"),
        "rooms.next": text["near"].replace("def imported_inside(): return 0\n", ""),
        "rooms.last": "'''New.'''\ndef imported_inside() -> int:\n    '''Zero.'''\n    return 0\n",
        "far": text["far"],
        "small_run": text["small_run"],
    }  # fmt: skip
    tree = SourceTree(moved)
    assert tree.fingerprints(tree.closure(["Experiment"], asked=["parts"])) == fingerprints()


def test_the_package_as_it_lies_here_is_read_whole() -> None:
    sources = package_sources()
    assert {"experiments.closure", "cli.parser", "training.engine", "__main__"} <= sources.keys()
    tree = source_tree()
    assert {"SourceTree", "SourceTree.closure", "Run.training_step", "ORTHOGONALIZING"} <= tree.kept.keys()
    every = tree.closure(tree.names)
    assert len(tree.fingerprints(every)) >= len(every)


def test_a_tables_fingerprint_follows_its_content(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    was = table_fingerprint("teams.csv")
    copy = tmp_path / "teams.csv"
    content = data_file("teams.csv").read_bytes()
    monkeypatch.setenv("GPTBOOK_DATA", str(tmp_path))
    copy.write_bytes(content.replace(b"\n", b"\r\n"))
    assert table_fingerprint("teams.csv") == was, "Git may end lines as Windows does"
    copy.write_bytes(content.replace(b"Anfield", b"Anfielt"))
    assert table_fingerprint("teams.csv") != was
