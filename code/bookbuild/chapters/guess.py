"""A question that the reader answers before the page does: what it asks, what is right, and why.

It is written as Markdown, the answer after the question, as a number or as a choice, and then the explanation:

    How many of the 150 flowers will get a wrong name?          Which two are merged first?

    answer: 6 mistakes, within 5                                - [ ] *a* and *b*
                                                                - [x] *t* and *h*
    Nearly all of them are versicolor.
                                                                *th* stands there most often.
"""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass

NUMBER = r"[-−]?(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?"
ANSWER_LINE = re.compile(r"^answer:(?P<text>.*)$")
ANSWER = re.compile(rf"(?P<number>{NUMBER})(?P<unit>%|\s+[^\d\s,][^,]*)?(?:,\s*within\s+(?P<tolerance>{NUMBER})\s?%?)?")
CHOICE = re.compile(r"^- \[(?P<mark>[ xX])\] +(?P<text>\S.*)$")
BOX = re.compile(r"^- \[")
FENCE = re.compile(r"^(?:```|~~~)")
HEADING = re.compile(r"^#{1,6} ")
EXPRESSION = re.compile(r"\{\{.+?\}\}", re.DOTALL)
STATED_NUMBER = re.compile(rf"(?<![\w.,-]){NUMBER}(?!\w)")


class GuessError(ValueError):
    """What is wrong with the text of a question, and on which of its lines, counted from 0."""

    def __init__(self, message: str, line: int = 0) -> None:
        super().__init__(message)
        self.line = line


@dataclass(frozen=True, kw_only=True)
class Guess:
    question: str
    """Markdown, without the answer."""
    explanation: str
    """Markdown."""
    number: str = ""
    """The answer as it is printed, such as `7,087,872` or `0.49`; empty where there are choices."""
    unit: str = ""
    """`%`, or words such as `mistakes`."""
    tolerance: str = ""
    """How far off a guess may be to count as close, as it is printed; empty: it must be the number itself."""
    choices: tuple[str, ...] = ()
    """Inline Markdown."""
    right: int = 0
    """Which of the choices is the answer, counted from 0."""

    @property
    def stated(self) -> str:
        """The answer in words: the number with its unit, or the choice that is right."""
        if self.choices:
            return self.choices[self.right]
        return self.number + (self.unit if self.unit in {"", "%"} else f" {self.unit}")

    @property
    def listed(self) -> str:
        """The choices as a Markdown list that does not tell the answer."""
        return "\n".join(f"- {choice}" for choice in self.choices)

    @property
    def asked(self) -> str:
        """The question and its choices, as Markdown that does not tell the answer."""
        return f"{self.question}\n\n{self.listed}" if self.choices else self.question


def unfenced(text: str) -> Iterator[tuple[int, str]]:
    """The lines of the Markdown that stand in no block of code, each with its number, counted from 0."""
    fenced = False
    for number, line in enumerate(text.split("\n")):
        fence = bool(FENCE.match(line))
        fenced ^= fence
        if not fenced and not fence:
            yield number, line


def find_guess(text: str) -> Guess | None:
    """The question in this Markdown; None if it gives no answer. Raises GuessError if it is malformed."""
    lines = text.split("\n")
    first = next((number for number, line in unfenced(text) if ANSWER_LINE.match(line) or BOX.match(line)), None)
    if first is None:
        return None
    last = first + 1
    while BOX.match(lines[first]) and last < len(lines) and BOX.match(lines[last]):
        last += 1
    question, explanation = "\n".join(lines[:first]).strip(), "\n".join(lines[last:]).strip()
    for number, line in unfenced(text):
        if number < last:
            continue
        if ANSWER_LINE.match(line) or BOX.match(line):
            raise GuessError("a question has one answer, or one list of choices", number)
        if HEADING.match(line):
            raise GuessError("an explanation holds no heading", number)
    if not question:
        raise GuessError("the answer has no question before it", first)
    if not explanation:
        raise GuessError("the answer has no explanation: say after it, in a paragraph of its own, why it is so", first)
    if match := ANSWER_LINE.match(lines[first]):
        answer, unit, tolerance = _number(match["text"].strip(), first)
        return Guess(question=question, explanation=explanation, number=answer, unit=unit, tolerance=tolerance)
    choices, right = _choices(lines[first:last], first)
    return Guess(question=question, explanation=explanation, choices=choices, right=right)


