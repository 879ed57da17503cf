"""How large a GPT is: its parameters, its operations, the memory to train it."""

from dataclasses import dataclass

from gptbook.models.gpt import GPTConfig

# What PyTorch keeps of each token for the way back, in bytes: in a block, for each of
# its D, F and N, and besides; outside the blocks, for each of D; and for each of D of
# each pair of opposite blocks. A test counts them.
KEPT_BYTES = {
    ("gpt-2", "float32"): (32, 8, 4, 16, 8, 0),
    ("gpt-2", "bfloat16"): (20, 4, 4, 16, 6, 0),
    ("modern", "float32"): (44, 8, 12, 8, 12, 0),
    ("modern", "bfloat16"): (34, 4, 12, 8, 10, 0),
    ("speedrun", "float32"): (48, 8, 12, 8, 16, 8),
    ("speedrun", "bfloat16"): (32, 4, 12, 8, 12, 4),
}
# A score for each entry of the vocabulary is there more than once when the way back
# begins: its logarithm, its slope, and in bfloat16 the slope once more, shorter.
LOGIT_BYTES = {"float32": 8, "bfloat16": 10}
CAP_BYTES = {"float32": 4, "bfloat16": 2}  # more, where scores are capped
USABLE_SHARE = 0.85  # the rest is for CUDA itself, and for gaps between tensors


def parameter_count(config: GPTConfig, form: str) -> int:
    """How many numbers a GPT of the form `gpt-2`, `modern` or `speedrun` learns."""
    if form == "gpt-2":
        return sum(term.count for term in parameter_terms(config))
    tables = 2 * config.vocab_size * config.model_dim
    return matrix_count(config) + tables + shortcut_count(config, form)


def shortcut_count(config: GPTConfig, form: str) -> int:
    """How many shares a `SpeedrunGPT` learns: three a block, one a pair of blocks."""
    if form != "speedrun":
        return 0
    return 3 * config.num_layers + config.num_layers // 2


def size_lines(config: GPTConfig, form: str) -> list[str]:
    """The number of parameters, and for the newer forms how it comes about."""
    count = parameter_count(config, form)
    lines = [f"{count:,} parameters ({form} form)"]
    if form != "gpt-2":
        before, table = (
            parameter_count(config, "gpt-2"),
            config.vocab_size * config.model_dim,
        )
        shares = shortcut_count(config, form)
        lines += [
            f"= {before:,} of the same sizes in the gpt-2 form",
            f"- {before + table + shares - count:,} for positions, biases and norms",
            f"+ {table:,} for a second token table, which predicts",
        ]
        if shares:
            lines += [f"+ {shares} for the shares of its shortcuts"]
    return lines


def matrix_count(config: GPTConfig) -> int:
    """How many numbers the matrices inside the blocks hold, in either form."""
    dim, hidden = config.model_dim, config.mlp_dim
    return config.num_layers * (4 * dim**2 + 2 * dim * hidden)


@dataclass(frozen=True, kw_only=True)
class TrainingMemory:
    """Where the memory goes while a model trains, in bytes."""

    weights: int
    """The parameters in float32; in bfloat16 a short copy of each matrix beside."""
    gradients: int
    """One slope for each parameter."""
    optimizer: int
    """What it remembers: two numbers a parameter for AdamW, one for Muon."""
    per_sequence: int
    """What each text of the batch keeps until the way back is done."""

    def total(self, num_sequences: int) -> int:
        """All of it, with so many texts at once."""
        fixed = self.weights + self.gradients + self.optimizer
        return fixed + num_sequences * self.per_sequence


def training_memory(
    config: GPTConfig, form: str, optimizer: str, precision: str
) -> TrainingMemory:
    """The memory to train a GPT on texts of its whole context, without a compiler.

    form is gpt-2, modern or speedrun, optimizer muon or adamw, precision float32 or
    bfloat16.
    A compiler joins steps and keeps less, so this is on the safe side.
    """
    parameters, matrices = parameter_count(config, form), matrix_count(config)
    copies = matrices + config.vocab_size * config.model_dim
    by_muon = matrices if optimizer == "muon" else 0
    dim, hidden, head, rest, outside, pair = KEPT_BYTES[form, precision]
    per_token = config.num_layers * (
        dim * config.model_dim + hidden * config.mlp_dim + head * config.num_heads
    )
    per_token += config.num_layers * rest + outside * config.model_dim + 16
    per_token += config.num_layers // 2 * pair * config.model_dim
    per_token += logit_bytes(form, precision) * config.vocab_size
    return TrainingMemory(
        weights=4 * parameters + (2 * copies if precision == "bfloat16" else 0),
        gradients=4 * parameters,
        optimizer=8 * (parameters - by_muon) + 4 * by_muon,
        per_sequence=config.context_length * per_token,
    )


