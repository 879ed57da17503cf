"""A query and a key as hands of a clock, turned by their positions: the same gap is the same product."""

from bookbuild.drawings.since import clock_hands


def figure() -> str:
    """Return the drawing as SVG; the package reckons its numbers."""
    return clock_hands()
