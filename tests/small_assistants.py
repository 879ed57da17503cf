"""Small assistants: made-up conversations, a base with random numbers, and a recipe of a few steps."""

import json
from dataclasses import replace
from pathlib import Path

from tiny_models import PIECES, stirred

from gptbook.data.tokenizer_files import TextTokenizer
from gptbook.tasks.assistant import AssistantTask
from gptbook.tasks.assistant_base import new_assistant
from gptbook.tasks.assistant_recipes import AssistantRecipe
from gptbook.tasks.base_model import base_of
from gptbook.tasks.recipe_words import assistant

SMALL_ASSISTANT = replace(assistant(), batch_size=8, warmup_steps=2)
SOUNDS = {"cow": "moo", "dog": "woof", "cat": "meow", "duck": "quack", "hen": "cluck", "bee": "buzz", "owl": "hoot"}
ASKED = ("What does a {} say?", "Which sound has a {}?", "Tell me how a {} sounds.")


def dialogues(folder: Path) -> Path:
    """A file of conversations, each of one or two answers of different lengths."""
    path = folder / "dialogues.jsonl"
    animals = list(SOUNDS.items())
    lines = []
    for number, (animal, sound) in enumerate(animals):
        for place, question in enumerate(ASKED):
            said = [("user", question.format(animal)), ("assistant", f"A {animal} says {sound}." * (1 + place))]
            if place == 1:
                said.insert(0, ("system", "You know animals."))
            if place == 2:
                other, heard = animals[number - 1]
                said += [("user", ASKED[0].format(other)), ("assistant", heard)]
            lines.append(json.dumps({"messages": [{"role": role, "content": content} for role, content in said]}))
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


def small_assistant(
    folder: Path,
    form: str = "gpt-2",
    tokenizer: TextTokenizer = PIECES,
    recipe: AssistantRecipe = SMALL_ASSISTANT,
    num_steps: int = 4,
    lora_rank: int | None = None,
) -> AssistantTask:
    """An assistant of a few steps, from a base with random numbers that sees 256 tokens."""
    base = base_of("random", stirred(form, tokenizer.vocab_size, context_length=256), tokenizer)
    return new_assistant(recipe, base, str(dialogues(folder)), num_steps=num_steps, lora_rank=lora_rank)
