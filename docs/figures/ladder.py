"""The ladder of the home page."""

from bookbuild.drawings.ladder import ladder


def figure() -> str:
    """Return the ladder with all its rungs."""
    return ladder()
