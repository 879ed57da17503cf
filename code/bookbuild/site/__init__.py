"""What surrounds the generator: pages before it, finished HTML after it."""
