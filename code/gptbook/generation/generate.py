"""Writing with a model: predict, draw, append, repeat."""

from collections.abc import Iterable, Sequence
from typing import Protocol

import torch
from torch import Tensor, nn

from gptbook.data.tokenizer import CharacterTokenizer
from gptbook.models.attention import KVCache
from gptbook.models.gpt import GPTConfig
from gptbook.models.ngram import NextTokenModel


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


class CachedModel(Protocol):
    """What scores the next token and can remember the tokens before: GPT, ModernGPT."""

    config: GPTConfig

    def __call__(self, tokens: Tensor, cache: KVCache | None = None) -> Tensor:
        """Shapes: tokens (1, T), the result (1, T, V)."""


@torch.no_grad()
def generate_tokens(
    model: CachedModel,
    tokens: Sequence[int],
    num_new: int,
    *,
    temperature: float = 1.0,
    generator: torch.Generator | None = None,
    use_cache: bool = True,
    stop_token: int | None = None,
) -> list[int]:
    """The tokens that the model writes after the given ones, num_new at most.

    Temperature 1 draws with the model's own probabilities; a lower one prefers what is
    likely, and 0 takes the likeliest: no chance is left. With the cache only the newest
    token is computed. In float32 the result is the same; in bfloat16 scores that are
    computed in another order round otherwise, in the third digit, and a near tie may
    fall the other way: then the texts part. It stops before the stop token. When the
    context is full, the model sees the last C tokens, and the cache is of no use: each
    of them now stands at another position. All chance comes from the generator, or from
    PyTorch's global one.
    Raises ValueError if there is nothing to go on from, or an argument cannot be.
    """
    config = model.config
    check_start(tokens, config)
    if num_new < 1:
        raise ValueError(f"num_new is {num_new}: ask for 1 token or more")
    if not temperature >= 0:  # true of a NaN, too
        raise ValueError(f"temperature is {temperature}: give 0 or more")
    written = list(tokens)
    device = next(model.parameters()).device if isinstance(model, nn.Module) else None
    cache = KVCache(config.num_layers, config.context_length) if use_cache else None
    while len(written) < len(tokens) + num_new:
        if len(written) > config.context_length:
            cache = None
        seen = written[cache.length :] if cache else written[-config.context_length :]
        logits = model(torch.tensor([seen], device=device), cache)[0, -1]  # (V,)
        new = draw_token(logits, temperature, generator)
        if new == stop_token:
            break
        written.append(new)
    return written[len(tokens) :]


def draw_token(
    logits: Tensor, temperature: float, generator: torch.Generator | None = None
) -> int:
    """One token by its score; at temperature 0 the first of the best.

    Shapes: logits (V,). Raises ValueError if a score is NaN.
    """
    # The same luck on every device; the processor first, since Apple's GPUs have no
    # float64.
    scores = logits.cpu().double()
    if scores.isnan().any():
        raise ValueError("the model's scores are NaN: load a checkpoint that is whole")
    if temperature == 0:
        return int(scores.argmax())
    # Less the best one, or a small temperature would make scores that no number holds.
    probabilities = ((scores - scores.max()) / temperature).softmax(dim=-1)
    return int(torch.multinomial(probabilities, num_samples=1, generator=generator))


def check_start(tokens: Sequence[int], config: GPTConfig) -> None:
    """Raises ValueError if a model of these sizes cannot go on from the tokens."""
    if not tokens:
        raise ValueError("there is no token to go on from: give at least one")
    if len(tokens) > config.context_length:
        raise ValueError(
            f"{len(tokens)} tokens do not fit into a context of "
            f"{config.context_length}: give the last ones only"
        )
    for token in tokens:
        if not 0 <= token < config.vocab_size:
            raise ValueError(
                f"token {token} is none of the model's, 0 to {config.vocab_size - 1}: "
                "take the tokenizer that the model was trained with"
            )
