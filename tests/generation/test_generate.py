"""Writing: by the model's probabilities, from a seed, to the end mark; the same with a cache and without."""

import pytest
import torch
from apple_gpu import apple_gpu
from ties import agree_but_for_ties
from torch import Tensor, nn

from gptbook.data.tokenizer import CharacterTokenizer
from gptbook.generation.generate import generate_name, generate_tokens, share_new
from gptbook.models.attention import KVCache
from gptbook.models.gpt import GPT, GPTConfig
from gptbook.models.modern import ModernGPT
from gptbook.models.ngram import NgramCounts, NgramNet, context_windows

TOKENIZER = CharacterTokenizer("abc")


class Script:
    """A model that is certain: after each context it wants the token that its table says."""

    def __init__(self, table: dict[tuple[int, ...], int]) -> None:
        self.table = table
        self.asked: list[tuple[int, ...]] = []

    def probabilities(self, contexts: Tensor) -> Tensor:
        rows = [tuple(context) for context in contexts.tolist()]
        self.asked += rows
        return torch.nn.functional.one_hot(torch.tensor([self.table[row] for row in rows]), 4).double()


def seed(number: int) -> torch.Generator:
    return torch.Generator().manual_seed(number)


def test_the_model_reads_its_own_letters_until_the_mark() -> None:
    model = Script({(0, 0): 3, (0, 3): 1, (3, 1): 2, (1, 2): 0})
    assert generate_name(model, TOKENIZER, 2, seed(0)) == "cab"
    assert model.asked == [(0, 0), (0, 3), (3, 1), (1, 2)]


def test_a_start_is_kept_and_read() -> None:
    model = Script({(1, 1): 2, (1, 2): 0})
    assert generate_name(model, TOKENIZER, 2, seed(0), start="caa") == "caab"
    assert model.asked[0] == (1, 1)


def test_a_name_without_end_is_cut_at_max_letters() -> None:
    model = Script({(0,): 1, (1,): 1})
    assert generate_name(model, TOKENIZER, 1, seed(0), max_letters=7) == "a" * 7
    assert generate_name(model, TOKENIZER, 1, seed(0), start="b" * 9, max_letters=7) == "b" * 9


def test_a_model_without_context_can_write() -> None:
    names = ["abc", "cab", "bc"]
    model = NgramCounts(0, 4).fit(*context_windows(names, TOKENIZER, 0))
    assert set(generate_name(model, TOKENIZER, 0, seed(3))) <= set("abc")


def test_the_same_seed_writes_the_same_names_whatever_else_happens() -> None:
    torch.manual_seed(0)
    net = NgramNet(4, 2)

    def written() -> list[str]:
        generator = seed(1)
        return [generate_name(net, TOKENIZER, 2, generator) for _ in range(20)]

    first = written()
    torch.manual_seed(99)
    torch.rand(5)
    assert written() == first
    assert len(set(first)) > 5
    state = torch.random.get_rng_state()
    written()
    assert torch.equal(torch.random.get_rng_state(), state), "it draws from its own generator only"


def test_letters_are_drawn_as_often_as_they_are_probable() -> None:
    names = ["a"] * 6 + ["b"] * 3 + ["c"]
    model = NgramCounts(1, 4).fit(*context_windows(names, TOKENIZER, 1))
    generator = seed(0)
    first = [generate_name(model, TOKENIZER, 1, generator, max_letters=1) for _ in range(4000)]
    shares = [first.count(letter) / 4000 for letter in ("", "a", "b", "c")]
    assert shares == pytest.approx(model.probabilities(torch.tensor([[0]]))[0].tolist(), abs=0.03)


def test_a_start_outside_the_alphabet_is_refused() -> None:
    with pytest.raises(ValueError, match='"ü", character 2 of "cü", is not in the alphabet "abc"'):
        generate_name(Script({}), TOKENIZER, 1, seed(0), start="cü")


