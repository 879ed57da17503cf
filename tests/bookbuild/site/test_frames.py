"""Folded code that shows nothing stands with what it prepares, and the order of the cells stays."""

from dataclasses import replace

from published_cells import CELLS, code, markdown

from bookbuild.chapters.book import Book
from bookbuild.chapters.guess import Guess
from bookbuild.chapters.published import PublishedCell
from bookbuild.site.frames import frames

EXERCISE_CODE = ("starter", "check", "solution")
GUESS = Guess(question="How many?", explanation="Three.", number="3")


def folded(source: str, group: int, *tags: str, **more: object) -> PublishedCell:
    return code(source, group, *(tags or ("fold",)), folded=True, **more)


def framed(cells: list[PublishedCell]) -> list[tuple[list[int], list[int], list[int]]]:
    return [(frame.before, frame.shown, frame.after) for frame in frames(cells).values()]


def test_what_prepares_goes_to_the_next_code_that_is_seen_over_prose_and_headings() -> None:
    cells = [
        markdown("# Title", 0),
        folded("import os", 1),
        markdown("Words.", 2),
        code("secret()", 3, "hide"),
        markdown("## Section", 4),
        folded("a = 1", 5),
        code("print(a)", 6),
    ]
    assert framed(cells) == [([], [1], []), ([0, 2], [3], [])]


def test_it_goes_into_the_fold_of_a_figure_and_past_a_live_piece() -> None:
    drawn = CELLS[4].outputs
    cells = [
        folded("a = 1", 0),
        code("live(a)", 1, "live", widget="it", outputs=drawn),
        folded("b = 1", 2),
        folded("draw(a, b)", 3, outputs=drawn),
    ]
    assert framed(cells) == [([], [1], []), ([0, 2], [3], [])]


def test_what_nothing_follows_stands_below_what_came_before() -> None:
    exercises = markdown("## Exercises", 3, in_exercises=True)
    check = code("check()", 5, "check", in_exercises=True)
    assert framed([code("b = 1", 0), folded("a = 1", 2), exercises, check]) == [([], [0], [1]), ([], [2], [])]
    assert framed([folded("a = 1", 2), exercises, check]) == [([], [0], []), ([], [1], [])]


def test_what_exercises_share_stands_above_the_first_check() -> None:
    helper = folded("exercise = 1", 1, in_exercises=True)
    starter = code("mine = ...", 3, "starter", in_exercises=True)
    check = code("check(mine)", 4, "check", in_exercises=True)
    solution = code("mine = 1", 5, "solution", in_exercises=True)
    again = [replace(cell, group=cell.group + 10) for cell in (starter, check)]
    of_starter = folded("import os", 3, "starter", in_exercises=True)
    cells = [markdown("## Exercises", 0, in_exercises=True), helper, of_starter, starter, check, solution, *again]
    assert framed(cells) == [([1], [2], []), ([0], [3], []), ([], [4], []), ([], [5], []), ([], [6], [])]


def test_an_exercise_answered_on_the_page_shows_no_code_and_takes_none() -> None:
    asked = replace(markdown("### Predict: it", 0, "exercise", in_exercises=True), guess=GUESS)
    answered = [code(f"{tag}()", number, tag, in_exercises=True) for number, tag in enumerate(EXERCISE_CODE, 2)]
    plain = markdown("### Change: it", 5, "exercise", in_exercises=True)
    coded = [code(f"{tag}()", number, tag, in_exercises=True) for number, tag in enumerate(EXERCISE_CODE, 6)]
    cells = [folded("exercise = 1", 1, in_exercises=True), asked, *answered, plain, *coded]
    assert framed(cells) == [([], [4], []), ([0], [5], []), ([], [6], [])]


def test_every_code_cell_of_the_book_stands_in_one_frame_in_order(book: Book) -> None:
    for name, chapter in book.chapters.items():
        numbers = [number for frame in framed(chapter.cells) for part in frame for number in part]
        kinds = [cell for cell in chapter.cells if cell.kind == "code"]
        absent = [number for number in range(len(kinds)) if number not in numbers]
        assert len(set(numbers)) == len(numbers), name
        assert all(kinds[number].tags & set(EXERCISE_CODE) for number in absent), name
        on_page = [number for number in numbers if not kinds[number].tags & {"hide", "live", "starter"}]
        seen = [number for number in on_page if not kinds[number].widget and not kinds[number].in_exercises]
        assert seen == sorted(seen), name


def test_no_row_of_folded_code_stands_alone(book: Book) -> None:
    for name, chapter in book.chapters.items():
        kinds = [cell for cell in chapter.cells if cell.kind == "code"]
        for frame in frames(chapter.cells).values():
            of_frame = [kinds[number] for number in frame.shown]
            if not any(cell.tags & {"hide", "live", "solution"} or cell.widget for cell in of_frame):
                assert any(cell.outputs or not cell.folded for cell in of_frame), (name, of_frame[0].source)