def logit_bytes(form: str, precision: str) -> int:
    """The bytes of a score for each entry of the vocabulary, while training."""
    return LOGIT_BYTES[precision] + CAP_BYTES[precision] * (form == "speedrun")


def sequences_at_once(memory: TrainingMemory, batch_size: int, num_bytes: int) -> int:
    """The largest part of a batch that fits: a half of it, a quarter, ..., or one.

    The step stays the same: batch_size / part passes add up their gradients before it.
    num_bytes is the memory of one device, batch_size the device's share of the batch.
    Raises ValueError if a single text is too much.
    """
    part = batch_size
    while memory.total(part) > USABLE_SHARE * num_bytes:
        if part == 1:
            raise ValueError(
                f"one text at a time takes {memory.total(1) / 1e9:.1f} GB, and "
                f"{num_bytes / 1e9:.0f} GB are there: halve context_length, or take "
                "a smaller model"
            )
        part = part // 2 if part % 2 == 0 else 1
    return part


@dataclass(frozen=True)
class ParameterTerm:
    """One term of the GPT-2 equation and how many numbers it has to learn."""

    name: str
    """What the term does, in words."""
    shape: str
    """The shapes of its tensors in the letters of the legend, once, not per block."""
    formula: str
    """The count over all L blocks, as plain text."""
    latex: str
    """The same as LaTeX."""
    count: int
    """The same as a number."""


def parameter_terms(config: GPTConfig) -> list[ParameterTerm]:
    """A GPT's parameters term by term, from its sizes alone; they sum to the model's.

    The last row, the prediction, has none: it reads the token embedding again.
    """
    layers, dim, hidden = config.num_layers, config.model_dim, config.mlp_dim  # L, D, F
    norm = ("(D), (D)", "L·2D", r"L \cdot 2D", layers * 2 * dim)
    rows = {  # name: shapes, count as plain text, as LaTeX, as a number
        "token embedding": ("(V, D)", "V·D", "V D", config.vocab_size * dim),
        "position embedding": ("(C, D)", "C·D", "C D", config.context_length * dim),
        "layer norm before attention": norm,
        "queries, keys, values": (
            "(D, 3D), (3D)",
            "L·(3D² + 3D)",
            "L (3D^2 + 3D)",
            layers * (3 * dim**2 + 3 * dim),
        ),
        "attention output": (
            "(D, D), (D)",
            "L·(D² + D)",
            "L (D^2 + D)",
            layers * (dim**2 + dim),
        ),
        "layer norm before MLP": norm,
        "MLP, first layer": (
            "(D, F), (F)",
            "L·(DF + F)",
            "L (D F + F)",
            layers * (dim * hidden + hidden),
        ),
        "MLP, second layer": (
            "(F, D), (D)",
            "L·(FD + D)",
            "L (F D + D)",
            layers * (hidden * dim + dim),
        ),
        "final layer norm": ("(D), (D)", "2D", "2D", 2 * dim),
        "prediction": ("the token embedding again", "0", "0", 0),
    }
    return [ParameterTerm(name, *row) for name, row in rows.items()]


def forward_flops(config: GPTConfig) -> int:
    """The additions and multiplications for one token of a full context, one way.

    Only products of matrices count; the rest is less than a hundredth. Each number of
    a matrix is multiplied once and added once. A token's query meets the keys of all T
    positions, and its shares meet all values: masked ones too, as in PaLM's count.
    Sources: Kaplan et al. 2020, table 1; Chowdhery et al. 2022 (PaLM), appendix B.
    """
    prediction = config.vocab_size * config.model_dim
    attention = config.num_layers * config.context_length * config.model_dim
    return 2 * (matrix_count(config) + prediction) + 2 * 2 * attention


def flops_per_token(config: GPTConfig) -> int:
    """The same for training, there and back; both forms multiply the same matrices.

    Back takes twice as many: one product for the slope of each product's left side,
    one for its right.
    """
    return 3 * forward_flops(config)


def rule_of_thumb(config: GPTConfig) -> int:
    """6 operations a token for each parameter inside the blocks, tables left out.

    So Kaplan et al. 2020, section 2.1, define it: their N counts no embedding, and
    biases and norms are too few to matter. What it leaves out beside `flops_per_token`:
    the product with the table that predicts, and that attention compares positions.
    """
    return 6 * matrix_count(config)
