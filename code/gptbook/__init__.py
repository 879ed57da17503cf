"""How GPTs Work: the models, losses and training loops of the book."""
