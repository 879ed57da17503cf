"""Weights of others: the same logits as the library they come from, and one clear sentence for what cannot be."""

import json
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from gptbook.data.hub import GPT2_REVISIONS
from gptbook.exchange import pretrained
from gptbook.exchange.pretrained import load_gpt2, save_gpt2, sizes_of_tensors
from gptbook.models.gpt import GPT, GPTConfig
from gptbook.models.modern import ModernGPT

SIZES = [
    GPTConfig(vocab_size=27, context_length=8, num_layers=1, num_heads=1, model_dim=8, mlp_dim=32),
    GPTConfig(vocab_size=100, context_length=32, num_layers=3, num_heads=4, model_dim=48, mlp_dim=100),
    GPTConfig(vocab_size=300, context_length=64, num_layers=11, num_heads=2, model_dim=128, mlp_dim=512),
]
"""The last has heads of 64 numbers, as OpenAI's have, and blocks with two digits."""
LIKE_OPENAI = SIZES[-1]
Theirs = Callable[[GPTConfig], Any]


def stirred(model: nn.Module) -> nn.Module:
    """Random numbers everywhere: a norm or a bias that is forgotten would not show at 1 and 0."""
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.1 * torch.randn(parameter.shape, generator=generator))
    return model.eval()


@pytest.fixture(scope="session")
def theirs(transformers: Any) -> Theirs:
    """Makes a GPT-2 of transformers, each once: nobody changes it."""

    @cache
    def make(config: GPTConfig) -> Any:
        sizes = {key: getattr(config, ours) for key, ours in pretrained.SIZE_NAMES.items()}
        no_end = {"bos_token_id": None, "eos_token_id": None}
        torch.manual_seed(0)
        their_config = transformers.GPT2Config(**sizes, **no_end, attn_implementation="eager")
        return stirred(transformers.GPT2LMHeadModel(their_config))

    return make


def ours(config: GPTConfig) -> GPT:
    torch.manual_seed(0)
    return stirred(GPT(config))


def tokens_for(config: GPTConfig) -> Tensor:
    generator = torch.Generator().manual_seed(1)
    return torch.randint(config.vocab_size, (3, config.context_length), generator=generator)


@torch.no_grad()
def assert_same_logits(mine: GPT, other: Any) -> None:
    tokens = tokens_for(mine.config)
    logits = mine(tokens)
    assert logits.dtype == torch.float32
    assert logits.std() > 0.1
    torch.testing.assert_close(logits, other(tokens).logits, rtol=0, atol=1e-5)


def bare_tensors(model: Any) -> dict[str, Tensor]:
    """The tensors as OpenAI's file on the hub has them: no prefix, causal masks, no table to predict."""
    tensors = {name.removeprefix("transformer."): tensor.clone() for name, tensor in model.state_dict().items()}
    del tensors["lm_head.weight"]
    for layer in range(model.config.n_layer):
        tensors[f"h.{layer}.attn.bias"] = torch.ones(1, 1, 4, 4).tril()
        tensors[f"h.{layer}.attn.masked_bias"] = torch.tensor(-1e4)
    return tensors


@pytest.fixture(scope="module")
def openai_like(theirs: Theirs) -> dict[str, Tensor]:
    return bare_tensors(theirs(LIKE_OPENAI))


@pytest.mark.parametrize("config", SIZES, ids=str)
def test_a_folder_of_transformers_gives_the_same_logits_here(config: GPTConfig, tmp_path: Path, theirs: Theirs) -> None:
    other = theirs(config)
    other.save_pretrained(tmp_path)
    loaded = load_gpt2(tmp_path)
    assert loaded.config == config
    assert_same_logits(loaded, other)


@pytest.mark.parametrize("config", SIZES, ids=str)
def test_a_model_saved_here_gives_the_same_logits_in_transformers(
    config: GPTConfig, tmp_path: Path, transformers: Any
) -> None:
    model = ours(config)
    save_gpt2(model, tmp_path / "mine")
    other, report = transformers.GPT2LMHeadModel.from_pretrained(tmp_path / "mine", output_loading_info=True)
    assert not any(report.values()), report
    assert_same_logits(model, other)
    assert sorted(path.name for path in (tmp_path / "mine").iterdir()) == ["config.json", "model.safetensors"]


