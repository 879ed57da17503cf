"""Drawings and ladders, as SVG and as pictures."""
