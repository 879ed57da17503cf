"""How a model learns: losses, loops, optimizers, and a run that can be stopped."""
