"""GPT-2, or a model of its kind, goes on from a text."""

from collections.abc import Iterator
from pathlib import Path

import torch

from gptbook.bpe import BytePairTokenizer
from gptbook.gpt import GPT
from gptbook.pretrained import load_gpt2, load_gpt2_tokenizer
from gptbook.sampling import stream_text, stream_tokens


def open_gpt2(source: str) -> tuple[GPT, BytePairTokenizer]:
    """A model with its tokenizer: by name, from a folder, or from a file in one.

    Raises ValueError, in one sentence, if either cannot be had, or the tokenizer is
    another model's.
    """
    model = load_gpt2(source)
    beside = Path(source)
    folder = beside.parent if beside.is_file() else beside
    return model.eval(), load_gpt2_tokenizer(
        folder if folder.exists() else source, model
    )


def continue_text(
    model: GPT,
    tokenizer: BytePairTokenizer,
    start: str,
    num_tokens: int,
    temperature: float = 1.0,
    seed: int = 0,
    top_k: int | None = None,
    top_p: float | None = None,
) -> Iterator[str]:
    """The text and what the model writes after it, num_tokens at most, as it comes.

    It stops where it would begin another text. Without a text it begins with one.
    Raises ValueError if the text does not fit into the context, or holds half of a
    surrogate pair, or an argument cannot be.
    """
    end = tokenizer.vocab_size - 1 if tokenizer.end_of_text else None
    begun = tokenizer.encode(start)
    if not begun and end is None:
        raise ValueError("there is no text to go on from: give at least one letter")
    new = stream_tokens(
        model,
        begun or [tokenizer.vocab_size - 1],
        num_tokens,
        temperature=temperature,
        top_k=top_k,
        top_p=top_p,
        generator=torch.Generator().manual_seed(seed),
        stop_token=end,
    )
    yield tokenizer.decode(begun)
    yield from stream_text(tokenizer, new)
