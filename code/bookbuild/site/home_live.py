"""The home page's live piece: each rung of the ladder goes on with the city that the reader begins.

The models are those that the chapters trained while they ran, opened here through the package to draw the names that
the piece opens on; the page then draws its own with the same chance (`bookbuild.live.Chance` is its generator too).
The last rung of the drawn ladder has no weights in the book, only a record: its number and a name it wrote stand below.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from safetensors.torch import load
from torch import Tensor

from bookbuild.drawings.ladder import rungs as recorded_rungs
from bookbuild.live import Chance
from gptbook.data.tokenizer import CharacterTokenizer
from gptbook.models.gpt import GPT, GPTConfig
from gptbook.models.ngram import NgramNet

START, SEED, LONGEST = "ber", 10, 24


@dataclass(frozen=True)
class LiveRung:
    label: str
    chapter: str
    model: str
    """`live/<chapter>/<model>.safetensors`; `losses.json` beside it has its held-out loss."""


RUNGS = (
    LiveRung("how common each letter is", "one-letter-at-a-time", "letters"),
    LiveRung("one letter back, counted", "one-letter-at-a-time", "smoothed"),
    LiveRung("one letter back, a net", "one-letter-at-a-time", "net"),
    LiveRung("three letters back, a net", "more-context", "net3"),
    LiveRung("a small GPT, two blocks", "gpt", "city"),
)

LiveFiles = Mapping[str, Mapping[str, bytes]]
"""Chapter -> name of a file of its live piece -> content."""


def home_opening(live: LiveFiles) -> dict[str, object]:
    """What the piece opens on. Raises KeyError if a chapter does not publish its rung."""
    rungs = []
    for rung in RUNGS:
        files = live[rung.chapter]
        loss = json.loads(files["losses.json"])[rung.model]
        name = continued(files[f"{rung.model}.safetensors"], START, SEED)
        rungs.append(
            {
                "label": rung.label,
                "model": f"{rung.chapter}/{rung.model}.safetensors",
                "loss": loss,
                "name": name,
            }
        )
    last = recorded_rungs()[0][-1]
    recorded = {"label": f"{last.name}: {last.does}", "loss": last.loss, "name": last.name_written}
    return {"text": START, "seed": SEED, "longest": LONGEST, "rungs": rungs, "recorded": recorded}


def continued(content: bytes, start: str, seed: int) -> str:
    """A name that a published model writes after `start`, at most LONGEST letters; its end is the mark's turn."""
    next_shares, tokenizer = opened(content)
    chance = Chance(seed)
    tokens = [0, *tokenizer.encode(start)]
    while len(tokens) <= LONGEST:
        drawn = chance.draw(next_shares(tokens))
        if drawn == 0:
            break
        tokens.append(drawn)
    return tokenizer.decode(tokens)


def published(content: bytes) -> tuple[str, dict[str, int], dict[str, Tensor], CharacterTokenizer]:
    """Of a published model of letters: its form, its sizes, its tensors and its tokenizer."""
    length = int.from_bytes(content[:8], "little")  # of the header, which is JSON
    metadata: Mapping[str, str] = json.loads(content[8 : 8 + length])["__metadata__"]
    tensors = {name: tensor.float() for name, tensor in load(content).items()}
    tokenizer = CharacterTokenizer(json.loads(metadata["tokenizer"])["characters"])
    return metadata["form"], json.loads(metadata["config"]), tensors, tokenizer


def opened(content: bytes) -> tuple[Callable[[list[int]], Tensor], CharacterTokenizer]:
    """What says the probabilities (V,) after tokens, mark in front; and its tokenizer."""
    form, config, tensors, tokenizer = published(content)
    if form == "table":
        table = tensors["probabilities"]
        return lambda tokens: table[tokens[-1]], tokenizer
    model: GPT | NgramNet
    if form == "gpt-2":
        model = GPT(GPTConfig(**config))
    else:
        embedding_dim, hidden_dim = tensors["embedding.weight"].shape[1], tensors["second.weight"].shape[0]
        model = NgramNet(**config, embedding_dim=embedding_dim, hidden_dim=hidden_dim)
    model.load_state_dict(tensors)
    model.eval()

    @torch.no_grad()
    def shares(tokens: list[int]) -> Tensor:
        if isinstance(model, GPT):
            seen = tokens[-config["context_length"] :]
            return model(torch.tensor([seen]))[0, -1].softmax(dim=-1)
        seen = ([0] * config["context_length"] + tokens)[-config["context_length"] :]
        return model(torch.tensor([seen]))[0].softmax(dim=-1)

    return shares, tokenizer
