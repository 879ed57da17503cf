"""Every model that a chapter published scores in the page as it does in PyTorch, on a hundred prompts."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from conftest import Site
from playwright.sync_api import Browser
from safetensors import safe_open
from safetensors.torch import load_file
from torch import Tensor, nn

from gptbook.models.attention import AttentionModel
from gptbook.models.gpt import GPT, GPTConfig
from gptbook.models.ngram import NgramNet

pytestmark = pytest.mark.browser

NUM_PROMPTS = 100
TOLERANCE = 1e-4
SCORE = """async ([address, engine, prompts]) => {
  const { modelsOf } = await import(engine);
  const model = await modelsOf(location.origin)(address);
  const found = [];
  for (const prompt of prompts) found.push(Array.from((await model.next(prompt)).logits));
  model.close();
  return found.map((row) => row.map((score) => (score === -Infinity ? "none" : score)));
}"""


def opened(path: Path) -> tuple[str, dict[str, Any], dict[str, Tensor]]:
    with safe_open(path, "pt") as file:
        about = file.metadata()
    return about["form"], json.loads(about["config"]), {name: t.float() for name, t in load_file(path).items()}


def in_torch(form: str, config: dict[str, Any], tensors: dict[str, Tensor]) -> tuple[Any, list[Any]]:
    """What scores a prompt by the package, and a hundred prompts."""
    generator = torch.Generator().manual_seed(0)

    def ids(vocab_size: int, length: int) -> list[Any]:
        return [torch.randint(vocab_size, (1 + n % length,), generator=generator).tolist() for n in range(NUM_PROMPTS)]

    if form == "table":
        table = tensors["probabilities"]
        return lambda prompt: table[prompt[-1]].log(), ids(len(table), 3)
    model: nn.Module
    if form == "ngram-net":
        sizes = {"embedding_dim": tensors["embedding.weight"].shape[1], "hidden_dim": len(tensors["second.bias"])}
        model = NgramNet(**config, **sizes)
        width = config["context_length"]
        prompts = ids(config["vocab_size"], 6)
        model.load_state_dict(tensors)
        return lambda prompt: model(torch.tensor([([0] * width + prompt)[-width:]]))[0], prompts
    model = GPT(GPTConfig(**config)) if form == "gpt-2" else AttentionModel(**config)
    model.load_state_dict(tensors)
    prompts = ids(config["vocab_size"], config.get("context_length", 20))
    return lambda prompt: model(torch.tensor([prompt]))[0, -1], prompts


@torch.no_grad()
def test_every_published_model_scores_as_torch_does(browser: Browser, site: Site) -> None:
    files = sorted((site.folder / "live").rglob("*.safetensors"))
    assert {opened(file)[0] for file in files} == {"table", "ngram-net", "attention", "gpt-2"}
    page = browser.new_page()
    page.goto(site.page("glossary.md"))
    for file in files:
        score, prompts = in_torch(*opened(file))
        address = site.url + file.relative_to(site.folder).as_posix()
        found = page.evaluate(SCORE, [address, site.url + "widgets/engine.js", prompts])
        for prompt, row in zip(prompts, found, strict=True):
            mine = torch.tensor([-torch.inf if value == "none" else value for value in row])
            torch.testing.assert_close(mine, score(prompt), rtol=0, atol=TOLERANCE, msg=f"{file.name}: {prompt}")
    page.close()
