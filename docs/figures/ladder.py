"""The ladder of the home page, in letters hesitated between."""

from bookbuild.drawings.ladder import ladder_of_letters


def figure() -> str:
    """Return the ladder with all its rungs, and a name that each model wrote."""
    return ladder_of_letters()