def test_the_share_of_new_names_counts_samples() -> None:
    assert share_new(["ulm", "ulm", "bonn", "x"], ["ulm", "paris"]) == 0.5
    assert share_new(["ulm"], ["ulm"]) == 0
    assert share_new(["ulm"], []) == 1
    with pytest.raises(ValueError, match="no samples"):
        share_new([], ["ulm"])


def lively(model_class: type[GPT] | type[ModernGPT], context_length: int = 300) -> GPT | ModernGPT:
    """A small model with random numbers large enough that what it writes depends on all that it reads."""
    config = GPTConfig(
        vocab_size=50, context_length=context_length, num_layers=2, num_heads=2, model_dim=32, mlp_dim=64
    )
    torch.manual_seed(0)
    model = model_class(config)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if "norm" not in name:
                parameter.normal_(std=1.0 if "position" in name else 0.4)
    return model


class Recorder(nn.Module):
    """Passes on to a model, and notes how many tokens each call computes."""

    def __init__(self, model: GPT | ModernGPT) -> None:
        super().__init__()
        self.model, self.config = model, model.config
        self.calls: list[int] = []

    def forward(self, tokens: Tensor, cache: KVCache | None = None) -> Tensor:
        self.calls.append(tokens.shape[1])
        return self.model(tokens, cache)


@pytest.mark.parametrize("model_class", [GPT, ModernGPT])
@pytest.mark.parametrize("context_length", [300, 100], ids=["in the context", "past its end"])
def test_cached_and_uncached_greedy_give_the_same_256_tokens(
    model_class: type[GPT] | type[ModernGPT], context_length: int
) -> None:
    model = lively(model_class, context_length)
    cached, plain = (
        generate_tokens(model, [7, 1, 3], 256, temperature=0, use_cache=use_cache) for use_cache in (True, False)
    )
    assert agree_but_for_ties(model, [7, 1, 3], cached, plain)
    assert len(cached) == 256
    assert len(set(cached)) > 3, "a model that repeats itself would hide a difference"


def test_cached_and_uncached_draw_the_same_tokens_from_a_seed() -> None:
    model = lively(ModernGPT)
    cached, plain = (
        generate_tokens(model, [7], 100, generator=seed(1), use_cache=use_cache) for use_cache in (True, False)
    )
    assert cached == plain
    assert generate_tokens(model, [7], 100, generator=seed(2)) != plain


def test_with_the_cache_only_the_new_token_is_computed_until_the_context_is_full() -> None:
    recorder = Recorder(lively(GPT, context_length=8))
    generate_tokens(recorder, [7, 1, 3], 8)
    assert recorder.calls == [3, 1, 1, 1, 1, 1, 8, 8]
    recorder.calls.clear()
    generate_tokens(recorder, [7, 1, 3], 8, use_cache=False)
    assert recorder.calls == [3, 4, 5, 6, 7, 8, 8, 8]


def test_past_the_context_the_model_reads_the_last_tokens() -> None:
    model = lively(GPT, context_length=8)
    written = [7, *generate_tokens(model, [7], 20, temperature=0)]
    for end in range(9, 21):
        assert int(model(torch.tensor([written[end - 8 : end]]))[0, -1].argmax()) == written[end]


def test_it_stops_before_the_stop_token() -> None:
    model = lively(GPT)
    written = generate_tokens(model, [7], 50, temperature=0)
    stop = written[10]
    assert generate_tokens(model, [7], 50, temperature=0, stop_token=stop) == written[: written.index(stop)]


def test_tokens_are_drawn_as_often_as_the_model_at_that_temperature_says() -> None:
    model = lively(GPT)
    for temperature in (0.5, 2.0):
        generator = seed(0)
        drawn = [generate_tokens(model, [7], 1, temperature=temperature, generator=generator)[0] for _ in range(1000)]
        probabilities = (model(torch.tensor([[7]]))[0, -1] / temperature).softmax(dim=-1)
        shares = torch.tensor(drawn).bincount(minlength=50) / 1000
        assert (shares - probabilities).abs().max() < 0.05
    greedy = generate_tokens(model, [7], 20, temperature=0)
    assert generate_tokens(model, [7], 20, temperature=1e-300, generator=seed(0)) == greedy


