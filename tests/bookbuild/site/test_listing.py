"""What a page leaves out of a definition, and what it must not."""

import ast

import pytest

from bookbuild.site.listing import FRONT, LONGEST, essential, num_imports, num_in_front


def shown(source: str) -> str:
    lines = source.splitlines()
    return "\n".join(lines[number] for number in essential(source).lines)


def test_docstrings_and_guards_go_and_every_other_line_stays_as_it_was() -> None:
    source = '''def mean(row, weights):
    """The mean.

    Raises ValueError without numbers.
    """
    # No row, no mean.
    if len(row) == 0:
        message = "give at least one number"
        raise ValueError(message)
    elif len(row) != len(weights):
        raise ValueError("as many weights as numbers")
    check_weights(weights)

    # Weighted, and in one pass.
    total   =  sum(r * w for r, w in zip(row, weights))
    return total / sum(weights)  # shares'''
    assert shown(source).splitlines() == [
        "def mean(row, weights):",
        "    # Weighted, and in one pass.",
        "    total   =  sum(r * w for r, w in zip(row, weights))",
        "    return total / sum(weights)  # shares",
    ]
    assert essential(source).is_unchecked


def test_a_docstring_alone_is_no_check() -> None:
    listing = essential('def f():\n    """Say one."""\n    return 1')
    assert listing.lines == [0, 2]
    assert not listing.is_unchecked


@pytest.mark.parametrize(
    "kept",
    [
        "    if x < 0:\n        x = -x",
        "    if x < 0:\n        raise ValueError\n    else:\n        x = 1",
        "    if x < 0:\n        log(x)\n        raise ValueError",
        "    size = len(x)\n    if size < 2:\n        return size",
        "    checked = x\n    note_check_of(x)",
        "    try:\n        y = 1\n    except KeyError:\n        raise ValueError from None",
        "    assert x",
        '    """Only what it is for."""',
        "    raise NotImplementedError",
    ],
)
def test_what_does_something_stays(kept: str) -> None:
    source = f"def f(x):\n{kept}"
    assert shown(source) == source


def test_a_function_that_does_nothing_but_check_stays_and_such_a_method_goes() -> None:
    check = 'def check_it(x):\n    """Refuse."""\n    if not x:\n        raise ValueError'
    assert shown(check) == check
    made = '''class Size:
    """How large."""

    width: int
    """In units."""

    def __post_init__(self):
        if self.width < 1:
            raise ValueError

    @property
    def area(self):
        """Its square."""
        return self.width**2'''
    assert shown(made).splitlines() == [
        "class Size:",
        "    width: int",
        '    """In units."""',
        "",
        "    @property",
        "    def area(self):",
        "        return self.width**2",
    ]


def test_what_only_prepares_a_refusal_goes_with_it_within_loops_too() -> None:
    source = """def count(texts, size):
    total = 0
    for text in texts:
        strange = [token for token in text if token >= size]
        if strange:
            raise ValueError(strange)
        total += len(text)
    for text in texts:
        if not text:
            raise ValueError
    size = 2 * size
    if size > total:
        raise ValueError
    return total, size"""
    assert shown(source).splitlines() == [
        "def count(texts, size):",
        "    total = 0",
        "    for text in texts:",
        "        total += len(text)",
        "    size = 2 * size",
        "    return total, size",
    ]


def test_what_is_shown_is_still_python() -> None:
    """Of every definition of the package, whichever a chapter will choose."""
    from bookbuild.chapters.source import read_module
    from bookbuild.project import this_project

    code = this_project().root / "code"
    num_shorter = 0
    for path in sorted((code / "gptbook").rglob("*.py")):
        module = ".".join(path.relative_to(code).with_suffix("").parts).removesuffix(".__init__")
        for definition in read_module(module).definitions.values():
            ast.parse(shown(definition.source))
            num_shorter += len(shown(definition.source)) < len(definition.source)
    assert num_shorter > 100


def test_imports_above_a_definition_are_counted_with_the_blank_lines() -> None:
    assert num_imports("import os\nfrom math import pi\n\n\n# Here.\n@property\ndef f():\n    pass") == 4
    assert num_imports("def f():\n    import os") == 0
    assert num_imports("import os") == 0


def test_a_long_listing_is_cut_where_an_outer_statement_begins() -> None:
    few = "\n".join(["def f():", *["    x = 1"] * (LONGEST - 1)])
    assert num_in_front(few, list(range(LONGEST))) == LONGEST
    method = ["    def g(self):", *["        x = 1"] * 7, ""]
    source = "\n".join(["class A:", *method * 8])
    lines = list(range(len(source.splitlines())))
    front = num_in_front(source, lines)
    assert front in FRONT
    assert source.splitlines()[front] == "    def g(self):"
    one = "x = [\n" + "    1,\n" * 60 + "]"
    assert num_in_front(one, list(range(62))) in FRONT