def _number(text: str, line: int) -> tuple[str, str, str]:
    match = ANSWER.fullmatch(text)
    if match is None or not float((match["tolerance"] or "1").replace(",", "")) > 0:
        raise GuessError(f"{text!r} is no answer: write `answer: NUMBER UNIT, within TOLERANCE`", line)
    return match["number"], (match["unit"] or "").strip(), match["tolerance"] or ""


def _choices(lines: list[str], first: int) -> tuple[tuple[str, ...], int]:
    found = [CHOICE.match(line) for line in lines]
    for number, match in enumerate(found, first):
        if match is None:
            raise GuessError("a choice is `- [ ] text` or, if it is right, `- [x] text`, on one line", number)
    marks = [match["mark"] != " " for match in found if match]
    if len(marks) < 2:
        raise GuessError("one choice is none: write two or more", first)
    if sum(marks) != 1:
        raise GuessError(f"{sum(marks) or 'none'} of the choices marked as right with an x; mark one", first)
    choices = tuple(match["text"].strip() for match in found if match)
    if len(set(choices)) != len(choices):
        raise GuessError("two of the choices are the same", first)
    return choices, marks.index(True)


def check_source(text: str, tags: frozenset[str]) -> None:
    """Raise GuessError for a cell of a chapter, its numbers not yet filled in, whose answer is missing or malformed."""
    if "guess" not in tags and "exercise" not in tags:
        return
    # As many lines as before, so that the error names the right one.
    found = find_guess(EXPRESSION.sub(lambda match: "1" + "\n" * match[0].count("\n"), text))
    predicts = is_predict(text)
    if "guess" in tags:
        if found is None:
            raise GuessError("a question tagged `guess` has an `answer:` line or choices (`- [x] text`)")
        for number, line in unfenced(text):
            if HEADING.match(line):
                raise GuessError("a question tagged `guess` holds no heading", number)
    elif found and not predicts:
        raise GuessError("only an exercise of the kind Predict has its answer on the page")
    elif predicts and not found:
        raise GuessError("an exercise of the kind Predict has an `answer:` line or choices (`- [x] text`)")


def is_predict(exercise: str) -> bool:
    return exercise.startswith("### Predict")


def answer_lines(text: str) -> str:
    """The lines of the Markdown that give its answer, as they are written."""
    return "\n".join(line for line in text.split("\n") if ANSWER_LINE.match(line) or BOX.match(line))


def answering_code(guess: Guess, starter: str) -> list[str]:
    """What the starter becomes for each answer that the page offers, the right one first: each `...` is filled in.

    A starter with as many `...` as an answer has numbers takes the numbers; else it takes the answer's words.
    """
    offered = [guess.number] if guess.number else [guess.choices[guess.right]]
    offered += [choice for number, choice in enumerate(guess.choices) if number != guess.right]
    return [_filled(starter, text) for text in offered]


def _filled(starter: str, answer: str) -> str:
    numbers = [found.replace(",", "").replace("−", "-") for found in STATED_NUMBER.findall(answer)]
    dots = [node for node in ast.walk(ast.parse(starter)) if isinstance(node, ast.Constant) and node.value is ...]
    values = numbers if len(numbers) == len(dots) else [repr(answer)] * len(dots)
    lines = starter.encode().split(b"\n")
    for node, value in sorted(zip(dots, values), key=lambda pair: (pair[0].lineno, pair[0].col_offset), reverse=True):
        line = lines[node.lineno - 1]
        lines[node.lineno - 1] = line[: node.col_offset] + value.encode() + line[node.end_col_offset :]
    return b"\n".join(lines).decode()
