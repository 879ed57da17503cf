"""Words of a command line: numbers in their range, choices, and nearest words."""

import argparse
import math
import os
import re
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NoReturn

from gptbook.files.nearest_word import find_word, hint, quoted


class SentenceParser(argparse.ArgumentParser):
    """A parser whose errors are one sentence, and name the nearest word."""

    def error(self, message: str) -> NoReturn:
        """Say what is wrong and where to read on; exit code 2."""
        message = re.sub(r"^argument (--[\w-]+)\S*: (?=is )", r"\1 ", message)
        message = message.removeprefix("argument ").replace(
            "expected one argument",
            "a value is missing (one that begins with - is written --option=-value)",
        )
        if message.startswith("the following arguments are required"):
            greedy = [a.option_strings[0] for a in self._actions if takes_all(a)]
            message += "".join(
                f" (in front of {o}, which takes all after it)" for o in greedy
            )
        message = " ".join(message.split())
        self.exit(2, f"gptbook: {message}; {self.prog} --help explains\n")

    def _check_value(self, action: argparse.Action, value: Any) -> None:
        """Say which command is nearest; argparse lists them all."""
        if action.choices is not None and value not in action.choices:
            near = hint(str(value).lower(), map(str, action.choices))
            raise argparse.ArgumentError(
                None, f"there is no {action.metavar} {quoted(str(value))}: {near}"
            )

    # The type of argparse's own has overloads for a namespace of another class.
    def parse_known_args(  # type: ignore[override]
        self, args: Sequence[str] | None = None, namespace: Any = None
    ) -> tuple[Any, list[str]]:
        """Refuse what is left over here, where the options of the command are known."""
        parsed, others = super().parse_known_args(args, namespace)
        if others:
            self.refuse(others)
        return parsed, others

    def refuse(self, others: Sequence[str]) -> NoReturn:
        """Say that a word is none of this command's, and which is nearest."""
        options = [word for word in others if word.startswith("-") and word != "-"]
        if not options:
            self.error(
                f"{quoted(others[0])} is one word too many: leave it out, or put words "
                "that belong together into quotes"
            )
        word = options[0].partition("=")[0]
        known = sorted(
            name
            for name in self._option_string_actions
            if name.startswith("--") or len(word) == 2
        )
        self.error(f"there is no option {quoted(word)}: {hint(word.lower(), known)}")


def takes_all(action: argparse.Action) -> bool:
    """Whether an option takes all words after it, up to the next option."""
    return bool(action.option_strings) and action.nargs == "+"


def whole_number(least: int, most: int) -> Callable[[str], int]:
    """A type for argparse: a whole number in a range, both ends in it."""

    def number(word: str) -> int:
        try:
            value = int(word)
        except ValueError:  # also of a number with thousands of digits
            value = least - 1
        if not least <= value <= most:
            raise argparse.ArgumentTypeError(
                f"is {quoted(word)}: give a whole number, {least} to {most}"
            )
        return value

    return number


def real_number(least: float, most: float, what: str) -> Callable[[str], float]:
    """A type for argparse: a number in a range, both ends in it; no NaN, no infinity.

    what is said of it where it is none, such as "0 to 1".
    """

    def number(word: str) -> float:
        try:
            value = float(word)
        except ValueError:
            value = math.nan
        if not least <= value <= most:
            raise argparse.ArgumentTypeError(f"is {quoted(word)}: give {what}")
        return value + 0.0  # minus zero is zero

    return number


def one_of(words: Iterable[str]) -> Callable[[str], str]:
    """A type for argparse: one of the words, in small letters or in capitals."""
    known = tuple(words)

    def choice(word: str) -> str:
        try:
            return find_word(word, known, "choice")
        except ValueError:
            near = hint(word.lower(), known)
            message = f"is {quoted(word)}: {near}"
            raise argparse.ArgumentTypeError(message) from None

    return choice


def typed_text(word: str) -> str:
    """A type for argparse: text as it was typed, which is UTF-8 on most terminals.

    In the C locale Python takes each byte beyond ASCII for half of a surrogate pair.
    """
    try:
        return os.fsencode(word).decode()
    except UnicodeError:
        return word


def add_switch(parser: argparse.ArgumentParser, name: str, text: str) -> None:
    """Add an option without a value; None where it is not given."""
    parser.add_argument(name, action="store_true", default=None, help=text)
