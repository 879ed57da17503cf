"""Heads that ask share keys and values, and the cache keeps fewer rows of each token."""

from bookbuild.drawings.since import grouped_queries


def figure() -> str:
    """Return the drawing as SVG; the package reckons its numbers."""
    return grouped_queries()
