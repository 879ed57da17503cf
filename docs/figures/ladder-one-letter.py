"""The ladder with the rungs of chapter 4."""

from bookbuild.drawings.ladder import ladder


def figure() -> str:
    """Return the ladder; the table and the net that see one letter stand out."""
    return ladder({"Bigram table", "Bigram net"})
