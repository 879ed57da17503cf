"""The ladder with the rung of chapter 11."""

from bookbuild.drawings.ladder import ladder


def figure() -> str:
    """Return the ladder; the GPT stands out."""
    return ladder({"GPT"})
