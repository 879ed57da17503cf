"""The fast way to write: the same model, one row at a time."""

import pytest
import torch
import torch.nn.functional as F
from ties import agree_but_for_ties

from gptbook.attention import KVCache
from gptbook.decoding import FastDecoder, OneRowLinears, one_row_linear
from gptbook.gpt import GPT, GPTConfig
from gptbook.modern import ModernGPT
from gptbook.sampling import stream_tokens


def lively(form: type[GPT] | type[ModernGPT]) -> GPT | ModernGPT:
    """A small model whose likeliest token depends on all that it has read."""
    config = GPTConfig(vocab_size=50, context_length=300, num_layers=2, num_heads=2, model_dim=16, mlp_dim=32)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = form(config)
        for parameter in model.parameters():
            torch.nn.init.normal_(parameter, std=0.5)
        if isinstance(model, GPT):  # or it soon goes round in circles
            torch.nn.init.normal_(model.position_embedding.weight, std=2)
    return model.eval()


@pytest.mark.parametrize("bias", [None, torch.arange(5.0)])
def test_one_row_is_multiplied_as_by_pytorch(bias: torch.Tensor | None) -> None:
    x, weight = torch.randn(1, 1, 7), torch.randn(5, 7)
    torch.testing.assert_close(one_row_linear(x, weight, bias), F.linear(x, weight, bias))
    with OneRowLinears(one_row_linear):
        again = F.linear(x, weight, bias=bias)
    torch.testing.assert_close(again, F.linear(x, weight, bias))
    assert one_row_linear(x.bfloat16(), weight.bfloat16()).dtype == torch.bfloat16


@pytest.mark.parametrize("form", [GPT, ModernGPT])
def test_it_writes_the_same_260_tokens(form: type[GPT] | type[ModernGPT]) -> None:
    """The compiler itself is left out: it takes longer than all tests of this file; `make bench` has it."""
    model = lively(form)
    fast = FastDecoder(model, backend="eager")
    ours, theirs = (list(stream_tokens(each, [7, 3], 260, temperature=0)) for each in (fast, model))
    assert agree_but_for_ties(model, [7, 3], ours, theirs)
    assert len(set(ours)) > 5, "a model that repeats itself shows nothing"
    with torch.no_grad():
        cache = KVCache(2, 300)
        fast(torch.tensor([[7, 3]]), cache)
        one = fast(torch.tensor([[4]]), cache)
        torch.testing.assert_close(one[:, -1], model(torch.tensor([[7, 3, 4]]))[:, -1], rtol=1e-4, atol=1e-4)


def test_its_weights_are_the_models_own() -> None:
    model = lively(GPT)
    shared = {id(parameter) for parameter in model.parameters()}
    assert {id(parameter) for parameter in FastDecoder(model, backend="eager").parameters()} == shared
