"""How many modules a reader walks through from a command to its checkpoint, counted while it runs."""

import importlib
import inspect
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import FrameType

import pytest
from small import NAMES, TEXT, TINY

import gptbook
from gptbook.cli.parser import main
from gptbook.tasks.recipe_words import city_gpt

PACKAGE = Path(gptbook.__path__[0])


def entered(work: Callable[[], object]) -> dict[str, set[str]]:
    """The modules of the package that a call enters, and the functions there."""
    found: dict[str, set[str]] = {}

    def on_event(frame: FrameType, event: str, argument: object) -> None:
        code = frame.f_code
        # What has no variables of its own is a module or the body of a class: run when it is imported.
        if event == "call" and code.co_filename.startswith(str(PACKAGE)) and code.co_flags & inspect.CO_OPTIMIZED:
            module = ".".join(Path(code.co_filename).relative_to(PACKAGE).with_suffix("").parts)
            found.setdefault(module, set()).add(code.co_qualname)

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


MOST = {"laptop": 60, "city-gpt": 50}
"""A ratchet, not a goal: who adds a module to the walk takes another out, or says here why the walk is longer.

It was 48 and 42. Now any run may go on from another model (cli.from_model, tasks.continued), be of other sizes
(cli.size_options, cli.options; tasks.recipe_costs says what they cost) and keeps the best weights (tasks.epochs,
training.early_stopping, cli.weights); a text may be many documents (cli.own_data, data.documents, data.chat_exports,
data.parted_documents, data.corpus_writing, files.found_files).
"""


@pytest.mark.parametrize("word", MOST)
def test_the_walk_from_the_command_to_its_checkpoint_gets_no_longer(
    word: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GPTBOOK_CACHE", str(tmp_path / "cache"))
    small = {
        "laptop": lambda: TINY,
        "city-gpt": lambda: replace(
            city_gpt(),
            num_layers=1,
            model_dim=8,
            mlp_dim=8,
            batch_size=8,
            num_steps=2,
            names_file="t.csv",
            column="town",
        ),
    }
    monkeypatch.setattr("gptbook.cli.train.recipe", lambda chosen: small[chosen]())
    Path("my.txt").write_text(TEXT)
    Path("t.csv").write_text("\n".join(["town", *NAMES]))
    importlib.import_module("gptbook.cli.commands")  # what runs when it is imported is no part of the walk
    words = ["train", word, *(["--data", "my.txt"] if word == "laptop" else [])]
    monkeypatch.setattr("gptbook.training.rehearsal.LONG_ENOUGH", 0.0)
    found = entered(lambda: main(words))
    assert {"training.engine", "training.checkpoint", "cli.train"} <= found.keys()
    assert not {name for name in found if name.startswith("experiments.")}
    assert len(found) <= MOST[word], " ".join(sorted(found))
