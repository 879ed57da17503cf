"""The classic mistakes of training, each as the line of the package that it changes."""

from collections.abc import Mapping
from dataclasses import dataclass
from difflib import unified_diff

from gptbook.experiments.planting import PlantedPackage, source_path


@dataclass(frozen=True)
class Mistake:
    """A mistake that people make, as what it does to the code."""

    slug: str
    """Its word in the record, in the tests and on the page."""
    symptom: str
    """By what one meets it: a heading of the page, in a word or two."""
    changes: tuple[tuple[str, str, str], ...]
    """Mostly one: a module, the right text in its source, the wrong text."""

    def planted(self) -> PlantedPackage:
        """The package with this mistake in it."""
        return PlantedPackage(self.changes)

    def diff(self) -> str:
        """The cure in lines of the package: wrong ones with -, right ones with +."""
        lines = []
        for module, source in self.planted().sources.items():
            right = source_path(module).read_text("utf-8").splitlines()
            change = unified_diff(source.splitlines(), right, n=0, lineterm="")
            lines += [line for line in change if not line.startswith(("---", "+++"))]
        code = [line for line in lines if not line.startswith("@@")]
        indent = min(len(line) - len(line[1:].lstrip()) for line in code if line[1:])
        return "\n".join(f"{line[0]} {line[indent:]}" for line in code if line[1:])


def mistakes() -> dict[str, Mistake]:
    """Every mistake by its slug, in the order of the page."""
    symptoms: dict[str, Mapping[str, tuple[str, ...]]] = {
        "start": WRONG_AT_THE_START,
        "too good": TOO_GOOD,
        "stuck": STUCK,
        "worse": WORSE,
        "held out": HELD_OUT,
        "writing": WRITING,
        "going on": GOING_ON,
        "quiet": QUIET,
    }
    return {
        slug: Mistake(slug, symptom, tuple(zip(texts[::3], texts[1::3], texts[2::3])))
        for symptom, group in symptoms.items()
        for slug, texts in group.items()
    }


