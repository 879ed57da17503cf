"""The docstrings of installed libraries, read and not run."""

import sys
from pathlib import Path

import pytest

from gptbook.data.docstrings import docstrings, library_files


@pytest.fixture
def library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A library that stops the session if anybody runs it."""
    (tmp_path / "tests" / "spoken" / "tests").mkdir(parents=True)
    monkeypatch.syspath_prepend(str(tmp_path / "tests"))  # in a folder of that name, which must not matter
    folder = tmp_path / "tests" / "spoken"
    (folder / "__init__.py").write_text('"""The whole."""\nraise SystemExit\n')
    return folder


def test_docstrings_are_read_and_not_run_each_once_and_in_order(library: Path) -> None:
    (library / "parts.py").write_text(
        "class A:\n"
        "    '''First line.\n\n    Second.\n        Indented.\n    '''\n"
        "    async def f(self):\n        'The whole.'\n"
        "try:\n    pass\nexcept OSError:\n    def g():\n        'Äußerst selten.'\n"
        "'no docstring'\n"
        "def h():\n    '  '\n    def inner():\n        'Inside. \\d '\n",
        encoding="utf-8",
    )
    (library / "tests" / "test_parts.py").write_text('"""A test."""')
    (library / "later.py").write_text('"""For another Python."""\nprint x\n')
    assert docstrings(["spoken"]) == [
        "First line.\n\nSecond.\n    Indented.",
        "Inside. \\d",
        "The whole.",
        "Äußerst selten.",
    ]
    assert "spoken" not in sys.modules


@pytest.mark.parametrize("name", ["no_such_library", "torch.nn", "sys", "", "../gptbook"])
def test_a_library_that_is_not_there_is_named(name: str) -> None:
    with pytest.raises(ValueError, match="install it first") as caught:
        docstrings([name])
    assert f'"{name}"' in str(caught.value)


def test_the_books_docstrings_are_some_megabytes_of_text(monkeypatch: pytest.MonkeyPatch) -> None:
    """Reckoned from every fourth file: to read them all takes ten seconds."""
    sizes = {"all": 0, "read": 0}

    def every_fourth(library: str) -> list[Path]:
        files = library_files(library)
        sizes["all"] += sum(path.stat().st_size for path in files)
        sizes["read"] += sum(path.stat().st_size for path in files[::4])
        return files[::4]

    monkeypatch.setattr("gptbook.data.docstrings.library_files", every_fourth)
    texts = docstrings()
    assert texts == sorted(set(texts))
    assert 5e6 < sum(len(text.encode()) for text in texts) * sizes["all"] / sizes["read"] < 7e6
    assert all(text == text.strip() != "" for text in texts)
