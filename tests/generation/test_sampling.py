"""Sampling: the tokens kept are those of transformers, and the cache changes none that is written."""

from typing import Any

import pytest
import torch
from apple_gpu import apple_gpu
from ties import agree_but_for_ties
from torch import Tensor

from gptbook.data.bpe import BytePairTokenizer
from gptbook.data.tokenizer import CharacterTokenizer
from gptbook.generation.generate import generate_tokens
from gptbook.generation.sampling import (
    at_temperature,
    choose_token,
    keep_top_k,
    keep_top_p,
    shaped_scores,
    stream_text,
    stream_tokens,
)
from gptbook.models.gpt import GPT, GPTConfig
from gptbook.models.modern import ModernGPT

NO_TOKENS = torch.zeros(1, 0, dtype=torch.long)


def scores(ties: bool = False) -> Tensor:
    """Scores for 40 situations and 60 tokens; with ties only seven different ones occur."""
    drawn = torch.randn(40, 60, generator=torch.Generator().manual_seed(0)).double() * 3
    return drawn.clamp(-3, 3).round() if ties else drawn


def lively(form: type[GPT] | type[ModernGPT], context_length: int = 320) -> GPT | ModernGPT:
    """A small model whose likeliest token depends on all that it has read."""
    config = GPTConfig(
        vocab_size=50, context_length=context_length, num_layers=2, num_heads=2, model_dim=16, mlp_dim=32
    )
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = form(config)
        for parameter in model.parameters():
            torch.nn.init.normal_(parameter, std=0.5)
        if isinstance(model, GPT):  # or it soon goes round in circles
            torch.nn.init.normal_(model.position_embedding.weight, std=2)
    return model.eval()


@pytest.mark.parametrize("temperature", [0.1, 0.7, 1.0, 3.0])
def test_temperature_gives_the_probabilities_of_transformers(temperature: float, transformers: Any) -> None:
    theirs = transformers.TemperatureLogitsWarper(temperature)(NO_TOKENS, scores())
    ours = at_temperature(scores(), temperature)
    torch.testing.assert_close(ours.softmax(-1), theirs.softmax(-1), rtol=1e-12, atol=0)
    assert (ours.amax(-1) == 0).all()


@pytest.mark.parametrize("ties", [False, True])
@pytest.mark.parametrize("top_k", [1, 2, 10, 60, 1000])
def test_top_k_keeps_what_transformers_keeps(top_k: int, ties: bool, transformers: Any) -> None:
    given = scores(ties)
    assert torch.equal(keep_top_k(given, top_k), transformers.TopKLogitsWarper(top_k)(NO_TOKENS, given))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("top_p", [0.0, 0.01, 0.5, 0.9, 0.999, 1.0])
def test_top_p_keeps_what_transformers_keeps(top_p: float, dtype: torch.dtype, transformers: Any) -> None:
    given = scores().to(dtype)
    assert torch.equal(keep_top_p(given, top_p), transformers.TopPLogitsWarper(top_p)(NO_TOKENS, given))


@pytest.mark.parametrize("top_p", [0.0, 0.01, 0.5, 0.9, 0.999, 1.0])
def test_with_ties_top_p_keeps_as_many_as_likely_as_transformers_and_the_first_of_equals(
    top_p: float, transformers: Any
) -> None:
    """Which of equals transformers keeps is left to a sort that is not stable."""
    given = scores(ties=True)
    kept = keep_top_p(given, top_p)
    theirs = transformers.TopPLogitsWarper(top_p)(NO_TOKENS, given)
    assert torch.equal(kept.sort().values, theirs.sort().values)
    for row, row_kept in zip(given, kept > -torch.inf):
        last = row[row_kept].min()  # the score at the edge
        places = row_kept[row == last].tolist()
        assert places == sorted(places, reverse=True)
    assert (keep_top_p(given, 0.0) > -torch.inf).int().argmax(-1).equal(given.argmax(-1)), "as greedy does"