# Module, right text, wrong text; a second change follows in the same way.
WRONG_AT_THE_START = {
    "start-too-large": (
        "gpt",
        "self.token_embedding.weight, std=0.02)",
        "self.token_embedding.weight, std=1.0)",
    ),
    "bits-called-nats": (
        "engine",
        "total += self.forward_backward_part(part)",
        "total += self.forward_backward_part(part) / 0.6931",
    ),
    "accumulation-not-divided": (
        "engine",
        "        loss = loss / self.num_parts  # so that the parts average\n",
        "",
    ),
    "mask-hides-all": (
        "attention",
        "later = ones.triu(diagonal=1)",
        "later = ones.triu(diagonal=0)",
    ),
}
TOO_GOOD = {
    "targets-not-shifted": (
        "sequences",
        "targets[row, : len(tokens) + 1] = torch.tensor([*tokens, 0])",
        "targets[row, : len(tokens) + 1] = torch.tensor([0, *tokens])",
    ),
    "mask-missing": (
        "attention",
        "scores.masked_fill(later, -torch.inf).softmax(dim=-1)",
        "scores.softmax(dim=-1)",
    ),
    "mask-one-late": (
        "attention",
        "later = ones.triu(diagonal=1)",
        "later = ones.triu(diagonal=2)",
    ),
    "heads-by-reshape": (
        "attention",
        "part.unflatten(-1, (self.num_heads, -1)).transpose(1, 2)",
        "part.reshape(len(x), self.num_heads, x.shape[1], -1)",
    ),
    "softmax-over-queries": (
        "attention",
        "scores.masked_fill(later, -torch.inf).softmax(dim=-1)",
        "scores.masked_fill(later, -torch.inf).softmax(dim=-2)",
    ),
    "loss-over-padding": (
        "sequences",
        "targets = torch.full((len(sequences), width), NO_TARGET)",
        "targets = torch.zeros(len(sequences), width, dtype=torch.long)",
    ),
    "held-out-leaks": (
        "small_task",
        "self.encoded(training[::one_in])",
        "self.encoded(training[::one_in] + held_out[::one_in])",
    ),
}
STUCK = {
    "rate-too-high": (
        "engine",
        'group["lr"] = group["rate"] * rate_scale',
        'group["lr"] = group["rate"] * rate_scale * 30',
    ),
    "rate-too-low": (
        "engine",
        'group["lr"] = group["rate"] * rate_scale',
        'group["lr"] = group["rate"] * rate_scale / 100',
    ),
    "old-parameters": (
        "small_task",
        "groups = decaying_groups(self.model,",
        "groups = decaying_groups(SmallGPT(self.model.config, 0.2),",
    ),
    "gradients-not-zeroed": (
        "engine",
        "        self.optimizer.zero_grad()\n",
        "",
    ),
    "softmax-twice": (
        "small_task",
        "return next_token_loss(model(inputs), targets)",
        "return next_token_loss(model(inputs).softmax(dim=-1), targets)",
    ),
}
WORSE = {
    "no-warm-up": (
        "optim",
        "(step + 1) / warmup_steps, (num_steps - step) / num_steps)",
        "(num_steps - step) / num_steps)",
    ),
    "label-off-by-two": (
        "sequences",
        "torch.tensor([*tokens, 0])",
        "torch.tensor([*tokens[1:], 0, 0][: len(tokens) + 1])",
    ),
    "adam-with-decay": (
        "small_task",
        "torch.optim.AdamW(groups",
        "torch.optim.Adam(groups",
    ),
    "blocks-in-a-list": (
        "gpt",
        "nn.ModuleList(Block(config) for _ in range(config.num_layers))",
        "[Block(config) for _ in range(config.num_layers)]",
    ),
    "residual-forgotten": (
        "gpt",
        "return x + self.mlp(self.mlp_norm(x))",
        "return self.mlp(self.mlp_norm(x))",
    ),
    "positions-forgotten": (
        "gpt",
        "self.token_embedding(tokens) + self.position_embedding(positions)",
        "self.token_embedding(tokens)",
    ),
    "graph-cut": (
        "gpt",
        "x = block(x, cache",
        "x = block(x.detach(), cache",
    ),
    "one-block-many-times": (
        "gpt",
        "nn.ModuleList(Block(config) for _ in range(config.num_layers))",
        "nn.ModuleList([Block(config)] * config.num_layers)",
    ),
    "data-not-shuffled": (
        "small_task",
        "order = torch.randperm(num_rows, generator=generator)",
        "order = torch.arange(num_rows)",
    ),
}
HELD_OUT = {
    "same-batch": (
        "small_task",
        "epoch, batch = divmod(step, num_rows // batch_size)",
        "epoch, batch = 0, 0",
    ),
    "other-tokenizer": (
        "small_task",
        "        self.held_out = self.encoded(",
        "        self.tokenizer.__init__(self.tokenizer.characters[::-1])\n"
        "        self.held_out = self.encoded(",
    ),
    "evaluation-in-training-mode": (
        "measure",
        "    model.eval()\n    order",
        "    order",
    ),
    "never-back-to-training": (
        "engine",
        "        self.model.train()\n",
        "",
    ),
}
WRITING = {
    "end-not-learned": (
        "sequences",
        "targets[row, : len(tokens) + 1] = torch.tensor([*tokens, 0])",
        "targets[row, : len(tokens)] = torch.tensor(tokens)",
    ),
    "newest-token-only": (
        "generate",
        "written[-config.context_length :]",
        "written[-1:]",
    ),
    "cache-off-by-one": (
        "gpt",
        "first = cache.length if cache else 0",
        "first = max(cache.length - 1, 0) if cache else 0",
    ),
    "dropout-while-writing": (
        "small_task",
        "        self.model.eval()\n        begun",
        "        begun",
    ),
    "temperature-times": (
        "generate",
        "(scores - scores.max()) / temperature",
        "(scores - scores.max()) * temperature",
    ),
}
GOING_ON = {
    "optimizer-forgotten": (
        "engine",
        "restore_training(saved.tensors, self.model, self.optimizer)",
        "restore_training(saved.tensors, self.model)",
    ),
    "step-forgotten": (
        "engine",
        'self.step = saved.facts["step"]',
        "self.step = 0",
    ),
}
QUIET = {
    "weights-not-tied": (
        "gpt",
        "        self.initialize()\n\n",
        "        self.prediction = nn.Parameter("
        "0.02 * torch.randn(config.vocab_size, config.model_dim))\n"
        "        self.initialize()\n\n",
        "gpt",
        "F.linear(self.final_norm(x), self.token_embedding.weight)",
        "F.linear(self.final_norm(x), self.prediction)",
    ),
    "scores-not-divided": (
        "attention",
        "scores = q @ k.mT / head_dim**0.5",
        "scores = q @ k.mT",
    ),
    "norm-after": (
        "gpt",
        "x = x + self.attention(self.attention_norm(x), cache)",
        "x = self.attention_norm(x + self.attention(x, cache))",
        "gpt",
        "return x + self.mlp(self.mlp_norm(x))",
        "return self.mlp_norm(x + self.mlp(x))",
    ),
    "never-decays": (
        "optim",
        "(step + 1) / warmup_steps, (num_steps - step) / num_steps)",
        "(step + 1) / warmup_steps)",
    ),
    "decay-on-norms": (
        "small_task",
        'for p in parameters if p.ndim < 2], "weight_decay": 0.0}',
        'for p in parameters if p.ndim < 2], "weight_decay": weight_decay}',
    ),
    "not-clipped": (
        "engine",
        "nn.utils.clip_grad_norm_(self.model.parameters(), longest)",
        'nn.utils.clip_grad_norm_(self.model.parameters(), float("inf"))',
    ),
    "seed-fixed": (
        "engine",
        "own = self.recipe.seed * 1_000_003 + self.step",
        "own = self.recipe.seed",
    ),
}
