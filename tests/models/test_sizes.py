"""How much memory training takes: counted against what PyTorch keeps."""

import contextlib

import pytest
import torch
from torch import nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from gptbook.models.gpt import GPT, GPTConfig
from gptbook.models.modern import ModernGPT
from gptbook.models.sizes import (
    LOGIT_BYTES,
    TrainingMemory,
    flops_per_token,
    forward_flops,
    matrix_count,
    parameter_count,
    parameter_terms,
    rule_of_thumb,
    sequences_at_once,
    training_memory,
)
from gptbook.models.speedrun import SpeedrunGPT
from gptbook.training.loss import next_token_loss
from gptbook.training.optim import MuonAdamW, muon_groups

SMALL = GPTConfig(vocab_size=27, context_length=8, num_layers=3, num_heads=2, model_dim=16, mlp_dim=40)


FORMS = {"gpt-2": GPT, "modern": ModernGPT, "speedrun": SpeedrunGPT}
COUNTED = GPTConfig(vocab_size=40, context_length=24, num_layers=3, num_heads=4, model_dim=32, mlp_dim=96)
SIZES = [
    GPTConfig(vocab_size=60, context_length=32, num_layers=2, num_heads=2, model_dim=32, mlp_dim=96),
    GPTConfig(vocab_size=90, context_length=48, num_layers=3, num_heads=4, model_dim=48, mlp_dim=128),
]


def kept_bytes(model: torch.nn.Module, batch_size: int, config: GPTConfig, precision: str) -> int:
    """What autograd keeps for the way back, weights not counted."""
    weights = {parameter.untyped_storage().data_ptr() for parameter in model.parameters()}
    kept: dict[int, torch.Tensor] = {}

    def keep(tensor: torch.Tensor) -> torch.Tensor:
        if tensor.untyped_storage().data_ptr() not in weights:
            kept[tensor.untyped_storage().data_ptr()] = tensor  # holding it keeps its place taken
        return tensor

    tokens = torch.randint(config.vocab_size, (batch_size, config.context_length))
    short = torch.autocast("cpu", torch.bfloat16) if precision == "bfloat16" else contextlib.nullcontext()
    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor), short:
        next_token_loss(model(tokens), tokens)
    return sum(tensor.untyped_storage().nbytes() for tensor in kept.values())


@pytest.mark.parametrize("precision", LOGIT_BYTES)
@pytest.mark.parametrize("config", SIZES)
@pytest.mark.parametrize("form", FORMS)
def test_a_text_keeps_what_pytorch_keeps_for_it(form: str, config: GPTConfig, precision: str) -> None:
    model = FORMS[form](config)
    two, four = (kept_bytes(model, size, config, precision) for size in (2, 4))
    # One score of each is kept, the others are there only when the way back begins.
    passing = (LOGIT_BYTES[precision] - 4) * config.vocab_size * config.context_length
    predicted = training_memory(config, form, "adamw", precision).per_sequence - passing
    assert (four - two) / 2 == predicted


@pytest.mark.parametrize("form", FORMS)
def test_parameters_are_counted_as_the_modules_have_them(form: str) -> None:
    for config in (*SIZES, GPTConfig()):
        with torch.device("meta"):
            model = FORMS[form](config)
        assert sum(parameter.numel() for parameter in model.parameters()) == parameter_count(config, form)
        matrices = [p for name, p in model.named_parameters() if name.startswith("blocks.") and p.ndim == 2]
        assert sum(matrix.numel() for matrix in matrices) == matrix_count(config)


@pytest.mark.parametrize("optimizer", ["muon", "adamw"])
def test_the_optimizer_remembers_as_much_as_its_state_holds(optimizer: str) -> None:
    config = SIZES[0]
    model = ModernGPT(config)
    groups = muon_groups(model, 0.02, 0.01)
    stepper = MuonAdamW(groups if optimizer == "muon" else [{"params": model.parameters()}])
    tokens = torch.randint(config.vocab_size, (2, 8))
    next_token_loss(model(tokens), tokens).backward()
    stepper.step()
    state = [value for memory in stepper.state.values() for value in memory.values() if torch.is_tensor(value)]
    held = sum(tensor.nbytes for tensor in state if tensor.ndim)
    memory = training_memory(config, "modern", optimizer, "float32")
    assert held == memory.optimizer
    assert memory.gradients == sum(parameter.grad.nbytes for parameter in model.parameters())
    assert memory.weights == memory.gradients


@pytest.mark.parametrize("gigabytes", [8, 16, 24, 80])
@pytest.mark.parametrize("batch_size", [512, 64, 24, 3])
def test_the_parts_of_a_batch_make_up_the_whole_on_every_card(gigabytes: int, batch_size: int) -> None:
    memory = training_memory(GPTConfig(), "modern", "muon", "bfloat16")
    part = sequences_at_once(memory, batch_size, gigabytes * 10**9)
    assert batch_size % part == 0
    assert memory.total(part) <= gigabytes * 10**9
    assert part == batch_size or memory.total(2 * part) > 0.85 * gigabytes * 10**9 or part == 1


