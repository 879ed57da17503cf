"""The ladder with the rung of chapter 10."""

from bookbuild.drawings.ladder import ladder


def figure() -> str:
    """Return the ladder; the one block stands out."""
    return ladder({"Attention"})
