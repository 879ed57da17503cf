"""Weights of others, and ours for others."""