def test_the_nucleus_is_the_fewest_tokens_that_reach_p() -> None:
    given = scores()
    for top_p in (0.2, 0.5, 0.9, 0.99):
        kept = keep_top_p(given, top_p) > -torch.inf
        probabilities = given.softmax(-1)
        mass = (probabilities * kept).sum(-1)
        least_kept = torch.where(kept, probabilities, 2).amin(-1)
        assert (mass >= top_p).all()
        assert (mass - least_kept < top_p).all(), "without the least of them it is too little"
        assert (least_kept >= torch.where(kept, 0, probabilities).amax(-1)).all(), "the likeliest are kept"


def test_all_three_together_are_transformers_in_its_order(transformers: Any) -> None:
    given = scores()
    theirs = transformers.TemperatureLogitsWarper(0.7)(NO_TOKENS, given)
    for step in (transformers.TopKLogitsWarper(20), transformers.TopPLogitsWarper(0.8)):
        theirs = step(NO_TOKENS, theirs)
    ours = shaped_scores(given, 0.7, top_k=20, top_p=0.8)
    assert torch.equal(ours > -torch.inf, theirs > -torch.inf)
    torch.testing.assert_close(ours.softmax(-1), theirs.softmax(-1))


def test_greedy_is_the_first_of_the_best() -> None:
    assert choose_token(torch.tensor([1.0, 5, 5, 2]), temperature=0, top_k=2, top_p=0.5) == 1
    kept = at_temperature(torch.tensor([[1.0, 5, 5, 2], [9, 5, 5, 2]]), 0)
    assert (kept > -torch.inf).tolist() == [[False, True, False, False], [True, False, False, False]]
    given = scores()
    assert torch.equal(at_temperature(given, 1e-300).softmax(-1), at_temperature(given, 0).softmax(-1))


def test_tokens_are_drawn_as_often_as_the_shaped_scores_say() -> None:
    generator = torch.Generator().manual_seed(0)
    row = scores()[0]
    how: dict[str, Any] = {"temperature": 1.5, "top_k": 30, "top_p": 0.9}
    drawn = torch.tensor([choose_token(row, generator=generator, **how) for _ in range(4000)])
    wanted = shaped_scores(row, **how).softmax(-1)
    shares = drawn.bincount(minlength=60) / 4000
    assert (shares - wanted).abs().max() < 0.03
    assert (shares[wanted == 0] == 0).all()


@pytest.mark.parametrize("form", [GPT, ModernGPT])
def test_greedy_with_the_cache_writes_what_it_writes_without_for_300_tokens(
    form: type[GPT] | type[ModernGPT],
) -> None:
    model = lively(form)
    with_cache, without = (
        list(stream_tokens(model, [7, 3], 300, temperature=0, use_cache=use_cache)) for use_cache in (True, False)
    )
    assert len(with_cache) == 300
    assert with_cache == generate_tokens(model, [7, 3], 300, temperature=0)
    assert agree_but_for_ties(model, [7, 3], with_cache, without)
    assert len(set(with_cache)) > 5, "a model that repeats itself shows nothing"


@pytest.mark.parametrize("form", [GPT, ModernGPT])
def test_without_top_k_and_top_p_it_writes_what_generate_tokens_writes(form: type[GPT] | type[ModernGPT]) -> None:
    model = lively(form, context_length=16)  # full after 14 tokens
    for temperature in (0.0, 0.7, 1.0):
        streamed, whole = (
            list(write(model, [7, 3], 40, temperature=temperature, generator=torch.Generator().manual_seed(1)))
            for write in (stream_tokens, generate_tokens)
        )
        assert streamed == whole
    stop = whole[10]
    until = list(stream_tokens(model, [7, 3], 40, generator=torch.Generator().manual_seed(1), stop_token=stop))
    assert until == whole[: whole.index(stop)]


@pytest.mark.parametrize("use_cache", [True, False])
def test_every_token_written_is_one_of_those_kept(use_cache: bool) -> None:
    model = lively(GPT, context_length=40)
    generator = torch.Generator().manual_seed(0)
    seen = [7]
    for new in stream_tokens(model, [7], 30, top_k=3, top_p=0.9, generator=generator, use_cache=use_cache):
        kept = shaped_scores(model(torch.tensor([seen]))[0, -1], 1.0, 3, 0.9) > -torch.inf
        assert kept[new]
        assert kept.sum() <= 3
        seen.append(new)
    assert len(seen) == 31


