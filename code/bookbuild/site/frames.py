"""Which code cells of a chapter share one frame on its page: what only prepares stands with what it prepares.

Imports and definitions that a chapter folds away and that print nothing would each be a row of its own between two
paragraphs. They become a strip at the top of the next code that a reader sees. The order on the page stays the order in
which the cells run.
"""

from dataclasses import dataclass, field
from itertools import groupby

from bookbuild.chapters.fragments import code_cells
from bookbuild.chapters.published import PublishedCell

Run = list[tuple[int, PublishedCell]]


@dataclass
class Frame:
    """Code cells that stand together, by their number among the chapter's code cells."""

    shown: list[int]
    """The cells that the frame is there for: with their code on the page, or folded with their outputs."""
    before: list[int] = field(default_factory=list)
    """Folded cells without outputs that were further up."""
    after: list[int] = field(default_factory=list)
    """The same, where nothing else followed that could take them."""


def frames(cells: list[PublishedCell]) -> dict[int, Frame]:
    """The frames of a chapter, each by the number of the first cell that it is there for."""
    found: dict[int, Frame] = {}
    last: Frame | None = None  # with its code on the page
    waiting: Run = []

    def leave() -> None:
        """Nothing follows that could take what waits: it stands below what came last."""
        nonlocal waiting
        numbers = [number for number, _ in waiting]
        waiting = []
        if numbers and last:
            last.after += numbers
        elif numbers:
            found[numbers[0]] = Frame(numbers)

    in_exercises = False
    absent = _answered_on_the_page(cells)
    for run in _runs(cells):
        first = run[0][1]
        numbers = [number for number, _ in run]
        if id(first) in absent:
            continue
        if first.in_exercises and not in_exercises:
            in_exercises = True
            leave()
        if not first.tags.isdisjoint({"hide", "live"}) or first.widget:
            found[numbers[0]] = Frame(numbers)  # what it shows, if anything, stands without its code
        elif first.folded and "solution" not in first.tags and not any(cell.outputs for _, cell in run):
            waiting += run
        else:
            found[numbers[0]] = last = Frame(numbers)
            if "solution" not in first.tags:
                # Where an answer goes stands only what it needs itself; the rest can wait for the check.
                taken = [each for each in waiting if "starter" not in first.tags or each[1].group == first.group]
                last.before = [number for number, _ in taken]
                waiting = [each for each in waiting if each not in taken]
    leave()
    return found


def _answered_on_the_page(cells: list[PublishedCell]) -> set[int]:
    """The code cells of exercises that have a question in the place of their code."""
    asked, found = False, set()
    for cell in cells:
        if "exercise" in cell.tags:
            asked = cell.guess is not None
        elif asked and cell.tags & {"starter", "check", "solution"}:
            found.add(id(cell))
    return found


def _runs(cells: list[PublishedCell]) -> list[Run]:
    """Neighbouring cells that come from one cell of the chapter and are all folded, or all not."""
    numbered = enumerate(code_cells(cells))
    return [list(run) for _, run in groupby(numbered, key=lambda each: (each[1].group, each[1].folded))]
