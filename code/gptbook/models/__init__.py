"""The models, and how large they are."""