@torch.no_grad()
def test_each_head_looks_where_transformers_says(tmp_path: Path, theirs: Theirs) -> None:
    other = theirs(LIKE_OPENAI)
    other.save_pretrained(tmp_path)
    model = load_gpt2(tmp_path)
    tokens = tokens_for(LIKE_OPENAI)
    attentions = other(tokens, output_attentions=True).attentions
    x = model.token_embedding(tokens) + model.position_embedding.weight
    for block, expected in zip(model.blocks, attentions, strict=True):
        torch.testing.assert_close(block.attention.weights(block.attention_norm(x)), expected, rtol=0, atol=1e-5)
        x = block(x)


def test_what_is_saved_and_loaded_is_the_same_bit_for_bit(tmp_path: Path) -> None:
    model = ours(SIZES[1])
    save_gpt2(model, tmp_path)
    loaded = load_gpt2(tmp_path)
    assert loaded.config == model.config
    for name, tensor in model.state_dict().items():
        assert torch.equal(loaded.state_dict()[name], tensor)
    assert all(parameter.requires_grad and parameter.is_contiguous() for parameter in loaded.parameters())


@pytest.mark.parametrize("prefix", ["", "transformer."])
def test_a_file_alone_has_heads_of_64_with_or_without_prefix_masks_and_tied_table(
    openai_like: dict[str, Tensor], prefix: str, tmp_path: Path, theirs: Theirs
) -> None:
    file = tmp_path / "weights.safetensors"
    tensors = {prefix + name: tensor for name, tensor in openai_like.items()}
    tensors |= {"lm_head.weight": openai_like["wte.weight"].clone()} if prefix else {}
    save_file(tensors, file)
    loaded = load_gpt2(str(file))
    assert loaded.config == LIKE_OPENAI
    assert_same_logits(loaded, theirs(LIKE_OPENAI))


def test_the_four_sizes_of_openai_are_told_from_their_tensors() -> None:
    for num_layers, num_heads, model_dim in ((12, 12, 768), (24, 16, 1024), (36, 20, 1280), (48, 25, 1600)):
        config = GPTConfig(num_layers=num_layers, num_heads=num_heads, model_dim=model_dim, mlp_dim=4 * model_dim)
        with torch.device("meta"):
            model = GPT(config)
        tensors = {
            (name := pretrained.foreign_name(key)): pretrained.turned(name, tensor)
            for key, tensor in model.state_dict().items()
        }
        assert sizes_of_tensors(tensors, "a file") == config


def test_half_precision_becomes_float32(openai_like: dict[str, Tensor], tmp_path: Path) -> None:
    save_file({name: tensor.bfloat16() for name, tensor in openai_like.items()}, tmp_path / "half.safetensors")
    loaded = load_gpt2(tmp_path / "half.safetensors")
    assert {parameter.dtype for parameter in loaded.parameters()} == {torch.float32}
    torch.testing.assert_close(loaded.token_embedding.weight, openai_like["wte.weight"], rtol=0.01, atol=0.01)


def test_loading_draws_nothing_by_chance(tmp_path: Path) -> None:
    save_gpt2(ours(SIZES[0]), tmp_path)
    state = torch.random.get_rng_state()
    load_gpt2(tmp_path)
    assert torch.equal(torch.random.get_rng_state(), state)


def test_a_loaded_model_outlives_its_file_and_can_be_trained(tmp_path: Path) -> None:
    save_gpt2(ours(SIZES[0]), tmp_path)
    model = load_gpt2(tmp_path)
    (tmp_path / "model.safetensors").write_bytes(b"")
    model(tokens_for(SIZES[0])).sum().backward()
    assert all(parameter.grad is not None for parameter in model.parameters())


def without(name: str) -> Callable[[dict[str, Tensor]], Any]:
    return lambda tensors: tensors.pop(name)


