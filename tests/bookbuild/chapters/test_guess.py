"""Questions whose answer stays closed: what an author writes, and what is told of a mistake in it."""

import pytest

from bookbuild.chapters.guess import GuessError, answering_code, check_source, find_guess

NUMBER = "How many?\n\nSay it.\n\nanswer: 1,234 mistakes, within 5\n\nBecause.\n\nAnd so on."
CHOICES = "Which?\n\n- [ ] *one*\n- [x] $x^2$, two\n\nBecause."


def test_a_number_has_its_unit_and_how_far_off_is_close() -> None:
    guess = find_guess(NUMBER)
    assert guess is not None
    assert guess.question == guess.asked == "How many?\n\nSay it."
    assert guess.explanation == "Because.\n\nAnd so on."
    assert (guess.number, guess.unit, guess.tolerance) == ("1,234", "mistakes", "5")
    assert guess.stated == "1,234 mistakes"


@pytest.mark.parametrize(
    ("line", "number", "unit", "tolerance", "stated"),
    [
        ("7", "7", "", "", "7"),
        ("-0.5 nats", "-0.5", "nats", "", "-0.5 nats"),
        ("−0.5 nats", "−0.5", "nats", "", "−0.5 nats"),
        ("82%", "82", "%", "", "82%"),
        ("82%, within 3", "82", "%", "3", "82%"),
        ("82%, within 3%", "82", "%", "3", "82%"),
        ("3 times as many, within 0.5", "3", "times as many", "0.5", "3 times as many"),
    ],
)
def test_answers_are_written_as_they_are_printed(
    line: str, number: str, unit: str, tolerance: str, stated: str
) -> None:
    guess = find_guess(f"Q?\n\nanswer: {line}\n\nE.")
    assert guess is not None
    assert (guess.number, guess.unit, guess.tolerance, guess.stated) == (number, unit, tolerance, stated)


def test_one_of_the_choices_is_right_and_the_question_does_not_tell_which() -> None:
    guess = find_guess(CHOICES)
    assert guess is not None
    assert guess.choices == ("*one*", "$x^2$, two")
    assert guess.stated == "$x^2$, two"
    assert guess.asked == "Which?\n\n- *one*\n- $x^2$, two"


def test_prose_without_an_answer_is_no_question() -> None:
    assert find_guess("How many?\n\nThe answer: many.\n\n- one\n- two") is None
    assert find_guess("How many?\n\n```\nanswer: 5\n- [x] it\n```") is None


MALFORMED = [
    ("Q?\n\nanswer: many\n\nE.", 2, "no answer"),
    ("Q?\n\nanswer:\n\nE.", 2, "no answer"),
    ("Q?\n\nanswer: 5, within reason\n\nE.", 2, "no answer"),
    ("Q?\n\nanswer: 5, within 0\n\nE.", 2, "no answer"),
    ("Q?\n\nanswer: 12,34\n\nE.", 2, "no answer"),
    ("Q?\n\nanswer: 5", 2, "explanation"),
    ("answer: 5\n\nE.", 0, "question"),
    ("Q?\n\nanswer: 5\n\nanswer: 6\n\nE.", 4, "one answer"),
    ("Q?\n\nanswer: 5\n\n- [x] five\n- [ ] six\n\nE.", 4, "one answer"),
    ("Q?\n\nanswer: 5\n\n### More\n\nE.", 4, "heading"),
    ("Q?\n\n- [x] one\n- [x] two\n\nE.", 2, "2 of the choices"),
    ("Q?\n\n- [ ] one\n- [ ] two\n\nE.", 2, "none of the choices"),
    ("Q?\n\n- [x] one\n\nE.", 2, "two or more"),
    ("Q?\n\n- [x] one\n- [] two\n\nE.", 3, "on one line"),
    ("Q?\n\n- [x] one\n- [ ] one\n\nE.", 2, "the same"),
    ("Q?\n\n- [x] one\n- [ ] two", 2, "explanation"),
]


@pytest.mark.parametrize(("text", "line", "message"), MALFORMED)
def test_a_malformed_question_names_its_line(text: str, line: int, message: str) -> None:
    with pytest.raises(GuessError, match=message) as raised:
        find_guess(text)
    assert raised.value.line == line


def test_numbers_that_are_not_yet_filled_in_count_as_numbers() -> None:
    text = 'Q?\n\nanswer: {{ f"{x:,}" }} mistakes, within {{ y\n}}\n\nE.'
    check_source(text, frozenset({"guess"}))
    with pytest.raises(GuessError, match="explanation") as raised:
        check_source("Q {{ a\n+ b }}?\n\nanswer: {{ c }}", frozenset({"guess"}))
    assert raised.value.line == 3


@pytest.mark.parametrize(
    ("text", "tag", "message"),
    [
        ("How many?", "guess", "answer:"),
        (f"### Guess\n\n{NUMBER}", "guess", "heading"),
        ("### Predict: it\n\nHow many?", "exercise", "answer:"),
        (f"### Change: it\n\n{NUMBER}", "exercise", "only an exercise of the kind Predict"),
    ],
)
def test_what_is_answered_on_the_page_has_an_answer(text: str, tag: str, message: str) -> None:
    with pytest.raises(GuessError, match=message):
        check_source(text, frozenset({tag}))
    check_source(text, frozenset({"note"}))
    check_source(f"### Predict: it\n\n{NUMBER}", frozenset({"exercise"}))
    check_source("### Change: it\n\nDo it.", frozenset({"exercise"}))


def test_answers_take_the_place_of_the_dots_the_right_one_first() -> None:
    number, words = find_guess(NUMBER), find_guess("Q?\n\n- [ ] the “first”\n- [x] the second\n\nE.")
    both = find_guess("Q?\n\n- [ ] 3 and GPT-2's 4.5\n- [x] 1,000 and −2%\n\nE.")
    assert number is not None
    assert words is not None
    assert both is not None
    assert answering_code(number, "x = ...  # not yet ...") == ["x = 1234  # not yet ..."]
    assert answering_code(words, "é, x = 'é', ...\ny = 1") == [
        "é, x = 'é', 'the second'\ny = 1",
        "é, x = 'é', 'the “first”'\ny = 1",
    ]
    assert answering_code(both, "x, y = ..., ...") == ["x, y = 1000, -2", "x, y = 3, 4.5"]
