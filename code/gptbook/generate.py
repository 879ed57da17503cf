"""Writing with a model: predict, draw, append, repeat."""

from collections.abc import Iterable, Sequence

import torch

from gptbook.ngram import NextTokenModel
from gptbook.tokenizer import CharacterTokenizer


def generate_name(
    model: NextTokenModel,
    tokenizer: CharacterTokenizer,
    context_length: int,
    generator: torch.Generator,
    start: str = "",
    max_letters: int = 40,
) -> str:
    """One name, letter by letter, until the end mark is drawn or max_letters are there.

    All chance comes from the generator: the same seed writes the same name.
    Raises ValueError if start has a character that the tokenizer lacks.
    """
    tokens = [0] * context_length + tokenizer.encode(start)
    while len(tokens) < context_length + max_letters:
        context = tokens[len(tokens) - context_length :]  # the last C; marks at first
        probabilities = model.probabilities(torch.tensor([context]))[0]  # (V,)
        drawn = torch.multinomial(probabilities, num_samples=1, generator=generator)
        if drawn == 0:  # the mark: the name ends here
            break
        tokens.append(int(drawn))
    return tokenizer.decode(tokens)


def share_new(samples: Sequence[str], names: Iterable[str]) -> float:
    """The share of the samples, 0 to 1, that are not among the names.

    Raises ValueError if there are no samples.
    """
    if not samples:
        raise ValueError("there are no samples: generate at least one name")
    known = set(names)
    return sum(sample not in known for sample in samples) / len(samples)
