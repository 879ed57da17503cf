"""The check of an exercise: says whether it is solved, and never stops the notebook."""

import traceback
from collections.abc import Iterator
from contextlib import contextmanager


def explain_failure(error: Exception) -> str:
    """One sentence on what an exercise's check ran into."""
    message = str(error).strip()
    kind = type(error).__name__
    if "ellipsis" in message.lower() or (kind, message) == ("NotImplementedError", ""):
        return "Put your own answer in place of the ... in the starter."
    if isinstance(error, NameError):
        sentence = message[:1].upper() + message[1:]
        return f"{sentence}: run the starter cell first, then this one."
    if isinstance(error, AssertionError) and not message:
        line = traceback.extract_tb(error.__traceback__)[-1].line
        if not line:  # Python cannot find the source
            return "A check does not hold yet."
        return f"This does not hold yet: {line.removeprefix('assert ')}"
    if isinstance(error, AssertionError | NotImplementedError):
        return message
    return f"{kind}: {message}" if message else f"Your code ended in {kind}."


@contextmanager
def exercise(title: str) -> Iterator[None]:
    """Run the checks in the `with` block and print whether the exercise is solved.

    A failed check, or an error in the reader's code, becomes one printed line, so that
    a notebook with unsolved exercises runs to its end. Ctrl-C still stops it.
    """
    try:
        yield
    except Exception as error:  # an answer may fail in any way; none may stop the page
        print(f"✗ {title}: not yet. {explain_failure(error)}")
    else:
        print(f"✓ {title}: solved")
