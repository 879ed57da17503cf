"""Which token to take: temperature, top-k and top-p, and writing token by token."""

from collections.abc import Iterable, Iterator, Sequence

import torch
from torch import Tensor, nn

from gptbook.data.tokenizer_files import TextTokenizer, end_token, first_token
from gptbook.generation.generate import CachedModel, check_start, draw_token
from gptbook.models.attention import KVCache


def at_temperature(logits: Tensor, temperature: float) -> Tensor:
    """Scores whose softmax is sharper below temperature 1, and flatter above it.

    The best becomes 0, so that a low temperature makes no score that no number holds.
    At 0 the first of the best stays, and the others become -inf: the greedy choice.
    Shapes: logits and the result (..., V). Raises ValueError if it is below 0.
    """
    if not temperature >= 0:  # true of a NaN, too
        raise ValueError(f"temperature is {temperature}: give 0 or more")
    if temperature == 0:
        others = torch.ones_like(logits, dtype=torch.bool)
        others.scatter_(-1, logits.argmax(dim=-1, keepdim=True), False)
        return logits.masked_fill(others, -torch.inf)
    return (logits - logits.amax(dim=-1, keepdim=True)) / temperature


def keep_top_k(logits: Tensor, top_k: int) -> Tensor:
    """The scores of the k likeliest tokens; those of all others become -inf.

    What is as likely as the last of them stays, too. Shapes: (..., V), both.
    Raises ValueError if top_k is below 1. Source: Fan et al. 2018.
    """
    if top_k < 1:
        raise ValueError(f"top_k is {top_k}: keep 1 token or more")
    best = logits.topk(min(top_k, logits.shape[-1]), dim=-1).values  # (..., k)
    return logits.masked_fill(logits < best[..., -1:], -torch.inf)


def keep_top_p(logits: Tensor, top_p: float) -> Tensor:
    """The scores of the fewest tokens that have probability p together, the nucleus.

    The likeliest token always stays; the others become -inf. Of tokens that are as
    likely as each other the first stay. Shapes: logits and the result (..., V).
    Raises ValueError if top_p is not a probability. Source: Holtzman et al. 2020.
    """
    if not 0 <= top_p <= 1:
        raise ValueError(f"top_p is {top_p}: give a probability, 0 to 1")
    # The least likely first; turned round, so that of equal ones the first comes last.
    ordered, order = logits.flip(-1).sort(dim=-1, stable=True)
    up_to_here = ordered.softmax(dim=-1).cumsum(dim=-1)
    dropped = up_to_here <= 1 - top_p  # p is left without it and those below
    dropped[..., -1] = False
    dropped = dropped.gather(-1, order.argsort(dim=-1)).flip(-1)  # as they stood
    return logits.masked_fill(dropped, -torch.inf)


def shaped_scores(
    logits: Tensor,
    temperature: float = 1.0,
    top_k: int | None = None,
    top_p: float | None = None,
) -> Tensor:
    """Temperature first, then top-k, then top-p of what is left; None leaves it out.

    Softmax of the result are the probabilities to draw with. It is in float64, which
    Apple's GPUs lack, and so on the processor wherever the logits are.
    Shapes: logits and the result (..., V). Raises ValueError as the three do.
    """
    scores = at_temperature(logits.cpu().double(), temperature)
    if top_k is not None:
        scores = keep_top_k(scores, top_k)
    if top_p is not None:
        scores = keep_top_p(scores, top_p)
    return scores


def choose_token(
    logits: Tensor,
    temperature: float = 1.0,
    top_k: int | None = None,
    top_p: float | None = None,
    generator: torch.Generator | None = None,
) -> int:
    """One token, drawn from the shaped scores; at temperature 0 the first of the best.

    Shapes: logits (V,). Raises ValueError if a score is NaN, or as `shaped_scores`.
    """
    if temperature == 0:  # the best is in every top-k and top-p: nothing to sort
        return draw_token(logits, 0)
    scores = shaped_scores(logits, temperature, top_k, top_p)
    return draw_token(scores, 1.0, generator)


@torch.inference_mode()
def stream_tokens(
    model: CachedModel,
    tokens: Sequence[int],
    num_new: int,
    *,
    temperature: float = 1.0,
    top_k: int | None = None,
    top_p: float | None = None,
    generator: torch.Generator | None = None,
    use_cache: bool = True,
    stop_token: int | None = None,
) -> Iterator[int]:
    """The tokens that the model writes after the given ones, each as soon as it is.

    `generate_tokens`, one token at a time, and with top_k and top_p: without them
    both write the same. Which argument cannot be is said when the first is asked for.
    Raises ValueError as `generate_tokens` does, or for a top_k or top_p that cannot be.
    """
    config = model.config
    check_start(tokens, config)
    if num_new < 1:
        raise ValueError(f"num_new is {num_new}: ask for 1 token or more")
    shaped_scores(torch.zeros(1), temperature, top_k, top_p)  # can they be?
    written = list(tokens)
    device = next(model.parameters()).device if isinstance(model, nn.Module) else None
    cache = KVCache(config.num_layers, config.context_length) if use_cache else None
    for _ in range(num_new):
        if len(written) > config.context_length:
            cache = None  # each token now stands at another position
        seen = written[cache.length :] if cache else written[-config.context_length :]
        logits = model(torch.tensor([seen], device=device), cache)[0, -1]  # (V,)
        new = choose_token(logits, temperature, top_k, top_p, generator)
        if new == stop_token:
            return
        written.append(new)
        yield new


def stream_text(tokenizer: TextTokenizer, tokens: Iterable[int]) -> Iterator[str]:
    """The text of tokens as they come; the first bytes of a letter wait for the rest.

    The pieces, joined, are what the tokenizer makes of all tokens at once.
    """
    waiting: list[int] = []
    shown = 0  # letters of what waits
    text = ""
    for token in tokens:
        waiting.append(token)
        text = tokenizer.decode(waiting)
        ready = len(text) - text.endswith("\ufffd")  # is it a letter's first half?
        if ready > shown:
            yield text[shown:ready]
            shown = ready
        if ready == len(text):
            waiting, shown = [], 0
    if waiting:  # the rest never came
        yield text[shown:]


def continue_text(
    model: CachedModel,
    tokenizer: TextTokenizer,
    start: str,
    num_tokens: int,
    temperature: float = 1.0,
    top_k: int | None = None,
    top_p: float | None = None,
    generator: torch.Generator | None = None,
) -> Iterator[str]:
    """What the model writes after a text, num_tokens at most, as it comes.

    Of a text that is longer than the context it sees the end. It stops where it would
    begin another text; without a text it begins one, or a line of one.
    Raises ValueError if the text has a letter that the tokenizer lacks, or an argument
    cannot be.
    """
    begun = tokenizer.encode(start) or [first_token(tokenizer)]
    new = stream_tokens(
        model,
        begun[-model.config.context_length :],
        num_tokens,
        temperature=temperature,
        top_k=top_k,
        top_p=top_p,
        generator=generator,
        stop_token=end_token(tokenizer),
    )
    yield from stream_text(tokenizer, new)