def with_(name: str, *shape: int, value: float = 0.5) -> Callable[[dict[str, Tensor]], Any]:
    return lambda tensors: tensors.update({name: torch.full(shape, value)})


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (without("h.2.attn.c_proj.bias"), r"has nothing for h\.2\.attn\.c_proj\.bias, where .* has \(128,\)"),
        (with_("h.2.attn.extra", 3), r"has \(3,\) for h\.2\.attn\.extra, where .* has nothing"),
        (
            with_("h.10.mlp.c_proj.weight", 128, 512),
            r"has \(128, 512\) for h\.10\.mlp\.c_proj\.weight, where .* has \(512, 128\)",
        ),
        (with_("h.3.ln_1.weight", 128, value=float("nan")), r"h\.3\.ln_1\.weight in .* holds NaN or infinity"),
        (with_("wte.weight", 300, 128, value=float("-inf")), r"wte\.weight in .* holds NaN or infinity"),
        (with_("lm_head.weight", 300, 128), r"predicts with a table of its own, lm_head\.weight"),
        (without("wte.weight"), r"has no table wte\.weight"),
        (with_("wpe.weight", 64), r"has no table wpe\.weight"),
        (with_("transformer.ln_f.bias", 128), r"holds ln_f\.bias twice"),
        (with_("wte.weight", 300, 100), r"how many heads .* model_dim \(100\) is not a multiple of 64: put its config"),
        (
            lambda tensors: tensors.update({"ln_f.bias": torch.zeros(128, dtype=torch.int8)}),
            r"ln_f\.bias in .* holds int8",
        ),
    ],
)
def test_weights_that_are_not_one_gpt2_are_refused_by_name(
    openai_like: dict[str, Tensor], change: Callable[[dict[str, Tensor]], Any], message: str, tmp_path: Path
) -> None:
    tensors = dict(openai_like)
    change(tensors)
    save_file(tensors, tmp_path / "weights.safetensors")
    with pytest.raises(ValueError, match=message):
        load_gpt2(tmp_path / "weights.safetensors")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"n_head": None}, r"config\.json states no n_head"),
        ({"n_head": "many"}, "states no n_head"),
        ({"n_head": 5}, "multiple of num_heads"),
        ({"n_layer": 4}, r"has nothing for h\.3\.ln_1\.weight, where .* has \(48,\)"),
        ({"vocab_size": 99}, r"has \(100, 48\) for wte\.weight, where .* has \(99, 48\)"),
        ({"model_type": "llama"}, 'model_type = "llama", but GPT-2 has "gpt2"'),
        ({"activation_function": "relu"}, 'activation_function = "relu"'),
        ({"scale_attn_by_inverse_layer_idx": True}, "scale_attn_by_inverse_layer_idx = true"),
    ],
)
def test_a_configuration_that_does_not_fit_is_refused(changes: dict[str, Any], message: str, tmp_path: Path) -> None:
    save_gpt2(ours(SIZES[1]), tmp_path)
    config = tmp_path / "config.json"
    stated = json.loads(config.read_text()) | changes
    config.write_text(json.dumps({key: value for key, value in stated.items() if value is not None}))
    with pytest.raises(ValueError, match=message):
        load_gpt2(tmp_path)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("model.safetensors", b"PK\x03\x04 a pickle, perhaps", "is not a safetensors file, or was cut short"),
        ("model.safetensors", None, r"there is no file .*model\.safetensors: give a safetensors file, a folder"),
        ("config.json", None, r"there is no file .*config\.json"),
        ("config.json", b"{", r"config\.json is not a JSON object"),
        ("config.json", b"\xff\xfe", r"config\.json is not a JSON object"),
        ("config.json", b"[]", r"config\.json is not a JSON object"),
    ],
)
def test_a_damaged_folder_is_refused(name: str, content: bytes | None, message: str, tmp_path: Path) -> None:
    save_gpt2(ours(SIZES[0]), tmp_path)
    if content is None:
        (tmp_path / name).unlink()
    else:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(ValueError, match=message):
        load_gpt2(tmp_path)


