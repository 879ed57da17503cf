"""Curves of the page "When training goes wrong": held out."""

from bookbuild.drawings.mistake_curves import curves


def figure() -> str:
    """Return the drawing as SVG, out of the record of the mistakes."""
    return curves("held out")