def test_more_memory_takes_more_texts_at_once() -> None:
    memory = training_memory(GPTConfig(), "modern", "muon", "bfloat16")
    parts = [sequences_at_once(memory, 512, gigabytes * 10**9) for gigabytes in (8, 16, 24, 80)]
    assert parts == sorted(set(parts))


def test_a_model_too_large_for_one_text_is_refused() -> None:
    memory = TrainingMemory(weights=10**9, gradients=10**9, optimizer=10**9, per_sequence=10**9)
    assert sequences_at_once(memory, 8, 5 * 10**9) == 1
    with pytest.raises(ValueError, match=r"one text at a time takes 4\.0 GB, and 4 GB are there: halve context_length"):
        sequences_at_once(memory, 8, 4 * 10**9)


@pytest.mark.parametrize(
    ("num_layers", "num_heads", "model_dim", "parameters"),
    [
        (12, 12, 768, 124_439_808),
        (24, 16, 1024, 354_823_168),
        (36, 20, 1280, 774_030_080),
        (48, 25, 1600, 1_557_611_200),
    ],
)
def test_the_four_sizes_of_gpt2_have_their_parameters_term_by_term(
    num_layers: int, num_heads: int, model_dim: int, parameters: int
) -> None:
    config = GPTConfig(num_layers=num_layers, num_heads=num_heads, model_dim=model_dim, mlp_dim=4 * model_dim)
    with torch.device("meta"):  # shapes without memory
        model = GPT(config)
    assert sum(parameter.numel() for parameter in model.parameters()) == parameters
    assert sum(term.count for term in parameter_terms(config)) == parameters


def test_each_term_counts_its_part_of_the_model() -> None:
    model = GPT(SMALL)
    blocks = [block for block in model.blocks if hasattr(block, "attention")]
    parts = {
        "token embedding": [model.token_embedding],
        "position embedding": [model.position_embedding],
        "layer norm before attention": [block.attention_norm for block in blocks],
        "queries, keys, values": [block.attention.query_key_value for block in blocks],
        "attention output": [block.attention.output for block in blocks],
        "layer norm before MLP": [block.mlp_norm for block in blocks],
        "MLP, first layer": [block.mlp.hidden for block in blocks],
        "MLP, second layer": [block.mlp.output for block in blocks],
        "final layer norm": [model.final_norm],
        "prediction": [],
    }
    counted = {
        name: sum(parameter.numel() for module in modules for parameter in module.parameters())
        for name, modules in parts.items()
    }
    assert {term.name: term.count for term in parameter_terms(SMALL)} == counted


def test_each_formula_gives_its_count() -> None:
    letters = {"V": 27, "C": 8, "L": 3, "D": 16, "F": 40}
    for term in parameter_terms(SMALL):
        formula = term.formula.replace("²", "**2")
        for product in ("DF", "FD"):
            formula = formula.replace(product, "*".join(product))
        for number in "23":
            for letter in "DV":
                formula = formula.replace(number + letter, f"{number}*{letter}")
        assert eval(formula.replace("·", "*"), letters) == term.count


@pytest.mark.parametrize("form", FORMS)
def test_the_operations_are_those_that_pytorch_counts_there_and_back(form: str) -> None:
    model = FORMS[form](COUNTED)
    tokens = torch.randint(40, (2, 24))
    forward, both = FlopCounterMode(display=False), FlopCounterMode(display=False)
    with sdpa_kernel(SDPBackend.MATH):  # the fused kernels compute some products twice
        with forward:
            model(tokens)
        with both:
            next_token_loss(model(tokens), tokens).backward()
    assert forward.get_total_flops() == forward_flops(COUNTED) * tokens.numel()
    assert both.get_total_flops() == flops_per_token(COUNTED) * tokens.numel()


def test_the_rule_of_thumb_is_right_for_a_layer_and_misses_attention() -> None:
    layer = nn.Linear(64, 64, bias=False)
    counter = FlopCounterMode(display=False)
    with counter:
        layer(torch.randn(10, 64, requires_grad=True)).sum().backward()
    assert counter.get_total_flops() == 6 * 64 * 64 * 10
    assert rule_of_thumb(GPTConfig()) == 6 * 12 * 12 * 768**2, "no table is in Kaplan's N"
    positions = 1_024 * 768  # the only table of GPT-2 that is never multiplied
    norms_and_biases = 12 * (2 * 2 * 768 + 3 * 768 + 768 + 3_072 + 768) + 2 * 768
    attention = 12 * 12 * 1_024 * 768
    assert flops_per_token(GPTConfig()) == 6 * (124_439_808 - positions - norms_and_biases) + attention
