"""How many modules a reader walks through from a command to its checkpoint, counted while it runs."""

import inspect
import sys
from collections.abc import Callable
from pathlib import Path
from types import FrameType

import pytest
from small import TINY

import gptbook
from gptbook.cli.parser import main
from gptbook.tasks.recipe_words import city_gpt

PACKAGE = Path(gptbook.__path__[0])


def entered(work: Callable[[], object]) -> dict[str, set[str]]:
    """The modules of the package that a call enters, and the functions there."""
    found: dict[str, set[str]] = {}

    def on_event(frame: FrameType, event: str, argument: object) -> None:
        path = Path(frame.f_code.co_filename)
        # What has no variables of its own is a module or the body of a class: run when it is imported.
        if event == "call" and PACKAGE in path.parents and frame.f_code.co_flags & inspect.CO_OPTIMIZED:
            module = ".".join(path.relative_to(PACKAGE).with_suffix("").parts)
            found.setdefault(module, set()).add(frame.f_code.co_qualname)

    sys.setprofile(on_event)
    try:
        work()
    finally:
        sys.setprofile(None)
    return found


def test_it_finds_what_is_entered() -> None:
    assert entered(lambda: city_gpt().num_steps) == {
        "tasks.recipe_words": {"city_gpt"},
        "training.recipe": {"Recipe.__post_init__"},
        "tasks.recipes": {"NamesRecipe.__post_init__", "check_share"},
    }
