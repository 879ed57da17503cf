"""The model card: what others should know before they use a model that was trained."""

import json
import re
from pathlib import Path
from typing import Any

from gptbook.data.fineweb import WEB_TEXTS
from gptbook.data.hub import GPT2_REVISIONS, OWNER
from gptbook.data.ready_tokens import READY_TEXTS
from gptbook.exchange.gguf_file import GGUF_FILE
from gptbook.files.whole_files import write_whole
from gptbook.models.sizes import parameter_count
from gptbook.tasks.assistant_recipes import AssistantRecipe, tokens_each_step
from gptbook.tasks.continued_recipes import origin, with_whole_context
from gptbook.tasks.names import gpt_config
from gptbook.tasks.recipes import TextRecipe
from gptbook.training.loss import bits_per_byte
from gptbook.training.saved_run import SavedRun

CARD_FILE = "README.md"  # which the hub shows as the card
LONGEST_REPOSITORY = 80  # the hub takes 96 letters
LICENSE_LINE = (
    "None is chosen yet: only you can. What the texts allow that it learned from, and "
    "the licence of the model that it began from, if there was one, set the bounds. "
    "Write your choice here and into the first lines of this file."
)
LOADS = {
    "huggingface": """```python
from transformers import pipeline

write = pipeline("text-generation", "YOUR-NAME/{repository}")  # or this folder
print(write({prompt}, max_new_tokens=50))
```""",
    "gguf": """```python
from llama_cpp import Llama

model = Llama("{file}", n_ctx={context})
print(model.{call}({prompt}, max_tokens=50))
```""",
}


def write_model_card(saved: SavedRun, folder: Path, to: str) -> None:
    """Write the card of a run on a text beside its export."""
    write_whole(folder / CARD_FILE, model_card(saved, to))


def model_card(saved: SavedRun, to: str) -> bytes:
    """A card with data, steps, loss and sizes; the licence is left to the reader.

    Source: the hub's own form, huggingface_hub's `ModelCardData`.
    """
    recipe, data = saved.recipe, saved.facts["data"]
    assert isinstance(recipe, TextRecipe)
    is_assistant = isinstance(recipe, AssistantRecipe)
    name = f"{recipe.name}-{data['name']}"
    title, repository = in_one_line(name), hub_name(name)
    on_hub = (WEB_TEXTS | READY_TEXTS).get(data["name"])
    head = [
        f"library_name: {'gguf' if to == 'gguf' else 'transformers'}",
        "pipeline_tag: text-generation",
        "license: unknown  # choose one before you publish, see License below",
        f"datasets: {json.dumps([on_hub] if on_hub else [])}",
    ]
    starts_from = getattr(recipe, "starts_from", "")
    if starts_from in GPT2_REVISIONS:
        head.append(f"base_model: {OWNER}/{starts_from}")
    rows = "\n".join(f"| {name} | {said} |" for name, said in card_rows(saved))
    shown = '[{"role": "user", "content": "Hello!"}]' if is_assistant else '"Once"'
    use = LOADS[to].format(
        repository=repository,
        file=GGUF_FILE,
        context=with_whole_context(recipe).context_length,
        call="create_chat_completion" if is_assistant else "create_completion",
        prompt=shown,
    )
    text = f"""---
{chr(10).join(head)}
---

# {title}

A GPT, trained with `gptbook`, the package of the book *How GPTs Work*.

| | |
|:---|:---|
{rows}

It knows what its texts say, true or not, and nothing else. Nobody has examined it for \
anything but its loss.

## Use

{use}

## License

{LICENSE_LINE}

## Upload

In this folder, with the hub's own command, after `hf auth login`:

```
hf upload YOUR-NAME/{repository} .
```
"""
    return text.encode()


def card_rows(saved: SavedRun) -> list[tuple[str, str]]:
    """What a card says of a run, each with its name."""
    recipe, facts = saved.recipe, saved.facts
    assert isinstance(recipe, TextRecipe)
    data, step = facts["data"], facts["step"]
    config = gpt_config(with_whole_context(recipe), data["vocab_size"])
    blocks = f"{config.num_layers} blocks of {config.model_dim}"
    beginning = "; ".join(origin(recipe)) or "from numbers drawn by chance"
    return [
        ("parameters", f"{parameter_count(config, recipe.form):,}"),
        ("form", f"{recipe.form}: {blocks}, {config.num_heads} heads each"),
        ("context", f"{config.context_length:,} tokens"),
        ("vocabulary", f"{config.vocab_size:,} tokens"),
        ("beginning", in_one_line(beginning)),
        (
            "data",
            f"{in_one_line(data['name'])}, {data['training_tokens']:,} tokens",
        ),
        (
            "steps",
            f"{step:,} of {recipe.num_steps:,}, each from "
            f"{tokens_each_step(recipe, data):,} tokens",
        ),
        ("held-out loss", loss_said(facts)),
    ]


def loss_said(facts: dict[str, Any]) -> str:
    """The last held-out loss of a run, in nats and in bits."""
    if not facts.get("evaluations"):
        return "not measured yet"
    last = facts["evaluations"][-1]
    loss = last["held_out_loss"]
    bits = bits_per_byte(loss, facts["data"]["bytes_per_token"])
    return (
        f"{loss:.3f} nats per token, {bits:.3f} bits per byte, after step "
        f"{last['step']:,}, on text that it never saw"
    )


def in_one_line(text: str) -> str:
    """A name of the reader's as Markdown shows it, in a table, too."""
    return " ".join(text.split()).replace("|", r"\|")


def hub_name(name: str) -> str:
    """A name as the hub takes it for a repository: letters and digits of ASCII, and -.

    >>> hub_name("laptop-my notes (2. part)")
    'laptop-my-notes-2-part'
    """
    words = re.findall(r"\w+", name, re.ASCII)
    return "-".join(words)[:LONGEST_REPOSITORY].rstrip("-")