def test_a_token_comes_as_soon_as_it_is_written() -> None:
    asked = []

    class Counted(torch.nn.Module):
        config = GPTConfig(vocab_size=3, context_length=8, num_layers=1, num_heads=1, model_dim=2, mlp_dim=2)

        def forward(self, tokens: Tensor, cache: object = None) -> Tensor:
            asked.append(tokens.tolist())
            return torch.zeros(1, tokens.shape[1], 3)

    counted = Counted()
    counted.register_parameter("any", torch.nn.Parameter(torch.zeros(1)))
    stream = stream_tokens(counted, [1], 5, temperature=0)
    assert asked == []
    next(stream)
    assert len(asked) == 1
    assert torch.is_grad_enabled(), "between tokens all is as before"
    assert not torch.is_inference_mode_enabled()


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ({"temperature": -0.5}, "temperature is -0.5: give 0 or more"),
        ({"temperature": float("nan")}, "temperature is nan"),
        ({"top_k": 0}, "top_k is 0: keep 1 token or more"),
        ({"temperature": 0, "top_k": -1}, "top_k is -1"),
        ({"top_p": 1.1}, "top_p is 1.1: give a probability, 0 to 1"),
        ({"top_p": -0.1}, "top_p is -0.1"),
        ({"top_p": float("nan")}, "top_p is nan"),
        ({"num_new": 0}, "num_new is 0: ask for 1 token"),
        ({"tokens": []}, "no token to go on from"),
        ({"tokens": [50]}, "token 50 is none of the model's"),
    ],
)
def test_what_cannot_be_is_refused_in_one_sentence(how: dict[str, Any], message: str) -> None:
    given: dict[str, Any] = {"tokens": [7], "num_new": 1, **how}
    with pytest.raises(ValueError, match=message):
        next(stream_tokens(lively(GPT, context_length=8), **given))


def test_a_model_without_numbers_is_refused() -> None:
    model = lively(GPT, context_length=8)
    torch.nn.init.constant_(model.token_embedding.weight, float("nan"))
    for temperature in (0.0, 1.0):
        with pytest.raises(ValueError, match="scores are NaN"):
            next(stream_tokens(model, [7], 1, temperature=temperature, top_k=5, top_p=0.9))


def test_streamed_text_is_the_text_and_no_letter_comes_in_halves() -> None:
    tokenizer = BytePairTokenizer.learn(["a cat"], 258)
    for text in ("a cat, naïve: 20 € 🙂🙂 ok", "ends in 🙂", "\ufffd stands for itself \ufffd", ""):
        pieces = list(stream_text(tokenizer, tokenizer.encode(text)))
        assert "".join(pieces) == text
        if "\ufffd" not in text:
            assert "\ufffd" not in "".join(pieces)
    broken = [0xE2, 0x82, 0x61, 0xFF, 0xFF, 0xF0, 0x9F]  # halves of letters
    numbers = [tokenizer.tokens.index(bytes([byte])) for byte in broken]
    assert "".join(stream_text(tokenizer, numbers)) == tokenizer.decode(numbers)
    letters = CharacterTokenizer("abc")
    assert list(stream_text(letters, [3, 1, 2])) == ["c", "a", "b"]


@pytest.mark.parametrize("choice", [{}, {"top_k": 3}, {"top_p": 0.7}, {"temperature": 0}])
def test_an_apple_gpu_which_has_no_float64_streams_the_same(choice: dict[str, Any]) -> None:
    config = GPTConfig(vocab_size=9, context_length=8, num_layers=1, num_heads=2, model_dim=8, mlp_dim=16)
    torch.manual_seed(0)
    model = ModernGPT(config).eval()
    with torch.no_grad():
        model.prediction.weight.normal_()
    here = list(stream_tokens(model, [1, 2], 12, generator=torch.Generator().manual_seed(0), **choice))
    with apple_gpu() as device:
        model.to(device)
        there = list(stream_tokens(model, [1, 2], 12, generator=torch.Generator().manual_seed(0), **choice))
        scored = shaped_scores(torch.ones(4, device=device), top_p=0.5)
    assert there == here
    assert (scored.dtype, scored.device.type) == (torch.float64, "cpu")
