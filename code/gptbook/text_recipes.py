"""Recipes for a GPT that learns from a text: on a laptop, and on rented GPUs."""

from dataclasses import dataclass, replace

from gptbook.recipes import Recipe

FORMS = ("modern", "gpt-2")
OPTIMIZERS = ("muon", "adamw")


@dataclass(frozen=True, kw_only=True)
class TextRecipe(Recipe):
    """A GPT that learns to go on with a text."""

    data: str = ""
    """The folder of the prepared text."""
    form: str = "modern"
    """What the model is built like: modern, or gpt-2."""
    optimizer: str = "muon"
    """muon (for the matrices in blocks; AdamW for the rest), or adamw for all."""
    num_layers: int
    """How many blocks stand on one another."""
    num_heads: int
    """How many attention heads work side by side in a block."""
    model_dim: int
    """How many numbers describe a token between blocks."""
    mlp_dim: int
    """How many hidden units the MLP of a block has."""
    context_length: int
    """How many tokens the model can see."""
    batch_size: int
    """How many windows of that length a step learns from, over all devices."""
    learning_rate: float
    """How far a step moves the matrices in the blocks, at its height."""
    other_rate: float
    """The same for all other parameters."""
    warmup_steps: int
    """Over how many steps the rates grow to their height; then they fall to zero."""
    weight_decay: float = 0.0
    """The share of each matrix that AdamW takes off, times the rate."""
    max_gradient_norm: float = 1.0
    """A longer gradient is shortened to this, so that one odd batch cannot throw it."""
    dropout: float = 0.0
    """The share of hidden numbers that each step leaves out, by chance."""
    evaluate_every: int
    """After how many steps the held-out loss is measured."""
    num_windows: int = 100
    """On how many held-out windows it is measured, always the same ones."""

    def __post_init__(self) -> None:
        """Raises ValueError, which names the field, for a value that cannot be."""
        super().__post_init__()
        for field, known in (("form", FORMS), ("optimizer", OPTIMIZERS)):
            if getattr(self, field) not in known:
                raise ValueError(
                    f"{field} is {getattr(self, field)}: give {' or '.join(known)}"
                )
        if not 0 <= self.dropout < 1:
            raise ValueError(f"dropout is {self.dropout}: give 0 or more, below 1")
        if self.form == "gpt-2" and self.dropout:
            raise ValueError("the form gpt-2 has no dropout here: leave it at 0")
        if not 0 <= self.weight_decay < 1:
            raise ValueError(f"weight_decay is {self.weight_decay}: give 0 to 1")
        if not self.max_gradient_norm > 0:
            raise ValueError(
                f"max_gradient_norm is {self.max_gradient_norm}: give more than 0"
            )
        if self.model_dim % self.num_heads:
            raise ValueError(
                f"model_dim ({self.model_dim}) is not a multiple of num_heads "
                f"({self.num_heads}): give all heads the same share"
            )

    @property
    def batch_tokens(self) -> int:
        """How many tokens a step learns from."""
        return self.batch_size * self.context_length

    @property
    def num_tokens(self) -> int:
        """How many tokens all steps learn from, together."""
        return self.num_steps * self.batch_tokens


def laptop() -> TextRecipe:
    """A few minutes on the processor of a laptop, with any text."""
    return TextRecipe(
        name="laptop",
        num_steps=1000,
        num_layers=4,
        num_heads=4,
        model_dim=128,
        mlp_dim=512,
        context_length=128,
        batch_size=16,
        learning_rate=0.03,
        other_rate=0.008,
        warmup_steps=20,
        evaluate_every=125,
    )


def gpt2_124m() -> TextRecipe:
    """GPT-2 small's sizes in the modern form: some five dollars of one H100.

    It has 162,129,408 parameters, GPT-2 small 124,439,808: a second token table makes
    it larger, and positions, biases and norms that it does without a little smaller.
    Steps and batch follow modded-nanogpt's record of 3 November 2024, whose model has
    the same changes and a second table, too; rates those of the record before it.
    """
    return TextRecipe(
        name="gpt2-124m",
        num_steps=4_600,
        num_layers=12,
        num_heads=6,
        model_dim=768,
        mlp_dim=3_072,
        context_length=1_024,
        batch_size=512,
        learning_rate=0.02,
        other_rate=0.0036,
        warmup_steps=100,
        evaluate_every=125,
        num_windows=1_024,
    )


def gpt2_124m_2019() -> TextRecipe:
    """GPT-2 small to the letter with AdamW, to compare with: 124,439,808 parameters.

    Rates and batch are those that nanoGPT and llm.c train it with.
    """
    return replace(
        gpt2_124m(),
        name="gpt2-124m-2019",
        form="gpt-2",
        optimizer="adamw",
        num_steps=18_865,
        num_heads=12,
        learning_rate=6e-4,
        other_rate=6e-4,
        weight_decay=0.1,
        warmup_steps=700,
        evaluate_every=250,
    )