def test_a_file_that_was_cut_short_is_refused(tmp_path: Path) -> None:
    save_gpt2(ours(SIZES[0]), tmp_path)
    weights = tmp_path / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-100])
    with pytest.raises(ValueError, match="is not a safetensors file, or was cut short"):
        load_gpt2(weights)


def test_an_unknown_source_is_told_which_there_are(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"there is no file gpt3: give .*, or gpt2, gpt2-medium, gpt2-large, gpt2-xl"):
        load_gpt2("gpt3")


def test_saving_replaces_what_it_saved_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    for config in (SIZES[0], SIZES[0], SIZES[1]):
        save_gpt2(ours(config), tmp_path)
        assert load_gpt2(tmp_path).config == config
    assert (tmp_path / "notes.txt").read_text() == "mine"
    for name in ("config.json", "model.safetensors"):
        other = tmp_path / f"with {name}"
        other.mkdir()
        (other / name).write_bytes(b"")
        with pytest.raises(ValueError, match="holds a model that gptbook did not save"):
            save_gpt2(ours(SIZES[0]), other)
        assert [path.name for path in other.iterdir()] == [name]


def test_a_crash_while_saving_leaves_no_sizes_beside_weights_of_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save_gpt2(ours(SIZES[0]), tmp_path)
    before = (tmp_path / "model.safetensors").read_bytes()

    def full(path: Path, content: bytes) -> None:
        if path.name == "model.safetensors":
            raise OSError(28, "No space left on device")
        path.write_bytes(content)

    monkeypatch.setattr("gptbook.exchange.weight_files.write_whole", full)
    with pytest.raises(OSError, match="No space"):
        save_gpt2(ours(SIZES[0]), tmp_path)
    assert (tmp_path / "model.safetensors").read_bytes() == before
    with pytest.raises(OSError, match="No space"):
        save_gpt2(ours(SIZES[1]), tmp_path)
    with pytest.raises(ValueError, match=r"there is no file .*model\.safetensors"):
        load_gpt2(tmp_path)


def test_a_model_that_is_no_gpt2_or_has_a_nan_is_not_saved(tmp_path: Path) -> None:
    modern = ModernGPT(SIZES[0])
    with pytest.raises(ValueError, match="a ModernGPT is no GPT-2"):
        save_gpt2(modern, tmp_path / "modern")  # type: ignore[arg-type]
    broken = ours(SIZES[0])
    nn.init.constant_(broken.blocks[0].mlp.hidden.bias, float("nan"))
    with pytest.raises(ValueError, match=r"h\.0\.mlp\.c_fc\.bias in the model holds NaN"):
        save_gpt2(broken, tmp_path / "broken")
    assert not list(tmp_path.iterdir())


def test_a_name_means_openais_weights_at_a_pinned_commit(
    openai_like: dict[str, Tensor], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, theirs: Theirs
) -> None:
    save_file(openai_like, tmp_path / "model.safetensors")
    asked: list[tuple[str | None, ...]] = []

    def fetch(*wanted: str | None) -> Path:
        asked.append(wanted)
        return tmp_path / "model.safetensors"

    monkeypatch.setattr(pretrained, "fetch_from_hub", fetch)
    monkeypatch.chdir(tmp_path)
    for name in ("gpt2", "gpt2-medium", "gpt2-large", "gpt2-xl"):
        assert_same_logits(load_gpt2(name, endpoint="an address"), theirs(LIKE_OPENAI))
        revision, sha256 = GPT2_REVISIONS[name]
        assert asked[-1] == (f"openai-community/{name}", "model.safetensors", revision, sha256, "an address")
        assert len(revision) == 40
        assert sha256 is None or len(sha256) == 64
    assert len({row[2] for row in asked}) == 4


def test_a_path_that_exists_goes_before_a_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    save_gpt2(ours(SIZES[0]), tmp_path / "gpt2")
    assert load_gpt2("gpt2").config == SIZES[0]
