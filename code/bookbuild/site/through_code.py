"""The lines of the package that each station of `through-the-gpt` shows, taken from the sources as they are."""

import ast
from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent

import gptbook

PACKAGE = Path(gptbook.__file__).parent


@dataclass(frozen=True)
class Lines:
    module: str
    definition: str
    picks: tuple[tuple[str, int], ...]
    """Where each passage begins, by its first words, and how many lines it has."""


LINES = {
    "letter": Lines(
        "data.tokenizer",
        "CharacterTokenizer.encode",
        (("def encode", 1), ("return [self.ids", 1)),
    ),
    "sum": Lines("models.gpt", "GPT.forward", (("positions = ", 4),)),
    "norm": Lines("models.gpt", "Block.forward", (("def forward", 1), ("x = x + self.attention", 2))),
    "heads": Lines("models.attention", "MultiHeadAttention.heads", (("def heads", 1), ("q, k, v = (", 5))),
    "weights": Lines("models.attention", "attention_weights", (("# Unscaled", 5),)),
    "average": Lines("models.attention", "causal_attention", (("def causal_attention", 1), ("return", 1))),
    "mix": Lines("models.attention", "MultiHeadAttention.forward", (("q, k, v = self.heads", 1), ("looked_up = ", 3))),
    "add": Lines("models.gpt", "Block.forward", (("def forward", 1), ("x = x + self.attention", 2))),
    "mlp": Lines("models.gpt", "MLP.forward", (("def forward", 1), ("# GPT-2 has", 3))),
    "scores": Lines("models.gpt", "GPT.forward", (("for index, block", 4),)),
    "softmax": Lines("generation.generate", "draw_token", (("if temperature == 0", 5),)),
    "draw": Lines("generation.generate", "draw_token", (("if temperature == 0", 5),)),
}


def code_of() -> dict[str, dict[str, str]]:
    """Key -> its lines, where they stand, and the page and anchor that document them.

    Raises ValueError if a passage is no longer there.
    """
    return {key: _found(lines) for key, lines in LINES.items()}


def _found(lines: Lines) -> dict[str, str]:
    path = PACKAGE / f"{lines.module.replace('.', '/')}.py"
    source = path.read_text(encoding="utf-8")
    body: list[ast.stmt] = ast.parse(source).body
    node: ast.stmt | None = None
    for name in lines.definition.split("."):
        node = next((each for each in body if getattr(each, "name", None) == name), None)
        if not isinstance(node, ast.FunctionDef | ast.ClassDef):
            raise ValueError(f"{lines.module} has no {lines.definition}: a station of through-the-gpt shows its lines")
        body = node.body
    assert node is not None
    text = source.splitlines()[node.lineno - 1 : node.end_lineno]
    taken: list[str] = []
    for start, count in lines.picks:
        first = next((i for i, line in enumerate(text) if line.strip().startswith(start)), None)
        if first is None or first + count > len(text):
            raise ValueError(f"{lines.module}, {lines.definition}: no line begins with {start!r}")
        taken += text[first : first + count]
    wing = lines.module.split(".")[0]
    return {
        "lines": dedent("\n".join(taken)),
        "where": f"gptbook/{lines.module.replace('.', '/')}.py: {lines.definition}",
        "page": f"reference/{wing}",
        "anchor": f"gptbook.{lines.module}.{lines.definition}",
    }
