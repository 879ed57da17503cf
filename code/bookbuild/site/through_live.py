"""What the live piece `through-the-gpt` opens on: the numbers of chapter 11's model on its way through one name.

The model is the one that the chapter trained while it ran, opened here through the package; the page computes the same
numbers for any other name by itself (`docs/widgets/trace.js`), and a test compares all of them with `numbers_of`.
"""

import json

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from bookbuild.site.home_live import published
from bookbuild.site.through_code import code_of
from gptbook.data.tables import city_names, split_names
from gptbook.data.tokenizer import CharacterTokenizer
from gptbook.models.gpt import GPT, Block, GPTConfig

TEXT = "plym"
NUM_UNSEEN = 500
DIGITS = 4
OPENED = ("start", "looked", "thought", "bent", "score", "share", "scores")
"""The numbers that the opening state shows: all running sums, hidden units, and where the heads look."""


def through_files(city: bytes) -> dict[str, bytes]:
    """`through.json`, the opening state, and `unseen.json`, names to judge by, of a published model."""
    model, tokenizer = opened_gpt(city)
    tokens = [0, *tokenizer.encode(TEXT)]
    numbers = numbers_of(model, tokens)
    shown = {key: value for key, value in numbers.items() if _name(key) in OPENED}
    sums = [key for key in shown if _name(key) in ("start", "looked", "thought")]
    opening = {
        "text": TEXT,
        "config": vars(model.config),
        "numbers": {key: _rounded(_by_position(key, value)) for key, value in shown.items()},
        "lens": {key: likeliest_now(model, numbers[key][-1], tokenizer) for key in sums},
        "heads": [1 + clearest(numbers[f"b{block + 1}share"][:, -1]) for block in range(model.config.num_layers)],
        "parameters": sum(parameter.numel() for parameter in model.parameters()),
        "unseen": NUM_UNSEEN,
        "code": code_of(),
    }
    _, held_out = split_names(city_names(), held_out=0.1, seed=0)
    return {
        "through.json": json.dumps(opening, separators=(",", ":")).encode(),
        "unseen.json": json.dumps(held_out[:NUM_UNSEEN], separators=(",", ":")).encode(),
    }


def opened_gpt(content: bytes) -> tuple[GPT, CharacterTokenizer]:
    """A published GPT of letters and its tokenizer."""
    _, config, tensors, tokenizer = published(content)
    model = GPT(GPTConfig(**config))
    model.load_state_dict(tensors)
    return model.eval(), tokenizer


@torch.no_grad()
def numbers_of(model: GPT, tokens: list[int]) -> dict[str, Tensor]:
    """Every number on the way of these tokens, by the keys of `docs/widgets/trace.js`.

    Shapes: (T, D); of hidden units (T, F); of scores and shares of the heads (N, T, T); `scores` (T, V).
    """
    found: dict[str, Tensor] = {}
    into: dict[nn.Module, Tensor] = {}
    out: dict[nn.Module, Tensor] = {}

    def note(part: nn.Module, given: tuple[Tensor, ...], output: Tensor) -> None:
        into[part], out[part] = given[0][0], output[0]

    hooks = [part.register_forward_hook(note) for part in model.modules()]
    logits = model(torch.tensor([tokens]))[0]
    for hook in hooks:
        hook.remove()
    found["token"] = model.token_embedding.weight[tokens]
    found["place"] = model.position_embedding.weight[: len(tokens)]
    blocks = [block for block in model.blocks if isinstance(block, Block)]
    found["start"] = into[blocks[0]]
    for number, block in enumerate(blocks, 1):
        attention, mlp = block.attention, block.mlp
        copy = out[block.attention_norm]
        query, key, value = attention.heads(copy[None])
        scores = (query @ key.mT / query.shape[-1] ** 0.5)[0].tril()  # what is masked is never asked for
        found |= {
            f"b{number}lookNorm": copy,
            f"b{number}query": query[0].transpose(0, 1).flatten(1),
            f"b{number}key": key[0].transpose(0, 1).flatten(1),
            f"b{number}value": value[0].transpose(0, 1).flatten(1),
            f"b{number}score": scores,
            f"b{number}share": attention.weights(copy[None])[0],
            f"b{number}found": into[attention.output],
            f"b{number}attention": out[attention],
            f"b{number}looked": into[block.mlp_norm],
            f"b{number}thinkNorm": out[block.mlp_norm],
            f"b{number}wide": out[mlp.hidden],
            f"b{number}bent": into[mlp.output],
            f"b{number}mlp": out[mlp],
            f"b{number}thought": out[block],
        }
    return found | {"norm": out[model.final_norm], "scores": logits}


@torch.no_grad()
def likeliest_now(model: GPT, running_sum: Tensor, tokenizer: CharacterTokenizer, count: int = 3) -> list[list[object]]:
    """What the last norm and the table make of a running sum (D,), the likeliest first: the logit lens.

    Source: nostalgebraist 2020, "interpreting GPT: the logit lens".
    """
    shares = F.linear(model.final_norm(running_sum), model.token_embedding.weight).softmax(dim=-1)
    labels = ["end", *tokenizer.labels[1:]]
    return [[labels[i], round(shares[i].item(), DIGITS)] for i in shares.argsort(descending=True)[:count].tolist()]


def clearest(looks: Tensor) -> int:
    """The head whose last letter gives most to one earlier letter, itself and the start mark not counted.

    Shapes: looks (N, T), the shares of the last position.
    """
    return int(looks[:, 1:-1].amax(dim=1).argmax())


def _name(key: str) -> str:
    return key[2:] if key[0] == "b" and key[1].isdigit() else key


def _by_position(key: str, value: Tensor) -> Tensor:
    """Position first, as the page asks for it."""
    return value.transpose(0, 1) if _name(key) in ("score", "share") else value


def _rounded(value: Tensor) -> list[object]:
    return (
        [round(number, DIGITS) for number in value.tolist()] if value.dim() == 1 else [_rounded(row) for row in value]
    )
