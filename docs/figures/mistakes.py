"""Curves of the page "When training goes wrong", one a mistake, out of their record."""

from bookbuild.drawings.mistake_curves import figures

__all__ = ["figures"]
