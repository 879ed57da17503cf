"""How much memory training takes: counted against what PyTorch keeps."""

import contextlib

import pytest
import torch

from gptbook.models.gpt import GPT, GPTConfig
from gptbook.models.modern import ModernGPT
from gptbook.models.sizes import (
    LOGIT_BYTES,
    TrainingMemory,
    matrix_count,
    parameter_count,
    sequences_at_once,
    training_memory,
)
from gptbook.training.loss import next_token_loss
from gptbook.training.optim import MuonAdamW, muon_groups

FORMS = {"gpt-2": GPT, "modern": ModernGPT}
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
