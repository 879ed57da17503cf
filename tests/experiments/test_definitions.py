"""A module taken apart: its entries, and what each of them names."""

import ast
from textwrap import dedent

from gptbook.experiments.definitions import Module, asked_by_text, global_names, origin_of

TEXT = """
import numpy as np
from gptbook.training.loss import count_loss as loss

RATE, SIZE = 1, 2
RATES: dict[str, float] = {"slow": RATE}
RATES |= {"fast": np.inf}

class Net(Base):
    limit = SIZE

    @property
    def width(self): return self._width
    @width.setter
    def width(self, value): self._width = value

    class Inner: pass

def train(steps=SIZE):
    RATE = 3
    return [loss(step) for step in range(steps + RATE)]
"""


def test_a_module_is_taken_apart_into_constants_functions_classes_and_methods() -> None:
    module = Module(TEXT)
    assert list(module.kept) == ["RATE", "SIZE", "RATES", "Net", "Net.width", "train"]
    assert module.methods == {"Net": {"width": "Net.width"}}
    assert len(module.kept["Net.width"]) == 2, "a property and its setter are one"
    assert len(module.kept["RATES"]) == 2, "what adds to a constant belongs to it"


def test_each_entry_knows_what_it_names_outside_itself() -> None:
    found = Module(TEXT).definitions
    assert found["RATES"].names == {"RATE"}
    assert found["Net"].names == {"Base", "SIZE"}
    assert found["Net.width"].mentions >= {"_width"}
    assert found["train"].names == {"SIZE", "count_loss", "range"}, "its own RATE is another one"
    assert found["RATES"].texts == {"slow", "fast"}


def test_names_are_those_that_a_scope_does_not_make_itself() -> None:
    body = ast.parse(
        dedent("""
        @wrapped(A)
        def f(x, y=B):
            global C
            C = [z for z in D if (w := z)]
            def g(): return x, E
            class H(F):
                k = k
            return lambda u=G: u
        """)
    ).body
    assert global_names(body) == {"wrapped", "A", "B", "C", "D", "E", "F", "G", "k"}
    assert global_names([]) == set()


def test_what_a_text_asks_for_is_found_in_the_calls_that_ask_so() -> None:
    def asked(text: str) -> set[str]:
        call = ast.parse(text, mode="eval").body
        assert isinstance(call, ast.Call)
        return asked_by_text(call)

    assert asked('getattr(x, "a")') == asked('operator.attrgetter("a")(x).hasattr(x, "a")') == {"a"}
    assert asked('methodcaller("a.b")') == {"a", "b"}
    assert asked('print("a")') == set()


def test_a_base_is_found_through_the_imports() -> None:
    imported = {"nn": "torch.nn", "Base": "gptbook.runs.Base"}

    def origin(text: str) -> str:
        return origin_of(ast.parse(text, mode="eval").body, imported)

    bases = ["nn.Module", "Base", "Base[int]", "dict"]
    assert list(map(origin, bases)) == [
        "torch.nn.Module",
        "gptbook.runs.Base",
        "gptbook.runs.Base",
        "dict",
    ]