def test_writing_leaves_the_models_gradients_and_the_global_generator_alone() -> None:
    model = lively(GPT)
    state = torch.random.get_rng_state()
    generate_tokens(model, [7], 5, generator=seed(0))
    assert torch.equal(torch.random.get_rng_state(), state)
    assert all(parameter.grad is None for parameter in model.parameters())


@pytest.mark.parametrize(
    ("tokens", "num_new", "temperature", "message"),
    [
        ([], 1, 1.0, "no token to go on from"),
        ([7], 0, 1.0, "num_new is 0: ask for 1"),
        ([7], 1, -0.5, "temperature is -0.5: give 0 or more"),
        ([7], 1, float("nan"), "temperature is nan"),
        ([7] * 9, 1, 1.0, "9 tokens do not fit into a context of 8: give the last ones only"),
        ([7, 50], 1, 1.0, "token 50 is none of the model's, 0 to 49: take the tokenizer"),
        ([-1], 1, 1.0, "token -1 is none"),
    ],
)
def test_what_cannot_be_is_refused_in_one_sentence(
    tokens: list[int], num_new: int, temperature: float, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        generate_tokens(lively(GPT, context_length=8), tokens, num_new, temperature=temperature)


def test_a_model_without_numbers_is_refused() -> None:
    model = lively(GPT)
    nn.init.constant_(model.token_embedding.weight, float("nan"))
    with pytest.raises(ValueError, match="scores are NaN"):
        generate_tokens(model, [7], 1)


@pytest.mark.parametrize("form", [GPT, ModernGPT])
@pytest.mark.parametrize("use_cache", [True, False])
def test_an_apple_gpu_which_has_no_float64_writes_the_same(form: type[GPT | ModernGPT], use_cache: bool) -> None:
    config = GPTConfig(vocab_size=9, context_length=8, num_layers=1, num_heads=2, model_dim=8, mlp_dim=16)
    torch.manual_seed(0)
    model = form(config).eval()

    def written(temperature: float) -> list[int]:
        luck = seed(0)
        return generate_tokens(model, [1, 2], 12, temperature=temperature, generator=luck, use_cache=use_cache)

    here = [written(0), written(1.0)]
    with apple_gpu() as device:
        with pytest.raises(TypeError, match="float64"):
            torch.ones(1, device=device).double()
        assert next(model.to(device).parameters()).device.type == "mps"
        assert [written(0), written(1.0)] == here


@torch.no_grad()
def test_the_cache_changes_scores_by_rounding_which_is_far_coarser_in_bfloat16() -> None:
    config = GPTConfig(vocab_size=50, context_length=32, num_layers=3, num_heads=2, model_dim=32, mlp_dim=64)
    differences = dict.fromkeys([torch.float32, torch.bfloat16], 0.0)
    for number in range(5):
        torch.manual_seed(number)
        model = GPT(config).eval()
        tokens = torch.randint(50, (1, 32))
        for dtype in differences:
            model.to(dtype)
            cache = KVCache(config.num_layers, config.context_length)
            grown = [model(tokens[:, place : place + 1], cache) for place in range(32)]
            whole = model(tokens)
            difference = (torch.cat(grown, dim=1) - whole).abs().max() / whole.abs().max()
            differences[dtype] = max(differences[dtype], difference.item())
    assert differences[torch.float32] < 1e-5
    # A processor without bfloat16 products rounds both ways alike; elsewhere the two differ far more than in float32.
    coarse = differences[torch.bfloat16]
    assert coarse == 0 or 100 * differences[torch.float32] < coarse < 0.1
