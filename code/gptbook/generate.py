"""Writing with a model: predict one token, draw it, append it, repeat."""

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
    """One name, letter by letter, until the model draws the end mark or the name has max_letters letters.

    The model sees the last context_length letters, with marks where there are none yet. All chance comes from the
    generator: the same seed writes the same names.
    Raises ValueError if start has a character that the tokenizer lacks.
    """
    tokens = [0] * context_length + tokenizer.encode(start)
    while len(tokens) < context_length + max_letters:
        context = torch.tensor([tokens[len(tokens) - context_length :]], dtype=torch.long)  # (1, C)
        drawn = int(torch.multinomial(model.probabilities(context)[0], 1, generator=generator))
        if drawn == 0:  # the mark: the name ends here
            break
        tokens.append(drawn)
    return tokenizer.decode(tokens)


def generate_names(
    model: NextTokenModel, tokenizer: CharacterTokenizer, context_length: int, num_names: int, seed: int = 0
) -> list[str]:
    """Several names, one after the other, from one seed."""
    generator = torch.Generator().manual_seed(seed)
    return [generate_name(model, tokenizer, context_length, generator) for _ in range(num_names)]


def share_new(samples: Sequence[str], names: Iterable[str]) -> float:
    """The share of the samples (0 to 1) that are none of the names. Raises ValueError if there is no sample."""
    if not samples:
        raise ValueError("there is no sample to judge: generate at least one name")
    known = set(names)
    return sum(sample not in known for sample in samples) / len(samples)
